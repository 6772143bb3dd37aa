"""Ranking from comparisons: Bradley-Terry and its relatives, fits and bootstraps."""

from alignment_fast.ranking._rows import ItemIndexError
from alignment_fast.ranking.agreement import Agreement, krippendorff_alpha
from alignment_fast.ranking.bootstrap import Bootstrap
from alignment_fast.ranking.comparisons import Comparisons
from alignment_fast.ranking.contextual import fit_contextual
from alignment_fast.ranking.davidson_luce import DavidsonLuceFit, fit_davidson_luce
from alignment_fast.ranking.elo import EloRatings, elo
from alignment_fast.ranking.existence import Existence
from alignment_fast.ranking.fit import fit
from alignment_fast.ranking.fragility import Fragility, RemovedVotes, fragility
from alignment_fast.ranking.judges import JudgeFit, fit_judges
from alignment_fast.ranking.likelihood import gradient, hessian_product, log_likelihood
from alignment_fast.ranking.next_pairs import next_pairs
from alignment_fast.ranking.paired import PairedScores, paired_scores
from alignment_fast.ranking.plackett_luce import PlackettLuceFit, Rankings, fit_plackett_luce
from alignment_fast.ranking.rank_sets import RankSets, rank_sets, separable_pairs, tiers
from alignment_fast.ranking.result import RatingFit
from alignment_fast.ranking.spectral import rank_centrality

__all__ = [
    "Agreement",
    "Bootstrap",
    "Comparisons",
    "DavidsonLuceFit",
    "EloRatings",
    "Existence",
    "Fragility",
    "ItemIndexError",
    "JudgeFit",
    "PairedScores",
    "PlackettLuceFit",
    "RankSets",
    "Rankings",
    "RatingFit",
    "RemovedVotes",
    "elo",
    "fit",
    "fit_contextual",
    "fit_davidson_luce",
    "fit_judges",
    "fit_plackett_luce",
    "fragility",
    "gradient",
    "hessian_product",
    "krippendorff_alpha",
    "log_likelihood",
    "next_pairs",
    "paired_scores",
    "rank_centrality",
    "rank_sets",
    "separable_pairs",
    "tiers",
]
