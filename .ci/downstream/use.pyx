# cython: language_level=3
"""Both ways to a kernel: `cimport` of a compiled function, and the header compiled into this module."""

from alignment_fast.kernels.common.cpu cimport exp_f64

cdef extern from "alignment_fast/af_math.h":
    double af_exp_f64(double x) nogil


def by_cimport(double x):
    return exp_f64(x)


def by_include(double x):
    return af_exp_f64(x)
