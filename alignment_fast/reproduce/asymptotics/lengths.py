"""Lemma 8 and Theorem 2: how best-of-n over longer and longer sequences approaches its limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast.best_of_n import kl_upper_bound
from alignment_fast.reproduce.asymptotics.estimates import LETTERS_AT_ONCE, Part, mean, seed_of
from alignment_fast.reproduce.asymptotics.setting import Setting

__all__ = ["LENGTHS", "Length", "convergence"]

LENGTHS = (10, 20, 50, 100, 200, 400, 800, 1600)


class Length(NamedTuple):
    """Best-of-n over sequences of m letters: rewards per token, divergences of whole sequences in nats.

    Each exact value is followed by its Monte Carlo estimate, the standard error of that, and what it is compared with.
    """

    m: int
    log_n: float
    reward: float
    reward_estimate: float
    reward_se: float
    reward_limit: float
    reward_second_order: float
    kl_reference: float
    kl_reference_estimate: float
    kl_reference_se: float
    kl_reference_bound: float
    kl_reference_second_order: float
    kl_aligned: float
    kl_aligned_estimate: float
    kl_aligned_se: float
    kl_aligned_second_order: float
    method: str
    error_bound: float


def convergence(setting: Setting, replicates: int, seed: int, lengths: Iterable[int] = LENGTHS) -> Iterator[Length]:
    """Yield a row for each of the `lengths`.

    The limit of the reward is -H(φ‖q), that of D(π‖p^m)/m is δ, that of D(π‖φ^m)/m is 0; the second-order terms are
    those of `MemorylessModel.second_order`. Estimates are means over `replicates` sequences drawn from best-of-n.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import TERNARY, convergence
    >>> (row,) = convergence(TERNARY, replicates=1000, seed=0, lengths=[100])
    >>> round(row.reward, 9), round(row.kl_reference, 9), round(row.kl_aligned, 9)
    (-1.217850744, 9.999564432, 0.980851324)

    """
    for m in lengths:
        exact = setting.model.best_of_n(m, delta=setting.delta)
        predicted = setting.model.second_order(m, setting.delta)
        rewards, log_ratios = _draws(setting, m, replicates, seed)
        # log π/φ = log π/p - α r + m Λ(α)
        to_aligned = log_ratios - exact.alpha * rewards + m * float(setting.policy.log_partition)
        yield Length(
            m,
            exact.log_n,
            exact.expected_reward / m,
            *mean(rewards / m),
            -setting.typical,
            predicted.expected_reward / m,
            exact.kl_to_reference,
            *mean(log_ratios),
            float(kl_upper_bound(log_n=exact.log_n)),
            predicted.kl_to_reference,
            exact.kl_to_aligned,
            *mean(to_aligned),
            predicted.kl_to_aligned,
            exact.method,
            exact.error_bound / m,
        )


def _draws(setting, m, replicates, seed):
    """Return the rewards of sequences drawn from best-of-n, and log π/p of each."""
    law = setting.sums(m)
    log_ratio = law.log_best_of_n(m * setting.delta) - law.log_pmf
    at_once = max(1, LETTERS_AT_ONCE // m)
    rewards = []
    for first in range(0, replicates, at_once):
        size = min(at_once, replicates - first)
        rng = seed_of(seed, Part.CONVERGENCE, m, first)
        letters = setting.model.sample_sequences(m, size, delta=setting.delta, rng=rng)
        rewards.append(setting.reward[letters].sum(axis=1))
    sums = np.concatenate(rewards)
    return sums, log_ratio[law.nearest(sums)]
