/* Scalar formulas of exponential means and divergences, for the CPU loops of every instruction set and for CUDA.
 *
 * (a) 2^y for y <= 0, the inner loop of the whole family: alignment_fast/af_exp2.h.
 * (b) Functions that vanish to second order at 0: what stays accurate where a tilt is weak.
 *         h(x) = x e^x - expm1(x)      D(π‖p) = Σ p h(log π/p): one sign, no cancellation however close π is to p
 *         g(x) = expm1(x) - x          log Σ p e^x = log1p(Σ p g(x)) where Σ p x = 0
 *         φ(v) = v - log1p(v)          D(p‖q) = Σ p φ(q/p - 1) where both are normalised; v > -1
 *     |x| < 1/2: x² times 16 terms of the series, remainder below 2^-16·17/18! = 4e-20 of it; elsewhere as written. Error
 *     of a term: 4 ulp for |x| < 1/2, 8 ulp for -1 < x, growing to |x| ulp for x -> -inf (where h = 1 is reached at -40).
 *     φ for -0.28 < v < 0.41 by the series of log1p without its linear term: 7 units of roundoff.
 * (c) What rounding leaves of a difference (Knuth), of a product (fma, without it Dekker), of a logarithm and of the
 *     argument of an exponential, where that would be multiplied by its size.
 * (d) log(q/p) where the quotient may be below the normal range: 2^500 q over p, and 500 log 2 less.
 * (e) Terms of entropy, cross entropy and divergence: p log p, p log q, p log(p/q), 0 where p = 0.
 * (f) Terms p e^{ρ r} of rewards that are logarithms, for ρ = 1, 2 and -1/2 (powers.inc): products, quotients, roots.
 * (g) Cumulants from sums of powers about a point near the mean (Smith 1995; tilted.inc). */

#ifndef AF_INFORMATION_FORMULAS
#define AF_INFORMATION_FORMULAS
#define AF_LOG2E 0x1.71547652b82fep0
/* Below this h = 1 to the last bit; it keeps x times 0 from being infinity times 0. */
#define AF_ENTROPY_FLOOR -750.0
#define AF_LARGEST_RATIO 0x1p1000
#define AF_LOWEST_POWER AF_BY_TYPE(-126.0f, -1022.0)

enum { AF_REWARD_GIVEN, AF_REWARD_LOG_OF, AF_REWARD_LOGITS, AF_REWARD_LOG_RATIO, AF_REWARD_OWN_LOG };
enum { AF_PLAIN_ENTROPY, AF_PLAIN_CROSS_ENTROPY, AF_PLAIN_DIVERGENCE, AF_PLAIN_DIVERGENCE_BY_LOGS };
enum { AF_SQUARE, AF_CUBE, AF_ROOT, AF_NO_POWER };
#endif

#ifndef AF_REAL /* once per instruction set */
#include "alignment_fast/af_exp2.h"

/* ---- of second order at 0 (b) ---- */

/* h near 0: x² Σ (k - 1)/k! x^{k-2}, k = 2..17. */
AF_INLINE double AF_FN(af_entropy_near)(double x) {
    double sum = 16.0 / 355687428096000;
    sum = AF_FMA(sum, x, 15.0 / 20922789888000);
    sum = AF_FMA(sum, x, 14.0 / 1307674368000);
    sum = AF_FMA(sum, x, 13.0 / 87178291200);
    sum = AF_FMA(sum, x, 12.0 / 6227020800);
    sum = AF_FMA(sum, x, 11.0 / 479001600);
    sum = AF_FMA(sum, x, 10.0 / 39916800);
    sum = AF_FMA(sum, x, 9.0 / 3628800);
    sum = AF_FMA(sum, x, 8.0 / 362880);
    sum = AF_FMA(sum, x, 7.0 / 40320);
    sum = AF_FMA(sum, x, 6.0 / 5040);
    sum = AF_FMA(sum, x, 5.0 / 720);
    sum = AF_FMA(sum, x, 4.0 / 120);
    sum = AF_FMA(sum, x, 3.0 / 24);
    sum = AF_FMA(sum, x, 2.0 / 6);
    sum = AF_FMA(sum, x, 1.0 / 2);
    return x * x * sum;
}

/* g near 0: x² Σ 1/k! x^{k-2}, k = 2..17. */
AF_INLINE double AF_FN(af_exponential_near)(double x) {
    double sum = 1.0 / 355687428096000;
    sum = AF_FMA(sum, x, 1.0 / 20922789888000);
    sum = AF_FMA(sum, x, 1.0 / 1307674368000);
    sum = AF_FMA(sum, x, 1.0 / 87178291200);
    sum = AF_FMA(sum, x, 1.0 / 6227020800);
    sum = AF_FMA(sum, x, 1.0 / 479001600);
    sum = AF_FMA(sum, x, 1.0 / 39916800);
    sum = AF_FMA(sum, x, 1.0 / 3628800);
    sum = AF_FMA(sum, x, 1.0 / 362880);
    sum = AF_FMA(sum, x, 1.0 / 40320);
    sum = AF_FMA(sum, x, 1.0 / 5040);
    sum = AF_FMA(sum, x, 1.0 / 720);
    sum = AF_FMA(sum, x, 1.0 / 120);
    sum = AF_FMA(sum, x, 1.0 / 24);
    sum = AF_FMA(sum, x, 1.0 / 6);
    sum = AF_FMA(sum, x, 1.0 / 2);
    return x * x * sum;
}

AF_INLINE double AF_FN(af_entropy_term)(double x) {
    x = x > AF_ENTROPY_FLOOR ? x : AF_ENTROPY_FLOOR;
    const double m = AF_FN(af_expm1_f64)(x), near = AF_FN(af_entropy_near)(x);
    return AF_FN(af_absolute_f64)(x) < 0.5 ? near : AF_FMA(x, m, x) - m;
}

AF_INLINE double AF_FN(af_exponential_rest)(double x) {
    const double near = AF_FN(af_exponential_near)(x);
    return AF_FN(af_absolute_f64)(x) < 0.5 ? near : AF_FN(af_expm1_f64)(x) - x;
}

/* The series of φ, for -0.28 < v < 0.41: that of log1p without its linear term. */
AF_INLINE double AF_FN(less_log1p_near)(double v) {
    const double s = v / (2 + v), z = s * s, h = 0.5 * v * v;
    return h - s * AF_FMA(z, AF_LOG_F64(AF_FN(af_step_f64), 1, z), h);
}

/* φ(v) = v - log1p(v), v > -1, to 7 units of roundoff. */
AF_INLINE double AF_FN(less_log1p)(double v) {
    return (v > -0.28) & (v < 0.41) ? AF_FN(less_log1p_near)(v) : v - AF_FN(af_log1p_f64)(v);
}

/* ---- what rounding leaves (c) ---- */

/* a - b - high, high = a - b rounded. */
AF_INLINE double AF_FN(difference_error)(double a, double b, double high) {
    const double back = high - a;
    return (a - (high - back)) - (b + back);
}

/* e^(a - b), the difference taken exactly: its rounding would be multiplied by its size. */
AF_INLINE double AF_FN(exp_of_difference)(double a, double b) {
    const double high = a - b, power = AF_FN(af_exp_f64)(high);
    const double low = AF_FN(difference_error)(a, b, high);
    return a > -AF_INFINITY ? AF_FMA(power, low, power) : 0.0;
}

/* a b - high, high = a b rounded: without fma by Dekker's product. */
AF_INLINE double AF_FN(product_error)(double a, double b, double high) {
    if (AF_HAVE_FMA) return AF_FMA(a, b, -high);
    const double splitter = 0x1p27 + 1, a_scaled = splitter * a, b_scaled = splitter * b;
    const double a_high = a_scaled - (a_scaled - a), b_high = b_scaled - (b_scaled - b);
    const double a_low = a - a_high, b_low = b - b_high;
    return ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low;
}

/* log x, and what its rounding leaves, for x of moderate size. */
AF_INLINE double AF_FN(log_with_rest)(double x, double *left) {
    const double y = AF_FN(af_log_f64)(x), back = x * AF_FN(af_exp_f64)(-y) - 1;
    *left = AF_FN(af_absolute_f64)(y) < 690 ? back : 0.0;
    return y;
}

/* ---- terms ---- */

/* (d) log of q/p >= 0, where the quotient may be below the normal range; at most log AF_LARGEST_RATIO. In two steps, between
 * which the logarithms of a block may be taken. */
AF_INLINE double AF_FN(quotient_for_log)(double q, double p) {
    const double quotient = (q < 0x1p-400 * p ? q * 0x1p500 : q) / p;
    return quotient < AF_LARGEST_RATIO ? quotient : AF_LARGEST_RATIO;
}

AF_INLINE double AF_FN(log_from_quotient)(double q, double p, double log) {
    return q < 0x1p-400 * p ? log - 500 * 0x1.62e42fefa39efp-1 : log;
}

/* (e) */
AF_INLINE double AF_FN(plain_term)(const int kind, double p, double q) {
    const double of = kind == AF_PLAIN_CROSS_ENTROPY ? q : (kind == AF_PLAIN_DIVERGENCE ? p / q : p);
    const double value = AF_FN(af_log_f64)(of);
    const double log_ratio = kind == AF_PLAIN_DIVERGENCE_BY_LOGS ? value - AF_FN(af_log_f64)(q) : value;
    return p > 0 ? p * log_ratio : 0.0;
}

/* ---- cumulants (g) ---- */

/* Cumulants 1..n of the law with moments Σ π (r - c)^j = sums[j], n <= 8; the first is that of r itself. */
static inline void AF_FN(cumulants_of_sums)(int n, const double *sums, double c, double *cumulants) {
    double moment[9];
    for (int j = 0; j <= n; ++j) moment[j] = sums[j] / sums[0];
    for (int i = 1; i <= n; ++i) {
        double value = moment[i], binomial = 1.0; /* C(i - 1, j - 1) */
        for (int j = 1; j < i; ++j) {
            value -= binomial * cumulants[j - 1] * moment[i - j];
            binomial *= (double)(i - j) / (double)j;
        }
        cumulants[i - 1] = value;
    }
    cumulants[0] += c;
}

#else /* and once more for each type (af_each_type.h) */

/* (f) */
AF_INLINE AF_REAL AF_TYPED(power_term)(const int kind, const int power, AF_REAL p, AF_REAL q) {
    if (kind == AF_REWARD_OWN_LOG) return power == AF_SQUARE ? p * p : (power == AF_CUBE ? p * p * p : AF_REAL_SQRT(p));
    if (kind == AF_REWARD_LOG_OF) return power == AF_SQUARE ? p * q : (power == AF_CUBE ? p * q * q : p / AF_REAL_SQRT(q));
    if (power == AF_ROOT) return AF_REAL_SQRT(p * q);
    return power == AF_SQUARE ? p * (p / q) : p * (p / q) * (p / q);
}

#endif
