"""Preference matrices and distributions over responses as arguments: checked, float64, and how to give results back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from alignment_fast._border.arrays import Grid, as_floating, common_device, library_of, like, parameter_grid
from alignment_fast.errors import place

# How far P + Pᵀ may be from one: decimals typed with nine digits pass, and sums of float32.
_TOLERANCE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-6}


@dataclass(frozen=True)
class PreferenceArguments:
    """Arguments of one call over K responses, in float64, and their common leading axes.

    Parameters
    ----------
    arrays : dict of str to array
        Matrices (..., K, K) and rows (..., K) by name, with the caller's own leading axes.
    leading : tuple of int
        Broadcast leading axes.
    dtype : dtype
        Of the results: float32 if all arrays were.
    model : object
        The argument whose kind of array the results take.

    """

    arrays: dict[str, np.ndarray]
    leading: tuple[int, ...]
    dtype: np.dtype
    model: object

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def give(self, result: Any, dtype: Any = None) -> Any:
        """Return `result` in the dtype of the arguments, or `dtype`, as the caller's kind of array."""
        result = np.asarray(result).astype(self.dtype if dtype is None else dtype, copy=False)
        return result[()] if library_of(self.model) in ("numpy", "builtins") else like(result, self.model)


def preference_arguments(
    P: Any,
    *,
    distributions: dict[str, Any] | None = None,
    designs: dict[str, Any] | None = None,
    vectors: dict[str, Any] | None = None,
) -> PreferenceArguments:
    """Return the `PreferenceArguments` of a preference matrix P (..., K, K) and further arguments by name.

    Parameters
    ----------
    P : array_like (..., K, K)
        Entries in [0, 1], P + Pᵀ = 1.
    distributions : dict of str to array_like (..., K) or None
        Self-normalised here; None is uniform.
    designs : dict of str to array_like (..., K, K)
        Distributions of ordered pairs, self-normalised here.
    vectors : dict of str to array_like (..., K)
        Finite numbers.

    Raises
    ------
    ValueError
        Naming the argument, the value and its position.

    """
    distributions, designs, vectors = distributions or {}, designs or {}, vectors or {}
    given = {"P": P, **{n: v for n, v in {**distributions, **designs, **vectors}.items() if v is not None}}
    common_device(**given)
    arrays = {name: as_floating(value, name) for name, value in given.items()}
    dtype = np.result_type(*(array.dtype for array in arrays.values()))
    checked = {"P": _preferences(arrays["P"])}
    K = checked["P"].shape[-1]
    for name in distributions:
        checked[name] = _distribution(arrays[name], name, K) if name in arrays else np.full(K, 1 / K)
    for name in designs:
        checked[name] = _pair_distribution(arrays[name], name, K)
    for name in vectors:
        checked[name] = _finite(_last_axis(arrays[name], name, K), name).astype(np.float64)
    cores = {name: 2 if name == "P" or name in designs else 1 for name in checked}
    try:
        leading = np.broadcast_shapes(*(array.shape[: array.ndim - cores[name]] for name, array in checked.items()))
    except ValueError:
        shapes = ", ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
        raise ValueError(f"leading axes do not broadcast: {shapes}") from None
    model = next((v for v in given.values() if library_of(v) not in ("numpy", "builtins")), P)
    return PreferenceArguments(checked, leading, dtype, model)


# The names that `dynamics` knows them by.
Problem, problem = PreferenceArguments, preference_arguments


def nonnegative_grid(value: Any, leading: tuple[int, ...], name: str) -> Grid:
    """Return the grid of a parameter over `leading` axes; what is negative, infinite or NaN raises."""
    grid = parameter_grid(value, leading, name)
    bad = ~((grid.values >= 0) & np.isfinite(grid.values))
    if bad.any():
        flat = int(np.flatnonzero(bad)[0])
        where = place(flat, grid.values.shape) if np.ndim(value) else ""
        raise ValueError(f"{name}{where} = {grid.values.reshape(-1)[flat]} must be finite and not negative")
    return grid


def _refuse(bad, array, name, reason):
    """Raise ValueError for the first position where the mask `bad` is true."""
    if bad.any():
        flat = int(np.flatnonzero(bad)[0])
        raise ValueError(f"{name}{place(flat, array.shape)} = {array.reshape(-1)[flat]} {reason}")


def _finite(array, name):
    _refuse(np.isnan(array), array, name, "is NaN")
    _refuse(np.isinf(array), array, name, "is infinite")
    return array


def _square(array, name):
    if array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., K, K) with K >= 1, not {array.shape}")
    return array


def _last_axis(array, name, K):
    if array.ndim == 0 or array.shape[-1] != K:
        raise ValueError(f"{name} must have shape (..., {K}), one entry per response of P, not {array.shape}")
    return array


def _preferences(array):
    P = _square(array, "P")
    _refuse(np.isnan(P), P, "P", "is NaN")
    _refuse((P < 0) | (P > 1), P, "P", "is not a probability")
    P, tolerance = P.astype(np.float64, copy=False), _TOLERANCE[array.dtype]
    total = P + np.swapaxes(P, -1, -2)
    bad = np.abs(total - 1) > tolerance
    if bad.any():
        *matrix, i, j = (int(x) for x in np.argwhere(bad)[0])
        here, there = (f"P[{', '.join(map(str, (*matrix, *pair)))}]" for pair in ((i, j), (j, i)))
        value = float(total[(*matrix, i, j)])
        raise ValueError(f"{here} + {there} = {value:.10g}, not 1: P is not complementary (diagonal entries are 1/2)")
    return P


def _masses(array, name):
    _refuse(np.isnan(array), array, name, "is NaN")
    _refuse(array < 0, array, name, "is negative")
    _refuse(np.isinf(array), array, name, "is infinite")
    return array.astype(np.float64, copy=False)


def _distribution(array, name, K):
    masses = _masses(_last_axis(array, name, K), name)
    total = masses.sum(axis=-1, keepdims=True)
    _require_mass(total[..., 0], name)
    return masses / total


def _pair_distribution(array, name, K):
    masses = _masses(_square(array, name), name)
    if array.shape[-1] != K:
        raise ValueError(f"{name} must have shape (..., {K}, {K}), one entry per pair of responses, not {array.shape}")
    total = masses.sum(axis=(-2, -1), keepdims=True)
    _require_mass(total[..., 0, 0], name)
    return masses / total


def _require_mass(total, name):
    if (total == 0).any():
        row = place(int(np.flatnonzero(total == 0)[0]), total.shape)
        raise ValueError(f"{name}{row} has no positive mass")
