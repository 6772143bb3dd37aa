# The short way of small calls (kernels/common/short.pxd): one row of NumPy numbers in, a number or None out.

import numpy

from alignment_fast.kernels.common.short cimport PyBuffer_Release, Py_buffer, opened

cdef object array_type = numpy.ndarray
cdef object float64 = numpy.float64


def short_entropy(p):
    """Return the entropy of one row of float64 in nats, or None where the long way must decide."""
    cdef Py_buffer row
    cdef double value
    if opened(p, array_type, &row, 1) != b'd':
        return None
    value = table.plain_entropy(row.shape[0], <const double*>row.buf)
    PyBuffer_Release(&row)
    return float64(value) if value == value else None
