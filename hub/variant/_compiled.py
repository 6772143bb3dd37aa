"""The compiled passes on tensors of the CPU, from a plain shared library, which no other module knows how to call.

Vocabularies are on all tensors: those on a CUDA device go to ``_cuda``.
"""

import ctypes
import os
from ctypes import POINTER, c_double, c_int, c_size_t, c_ssize_t, c_void_p
from pathlib import Path

import torch

from . import _cuda
from .structures import LetterSums, Sums
from .threads import for_blocks

STORAGE = {"own": 0, "float16": 1, "bfloat16": 2}
SCORES = {"identity": 0, "exponential": 1, "jensen_shannon": 2}
_NAMES = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
_PARAMETERS = ("beta", "epsilon", "gamma", "lam", "tau", "delta")
_COST_OF_PAIR, _COST_OF_LOGIT = 4.0, 0.4  # nanoseconds, for the choice of the number of threads only


class _Pairs(ctypes.Structure):
    _fields_ = (
        ("n", c_ssize_t),
        *[(name, c_int) for name in ("formula", "score", "storage", "lengths_first")],
        ("input", c_void_p * 4),
        ("length", c_void_p * 2),
        ("weight", c_void_p),
        ("target", c_void_p),
        ("loss", c_void_p),
        ("gradient", c_void_p * 2),
        ("second", c_void_p),
        ("reward", c_void_p * 2),
        ("metrics", c_int),
        ("sums", c_void_p),
        ("factor", c_double),
        ("given", c_double * len(_PARAMETERS)),
        ("exponent", c_double),
    )


class _Rows(ctypes.Structure):
    _fields_ = (
        ("logits", c_void_p),
        *[(name, c_ssize_t) for name in ("sequence_stride", "token_stride", "tokens", "letters")],
        ("storage", c_int),
    )


_path = Path(__file__).with_name(f"pairwise-{os.uname().sysname}-{os.uname().machine}.so".lower())
_library = ctypes.CDLL(str(_path))
_library.af_formula_name.restype = ctypes.c_char_p
_sizes = (c_size_t * 7).in_dll(_library, "af_sizes")
TILE, _SUMS, _FORMULAS, _MARGINS = _sizes[2], _sizes[3], _sizes[5], _sizes[6]
if list(_sizes)[:2] != [ctypes.sizeof(_Pairs), ctypes.sizeof(_Rows)] or _sizes[4] != len(LetterSums._fields):
    raise ImportError(f"{_path.name} has other structures than {__name__}")
_FORMULA_NAMES = [_library.af_formula_name(i).decode() for i in range(_FORMULAS)]
FORMULAS_BY_NAME = {name: number for number, name in enumerate(_FORMULA_NAMES)}
MARGIN_FORMULAS = tuple(_FORMULA_NAMES[:_MARGINS])

_rows = (POINTER(_Rows), c_void_p)
_range = (c_ssize_t, c_ssize_t)
for _name, _arguments in {
    "evaluate": (POINTER(_Pairs),),
    "token_logprobs": (*_rows, c_void_p, c_void_p),
    "logit_gradients": (*_rows, c_void_p, c_void_p, POINTER(_Rows)),
    "add_letters": (*_rows, c_ssize_t, c_int, c_void_p),
    "letter_gradients": (*_rows, c_ssize_t, *[c_void_p] * 4, POINTER(_Rows)),
}.items():
    getattr(_library, f"af_{_name}").argtypes = (c_int, *_arguments, *_range)
    getattr(_library, f"af_{_name}").restype = None


def evaluate(loss, inputs, outputs, *, storage, wide, size, factor=1.0, lengths_first=False):
    """Run the loss over `size` pairs at the addresses in `inputs` and `outputs`; return the `Sums`."""
    pairs = _Pairs(n=size, formula=FORMULAS_BY_NAME[loss.formula], score=SCORES[loss.score], storage=STORAGE[storage])
    pairs.lengths_first, pairs.factor, pairs.exponent = lengths_first, factor, loss.exponent
    pairs.input[:], pairs.length[:] = inputs[:4], inputs[4:6]
    pairs.weight, pairs.target = inputs[6:]
    pairs.loss, pairs.gradient[:], pairs.second, pairs.reward[:] = outputs[0], outputs[1:3], outputs[3], outputs[4:]
    pairs.given[:] = [getattr(loss, name) for name in _PARAMETERS]
    tiles = -(-size // TILE)
    sums = torch.zeros(tiles + 1, _SUMS, dtype=torch.float64)
    pairs.sums = sums.data_ptr()
    for_blocks(lambda first, last: _library.af_evaluate(wide, pairs, first, last), tiles, work=_COST_OF_PAIR * size)
    total = 0.0
    for part in sums[:tiles, 0].tolist():  # in the order of the tiles
        total += part
    return Sums(total)


def token_logprobs(logits, ids):
    """Return log p and log Σ e^z of every row, float64, for `logits` (sequences, tokens, letters); ids below 0 mask."""
    log_p, log_partition = (torch.empty(ids.shape, dtype=torch.float64) for _ in range(2))
    _over_rows("token_logprobs", logits, ids, log_partition, log_p)
    return log_p, log_partition


def logit_gradients(logits, ids, log_partition, factor, out):
    """Write factor ∂ log p / ∂ z of every row to `out`."""
    _over_rows("logit_gradients", logits, ids, log_partition, factor, out)


def no_letters(model):
    """Return the sums of as many rows as `model` has before their first tile: columns of ``LetterSums``."""
    nothing = {"frame": -torch.inf, "token": torch.nan, "top": -torch.inf, "top_id": -1.0}
    first = [nothing.get(name, 0.0) for name in LetterSums._fields]
    return torch.tensor(first, dtype=torch.float64, device=model.device).repeat(len(model), 1)


def add_letters(table, tile, ids, first_letter, moments):
    """Add a tile of logits (rows, letters), those from `first_letter` on, to `table`; ids below 0 mask."""
    if _cuda.is_there(tile):
        _cuda.add_letters(table, tile, ids, first_letter, moments)
        return
    _over_rows("add_letters", tile[None], ids, first_letter, moments, table)


def letter_gradients(tile, ids, first_letter, upstream, out):
    """Write the gradient of a tile of logits to `out`, which may be `tile`."""
    if _cuda.is_there(tile):
        _cuda.letter_gradients(tile, ids, first_letter, upstream, out)
        return
    log_p, entropy, log_partition, entropies = upstream
    _over_rows("letter_gradients", tile[None], ids, first_letter, log_partition, log_p, entropy, entropies, out[None])


def _over_rows(name, logits, ids, *arguments):
    """Call a loop of the library on ranges of the rows of `logits`, (sequences, tokens, letters)."""
    if not logits.numel():
        return
    function, rows = getattr(_library, f"af_{name}"), _rows_of(logits)
    wide, at = logits.dtype == torch.float64, ids.data_ptr()
    given = [x if not isinstance(x, torch.Tensor) else x.data_ptr() if x.ndim < 3 else _rows_of(x) for x in arguments]
    for_blocks(
        lambda first, last: function(wide, rows, at, *given, first, last),
        len(ids),
        work=_COST_OF_LOGIT * logits.numel(),
    )


def _rows_of(logits):
    sequence, token, _ = logits.stride()
    storage = STORAGE[_NAMES.get(logits.dtype, "own")]
    return _Rows(logits.data_ptr(), sequence, token, *logits.shape[1:], storage)
