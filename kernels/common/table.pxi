# Written by kernels/common/generate_tables.py from kernels/common/functions.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        void (*moments_blocks)(Py_ssize_t n, const double *x, Py_ssize_t first, Py_ssize_t last,
                               af_moments *out) noexcept nogil
        void (*moments_fold)(Py_ssize_t n_blocks, const af_moments *blocks, af_moments *total) noexcept nogil
        void (*map_exp_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_exp_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_expm1_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_expm1_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_log_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_log_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_log1p_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_log1p_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_log1mexp_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_log1mexp_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_softplus_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_softplus_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_sigmoid_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_sigmoid_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_normal_cdf_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_normal_cdf_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_log_normal_cdf_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_log_normal_cdf_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_normal_ppf_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_normal_ppf_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_normal_isf_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_normal_isf_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*map_normal_ppf_rn_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*map_normal_ppf_rn_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        float (*scalar_exp_f32)(float x) noexcept nogil
        double (*scalar_exp_f64)(double x) noexcept nogil
        float (*scalar_expm1_f32)(float x) noexcept nogil
        double (*scalar_expm1_f64)(double x) noexcept nogil
        float (*scalar_log_f32)(float x) noexcept nogil
        double (*scalar_log_f64)(double x) noexcept nogil
        float (*scalar_log1p_f32)(float x) noexcept nogil
        double (*scalar_log1p_f64)(double x) noexcept nogil
        float (*scalar_log1mexp_f32)(float x) noexcept nogil
        double (*scalar_log1mexp_f64)(double x) noexcept nogil
        float (*scalar_softplus_f32)(float x) noexcept nogil
        double (*scalar_softplus_f64)(double x) noexcept nogil
        float (*scalar_sigmoid_f32)(float x) noexcept nogil
        double (*scalar_sigmoid_f64)(double x) noexcept nogil
        float (*scalar_normal_cdf_f32)(float x) noexcept nogil
        double (*scalar_normal_cdf_f64)(double x) noexcept nogil
        float (*scalar_log_normal_cdf_f32)(float x) noexcept nogil
        double (*scalar_log_normal_cdf_f64)(double x) noexcept nogil
        float (*scalar_normal_ppf_f32)(float x) noexcept nogil
        double (*scalar_normal_ppf_f64)(double x) noexcept nogil
        float (*scalar_normal_isf_f32)(float x) noexcept nogil
        double (*scalar_normal_isf_f64)(double x) noexcept nogil
        float (*scalar_normal_ppf_rn_f32)(float x) noexcept nogil
        double (*scalar_normal_ppf_rn_f64)(double x) noexcept nogil
        void (*widen_f32)(Py_ssize_t n, const float *x, double *out) noexcept nogil
        void (*widen_i64)(Py_ssize_t n, const int64_t *x, double *out) noexcept nogil
        void (*narrow_f32)(Py_ssize_t n, const double *x, float *out) noexcept nogil
        int (*all_within)(Py_ssize_t n, const double *x, double least) noexcept nogil
        int (*all_finite)(Py_ssize_t n, const double *x) noexcept nogil
        int (*has_nan)(Py_ssize_t n, const double *x) noexcept nogil
        int (*are_masses)(Py_ssize_t n, const double *p) noexcept nogil
    const af_table *af_select(const char *isa)
