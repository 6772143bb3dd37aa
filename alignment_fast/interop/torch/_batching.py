"""Batches of calls under ``vmap``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch


def moved(batch: int, tensors: Sequence[Any], in_dims: Sequence[int | None]) -> list[Any]:
    """Return `tensors`, None where absent, with the batch as their first axis; what is not batched is expanded."""
    return [
        None if tensor is None else tensor.expand(batch, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        for tensor, dim in zip(tensors, in_dims, strict=True)
    ]


def one_by_one(
    apply: Callable[..., Any], batch: int, in_dims: Sequence[Any], arguments: Sequence[Any]
) -> tuple[Any, Any]:
    """Return the stacked results of `batch` calls, and where their batch is."""
    results = [
        apply(*[x.select(dim, k) if isinstance(dim, int) else x for x, dim in zip(arguments, in_dims, strict=True)])
        for k in range(batch)
    ]
    if isinstance(results[0], torch.Tensor):
        return torch.stack(results), 0
    stacked = tuple(torch.stack(parts) for parts in zip(*results, strict=True))
    return stacked, (0,) * len(stacked)
