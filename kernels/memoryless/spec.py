"""Rows of the memoryless kernels. `relative` is relative to what the head of the formula's .inc file says."""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

KERNELS = (
    Kernel(
        name="types",
        formula="log(m!/Π n_k! Π p_k^n_k) and Σ n_k r_k of every type n of m letters; relative to 1 + |log|",
        arguments=("constant", "terms", "exponents", "generators", "start", "first", "last", "reward", "log_pmf"),
        dtypes=("float64",),
        domain=((0.0, float("inf")),),
        bounds=MappingProxyType({"float64": 4e-15}),
        unit="relative",
        oracle="memoryless:log_multinomial",
        reference="Loader (2000), Fast and accurate computation of binomial probabilities",
    ),
    Kernel(
        name="types_means",
        formula="Σ w(n) n_k over every type n; relative for weights of one sign",
        arguments=("letters", "m", "start", "weight", "first", "last", "sums"),
        dtypes=("float64",),
        domain=((2, 64), (1, float("inf"))),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="memoryless:type_means",
        reference="sum in a fixed order, af_reduce.h",
    ),
    Kernel(
        name="power",
        formula="z^m of complex z, |z| ≤ 1, or 0 where |z|² < negligible; relative to m |z|^m",
        arguments=("m", "negligible", "z", "first", "last"),
        dtypes=("float64",),
        domain=((1, 2**40),),
        bounds=MappingProxyType({"float64": 5e-16}),
        unit="relative",
        oracle="memoryless:power",
        reference="Brent, Percival, Zimmermann (2007), Error bounds on complex floating-point multiplication",
    ),
    Kernel(
        name="merge",
        formula="log(mass) - θ s + shift where its error is the least so far; relative to |log mass| + |θ| s + |shift|",
        arguments=("theta", "shift", "noise", "smooth", "least", "first", "size", "mass", "log_pmf", "error"),
        dtypes=("float64",),
        domain=((float("-inf"), float("inf")),),
        bounds=MappingProxyType({"float64": 4e-16}),
        unit="relative",
        oracle="memoryless:untilted",
        reference="exponential change of measure",
    ),
)

# Entry points without a numerical result of their own.
HELPERS = {"recognise", "sort"}

TABLE = (
    "void types_block(const types_problem *problem, ptrdiff_t block, double *reward, double *log_pmf)",
    "void types_means(ptrdiff_t letters, ptrdiff_t m, ptrdiff_t block, const double *weight, double *sums)",
    "int letters_ratios(ptrdiff_t count, const double *values, int64_t *numerator, int64_t *denominator)",
    "void power(ptrdiff_t n, uint64_t m, double negligible, double *z)",
    "void merge(const merge_tilt *tilt, ptrdiff_t first, ptrdiff_t size, ptrdiff_t n, const double *mass, "
    "double *log_pmf, double *error)",
)
