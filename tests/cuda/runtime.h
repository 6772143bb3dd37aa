/* What PTX instructions do, one C function for each, and how the threads of a block take turns. Registers hold bits.
 *
 * A thread that waits, for its block or for lanes of its warp, is a fiber of its own; blocks run one after the other. An
 * access outside of all arrays, and threads that wait for each other for ever, end the launch with a message. `.approx`
 * instructions give results that are off by what NVIDIA's documentation allows: a bound must hold for those. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { READY, AT_BARRIER, AT_WARP, ENDED };
enum { FIBER_STACK = 1 << 18, LANES = 32, MOST_PARAMETERS = 4096 };

typedef struct {
    uint32_t grid[3], block[3];
    uint64_t shared; /* dynamic */
    const uint8_t *parameters;
    int32_t order;   /* of threads: 0 forward, 1 backward, else the seed of a permutation, anew for each turn */
    int32_t n_arrays;
    const uint64_t *arrays; /* first byte and end of each */
} launch_request;

typedef struct block block;
typedef struct {
    uint32_t tid[3], ctaid[3], flat, mask, site; /* site: which instruction lanes meet at */
    int state, started;
    uint64_t given, received[LANES];
    block *home;
    ucontext_t first;
    jmp_buf at;
} thread;
struct block {
    const launch_request *request;
    thread *threads;
    uint32_t n;
    uint8_t *shared;
    uint64_t shared_size;
    jmp_buf scheduler;
    void (*body)(thread *, const uint8_t *);
};

static char failure[256];
static __thread const uint64_t *last_array;

static void __attribute__((noreturn)) fail(thread *t, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(failure, sizeof failure, format, values);
    va_end(values);
    _longjmp(t->home->scheduler, 2);
}

/* ---- memory ---- */

static int is_variable(uint64_t address, uint64_t size);

static uint8_t *global_at(thread *t, uint64_t address, uint64_t size) {
    const launch_request *request = t->home->request;
    const uint64_t *array = last_array;
    if (address % size) fail(t, "access to %d bytes at an address that they do not divide", (int)size);
    if (array && address >= array[0] && address + size <= array[1]) return (uint8_t *)address;
    for (int i = 0; i < request->n_arrays; ++i) {
        array = request->arrays + 2 * i;
        if (address >= array[0] && address + size <= array[1]) {
            last_array = array;
            return (uint8_t *)address;
        }
    }
    if (!is_variable(address, size)) fail(t, "access to %d bytes outside of every array", (int)size);
    return (uint8_t *)address;
}
static uint8_t *shared_at(thread *t, uint64_t offset, uint64_t size) {
    if (offset % size || offset + size > t->home->shared_size) fail(t, "access to %d bytes outside of shared memory", (int)size);
    return t->home->shared + offset;
}
static uint8_t *generic_at(thread *t, uint64_t address, uint64_t size, const uint8_t *local, uint64_t local_size) {
    const uint64_t own = (uint64_t)local, shared = (uint64_t)t->home->shared;
    const uint64_t parameters = (uint64_t)t->home->request->parameters;
    if (address >= parameters && address + size <= parameters + MOST_PARAMETERS) return (uint8_t *)address;
    if (address >= own && address + size <= own + local_size) return (uint8_t *)address;
    if (address >= shared && address + size <= shared + t->home->shared_size) return (uint8_t *)address;
    const uint64_t stack = (uint64_t)t->first.uc_stack.ss_sp; /* local memory of the functions that called this one */
    if (stack && address >= stack && address + size <= stack + FIBER_STACK) return (uint8_t *)address;
    return global_at(t, address, size);
}
#define LOAD(N) static uint##N##_t load##N(const uint8_t *at) { uint##N##_t x; memcpy(&x, at, sizeof x); return x; } \
    static void store##N(uint8_t *at, uint##N##_t x) { memcpy(at, &x, sizeof x); }
LOAD(8) LOAD(16) LOAD(32) LOAD(64)

/* ---- waiting ---- */

static void wait_as(thread *t, int state) {
    t->state = state;
    if (!_setjmp(t->at)) _longjmp(t->home->scheduler, 1);
}
static void barrier(thread *t) { wait_as(t, AT_BARRIER); }
static void exchange(thread *t, uint32_t mask, uint64_t value) {
    if (!(mask >> (t->flat % LANES) & 1)) fail(t, "a lane that its own mask leaves out");
    t->mask = mask;
    t->given = value;
    wait_as(t, AT_WARP);
}

enum { UP, DOWN, BFLY, IDX };
static uint32_t shuffle(thread *t, int mode, uint32_t value, uint32_t by, uint32_t clamp, uint32_t mask, uint8_t *inside) {
    exchange(t, mask, value);
    const int lane = t->flat % LANES, segment = clamp >> 8 & 31, limit = clamp & 31;
    const int highest = (lane & segment) | (limit & ~segment), lowest = lane & segment, b = by & 31;
    const int from = mode == UP ? lane - b : mode == DOWN ? lane + b : mode == BFLY ? lane ^ b : lowest | (b & ~segment);
    const int ok = mode == UP ? from >= highest : from <= highest;
    if (inside) *inside = (uint8_t)ok;
    if (ok && !(mask >> from & 1)) fail(t, "a shuffle from a lane that takes no part");
    return (uint32_t)t->received[ok ? from : lane];
}
static uint32_t ballot(thread *t, int vote, uint32_t mask) {
    exchange(t, mask, (uint64_t)vote);
    uint32_t votes = 0;
    for (int l = 0; l < LANES; ++l) votes |= (uint32_t)(mask >> l & 1 && t->received[l]) << l;
    return votes;
}
#define REDUCED(name, T, expression) \
    static uint32_t name(thread *t, T mine, uint32_t mask) { \
        exchange(t, mask, (uint64_t)mine); \
        T all = mine; \
        for (int l = 0; l < LANES; ++l) if (mask >> l & 1) { const T x = (T)t->received[l]; all = expression; } \
        return (uint32_t)all; \
    }
REDUCED(redux_sync_min_u32, uint32_t, x < all ? x : all) REDUCED(redux_sync_max_u32, uint32_t, x > all ? x : all)
REDUCED(redux_sync_min_s32, int32_t, x < all ? x : all) REDUCED(redux_sync_max_s32, int32_t, x > all ? x : all)
REDUCED(redux_sync_or_b32, uint32_t, x | all) REDUCED(redux_sync_and_b32, uint32_t, x & all)

static void fiber(unsigned low, unsigned high) {
    thread *t = (thread *)((uintptr_t)high << 32 | low);
    t->home->body(t, t->home->request->parameters);
    t->state = ENDED;
    _longjmp(t->home->scheduler, 1);
}

static void resume(thread *t) {
    if (t->started) _longjmp(t->at, 1);
    t->started = 1;
    const uintptr_t address = (uintptr_t)t;
    makecontext(&t->first, (void (*)(void))fiber, 2, (unsigned)address, (unsigned)((uint64_t)address >> 32));
    setcontext(&t->first);
}

static void permute(uint32_t n, uint32_t *order, int32_t how, uint32_t *seed) {
    for (uint32_t i = 0; i < n; ++i) order[i] = how == 1 ? n - 1 - i : i;
    if (how > 1)
        for (uint32_t i = n - 1; i > 0; --i) {
            *seed = *seed * 1664525u + 1013904223u;
            const uint32_t j = (*seed >> 8) % (i + 1), kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
}

/* Let those lanes go on whose warp has what they wait for; -1 if they do not wait at the same instruction. */
static int release_warps(block *b) {
    int released = 0;
    for (uint32_t i = 0; i < b->n; ++i) {
        thread *t = b->threads + i, *warp = b->threads + i / LANES * LANES;
        int all = t->state == AT_WARP;
        for (uint32_t l = 0; all && l < LANES; ++l)
            if (t->mask >> l & 1) all = i / LANES * LANES + l < b->n && warp[l].state == AT_WARP && warp[l].mask == t->mask;
        if (!all) continue;
        const uint32_t mask = t->mask;
        for (uint32_t l = 0; l < LANES; ++l)
            if (mask >> l & 1 && warp[l].site != t->site) {
                snprintf(failure, sizeof failure, "lanes of a warp meet at different instructions");
                return -1;
            }
        for (uint32_t l = 0; l < LANES; ++l)
            for (uint32_t k = 0; mask >> l & 1 && k < LANES; ++k) warp[l].received[k] = mask >> k & 1 ? warp[k].given : 0xDEADBEEF;
        for (uint32_t l = 0; l < LANES; ++l) if (mask >> l & 1) warp[l].state = READY;
        released = 1;
    }
    return released;
}

static int run_fibers(block *b, uint32_t *order, uint32_t *seed) {
    for (;;) {
        volatile int moved = 0; /* kept across the jumps of fibers */
        uint32_t waiting = 0, left = 0;
        permute(b->n, order, b->request->order, seed);
        for (volatile uint32_t i = 0; i < b->n; ++i) {
            thread *t = b->threads + order[i];
            if (t->state != READY) continue;
            moved = 1;
            const int how = _setjmp(b->scheduler);
            if (how == 2) return 1;
            if (how == 0) resume(t);
        }
        const int released = release_warps(b);
        if (released < 0) return 1;
        moved |= released;
        for (uint32_t i = 0; i < b->n; ++i) {
            waiting += b->threads[i].state == AT_BARRIER;
            left += b->threads[i].state != ENDED;
        }
        if (!left) return 0;
        if (waiting == left)
            for (uint32_t i = 0; i < b->n; ++i) if (b->threads[i].state == AT_BARRIER) b->threads[i].state = READY;
        else if (!moved) {
            snprintf(failure, sizeof failure, "%u threads wait for each other for ever", left);
            return 1;
        }
    }
}

static int run_in_turn(block *b, const uint32_t *order) {
    for (volatile uint32_t i = 0; i < b->n; ++i) {
        if (_setjmp(b->scheduler)) return 1;
        b->body(b->threads + order[i], b->request->parameters);
    }
    return 0;
}

/* Run a kernel; NULL, or what went wrong. */
static const char *run_kernel(void (*body)(thread *, const uint8_t *), int waits, uint64_t shared, const launch_request *request) {
    block b = {.request = request, .body = body, .n = request->block[0] * request->block[1] * request->block[2]};
    b.shared_size = shared + request->shared;
    b.shared = aligned_alloc(128, (b.shared_size + 255) / 128 * 128);
    b.threads = calloc(b.n, sizeof *b.threads);
    uint8_t *stacks = waits ? malloc((size_t)FIBER_STACK * b.n) : NULL;
    uint32_t *order = malloc(sizeof *order * b.n), seed = (uint32_t)request->order;
    const uint64_t blocks = (uint64_t)request->grid[0] * request->grid[1] * request->grid[2];
    int bad = 0;
    last_array = NULL;
    for (uint64_t number = 0; number < blocks && !bad; ++number) {
        const uint64_t at = request->order == 1 ? blocks - 1 - number : number;
        memset(b.shared, 0xFF, b.shared_size);
        for (uint32_t i = 0; i < b.n; ++i) {
            thread *t = b.threads + i;
            t->flat = i;
            t->home = &b;
            t->state = READY;
            t->started = 0;
            t->tid[0] = i % request->block[0];
            t->tid[1] = i / request->block[0] % request->block[1];
            t->tid[2] = i / request->block[0] / request->block[1];
            t->ctaid[0] = (uint32_t)(at % request->grid[0]);
            t->ctaid[1] = (uint32_t)(at / request->grid[0] % request->grid[1]);
            t->ctaid[2] = (uint32_t)(at / request->grid[0] / request->grid[1]);
            if (!waits) continue;
            getcontext(&t->first);
            t->first.uc_stack.ss_sp = stacks + (size_t)FIBER_STACK * i;
            t->first.uc_stack.ss_size = FIBER_STACK;
        }
        if (!waits) permute(b.n, order, request->order, &seed);
        bad = waits ? run_fibers(&b, order, &seed) : run_in_turn(&b, order);
    }
    free(b.shared);
    free(b.threads);
    free(stacks);
    free(order);
    return bad ? failure : NULL;
}

/* ---- instructions ---- */

static float f32(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static double f64(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }
static uint32_t b32(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
static uint64_t b64(double x) { uint64_t bits; memcpy(&bits, &x, 8); return bits; }

#define ONE(name, T, R, e) static R name(T a) { return (R)(e); }
#define TWO(name, T, R, e) static R name(T a, T b) { return (R)(e); }
#define SIGNED(N) \
    TWO(min_s##N, int##N##_t, uint##N##_t, a < b ? a : b) TWO(max_s##N, int##N##_t, uint##N##_t, a > b ? a : b) \
    TWO(div_s##N, int##N##_t, uint##N##_t, a / b) TWO(rem_s##N, int##N##_t, uint##N##_t, a % b) \
    ONE(abs_s##N, int##N##_t, uint##N##_t, a < 0 ? 0 - (uint##N##_t)a : (uint##N##_t)a) \
    ONE(neg_s##N, uint##N##_t, uint##N##_t, 0 - a) \
    static uint##N##_t shr_s##N(int##N##_t a, uint32_t n) { return (uint##N##_t)(a >> (n < N ? n : N - 1)); }
#define COMPARED(N, S, T) \
    TWO(setp_eq_##S##N, T, uint8_t, a == b) TWO(setp_ne_##S##N, T, uint8_t, a != b) TWO(setp_lt_##S##N, T, uint8_t, a < b) \
    TWO(setp_le_##S##N, T, uint8_t, a <= b) TWO(setp_gt_##S##N, T, uint8_t, a > b) TWO(setp_ge_##S##N, T, uint8_t, a >= b)
#define ANY_SIGN(N, S) \
    TWO(add_##S##N, uint##N##_t, uint##N##_t, a + b) TWO(sub_##S##N, uint##N##_t, uint##N##_t, a - b) \
    TWO(mul_lo_##S##N, uint##N##_t, uint##N##_t, (uint64_t)a * b) \
    static uint##N##_t mad_lo_##S##N(uint##N##_t a, uint##N##_t b, uint##N##_t c) { return (uint##N##_t)((uint64_t)a * b + c); } \
    static uint##N##_t selp_##S##N(uint##N##_t a, uint##N##_t b, uint8_t p) { return p ? a : b; } \
    ONE(mov_##S##N, uint##N##_t, uint##N##_t, a)
#define BITS(N) \
    TWO(min_u##N, uint##N##_t, uint##N##_t, a < b ? a : b) TWO(max_u##N, uint##N##_t, uint##N##_t, a > b ? a : b) \
    TWO(div_u##N, uint##N##_t, uint##N##_t, a / b) TWO(rem_u##N, uint##N##_t, uint##N##_t, a % b) \
    TWO(and_b##N, uint##N##_t, uint##N##_t, a & b) TWO(or_b##N, uint##N##_t, uint##N##_t, a | b) \
    TWO(xor_b##N, uint##N##_t, uint##N##_t, a ^ b) ONE(not_b##N, uint##N##_t, uint##N##_t, ~a) \
    TWO(setp_eq_b##N, uint##N##_t, uint8_t, a == b) TWO(setp_ne_b##N, uint##N##_t, uint8_t, a != b) \
    static uint##N##_t shl_b##N(uint##N##_t a, uint32_t n) { return n < N ? (uint##N##_t)(a << n) : 0; } \
    static uint##N##_t shr_u##N(uint##N##_t a, uint32_t n) { return n < N ? (uint##N##_t)(a >> n) : 0; } \
    static uint##N##_t shr_b##N(uint##N##_t a, uint32_t n) { return shr_u##N(a, n); } \
    static uint##N##_t mov_b##N(uint##N##_t a) { return a; } \
    static uint##N##_t selp_b##N(uint##N##_t a, uint##N##_t b, uint8_t p) { return p ? a : b; } \
    COMPARED(N, u, uint##N##_t) COMPARED(N, s, int##N##_t) ANY_SIGN(N, u) ANY_SIGN(N, s) SIGNED(N)
BITS(16) BITS(32) BITS(64)
TWO(and_pred, uint8_t, uint8_t, a && b) TWO(or_pred, uint8_t, uint8_t, a || b) TWO(xor_pred, uint8_t, uint8_t, !a != !b)
ONE(not_pred, uint8_t, uint8_t, !a) ONE(mov_pred, uint8_t, uint8_t, !!a)
TWO(mul_wide_u32, uint32_t, uint64_t, (uint64_t)a * b) TWO(mul_wide_s32, int32_t, uint64_t, (int64_t)a * b)
TWO(mul_wide_u16, uint16_t, uint32_t, (uint32_t)a * b) TWO(mul_wide_s16, int16_t, uint32_t, (int32_t)a * b)
TWO(mul_hi_u32, uint32_t, uint32_t, (uint64_t)a * b >> 32) TWO(mul_hi_s32, int32_t, uint32_t, (int64_t)a * b >> 32)
TWO(mul_hi_u64, uint64_t, uint64_t, (unsigned __int128)a * b >> 64) TWO(mul_hi_s64, int64_t, uint64_t, (__int128)a * b >> 64)
static uint64_t mad_wide_u32(uint32_t a, uint32_t b, uint64_t c) { return (uint64_t)a * b + c; }
static uint64_t mad_wide_s32(int32_t a, int32_t b, uint64_t c) { return (uint64_t)((int64_t)a * b) + c; }
static uint32_t mad_hi_u32(uint32_t a, uint32_t b, uint32_t c) { return mul_hi_u32(a, b) + c; }
ONE(popc_b32, uint32_t, uint32_t, __builtin_popcount(a)) ONE(popc_b64, uint64_t, uint32_t, __builtin_popcountll(a))
ONE(clz_b32, uint32_t, uint32_t, a ? __builtin_clz(a) : 32) ONE(clz_b64, uint64_t, uint32_t, a ? __builtin_clzll(a) : 64)
static uint32_t shf_l_wrap_b32(uint32_t a, uint32_t b, uint32_t n) { return (uint32_t)(((uint64_t)b << 32 | a) << (n & 31) >> 32); }
static uint32_t shf_r_wrap_b32(uint32_t a, uint32_t b, uint32_t n) { return (uint32_t)(((uint64_t)b << 32 | a) >> (n & 31)); }
static uint32_t brev_b32(uint32_t a) { uint32_t out = 0; for (int i = 0; i < 32; ++i) out |= (a >> i & 1) << (31 - i); return out; }
ONE(bfind_shiftamt_u32, uint32_t, uint32_t, a ? __builtin_clz(a) : UINT32_MAX)
#define FIELD(N) \
    static uint##N##_t ones##N(uint32_t n) { return (uint##N##_t)(n >= N ? ~(uint##N##_t)0 : ((uint##N##_t)1 << n) - 1); } \
    static uint##N##_t bfe_u##N(uint##N##_t a, uint32_t at, uint32_t n) { at &= 255; n &= 255; return at < N ? a >> at & ones##N(n) : 0; } \
    static uint##N##_t bfi_b##N(uint##N##_t a, uint##N##_t b, uint32_t at, uint32_t n) { \
        at &= 255; n &= 255; \
        const uint##N##_t mask = at < N ? ones##N(n) << at : 0; \
        return (b & ~mask) | (at < N ? a << at & mask : 0); \
    }
FIELD(32) FIELD(64)
static uint32_t prmt_b32(uint32_t a, uint32_t b, uint32_t how) {
    const uint64_t bytes = (uint64_t)b << 32 | a;
    uint32_t out = 0;
    for (int i = 0; i < 4; ++i) {
        const uint32_t pick = how >> 4 * i & 15, byte = (uint32_t)(bytes >> 8 * (pick & 7)) & 255;
        out |= (pick & 8 ? (byte & 128 ? 255u : 0u) : byte) << 8 * i;
    }
    return out;
}
static uint32_t lop3_b32(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
    uint32_t out = 0;
    for (int i = 0; i < 8; ++i)
        if (table >> i & 1) out |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    return out;
}
/* Carries: `cc` is a variable of every translated function. */
#define add_cc_u32(a, b) ({ const uint64_t s = (uint64_t)(uint32_t)(a) + (uint32_t)(b); cc = s >> 32; (uint32_t)s; })
#define addc_cc_u32(a, b) ({ const uint64_t s = (uint64_t)(uint32_t)(a) + (uint32_t)(b) + cc; cc = s >> 32; (uint32_t)s; })
#define addc_u32(a, b) ((uint32_t)((uint32_t)(a) + (uint32_t)(b) + cc))

/* One operation, one rounding. Without a rounding in its name an instruction may be fused: it is not known here. */
#define REAL(N, S) \
    static uint##N##_t add_rn_f##N(uint##N##_t a, uint##N##_t b) { return b##N(f##N(a) + f##N(b)); } \
    static uint##N##_t sub_rn_f##N(uint##N##_t a, uint##N##_t b) { return b##N(f##N(a) - f##N(b)); } \
    static uint##N##_t mul_rn_f##N(uint##N##_t a, uint##N##_t b) { return b##N(f##N(a) * f##N(b)); } \
    static uint##N##_t div_rn_f##N(uint##N##_t a, uint##N##_t b) { return b##N(f##N(a) / f##N(b)); } \
    static uint##N##_t rcp_rn_f##N(uint##N##_t a) { return b##N(1 / f##N(a)); } \
    static uint##N##_t sqrt_rn_f##N(uint##N##_t a) { return b##N(__builtin_sqrt##S(f##N(a))); } \
    static uint##N##_t fma_rn_f##N(uint##N##_t a, uint##N##_t b, uint##N##_t c) { return b##N(__builtin_fma##S(f##N(a), f##N(b), f##N(c))); } \
    static uint##N##_t neg_f##N(uint##N##_t a) { return a ^ (uint##N##_t)1 << (N - 1); } \
    static uint##N##_t abs_f##N(uint##N##_t a) { return a & ~((uint##N##_t)1 << (N - 1)); } \
    static uint##N##_t copysign_f##N(uint##N##_t sign, uint##N##_t a) { return b##N(__builtin_copysign##S(f##N(a), f##N(sign))); } \
    static uint##N##_t min_f##N(uint##N##_t a, uint##N##_t b) { const double x = f##N(a), y = f##N(b); return x != x ? b : y != y ? a : x < y || (x == y && signbit(x)) ? a : b; } \
    static uint##N##_t max_f##N(uint##N##_t a, uint##N##_t b) { const double x = f##N(a), y = f##N(b); return x != x ? b : y != y ? a : x > y || (x == y && !signbit(x)) ? a : b; } \
    static uint##N##_t mov_f##N(uint##N##_t a) { return a; } \
    static uint##N##_t selp_f##N(uint##N##_t a, uint##N##_t b, uint8_t p) { return p ? a : b; } \
    static uint##N##_t cvt_rn_f##N##_s32(int32_t a) { return b##N(a); } static uint##N##_t cvt_rn_f##N##_u32(uint32_t a) { return b##N(a); } \
    static uint##N##_t cvt_rn_f##N##_s64(int64_t a) { return b##N(a); } static uint##N##_t cvt_rn_f##N##_u64(uint64_t a) { return b##N(a); } \
    static uint##N##_t cvt_rn_f##N##_u16(uint16_t a) { return b##N(a); } static uint##N##_t cvt_rn_f##N##_s16(int16_t a) { return b##N(a); } \
    static uint##N##_t cvt_rni_f##N##_f##N(uint##N##_t a) { return b##N(__builtin_rint##S(f##N(a))); } \
    static uint##N##_t cvt_rmi_f##N##_f##N(uint##N##_t a) { return b##N(__builtin_floor##S(f##N(a))); } \
    static uint##N##_t cvt_rzi_f##N##_f##N(uint##N##_t a) { return b##N(__builtin_trunc##S(f##N(a))); } \
    ORDER(N, eq, x == y) ORDER(N, lt, x < y) ORDER(N, le, x <= y) ORDER(N, gt, x > y) ORDER(N, ge, x >= y) \
    ORDER(N, ne, x == x && y == y && x != y) ORDER(N, equ, !(x < y || x > y)) ORDER(N, neu, x != y) ORDER(N, ltu, !(x >= y)) \
    ORDER(N, leu, !(x > y)) ORDER(N, gtu, !(x <= y)) ORDER(N, geu, !(x < y)) ORDER(N, nan, x != x || y != y) ORDER(N, num, x == x && y == y) \
    INTEGER_OF(N, rzi, trunc) INTEGER_OF(N, rni, rint)
#define ORDER(N, name, e) static uint8_t setp_##name##_f##N(uint##N##_t a, uint##N##_t b) { const double x = f##N(a), y = f##N(b); return e; }
#define INTEGER_OF(N, how, function) \
    static uint32_t cvt_##how##_s32_f##N(uint##N##_t a) { const double x = function(f##N(a)); return x != x ? 0 : x <= -0x1p31 ? 0x80000000u : x >= 0x1p31 ? 0x7fffffffu : (uint32_t)(int32_t)x; } \
    static uint32_t cvt_##how##_u32_f##N(uint##N##_t a) { const double x = function(f##N(a)); return !(x > 0) ? 0 : x >= 0x1p32 ? UINT32_MAX : (uint32_t)x; } \
    static uint64_t cvt_##how##_s64_f##N(uint##N##_t a) { const double x = function(f##N(a)); return x != x || x <= -0x1p63 ? UINT64_C(1) << 63 : x >= 0x1p63 ? (uint64_t)INT64_MAX : (uint64_t)(int64_t)x; } \
    static uint64_t cvt_##how##_u64_f##N(uint##N##_t a) { const double x = function(f##N(a)); return x != x ? UINT64_C(1) << 63 : !(x > 0) ? 0 : x >= 0x1p64 ? UINT64_MAX : (uint64_t)x; }
REAL(32, f) REAL(64, )
static uint64_t cvt_f64_f32(uint32_t a) { return b64(f32(a)); }
static uint32_t cvt_rn_f32_f64(uint64_t a) { return b32((float)f64(a)); }
#define WIDENED(to, T, from, F) static T cvt_##to##_##from(F a) { return (T)a; }
WIDENED(u64, uint64_t, u32, uint32_t) WIDENED(s64, uint64_t, s32, int32_t) WIDENED(u32, uint32_t, u64, uint64_t) WIDENED(s32, uint32_t, s64, int64_t)
WIDENED(u32, uint32_t, u16, uint16_t) WIDENED(s32, uint32_t, s16, int16_t) WIDENED(u16, uint16_t, u32, uint32_t) WIDENED(s16, uint16_t, s32, int32_t)
WIDENED(u32, uint32_t, u8, uint8_t) WIDENED(s32, uint32_t, s8, int8_t) WIDENED(u16, uint16_t, u8, uint8_t) WIDENED(s16, uint16_t, s8, int8_t)
WIDENED(u16, uint16_t, u64, uint64_t) WIDENED(u64, uint64_t, u16, uint16_t) WIDENED(u64, uint64_t, u8, uint8_t) WIDENED(u8, uint8_t, u32, uint32_t)
WIDENED(u32, uint32_t, s32, int32_t) WIDENED(s64, uint64_t, s16, int16_t) WIDENED(s64, uint64_t, s8, int8_t) WIDENED(u8, uint8_t, u16, uint16_t)

/* 2 ulp, of the sign that a hash of the argument says; results that are not normal are 0. */
static uint32_t ex2_approx_ftz_f32(uint32_t a) {
    const double x = f32(a) == f32(a) && fabsf(f32(a)) < 0x1p-126f ? 0 : f32(a);
    const float y = (float)(exp2(x) * (1 + (a * 2654435761u >> 31 ? 0x1p-22 : -0x1p-22)));
    return y != 0 && fabsf(y) < 0x1p-126f ? 0 : b32(y);
}
