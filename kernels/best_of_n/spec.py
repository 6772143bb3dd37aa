"""Kernels of best-of-N, one row each: see `alignment_fast.kernels.common.spec`."""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

_BITS = MappingProxyType({"float64": 0.0})

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

KERNELS = (*SIMULATION,)
