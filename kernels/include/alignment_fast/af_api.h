/* af_api.h -- the functions of an installed alignment_fast for C, C++ and Cython modules, in the instruction set that it
 * chose, through one capsule. Include Python.h first; nothing is linked.
 *
 *     static const af_api *api;
 *     PyMODINIT_FUNC PyInit_mine(void) {
 *         api = af_api_import();
 *         if (api == NULL) return NULL;      // ImportError: not installed, or of another ABI
 *         ...
 *     }
 *     api->softmax_f64(n, x, out);
 *
 * The promise: within ABI 1 members keep their place, type and meaning, and new ones come last, where `size` says
 * whether the installed version has them: AF_API_HAS(api, log_sum_exp_f32). Whatever else changes has another number.
 * No function raises, allocates, or needs the GIL; arrays are contiguous; `out` may be `x` in elementwise functions. */
#ifndef AF_API_H
#define AF_API_H
#ifndef Py_PYTHON_H
#error "include Python.h before alignment_fast/af_api.h"
#endif
#include <stddef.h>
#include <stdint.h>

#define AF_API_ABI 1
#define AF_API_MODULE "alignment_fast.kernels.special.cpu"
#define AF_API_CAPSULE "C_API_1"
#define AF_API_HAS(api, member) ((api)->size >= offsetof(af_api, member) + sizeof((api)->member))

typedef struct {
    uint32_t abi, size;
    const char *isa; /* "baseline", "avx2", "avx512" */
    /* elementwise: kernels/common/functions.py has the bounds */
    void (*exp_f64)(ptrdiff_t n, const double *x, double *out);
    void (*exp_f32)(ptrdiff_t n, const float *x, float *out);
    void (*expm1_f64)(ptrdiff_t n, const double *x, double *out);
    void (*expm1_f32)(ptrdiff_t n, const float *x, float *out);
    void (*log_f64)(ptrdiff_t n, const double *x, double *out);
    void (*log_f32)(ptrdiff_t n, const float *x, float *out);
    void (*log1p_f64)(ptrdiff_t n, const double *x, double *out);
    void (*log1p_f32)(ptrdiff_t n, const float *x, float *out);
    void (*log1mexp_f64)(ptrdiff_t n, const double *x, double *out);
    void (*log1mexp_f32)(ptrdiff_t n, const float *x, float *out);
    void (*softplus_f64)(ptrdiff_t n, const double *x, double *out);
    void (*softplus_f32)(ptrdiff_t n, const float *x, float *out);
    void (*sigmoid_f64)(ptrdiff_t n, const double *x, double *out);
    void (*sigmoid_f32)(ptrdiff_t n, const float *x, float *out);
    void (*normal_cdf_f64)(ptrdiff_t n, const double *x, double *out);
    void (*normal_cdf_f32)(ptrdiff_t n, const float *x, float *out);
    void (*log_normal_cdf_f64)(ptrdiff_t n, const double *x, double *out);
    void (*log_normal_cdf_f32)(ptrdiff_t n, const float *x, float *out);
    void (*normal_ppf_f64)(ptrdiff_t n, const double *x, double *out);
    void (*normal_ppf_f32)(ptrdiff_t n, const float *x, float *out);
    void (*normal_isf_f64)(ptrdiff_t n, const double *x, double *out);
    void (*normal_isf_f32)(ptrdiff_t n, const float *x, float *out);
    /* one row: log sum e^x, e^x / sum e^x, its logarithm */
    double (*log_sum_exp_f64)(ptrdiff_t n, const double *x);
    float (*log_sum_exp_f32)(ptrdiff_t n, const float *x);
    void (*softmax_f64)(ptrdiff_t n, const double *x, double *out);
    void (*softmax_f32)(ptrdiff_t n, const float *x, float *out);
    void (*log_softmax_f64)(ptrdiff_t n, const double *x, double *out);
    void (*log_softmax_f32)(ptrdiff_t n, const float *x, float *out);
    /* one row of masses, or two, in nats; NaN where a row is no masses */
    double (*entropy_f64)(ptrdiff_t n, const double *p);
    double (*cross_entropy_f64)(ptrdiff_t n, const double *p, const double *q, int normalize);
    double (*divergence_f64)(ptrdiff_t n, const double *p, const double *q, int normalize);
} af_api;

/* The functions, or NULL with an exception set; to be called with the GIL held. */
static inline const af_api *af_api_import(void) {
    PyObject *module = PyImport_ImportModule(AF_API_MODULE);
    PyObject *capsule = module != NULL ? PyObject_GetAttrString(module, AF_API_CAPSULE) : NULL;
    const af_api *api = NULL;
    if (capsule != NULL) api = (const af_api *)PyCapsule_GetPointer(capsule, AF_API_MODULE "." AF_API_CAPSULE);
    if (api != NULL && api->abi != AF_API_ABI) api = NULL;
    if (api == NULL && module != NULL) {
        PyErr_Clear();
        PyErr_SetString(PyExc_ImportError, "the installed alignment_fast has another ABI than " AF_API_CAPSULE);
    }
    Py_XDECREF(capsule); /* the module keeps both */
    Py_XDECREF(module);
    return api;
}

#endif
