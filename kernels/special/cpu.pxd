"""SciPy's functions for Cython code, of one contiguous row: no GIL, no exceptions. Formulae and bounds: log_sum_exp.inc, softmax.inc."""

cdef double log_sum_exp_f64(Py_ssize_t n, const double *x) noexcept nogil
cdef float log_sum_exp_f32(Py_ssize_t n, const float *x) noexcept nogil
cdef void softmax_f64(Py_ssize_t n, const double *x, double *out) noexcept nogil
cdef void softmax_f32(Py_ssize_t n, const float *x, float *out) noexcept nogil
cdef void log_softmax_f64(Py_ssize_t n, const double *x, double *out) noexcept nogil
cdef void log_softmax_f32(Py_ssize_t n, const float *x, float *out) noexcept nogil
