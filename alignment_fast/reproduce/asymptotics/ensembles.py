"""Section 5, remark: how far best-of-n is from the aligned policy of its divergence, for random p and q.

The paper says that for random p and q over more than 1000 letters D(π ‖ φ) is below 0.01 for every n up to 1000, and
below 0.5 over fewer than 10 letters, without saying how p and q are drawn. It depends on that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast._error_bounds import error_bound
from alignment_fast.best_of_n import BestOfN
from alignment_fast.reproduce.asymptotics.estimates import Part, mean, seed_of

__all__ = ["ENSEMBLE_ROWS", "Ensemble", "random_ensembles"]

LETTERS = (3, 5, 9, 1001)
DRAWS = (2, 10, 100, 1000)
PAIRS = 200


def _uniform(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return np.log(1 - generator.random(shape))


def _dirichlet(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return np.log(generator.exponential(size=shape))


def _softmax(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.standard_normal(shape)


# How log q is drawn, up to a constant: q from independent uniforms, uniform on the simplex, softmax of normals.
ENSEMBLES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "uniform": _uniform,
    "Dirichlet(1)": _dirichlet,
    "softmax": _softmax,
}
# Rows of `random_ensembles`.
ENSEMBLE_ROWS = len(ENSEMBLES) * len(LETTERS) * len(DRAWS)


class Ensemble(NamedTuple):
    """Random pairs p, q over some letters at one n: the divergence of best-of-n from the aligned policy, in nats.

    `bound` is what the paper says for so many letters, `within` the share of pairs that keep to it. Where all pairs
    agree that share has no standard error, and with 95 % confidence it is off by at most `within_error_bound`.
    """

    q: str
    letters: int
    n: int
    pairs: int
    median: float
    mean: float
    mean_se: float
    largest: float
    bound: float
    within: float
    within_se: float
    within_error_bound: float


def random_ensembles(seed: int) -> Iterator[Ensemble]:
    """Yield a row for each way to draw q, number of letters and n; p is uniform on the simplex.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import random_ensembles
    >>> row = next(random_ensembles(0))
    >>> row.q, row.letters, row.n, row.pairs
    ('uniform', 3, 2, 200)

    """
    for number, (name, log_q) in enumerate(ENSEMBLES.items()):
        for letters in LETTERS:
            generator = np.random.default_rng(seed_of(seed, Part.ENSEMBLES, number, letters))
            shape = (PAIRS, letters)
            law = BestOfN(generator.exponential(size=shape), log_q(generator, shape))
            policy, divergence = law.aligned(DRAWS)
            # Both laws are p on the best letters, to all digits of a double.
            divergence = np.where(np.isinf(policy.alpha), 0.0, divergence)
            bound = 0.01 if letters > 1000 else 0.5
            for column, n in enumerate(DRAWS):
                found = divergence[:, column]
                yield Ensemble(
                    name,
                    letters,
                    n,
                    PAIRS,
                    float(np.median(found)),
                    *mean(found),
                    float(found.max()),
                    bound,
                    *_share(found < bound),
                )


def _share(chosen: np.ndarray) -> tuple[float, float, float]:
    """Return the share that is chosen, its standard error and a bound on its error; one of the two is NaN."""
    share, error = mean(chosen)
    return (share, error, math.nan) if error else (share, math.nan, error_bound(share, 0.0, 1.0, len(chosen)))
