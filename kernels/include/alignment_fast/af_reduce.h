/* af_reduce.h -- sums in a fixed order, and streaming moments with their merge rule.
 *
 * Included once per instruction set (af_simd.h): no include guard around the functions.
 *
 * A sum over n terms is cut into blocks of AF_BLOCK terms. Within a block AF_LANES partial sums run side by side
 * (term i goes to lane i mod AF_LANES) and are folded by halves; so a compiler may use vectors without leave to
 * reassociate, and every variant adds in the same order. Blocks are folded from left to right. The result does not
 * depend on threads, chunking or vector width. Error bound of a block: (AF_BLOCK / AF_LANES + log2 AF_LANES) u Σ|term|.
 */
#ifndef AF_REDUCE_H
#define AF_REDUCE_H
#define AF_BLOCK 4096
#define AF_LANES 32

/* total += Σ_{i < n} term(i), n <= AF_BLOCK, in type T; `i` is the name of the index in the expression `term`. */
#define AF_BLOCK_SUM(T, total, n, i, term)                                     \
    do {                                                                       \
        T af_lane[AF_LANES] = {0};                                             \
        const ptrdiff_t af_n = (n), af_full = af_n - af_n % AF_LANES;          \
        for (ptrdiff_t af_base = 0; af_base < af_full; af_base += AF_LANES)    \
            for (int af_l = 0; af_l < AF_LANES; ++af_l) {                      \
                const ptrdiff_t i = af_base + af_l;                            \
                af_lane[af_l] += (term);                                       \
            }                                                                  \
        for (ptrdiff_t i = af_full; i < af_n; ++i)                             \
            af_lane[i - af_full] += (term);                                    \
        for (int af_half = AF_LANES / 2; af_half > 0; af_half /= 2)            \
            for (int af_l = 0; af_l < af_half; ++af_l)                         \
                af_lane[af_l] += af_lane[af_l + af_half];                      \
        (total) += af_lane[0];                                                 \
    } while (0)

/* Count, mean, sums of central powers, extremes. m2 = Σ(x - mean)^2 and so on. */
typedef struct {
    double count, mean, m2, m3, m4, minimum, maximum;
} af_moments;

/* The sum of x[0..n) by halves, eight lanes at the leaves: NumPy's order of addition, in which earlier releases added. */
static inline double af_sum_by_halves(ptrdiff_t n, const double *x) {
    if (n > 128) {
        const ptrdiff_t half = n / 2 - n / 2 % 8;
        return af_sum_by_halves(half, x) + af_sum_by_halves(n - half, x + half);
    }
    double total = 0.0, lane[8];
    ptrdiff_t i = 0;
    if (n >= 8) {
        for (; i < 8; ++i) lane[i] = x[i];
        for (; i < n - n % 8; i += 8)
            for (int l = 0; l < 8; ++l) lane[l] += x[i + l];
        total = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
    for (; i < n; ++i) total += x[i];
    return total;
}
#endif

/* Least and greatest of x[0..n), 1 <= n; the first of equal ones, which tells zeros of different sign apart. One chain of
 * comparisons would wait for itself. */
static inline void AF_FN(af_extremes)(ptrdiff_t n, const double *restrict x, double *minimum, double *maximum) {
    double least[AF_LANES / 2], most[AF_LANES / 2];
    const ptrdiff_t full = n - n % (AF_LANES / 2);
    for (int l = 0; l < AF_LANES / 2; ++l) least[l] = most[l] = x[0];
    for (ptrdiff_t base = 0; base < full; base += AF_LANES / 2)
        for (int l = 0; l < AF_LANES / 2; ++l) {
            least[l] = x[base + l] < least[l] ? x[base + l] : least[l];
            most[l] = x[base + l] > most[l] ? x[base + l] : most[l];
        }
    double low = x[0], high = x[0];
    for (int l = 0; l < AF_LANES / 2; ++l) {
        low = least[l] < low ? least[l] : low;
        high = most[l] > high ? most[l] : high;
    }
    const int again = low == 0.0 || high == 0.0;
    if (again) low = high = x[0];
    for (ptrdiff_t i = again ? 0 : full; i < n; ++i) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *minimum = low;
    *maximum = high;
}

/* Moments of x[0..n), 1 <= n <= AF_BLOCK, about the block's own mean. The mean is corrected by the sum of what it leaves
 * before the powers are taken: a mean that is off by e adds n e^2 to M2, which shows where the values are all equal. */
static inline void AF_FN(af_moments_block)(ptrdiff_t n, const double *restrict x, af_moments *restrict out) {
    double sum = 0.0, correction = 0.0, m2 = 0.0, m3 = 0.0, m4 = 0.0;
    AF_BLOCK_SUM(double, sum, n, i, x[i]);
    const double rough = sum / (double)n;
    AF_BLOCK_SUM(double, correction, n, i, x[i] - rough);
    const double mean = rough + correction / (double)n;
    AF_BLOCK_SUM(double, m2, n, i, (x[i] - mean) * (x[i] - mean));
    AF_BLOCK_SUM(double, m3, n, i, (x[i] - mean) * (x[i] - mean) * (x[i] - mean));
    AF_BLOCK_SUM(double, m4, n, i, ((x[i] - mean) * (x[i] - mean)) * ((x[i] - mean) * (x[i] - mean)));
    double minimum, maximum;
    AF_FN(af_extremes)(n, x, &minimum, &maximum);
    out->count = (double)n;
    out->mean = mean;
    out->m2 = m2;
    out->m3 = m3;
    out->m4 = m4;
    out->minimum = minimum;
    out->maximum = maximum;
}

/* a <- a ∪ b (Pébay, SAND2008-6212, eqs. 2.1, 3.1, 4.1). An empty side (count 0) leaves the other unchanged. */
static inline void AF_FN(af_moments_merge)(af_moments *restrict a, const af_moments *restrict b) {
    if (b->count == 0.0) return;
    if (a->count == 0.0) {
        *a = *b;
        return;
    }
    const double na = a->count, nb = b->count, n = na + nb;
    const double d = b->mean - a->mean, dn = d / n;
    const double m2 = a->m2 + b->m2 + d * dn * na * nb;
    const double m3 = a->m3 + b->m3 + d * dn * dn * na * nb * (na - nb) + 3.0 * dn * (na * b->m2 - nb * a->m2);
    const double m4 = a->m4 + b->m4 + d * dn * dn * dn * na * nb * (na * na - na * nb + nb * nb)
        + 6.0 * dn * dn * (na * na * b->m2 + nb * nb * a->m2) + 4.0 * dn * (na * b->m3 - nb * a->m3);
    a->mean += dn * nb;
    a->m2 = m2;
    a->m3 = m3;
    a->m4 = m4;
    a->count = n;
    a->minimum = b->minimum < a->minimum ? b->minimum : a->minimum;
    a->maximum = b->maximum > a->maximum ? b->maximum : a->maximum;
}
