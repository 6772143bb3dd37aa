"""Best-of-n from a pool by going through all subsets, for pools of a dozen samples."""

import itertools
import math

import numpy as np


def best_of_subset(scores, values, subset):
    """Return the value of the best-scored sample of a subset, averaged over ties."""
    top = max(scores[i] for i in subset)
    tied = [values[i] for i in subset if scores[i] == top]
    return math.fsum(tied) / len(tied)


def curve(scores, values, n):
    """Return the mean over all n-subsets."""
    return math.fsum(
        best_of_subset(scores, values, subset) for subset in itertools.combinations(range(len(scores)), n)
    ) / math.comb(len(scores), n)


def unbiased_variance(scores, values, n):
    """Return curve² minus the mean product over disjoint pairs of n-subsets."""
    everyone = range(len(scores))
    products = [
        best_of_subset(scores, values, first) * best_of_subset(scores, values, second)
        for first in itertools.combinations(everyone, n)
        for second in itertools.combinations([i for i in everyone if i not in first], n)
    ]
    return curve(scores, values, n) ** 2 - math.fsum(products) / len(products)


def jackknife_variance(scores, values, n):
    """Return (M − 1)/M times the scatter of the leave-one-out estimates."""
    size = len(scores)
    left_out = [curve(np.delete(scores, i), np.delete(values, i), n) for i in range(size)]
    return (size - 1) * np.var(left_out)
