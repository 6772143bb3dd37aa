/* af_exp2.h -- 2^y for y <= 0, for sums of exponentials: half the work of af_exp, which has no limits on its argument.
 *
 * Domain: LOWEST <= y <= 0, LOWEST = -126 (float), -1022 (double). With `limited`, 2^LOWEST stands for less; without it y
 * must be in the domain, or positive and small. The sums that use this are relative to terms of weight e^-60 or more
 * (double: e^-600), so that what the limit adds is lost in rounding. k = round(y) by adding 1.5·2^digits; 2^(y-k) =
 * 1 + f q(f) with q minimax in relative error on |f| <= 1/2 (Remez's exchange), exact at f = 0, so that a constant exponent
 * gives its exact value; k enters through the exponent bits.
 *     af_exp2_nonpositive   q to 2.6e-9 (float), 1.8e-17 (double): error 1.1 ulp with fma, 1.3 without
 *     af_exp2_term          in float q to 1.1e-7, a degree less and a tenth faster: 2.1 ulp with fma, 2.3 without. For terms
 *                           of sums, where errors of both signs meet (they average -0.2 ulp), not for a factor whose powers
 *                           are taken
 *     af_exp2_less_one      2^y - 1 for |y| <= 3.7: 2^k f q(f) + (2^k - 1), in which nothing cancels but where y is 0, and
 *                           there k is. Error 5 units of roundoff, relative
 * Included once per instruction set (af_simd.h), after af_math.h: no guard around the functions. */

/* 2^k q, k the integer in the last bits of `shifted`. */
AF_INLINE float AF_FN(af_scaled_f32)(float q, float shifted) {
    return AF_FN(af_from_bits_f32)(AF_FN(af_to_bits_f32)(q) + (AF_FN(af_to_bits_f32)(shifted) << 23));
}

/* q(f). */
AF_INLINE float AF_FN(af_exp2_series_f32)(float f) {
    float q = 0x1.470b4ap-13f;
    q = AF_FMAF(q, f, 0x1.5f7276p-10f);
    q = AF_FMAF(q, f, 0x1.3b270ep-7f);
    q = AF_FMAF(q, f, 0x1.c6ae72p-5f);
    q = AF_FMAF(q, f, 0x1.ebfbe2p-3f);
    return AF_FMAF(q, f, 0x1.62e432p-1f);
}

AF_INLINE float AF_FN(af_exp2_nonpositive_f32)(int limited, float y) {
    if (limited) y = y > -126.0f ? y : -126.0f;
    const float shifted = y + 0x1.8p23f, f = y - (shifted - 0x1.8p23f);
    return AF_FN(af_scaled_f32)(AF_FMAF(AF_FN(af_exp2_series_f32)(f), f, 1.0f), shifted);
}

AF_INLINE float AF_FN(af_exp2_less_one_f32)(float y) {
    const float shifted = y + 0x1.8p23f, f = y - (shifted - 0x1.8p23f), power = AF_FN(af_scaled_f32)(1.0f, shifted);
    return AF_FMAF(power, AF_FN(af_exp2_series_f32)(f) * f, power - 1.0f);
}

AF_INLINE float AF_FN(af_exp2_term_f32)(int limited, float y) {
    if (limited) y = y > -126.0f ? y : -126.0f;
    const float shifted = y + 0x1.8p23f, f = y - (shifted - 0x1.8p23f);
    float q = 0x1.5bba14p-10f;
    q = AF_FMAF(q, f, 0x1.3cea88p-7f);
    q = AF_FMAF(q, f, 0x1.c6b752p-5f);
    q = AF_FMAF(q, f, 0x1.ebf9bcp-3f);
    q = AF_FMAF(q, f, 0x1.62e42ap-1f);
    q = AF_FMAF(q, f, 1.0f);
    return AF_FN(af_scaled_f32)(q, shifted);
}

AF_INLINE double AF_FN(af_scaled_f64)(double q, double shifted) {
    return AF_FN(af_from_bits_f64)(AF_FN(af_to_bits_f64)(q) + (AF_FN(af_to_bits_f64)(shifted) << 52));
}

AF_INLINE double AF_FN(af_exp2_series_f64)(double f) {
    double q = 0x1.c0638527edf34p-32;
    q = AF_FMA(q, f, 0x1.e605f979c7a5dp-28);
    q = AF_FMA(q, f, 0x1.b54167a0b9061p-24);
    q = AF_FMA(q, f, 0x1.62bfd49ed0adfp-20);
    q = AF_FMA(q, f, 0x1.ffcbee3b0af8cp-17);
    q = AF_FMA(q, f, 0x1.4309130961163p-13);
    q = AF_FMA(q, f, 0x1.5d87fe7bbbe07p-10);
    q = AF_FMA(q, f, 0x1.3b2ab6fba1e1cp-7);
    q = AF_FMA(q, f, 0x1.c6b08d7048f31p-5);
    q = AF_FMA(q, f, 0x1.ebfbdff82c598p-3);
    return AF_FMA(q, f, 0x1.62e42fefa39f3p-1);
}

AF_INLINE double AF_FN(af_exp2_nonpositive_f64)(int limited, double y) {
    if (limited) y = y > -1022.0 ? y : -1022.0;
    const double shifted = y + 0x1.8p52, f = y - (shifted - 0x1.8p52);
    return AF_FN(af_scaled_f64)(AF_FMA(AF_FN(af_exp2_series_f64)(f), f, 1.0), shifted);
}

AF_INLINE double AF_FN(af_exp2_less_one_f64)(double y) {
    const double shifted = y + 0x1.8p52, f = y - (shifted - 0x1.8p52), power = AF_FN(af_scaled_f64)(1.0, shifted);
    return AF_FMA(power, AF_FN(af_exp2_series_f64)(f) * f, power - 1.0);
}

AF_INLINE double AF_FN(af_exp2_term_f64)(int limited, double y) { return AF_FN(af_exp2_nonpositive_f64)(limited, y); }
