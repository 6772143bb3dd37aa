/* af_simd.h -- compile one loop file once per instruction set, and choose among the results at run time.
 *
 *     #define AF_LOOPS "random/loops.inc"
 *     #include "alignment_fast/af_simd.h"
 *
 * A loop file defines functions named AF_FN(name) and ends with one table of them:
 *
 *     #ifndef AF_TABLE                     // the type, once
 *     #define AF_TABLE
 *     typedef struct { const char *isa; void (*fill)(...); } af_table;
 *     #endif
 *     static const af_table AF_FN(af_table_row) = { AF_ISA, AF_FN(fill) };
 *
 * af_select("avx2") then returns the row of that variant, or NULL where this build or this processor lacks it.
 *
 * Variants: baseline (what the compiler was asked for; SSE2 on x86-64, NEON with fma on AArch64), avx2 (AVX2 + FMA),
 * avx512 (F, DQ, BW, VL). The variant's name is AF_ISA, its vector width in bytes AF_VECTOR_BYTES. AF_HAVE_FMA says
 * whether AF_FMA is one rounding (see af_math.h). Not target_clones: a clone cannot be forced for a test, and needs
 * ifunc, which musl lacks.
 *
 * Units: by default all of this is one. A compiler that takes long over it may be given it in four, with AF_UNIT defined
 * on the command line: the loops of one variant each (AF_UNIT_BASELINE, AF_UNIT_AVX2, AF_UNIT_AVX512), compiled side by
 * side, and the unit that selects and calls (AF_UNIT_SELECT). All four read the baseline, which brings the types and the
 * functions that are the same in every variant; loops that nobody in a unit calls cost nothing. */
#ifndef AF_SIMD_H
#define AF_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef AF_LOOPS
#error "define AF_LOOPS to the loop file before including af_simd.h"
#endif

/* Before a loop whose elements do not depend on each other, also where the output is the input: no overlap check, no
 * scalar fall-back. GCC honours restrict on parameters only, and gives up checking eight local pointers for overlap. */
#if defined(__clang__)
#define AF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define AF_INDEPENDENT _Pragma("GCC ivdep")
#else
#define AF_INDEPENDENT
#endif

#define AF_UNIT_WHOLE 0
#define AF_UNIT_SELECT 1
#define AF_UNIT_BASELINE 2
#define AF_UNIT_AVX2 3
#define AF_UNIT_AVX512 4
#ifndef AF_UNIT
#define AF_UNIT AF_UNIT_WHOLE
#endif

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__)) && !defined(AF_BASELINE_ONLY)
#define AF_X86 1
#else
#define AF_X86 0
#endif

#define AF_ISA "baseline"
#define AF_VECTOR_BYTES 16
#if defined(__ARM_FEATURE_FMA) || defined(__FMA__)
#define AF_HAVE_FMA 1
#else
#define AF_HAVE_FMA 0
#endif
#define AF_FN(name) name##_baseline
#include AF_LOOPS
#undef AF_FN
#undef AF_HAVE_FMA
#undef AF_VECTOR_BYTES
#undef AF_ISA

#if AF_X86 && (AF_UNIT == AF_UNIT_WHOLE || AF_UNIT == AF_UNIT_AVX2)
#define AF_ISA "avx2"
#define AF_VECTOR_BYTES 32
#define AF_HAVE_FMA 1
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define AF_FN(name) name##_avx2
#include AF_LOOPS
#undef AF_FN
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef AF_HAVE_FMA
#undef AF_VECTOR_BYTES
#undef AF_ISA
#endif

#if AF_X86 && (AF_UNIT == AF_UNIT_WHOLE || AF_UNIT == AF_UNIT_AVX512)
#define AF_ISA "avx512"
#define AF_VECTOR_BYTES 64
#define AF_HAVE_FMA 1
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")
#endif
#define AF_FN(name) name##_avx512
#include AF_LOOPS
#undef AF_FN
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef AF_HAVE_FMA
#undef AF_VECTOR_BYTES
#undef AF_ISA

#endif

#if AF_UNIT == AF_UNIT_BASELINE
const af_table *const af_row_baseline = &af_table_row_baseline;
#elif AF_UNIT == AF_UNIT_AVX2 && AF_X86
const af_table *const af_row_avx2 = &af_table_row_avx2;
#elif AF_UNIT == AF_UNIT_AVX512 && AF_X86
const af_table *const af_row_avx512 = &af_table_row_avx512;
#endif

#if AF_UNIT == AF_UNIT_SELECT
extern const af_table *const af_row_baseline, *const af_row_avx2, *const af_row_avx512;
#define AF_ROW(isa) af_row_##isa
#else
#define AF_ROW(isa) &af_table_row_##isa
#endif

#if AF_UNIT == AF_UNIT_WHOLE || AF_UNIT == AF_UNIT_SELECT
static int af_isa_supported(const char *isa) {
    if (!strcmp(isa, "baseline")) return 1;
#if AF_X86
    __builtin_cpu_init();
    if (!strcmp(isa, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!strcmp(isa, "avx512"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512vl");
#endif
    return 0;
}

static const af_table *af_select(const char *isa) {
    const af_table *const rows[] = {
        AF_ROW(baseline),
#if AF_X86
        AF_ROW(avx2),
        AF_ROW(avx512),
#endif
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i)
        if (!strcmp(rows[i]->isa, isa) && af_isa_supported(isa)) return rows[i];
    return NULL;
}

#undef AF_ROW
#endif /* the unit that selects */

#endif /* AF_SIMD_H */
