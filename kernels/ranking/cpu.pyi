"""Entry points of the ranking loops: comparisons and their compression, likelihoods and their maxima."""

from collections.abc import Callable, Hashable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from alignment_fast.kernels.ranking.structures import Cells, Covariates

BLOCK: Final[int]

# ---- compression (compress.inc) ----

WINNER: Final[int]
LOSER: Final[int]
SELF: Final[int]
WEIGHT: Final[int]
OUTCOME: Final[int]
STATUS: Final[int]
NEUTRAL: Final[int]
WINNER_AT_HOME: Final[int]
LOSER_AT_HOME: Final[int]
RESULT_BITS: Final[int]

_Bytes = NDArray[np.uint8]
_Counts = NDArray[np.int64]
_Indices = NDArray[np.int32]
_Reals = NDArray[np.float64]
_Words = NDArray[np.uint64]

@disjoint_base
class ComparisonRows:
    arrays: tuple[memoryview | None, ...]
    size: int
    n_items: int
    weighted: bool

    def __init__(
        self,
        winner: _Bytes,
        loser: _Bytes,
        wide: bool,
        n_items: int,
        kind: _Bytes | None,
        weight: _Reals | None,
        outcome: _Reals | None,
    ) -> None: ...
    def tally(self, first: int, last: int, tallies: _Reals | NDArray[np.uint32], status: _Words) -> None: ...
    def table_cells(self, tallies: _Reals | NDArray[np.uint32], homes: bool, cells: Cells) -> int: ...
    def lay_out(self, item_bits: int, payload_bits: int) -> None: ...
    def words(self, first: int, last: int, shift: int, words: _Words, bucket: _Counts, status: _Words) -> None: ...
    def word_cells(
        self,
        words: _Words,
        ends: _Counts,
        first: int,
        last: int,
        starts: _Counts | None,
        cells: Cells | None,
        count: _Counts,
    ) -> None: ...

def scatter(words: _Words, first: int, last: int, shift: int, place: _Counts, out: _Words) -> None: ...
def sort_buckets(
    words: _Words, other: _Words, ends: _Counts, first: int, last: int, low_bit: int, high_bit: int
) -> None: ...

# ---- Elo (elo.inc) ----

def elo_play(
    winner: _Indices,
    loser: _Indices,
    outcome: _Reals | None,
    weight: _Reals | None,
    order: _Indices | None,
    k: float,
    first: int,
    last: int,
    rating: _Reals,
) -> None: ...
def elo_shuffle(key: int, replicate: int, order: _Indices) -> None: ...

# ---- Plackett-Luce (plackett_luce.inc) ----

ITEM: Final[int]
REPEATED: Final[int]

@disjoint_base
class Choices:
    arrays: tuple[memoryview | None, ...]
    count: int
    places: int
    tile: int

    def __init__(self, item: _Indices, start: _Counts, depth: _Indices, weight: _Reals | None) -> None: ...
    def check(self, first: int, last: int, n_items: int, seen: _Indices) -> int: ...
    def beaten_neighbours(self) -> tuple[NDArray[np.int32], NDArray[np.int32], _Reals | None]: ...
    def choices_gradient(
        self, u: _Reals, w: _Reals, first: int, last: int, gradient: _Reals, diagonal: _Reals, total: _Reals
    ) -> None: ...
    def choices_matrix(self, w: _Reals, first: int, last: int, matrix: _Reals) -> None: ...
    def choices_product(self, w: _Reals, v: _Reals, first: int, last: int, out: _Reals) -> None: ...

# ---- the graph of wins (reach.inc) ----

def reach(
    first: _Indices,
    second: _Indices,
    wins_first: _Reals,
    wins_second: _Reals,
    ties: _Reals,
    against: bool,
    backwards: bool,
    reached: _Bytes,
) -> int: ...

# ---- models (likelihood.inc, problem.inc, cholesky.inc, newton.inc, bootstrap.inc) ----

MODELS_BY_NAME: Mapping[str, int]
CONVERGED: Final[int]
UNFINISHED: Final[int]
SINGULAR: Final[int]
NEWTON_CHORD: Final[float]
NEWTON_FLOOR: Final[float]
NEWTON_SLACK: Final[float]
NEWTON_HALVINGS: Final[int]

@disjoint_base
class ComparisonProblem:
    unknowns: int
    cells: int
    items: int
    has_ties: bool
    tied: bool

    def __init__(self, model: int, cells: Cells, covariates: Covariates, ridge: float, gamma: float) -> None: ...
    def terms(self, u: _Reals, out: _Reals) -> None: ...
    def gradient(
        self,
        u: _Reals,
        first: int,
        last: int,
        gradient: _Reals,
        totals: _Reals | None = None,
        diagonal: _Reals | None = None,
        curvature: _Reals | None = None,
        mixed: _Reals | None = None,
    ) -> None: ...
    def prior(self, u: _Reals, gradient: _Reals, diagonal: _Reals) -> float: ...
    def product(self, curvature: _Reals, mixed: _Reals, v: _Reals, first: int, last: int, out: _Reals) -> None: ...
    def matrix(self, curvature: _Reals, mixed: _Reals, tie: float, prior: _Reals, out: NDArray[np.float64]) -> None: ...
    def newton(self, u: _Reals, tolerance: float, limit: int) -> tuple[int, float, float, int]: ...
    def covariance(self, u: NDArray[np.float64], out: NDArray[np.float64]) -> bool: ...
    def half_leverages(self, curvature: _Reals, covariance: NDArray[np.float64], out: _Reals) -> None: ...
    def maximum(self, u: _Reals, tolerance: float, limit: int) -> tuple[float, float, float, float, int, int]: ...
    def prepare(self) -> None: ...
    def resample(self, key: int, replicate: int, wins_first: _Reals, wins_second: _Reals, ties: _Reals) -> None: ...
    def connected(self) -> bool: ...
    def chord_factor(self, u: _Reals, factor: NDArray[np.float64], known: NDArray[np.float64]) -> bool: ...
    def parent(self, u: _Reals, inverse: NDArray[np.float32], slopes: NDArray[np.float32]) -> bool: ...
    def side_by_side(
        self,
        key: int,
        first: int,
        last: int,
        start: _Reals,
        inverse: NDArray[np.float32],
        slopes: NDArray[np.float32],
        tolerance: float,
        out: _Reals,
        proven: _Bytes,
        slow: _Bytes,
    ) -> None: ...
    def bootstrap(
        self,
        key: int,
        first: int,
        last: int,
        start: _Reals,
        factor: NDArray[np.float64] | None,
        known: NDArray[np.float64] | None,
        tolerance: float,
        limit: int,
        row: float,
        steepness: float,
        out: _Reals,
        proven: _Bytes,
    ) -> None: ...

def complete(given: Cells, cells: Cells) -> bool: ...
def cholesky(a: _Reals, n: int) -> bool: ...
def eliminate(rates: _Reals, high: int, low: int) -> None: ...
def solve(u: _Reals, x: _Reals) -> None: ...
def centred_inverse(a: NDArray[np.float64], items: int, out: NDArray[np.float64]) -> bool: ...
def probabilities(model: int, d: NDArray[np.float64], tie: float, outcome: int, out: NDArray[np.float64]) -> None: ...
def stride(n: int) -> int: ...

@disjoint_base
class ChoiceSearch:
    def __init__(self, rankings: Choices, items: int, ridge: float) -> None: ...
    def newton(
        self, given: _Reals, tolerance: float, limit: int, budget: int
    ) -> tuple[float | None, float, float, int, bool] | None: ...
    def first_scores(self) -> _Reals: ...
    def maximum(
        self, start: _Reals, tolerance: float, limit: int, budget: int
    ) -> tuple[_Reals, float, float, float, float, int, bool] | None: ...
    def slope(self) -> _Reals: ...

# ---- changes of comparisons (merge.pxi) ----

def merged_cells(a: Cells, b: Cells, sign: float) -> tuple[_Indices, _Indices, _Reals, _Reals, _Reals, _Bytes]: ...

# ---- names of items ----

def object_array(values: list[object]) -> tuple[NDArray[np.object_], set[type]]: ...
def encode_objects(values: list[object] | NDArray[np.object_]) -> tuple[NDArray[np.int32], list[Hashable]]: ...
def encode_rows(rows: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...
def encode_texts(
    data: NDArray[np.uint8], start: NDArray[np.int32] | NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...

# ---- small calls: None where the general path must decide ----

SHORT_VALUE: int
SHORT_GRADIENT: int
SHORT_PRODUCT: int

def spread_scores(gradient: NDArray[np.float64], diagonal: NDArray[np.float64], items: int) -> NDArray[np.float64]: ...
def short_fit(
    cells: Cells,
    model: int,
    tie_unknown: Callable[[float, float, float], float] | None,
    ridge: float,
    gamma: float,
    covariates: Covariates,
    reduced: bool,
    start: NDArray[np.float64] | None,
    tolerance: float,
    limit: int,
) -> tuple[NDArray[np.float64], tuple[float, float, float, float, int], float, bool] | None: ...
def short_likelihood(
    wanted: int, cells: Cells, model: int, scores: object, vector: object, unknown: float | None
) -> float | NDArray[np.float64] | None: ...
def short_names(
    winner: object, loser: object, tied: object
) -> tuple[tuple[str, ...], int, _Indices, _Indices, _Reals, _Reals, _Reals, _Bytes] | None: ...
def short_elo(
    winner: object, loser: object, n_items: object, tied: object, k: float, initial: float, point: float
) -> NDArray[np.float64] | None: ...
def short_order(rankings: object, n_items: object) -> tuple[_Indices, _Counts, _Indices, int] | None: ...
def short_rankings(
    wanted: int, rankings: Choices, items: int, scores: object, vector: object, widest: float
) -> float | NDArray[np.float64] | None: ...
def short_predict(
    scores: NDArray[np.float64], i: object, j: object, shift: float, model: int, tie: float, outcome: int
) -> np.float64 | None: ...
def short_predictions(
    scores: NDArray[np.float64], i: object, j: object, shift: float, model: int, tie: float, outcome: int
) -> NDArray[np.float64] | None: ...
def home_is_told(cells: Cells) -> bool: ...
def short_matrix(
    wins: NDArray[np.float64], ties: NDArray[np.float64] | None
) -> tuple[int, _Indices, _Indices, _Reals, _Reals, _Reals, _Bytes] | None: ...
def ranks(order: NDArray[np.int64], scores: NDArray[np.float64], out: NDArray[np.float64]) -> None: ...
def short_compress(
    winner: object, loser: object, n_items: object, tied: object, home: object = None, weight: object = None
) -> tuple[int, _Indices, _Indices, _Reals, _Reals, _Reals, _Bytes] | None: ...

# ---- largest differences (gaps.inc) ----

GAPS_LANES: int
SIDE: int
COEFFICIENTS: int

def largest_gaps(
    above: NDArray[np.float32],
    below: NDArray[np.float32],
    deviation: NDArray[np.float32],
    first: int,
    last: int,
    out: NDArray[np.float32],
) -> None: ...

# ---- votes and iterations (votes.inc, iterations.inc) ----

VOTE_TIE: Final[int]
VOTE_FIRST: Final[int]
VOTE_SECOND: Final[int]

_Outcomes = NDArray[np.int8]

def number_small_integers(first: _Counts, second: _Counts) -> tuple[_Indices, _Counts] | None: ...
def codes_of_small_integers(values: _Counts, numbers: _Indices) -> _Indices: ...
def count_small_integers(
    first: _Counts, second: _Counts, winner: NDArray[np.int8]
) -> tuple[_Counts, NDArray[np.float64], NDArray[np.float64]] | None: ...
def vote_matrices(
    first: _Indices, second: _Indices, winner: _Outcomes, weight: _Reals | None, wins: _Reals, ties: _Reals
) -> int: ...
def integer_vote_matrices(
    first: _Counts,
    second: _Counts,
    numbers: _Indices,
    winner: _Outcomes,
    weight: _Reals | None,
    wins: _Reals,
    ties: _Reals,
) -> int: ...
def vote_points(
    first: _Indices,
    second: _Indices,
    winner: _Outcomes,
    weight: _Reals | None,
    rules: tuple[float, float, float, float],
    exact: bool,
    points: _Reals,
) -> int: ...
def strengths(wins: _Reals, losses: _Reals, tolerance: float, limit: int, score: _Reals) -> int: ...
def tied_strengths(
    points: _Reals,
    points_lost: _Reals,
    wins: _Reals,
    ties: _Reals,
    v: float,
    tolerance: float,
    limit: int,
    score: _Reals,
) -> tuple[int, float, float]: ...
def power(matrix: _Reals, tolerance: float, limit: int, score: _Reals) -> int: ...
def pair_sums(first: _Counts, second: _Counts, times: _Reals, weight: _Reals, sums: _Reals) -> None: ...
def ep_pass(
    pair: _Counts,
    order: _Counts,
    logit: bool,
    tau: _Reals,
    nu: _Reals,
    covariance: _Reals,
    mean: _Reals,
    shift: _Reals,
    precision: _Reals,
) -> None: ...
