"""Sums of rewards by saddlepoint expansions: cost independent of n and of m."""

import math

import numpy as np

from alignment_fast.memoryless import _lugannani_rice as kernel
from alignment_fast.memoryless._letters import Summary
from alignment_fast.memoryless._sampling import Ratio
from alignment_fast.memoryless.results import Law


def law(letters, m, num_threads):
    """Return the `Law` of the sum in equal cells, each at its middle."""
    support, log_pmf, error = kernel.cells(letters.p, letters.reward, m)
    return Law(support, log_pmf, "saddlepoint", error)


def summary(letters, m, log_n, alpha, num_threads):
    """Return the `Summary` of best-of-n; None where it reaches an end of the range of sums."""
    best = kernel.best_of_n(letters.p, letters.reward, m, log_n, alpha)
    if best is None:
        return None
    # Without ties D(best-of-n ‖ p^m) = log n - (n - 1)/n whatever the rewards are.
    kl = log_n + math.expm1(-log_n) - best.gap
    marginal = kernel.marginal(letters.p, letters.reward, m, best)
    rounding = m * np.finfo(np.float64).eps * float(np.abs(letters.reward).max())
    return Summary(best.mean, best.variance, max(kl, 0.0), marginal, best.error + rounding)


def ratio(letters, m, log_n, alpha, num_threads):
    """Return the `Ratio` of best-of-n, a smooth function; None where `summary` is."""
    found = kernel.log_ratio(letters.p, letters.reward, m, log_n, alpha)
    return None if found is None else Ratio(*found, True)
