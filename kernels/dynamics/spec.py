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
OF_PUBLIC_FUNCTIONS = {
    *("collapse", "conditions", "constants", "equilibria", "frequencies", "multiplayer", "onsets", "radii", "softmax"),
}

TABLE = (
    "ptrdiff_t trajectory_scratch(const trajectory_problem *problem)",
    "void dynamics_start(const trajectory_problem *problem, ptrdiff_t block, double *state)",
    "void dynamics_run(const trajectory_problem *problem, ptrdiff_t block, ptrdiff_t begin, ptrdiff_t end, "
    "double *state, double *scratch)",
    "void trajectory_prepare(const trajectory_problem *problem, ptrdiff_t block, double *scratch)",
    "void dynamics_advance(const trajectory_problem *problem, ptrdiff_t block, ptrdiff_t round, "
    "const double *scores, double *policies, double *state, double *scratch)",
    "void dynamics_finish(const trajectory_problem *problem, ptrdiff_t block, const double *state, ptrdiff_t round, "
    "double tolerance, const trajectory_results *out)",
    "void lyapunov_start(ptrdiff_t lanes, ptrdiff_t size, double *tangent)",
    "void lyapunov_run(const trajectory_problem *problem, ptrdiff_t block, ptrdiff_t begin, ptrdiff_t end, "
    "double *state, double *tangent, double *scratch)",
    "void lyapunov_finish(const trajectory_problem *problem, ptrdiff_t block, const double *tangent, double count, "
    "double *exponent)",
    "int dynamics_stays(ptrdiff_t size, const double *skew, const double *policy)",
    "int policy_are_preferences(ptrdiff_t size, const double *P, double tolerance)",
    "int policy_normalise(ptrdiff_t size, double *masses)",
    "void policy_skew(ptrdiff_t size, const double *P, double *M)",
    "int policy_is_certain(ptrdiff_t size, const double *P)",
    "int policy_is_positive(ptrdiff_t size, const double *x)",
    "void policy_softmax(ptrdiff_t size, double *x)",
    "double policy_frequency(ptrdiff_t size, const double *skew, const double *pi, double *scratch)",
    "double equilibrium(const equilibrium_point *point, double *theta, stability_report *report, double *scratch)",
    "int equilibrium_is_found(ptrdiff_t size, const double *theta, double residual)",
    "void spectral_radii(const equilibrium_point *point, const double *pi, ptrdiff_t points, const double *alpha, "
    "const double *beta, const double *lam, double *out, double *scratch)",
    "void critical_start(critical_search *search)",
    "int critical_advance(critical_search *search, ptrdiff_t count, double *theta, double *scratch)",
    "void stability_constants(ptrdiff_t size, const double *skew, double *out, double *scratch)",
    "void stability_conditions(const double *constants, double alpha, double feedback, uint8_t *holds)",
    "void stability_onset(double strength, double alpha, double beta, double lam, double *out)",
    "void collapse_rates(int method, ptrdiff_t size, const double *P, const double *sampler, ptrdiff_t top, "
    "ptrdiff_t points, const double *beta, const double *lam, double *out, double *scratch)",
    "void multiplayer_rounds(ptrdiff_t players, ptrdiff_t size, const double *transposed, const double *sampler, "
    "const double *log_ref, double alpha, double beta, double lam, ptrdiff_t steps, double *path, double *scratch)",
)
