# Measures of one contiguous row of probabilities, in nats, for cimport: see plain.inc for formulas and bounds.
cdef double entropy_f64(Py_ssize_t n, const double *p) noexcept nogil
cdef double cross_entropy_f64(Py_ssize_t n, const double *p, const double *q, bint normalize) noexcept nogil
cdef double divergence_f64(Py_ssize_t n, const double *p, const double *q, bint normalize) noexcept nogil
