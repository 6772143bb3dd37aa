"""What the operations of this family take: data only."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class LetterRows:
    """Rows of weighted letters as a kernel reads them.

    Parameters
    ----------
    weights, rewards : array (count or 1, V)
        C-contiguous, of one dtype (float32 or float64). An operand that the kinds do not read repeats the other one.
    weight_kind, reward_kind : int
        How to read them: the constants ``WEIGHT_*`` and ``REWARD_*`` of the operations.
    count : int
        Number of rows.
    normalize : bool
        Whether the distribution behind the rewards (kinds other than REWARD_GIVEN) is normalised.

    """

    weights: np.ndarray
    weight_kind: int
    rewards: np.ndarray
    reward_kind: int
    count: int
    normalize: bool = True

    def take(self, index):
        """Return the rows `index` (ascending, without repeats) alone; an operand shared by all rows stays shared."""
        if len(index) == self.count:
            return self

        def pick(array):
            return array if array.shape[0] == 1 else array[index]

        return replace(self, weights=pick(self.weights), rewards=pick(self.rewards), count=len(index))


class TiltFields(NamedTuple):
    """Divergence from the weights, mean and variance of the reward and log-MGF of tilts, each (count, T)."""

    kl: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    log_mgf: np.ndarray
