r"""What k samples of a problem do together: all right (pass^k), the best of them, their majority, and what they cost.

Every estimate is a mean over all k-subsets of the M samples of a problem, so it is unbiased. With h the statistic of
one subset and U the mean,

.. math:: U^2 - \mathrm{mean}\, \{h(S)\, h(S') : S \cap S' = \emptyset\}

is an unbiased estimate of the variance of U, since the mean over disjoint pairs has expectation :math:`E[h]^2`. It
needs 2k <= M, and being unbiased it may be negative. For pass^k, :math:`h(S) h(S')` is h of the union, so it is
:math:`U_k^2 - U_{2k}` with :math:`U_k = \binom{c}{k} / \binom{M}{k}`.

The cost of trying a problem until it is solved, at most k times, is :math:`\sum_{j<k} (1 - \text{pass@}j)` on average:
the j + 1st attempt is made where the first j failed. Both terms are unbiased from the same counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from alignment_fast._border.arrays import as_array, model_of
from alignment_fast._border.call import give
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.status import refuse
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.best_of_n import _majority
from alignment_fast.best_of_n._device_pools import device_counts
from alignment_fast.best_of_n.pool import Curve, MeanCurve, checked_counts, curve, mean_over_prompts

__all__ = ["Coverage", "best_at_k", "coverage_at_cost", "majority_at_k", "pass_all_k"]


@dataclass(frozen=True)
class Coverage:
    """Share of problems solved, and attempts made, where each is tried until it is solved, at most k times.

    Parameters
    ----------
    k : array (T,) or int
        Most attempts at a problem.
    cost, coverage : array (T,)
        Means over problems: of attempts made, and of the chance that the problem is solved.
    cost_error, coverage_error : array (T,)
        Standard errors from the spread of problems, or of clusters of them.

    """

    k: Any
    cost: Any
    coverage: Any
    cost_error: Any
    coverage_error: Any


def pass_all_k(num_samples: Any, num_correct: Any, k: Any) -> Curve:
    r"""Return the unbiased estimate of pass^k, the chance that k samples of a problem are all right.

    .. math:: U_k = \binom{c}{k} \Big/ \binom{m}{k}, \qquad \widehat{\mathrm{var}} = U_k^2 - U_{2k}

    Parameters
    ----------
    num_samples, num_correct : int or array of int (...,)
        Samples m and correct samples c of each problem; they broadcast.
    k : int or array of int (T,)
        Samples that are to be right, at least 1; a one-dimensional k adds an axis after those of the problems.

    Returns
    -------
    Curve
        ``n`` is k; ``mean`` and ``variance`` are (..., [T]). The variance is unbiased, of the estimate given the
        problem; it may be negative, and is NaN where 2k > m. `mean_over_prompts` averages over problems, with clustered
        errors.

    Raises
    ------
    ValueError, TypeError
        As `pass_at_k`.

    Notes
    -----
    Accuracy: relative error below 4e-16 k. Cost: 2 max(k) passes over the problems. Counts on a CUDA device as in
    `pass_at_k`.

    References
    ----------
    Yao et al., "τ-bench", arXiv:2406.12045 (pass^k). Lee, "U-Statistics" (1990).

    Examples
    --------
    >>> import alignment_fast as af
    >>> chance = af.best_of_n.pass_all_k(10, [2, 5, 9], [1, 2])
    >>> chance.mean.round(4)
    array([[0.2   , 0.0222],
           [0.5   , 0.2222],
           [0.9   , 0.8   ]])
    >>> mean = af.best_of_n.mean_over_prompts(chance)
    >>> mean.mean.round(4), mean.standard_error.round(4)
    (array([0.5333, 0.3481]), array([0.2028, 0.2332]))

    """
    ops = operations("best_of_n")
    found = ops.short_pass_all_k(num_samples, num_correct, k)
    if found is not None:
        return Curve(*found)
    there = device_counts({"num_samples": num_samples, "num_correct": num_correct}, k, checked_counts)
    if there is not None:
        ks, (mean, variance) = there.ks, there.ask("pass_all_k")
        return Curve(ks if np.ndim(k) else int(ks[0]), mean, variance)
    total, correct, ks = checked_counts(num_samples, num_correct, k)
    mean, variance = ops.pass_all_k(total.reshape(-1), correct.reshape(-1), ks)
    shape = (*total.shape, len(ks)) if np.ndim(k) else total.shape
    model = model_of((num_samples, num_correct, k))
    mean, variance = (give(array, model, shape=shape) for array in (mean, variance))
    return Curve(give(ks, model) if np.ndim(k) else int(ks[0]), mean, variance)


def best_at_k(
    scores: Any,
    k: Any,
    *,
    values: Any = None,
    variance: Literal["unbiased", "jackknife"] | None = "unbiased",
    lengths: Any = None,
    num_threads: int | None = None,
) -> Curve:
    """Return the unbiased estimate of the expected best score of k samples: `curve` at k, with variances.

    Parameters
    ----------
    scores : array (..., M), or sequence of one-dimensional arrays
        Scores of the samples of each problem; pools may differ in size.
    k : int or array of int (T,)
        Samples to choose from, at least 1.
    values : like `scores`, optional
        What the chosen sample is judged by.
    variance : {"unbiased", "jackknife"} or None
        As in `curve`: unbiased variances may be negative, and are NaN where 2k > M.
    lengths : array of int (...,), optional
        Number of samples in each row of `scores`.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    Curve
        ``n`` is k; NaN where k exceeds a ragged row's pool. `mean_over_prompts` gives clustered errors.

    Raises
    ------
    ValueError
        As `curve`.

    References
    ----------
    Lee, "U-Statistics" (1990).

    Examples
    --------
    >>> import alignment_fast as af
    >>> best = af.best_of_n.best_at_k([[0.0, 1.0, 1.0, 0.0], [0.2, 0.4, 0.3, 0.9]], 2)
    >>> best.mean.round(4), best.variance.round(4)
    (array([0.8333, 0.6333]), array([0.0278, 0.0711]))

    """
    if not (type(scores) is np.ndarray and scores.ndim and type(k) is int and 0 < k <= scores.shape[-1]):
        _refuse_draws(scores, k)
    return curve(scores, k, values=values, variance=variance, lengths=lengths, num_threads=num_threads)


def _refuse_draws(scores, k):
    """Raise ValueError for numbers of samples that are none, or that exceed the largest pool."""
    ks = draws_of(k)
    if isinstance(scores, (list, tuple)) and all(np.ndim(row) == 1 for row in scores):
        largest = max(map(len, scores), default=0)
    else:
        shape = scores.shape if hasattr(scores, "shape") else np.shape(scores)  # NumPy reads no array of a device
        largest = shape[-1] if shape else 0
    if largest:
        refuse(ks > largest, ks, "k", f"exceeds the {largest} samples of the largest pool")


def draws_of(k):
    """Return `k`, numbers of samples, as an array of integers of at most one axis; raise for a bad one."""
    if type(k) is int and 0 < k < 1 << 63:
        return np.array(k)
    ks = as_array(k, "k")
    if ks.dtype.kind not in "iu" or ks.ndim > 1:
        raise ValueError(f"k must be an integer or a one-dimensional array of integers, not {k!r}")
    refuse(ks < 1, ks, "k", "is below 1")
    return ks


def majority_at_k(
    answers: Any,
    k: Any,
    *,
    correct: Any = None,
    variance: Literal["unbiased", "jackknife"] | None = "unbiased",
) -> Curve:
    r"""Return the unbiased estimate of maj@k, the chance that the most frequent answer of k samples is right.

    The mean over all k-subsets of the samples of a problem; where t answers tie with the right one, it wins with chance
    1/(1 + t).

    Parameters
    ----------
    answers : array (..., M), or sequence of one-dimensional arrays
        Answers of the samples of each problem: integers, strings, or booleans. Problems may differ in M.
    k : int or array of int (T,)
        Samples that vote, at least 1.
    correct : array (...,), optional
        The right answer of each problem. Not needed where answers are booleans: True is right then, and all that are
        wrong count as one answer.
    variance : {"unbiased", "jackknife"} or None
        ``"unbiased"``: from pairs of disjoint subsets; may be negative; NaN where 2k > M. ``"jackknife"``: from leaving
        out each sample; NaN where k = M.

    Returns
    -------
    Curve
        ``n`` is k, ``mean`` and ``variance`` (..., [T]); NaN where k exceeds a ragged row. `mean_over_prompts` averages
        over problems, with clustered errors.

    Raises
    ------
    ValueError
        If a problem has no samples, an answer is NaN or None, k < 1 or exceeds the largest pool, `correct` is missing
        or of another shape, or an unbiased variance has too many terms (k above about 16): ask for the jackknife.
    TypeError
        If one of `answers` and `correct` is text and the other numbers, or answers do not compare.

    Notes
    -----
    Accuracy: 1e-12 absolute. Cost: of the mean, M k log k products for each problem; of an unbiased variance about
    M² k⁴.

    References
    ----------
    Wang et al., "Self-consistency", arXiv:2203.11171. Lee, "U-Statistics" (1990).

    Examples
    --------
    >>> import alignment_fast as af
    >>> votes = af.best_of_n.majority_at_k([["12", "12", "7", "3", "12", "7"]], [1, 3], correct=["12"])
    >>> votes.mean, votes.variance.round(4)
    (array([[0.5, 0.6]]), array([[0.05, 0.16]]))

    """
    as_word(variance, "variance", (None, "unbiased", "jackknife"))
    votes = operations("best_of_n").short_votes(answers, correct)
    if votes is None:
        rows, leading = _answer_rows(answers)
        right = _right_answers(rows, leading, correct)
        sizes = [len(row) for row in rows]
    else:
        leading, sizes = answers.shape[:1], [answers.shape[1]] * len(votes)
    ks = draws_of(k)
    largest = max(sizes, default=1)
    refuse(ks > largest, ks, "k", f"exceeds the {largest} samples of the largest pool")
    if votes is None:
        votes = [_votes(row, answer, i) for i, (row, answer) in enumerate(zip(rows, right, strict=True))]
    grid = ks.reshape(-1).tolist()
    mean, spread = np.full((len(votes), len(grid)), np.nan), np.full((len(votes), len(grid)), np.nan)
    known = {}  # problems of the same counts have the same chances
    for i, (own, others) in enumerate(votes):
        for column, draws in enumerate(grid):
            if draws <= sizes[i]:
                case = own, others, draws
                if case not in known:
                    chance = _majority.chance(*case)
                    known[case] = chance, _spread(variance, *case, chance)
                mean[i, column], spread[i, column] = known[case]
    shape = (*leading, len(grid)) if ks.ndim else leading
    model = answers if not isinstance(answers, (list, tuple)) else mean
    mean, spread = (give(array, model, shape=shape) for array in (mean, spread))
    return Curve(give(ks.astype(np.int64), model) if ks.ndim else int(ks), mean, spread if variance else None)


def _votes(row, answer, i):
    """Return how many samples of problem i give the right answer, and the counts of the others, ascending."""
    if row.dtype.kind == "b" and answer is True:
        own = int(np.count_nonzero(row))
        return own, (len(row) - own,) if own < len(row) else ()
    try:
        names, number = np.unique(row, return_counts=True)
    except TypeError as error:
        raise TypeError(f"answers[{i}] holds answers that do not compare: {error}") from None
    return int(number[names == answer].sum()), tuple(sorted(number[names != answer].tolist()))


def _spread(method, own, others, k, mean):
    """Return the variance of the mean over k-subsets by `method`, NaN where there is none."""
    size = own + sum(others)
    if method == "unbiased" and 2 * k <= size:
        product = _majority.product(own, others, k)
        if product is None:
            raise ValueError(f"the unbiased variance of a majority of k = {k} has too many terms: ask for 'jackknife'")
        return mean**2 - product
    if method == "jackknife" and k < size:
        without = [(own, _majority.chance(own - 1, others, k))] if own else []
        for at, count in enumerate(others):
            fewer = tuple(sorted(c for c in (*others[:at], count - 1, *others[at + 1 :]) if c))
            without.append((count, _majority.chance(own, fewer, k)))
        centre = sum(count * x for count, x in without) / size
        return (size - 1) / size * sum(count * (x - centre) ** 2 for count, x in without)
    return np.nan


def _answer_rows(answers):
    """Return (one array for each problem, leading axes)."""
    ragged = isinstance(answers, (list, tuple)) and len({np.size(row) for row in answers}) > 1
    if ragged:
        rows = [as_array(row, f"answers[{i}]") for i, row in enumerate(answers)]
        leading = (len(rows),)
    else:
        array = as_array(answers, "answers")
        if array.ndim == 0:
            raise ValueError("answers must have an axis of samples")
        leading = array.shape[:-1]
        rows = list(array.reshape(int(np.prod(leading)), array.shape[-1]))
    for i, row in enumerate(rows):
        if row.ndim != 1 or row.size == 0:
            raise ValueError(f"answers[{i}] of shape {row.shape} is no pool of samples")
        if row.dtype.kind == "f":
            refuse(np.isnan(row), row, f"answers[{i}]", "is NaN")
    return rows, leading


def _right_answers(rows, leading, correct):
    if correct is None:
        if not all(row.dtype.kind == "b" for row in rows):
            raise ValueError("correct is needed where answers are not booleans")
        return [True] * len(rows)
    right = as_array(correct, "correct")
    if right.shape != leading:
        raise ValueError(f"correct of shape {right.shape} and problems of shape {leading} differ")
    kinds = {array.dtype.kind for array in (right, *rows)} - {"O"}
    if "U" in kinds and len(kinds) > 1:
        raise TypeError("correct and answers must both be text, or both be numbers")
    return right.reshape(-1).tolist()


def coverage_at_cost(num_samples: Any, num_correct: Any, k: Any, *, clusters: Any = None) -> Coverage:
    r"""Return what attempts buy: problems solved and attempts made, trying each until it is solved, at most k times.

    .. math:: \mathrm{cost}(k) = \sum_{j=0}^{k-1} (1 - \text{pass@}j), \qquad \mathrm{coverage}(k) = \text{pass@}k,

    both estimated without bias from the m samples of each problem and averaged over problems.

    Parameters
    ----------
    num_samples, num_correct : int or array of int (P,)
        Samples m and correct samples c of each problem; they broadcast.
    k : int or array of int (T,)
        Most attempts, at least 1 and at most the samples of a problem.
    clusters : array (P,), optional
        Labels of problems that depend on each other.

    Returns
    -------
    Coverage

    Raises
    ------
    ValueError, TypeError
        As `pass_at_k`, and for no problems or clusters of another shape.

    Notes
    -----
    Cost: max(k) passes over the problems.

    References
    ----------
    "Reset-and-Discard", arXiv:2601.21522 (coverage at cost).

    Examples
    --------
    >>> import alignment_fast as af
    >>> found = af.best_of_n.coverage_at_cost(10, [0, 3, 9], [1, 2, 5])
    >>> found.cost.round(3), found.coverage.round(3)
    (array([1.   , 1.6  , 2.908]), array([0.4  , 0.511, 0.639]))

    """
    found = operations("best_of_n").short_coverage_at_cost(num_samples, num_correct, k) if clusters is None else None
    if found is not None:
        return Coverage(*found)
    arrays = {"num_samples": num_samples, "num_correct": num_correct}
    given = in_callers_kind(coverage_at_cost, arrays, k=k, clusters=clusters)
    if given is not None:
        return cast(Coverage, given)
    total, correct, ks = checked_counts(num_samples, num_correct, k)
    if total.ndim > 1 or total.size == 0:
        raise ValueError(f"problems must be one-dimensional and at least one, not of shape {total.shape}")
    total, correct = np.atleast_1d(total), np.atleast_1d(correct)
    every = np.arange(1, int(ks.max(initial=1)) + 1)
    missed = operations("best_of_n").drawn_shares(every, total - correct, total)
    cost = np.cumsum(np.concatenate([np.ones((len(total), 1)), missed[:, :-1]], axis=1), axis=1)[:, ks - 1]
    parts: list[MeanCurve] = [
        mean_over_prompts(Curve(ks, part), clusters=clusters) for part in (cost, 1.0 - missed[:, ks - 1])
    ]
    means = [part.mean for part in parts] + [part.standard_error for part in parts]
    return Coverage(ks, *means) if np.ndim(k) else Coverage(int(ks[0]), *(value[0] for value in means))
