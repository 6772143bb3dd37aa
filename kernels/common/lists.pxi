# Python lists of integers as arrays, in one pass: what data of comparisons and rankings mostly comes in. Only exact lists,
# tuples and ints are looked at, and nothing of them is called: only a collection of garbage can run in between, where an
# array is made, and sizes are looked at again after it. Everything else gives None, and the caller finds another way. The
# GIL is held; without one nothing is read here.

cdef extern from *:
    """
    /* In line, whatever the level of optimisation of what stands around loops: a call of each takes three times as long. */
    #ifdef __GNUC__
    #define AF_READ static inline __attribute__((always_inline))
    #else
    #define AF_READ static inline
    #endif
    /* What Cython writes is compiled at -O1, which makes of a loop over pairs one of five quarters of the time. */
    #if defined(__GNUC__) && !defined(__clang__)
    #define AF_READ_LOOP static __attribute__((optimize("O3")))
    #else
    #define AF_READ_LOOP static
    #endif
    #ifdef Py_GIL_DISABLED
    /* Lists could change while they are read: nothing is looked at. */
    AF_READ Py_ssize_t af_row_size(PyObject *row) { return (void)row, -1; }
    AF_READ PyObject *af_row_item(PyObject *row, Py_ssize_t i) { return (void)i, row; }
    #elif defined(Py_LIMITED_API)
    AF_READ Py_ssize_t af_row_size(PyObject *row) {
        if (Py_TYPE(row) == &PyTuple_Type) return PyTuple_Size(row);
        return Py_TYPE(row) == &PyList_Type ? PyList_Size(row) : -1;
    }
    AF_READ PyObject *af_row_item(PyObject *row, Py_ssize_t i) {
        return Py_TYPE(row) == &PyTuple_Type ? PyTuple_GetItem(row, i) : PyList_GetItem(row, i);
    }
    #else
    AF_READ Py_ssize_t af_row_size(PyObject *row) {
        if (PyTuple_CheckExact(row)) return PyTuple_GET_SIZE(row);
        return PyList_CheckExact(row) ? PyList_GET_SIZE(row) : -1;
    }
    AF_READ PyObject *af_row_item(PyObject *row, Py_ssize_t i) {
        return PyTuple_CheckExact(row) ? PyTuple_GET_ITEM(row, i) : PyList_GET_ITEM(row, i);
    }
    #endif

    /* The interpreter has one object of each int from 0 to 256. Where these lie side by side, as they do in its own array,
     * an address says which of them it is, without a look at the object. */
    enum { AF_SMALL_INTS = 257, AF_INT_BYTES = 32 };
    static uintptr_t af_small_ints = 0, af_small_bytes = 0;
    static void af_find_small_ints(void) {
        uintptr_t first = 0;
        for (long value = 0; value < AF_SMALL_INTS; ++value) {
            PyObject *item = PyLong_FromLong(value), *again = PyLong_FromLong(value);
            const uintptr_t place = (uintptr_t)item, found = (uintptr_t)again;
            Py_XDECREF(item);
            Py_XDECREF(again);
            if (!value) first = place;
            if (!place || found != place || place != first + AF_INT_BYTES * (uintptr_t)value) return;
        }
        af_small_ints = first;
        af_small_bytes = AF_INT_BYTES * AF_SMALL_INTS;
    }

    /* Write an int to `out`; return whether it is below 2^63 in size. Most are a digit or 0, which needs no call. */
    AF_READ int af_read_int(PyObject *item, int64_t *out) {
    #if !defined(Py_LIMITED_API) && PY_VERSION_HEX >= 0x030C0000
        if (PyUnstable_Long_IsCompact((PyLongObject *)item)) return *out = PyUnstable_Long_CompactValue((PyLongObject *)item), 1;
    #elif !defined(Py_LIMITED_API)
        const size_t digits = (size_t)Py_SIZE(item);
        if (digits <= 1) return *out = (int64_t)(digits * ((PyLongObject *)item)->ob_digit[0]), 1;
    #endif
        int overflow;
        *out = PyLong_AsLongLongAndOverflow(item, &overflow);
        return !overflow;
    }
    /* Write an item to `out`; return whether it is an int in [0, limit). */
    AF_READ int af_read_item(PyObject *item, long long limit, int64_t *out) {
        const uintptr_t place = (uintptr_t)item - af_small_ints;
        if (place < af_small_bytes) return (*out = (int64_t)(place / AF_INT_BYTES)) < limit;
        return Py_TYPE(item) == &PyLong_Type && af_read_int(item, out) && *out >= 0 && *out < limit;
    }
    AF_READ int af_read_index(PyObject *row, Py_ssize_t i, long long limit, int64_t *out) {
        return af_read_item(af_row_item(row, i), limit, out);
    }
    /* Write the two items of a row to `out`; return whether it has two, and both are such ints. */
    AF_READ int af_read_pair(PyObject *row, long long limit, int64_t *out) {
    #if defined(Py_GIL_DISABLED) || defined(Py_LIMITED_API)
        return af_row_size(row) == 2 && af_read_index(row, 0, limit, out) && af_read_index(row, 1, limit, out + 1);
    #else
        PyObject **items; /* of which kind a row is, is asked once */
        if (PyTuple_CheckExact(row)) items = ((PyTupleObject *)row)->ob_item;
        else if (PyList_CheckExact(row)) items = ((PyListObject *)row)->ob_item;
        else return 0;
        return Py_SIZE(row) == 2 && af_read_item(items[0], limit, out) && af_read_item(items[1], limit, out + 1);
    #endif
    }
    /* Write item i of a row to `out`; return whether it is an int in [0, limit), or of a type that is one, as enums are. */
    AF_READ int af_read_code(PyObject *row, Py_ssize_t i, long long limit, int8_t *out) {
        PyObject *item = af_row_item(row, i);
        int64_t value;
        if (!PyLong_Check(item) || !af_read_int(item, &value) || value < 0 || value >= limit) return 0;
        *out = (int8_t)value;
        return 1;
    }
    /* Write item i of a row to `out`; return whether it is a float, or an int that is one. */
    AF_READ int af_read_real(PyObject *row, Py_ssize_t i, double *out) {
        PyObject *item = af_row_item(row, i);
        if (Py_TYPE(item) == &PyFloat_Type) return *out = PyFloat_AsDouble(item), 1;
        int64_t value;
        if (Py_TYPE(item) != &PyLong_Type || !af_read_int(item, &value) || value < -(1LL << 53) || value > 1LL << 53) return 0;
        *out = (double)value;
        return 1;
    }
    /* Write the items of a row one after the other; return whether all are such ints. */
    AF_READ int af_read_indices(PyObject *row, Py_ssize_t size, long long limit, int64_t *out) {
        for (Py_ssize_t i = 0; i < size; ++i)
            if (!af_read_index(row, i, limit, out + i)) return 0;
        return 1;
    }
    /* Add 1 to counts[i, j], (limit, limit), for every row (i, j); return whether all rows are pairs of such ints. */
    AF_READ_LOOP int af_count_pairs(PyObject *rows, Py_ssize_t size, long long limit, uint32_t *counts) {
        for (Py_ssize_t i = 0; i < size; ++i) {
            int64_t pair[2];
            if (!af_read_pair(af_row_item(rows, i), limit, pair)) return 0;
            ++counts[pair[0] * limit + pair[1]];
        }
        return 1;
    }
    AF_READ_LOOP int af_read_pairs(PyObject *rows, Py_ssize_t size, long long limit, int64_t *out) {
        for (Py_ssize_t i = 0; i < size; ++i)
            if (!af_read_pair(af_row_item(rows, i), limit, out + 2 * i)) return 0;
        return 1;
    }
    """
    Py_ssize_t af_row_size(PyObject *row)
    PyObject *af_row_item(PyObject *row, Py_ssize_t i)  # borrowed
    bint af_read_indices(PyObject *row, Py_ssize_t size, long long limit, int64_t *out)
    void af_find_small_ints()
    bint af_count_pairs(PyObject *rows, Py_ssize_t size, long long limit, uint32_t *counts)
    bint af_read_pairs(PyObject *rows, Py_ssize_t size, long long limit, int64_t *out)
    bint af_read_code(PyObject *row, Py_ssize_t i, long long limit, int8_t *out)
    bint af_read_real(PyObject *row, Py_ssize_t i, double *out)


import numpy

cdef object empty = numpy.empty
cdef object zeros = numpy.zeros
cdef object int64 = numpy.int64
cdef object int8 = numpy.int8
cdef object uint32 = numpy.uint32

cdef enum:
    LARGEST_COUNT = 0x7FFFFFFF

af_find_small_ints()


def read_index_rows(rows, long long limit):
    """Return (flat int64 array, int64 array of lengths) of a list or tuple of lists and tuples of ints in [0, limit).

    Return None for anything else.
    """
    cdef PyObject *all_rows = <PyObject*>rows
    cdef PyObject *row
    cdef Py_ssize_t count = af_row_size(all_rows), total = 0, size, i
    cdef int64_t[::1] lengths, flat
    if count < 0:
        return None
    found = empty(count, int64)
    lengths = found
    for i in range(count):
        size = af_row_size(af_row_item(all_rows, i))
        if size < 0:
            return None
        lengths[i] = size
        total += size
    items = empty(total + 1, int64)  # one more: there is an address for an empty row, too
    flat = items
    total = 0
    for i in range(count):
        row = af_row_item(all_rows, i)
        if af_row_size(row) != lengths[i] or not af_read_indices(row, lengths[i], limit, &flat[total]):
            return None
        total += lengths[i]
    return items[:total], found


def read_indices(values, long long limit):
    """Return an int64 array of a list or tuple of ints in [0, limit); None for anything else."""
    cdef PyObject *row = <PyObject*>values
    cdef Py_ssize_t count = af_row_size(row)
    cdef int64_t[::1] out
    if count < 0:
        return None
    found = empty(count, int64)
    out = found
    if af_row_size(row) != count or count and not af_read_indices(row, count, limit, &out[0]):
        return None
    return found


def read_index_pairs(rows, long long limit):
    """Return an int64 array (M, 2) of a list or tuple of pairs of ints in [0, limit); None for anything else."""
    cdef PyObject *all_rows = <PyObject*>rows
    cdef Py_ssize_t count = af_row_size(all_rows)
    cdef int64_t[:, ::1] pairs
    if count < 0:
        return None
    found = empty((count, 2), int64)
    pairs = found
    if af_row_size(all_rows) != count or count and not af_read_pairs(all_rows, count, limit, &pairs[0, 0]):
        return None
    return found


def count_index_pairs(rows, Py_ssize_t limit):
    """Return how often (i, j) stands in a list or tuple of pairs of ints in [0, limit), at [i, j]; None for anything else."""
    cdef PyObject *all_rows = <PyObject*>rows
    cdef Py_ssize_t count = af_row_size(all_rows)
    cdef uint32_t[:, ::1] counts
    if not 0 <= count < LARGEST_COUNT or limit < 1:
        return None
    found = zeros((limit, limit), uint32)  # half of what counts in double precision take of the nearest cache
    counts = found
    if af_row_size(all_rows) != count or not af_count_pairs(all_rows, count, limit, &counts[0, 0]):
        return None
    return found.astype("d")


def read_choices(rows, long long limit):
    """Return (flat int64 array, int64 array of lengths) of choices (winner, losers), the winner first in its row.

    `rows` is a list or tuple of pairs of an int and a list or tuple of ints, all in [0, limit); None for anything else.
    """
    cdef PyObject *all_rows = <PyObject*>rows
    cdef PyObject *row
    cdef Py_ssize_t count = af_row_size(all_rows), total = 0, size, i
    cdef int64_t[::1] lengths, flat
    if count < 0:
        return None
    found = empty(count, int64)
    lengths = found
    for i in range(count):
        row = af_row_item(all_rows, i)
        size = af_row_size(af_row_item(row, 1)) if af_row_size(row) == 2 else -1
        if size < 0:
            return None
        lengths[i] = 1 + size
        total += 1 + size
    items = empty(total + 1, int64)  # one more: there is an address for losers that are none, too
    flat = items
    total = 0
    for i in range(count):
        row = af_row_item(all_rows, i)
        if af_row_size(row) != 2 or af_row_size(af_row_item(row, 1)) + 1 != lengths[i]:
            return None
        if not af_read_indices(row, 1, limit, &flat[total]):
            return None
        if not af_read_indices(af_row_item(row, 1), lengths[i] - 1, limit, &flat[total + 1]):
            return None
        total += lengths[i]
    return items[:total], found


def read_codes(values, long long limit):
    """Return an int8 array of a list or tuple of ints, members of enums among them, in [0, limit); None for others."""
    cdef PyObject *row = <PyObject*>values
    cdef Py_ssize_t count = af_row_size(row), i
    cdef int8_t[::1] out
    if count < 0:
        return None
    found = empty(count, int8)
    out = found
    for i in range(count):
        if not af_read_code(row, i, limit, &out[i]):
            return None
    return found


def read_reals(values):
    """Return a float64 array of a list or tuple of floats, and of ints that are floats; None for anything else."""
    cdef PyObject *row = <PyObject*>values
    cdef Py_ssize_t count = af_row_size(row), i
    cdef double[::1] out
    if count < 0:
        return None
    found = empty(count)
    out = found
    for i in range(count):
        if not af_read_real(row, i, &out[i]):
            return None
    return found
