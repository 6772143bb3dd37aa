"""What ``strict=True`` gives instead: the maximum of the likelihood, and errors where iterations have not converged."""

import numpy as np

from alignment_fast.ranking import Comparisons, fit


def maximum_scores(matrix: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the Bradley-Terry strengths that maximise the likelihood of a matrix of points, and Newton's steps."""
    winner, loser = _met(matrix)
    votes = Comparisons(winner, loser, weight=matrix[winner, loser], n_items=len(matrix))
    found = fit(votes)
    return np.exp(found.scores), found.iterations


def davidson_scores(wins: np.ndarray, ties: np.ndarray) -> tuple[np.ndarray, int, float]:
    """Return the strengths of Davidson's model that maximise the likelihood, Newton's steps, and the tie parameter.

    A tie of i and j has the weight 2 v √(s_i s_j) beside s_i and s_j.
    """
    winner, loser = _met(wins)
    one, other = _met(np.triu(ties))
    votes = Comparisons(
        np.concatenate([winner, one]),
        np.concatenate([loser, other]),
        weight=np.concatenate([wins[winner, loser], ties[one, other]]),
        tied=np.repeat([False, True], [len(winner), len(one)]),
        n_items=len(wins),
    )
    found = fit(votes, "davidson")
    return np.exp(found.scores), found.iterations, 0.5 * float(np.exp(found.unknowns[-1]))


def _met(matrix: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the places of what is positive; an element against itself says nothing."""
    return np.nonzero((matrix > 0.0) & ~np.eye(len(matrix), dtype=bool))


def refuse_unconverged(sweeps: int, limit: int) -> None:
    """Raise RuntimeError where an iteration took all the steps that it was given."""
    if sweeps >= limit:
        raise RuntimeError(f"Did not converge after {limit} iterations")
