"""Token ids and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from alignment_fast._border.status import place
from alignment_fast.interop.torch._tensors import require_tensor

# What frameworks write in place of a token that does not count.
IGNORED = -100


def masked_ids(ids: torch.Tensor, mask: torch.Tensor | None, shape: torch.Size) -> torch.Tensor:
    """Return token ids, `IGNORED` where the mask is off, or raise TypeError or ValueError for what does not fit."""
    require_tensor(ids, "ids")
    if ids.dtype.is_floating_point or ids.dtype.is_complex or ids.dtype == torch.bool:
        raise TypeError(f"ids must be integers, not {ids.dtype}")
    if ids.shape != shape:
        raise ValueError(f"ids of shape {tuple(ids.shape)} do not fit tokens of shape {tuple(shape)}")
    if mask is None:
        return ids
    require_tensor(mask, "mask")
    if mask.device != ids.device:
        raise ValueError(f"mask is on {mask.device} and ids on {ids.device}")
    if mask.shape != shape:
        raise ValueError(f"mask of shape {tuple(mask.shape)} does not fit tokens of shape {tuple(shape)}")
    return ids.masked_fill(mask == 0, IGNORED)


def checked_ids(ids: torch.Tensor, letters: int) -> np.ndarray:
    """Return token ids as int64, -1 where masked; IndexError for one that counts and is no letter."""
    array = ids.detach().numpy().astype(np.int64)
    counting = array != IGNORED
    outside = np.flatnonzero(counting & ((array < 0) | (array >= letters)))
    if outside.size:
        first = int(outside[0])
        where = place(first, array.shape)
        raise IndexError(
            f"ids{where} = {array.flat[first]} is not one of the {letters} letters, and the mask is on there"
        )
    return np.ascontiguousarray(np.where(counting, array, -1))


def as_rows(logits: torch.Tensor) -> torch.Tensor:
    """Return logits as (sequences, tokens, letters) with letters side by side; a view wherever strides allow it."""
    rows = logits.reshape(-1, *logits.shape[-2:])
    return rows if rows.stride(-1) == 1 or rows.shape[-1] == 1 else rows.contiguous()


def memory_of(tensor: torch.Tensor) -> Any:
    """Return a tensor as the kernels read it, 16-bit floats as their bits."""
    if tensor.dtype in (torch.float32, torch.float64):
        return tensor.numpy()
    return tensor.view(torch.int16).numpy().view(np.uint16)
