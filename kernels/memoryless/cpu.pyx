"""Entry points of the loops over types and lattices."""

import numpy

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free

from alignment_fast.kernels.common.cpu import ISA
from alignment_fast.kernels.common.cpu cimport array_of, memory_of
from alignment_fast.kernels.common.scratch cimport scratch

cdef extern from *:
    """
    #define AF_LOOPS "memoryless/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct types_problem:
        Py_ssize_t letters, rank, m
        double constant
        const double *table
        const double *exponents
        const double *generators
    ctypedef struct merge_tilt:
        double theta, shift, noise, smooth, least
    uint64_t af_sort_key_f64(double x) noexcept nogil
    void af_sort_indices(Py_ssize_t n, const uint64_t *keys, int32_t *order, uint64_t *a, uint64_t *b) noexcept nogil
    int sums_sort(Py_ssize_t n, const double *sum, uint64_t *a, uint64_t *b, int32_t *order, double *sorted) noexcept nogil
    Py_ssize_t letters_merge(Py_ssize_t size, const double *reward, uint64_t *words, int32_t *order, double *values,
                             int64_t *group_of) noexcept nogil
    int letters_lattice(Py_ssize_t count, const double *values, double *steps) noexcept nogil
    const int TYPES_LETTERS

include "table.pxi"

MOST_LETTERS = TYPES_LETTERS

cdef const af_table *table = af_select(ISA.encode())


cdef object empty = numpy.empty
cdef object int64 = numpy.int64


def recognise(const double[::1] reward):
    """Return the distinct finite rewards, the number of each reward among them, and two ways to write them as integers.

    First, which multiples of one span they lie above the lowest, or None; where there are such multiples also numerators
    and denominators of their exponentials relative to the lowest, or None. Rewards that are all equal have neither.
    """
    cdef Py_ssize_t size = reward.shape[0], count
    cdef double *values = <double*>scratch(size * (2 * sizeof(double) + 3 * sizeof(uint64_t) + sizeof(int32_t)))
    cdef double *steps = values + size
    cdef uint64_t *words = <uint64_t*>(steps + size)
    try:
        group_of = empty(size, int64)
        count = letters_merge(size, &reward[0], words, <int32_t*>(words + 3 * size), values, <int64_t*>memory_of(group_of))
        distinct = array_of(b'd', count, count, values)
        if count > 1 and letters_lattice(count, values, steps):
            return distinct, group_of, array_of(b'd', count, count, steps), None
        numerator, denominator = empty(count, int64), empty(count, int64)
        if count == 1 or not table.letters_ratios(count, values, <int64_t*>memory_of(numerator),
                                                  <int64_t*>memory_of(denominator)):
            return distinct, group_of, None, None
        return distinct, group_of, None, (numerator, denominator)
    finally:
        free(values)


def types(double constant, const double[:, ::1] terms, const double[:, ::1] exponents, const double[::1] generators,
          const int64_t[::1] start, Py_ssize_t first, Py_ssize_t last, double[::1] reward, double[::1] log_pmf):
    """Write rewards and log-probabilities of the types of blocks first .. last - 1; block b begins at start[b]."""
    cdef types_problem problem
    cdef Py_ssize_t block
    problem.letters = terms.shape[0]
    problem.rank = exponents.shape[0]
    problem.m = terms.shape[1] - 1
    problem.constant = constant
    problem.table = &terms[0, 0]
    problem.exponents = &exponents[0, 0]
    problem.generators = &generators[0]
    with nogil:
        for block in range(first, last):
            table.types_block(&problem, block, &reward[start[block]], &log_pmf[start[block]])


def types_means(Py_ssize_t letters, Py_ssize_t m, const int64_t[::1] start, const double[::1] weight, Py_ssize_t first,
                Py_ssize_t last, double[:, ::1] sums):
    """Write sums[b] = Σ weight n_k over the types of m letters, blocks b = first .. last - 1."""
    cdef Py_ssize_t block
    with nogil:
        for block in range(first, last):
            table.types_means(letters, m, block, &weight[start[block]], &sums[block, 0])


def sort(const double[::1] reward, uint64_t[:, ::1] scratch, int32_t[::1] order, double[::1] sorted):
    """Write the stable ascending order of the finite `reward` and the rewards in it; `scratch`: three rows, n >= 1."""
    cdef Py_ssize_t n = reward.shape[0], i
    with nogil:
        if not sums_sort(n, &reward[0], &scratch[1, 0], &scratch[2, 0], &order[0], &sorted[0]):
            for i in range(n):
                scratch[0, i] = af_sort_key_f64(reward[i])
                order[i] = <int32_t>i
            af_sort_indices(n, &scratch[0, 0], &order[0], &scratch[1, 0], &scratch[2, 0])
            for i in range(n):
                sorted[i] = reward[order[i]]


cdef void complex_power(Py_ssize_t n, uint64_t m, double negligible, double *z) noexcept nogil:
    table.power(n, m, negligible, z)


def power(uint64_t m, double negligible, double[::1] z, Py_ssize_t first, Py_ssize_t last):
    """Raise the complex numbers first .. last - 1 of `z` (real and imaginary parts in turn) to the power m >= 1.

    Where |z|² is below `negligible` the result may be 0.
    """
    if last > first:
        with nogil:
            complex_power(last - first, m, negligible, &z[2 * first])


def merge(double theta, double shift, double noise, double smooth, double least, Py_ssize_t first,
          Py_ssize_t size, const double[::1] mass, double[::1] log_pmf, double[::1] error):
    """Write log(mass) - theta s + shift and its error bound where that is below `error`, s = first .. first + size - 1.

    The mass of s is at s modulo the length of `mass`, at least `size` >= 1. Nothing is written before the first and
    behind the last mass above `least`.
    """
    cdef merge_tilt tilt
    tilt.theta, tilt.shift, tilt.noise, tilt.smooth, tilt.least = theta, shift, noise, smooth, least
    with nogil:
        table.merge(&tilt, first, size, mass.shape[0], &mass[0], &log_pmf[0], &error[0])
