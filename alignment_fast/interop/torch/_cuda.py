"""The compiled passes on tensors of a CUDA device: where they are, on PyTorch's current stream, by its allocator.

The build for the kernel hub (``hub/``) takes this module into its variant for CUDA; that for the processor has another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from alignment_fast._border.devices import views
from alignment_fast._operations import operations
from alignment_fast.kernels.pairwise.structures import LetterSums

DEVICES = ("cpu", "cuda", "meta")  # "meta": shapes of a graph that is traced
KEYS = ("CPU", "CUDA")  # of the dispatcher, for which operators are registered


def is_there(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is on a CUDA device."""
    return tensor.is_cuda


def evaluate(loss: Any, inputs: Any, outputs: Any, *, divisor: float, **settings: Any) -> torch.Tensor:
    """Run a loss over pairs of tensors, None where absent; return the sum of the losses over `divisor`."""
    given = inputs._asdict() | outputs._asdict()
    _, there = views({name: tensor.detach() for name, tensor in given.items() if tensor is not None})
    arrays = [there.get(name) for name in given]
    ops: Any = operations("pairwise", "cuda")
    sums = ops.evaluate(loss, inputs._make(arrays[: len(inputs)]), outputs._make(arrays[len(inputs) :]), **settings)
    dtype = np.float64 if inputs[0].dtype == torch.float64 else np.float32
    total: torch.Tensor = ops.reduced_loss(sums, float(divisor), dtype).given()
    return total


def rows(
    dtype: torch.dtype, leading: Sequence[int], first: torch.Tensor, second: torch.Tensor | None
) -> tuple[Any, Any]:
    """Return tensors over an alphabet, their last axis, as functions of arrays on a device take them: of one `dtype`.

    Leading axes are those of both and `leading`, or one row that all of them share; None stays.
    """
    given = {name: x for name, x in (("first", first), ("second", second)) if x is not None}
    common = torch.broadcast_shapes(leading, *[x.shape[:-1] for x in given.values()])
    laid = {
        name: (x if x.numel() == x.shape[-1] else x.expand(*common, x.shape[-1])).to(dtype).contiguous()
        for name, x in given.items()
    }
    _, there = views(laid)
    return there["first"], there.get("second")


def no_letters(model: torch.Tensor) -> torch.Tensor:
    """As `_compiled.no_letters`."""
    sums = torch.zeros(len(model), len(LetterSums._fields), dtype=torch.float64, device=model.device)
    for name, value in (("frame", -torch.inf), ("token", torch.nan), ("top", -torch.inf), ("top_id", -1.0)):
        sums[:, LetterSums._fields.index(name)] = value
    return sums


def add_letters(table: torch.Tensor, tile: torch.Tensor, ids: torch.Tensor, first_letter: int, moments: bool) -> None:
    """As `_compiled.add_letters`."""
    _, there = views({"tile": tile.contiguous(), "table": table, "ids": ids})
    ops: Any = operations("pairwise", "cuda")
    ops.add_letters(there["table"], there["tile"], there["ids"], first_letter, moments=moments)


def letter_gradients(
    tile: torch.Tensor, ids: torch.Tensor, first_letter: int, upstream: Any, out: torch.Tensor
) -> None:
    """As `_compiled.letter_gradients`; a tile that is not contiguous is copied."""
    named = {"tile": tile.contiguous(), "ids": ids, "out": out, **upstream._asdict()}
    _, there = views({name: tensor for name, tensor in named.items() if tensor is not None})
    ops: Any = operations("pairwise", "cuda")
    ops.letter_gradients(
        there["tile"],
        there["ids"],
        first_letter,
        there["log_partition"],
        there["log_p"],
        there["out"],
        entropy_factor=there.get("entropy"),
        entropy=there.get("of_entropy"),
    )
