"""Rows of the best-of-n kernels.

Bounds of the laws are relative to max(1, log n), and for divergences hold as n -> 1 and for masses down to exp(-7e8).
Winners of the simulation, and the rewards that are simple functions of them, have the same bits on every backend.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

_BEIRAMI = "Beirami et al., arXiv:2401.01879"
_MASS, _LOG_N = (0.0, 1.0), (0.0, 7e8)

_BITS = MappingProxyType({"float64": 0.0})

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

SIMULATION = (
    Kernel(
        name="fold_winners",
        formula="winner[r] = min(winner[r], min over draws start <= d < stop of high(r, d) 2^32 + low(r, d))",
        arguments=("draws", "ties", "start", "stop", "replicate", "winner"),
        dtypes=("uint64",),
        domain=(),
        bounds=MappingProxyType({"uint64": 0.0}),
        unit="bits",
        oracle="simulation:winner",
        reference="simulation.inc; Salmon et al., SC11 (2011)",
    ),
    Kernel(
        name="word_tails",
        formula="tail = (w + 1/2) 2^-64, below 1",
        arguments=("winner", "tail"),
        dtypes=("float64",),
        domain=((0.0, 2.0**64),),
        bounds=_BITS,
        unit="bits",
        oracle="simulation:word_tail",
        reference="one rounding of the exact value",
    ),
    Kernel(
        name="fold_exponents",
        formula="exponent[r] = min(exponent[r], -log(u) / size), u = float64 uniform `draw` of replicate + r",
        arguments=("key", "replicate", "draw", "size", "exponent"),
        dtypes=("float64",),
        domain=(),
        bounds=_BITS,
        unit="bits",
        oracle="simulation:order_tail",
        reference="Devroye, Non-Uniform Random Variate Generation, Springer (1986), section V.2",
    ),
    Kernel(
        name="exponent_tails",
        formula="tail = -expm1(-exponent), below 1",
        arguments=("exponent", "tail"),
        dtypes=("float64",),
        domain=((0.0, 37.0),),
        bounds=MappingProxyType({"float64": 10.0}),
        unit="ulp",
        oracle="simulation:order_tail",
        reference="Taylor series and repeated squaring, see simulation.inc",
    ),
    Kernel(
        name="gaussian_rewards",
        formula="reward = mean + std isf(tail)",
        arguments=("tail", "mean", "std", "reward"),
        dtypes=("float64",),
        domain=((5e-324, 1.0 - 2.0**-53),),
        bounds=_BITS,
        unit="bits",
        oracle="simulation:gaussian_isf",
        reference="normal_ppf_rn of af_math.h, at most 4 ulp for mean 0",
    ),
    Kernel(
        name="uniform_rewards",
        formula="reward = 1 - tail, below 1",
        arguments=("tail", "reward"),
        dtypes=("float64",),
        domain=((0.0, 1.0),),
        bounds=_BITS,
        unit="bits",
        oracle="simulation:word_tail",
        reference="one rounding of the exact value",
    ),
    Kernel(
        name="table_rewards",
        formula="reward = value[max j with ladder[j] <= tail]",
        arguments=("tail", "ladder", "value", "reward"),
        dtypes=("float64",),
        domain=((0.0, 1.0),),
        bounds=_BITS,
        unit="bits",
        oracle="simulation:table_max_law",
        reference="inverse distribution function by binary search",
    ),
)

KERNELS = (*LAW, *SIMULATION)
