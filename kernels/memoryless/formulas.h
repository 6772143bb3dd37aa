/* Scalar formulas of laws of sums, for the CPU loops of every instruction set and for CUDA.
 *
 * (a) Reward of a type from integers, Σ_i g_i x_i, x_i = Σ_k e_ik n_k exact in double (types.inc): one fused product a
 *     generator where the instruction set has it, so that types of equal x get the same bits.
 * (b) Product and square of complex numbers: √5 u relative (Brent, Percival, Zimmermann, Math. Comp. 76 (2007)); the square
 *     by (x - y)(x + y), which is as accurate.
 * (c) A tilt undone: log(mass) - θ s + shift of the sum s. A mass below a tenth of the noise counts as that tenth: its bound
 *     is above 1, and its logarithm finite. Error: noise/mass + smooth + 4 u (|θ| s + |shift|); the first is what the
 *     transform leaves, the last the bound of af_log and half an ulp of each product. */

#ifndef AF_MEMORYLESS_FORMULAS
#define AF_MEMORYLESS_FORMULAS
#define MERGE_UNIT 0x1p-53
typedef struct {
    double theta, shift, noise, smooth, least;
} merge_tilt;
#endif

/* (a) */
AF_INLINE double AF_FN(types_reward)(double generator, double x, double reward) { return AF_FMA(generator, x, reward); }

/* (b) */
AF_INLINE double AF_FN(complex_square_real)(double x, double y) { return (x - y) * (x + y); }
AF_INLINE double AF_FN(complex_square_imaginary)(double x, double y) { return 2.0 * x * y; }
AF_INLINE double AF_FN(complex_product_real)(double x, double y, double a, double b) { return x * a - y * b; }
AF_INLINE double AF_FN(complex_product_imaginary)(double x, double y, double a, double b) { return x * b + y * a; }

/* (c) */
AF_INLINE double AF_FN(merge_known)(const merge_tilt *tilt, double mass) {
    const double lowest = 0.1 * tilt->noise;
    return mass > lowest ? mass : lowest;
}
AF_INLINE double AF_FN(merge_size)(double x) { return x < 0.0 ? -x : x; }
AF_INLINE double AF_FN(merge_bound)(const merge_tilt *tilt, double known, double sum) {
    const double slope = 4.0 * MERGE_UNIT * AF_FN(merge_size)(tilt->theta);
    const double level = tilt->smooth + 4.0 * MERGE_UNIT * AF_FN(merge_size)(tilt->shift);
    return tilt->noise / known + (level + slope * sum);
}
AF_INLINE double AF_FN(merge_value)(const merge_tilt *tilt, double known, double sum) {
    return AF_FN(af_log_f64)(known) - tilt->theta * sum + tilt->shift;
}
