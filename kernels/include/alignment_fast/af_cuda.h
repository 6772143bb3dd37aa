/* af_cuda.h -- what CUDA kernels share: which thread this is, loops over elements and over tiles of a warp, sums of a warp.
 *
 * A. Indices have 64 bits, and every loop strides over the whole grid: any number of blocks gives the same results.
 * B. AF_LANES lanes that are folded by halves are the lanes of a warp: warp_sum adds in the order of AF_BLOCK_SUM
 *    (af_reduce.h), so that a sum over a block has the same bits here and on the processor. */
#ifndef AF_CUDA_H
#define AF_CUDA_H
#include <stddef.h>
#include <stdint.h>

#define AF_WARP 32
#define AF_THREADS 256 /* of a block, at most: what launches use */
#define AF_KERNEL(name) extern "C" __global__ void __launch_bounds__(AF_THREADS) name
/* The same with at most 80 registers: three blocks on a multiprocessor. */
#define AF_KERNEL_OF_THREE(name) extern "C" __global__ void __launch_bounds__(AF_THREADS, 3) name
#define AF_ALL_LANES 0xffffffffu

static __device__ __forceinline__ int64_t af_thread(void) { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }
static __device__ __forceinline__ int64_t af_grid(void) { return (int64_t)gridDim.x * blockDim.x; }
static __device__ __forceinline__ int af_lane(void) { return (int)(threadIdx.x % AF_WARP); }

/* for (i = this thread; i < n; i += threads of the grid) */
#define AF_EACH(i, n) for (int64_t i = af_thread(); i < (int64_t)(n); i += af_grid())
/* The same for whole warps. */
#define AF_EACH_WARP(i, n) for (int64_t i = af_thread() / AF_WARP; i < (int64_t)(n); i += af_grid() / AF_WARP)

/* Σ over the lanes, in lane 0. */
template <class T> static __device__ __forceinline__ T af_warp_sum(T x) {
    for (int half = AF_WARP / 2; half > 0; half /= 2) x += __shfl_down_sync(AF_ALL_LANES, x, half);
    return x;
}
#endif
