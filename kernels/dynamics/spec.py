"""Rows of the kernels of iterated preference optimisation: methods of `cpu.Trajectories`.

Bounds are relative to max(1, |log π|) per round, on trajectories that do not amplify errors.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

_PAPER = "arXiv:2602.12180"

KERNELS = (
    Kernel(
        name="run",
        formula="z <- alpha z + (1 - alpha) log ref + beta s(lambda π + (1 - lambda) sampler), π = softmax(z)",
        arguments=("begin", "end", "first", "last"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="dynamics:trajectory",
        backends=("cpu",),
        reference=f"{_PAPER}; rewards of DPO by Newton, Bach, EJS 4 (2010), and Grassmann, Taksar, Heyman (1985)",
    ),
    Kernel(
        name="advance",
        formula="the same, one round from scores that are given",
        arguments=("round", "first", "last", "scores", "policies", "scratch"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="dynamics:trajectory",
        backends=("cpu",),
        reference=_PAPER,
    ),
    Kernel(
        name="finish",
        formula="log π, mean and variance over time, entropy and its extremes, rounds per turn",
        arguments=(
            "round",
            "tolerance",
            "first",
            "last",
            "log_policy",
            "mean",
            "variance",
            "entropy",
            "entropy_min",
            "entropy_max",
            "period",
            "converged",
        ),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="dynamics:statistics",
        backends=("cpu",),
        reference="Welford, Technometrics 4 (1962)",
    ),
    Kernel(
        name="lyapunov_run",
        formula="v <- J v along a trajectory, mean of log(|J v| / |v|)",
        arguments=("begin", "end", "first", "last", "tangent"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="dynamics:lyapunov_exponent",
        backends=("cpu",),
        reference="Benettin, Galgani, Giorgilli, Strelcyn, Meccanica 15 (1980)",
    ),
)
