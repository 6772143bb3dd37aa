"""Memory that is kept between calls: fresh pages cost more than the kernels that run over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

KEPT = 1 << 26  # bytes of each dtype that stay allocated; larger scratch is given back after the call

_kept: dict[torch.dtype, torch.Tensor] = {}


@contextmanager
def scratch(size: int, dtype: torch.dtype) -> Iterator[torch.Tensor]:
    """Lend `size` numbers of scratch on the CPU; a call inside of another one, or beside it, gets its own."""
    room = _kept.pop(dtype, None)
    if room is None or room.numel() < size:
        with torch.inference_mode(False):  # what is made in inference mode cannot be written to outside of it
            room = torch.empty(size, dtype=dtype, device="cpu")
    try:
        yield room[:size]
    finally:
        if room.nbytes <= KEPT:
            _kept[dtype] = room
