/* af_sort.h -- stable ascending argsort of 64-bit keys, and the order-preserving key of a float.
 *
 * The keys of one call share most of their leading bits (rewards of one sign and a few binades) and often their
 * trailing ones (float32 values, integers, rounded scores). So the significant bits are found first, and as many of
 * them as fit above the index are packed with it into one word; the words are sorted by least-significant-digit
 * radix passes over the key bits only, which keeps equal keys in the order of their indices. Keys that agree in all
 * packed bits form a run; a run is sorted in the same way by itself, where its own significant bits are fewer.
 * Every level consumes at least 32 bits, so there are at most two levels below the first.
 * Cost: about 5 passes over 8 bytes a key for 50 000 random doubles. No comparison of floats, no recursion on values.
 *
 * Plain integer code: the same for every instruction set, so it stands outside AF_FN. Fewer than 2^31 keys. */
#ifndef AF_SORT_H
#define AF_SORT_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define AF_SORT_SMALL 24 /* below this insertion is faster than one histogram */
#define AF_SORT_DIGIT 11 /* 2048 counters of 4 bytes: a quarter of a 32 KiB first-level cache */

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

/* Sort `words` by their bits [low, low + bits), stably; returns whichever of the two buffers holds the result. */
static uint64_t *af_sort_radix(ptrdiff_t n, uint64_t *words, uint64_t *other, int low, int bits) {
    uint32_t count[1 << AF_SORT_DIGIT];
    const int most = n < 4096 ? 8 : AF_SORT_DIGIT; /* few keys do not fill 2048 counters */
    const int passes = (bits + most - 1) / most;
    for (int pass = 0, done = 0; pass < passes; ++pass) {
        const int digit = (bits - done + passes - pass - 1) / (passes - pass);
        const int shift = low + done;
        const uint64_t mask = (UINT64_C(1) << digit) - 1;
        done += digit;
        memset(count, 0, sizeof count[0] << digit);
        for (ptrdiff_t i = 0; i < n; ++i) ++count[words[i] >> shift & mask];
        uint32_t total = 0;
        for (uint64_t d = 0; d <= mask; ++d) {
            const uint32_t here = count[d];
            count[d] = total;
            total += here;
        }
        for (ptrdiff_t i = 0; i < n; ++i) other[count[words[i] >> shift & mask]++] = words[i];
        uint64_t *swap = words;
        words = other;
        other = swap;
    }
    return words;
}

/* Put order[0..n), indices into `keys`, into ascending order of their keys; equal keys keep their order.
 * `a` and `b` are scratch of n words each. */
static void af_sort_indices(ptrdiff_t n, const uint64_t *keys, int32_t *order, uint64_t *a, uint64_t *b) {
    if (n <= AF_SORT_SMALL) {
        af_sort_insertion(n, keys, order);
        return;
    }
    uint64_t least = UINT64_MAX, greatest = 0;
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t key = keys[order[i]];
        least = key < least ? key : least;
        greatest = key > greatest ? key : greatest;
    }
    if (least == greatest) return;
    uint64_t differing = 0;
    for (ptrdiff_t i = 0; i < n; ++i) differing |= keys[order[i]] - least;
    int trailing = 0;
    while (!(differing >> trailing & 1)) ++trailing;
    const int index_bits = af_sort_width((uint64_t)(n - 1));
    const int width = af_sort_width(greatest - least) - trailing;
    const int packed = width < 64 - index_bits ? width : 64 - index_bits;
    const int drop = trailing + width - packed;
    /* The packed index is the place in `order`, not its value: it needs fewer bits and keeps the sort stable. */
    for (ptrdiff_t i = 0; i < n; ++i) a[i] = (keys[order[i]] - least) >> drop << index_bits | (uint64_t)i;
    uint64_t *sorted = af_sort_radix(n, a, b, index_bits, packed);
    int32_t *moved = (int32_t *)(sorted == a ? b : a);
    const uint64_t mask = (UINT64_C(1) << index_bits) - 1;
    for (ptrdiff_t i = 0; i < n; ++i) moved[i] = order[sorted[i] & mask];
    memcpy(order, moved, (size_t)n * sizeof *order);
    if (packed == width) return;
    for (ptrdiff_t first = 0; first < n;) {
        ptrdiff_t last = first + 1;
        const uint64_t prefix = (keys[order[first]] - least) >> drop;
        while (last < n && (keys[order[last]] - least) >> drop == prefix) ++last;
        if (last - first > 1) af_sort_indices(last - first, keys, order + first, a, b);
        first = last;
    }
}
#endif
