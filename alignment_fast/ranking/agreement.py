"""Krippendorff's alpha: how far judges agree, beyond what chance would do, with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.outputs import refuse_large
from alignment_fast._border.rng import BOOTSTRAP, Seed, seed_sequence
from alignment_fast._border.scalars import as_count, as_level
from alignment_fast._border.words import as_word
from alignment_fast.random import Stream
from alignment_fast.ranking._replicates import poisson

__all__ = ["Agreement", "krippendorff_alpha"]

Reals = NDArray[np.float64]
LEVELS = ("nominal", "ordinal", "interval")


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha and its bootstrap interval.

    Attributes
    ----------
    alpha : float
        1: judges agree wherever two of them met; 0: as chance does; below: less. NaN where all ratings are equal.
    low, high : float
        Percentile interval over units drawn anew; NaN without replicates.
    ratings : float
        Number of ratings that stand beside another one of the same unit.

    """

    alpha: float
    low: float
    high: float
    ratings: float


def krippendorff_alpha(
    ratings: Any, level: str = "nominal", *, replicates: int = 1000, confidence: float = 0.95, rng: Seed = 0
) -> Agreement:
    r"""Return Krippendorff's alpha of ratings.

    .. math:: α = 1 - (n - 1) \frac{\sum_{c, k} o_{ck} δ_{ck}}{\sum_{c, k} n_c n_k δ_{ck}}, \qquad
              o_{ck} = \sum_u \frac{n_{uc} (n_{uk} - [c = k])}{m_u - 1}

    over the values c, k, of which the unit u has n_uc, m_u in all.

    Parameters
    ----------
    ratings : array (units, judges)
        The value that each judge gave each unit; NaN where there is none.
    level : {"nominal", "ordinal", "interval"}
        The difference δ of two values: whether they differ; the square of the ranks between them; of their difference.
    replicates : int
        Bootstrap replicates of the interval, in which each unit counts Poisson(1) times; 0: none.
    confidence : float
        That of the interval.
    rng : None, int, SeedSequence or Generator
        Seed.

    Returns
    -------
    Agreement
        Alpha and its interval.

    Raises
    ------
    ValueError
        If no unit has two ratings, a rating is infinite, or an argument is out of range.

    References
    ----------
    Krippendorff, Content Analysis (2018), chapter 12. Hayes and Krippendorff, Commun. Methods Meas. 1 (2007) 77-89.

    Examples
    --------
    >>> import alignment_fast as af
    >>> found = af.ranking.krippendorff_alpha([[1, 1], [2, 2], [1, 2], [2, 2]], replicates=0)
    >>> round(found.alpha, 4)
    0.5333

    """
    table = as_floating(ratings, "ratings").astype(np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings must have two axes, units and judges; they have shape {table.shape}")
    if np.isinf(table).any():
        unit, judge = np.argwhere(np.isinf(table))[0].tolist()
        raise ValueError(f"ratings[{unit}, {judge}] = {table[unit, judge]} is not finite")
    given = ~np.isnan(table)
    values, code = np.unique(table[given], return_inverse=True)
    # Agreement does not depend on the unit of the ratings: squares of their differences stay within double.
    values = np.ldexp(values, -np.frexp(np.abs(values).max(initial=0.0))[1])
    cells = np.nonzero(given)[0] * len(values) + code
    counts = np.bincount(cells, minlength=len(table) * len(values)).astype(np.float64)
    return alpha_of_counts(counts.reshape(len(table), len(values)), values, level, replicates, confidence, rng)


def alpha_of_counts(
    counts: Reals, values: Reals, level: str, replicates: int, confidence: float, rng: Seed
) -> Agreement:
    """Return the agreement of units (rows) that have each of the `values` so often."""
    as_word(level, "level", LEVELS)
    confidence = as_level(confidence, "confidence")
    replicates = as_count(replicates, "replicates", least=0)
    size = counts.sum(axis=1)
    counts, size = counts[size > 1], size[size > 1]
    if not len(counts):
        raise ValueError("no unit has two ratings: there is nothing to agree on")
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs = pairs.reshape(len(counts), -1)
    pairs[:, :: len(values) + 1] -= counts
    pairs /= (size - 1.0)[:, None]
    refuse_large((replicates, len(counts)), "how often each unit counts in the replicates,")
    one = np.ones((1, len(counts)))
    alpha = float(_alphas(one, pairs, counts, values, level)[0])
    low = high = np.nan
    if replicates:
        stream = Stream(seed_sequence(rng, "rng"), purpose=BOOTSTRAP)
        times = np.array([poisson(stream, len(counts), replicate) for replicate in range(replicates)])
        found = _alphas(times, pairs, counts, values, level)
        found = found[~np.isnan(found)]
        if len(found):
            low, high = np.quantile(found, [0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence]).tolist()
    return Agreement(alpha, low, high, float(size.sum()))


def _alphas(times: Reals, pairs: Reals, counts: Reals, values: Reals, level: str) -> Reals:
    """Return alpha where units count so many `times` (replicates, units); NaN where all ratings are equal."""
    together = (times @ pairs).reshape(len(times), len(values), len(values))
    total = times @ counts
    apart = _differences(total, values, level)
    observed = (together * apart).sum(axis=(1, 2))
    expected = (total[:, :, None] * total[:, None, :] * apart).sum(axis=(1, 2))
    number = total.sum(axis=1)
    found = np.full(len(times), np.nan)
    np.divide((number - 1.0) * observed, expected, out=found, where=expected > 0)
    return 1.0 - found


def _differences(total: Reals, values: Reals, level: str) -> Reals:
    """Return the squared differences of values, for each row of their totals or (1, values, values) for all of them."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))[None]
    if level == "interval":
        return (values[:, None] - values)[None] ** 2
    middle = np.cumsum(total, axis=1) - 0.5 * total
    found: Reals = (middle[:, :, None] - middle[:, None, :]) ** 2
    return found
