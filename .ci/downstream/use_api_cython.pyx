# cython: language_level=3
"""The same functions for Cython: declarations by cimport, one capsule when the module is imported."""

from alignment_fast.kernels.common.api cimport af_api, af_api_import

cdef const af_api *api = af_api_import()


def entropy(const double[::1] p):
    return api.entropy_f64(p.shape[0], &p[0])


def log_sum_exp(const double[::1] x):
    cdef double value
    with nogil:
        value = api.log_sum_exp_f64(x.shape[0], &x[0])
    return value
