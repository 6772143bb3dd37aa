"""Comparisons compressed to cells; likelihoods of Bradley-Terry and its relatives, their maxima, and bootstraps."""
