"""Rows of the information kernels.

Bounds of means and log-partition functions (these by order) are relative to max |r| on the support plus
1/max(|order|, 1/range); those of moments to the sums of absolute central powers; that of `log_tilted` is absolute, per
unit of 1 + |log π| + |order| max |r|.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel, of_each_type

_ROWS = ("weights", "weight_kind", "rewards", "reward_kind", "normalize", "orders")
_BOUNDS = MappingProxyType({"float32": 5e-7, "float64": 2e-15})
_TILT_BOUNDS = MappingProxyType({"float32": 1e-13, "float64": 1e-13})
_RANGE = ("first_row", "last_row")
_REFERENCE = "kernels/information/exponential_mean.inc, tilted.inc: forms and bounds at their heads"

KERNELS = (
    Kernel(
        name="exponential_mean",
        formula="log(Σ p e^{ρ r})/ρ, Σ p r at 0, extremes of r at ±inf",
        arguments=(*_ROWS, "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_BOUNDS,
        unit="relative",
        oracle="information:exponential_mean",
        reference=_REFERENCE,
    ),
    Kernel(
        name="log_mgf",
        formula="log Σ p e^{ρ r}",
        arguments=(*_ROWS, "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_BOUNDS,
        unit="relative",
        oracle="information:log_mgf",
        reference=_REFERENCE,
    ),
    Kernel(
        name="tilted_moments",
        formula="log Σ p e^{ρ r} and cumulants 1..8 of r under p e^{ρ r}",
        arguments=(*_ROWS, "means", "normalizers", "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 2e-6, "float64": 5e-14}),
        unit="relative",
        oracle="information:cumulants",
        reference=_REFERENCE,
    ),
    Kernel(
        name="log_tilted",
        formula="log p + ρ r - log Σ p e^{ρ r}",
        arguments=(*_ROWS, "means", "normalizers", "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_BOUNDS,
        unit="relative",
        oracle="information:tilted",
        reference=_REFERENCE,
    ),
    Kernel(
        name="plain_entropy",
        formula="-Σ p log p",
        arguments=("p",),
        dtypes=("float64",),
        domain=((0.0, 1e300),),
        bounds=MappingProxyType({"float64": 2e-15}),
        unit="relative",
        oracle="information:renyi_entropy",
        reference="kernels/information/plain.inc",
    ),
    Kernel(
        name="plain_cross_entropy",
        formula="-Σ p log q",
        arguments=("p", "q", "normalize"),
        dtypes=("float64",),
        domain=((0.0, 1e300), (0.0, 1e300)),
        bounds=MappingProxyType({"float64": 2e-15}),
        unit="relative",
        oracle="information:renyi_cross_entropy",
        reference="kernels/information/plain.inc",
    ),
    Kernel(
        name="plain_divergence",
        formula="Σ p log(p/q)",
        arguments=("p", "q", "normalize"),
        dtypes=("float64",),
        domain=((0.0, 1e300), (0.0, 1e300)),
        bounds=MappingProxyType({"float64": 2e-15}),
        unit="relative",
        oracle="information:renyi_divergence",
        reference="kernels/information/plain.inc",
    ),
    Kernel(
        name="tilts",
        formula="D(T‖p), mean, variance and log-MGF of T ∝ p e^{α r}",
        arguments=("weights", "weight_kind", "rewards", "alphas", "log_pi", "out", *_RANGE),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_TILT_BOUNDS,
        unit="relative",
        oracle="information:tilted_divergence",
        reference="kernels/information/tilted_row.inc",
    ),
    Kernel(
        name="tilts_of_divergence",
        formula="α ≥ 0 with D(T_α‖p) given",
        arguments=(
            "weights",
            "weight_kind",
            "rewards",
            "divergences",
            "log_deficit",
            "start",
            "alpha",
            "reached",
            *_RANGE,
        ),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_TILT_BOUNDS,
        unit="relative",
        oracle="information:alpha_of_divergence",
        reference="kernels/information/solve.inc",
    ),
    Kernel(
        name="rates",
        formula="sup_t (t x − K(t)) and its maximiser",
        arguments=("weights", "weight_kind", "rewards", "levels", "value", "t", *_RANGE),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_TILT_BOUNDS,
        unit="relative",
        oracle="information:rate_function",
        reference="kernels/information/solve.inc",
    ),
    Kernel(
        name="gradients",
        formula="derivatives of tilts and Rényi measures",
        arguments=("weights", "weight_kind", "rewards", "quantity", "points", "scalars", "vectors", *_RANGE),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_TILT_BOUNDS,
        unit="relative",
        oracle="information:tilted",
        reference="kernels/information/gradient.inc",
    ),
    Kernel(
        name="estimates",
        formula="e^−ρ − 1 + ρ and 1 − e^−ρ",
        arguments=("rho", "k3", "slope", "first", "last"),
        dtypes=("float64",),
        domain=((-700.0, 1e300),),
        bounds=MappingProxyType({"float64": 6e-15}),
        unit="relative",
        oracle="information:exponential_rest",
        reference="kernels/information/formulas.h, b",
    ),
)

# Entry points without a numerical result of their own.
HELPERS: set[str] = {
    *("estimator_moments", "communicating_classes", "cycle_mean", "best_walks", "markov_aligned", "markov_rate"),
    *(
        "near_mean",
        "order_begin",
        "order_end",
        "order_found",
        "order_parts",
        "perron",
        "plain_from_parts",
        "plain_parts",
        "stationary",
    ),
}

TABLE = (
    *of_each_type(
        "af_verdict exponential_mean_{suffix}(const af_rows *rows, int times_order, double *out, double *normalizers, "
        "ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
    *of_each_type(
        "void tilted_moments_{suffix}(const af_rows *rows, int n, const double *means, const double *normalizers, "
        "double *out, ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
    *of_each_type(
        "void log_tilted_{suffix}(const af_rows *rows, const double *means, const double *normalizers, {real} *out, "
        "ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
    "int mean_of_near_f64(const af_rows *rows, ptrdiff_t row, double rho, int times_order, double *to)",
    "void order_found_f64(const af_rows *rows, ptrdiff_t row, ptrdiff_t first, ptrdiff_t last, double *found)",
    "int order_begin_f64(const af_rows *rows, ptrdiff_t row, double rho, int times_order, const double *found, "
    "af_order_frame *frame)",
    "void order_parts_f64(const af_rows *rows, ptrdiff_t row, const af_order_frame *frame, ptrdiff_t first, "
    "ptrdiff_t last, double *sums)",
    "double order_end_f64(const af_rows *rows, ptrdiff_t row, const af_order_frame *frame, int times_order, "
    "const double *sums)",
    "int order_again_f64(const af_rows *rows, af_order_frame *frame)",
    "double plain_entropy(ptrdiff_t n, const double *p)",
    "double plain_cross_entropy(ptrdiff_t n, const double *p, const double *q, int normalize)",
    "double plain_divergence(ptrdiff_t n, const double *p, const double *q, int normalize)",
    "void plain_parts(int kind, ptrdiff_t n, const double *p, const double *q, ptrdiff_t first, ptrdiff_t last, "
    "double *parts)",
    "double plain_from_parts(int kind, ptrdiff_t n, const double *p, const double *q, int normalize, "
    "const double *parts)",
    "int tilts(const af_rows *rows, int single, void *log_pi, double *out, double *scratch, "
    "ptrdiff_t first, ptrdiff_t last)",
    "int tilts_of_divergence(const af_rows *rows, int single, const double *log_deficit, const double *start, "
    "double *alpha, double *reached, double *scratch, ptrdiff_t first, ptrdiff_t last)",
    "int rates(const af_rows *rows, int single, double *value, double *t, double *scratch, "
    "ptrdiff_t first, ptrdiff_t last)",
    "int gradients(const af_rows *rows, int single, int quantity, double *scalars, double *vectors, double *scratch, "
    "ptrdiff_t first, ptrdiff_t last)",
    "ptrdiff_t markov_classes(ptrdiff_t n, const uint8_t *support, int64_t *label, int64_t *scratch)",
    "void markov_walk(ptrdiff_t n, ptrdiff_t k, const double *weight, double *walks)",
    "double markov_cycle_mean(ptrdiff_t n, const double *walks)",
    "void markov_by_way_of(ptrdiff_t n, ptrdiff_t k, double *closure, double *scratch)",
    "int markov_noda(ptrdiff_t n, const double *matrix, double *vector, double *answer, double *bounds, "
    "double *scratch)",
    "void markov_reduce(ptrdiff_t n, ptrdiff_t k, double *A)",
    "void markov_law(ptrdiff_t n, double *A, double *law)",
    "int markov_normalise(ptrdiff_t n, double *matrix)",
    "double markov_rate(ptrdiff_t n, const double *P, const double *Q, double rho, double *memory)",
    "int markov_aligned(ptrdiff_t n, const double *P, const double *r, double alpha, double *chain, double *out, "
    "double *memory)",
    "void estimates(ptrdiff_t n, const double *rho, double *k3, double *slope)",
    "int estimator_moments(const af_rows *rows, int single, double *scalars, double *vectors, double *scratch, "
    "ptrdiff_t first, ptrdiff_t last)",
)
