/* CUDA kernels of best_of_n: which draw is the best, and from its word to the reward.
 *
 * The best draw (simulation.inc): draw d of replicate r is the 64-bit word high 2^32 + low, the high word from the stream of
 * draws, the low one from that of ties; the best draw has the smallest word. Low words are made only where the high word
 * is the smallest. Integers alone: the same bits as on the processor, for any cut into tasks.
 *
 * In the loop a thread keeps nothing but the smallest high word: ten rounds of two products and two exclusive ors, and four
 * minima, are 44 instructions for four draws. Who had the smallest word is found afterwards: the warp goes once more, all
 * lanes together, over the blocks of each lane that has it, a thirty-second of the work. Round keys come with the
 * arguments, in constant memory. Bound: 11 instructions a draw. */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_lanes.h"
#include "alignment_fast/af_math.h"
#include "alignment_fast/af_random.h"
#include "best_of_n/formulas.h"

#define LARGEST 0xffffffffu

/* Keys of the ten rounds for the stream of draws, and the key of the stream of ties. */
typedef struct {
    uint32_t low[AF_PHILOX_ROUNDS], high[AF_PHILOX_ROUNDS];
    uint64_t ties;
} stream_keys;

typedef struct {
    uint32_t word[4];
} four_words;

AF_INLINE four_words rounds(const stream_keys &keys, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
#pragma unroll
    for (int r = 0; r < AF_PHILOX_ROUNDS; ++r) {
        const uint64_t p0 = (uint64_t)AF_PHILOX_M0 * c0, p1 = (uint64_t)AF_PHILOX_M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ keys.low[r];
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ keys.high[r];
        c3 = (uint32_t)p0;
    }
    return {{c0, c1, c2, c3}};
}

AF_INLINE four_words words_of(const stream_keys &keys, uint64_t replicate, uint64_t block) {
    return rounds(keys, (uint32_t)block, (uint32_t)(block >> 32), (uint32_t)replicate, (uint32_t)(replicate >> 32));
}

AF_INLINE uint32_t smallest_of(const four_words &w) { return min(min(w.word[0], w.word[1]), min(w.word[2], w.word[3])); }

/* The same of a block that may lie partly outside of [start, stop). */
AF_INLINE uint32_t smallest_inside(const stream_keys &keys, uint64_t replicate, uint64_t block, uint64_t start, uint64_t stop) {
    const four_words w = words_of(keys, replicate, block);
    uint32_t smallest = LARGEST;
    for (int j = 0; j < 4; ++j)
        if (start <= 4 * block + j && 4 * block + j < stop) smallest = min(smallest, w.word[j]);
    return smallest;
}

/* The smallest 64-bit word among those draws of a block whose high word is `high`, or `least` if that is smaller. */
AF_INLINE uint64_t completed(const stream_keys &keys, uint64_t replicate, uint64_t block, uint64_t start, uint64_t stop,
                             uint32_t high, uint64_t least) {
    const four_words w = words_of(keys, replicate, block);
    if (smallest_of(w) > high) return least;
    uint32_t low[4];
    af_philox_block(keys.ties, replicate, block, low);
    for (int j = 0; j < 4; ++j)
        if (w.word[j] == high && start <= 4 * block + j && 4 * block + j < stop) {
            const uint64_t word = af_word64(high, low[j]);
            least = word < least ? word : least;
        }
    return least;
}

/* Smallest high word of blocks first, first + 32, ... below `last`, all of them whole; `last - first` fits 32 bits. */
AF_INLINE uint32_t smallest_high(const stream_keys &keys, uint64_t replicate, uint64_t first, uint64_t last) {
    const uint32_t c2 = (uint32_t)replicate, c3 = (uint32_t)(replicate >> 32);
    uint32_t smallest = LARGEST;
    while (first < last) {
        const uint32_t high = (uint32_t)(first >> 32), low = (uint32_t)first;
        const uint64_t end = last >> 32 == high ? last : ((uint64_t)high + 1) << 32; /* where the low word carries */
        const uint32_t steps = (uint32_t)((end - first + AF_WARP - 1) / AF_WARP);
#pragma unroll 8 /* keys are loaded, and the loop ends, once for 32 draws: half an instruction a draw */
        for (uint32_t s = 0; s < steps; ++s)
            smallest = min(smallest, smallest_of(rounds(keys, low + s * AF_WARP, high, c2, c3)));
        first += (uint64_t)steps * AF_WARP;
    }
    return smallest;
}

/* Lower winner[r] to the smallest word of draws start .. stop - 1 of replicate `replicate` + r. A task is a warp, and
 * `length` blocks of one replicate. An outdated winner costs one check too many. */
AF_KERNEL(fold_winners)(stream_keys keys, uint64_t start, uint64_t stop, uint64_t replicate, uint64_t length, int64_t pieces,
                        int64_t replicates, unsigned long long *winner) {
    const uint64_t end = (stop - 1) / 4 + 1;
    const int lane = af_lane();
    AF_EACH_WARP(task, replicates * pieces) {
        const int64_t r = task / pieces;
        const uint64_t name = replicate + (uint64_t)r, begin = start / 4 + (uint64_t)(task - r * pieces) * length;
        const uint64_t last = begin + length < end ? begin + length : end;
        /* The first and the last block may be cut; lanes 0 and 1 take them. */
        const uint64_t whole_from = 4 * begin < start ? begin + 1 : begin, whole_to = 4 * last > stop ? last - 1 : last;
        uint32_t mine = smallest_high(keys, name, whole_from + lane, whole_to);
        if (lane == 0 && whole_from != begin) mine = min(mine, smallest_inside(keys, name, begin, start, stop));
        if (lane == 1 && whole_to != last) mine = min(mine, smallest_inside(keys, name, last - 1, start, stop));
        const uint32_t high = __reduce_min_sync(AF_ALL_LANES, mine);
        /* By a vote: another warp may lower the winner while the lanes of this one read it. */
        if (__all_sync(AF_ALL_LANES, high > (uint32_t)(winner[r] >> 32))) continue;
        uint64_t best = ~UINT64_C(0);
        for (uint32_t holders = __ballot_sync(AF_ALL_LANES, mine == high); holders; holders &= holders - 1) {
            const int holder = __ffs(holders) - 1;
            for (uint64_t block = whole_from + holder + (uint64_t)lane * AF_WARP; block < whole_to; block += AF_WARP * AF_WARP)
                best = completed(keys, name, block, start, stop, high, best);
        }
        if (lane == 0 && whole_from != begin) best = completed(keys, name, begin, start, stop, high, best);
        if (lane == 1 && whole_to != last) best = completed(keys, name, last - 1, start, stop, high, best);
        if (best != ~UINT64_C(0)) atomicMin(winner + r, (unsigned long long)best);
    }
}

/* The same with a thread for each replicate, for too few draws to occupy a warp. */
AF_KERNEL(fold_short_winners)(stream_keys keys, uint64_t start, uint64_t stop, uint64_t replicate, int64_t replicates,
                              unsigned long long *winner) {
    const uint64_t begin = start / 4, end = (stop - 1) / 4 + 1;
    AF_EACH(r, replicates) {
        const uint64_t name = replicate + (uint64_t)r;
        uint64_t best = winner[r], where = begin;
        uint32_t high = LARGEST;
        int tied = 0;
        for (uint64_t block = begin; block < end; ++block) {
            const int is_cut = 4 * block < start || 4 * block + 4 > stop;
            const uint32_t smallest =
                is_cut ? smallest_inside(keys, name, block, start, stop) : smallest_of(words_of(keys, name, block));
            tied = smallest < high ? 0 : tied | (smallest == high);
            where = smallest < high ? block : where;
            high = min(high, smallest);
        }
        if (high > (uint32_t)(best >> 32)) continue;
        for (uint64_t block = where; block < (tied ? end : where + 1); ++block)
            best = completed(keys, name, block, start, stop, high, best);
        winner[r] = best;
    }
}

/* ---- from winners to rewards ---- */

AF_KERNEL(word_tails)(int64_t n, const uint64_t *winner, double *tail) {
    AF_EACH(i, n) tail[i] = word_tail(winner[i]);
}

/* exponent[r] = min(exponent[r], -log(u) / size), u the float64 uniform `draw` of replicate `replicate` + r; then its tail
 * probability. A size of 0 leaves the exponent alone. */
AF_KERNEL(exponent_tails)(uint64_t key, uint64_t replicate, uint64_t draw, double size, int64_t n, double *exponent,
                          double *tail) {
    AF_EACH(r, n) {
        double least = exponent[r];
        if (size > 0.0) {
            uint32_t word[4];
            af_philox_block(key, replicate + (uint64_t)r, draw / 2, word);
            const double uniform = af_uniform_f64(draw % 2 ? af_word64(word[2], word[3]) : af_word64(word[0], word[1]));
            const double mine = -af_log_rn_f64(uniform) / size;
            least = mine < least ? mine : least;
            exponent[r] = least;
        }
        tail[r] = exponent_tail(least);
    }
}

AF_KERNEL(gaussian_rewards)(int64_t n, const double *tail, double mean, double std, double *reward) {
    AF_EACH(i, n) reward[i] = gaussian_reward(tail[i], mean, std);
}

AF_KERNEL(uniform_rewards)(int64_t n, const double *tail, double *reward) {
    AF_EACH(i, n) reward[i] = uniform_reward(tail[i]);
}

AF_KERNEL(table_rewards)(int64_t n, const double *tail, int64_t size, const double *ladder, const double *value,
                         double *reward) {
    AF_EACH(i, n) reward[i] = table_reward(tail[i], size, ladder, value);
}

#include "best_of_n/cuda_pool.inc"
#include "best_of_n/cuda_law.inc"
#include "best_of_n/cuda_law_atoms.inc"
#include "best_of_n/cuda_aligned.inc"
#include "best_of_n/cuda_pool_variances.inc" /* last: AF_EACH is another one there */
