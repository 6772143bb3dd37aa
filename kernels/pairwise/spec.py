"""Rows of the pairwise kernels.

Bounds of `evaluate` are in units of the machine epsilon times the sum of the magnitudes of the terms of a formula, for
exact arguments βm - γ; where scores go through a map (of an f-divergence, or AlphaPO's), magnitudes include by how much
the result answers to relative changes of a score and of its slope, which are rounded before. They hold for losses and
first derivatives, and for second derivatives but those of exo_pair and discopop, which are within four times the bound.
Sums over pairs add the error of a fixed-order sum of 1024 terms. What sorts and scatters moves values unchanged. Bounds
of `token_logprobs` are absolute, per unit of 1 + |log p| + the mean distance of a logit from the largest; those of
`logit_gradients` relative to the probability, per unit of 1 + its |log|.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Holder, Kernel, of_each_type

_LOGITS = ("logits", "storage", "token_ids", "log_partition")
_TILE = ("logits", "storage", "token_ids", "first_letter")
_ROWS = ("out", "first_row", "last_row")

_PAIRS = Holder("Pairs", ("loss", "storage", "lengths_first", "wide", "n", "inputs", "outputs", "factor", "metrics"))

KERNELS = (
    Kernel(
        name="evaluate",
        formula="a preference loss of margins or of pairs of scores, its first and second derivatives",
        arguments=("first", "last"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 4.0, "float64": 4.0}),
        oracle="pairwise:loss",
        reference="kernels/pairwise/formulas.h: one reference per loss in LOSS_TYPES",
        held_by=_PAIRS,
    ),
    Kernel(
        name="sort_differences",
        formula="x - y in ascending order, and the index of each",
        arguments=("x", "y", "values", "order"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 0.0, "float64": 0.0}),
        unit="bits",
        oracle="pairwise:sorted_differences",
        reference="kernels/include/alignment_fast/af_sort.h",
    ),
    Kernel(
        name="scatter",
        formula="out[order[i]] = sign values[i]",
        arguments=("values", "order", "out", "sign"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 0.0, "float64": 0.0}),
        unit="bits",
        oracle="pairwise:scattered",
        reference="kernels/pairwise/cpu.pyx",
    ),
    Kernel(
        name="token_logprobs",
        formula="z[id] − log Σ e^z",
        arguments=(*_LOGITS, *_ROWS),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 4e-7, "float64": 1e-15}),
        unit="relative",
        oracle="sequence:token_logprobs",
        reference="kernels/pairwise/sequence.inc, arXiv:1805.02867",
    ),
    Kernel(
        name="logit_gradients",
        formula="1[v = id] − e^{z_v} / Σ e^z",
        arguments=(*_LOGITS, "factor", *_ROWS),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 4e-7, "float64": 1e-15}),
        unit="relative",
        oracle="sequence:logit_gradients",
        reference="kernels/pairwise/sequence.inc, arXiv:1805.02867",
    ),
    Kernel(
        name="vocabulary_sums",
        formula="Σ e^z, Σ e^z z, Σ e^{2z} and Σ z over a tile of letters, relative to a frame; the largest logit",
        arguments=(*_TILE, "moments", "sums", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 2e-6, "float64": 5e-15}),
        unit="relative",
        oracle="sequence:vocabulary",
        reference="kernels/pairwise/vocabulary.inc, arXiv:1805.02867",
    ),
    Kernel(
        name="vocabulary_gradients",
        formula="factor (1[v = id] − p_v) − entropy_factor p_v (log p_v + entropy) over a tile of letters",
        arguments=(*_TILE, "log_partition", "factor", "entropy_factor", "entropy", *_ROWS),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 2e-6, "float64": 5e-15}),
        unit="relative",
        oracle="sequence:vocabulary_gradients",
        reference="kernels/pairwise/vocabulary.inc, arXiv:1805.02867",
    ),
)

# Entry points without a numerical result of their own: rewards of matched losses, the number of tiles, and the end of
# the sums of `evaluate`.
HELPERS = {"matched_rewards", "row_sums", "sum_of_differences", "sums", "tiles"}

TABLE = (
    *of_each_type("void pairs_{suffix}(const af_pairs *pairs, ptrdiff_t first_tile, ptrdiff_t last_tile)"),
    *of_each_type("double difference_sum_{suffix}(ptrdiff_t n, const {real} *x, const {real} *y)"),
    *of_each_type(
        "void sort_differences_{suffix}(ptrdiff_t n, const {real} *x, const {real} *y, uint64_t *scratch, "
        "int32_t *order, {real} *values)"
    ),
    *of_each_type(
        "void token_logprobs_{suffix}(const af_token_rows *rows, const int64_t *token_ids, double *log_partition, "
        "double *out, ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
    *of_each_type(
        "void logit_gradients_{suffix}(const af_token_rows *rows, const int64_t *token_ids, "
        "const double *log_partition, const double *factor, const af_token_rows *out, ptrdiff_t first_row, "
        "ptrdiff_t last_row)"
    ),
    *of_each_type(
        "void vocabulary_sums_{suffix}(const af_token_rows *rows, const int64_t *token_ids, ptrdiff_t first_letter, "
        "int moments, double *sums, ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
    *of_each_type(
        "void vocabulary_gradients_{suffix}(const af_token_rows *rows, const int64_t *token_ids, "
        "ptrdiff_t first_letter, const double *log_partition, const double *factor, const double *entropy_factor, "
        "const double *entropy, const af_token_rows *out, ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
)
