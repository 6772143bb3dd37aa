# Written by kernels/common/generate_tables.py from kernels/special/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        void (*log_sum_exp_f32)(Py_ssize_t n, const float *x, Py_ssize_t x_stride, const float *b, Py_ssize_t b_stride,
                                float *log_sum, float *sign, Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*log_sum_exp_f64)(Py_ssize_t n, const double *x, Py_ssize_t x_stride, const double *b, Py_ssize_t b_stride,
                                double *log_sum, double *sign, Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*softmax_f32)(Py_ssize_t n, const float *x, float *out, Py_ssize_t first_row,
                            Py_ssize_t last_row) noexcept nogil
        void (*softmax_f64)(Py_ssize_t n, const double *x, double *out, Py_ssize_t first_row,
                            Py_ssize_t last_row) noexcept nogil
        void (*log_softmax_f32)(Py_ssize_t n, const float *x, float *out, Py_ssize_t first_row,
                                Py_ssize_t last_row) noexcept nogil
        void (*log_softmax_f64)(Py_ssize_t n, const double *x, double *out, Py_ssize_t first_row,
                                Py_ssize_t last_row) noexcept nogil
        void (*entropy_terms_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*entropy_terms_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*relative_terms_f32)(Py_ssize_t n, const float *x, const float *y, float *out) noexcept nogil
        void (*relative_terms_f64)(Py_ssize_t n, const double *x, const double *y, double *out) noexcept nogil
        void (*divergence_terms_f32)(Py_ssize_t n, const float *x, const float *y, float *out) noexcept nogil
        void (*divergence_terms_f64)(Py_ssize_t n, const double *x, const double *y, double *out) noexcept nogil
        void (*log_normal_terms_f32)(Py_ssize_t n, const float *x, float *out) noexcept nogil
        void (*log_normal_terms_f64)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*normal_quantiles_of_logs_f32)(Py_ssize_t n, const float *y, float *out) noexcept nogil
        void (*normal_quantiles_of_logs_f64)(Py_ssize_t n, const double *y, double *out) noexcept nogil
    const af_table *af_select(const char *isa)
