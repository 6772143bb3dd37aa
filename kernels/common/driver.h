/* The part of NVIDIA's driver interface that is used, found at run time: no NVIDIA package, no headers, no link. */
#ifndef AF_DRIVER_H
#define AF_DRIVER_H
#include <stddef.h>
#include <stdint.h>
#ifdef _WIN32
#include <windows.h>
#define AF_DRIVER_NAME "nvcuda.dll"
#define AF_DRIVER_CALL __stdcall
#else
#include <dlfcn.h>
#define AF_DRIVER_NAME "libcuda.so.1"
#define AF_DRIVER_CALL
#endif

enum { /* results */
    AF_CUDA_SUCCESS = 0, AF_CUDA_OUT_OF_MEMORY = 2, AF_CUDA_NO_BINARY = 209, AF_CUDA_BAD_PTX = 218,
    AF_CUDA_UNSUPPORTED_PTX = 222, AF_CUDA_NOT_FOUND = 500
};
enum { /* attributes of a device, of a pointer */
    AF_CUDA_PROCESSORS = 16, AF_CUDA_MAJOR = 75, AF_CUDA_MINOR = 76, AF_CUDA_POOLS = 115, AF_CUDA_ORDINAL = 9
};

#define AF_DRIVER_FUNCTIONS(X) \
    X(cuInit, (unsigned)) \
    X(cuDriverGetVersion, (int *)) \
    X(cuDeviceGetCount, (int *)) \
    X(cuDeviceGetName, (char *, int, int)) \
    X(cuDeviceGetAttribute, (int *, int, int)) \
    X(cuDevicePrimaryCtxRetain, (void **, int)) \
    X(cuCtxGetCurrent, (void **)) \
    X(cuCtxGetDevice, (int *)) \
    X(cuCtxPushCurrent_v2, (void *)) \
    X(cuCtxPopCurrent_v2, (void **)) \
    X(cuModuleLoadData, (void **, const void *)) \
    X(cuModuleGetFunction, (void **, void *, const char *)) \
    X(cuLaunchKernel, (void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **)) \
    X(cuMemAlloc_v2, (uint64_t *, size_t)) \
    X(cuMemFree_v2, (uint64_t)) \
    X(cuMemAllocAsync, (uint64_t *, size_t, void *)) \
    X(cuMemFreeAsync, (uint64_t, void *)) \
    X(cuMemcpyHtoDAsync_v2, (uint64_t, const void *, size_t, void *)) \
    X(cuMemcpyDtoHAsync_v2, (void *, uint64_t, size_t, void *)) \
    X(cuStreamSynchronize, (void *)) \
    X(cuStreamWaitEvent, (void *, void *, unsigned)) \
    X(cuEventCreate, (void **, unsigned)) \
    X(cuEventRecord, (void *, void *)) \
    X(cuEventSynchronize, (void *)) \
    X(cuEventElapsedTime, (float *, void *, void *)) \
    X(cuEventDestroy_v2, (void *)) \
    X(cuPointerGetAttribute, (void *, int, uint64_t)) \
    X(cuGetErrorName, (int, const char **)) \
    X(cuGetErrorString, (int, const char **))

#define AF_DRIVER_POINTER(name, arguments) static int(AF_DRIVER_CALL *name) arguments;
AF_DRIVER_FUNCTIONS(AF_DRIVER_POINTER)

static void *af_driver_library;

static void af_driver_close(void) {
    if (!af_driver_library) return;
#ifdef _WIN32
    FreeLibrary((HMODULE)af_driver_library);
#else
    dlclose(af_driver_library);
#endif
    af_driver_library = NULL;
}

/* Find the driver and its functions; NULL, or the name of what is missing. */
static const char *af_driver_open(void) {
#ifdef _WIN32
    af_driver_library = (void *)LoadLibraryA(AF_DRIVER_NAME);
#define AF_DRIVER_FIND(name) (void *)GetProcAddress((HMODULE)af_driver_library, name)
#else
    af_driver_library = dlopen(AF_DRIVER_NAME, RTLD_NOW | RTLD_LOCAL);
#define AF_DRIVER_FIND(name) dlsym(af_driver_library, name)
#endif
    if (!af_driver_library) return AF_DRIVER_NAME;
#define AF_DRIVER_FILL(name, arguments) \
    *(void **)(&name) = AF_DRIVER_FIND(#name); \
    if (!name) return #name;
    AF_DRIVER_FUNCTIONS(AF_DRIVER_FILL)
    return NULL;
}

/* ---- DLPack: what a capsule named "dltensor" holds (dlpack.h, version 0 of the interface) ---- */

typedef struct {
    void *data;
    int32_t device_type, device_id, ndim;
    uint8_t code, bits;
    uint16_t lanes;
    int64_t *shape, *strides;
    uint64_t byte_offset;
} af_dl_tensor;

typedef struct af_dl_managed {
    af_dl_tensor tensor;
    void *context;
    void (*deleter)(struct af_dl_managed *);
} af_dl_managed;
#endif
