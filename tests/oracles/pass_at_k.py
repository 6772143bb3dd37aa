"""Chances of right samples among k, by going through all subsets of k; and majorities, by counting."""

import math
from itertools import combinations

import numpy as np


def share(scores, k, holds):
    """Return the share of the subsets of k of `scores` of which `holds` is true."""
    subsets = list(combinations(scores, k))
    return sum(map(holds, subsets)) / len(subsets)


def pass_at(scores, k, value):
    scored = [score for score in scores if not math.isnan(score)]
    return share(scored, k, lambda chosen: max(chosen) >= value) if len(scored) >= k else math.nan


def pass_k(scores, k, value):
    scored = [score for score in scores if not math.isnan(score)]
    return share(scored, k, lambda chosen: min(chosen) >= value) if len(scored) >= k else math.nan


def at_least(scores, k, value):
    scored = [score for score in scores if not math.isnan(score)]
    return float(sum(score >= value for score in scored) >= k) if scored else math.nan


def majority(scores):
    winners = [score for score in scores if 2 * list(scores).count(score) > len(scores)]
    return winners[0] if winners else math.nan


class PassAtK:
    """What lighteval's metric of this name computes from scores."""

    def __init__(self, k=None, n=None):
        self.k, self.n = k, n

    def pass_at_k(self, all_scores):
        wrong = self.n - all_scores.count(1)
        if wrong < self.k:
            return 1.0
        return np.float64(1 - math.comb(wrong, self.k) / math.comb(self.n, self.k))


class GPassAtK:
    """What lighteval's metric of this name computes from scores."""

    def __init__(self, k=None, n=None, thresholds=(0.0, 0.25, 0.5, 0.75, 1.0), name_prefix=None):
        self.k, self.n, self.thresholds = [k] if isinstance(k, int) else k, n, list(thresholds)
        self.name = f"{name_prefix}_g-pass@" if name_prefix else "g-pass@"

    def chance(self, right, k, least):
        if k > self.n or least > min(right, k):
            return 0.0
        scores = [1] * right + [0] * (self.n - right)
        return np.float64(share(scores, k, lambda chosen: sum(chosen) >= least))

    def g_pass_at_k(self, all_scores):
        right, found = sum(all_scores), {}
        for k in self.k:
            for threshold in self.thresholds:
                found[f"{self.name}{k}_{threshold}"] = self.chance(right, k, max(math.ceil(k * threshold), 1))
            more = range(math.ceil(k / 2) + 1, k + 1)
            found[f"m{self.name}{k}"] = sum((self.chance(right, k, least) for least in more), 0.0) * 2 / k
        return found


def estimate_pass_at_k(num_samples, num_correct, k):
    if isinstance(num_samples, int):
        num_samples = [num_samples] * len(num_correct)
    assert len(num_samples) == len(num_correct)
    pairs = [(int(n), int(c)) for n, c in zip(num_samples, num_correct, strict=True)]
    return np.array([1.0 if n - c < k else 1 - math.comb(n - c, k) / math.comb(n, k) for n, c in pairs])
