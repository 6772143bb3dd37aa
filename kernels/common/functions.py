"""Rows of elementwise functions and moments (format: ``spec.py``). Formulae: ``af_math_type.h``, ``af_reduce.h``.

Bounds of functions are in units in the last place of the exact result, one unit being the smallest subnormal where the
result is subnormal. They hold for every floating number, subnormal ones included. The bound of `moments_blocks` is
relative to the largest |x|: that of the mean and of every x - mean; that of `moments_fold` is one rounding, of the sum
of |x - mean|^k, for each of the additions that a number goes through.
"""

from math import inf
from types import MappingProxyType

from .spec import Kernel, of_each_type

# Largest error found, in ulp, on 2026-11-21 (softplus in float32 on 2026-11-30); no test finds them again. float64
# against mpmath on 50 000 to 200 000 points per function (every piece and seam, uniform and logarithmic). float32
# against the float64 functions: exp, expm1, log, log1p and softplus on all 2^32 numbers, the normal quantiles on all
# of (0, 1), the others on at least every 23rd number. "fma" is AVX2 and AVX-512, whose results are the same bits.
MEASURED = MappingProxyType(
    {
        # name: (float64 baseline, float64 fma, float32 baseline, float32 fma)
        "exp": (1.14, 0.85, 1.21, 0.93),
        "expm1": (1.11, 1.11, 1.07, 1.07),
        "log": (0.79, 0.80, 0.84, 0.84),
        "log1p": (0.88, 0.85, 0.90, 0.91),
        "log1mexp": (1.93, 1.99, 2.28, 1.76),
        "softplus": (2.52, 2.52, 2.82, 2.80),
        "sigmoid": (1.99, 1.99, 2.41, 2.41),
        "normal_cdf": (3.09, 2.58, 3.16, 2.89),
        "log_normal_cdf": (3.41, 3.41, 4.28, 4.14),
        "normal_ppf": (3.50, 2.55, 3.71, 2.81),
        "normal_isf": (3.50, 2.55, 3.71, 2.81),
        "normal_ppf_rn": (3.50, 3.50, 3.71, 3.71),
    }
)

LINE = (-inf, inf)
HALF_LINE = (0.0, inf)
UNIT = (0.0, 1.0)


def row(name, formula, domain, bound, reference):
    """Return the row of a function of one argument that exists in both dtypes."""
    return Kernel(
        name=name,
        formula=formula,
        arguments=("x", "out"),
        dtypes=("float64", "float32"),
        domain=(domain,),
        bounds=MappingProxyType({"float64": bound, "float32": bound}),
        oracle=f"scalar:{name}",
        reference=reference,
    )


CODY_WAITE = "Cody and Waite, Software Manual for the Elementary Functions, 1980; own polynomial"
FDLIBM = "fdlibm e_log.c; own polynomial"
MILLS = "Shepherd and Laframboise, Math. Comp. 36 (1981) 249-253: (t-K)/(t+K); own polynomial"
QUANTILE = "Wichura, AS 241, Appl. Statist. 37 (1988) 477-484: pieces; own rational functions"

FUNCTIONS = (
    row("exp", "exp(x)", LINE, 2.0, CODY_WAITE),
    row("expm1", "exp(x) - 1", LINE, 2.0, CODY_WAITE),
    row("log", "log(x)", HALF_LINE, 2.0, FDLIBM),
    row("log1p", "log(1 + x)", (-1.0, inf), 2.0, FDLIBM),
    row("log1mexp", "log(1 - exp(-x))", HALF_LINE, 4.0, "Maechler, Accurately computing log(1 - exp(-|a|)), 2012"),
    row("softplus", "log(1 + exp(x))", LINE, 4.0, "2 atanh(w/2) with w = e/(1 + e/2), e = exp(-|x|)"),
    row("sigmoid", "1 / (1 + exp(-x))", LINE, 4.0, "from exp(-|x|)"),
    row("normal_cdf", "Φ(x)", LINE, 4.0, MILLS),
    row("log_normal_cdf", "log Φ(x)", LINE, 5.0, MILLS),
    row("normal_ppf", "Φ⁻¹(x)", UNIT, 4.0, QUANTILE),
    row("normal_isf", "Φ⁻¹(1 - x)", UNIT, 4.0, QUANTILE),
    row("normal_ppf_rn", "Φ⁻¹(x), no product fused: the same bits on every machine", UNIT, 4.0, QUANTILE),
)

CHAN = "Chan, Golub, LeVeque, Amer. Statist. 37 (1983); Pébay, SAND2008-6212: moments of a union"


def moments_row(name, formula, arguments, bound):
    """Return the row of one of the two passes over moments."""
    return Kernel(
        name=name,
        formula=formula,
        arguments=arguments,
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": bound}),
        unit="relative",
        oracle="reduce:moments",
        reference=CHAN,
    )


MOMENTS = (
    moments_row(
        "moments_blocks",
        "count, mean, Σ (x - mean)^k for k = 2, 3, 4, least and largest of every block",
        ("x", "first", "last", "out"),
        4.5e-16,
    ),
    moments_row("moments_fold", "the same of all blocks, merged in order", ("blocks", "total"), 1.2e-16),
)

KERNELS = FUNCTIONS + MOMENTS
# Entry points without a numerical result.
HELPERS = {
    *("supported_isas", "choose_isa"),
    *("count_index_pairs", "read_choices", "read_codes", "read_index_pairs", "read_index_rows", "read_json_cells"),
    *("read_indices", "read_reals"),
}

MAP = "void map_{name}_{{suffix}}(ptrdiff_t n, const {{real}} *x, {{real}} *out)"
SCALAR = "{{real}} scalar_{name}_{{suffix}}({{real}} x)"

TABLE = (
    "void moments_blocks(ptrdiff_t n, const double *x, ptrdiff_t first, ptrdiff_t last, af_moments *out)",
    "void moments_fold(ptrdiff_t n_blocks, const af_moments *blocks, af_moments *total)",
    *(prototype for kernel in FUNCTIONS for prototype in of_each_type(MAP.format(name=kernel.name))),
    *(prototype for kernel in FUNCTIONS for prototype in of_each_type(SCALAR.format(name=kernel.name))),
    # rows.inc
    "void widen_f32(ptrdiff_t n, const float *x, double *out)",
    "void widen_i64(ptrdiff_t n, const int64_t *x, double *out)",
    "void narrow_f32(ptrdiff_t n, const double *x, float *out)",
    "int all_within(ptrdiff_t n, const double *x, double least)",
    "int all_finite(ptrdiff_t n, const double *x)",
    "int has_nan(ptrdiff_t n, const double *x)",
    "int are_masses(ptrdiff_t n, const double *p)",
)
