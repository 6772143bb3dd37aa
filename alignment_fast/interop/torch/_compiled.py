"""The compiled passes on tensors of the CPU, which share their memory with arrays; vocabularies on all tensors.

The one module here that knows how the loops are called: a build for the kernel hub (``hub/``) has another in its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from alignment_fast._operations import operations
from alignment_fast.interop.torch import _cuda
from alignment_fast.interop.torch._tensors import storage_of

_ops: Any = operations("pairwise")
evaluate = _ops.evaluate
MARGIN_FORMULAS = _ops.MARGIN_FORMULAS


def token_logprobs(logits: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log p and log Σ e^z of every row, float64, for `logits` (sequences, tokens, letters); ids below 0 mask."""
    found = _ops.token_logprobs(_memory(logits), storage_of(logits.dtype), ids.numpy())
    return torch.from_numpy(found[0]), torch.from_numpy(found[1])


def logit_gradients(
    logits: torch.Tensor, ids: torch.Tensor, log_partition: torch.Tensor, factor: torch.Tensor, out: torch.Tensor
) -> None:
    """Write factor ∂ log p / ∂ z of every row to `out`; float64 columns, other arguments as in `token_logprobs`."""
    storage = storage_of(logits.dtype)
    _ops.logit_gradients(_memory(logits), storage, ids.numpy(), log_partition.numpy(), factor.numpy(), _memory(out))


def no_letters(model: torch.Tensor) -> torch.Tensor:
    """Return the sums of as many rows as `model` has, beside it, before their first tile: columns of ``LetterSums``."""
    return _cuda.no_letters(model) if _cuda.is_there(model) else torch.from_numpy(_ops.no_letters(len(model)))


def add_letters(table: torch.Tensor, tile: torch.Tensor, ids: torch.Tensor, first_letter: int, moments: bool) -> None:
    """Add a tile of logits (rows, letters), those from `first_letter` on, to `table`; ids below 0 mask."""
    if _cuda.is_there(tile):
        _cuda.add_letters(table, tile, ids, first_letter, moments)
        return
    storage = storage_of(tile.dtype)
    _ops.add_letters(table.numpy(), _memory(tile), ids.numpy(), first_letter, storage=storage, moments=moments)


def letter_gradients(
    tile: torch.Tensor, ids: torch.Tensor, first_letter: int, upstream: Any, out: torch.Tensor
) -> None:
    """Write the gradient of a tile of logits to `out`, which may be `tile`; `upstream` is an ``Upstream``."""
    if _cuda.is_there(tile):
        _cuda.letter_gradients(tile, ids, first_letter, upstream, out)
        return
    columns = [None if column is None else column.numpy() for column in upstream]
    log_p, entropy, log_partition, entropies = columns
    _ops.letter_gradients(
        _memory(tile),
        ids.numpy(),
        first_letter,
        log_partition,
        log_p,
        _memory(out),
        storage=storage_of(tile.dtype),
        entropy_factor=entropy,
        entropy=entropies,
    )


def _memory(tensor: torch.Tensor) -> Any:
    """Return a tensor as the kernels read it, 16-bit floats as their bits."""
    if tensor.dtype in (torch.float32, torch.float64):
        return tensor.numpy()
    return tensor.view(torch.int16).numpy().view(np.uint16)
