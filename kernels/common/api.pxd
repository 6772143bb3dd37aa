"""The functions of an installed alignment_fast for Cython modules, by one capsule: what af_api.h is for C.

    from alignment_fast.kernels.common.api cimport af_api, af_api_import
    cdef const af_api *api = af_api_import()      # ImportError where the installed version has another ABI
"""

from libc.stdint cimport uint32_t

cdef extern from "alignment_fast/af_api.h":
    const int AF_API_ABI
    ctypedef struct af_api:
        uint32_t abi, size
        const char *isa
        void (*exp_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*exp_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*expm1_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*expm1_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*log_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*log_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*log1p_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*log1p_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*log1mexp_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*log1mexp_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*softplus_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*softplus_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*sigmoid_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*sigmoid_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*normal_cdf_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*normal_cdf_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*log_normal_cdf_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*log_normal_cdf_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*normal_ppf_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*normal_ppf_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*normal_isf_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*normal_isf_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        double (*log_sum_exp_f64)(Py_ssize_t n, const double *x) noexcept nogil
        float (*log_sum_exp_f32)(Py_ssize_t n, const float *x) noexcept nogil
        void (*softmax_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*softmax_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*log_softmax_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*log_softmax_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        double (*entropy_f64)(Py_ssize_t n, const double *p) noexcept nogil
        double (*cross_entropy_f64)(Py_ssize_t n, const double *p, const double *q, bint normalize) noexcept nogil
        double (*divergence_f64)(Py_ssize_t n, const double *p, const double *q, bint normalize) noexcept nogil
    const af_api *af_api_import() except NULL
