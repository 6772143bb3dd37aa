/* Terms of entropies and divergences, elementwise, with the limits of SciPy (scipy.special.entr, rel_entr, kl_div).
 *
 * (a) entropy_term -x log x; 0 at 0, -inf below. 3 ulp.
 * (b) log_ratio log(x/y), y > 0: where x/y is in (1/2, 2) the logarithm of 1 + (x - y)/y, whose difference is exact
 *     (Sterbenz), so that ratios near 1 keep their digits. 4 ulp where the ratio is a normal number; elsewhere
 *     log x - log y, by the caller (`is_ratio`).
 * (c) divergence_term x log(x/y) - x + y = x (e^{-ρ} - 1 + ρ), ρ = log(x/y): near ρ = 0 by the series of (b) of
 *     information/formulas.h, where the plain form cancels. 1e-14 relative.
 * (d) A term b e^{x - frame} of a sum of exponentials, x <= frame: terms at the frame are counted apart, so that
 *     log Σ = frame + log m + log1p(rest/m) keeps what the others add to them, however little. The product with log2 e
 *     rounds: error |x - frame| units of roundoff, 1e-13 (float: 5e-6) where the exponential is no normal number any more,
 *     and there it counts as 0 (log_sum_exp.inc adds them up where nothing else does). b = 0 takes its x away, whatever
 *     that is. */
#ifndef AF_SPECIAL_FORMULAS
#define AF_SPECIAL_FORMULAS
#define AF_LEAST_RATIO 0x1p-1000
#define AF_MOST_RATIO 0x1p1000
#endif

#ifndef AF_REAL /* once per instruction set */

/* (a) */
AF_INLINE double AF_FN(entropy_term)(double x) {
    const double value = -x * AF_FN(af_log_f64)(x), end = x == 0 ? 0.0 : (x < 0 ? -AF_INFINITY : AF_NAN);
    return x > 0 ? value : end;
}

/* (b) Whether log_ratio has the logarithm. */
AF_INLINE int AF_FN(is_ratio)(double x, double y) {
    const double ratio = x / y;
    return (ratio > AF_LEAST_RATIO) & (ratio < AF_MOST_RATIO);
}

AF_INLINE double AF_FN(log_ratio)(double x, double y) {
    const double ratio = x / y, difference = (x - y) / y;
    const int near = (ratio > 0.5) & (ratio < 2);
    const double u = near ? 1 + difference : ratio, low = near ? difference - (u - 1) : 0.0;
    const double value = AF_FN(af_log_sum_f64)(u, low, 0);
    return AF_FN(af_absolute_f64)(difference) < AF_TINY_F64 ? difference : value;
}

/* The value, where both numbers are positive; else what SciPy has. */
AF_INLINE double AF_FN(with_ends)(double x, double y, double value, double at_zero) {
    const double end = (x == 0) & (y >= 0) ? at_zero : AF_INFINITY, unless = (x != x) | (y != y) ? AF_NAN : end;
    return (x > 0) & (y > 0) ? value : unless;
}

/* (c) */
AF_INLINE double AF_FN(divergence_term)(double x, double y, double log_ratio) {
    const double near = x * AF_FN(af_exponential_near)(-log_ratio), far = x * log_ratio - x + y;
    return AF_FN(af_absolute_f64)(log_ratio) < 0.5 ? near : far;
}

#else /* and once more for each type (af_each_type.h) */

/* (d) Adds a term to the sum of those at the frame, or to the rest. */
AF_INLINE void AF_TYPED(add_exponential)(AF_REAL x, AF_REAL b, AF_REAL frame, AF_REAL *at_frame, AF_REAL *rest) {
    const AF_REAL y = (x - frame) * (AF_REAL)AF_LOG2E, power = AF_TYPED(af_exp2_nonpositive)(1, y);
    const AF_REAL at = x == frame ? b : 0, below = (y >= AF_LOWEST_POWER) & (x < frame) ? b : 0;
    *at_frame += at;
    *rest = AF_REAL_FMA(power, below, *rest);
}

#endif
