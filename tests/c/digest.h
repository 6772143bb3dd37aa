/* digest.h -- input and output of the drivers in this folder: the loops alone, without an interpreter.
 *
 * Each driver runs every variant that its processor has and prints "variant loop digest" lines. Variants with a
 * hardware fma (avx2, avx512, and AArch64's baseline) must print the same digests: tests/test_aarch64.py. */
#ifndef DIGEST_H
#define DIGEST_H
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* FNV-1a. */
static inline uint64_t digest(const void *data, size_t bytes) {
    const unsigned char *byte = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes; ++i) hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static inline void report(const char *isa, const char *loop, const void *data, size_t bytes) {
    printf("%s %s %016" PRIx64 "\n", isa, loop, digest(data, bytes));
}

/* The same for real values: every NaN counts as one, its sign and payload are not promised. */
static inline void report_values(const char *isa, const char *loop, double *value, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; ++i)
        if (value[i] != value[i]) value[i] = 0x1p-1074;
    report(isa, loop, value, (size_t)n * sizeof *value);
}

/* Equidistributed points of [low, high): the same ones everywhere, from integer arithmetic and exact products. */
static inline void spread(double *x, ptrdiff_t n, double low, double high) {
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    for (ptrdiff_t i = 0; i < n; ++i) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x[i] = low + (high - low) * ((double)(state >> 11) * 0x1p-53);
    }
}
#endif
