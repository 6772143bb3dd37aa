"""Rows of the kernels of iterated preference optimisation: methods of `cpu.Trajectories`.

Bounds are relative to max(1, |log π|) per round, on trajectories that do not amplify errors.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Holder, Kernel

_PAPER = "arXiv:2602.12180"

_TRAJECTORIES = Holder(
    "Trajectories",
    (
        "method",
        "lanes",
        "rows",
        "shared",
        "skew",
        "log_ref",
        "sampler",
        "log_init",
        "alpha",
        "beta",
        "lam",
        "schedule",
        "burn_in",
        "times",
        "path",
        "state",
        "pairs",
        "prior",
        "key",
        "replicate",
    ),
)

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
        reference=f"{_PAPER}; rewards of DPO by Newton, Bach, EJS 4 (2010), and Grassmann, Taksar, Heyman (1985)",
        held_by=_TRAJECTORIES,
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
        reference=_PAPER,
        held_by=_TRAJECTORIES,
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
        reference="Welford, Technometrics 4 (1962)",
        held_by=_TRAJECTORIES,
    ),
    Kernel(
        name="lyapunov_run",
        formula="v <- J v along a trajectory, mean of log(|J v| / |v|)",
        arguments=("begin", "end", "first", "last", "tangent"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="dynamics:tangent_growth",
        reference="Benettin, Galgani, Giorgilli, Strelcyn, Meccanica 15 (1980)",
        held_by=_TRAJECTORIES,
    ),
)

# Entry points without a numerical result of their own: sizes, what comes before `run` and `advance`, and the last step
# of `lyapunov_run`.
HELPERS = {"lyapunov_finish", "lyapunov_start", "prepare", "start", "state_size"}
# Entry points whose accuracy is that of public functions, stated and tested there.
OF_PUBLIC_FUNCTIONS = {"constants", "equilibria", "frequencies", "log_odds", "softmax"}

TABLE = (
    "ptrdiff_t trajectory_room(const trajectory_problem *problem)",
    "void dynamics_start(const trajectory_problem *problem, ptrdiff_t block, double *state)",
    "void dynamics_run(const trajectory_problem *problem, ptrdiff_t block, ptrdiff_t begin, ptrdiff_t end, "
    "double *state, double *room)",
    "void trajectory_prepare(const trajectory_problem *problem, ptrdiff_t block, double *room)",
    "void dynamics_advance(const trajectory_problem *problem, ptrdiff_t block, ptrdiff_t round, "
    "const double *scores, double *policies, double *state, double *room)",
    "void dynamics_finish(const trajectory_problem *problem, ptrdiff_t block, const double *state, ptrdiff_t round, "
    "double tolerance, const trajectory_results *out)",
    "void lyapunov_start(ptrdiff_t lanes, ptrdiff_t size, double *tangent)",
    "void lyapunov_run(const trajectory_problem *problem, ptrdiff_t block, ptrdiff_t begin, ptrdiff_t end, "
    "double *state, double *tangent, double *room)",
    "void lyapunov_finish(const trajectory_problem *problem, ptrdiff_t block, const double *tangent, double count, "
    "double *exponent)",
    "int policy_are_preferences(ptrdiff_t size, const double *P, double tolerance)",
    "int policy_normalise(ptrdiff_t size, double *masses)",
    "void policy_advantages(ptrdiff_t size, const double *P, const double *mu, double *out)",
    "double equilibrium(const equilibrium_point *point, double *theta, double *gain, double *omega, double *room)",
    "double policy_frequency(ptrdiff_t size, const double *skew, const double *pi, double *room)",
    "void stability_constants(ptrdiff_t size, const double *skew, double *out, double *room)",
    "void policy_softmax(ptrdiff_t size, double *x)",
    "void policy_log_odds_of(ptrdiff_t size, const double *p, double *out, double *room)",
)
