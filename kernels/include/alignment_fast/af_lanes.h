/* af_lanes.h -- one text for work on a row that a thread of a processor does alone and a warp of a device together.
 *
 * A. All lanes of a warp run the same steps with the same numbers, but for what stands in AF_EACH_OWN: there each lane has
 *    the letters i = lane mod 32. On a processor there is one lane, and these macros are loops and nothing else.
 * B. AF_BLOCK_SUM adds in the order of af_reduce.h, and every lane gets the sum: AF_LANES partial sums folded by halves are
 *    the lanes of a warp. AF_ROW_SUM and AF_ROW_MAX fold what each lane has of a whole row.
 * C. AF_OWN_EXP and its kin are of arrays of a block, AF_ROW_EXP and its kin of whole rows. An array of a block is declared with AF_OWN(n) places and used by AF_SLOT(i): a lane keeps its own letters only. What
 *    one lane has written to memory that another one reads lies behind AF_MEET. */
#ifndef AF_LANES_H
#define AF_LANES_H
#ifdef __CUDACC__
#define AF_BLOCK 4096
#define AF_LANES AF_WARP
#define AF_APART static __device__ __noinline__ /* what is called from several places: once in the code */
#define AF_EACH_OWN(i, n) \
    _Pragma("unroll 1") for (ptrdiff_t i = af_lane(); i < (ptrdiff_t)(n); i += AF_WARP)
#define AF_OWN(n) ((n) / AF_WARP)
#define AF_SLOT(i) ((i) / AF_WARP)
#define AF_OWNER(i) (af_lane() == (int)((i) % AF_WARP))
#define AF_FIRST_LANE (af_lane() == 0)
#define AF_MEET() __syncwarp()
#define AF_INDEPENDENT
#define AF_ROW_SUM(x) ((x) = __shfl_sync(AF_ALL_LANES, af_warp_sum(x), 0))
#define AF_ROW_MAX(x) ((x) = af_warp_max(x))
#define AF_BLOCK_SUM(T, total, n, i, term)                     \
    do {                                                       \
        T af_part = 0;                                         \
        AF_EACH_OWN(i, n) af_part += (term);                   \
        (total) += __shfl_sync(AF_ALL_LANES, af_warp_sum(af_part), 0); \
    } while (0)

#define AF_OWN_ALL(n, x, to, function) AF_EACH_OWN(i, n) (to)[AF_SLOT(i)] = function((x)[AF_SLOT(i)])
#define AF_OWN_EXP(n, x, to) AF_OWN_ALL(n, x, to, af_exp_f64)
#define AF_OWN_EXPM1(n, x, to) AF_OWN_ALL(n, x, to, af_expm1_f64)
#define AF_OWN_LOG(n, x, to) AF_OWN_ALL(n, x, to, af_log_f64)
#define AF_ROW_EXP(n, x, to) AF_EACH_OWN(i, n) (to)[i] = af_exp_f64((x)[i])
#define AF_ROW_LOG(n, x, to) AF_EACH_OWN(i, n) (to)[i] = af_log_f64((x)[i])

/* The largest of the lanes, in all of them. */
static __device__ __forceinline__ double af_warp_max(double x) {
    for (int half = AF_WARP / 2; half > 0; half /= 2) {
        const double other = __shfl_down_sync(AF_ALL_LANES, x, half);
        x = other > x ? other : x;
    }
    return __shfl_sync(AF_ALL_LANES, x, 0);
}
#else
#define AF_APART static
#define AF_EACH_OWN(i, n) for (ptrdiff_t i = 0; i < (n); ++i)
#define AF_OWN(n) (n)
#define AF_SLOT(i) (i)
#define AF_OWNER(i) 1
#define AF_FIRST_LANE 1
#define AF_MEET() ((void)0)
#define AF_ROW_SUM(x) ((void)0)
#define AF_ROW_MAX(x) ((void)0)
#define AF_OWN_EXP(n, x, to) AF_FN(af_array_exp)(n, x, to)
#define AF_OWN_EXPM1(n, x, to) AF_FN(af_array_expm1)(n, x, to)
#define AF_OWN_LOG(n, x, to) AF_FN(af_array_log)(n, x, to)
#define AF_ROW_EXP(n, x, to) AF_FN(af_array_exp)(n, x, to)
#define AF_ROW_LOG(n, x, to) AF_FN(af_array_log)(n, x, to)
#endif
#endif
