/* seed.h -- the key of a random stream from an integer seed, as NumPy's SeedSequence makes it:
 *
 *     SeedSequence(entropy, spawn_key=(purpose,)).generate_state(1, uint64)
 *
 * whose algorithm NumPy keeps for compatibility (NEP 19). Reference: M. E. O'Neill, "Developing a seed_seq alternative",
 * pcg-random.org (2015); numpy/random/bit_generator.pyx. */
#ifndef AF_SEED_H
#define AF_SEED_H
#include <stdint.h>

#define AF_SEED_POOL 4

/* `constant` changes by `factor` from word to word. */
static inline uint32_t af_seed_hash(uint32_t value, uint32_t *constant, uint32_t factor) {
    value ^= *constant;
    *constant *= factor;
    value *= *constant;
    return value ^ value >> 16;
}

static inline uint32_t af_seed_mix(uint32_t x, uint32_t y) {
    const uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
    return mixed ^ mixed >> 16;
}

static inline uint64_t af_seed_key(uint64_t entropy, uint32_t purpose) {
    const uint32_t words[AF_SEED_POOL] = {(uint32_t)entropy, (uint32_t)(entropy >> 32), 0, 0};
    uint32_t pool[AF_SEED_POOL], constant = 0x43b0d7e5u;
    for (int i = 0; i < AF_SEED_POOL; ++i) pool[i] = af_seed_hash(words[i], &constant, 0x931e8875u);
    for (int from = 0; from < AF_SEED_POOL; ++from)
        for (int to = 0; to < AF_SEED_POOL; ++to)
            if (from != to) pool[to] = af_seed_mix(pool[to], af_seed_hash(pool[from], &constant, 0x931e8875u));
    for (int to = 0; to < AF_SEED_POOL; ++to)
        pool[to] = af_seed_mix(pool[to], af_seed_hash(purpose, &constant, 0x931e8875u));
    constant = 0x8b51f9ddu;
    const uint32_t low = af_seed_hash(pool[0], &constant, 0x58f38dedu);
    return (uint64_t)af_seed_hash(pool[1], &constant, 0x58f38dedu) << 32 | low;
}
#endif
