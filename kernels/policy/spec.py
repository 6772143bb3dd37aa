"""Kernels of preferences over a few responses."""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

KERNELS = (
    Kernel(
        name="rewards",
        formula="r of mean 0 with Σ_j μ_j (P_ij − σ(r_i − r_j)) = 0 for every i; relative to 1 + the range of r",
        arguments=("P", "mu", "tol", "most", "out", "width", "first", "last"),
        dtypes=("float64",),
        domain=((0.0, 1.0), (0.0, 1.0)),
        bounds=MappingProxyType({"float64": 1e-11}),
        unit="relative",
        oracle="policy:dpo_rewards",
        reference="Newton, Bach, EJS 4 (2010), and Grassmann, Taksar, Heyman (1985)",
    ),
    Kernel(
        name="tilted",
        formula="log π of π ∝ ref e^{beta s}, its entropy and D(π‖ref); relative, log π to 1 + |log π|",
        arguments=("ref", "score", "beta", "log_pi", "entropy", "kl", "first", "last"),
        dtypes=("float64",),
        domain=((0.0, 1.0), (float("-inf"), float("inf")), (0.0, float("inf"))),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="policy:tilted",
        reference="Jensen: the log-MGF of a centred reward is not negative",
    ),
    Kernel(
        name="gain_sums",
        formula="Σ e d^j, Σ e w d^j, Σ e² d^j, j = 0..2, of e = w exp(t x), d = x − centre; relative to Σ |terms|",
        arguments=("x", "weight", "centre", "tilt", "first", "last", "out"),
        dtypes=("float64",),
        domain=((float("-inf"), 0.0), (0.0, float("inf"))),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="gains:sums",
        reference="Owen, Monte Carlo theory, methods and examples (2013), section 9.2",
    ),
    Kernel(
        name="gain_binned",
        formula="Σ e d^j, j = 0..2, from moments of samples in bins, for tilt · width <= 0.1; relative to Σ |terms|",
        arguments=("moments", "width", "centre", "tilt", "first", "last", "out"),
        dtypes=("float64",),
        domain=((float("-inf"), 0.0), (0.0, float("inf"))),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="gains:sums",
        reference="Greengard and Strain, SIAM J. Sci. Stat. Comput. 12 (1991) 79-94",
    ),
)

# Entry points without a numerical result of their own.
HELPERS = {"are_preferences", "count", "gain_bin", "is_top", "keep_order", "normalise"}
# Entry points whose accuracy is that of public functions, stated and tested there.
OF_PUBLIC_FUNCTIONS = {
    *("advantages", "axioms", "dpo_covariances", "dpo_losses", "from_scores", "gain_constants", "gain_of_gold"),
    *("ipo_covariances", "ipo_losses"),
    *("hodge", "least_ipo_losses", "order_samplers", "pair_potentials", "sensitivities", "shares", "smith_samplers"),
}

TABLE = (
    "int policy_are_preferences(ptrdiff_t size, const double *P, double tolerance)",
    "int policy_normalise(ptrdiff_t size, double *masses)",
    "void policy_advantages(ptrdiff_t size, const double *P, const double *mu, double *out)",
    "int policy_seen_advantages_f32(ptrdiff_t size, const float *P, double tolerance, const double *mu, double *out)",
    "int policy_seen_advantages_f64(ptrdiff_t size, const double *P, double tolerance, const double *mu, double *out)",
    "double policy_hodge(ptrdiff_t size, const double *P, double *score, double *cyclic)",
    "void policy_tilt(ptrdiff_t size, const double *ref, const double *score, double beta, double *log_pi, "
    "double *out, double *scratch)",
    "double policy_least_ipo_loss(ptrdiff_t size, const double *mu, const double *advantage)",
    "double policy_ipo_loss(ptrdiff_t size, const double *h, const double *mu, const double *advantage, double beta, "
    "double *gradient)",
    "double policy_pair_potential(ptrdiff_t size, const double *P, const double *rho, double *potential, "
    "double *scratch, ptrdiff_t *index)",
    "double policy_rewards(ptrdiff_t size, const double *P, const double *mu, double tol, ptrdiff_t most, "
    "double *reward, double *scratch)",
    "double policy_dpo_loss(ptrdiff_t size, const double *reward, const double *P, const double *mu, double *gradient, "
    "double *scratch)",
    "void policy_sensitivities(ptrdiff_t size, ptrdiff_t columns, const double *P, const double *mu, "
    "const double *reward, const double *direction, double *change, double *scratch)",
    "void policy_ipo_covariance(ptrdiff_t size, const double *P, const double *mu, const double *h, double *out)",
    "void policy_dpo_covariance(ptrdiff_t size, const double *P, const double *mu, const double *reward, double *out, "
    "double *scratch)",
    "int policy_axioms_f32(ptrdiff_t size, const float *P, double tolerance, int wanted, int64_t *properties, "
    "uint8_t *smith, int64_t *order, double *M, int64_t *integers)",
    "int policy_axioms_f64(ptrdiff_t size, const double *P, double tolerance, int wanted, int64_t *properties, "
    "uint8_t *smith, int64_t *order, double *M, int64_t *integers)",
    "int policy_keeps_order_f32(ptrdiff_t size, const float *P, double tolerance, const double *score)",
    "int policy_keeps_order_f64(ptrdiff_t size, const double *P, double tolerance, const double *score)",
    "int policy_is_top(ptrdiff_t size, const uint8_t *mask, const double *score)",
    "double order_sampler(ptrdiff_t size, const double *P, const int64_t *order, double *mu, double *q, "
    "double *scratch)",
    "double smith_sampler(ptrdiff_t size, const double *P, const uint8_t *members, const double *ref, double *mu, "
    "double *w, double *beta, double *scratch)",
    "int policy_is_positive(ptrdiff_t size, const double *x)",
    "int policy_is_certain(ptrdiff_t size, const double *P)",
    "ptrdiff_t policy_count(ptrdiff_t count, ptrdiff_t size, const int64_t *winner, const int64_t *loser, "
    "const uint8_t *tied, const double *weight, double *wins, double *ties)",
    "void policy_shares(ptrdiff_t size, double prior, double *wins)",
    "void policy_from_scores(ptrdiff_t size, ptrdiff_t attributes, double scale, const double *score, "
    "const int64_t *chosen, double *P, double *scratch)",
    # gains.inc
    "void gain_sums(ptrdiff_t count, const double *x, const double *weight, double centre, ptrdiff_t tilts, "
    "const double *tilt, double *out)",
    "void gain_of_gold(ptrdiff_t count, const double *x, double centre, const double *away, double tilt, int held, "
    "double *e, double *influence, double *out)",
    "void gain_constants(ptrdiff_t count, const double *d, const double *first, const double *second, "
    "const double *third, double t, double log_mgf, double mean, int held, double *above, double *out)",
    "void gain_ends(ptrdiff_t count, const double *const *field, double z, double fewest, double skewed, "
    "double *lower, double *upper)",
    "int gain_gaps(ptrdiff_t count, const double *proxy, const double *gold, ptrdiff_t betas, const double *beta, "
    "double *scratch, double *out)",
    # gain_bins.inc
    "void gain_bin(ptrdiff_t count, const double *x, const double *weight, double width, ptrdiff_t bins, "
    "double *scratch, double *moments)",
    "void gain_binned(ptrdiff_t bins, const double *moments, double width, double centre, ptrdiff_t tilts, "
    "const double *tilt, double *out)",
)
