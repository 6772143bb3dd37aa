"""Token ids and masks."""

from __future__ import annotations

import torch

from alignment_fast._border.place import place
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


def checked_ids(ids: torch.Tensor, letters: int) -> torch.Tensor:
    """Return token ids in one row, as int64, -1 where masked; IndexError for one that counts and is no letter."""
    found = ids.detach().to(torch.int64).reshape(-1)
    counting = found != IGNORED
    outside = counting & ((found < 0) | (found >= letters))
    if outside.any():
        first = int(outside.nonzero()[0])
        where = place(first, tuple(ids.shape))
        raise IndexError(
            f"ids{where} = {int(found[first])} is not one of the {letters} letters, and the mask is on there"
        )
    return torch.where(counting, found, -1)


def as_rows(logits: torch.Tensor) -> torch.Tensor:
    """Return logits as (sequences, tokens, letters) with letters side by side; a view wherever strides allow it."""
    rows = logits.reshape(-1, *logits.shape[-2:])
    return rows if rows.stride(-1) == 1 or rows.shape[-1] == 1 else rows.contiguous()
