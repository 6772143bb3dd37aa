"""Theorems 1 and 3, and the conjecture on best-of-n: how fast deviations of the reward become rare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast.memoryless import MemorylessModel
from alignment_fast.reproduce.asymptotics.estimates import Estimate, Part, seed_of
from alignment_fast.reproduce.asymptotics.setting import Setting, failures, just_above, log_best_at_least

__all__ = ["LENGTH", "TAUS", "Level", "rate_curves", "rate_functions"]

LENGTH = 1600
# Levels of the curves in the picture.
CURVE_POINTS = 400
TAUS = tuple(round(0.05 * step, 2) for step in range(9, 44))


class Level(NamedTuple):
    """A level τ of minus the reward per token: for each law the rate function, and what it is at one length m.

    ``_exact`` is -log(P)/m, P the probability that minus the reward per token is τ or beyond, away from where the law
    concentrates; ``_estimate`` is the same by Monte Carlo and ``_se`` its standard error.
    """

    tau: float
    m: int
    reference: float
    reference_exact: float
    reference_estimate: float
    reference_se: float
    aligned: float
    aligned_exact: float
    aligned_estimate: float
    aligned_se: float
    best_of_n: float
    best_of_n_exact: float
    best_of_n_estimate: float
    best_of_n_se: float


def rate_functions(
    setting: Setting, replicates: int, seed: int, taus: Iterable[float] = TAUS, m: int = LENGTH
) -> Iterator[Level]:
    """Yield a row for each of the levels `taus`.

    The conjecture that best-of-n has the rate function of the aligned policy is false: they agree at the typical level
    only. Best-of-n is better than typical with n times the probability of one draw, and worse than typical with a
    probability that is doubly exponentially small, so that -log(P)/m itself grows like n/m there.

    Estimates draw `replicates` sequences from the tilt under which the level is typical (Cramér).

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import TERNARY, rate_functions
    >>> (row,) = rate_functions(TERNARY, replicates=1000, seed=0, taus=[1.0])
    >>> round(row.aligned, 6), round(row.aligned_exact, 6), round(row.best_of_n, 6), round(row.best_of_n_exact, 6)
    (0.04038, 0.042471, 0.175054, 0.177751)

    """
    taus = list(taus)
    rates = _rates(setting, taus)
    laws = {"reference": setting.sums(m)}
    laws["aligned"] = laws["reference"].tilted(float(setting.policy.alpha))
    tails = {
        "reference": _Tails(setting.p, setting.reward, m, replicates),
        "aligned": _Tails(setting.policy.pi, setting.reward, m, replicates),
    }
    for place, tau in enumerate(taus):
        level, numbers = -m * tau, []
        seeds = seed_of(seed, Part.RATES, place).spawn(3)
        for which, rng in zip(("reference", "aligned"), seeds, strict=False):
            better = level >= m * tails[which].expected_reward
            law = laws[which]
            exact = law.log_at_least(level) if better else law.log_at_most(level)
            estimate = tails[which].estimate(level, better, rng)
            numbers += [float(rates[which][place]), -exact / m, *_per_token(estimate, m)]
        exact, estimate = _best_of_n(setting, laws["reference"], tails["reference"], level, m=m, rng=seeds[2])
        numbers += [float(rates["best_of_n"][place]), exact / m, *_per_token(estimate, m)]
        yield Level(tau, m, *numbers)


def rate_curves(setting: Setting) -> dict[str, np.ndarray]:
    """Return the rate functions of `rate_functions` on a dense grid of levels, with the typical level in it.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import TERNARY, rate_curves
    >>> list(rate_curves(TERNARY))
    ['tau', 'reference', 'aligned', 'best_of_n']

    """
    taus = np.union1d(np.linspace(TAUS[0], TAUS[-1], CURVE_POINTS), setting.typical)
    return {"tau": taus, **_rates(setting, taus)}


def _rates(setting, taus):
    return {
        which: setting.model.rate(taus, delta=setting.delta, which=which)
        for which in ("reference", "aligned", "best_of_n")
    }


def _per_token(log_probability, m):
    return -log_probability.value / m, log_probability.standard_error / m


class _Tails:
    """Estimates of the logarithms of tails of the sum of m rewards."""

    def __init__(self, p, reward, m, draws):
        self.expected_reward = float(p @ reward)
        self._upper, self._lower = (MemorylessModel(p, reward=sign * reward) for sign in (1, -1))
        self._m, self._draws = m, draws

    def estimate(self, level, upper, rng):
        """Return log P(S >= level), or log P(S <= level) if not `upper`."""
        model, level = (self._upper, level) if upper else (self._lower, -level)
        found = model.tail_probability(self._m, level, self._draws, rng=rng)
        return Estimate(found.log_probability, found.relative_error)


def _best_of_n(setting, law, tails, level, *, m, rng):
    """Return -log of the probability of best-of-n at `level` or beyond, exactly, and the estimate of its logarithm."""
    log_n = m * setting.delta
    if level >= -m * setting.typical:
        tail = tails.estimate(level, True, rng)
        log_probability = log_best_at_least(tail.value, log_n)
        # d log(1 - (1 - Q)^n) / d log Q is x/(e^x - 1) for small Q, x = n Q.
        x = math.exp(log_n + tail.value)
        slope = x / math.expm1(x) if 0 < x < 700 else float(x == 0)
        estimate = Estimate(log_probability, slope * tail.standard_error)
        return -log_best_at_least(law.log_at_least(level), log_n), estimate
    exact = failures(law.log_at_most(level), law.log_more_than(level), log_n)
    if level >= m * tails.expected_reward:
        tail = tails.estimate(just_above(level), True, rng)
        found = failures(0.0, tail.value, log_n)
        return exact, Estimate(-found, found * tail.standard_error)
    tail = tails.estimate(level, False, rng)
    return exact, Estimate(math.exp(log_n) * tail.value, math.exp(log_n) * tail.standard_error)
