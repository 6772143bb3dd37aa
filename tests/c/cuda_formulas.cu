/* Every shared formula once, as a function for the processor (cuda_host.h) or as a kernel for a device. */
#include "alignment_fast/af_math.h"
#include "alignment_fast/af_random.h"
#include "best_of_n/formulas.h"
#include "information/formulas.h"
#define AF_EACH_TYPE "information/formulas.h"
#include "alignment_fast/af_each_type.h"
#include "special/formulas.h"
#define AF_EACH_TYPE "special/formulas.h"
#include "alignment_fast/af_each_type.h"
#include "memoryless/formulas.h"
#include "random/formulas.h"

#ifdef AF_HOST
#define MAP(name, from, to, expression) \
    extern "C" void name(ptrdiff_t n, const from *in, to *out) { \
        for (ptrdiff_t i = 0; i < n; ++i) { \
            const from x = in[i]; \
            out[i] = expression; \
        } \
    }
#else
#define MAP(name, from, to, expression) \
    extern "C" __global__ void name(ptrdiff_t n, const from *in, to *out) { \
        const ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x; \
        if (i < n) { \
            const from x = in[i]; \
            out[i] = expression; \
        } \
    }
#endif

AF_INLINE uint32_t first_word(uint64_t block) {
    uint32_t word[4];
    af_philox_block(7, 0, block, word);
    return word[0];
}

AF_INLINE double untilted_mass(double mass) {
    const merge_tilt tilt = {0.3, 2.0, 1e-3, 0.0, 0.0};
    const double known = merge_known(&tilt, mass);
    return merge_value(&tilt, known, 5.0) + merge_bound(&tilt, known, 5.0) + types_reward(mass, known, 1.0)
        + complex_square_real(mass, known) + complex_product_imaginary(mass, known, 0.5, 0.25);
}

AF_INLINE float exponential_of(float x) {
    float at_frame = 0, rest = 0;
    add_exponential_f32(x, 1, 0, &at_frame, &rest);
    return at_frame + rest + power_term_f32(AF_REWARD_LOG_OF, AF_CUBE, x, x);
}

MAP(exponentials, float, float, exponential_of(x))
MAP(word_tails, uint64_t, double, word_tail(x))
MAP(exponent_tails, double, double, exponent_tail(x))
MAP(gaussian_rewards, double, double, gaussian_reward(x, 0.25, 3.0))
MAP(uniform_rewards, double, double, uniform_reward(x))
MAP(normals, uint32_t, float, normal_of_word(x))
MAP(words, uint64_t, uint32_t, first_word(x))
MAP(uniforms, uint64_t, double, af_uniform_f64(x))
MAP(exps, double, double, af_exp_f64(x))
MAP(logs, double, double, af_log_f64(x))
MAP(expm1s, float, float, af_expm1_f32(x))
MAP(entropy_terms, double, double, af_entropy_term(x))
MAP(estimates, double, double, af_exponential_rest(-x))
MAP(powers_of_2, float, float, af_exp2_term_f32(1, x))
MAP(ratio_terms, double, double, plain_term(AF_PLAIN_DIVERGENCE, x, 0.5) + less_log1p(x) + log_from_quotient(1.0, x, af_log_f64(quotient_for_log(1.0, x))))
MAP(rests, double, double, product_error(x, 0.3, x * 0.3) + exp_of_difference(x, 0.7))
MAP(untilted, double, double, untilted_mass(x))
MAP(kl_terms, double, double, kl_term_near_one(x, 0.5))
MAP(other_terms, double, double, chi2_term(x, 1.0) + tv_term(x, 1.0) + hellinger2_term(x, 1.0) + mean_term(x, 2.0))
MAP(far_terms, double, double, reverse_kl_term(x, 1.0, 0.5, 0.0) + renyi_term_near_one(x, 0.5, 1, 0.5, 0.0))
MAP(table_rewards, double, double, table_reward(x, 1, &x, &x))
