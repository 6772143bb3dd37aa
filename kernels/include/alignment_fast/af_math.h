/* af_math.h -- branch-free scalar functions: exp, expm1, log, log1p, log1mexp, softplus, sigmoid, the normal
 * distribution function Φ, its logarithm and its inverse, in double (_f64) and float (_f32).
 *
 * No branch, no table, no call, no errno: a plain loop over any of them becomes vector code at -O3 with
 * -fno-math-errno -fno-trapping-math -ffp-contract=off. Domain: every float there is; NaN in, NaN out; outside the
 * domain of the function NaN; subnormal arguments and results are right. Formulae: af_math_type.h, which also serves
 * as the description of the Python twin, kernels/common/scalar.py. Measured errors: kernels/common/functions.py.
 *
 * Inside the library this file is included once per instruction set (af_simd.h): no guard around the functions.
 * Included alone, functions have their plain names:
 *
 *     #include "alignment_fast/af_math.h"
 *     double y = af_log1p_f64(x);
 */
#ifndef AF_MATH_H
#define AF_MATH_H
#include <stdint.h>
#include <string.h>
#include "alignment_fast/af_coefficients.h"

#if defined(__GNUC__) || defined(__clang__)
#define AF_INLINE static inline __attribute__((always_inline))
/* One rounding where the instruction set has it, two elsewhere: the only product-sums that may be fused. */
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
#ifndef AF_FN
#define AF_FN(name) name
#endif

#define AF_POLYNOMIAL(NAME, fused, z) AF_CONSTANT(NAME)(AF_TYPED(af_step), fused, z)
#endif /* AF_MATH_H */

#define AF_EACH_TYPE "alignment_fast/af_math_type.h"
#include "alignment_fast/af_each_type.h"
