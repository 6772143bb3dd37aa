/* Scalar formulas of the preference losses and of token probabilities, for one type AF_REAL: for the CPU loops of every
 * instruction set and for CUDA. A new loss is one function here and its name in MARGIN_LOSSES or PAIR_LOSSES; loops,
 * Python names and tests follow.
 *
 * (a) Results. Losses of a margin m = s_w - s_l return their value as `value` + log1p(`odds`), and two derivatives by m:
 *     where only a sum of losses is wanted, the logarithms of many pairs are one logarithm of a product. Losses of a pair
 *     return (value, d/d chosen, d/d rejected), by the scores.
 * (b) Logistic functions. With l(x) = -log σ(x) = log(1 + e^-x), everything comes from e = exp(-|x|):
 *         l(x) = log1p(e) + max(-x, 0),  σ(|x|) = 1/(1 + e),  σ(-|x|) = e/(1 + e),  l' = -σ(-x),  l'' = σ(x) σ(-x)
 *     and log σ is never formed from σ, whose digits are lost where it is near 1. log1p(e) = 2 atanh(w/2),
 *     w = e/(1 + e/2), as af_softplus: a series without a case for large e.
 * (c) Domain: every number. NaN gives NaN, infinite scores the limit of the formula (NaN where it has none), finite ones
 *     nothing else but finite values. Squares and exponentials saturate at PAIR_CLAMP² = PAIR_LARGEST, 2^110 in float and
 *     2^900 in double: a sum over a tile of 1024 of them, and its product with a finite slope, are still finite.
 * (d) A limit of 0 times an infinity or an overflow is never formed: parameters are finite in AF_REAL, powers of β and 1/τ
 *     are multiplied one after the other or limited, and a coefficient of 0 takes its term away.
 * (e) Error: 4 epsilon times the sum of the magnitudes of the terms of the formula, for exact arguments; 16 for the second
 *     derivatives of exo_pair and discopop, whose terms cancel within themselves.
 * (f) Score maps of f-divergences, with their derivative:
 *         exponential     s = (e^{cρ} - 1)/c, s' = e^{cρ}      c = -1 forward KL, c = α - 1 α-divergence, c = -α AlphaPO
 *         Jensen-Shannon  s = log 2 + log σ(ρ) = min(ρ, 0) - log1p((e^{-|ρ|} - 1)/2), s' = σ(-ρ)
 *     The exponential map of a finite ρ saturates at ±PAIR_LARGEST instead of overflowing: margins of saturated scores are
 *     finite, and their gradients point the right way. Error: 3 ulp of s and s' for exact cρ.
 * (g) 16-bit storage. binary16: exponent and fraction move to their float places and the exponent's bias is made up for
 *     by one product, which is exact and makes subnormal numbers normal; infinities and NaN get the exponent they lost.
 *     Back: to nearest, ties to even; below the normal range by adding a number whose last place is theirs.
 * (h) Exponential of a token's distance d <= TOKEN_RISE from the frame. In float af_exp2_term of d log2 e (af_exp2.h): half
 *     the work of af_exp, with one reduction step, since d is small where the result counts; what is below 2^-126 counts as
 *     2^-126.
 * Sources: docs/generated/losses.md, one per loss; arXiv:2309.16240 (f-DPO), arXiv:2501.03884 (AlphaPO). */

#ifndef AF_PAIRWISE_FORMULAS
#define AF_PAIRWISE_FORMULAS
enum { PAIR_OWN, PAIR_HALF, PAIR_BFLOAT };                     /* storage of log-probabilities */
enum { PAIR_IDENTITY, PAIR_EXPONENTIAL, PAIR_JENSEN_SHANNON }; /* score maps */

/* Losses of a margin, of a pair of scores, in the order of their numbers. Those of a margin say whether they leave a
 * logarithm open, (a). */
#define MARGIN_LOSSES(X) X(sigmoid, 1) X(robust, 1) X(hinge, 0) X(ipo, 0) X(exo_pair, 0) X(discopop, 0) X(kto, 0)
#define PAIR_LOSSES(X) \
    X(nca_pair) X(bco_pair) X(sppo_hard) X(apo_zero) X(apo_down) X(sft) X(cpo) X(orpo) X(slic) X(dpop) X(bradley_terry) \
    X(simper)
#define PAIR_NUMBER(name, ...) FORMULA_##name,
enum { MARGIN_LOSSES(PAIR_NUMBER) FORMULA_PAIRS, FORMULA_LAST_MARGIN = FORMULA_PAIRS - 1, PAIR_LOSSES(PAIR_NUMBER) FORMULAS };

/* By type (af_each_type.h). */
#define PAIR_LARGEST AF_BY_TYPE(0x1p110f, 0x1p900) /* saturated scores and gradients: sums over a tile stay finite */
#define PAIR_CLAMP AF_BY_TYPE(0x1p55f, 0x1p450) /* its root: margins in squares, or in products that vanish where e^-|x| does */
#define PAIR_SMALLEST AF_BY_TYPE(0x1p-126f, 0x1p-1022)
#define PAIR_FINITE AF_BY_TYPE(0x1.fffffep127f, 0x1.fffffffffffffp1023) /* the largest finite number */
#define PAIR_IS_FLOAT AF_BY_TYPE(1, 0)
#define TOKEN_RISE 2 /* exponentials up to e^2: the distance, and with it the rounding of the exponent, stays small */
#define TOKEN_LOWEST AF_BY_TYPE(-87.0f, -708.0) /* its exponential is still a normal number */

/* Parameters of a loss as they are given. */
typedef struct {
    double beta, epsilon, gamma, lam, tau, delta;
} pair_given;
#endif

#ifndef AF_REAL /* once per instruction set */
#include "alignment_fast/af_exp2.h"
#else /* once per instruction set and type (af_each_type.h) */

/* ---- 16-bit storage (g) ---- */

#if PAIR_IS_FLOAT
AF_INLINE float AF_FN(pair_from_half)(uint16_t bits) {
    const uint32_t magnitude = (uint32_t)(bits & 0x7fffu) << 13, sign = (uint32_t)(bits & 0x8000u) << 16;
    const float scaled = AF_FN(af_from_bits_f32)(magnitude) * 0x1p112f;
    const uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
    return AF_FN(af_from_bits_f32)(AF_FN(af_to_bits_f32)(scaled) | special | sign);
}

AF_INLINE float AF_FN(pair_from_bfloat)(uint16_t bits) { return AF_FN(af_from_bits_f32)((uint32_t)bits << 16); }

AF_INLINE uint16_t AF_FN(pair_to_half)(float x) {
    const uint32_t bits = AF_FN(af_to_bits_f32)(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    const uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u) - 0x38000000u;
    const uint32_t normal = rounded >> 13 < 0x7c00u ? rounded >> 13 : 0x7c00u;
    const uint32_t small = AF_FN(af_to_bits_f32)(AF_FN(af_from_bits_f32)(magnitude) + 0.5f) - 0x3f000000u;
    const uint32_t finite = magnitude < 0x38800000u ? small : normal;
    return (uint16_t)(sign | (magnitude > 0x7f800000u ? 0x7e00u : finite));
}

AF_INLINE uint16_t AF_FN(pair_to_bfloat)(float x) {
    const uint32_t bits = AF_FN(af_to_bits_f32)(x), rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded >> 16);
}

/* (h) */
AF_INLINE float AF_FN(token_exp_f32)(float d) { return AF_FN(af_exp2_term_f32)(1, d * 0x1.715476p0f); }
#else
AF_INLINE double AF_FN(token_exp_f64)(double d) { return AF_FN(af_exp_f64)(d); }
#endif

/* scale e^distance, 0 where the exponential is no normal number. */
AF_INLINE AF_REAL AF_TYPED(token_share)(AF_REAL distance, AF_REAL scale) {
    const AF_REAL exponential = AF_TYPED(token_exp)(distance);
    return (distance < TOKEN_LOWEST ? 0 : exponential) * scale;
}

/* ---- parameters and helpers ---- */

typedef struct {
    AF_REAL value, odds, first, second;
} AF_TYPED(margin_jet);

typedef struct {
    AF_REAL value, chosen, rejected;
} AF_TYPED(pair_jet);

/* l(x), l(-x), σ(x), σ(-x), σ(x) σ(-x), and exp(-|x|). */
typedef struct {
    AF_REAL loss, mirrored, rising, falling, slope, odds;
} AF_TYPED(logistic);

/* Parameters in AF_REAL, and what the formulas derive from them. */
typedef struct {
    AF_REAL beta, gamma, lam, tau, delta;
    AF_REAL square, once_more;        /* β², 1; or β, β where β² would overflow */
    AF_REAL keep, flip;               /* 1 - ε and ε */
    AF_REAL robust_keep, robust_flip; /* (1 - ε)/(1 - 2ε) and -ε/(1 - 2ε) */
    AF_REAL log_keep, log_flip;
    AF_REAL target;                   /* 1/(2β), the margin that ipo and sppo aim at */
    AF_REAL steep, excess;            /* 1/τ and 1/τ - 1 */
} AF_TYPED(pair_parameters);

/* A parameter in AF_REAL, at most the largest finite number. */
AF_INLINE AF_REAL AF_TYPED(pair_finite)(double x) {
    const double least = x < -(double)PAIR_FINITE ? -(double)PAIR_FINITE : x;
    return (AF_REAL)(least > (double)PAIR_FINITE ? (double)PAIR_FINITE : least);
}

/* x limited to finite numbers that are safe in products with what vanishes at infinity; NaN stays. */
AF_INLINE AF_REAL AF_TYPED(pair_clamp)(AF_REAL x) {
    x = x > PAIR_CLAMP ? PAIR_CLAMP : x;
    return x < -PAIR_CLAMP ? -PAIR_CLAMP : x;
}

/* x limited to the largest finite numbers; NaN stays. */
AF_INLINE AF_REAL AF_TYPED(pair_limited)(AF_REAL x) {
    x = x > PAIR_FINITE ? PAIR_FINITE : x;
    return x < -PAIR_FINITE ? -PAIR_FINITE : x;
}

AF_INLINE AF_TYPED(pair_parameters) AF_TYPED(pair_prepare)(const pair_given *given) {
    const double epsilon = given->epsilon;
    const AF_REAL beta = AF_TYPED(pair_finite)(given->beta), square = beta * beta;
    const int in_range = square < AF_INFINITY;
    const AF_TYPED(pair_parameters) p = {
        beta, AF_TYPED(pair_finite)(given->gamma), AF_TYPED(pair_finite)(given->lam), AF_TYPED(pair_finite)(given->tau),
        AF_TYPED(pair_finite)(given->delta),
        in_range ? square : beta, in_range ? 1 : beta,
        (AF_REAL)(1.0 - epsilon), (AF_REAL)epsilon,
        (AF_REAL)((1.0 - epsilon) / (1.0 - 2.0 * epsilon)), (AF_REAL)(-epsilon / (1.0 - 2.0 * epsilon)),
        (AF_REAL)AF_FN(af_log1p_f64)(-epsilon), (AF_REAL)AF_FN(af_log_f64)(epsilon),
        (AF_REAL)0.125 * AF_TYPED(pair_finite)(4.0 / given->beta), /* twice a distance from it is finite */
        AF_TYPED(pair_clamp)((AF_REAL)(1.0 / given->tau)), AF_TYPED(pair_clamp)((AF_REAL)(1.0 / given->tau - 1.0)),
    };
    return p;
}

/* log1p(e) for 0 <= e <= 1, as in af_softplus. */
AF_INLINE AF_REAL AF_TYPED(pair_log1p)(AF_REAL e) {
    const AF_REAL w = e / AF_REAL_FMA(e, (AF_REAL)0.5, 1), z = (AF_REAL)0.25 * w * w;
    return AF_TYPED(af_step)(1, w * z, AF_POLYNOMIAL(LOG1P, 1, z), w);
}

AF_INLINE AF_TYPED(logistic) AF_TYPED(pair_logistic)(AF_REAL x) {
    const AF_REAL size = AF_TYPED(af_absolute)(x), e = AF_TYPED(af_exp)(-size), tail = AF_TYPED(pair_log1p)(e);
    const AF_REAL near = 1 / (1 + e), far = e * near;
    AF_TYPED(logistic) y;
    y.odds = e;
    y.loss = tail + (x < 0 ? size : 0);
    y.mirrored = tail + (x < 0 ? 0 : size);
    y.rising = x < 0 ? far : near;
    y.falling = x < 0 ? near : far;
    y.slope = near * far;
    return y;
}

/* x times a weight, of which 0 takes an infinity away; NaN stays. */
AF_INLINE AF_REAL AF_TYPED(pair_weighted)(AF_REAL x, AF_REAL weight) {
    const AF_REAL product = x * weight;
    return weight == 0 && x == x ? 0 : product;
}

/* t a + (1 - t) b, where a coefficient of 0 takes away an infinite term too. */
AF_INLINE AF_REAL AF_TYPED(pair_mixed)(AF_REAL t, AF_REAL a, AF_REAL b) {
    const AF_REAL with = t * a, without = (1 - t) * b;
    return (t == 0 ? 0 : with) + (t == 1 ? 0 : without);
}

/* The product of x and a slope; finite where both are. */
AF_INLINE AF_REAL AF_TYPED(pair_sloped)(AF_REAL x, AF_REAL slope) {
    const AF_REAL product = x * slope;
    return AF_TYPED(af_absolute)(x) < AF_INFINITY ? AF_TYPED(pair_limited)(product) : product;
}

/* ---- score maps (f) ---- */

typedef struct {
    AF_REAL score, slope;
} AF_TYPED(pair_mapped);

AF_INLINE AF_TYPED(pair_mapped) AF_TYPED(map_exponential)(AF_REAL x, AF_REAL c) {
    const AF_REAL finite = AF_TYPED(af_absolute)(x) < AF_INFINITY;
    const AF_REAL raw = AF_TYPED(af_expm1)(c * x) / c, growth = AF_TYPED(af_exp)(c * x);
    const AF_REAL least = raw < -PAIR_LARGEST ? -PAIR_LARGEST : raw;
    const AF_REAL limited = least > PAIR_LARGEST ? PAIR_LARGEST : least;
    AF_TYPED(pair_mapped) y;
    y.score = finite != 0 ? limited : raw;
    y.slope = growth > PAIR_LARGEST ? PAIR_LARGEST : growth;
    return y;
}

AF_INLINE AF_TYPED(pair_mapped) AF_TYPED(map_jensen_shannon)(AF_REAL x) {
    const AF_REAL size = AF_TYPED(af_absolute)(x), half = (AF_REAL)0.5 * AF_TYPED(af_expm1)(-size);
    AF_TYPED(pair_mapped) y;
    y.score = (x < 0 ? x : 0) - AF_TYPED(af_log1p)(half);
    y.slope = AF_TYPED(af_sigmoid)(-x);
    return y;
}

/* x², saturated for finite x. */
AF_INLINE AF_REAL AF_TYPED(pair_square)(AF_REAL x) {
    const AF_REAL limited = AF_TYPED(pair_clamp)(x);
    return AF_TYPED(af_absolute)(x) < AF_INFINITY ? limited * limited : x * x;
}

/* e^x, saturated for finite x. */
AF_INLINE AF_REAL AF_TYPED(pair_growth)(AF_REAL x) {
    const AF_REAL growth = AF_TYPED(af_exp)(x);
    return x < AF_INFINITY && growth > PAIR_LARGEST ? PAIR_LARGEST : growth;
}

/* keep l(x) + flip l(-x) with keep + flip = 1, derivatives by x. A coefficient of 0 takes its term away at infinity too. */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(pair_smoothed)(AF_REAL x, AF_REAL keep, AF_REAL flip) {
    const AF_TYPED(logistic) y = AF_TYPED(pair_logistic)(x);
    const AF_REAL coefficient = x < 0 ? keep : flip;
    const AF_REAL linear = coefficient * AF_TYPED(af_absolute)(x);
    AF_TYPED(margin_jet) jet;
    jet.value = coefficient == 0 ? 0 : linear;
    jet.odds = y.odds;
    jet.first = flip * y.rising - keep * y.falling;
    jet.second = y.slope;
    return jet;
}

AF_INLINE AF_TYPED(margin_jet) AF_TYPED(pair_chain)(AF_TYPED(margin_jet) jet, const AF_TYPED(pair_parameters) *p) {
    jet.first *= p->beta;
    jet.second = AF_TYPED(pair_limited)(jet.second * p->square * p->once_more);
    return jet;
}

AF_INLINE AF_REAL AF_TYPED(pair_argument)(AF_REAL margin, const AF_TYPED(pair_parameters) *p) {
    return p->beta * margin - p->gamma;
}

/* max(0, u) and its derivative, 0 at the kink, NaN for NaN. */
AF_INLINE AF_REAL AF_TYPED(pair_positive)(AF_REAL u, AF_REAL *slope) {
    *slope = u > 0 ? 1 : (u <= 0 ? 0 : u);
    return u <= 0 ? 0 : u;
}

/* ---- losses of a margin ---- */

/* (1 - ε) l(x) + ε l(-x), x = βm - γ. */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(loss_sigmoid)(AF_REAL margin, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL x = AF_TYPED(pair_argument)(margin, p);
    return AF_TYPED(pair_chain)(AF_TYPED(pair_smoothed)(x, p->keep, p->flip), p);
}

/* [(1 - ε) l(x) - ε l(-x)] / (1 - 2ε). */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(loss_robust)(AF_REAL margin, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL x = AF_TYPED(pair_argument)(margin, p);
    return AF_TYPED(pair_chain)(AF_TYPED(pair_smoothed)(x, p->robust_keep, p->robust_flip), p);
}

/* max(0, 1 - x). */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(loss_hinge)(AF_REAL margin, const AF_TYPED(pair_parameters) *p) {
    AF_REAL slope;
    const AF_REAL value = AF_TYPED(pair_positive)(1 - AF_TYPED(pair_argument)(margin, p), &slope);
    const AF_TYPED(margin_jet) jet = {value, 0, -p->beta * slope, 0 * slope};
    return jet;
}

/* (m - 1/(2β))². */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(loss_ipo)(AF_REAL margin, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL distance = margin - p->target;
    const AF_TYPED(margin_jet) jet = {AF_TYPED(pair_square)(distance), 0, 2 * distance, 2};
    return jet;
}

/* D(q, 1-q || 1-ε, ε), q = σ(x). d/dx = q (1-q) (x - log((1-ε)/ε)). */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(loss_exo_pair)(AF_REAL margin, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL x = AF_TYPED(pair_clamp)(AF_TYPED(pair_argument)(margin, p));
    const AF_TYPED(logistic) y = AF_TYPED(pair_logistic)(x);
    const AF_REAL distance = x - (p->log_keep - p->log_flip);
    const AF_TYPED(margin_jet) jet = {
        y.rising * (-y.loss - p->log_keep) + y.falling * (-y.mirrored - p->log_flip),
        0,
        y.slope * distance,
        y.slope * (1 + (y.falling - y.rising) * distance),
    };
    return AF_TYPED(pair_chain)(jet, p);
}

/* l(x) (1 - m) + e^-x m, m = σ(x/τ), 0 < τ <= 1. e^-x m is e^-x σ(x/τ) for x >= 0, exp(x (1/τ - 1)) σ(-x/τ) below, where
 * e^-x alone overflows. */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(loss_discopop)(AF_REAL margin, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL x = AF_TYPED(pair_argument)(margin, p), finite = AF_TYPED(pair_clamp)(x);
    const AF_TYPED(logistic) y = AF_TYPED(pair_logistic)(finite), gate = AF_TYPED(pair_logistic)(finite * p->steep);
    const AF_REAL power = finite < 0 ? finite * p->excess : -finite;
    const AF_REAL mixed = AF_TYPED(af_exp)(power) * (finite < 0 ? gate.falling : gate.rising);
    const AF_REAL slope = gate.slope * p->steep, bend = slope * p->steep * (gate.falling - gate.rising);
    const AF_REAL relative = gate.falling * p->steep; /* m'/m */
    AF_TYPED(margin_jet) jet;
    jet.odds = 0;
    jet.value = y.loss * gate.falling + mixed;
    jet.value = x < -PAIR_CLAMP ? -x : jet.value;
    jet.first = -y.falling * gate.falling - y.loss * slope - mixed + mixed * relative;
    jet.second = y.slope * gate.falling + 2 * y.falling * slope - y.loss * bend
        + mixed * (1 - 2 * relative + relative * p->steep * (gate.falling - gate.rising));
    jet = AF_TYPED(pair_chain)(jet, p);
    jet.first = AF_TYPED(pair_limited)(jet.first); /* of a gate as steep as numbers get */
    return jet;
}

/* σ(-x): 1 - σ(βρ - z) of a desirable answer; of an undesirable one σ(-x) at the mirrored argument. */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(loss_kto)(AF_REAL margin, const AF_TYPED(pair_parameters) *p) {
    const AF_TYPED(logistic) y = AF_TYPED(pair_logistic)(AF_TYPED(pair_argument)(margin, p));
    const AF_TYPED(margin_jet) jet = {y.falling, 0, -y.slope, y.slope * (y.rising - y.falling)};
    return AF_TYPED(pair_chain)(jet, p);
}

/* The same of an answer with the label t, 1 or 0: of 0 at the mirrored argument, with the derivative by the margin. */
AF_INLINE AF_TYPED(margin_jet) AF_TYPED(labelled_kto)(AF_REAL margin, AF_REAL t, const AF_TYPED(pair_parameters) *p) {
    const AF_TYPED(logistic) y = AF_TYPED(pair_logistic)(AF_TYPED(pair_argument)(margin, p));
    const AF_REAL slope = p->beta * y.slope;
    const AF_TYPED(margin_jet) jet = {t == 0 ? y.rising : y.falling, 0, (t == 0 ? slope : -slope) + 0, 0};
    return jet;
}

/* ---- losses of a pair: x the score of the chosen, y of the rejected ---- */

/* l(βx) + l(-βx)/2 + l(-βy)/2. */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_nca_pair)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL half = (AF_REAL)0.5;
    const AF_TYPED(logistic) a = AF_TYPED(pair_logistic)(p->beta * x), b = AF_TYPED(pair_logistic)(p->beta * y);
    const AF_TYPED(pair_jet) jet = {
        a.loss + half * a.mirrored + half * b.mirrored,
        p->beta * (half * a.rising - a.falling),
        p->beta * half * b.rising,
    };
    return jet;
}

/* l(βx - δ) + l(-(βy - δ)). */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_bco_pair)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_TYPED(logistic) a = AF_TYPED(pair_logistic)(p->beta * x - p->delta);
    const AF_TYPED(logistic) b = AF_TYPED(pair_logistic)(p->beta * y - p->delta);
    const AF_TYPED(pair_jet) jet = {a.loss + b.mirrored, -p->beta * a.falling, p->beta * b.rising};
    return jet;
}

/* (x - 1/(2β))² + (y + 1/(2β))². */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_sppo_hard)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL a = x - p->target, b = y + p->target;
    const AF_TYPED(pair_jet) jet = {AF_TYPED(pair_square)(a) + AF_TYPED(pair_square)(b), 2 * a, 2 * b};
    return jet;
}

/* σ(-βx) + σ(βy). */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_apo_zero)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_TYPED(logistic) a = AF_TYPED(pair_logistic)(p->beta * x), b = AF_TYPED(pair_logistic)(p->beta * y);
    const AF_TYPED(pair_jet) jet = {a.falling + b.rising, -p->beta * a.slope, p->beta * b.slope};
    return jet;
}

/* σ(βx) + σ(-β(x - y)). */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_apo_down)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_TYPED(logistic) a = AF_TYPED(pair_logistic)(p->beta * x), b = AF_TYPED(pair_logistic)(p->beta * (x - y));
    const AF_TYPED(pair_jet) jet = {a.rising + b.falling, p->beta * (a.slope - b.slope), p->beta * b.slope};
    return jet;
}

/* -x. */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_sft)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_TYPED(pair_jet) jet = {-x, x != x ? x : -1, 0};
    return jet;
}

/* (1 - ε) l(z) + ε l(-z) - λx, z = β(x - y) - γ. */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_cpo)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_TYPED(margin_jet) margin = AF_TYPED(loss_sigmoid)(x - y, p);
    const AF_TYPED(pair_jet) jet = {
        margin.value + AF_TYPED(pair_log1p)(margin.odds) - (p->lam == 0 ? 0 : p->lam * x),
        margin.first - p->lam,
        -margin.first,
    };
    return jet;
}

/* -x + λ l(d), d = x - y - (log(1 - e^x) - log(1 - e^y)), the log odds ratio; scores from 0 on are moved below it by the
 * smallest normal number, so that odds are finite, and derivatives that overflow are limited to the largest number.
 * With p = e^x, q = e^y, both divided by the larger: dl/dx = -q/D, dl/dy = p' q/(q' D), D = p q' + q p', p' = 1 - e^x. */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_orpo)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL u = x >= 0 ? -PAIR_SMALLEST : x, v = y >= 0 ? -PAIR_SMALLEST : y;
    const AF_REAL odds = (u - v) - (AF_TYPED(af_log1mexp)(-u) - AF_TYPED(af_log1mexp)(-v));
    const AF_REAL largest = u > v ? u : v;
    const AF_REAL a = AF_TYPED(af_exp)(u - largest), b = AF_TYPED(af_exp)(v - largest);
    const AF_REAL a_rest = -AF_TYPED(af_expm1)(u), b_rest = -AF_TYPED(af_expm1)(v);
    const AF_REAL both = a * b_rest + b * a_rest;
    const AF_REAL up = AF_TYPED(pair_limited)(b / both);
    const AF_REAL down = AF_TYPED(pair_limited)(b / b_rest) * AF_TYPED(pair_limited)(a_rest / both);
    const AF_TYPED(pair_jet) jet = {
        (p->lam == 0 ? 0 : p->lam * AF_TYPED(af_softplus)(-odds)) - x,
        AF_TYPED(pair_limited)(-1 - p->lam * up),
        AF_TYPED(pair_limited)(p->lam * AF_TYPED(pair_limited)(down)),
    };
    return jet;
}

/* max(0, δ - (x - y)) - λx. */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_slic)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    AF_REAL slope;
    const AF_REAL value = AF_TYPED(pair_positive)(p->delta - (x - y), &slope);
    const AF_TYPED(pair_jet) jet = {value - (p->lam == 0 ? 0 : p->lam * x), -slope - p->lam, slope};
    return jet;
}

/* l(β (x - y - λ max(0, -x))). */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_dpop)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    AF_REAL slope;
    const AF_REAL lack = AF_TYPED(pair_positive)(-x, &slope);
    const AF_REAL z = p->beta * ((x - y) - (slope == 0 || p->lam == 0 ? 0 : p->lam * lack));
    const AF_TYPED(logistic) a = AF_TYPED(pair_logistic)(z);
    const AF_TYPED(pair_jet) jet = {
        a.loss, -p->beta * a.falling * (1 + p->lam * slope), p->beta * a.falling,
    };
    return jet;
}

/* l(x - y - γ) + λ (x + y)²; β is no parameter of it. */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_bradley_terry)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_TYPED(logistic) a = AF_TYPED(pair_logistic)((x - y) - p->gamma);
    const AF_REAL sum = p->lam == 0 ? 0 : x + y, pull = 2 * p->lam * sum;
    const AF_TYPED(pair_jet) jet = {
        a.loss + p->lam * AF_TYPED(pair_square)(sum), pull - a.falling, pull + a.falling,
    };
    return jet;
}

/* -e^x + e^y, of mean log-probabilities the inverse perplexities; β is no parameter of it. */
AF_INLINE AF_TYPED(pair_jet) AF_TYPED(loss_simper)(AF_REAL x, AF_REAL y, const AF_TYPED(pair_parameters) *p) {
    const AF_REAL a = AF_TYPED(pair_growth)(x), b = AF_TYPED(pair_growth)(y);
    const AF_TYPED(pair_jet) jet = {b - a, -a, b};
    return jet;
}

#endif
