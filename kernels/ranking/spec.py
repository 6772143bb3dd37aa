"""Rows of the ranking kernels.

Bounds of log-likelihoods and their derivatives are relative to the comparisons they sum over, times the size of a term.

Cells hold exact counts, or sums of weights in the order of the comparisons: the same bits however they are counted.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

_BITS = MappingProxyType({"float64": 0.0})

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
        backends=("cpu",),
        reference="counting",
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
        backends=("cpu",),
        reference="radix sort by most, then by least significant digits",
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
        backends=("cpu",),
        reference="Ford, American Mathematical Monthly 64 (1957): a finite maximum exists where everybody is reached",
    ),
)

_ELO_BOUND = MappingProxyType({"float64": 1e-13})
_CHOICES = "Plackett, Appl. Statist. 24 (1975); Hunter, Ann. Statist. 32 (2004)"


def _sequence_row(name, formula, arguments, oracle, reference):
    return Kernel(
        name=name,
        formula=formula,
        arguments=arguments,
        dtypes=("float64",),
        domain=(),
        bounds=_BITS if name == "elo_shuffle" else _ELO_BOUND,
        unit="bits" if name == "elo_shuffle" else "relative",
        oracle=oracle,
        backends=("cpu",),
        reference=reference,
    )


SEQUENCES = (
    _sequence_row(
        "elo_play",
        "R_w += k w (o - σ(R_w - R_l)), R_l -= the same, game by game",
        ("winner", "loser", "outcome", "weight", "order", "k", "first", "last", "rating"),
        "elo:ratings",
        "Elo, The Rating of Chessplayers (1978)",
    ),
    _sequence_row(
        "elo_shuffle",
        "the Fisher-Yates shuffle, place i by floor(word_i (i + 1) / 2^64)",
        ("key", "replicate", "order"),
        "elo:shuffle",
        "Durstenfeld, Algorithm 235, CACM 7 (1964)",
    ),
    _sequence_row(
        "choices_gradient",
        "Σ u(a_t) - log Σ_{v >= t} exp u(a_v), and its derivatives",
        ("u", "w", "first", "last", "gradient", "diagonal", "total"),
        "plackett_luce:log_likelihood",
        _CHOICES,
    ),
    _sequence_row(
        "choices_matrix",
        "Σ q_min(i, j) over rankings, q_i = Σ_{t <= t_i} 1 / s_t²",
        ("w", "first", "last", "matrix"),
        "plackett_luce:hessian",
        _CHOICES,
    ),
    _sequence_row(
        "choices_product",
        "Hessian times a vector, ranking by ranking",
        ("w", "v", "first", "last", "out"),
        "plackett_luce:hessian",
        _CHOICES,
    ),
)

_MODELS = "Bradley and Terry 1952; Thurstone 1927; Rao and Kupper 1967; Davidson 1970"


def _model_row(name, formula, arguments, bound, oracle, reference, unit="relative"):
    return Kernel(
        name=name,
        formula=formula,
        arguments=arguments,
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": bound}),
        unit=unit,
        oracle=f"paired_models:{oracle}",
        backends=("cpu",),
        reference=reference,
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
        "terms",
        "weighted Laplacian of the graph of comparisons",
    ),
    _model_row(
        "cholesky",
        "UᵀU = A in a fixed order; the bound is that of UᵀU for 300 rows",
        ("a", "n"),
        1e-13,
        "maximum",
        "Higham, Accuracy and Stability of Numerical Algorithms, 2002, theorem 10.3",
    ),
    _model_row(
        "newton",
        "the maximum of the penalised log-likelihood; the bound is in logits",
        ("u", "tolerance", "limit", "report", "wins_first", "wins_second"),
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
        "Hörmann, Insurance: Mathematics and Economics 12 (1993) 39-45",
        unit="bits",
    ),
)

KERNELS: tuple[Kernel, ...] = COMPARISONS + SEQUENCES + MODELS
