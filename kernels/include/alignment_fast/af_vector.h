/* af_vector.h -- vectors of doubles of the width of the instruction set, for loops whose lanes are laid out by hand.
 *
 * A GCC vector type wider than the registers is lowered through memory (each value stored whole and read back as
 * integers), so the width follows AF_VECTOR_BYTES and wider groups are arrays: GCC keeps these in registers where all
 * loops over them have constant bounds. Operators + - * / act lane by lane. Included once per instruction set: no guard
 * around the functions. */
#ifndef AF_VECTOR_H
#define AF_VECTOR_H
#if AF_X86
#include <immintrin.h>
#endif
#define AF_WIDE (AF_VECTOR_BYTES / 8) /* doubles of a vector */
#define AF_REALS AF_FN(af_reals)
#define AF_INTEGERS AF_FN(af_integers)
#endif

typedef double AF_REALS __attribute__((vector_size(AF_VECTOR_BYTES), aligned(8), may_alias));
typedef uint64_t AF_INTEGERS __attribute__((vector_size(AF_VECTOR_BYTES), aligned(8), may_alias));

AF_INLINE AF_REALS AF_FN(af_all)(double x) { return x - (AF_REALS){0.0}; }

AF_INLINE AF_REALS AF_FN(af_load)(const double *x) { return *(const AF_REALS *)x; }

AF_INLINE void AF_FN(af_store)(double *x, AF_REALS y) { *(AF_REALS *)x = y; }

/* The first `count` lanes, the others being `fill`; and the store of as many. */
AF_INLINE AF_REALS AF_FN(af_load_part)(const double *x, ptrdiff_t count, double fill) {
    AF_REALS y = AF_FN(af_all)(fill);
    memcpy(&y, x, sizeof(double) * (size_t)(count < AF_WIDE ? count : AF_WIDE));
    return y;
}

AF_INLINE void AF_FN(af_store_part)(double *x, ptrdiff_t count, AF_REALS y) {
    if (count >= AF_WIDE) AF_FN(af_store)(x, y);
    else memcpy(x, &y, sizeof(double) * (size_t)count);
}

/* 0, 1, 2, ... */
AF_INLINE AF_REALS AF_FN(af_lane_reals)(void) {
    AF_REALS y;
    for (int l = 0; l < AF_WIDE; ++l) y[l] = l;
    return y;
}

/* x < y ? a : b, x <= y ? a : b, x == y ? a : b of each lane; NaN takes b, as in C. */
#if AF_X86 && AF_VECTOR_BYTES == 64
#define AF_DEFINE_IF(name, op, code) \
    AF_INLINE AF_REALS AF_FN(af_if_##name)(AF_REALS x, AF_REALS y, AF_REALS a, AF_REALS b) { \
        return (AF_REALS)_mm512_mask_blend_pd(_mm512_cmp_pd_mask((__m512d)x, (__m512d)y, code), (__m512d)b, (__m512d)a); \
    }
#elif AF_X86 && AF_VECTOR_BYTES == 32
#define AF_DEFINE_IF(name, op, code) \
    AF_INLINE AF_REALS AF_FN(af_if_##name)(AF_REALS x, AF_REALS y, AF_REALS a, AF_REALS b) { \
        return (AF_REALS)_mm256_blendv_pd((__m256d)b, (__m256d)a, _mm256_cmp_pd((__m256d)x, (__m256d)y, code)); \
    }
#else
#define AF_DEFINE_IF(name, op, code) \
    AF_INLINE AF_REALS AF_FN(af_if_##name)(AF_REALS x, AF_REALS y, AF_REALS a, AF_REALS b) { \
        const AF_INTEGERS mask = (AF_INTEGERS)(x op y); \
        return (AF_REALS)((mask & (AF_INTEGERS)a) | (~mask & (AF_INTEGERS)b)); \
    }
#endif
AF_DEFINE_IF(less, <, 0x11)
AF_DEFINE_IF(most, <=, 0x12)
AF_DEFINE_IF(equal, ==, 0x00)
#undef AF_DEFINE_IF

/* Whether x < y in every lane; NaN is not. */
AF_INLINE int AF_FN(af_all_less)(AF_REALS x, AF_REALS y) {
#if AF_X86 && AF_VECTOR_BYTES == 64
    return _mm512_cmp_pd_mask((__m512d)x, (__m512d)y, 0x11) == 0xFF;
#elif AF_X86 && AF_VECTOR_BYTES == 32
    return _mm256_movemask_pd(_mm256_cmp_pd((__m256d)x, (__m256d)y, 0x11)) == 0xF;
#elif AF_X86
    return _mm_movemask_pd(_mm_cmplt_pd((__m128d)x, (__m128d)y)) == 0x3;
#else
    int all = 1;
    for (int l = 0; l < AF_WIDE; ++l) all &= x[l] < y[l];
    return all;
#endif
}

/* x < y ? x : y and x > y ? x : y. */
AF_INLINE AF_REALS AF_FN(af_lesser)(AF_REALS x, AF_REALS y) {
#if AF_X86 && AF_VECTOR_BYTES == 64
    return (AF_REALS)_mm512_min_pd((__m512d)x, (__m512d)y);
#elif AF_X86 && AF_VECTOR_BYTES == 32
    return (AF_REALS)_mm256_min_pd((__m256d)x, (__m256d)y);
#elif AF_X86
    return (AF_REALS)_mm_min_pd((__m128d)x, (__m128d)y);
#else
    return AF_FN(af_if_less)(x, y, x, y);
#endif
}

AF_INLINE AF_REALS AF_FN(af_greater)(AF_REALS x, AF_REALS y) {
#if AF_X86 && AF_VECTOR_BYTES == 64
    return (AF_REALS)_mm512_max_pd((__m512d)x, (__m512d)y);
#elif AF_X86 && AF_VECTOR_BYTES == 32
    return (AF_REALS)_mm256_max_pd((__m256d)x, (__m256d)y);
#elif AF_X86
    return (AF_REALS)_mm_max_pd((__m128d)x, (__m128d)y);
#else
    return AF_FN(af_if_less)(y, x, x, y);
#endif
}

/* AF_FMA and AF_SQRT of each lane. */
AF_INLINE AF_REALS AF_FN(af_fused)(AF_REALS a, AF_REALS b, AF_REALS c) {
#if AF_X86 && AF_VECTOR_BYTES == 64
    return (AF_REALS)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif AF_X86 && AF_VECTOR_BYTES == 32
    return (AF_REALS)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    AF_REALS y;
    for (int l = 0; l < AF_WIDE; ++l) y[l] = AF_FMA(a[l], b[l], c[l]);
    return y;
#endif
}

AF_INLINE AF_REALS AF_FN(af_root)(AF_REALS x) {
#if AF_X86 && AF_VECTOR_BYTES == 64
    return (AF_REALS)_mm512_sqrt_pd((__m512d)x);
#elif AF_X86 && AF_VECTOR_BYTES == 32
    return (AF_REALS)_mm256_sqrt_pd((__m256d)x);
#elif AF_X86
    return (AF_REALS)_mm_sqrt_pd((__m128d)x);
#else
    AF_REALS y;
    for (int l = 0; l < AF_WIDE; ++l) y[l] = AF_SQRT(x[l]);
    return y;
#endif
}
