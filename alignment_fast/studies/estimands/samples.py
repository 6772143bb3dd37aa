"""Policies that are estimated from samples of the reference: soft best-of-n, and tilting."""

from __future__ import annotations

import numpy as np

from alignment_fast import best_of_n, policy
from alignment_fast.random import Stream
from alignment_fast.studies.estimands.base import CellSetting, Estimator
from alignment_fast.studies.partials import Columns
from alignment_fast.studies.sources import OutcomesLaw, law_of

__all__ = ["SoftBestOfN", "Tilted"]

# The purpose of the streams that choose among draws: that of ties.
CHOICE = 1


class SoftBestOfN(Estimator):
    """Columns reward, kl and win_rate of one of n draws, taken with weight exp(reward / temperature)."""

    names: tuple[str, ...] = ("reward", "kl", "win_rate")

    def __init__(self, setting: CellSetting) -> None:
        super().__init__(setting)
        assert setting.source is not None
        law = law_of(setting.source, setting.folder)
        assert isinstance(law, OutcomesLaw)
        self.law, self.n = law, setting.parameters["n"]
        self.temperature = setting.parameters["temperature"]
        self.policy = np.asarray(best_of_n.soft_best_of_n(law.p, law.reward, self.n, self.temperature))
        with np.errstate(divide="ignore"):
            self.log_ratio = law.log_ratio_of(np.log(self.policy))

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1."""
        seed = self.setting.sequence()
        tails = Stream(seed).uniform((count, self.n), replicate=first, num_threads=1)
        levels = self.law.levels(tails)
        reward = self.law.source.value[levels]
        weight = np.exp((reward - reward.max(axis=1, keepdims=True)) / self.temperature)
        total = np.cumsum(weight, axis=1)
        threshold = Stream(seed, purpose=CHOICE).uniform((count, 1), replicate=first, num_threads=1) * total[:, -1:]
        chosen = np.minimum((total <= threshold).sum(axis=1), self.n - 1)
        row = np.arange(count)
        level = levels[row, chosen]
        values = np.stack([reward[row, chosen], self.log_ratio[level], self.law.middle[level]], axis=1)
        return Columns(self.names, values)

    def exact(self) -> dict[str, float]:
        """Return the exact means, of the exact law of the choice."""
        law = self.law
        live = self.policy > 0
        win_rate = law.middle[law.levels(_tails_of(law))]
        return {
            "reward": float(self.policy @ law.reward),
            "kl": float(self.policy[live] @ np.log(self.policy[live] / law.p[live])),
            "win_rate": float(self.policy[law.p > 0] @ win_rate[law.p > 0]),
        }


def _tails_of(law: OutcomesLaw) -> np.ndarray:
    """Return a tail probability inside the step of each outcome."""
    level = np.searchsorted(-law.source.value, -law.reward)
    return np.asarray(law.source.ladder[np.minimum(level, len(law.source.value) - 1)])


class Tilted(Estimator):
    """Columns reward, kl and free_energy = log E e^(αr) of the tilted policy of each set of samples."""

    names: tuple[str, ...] = ("reward", "kl", "free_energy")

    def __init__(self, setting: CellSetting) -> None:
        super().__init__(setting)
        assert setting.source is not None
        self.law = law_of(setting.source, setting.folder)
        self.alpha, self.samples = setting.parameters["alpha"], setting.parameters["samples"]

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1."""
        rewards = self.law.draws(self.setting.sequence(), first, count, self.samples)
        tilted = policy.tilt(None, rewards, self.alpha, num_threads=1)
        values = np.stack([tilted.expected_reward, tilted.kl, tilted.log_partition], axis=1)
        return Columns(self.names, values)

    def exact(self) -> dict[str, float]:
        """Return the figures of the tilted reference itself: the estimates are biased, by samples that are few."""
        if not isinstance(self.law, OutcomesLaw):
            return {}
        tilted = policy.tilt(self.law.p, self.law.reward, self.alpha, num_threads=1)
        figures = tilted.expected_reward, tilted.kl, tilted.log_partition
        return dict(zip(self.names, map(float, figures), strict=True))
