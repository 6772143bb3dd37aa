"""Rows of the best-of-n kernels.

Bounds of the laws are relative to max(1, log n), and for divergences hold as n -> 1 and for masses down to exp(-7e8).
Winners of the simulation, and the rewards that are simple functions of them, have the same bits on every backend.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Holder, Kernel

_BEIRAMI = "Beirami et al., arXiv:2401.01879"
_MASS, _LOG_N = (0.0, 1.0), (0.0, 7e8)

_BITS = MappingProxyType({"float64": 0.0})

_LAWS = Holder("Laws", ("fields", "integers", "counts"))

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
        reference=f"{_BEIRAMI}, Lemma 1, ties grouped; sums of positive terms in scaled form",
        held_by=_LAWS,
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
        reference=f"{_BEIRAMI}; Mroueh, arXiv:2406.05883",
        held_by=_LAWS,
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
        reference=f"{_BEIRAMI}, Lemma 1",
        held_by=_LAWS,
    ),
    Kernel(
        name="draw",
        formula="the last group with P(r >= r_g) > 1 - u^(1/n), then by p within it",
        arguments=("which", "reals", "start", "n", "is_log", "uniforms", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="best_of_n:log_pmf",
        reference="distribution function of the greatest of n uniforms",
        held_by=_LAWS,
    ),
    Kernel(
        name="kl_estimate",
        formula="Σ pi (A (log n + (n-1) log(1-p) - (n-1)/n) + (1-A) log((1-A)/p)), A = (1-p)^n",
        arguments=("row_of", "points", "first", "last", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="best_of_n:expected_estimate",
        reference=f"{_BEIRAMI}, section 4",
        held_by=_LAWS,
    ),
    Kernel(
        name="kl_estimators",
        formula="A (log n + (n-1) log(1-p) - (n-1)/n) + (1-A) log((1-A)/p), A = (1-p)^n",
        arguments=("p", "log", "n", "is_log", "out"),
        dtypes=("float64",),
        domain=((-7e8, 0.0), _LOG_N),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="best_of_n:estimator",
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
        oracle="best_of_n:closed_form",
        reference=f"Mroueh, arXiv:2406.05883; {_BEIRAMI}",
    ),
)

RELATIVES = (
    Kernel(
        name="best_of_poisson",
        formula="p / P (F exp(-mu S) - F' exp(-mu (S + P)))",
        arguments=("p", "reward", "mu", "out"),
        dtypes=("float64",),
        domain=(_MASS,),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="pool:best_of_poisson",
        reference="arXiv:2506.19248",
    ),
    Kernel(
        name="win_rate_optimal",
        formula="p exp(-c S) (1 - exp(-c P)) / (P (1 - exp(-c)))",
        arguments=("p", "reward", "strength", "out"),
        dtypes=("float64",),
        domain=(_MASS,),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="pool:win_rate_optimal",
        reference="Gui et al., arXiv:2406.00832",
    ),
    Kernel(
        name="pessimism",
        formula="p max(0, (r - threshold) / beta), which sum to 1",
        arguments=("p", "reward", "beta", "out"),
        dtypes=("float64",),
        domain=(_MASS,),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="pool:pessimism",
        reference="Huang et al., arXiv:2503.21878",
    ),
    Kernel(
        name="soft_best_of_n",
        formula="n p w times the integral of exp(-s w) M(s)^(n-1), M(s) = sum p exp(-s w), for integer n",
        arguments=("p", "reward", "n", "temperature", "out"),
        dtypes=("float64",),
        domain=(_MASS,),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="pool:soft_best_of_n",
        reference="Verdun et al., arXiv:2505.03156",
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
        backends=("cpu", "cuda"),
        reference="simulation.inc; Salmon et al., SC11 (2011)",
    ),
    Kernel(
        name="word_tails",
        formula="tail = (w + 1/2) 2^-64, below 1",
        arguments=("winner", "tail"),
        dtypes=("float64",),
        domain=((0.0, 2.0**64),),
        bounds=MappingProxyType({"float64": 0.75}),
        unit="ulp",
        oracle="simulation:word_tail",
        backends=("cpu", "cuda"),
        reference="two roundings: a word above 2^53 to a double, then the half",
    ),
    Kernel(
        name="fold_exponents",
        formula="exponent[r] = min(exponent[r], -log(u) / size), u = float64 uniform `draw` of replicate + r",
        arguments=("key", "replicate", "draw", "size", "exponent"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 3.0}),
        unit="ulp",
        oracle="simulation:exponent",
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
        oracle="simulation:exponent_tail",
        backends=("cpu", "cuda"),
        reference="Taylor series and repeated squaring, see simulation.inc",
    ),
    Kernel(
        name="gaussian_rewards",
        formula="reward = mean + std isf(tail); the bound is for mean 0, std 1",
        arguments=("tail", "mean", "std", "reward"),
        dtypes=("float64",),
        domain=((5e-324, 1.0 - 2.0**-53),),
        bounds=MappingProxyType({"float64": 4.0}),
        unit="ulp",
        oracle="simulation:gaussian_isf",
        backends=("cpu", "cuda"),
        reference="normal_ppf_rn of af_math.h",
    ),
    Kernel(
        name="uniform_rewards",
        formula="reward = 1 - tail, below 1",
        arguments=("tail", "reward"),
        dtypes=("float64",),
        domain=((0.0, 1.0),),
        bounds=_BITS,
        unit="bits",
        oracle="simulation:uniform_reward",
        backends=("cpu", "cuda"),
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
        oracle="simulation:table_reward",
        backends=("cpu", "cuda"),
        reference="inverse distribution function by binary search",
    ),
)

_POOL = "pool.inc; Lee, U-Statistics (1990)"

# Bounds of means are relative to sum w |v|, for pools of up to 1e6 samples; interpolation, to the range of the values.
POOL = (
    Kernel(
        name="pool_mean",
        formula="sum_i w_i v_(i), w_i = C(i-1, n-1) / C(M, n), or (i/M)^n - ((i-1)/M)^n",
        arguments=("kind", "value", "step", "n", "first", "last", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="pool:mean",
        reference="Nakano et al., arXiv:2112.09332; Gao et al., arXiv:2210.10760",
    ),
    Kernel(
        name="pool_dots",
        formula="the same from a table of weights, for many pools of at most 64 samples",
        arguments=("value", "sorted", "weight", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="pool:mean",
        reference=_POOL,
    ),
    Kernel(
        name="pool_interpolate",
        formula="the polynomial in n through the means at the Chebyshev nodes of an octave of n",
        arguments=("sums", "transform", "ends", "first", "last", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="pool:mean",
        reference="Trefethen, Approximation Theory and Approximation Practice (2013), chapters 3, 8",
    ),
    Kernel(
        name="pool_variance",
        formula="mean^2 - average of h(S) h(S') over disjoint n-subsets; or (M-1)/M sum_j (mean without j - average)^2",
        arguments=("kind", "method", "value", "step", "spread", "tied", "n", "mean", "first", "last", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-11}),
        unit="relative",
        oracle="pool:variance",
        reference=_POOL,
    ),
    Kernel(
        name="pass_at_k",
        formula="1 - C(total - correct, k) / C(total, k)",
        arguments=("total", "correct", "k", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-13}),
        unit="relative",
        oracle="pool:pass_at_k",
        reference="Chen et al., arXiv:2107.03374",
    ),
    Kernel(
        name="max_weights",
        formula="own_i g_(i) + sum of below_j g_(j), j < i, + sum of above_j g_(j), j > i, at the place of each sample",
        arguments=("reward", "centred", "own", "below", "above", "first", "last", "out"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-12}),
        unit="relative",
        oracle="gradients:weights",
        reference="Walder & Karkhanis, arXiv:2505.15201; relative to the largest |reward|",
    ),
    Kernel(
        name="hill",
        formula="(1/top) sum of log(x / u) over the highest scores, u the next one below",
        arguments=("score", "top", "first", "last", "index", "threshold"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-14}),
        unit="relative",
        oracle="tails:hill",
        reference="Hill, Annals of Statistics 3 (1975) 1163; relative to max(1, index)",
    ),
    Kernel(
        name="pareto",
        formula="index >= -1/2 and scale, index/scale <= 30/mean, of largest likelihood of a generalised Pareto law",
        arguments=("excess", "grid", "first", "last", "index", "scale"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 1e-7}),
        unit="relative",
        oracle="tails:pareto",
        reference="Grimshaw, Technometrics 35 (1993) 185; of the index relative to max(1, index)",
    ),
)

KERNELS = (*LAW, *RELATIVES, *SIMULATION, *POOL)
# Entry points without a numerical result of their own: parts of `values`, of `draw` and of the estimates of pools.
HELPERS = {
    *("partials", "fold", "points", "sampler"),
    *("pool_steps", "pool_arrange", "pool_sort", "pool_weights"),
    *("ratios", "pmf_of", "kl_estimate_of"),
}
# Entry points whose accuracy is that of public functions, stated and tested there.
OF_PUBLIC_FUNCTIONS = {
    *("aligned_gaps", "aligned_log_deficits", "gaussian_best", "log_draws"),
    *("add_columns", "add_products", "gao_errors", "gao_fit", "gao_gains", "table_ladder"),
    *("chance", "difficulty_extreme", "difficulty_intervals", "difficulty_likelihood", "product"),
    *("divergence", "hill_best", "hill_laws", "prompt_means", "quantile_strength", "quantile_tilt"),
    "ranks_among",
    *("soft_outcomes", "soft_sums", "soft_trapezes"),
}

TABLE = (
    # law_build.inc, law.inc, law_each.inc, law_atoms.inc, closed_forms.inc
    "void law_build(law_row *row, const double *p, const double *reward, int log, void *memory, uint64_t *status)",
    "void law_points(ptrdiff_t count, const double *value, int is_log, law_point *out)",
    "double law_value(const law_row *row, int kind, double order, law_point n)",
    "void law_block(const law_row *row, int kind, double order, ptrdiff_t first, ptrdiff_t count, law_point n, "
    "law_partial *out)",
    "void law_fold(int kind, law_partial *a, const law_partial *b)",
    "double law_finish(const law_row *row, int kind, double order, law_point n, const law_partial *all)",
    "void law_ratios(const law_row *row, ptrdiff_t first, ptrdiff_t count, law_point n, double *v)",
    "void law_pmf(const law_row *row, int log, const double *v, ptrdiff_t first, ptrdiff_t count, double *out)",
    "double law_kl_estimate(const law_row *row, law_point n, const double *v, ptrdiff_t first, ptrdiff_t count)",
    "void law_sampler(const law_row *row, double *log_tail, int32_t *start, double *within)",
    "void law_draw(const law_row *row, const double *log_tail, const int32_t *start, const double *within, "
    "double n, int is_log, ptrdiff_t count, const double *uniforms, int64_t *out)",
    "void continuous_values(int kind, ptrdiff_t count, const double *value, int is_log, double order, double *out)",
    "void kl_estimators(ptrdiff_t rows, const double *p, int p_is_log, ptrdiff_t columns, const double *n, "
    "int n_is_log, double *out)",
    # aligned.inc
    "double aligned_log_deficit(ptrdiff_t size, const double *log_p, const double *reward, const double *log_pi)",
    "double aligned_gap(ptrdiff_t size, const double *log_pi, const double *log_phi)",
    "void gaussian_best(ptrdiff_t count, const double *log_n, ptrdiff_t nodes, const double *node, "
    "const double *weight, double *memory, double *mean, double *variance)",
    # relatives.inc
    "void best_of_poisson(ptrdiff_t size, const double *p, const double *reward, double mu, double *memory, "
    "double *out)",
    "void win_rate_optimal(ptrdiff_t size, const double *p, const double *reward, double strength, double *memory, "
    "double *out)",
    "void quantile_tilt(double c, double *kl, double *win)",
    "double quantile_strength(double kl)",
    "double pessimism(ptrdiff_t size, const double *p, const double *reward, double beta, double *memory, double *out)",
    "void soft_outcomes(ptrdiff_t size, const double *p, const double *reward, double temperature, double n, "
    "double *memory, double *mass, double *scaled)",
    "void soft_sums(ptrdiff_t nodes, const double *log_s, const double *weight, ptrdiff_t size, const double *mass, "
    "const double *scaled, double n, double *scratch, double *out)",
    "void soft_trapezes(ptrdiff_t size, const double *mass, const double *scaled, double n, double shift, "
    "double *scratch, double *out)",
    "void soft_best_of_n(ptrdiff_t size, const double *p, const double *reward, double n, double temperature, "
    "double *memory, double *out)",
    # simulation.inc
    "void fold_winners(const af_draw_span *span, uint64_t replicate, ptrdiff_t replicates, uint64_t *winner)",
    "void word_tails(ptrdiff_t n, const uint64_t *winner, double *tail)",
    "void fold_exponents(uint64_t key, uint64_t replicate, uint64_t draw, double size, ptrdiff_t replicates, "
    "double *exponent)",
    "void exponent_tails(ptrdiff_t n, const double *exponent, double *tail)",
    "void gaussian_rewards(ptrdiff_t n, const double *tail, double mean, double std, double *reward)",
    "void uniform_rewards(ptrdiff_t n, const double *tail, double *reward)",
    "void table_rewards(ptrdiff_t n, const double *tail, ptrdiff_t size, const double *ladder, const double *value, "
    "double *reward)",
    "ptrdiff_t table_ladder(ptrdiff_t size, const double *p, const double *reward, uint64_t *keys, uint64_t *words, "
    "uint64_t *other, int32_t *order, double *mass, double *value, double *ladder)",
    # pool.inc
    "void pool_steps(int kind, ptrdiff_t size, double *step)",
    "int pool_arrange(ptrdiff_t size, const double *score, const double *judged, uint64_t *keys, uint64_t *words, "
    "uint64_t *other, int32_t *order, double *value, double *spread, int32_t *tied)",
    "void pool_mean(int kind, const pool_row *row, ptrdiff_t groups, const double *n, double *scratch, double *out)",
    "void pool_weights(int kind, ptrdiff_t size, const double *step, const double *n, double *weight)",
    "void pool_dots(int sorted, ptrdiff_t rows, ptrdiff_t size, const double *value, const double *weight, "
    "ptrdiff_t count, double *out)",
    "void pool_variance(int kind, int method, const pool_row *row, const double *n, const double *mean, double *out)",
    "void pool_interpolate(const double *sum, const double *transform, double low, double high, ptrdiff_t count, "
    "double first, double *out)",
    "void pass_at_k(ptrdiff_t count, const int64_t *total, const int64_t *correct, int64_t k, double *found, "
    "double *out)",
    # pool_ranks.inc
    "int pool_max_weights(ptrdiff_t rows, ptrdiff_t size, const double *reward, int centred, const double *own, "
    "const double *below, const double *above, double *out)",
    "int pool_arrange_small(ptrdiff_t rows, ptrdiff_t size, const double *score, const double *judged, "
    "uint64_t *words, int32_t *order, double *value, double *spread, int32_t *tied)",
    "void pool_ranks_among(ptrdiff_t rows, ptrdiff_t size, const double *score, ptrdiff_t known, "
    "const double *reference, double *out)",
    "int pool_hill(ptrdiff_t rows, ptrdiff_t size, ptrdiff_t top, const double *score, double *index, "
    "double *threshold)",
    # pool_tails.inc
    "void pool_pareto(ptrdiff_t rows, ptrdiff_t top, const double *excess, ptrdiff_t points, const double *grid, "
    "double *memory, double *index, double *scale)",
    "void pool_partials(ptrdiff_t count, const double *a, double log_scale, ptrdiff_t terms, const double *series, "
    "double *out)",
    "void pool_hill_laws(ptrdiff_t rows, ptrdiff_t size, ptrdiff_t top, const double *ordered, const double *quantile, "
    "double largest, ptrdiff_t least, double *excess, double *law)",
    "void pool_hill_best(ptrdiff_t rows, ptrdiff_t size, ptrdiff_t below, const double *ordered, const double *law, "
    "const double *chance, const double *log_scale, ptrdiff_t terms, const double *series, double *out)",
    # rows.inc
    "void fill(ptrdiff_t n, double value, double *out)",
    "int are_probabilities(ptrdiff_t n, const double *p, int log)",
    "int are_log_probabilities(ptrdiff_t n, const double *x)",
    "int all_between(ptrdiff_t n, const int64_t *x, int64_t low, int64_t high)",
    "int pool_is_grid(ptrdiff_t count, const int64_t *n, int64_t most)",
    "void pool_grid(ptrdiff_t count, const int64_t *n, ptrdiff_t padded, double *out)",
    "void count_up(ptrdiff_t count, int64_t *out)",
    "int pass_counts_are_good(ptrdiff_t problems, const int64_t *total, ptrdiff_t total_step, const int64_t *correct, "
    "ptrdiff_t correct_step, ptrdiff_t count, const int64_t *k)",
    "void pass_at_each_k(ptrdiff_t problems, const int64_t *total, ptrdiff_t total_step, const int64_t *correct, "
    "ptrdiff_t correct_step, ptrdiff_t count, const int64_t *k, double *out)",
    "void pass_all_of_k(ptrdiff_t problems, const int64_t *total, ptrdiff_t total_step, const int64_t *correct, "
    "ptrdiff_t correct_step, ptrdiff_t count, const int64_t *k, double *mean, double *variance)",
    "void pass_at_cost(ptrdiff_t problems, const int64_t *total, ptrdiff_t total_step, const int64_t *correct, "
    "ptrdiff_t correct_step, ptrdiff_t count, const int64_t *k, int64_t most, double *missed, double *cost, "
    "double *coverage)",
    "ptrdiff_t best_of_majority(ptrdiff_t n, const int64_t *answer, const double *reward, ptrdiff_t k, double least, "
    "ptrdiff_t pairs, int64_t *frequency, int64_t *out)",
    "void divide(ptrdiff_t n, double by, double *x)",
    "void square(ptrdiff_t n, double *x)",
    "void round_f32(ptrdiff_t n, double *x)",
    "void log_draws(ptrdiff_t count, const double *value, int is_log, double *out)",
    # majority.inc
    "double majority_chance(int64_t right, ptrdiff_t kinds, const int64_t *others, int64_t k, ptrdiff_t nodes, "
    "const int64_t *least, const double *y, const double *weight, const double *log_factorial, double *memory)",
    "double majority_product(int64_t right, ptrdiff_t kinds, const int64_t *others, int64_t k, ptrdiff_t nodes, "
    "const int64_t *least, const double *y, const double *weight, const double *log_factorial, int64_t *which, "
    "double *memory)",
    "ptrdiff_t majority_votes(ptrdiff_t n, const int64_t *given, int64_t right, int64_t *own, int64_t *answer, "
    "int64_t *count)",
    # difficulty.inc
    "void difficulty_likelihood(ptrdiff_t known, ptrdiff_t sought, const double *x, const difficulty_cells *cells, "
    "difficulty_jet *out)",
    "double difficulty_extreme(ptrdiff_t known, ptrdiff_t sought, double *x, const difficulty_cells *cells, "
    "double least, double k, double sign)",
    "void difficulty_interval(ptrdiff_t known, const double *x, const double *covariance, "
    "const difficulty_cells *cells, double largest, double reach, double k, double *out)",
    # overoptimization.inc
    "void gao_gains(int form, ptrdiff_t count, const double *kl, double alpha, double beta, double *out)",
    "void gao_errors(int form, ptrdiff_t count, const double *kl, const double *covariance, double *out)",
    "int gao_points(ptrdiff_t count, const double *kl, const double *variance, const double *covariance)",
    "int gao_fit(int form, ptrdiff_t count, const double *kl, const double *gain, const double *variance, "
    "const double *covariance, double *memory, double *out)",
    "void add_columns(ptrdiff_t rows, ptrdiff_t columns, const double *x, double *sum)",
    "void add_products(ptrdiff_t rows, ptrdiff_t columns, const double *x, const double *mean, double *away, "
    "double *products)",
    # samples.inc
    "void samples_rank(ranked_pool *pool, const double *score, const double *log_p, uint64_t *keys, uint64_t *words, "
    "uint64_t *other, int32_t *order)",
    "void samples_divergence(const ranked_pool *pool, double n, double *memory, double *out)",
    "void prompt_means(ptrdiff_t prompts, ptrdiff_t columns, const double *x, const int64_t *group, ptrdiff_t groups, "
    "double *memory, double *mean, double *error, int64_t *present)",
)
