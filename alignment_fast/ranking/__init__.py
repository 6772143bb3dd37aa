"""Ranking from comparisons: Bradley-Terry and its relatives, fits and bootstraps."""
