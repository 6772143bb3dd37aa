/* Scalar formulas of the dynamics, for the CPU loops of every instruction set and for CUDA.
 *
 * (a) One response in one round: z <- alpha z + anchor + gain score. A factor 0 silences z = -inf, a response without mass.
 * (b) Mixture mu = lambda policy + (1 - lambda) sampler. Its floor, 1e-290, stands for the limit mu_i -> 0 of DPO's
 *     rewards; zero itself would divide 0 by 0. Masses that small are below what any sum sees.
 * (c) Logistic pair. gap = r_i - r_j, small = exp(-|gap|), q = 1 / (1 + small): sigma(gap) - 1/2 = +-(1 - small) q / 2,
 *     antisymmetric to the last bit, and sigma'(gap) = small q^2, 3 roundings each for any gap. Beside M = P - 1/2 their
 *     difference has an absolute error of 1e-16; chances near 0 keep more digits in kernels/policy/formulas.h.
 * (d) Length of a step of Newton of span s: s up to REWARDS_FULL_STEP is taken as it is, since the iteration converges
 *     quadratically there; a longer one is log(1 + s) / s of itself, which makes it converge from anywhere (Bach, EJS 4
 *     (2010): the logistic loss is self-concordant in this sense).
 * (e) Mean and squares of a sequence, by Welford (Technometrics 4 (1962)): relative error of the order of the number of
 *     rounds times the unit roundoff, without cancellation.
 * (f) Time of a turn, a rise `before` followed by none: where the line through both changes is 0, a change between rounds
 *     t - 1 and t being put at t - 1/2. */

#ifndef AF_DYNAMICS_FORMULAS
#define AF_DYNAMICS_FORMULAS
#define REWARDS_ITERATIONS 100
#define REWARDS_FULL_STEP 0.5
#define REWARDS_LAST_STEP 1e-8    /* the error after it is of the order of its square */
#define REWARDS_LEAST_MASS 1e-290
#endif

/* (a) */
AF_INLINE double AF_FN(dynamics_moved)(double z, double alpha, double anchor, double gain, double score) {
    const double kept = alpha * z;
    return (alpha == 0.0 ? 0.0 : kept) + AF_FMA(gain, score, anchor);
}

/* (b) */
AF_INLINE double AF_FN(dynamics_mixed)(double lambda, double policy, double sampler) {
    return AF_FMA(lambda, policy, (1.0 - lambda) * sampler);
}
AF_INLINE double AF_FN(dynamics_floored)(double mass) { return mass > REWARDS_LEAST_MASS ? mass : REWARDS_LEAST_MASS; }

/* (c) */
AF_INLINE double AF_FN(dynamics_preference)(double gap, double small, double q) {
    return (gap >= 0.0 ? 0.5 : -0.5) * (1.0 - small) * q;
}
AF_INLINE double AF_FN(dynamics_curvature)(double small, double q) { return small * q * q; }

/* (d) */
AF_INLINE double AF_FN(dynamics_step_length)(double span) {
    const double shortened = AF_FN(af_log1p_f64)(span) / span;
    return span > REWARDS_FULL_STEP ? shortened : 1.0;
}

/* (e) part = 1 / (number of rounds, this one included). */
AF_INLINE void AF_FN(dynamics_average)(double next, double part, double *mean, double *squares) {
    const double away = next - *mean, middle = AF_FMA(away, part, *mean);
    *mean = middle;
    *squares = AF_FMA(away, next - middle, *squares);
}

/* (f) */
AF_INLINE double AF_FN(dynamics_turn)(double round, double before, double now) {
    return (round - 1.5) + before / (before - now);
}
