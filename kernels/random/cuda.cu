/* CUDA kernels of random: draws of a stream into an array, with the bits of every instruction set of the processor.
 *
 * A thread makes one block of four words of one replicate, and writes its two or four draws as one store of 16 bytes
 * where they lie so, one by one at the ends of a row. Bound: memory, 1 e12 float32 a second at 4 TB/s. */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_math.h"
#include "alignment_fast/af_random.h"
#include "random/formulas.h"

struct words_u32 {
    typedef uint32_t draw;
    static __device__ void make(const uint32_t *w, uint32_t *out) {
        for (int i = 0; i < 4; ++i) out[i] = w[i];
    }
};
struct words_u64 {
    typedef uint64_t draw;
    static __device__ void make(const uint32_t *w, uint64_t *out) {
        for (int i = 0; i < 2; ++i) out[i] = af_word64(w[2 * i], w[2 * i + 1]);
    }
};
struct uniforms_f32 {
    typedef float draw;
    static __device__ void make(const uint32_t *w, float *out) {
        for (int i = 0; i < 4; ++i) out[i] = af_uniform_f32(w[i]);
    }
};
struct uniforms_f64 {
    typedef double draw;
    static __device__ void make(const uint32_t *w, double *out) {
        for (int i = 0; i < 2; ++i) out[i] = af_uniform_f64(af_word64(w[2 * i], w[2 * i + 1]));
    }
};
struct normals_f32 {
    typedef float draw;
    static __device__ void make(const uint32_t *w, float *out) {
        for (int i = 0; i < 4; ++i) out[i] = normal_of_word(w[i]);
    }
};
struct normals_f64 {
    typedef double draw;
    static __device__ void make(const uint32_t *w, double *out) {
        for (int i = 0; i < 2; ++i) out[i] = af_normal_ppf_rn_f64(af_uniform_f64(af_word64(w[2 * i], w[2 * i + 1])));
    }
};

/* Draws draw .. draw + n - 1 of replicates replicate .. replicate + rows - 1; n > 0. */
template <class kind>
AF_INLINE void fill(uint64_t key, uint64_t replicate, uint64_t draw, int64_t rows, int64_t n, typename kind::draw *out) {
    enum { DRAWS = 16 / sizeof(typename kind::draw) };
    const uint64_t first = draw / DRAWS;
    const int64_t pieces = (int64_t)((draw + (uint64_t)n - 1) / DRAWS - first) + 1;
    AF_EACH(i, rows * pieces) {
        const int64_t row = rows == 1 ? 0 : i / pieces, piece = i - row * pieces;
        const int64_t at = piece * DRAWS - (int64_t)(draw % DRAWS); /* of the block's first draw, in its row */
        uint32_t word[4];
        af_philox_block(key, replicate + (uint64_t)row, first + (uint64_t)piece, word);
        union {
            typename kind::draw draws[DRAWS];
            uint4 whole;
        } made;
        kind::make(word, made.draws);
        typename kind::draw *to = out + row * n + at;
        if (at >= 0 && at + DRAWS <= n && (uint64_t)to % 16 == 0)
            *(uint4 *)to = made.whole;
        else
            for (int j = 0; j < DRAWS; ++j)
                if (at + j >= 0 && at + j < n) to[j] = made.draws[j];
    }
}

#define FILL(kind) \
    AF_KERNEL(fill_##kind)(uint64_t key, uint64_t replicate, uint64_t draw, int64_t rows, int64_t n, kind::draw *out) { \
        fill<kind>(key, replicate, draw, rows, n, out); \
    }
FILL(words_u32)
FILL(words_u64)
FILL(uniforms_f32)
FILL(uniforms_f64)
FILL(normals_f32)
FILL(normals_f64)
