/* A stand-in for libcuda.so.1: memory of devices is the processor's, kernels run by what ptx.py made of their PTX.
 *
 * It writes down every call by name and stream, and fails those that a test asks it to. What a launch may touch is the
 * memory that was taken from here, byte for byte, and nothing else. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CALLS = 4096, MOST_ARRAYS = 1024 };
typedef struct { uint32_t grid[3], block[3]; uint64_t shared; const uint8_t *parameters; int32_t order, n_arrays; const uint64_t *arrays; } request;
typedef struct { const char *(*run)(const request *); const int32_t *parameters; char name[128]; } kernel;
typedef struct { char name[128]; uint64_t stream; int32_t device; } call;

struct { int32_t devices, version, pools, order, n_calls, n_arrays, fail_result, free_left; char fail[64], problem[512]; } stand_in = {1, 13000, 1, 0, 0, 0, 0, -1, "", ""};
call calls[MOST_CALLS];
static uint64_t arrays[2 * MOST_ARRAYS];
static int32_t owners[MOST_ARRAYS];
static uintptr_t stack[64];
static int depth;
const char *(*translate)(const char *ptx); /* the path of a library, or NULL */

static int device(void) { return depth ? (int)(stack[depth - 1] >> 8) - 1 : 0; }
static int note(const char *name, void *stream) {
    if (stand_in.n_calls < MOST_CALLS) {
        call *c = calls + stand_in.n_calls++;
        snprintf(c->name, sizeof c->name, "%s", name);
        c->stream = (uint64_t)stream;
        c->device = device();
    }
    if (strcmp(stand_in.fail, name)) return 0;
    stand_in.fail[0] = 0;
    return stand_in.fail_result;
}
#define NOTED(stream) do { const int failed = note(__func__, stream); if (failed) return failed; } while (0)

int cuInit(unsigned flags) { NOTED(0); return 0; }
int cuDriverGetVersion(int *v) { *v = stand_in.version; return 0; }
int cuDeviceGetCount(int *n) { *n = stand_in.devices; return stand_in.devices ? 0 : 100; }
int cuDeviceGetName(char *s, int n, int d) { snprintf(s, n, "stand-in %d", d); return 0; }
int cuDeviceGetAttribute(int *v, int what, int d) { *v = what == 75 ? 9 : what == 16 ? 2 : what == 115 ? stand_in.pools : 0; return 0; }
int cuDevicePrimaryCtxRetain(void **c, int d) { NOTED(0); *c = (void *)(uintptr_t)((d + 1) << 8); return 0; }
int cuCtxGetCurrent(void **c) { *c = depth ? (void *)stack[depth - 1] : NULL; return 0; }
int cuCtxGetDevice(int *d) { *d = device(); return 0; }
int cuCtxPushCurrent_v2(void *c) { stack[depth++] = (uintptr_t)c; return 0; }
int cuCtxPopCurrent_v2(void **c) { *c = (void *)stack[--depth]; return 0; }

int cuModuleLoadData(void **m, const void *image) {
    NOTED(0);
    const char *path = translate ? translate(image) : NULL;
    *m = path ? dlopen(path, RTLD_NOW) : NULL;
    return *m ? 0 : 218;
}
int cuModuleGetFunction(void **f, void *m, const char *name) {
    char symbol[256];
    kernel *k = malloc(sizeof *k);
    snprintf(k->name, sizeof k->name, "%s", name);
    snprintf(symbol, sizeof symbol, "run_%s", name);
    k->run = (const char *(*)(const request *))dlsym(m, symbol);
    snprintf(symbol, sizeof symbol, "parameters_%s", name);
    k->parameters = dlsym(m, symbol);
    *f = k;
    return k->run ? 0 : 500;
}
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream, void **given, void **extra) {
    NOTED(stream);
    kernel *k = f;
    if (stand_in.n_calls < MOST_CALLS) snprintf(calls[stand_in.n_calls - 1].name, sizeof calls->name, "%s", k->name);
    uint8_t packed[4096] __attribute__((aligned(16)));
    for (int i = 0; i < k->parameters[0]; ++i) memcpy(packed + k->parameters[2 + 2 * i], given[i], k->parameters[3 + 2 * i]);
    const request r = {{gx, gy, gz}, {bx, by, bz}, shared, packed, stand_in.order, stand_in.n_arrays, arrays};
    const char *problem = k->run(&r);
    if (problem) snprintf(stand_in.problem, sizeof stand_in.problem, "%s", problem);
    return problem ? 700 : 0;
}

static int take(uint64_t *p, size_t n, int owner) {
    if (stand_in.free_left >= 0 && n > (size_t)stand_in.free_left) return 2;
    if (stand_in.n_arrays == MOST_ARRAYS) return 2;
    *p = (uint64_t)aligned_alloc(256, (n + 511) / 256 * 256);
    memset((void *)*p, 0xFF, n);
    owners[stand_in.n_arrays] = owner;
    arrays[2 * stand_in.n_arrays] = *p;
    arrays[2 * stand_in.n_arrays++ + 1] = *p + n;
    return 0;
}
static int give(uint64_t p) {
    for (int i = 0; i < stand_in.n_arrays; ++i)
        if (arrays[2 * i] == p) {
            const int last = --stand_in.n_arrays;
            arrays[2 * i] = arrays[2 * last];
            arrays[2 * i + 1] = arrays[2 * last + 1];
            owners[i] = owners[last];
            free((void *)p);
            return 0;
        }
    return 1;
}
/* For arrays of a test: not written down. */
uint64_t test_take(size_t n, int owner) { uint64_t p = 0; take(&p, n, owner); return p; }
int test_give(uint64_t p) { return give(p); }
/* Memory of somebody else, which launches may touch until `test_disallow`. */
enum { SOMEBODY = -1 };
int test_allow(uint64_t p, size_t n) {
    if (stand_in.n_arrays == MOST_ARRAYS) return 2;
    owners[stand_in.n_arrays] = SOMEBODY;
    arrays[2 * stand_in.n_arrays] = p;
    arrays[2 * stand_in.n_arrays++ + 1] = p + n;
    return 0;
}
void test_disallow(void) {
    int n = 0;
    for (int i = 0; i < stand_in.n_arrays; ++i) {
        if (owners[i] == SOMEBODY) continue;
        arrays[2 * n] = arrays[2 * i];
        arrays[2 * n + 1] = arrays[2 * i + 1];
        owners[n++] = owners[i];
    }
    stand_in.n_arrays = n;
}

int cuMemAlloc_v2(uint64_t *p, size_t n) { NOTED(0); return take(p, n, device()); }
int cuMemFree_v2(uint64_t p) { NOTED(0); return give(p); }
int cuMemAllocAsync(uint64_t *p, size_t n, void *stream) { NOTED(stream); return take(p, n, device()); }
int cuMemFreeAsync(uint64_t p, void *stream) { NOTED(stream); return give(p); }
int cuMemcpyHtoDAsync_v2(uint64_t d, const void *s, size_t n, void *stream) { NOTED(stream); memcpy((void *)d, s, n); return 0; }
int cuMemcpyDtoHAsync_v2(void *d, uint64_t s, size_t n, void *stream) { NOTED(stream); memcpy(d, (void *)s, n); return 0; }
int cuStreamSynchronize(void *stream) { NOTED(stream); return 0; }
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) { NOTED(stream); return 0; }
int cuEventCreate(void **e, unsigned flags) { *e = (void *)0x5000; return 0; }
int cuEventRecord(void *e, void *stream) { NOTED(stream); return 0; }
int cuEventSynchronize(void *e) { NOTED(0); return 0; }
int cuEventElapsedTime(float *ms, void *a, void *b) { *ms = 1; return 0; }
int cuEventDestroy_v2(void *e) { return 0; }
int cuPointerGetAttribute(void *out, int what, uint64_t p) {
    for (int i = 0; i < stand_in.n_arrays; ++i)
        if (arrays[2 * i] <= p && p < arrays[2 * i + 1]) { *(int *)out = owners[i]; return 0; }
    return 1;
}
int cuGetErrorName(int e, const char **s) { *s = e == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : e == 222 ? "CUDA_ERROR_UNSUPPORTED_PTX_VERSION" : "CUDA_ERROR"; return 0; }
int cuGetErrorString(int e, const char **s) { *s = stand_in.problem[0] ? stand_in.problem : "an error of the stand-in"; return 0; }
