"""Front end for the score reducers of ``inspect_ai``: from the scores of all epochs to one score of each sample.

The host's reducers take the list of one sample's ``Score`` objects; the functions here take all samples at once, as an
array (..., epochs) of numbers in which NaN is an epoch that was not scored.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_floating
from alignment_fast.best_of_n import pass_all_k
from alignment_fast.interop.human_eval import estimate_pass_at_k

__all__ = ["at_least", "majority", "pass_at", "pass_k"]


def _epochs(scores: Any) -> np.ndarray:
    found = as_floating(scores, "scores").astype(np.float64, copy=False)
    if not found.ndim:
        raise ValueError("scores must have an axis of epochs")
    return found


def _counts(scores: Any, k: int, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how many epochs of each sample were scored, and how many of them reach `value`."""
    if k < 1:
        raise ValueError(f"k = {k} is below 1")
    scores = _epochs(scores)
    return np.count_nonzero(~np.isnan(scores), axis=-1), np.count_nonzero(scores >= value, axis=-1)


def _given(found: np.ndarray) -> Any:
    return found if found.ndim else float(found)


def pass_at(scores: Any, k: int, value: float = 1.0) -> Any:
    r"""Return the chance that at least one of k epochs is right, as the reducer ``pass_at(k, value)``.

    .. math:: 1 - \binom{m - c}{k} \Big/ \binom{m}{k}

    for m scored epochs, c of which reach `value`.

    Parameters
    ----------
    scores : array (..., epochs)
        NaN where an epoch was not scored.
    k : int
        Epochs to choose.
    value : float, default 1
        The least score that is right.

    Returns
    -------
    float or array of float64 (...)
        NaN where fewer than k epochs were scored. Accuracy: that of `alignment_fast.best_of_n.pass_at_k`.

    Raises
    ------
    ValueError
        If k < 1, or there is no axis of epochs.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.interop import inspect_ai
    >>> inspect_ai.pass_at([[1, 0, 0, np.nan], [1, np.nan, np.nan, np.nan]], 2).round(4)
    array([0.6667,    nan])

    """
    total, correct = _counts(scores, k, value)
    found = estimate_pass_at_k(np.reshape(total, -1), np.reshape(correct, -1), k).reshape(np.shape(total))
    return _given(np.where(total < k, np.nan, found))


def pass_k(scores: Any, k: int, value: float = 1.0) -> Any:
    r"""Return the chance that all of k epochs are right, as the reducer ``pass_k(k, value)``.

    .. math:: \binom{c}{k} \Big/ \binom{m}{k}

    Parameters
    ----------
    scores, k, value
        As in `pass_at`.

    Returns
    -------
    float or array of float64 (...)
        NaN where fewer than k epochs were scored. Accuracy: that of `alignment_fast.best_of_n.pass_all_k`.

    Raises
    ------
    ValueError
        As `pass_at`.

    References
    ----------
    Yao et al., "τ-bench", arXiv:2406.12045.

    Examples
    --------
    >>> from alignment_fast.interop import inspect_ai
    >>> round(inspect_ai.pass_k([1, 1, 0, 0], 2), 4)
    0.1667

    """
    total, correct = _counts(scores, k, value)
    total, correct = np.asarray(total), np.asarray(correct)
    found, enough = np.full(total.shape, np.nan), total >= k
    found[enough] = pass_all_k(total[enough], correct[enough], k).mean
    return _given(found)


def at_least(scores: Any, k: int, value: float = 1.0) -> Any:
    """Return 1 where at least k epochs reach `value` and 0 where not, as the reducer ``at_least(k, value)``.

    Parameters
    ----------
    scores, k, value
        As in `pass_at`.

    Returns
    -------
    float or array of float64 (...)
        NaN where no epoch was scored; an epoch that was not scored reaches nothing.

    Raises
    ------
    ValueError
        As `pass_at`.

    Examples
    --------
    >>> from alignment_fast.interop import inspect_ai
    >>> inspect_ai.at_least([[1, 1, 0], [1, 0, 0]], 2)
    array([1., 0.])

    """
    total, correct = _counts(scores, k, value)
    return _given(np.where(total == 0, np.nan, correct >= k))


def majority(scores: Any) -> Any:
    """Return the score that more than half of all epochs have, as the reducer ``majority``.

    Parameters
    ----------
    scores : array (..., epochs)
        NaN where an epoch was not scored; it counts among all, and for no score.

    Returns
    -------
    float or array of float64 (...)
        NaN where no score has a majority.

    Raises
    ------
    ValueError
        If there is no axis of epochs.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.interop import inspect_ai
    >>> inspect_ai.majority([[1, 1, 0], [1, 0, np.nan]])
    array([ 1., nan])

    """
    scores = _epochs(scores)
    epochs = scores.shape[-1]
    if not epochs:
        found = np.full(scores.shape[:-1], np.nan)
    else:
        ordered = np.sort(scores, axis=-1)  # a score with a majority is in the middle; NaN goes last
        middle = ordered[..., (epochs - 1) // 2]
        found = np.where(2 * np.count_nonzero(ordered == middle[..., None], axis=-1) > epochs, middle, np.nan)
    return _given(found)
