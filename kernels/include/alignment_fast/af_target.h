/* af_target.h -- what a scalar formula needs of its target: how a function is inlined, products that may be fused, roots,
 * infinity and NaN. The same formulas are compiled for every instruction set of a processor and, by nvcc or NVRTC, for CUDA.
 *
 * A. CUDA branch. Every operation is the one that rounds once (`_rn`), so that kernels of + - * / sqrt and AF_FMA give the
 *    bits of the processor's builds with fma, provided that nothing else is fused: compile with -fmad=false. NVRTC finds
 *    stdint.h, stddef.h and string.h among the compiler's own stubs or those of the build.
 * B. AF_FMA is one rounding where the instruction set has it (AF_HAVE_FMA), two elsewhere: the only product-sums that may
 *    be fused. */
#ifndef AF_TARGET_H
#define AF_TARGET_H

#if defined(__CUDACC__)
#define AF_INLINE static __device__ __forceinline__
#define AF_HAVE_FMA 1
#define AF_FMA(a, b, c) __fma_rn(a, b, c)
#define AF_FMAF(a, b, c) __fmaf_rn(a, b, c)
#define AF_SQRT(x) __dsqrt_rn(x)
#define AF_SQRTF(x) __fsqrt_rn(x)
#define AF_INFINITY __int_as_float(0x7f800000)
#define AF_NAN __int_as_float(0x7fc00000)
#elif defined(__GNUC__) || defined(__clang__)
#define AF_INLINE static inline __attribute__((always_inline))
#define AF_FMA(a, b, c) (AF_HAVE_FMA ? __builtin_fma(a, b, c) : (a) * (b) + (c))
#define AF_FMAF(a, b, c) (AF_HAVE_FMA ? __builtin_fmaf(a, b, c) : (a) * (b) + (c))
#define AF_SQRT(x) __builtin_sqrt(x)
#define AF_SQRTF(x) __builtin_sqrtf(x)
#define AF_INFINITY __builtin_inff()
#define AF_NAN __builtin_nanf("")
#else
#include <math.h>
#define AF_INLINE static __forceinline
#define AF_FMA(a, b, c) ((a) * (b) + (c))
#define AF_FMAF(a, b, c) ((a) * (b) + (c))
#define AF_SQRT(x) sqrt(x)
#define AF_SQRTF(x) sqrtf(x)
#define AF_INFINITY INFINITY
#define AF_NAN NAN
#endif

#if !defined(AF_HAVE_FMA) && (defined(__FMA__) || defined(__ARM_FEATURE_FMA))
#define AF_HAVE_FMA 1
#elif !defined(AF_HAVE_FMA)
#define AF_HAVE_FMA 0
#endif
#ifndef AF_FN /* included alone: functions have their plain names */
#define AF_FN(name) name
#endif
#endif /* AF_TARGET_H */
