"""Rows of the kernels behind SciPy's names; results of float32 are rounded from double but for sums of exponentials."""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel, of_each_type

_HALF_LINE = (0.0, 1e308)
_BOUNDS = MappingProxyType({"float32": 6e-8, "float64": 1e-14})  # float32: rounded once, from double


def _of_elements(name, formula, arguments, domain, oracle, bounds=_BOUNDS):
    return Kernel(
        name=name,
        formula=formula,
        arguments=arguments,
        dtypes=("float32", "float64"),
        domain=domain,
        bounds=bounds,
        unit="relative",
        oracle=f"special:{oracle}",
        reference="kernels/special/formulas.h, quantiles.inc",
    )


def _of_rows(name, formula):
    return Kernel(
        name=name,
        formula=formula,
        arguments=("x", "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 8e-6, "float64": 1e-13}),
        unit="relative",
        oracle=f"special:{name}",
        reference="kernels/special/softmax.inc",
    )


KERNELS = (
    Kernel(
        name="log_sum_exp",
        formula="log |Σ b e^x| and the sign of Σ b e^x; relative to |log| + |largest x|, and to Σ |b| e^x",
        arguments=("x", "b", "log_sum", "sign", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 5e-6, "float64": 1e-13}),
        unit="relative",
        oracle="special:log_sum_exp",
        reference="kernels/special/log_sum_exp.inc",
    ),
    _of_rows("softmax", "e^x / Σ e^x"),
    _of_rows("log_softmax", "x - log Σ e^x"),
    _of_elements("entr", "-x log x", ("x", "out"), (_HALF_LINE,), "entr"),
    _of_elements("rel_entr", "x log(x/y)", ("x", "y", "out"), (_HALF_LINE, _HALF_LINE), "rel_entr"),
    _of_elements("kl_div", "x log(x/y) - x + y", ("x", "y", "out"), (_HALF_LINE, _HALF_LINE), "kl_div"),
    _of_elements(
        "log_ndtr",
        "log Φ(x)",
        ("x", "out"),
        ((-1e150, 38.0),),
        "log_ndtr",
        MappingProxyType({"float32": 6e-7, "float64": 1.2e-15}),
    ),
    _of_elements("ndtri_exp", "x with log Φ(x) = y", ("x", "out"), ((-1e300, 0.0),), "ndtri_exp"),
)

# Entry points whose accuracy is that of public functions, stated and tested there.
OF_PUBLIC_FUNCTIONS = {"entropies"}
# Entry points without a numerical result of their own.
HELPERS: set[str] = set()

TABLE = (
    *of_each_type(
        "void log_sum_exp_{suffix}(ptrdiff_t n, const {real} *x, ptrdiff_t x_stride, const {real} *b, "
        "ptrdiff_t b_stride, {real} *log_sum, {real} *sign, ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
    *of_each_type(
        "void softmax_{suffix}(ptrdiff_t n, const {real} *x, {real} *out, ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
    *of_each_type(
        "void log_softmax_{suffix}(ptrdiff_t n, const {real} *x, {real} *out, ptrdiff_t first_row, ptrdiff_t last_row)"
    ),
    *of_each_type("void entropy_terms_{suffix}(ptrdiff_t n, const {real} *x, {real} *out)"),
    *of_each_type("void relative_terms_{suffix}(ptrdiff_t n, const {real} *x, const {real} *y, {real} *out)"),
    *of_each_type("void divergence_terms_{suffix}(ptrdiff_t n, const {real} *x, const {real} *y, {real} *out)"),
    *of_each_type("void log_normal_terms_{suffix}(ptrdiff_t n, const {real} *x, {real} *out)"),
    *of_each_type("void normal_quantiles_of_logs_{suffix}(ptrdiff_t n, const {real} *y, {real} *out)"),
)
