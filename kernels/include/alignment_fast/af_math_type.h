/* af_math_type.h -- the bodies of af_math.h for one type: AF_REAL, with the unsigned integer AF_UNSIGNED of its size.
 *
 * AF_TYPED(name) is the function's full name, AF_CONSTANT(NAME) a number of af_coefficients.h. `fused` is a
 * compile-time 0 or 1: with 0 every operation is one of + - * / sqrt with one rounding, in this order, on every
 * machine (the functions named _rn, for random streams); with 1 products that enter sums are fused where the
 * instruction set can. Selects are written `condition ? a : b` with both sides already computed, and in the order
 * that lets NaN through. Twin, line by line: kernels/common/scalar.py. */

AF_INLINE AF_REAL AF_TYPED(af_from_bits)(AF_UNSIGNED bits) {
    AF_REAL x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

AF_INLINE AF_UNSIGNED AF_TYPED(af_to_bits)(AF_REAL x) {
    AF_UNSIGNED bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

AF_INLINE AF_REAL AF_TYPED(af_absolute)(AF_REAL x) {
    return AF_TYPED(af_from_bits)(AF_TYPED(af_to_bits)(x) & AF_CONSTANT(ABSOLUTE_MASK));
}

AF_INLINE AF_REAL AF_TYPED(af_step)(int fused, AF_REAL a, AF_REAL b, AF_REAL c) {
    return fused ? AF_REAL_FMA(a, b, c) : a * b + c;
}

/* ---- exponential ---- */

/* exp(x - low) = 2^k exp(r + r_low), |r| < 0.35, for 0 <= low <= 1; x is limited to where exp is 0 or inf.
 * k = round((x - low) / log 2) by adding 1.5·2^digits; r = x - k log 2 in two steps (Cody and Waite). The low bits of
 * `exponent` are k + 2 bias. With the constant 0 for low, both subtractions of it vanish at compile time. */
AF_INLINE AF_REAL AF_TYPED(af_exp_reduce)(AF_REAL x, AF_REAL low, AF_UNSIGNED *exponent, AF_REAL *r_low) {
    x = x < AF_CONSTANT(EXP_LOWEST) ? AF_CONSTANT(EXP_LOWEST) : x;
    x = x > AF_CONSTANT(EXP_HIGHEST) ? AF_CONSTANT(EXP_HIGHEST) : x;
    const AF_REAL shifted = AF_TYPED(af_step)(1, x - low, AF_CONSTANT(LOG2E), AF_CONSTANT(EXP_MAGIC));
    const AF_REAL k = shifted - AF_CONSTANT(EXP_MAGIC);
    const AF_REAL upper = AF_TYPED(af_step)(1, -k, AF_CONSTANT(LN2_HIGH), x);
    const AF_REAL r = AF_TYPED(af_step)(1, -k, AF_CONSTANT(LN2_LOW), upper) - low;
    *exponent = AF_TYPED(af_to_bits)(shifted);
    *r_low = AF_TYPED(af_step)(1, -k, AF_CONSTANT(LN2_LOW), upper - r);
    return r;
}

/* exp(r) = 1 + r (1 + r P(r)). */
AF_INLINE AF_REAL AF_TYPED(af_exp_series)(AF_REAL r) {
    return AF_TYPED(af_step)(1, AF_TYPED(af_step)(1, AF_POLYNOMIAL(EXP, 1, r), r, 1), r, 1);
}

/* y 2^k with one rounding, also where the result is subnormal: the two halves of k have normal powers. */
AF_INLINE AF_REAL AF_TYPED(af_scale)(AF_REAL y, AF_UNSIGNED exponent) {
    const AF_UNSIGNED half = exponent >> 1;
    return y * AF_TYPED(af_from_bits)(half << AF_CONSTANT(MANTISSA_BITS))
        * AF_TYPED(af_from_bits)((exponent - half) << AF_CONSTANT(MANTISSA_BITS));
}

AF_INLINE AF_REAL AF_TYPED(af_exp)(AF_REAL x) {
    AF_UNSIGNED exponent;
    AF_REAL r_low;
    const AF_REAL r = AF_TYPED(af_exp_reduce)(x, 0, &exponent, &r_low);
    return AF_TYPED(af_scale)(AF_TYPED(af_exp_series)(r), exponent);
}

/* 2^k exp(r + r_low) - 1 as 2 (s t + (s - 1/2)) with t = exp(r) - 1 in two pieces and s = 2^(k-1), which keeps 2^1024
 * out; k > -bias. */
AF_INLINE AF_REAL AF_TYPED(af_expm1_series)(AF_REAL r, AF_REAL r_low, AF_UNSIGNED exponent) {
    const AF_REAL curved = r * r * AF_POLYNOMIAL(EXP, 1, r), t = r + curved, t_low = ((r - t) + curved) + r_low;
    const AF_REAL s =
        AF_TYPED(af_from_bits)((exponent - AF_CONSTANT(EXPM1_OFFSET)) << AF_CONSTANT(MANTISSA_BITS));
    const AF_REAL whole = s - (AF_REAL)0.5, part = s * t, sum = whole + part;
    return 2 * (sum + AF_TYPED(af_step)(1, s, t_low, (whole - sum) + part));
}

/* exp(x) - 1. Below EXPM1_LOWEST it is -1; below TINY it is x, the last bit and the sign of zero included. */
AF_INLINE AF_REAL AF_TYPED(af_expm1)(AF_REAL x) {
    AF_UNSIGNED exponent;
    AF_REAL r_low;
    const AF_REAL limited = x < AF_CONSTANT(EXPM1_LOWEST) ? AF_CONSTANT(EXPM1_LOWEST) : x;
    const AF_REAL r = AF_TYPED(af_exp_reduce)(limited, 0, &exponent, &r_low);
    const AF_REAL y = AF_TYPED(af_expm1_series)(r, r_low, exponent);
    return AF_TYPED(af_absolute)(x) < AF_CONSTANT(TINY) ? x : y;
}

/* ---- logarithm ---- */

/* x = m 2^k with m in [sqrt(1/2), sqrt 2), x positive and normal; the biased exponent of 2^k goes to `exponent`. */
AF_INLINE AF_REAL AF_TYPED(af_log_split)(AF_REAL x, AF_UNSIGNED *exponent) {
    const AF_UNSIGNED bits = AF_TYPED(af_to_bits)(x) + AF_CONSTANT(LOG_OFFSET);
    *exponent = bits >> AF_CONSTANT(MANTISSA_BITS);
    return AF_TYPED(af_from_bits)((bits & AF_CONSTANT(MANTISSA_MASK)) + AF_CONSTANT(ROOT_HALF_BITS));
}

AF_INLINE AF_REAL AF_TYPED(af_log_exponent)(AF_UNSIGNED exponent) {
    return AF_TYPED(af_from_bits)(exponent | AF_CONSTANT(EXPONENT_MAGIC_BITS)) - AF_CONSTANT(EXPONENT_MAGIC);
}

/* k log 2 + log(1 + f) + low: with s = f/(2+f), log(1+f) = 2 atanh s = f - (f²/2 - s (f²/2 + R(s²))), the form of
 * fdlibm's e_log.c, which puts the rounding of s behind a factor of order f. */
AF_INLINE AF_REAL AF_TYPED(af_log_series)(int fused, AF_REAL k, AF_REAL f, AF_REAL low) {
    const AF_REAL s = f / (2 + f), z = s * s, h = (AF_REAL)0.5 * f * f;
    const AF_REAL bracket = AF_TYPED(af_step)(fused, z, AF_POLYNOMIAL(LOG, fused, z), h);
    const AF_REAL small = AF_TYPED(af_step)(fused, k, AF_CONSTANT(LN2_LOW), low);
    const AF_REAL inner = f - (h - AF_TYPED(af_step)(fused, s, bracket, small));
    return AF_TYPED(af_step)(fused, k, AF_CONSTANT(LN2_HIGH), inner);
}

/* log x for finite x > 0, subnormal ones included. */
AF_INLINE AF_REAL AF_TYPED(af_log_positive)(int fused, AF_REAL x) {
    AF_UNSIGNED exponent;
    const int subnormal = x < AF_CONSTANT(SMALLEST_NORMAL);
    const AF_REAL raised = x * AF_CONSTANT(SUBNORMAL_SCALE), offset = AF_CONSTANT(SUBNORMAL_EXPONENT);
    const AF_REAL m = AF_TYPED(af_log_split)(subnormal ? raised : x, &exponent);
    const AF_REAL k = AF_TYPED(af_log_exponent)(exponent) - (subnormal ? offset : 0);
    return AF_TYPED(af_log_series)(fused, k, m - 1, 0);
}

/* y, or at the ends of the domain of a logarithm of x: log inf = inf, log 0 = -inf, NaN below 0 and for NaN. */
AF_INLINE AF_REAL AF_TYPED(af_log_ends)(AF_REAL x, AF_REAL y) {
    const AF_REAL end = x == 0 ? -AF_INFINITY : AF_NAN;
    y = x < AF_INFINITY ? y : x;
    return x > 0 ? y : end;
}

AF_INLINE AF_REAL AF_TYPED(af_log)(AF_REAL x) {
    return AF_TYPED(af_log_ends)(x, AF_TYPED(af_log_positive)(1, x));
}

/* log(u + low) for normal u > 0 and |low| within half a unit in the last place of u: low enters f, exactly where
 * k = 0 (so that nothing is lost near u = 1). The factor 2^(1-k) is finite for every exponent. */
AF_INLINE AF_REAL AF_TYPED(af_log_sum)(AF_REAL u, AF_REAL low, AF_REAL exponent_offset) {
    AF_UNSIGNED exponent;
    const AF_REAL f = AF_TYPED(af_log_split)(u, &exponent) - 1;
    const AF_REAL k = AF_TYPED(af_log_exponent)(exponent) - exponent_offset;
    const AF_REAL twice = AF_TYPED(af_from_bits)((AF_CONSTANT(RECIPROCAL_OFFSET) - exponent)
                                                 << AF_CONSTANT(MANTISSA_BITS));
    const AF_REAL scaled = (AF_REAL)0.5 * low * twice, sum = f + scaled;
    return AF_TYPED(af_log_series)(1, k, sum, (f - sum) + scaled);
}

/* log(1 + x). */
AF_INLINE AF_REAL AF_TYPED(af_log1p)(AF_REAL x) {
    const AF_REAL u = 1 + x;
    const AF_REAL y = AF_TYPED(af_log_ends)(u, AF_TYPED(af_log_sum)(u, x - (u - 1), 0));
    return AF_TYPED(af_absolute)(x) < AF_CONSTANT(TINY) ? x : y;
}

/* log(1 - exp(-a)), a >= 0: log(-expm1(-a)) below log 2, log1p(-exp(-a)) above (Maechler 2012). */
AF_INLINE AF_REAL AF_TYPED(af_log1mexp)(AF_REAL a) {
    AF_UNSIGNED exponent;
    AF_REAL r_low;
    const AF_REAL r = AF_TYPED(af_exp_reduce)(-a, 0, &exponent, &r_low);
    const AF_REAL e = AF_TYPED(af_scale)(AF_TYPED(af_exp_series)(r), exponent);
    const AF_REAL m = -AF_TYPED(af_expm1_series)(r, r_low, exponent);
    const AF_REAL complement = a < AF_CONSTANT(TINY) ? a : m;
    const AF_REAL raised = complement * AF_CONSTANT(SUBNORMAL_SCALE), offset = AF_CONSTANT(SUBNORMAL_EXPONENT);
    const AF_REAL rest = 1 - e, rest_low = (1 - rest) - e;
    const int near = a < AF_CONSTANT(LN2), subnormal = a < AF_CONSTANT(SMALLEST_NORMAL);
    const AF_REAL normal = subnormal ? raised : complement;
    const AF_REAL u = near ? normal : rest, low = near ? 0 : rest_low;
    const AF_REAL y = AF_TYPED(af_log_sum)(u, low, subnormal ? offset : 0);
    return a > 0 ? y : (a == 0 ? -AF_INFINITY : AF_NAN);
}

/* ---- logistic ---- */

/* log(1 + e), 0 <= e <= 1, as 2 atanh(w/2), w = e / (1 + e/2). */
AF_INLINE AF_REAL AF_TYPED(af_log1p_unit)(AF_REAL e) {
    const AF_REAL w = e / AF_TYPED(af_step)(1, e, (AF_REAL)0.5, 1), z = (AF_REAL)0.25 * w * w;
    return AF_TYPED(af_step)(1, w * z, AF_POLYNOMIAL(LOG1P, 1, z), w);
}

/* log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|)). */
AF_INLINE AF_REAL AF_TYPED(af_softplus)(AF_REAL x) {
    const AF_REAL positive = x < 0 ? 0 : x;
    return positive + AF_TYPED(af_log1p_unit)(AF_TYPED(af_exp)(-AF_TYPED(af_absolute)(x)));
}

/* 1 / (1 + exp(-x)), from exp(-|x|). */
AF_INLINE AF_REAL AF_TYPED(af_sigmoid)(AF_REAL x) {
    const AF_REAL e = AF_TYPED(af_exp)(-AF_TYPED(af_absolute)(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* ---- normal distribution ---- */

/* g(t) = exp(t²/2) Φ(-t), t >= 0: a polynomial in q = (t-K)/(t+K), divided by t+K. Both are taken exactly at the point
 * t - step that t + K rounds to, and the step is made good by g' = t g - 1/sqrt(2π): the result is the sum of what is
 * returned and `low`. */
AF_INLINE AF_REAL AF_TYPED(af_mills)(AF_REAL t, AF_REAL *low) {
    const AF_REAL sum = t + AF_CONSTANT(MILLS_SHIFT), step = t - (sum - AF_CONSTANT(MILLS_SHIFT));
    const AF_REAL q = (sum - 2 * AF_CONSTANT(MILLS_SHIFT)) / sum;
    const AF_REAL y = AF_POLYNOMIAL(MILLS, 1, q) / sum;
    *low = step * AF_TYPED(af_step)(1, t, y, -AF_CONSTANT(DENSITY_SCALE));
    return y;
}

/* t²/2 = high + low, high exact: t's upper half squares without rounding. */
AF_INLINE AF_REAL AF_TYPED(af_half_square)(AF_REAL t, AF_REAL *low) {
    const AF_REAL upper = AF_TYPED(af_from_bits)(AF_TYPED(af_to_bits)(t) & AF_CONSTANT(UPPER_HALF_MASK));
    *low = (t - upper) * (t + upper) * (AF_REAL)0.5;
    return (AF_REAL)0.5 * upper * upper;
}

/* Φ(-t) for 0 <= t <= CDF_HIGHEST, given g(t) = y + y_low. The factor exp(r) enters as y + (y e + ...), e = exp(r) - 1:
 * roundings of e and of the product count by |e| < 0.42 only. */
AF_INLINE AF_REAL AF_TYPED(af_normal_tail)(AF_REAL t, AF_REAL y, AF_REAL y_low) {
    AF_UNSIGNED exponent;
    AF_REAL low, r_low;
    const AF_REAL high = AF_TYPED(af_half_square)(t, &low);
    const AF_REAL r = AF_TYPED(af_exp_reduce)(-high, low, &exponent, &r_low);
    const AF_REAL e = AF_TYPED(af_step)(1, r * r, AF_POLYNOMIAL(EXP, 1, r), r);
    return AF_TYPED(af_scale)(y + AF_TYPED(af_step)(1, y, e, AF_TYPED(af_step)(1, y_low, e, y_low)), exponent);
}

/* Φ(x); beyond CDF_HIGHEST the tail is 0 in this type. */
AF_INLINE AF_REAL AF_TYPED(af_normal_cdf)(AF_REAL x) {
    AF_REAL y_low;
    const AF_REAL distance = AF_TYPED(af_absolute)(x);
    const AF_REAL t = distance > AF_CONSTANT(CDF_HIGHEST) ? AF_CONSTANT(CDF_HIGHEST) : distance;
    const AF_REAL y = AF_TYPED(af_mills)(t, &y_low), tail = AF_TYPED(af_normal_tail)(t, y, y_low);
    return x < 0 ? tail : 1 - tail;
}

/* log Φ(x) = log mills(-x) - x²/2 below 0, log1p(-Φ(-x)) above. */
AF_INLINE AF_REAL AF_TYPED(af_log_normal_cdf)(AF_REAL x) {
    AF_REAL low, mills_low;
    const AF_REAL distance = AF_TYPED(af_absolute)(x);
    const AF_REAL far = distance > AF_CONSTANT(LOG_CDF_HIGHEST) ? AF_CONSTANT(LOG_CDF_HIGHEST) : distance;
    const AF_REAL t = distance > AF_CONSTANT(CDF_HIGHEST) ? AF_CONSTANT(CDF_HIGHEST) : distance;
    const AF_REAL mills = AF_TYPED(af_mills)(far, &mills_low);
    const AF_REAL tail = AF_TYPED(af_normal_tail)(t, mills, mills_low);
    const AF_REAL rest = 1 - tail, rest_low = (1 - rest) - tail;
    const int left = x < 0;
    const AF_REAL y = AF_TYPED(af_log_sum)(left ? mills : rest, left ? mills_low : rest_low, 0);
    const AF_REAL high = AF_TYPED(af_half_square)(far, &low);
    const AF_REAL below = (y - low) - high;
    const AF_REAL value = left ? below : y;
    return x == x ? value : x;
}

/* -Φ⁻¹(p) for 0 < p <= 1/2, given q = 1/2 - p, which may keep digits that p has lost. Up to q = 0.425: q sqrt(2π) + q³ S(q²); beyond: sqrt(2) r - H(r) with
 * p = exp(-r²). S and H are rational (pieces as in AS 241); the leading term is exact, so that their rounding enters
 * only with the share that they have in the result. */
AF_INLINE AF_REAL AF_TYPED(af_normal_lower)(int fused, AF_REAL p, AF_REAL q) {
    const AF_REAL z = q * q;
    const int central = q <= AF_CONSTANT(PPF_CENTRAL);
    const AF_REAL u = AF_CONSTANT(PPF_CENTRAL_SQUARE) - z;
    const AF_REAL r = AF_REAL_SQRT(-AF_TYPED(af_log_positive)(fused, p));
    const AF_REAL v = r - AF_CONSTANT(PPF_TAIL_START);
    const AF_REAL central_numerator = AF_POLYNOMIAL(PPF_CENTRAL_NUMERATOR, fused, u);
    const AF_REAL central_denominator = AF_POLYNOMIAL(PPF_CENTRAL_DENOMINATOR, fused, u);
    const AF_REAL tail_numerator = AF_POLYNOMIAL(PPF_TAIL_NUMERATOR, fused, v);
    const AF_REAL tail_denominator = AF_POLYNOMIAL(PPF_TAIL_DENOMINATOR, fused, v);
    const AF_REAL ratio =
        (central ? central_numerator : tail_numerator) / (central ? central_denominator : tail_denominator);
    const AF_REAL correction = q * AF_TYPED(af_step)(fused, z, ratio, AF_CONSTANT(SQRT2PI_LOW));
    const AF_REAL inner = AF_TYPED(af_step)(fused, q, AF_CONSTANT(SQRT2PI), correction);
    const AF_REAL remainder = AF_TYPED(af_step)(fused, r, AF_CONSTANT(SQRT2_LOW), -ratio);
    const AF_REAL outer = AF_TYPED(af_step)(fused, r, AF_CONSTANT(SQRT2), remainder);
    return central ? inner : outer;
}

AF_INLINE AF_REAL AF_TYPED(af_normal_ppf_steps)(int fused, AF_REAL p) {
    const AF_REAL other = 1 - p;
    const AF_REAL lower = p > (AF_REAL)0.5 ? other : p; /* exact above 1/2 */
    const AF_REAL y = AF_TYPED(af_normal_lower)(fused, lower, (AF_REAL)0.5 - lower);
    const AF_REAL size = lower > 0 ? y : (lower == 0 ? AF_INFINITY : AF_NAN);
    return p < (AF_REAL)0.5 ? -size : size;
}

/* Φ⁻¹(p). */
AF_INLINE AF_REAL AF_TYPED(af_normal_ppf)(AF_REAL p) { return AF_TYPED(af_normal_ppf_steps)(1, p); }

/* Φ⁻¹(1 - p): full relative accuracy in the upper tail. */
AF_INLINE AF_REAL AF_TYPED(af_normal_isf)(AF_REAL p) { return 0 - AF_TYPED(af_normal_ppf_steps)(1, p); }

/* The same without any fused product: identical bits on every machine, for random streams. */
AF_INLINE AF_REAL AF_TYPED(af_log_rn)(AF_REAL x) {
    return AF_TYPED(af_log_ends)(x, AF_TYPED(af_log_positive)(0, x));
}

AF_INLINE AF_REAL AF_TYPED(af_normal_ppf_rn)(AF_REAL p) { return AF_TYPED(af_normal_ppf_steps)(0, p); }
