"""Kernels of best-of-n, one row each: see `alignment_fast.kernels.common.spec`."""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

_BEIRAMI = "Beirami et al., arXiv:2401.01879"
_MASS, _LOG_N = (0.0, 1.0), (0.0, 7e8)

# Bounds of the laws are relative to max(1, log n), and for divergences hold as n -> 1 and for masses down to exp(-7e8).
LAW = (
    Kernel(
        name="build",
        formula="decay = -log F, step = log(F / F'), odds = F' / P of every group of equal reward",
        arguments=("p", "reward", "log", "first", "last", "status"),
        dtypes=("float64",),
        domain=(_MASS,),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="best_of_n:log_pmf",
        backends=("cpu",),
        reference=f"{_BEIRAMI}, Lemma 1, ties grouped; sums of positive terms in scaled form",
    ),
    Kernel(
        name="values",
        formula="sum of a function of v = log(pi / P) = -(n-1) decay + log1p(odds (1 - exp(-(n-1) step)))",
        arguments=("kind", "order", "row_of", "points", "chunk", "first", "last", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="best_of_n:value",
        backends=("cpu",),
        reference=f"{_BEIRAMI}; Mroueh, arXiv:2406.05883",
    ),
    Kernel(
        name="pmf",
        formula="log p + v, or its exponential",
        arguments=("log", "row_of", "points", "first", "last", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="best_of_n:log_pmf",
        backends=("cpu",),
        reference=f"{_BEIRAMI}, Lemma 1",
    ),
    Kernel(
        name="draw",
        formula="the last group with P(r >= r_g) > 1 - u^(1/n), then by p within it",
        arguments=("which", "reals", "start", "log_n", "uniforms", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="best_of_n:log_pmf",
        backends=("cpu",),
        reference="distribution function of the greatest of n uniforms",
    ),
    Kernel(
        name="kl_estimators",
        formula="A (log n + (n-1) log(1-p) - (n-1)/n) + (1-A) log((1-A)/p), A = (1-p)^n",
        arguments=("log_p", "log_n", "out"),
        dtypes=("float64",),
        domain=((-7e8, 0.0), _LOG_N),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="best_of_n:estimator",
        backends=("cpu",),
        reference=f"{_BEIRAMI}, section 4",
    ),
    Kernel(
        name="continuous_values",
        formula="divergences and win rate of the density n u^(n-1)",
        arguments=("kind", "value", "is_log", "order", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="best_of_n:continuous",
        backends=("cpu",),
        reference=f"Mroueh, arXiv:2406.05883; {_BEIRAMI}",
    ),
)

KERNELS = (*LAW,)
