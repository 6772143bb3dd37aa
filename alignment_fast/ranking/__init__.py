"""Ranking from comparisons: Bradley-Terry and its relatives, fits and bootstraps."""

from alignment_fast.ranking.comparisons import Comparisons, ItemIndexError
from alignment_fast.ranking.existence import Existence

__all__ = ["Comparisons", "Existence", "ItemIndexError"]
