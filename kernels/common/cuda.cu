/* CUDA kernels that belong to no family: moments of blocks, in the order of af_moments_block (af_reduce.h). */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_math.h"

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
