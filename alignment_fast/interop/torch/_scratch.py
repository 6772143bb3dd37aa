"""Memory that is kept between calls: fresh pages cost more than the kernels that run over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

KEPT = 1 << 26  # bytes of each dtype that stay allocated; larger scratch is given back after the call
KEPT_FORWARD_ONLY = 1 << 24  # the same of passes that no backward pass follows


class Mark:
    """Says which pass wrote the contents of the scratch: by a tensor of that pass, which lives as long as the mark."""

    def __init__(self) -> None:
        self.by: torch.Tensor | None = None

    def is_of(self, tensor: torch.Tensor) -> bool:
        """Return whether the pass that made `tensor` left the scratch."""
        return self.by is not None and self.by.data_ptr() == tensor.data_ptr() and self.by.shape == tensor.shape


_kept: dict[tuple[torch.dtype, bool], tuple[torch.Tensor, Mark | None]] = {}


@contextmanager
def scratch(
    size: int, dtype: torch.dtype, device: torch.device, *, leaves: Mark | None = None, forward_only: bool = False
) -> Iterator[tuple[torch.Tensor, Mark | None]]:
    """Lend `size` numbers of scratch, with the mark of its contents; off the CPU PyTorch's allocator keeps it.

    `leaves` is the mark of what the call leaves there. A call inside of another one, or beside it, gets its own. Calls
    that are `forward_only` have a scratch of their own, so that they do not overwrite what waits for a backward pass.
    """
    if device.type != "cpu":
        yield torch.empty(size, dtype=dtype, device=device), None
        return
    memory, mark = _kept.pop((dtype, forward_only), (None, None))
    if memory is None or memory.numel() < size:
        mark = None
        with torch.inference_mode(False):  # what is made in inference mode cannot be written to outside of it
            memory = torch.empty(size, dtype=dtype, device="cpu")
    try:
        yield memory[:size], mark
    finally:
        if memory.nbytes <= (KEPT_FORWARD_ONLY if forward_only else KEPT):
            _kept[dtype, forward_only] = memory, leaves
