"""Which pairs to compare next, one after the other, each as if those before had been compared."""

from __future__ import annotations

import operator

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.words import as_word
from alignment_fast.ranking.result import RatingFit

__all__ = ["next_pairs"]

Reals = NDArray[np.float64]
OBJECTIVES = ("uncertainty", "d-optimal", "top")


def next_pairs(fit: RatingFit, n: int, *, objective: str = "uncertainty") -> NDArray[np.int64]:
    r"""Return the pairs whose comparison says most, given what is known.

    With the covariance C of the scores, :math:`R_{ij}` the variance of the difference of i and j, and p the probability
    that i wins,

    - ``"uncertainty"``: the pair whose order becomes most certain: of the largest fall of the probability that it is
      wrong, :math:`Φ(-|s_i - s_j| / \sqrt{R_{ij}})`;
    - ``"d-optimal"``: that which makes the volume of what is possible smallest, of the largest
      :math:`\log(1 + p q R_{ij})`;
    - ``"top"``: that which tells most of whether the best item is better than the challenger who is hardest to tell
      from it: of the largest fall of the variance of their difference.

    After each pick C is that which one more comparison leaves, :math:`C - p q\, C e e^T C / (1 + p q R)`.

    Parameters
    ----------
    fit : RatingFit
        What is known.
    n : int
        Number of pairs; the same may come again.
    objective : {"uncertainty", "d-optimal", "top"}
        What is wanted: an order, all scores, or the best.

    Returns
    -------
    array (n, 2) of int
        Indices of the two items of each pair, the better one first.

    Raises
    ------
    TypeError
        If `fit` is none.
    ValueError
        If n < 0, `objective` is unknown, there are fewer than two items, or the covariance is too large.

    Notes
    -----
    Cost: a few passes over K² numbers for each pair, 0.1 ms for 100 items. Gain by simulation: 20 items, 400 votes of
    which popular items have most, then 400 more in batches of 50, 120 data sets. Kendall's correlation with the true
    order is 0.79 where pairs go on at random, 0.85 by ``"uncertainty"`` and ``"d-optimal"``; the best item is found in
    70 %, and in 82 % by ``"top"``. Where all pairs meet as often as each other, only ``"top"`` gains much for its aim.

    References
    ----------
    Mikhailiuk et al., ICPR (2020), arXiv:2004.05691. Guo, Sun and Fu, NeurIPS workshop (2018), arXiv:1810.12643.

    Examples
    --------
    >>> import alignment_fast as af
    >>> votes = af.ranking.Comparisons.from_matrix([[0, 9, 2, 0], [8, 0, 9, 5], [1, 4, 0, 2], [0, 2, 2, 0]])
    >>> af.ranking.next_pairs(af.ranking.fit(votes), 3, objective="d-optimal")
    array([[0, 3],
           [2, 3],
           [0, 3]])

    """
    if not isinstance(fit, RatingFit):
        raise TypeError(f"fit must be a RatingFit, not {type(fit).__name__}")
    as_word(objective, "objective", OBJECTIVES)
    count = operator.index(n)
    if count < 0:
        raise ValueError(f"n must not be negative, not {count}")
    scores = fit.scores
    items = len(scores)
    if items < 2:
        raise ValueError("there are fewer than two items")
    covariance = fit.covariance()
    lead = scores[:, None] - scores
    p = 1.0 / (1.0 + np.exp(-np.abs(lead)))
    information = p * (1.0 - p)
    upper = np.triu(np.ones((items, items), dtype=bool), 1)
    found = np.empty((count, 2), dtype=np.int64)
    for number in range(count):
        variance = np.diag(covariance)
        apart = variance[:, None] + variance - 2.0 * covariance
        worth = np.where(upper, _worth(objective, scores, lead, covariance, apart, information), -np.inf)
        i, j = divmod(int(worth.argmax()), items)
        found[number] = (i, j) if lead[i, j] >= 0 else (j, i)
        move = covariance[i] - covariance[j]
        gain = information[i, j] / (1.0 + information[i, j] * apart[i, j])
        covariance = covariance - gain * np.outer(move, move)
    return found


def _worth(objective: str, scores: Reals, lead: Reals, covariance: Reals, apart: Reals, information: Reals) -> Reals:
    """Return what each pair is worth."""
    if objective == "uncertainty":
        return _wrong(lead, apart) - _wrong(lead, apart / (1.0 + information * apart))
    if objective == "d-optimal":
        return information * apart
    best = int(scores.argmax())
    size = np.sqrt(np.maximum(apart[best], 0.0))
    certain = np.divide(lead[best], size, out=np.full_like(size, np.inf), where=size > 0)
    certain[best] = np.inf
    move = covariance[best] - covariance[int(certain.argmin())]
    between = move[:, None] - move
    found: Reals = information * between**2 / (1.0 + information * apart)
    return found


def _wrong(lead: Reals, variance: Reals) -> Reals:
    """Return the probability that two items are in the wrong order."""
    from scipy.special import ndtr

    size = np.sqrt(np.maximum(variance, 0.0))
    found: Reals = ndtr(-np.divide(np.abs(lead), size, out=np.full_like(size, np.inf), where=size > 0))
    return found
