"""Entry points of the pairwise loops: one call of a loss over pairs of log-probabilities or over margins.

Arrays come through the buffer protocol, one-dimensional or not, C-contiguous: a typed argument per array would cost a
small call more than its work.
"""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cython cimport floating
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint16_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from alignment_fast.kernels.common.cpu import ISA

cdef extern from *:
    """
    #define AF_LOOPS "pairwise/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    enum:
        PAIR_TILE, PAIR_SUMS, PAIR_LOSS, PAIR_CHOSEN_REWARD, PAIR_REJECTED_REWARD, PAIR_WINS
        PAIR_OWN, PAIR_HALF, PAIR_BFLOAT
        PAIR_IDENTITY, PAIR_EXPONENTIAL, PAIR_JENSEN_SHANNON
        FORMULAS, FORMULA_PAIRS
    const char **pair_formula_names
    ctypedef struct pair_given:
        double beta, epsilon, gamma, lam, tau, delta
    ctypedef struct af_pairs:
        Py_ssize_t n
        int formula, score, storage, lengths_first
        const void *input[4]
        const void *length[2]
        const void *weight
        const void *target
        void *loss
        void *gradient[2]
        void *second
        void *reward[2]
        int metrics
        double *sums
        double factor
        pair_given given
        double exponent
    ctypedef struct af_token_rows:
        void *logits
        Py_ssize_t sequence_stride, token_stride, tokens, letters
        int storage
    enum:
        LETTERS_SUMS

include "table.pxi"

cdef const af_table *table = af_select(ISA.encode())

# ---- losses ----

TILE = PAIR_TILE
STORAGE = {"own": PAIR_OWN, "float16": PAIR_HALF, "bfloat16": PAIR_BFLOAT}
SCORES = {"identity": PAIR_IDENTITY, "exponential": PAIR_EXPONENTIAL, "jensen_shannon": PAIR_JENSEN_SHANNON}
FORMULAS_BY_NAME = {pair_formula_names[i].decode(): i for i in range(FORMULAS)}
# Those of margins: `second` and `target` belong to these alone.
MARGIN_FORMULAS = tuple(name for name, number in FORMULAS_BY_NAME.items() if number < FORMULA_PAIRS)

cdef enum:
    BUFFERS = 14  # inputs and outputs


cdef class Pairs:
    """One call of a loss; `evaluate` works on a range of tiles of ``TILE`` pairs, `sums` adds up what they left."""

    cdef af_pairs pairs
    cdef Py_buffer views[BUFFERS]
    cdef int attached
    cdef bint wide

    def __cinit__(self, loss, str storage, bint lengths_first, bint wide, Py_ssize_t n, inputs, outputs, double factor,
                  bint metrics):
        """Hold a `Loss`, `Inputs` and `Outputs` of ``structures``.

        What is given by its address the caller keeps alive, contiguous and of n items.
        """
        formula, score, beta, epsilon, gamma, lam, tau, delta, exponent = loss
        chosen, rejected, ref_chosen, ref_rejected, chosen_length, rejected_length, weight, target = inputs
        losses, grad_chosen, grad_rejected, second, chosen_rewards, rejected_rewards = outputs
        self.wide = wide
        self.pairs.n = n
        self.pairs.formula = FORMULAS_BY_NAME[formula]
        self.pairs.score = SCORES[score]
        self.pairs.storage = STORAGE[storage]
        self.pairs.lengths_first = lengths_first
        self.pairs.metrics = metrics
        self.pairs.factor = factor
        self.pairs.given.beta = beta
        self.pairs.given.epsilon = epsilon
        self.pairs.given.gamma = gamma
        self.pairs.given.lam = lam
        self.pairs.given.tau = tau
        self.pairs.given.delta = delta
        self.pairs.exponent = exponent
        cdef Py_ssize_t real = 8 if wide else 4, stored = real if self.pairs.storage == PAIR_OWN else 2
        self.pairs.input[0] = self.attach(chosen, stored, 0)
        self.pairs.input[1] = self.attach(rejected, stored, 0)
        self.pairs.input[2] = self.attach(ref_chosen, stored, 0)
        self.pairs.input[3] = self.attach(ref_rejected, stored, 0)
        self.pairs.length[0] = self.attach(chosen_length, real, 0)
        self.pairs.length[1] = self.attach(rejected_length, real, 0)
        self.pairs.weight = self.attach(weight, real, 0)
        self.pairs.target = self.attach(target, real, 0)
        self.pairs.loss = self.attach(losses, real, PyBUF_WRITABLE)
        self.pairs.gradient[0] = self.attach(grad_chosen, real, PyBUF_WRITABLE)
        self.pairs.gradient[1] = self.attach(grad_rejected, real, PyBUF_WRITABLE)
        self.pairs.second = self.attach(second, real, PyBUF_WRITABLE)
        self.pairs.reward[0] = self.attach(chosen_rewards, real, PyBUF_WRITABLE)
        self.pairs.reward[1] = self.attach(rejected_rewards, real, PyBUF_WRITABLE)
        self.pairs.sums = <double*>PyMem_Malloc(<size_t>(self.tiles() * PAIR_SUMS + 1) * sizeof(double))
        if self.pairs.sums is NULL:
            raise MemoryError

    cdef void *attach(self, object array, Py_ssize_t itemsize, int flags) except? NULL:
        """Hold the memory of `array` until this object goes; NULL for None, and an address as it is."""
        if array is None:
            return NULL
        if type(array) is int:
            return <void*><size_t>array
        cdef Py_buffer *view = &self.views[self.attached]
        PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | flags)
        self.attached += 1
        if view.itemsize != itemsize or view.len != self.pairs.n * itemsize:
            raise ValueError(f"an array of {view.len} bytes, {self.pairs.n} items of {itemsize} bytes are needed")
        return view.buf

    def __dealloc__(self):
        cdef int i
        for i in range(self.attached):
            PyBuffer_Release(&self.views[i])
        PyMem_Free(self.pairs.sums)

    cpdef Py_ssize_t tiles(self):
        """Return the number of tiles."""
        return (self.pairs.n + PAIR_TILE - 1) // PAIR_TILE

    def evaluate(self, Py_ssize_t first, Py_ssize_t last):
        """Work on tiles first..last-1."""
        if not 0 <= first <= last <= self.tiles():
            raise ValueError(f"tiles {first} to {last} of {self.tiles()}")
        with nogil:
            if self.wide:
                table.pairs_f64(&self.pairs, first, last)
            else:
                table.pairs_f32(&self.pairs, first, last)

    def sums(self):
        """Return the sums of losses and, with metrics, chosen rewards, rejected rewards and wins, over all tiles."""
        cdef double totals[PAIR_SUMS]
        add_sums(&self.pairs, self.tiles(), totals)
        return totals[PAIR_LOSS], totals[PAIR_CHOSEN_REWARD], totals[PAIR_REJECTED_REWARD], totals[PAIR_WINS]


cdef void add_sums(const af_pairs *pairs, Py_ssize_t tiles, double *totals) noexcept:
    """Write the sums over all tiles, from left to right; without metrics 0 for all but the loss."""
    cdef Py_ssize_t i
    cdef int kind
    for kind in range(PAIR_SUMS):
        totals[kind] = 0.0
        if kind == PAIR_LOSS or pairs.metrics:
            for i in range(tiles):
                totals[kind] += pairs.sums[i * PAIR_SUMS + kind]


cdef void margins_f64(int formula, Py_ssize_t n, const double *margin, double beta, double epsilon, double tau,
                      double *loss, double *grad, double *hess) noexcept nogil:
    cdef af_pairs pairs
    cdef double sums[PAIR_SUMS]
    cdef Py_ssize_t first = 0
    memset(&pairs, 0, sizeof(af_pairs))
    pairs.formula = formula
    pairs.sums = sums
    pairs.factor = 1.0
    pairs.given.beta = beta
    pairs.given.epsilon = epsilon
    pairs.given.tau = tau
    while first < n:
        pairs.n = min(<Py_ssize_t>PAIR_TILE, n - first)
        pairs.input[0] = margin + first
        pairs.loss = loss + first
        pairs.gradient[0] = grad + first if grad is not NULL else NULL
        pairs.second = hess + first if hess is not NULL else NULL
        table.pairs_f64(&pairs, 0, 1)
        first += PAIR_TILE


# ---- called by XLA ----

cdef extern from "alignment_fast/af_ffi.h":
    ctypedef struct af_ffi_buffer:
        int dtype
        void *data
    ctypedef struct af_ffi_array:
        size_t size
        void *data
    ctypedef struct af_ffi_list:
        int64_t size
        void **items
    ctypedef struct af_ffi_attributes:
        int64_t size
        void **items
    ctypedef struct af_ffi_frame:
        af_ffi_list arguments, results
        af_ffi_attributes attributes
    enum:
        AF_FFI_F32, AF_FFI_F64
    const size_t af_ffi_layout[23]
    void *af_ffi_fail(const af_ffi_frame *frame, const char *message) nogil
    bint af_ffi_is_question(const af_ffi_frame *frame) nogil
    int64_t af_ffi_size(const af_ffi_buffer *buffer) nogil

cdef enum:
    FFI_SLOTS = 8      # arrays of a call: four scores, two lengths, weight, target
    FFI_NUMBERS = 12   # which of them are there as bits, formula, score, lengths_first, then parameters and factor


cdef void *ffi_pairs(const af_ffi_frame *frame) noexcept nogil:
    """Evaluate a loss: one array attribute of FFI_NUMBERS doubles; results are losses and the gradients by side.

    Losses are one per pair, or fewer: one for so many pairs in a row, summed, and times the factor of the gradients.
    """
    cdef af_pairs pairs
    cdef af_ffi_buffer *buffer
    cdef af_ffi_buffer *losses
    cdef const double *number
    cdef const void *slots[FFI_SLOTS]
    cdef int64_t n, i, rows, given = 0
    cdef int slot, dtype
    if af_ffi_is_question(frame):
        return NULL
    if frame.attributes.size != 1 or (<af_ffi_array*>frame.attributes.items[0]).size != FFI_NUMBERS:
        return af_ffi_fail(frame, b"alignment_fast: one attribute of twelve numbers is needed")
    if frame.arguments.size < 1 or not 2 <= frame.results.size <= 3:
        return af_ffi_fail(frame, b"alignment_fast: arrays, losses and gradients are needed")
    number = <const double*>(<af_ffi_array*>frame.attributes.items[0]).data
    dtype = (<af_ffi_buffer*>frame.arguments.items[0]).dtype
    n = af_ffi_size(<af_ffi_buffer*>frame.arguments.items[0])
    losses = <af_ffi_buffer*>frame.results.items[0]
    rows = af_ffi_size(losses)
    if dtype != AF_FFI_F32 and dtype != AF_FFI_F64:
        return af_ffi_fail(frame, b"alignment_fast: float32 or float64 is needed")
    for i in range(frame.arguments.size + frame.results.size - 1):
        if i < frame.arguments.size:
            buffer = <af_ffi_buffer*>frame.arguments.items[i]
        else:
            buffer = <af_ffi_buffer*>frame.results.items[i - frame.arguments.size + 1]
        if buffer.dtype != dtype or af_ffi_size(buffer) != n:
            return af_ffi_fail(frame, b"alignment_fast: arrays of one shape and dtype are needed")
    if losses.dtype != dtype or (rows != n and (rows < 1 or n % rows != 0)):
        return af_ffi_fail(frame, b"alignment_fast: losses do not fit the arrays")
    for slot in range(FFI_SLOTS):
        slots[slot] = NULL
        if <int>number[0] >> slot & 1:
            if given < frame.arguments.size:
                slots[slot] = (<af_ffi_buffer*>frame.arguments.items[given]).data
            given += 1
    if given != frame.arguments.size or slots[0] is NULL or not 0 <= number[1] < FORMULAS:
        return af_ffi_fail(frame, b"alignment_fast: no such loss of these arrays")
    memset(&pairs, 0, sizeof(af_pairs))
    pairs.formula = <int>number[1]
    pairs.score = <int>number[2]
    pairs.lengths_first = <int>number[3]
    for slot in range(4):
        pairs.input[slot] = slots[slot]
    pairs.length[0] = slots[4]
    pairs.length[1] = slots[5]
    pairs.weight = slots[6]
    pairs.target = slots[7]
    pairs.given.beta = number[4]
    pairs.given.epsilon = number[5]
    pairs.given.gamma = number[6]
    pairs.given.lam = number[7]
    pairs.given.tau = number[8]
    pairs.given.delta = number[9]
    pairs.exponent = number[10]
    pairs.factor = number[11]
    for slot in range(<int>frame.results.size - 1):
        pairs.gradient[slot] = (<af_ffi_buffer*>frame.results.items[slot + 1]).data
    if rows == n:
        pairs.loss = losses.data
        rows = 1
    pairs.n = n // rows
    return ffi_run(frame, &pairs, dtype == AF_FFI_F64, rows, NULL if pairs.loss is not NULL else losses.data)


cdef void *ffi_run(const af_ffi_frame *frame, af_pairs *pairs, bint wide, int64_t rows, void *totals) noexcept nogil:
    """Evaluate the loss of `rows` times n pairs, one row after the other; write the sums to `totals` if given."""
    cdef Py_ssize_t tiles = (pairs.n + PAIR_TILE - 1) // PAIR_TILE, tile, step = pairs.n * (8 if wide else 4)
    cdef int64_t row
    cdef double total
    pairs.sums = <double*>malloc(<size_t>(tiles * PAIR_SUMS + 1) * sizeof(double))
    if pairs.sums is NULL:
        return af_ffi_fail(frame, b"alignment_fast: no memory")
    for row in range(rows):
        total = 0.0
        if wide:
            table.pairs_f64(pairs, 0, tiles)
        else:
            table.pairs_f32(pairs, 0, tiles)
        for tile in range(tiles):
            total += pairs.sums[tile * PAIR_SUMS + PAIR_LOSS]
        if totals is not NULL and wide:
            (<double*>totals)[row] = total * pairs.factor
        elif totals is not NULL:
            (<float*>totals)[row] = <float>(total * pairs.factor)
        ffi_next(pairs, step)
    free(pairs.sums)
    return NULL


cdef void ffi_next(af_pairs *pairs, Py_ssize_t step) noexcept nogil:
    """Move every array that is there by `step` bytes."""
    cdef int slot
    for slot in range(4):
        if pairs.input[slot] is not NULL:
            pairs.input[slot] = <const char*>pairs.input[slot] + step
    for slot in range(2):
        if pairs.length[slot] is not NULL:
            pairs.length[slot] = <const char*>pairs.length[slot] + step
        if pairs.gradient[slot] is not NULL:
            pairs.gradient[slot] = <char*>pairs.gradient[slot] + step
    if pairs.weight is not NULL:
        pairs.weight = <const char*>pairs.weight + step
    if pairs.target is not NULL:
        pairs.target = <const char*>pairs.target + step


# Address of the handler, sizes and offsets of what it reads.
FFI_PAIRS = <size_t>&ffi_pairs
FFI_LAYOUT = tuple([af_ffi_layout[i] for i in range(23)])


# ---- matching ----


def sort_differences(const floating[::1] x, const floating[::1] y, floating[::1] values, int32_t[::1] order):
    """Write x - y in ascending order to `values`, and the index of each of them to `order`."""
    cdef Py_ssize_t n = x.shape[0]
    if y.shape[0] != n or values.shape[0] != n or order.shape[0] != n or n > INT32_MAX:
        raise ValueError("four arrays of one length below 2^31 are needed")
    if n == 0:
        return
    cdef uint64_t *scratch = <uint64_t*>PyMem_Malloc(<size_t>n * 3 * sizeof(uint64_t))
    if scratch is NULL:
        raise MemoryError
    with nogil:
        if floating is double:
            table.sort_differences_f64(n, &x[0], &y[0], scratch, &order[0], &values[0])
        else:
            table.sort_differences_f32(n, &x[0], &y[0], scratch, &order[0], &values[0])
    PyMem_Free(scratch)


cdef void scatter_signed(Py_ssize_t n, const floating *values, const int32_t *order, floating sign,
                         floating *out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[order[i]] = sign * values[i]


def scatter(const floating[::1] values, const int32_t[::1] order, floating[::1] out, double sign=1.0):
    """Write ``out[order[i]] = sign values[i]``; `order` is a permutation, and `sign` 1 or -1."""
    cdef Py_ssize_t n = values.shape[0]
    if order.shape[0] != n or out.shape[0] != n:
        raise ValueError("three arrays of one length are needed")
    if n:
        with nogil:
            scatter_signed(n, &values[0], &order[0], <floating>sign, &out[0])


cdef void rewards_of(Py_ssize_t n, const floating *policy, const floating *reference, floating beta,
                     floating *out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = (policy[i] - reference[i]) * beta


def matched_rewards(const floating[::1] policy, const floating[::1] reference, double beta, floating[::1] out):
    """Write the rewards beta (policy - reference) of a loss that sorts its batch."""
    cdef Py_ssize_t n = policy.shape[0]
    if reference.shape[0] != n or out.shape[0] != n:
        raise ValueError("three arrays of one length are needed")
    if n:
        with nogil:
            rewards_of(n, &policy[0], &reference[0], <floating>beta, &out[0])


# ---- sequences ----

ctypedef fused logit:
    float
    double
    uint16_t  # float16 or bfloat16, as `storage` says


cdef af_token_rows rows_of(const logit[:, :, :] logits, int storage) except *:
    """Return the rows of `logits`, (sequences, tokens, letters), none of these 0."""
    cdef af_token_rows rows
    if logits.strides[2] != <Py_ssize_t>sizeof(logit):
        raise ValueError("the letters of a row must lie side by side")
    rows.logits = <void*>&logits[0, 0, 0]
    rows.sequence_stride = logits.strides[0] // <Py_ssize_t>sizeof(logit)
    rows.token_stride = logits.strides[1] // <Py_ssize_t>sizeof(logit)
    rows.tokens = logits.shape[1]
    rows.letters = logits.shape[2]
    rows.storage = storage
    return rows


def token_logprobs(const logit[:, :, :] logits, int storage, const int64_t[::1] token_ids, double[::1] log_partition,
                   double[::1] out, Py_ssize_t first_row, Py_ssize_t last_row):
    """Write log Σ e^z and z[id] - log Σ e^z of rows first_row..last_row-1, one per sequence and token.

    A negative token id masks its row: NaN and 0.
    """
    cdef af_token_rows rows = rows_of(logits, storage)
    with nogil:
        if logit is double:
            table.token_logprobs_f64(&rows, &token_ids[0], &log_partition[0], &out[0], first_row, last_row)
        else:
            table.token_logprobs_f32(&rows, &token_ids[0], &log_partition[0], &out[0], first_row, last_row)


def logit_gradients(const logit[:, :, :] logits, int storage, const int64_t[::1] token_ids,
                    const double[::1] log_partition, const double[::1] factor, logit[:, :, :] out,
                    Py_ssize_t first_row, Py_ssize_t last_row):
    """Write factor · (1[v = id] - e^{z_v - log Σ e^z}) of rows first_row..last_row-1; zeros where masked.

    `log_partition` as `token_logprobs` gives it, or None; `out` may be `logits`.
    """
    cdef af_token_rows rows = rows_of(logits, storage), gradients = rows_of(out, storage)
    cdef const double *known = NULL
    if log_partition is not None:
        known = &log_partition[0]
    with nogil:
        if logit is double:
            table.logit_gradients_f64(&rows, &token_ids[0], known, &factor[0], &gradients, first_row, last_row)
        else:
            table.logit_gradients_f32(&rows, &token_ids[0], known, &factor[0], &gradients, first_row, last_row)

# ---- vocabularies in tiles ----


cdef af_token_rows tile_of(const logit[:, :] logits, int storage) except *:
    """Return the rows of a tile of `logits`, (tokens, letters), none of these 0."""
    cdef af_token_rows rows
    if logits.strides[1] != <Py_ssize_t>sizeof(logit):
        raise ValueError("the letters of a row must lie side by side")
    rows.logits = <void*>&logits[0, 0]
    rows.sequence_stride = 0
    rows.token_stride = logits.strides[0] // <Py_ssize_t>sizeof(logit)
    rows.tokens = logits.shape[0]
    rows.letters = logits.shape[1]
    rows.storage = storage
    return rows


def vocabulary_sums(const logit[:, :] logits, int storage, const int64_t[::1] token_ids, Py_ssize_t first_letter,
                    bint moments, double[:, ::1] sums, Py_ssize_t first_row, Py_ssize_t last_row):
    """Add the letters of a tile to the sums of rows first_row..last_row-1; a negative token id masks its row."""
    cdef af_token_rows rows = tile_of(logits, storage)
    if sums.shape[1] != LETTERS_SUMS or sums.shape[0] != rows.tokens or token_ids.shape[0] != rows.tokens:
        raise ValueError("one token id and one row of LetterSums are needed for each row of logits")
    with nogil:
        if logit is double:
            table.vocabulary_sums_f64(&rows, &token_ids[0], first_letter, moments, &sums[0, 0], first_row, last_row)
        else:
            table.vocabulary_sums_f32(&rows, &token_ids[0], first_letter, moments, &sums[0, 0], first_row, last_row)


def vocabulary_gradients(const logit[:, :] logits, int storage, const int64_t[::1] token_ids, Py_ssize_t first_letter,
                         const double[::1] log_partition, const double[::1] factor,
                         const double[::1] entropy_factor, const double[::1] entropy, logit[:, :] out,
                         Py_ssize_t first_row, Py_ssize_t last_row):
    """Write factor (1[v = id] - p_v) - entropy_factor p_v (log p_v + entropy) of a tile; zeros where masked.

    `entropy_factor` and `entropy` may both be None; `out` may be `logits`.
    """
    cdef af_token_rows rows = tile_of(logits, storage), gradients = tile_of(out, storage)
    cdef const double *by_entropy = NULL
    cdef const double *known = NULL
    if entropy_factor is not None:
        by_entropy = &entropy_factor[0]
        known = &entropy[0]
    with nogil:
        if logit is double:
            table.vocabulary_gradients_f64(&rows, &token_ids[0], first_letter, &log_partition[0], &factor[0], by_entropy,
                                           known, &gradients, first_row, last_row)
        else:
            table.vocabulary_gradients_f32(&rows, &token_ids[0], first_letter, &log_partition[0], &factor[0], by_entropy,
                                           known, &gradients, first_row, last_row)


include "short.pxi"
