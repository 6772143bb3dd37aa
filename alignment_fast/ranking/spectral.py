r"""Rank Centrality: scores from the stationary law of a walk from losers to winners.

From item j the walk goes to each opponent i with probability :math:`c_{ij} / D`, where :math:`c_{ij}` is the share of
their comparisons that i won (ties by halves) and D the largest number of opponents of any item; else it stays. Where
shares are those of Bradley and Terry's model, :math:`c_{ij} = w_i / (w_i + w_j)`, the walk is reversible and its
stationary law is w. D does not matter for that law. It is solved by elimination without subtractions (Grassmann, Taksar
and Heyman), so that every weight keeps its digits, however small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.scalars import as_number
from alignment_fast._operations import operations
from alignment_fast.errors import ConvergenceError
from alignment_fast.ranking.comparisons import Comparisons, check_comparisons

__all__ = ["rank_centrality"]


def rank_centrality(comparisons: Comparisons, *, prior: float = 0.0) -> NDArray[np.float64]:
    r"""Return scores by Rank Centrality: logarithms of the stationary law of a walk from losers to winners.

    .. math:: s_i = \log \pi_i - \frac1K \sum_j \log \pi_j, \qquad
              \sum_j \pi_j c_{ij} = \pi_i \sum_j c_{ji}, \quad
              c_{ij} = \frac{w_{ij} + \tfrac12 t_{ij} + a}{w_{ij} + w_{ji} + t_{ij} + 2 a}

    with the wins w and ties t of each pair, over pairs that met, or over all where the prior a is positive. Pairs count
    alike however often they met; `fit` weighs them by what they say, and has the smaller error under Bradley and
    Terry's model. Needs no start and no iterations.

    Parameters
    ----------
    comparisons : Comparisons
        Who beat whom.
    prior : float
        Wins that are added to either side of every pair.

    Returns
    -------
    array (K,)
        Scores of mean zero, in the units of Bradley and Terry's model.

    Raises
    ------
    TypeError
        If `comparisons` are no Comparisons.
    ValueError
        If the comparisons fall into components, or `prior` is negative or not finite.
    ConvergenceError
        If some items never lost to the others, whose weight is then 0; a prior helps.

    Notes
    -----
    Accuracy: 1e-12 relative in every weight. Cost: K³ / 3 products: 1 ms for 100 items, 30 for 300.

    References
    ----------
    Negahban, Oh and Shah, Rank centrality: ranking from pairwise comparisons, Oper. Res. 65 (2017) 266-287.

    Examples
    --------
    >>> import alignment_fast as af
    >>> votes = af.ranking.Comparisons.from_matrix([[0, 60, 90], [40, 0, 95], [10, 5, 0]])
    >>> af.ranking.rank_centrality(votes).round(3)
    array([ 0.978,  0.653, -1.631])

    """
    check_comparisons(comparisons)
    added = as_number(prior, "prior")
    if not 0 <= added < np.inf:
        raise ValueError(f"prior must be finite and not negative, not {added}")
    if added == 0.0:
        existence = comparisons.existence()
        if existence.components > 1:
            raise ValueError(f"{existence.explain()}; give a prior")
        if not existence.finite:
            raise ConvergenceError(f"{existence.explain()}; give a prior")
    wins, ties = comparisons.to_matrix()
    points = wins + 0.5 * ties + added
    np.fill_diagonal(points, 0.0)
    total = points + points.T
    chance = np.divide(points, total, out=np.zeros_like(points), where=total > 0)
    scores: NDArray[np.float64] = np.log(operations("ranking").stationary(chance.T))
    return scores - scores.mean()
