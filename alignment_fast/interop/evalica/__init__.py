"""Front end with the names, arguments, results and errors of ``evalica`` 0.4: change one import line.

Comparisons are three sequences: elements `xs`, elements `ys`, and a `Winner` of each pair, or 0, 1, 2. Results are the
same frozen records, with scores as pandas Series from the best on, and the same numbers of iterations.

``strict=True`` gives the right value, or an error, where the host is wrong: `bradley_terry` and `newman` give the
maximum of the likelihood, or `alignment_fast.errors.ConvergenceError` where there is none (the host gives everybody the
same score, or stops on the way); `elo` keeps its powers from overflowing; `eigen` and `pagerank` raise where they have
not converged, and say how many iterations they took (the host's compiled solver always says `limit`).

Needs pandas.
"""

from alignment_fast.errors import BackendUnavailableError

try:
    import pandas as _pandas  # noqa: F401
except ImportError as error:
    raise BackendUnavailableError("alignment_fast.interop.evalica needs pandas: pip install pandas") from error

from alignment_fast.interop.evalica._alpha import alpha, alpha_bootstrap
from alignment_fast.interop.evalica._bootstrap import bootstrap
from alignment_fast.interop.evalica._results import (
    WINNERS,
    AlphaBootstrapResult,
    AlphaResult,
    AverageWinRateResult,
    BootstrapResult,
    BradleyTerryResult,
    CountingResult,
    EigenResult,
    EloResult,
    InsufficientRatingsError,
    LengthMismatchError,
    MatricesResult,
    NewmanResult,
    PageRankResult,
    RankingMethod,
    Result,
    ScoreDimensionError,
    UnknownDistanceError,
    Winner,
)
from alignment_fast.interop.evalica._scores import (
    average_win_rate,
    bradley_terry,
    counting,
    eigen,
    elo,
    newman,
    pagerank,
    pairwise_frame,
    pairwise_scores,
)
from alignment_fast.interop.evalica._votes import indexing, matrices

__all__ = [
    "WINNERS",
    "AlphaBootstrapResult",
    "AlphaResult",
    "AverageWinRateResult",
    "BootstrapResult",
    "BradleyTerryResult",
    "CountingResult",
    "EigenResult",
    "EloResult",
    "InsufficientRatingsError",
    "LengthMismatchError",
    "MatricesResult",
    "NewmanResult",
    "PageRankResult",
    "RankingMethod",
    "Result",
    "ScoreDimensionError",
    "UnknownDistanceError",
    "Winner",
    "alpha",
    "alpha_bootstrap",
    "average_win_rate",
    "bootstrap",
    "bradley_terry",
    "counting",
    "eigen",
    "elo",
    "indexing",
    "matrices",
    "newman",
    "pagerank",
    "pairwise_frame",
    "pairwise_scores",
]
