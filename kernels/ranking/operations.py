"""The operations of this family on CPU arrays: comparisons counted, likelihoods and maxima, drawn counts, games.

Host algorithms (``alignment_fast/ranking``) call these functions only, so another device needs another table of the
same functions and nothing else.
"""

from alignment_fast.kernels.ranking import cpu
from alignment_fast.kernels.ranking.choices import (
    choice_search,
    choices,
    choices_evaluate,
    choices_matrix,
    choices_product,
    first_repeat,
)
from alignment_fast.kernels.ranking.compress import LOSER_AT_HOME, NEUTRAL, WINNER_AT_HOME, compress
from alignment_fast.kernels.ranking.cpu import (
    SHORT_GRADIENT,
    SHORT_PRODUCT,
    SHORT_VALUE,
    codes_of_small_integers,
    encode_objects,
    encode_rows,
    ep_pass,
    home_is_told,
    integer_vote_matrices,
    number_small_integers,
    object_array,
    pair_sums,
    power,
    short_compress,
    short_fit,
    short_likelihood,
    short_matrix,
    strengths,
    tied_strengths,
    vote_matrices,
    vote_points,
)
from alignment_fast.kernels.ranking.elo import play, play_shuffled
from alignment_fast.kernels.ranking.likelihood import (
    BRADLEY_TERRY,
    DAVIDSON,
    FACTOR_COST,
    NEWTON,
    PRODUCT_COST,
    RAO_KUPPER,
    THURSTONE,
    completed,
    connected,
    each_replicate,
    evaluate,
    matrix,
    maximum,
    newton,
    prior,
    problem,
    product,
    ranks,
    replicates,
    resample,
    spread_scores,
    terms,
)

__all__ = [
    "BRADLEY_TERRY",
    "DAVIDSON",
    "FACTOR_COST",
    "LOSER_AT_HOME",
    "NEUTRAL",
    "NEWTON",
    "PRODUCT_COST",
    "RAO_KUPPER",
    "SHORT_GRADIENT",
    "SHORT_PRODUCT",
    "SHORT_VALUE",
    "THURSTONE",
    "WINNER_AT_HOME",
    "choice_search",
    "choices",
    "choices_evaluate",
    "choices_matrix",
    "choices_product",
    "codes_of_small_integers",
    "completed",
    "compress",
    "connected",
    "each_replicate",
    "encode_objects",
    "encode_rows",
    "ep_pass",
    "evaluate",
    "first_repeat",
    "home_is_told",
    "integer_vote_matrices",
    "matrix",
    "maximum",
    "newton",
    "number_small_integers",
    "object_array",
    "pair_sums",
    "play",
    "play_shuffled",
    "power",
    "prior",
    "problem",
    "product",
    "ranks",
    "reach",
    "replicates",
    "resample",
    "short_compress",
    "short_fit",
    "short_likelihood",
    "short_matrix",
    "spread_scores",
    "strengths",
    "terms",
    "tied_strengths",
    "vote_matrices",
    "vote_points",
]


def reach(cells, against, backwards, reached):
    """Mark, in place, what is one edge of the graph of wins away from a marked item; return how many marks are new.

    Edges lead from the loser to the winner, or the other way where `against`; cells are taken in order, or `backwards`.
    """
    counts = cells.wins_first, cells.wins_second, cells.ties
    return cpu.reach(cells.first, cells.second, *counts, against, backwards, reached)
