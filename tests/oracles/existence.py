"""Whether a likelihood of comparisons has a finite maximum: rows of its recession cone, decided by brute force.

A comparison is (winner, loser, tied, home, covariates): home is 1 where the winner was at home, -1 the loser, 0 nobody.
Unknowns of a direction: scores but that of item 0 (none with a prior), home advantage if any, covariates, and κ.
"""

import itertools
from fractions import Fraction

import numpy as np

WITH_TIES = ("rao-kupper", "davidson")


def rows(model, comparisons, items, *, home=False, prior=False):
    """Return rows r: along v nothing that was seen becomes impossible if r v >= 0 for all of them."""
    has_tie = model in WITH_TIES and any(tied for _, _, tied, _, _ in comparisons)
    found = []
    for winner, loser, tied, at_home, covariates in comparisons:
        scores = [(item == winner) - (item == loser) for item in range(1, items)]
        difference = [*([] if prior else scores), *([at_home] if home else []), *covariates]
        opposite = [-entry for entry in difference]
        if has_tie:
            found += [(*difference, 1), (*opposite, 1)] if tied else [(*difference, -1)]
        else:
            found += [tuple(difference), tuple(opposite)] if tied else [tuple(difference)]
    return list(dict.fromkeys(found))


def rank(vectors):
    """Return the rank of rows of integers, in fractions."""
    left, found = [[Fraction(entry) for entry in row] for row in vectors], 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((r for r in range(found, len(left)) if left[r][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        for r in range(found + 1, len(left)):
            factor = left[r][column] / left[found][column]
            left[r] = [a - factor * b for a, b in zip(left[r], left[found], strict=True)]
        found += 1
    return found


def is_finite(conditions):
    """Return whether the rows leave no direction, by trying every edge of their cone; they must have full rank.

    Rows are of small integers, and so are the minors of all but one of them, vectors along the edges: rounded, they are
    exact.
    """
    rows = np.array(conditions, dtype=float)
    size = rows.shape[1]
    chosen = list(itertools.combinations(range(len(rows)), size - 1))
    edges = rows[np.array(chosen, dtype=int).reshape(len(chosen), size - 1)]
    minors = [(-1) ** column * np.linalg.det(np.delete(edges, column, axis=2)) for column in range(size)]
    assert np.abs(minors).max() < 1e6
    values = np.rint(np.stack(minors, axis=1)) @ rows.T
    low, high = values.min(axis=1), values.max(axis=1)
    return not (((low >= 0) & (high > 0)) | ((high <= 0) & (low < 0))).any()


def is_finite_by_multipliers(conditions):
    """Return the same by Stiemke's lemma: positive multipliers of the rows that add up to nothing (dual programme)."""
    from scipy.optimize import linprog

    matrix = np.array(conditions, dtype=float).T
    found = linprog(np.ones(matrix.shape[1]), A_eq=matrix, b_eq=np.zeros(len(matrix)), bounds=(1, None))
    return found.status == 0


def is_finite_by_least_squares(conditions, sure=1e-6):
    """Return the same by the multipliers z >= 0 that bring rows' sum Aᵀ(1 + z) nearest to nothing.

    What is left, r, is nothing, or a direction: A r >= 0 and Σ A r = |r|² > 0 where z is the best there is. Ten times
    faster than the programme, which decides what is near either.
    """
    from scipy.optimize import nnls

    matrix = np.array(conditions, dtype=float).T
    total = matrix.sum(axis=1)
    left = matrix @ nnls(matrix, -total)[0] + total
    along, size = left @ matrix, np.abs(left).max()
    if size > sure and along.min() >= -1e-3 * sure * size:
        return False
    return True if size < 1e-6 * sure else is_finite_by_multipliers(conditions)
