/* Every shared formula once, as a function for the processor (cuda_host.h) or as a kernel for a device. */
#include "alignment_fast/af_math.h"
#include "alignment_fast/af_random.h"
#include "best_of_n/formulas.h"
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
MAP(kl_terms, double, double, kl_term_near_one(x, 0.5))
MAP(other_terms, double, double, chi2_term(x, 1.0) + tv_term(x, 1.0) + hellinger2_term(x, 1.0) + mean_term(x, 2.0))
MAP(far_terms, double, double, reverse_kl_term(x, 1.0, 0.5, 0.0) + renyi_term_near_one(x, 0.5, 1, 0.5, 0.0))
MAP(table_rewards, double, double, table_reward(x, 1, &x, &x))
