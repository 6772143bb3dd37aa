/* CUDA C++ of scalar formulas on the processor: what the __CUDACC__ branch of the headers asks of the compiler. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#define __CUDACC__ 1
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __fma_rn __builtin_fma
#define __fmaf_rn __builtin_fmaf
#define __dsqrt_rn __builtin_sqrt
#define __fsqrt_rn __builtin_sqrtf
static inline float __int_as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
