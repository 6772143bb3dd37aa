"""What a sweep over many matrices found, for cyclic and for strongly transitive ones apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast import policy
from alignment_fast.reproduce.sampling.matrices import Matrices
from alignment_fast.reproduce.sampling.stored import StoredSweep

__all__ = ["OSCILLATING", "MatrixRow", "SummaryRow", "kinds", "matrix_rows", "summary"]

# Mean variance of the probabilities above which a trajectory that has not converged counts as oscillating.
OSCILLATING = 1e-6


class MatrixRow(NamedTuple):
    """One matrix of a sweep."""

    source: str
    number: int
    name: str
    responses: int
    kind: str
    smith_size: int
    cyclic_triples: int


class SummaryRow(NamedTuple):
    """The matrices of one kind at one point of the grid."""

    source: str
    method: str
    kind: str
    alpha: float
    beta: float
    matrices: int
    oscillating: float
    cycle_strength: float
    entropy: float
    entropy_low: float
    entropy_high: float


def kinds(P: np.ndarray) -> np.ndarray:
    """Return "cyclic", "strongly transitive" or "transitive" for each matrix (B, K, K).

    Examples
    --------
    >>> from alignment_fast.reproduce.sampling import CYCLE, kinds
    >>> kinds(CYCLE[None]).tolist()
    ['cyclic']

    """
    classes = policy.classify(P)
    transitive = np.where(classes.strongly_transitive, "strongly transitive", "transitive")
    return np.where(classes.cyclic, "cyclic", transitive)


def matrix_rows(matrices: Matrices) -> Iterator[MatrixRow]:
    """Yield a row for each matrix."""
    classes = policy.classify(matrices.P)
    columns = (kinds(matrices.P), classes.smith_size, classes.cycles)
    rows = zip(matrices.names, *(column.tolist() for column in columns), strict=True)
    for number, (name, kind, smith_size, triples) in enumerate(rows):
        yield MatrixRow(matrices.source, number, name, matrices.P.shape[-1], kind, smith_size, triples)


def summary(source: str, sweep: StoredSweep, results: np.ndarray) -> Iterator[SummaryRow]:
    """Yield, for each kind and each point of the grid, means of the results and the range of nine in ten entropies."""
    of = kinds(sweep.P)
    for kind in np.unique(of):
        chosen = results[of == kind]
        oscillating = ~chosen["converged"] & (chosen["cycle_strength"] > OSCILLATING)
        low, high = np.quantile(chosen["entropy"], [0.05, 0.95], axis=0)
        columns = (
            oscillating.mean(axis=0),
            chosen["cycle_strength"].mean(axis=0),
            chosen["entropy"].mean(axis=0),
            low,
            high,
        )
        for (i, alpha), (j, beta) in ((a, b) for a in enumerate(sweep.alpha) for b in enumerate(sweep.beta)):
            values = (float(column[i, j]) for column in columns)
            yield SummaryRow(source, sweep.method, str(kind), float(alpha), float(beta), len(chosen), *values)
