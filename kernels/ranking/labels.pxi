# Names of items to numbers, by order of appearance: Python objects by a dictionary, strings of NumPy by their bytes.

from cpython.ref cimport PyObject
from libc.stdlib cimport calloc
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    static int32_t af_code(PyObject *number) { return (int32_t)PyLong_AsLong(number); }

    /* Texts that lie one behind the other: text i is data[start[i] : start[i + 1]], the starts of 32 or 64 bits. */
    typedef struct {
        const uint8_t *data;
        int64_t size; /* of data */
        const int32_t *start;
        const int64_t *long_start;
    } af_texts;
    /* Names that have been seen: a table of name + 1 (0: free; `size` is a power of two), and of each name its hash and the
     * first text that it is. */
    typedef struct {
        int32_t *slots;
        Py_ssize_t size;
        int32_t count;
        uint64_t *hashes;
        int64_t *first;
    } af_names;

    /* In line, whatever the level of optimisation of what stands around loops. */
    #ifdef __GNUC__
    #define AF_TEXT static inline __attribute__((always_inline))
    #else
    #define AF_TEXT static inline
    #endif
    AF_TEXT int64_t af_text_start(const af_texts *texts, Py_ssize_t i) {
        return texts->start ? texts->start[i] : texts->long_start[i];
    }
    /* Products wait for nothing; only a rotation and a sum go from word to word. */
    AF_TEXT uint64_t af_text_hash(const uint8_t *text, Py_ssize_t size) {
        const uint64_t factor = 0x9E3779B97F4A7C15u;
        uint64_t total = (uint64_t)size, word = 0;
        if (size < 8) {
            for (Py_ssize_t at = 0; at < size; ++at) word = word << 8 | text[at];
        } else {
            for (Py_ssize_t at = 0; at + 8 < size; at += 8) {
                memcpy(&word, text + at, 8);
                word *= factor;
                total = (total << 5 | total >> 59) + (word ^ word >> 32);
            }
            memcpy(&word, text + size - 8, 8); /* the last letters, some of them again */
        }
        total = ((total << 5 | total >> 59) ^ word) * factor;
        return total ^ total >> 32;
    }
    AF_TEXT int af_same_text(const uint8_t *text, const uint8_t *other, Py_ssize_t size) {
        uint64_t here, there;
        if (size < 8) return !memcmp(text, other, (size_t)size);
        for (Py_ssize_t at = 0; at + 8 < size; at += 8) {
            memcpy(&here, text + at, 8);
            memcpy(&there, other + at, 8);
            if (here != there) return 0;
        }
        memcpy(&here, text + size - 8, 8);
        memcpy(&there, other + size - 8, 8);
        return here == there;
    }
    /* What Cython writes is compiled at -O1. */
    #if defined(__GNUC__) && !defined(__clang__)
    __attribute__((optimize("O3")))
    #endif
    /* Write the codes of texts first..last-1 until half the table is full, or one does not lie in the data; return the text
     * behind the last one. */
    static Py_ssize_t af_code_texts(const af_texts *texts, Py_ssize_t first, Py_ssize_t last, af_names *names, int32_t *out) {
        const uint64_t mask = (uint64_t)names->size - 1;
        Py_ssize_t i = first;
        for (; i < last && 2 * (Py_ssize_t)names->count < names->size; ++i) {
            const int64_t begin = af_text_start(texts, i), size = af_text_start(texts, i + 1) - begin;
            const uint8_t *text = texts->data + begin;
            if (size < 0 || begin + size > texts->size) break;
            const uint64_t hash = af_text_hash(text, size);
            uint64_t slot = hash & mask;
            int32_t name;
            for (; (name = names->slots[slot] - 1) >= 0; slot = (slot + 1) & mask) {
                if (names->hashes[name] != hash) continue;
                const int64_t other = af_text_start(texts, names->first[name]);
                if (af_text_start(texts, names->first[name] + 1) - other == size && af_same_text(text, texts->data + other, size))
                    break;
            }
            if (name < 0) {
                name = names->count++;
                names->slots[slot] = name + 1;
                names->hashes[name] = hash;
                names->first[name] = i;
            }
            out[i] = name;
        }
        return i;
    }
    """
    ctypedef struct af_texts:
        const uint8_t *data
        int64_t size
        const int32_t *start
        const int64_t *long_start
    ctypedef struct af_names:
        int32_t *slots
        Py_ssize_t size
        int32_t count
        uint64_t *hashes
        int64_t *first
    Py_ssize_t af_code_texts(const af_texts *texts, Py_ssize_t first, Py_ssize_t last, af_names *names, int32_t *out) nogil
    PyObject *PyDict_GetItemWithError(object dictionary, object key) except? NULL
    PyObject *PyList_GetItem(object sequence, Py_ssize_t i) noexcept
    void *Py_TYPE(PyObject *x) noexcept
    void Py_INCREF(PyObject *x) noexcept
    void Py_XDECREF(PyObject *x) noexcept
    int32_t af_code(PyObject *number) noexcept

cdef enum:
    SEEN = 4096       # names that are found by their addresses alone
    FIRST_SLOTS = 1024


def object_array(list values):
    """Return (the array of these very objects, the set of their types)."""
    cdef Py_ssize_t n = len(values), i
    cdef Py_buffer view
    cdef PyObject *item
    cdef PyObject *last = NULL
    cdef PyObject **out
    cdef set kinds = set()
    array = empty(n, object)
    PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    out = <PyObject**>view.buf
    for i in range(n):
        item = PyList_GetItem(values, i)
        if <PyObject*>Py_TYPE(item) != last:
            last = <PyObject*>Py_TYPE(item)
            kinds.add(<object>last)
        Py_INCREF(item)
        Py_XDECREF(out[i])
        out[i] = item
    PyBuffer_Release(&view)
    return array, kinds


cdef int32_t code_by_value(dict number, list names, object value) except -1:
    """Return the code of a value, a new one for one that is not equal to any before."""
    cdef PyObject *known = PyDict_GetItemWithError(number, value)
    if known is not NULL:
        return af_code(known)
    number[value] = len(names)
    names.append(value)
    return <int32_t>len(names) - 1


def encode_objects(values):
    """Return (codes, names) of a list, or a contiguous array, of hashable values; TypeError where one is not.

    Values are one name where they are one key of a dictionary.
    Values that are themselves the names, as most are where strings were made once, are found by their addresses.
    """
    cdef Py_ssize_t n = len(values), i, slot
    cdef dict number = {}
    cdef list names = []
    cdef bint listed = type(values) is list
    cdef PyObject *item
    cdef PyObject *seen[SEEN]
    cdef int32_t code_of[SEEN]
    cdef int32_t code
    cdef const void *const *items = NULL
    cdef Py_buffer view
    codes = empty(n, int32)
    cdef int32_t[::1] out = codes
    memset(seen, 0, sizeof(seen))
    if not listed:
        PyObject_GetBuffer(values, &view, PyBUF_C_CONTIGUOUS)
        items = <const void *const *>view.buf
    try:
        for i in range(n):
            item = PyList_GetItem(values, i) if listed else <PyObject*>items[i]
            slot = (<size_t>item >> 4) % SEEN
            if seen[slot] == item and item is not NULL:
                out[i] = code_of[slot]
                continue
            code = code_by_value(number, names, None if item is NULL else <object>item)
            out[i] = code
            if PyList_GetItem(names, code) == item:  # which the names keep alive
                seen[slot], code_of[slot] = item, code
    finally:
        if not listed:
            PyBuffer_Release(&view)
    return codes, names


cdef bint number_names(list values, dict number, list names, int32_t *out) except -1:
    """Write the codes of the strings of a list; return whether all are exact strings, and of few names."""
    cdef Py_ssize_t i
    for i in range(len(values)):
        value = values[i]
        if type(value) is not str:
            return False
        out[i] = code_by_value(number, names, value)
    return len(names) <= SHORT_TABLE_ITEMS


def short_names(winner, loser, tied):
    """Return (names, number of items, and what `short_compress` gives) of two short lists of strings, or None."""
    cdef compress_rows rows
    cdef dict number = {}
    cdef list names = []
    cdef int32_t place[SHORT_TABLE_ITEMS]
    cdef int32_t *codes
    cdef Py_ssize_t n, i
    if type(winner) is not list or type(loser) is not list:
        return None
    n = len(winner)
    if len(loser) != n or not 0 < n <= SHORT_ROWS:
        return None
    codes = <int32_t*>allocate(n)
    try:
        if not (number_names(winner, number, names, codes) and number_names(loser, number, names, codes + n)):
            return None
        order = sorted(names)
        for i in range(len(order)):
            place[<Py_ssize_t>number[order[i]]] = <int32_t>i
        for i in range(2 * n):
            codes[i] = place[codes[i]]
        memset(&rows, 0, sizeof(compress_rows))
        rows.size, rows.winner, rows.loser = n, codes, codes + n
        found = counted(&rows, len(order), tied, None, None)
        return None if found is None else (tuple(order), *found)
    finally:
        free(codes)


cdef inline uint64_t hash_of(const uint8_t *row, Py_ssize_t width) noexcept nogil:
    """Return a hash of the bytes of a row, a word at a time (Fibonacci hashing)."""
    cdef uint64_t total = 0, word
    cdef Py_ssize_t at
    for at in range(0, width - width % 8, 8):
        memcpy(&word, row + at, 8)
        total = (total ^ word) * <uint64_t>0x9E3779B97F4A7C15
        total ^= total >> 32
    if width % 8:
        word = 0
        memcpy(&word, row + width - width % 8, <size_t>(width % 8))
        total = (total ^ word) * <uint64_t>0x9E3779B97F4A7C15
        total ^= total >> 32
    return total


cdef int32_t *widened(int32_t *slots, Py_ssize_t size, const uint64_t *hashes, int32_t count) except NULL:
    """Return a table of `size` slots with the `count` names of `slots`, which is freed."""
    cdef int32_t *wider = <int32_t*>calloc(<size_t>size, sizeof(int32_t))
    cdef int32_t name
    cdef Py_ssize_t slot
    if wider is NULL:
        raise MemoryError
    free(slots)
    for name in range(count):
        slot = hashes[name] & <uint64_t>(size - 1)
        while wider[slot]:
            slot = (slot + 1) & (size - 1)
        wider[slot] = name + 1
    return wider


def encode_rows(const uint8_t[:, ::1] rows):
    """Return (codes, first row of every name) of rows of bytes: equal ones are one name."""
    cdef Py_ssize_t n = rows.shape[0], width = rows.shape[1], size = FIRST_SLOTS, scratch = FIRST_SLOTS // 2, i, slot
    cdef int32_t count = 0, name
    cdef uint64_t code
    cdef int32_t *slots = <int32_t*>calloc(<size_t>size, sizeof(int32_t))  # name + 1; 0 where there is none
    cdef uint64_t *hashes = <uint64_t*>malloc(<size_t>n * sizeof(uint64_t))
    cdef int64_t *first = <int64_t*>malloc(<size_t>n * sizeof(int64_t))
    codes = empty(n, int32)
    cdef int32_t[::1] out = codes
    try:
        if slots is NULL or hashes is NULL or first is NULL:
            raise MemoryError
        for i in range(n):
            code = hash_of(&rows[i, 0], width)
            slot = code & <uint64_t>(size - 1)
            while slots[slot]:
                name = slots[slot] - 1
                if hashes[name] == code and memcmp(&rows[i, 0], &rows[first[name], 0], <size_t>width) == 0:
                    break
                slot = (slot + 1) & (size - 1)
            else:
                name = count
                slots[slot], hashes[name], first[name] = name + 1, code, i
                count += 1
            out[i] = name
            if count > scratch:
                size, scratch = 4 * size, 4 * scratch
                slots = widened(slots, size, hashes, count)
        return codes, numpy.array(<int64_t[:count]>first) if count else empty(0, numpy.int64)
    finally:
        free(slots)
        free(hashes)
        free(first)


ctypedef fused starts:
    int32_t
    int64_t


def encode_texts(const uint8_t[::1] data, const starts[::1] start):
    """Return (codes, first text of every name) of texts that lie one behind the other, as Arrow has them.

    Text i is ``data[start[i] : start[i + 1]]``; starts that do not fit `data` are a ValueError.
    """
    cdef af_texts texts
    cdef af_names names
    cdef Py_ssize_t n = start.shape[0] - 1, i
    memset(&texts, 0, sizeof(texts))
    memset(&names, 0, sizeof(names))
    if n < 1 or start[0] < 0:
        raise ValueError("starts are not those of texts")
    texts.size = data.shape[0]
    texts.data = &data[0] if data.shape[0] else <const uint8_t*><const char*>b""
    if starts is int32_t:
        texts.start = &start[0]
    else:
        texts.long_start = &start[0]
    codes, firsts, hashes = empty(n, int32), empty(n, numpy.int64), empty(n, numpy.uint64)
    cdef int32_t[::1] out = codes
    cdef int64_t[::1] first = firsts
    cdef uint64_t[::1] hash = hashes
    names.first, names.hashes, names.size = &first[0], &hash[0], FIRST_SLOTS
    names.slots = <int32_t*>calloc(FIRST_SLOTS, sizeof(int32_t))
    try:
        if names.slots is NULL:
            raise MemoryError
        i = af_code_texts(&texts, 0, n, &names, &out[0])
        while i < n:
            if 2 * <Py_ssize_t>names.count < names.size:
                raise ValueError("starts are not those of texts")
            names.slots = widened(names.slots, 4 * names.size, names.hashes, names.count)
            names.size *= 4
            i = af_code_texts(&texts, i, n, &names, &out[0])
        return codes, firsts[: names.count].copy()
    finally:
        free(names.slots)
