"""How often intervals cover what they are intervals of."""

from __future__ import annotations

import numpy as np
from scipy import special

from alignment_fast import ranking
from alignment_fast.errors import ConvergenceError
from alignment_fast.studies.errors import SpecError
from alignment_fast.studies.estimands.base import CellSetting, Estimator
from alignment_fast.studies.partials import Columns
from alignment_fast.studies.sources import OutcomesLaw, law_of

__all__ = ["CoverageOfMean", "CoverageOfRatings"]


class CoverageOfMean(Estimator):
    """Column covered, a share, and width: Student's interval of the mean of best-of-n rewards."""

    names: tuple[str, ...] = ("covered", "width")

    def __init__(self, setting: CellSetting) -> None:
        super().__init__(setting)
        assert setting.source is not None
        self.law = law_of(setting.source, setting.folder)
        self.n, self.samples = setting.parameters["n"], setting.parameters["samples"]
        if isinstance(self.law, OutcomesLaw):
            self.truth = float(self.law.law.expected_reward(self.n))
        elif self.n == 1:
            self.truth = float(setting.source["mean"])
        else:
            raise SpecError("coverage_of_mean of a gaussian source knows the truth at n = 1 only")
        self.quantile = float(special.stdtrit(self.samples - 1, 0.5 + 0.5 * setting.parameters["level"]))

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1."""
        samples = self.samples
        rewards = self.law.best(self.n, self.setting.sequence(), first * samples, count * samples)
        rewards = rewards.reshape(count, samples)
        half = self.quantile * rewards.std(axis=1, ddof=1) / np.sqrt(samples)
        covered = np.abs(rewards.mean(axis=1) - self.truth) <= half
        return Columns(self.names, np.stack([covered, 2.0 * half], axis=1), frozenset(["covered"]))


class CoverageOfRatings(Estimator):
    """Shares covered_0, covered_1, ...: intervals of Bradley-Terry scores of votes drawn from true ones."""

    names: tuple[str, ...]

    def __init__(self, setting: CellSetting) -> None:
        super().__init__(setting)
        assert setting.source is not None
        scores = np.array(setting.source["scores"], dtype=np.float64)
        self.truth = scores - scores.mean()
        self.first, self.second = np.triu_indices(len(scores), 1)
        self.chance = 1.0 / (1.0 + np.exp(scores[self.second] - scores[self.first]))
        self.votes, self.level = setting.parameters["votes_per_pair"], setting.parameters["level"]
        self.names = tuple(f"covered_{item}" for item in range(len(scores)))

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1; NaN where scores have no finite maximum."""
        found = np.array([self._covered(replicate) for replicate in range(first, first + count)])
        return Columns(self.names, found, frozenset(self.names))

    def _covered(self, replicate: int) -> np.ndarray:
        generator = np.random.default_rng(self.setting.sequence(replicate))
        wins = np.zeros((len(self.truth), len(self.truth)))
        wins[self.first, self.second] = generator.binomial(self.votes, self.chance)
        wins[self.second, self.first] = self.votes - wins[self.first, self.second]
        try:
            fit = ranking.fit(ranking.Comparisons.from_matrix(wins), num_threads=1)
        except (ConvergenceError, ValueError):
            return np.full(len(self.truth), np.nan)
        low, high = fit.interval(self.level)
        centre = fit.scores.mean()
        return np.asarray((low - centre <= self.truth) & (self.truth <= high - centre), dtype=np.float64)
