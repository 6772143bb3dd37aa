"""The operations of this family on arrays of a CUDA device: losses of pairs, margins and single answers.

Sums stay on the device, and so do the loss and the metrics made of them: nothing waits for the device.
"""

import struct

import numpy as np

from alignment_fast.kernels.common import driver, images
from alignment_fast.kernels.common.launches import THREADS, blocks_for, blocks_for_warps
from alignment_fast.kernels.pairwise import cpu
from alignment_fast.kernels.pairwise.structures import Sums

__all__ = [
    "add_letters",
    "evaluate",
    "labels",
    "letter_gradients",
    "masked_logit_gradients",
    "masked_logprobs",
    "reduced_loss",
    "reduced_metrics",
]

_LIBRARY = images.library("pairwise")
_PAIRS = struct.Struct("<q4i14Qi4xQd6dd")  # af_pairs of structures.h
_SUMS = 4  # per tile
MOST_ROWS = 1 << 16  # of logits that have a block of threads each; further ones take turns
_FLOAT64 = np.dtype(np.float64)


def _both(name, kinds, narrow="f", wide="d"):
    """Return the kernels of both types by ``wide``."""
    return tuple(
        driver.Kernel(_LIBRARY, f"{name}_{suffix}", kinds.replace("r", real))
        for suffix, real in (("f32", narrow), ("f64", wide))
    )


_GENERAL = _both("pairs", "s")
_PLAIN = {name: _both(f"plain_{name}", "s") for name in cpu.MARGIN_FORMULAS}
_MEAN_LOSS = _both("mean_loss", "qpdp")
_LABELS = _both("labels", "qppprr")
_METRICS = driver.Kernel(_LIBRARY, "mean_metrics", "qpdpppp")


def evaluate(
    loss, inputs, outputs, *, storage, wide, size, factor=1.0, lengths_first=False, metrics=False, num_threads=None
):
    """Run the loss over `size` pairs as `operations.evaluate` does; the `Sums` are of each tile, (tiles, 4)."""
    place = inputs.chosen.place
    tiles = -(-size // cpu.TILE)
    sums = place.empty((tiles, _SUMS), _FLOAT64)
    found = Sums(sums, sums, sums, sums)
    if not tiles:
        return found
    pointers = [0 if array is None else array.pointer for array in (*inputs, *outputs)]
    packed = _PAIRS.pack(
        size,
        cpu.FORMULAS_BY_NAME[loss.formula],
        cpu.SCORES[loss.score],
        cpu.STORAGE[storage],
        lengths_first,
        *pointers,
        metrics,
        sums.pointer,
        factor,
        *(loss.beta, loss.epsilon, loss.gamma, loss.lam, loss.tau, loss.delta),
        loss.exponent,
    )
    plain = storage == "own" and _is_plain(loss, inputs, outputs)
    kernel = (_PLAIN[loss.formula] if plain else _GENERAL)[wide]
    kernel.launch(place.device, place.stream, *blocks_for_warps(tiles, place.device), (packed,))
    return found


def _is_plain(loss, inputs, outputs):
    """Return whether the kernel for four arrays and no more serves: the rule of pairs.inc."""
    return (
        loss.formula in _PLAIN
        and loss.score == "identity"
        and all(array is not None for array in inputs[:4])
        and all(array is None for array in inputs[4:])
        and outputs.second is None
        and outputs.loss is None
    )


def reduced_loss(sums, divisor, dtype):
    """Return the sum of the losses divided by `divisor`, as an array without axes in the caller's library."""
    of = sums.loss
    out = of.place.empty((), dtype)
    arguments = (of.shape[0], of.pointer, divisor, out.pointer)
    _MEAN_LOSS[out.dtype == _FLOAT64].launch(of.place.device, of.place.stream, 1, 32, arguments)
    return out


def reduced_metrics(sums, size):
    """Return mean chosen and rejected rewards, their difference and the accuracy, as arrays without axes."""
    of = sums.loss
    found = tuple(of.place.empty((), _FLOAT64) for _ in range(4))
    arguments = (of.shape[0], of.pointer, float(size), *(array.pointer for array in found))
    _METRICS.launch(of.place.device, of.place.stream, 1, 32, arguments)
    return found


def labels(desirable, dtype, weights):
    """Return targets 1 and 0 of an array of booleans, and the weight of each answer; None where both weights are 1."""
    place = desirable.place
    target = place.empty(desirable.shape, dtype)
    weight = None if weights == (1.0, 1.0) else place.empty(desirable.shape, dtype)
    if desirable.size:
        pointers = desirable.pointer, target.pointer, None if weight is None else weight.pointer
        arguments = (desirable.size, *pointers, *map(float, weights))
        shape = blocks_for(desirable.size, place.device)
        _LABELS[target.dtype == _FLOAT64].launch(place.device, place.stream, *shape, arguments)
    return target, weight


# ---- tokens ----

_ROWS = struct.Struct("<Q4qi4x")  # af_token_rows
_LOGPROBS = _both("token_logprobs", "sqppqpp")
_SEQUENCE_SUMS = _both("sequence_sums", "qqpppqqp")
_LOGIT_GRADIENTS = _both("logit_gradients", "sqppqpqs")


def _token_rows(logits):
    *_, tokens, letters = logits.shape
    return _ROWS.pack(logits.pointer, tokens * letters, letters, tokens, letters, cpu.STORAGE[logits.storage])


def _pointer(array):
    return None if array is None else array.pointer


def masked_logprobs(logits, token_ids, mask, ignored, *, average, log_partition):
    """Return the sums of log p over the tokens of each sequence, and log Σ e^z of every token or None.

    `logits` (..., T, V), `token_ids` (..., T) int64, `mask` booleans or None; the token `ignored` is masked too.
    """
    place, wide = logits.place, int(logits.dtype == _FLOAT64)
    *leading, tokens = token_ids.shape
    of_tokens = place.empty(token_ids.shape, _FLOAT64)
    partition = place.empty(token_ids.shape, _FLOAT64) if log_partition else None
    out = place.empty(tuple(leading), _FLOAT64 if wide else np.dtype(np.float32))
    rows = token_ids.size
    if rows:
        which = token_ids.pointer, _pointer(mask), ignored
        results = _pointer(partition), of_tokens.pointer
        grid = min(rows, MOST_ROWS), THREADS
        _LOGPROBS[wide].launch(place.device, place.stream, *grid, (_token_rows(logits), rows, *which, *results))
    if out.size:
        which = of_tokens.pointer, token_ids.pointer, _pointer(mask), ignored
        arguments = (out.size, tokens, *which, average, out.pointer)
        _SEQUENCE_SUMS[wide].launch(place.device, place.stream, *blocks_for_warps(out.size, place.device), arguments)
    return out, partition


def masked_logit_gradients(logits, token_ids, mask, ignored, upstream, out, *, average):
    """Write the gradient of `masked_logprobs` times `upstream` (...) or 1 to `out`, which may be `logits`."""
    place, rows = logits.place, token_ids.size
    if rows:
        which = token_ids.pointer, _pointer(mask), ignored, _pointer(upstream), average
        arguments = (_token_rows(logits), rows, *which, _token_rows(out))
        grid = min(rows, MOST_ROWS), THREADS
        _LOGIT_GRADIENTS[logits.dtype == _FLOAT64].launch(place.device, place.stream, *grid, arguments)


# ---- vocabularies in tiles ----

_VOCABULARY_SUMS = _both("vocabulary_sums", "sqpqqp")
_VOCABULARY_GRADIENTS = _both("vocabulary_gradients", "sqpqpppps")


def _tile_rows(tile):
    rows, letters = tile.shape
    return _ROWS.pack(tile.pointer, 0, letters, max(rows, 1), letters, cpu.STORAGE[tile.storage])


def add_letters(sums, logits, token_ids, first_letter, *, storage="own", moments=False, num_threads=None):
    """Add a tile of `logits` (rows, letters), those from `first_letter` on, to `sums`; token ids below 0 mask."""
    if logits.size:
        place, rows = logits.place, logits.shape[0]
        arguments = (_tile_rows(logits), rows, token_ids.pointer, first_letter, moments, sums.pointer)
        grid = min(rows, MOST_ROWS), THREADS
        _VOCABULARY_SUMS[logits.dtype == _FLOAT64].launch(place.device, place.stream, *grid, arguments)


def letter_gradients(
    logits,
    token_ids,
    first_letter,
    log_partition,
    factor,
    out,
    *,
    storage="own",
    entropy_factor=None,
    entropy=None,
    num_threads=None,
):
    """Write factor ∂ log p / ∂ z + entropy_factor ∂ entropy / ∂ z of a tile to `out`, which may be `logits`."""
    if logits.size:
        place, rows = logits.place, logits.shape[0]
        columns = map(_pointer, (log_partition, factor, entropy_factor, entropy))
        arguments = (_tile_rows(logits), rows, token_ids.pointer, first_letter, *columns, _tile_rows(out))
        grid = min(rows, MOST_ROWS), THREADS
        _VOCABULARY_GRADIENTS[logits.dtype == _FLOAT64].launch(place.device, place.stream, *grid, arguments)
