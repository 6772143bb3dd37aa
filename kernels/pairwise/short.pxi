# The short path of small calls (kernels/common/short.pxd): rows of NumPy numbers in, named tuples out, or None where the
# general path must decide. One af_pairs on the stack goes to the same kernels, in tiles as there, so bits are the same.

import numpy

from cpython.buffer cimport Py_buffer
from libc.math cimport INFINITY

from alignment_fast.kernels.common.cpu cimport memory_of, number, opened, opened_of
from alignment_fast.kernels.common.short cimport is_flag

cdef object matmul = numpy.matmul
cdef object array_type = numpy.ndarray, empty = numpy.empty, new_tuple = tuple.__new__, float32 = numpy.float32
cdef object float64 = numpy.float64

cdef enum:
    SHORT_TILES = 4  # 4096 pairs, some 15 µs: less than what threads are woken for
    SHORT_PAIRS = SHORT_TILES * PAIR_TILE
    SHORT_BUFFERS = 13


cdef struct Call:  # buffers that are held, and what their arrays have in common
    Py_buffer views[SHORT_BUFFERS]
    int held
    char kind  # 'd' or 'f'
    Py_ssize_t size


cdef bint first_array(Call *call, object x, const void **data) noexcept:
    """Hold the first array of a call, which decides the type and the size of all; return whether it will do."""
    call.held = 0
    call.kind = opened(x, &call.views[0], 1)
    if call.kind == 0:
        return False
    call.held = 1
    call.size = call.views[0].shape[0]
    data[0] = call.views[0].buf
    return call.size <= SHORT_PAIRS


cdef bint next_array(Call *call, object x, const void **data) noexcept:
    """Hold a further array of the call; NULL for None. Return whether it will do."""
    cdef Py_buffer *view = &call.views[call.held]
    data[0] = NULL
    if x is None:
        return True
    cdef char kind = opened(x, view, 1)
    if kind == 0:
        return False
    call.held += 1
    data[0] = view.buf
    return kind == call.kind and view.shape[0] == call.size


cdef object new_array(Call *call, bint wanted, void **data):
    """Return a new array of the call's type and size, and hold it; NULL and None where it is not wanted."""
    cdef const void *memory = NULL
    data[0] = NULL
    if not wanted:
        return None
    out = empty(call.size) if call.kind == b'd' else empty(call.size, float32)
    if not next_array(call, out, &memory):  # a buffer needs memory of its own
        raise MemoryError
    data[0] = <void*>memory
    return out


cdef void release(Call *call) noexcept:
    cdef int i
    for i in range(call.held):
        PyBuffer_Release(&call.views[i])


cdef inline object real(const Call *call, double value):
    return float64(value) if call.kind == b'd' else float32(value)


cdef inline double at(const Call *call, const void *array, Py_ssize_t i) noexcept:
    return (<const double*>array)[i] if call.kind == b'd' else (<const float*>array)[i]


cdef bint positive(const Call *call, const void *lengths) noexcept:
    """Return whether all of the lengths, if there are any, are above 0."""
    cdef Py_ssize_t i
    if lengths is not NULL:
        for i in range(call.size):
            if not at(call, lengths, i) > 0.0:
                return False
    return True


cdef bint probable(const Call *call, const void *targets) noexcept:
    """Return whether all of the targets, if there are any, are in [0, 1]."""
    cdef Py_ssize_t i
    if targets is not NULL:
        for i in range(call.size):
            if not 0.0 <= at(call, targets, i) <= 1.0:
                return False
    return True


cdef int reduction_of(object reduction) noexcept:
    """Return 0, 1, 2 for "mean", "sum", "none", and -1 for anything else."""
    if type(reduction) is not str:
        return -1
    return 0 if reduction == "mean" else 1 if reduction == "sum" else 2 if reduction == "none" else -1


cdef void with_loss(af_pairs *pairs, loss):
    """Start `pairs` with the parameters of a `Loss`."""
    formula, score, beta, epsilon, gamma, lam, tau, delta, exponent = loss
    memset(pairs, 0, sizeof(af_pairs))
    pairs.formula = FORMULAS_BY_NAME[formula]
    pairs.score = SCORES[score]
    pairs.given.beta, pairs.given.epsilon, pairs.given.gamma = beta, epsilon, gamma
    pairs.given.lam, pairs.given.tau, pairs.given.delta = lam, tau, delta
    pairs.exponent = exponent


cdef void run(const Call *call, af_pairs *pairs, int reduction, double *totals) noexcept:
    """Evaluate the pairs, gradients divided by their number for "mean"; write the PAIR_SUMS sums to `totals`."""
    cdef double sums[SHORT_TILES * PAIR_SUMS]
    cdef Py_ssize_t tiles = (call.size + PAIR_TILE - 1) // PAIR_TILE, i
    pairs.n = call.size
    pairs.sums = sums
    pairs.factor = 1.0 / <double>call.size if reduction == 0 else 1.0
    if call.kind == b'd':
        table.pairs_f64(pairs, 0, tiles)
    else:
        table.pairs_f32(pairs, 0, tiles)
    add_sums(pairs, tiles, totals)


cdef object reduced(const Call *call, int reduction, double total, object losses):
    return losses if reduction == 2 else real(call, total / <double>call.size if reduction == 0 else total)


cdef double per_pair(const Call *call, double total) noexcept:
    return total / <double>call.size


cdef object metrics_of(const Call *call, const double *totals, kind):
    cdef double chosen = per_pair(call, totals[PAIR_CHOSEN_REWARD])
    cdef double rejected = per_pair(call, totals[PAIR_REJECTED_REWARD])
    return new_tuple(kind, (chosen, rejected, chosen - rejected, per_pair(call, totals[PAIR_WINS])))


# ---- losses that sort their batch (_matched.py) ----


cdef void differences(const Call *call, const void *x, const void *y, uint64_t *scratch, int32_t *order,
                      void *sorted) noexcept:
    cdef Py_ssize_t n = call.size
    if call.kind == b'd':
        table.sort_differences_f64(n, <const double*>x, <const double*>y, scratch, order, <double*>sorted)
    else:
        table.sort_differences_f32(n, <const float*>x, <const float*>y, scratch, order, <float*>sorted)


cdef bint run_matched(const Call *call, af_pairs *wanted, bint of_differences, int reduction, double *totals) noexcept:
    """Write what `run` does where margins are differences of two sorted lists; return whether there was memory."""
    cdef af_pairs pairs = wanted[0]
    cdef Py_ssize_t n = call.size
    cdef int other = 1 if of_differences else 2, rest = 2 if of_differences else 1, side
    cdef uint64_t *memory = <uint64_t*>PyMem_Malloc(<size_t>n * 7 * sizeof(uint64_t))
    cdef int32_t *order[2]
    if memory is NULL:
        return False
    cdef void *upper = &memory[3 * n]
    cdef void *lower = &memory[4 * n]
    cdef void *slope = &memory[5 * n]
    order[0] = <int32_t*>&memory[6 * n]
    order[1] = order[0] + n
    differences(call, wanted.input[0], wanted.input[other], memory, order[0], upper)
    differences(call, wanted.input[rest], wanted.input[3], memory, order[1], lower)
    pairs.input[0], pairs.input[1], pairs.input[2], pairs.input[3] = upper, lower, NULL, NULL
    pairs.gradient[0], pairs.gradient[1] = slope if wanted.gradient[0] is not NULL else NULL, NULL
    pairs.reward[0], pairs.reward[1] = NULL, NULL
    pairs.lengths_first = False
    run(call, &pairs, reduction, totals)
    for side in range(2):
        if call.kind == b'd':
            if wanted.gradient[side] is not NULL:
                scatter_signed(n, <const double*>slope, order[0 if of_differences else side], -1.0 if side else 1.0,
                               <double*>wanted.gradient[side])
            rewards_of(n, <const double*>wanted.input[side], <const double*>wanted.input[2 + side], wanted.given.beta,
                       <double*>wanted.reward[side])
        else:
            if wanted.gradient[side] is not NULL:
                scatter_signed(n, <const float*>slope, order[0 if of_differences else side],
                               <float>(-1.0 if side else 1.0), <float*>wanted.gradient[side])
            rewards_of(n, <const float*>wanted.input[side], <const float*>wanted.input[2 + side],
                       <float>wanted.given.beta, <float*>wanted.reward[side])
    PyMem_Free(memory)
    return True


def short_preference_loss(result, of_metrics, plan, policy_chosen, policy_rejected, ref_chosen, ref_rejected,
                          chosen_length, rejected_length, weight, reduction, grad, metrics):
    """Return the `result` of `preference_loss`, or None where the general path must decide."""
    cdef Call call
    cdef af_pairs pairs
    cdef double totals[PAIR_SUMS]
    cdef bint wants_grad = grad is True, two_sided = policy_rejected is not None
    cdef int reduce_by = reduction_of(reduction)
    _, loss, has_reference, has_rejected, takes_lengths, matched = plan
    cdef bint with_lengths = chosen_length is not None or rejected_length is not None
    if reduce_by < 0 or not (is_flag(grad) and is_flag(metrics)) or (has_rejected and not two_sided):
        return None
    if with_lengths and (chosen_length is None or rejected_length is None):
        return None
    if takes_lengths is not None and with_lengths != takes_lengths:
        return None
    if not has_reference:
        ref_chosen = ref_rejected = None
    elif ref_chosen is None or ref_rejected is None:
        return None
    with_loss(&pairs, loss)
    pairs.metrics, pairs.lengths_first = metrics, not has_reference
    try:
        if not (
            first_array(&call, policy_chosen, &pairs.input[0])
            and next_array(&call, policy_rejected, &pairs.input[1])
            and next_array(&call, ref_chosen, &pairs.input[2])
            and next_array(&call, ref_rejected, &pairs.input[3])
            and next_array(&call, chosen_length, &pairs.length[0])
            and next_array(&call, rejected_length, &pairs.length[1])
            and next_array(&call, weight, &pairs.weight)
            and positive(&call, pairs.length[0])
            and positive(&call, pairs.length[1])
        ):
            return None
        losses = new_array(&call, reduce_by == 2, &pairs.loss)
        grad_chosen = new_array(&call, wants_grad, &pairs.gradient[0])
        grad_rejected = new_array(&call, wants_grad and two_sided, &pairs.gradient[1])
        chosen_rewards = new_array(&call, True, &pairs.reward[0])
        rejected_rewards = new_array(&call, two_sided, &pairs.reward[1])
        if matched is None:
            run(&call, &pairs, reduce_by, totals)
        elif metrics or weight is not None:
            return None
        elif not run_matched(&call, &pairs, matched == "differences", reduce_by, totals):
            return None
        value = reduced(&call, reduce_by, totals[PAIR_LOSS], losses)
        return new_tuple(result, (value, chosen_rewards, rejected_rewards, grad_chosen, grad_rejected,
                                  metrics_of(&call, totals, of_metrics) if metrics else None))
    finally:
        release(&call)


def short_margin_loss(result, plan, margin, target, weight, reduction, grad, hess):
    """Return the `result` of `margin_loss`, or None where the general path must decide."""
    cdef Call call
    cdef af_pairs pairs
    cdef double totals[PAIR_SUMS]
    cdef int reduce_by = reduction_of(reduction)
    if reduce_by < 0 or not (is_flag(grad) and is_flag(hess)):
        return None
    with_loss(&pairs, plan[1])
    try:
        if not (
            first_array(&call, margin, &pairs.input[0])
            and next_array(&call, target, &pairs.target)
            and next_array(&call, weight, &pairs.weight)
            and probable(&call, pairs.target)
        ):
            return None
        losses = new_array(&call, reduce_by == 2, &pairs.loss)
        first = new_array(&call, grad, &pairs.gradient[0])
        second = new_array(&call, hess, &pairs.second)
        run(&call, &pairs, reduce_by, totals)
        return new_tuple(result, (reduced(&call, reduce_by, totals[PAIR_LOSS], losses), first, second))
    finally:
        release(&call)


# ---- answers that are marked desirable or not (unpaired.py) ----


cdef bint labelled(const Call *call, object desirable, double weight, double other_weight, double *scratch,
                   af_pairs *pairs) noexcept:
    """Write targets 1 and 0, and the weights of the answers, to `scratch`; return whether it could."""
    cdef Py_buffer labels
    cdef Py_ssize_t i, n = call.size
    cdef const unsigned char *marked
    if not opened_of(b"?", desirable, &labels, 1):
        return False
    if labels.shape[0] != n:
        PyBuffer_Release(&labels)
        return False
    marked = <const unsigned char*>labels.buf
    if call.kind == b'd':
        for i in range(n):
            scratch[i], scratch[n + i] = marked[i], weight if marked[i] else other_weight
        pairs.target, pairs.weight = scratch, scratch + n
    else:
        for i in range(n):
            (<float*>scratch)[i], (<float*>scratch)[n + i] = marked[i], <float>(weight if marked[i] else other_weight)
        pairs.target, pairs.weight = scratch, <float*>scratch + n
    PyBuffer_Release(&labels)
    return True


def short_unpaired_loss(result, formula, policy, ref, desirable, beta, shift, desirable_weight, undesirable_weight,
                        reduction, grad):
    """Return the `result` of `unpaired_loss` at kl = `shift`, or None where the general path must decide."""
    cdef Call call
    cdef af_pairs pairs
    cdef double totals[PAIR_SUMS]
    cdef double given[4]
    cdef double scratch[2 * SHORT_PAIRS]
    cdef int reduce_by = reduction_of(reduction)
    if not (
        reduce_by >= 0
        and is_flag(grad)
        and number(beta, &given[0])
        and number(shift, &given[1])
        and number(desirable_weight, &given[2])
        and number(undesirable_weight, &given[3])
        and 0.0 < given[0] < INFINITY
        and -INFINITY < given[1] < INFINITY
    ):
        return None
    memset(&pairs, 0, sizeof(af_pairs))
    pairs.formula = FORMULAS_BY_NAME[formula]
    pairs.given.beta, pairs.given.gamma, pairs.given.tau = given[0], max(0.0, given[1]), 1.0
    try:
        if not (
            first_array(&call, policy, &pairs.input[0])
            and next_array(&call, ref, &pairs.input[2])
            and pairs.input[2] is not NULL
            and labelled(&call, desirable, given[2], given[3], scratch, &pairs)
        ):
            return None
        losses = new_array(&call, reduce_by == 2, &pairs.loss)
        slope = new_array(&call, grad, &pairs.gradient[0])
        rewards = new_array(&call, True, &pairs.reward[0])
        run(&call, &pairs, reduce_by, totals)
        return new_tuple(result, (reduced(&call, reduce_by, totals[PAIR_LOSS], losses), rewards, slope))
    finally:
        release(&call)


# ---- sums of differences (unpaired.py) ----


def sum_of_differences(const floating[::1] x, const floating[::1] y):
    """Return Σ (x - y) of two arrays of one length."""
    cdef double total = 0.0
    if x.shape[0] != y.shape[0]:
        raise ValueError("two arrays of one length are needed")
    if x.shape[0]:
        if floating is double:
            total = table.difference_sum_f64(x.shape[0], &x[0], &y[0])
        else:
            total = table.difference_sum_f32(x.shape[0], &x[0], &y[0])
    return total


cdef double mean_reward(const Call *call, const void *policy, const void *ref) noexcept:
    if call.kind == b'd':
        return per_pair(call, table.difference_sum_f64(call.size, <const double*>policy, <const double*>ref))
    return per_pair(call, table.difference_sum_f32(call.size, <const float*>policy, <const float*>ref))


def short_batch_kl(policy, ref, beta):
    """Return `batch_kl`, or None where the general path must decide."""
    cdef Call call
    cdef const void *mine = NULL
    cdef const void *other = NULL
    cdef double factor, mean
    if not number(beta, &factor):
        return None
    try:
        if not (first_array(&call, policy, &mine) and next_array(&call, ref, &other) and other is not NULL):
            return None
        mean = mean_reward(&call, mine, other)
        return factor * (mean if mean != mean else max(0.0, mean))
    finally:
        release(&call)


# ---- log-probabilities of sequences (sequence.py) ----

cdef enum:
    SHORT_LOGITS = 1 << 17  # some 40 µs: less than what threads are woken for
    IGNORED = -100


cdef struct Sequences:
    af_token_rows rows
    Py_buffer views[5]
    int held
    char kind
    Py_ssize_t count, size  # sequences, tokens of all of them
    double *memory          # log-partitions, log-probabilities, factors and token ids, `size` each
    int64_t *ids


cdef bint open_sequences(Sequences *call, logits, token_ids, mask) noexcept:
    """Hold the arrays of a call, and mask tokens by the id -1; return whether they will do."""
    cdef Py_buffer *view = &call.views[0]
    cdef Py_ssize_t i
    call.held, call.memory = 0, NULL
    call.kind = opened(logits, view, 2)
    if call.kind == 0:
        call.kind = opened(logits, view, 3)
    if call.kind == 0:
        return False
    call.held = 1
    call.rows.tokens, call.rows.letters = view.shape[view.ndim - 2], view.shape[view.ndim - 1]
    call.count = view.shape[0] if view.ndim == 3 else 1
    call.size = call.count * call.rows.tokens
    call.rows.logits, call.rows.storage = view.buf, PAIR_OWN
    call.rows.token_stride, call.rows.sequence_stride = call.rows.letters, call.rows.tokens * call.rows.letters
    if call.size * call.rows.letters > SHORT_LOGITS or not of_tokens(call, token_ids, b"l"):
        return False
    if mask is not None and not of_tokens(call, mask, b"?"):
        return False
    call.memory = <double*>PyMem_Malloc(<size_t>call.size * 4 * sizeof(double))
    if call.memory is NULL:
        return False
    call.ids = <int64_t*>(call.memory + 3 * call.size)
    cdef const unsigned char *counts = NULL
    if mask is not None:
        counts = <const unsigned char*>call.views[2].buf
    return masked_ids(call, <const int64_t*>call.views[1].buf, counts)


cdef bint of_tokens(Sequences *call, object x, const char *kind) noexcept:
    """Hold an array with one value for each token; return whether it is one."""
    cdef Py_buffer *logits = &call.views[0]
    cdef Py_buffer *view = &call.views[call.held]
    cdef int axis
    if not opened_of(kind, x, view, logits.ndim - 1):
        return False
    call.held += 1
    for axis in range(view.ndim):
        if view.shape[axis] != logits.shape[axis]:
            return False
    return True


cdef bint masked_ids(Sequences *call, const int64_t *given, const unsigned char *mask) noexcept:
    """Write the ids of tokens that count, -1 elsewhere; return whether all of them are letters."""
    cdef Py_ssize_t i
    for i in range(call.size):
        if given[i] == IGNORED or (mask is not NULL and not mask[i]):
            call.ids[i] = -1
        elif 0 <= given[i] < call.rows.letters:
            call.ids[i] = given[i]
        else:
            return False
    return True


cdef void close_sequences(Sequences *call) noexcept:
    cdef int i
    PyMem_Free(call.memory)
    for i in range(call.held):
        PyBuffer_Release(&call.views[i])


cdef Py_ssize_t counted(const Sequences *call, Py_ssize_t sequence) noexcept:
    """Return how many tokens of a sequence count."""
    cdef Py_ssize_t t, found = 0, first = sequence * call.rows.tokens
    for t in range(call.rows.tokens):
        found += call.ids[first + t] >= 0
    return found


cdef bint masks(const Sequences *call) noexcept:
    """Return whether some token does not count."""
    cdef Py_ssize_t i
    for i in range(call.size):
        if call.ids[i] < 0:
            return True
    return False


cdef double row_sum(Py_ssize_t n, const double *x) noexcept nogil:
    """Return the sum of n numbers: eight lanes, folded by halves."""
    cdef double lane[8]
    cdef Py_ssize_t i
    cdef int l
    for l in range(8):
        lane[l] = 0.0
    for i in range(n):
        lane[i % 8] += x[i]
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]))


def row_sums(const double[:, ::1] x, double[::1] out):
    """Write the sum of every row of `x` to `out`."""
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        out[i] = row_sum(x.shape[1], &x[i, 0]) if x.shape[1] else 0.0


cdef bint averages(const Sequences *call, bint average) noexcept:
    """Return whether every sequence has a token that counts, if that matters."""
    cdef Py_ssize_t i
    for i in range(call.count if average else 0):
        if counted(call, i) == 0:
            return False
    return True


cdef double sequence_value(const Sequences *call, Py_ssize_t i, bint average) noexcept:
    cdef double value = row_sum(call.rows.tokens, call.memory + call.size + i * call.rows.tokens)
    value = value / <double>counted(call, i) if average else value
    return value if call.kind == b'd' else <double><float>value


def short_sequence_logprobs(logits, token_ids, mask, average, return_log_partition):
    """Return `sequence_logprobs`, or None where the general path must decide."""
    return logprobs_of(logits, token_ids, mask, average, return_log_partition, False)


cdef object hidden_logits(hidden, weight, token_ids):
    """Return the logits of few tokens by one matrix product, as the general path does where there is one chunk, or None."""
    cdef Py_buffer states, layer
    cdef char kind = opened(hidden, &states, 3)
    cdef Py_ssize_t letters = 0
    cdef bint fits
    if kind == 0:
        kind = opened(hidden, &states, 2)
    if kind == 0:
        return None
    fits = opened(weight, &layer, 2) == kind
    if fits:
        fits = layer.shape[1] == states.shape[states.ndim - 1]
        fits = fits and states.len // (layer.shape[1] * states.itemsize) * layer.shape[0] <= SHORT_LOGITS
        letters = layer.shape[0]
        PyBuffer_Release(&layer)
    PyBuffer_Release(&states)
    if not fits or type(token_ids) is not array_type or hidden.shape[: hidden.ndim - 1] != token_ids.shape:
        return None
    logits = matmul(hidden.reshape(-1, hidden.shape[hidden.ndim - 1]), weight.T)
    return logits.reshape(*token_ids.shape, letters)


def short_sequence_logprobs_hidden(hidden, weight, token_ids, average):
    """Return `sequence_logprobs_hidden` of tokens that all count, or None where the general path must decide."""
    logits = hidden_logits(hidden, weight, token_ids)
    return None if logits is None else logprobs_of(logits, token_ids, None, average, False, True)


def short_sequence_logprobs_hidden_grad(hidden, weight, token_ids, upstream, average):
    """Return the gradients with respect to `hidden` and `weight` of tokens that all count, or None as above."""
    logits = hidden_logits(hidden, weight, token_ids)
    if logits is None:
        return None
    gradients = gradients_of(logits, token_ids, None, upstream, average, None, True)
    if gradients is None:
        return None
    rows = gradients.reshape(-1, len(weight))
    states = hidden.reshape(-1, hidden.shape[hidden.ndim - 1])
    return matmul(rows, weight).reshape(hidden.shape), matmul(rows.T, states)


cdef object logprobs_of(logits, token_ids, mask, average, return_log_partition, bint complete):
    """Return what `short_sequence_logprobs` does; None too where a token is masked and all must be there."""
    cdef Sequences call
    cdef void *written
    cdef Py_ssize_t i
    cdef bint mean = average is True
    if not (is_flag(average) and is_flag(return_log_partition)):
        return None
    try:
        if not (open_sequences(&call, logits, token_ids, mask) and averages(&call, mean)):
            return None
        if complete and masks(&call):
            return None
        if call.kind == b'd':
            table.token_logprobs_f64(&call.rows, call.ids, call.memory, call.memory + call.size, 0, call.size)
        else:
            table.token_logprobs_f32(&call.rows, call.ids, call.memory, call.memory + call.size, 0, call.size)
        if call.views[0].ndim == 2:
            out = (float64 if call.kind == b'd' else float32)(sequence_value(&call, 0, mean))
        else:
            out = empty(call.count) if call.kind == b'd' else empty(call.count, float32)
            written = memory_of(out)
            for i in range(call.count):
                if call.kind == b'd':
                    (<double*>written)[i] = sequence_value(&call, i, mean)
                else:
                    (<float*>written)[i] = <float>sequence_value(&call, i, mean)
        if not return_log_partition:
            return out
        log_partition = empty(token_ids.shape)
        memcpy(memory_of(log_partition), call.memory, <size_t>call.size * sizeof(double))
        return out, log_partition
    finally:
        close_sequences(&call)


cdef bint factors(Sequences *call, object upstream, bint average) noexcept:
    """Write the factor of every row's gradient; return whether `upstream` is None, a number or one per sequence."""
    cdef double *factor = call.memory + 2 * call.size
    cdef double shared = 1.0, value
    cdef const double *each = NULL
    cdef Py_buffer view
    cdef Py_ssize_t i, t
    if upstream is not None and not number(upstream, &shared):
        if call.views[0].ndim != 3 or opened(upstream, &view, 1) == 0:
            return False
        if view.format[0] != b'd' or view.shape[0] != call.count:
            PyBuffer_Release(&view)
            return False
        each = <const double*>view.buf
    for i in range(call.count):
        value = shared if each is NULL else each[i]
        value = value / <double>counted(call, i) if average else value
        for t in range(call.rows.tokens):
            factor[i * call.rows.tokens + t] = value
    if each is not NULL:
        PyBuffer_Release(&view)
    return True


def short_sequence_logprobs_grad(logits, token_ids, mask, upstream, average, log_partition):
    """Return `sequence_logprobs_grad`, or None where the general path must decide."""
    return gradients_of(logits, token_ids, mask, upstream, average, log_partition, False)


cdef object gradients_of(logits, token_ids, mask, upstream, average, log_partition, bint complete):
    """Return what `short_sequence_logprobs_grad` does; None too where a token is masked and all must be there."""
    cdef Sequences call
    cdef af_token_rows gradients
    cdef const double *known = NULL
    cdef const double *factor
    cdef bint mean = average is True
    if not is_flag(average):
        return None
    try:
        if not (open_sequences(&call, logits, token_ids, mask) and averages(&call, mean)):
            return None
        if not factors(&call, upstream, mean) or (complete and masks(&call)):
            return None
        factor = call.memory + 2 * call.size
        if log_partition is not None:
            if not of_tokens(&call, log_partition, b"d"):
                return None
            known = <const double*>call.views[call.held - 1].buf
        out = empty(logits.shape) if call.kind == b'd' else empty(logits.shape, float32)
        gradients = call.rows
        gradients.logits = memory_of(out)
        if call.kind == b'd':
            table.logit_gradients_f64(&call.rows, call.ids, known, factor, &gradients, 0, call.size)
        else:
            table.logit_gradients_f32(&call.rows, call.ids, known, factor, &gradients, 0, call.size)
        return out
    finally:
        close_sequences(&call)
