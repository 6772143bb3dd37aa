"""Rows of weighted letters: from the caller's arrays to what the information kernels read, and back."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from alignment_fast._border.arrays import as_floating, common_device, library_of, like, parameter_grid
from alignment_fast._operations import operations
from alignment_fast.errors import check_status
from alignment_fast.kernels.information.structures import LetterRows

# Larger results are refused: they are grids that somebody forgot to cut, and the message says how large they are.
_LARGEST_RESULT = 1 << 34


@dataclass(frozen=True)
class LetterArguments:
    """Array arguments of one call, their common leading axes, and how to give results back.

    Parameters
    ----------
    arrays : dict of str to array
        The arguments by name, of one floating dtype, with the caller's own shapes.
    weights, rewards : str or None
        Which argument holds the weights, and which the rewards; None: uniform weights, rewards read from the weights.
    leading : tuple of int
        Broadcast leading axes.
    model : object
        The argument whose kind of array the results take.
    ops : module
        The operations of the information family on the arrays' device.

    """

    arrays: dict
    weights: str | None
    rewards: str | None
    leading: tuple
    model: object
    ops: ModuleType

    @property
    def dtype(self):
        return next(iter(self.arrays.values())).dtype

    @property
    def width(self):
        """Number of letters of the alphabet."""
        return next(iter(self.arrays.values())).shape[-1]

    def grid(self, value, name):
        """Return the parameter `value` laid out over the rows, and orders (rows or 1, T) for the kernels."""
        grid = parameter_grid(value, self.leading, name)
        bad = np.flatnonzero(np.isnan(grid.values))
        if bad.size:
            position = np.unravel_index(bad[0], grid.values.shape)
            where = f"[{', '.join(map(str, position))}]" if np.ndim(value) else ""
            raise ValueError(f"{name}{where} is NaN")
        count = int(np.prod(grid.values.shape[:-1], dtype=np.int64))
        return grid, grid.values.reshape(count, grid.values.shape[-1])

    def rows(self, weight_kind, reward_kind, leading=None, normalize=True):
        """Return the `LetterRows` of these arguments over `leading` axes (default: its own)."""
        leading = self.leading if leading is None else leading
        count = int(np.prod(leading, dtype=np.int64))
        weights, rewards = (
            None if name is None else _as_rows(self.arrays[name], leading, count)
            for name in (self.weights, self.rewards)
        )
        return LetterRows(
            rewards if weights is None else weights,
            weight_kind,
            weights if rewards is None else rewards,
            reward_kind,
            count,
            normalize,
        )

    def check(self, words, leading=None):
        """Raise ValueError for the first bad value if one of the two status words reports it."""
        leading = self.leading if leading is None else leading
        for name, word in zip((self.weights, self.rewards), words, strict=True):
            if name is not None:
                check_status(word, name, self.arrays[name], leading)

    def give(self, result, shape):
        """Return the array `result` in `shape`, the dtype of the arguments and the caller's kind of array."""
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite
            result = result.reshape(shape).astype(self.dtype, copy=False)
        return result[()] if library_of(self.model) in ("numpy", "builtins") else like(result, self.model)


def _as_rows(array, leading, count):
    if array.ndim == 1:
        return array[None]
    if array.shape[:-1] != leading:
        array = np.ascontiguousarray(np.broadcast_to(array, (*leading, array.shape[-1])))
    return array.reshape(count, array.shape[-1])


def letter_arguments(weights=None, rewards=None, *, floating_only=(), **arguments):
    """Return the `LetterArguments` of array `arguments`; `weights` and `rewards` name their roles.

    Arguments that are None are left out. Those named in `floating_only` must be floating-point (log-probabilities).
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    device = common_device(**given)
    arrays = {name: as_floating(value, name, floating_only=name in floating_only) for name, value in given.items()}
    dtype = np.result_type(*arrays.values())
    for name, array in arrays.items():
        if array.ndim == 0:
            raise ValueError(f"{name} must have at least one axis, the letters of the alphabet")
        if array.shape[-1] == 0:
            raise ValueError(f"{name} of shape {array.shape} has an empty alphabet: its last axis has length 0")
        arrays[name] = array.astype(dtype, copy=False)
    shapes = ", ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
    if len({array.shape[-1] for array in arrays.values()}) > 1:
        raise ValueError(f"last axes (letters of the alphabet) differ: {shapes}")
    try:
        leading = np.broadcast_shapes(*(array.shape[:-1] for array in arrays.values()))
    except ValueError:
        raise ValueError(f"leading axes do not broadcast: {shapes}") from None
    model = next((v for v in given.values() if library_of(v) not in ("numpy", "builtins")), next(iter(given.values())))
    return LetterArguments(
        arrays,
        weights if weights in given else None,
        rewards if rewards in given else None,
        leading,
        model,
        operations("information", device),
    )


def refuse_large(shape, what):
    """Raise ValueError if a float64 array of `shape` would exceed the limit on results (16 GiB)."""
    size = 8 * float(np.prod(shape, dtype=np.float64))
    if size > _LARGEST_RESULT:
        raise ValueError(f"{what} of shape {shape} would take {size / 2**30:.0f} GiB; give the grid in pieces")


def weight_kind(ops, p, log):
    """Return the kernel's kind of the weights `p` (None: uniform)."""
    if p is None:
        return ops.WEIGHT_UNIFORM
    return ops.WEIGHT_LOG if log else ops.WEIGHT_PROBABILITY
