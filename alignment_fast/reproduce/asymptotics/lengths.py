"""Lemma 8 and Theorem 2: how best-of-n over longer and longer sequences approaches its limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast.best_of_n import kl_upper_bound
from alignment_fast.reproduce.asymptotics.estimates import LETTERS_AT_ONCE, Part, mean, seed_of
from alignment_fast.reproduce.asymptotics.setting import Setting

__all__ = ["LENGTHS", "ExactLength", "Length", "convergence", "exact_convergence"]

LENGTHS = (10, 20, 50, 100, 200, 400, 800, 1600)
# Lengths of the exact curves in the picture.
CURVE_LENGTHS = tuple(sorted({round(m) for m in np.geomspace(LENGTHS[0], LENGTHS[-1], 30)}))


class ExactLength(NamedTuple):
    """The exact values of a `Length`, and what they are compared with."""

    m: int
    log_n: float
    reward: float
    reward_second_order: float
    kl_reference: float
    kl_reference_bound: float
    kl_reference_second_order: float
    kl_aligned: float
    kl_aligned_second_order: float


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
        law = setting.model.best_of_n(m, delta=setting.delta)
        rewards, log_ratios = _draws(setting, m, replicates, seed)
        # log π/φ = log π/p - α r + m Λ(α)
        to_aligned = log_ratios - law.alpha * rewards + m * float(setting.policy.log_partition)
        reward, reference, aligned = mean(rewards / m), mean(log_ratios), mean(to_aligned)
        yield Length(
            **_exact(setting, law, m)._asdict(),
            reward_estimate=reward.value,
            reward_se=reward.standard_error,
            reward_limit=-setting.typical,
            kl_reference_estimate=reference.value,
            kl_reference_se=reference.standard_error,
            kl_aligned_estimate=aligned.value,
            kl_aligned_se=aligned.standard_error,
            method=law.method,
            error_bound=law.error_bound / m,
        )


def exact_convergence(setting: Setting, lengths: Iterable[int] = CURVE_LENGTHS) -> Iterator[ExactLength]:
    """Yield the exact values of `convergence` for each of the `lengths`.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import TERNARY, exact_convergence
    >>> (row,) = exact_convergence(TERNARY, lengths=[100])
    >>> round(row.reward, 9)
    -1.217850744

    """
    for m in lengths:
        yield _exact(setting, setting.model.best_of_n(m, delta=setting.delta), m)


def _exact(setting, law, m):
    predicted = setting.model.second_order(m, setting.delta)
    return ExactLength(
        m,
        law.log_n,
        law.expected_reward / m,
        predicted.expected_reward / m,
        law.kl_to_reference,
        float(kl_upper_bound(log_n=law.log_n)),
        predicted.kl_to_reference,
        law.kl_to_aligned,
        predicted.kl_to_aligned,
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
