"""Scores of items over bootstrap replicates of their votes."""

from __future__ import annotations

from typing import ClassVar

from alignment_fast import ranking
from alignment_fast.studies.estimands.base import CellSetting, Estimator
from alignment_fast.studies.partials import Columns
from alignment_fast.studies.sources import comparisons

__all__ = ["RatingBootstrap"]


class RatingBootstrap(Estimator):
    """A column for each item: its score; replicates without a finite maximum are dropped."""

    names: tuple[str, ...]
    alone: ClassVar[bool] = False

    def __init__(self, setting: CellSetting) -> None:
        super().__init__(setting)
        assert setting.source is not None
        votes = comparisons(setting.source, setting.folder)
        self.fit = ranking.fit(votes, setting.parameters["model"], l2=setting.parameters["l2"], num_threads=1)
        labels = self.fit.labels if self.fit.labels is not None else range(len(self.fit.scores))
        self.names = tuple(map(str, labels))

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1: the first ones of a stream of their own."""
        found = self.fit.bootstrap(count, rng=self.setting.sequence(first), num_threads=1)
        return Columns(self.names, found.scores)

    def exact(self) -> dict[str, float]:
        """Return the scores of the fit itself."""
        return dict(zip(self.names, map(float, self.fit.scores - self.fit.scores.mean()), strict=True))
