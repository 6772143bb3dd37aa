/* af_side.h -- functions of af_math.h, in double, for AF_SIDE vectors side by side.
 *
 * One vector at a time waits for its own latency: the operations of a polynomial depend on each other, and the next
 * vector's come too late for the processor to reorder them. Here each step is taken by all vectors before the next one.
 * Operations per lane, and their order, are those of af_math_type.h: the same bits. Included once per instruction set,
 * after af_math.h. */
#include "alignment_fast/af_vector.h"

#ifndef AF_SIDE
#define AF_SIDE 4
#define AF_SIDE_DOUBLES (AF_SIDE * AF_WIDE)
/* Of n elements of an array those that are taken in groups: none where vectors hold two doubles, for the compiler then
 * has too few registers, and its own loops take half the instructions. */
#define AF_SIDE_WHOLE(n) (AF_WIDE > 2 ? (n) - (n) % AF_SIDE_DOUBLES : 0)
#define AF_GROUP AF_FN(af_group)
#define EXPM1_UNREDUCED 0.34 /* below log(2) / 2 */
#define AF_EACH for (int t = 0; t < AF_SIDE; ++t)
/* The innermost coefficient of a polynomial macro is a number, all other terms are groups. */
#define AF_SIDE_STEP(fused, a, z, c) \
    AF_FN(af_side_step)(fused, _Generic((a), AF_GROUP: AF_FN(af_side_same), default: AF_FN(af_side_all))(a), z, c)
#define AF_SIDE_POLYNOMIAL(NAME, fused, z) AF_##NAME##_F64(AF_SIDE_STEP, fused, z)
#endif

typedef struct {
    AF_REALS v[AF_SIDE];
} AF_GROUP;

AF_INLINE AF_GROUP AF_FN(af_side_same)(AF_GROUP a) { return a; }

AF_INLINE AF_GROUP AF_FN(af_side_all)(double c) {
    AF_GROUP a;
    AF_EACH a.v[t] = AF_FN(af_all)(c);
    return a;
}

AF_INLINE AF_GROUP AF_FN(af_side_load)(const double *x) {
    AF_GROUP a;
    AF_EACH a.v[t] = AF_FN(af_load)(x + t * AF_WIDE);
    return a;
}

AF_INLINE void AF_FN(af_side_store)(double *x, AF_GROUP a) {
    AF_EACH AF_FN(af_store)(x + t * AF_WIDE, a.v[t]);
}

/* a z + c, the fused product being chosen at compile time. */
AF_INLINE AF_REALS AF_FN(af_side_sum)(int fused, AF_REALS a, AF_REALS z, AF_REALS c) {
    if (fused) return AF_FN(af_fused)(a, z, c);
    return a * z + c;
}

AF_INLINE AF_GROUP AF_FN(af_side_step)(int fused, AF_GROUP a, AF_GROUP z, double c) {
    AF_EACH a.v[t] = AF_FN(af_side_sum)(fused, a.v[t], z.v[t], AF_FN(af_all)(c));
    return a;
}

/* ---- exponential ---- */

AF_INLINE AF_GROUP AF_FN(af_side_exp_reduce)(AF_GROUP x, AF_GROUP *shifted, AF_GROUP *r_low) {
    const AF_REALS lowest = AF_FN(af_all)(AF_EXP_LOWEST_F64), highest = AF_FN(af_all)(AF_EXP_HIGHEST_F64);
    const AF_REALS ln2_high = AF_FN(af_all)(AF_LN2_HIGH_F64), ln2_low = AF_FN(af_all)(AF_LN2_LOW_F64);
    AF_GROUP k, r;
    AF_EACH x.v[t] = AF_FN(af_if_less)(x.v[t], lowest, lowest, x.v[t]);
    AF_EACH x.v[t] = AF_FN(af_if_less)(highest, x.v[t], highest, x.v[t]);
    AF_EACH {
        shifted->v[t] = AF_FN(af_fused)(x.v[t], AF_FN(af_all)(AF_LOG2E_F64), AF_FN(af_all)(AF_EXP_MAGIC_F64));
        k.v[t] = shifted->v[t] - AF_EXP_MAGIC_F64;
    }
    AF_EACH x.v[t] = AF_FN(af_fused)(-k.v[t], ln2_high, x.v[t]);
    AF_EACH r.v[t] = AF_FN(af_fused)(-k.v[t], ln2_low, x.v[t]);
    AF_EACH r_low->v[t] = AF_FN(af_fused)(-k.v[t], ln2_low, x.v[t] - r.v[t]);
    return r;
}

AF_INLINE AF_GROUP AF_FN(af_side_exp)(AF_GROUP x) {
    AF_GROUP shifted, unused;
    const AF_GROUP r = AF_FN(af_side_exp_reduce)(x, &shifted, &unused);
    AF_GROUP y = AF_SIDE_POLYNOMIAL(EXP, 1, r);
    y = AF_FN(af_side_step)(1, AF_FN(af_side_step)(1, y, r, 1.0), r, 1.0);
    AF_EACH {
        const AF_INTEGERS exponent = (AF_INTEGERS)shifted.v[t], half = exponent >> 1;
        y.v[t] = y.v[t] * (AF_REALS)(half << AF_MANTISSA_BITS_F64)
            * (AF_REALS)((exponent - half) << AF_MANTISSA_BITS_F64);
    }
    return y;
}

/* exp(r + r_low) - 1 = t + low, t = r + r^2 P(r). */
AF_INLINE AF_GROUP AF_FN(af_side_expm1_series)(AF_GROUP r, AF_GROUP r_low, AF_GROUP *low) {
    AF_GROUP y = AF_SIDE_POLYNOMIAL(EXP, 1, r);
    AF_EACH {
        const AF_REALS curved = r.v[t] * r.v[t] * y.v[t], sum = r.v[t] + curved;
        low->v[t] = ((r.v[t] - sum) + curved) + r_low.v[t];
        y.v[t] = sum;
    }
    return y;
}

AF_INLINE AF_GROUP AF_FN(af_side_expm1_reduced)(AF_GROUP x) {
    const AF_REALS lowest = AF_FN(af_all)(AF_EXPM1_LOWEST_F64);
    AF_GROUP limited, shifted, r_low;
    AF_EACH limited.v[t] = AF_FN(af_if_less)(x.v[t], lowest, lowest, x.v[t]);
    const AF_GROUP r = AF_FN(af_side_exp_reduce)(limited, &shifted, &r_low);
    AF_GROUP y = AF_FN(af_side_expm1_series)(r, r_low, &r_low);
    AF_EACH {
        const AF_INTEGERS exponent = (AF_INTEGERS)shifted.v[t] - AF_EXPM1_OFFSET_F64;
        const AF_REALS s = (AF_REALS)(exponent << AF_MANTISSA_BITS_F64);
        const AF_REALS whole = s - 0.5, part = s * y.v[t], sum = whole + part;
        y.v[t] = 2.0 * (sum + AF_FN(af_fused)(s, r_low.v[t], (whole - sum) + part));
    }
    return y;
}

/* Where every lane is within EXPM1_UNREDUCED, k is 0 and x its own remainder: the series is all there is, with the same
 * bits. That is the rule in laws of many outcomes. */
AF_INLINE AF_GROUP AF_FN(af_side_expm1)(AF_GROUP x) {
    AF_GROUP size, low, y;
    AF_EACH size.v[t] = (AF_REALS)((AF_INTEGERS)x.v[t] & AF_ABSOLUTE_MASK_F64);
    AF_REALS most = size.v[0];
    for (int t = 1; t < AF_SIDE; ++t) most = AF_FN(af_greater)(size.v[t], most);
    if (AF_FN(af_all_less)(most, AF_FN(af_all)(EXPM1_UNREDUCED))) {
        y = AF_FN(af_side_expm1_series)(x, AF_FN(af_side_all)(0.0), &low);
        AF_EACH y.v[t] += low.v[t];
    } else {
        y = AF_FN(af_side_expm1_reduced)(x);
    }
    AF_EACH y.v[t] = AF_FN(af_if_less)(size.v[t], AF_FN(af_all)(AF_TINY_F64), x.v[t], y.v[t]);
    return y;
}

/* ---- logarithm ---- */

/* As af_log_split and af_log_exponent: the fraction of m, and the biased exponent. */
AF_INLINE AF_REALS AF_FN(af_side_split)(AF_REALS x, AF_INTEGERS *exponent) {
    const AF_INTEGERS bits = (AF_INTEGERS)x + AF_LOG_OFFSET_F64;
    *exponent = bits >> AF_MANTISSA_BITS_F64;
    return (AF_REALS)((bits & AF_MANTISSA_MASK_F64) + AF_ROOT_HALF_BITS_F64) - 1.0;
}

AF_INLINE AF_REALS AF_FN(af_side_exponent)(AF_INTEGERS exponent) {
    return (AF_REALS)(exponent | AF_EXPONENT_MAGIC_BITS_F64) - AF_EXPONENT_MAGIC_F64;
}

AF_INLINE AF_GROUP AF_FN(af_side_log_series)(int fused, AF_GROUP k, AF_GROUP f, AF_GROUP low) {
    const AF_REALS ln2_high = AF_FN(af_all)(AF_LN2_HIGH_F64), ln2_low = AF_FN(af_all)(AF_LN2_LOW_F64);
    AF_GROUP s, z, y;
    AF_EACH s.v[t] = f.v[t] / (2.0 + f.v[t]);
    AF_EACH z.v[t] = s.v[t] * s.v[t];
    y = AF_SIDE_POLYNOMIAL(LOG, fused, z);
    AF_EACH {
        const AF_REALS h = 0.5 * f.v[t] * f.v[t];
        const AF_REALS bracket = AF_FN(af_side_sum)(fused, z.v[t], y.v[t], h);
        const AF_REALS small = AF_FN(af_side_sum)(fused, k.v[t], ln2_low, low.v[t]);
        const AF_REALS inner = f.v[t] - (h - AF_FN(af_side_sum)(fused, s.v[t], bracket, small));
        y.v[t] = AF_FN(af_side_sum)(fused, k.v[t], ln2_high, inner);
    }
    return y;
}

/* log x of positive finite x; `normal`, a compile-time 0 or 1, says that none is subnormal. */
AF_INLINE AF_GROUP AF_FN(af_side_log_positive)(int fused, int normal, AF_GROUP x) {
    const AF_REALS least = AF_FN(af_all)(AF_SMALLEST_NORMAL_F64), zero = AF_FN(af_all)(0.0);
    const AF_REALS offset = AF_FN(af_all)(AF_SUBNORMAL_EXPONENT_F64);
    AF_GROUP f, k;
    AF_EACH {
        AF_INTEGERS exponent;
        const AF_REALS raised = x.v[t] * AF_SUBNORMAL_SCALE_F64;
        f.v[t] = AF_FN(af_side_split)(normal ? x.v[t] : AF_FN(af_if_less)(x.v[t], least, raised, x.v[t]), &exponent);
        k.v[t] = AF_FN(af_side_exponent)(exponent);
        if (!normal) k.v[t] = k.v[t] - AF_FN(af_if_less)(x.v[t], least, offset, zero);
    }
    return AF_FN(af_side_log_series)(fused, k, f, AF_FN(af_side_all)(0.0));
}

/* The two for positive normal x. */
AF_INLINE AF_GROUP AF_FN(af_side_log_normal)(AF_GROUP x) { return AF_FN(af_side_log_positive)(1, 1, x); }

AF_INLINE AF_GROUP AF_FN(af_side_log_normal_rn)(AF_GROUP x) { return AF_FN(af_side_log_positive)(0, 1, x); }

AF_INLINE AF_GROUP AF_FN(af_side_log_ends)(AF_GROUP x, AF_GROUP y) {
    const AF_REALS zero = AF_FN(af_all)(0.0), infinity = AF_FN(af_all)(AF_INFINITY), nan = AF_FN(af_all)(AF_NAN);
    AF_EACH {
        const AF_REALS end = AF_FN(af_if_equal)(x.v[t], zero, -infinity, nan);
        y.v[t] = AF_FN(af_if_less)(x.v[t], infinity, y.v[t], x.v[t]);
        y.v[t] = AF_FN(af_if_less)(zero, x.v[t], y.v[t], end);
    }
    return y;
}

AF_INLINE AF_GROUP AF_FN(af_side_log)(AF_GROUP x) {
    return AF_FN(af_side_log_ends)(x, AF_FN(af_side_log_positive)(1, 0, x));
}

AF_INLINE AF_GROUP AF_FN(af_side_log_rn)(AF_GROUP x) {
    return AF_FN(af_side_log_ends)(x, AF_FN(af_side_log_positive)(0, 0, x));
}

/* log(1 + x) of x >= 0 that is finite; of the others nothing. */
AF_INLINE AF_GROUP AF_FN(af_side_log1p_positive)(AF_GROUP x) {
    AF_GROUP f, k, low;
    AF_EACH {
        AF_INTEGERS exponent;
        const AF_REALS u = 1.0 + x.v[t], lost = x.v[t] - (u - 1.0), whole = AF_FN(af_side_split)(u, &exponent);
        const AF_REALS twice = (AF_REALS)((AF_RECIPROCAL_OFFSET_F64 - exponent) << AF_MANTISSA_BITS_F64);
        const AF_REALS scaled = 0.5 * lost * twice;
        k.v[t] = AF_FN(af_side_exponent)(exponent);
        f.v[t] = whole + scaled;
        low.v[t] = (whole - f.v[t]) + scaled;
    }
    AF_GROUP y = AF_FN(af_side_log_series)(1, k, f, low);
    AF_EACH {
        const AF_REALS size = (AF_REALS)((AF_INTEGERS)x.v[t] & AF_ABSOLUTE_MASK_F64);
        y.v[t] = AF_FN(af_if_less)(size, AF_FN(af_all)(AF_TINY_F64), x.v[t], y.v[t]);
    }
    return y;
}

/* log at the ends of its domain (1 + x = 0, infinite, NaN) is put in last: where x is tiny, 1 + x is 1, which is no end. */
AF_INLINE AF_GROUP AF_FN(af_side_log1p)(AF_GROUP x) {
    AF_GROUP u;
    AF_EACH u.v[t] = 1.0 + x.v[t];
    return AF_FN(af_side_log_ends)(u, AF_FN(af_side_log1p_positive)(x));
}

/* ---- inverse normal distribution ---- */

/* As af_normal_lower; `tail`, a compile-time 0 or 1, says that every p is normal and below 1/2 - PPF_CENTRAL. */
AF_INLINE AF_GROUP AF_FN(af_side_normal_lower)(int fused, int tail, AF_GROUP p) {
    AF_GROUP q, z, u, r = AF_FN(af_side_log_positive)(fused, tail, p), v;
    AF_EACH r.v[t] = AF_FN(af_root)(-r.v[t]);
    AF_EACH v.v[t] = r.v[t] - AF_PPF_TAIL_START_F64;
    AF_GROUP numerator = AF_SIDE_POLYNOMIAL(PPF_TAIL_NUMERATOR, fused, v);
    AF_GROUP denominator = AF_SIDE_POLYNOMIAL(PPF_TAIL_DENOMINATOR, fused, v);
    const AF_REALS central = AF_FN(af_all)(AF_PPF_CENTRAL_F64);
    if (!tail) {
        AF_EACH q.v[t] = 0.5 - p.v[t];
        AF_EACH z.v[t] = q.v[t] * q.v[t];
        AF_EACH u.v[t] = AF_PPF_CENTRAL_SQUARE_F64 - z.v[t];
        const AF_GROUP above = AF_SIDE_POLYNOMIAL(PPF_CENTRAL_NUMERATOR, fused, u);
        const AF_GROUP below = AF_SIDE_POLYNOMIAL(PPF_CENTRAL_DENOMINATOR, fused, u);
        AF_EACH numerator.v[t] = AF_FN(af_if_most)(q.v[t], central, above.v[t], numerator.v[t]);
        AF_EACH denominator.v[t] = AF_FN(af_if_most)(q.v[t], central, below.v[t], denominator.v[t]);
    }
    AF_EACH {
        const AF_REALS ratio = numerator.v[t] / denominator.v[t];
        const AF_REALS remainder = AF_FN(af_side_sum)(fused, r.v[t], AF_FN(af_all)(AF_SQRT2_LOW_F64), -ratio);
        AF_REALS y = AF_FN(af_side_sum)(fused, r.v[t], AF_FN(af_all)(AF_SQRT2_F64), remainder);
        if (!tail) {
            const AF_REALS low = AF_FN(af_all)(AF_SQRT2PI_LOW_F64), high = AF_FN(af_all)(AF_SQRT2PI_F64);
            const AF_REALS correction = q.v[t] * AF_FN(af_side_sum)(fused, z.v[t], ratio, low);
            const AF_REALS inner = AF_FN(af_side_sum)(fused, q.v[t], high, correction);
            y = AF_FN(af_if_most)(q.v[t], central, inner, y);
        }
        v.v[t] = y;
    }
    return v;
}

AF_INLINE AF_GROUP AF_FN(af_side_normal_steps)(int fused, AF_GROUP p) {
    const AF_REALS half = AF_FN(af_all)(0.5), zero = AF_FN(af_all)(0.0), infinity = AF_FN(af_all)(AF_INFINITY);
    const AF_REALS nan = AF_FN(af_all)(AF_NAN);
    AF_GROUP lower;
    AF_EACH lower.v[t] = AF_FN(af_if_less)(half, p.v[t], 1.0 - p.v[t], p.v[t]);
    AF_GROUP y = AF_FN(af_side_normal_lower)(fused, 0, lower);
    AF_EACH {
        const AF_REALS end = AF_FN(af_if_equal)(lower.v[t], zero, infinity, nan);
        const AF_REALS size = AF_FN(af_if_less)(zero, lower.v[t], y.v[t], end);
        y.v[t] = AF_FN(af_if_less)(p.v[t], half, -size, size);
    }
    return y;
}

AF_INLINE AF_GROUP AF_FN(af_side_normal_ppf)(AF_GROUP p) { return AF_FN(af_side_normal_steps)(1, p); }

AF_INLINE AF_GROUP AF_FN(af_side_normal_isf)(AF_GROUP p) {
    AF_GROUP y = AF_FN(af_side_normal_steps)(1, p);
    AF_EACH y.v[t] = 0.0 - y.v[t];
    return y;
}

AF_INLINE AF_GROUP AF_FN(af_side_normal_ppf_rn)(AF_GROUP p) { return AF_FN(af_side_normal_steps)(0, p); }

/* ---- arrays ---- */

/* out[i] = name(x[i]); out may be x. The last elements, too few for a group, are taken one by one, by `scalar`. */
#define AF_DEFINE_ARRAY_AS(name, scalar) \
    static inline void AF_FN(af_array_##name)(ptrdiff_t n, const double *x, double *out) { \
        const ptrdiff_t whole = AF_SIDE_WHOLE(n); \
        for (ptrdiff_t i = 0; i < whole; i += AF_SIDE_DOUBLES) \
            AF_FN(af_side_store)(out + i, AF_FN(af_side_##name)(AF_FN(af_side_load)(x + i))); \
        AF_INDEPENDENT \
        for (ptrdiff_t i = whole; i < n; ++i) out[i] = AF_FN(af_##scalar##_f64)(x[i]); \
    }
#define AF_DEFINE_ARRAY(name) AF_DEFINE_ARRAY_AS(name, name)
AF_DEFINE_ARRAY(exp)
AF_DEFINE_ARRAY(expm1)
AF_DEFINE_ARRAY(log)
AF_DEFINE_ARRAY(log_rn)
AF_DEFINE_ARRAY_AS(log_normal, log)
AF_DEFINE_ARRAY_AS(log_normal_rn, log_rn)
AF_DEFINE_ARRAY(log1p)
AF_DEFINE_ARRAY_AS(log1p_positive, log1p)
AF_DEFINE_ARRAY(normal_ppf)
AF_DEFINE_ARRAY(normal_isf)
AF_DEFINE_ARRAY(normal_ppf_rn)
#undef AF_DEFINE_ARRAY
#undef AF_DEFINE_ARRAY_AS
