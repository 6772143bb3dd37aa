/* Scalar formulas of the comparison models, of Elo ratings and of drawn counts, for the CPU loops of every instruction set
 * and for CUDA.
 *
 * (a) Terms of a cell: log-likelihood, slope and curvature (the negated second derivative) in the difference d of the two
 *     items, and in the tie parameter τ, from the counts a (first won), b (second won), t (tied):
 *         bradley-terry  P(first) = σ(d)                     a tie is half a win for each
 *         thurstone      P(first) = Φ(d)                     a tie is half a win for each
 *         stern          P(first) = p² (3 - 2p), p = σ(d)    a tie is half a win for each
 *         rao-kupper     P(first) = σ(d - τ), P(second) = σ(-d - τ), P(tie) = (e^{2τ} - 1) P(first) P(second); τ = log θ
 *         davidson       P(first) : P(tie) : P(second) = e^{d/2} : e^τ : e^{-d/2};                             τ = log ν
 *     All are concave in (d, τ) together. Domain: finite d; τ > 0 for rao-kupper. Error: a few units in the last place of
 *     a + b + t times the size of the term itself; logarithms and slopes beyond the largest double are infinite, and what
 *     was not seen (a count of 0) adds nothing.
 * (b) bradley-terry: everything from e = exp(-|d|) in [0, 1], whose logarithm and quotients keep their digits; log σ is
 *     never formed from σ.
 * (c) thurstone: λ(x) = φ(x)/Φ(x), the inverse Mills ratio, from the Mills ratio of the tail on the side where the tail
 *     is, and by 1 - tail on the other, where nothing cancels. The curvature λ(λ + x) loses x² 2^-53; below -RANKING_FAR
 *     it is 1 - x⁻² + 6 x⁻⁴ - ..., of which 50 x⁻⁶ is left out: 7e-12 is lost at most.
 *     stern: 1 - P(first) is the same of q = 1 - p. With l = log(1 + 2q) - 2 l(d), from the e of (b):
 *         l' = 6 q²/(1 + 2q),  -l'' = 12 p q² (1 + q)/(1 + 2q)² <= 2 l',
 *     products of positive numbers, so that all keep their digits.
 * (d) rao-kupper: the derivatives of log(e^{2τ} - 1), 2 (1 + 1/odds) and its own, by odds = expm1(2τ): the digits of a
 *     small τ stay. They belong to all cells alike. log P(tie) = log(1 - e^{-2τ}) + log σ(-x) + log σ(-y), x = d - τ and
 *     y = -d - τ: no two terms of it cancel. Slopes from RANKING_FEW_WINS on by P(first) and P(second) in place of their
 *     complements, which are 1 but for them: where hardly anything but ties is seen, all that is known is in them.
 * (e) davidson: weights relative to the largest of the three, so that none overflows; the logarithm of their sum is log1p of
 *     the two others.
 * (f) Elo: the winner takes k (outcome - σ(lead)) from the loser, ratings being in logits.
 * (g) Choices: with s what is left of all strengths, an item of strength w is chosen with the expectation w share, share
 *     the sum of 1/s over the choices that it stood in, and its curvature is w share - w² square, square that of 1/s².
 * (h) Poisson counts, without fused products: the same counts everywhere. e^-m for m < RANKING_SMALL by the series of
 *     e^(-m/32), whose 12 terms leave 2e-19, and five squarings; log k! by Stirling's series from 10 on, to 1e-10, which
 *     only the acceptance sees; transformed rejection (PTRS) from RANKING_SMALL on, for which its constants were fitted. Whole
 *     means below 256 have tables (alias.inc).
 * Sources: Bradley and Terry, Biometrika 39 (1952); Thurstone, Psychol. Rev. 34 (1927), case V with unit variance of the
 * difference; Stern, Biometrika 77 (1990) 265-273, shape 2; Rao and Kupper, JASA 62 (1967); Davidson, JASA 65 (1970); Elo
 * (1978); Plackett, Appl. Statist. 24 (1975); Hörmann, Insurance: Mathematics and Economics 12 (1993) 39-45. */

#ifndef AF_RANKING_FORMULAS
#define AF_RANKING_FORMULAS
#define RANKING_DENSITY 0x1.9884533d43651p-2 /* 1 / sqrt(2π) */
#define RANKING_FEW_WINS 10.0
#define RANKING_FAR 256.0
#define RANKING_FARTHEST 1e9 /* from here on λ(-x) is x to the last place */
#define RANKING_SMALL 10.0
#define RANKING_ROUND 0x1.8p52
#define RANKING_LOG_ROOT_2PI 0x1.d67f1c864beb5p-1

/* Models by number, in two kinds: X(NAME, name, P(first wins), of d), where a tie is half a win for each; and X(NAME, name,
 * given), where it is an outcome of its own, `given` being what its terms derive from τ for all cells. Each has a
 * term_name(d, a, b) or term_name(d, a, b, t, given), those with ties a chances_name(d, τ), too. */
#define RANKING_WITHOUT_TIES(X) \
    X(BRADLEY_TERRY, bradley_terry, af_sigmoid_f64) X(THURSTONE, thurstone, af_normal_cdf_f64) X(STERN, stern, chance_stern)
#define RANKING_WITH_TIES(X) X(RAO_KUPPER, rao_kupper, ranking_threshold) X(DAVIDSON, davidson, ranking_tie)
#define RANKING_NUMBER(NAME, ...) RANKING_##NAME,
enum {
    RANKING_WITHOUT_TIES(RANKING_NUMBER) RANKING_FIRST_WITH_TIES,
    RANKING_LAST_WITHOUT = RANKING_FIRST_WITH_TIES - 1,
    RANKING_WITH_TIES(RANKING_NUMBER) RANKING_MODELS
};

static const double ranking_factorial[10] = {1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880};

/* (a); those in τ only where the model has ties. */
typedef struct {
    double value, slope, curvature, tie_slope, mixed, tie_curvature;
} ranking_term;

/* Probabilities of the three results. */
typedef struct {
    double first, second, tie;
} ranking_chances;

/* (d) */
typedef struct {
    double tie, log_rest, more, bend; /* more: the derivative of log(e^{2τ} - 1) less 2 */
} ranking_threshold;

typedef double ranking_tie;
#endif

/* (b) */
AF_INLINE ranking_term AF_FN(term_bradley_terry)(double d, double a, double b) {
    const double e = AF_FN(af_exp_f64)(-AF_FN(af_absolute_f64)(d)), loss = AF_FN(af_log1p_unit_f64)(e);
    const double likely = 1.0 / (1.0 + e), unlikely = e * likely;
    const double p = d < 0 ? unlikely : likely, q = d < 0 ? likely : unlikely;
    const double positive = d < 0 ? 0 : d;
    ranking_term term;
    term.value = -(a * (loss + (positive - d)) + b * (loss + positive));
    term.slope = a * q - b * p;
    term.curvature = (a + b) * (p * q);
    return term;
}

/* count log p, log p being infinite where p is too small for a double. */
AF_INLINE double AF_FN(ranking_seen)(double count, double logarithm) { return count > 0 ? count * logarithm : 0.0; }

/* (c) */
AF_INLINE double AF_FN(inverse_mills)(double x, double tail_factor, double density) {
    const double below = -x > RANKING_FARTHEST ? -x : RANKING_DENSITY / tail_factor;
    const double above = density / (1.0 - density / RANKING_DENSITY * tail_factor);
    return x < 0 ? below : above;
}

AF_INLINE ranking_term AF_FN(term_thurstone)(double d, double a, double b) {
    double low;
    const double mills = AF_FN(af_mills_f64)(AF_FN(af_absolute_f64)(d), &low);
    const double density = RANKING_DENSITY * AF_FN(af_exp_f64)(-0.5 * d * d);
    const double first = AF_FN(inverse_mills)(d, mills + low, density);
    const double second = AF_FN(inverse_mills)(-d, mills + low, density);
    ranking_term term;
    const double rest = 1.0 / (d * d), far = 1.0 - rest * (1.0 - 6.0 * rest);
    const double bend_first = d < -RANKING_FAR ? far : first * (first + d);
    const double bend_second = d > RANKING_FAR ? far : second * (second - d);
    term.value = AF_FN(ranking_seen)(a, AF_FN(af_log_normal_cdf_f64)(d)) +
                 AF_FN(ranking_seen)(b, AF_FN(af_log_normal_cdf_f64)(-d));
    term.slope = a * first - b * second;
    term.curvature = a * bend_first + b * bend_second;
    return term;
}

AF_INLINE double AF_FN(chance_stern)(double d) {
    const double p = AF_FN(af_sigmoid_f64)(d), q = AF_FN(af_sigmoid_f64)(-d);
    return p * p * (1.0 + 2.0 * q);
}

AF_INLINE ranking_term AF_FN(term_stern)(double d, double a, double b) {
    const double size = AF_FN(af_absolute_f64)(d), e = AF_FN(af_exp_f64)(-size), loss = AF_FN(af_log1p_unit_f64)(e);
    const double likely = 1.0 / (1.0 + e), unlikely = e * likely;
    const double p = d < 0 ? unlikely : likely, q = d < 0 ? likely : unlikely;
    const double upset = AF_FN(af_log1p_f64)(2.0 * likely) - 2.0 * (size + loss);
    const double favoured = AF_FN(af_log1p_f64)(-(unlikely * unlikely * (1.0 + 2.0 * likely)));
    const double by_q = q / (1.0 + 2.0 * q), by_p = p / (1.0 + 2.0 * p);
    ranking_term term;
    term.value = AF_FN(ranking_seen)(a, d < 0 ? upset : favoured) + AF_FN(ranking_seen)(b, d < 0 ? favoured : upset);
    term.slope = 6.0 * (a * (q * by_q) - b * (p * by_p));
    term.curvature = 12.0 * (a * (p * (1.0 + q) * (by_q * by_q)) + b * (q * (1.0 + p) * (by_p * by_p)));
    return term;
}

AF_INLINE ranking_threshold AF_FN(ranking_threshold_of)(double tie) {
    const double odds = AF_FN(af_expm1_f64)(2.0 * tie), left = AF_FN(af_expm1_f64)(-2.0 * tie);
    const double log_rest = tie < 0.35 ? AF_FN(af_log_f64)(-left) : AF_FN(af_log1p_f64)(-AF_FN(af_exp_f64)(-2.0 * tie));
    const ranking_threshold given = {tie, log_rest, 2.0 / odds, 4.0 * (1.0 + 1.0 / odds) / odds};
    return given;
}

AF_INLINE ranking_chances AF_FN(chances_rao_kupper)(double d, double tie) {
    const double first = AF_FN(af_sigmoid_f64)(d - tie), second = AF_FN(af_sigmoid_f64)(-d - tie);
    const double odds = AF_FN(af_expm1_f64)(2.0 * tie);
    const ranking_chances chances = {first, second, odds < AF_INFINITY ? odds * first * second : 1.0 - first - second};
    return chances;
}

AF_INLINE ranking_term AF_FN(term_rao_kupper)(double d, double a, double b, double t, ranking_threshold given) {
    const double x = d - given.tie, y = -d - given.tie, first = a + t, second = b + t;
    const double p = AF_FN(af_sigmoid_f64)(-x), q = AF_FN(af_sigmoid_f64)(-y); /* of not winning */
    const double wins = AF_FN(af_sigmoid_f64)(x), loses = AF_FN(af_sigmoid_f64)(y);
    const double near_x = AF_FN(af_softplus_f64)(-AF_FN(af_absolute_f64)(x));
    const double near_y = AF_FN(af_softplus_f64)(-AF_FN(af_absolute_f64)(y));
    const double above_x = x > 0 ? x : 0, above_y = y > 0 ? y : 0;
    const double bend_x = first * (p * wins), bend_y = second * (q * loses);
    const int few = given.tie > RANKING_FEW_WINS;
    ranking_term term;
    term.value = a * ((x - above_x) - near_x) + b * ((y - above_y) - near_y) +
                 t * (given.log_rest - (above_x + above_y + (near_x + near_y)));
    term.slope = few ? (a * p - b * q) + t * (loses - wins) : first * p - second * q;
    term.curvature = bend_x + bend_y;
    term.tie_slope = few ? t * (given.more + (wins + loses)) - (a * p + b * q)
                         : t * (2.0 + given.more) - (first * p + second * q);
    term.mixed = bend_y - bend_x;
    term.tie_curvature = bend_x + bend_y + t * given.bend;
    return term;
}

/* (e) */
AF_INLINE ranking_tie AF_FN(ranking_tie_of)(double tie) { return tie; }

AF_INLINE ranking_chances AF_FN(chances_davidson)(double d, double tie) {
    const double half = 0.5 * AF_FN(af_absolute_f64)(d), top = half > tie ? half : tie;
    const double strong = AF_FN(af_exp_f64)(half - top), weak = AF_FN(af_exp_f64)(-half - top);
    const double equal = AF_FN(af_exp_f64)(tie - top), sum = strong + weak + equal;
    const ranking_chances chances = {(d < 0 ? weak : strong) / sum, (d < 0 ? strong : weak) / sum, equal / sum};
    return chances;
}

AF_INLINE ranking_term AF_FN(term_davidson)(double d, double a, double b, double t, ranking_tie tie) {
    const double half = 0.5 * AF_FN(af_absolute_f64)(d), top = half > tie ? half : tie;
    const double strong = AF_FN(af_exp_f64)(half - top), weak = AF_FN(af_exp_f64)(-half - top);
    const double equal = AF_FN(af_exp_f64)(tie - top), sum = strong + weak + equal;
    const double others = half > tie ? weak + equal : weak + strong;
    const double log_sum = AF_FN(af_log1p_f64)(others);
    const double p = (d < 0 ? weak : strong) / sum, q = (d < 0 ? strong : weak) / sum, r = equal / sum;
    const double signed_half = 0.5 * d, total = a + b + t;
    ranking_term term;
    term.value = a * ((signed_half - top) - log_sum) + b * ((-signed_half - top) - log_sum) + t * ((tie - top) - log_sum);
    term.slope = 0.5 * (a * (q + q + r) - b * (p + p + r) - t * (p - q));
    term.curvature = total * (p * q + 0.25 * (r * (p + q)));
    term.tie_slope = t * (p + q) - (a + b) * r;
    term.mixed = -0.5 * total * (r * (p - q));
    term.tie_curvature = total * (r * (p + q));
    return term;
}

/* (f) What the winner takes from the loser. */
AF_INLINE double AF_FN(elo_taken)(double k, double outcome, double lead) {
    return k * (outcome - AF_FN(af_sigmoid_f64)(lead));
}

/* (g) */
AF_INLINE double AF_FN(choice_curvature)(double strength, double share, double square) {
    return strength * share - strength * strength * square;
}

/* (h) floor x for |x| < 2^51. */
AF_INLINE double AF_FN(ranking_floor)(double x) {
    const double nearest = (x + RANKING_ROUND) - RANKING_ROUND;
    return nearest > x ? nearest - 1.0 : nearest;
}

/* e^-m, 0 <= m < RANKING_SMALL. */
AF_INLINE double AF_FN(ranking_decay)(double m) {
    const double x = m * -0x1p-5;
    double sum = 1.0;
#pragma GCC unroll 12
    for (int k = 12; k > 0; --k) sum = 1.0 + sum * (x * (1.0 / k));
    for (int squaring = 0; squaring < 5; ++squaring) sum = sum * sum;
    return sum;
}

/* log k!. */
AF_INLINE double AF_FN(ranking_log_factorial)(double k) {
    if (k < 10.0) return AF_FN(af_log_rn_f64)(ranking_factorial[(int)k]);
    const double z = 1.0 / (k * k);
    const double series = (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0))) / k;
    return (k + 0.5) * AF_FN(af_log_rn_f64)(k) - k + RANKING_LOG_ROOT_2PI + series;
}

/* What attempts of PTRS take from the mean. */
typedef struct {
    double b, squeeze, height;
} AF_FN(ranking_shape);

AF_INLINE AF_FN(ranking_shape) AF_FN(ranking_shape_of)(double mean) {
    AF_FN(ranking_shape) shape;
    shape.b = 0.931 + 2.53 * AF_SQRT(mean);
    shape.squeeze = 0.9277 - 3.6224 / (shape.b - 2.0);
    shape.height = 1.1239 + 1.1328 / (shape.b - 3.4);
    return shape;
}

AF_INLINE double AF_FN(ranking_slant)(double b) { return -0.059 + 0.02483 * b; }

AF_INLINE double AF_FN(ranking_distance)(double u) { return 0.5 - AF_FN(af_absolute_f64)(u - 0.5); }

/* The count that one attempt proposes, and whether it falls into the squeeze. */
AF_INLINE double AF_FN(ranking_propose)(double mean, double b, double u) {
    return AF_FN(ranking_floor)((2.0 * AF_FN(ranking_slant)(b) / AF_FN(ranking_distance)(u) + b) * (u - 0.5) + mean + 0.43);
}

AF_INLINE int AF_FN(ranking_is_squeezed)(double squeeze, double u, double v) {
    return (AF_FN(ranking_distance)(u) >= 0.07) & (v <= squeeze);
}

/* An attempt outside the squeeze is accepted where it is eligible and the logarithm of its height is at most that of the
 * probability of its count, k log mean - mean - log k!. */
AF_INLINE int AF_FN(ranking_is_eligible)(double count, double u, double v) {
    const double distance = AF_FN(ranking_distance)(u);
    return (count >= 0.0) & ((distance >= 0.013) | (v <= distance));
}

AF_INLINE double AF_FN(ranking_height)(double b, double height, double u, double v) {
    const double distance = AF_FN(ranking_distance)(u);
    return v * height / (AF_FN(ranking_slant)(b) / (distance * distance) + b);
}
