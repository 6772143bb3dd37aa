/* af_sort.h -- stable ascending argsort of 64-bit keys, sort of values, and the order-preserving key of a float.
 *
 * The keys of one call share many leading bits (rewards of one sign and a few binades) and often trailing ones
 * (float32 values, integers, rounded scores). So the significant bits are found first, and up to 33 of them are packed
 * above the index into one word; the words are sorted by up to three least-significant-digit radix passes over the key
 * bits, which keep equal keys in the order of their indices. Keys that agree in all packed bits form a run. 33 bits
 * tell nearly all of a few million spread-out rewards apart, so runs are short and insertion settles them; a long run
 * is sorted in the same way by itself, where its own significant bits are fewer: at most two levels below the first.
 *
 * Plain integer code: the same for every instruction set, so it stands outside AF_FN. Fewer than 2^31 keys. */
#ifndef AF_SORT_H
#define AF_SORT_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define AF_SORT_SMALL 24 /* below this insertion is the fastest */
#define AF_SORT_MERGED 192 /* below this merging is faster than clearing three histograms */
#define AF_SORT_DIGIT 11 /* three times 2048 counters of 4 bytes stay in the first-level cache */
#define AF_SORT_PASSES 3

/* Key whose unsigned order is the order of the numbers; -0.0 and +0.0 share one. NaN is the caller's business. */
static inline uint64_t af_sort_key_f64(double x) {
    uint64_t bits;
    x += 0.0; /* -0.0 + 0.0 is +0.0 */
    memcpy(&bits, &x, sizeof bits);
    return bits ^ (bits >> 63 ? UINT64_MAX : UINT64_C(1) << 63);
}

static inline double af_sort_key_value_f64(uint64_t key) {
    double x;
    key ^= key >> 63 ? UINT64_C(1) << 63 : UINT64_MAX;
    memcpy(&x, &key, sizeof x);
    return x;
}

static inline int af_sort_width(uint64_t x) {
    int width = 0;
    while (x) {
        x >>= 1;
        ++width;
    }
    return width;
}

static void af_sort_insertion(ptrdiff_t n, const uint64_t *keys, int32_t *order) {
    for (ptrdiff_t i = 1; i < n; ++i) {
        const int32_t index = order[i];
        ptrdiff_t j = i;
        for (; j > 0 && keys[order[j - 1]] > keys[index]; --j) order[j] = order[j - 1];
        order[j] = index;
    }
}

/* Runs of AF_SORT_SMALL by insertion, merged two by two; `spare` is as long as `order`. */
static void af_sort_merge(ptrdiff_t n, const uint64_t *keys, int32_t *order, int32_t *spare) {
    for (ptrdiff_t i = 0; i < n; i += AF_SORT_SMALL)
        af_sort_insertion(n - i < AF_SORT_SMALL ? n - i : AF_SORT_SMALL, keys, order + i);
    for (ptrdiff_t run = AF_SORT_SMALL; run < n; run *= 2)
        for (ptrdiff_t first = 0; first + run < n; first += 2 * run) {
            const ptrdiff_t middle = first + run, last = n - middle < run ? n : middle + run;
            ptrdiff_t i = 0, j = middle, out = first;
            memcpy(spare, order + first, (size_t)run * sizeof *order);
            while (i < run && j < last) order[out++] = keys[spare[i]] <= keys[order[j]] ? spare[i++] : order[j++];
            memcpy(order + out, spare + i, (size_t)(run - i) * sizeof *order); /* what is left of the second run is in place */
        }
}

/* Sort `words` by their bits [low, low + bits), stably; returns whichever of the two buffers holds the result. */
static uint64_t *af_sort_radix(ptrdiff_t n, uint64_t *words, uint64_t *other, int low, int bits) {
    uint32_t count[AF_SORT_PASSES][1 << AF_SORT_DIGIT];
    const int digit = (bits + AF_SORT_PASSES - 1) / AF_SORT_PASSES;
    const uint64_t mask = (UINT64_C(1) << digit) - 1;
    for (int pass = 0; pass < AF_SORT_PASSES; ++pass) memset(count[pass], 0, sizeof count[pass][0] << digit);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (int pass = 0; pass < AF_SORT_PASSES; ++pass) ++count[pass][words[i] >> (low + pass * digit) & mask];
    for (int pass = 0; pass < AF_SORT_PASSES; ++pass) {
        const int shift = low + pass * digit;
        uint32_t *place = count[pass], total = 0;
        if (place[words[0] >> shift & mask] == (uint64_t)n) continue; /* all in one bucket */
        for (uint64_t d = 0; d <= mask; ++d) {
            const uint32_t here = place[d];
            place[d] = total;
            total += here;
        }
        for (ptrdiff_t i = 0; i < n; ++i) other[place[words[i] >> shift & mask]++] = words[i];
        uint64_t *swap = words;
        words = other;
        other = swap;
    }
    return words;
}

/* How keys are packed above their place: (key - least) >> drop, in `packed` of `width` significant bits. */
typedef struct {
    uint64_t least;
    int index_bits, drop, packed, width;
} af_sort_packing;

/* From the ends of n keys, least < greatest, and the bits in which they differ; subtracting `least` leaves those below the
 * lowest of these 0. */
static inline af_sort_packing af_sort_packing_of(ptrdiff_t n, uint64_t least, uint64_t greatest, uint64_t differing) {
    int trailing = 0;
    while (!(differing >> trailing & 1)) ++trailing;
    const int width = af_sort_width(greatest - least) - trailing;
    const int packed = width < AF_SORT_PASSES * AF_SORT_DIGIT ? width : AF_SORT_PASSES * AF_SORT_DIGIT;
    const af_sort_packing how = {least, af_sort_width((uint64_t)(n - 1)), trailing + width - packed, packed, width};
    return how;
}

static void af_sort_indices(ptrdiff_t n, const uint64_t *keys, int32_t *order, uint64_t *a, uint64_t *b);

/* Settle the runs of keys that agree in all packed bits. `sorted` is whichever of `a` and `b` holds the packed words. */
static void af_sort_runs(ptrdiff_t n, const uint64_t *keys, int32_t *order, const uint64_t *sorted,
                         const af_sort_packing *how, uint64_t *a, uint64_t *b) {
    if (how->packed == how->width) return;
    ptrdiff_t longest = 1;
    for (ptrdiff_t first = 0, last; first < n; first = last) {
        for (last = first + 1; last < n && (sorted[first] ^ sorted[last]) >> how->index_bits == 0;) ++last;
        if (last - first > 1 && last - first <= AF_SORT_SMALL) af_sort_insertion(last - first, keys, order + first);
        longest = last - first > longest ? last - first : longest;
    }
    if (longest <= AF_SORT_SMALL) return;
    for (ptrdiff_t first = 0, last; first < n; first = last) { /* `sorted` is scratch from here on */
        const uint64_t prefix = (keys[order[first]] - how->least) >> how->drop;
        for (last = first + 1; last < n && (keys[order[last]] - how->least) >> how->drop == prefix;) ++last;
        if (last - first > AF_SORT_SMALL) af_sort_indices(last - first, keys, order + first, a, b);
    }
}

/* Put order[0..n), indices into `keys`, into ascending order of their keys; equal keys keep their order.
 * `a` and `b` are scratch of n words each. */
static void af_sort_indices(ptrdiff_t n, const uint64_t *keys, int32_t *order, uint64_t *a, uint64_t *b) {
    if (n <= AF_SORT_SMALL) {
        af_sort_insertion(n, keys, order);
        return;
    }
    if (n <= AF_SORT_MERGED) {
        af_sort_merge(n, keys, order, (int32_t *)a);
        return;
    }
    const uint64_t some = keys[order[0]];
    uint64_t least = some, greatest = some, differing = 0;
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t key = keys[order[i]];
        least = key < least ? key : least;
        greatest = key > greatest ? key : greatest;
        differing |= key ^ some;
    }
    if (least == greatest) return;
    const af_sort_packing how = af_sort_packing_of(n, least, greatest, differing);
    /* The packed index is the place in `order`, not its value: it needs fewer bits and keeps the sort stable. */
    for (ptrdiff_t i = 0; i < n; ++i) a[i] = (keys[order[i]] - least) >> how.drop << how.index_bits | (uint64_t)i;
    const uint64_t *sorted = af_sort_radix(n, a, b, how.index_bits, how.packed);
    int32_t *moved = (int32_t *)(sorted == a ? b : a);
    const uint64_t mask = (UINT64_C(1) << how.index_bits) - 1;
    for (ptrdiff_t i = 0; i < n; ++i) moved[i] = order[sorted[i] & mask];
    memcpy(order, moved, (size_t)n * sizeof *order);
    af_sort_runs(n, keys, order, sorted, &how, a, b);
}

/* order[0..n) = the indices of `keys` in ascending order of these, equal ones in ascending order themselves; as
 * af_sort_indices of 0, 1, ..., without a gather. */
static inline void af_sort_order(ptrdiff_t n, const uint64_t *keys, int32_t *order, uint64_t *a, uint64_t *b) {
    uint64_t least = UINT64_MAX, greatest = 0, differing = 0;
    for (ptrdiff_t i = 0; i < n; ++i) {
        least = keys[i] < least ? keys[i] : least;
        greatest = keys[i] > greatest ? keys[i] : greatest;
        differing |= keys[i] ^ keys[0];
    }
    if (n <= AF_SORT_MERGED || least == greatest) {
        for (ptrdiff_t i = 0; i < n; ++i) order[i] = (int32_t)i;
        if (n > 1 && least != greatest) af_sort_indices(n, keys, order, a, b);
        return;
    }
    const af_sort_packing how = af_sort_packing_of(n, least, greatest, differing);
    for (ptrdiff_t i = 0; i < n; ++i) a[i] = (keys[i] - least) >> how.drop << how.index_bits | (uint64_t)i;
    const uint64_t *sorted = af_sort_radix(n, a, b, how.index_bits, how.packed);
    const uint64_t mask = (UINT64_C(1) << how.index_bits) - 1;
    for (ptrdiff_t i = 0; i < n; ++i) order[i] = (int32_t)(sorted[i] & mask);
    af_sort_runs(n, keys, order, sorted, &how, a, b);
}

/* Put n keys into ascending order: by radix the leading bits in which they differ, in the same way those few that agree
 * in all of these. `spare` is scratch of n words. */
static void af_sort_keys(ptrdiff_t n, uint64_t *keys, uint64_t *spare) {
    if (n <= AF_SORT_SMALL) {
        for (ptrdiff_t i = 1; i < n; ++i) {
            const uint64_t key = keys[i];
            ptrdiff_t j = i;
            for (; j > 0 && keys[j - 1] > key; --j) keys[j] = keys[j - 1];
            keys[j] = key;
        }
        return;
    }
    uint64_t least = keys[0], greatest = keys[0];
    for (ptrdiff_t i = 1; i < n; ++i) {
        least = keys[i] < least ? keys[i] : least;
        greatest = keys[i] > greatest ? keys[i] : greatest;
    }
    if (least == greatest) return;
    const int width = af_sort_width(greatest - least), most = AF_SORT_PASSES * AF_SORT_DIGIT;
    const int low = width > most ? width - most : 0;
    for (ptrdiff_t i = 0; i < n; ++i) keys[i] -= least;
    const uint64_t *sorted = af_sort_radix(n, keys, spare, low, width - low);
    for (ptrdiff_t i = 0; i < n; ++i) keys[i] = sorted[i] + least;
    for (ptrdiff_t first = 0, last; low && first < n; first = last) {
        const uint64_t prefix = (keys[first] - least) >> low;
        for (last = first + 1; last < n && (keys[last] - least) >> low == prefix;) ++last;
        af_sort_keys(last - first, keys + first, spare);
    }
}

/* Put n values into ascending order, -0.0 as +0.0; NaN is the caller's business. `scratch` is 2 n words. */
static inline void af_sort_values(ptrdiff_t n, double *values, uint64_t *scratch) {
    for (ptrdiff_t i = 0; i < n; ++i) scratch[i] = af_sort_key_f64(values[i]);
    af_sort_keys(n, scratch, scratch + n);
    for (ptrdiff_t i = 0; i < n; ++i) values[i] = af_sort_key_value_f64(scratch[i]);
}
#endif
