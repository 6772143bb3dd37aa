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
    encode_objects,
    encode_rows,
    home_is_told,
    object_array,
    short_compress,
    short_elo,
    short_fit,
    short_likelihood,
    short_matrix,
    short_names,
    short_predict,
    short_predictions,
    short_rankings,
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
    centred_inverse,
    completed,
    connected,
    covariance,
    each_replicate,
    evaluate,
    matrix,
    maximum,
    newton,
    prior,
    probabilities,
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
    "centred_inverse",
    "choice_search",
    "choices",
    "choices_evaluate",
    "choices_matrix",
    "choices_product",
    "completed",
    "compress",
    "connected",
    "covariance",
    "each_replicate",
    "encode_objects",
    "encode_rows",
    "evaluate",
    "first_repeat",
    "home_is_told",
    "matrix",
    "maximum",
    "newton",
    "object_array",
    "play",
    "play_shuffled",
    "prior",
    "probabilities",
    "problem",
    "product",
    "ranks",
    "reach",
    "replicates",
    "resample",
    "short_compress",
    "short_elo",
    "short_fit",
    "short_likelihood",
    "short_matrix",
    "short_names",
    "short_predict",
    "short_predictions",
    "short_rankings",
    "spread_scores",
    "terms",
]


def reach(cells, against, backwards, reached):
    """Mark, in place, what is one edge of the graph of wins away from a marked item; return how many marks are new.

    Edges lead from the loser to the winner, or the other way where `against`; cells are taken in order, or `backwards`.
    """
    counts = cells.wins_first, cells.wins_second, cells.ties
    return cpu.reach(cells.first, cells.second, *counts, against, backwards, reached)
