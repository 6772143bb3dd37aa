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
#include "alignment_fast/af_target.h"

#define AF_POLYNOMIAL(NAME, fused, z) AF_CONSTANT(NAME)(AF_TYPED(af_step), fused, z)
#endif /* AF_MATH_H */

#define AF_EACH_TYPE "alignment_fast/af_math_type.h"
#include "alignment_fast/af_each_type.h"
