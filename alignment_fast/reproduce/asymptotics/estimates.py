"""Monte Carlo estimates with standard errors, their random streams, and rows of results as columns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["LETTERS_AT_ONCE", "Estimate", "Part", "columns_of", "log_mean", "mean", "seed_of"]

# Letters of sequences that are drawn at once: 32 MB.
LETTERS_AT_ONCE = 1 << 22


class Estimate(NamedTuple):
    """A Monte Carlo estimate and its standard error."""

    value: float
    standard_error: float


class Part(IntEnum):
    """The parts of the reproduction: each draws from streams of its own."""

    TABLE_ONE = 1
    SIMPLEX = 2
    CONVERGENCE = 3
    RATES = 4
    CUMULANTS = 5
    ENSEMBLES = 6


def seed_of(seed: int, part: Part, *place: int) -> np.random.SeedSequence:
    """Return the seed of one estimate: a function of `seed`, the part, and the place in it."""
    return np.random.SeedSequence(seed, spawn_key=(int(part), *place))


def mean(values: ArrayLike) -> Estimate:
    """Return the mean of independent `values`."""
    values = np.asarray(values, dtype=np.float64)
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))


def log_mean(log_values: ArrayLike) -> Estimate:
    """Return the logarithm of the mean of independent values, given by their logarithms.

    The standard error is that of the mean relative to it, which is the logarithm's to first order.
    """
    log_values = np.asarray(log_values, dtype=np.float64)
    most = float(log_values.max())
    scaled = mean(np.exp(log_values - most))
    return Estimate(most + math.log(scaled.value), scaled.standard_error / scaled.value)


def columns_of(rows: Iterable[Any]) -> dict[str, np.ndarray]:
    """Return rows, named tuples of one class, as columns by name.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics.estimates import Estimate, columns_of
    >>> columns_of([Estimate(1.0, 0.5), Estimate(2.0, 0.25)])
    {'value': array([1., 2.]), 'standard_error': array([0.5 , 0.25])}

    """
    rows = list(rows)
    return {name: np.array([getattr(row, name) for row in rows]) for name in rows[0]._fields}
