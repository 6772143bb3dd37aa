"""A memoryless model with the divergence that best-of-n is given, and the exact laws of its sums of rewards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from alignment_fast.best_of_n import BestOfN
from alignment_fast.memoryless import MemorylessModel
from alignment_fast.policy import TiltedPolicy

__all__ = ["TERNARY", "Setting", "SumLaw", "failures", "just_above", "log_best_at_least"]

# A sum within this part of its size of a level is at the level: sums are rounded.
SAME = 1e-11
# Below exp(-37), -log(1 - x) is x to the last bit.
TINY = -37.0


@dataclass(frozen=True)
class Setting:
    """Letters, a reward for each, and best-of-n with n = exp(m `delta`) over sequences of m of them.

    Parameters
    ----------
    p : array (V,)
        Reference distribution of a letter.
    reward : array (V,)
        Reward of a letter.
    delta : float
        Divergence per token, nats; between 0 and `model.delta_max`.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.reproduce.asymptotics import Setting
    >>> coin = Setting(np.array([0.5, 0.5]), np.array([0.0, 1.0]), delta=0.1)
    >>> coin.policy.pi.round(6)
    array([0.280205, 0.719795])
    >>> np.exp(coin.sums(2).log_pmf).round(6)
    array([0.25, 0.5 , 0.25])

    """

    p: np.ndarray
    reward: np.ndarray
    delta: float

    @cached_property
    def model(self) -> MemorylessModel:
        """The memoryless model."""
        return MemorylessModel(self.p, reward=self.reward)

    @cached_property
    def policy(self) -> TiltedPolicy:
        """The aligned policy of divergence `delta` per token."""
        return self.model.aligned(self.delta)

    @property
    def typical(self) -> float:
        """The level of minus the reward per token that the aligned policy and best-of-n concentrate at."""
        return -float(self.policy.expected_reward)

    def sums(self, m: int) -> SumLaw:
        """Return the exact law of the sum of m rewards under the reference."""
        law = self.model.reward_law(m)
        return SumLaw(law.support, law.log_pmf)


@dataclass(frozen=True)
class SumLaw:
    """A law of sums of rewards.

    Parameters
    ----------
    support, log_pmf : array (S,)
        Sums, ascending, and the logarithms of their probabilities.

    """

    support: np.ndarray
    log_pmf: np.ndarray

    @cached_property
    def _log_upper(self):
        return np.append(np.logaddexp.accumulate(self.log_pmf[::-1])[::-1], -np.inf)

    @cached_property
    def _log_lower(self):
        return np.insert(np.logaddexp.accumulate(self.log_pmf), 0, -np.inf)

    def log_at_least(self, level: float) -> float:
        """Return log P(S >= level)."""
        return float(self._log_upper[np.searchsorted(self.support, level - SAME * abs(level))])

    def log_more_than(self, level: float) -> float:
        """Return log P(S > level)."""
        return float(self._log_upper[np.searchsorted(self.support, just_above(level), side="right")])

    def log_at_most(self, level: float) -> float:
        """Return log P(S <= level)."""
        return float(self._log_lower[np.searchsorted(self.support, just_above(level), side="right")])

    def tilted(self, alpha: float) -> SumLaw:
        """Return the law of the sum of letters tilted by `alpha`."""
        exponent = self.log_pmf + alpha * self.support
        return SumLaw(self.support, exponent - np.logaddexp.reduce(exponent))

    def log_best_of_n(self, log_n: float) -> np.ndarray:
        """Return the logarithms of the probabilities that best-of-n has."""
        return BestOfN(self.log_pmf, self.support, log=True).log_pmf(log_n=log_n)

    def nearest(self, sums: np.ndarray) -> np.ndarray:
        """Return the indices of the `sums` in the support, up to rounding."""
        right = np.clip(np.searchsorted(self.support, sums), 1, len(self.support) - 1)
        return np.where(sums - self.support[right - 1] < self.support[right] - sums, right - 1, right)


def just_above(level: float) -> float:
    """Return a number above every sum that is at `level`, and below every other one that is above it."""
    return level + SAME * abs(level)


def log_best_at_least(log_tail: float, log_n: float) -> float:
    """Return log P(best-of-n >= level) = log(1 - (1 - Q)^n) where log Q = `log_tail` for one draw."""
    if log_tail == 0:
        return 0.0
    log_failure = log_n + (log_tail if log_tail < TINY else math.log(-_log1mexp(log_tail)))
    return log_failure if log_failure < TINY else _log1mexp(-math.exp(log_failure))


def failures(log_below: float, log_above: float, log_n: float) -> float:
    """Return -log P(best-of-n <= level) = -n log P(S <= level), from that of one draw and from log P(S > level)."""
    exponent = -log_below if log_below < -1 else -math.log1p(-math.exp(log_above))
    return math.exp(log_n) * exponent


def _log1mexp(x: float) -> float:
    """Return log(1 - e^x) for x < 0; of the two forms each loses digits where the other does not."""
    return math.log(-math.expm1(x)) if x > -math.log(2) else math.log1p(-math.exp(x))


# Example 1 of the paper: its letters, and the divergence of the caption of Figure 1.
_P = (Fraction(1, 5), Fraction(3, 10), Fraction(1, 2))
_Q = (Fraction(2, 3), Fraction(1, 9), Fraction(2, 9))
TERNARY = Setting(np.array(_P, dtype=np.float64), np.log(np.array(_Q, dtype=np.float64)), 0.11)
