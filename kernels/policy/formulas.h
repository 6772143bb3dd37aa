/* Scalar formulas of preferences between two responses, for the CPU loops of every instruction set and for CUDA.
 *
 * (a) Logistic pair. gap = r_i - r_j, small = exp(-|gap|) in [0, 1]: the rarer of the two outcomes has probability
 *     small / (1 + small), and sigma'(gap) = small / (1 + small)^2. Both keep their relative accuracy (3 roundings) for
 *     any gap, since 1 + small lies in [1, 2].
 * (b) Residual P_ij - sigma(gap). Of P_ij and P_ji the one that belongs to the rarer outcome is read: 1 - P_ij would have
 *     lost the digits of a chance near 0. It is exactly antisymmetric where P_ij + P_ji = 1.
 * (c) Step of Newton. The third derivative of the loss along d is at most (max d - min d) times the second, so a step of
 *     span s shortened to log(1 + s) / s of itself never overshoots, from any start (Bach, EJS 4 (2010)).
 * (d) Comparable matrices. M = P - 1/2 is rounded to multiples of 2^-40, four decimal digits above the rounding errors of
 *     probabilities near one half, so that equality is an equivalence relation and sigma(d) equals 1 - sigma(-d). The
 *     multiple itself is kept, an integer: |M| <= 2^39, where adding 1.5 2^52 rounds to even exactly.
 * (e) Term of D(pi||ref): ref h(y), y = log(pi / ref), h(y) = y e^y - expm1(y) >= 0. For |y| < 1/2 y^2 times 16 terms of
 *     the series, whose remainder is below 2^-16 17/18! = 4e-20 of it; elsewhere pi (y - 1) + ref, which loses a factor of
 *     10 at the seam and none further out. Relative error 1e-15. */

#ifndef AF_POLICY_FORMULAS
#define AF_POLICY_FORMULAS
#define POLICY_GRID 1099511627776.0         /* 2^40 */
#define POLICY_ROUNDING 6755399441055744.0 /* 1.5 2^52 */
/* (k - 1)/k!, k = 2..17. */
static const double policy_series[16] = {
    1.0 / 2, 2.0 / 6, 3.0 / 24, 4.0 / 120, 5.0 / 720, 6.0 / 5040, 7.0 / 40320, 8.0 / 362880, 9.0 / 3628800,
    10.0 / 39916800, 11.0 / 479001600, 12.0 / 6227020800, 13.0 / 87178291200, 14.0 / 1307674368000,
    15.0 / 20922789888000, 16.0 / 355687428096000};
#endif

/* (a) */
AF_INLINE double AF_FN(policy_rarer)(double small) { return small * (1.0 / (1.0 + small)); }
AF_INLINE double AF_FN(policy_slope)(double small) {
    const double share = 1.0 / (1.0 + small);
    return small * share * share;
}

/* (b) */
AF_INLINE double AF_FN(policy_residual)(double gap, double rarer, double win, double loss) {
    return gap > 0.0 ? rarer - loss : win - rarer;
}

/* (c) */
AF_INLINE double AF_FN(policy_step_length)(double span) {
    return span > 0.0 ? AF_FN(af_log1p_f64)(span) / span : 1.0;
}

/* (d) */
AF_INLINE double AF_FN(policy_comparable)(double win, double loss) {
    return ((0.5 * POLICY_GRID) * (win - loss) + POLICY_ROUNDING) - POLICY_ROUNDING;
}

/* (e) */
AF_INLINE double AF_FN(policy_divergence_term)(double ref, double pi, double y) {
    double sum = policy_series[15];
    if (!(AF_FN(af_absolute_f64)(y) < 0.5)) return ref > 0.0 ? (pi > 0.0 ? pi * (y - 1.0) : 0.0) + ref : 0.0;
    for (int k = 14; k >= 0; --k) sum = AF_FMA(sum, y, policy_series[k]);
    return ref * (y * y * sum);
}
