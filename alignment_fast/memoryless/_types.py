"""Sums of rewards by enumeration of types."""

import math

import numpy as np

from alignment_fast.best_of_n.law import BestOfN
from alignment_fast.kernels.memoryless.cpu import MOST_LETTERS
from alignment_fast.memoryless import _enumeration as kernel
from alignment_fast.memoryless._letters import Summary
from alignment_fast.memoryless._sampling import Ratio
from alignment_fast.memoryless.results import Law

# Relative error of a probability for each nat of its logarithm, and for each letter: rounded terms, rounded p.
RELATIVE = 8 * np.finfo(np.float64).eps

# Types at most: about 64 bytes each while they are sorted and weighed.
LARGEST = 1 << 27


def count(letters, m):
    """Return how many types there are, inf where the kernel does not take so many letters."""
    return kernel.count(len(letters.p), m) if m == 1 or len(letters.p) <= MOST_LETTERS else math.inf


def refuse_large(letters, m):
    """Raise ValueError if enumeration would not fit."""
    if count(letters, m) > LARGEST:
        size = kernel.count(len(letters.p), m)
        raise ValueError(
            f"m = {m} letters of {len(letters.p)} distinct rewards have {float(size):.3g} types, which would take "
            f"{64 * size / 2**30:.3g} GiB; use method='auto'"
        )


def law(letters, m, num_threads):
    """Return the `Law` of the sum."""
    refuse_large(letters, m)
    types = kernel.enumerate_types(letters.p, letters.keys, m, num_threads)
    error = RELATIVE * (m - float(types.log_pmf.min()))
    return Law(types.support, types.log_pmf, "types", error)


def ratio(letters, m, log_n, alpha, num_threads):
    """Return the `Ratio` of best-of-n."""
    found = law(letters, m, num_threads)
    best = BestOfN(found.log_pmf, found.support, log=True, num_threads=num_threads)
    return Ratio(found.support, best.log_pmf(log_n=log_n, num_threads=num_threads) - found.log_pmf, False)


def summary(letters, m, log_n, alpha, num_threads):
    """Return the `Summary` of best-of-n; types need no tilt."""
    refuse_large(letters, m)
    types = kernel.enumerate_types(letters.p, letters.keys, m, num_threads)
    best = BestOfN(types.log_pmf, types.support, log=True, num_threads=num_threads)
    log_ratio = best.log_pmf(log_n=log_n, num_threads=num_threads) - types.log_pmf
    counts = kernel.mean_counts(types, len(letters.p), m, log_ratio, num_threads)
    variance = float(best.reward_variance(log_n=log_n, num_threads=num_threads))
    scale = np.sqrt(variance) + m * np.finfo(np.float64).eps * np.abs(letters.reward).max()
    return Summary(
        float(best.expected_reward(log_n=log_n, num_threads=num_threads)),
        variance,
        float(best.kl(log_n=log_n, num_threads=num_threads)),
        counts / counts.sum(),
        RELATIVE * (m + log_n) * float(scale),
    )
