"""Rows of the ranking kernels.

Bounds of log-likelihoods and their derivatives are relative to the comparisons they sum over, times the size of a term.

Cells hold exact counts, or sums of weights in the order of the comparisons: the same bits however they are counted.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Holder, Kernel

_BITS = MappingProxyType({"float64": 0.0})

_ROWS = Holder("ComparisonRows", ("winner", "loser", "wide", "n_items", "kind", "weight", "outcome"))

COMPARISONS = (
    Kernel(
        name="tally",
        formula="table[kind, winner, loser] += weight, by way of a table of all pairs",
        arguments=("first", "last", "tallies", "status"),
        dtypes=("float64",),
        domain=(),
        bounds=_BITS,
        unit="bits",
        oracle="comparisons:cells",
        reference="counting",
        held_by=_ROWS,
    ),
    Kernel(
        name="word_cells",
        formula="sums of weights over equal (first, second, home) of sorted words",
        arguments=("words", "ends", "first", "last", "starts", "cells", "count"),
        dtypes=("float64",),
        domain=(),
        bounds=_BITS,
        unit="bits",
        oracle="comparisons:cells",
        reference="radix sort by most, then by least significant digits",
        held_by=_ROWS,
    ),
    Kernel(
        name="reach",
        formula="marks passed on along wins: i is reached if it beat, or tied with, someone reached",
        arguments=("first", "second", "wins_first", "wins_second", "ties", "against", "backwards", "reached"),
        dtypes=("float64",),
        domain=(),
        bounds=_BITS,
        unit="bits",
        oracle="comparisons:beaten_chains",
        reference="Ford, American Mathematical Monthly 64 (1957): a finite maximum exists where everybody is reached",
    ),
)

_SEQUENCE_BOUND = MappingProxyType({"float64": 1e-13})
_CHOICES_OF = Holder("Choices", ("item", "start", "depth", "weight"))
_CHOICES = "Plackett, Appl. Statist. 24 (1975); Hunter, Ann. Statist. 32 (2004)"


def _sequence_row(name, formula, arguments, oracle, reference, held_by=None):
    return Kernel(
        name=name,
        formula=formula,
        arguments=arguments,
        dtypes=("float64",),
        domain=(),
        bounds=_SEQUENCE_BOUND,
        unit="relative",
        oracle=oracle,
        reference=reference,
        held_by=held_by,
    )


SEQUENCES = (
    _sequence_row(
        "elo_play",
        "R_w += k w (o - σ(R_w - R_l)), R_l -= the same, game by game",
        ("winner", "loser", "outcome", "weight", "order", "k", "first", "last", "rating"),
        "elo:ratings",
        "Elo, The Rating of Chessplayers (1978)",
    ),
    Kernel(
        name="elo_shuffle",
        formula="the Fisher-Yates shuffle, place i by floor(word_i (i + 1) / 2^64)",
        arguments=("key", "replicate", "order"),
        dtypes=("int32",),
        domain=(),
        bounds=MappingProxyType({"int32": 0.0}),
        unit="bits",
        oracle="elo:shuffle",
        reference="Durstenfeld, Algorithm 235, CACM 7 (1964)",
    ),
    _sequence_row(
        "choices_gradient",
        "Σ u(a_t) - log Σ_{v >= t} exp u(a_v), and its derivatives",
        ("u", "w", "first", "last", "gradient", "diagonal", "total"),
        "plackett_luce:log_likelihood",
        _CHOICES,
        _CHOICES_OF,
    ),
    _sequence_row(
        "choices_matrix",
        "Σ q_min(i, j) over rankings, q_i = Σ_{t <= t_i} 1 / s_t²",
        ("w", "first", "last", "matrix"),
        "plackett_luce:hessian",
        _CHOICES,
        _CHOICES_OF,
    ),
    _sequence_row(
        "choices_product",
        "Hessian times a vector, ranking by ranking",
        ("w", "v", "first", "last", "out"),
        "plackett_luce:hessian",
        _CHOICES,
        _CHOICES_OF,
    ),
)

_PROBLEM = Holder("ComparisonProblem", ("model", "cells", "covariates", "ridge", "gamma"))
_MODELS = "Bradley and Terry 1952; Thurstone 1927; Rao and Kupper 1967; Davidson 1970"


def _model_row(name, formula, arguments, bound, oracle, reference, unit="relative", held_by=_PROBLEM):
    return Kernel(
        name=name,
        formula=formula,
        arguments=arguments,
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": bound}),
        unit=unit,
        oracle=f"paired_models:{oracle}",
        reference=reference,
        held_by=held_by,
    )


MODELS = (
    _model_row(
        "terms",
        "log-likelihood of one cell, its slopes and curvatures in the difference and in the tie parameter",
        ("u", "out"),
        1e-14,
        "terms",
        _MODELS,
    ),
    _model_row(
        "gradient",
        "sums of the terms over cells: log-likelihood, gradient, diagonal of the Hessian",
        ("u", "first", "last", "gradient", "totals", "diagonal", "curvature", "mixed"),
        1e-14,
        "terms",
        _MODELS,
    ),
    _model_row(
        "product",
        "Hessian times a vector, as a sum of h_k d_k(v) d_k over cells",
        ("curvature", "mixed", "v", "first", "last", "out"),
        1e-14,
        "laplacian_product",
        "weighted Laplacian of the graph of comparisons",
    ),
    _model_row(
        "prior",
        "log-prior -ridge/2 Σ θ² + gamma Σ (θ - e^θ), its slopes and curvatures",
        ("u", "gradient", "diagonal"),
        1e-14,
        "prior",
        "Caron and Doucet, J. Comput. Graph. Statist. 21 (2012): the Gamma prior",
    ),
    _model_row(
        "matrix",
        "the Hessian as a matrix, the sum of h_k d_k d_kᵀ over cells",
        ("curvature", "mixed", "tie", "prior", "out"),
        1e-14,
        "laplacian_product",
        "weighted Laplacian of the graph of comparisons",
    ),
    _model_row(
        "cholesky",
        "UᵀU = A in a fixed order; the bound is that of UᵀU for 300 rows",
        ("a", "n"),
        1e-13,
        "maximum",
        "Higham, Accuracy and Stability of Numerical Algorithms, 2002, theorem 10.3",
        held_by=None,
    ),
    _model_row(
        "solve",
        "the solution of UᵀU y = x; relative to its size times the condition of U",
        ("u", "x"),
        1e-13,
        "solution",
        "Higham, Accuracy and Stability of Numerical Algorithms, 2002, theorem 8.5",
        held_by=None,
    ),
    _model_row(
        "eliminate",
        "stationary law of a chain of rates, by elimination without subtractions; relative in every weight",
        ("rates", "high", "low"),
        1e-12,
        "stationary_law",
        "Grassmann, Taksar and Heyman, Oper. Res. 33 (1985) 1107-1116",
        held_by=None,
    ),
    _model_row(
        "newton",
        "the maximum of the penalised log-likelihood; the bound is in logits",
        ("u", "tolerance", "limit"),
        1e-9,
        "maximum",
        "Newton's method with a certificate",
    ),
    _model_row(
        "bootstrap",
        "the maxima of replicates of the counts, drawn as by `resample`; the bound is in logits",
        (
            *("key", "first", "last", "start", "factor", "known", "tolerance", "limit", "row", "steepness", "out"),
            "proven",
        ),
        1e-9,
        "maximum",
        "Newton's method with a certificate",
    ),
    _model_row(
        "resample",
        "Poisson variables with the counts as means, the same on every instruction set",
        ("key", "replicate", "wins_first", "wins_second", "ties"),
        0.0,
        "poisson_probabilities",
        "Walker, ACM TOMS 3 (1977) 253-256; Hörmann, Insurance: Mathematics and Economics 12 (1993) 39-45",
        unit="bits",
    ),
)

_VOTES = ("first", "second", "winner", "weight")


def _iteration_row(name, formula, arguments, bound, oracle, reference):
    return Kernel(
        name=name,
        formula=formula,
        arguments=arguments,
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": bound}),
        unit="relative" if bound else "bits",
        oracle=f"votes:{oracle}",
        reference=reference,
    )


# Steps as other packages take them: bounds hold after few of them, on data without overflow.
ITERATIONS = (
    _iteration_row(
        "vote_matrices",
        "wins[i, j] += weight; ties[i, j], ties[j, i] += weight",
        (*_VOTES, "wins", "ties"),
        0.0,
        "matrices",
        "counting",
    ),
    _iteration_row(
        "vote_points",
        "R += k (scored - σ(lead)), on both sides",
        (*_VOTES, "rules", "exact", "points"),
        1e-12,
        "points",
        "Elo, The Rating of Chessplayers (1978)",
    ),
    _iteration_row(
        "strengths",
        "s_i <- (Σ_j m_ij s_j / (s_i + s_j)) / (Σ_j m_ji / (s_i + s_j)), scaled",
        ("wins", "losses", "tolerance", "limit", "score"),
        1e-12,
        "strengths",
        "Newman, JMLR 24 (2023)",
    ),
    _iteration_row(
        "tied_strengths",
        "the same with a tie parameter, all items at once, not scaled",
        ("points", "points_lost", "wins", "ties", "v", "tolerance", "limit", "score"),
        1e-12,
        "tied_strengths",
        "Newman, JMLR 24 (2023); Davidson 1970",
    ),
    _iteration_row(
        "power",
        "s <- mᵀ s / ‖mᵀ s‖",
        ("matrix", "tolerance", "limit", "score"),
        1e-12,
        "power",
        "von Mises 1929",
    ),
    _iteration_row(
        "pair_sums",
        "Σ n_ij / (w_i + w_j)",
        ("first", "second", "times", "weight", "sums"),
        1e-13,
        "pair_sums",
        "Hunter, Ann. Statist. 32 (2004)",
    ),
    _iteration_row(
        "ep_pass",
        "moments of each pair's factor matched once, in order",
        ("pair", "order", "logit", "tau", "nu", "covariance", "mean", "shift", "precision"),
        1e-8,
        "ep_pass",
        "Chu and Ghahramani, Extensions of Gaussian Processes for Ranking (2005)",
    ),
)

GAPS = (
    Kernel(
        name="largest_gaps",
        formula="max over pairs of (d_i - d_j) a_ij, (d_j - d_i) b_ij, of all pairs or those of every item",
        arguments=("above", "below", "deviation", "first", "last", "out"),
        dtypes=("float32",),
        domain=(),
        bounds=MappingProxyType({"float32": 2.0**-22}),
        unit="relative",
        oracle="rank_sets:largest_gaps",
        reference="Mogstad, Romano, Shaikh and Wilhelm, Rev. Econ. Stud. 91 (2024) 476-518",
    ),
)

KERNELS: tuple[Kernel, ...] = COMPARISONS + SEQUENCES + MODELS + ITERATIONS + GAPS
# Entry points without a numerical result of their own: steps of counting by sorted words, properties, sizes.
HELPERS = {
    *("lay_out", "words", "scatter", "sort_buckets", "table_cells"),
    *(
        "beaten_neighbours",
        "check",
        "chord_factor",
        "parent",
        "side_by_side",
        "complete",
        "connected",
        "first_scores",
        "half_leverages",
        "merged_cells",
        "prepare",
        "stride",
    ),
    *(
        "beaten_neighbours",
        "encode_objects",
        "encode_rows",
        "encode_texts",
        "first_scores",
        "merged_cells",
        "number_small_integers",
        "codes_of_small_integers",
        "count_small_integers",
        "integer_vote_matrices",
        "home_is_told",
        "maximum",
        "centred_inverse",
        "covariance",
        "probabilities",
        "object_array",
        "ranks",
        "slope",
        "spread_scores",
    ),
}

TABLE = (
    # likelihood.inc, problem.inc, cholesky.inc, newton.inc, chord.inc, maximum.inc, home.inc, matrices.inc,
    # bootstrap.inc, side.inc
    "void ranking_terms_at(const ranking_problem *problem, const double *u, ptrdiff_t first, ptrdiff_t n, "
    "ranking_terms *terms)",
    "void ranking_pass(const ranking_problem *problem, const double *u, ptrdiff_t first, ptrdiff_t last, "
    "const ranking_sums *sums)",
    "void ranking_product(const ranking_problem *problem, const double *curvature, const double *mixed, "
    "const double *v, ptrdiff_t first, ptrdiff_t last, double *out)",
    "void ranking_assemble(const ranking_problem *problem, ptrdiff_t first, ptrdiff_t n, const double *curvature, "
    "const double *mixed, double *matrix, ptrdiff_t stride)",
    "void ranking_prior(const ranking_problem *problem, const double *u, double *value, double *gradient, "
    "double *diagonal, ptrdiff_t step)",
    "int ranking_cholesky(ptrdiff_t n, double *a, ptrdiff_t stride)",
    "void ranking_solve(ptrdiff_t n, const double *u, ptrdiff_t stride, double *x)",
    "int ranking_newton(const ranking_problem *problem, double tolerance, int limit, double *u, double *scratch, "
    "ranking_report *report)",
    "double ranking_sum(ptrdiff_t n, const double *x)",
    "void ranking_centre(ptrdiff_t items, double *u)",
    "double ranking_weight(const ranking_problem *problem)",
    "double ranking_evaluate(const ranking_problem *problem, const double *u, double *gradient, double *diagonal)",
    "int ranking_maximum(const ranking_problem *problem, double tolerance, int limit, double *u, double *scratch, "
    "ranking_report *report, double *largest)",
    "int ranking_is_certain(const ranking_problem *problem, double tolerance, int limit, const double *u, "
    "double *scratch, ranking_report *report)",
    "int ranking_covariance(const ranking_problem *problem, const double *u, double *curvature, double *out, "
    "double *scratch)",
    "int ranking_centred_inverse(ptrdiff_t n, ptrdiff_t items, double *matrix, double *out)",
    "void ranking_half_leverages(const ranking_problem *problem, const double *curvature, const double *covariance, "
    "double *along, double *half)",
    "int ranking_reduce_bias(const ranking_problem *problem, double tolerance, int limit, double *u, double *scratch, "
    "ranking_report *report, double *largest)",
    "int home_is_told(const ranking_problem *problem, const uint8_t *home, int64_t *potential, uint8_t *known)",
    "int home_is_bounded(const ranking_problem *problem, const uint8_t *home, int8_t *scratch)",
    "void ranks_of(ptrdiff_t items, const int64_t *order, const double *scores, double *out)",
    "ptrdiff_t matrix_cells(ptrdiff_t n, const double *wins, const double *ties, const compress_cells *cells)",
    "void ranking_probabilities(int model, ptrdiff_t n, const double *d, double tie, int outcome, double *out)",
    "void ranking_prepare(const ranking_problem *problem, const int32_t *row, ranking_draws *draws, double *memory)",
    "void ranking_resample(const ranking_problem *problem, const ranking_draws *draws, uint64_t key, "
    "uint64_t replicate, double *wins_first, double *wins_second, double *ties, double *scratch)",
    "int ranking_proves(const ranking_problem *problem, const double *u, double row, double steepness, "
    "double *scratch)",
    "int ranking_chord_factor(const ranking_problem *problem, const double *u, double *factor, double *known, "
    "double *scratch)",
    "int ranking_chord(const ranking_problem *problem, const double *factor, const double *known, double tolerance, "
    "double *u, double *scratch)",
    "int ranking_side_parent(const ranking_problem *problem, const ranking_draws *draws, const double *u, "
    "float *inverse, float *slopes, double *scratch)",
    "void ranking_side(const ranking_problem *problem, const ranking_draws *draws, const ranking_parent *parent, "
    "uint64_t key, uint64_t replicate, double tolerance, double *scratch, double *u, int *state, uint8_t *both)",
    "int ranking_connected(const ranking_problem *problem, uint8_t *reached)",
    # elimination.inc
    "void ranking_eliminate(ptrdiff_t n, ptrdiff_t high, ptrdiff_t low, double *rates)",
    # compress.inc
    "void compress_tally(const compress_rows *rows, ptrdiff_t first, ptrdiff_t last, uint32_t *table, "
    "uint64_t *status)",
    "void compress_tally_weights(const compress_rows *rows, ptrdiff_t first, ptrdiff_t last, double *table, "
    "uint64_t *status)",
    "ptrdiff_t compress_table_cells(const void *table, int real, int32_t n, int ties, int homes, "
    "const compress_cells *cells)",
    "void compress_words(const compress_rows *rows, compress_layout layout, ptrdiff_t first, ptrdiff_t last, "
    "int shift, uint64_t *words, int64_t *bucket, uint64_t *status)",
    "void compress_scatter(const uint64_t *words, ptrdiff_t first, ptrdiff_t last, int shift, int64_t *place, "
    "uint64_t *out)",
    "void compress_sort(ptrdiff_t n, uint64_t *words, uint64_t *other, int low, int high)",
    "ptrdiff_t compress_word_cells(const compress_rows *rows, compress_layout layout, ptrdiff_t n, "
    "const uint64_t *words, const compress_cells *cells)",
    # elo.inc
    "void elo_play(const elo_games *games, double k, ptrdiff_t first, ptrdiff_t last, double *rating)",
    "void elo_shuffle(uint64_t key, uint64_t replicate, ptrdiff_t size, int32_t *order)",
    # plackett_luce.inc
    "void choices_pass(const choices *choice, const double *u, const double *w, ptrdiff_t first, ptrdiff_t last, "
    "ptrdiff_t tile, double *scratch, double *gradient, double *diagonal, double *total)",
    "void choices_matrix(const choices *choice, const double *w, ptrdiff_t first, ptrdiff_t last, ptrdiff_t n_items, "
    "double *left, double *matrix)",
    "void choices_product(const choices *choice, const double *w, const double *v, ptrdiff_t first, ptrdiff_t last, "
    "ptrdiff_t tile, double *scratch, double *out)",
    # reach.inc
    "ptrdiff_t reach_sweep(ptrdiff_t n, const int32_t *first, const int32_t *second, const double *wins_first, "
    "const double *wins_second, const double *ties, int against, int backwards, ptrdiff_t most, "
    "uint8_t *reached)",
    # votes.inc, iterations.inc
    "ptrdiff_t votes_numbers(ptrdiff_t n, const int64_t *value, ptrdiff_t slots, ptrdiff_t known, int32_t *slot, "
    "int64_t *name)",
    "void votes_codes(ptrdiff_t n, const int64_t *value, const int32_t *slot, int32_t *code)",
    "int64_t votes_counts(ptrdiff_t n, const int64_t *first, const int64_t *second, const int8_t *winner, int bits, "
    "uint32_t *counts)",
    "void votes_seen(int bits, const uint32_t *counts, uint32_t *seen)",
    "void votes_of_counts(ptrdiff_t items, const int64_t *name, int bits, const uint32_t *counts, double *wins, "
    "double *ties)",
    "ptrdiff_t votes_matrices(const votes *vote, ptrdiff_t items, double *wins, double *ties)",
    "void votes_mirrored(ptrdiff_t items, double *ties)",
    "ptrdiff_t votes_points(const votes *vote, const votes_rules *rules, int exact, double *points)",
    "ptrdiff_t strengths(const strengths_counts *counts, double tolerance, ptrdiff_t limit, double *scratch, "
    "double *score)",
    "ptrdiff_t tied(const tied_counts *counts, double tolerance, ptrdiff_t limit, double *scratch, double *v, "
    "double *score)",
    "ptrdiff_t power(ptrdiff_t n, const double *matrix, double tolerance, ptrdiff_t limit, double *scratch, "
    "double *score)",
    "void pair_sums(ptrdiff_t pairs, const int64_t *first, const int64_t *second, const double *times, "
    "const double *weight, double *sums)",
    "void ep_pass(const ep_state *state, double *u)",
    # gaps.inc
    "void gaps_largest(ptrdiff_t items, ptrdiff_t count, ptrdiff_t start, ptrdiff_t rows, const float *above, "
    "const float *below, const float *deviation, float *scratch, float *out)",
)
