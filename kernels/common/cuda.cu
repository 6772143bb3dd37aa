/* CUDA kernels that belong to no family.
 *
 *     here             moments of blocks, in the order of af_moments_block (af_reduce.h); what is not finite; types
 *     cuda_sort.inc    stable sorts, exclusive sums */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_math.h"
#include "common/cuda_sort.inc"

#define BLOCK 4096 /* AF_BLOCK */

/* Σ term over the terms of a warp's block, on every lane. */
#define BLOCK_SUM(total, n, i, term) \
    do { \
        double lane_sum = 0.0; \
        for (int64_t i = lane; i < (n); i += AF_WARP) lane_sum += (term); \
        total = __shfl_sync(AF_ALL_LANES, af_warp_sum(lane_sum), 0); \
    } while (0)

AF_INLINE double warp_extreme(double x, int sign) {
    for (int half = AF_WARP / 2; half > 0; half /= 2) {
        const double other = __shfl_down_sync(AF_ALL_LANES, x, half);
        x = sign * other > sign * x ? other : x;
    }
    return x;
}

/* out[block] = count, mean, M2, M3, M4, minimum, maximum of 4096 numbers, by a warp. */
AF_KERNEL(moments_blocks)(int64_t n, const double *x, double *out) {
    const int lane = af_lane();
    AF_EACH_WARP(block, (n + BLOCK - 1) / BLOCK) {
        const double *of = x + block * BLOCK;
        const int64_t size = n - block * BLOCK < BLOCK ? n - block * BLOCK : BLOCK;
        double sum, correction, m2, m3, m4, least = of[0], most = of[0];
        BLOCK_SUM(sum, size, i, of[i]);
        const double rough = sum / (double)size;
        BLOCK_SUM(correction, size, i, of[i] - rough);
        const double mean = rough + correction / (double)size;
        BLOCK_SUM(m2, size, i, (of[i] - mean) * (of[i] - mean));
        BLOCK_SUM(m3, size, i, (of[i] - mean) * (of[i] - mean) * (of[i] - mean));
        BLOCK_SUM(m4, size, i, ((of[i] - mean) * (of[i] - mean)) * ((of[i] - mean) * (of[i] - mean)));
        for (int64_t i = lane; i < size; i += AF_WARP) {
            least = of[i] < least ? of[i] : least;
            most = of[i] > most ? of[i] : most;
        }
        least = warp_extreme(least, -1);
        most = warp_extreme(most, 1);
        if (lane == 0) {
            const double found[7] = {(double)size, mean, m2, m3, m4, least, most};
            for (int k = 0; k < 7; ++k) out[7 * block + k] = found[k];
        }
    }
}

/* ---- what is read, and in which type ---- */

/* first <- the first place of a NaN, or of an infinity unless those are good; the one that is there if it is lower. */
template <class T>
static __device__ __forceinline__ void first_not_finite(int64_t n, const T *x, int infinity_is_good, unsigned long long *first) {
    AF_EACH(i, n) {
        const T size = x[i] < 0 ? -x[i] : x[i];
        if (infinity_is_good ? size != size : !(size < (T)AF_INFINITY)) atomicMin(first, (unsigned long long)i);
    }
}

AF_KERNEL(first_not_finite_f64)(int64_t n, const double *x, int infinity_is_good, unsigned long long *first) {
    first_not_finite(n, x, infinity_is_good, first);
}

AF_KERNEL(first_not_finite_f32)(int64_t n, const float *x, int infinity_is_good, unsigned long long *first) {
    first_not_finite(n, x, infinity_is_good, first);
}

AF_KERNEL(widened)(int64_t n, const float *x, double *out) { AF_EACH(i, n) out[i] = (double)x[i]; }

AF_KERNEL(narrowed)(int64_t n, const double *x, float *out) { AF_EACH(i, n) out[i] = __double2float_rn(x[i]); }
