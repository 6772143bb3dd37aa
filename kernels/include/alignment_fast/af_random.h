/* af_random.h -- Philox4x32-10 and the rules that turn its words into draws.
 *
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011), section 3.3. The generator is
 * a keyed bijection of the 128-bit counter: a value depends on (key, replicate, draw) and on nothing else, so any
 * thread may compute any part of a stream in any order.
 *
 *     counter words  (block low, block high, replicate low, replicate high)      block of a draw: draw / draws per block
 *     key words      (key low, key high)
 *     32-bit draw d  word d mod 4 of block d / 4
 *     64-bit draw d  words 2(d mod 2), 2(d mod 2) + 1 of block d / 2, the first one high
 *     uniform        float32 ((u >> 9) + 1/2) 2^-23, float64 ((w >> 12) + 1/2) 2^-52: exact, strictly inside (0, 1)
 *
 * The first part stands alone and works on one block. The second part is included once per instruction set (af_simd.h)
 * and works in registers on AF_PHILOX_BLOCKS counters at once: AF_PHILOX_LANES 64-bit lanes times AF_PHILOX_GROUPS
 * independent groups, which hide the latency of the multiplication. A lane holds a 32-bit word in its low half; its
 * high half is undefined, which the 32 x 32 -> 64 bit multiplication ignores and so must every reader. All variants give
 * the same bits: there is only integer work and exact floating-point work.
 *
 * Counters are vectors in one of two layouts: consecutive blocks of one replicate, or one block of consecutive
 * replicates. Start from a multiple of AF_PHILOX_BLOCKS: then the low word of no lane carries into the high word. High
 * and low words are separate arguments, so that in a loop over the low word alone the compiler can see that one half
 * of the first two rounds does not change, and takes it out of the loop.
 *
 * Cost in 512-bit instructions per 32 words: at most 20 multiplications, 20 shifts, 20 three-way xors. */
#ifndef AF_RANDOM_H
#define AF_RANDOM_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* Only where a variant needs it: reading it takes longer than all of our own files. */
#if AF_X86 && !defined(__CUDACC__) && (AF_UNIT == AF_UNIT_WHOLE || AF_UNIT == AF_UNIT_AVX2 || AF_UNIT == AF_UNIT_AVX512)
#include <immintrin.h>
#endif

#include "alignment_fast/af_target.h"

#define AF_PHILOX_ROUNDS 10
#define AF_PHILOX_M0 0xD2511F53u
#define AF_PHILOX_M1 0xCD9E8D57u
#define AF_PHILOX_W0 0x9E3779B9u /* golden ratio */
#define AF_PHILOX_W1 0xBB67AE85u /* sqrt(3) - 1 */

/* word[0..3] = the four words of one block. */
AF_INLINE void af_philox_block(uint64_t key, uint64_t replicate, uint64_t block, uint32_t word[4]) {
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
    uint32_t c2 = (uint32_t)replicate, c3 = (uint32_t)(replicate >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < AF_PHILOX_ROUNDS; ++round) {
        const uint64_t p0 = (uint64_t)AF_PHILOX_M0 * c0, p1 = (uint64_t)AF_PHILOX_M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += AF_PHILOX_W0;
        k1 += AF_PHILOX_W1;
    }
    word[0] = c0;
    word[1] = c1;
    word[2] = c2;
    word[3] = c3;
}

AF_INLINE uint64_t af_word64(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }
AF_INLINE float af_uniform_f32(uint32_t u) { return ((float)(int32_t)(u >> 9) + 0.5f) * 0x1p-23f; }
/* (w >> 12) + 2^52 is a number of its own, which needs no conversion: AVX2 converts no 64-bit integers. */
AF_INLINE double af_uniform_f64(uint64_t w) {
    const uint64_t bits = w >> 12 | UINT64_C(0x4330000000000000);
    double raised;
    memcpy(&raised, &bits, sizeof raised);
    return ((raised - 0x1p52) + 0.5) * 0x1p-52;
}
/* (u + 1/2) 2^-32: the whole word, for transforms evaluated in float64. By way of a signed integer, since AVX2 converts
 * no unsigned ones. */
AF_INLINE double af_probability_u32(uint32_t u) {
    return ((double)(int32_t)(u ^ 0x80000000u) + 0x1.00000001p+31) * 0x1p-32;
}
#endif /* AF_RANDOM_H */

#ifndef __CUDACC__ /* there a thread works on one block */
#undef AF_PHILOX_LANES
#undef AF_PHILOX_GROUPS
#undef AF_PHILOX_BLOCKS

/* Primitives on vectors of 64-bit lanes. af_stream_lane_numbers puts blocks of the two halves of a group into lanes 2j
 * and 2j + 1, so that shuffles inside 128-bit parts (one cycle) are enough to write draws in stream order. */
#if AF_X86 && AF_VECTOR_BYTES == 64

#define AF_PHILOX_LANES 8
#define AF_PHILOX_GROUPS 4
typedef __m512i AF_FN(af_vector);

AF_INLINE __m512i AF_FN(af_broadcast)(uint64_t x) { return _mm512_set1_epi64((long long)x); }
AF_INLINE __m512i AF_FN(af_multiply)(__m512i a, __m512i b) { return _mm512_mul_epu32(a, b); }
AF_INLINE __m512i AF_FN(af_high)(__m512i a) { return _mm512_srli_epi64(a, 32); }
AF_INLINE __m512i AF_FN(af_xor3)(__m512i a, __m512i b, __m512i c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
AF_INLINE __m512i AF_FN(af_minimum_u32)(__m512i a, __m512i b) { return _mm512_min_epu32(a, b); }
AF_INLINE void AF_FN(af_store_lanes)(uint64_t *out, __m512i a) { _mm512_storeu_si512(out, a); }
AF_INLINE __m512i AF_FN(af_add)(__m512i a, __m512i b) { return _mm512_add_epi64(a, b); }
AF_INLINE __m512i AF_FN(af_lane_numbers)(void) { return _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7); }
AF_INLINE __m512i AF_FN(af_stream_lane_numbers)(void) { return _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7); }
AF_INLINE __m512i AF_FN(af_even_words)(__m512i a, __m512i b) {
    return _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), 0x88));
}
AF_INLINE __m512i AF_FN(af_odd_words)(__m512i a, __m512i b) {
    return _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), 0xDD));
}
/* (m | exponent of 1) is 1 + m 2^-23; taking 1 - 2^-24 from it is exact and leaves (m + 1/2) 2^-23. */
AF_INLINE __m512i AF_FN(af_to_uniform_f32)(__m512i u) {
    const __m512i one_and_more = _mm512_or_si512(_mm512_srli_epi32(u, 9), _mm512_set1_epi32(0x3F800000));
    return _mm512_castps_si512(_mm512_sub_ps(_mm512_castsi512_ps(one_and_more), _mm512_set1_ps(0x1.fffffep-1f)));
}
AF_INLINE __m512i AF_FN(af_to_uniform_f64)(__m512i w) {
    const __m512i one_and_more = _mm512_or_si512(_mm512_srli_epi64(w, 12), _mm512_set1_epi64(0x3FF0000000000000));
    return _mm512_castpd_si512(_mm512_sub_pd(_mm512_castsi512_pd(one_and_more), _mm512_set1_pd(0x1.fffffffffffffp-1)));
}
#define AF_STORE_VECTOR(out, a) _mm512_storeu_si512((out), (a))
#define AF_SIMD_STORES 1

#elif AF_X86 && AF_VECTOR_BYTES == 32

#define AF_PHILOX_LANES 4
#define AF_PHILOX_GROUPS 4 /* spills registers, yet faster than the 2 groups that would not */
typedef __m256i AF_FN(af_vector);

AF_INLINE __m256i AF_FN(af_broadcast)(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
AF_INLINE __m256i AF_FN(af_multiply)(__m256i a, __m256i b) { return _mm256_mul_epu32(a, b); }
AF_INLINE __m256i AF_FN(af_high)(__m256i a) { return _mm256_srli_epi64(a, 32); }
AF_INLINE __m256i AF_FN(af_xor3)(__m256i a, __m256i b, __m256i c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }
AF_INLINE __m256i AF_FN(af_minimum_u32)(__m256i a, __m256i b) { return _mm256_min_epu32(a, b); }
AF_INLINE void AF_FN(af_store_lanes)(uint64_t *out, __m256i a) { _mm256_storeu_si256((__m256i *)out, a); }
AF_INLINE __m256i AF_FN(af_add)(__m256i a, __m256i b) { return _mm256_add_epi64(a, b); }
AF_INLINE __m256i AF_FN(af_lane_numbers)(void) { return _mm256_setr_epi64x(0, 1, 2, 3); }
AF_INLINE __m256i AF_FN(af_stream_lane_numbers)(void) { return _mm256_setr_epi64x(0, 2, 1, 3); }
AF_INLINE __m256i AF_FN(af_even_words)(__m256i a, __m256i b) {
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));
}
AF_INLINE __m256i AF_FN(af_odd_words)(__m256i a, __m256i b) {
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0xDD));
}
AF_INLINE __m256i AF_FN(af_to_uniform_f32)(__m256i u) {
    const __m256i one_and_more = _mm256_or_si256(_mm256_srli_epi32(u, 9), _mm256_set1_epi32(0x3F800000));
    return _mm256_castps_si256(_mm256_sub_ps(_mm256_castsi256_ps(one_and_more), _mm256_set1_ps(0x1.fffffep-1f)));
}
AF_INLINE __m256i AF_FN(af_to_uniform_f64)(__m256i w) {
    const __m256i one_and_more = _mm256_or_si256(_mm256_srli_epi64(w, 12), _mm256_set1_epi64x(0x3FF0000000000000));
    return _mm256_castpd_si256(_mm256_sub_pd(_mm256_castsi256_pd(one_and_more), _mm256_set1_pd(0x1.fffffffffffffp-1)));
}
#define AF_STORE_VECTOR(out, a) _mm256_storeu_si256((__m256i *)(out), (a))
#define AF_SIMD_STORES 1

#else

#define AF_PHILOX_LANES 4
#define AF_PHILOX_GROUPS 1
typedef struct {
    uint64_t lane[AF_PHILOX_LANES];
} AF_FN(af_vector);
#define AF_EACH_LANE(result, l, value)                                                                                 \
    AF_FN(af_vector) result;                                                                                           \
    for (int l = 0; l < AF_PHILOX_LANES; ++l) result.lane[l] = (value);                                                \
    return result

AF_INLINE AF_FN(af_vector) AF_FN(af_broadcast)(uint64_t x) { AF_EACH_LANE(r, l, x); }
AF_INLINE AF_FN(af_vector) AF_FN(af_multiply)(AF_FN(af_vector) a, AF_FN(af_vector) b) {
    AF_EACH_LANE(r, l, (uint64_t)(uint32_t)a.lane[l] * (uint32_t)b.lane[l]);
}
AF_INLINE AF_FN(af_vector) AF_FN(af_high)(AF_FN(af_vector) a) { AF_EACH_LANE(r, l, a.lane[l] >> 32); }
AF_INLINE AF_FN(af_vector) AF_FN(af_xor3)(AF_FN(af_vector) a, AF_FN(af_vector) b, AF_FN(af_vector) c) {
    AF_EACH_LANE(r, l, a.lane[l] ^ b.lane[l] ^ c.lane[l]);
}
AF_INLINE AF_FN(af_vector) AF_FN(af_minimum_u32)(AF_FN(af_vector) a, AF_FN(af_vector) b) {
    AF_EACH_LANE(r, l, (uint32_t)a.lane[l] < (uint32_t)b.lane[l] ? (uint32_t)a.lane[l] : (uint32_t)b.lane[l]);
}
AF_INLINE void AF_FN(af_store_lanes)(uint64_t *out, AF_FN(af_vector) a) { memcpy(out, a.lane, sizeof a.lane); }
AF_INLINE AF_FN(af_vector) AF_FN(af_add)(AF_FN(af_vector) a, AF_FN(af_vector) b) {
    AF_EACH_LANE(r, l, a.lane[l] + b.lane[l]);
}
AF_INLINE AF_FN(af_vector) AF_FN(af_lane_numbers)(void) { AF_EACH_LANE(r, l, (uint64_t)l); }
AF_INLINE AF_FN(af_vector) AF_FN(af_stream_lane_numbers)(void) { return AF_FN(af_lane_numbers)(); }
#undef AF_EACH_LANE
#define AF_SIMD_STORES 0

#endif

#define AF_PHILOX_BLOCKS (AF_PHILOX_LANES * AF_PHILOX_GROUPS)

/* word[j][g]: word j of the AF_PHILOX_LANES counters of group g. */
typedef struct {
    AF_FN(af_vector) word[4][AF_PHILOX_GROUPS];
} AF_FN(af_philox_words);

/* The ten rounds, in place: counters in, words out. */
AF_INLINE void AF_FN(af_philox_rounds)(AF_FN(af_philox_words) *w, uint64_t key) {
    const AF_FN(af_vector) m0 = AF_FN(af_broadcast)(AF_PHILOX_M0), m1 = AF_FN(af_broadcast)(AF_PHILOX_M1);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < AF_PHILOX_ROUNDS; ++round) {
        const AF_FN(af_vector) key0 = AF_FN(af_broadcast)(k0), key1 = AF_FN(af_broadcast)(k1);
#pragma GCC unroll 4
        for (int g = 0; g < AF_PHILOX_GROUPS; ++g) {
            const AF_FN(af_vector) p0 = AF_FN(af_multiply)(w->word[0][g], m0);
            const AF_FN(af_vector) p1 = AF_FN(af_multiply)(w->word[2][g], m1);
            w->word[0][g] = AF_FN(af_xor3)(AF_FN(af_high)(p1), w->word[1][g], key0);
            w->word[2][g] = AF_FN(af_xor3)(AF_FN(af_high)(p0), w->word[3][g], key1);
            w->word[1][g] = p1;
            w->word[3][g] = p0;
        }
        k0 += AF_PHILOX_W0;
        k1 += AF_PHILOX_W1;
    }
}

/* numbers + g AF_PHILOX_LANES: a constant, so that counters of all groups come from one broadcast. */
AF_INLINE AF_FN(af_vector) AF_FN(af_group_numbers)(AF_FN(af_vector) numbers, int g) {
    return AF_FN(af_add)(numbers, AF_FN(af_broadcast)((uint64_t)(g * AF_PHILOX_LANES)));
}

/* Words of AF_PHILOX_BLOCKS consecutive blocks of one replicate; block_low is a multiple of AF_PHILOX_BLOCKS. Group g
 * holds blocks block_low + g AF_PHILOX_LANES and on, in the lane order that the stores below expect. */
AF_INLINE void AF_FN(af_philox_blocks)(AF_FN(af_philox_words) *w, uint64_t key, uint64_t replicate,
                                       uint32_t block_high, uint32_t block_low) {
    const AF_FN(af_vector) first = AF_FN(af_broadcast)(block_low);
#pragma GCC unroll 4
    for (int g = 0; g < AF_PHILOX_GROUPS; ++g) {
        w->word[0][g] = AF_FN(af_add)(first, AF_FN(af_group_numbers)(AF_FN(af_stream_lane_numbers)(), g));
        w->word[1][g] = AF_FN(af_broadcast)(block_high);
        w->word[2][g] = AF_FN(af_broadcast)((uint32_t)replicate);
        w->word[3][g] = AF_FN(af_broadcast)(replicate >> 32);
    }
    AF_FN(af_philox_rounds)(w, key);
}

/* Words of one block of AF_PHILOX_BLOCKS consecutive replicates; replicate_low is a multiple of AF_PHILOX_BLOCKS. Lane
 * l of group g belongs to replicate_low + g AF_PHILOX_LANES + l. */
AF_INLINE void AF_FN(af_philox_replicates)(AF_FN(af_philox_words) *w, uint64_t key, uint32_t replicate_high,
                                           uint32_t replicate_low, uint64_t block) {
    const AF_FN(af_vector) first = AF_FN(af_broadcast)(replicate_low);
#pragma GCC unroll 4
    for (int g = 0; g < AF_PHILOX_GROUPS; ++g) {
        w->word[0][g] = AF_FN(af_broadcast)((uint32_t)block);
        w->word[1][g] = AF_FN(af_broadcast)(block >> 32);
        w->word[2][g] = AF_FN(af_add)(first, AF_FN(af_group_numbers)(AF_FN(af_lane_numbers)(), g));
        w->word[3][g] = AF_FN(af_broadcast)(replicate_high);
    }
    AF_FN(af_philox_rounds)(w, key);
}

/* Minimum of the four words of every lane of group g: one operation per vector. */
AF_INLINE AF_FN(af_vector) AF_FN(af_minimum_group)(const AF_FN(af_philox_words) *w, int g) {
    return AF_FN(af_minimum_u32)(AF_FN(af_minimum_u32)(w->word[0][g], w->word[1][g]),
                                 AF_FN(af_minimum_u32)(w->word[2][g], w->word[3][g]));
}

/* Minimum over groups as well: 4 AF_PHILOX_BLOCKS words come down to one vector. */
AF_INLINE AF_FN(af_vector) AF_FN(af_minimum_words)(const AF_FN(af_philox_words) *w) {
    AF_FN(af_vector) minimum = AF_FN(af_minimum_group)(w, 0);
#pragma GCC unroll 4
    for (int g = 1; g < AF_PHILOX_GROUPS; ++g)
        minimum = AF_FN(af_minimum_u32)(minimum, AF_FN(af_minimum_group)(w, g));
    return minimum;
}

/* Smallest low half of the lanes. */
AF_INLINE uint32_t AF_FN(af_minimum_lanes)(AF_FN(af_vector) a) {
    uint64_t lane[AF_PHILOX_LANES];
    AF_FN(af_store_lanes)(lane, a);
    uint32_t minimum = (uint32_t)lane[0];
    for (int l = 1; l < AF_PHILOX_LANES; ++l) minimum = (uint32_t)lane[l] < minimum ? (uint32_t)lane[l] : minimum;
    return minimum;
}

/* What a block becomes in memory. */
#ifndef AF_DRAWS
#define AF_DRAWS
enum { AF_WORDS_U32, AF_WORDS_U64, AF_UNIFORMS_F32, AF_UNIFORMS_F64 };
AF_INLINE int af_is_64_bit(int kind) { return kind == AF_WORDS_U64 || kind == AF_UNIFORMS_F64; }
AF_INLINE int af_draws_per_block(int kind) { return af_is_64_bit(kind) ? 2 : 4; }
AF_INLINE ptrdiff_t af_draw_bytes(int kind) { return af_is_64_bit(kind) ? 8 : 4; }

/* out[i] = draw i (of 4 or 2) of a block. */
AF_INLINE void af_store_draw(int kind, void *out, ptrdiff_t at, const uint32_t word[4], int i) {
    switch (kind) {
        case AF_WORDS_U32: ((uint32_t *)out)[at] = word[i]; break;
        case AF_UNIFORMS_F32: ((float *)out)[at] = af_uniform_f32(word[i]); break;
        case AF_WORDS_U64: ((uint64_t *)out)[at] = af_word64(word[2 * i], word[2 * i + 1]); break;
        default: ((double *)out)[at] = af_uniform_f64(af_word64(word[2 * i], word[2 * i + 1]));
    }
}
#endif

/* Write the AF_PHILOX_BLOCKS blocks of af_philox_blocks in stream order, 16 bytes each. `kind` is a constant at every
 * call: the branches disappear. */
#if AF_SIMD_STORES
AF_INLINE void AF_FN(af_philox_store)(int kind, void *out, const AF_FN(af_philox_words) *w) {
    /* 64-bit draws have their first word high: swap the words of each pair (little-endian). */
    const int swap = af_is_64_bit(kind);
#pragma GCC unroll 4
    for (int g = 0; g < AF_PHILOX_GROUPS; ++g) {
        const AF_FN(af_vector) front = AF_FN(af_even_words)(w->word[swap][g], w->word[1 - swap][g]);
        const AF_FN(af_vector) back = AF_FN(af_even_words)(w->word[2 + swap][g], w->word[3 - swap][g]);
        AF_FN(af_vector) half[2] = {AF_FN(af_even_words)(front, back), AF_FN(af_odd_words)(front, back)};
#pragma GCC unroll 2
        for (int h = 0; h < 2; ++h) {
            if (kind == AF_UNIFORMS_F32) half[h] = AF_FN(af_to_uniform_f32)(half[h]);
            if (kind == AF_UNIFORMS_F64) half[h] = AF_FN(af_to_uniform_f64)(half[h]);
            AF_STORE_VECTOR((char *)out + (2 * g + h) * AF_VECTOR_BYTES, half[h]);
        }
    }
}
#undef AF_STORE_VECTOR
#else
AF_INLINE void AF_FN(af_philox_store)(int kind, void *out, const AF_FN(af_philox_words) *w) {
    const int draws = af_draws_per_block(kind);
    for (int b = 0; b < AF_PHILOX_BLOCKS; ++b) {
        uint32_t word[4];
        for (int j = 0; j < 4; ++j) word[j] = (uint32_t)w->word[j][b / AF_PHILOX_LANES].lane[b % AF_PHILOX_LANES];
        for (int i = 0; i < draws; ++i) af_store_draw(kind, out, b * draws + i, word, i);
    }
}
#endif
#undef AF_SIMD_STORES
#endif /* not CUDA */
