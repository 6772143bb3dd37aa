/* formulas.h of best_of_n -- scalar formulas that loops of every instruction set and CUDA kernels share. Included once per
 * instruction set, after af_math.h: no guard around the functions. v = log(pi / P) is the log-ratio of a group.
 *
 * A. word_tail: (w + 1/2) 2^-64 of a survival word, below 1. Domain: every word. Bound: 3/4 ulp: words above 2^53 are rounded
 *    before the half is added, which is lost then. Words that would round up to 1 give the largest number below it, so that
 *    every quantile function gets a probability inside (0, 1).
 * B. exponent_tail: -expm1(-x). Domain: 0 <= x <= 37, -log of the smallest uniform. Bound: 10 ulp, also for the smallest x.
 *    With y = x / 256 < 0.15 the Taylor series of order 11 is exact to 2^-59; then 1 - tail is squared eight times, tail <-
 *    tail (2 - tail), each step with two roundings and a factor <= 1 on the error before it. No fused product, unlike
 *    af_expm1: simulations have the same bits everywhere.
 * C. gaussian_reward: mean - std Φ⁻¹(tail); af_normal_ppf_rn, 4 ulp for mean 0. uniform_reward: 1 - tail, below 1, exact but
 *    for one rounding. table_reward: ladder[j] = P(reward > value[j]), ascending from ladder[0] = 0, value descending; the
 *    reward at `tail` is value[j] for the last j with ladder[j] <= tail, by halving without a branch, so that the misses of
 *    a large table overlap.
 * D. exponential_excess: exp(v) - 1 - v = v^2 (1/2! + v/3! + ...). Domain: |v| <= 1/2. Bound: 2^-52: truncated at v^14 / 16!,
 *    2^-55. Where a term would lose digits as n -> 1, divergences are summed from it; 1/2 is where the series of that length
 *    ends and where the direct forms have lost two bits.
 * E. Terms of divergences (Mroueh, arXiv:2406.05883): each from the larger of pi and P, each non-negative where the sum is,
 *    so that sums keep their relative accuracy. Bound: a few 2^-53 and the conditioning |v| 2^-53 of an exponential. */

/* ---- from words and uniforms to rewards ---- */

AF_INLINE double AF_FN(word_tail)(uint64_t word) {
    const double t = ((double)word + 0.5) * 0x1p-64;
    return t < 1.0 ? t : 0x1.fffffffffffffp-1;
}

AF_INLINE double AF_FN(exponent_tail)(double x) {
    const double y = x * 0x1p-8;
    double sum = 1.0 / 39916800.0;
    sum = 1.0 / 3628800.0 - y * sum;
    sum = 1.0 / 362880.0 - y * sum;
    sum = 1.0 / 40320.0 - y * sum;
    sum = 1.0 / 5040.0 - y * sum;
    sum = 1.0 / 720.0 - y * sum;
    sum = 1.0 / 120.0 - y * sum;
    sum = 1.0 / 24.0 - y * sum;
    sum = 1.0 / 6.0 - y * sum;
    sum = 0.5 - y * sum;
    double tail = y - y * y * sum;
    for (int i = 0; i < 8; ++i) tail = tail * (2.0 - tail);
    return tail < 1.0 ? tail : 0x1.fffffffffffffp-1;
}

AF_INLINE double AF_FN(gaussian_reward)(double tail, double mean, double std) {
    return mean - std * AF_FN(af_normal_ppf_rn_f64)(tail);
}

AF_INLINE double AF_FN(uniform_reward)(double tail) {
    const double u = 1.0 - tail;
    return u < 1.0 ? u : 0x1.fffffffffffffp-1;
}

AF_INLINE double AF_FN(table_reward)(double tail, ptrdiff_t size, const double *ladder, const double *value) {
    ptrdiff_t at = 0;
    for (ptrdiff_t length = size; length > 1;) {
        const ptrdiff_t half = length / 2;
        at = ladder[at + half] <= tail ? at + half : at;
        length -= half;
    }
    return value[at];
}

/* ---- terms of laws ---- */

AF_INLINE double AF_FN(exponential_excess)(double v) {
    double sum = 1.0 / 87178291200.0 / 240.0; /* 1 / 16! */
    sum = sum * v + 1.0 / 1307674368000.0;
    sum = sum * v + 1.0 / 87178291200.0;
    sum = sum * v + 1.0 / 6227020800.0;
    sum = sum * v + 1.0 / 479001600.0;
    sum = sum * v + 1.0 / 39916800.0;
    sum = sum * v + 1.0 / 3628800.0;
    sum = sum * v + 1.0 / 362880.0;
    sum = sum * v + 1.0 / 40320.0;
    sum = sum * v + 1.0 / 5040.0;
    sum = sum * v + 1.0 / 720.0;
    sum = sum * v + 1.0 / 120.0;
    sum = sum * v + 1.0 / 24.0;
    sum = sum * v + 1.0 / 6.0;
    sum = sum * v + 0.5;
    return v * v * sum;
}

/* pi log(pi / P) - pi + P, which sums to the same and is never negative, for v <= log 2. */
AF_INLINE double AF_FN(kl_term_near_one)(double v, double mass) {
    const double w = AF_FN(af_exp_f64)(v), inner = v < -0.5 ? -0.5 : v > 0.5 ? 0.5 : v;
    const double series = w * AF_FN(exponential_excess)(-inner), direct = w == 0.0 ? 1.0 : w * (v - 1.0) + 1.0;
    return mass * (inner == v ? series : direct);
}

/* pi - P - P log(pi / P). `lost` is P (n - 1) decay where P or v left the range of a double. */
AF_INLINE double AF_FN(reverse_kl_term)(double v, double surprisal, double mass, double lost) {
    const double inner = v < -0.5 ? -0.5 : v > 0.5 ? 0.5 : v;
    const double up = AF_FN(af_exp_f64)((v > 0.0 ? v : 0.0) - surprisal) * -AF_FN(af_expm1_f64)(v > 0.0 ? -v : 0.0);
    const double down = AF_FN(af_expm1_f64)(v < 0.0 ? v : 0.0);
    const double direct = v > 0.0 ? up - mass * v : mass * (down - v);
    const double within = inner == v ? mass * AF_FN(exponential_excess)(inner) : direct;
    return v < -1e300 || (mass < 1e-300 && v < 0.0) ? lost : within;
}

/* (pi - P)^2 / P, |pi - P| and (sqrt pi - sqrt P)^2, each from the larger of pi and P. */
AF_INLINE double AF_FN(chi2_term)(double v, double surprisal) {
    const double down = AF_FN(af_expm1_f64)(v < 0.0 ? v : -v);
    return AF_FN(af_exp_f64)((v > 0.0 ? 2.0 * v : 0.0) - surprisal) * down * down;
}

AF_INLINE double AF_FN(tv_term)(double v, double surprisal) {
    return AF_FN(af_exp_f64)((v > 0.0 ? v : 0.0) - surprisal) * -AF_FN(af_expm1_f64)(v < 0.0 ? v : -v);
}

AF_INLINE double AF_FN(hellinger2_term)(double v, double surprisal) {
    const double down = AF_FN(af_expm1_f64)(0.5 * (v < 0.0 ? v : -v));
    return AF_FN(af_exp_f64)((v > 0.0 ? v : 0.0) - surprisal) * down * down;
}

/* pi x, where a probability of 0 hides an infinite x. */
AF_INLINE double AF_FN(mean_term)(double pi, double x) { return pi == 0.0 ? 0.0 : pi * x; }

/* The excess of one group less power (pi - P), which sums to zero: what is left is of second order in v, so that nothing
 * of order n - 1 has to cancel between groups. At least a third of the larger of its two parts. */
AF_INLINE double AF_FN(renyi_term_near_one)(double v, double power, int about_pi, double mass, double excess) {
    const double x = power * v, inner = v < -0.5 ? -0.5 : v > 0.5 ? 0.5 : v, inner_x = x < -0.5 ? -0.5 : x > 0.5 ? 0.5 : x;
    const double first = AF_FN(exponential_excess)(inner_x);
    const double second = power * AF_FN(exponential_excess)(about_pi ? -inner : inner);
    const double series = about_pi ? AF_FN(af_exp_f64)(v) * (first + second) : first - second;
    return inner == v && inner_x == x ? mass * series : excess - power * mass * AF_FN(af_expm1_f64)(v);
}

/* ---- pools (pool.inc) ---- */

#ifndef AF_POOL_FORMULAS
#define AF_POOL_FORMULAS
#define POOL_LANES 32    /* values of n of a group, the unit of work */
#define POOL_DEPTH 36.05 /* log 2^52 */
#define POOL_CARRY 256   /* ranks whose terms are summed before they join the total */
#define POOL_NODES 18    /* of a polynomial in n */
#define POOL_TERMS 65536 /* terms of pass@k that are summed one by one at most */

enum { POOL_U, POOL_V };
#endif

/* The highest rank left out, for the smallest n of a group. */
AF_INLINE ptrdiff_t AF_FN(pool_last)(ptrdiff_t size, double n) {
    const double depth = POOL_DEPTH * (double)size / n + 1.0;
    return depth < (double)size ? size - (ptrdiff_t)depth : 0;
}

/* 1 - C(total - correct, k) / C(total, k), the same with `correct` and k exchanged; let a be the smaller one and b the
 * larger. With `missed` the chance that the first i of a are all missed, the next one adds missed b / (total - i): a sum
 * of positive terms, which ends where what is missed is nothing beside it. Exactly 1 where a draw cannot miss, exactly
 * rounded for a = 1. Error: 3 a 2^-53 relative.
 *
 * Beyond POOL_TERMS terms, missed = exp(sum of log(1 - b / (total - i)), i < a), the sum being an integral to 1e-17 of it:
 * where it is above -45, b / total is below 45 / a, so that the integrand varies by less than a thousandth of itself and
 * four nodes are more than enough. Error: 2^-50 relative.
 * Reference: Chen et al., arXiv:2107.03374, eq. 1. */
AF_INLINE double AF_FN(pass_by_terms)(int64_t total, int64_t a, int64_t b) {
    double found = 0.0, missed = 1.0;
    for (int64_t i = 0; i < a && missed > 0x1p-55 * found; ++i) {
        const int64_t left = total - i;
        found += missed * ((double)b / (double)left);
        missed *= (double)(left - b) / (double)left;
    }
    return found < 1.0 ? found : 1.0;
}

AF_INLINE double AF_FN(pass_by_integral)(int64_t total, int64_t a, int64_t b) {
    static const double node[4] = {-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526};
    static const double weight[4] = {0.3478548451374538, 0.6521451548625461, 0.6521451548625461, 0.3478548451374538};
    const double m = (double)total, half = 0.5 * (double)a;
    double sum = 0.0;
    if ((double)a * ((double)b / m) > 45.0) return 1.0;
    for (int j = 0; j < 4; ++j) /* the sum over 0..a-1 is the integral from -1/2 to a - 1/2 */
        sum += weight[j] * AF_FN(af_log1p_f64)(-(double)b / (m - (half - 0.5 + half * node[j])));
    return -AF_FN(af_expm1_f64)(half * sum);
}

AF_INLINE double AF_FN(pass_of)(int64_t total, int64_t correct, int64_t k) {
    const int64_t a = correct < k ? correct : k, b = correct < k ? k : correct;
    if (correct > 0 && correct > total - k) return 1.0;
    return a > POOL_TERMS ? AF_FN(pass_by_integral)(total, a, b) : AF_FN(pass_by_terms)(total, a, b);
}
