"""Memory that is kept between calls: fresh pages cost more than the kernels that run over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

KEPT = 1 << 26  # bytes of each dtype that stay allocated; larger scratch is given back after the call
PASSING = 1 << 24  # the same of passes that no backward pass follows


class Mark:
    """Names who left what is in the scratch: a tensor of the pass, which lives as long as the name."""

    def __init__(self) -> None:
        self.by: torch.Tensor | None = None

    def is_of(self, tensor: torch.Tensor) -> bool:
        """Return whether the pass that made `tensor` left the scratch."""
        return self.by is not None and self.by.data_ptr() == tensor.data_ptr() and self.by.shape == tensor.shape


_kept: dict[tuple[torch.dtype, bool], tuple[torch.Tensor, Mark | None]] = {}


@contextmanager
def scratch(
    size: int, dtype: torch.dtype, *, leaves: Mark | None = None, passing: bool = False
) -> Iterator[tuple[torch.Tensor, Mark | None]]:
    """Lend `size` numbers of scratch on the CPU, and the mark of what is in it; `leaves` is the next one's.

    A call inside of another one, or beside it, gets its own. `passing` calls have another scratch, so that they leave
    alone what waits for a backward pass.
    """
    room, mark = _kept.pop((dtype, passing), (None, None))
    if room is None or room.numel() < size:
        mark = None
        with torch.inference_mode(False):  # what is made in inference mode cannot be written to outside of it
            room = torch.empty(size, dtype=dtype, device="cpu")
    try:
        yield room[:size], mark
    finally:
        if room.nbytes <= (PASSING if passing else KEPT):
            _kept[dtype, passing] = room, leaves
