"""What every method works on: the distinct rewards, their probabilities, their integer keys."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from alignment_fast.memoryless._keys import Keys, keys_of


@dataclass(frozen=True)
class Letters:
    """Letters of equal reward merged: the law of a sum of rewards depends on no more.

    Parameters
    ----------
    p : array (J,)
        Probabilities of the distinct rewards.
    keys : Keys
        The rewards.

    """

    p: np.ndarray
    keys: Keys

    @classmethod
    def merged(cls, p, reward):
        """Return the letters with probabilities `p` > 0 and rewards `reward`."""
        keys = keys_of(reward)
        return cls(np.bincount(keys.group_of, weights=p), keys)

    @property
    def reward(self):
        """The distinct rewards, ascending."""
        return self.keys.reward


class Summary(NamedTuple):
    """Best-of-n over sums, without what depends on the aligned policy.

    Parameters
    ----------
    expected_reward, reward_variance, kl : float
        As in `BestOfNLaw`.
    marginal : array (J,)
        Token marginal of the distinct rewards.
    error_bound : float
        Absolute error of `expected_reward`.

    """

    expected_reward: float
    reward_variance: float
    kl: float
    marginal: np.ndarray
    error_bound: float
