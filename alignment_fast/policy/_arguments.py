"""Preference matrices and distributions over responses as arguments: checked, in float64."""

import math
from typing import Any

import numpy as np

from alignment_fast._border.arrays import FLOAT32, FLOAT64, Grid, parameter_grid
from alignment_fast._border.call import Arguments
from alignment_fast._border.status import place, refuse
from alignment_fast._operations import operations

# How far P + Pᵀ may be from one: decimals typed with nine digits pass, and sums of float32.
_TOLERANCE = {FLOAT64: 1e-9, FLOAT32: 1e-6}


class PreferenceArguments(Arguments):
    """A preference matrix P (..., K, K) and further arguments over its K responses, all in float64.

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
    on_devices : bool
        Whether arrays on a CUDA device are taken: they are copied to the host, where they are checked.

    Attributes
    ----------
    place : Place or None
        Where on a device the arguments are; None: on the CPU.

    Raises
    ------
    ValueError
        Naming the argument, the value and its position.

    """

    __slots__ = ("_designs", "_distributions", "place")

    def __init__(
        self,
        P: Any,
        *,
        distributions: dict[str, Any] | None = None,
        designs: dict[str, Any] | None = None,
        vectors: dict[str, Any] | None = None,
        on_devices: bool = False,
    ):
        distributions, designs, vectors = distributions or {}, designs or {}, vectors or {}
        self._distributions, self._designs = distributions, designs
        super().__init__({"P": P, **distributions, **designs, **vectors}, (), distributions, on_devices)

    def core(self, name):
        """Return how many of the last axes of an argument are responses."""
        return 2 if name == "P" or name in self._designs else 1

    def accept(self, arrays):
        """Return the arrays checked, normalised and in float64; a distribution that is not there is uniform."""
        self.place = getattr(arrays["P"], "place", None)
        if self.place is not None:
            arrays = {name: array.numpy() for name, array in arrays.items()}
        P = _preferences(arrays["P"])
        K = P.shape[-1]
        accepted = {"P": P}
        for name in self._distributions:
            accepted[name] = _distribution(arrays[name], name, K) if name in arrays else np.full(K, 1 / K)
        for name in self._designs:
            accepted[name] = _pair_distribution(arrays[name], name, K)
        for name in arrays:
            if name not in accepted:
                accepted[name] = _finite(_last_axis(arrays[name], name, K), name).astype(np.float64)
        return accepted

    def placed(self, name, leading):
        """Return an array as `rows` does, where the arguments are."""
        rows = self.rows(name, leading)
        return rows if self.place is None else self.place.copy(rows)

    def give(self, result, shape=None, *, dtype=None):
        """Return `result` as `Arguments.give` does; numbers on a device in the dtype of the arguments too."""
        if self.place is not None and dtype is None:
            result = self.operations("common").cast(result, self.dtype)
        return super().give(result, shape, dtype=dtype)


def nonnegative_grid(value: Any, leading: tuple[int, ...], name: str) -> Grid:
    """Return the grid of a parameter over `leading` axes; what is negative, infinite or NaN raises."""
    grid = parameter_grid(value, leading, name)
    values = grid.values if np.ndim(value) else grid.values.reshape(())
    refuse(~((values >= 0) & np.isfinite(values)), values, name, "must be finite and not negative")
    return grid


def _finite(array, name):
    refuse(np.isnan(array), array, name, "is NaN")
    refuse(np.isinf(array), array, name, "is infinite")
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
    tolerance, numbers = _TOLERANCE[P.dtype], P.astype(np.float64, copy=False)
    rows = numbers.reshape(math.prod(P.shape[:-2]), *P.shape[-2:])
    if not operations("policy").are_preferences(rows, tolerance):
        _refuse_preferences(P, tolerance)
    return numbers


def _refuse_preferences(P, tolerance):
    """Raise ValueError for the first entry of P that is no probability, or not complementary."""
    refuse(np.isnan(P), P, "P", "is NaN")
    refuse((P < 0) | (P > 1), P, "P", "is not a probability")
    P = P.astype(np.float64, copy=False)
    total = P + np.swapaxes(P, -1, -2)
    *matrix, i, j = (int(x) for x in np.argwhere(np.abs(total - 1) > tolerance)[0])
    here, there = (f"P[{', '.join(map(str, (*matrix, *pair)))}]" for pair in ((i, j), (j, i)))
    value = float(total[(*matrix, i, j)])
    raise ValueError(f"{here} + {there} = {value:.10g}, not 1: P is not complementary (diagonal entries are 1/2)")


def _distribution(array, name, K):
    return _normalised(_last_axis(array, name, K), name, 1)


def _pair_distribution(array, name, K):
    _square(array, name)
    if array.shape[-1] != K:
        raise ValueError(f"{name} must have shape (..., {K}, {K}), one entry per pair of responses, not {array.shape}")
    return _normalised(array, name, 2)


def _normalised(masses, name, core):
    """Return masses in float64, divided by their sum over the last `core` axes; bad ones raise."""
    axes = masses.ndim - core
    rows = masses.reshape(math.prod(masses.shape[:axes]), math.prod(masses.shape[axes:]))
    normalised = operations("policy").normalised(rows)
    if normalised is None:
        refuse(np.isnan(masses), masses, name, "is NaN")
        refuse(masses < 0, masses, name, "is negative")
        refuse(np.isinf(masses), masses, name, "is infinite")
        row = place(int(np.argmin(rows.any(axis=1))), masses.shape[:axes])
        raise ValueError(f"{name}{row} has no positive mass")
    return normalised.reshape(masses.shape)
