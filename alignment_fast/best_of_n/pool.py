"""Best-of-n from pools of scored samples: curves over n, pass@k, the mean over prompts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from alignment_fast._border.arrays import as_array, as_floating, common_device, is_foreign, model_of
from alignment_fast._border.call import give, operations_of
from alignment_fast._border.num_threads import check_num_threads
from alignment_fast._border.outputs import is_too_large
from alignment_fast._border.scalars import MOST
from alignment_fast._border.status import place, refuse
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.best_of_n._device_pools import DevicePools, device_counts, device_curves
from alignment_fast.best_of_n._pools import INTERPOLATED, of_one_size


@dataclass(frozen=True)
class Curve:
    """Expected value of the best of n, estimated from pools.

    Parameters
    ----------
    n : array (T,) or int
        Numbers of draws; NumPy's where the pools are on a CUDA device.
    mean : array (..., T)
        The estimate; without the last axis where n was a single number. NaN where n exceeds a ragged row's pool.
    variance : array (..., T) or None
        Estimated variance of `mean`; NaN where it does not exist.

    """

    n: Any
    mean: Any
    variance: Any = None

    @property
    def standard_error(self) -> Any:
        """Square root of `variance`, or None; 0 where an unbiased variance is negative."""
        if self.variance is None:
            return None
        return give(np.sqrt(np.maximum(as_array(self.variance, "variance"), 0.0)), self.variance)


@dataclass(frozen=True)
class MeanCurve:
    """Mean of curves over prompts.

    Parameters
    ----------
    n : array (T,) or int
        Numbers of draws.
    mean : array (T,)
        Mean over the prompts that have a value at n.
    standard_error : array (T,)
        From the spread of prompts, or of clusters of them; NaN for fewer than two.
    prompts : array (T,)
        How many prompts have a value at n.

    """

    n: Any
    mean: Any
    standard_error: Any
    prompts: Any


def curve(
    scores: Any,
    n: Any = None,
    *,
    values: Any = None,
    variance: Literal["unbiased", "jackknife"] | None = None,
    estimator: Literal["u", "v"] = "u",
    lengths: Any = None,
    num_threads: int | None = None,
) -> Curve:
    r"""Estimate the expected value of the best of n draws, for many n, from M scored samples of each prompt.

    With the samples in ascending order of score, :math:`v_{(i)}` the value of the i-th,

    .. math:: \hat R_n = \sum_{i=n}^{M} \binom{i-1}{n-1} \binom{M}{n}^{-1} v_{(i)},

    the mean over all subsets of n samples: unbiased for every n <= M. ``estimator="v"`` draws the n samples with
    replacement, :math:`\sum_i [(i/M)^n - ((i-1)/M)^n] v_{(i)}`: biased downwards, defined for any n.

    Parameters
    ----------
    scores : array (..., M), or sequence of one-dimensional arrays
        Scores that select the best sample. A sequence of arrays of different lengths, or `lengths`, makes ragged
        pools.
    n : int or array of int (T,), optional
        Numbers of draws, at least 1, in any order. Default: 1, 2, ..., M.
    values : like `scores`, optional
        What the selected sample is judged by (a gold reward, say). Default: the scores themselves. Samples of equal
        score are equally likely to be selected: each counts with the mean value of its ties.
    variance : {None, "unbiased", "jackknife"}
        Also estimate the variance of the estimate. ``"unbiased"``: from all pairs of disjoint subsets; its expectation
        is exact, so it may be negative; NaN where 2n > M; for ``estimator="u"`` only. ``"jackknife"``: from leaving
        out each sample in turn; never negative, somewhat too large on average; NaN for "u" where n = M.
    estimator : {"u", "v"}
        Without or with replacement.
    lengths : array of int (...,), optional
        Number of samples in each row of `scores`, which come first; what follows them is not read.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    Curve
        ``n`` as asked for, ``mean`` and ``variance`` of shape (..., T), or (...) for a single n.

    Raises
    ------
    ValueError
        If a score is NaN, a value is NaN or infinite, a pool is empty, shapes differ, n < 1, or, for "u", n exceeds
        the largest pool. The message names the argument, the value and its position.

    Notes
    -----
    Accuracy: given `n` are summed exactly, with error below 1e-13 Σ w|v| + 2^-52 of the range of the values for M up to
    1e6. Without `n` and from M = 512 on, n > 64 are interpolated from 18 of them per octave: a further error below
    1e-14 of that range.
    float32 in, float32 out; the work is done in float64.

    Arrays on a CUDA device are used there, pools of different sizes by `lengths`; the call waits for their check.

    Cost: for all n at M = 1e6 less than two sorts; a given n costs about 36 M / n multiplications, at most M.

    References
    ----------
    Nakano et al., "WebGPT", arXiv:2112.09332, and Gao, Schulman & Hilton, "Scaling laws for reward model
    overoptimization", arXiv:2210.10760 (the estimate). Lee, "U-Statistics" (1990).

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.curve([0.1, 0.9, 0.4, 0.5]).mean.round(4)
    array([0.475 , 0.6833, 0.8   , 0.9   ])
    >>> judged = af.best_of_n.curve([0.1, 0.9, 0.4, 0.5], 2, values=[1.0, 0.0, 1.0, 0.0], variance="jackknife")
    >>> float(judged.mean.round(4)), float(judged.standard_error.round(4))
    (0.1667, 0.2887)
    >>> af.best_of_n.curve([[1.0, 2.0, 3.0], [4.0, 0.0]], [1, 3]).mean
    array([[ 2.,  3.],
           [ 2., nan]])

    """
    ops = operations("best_of_n")
    if type(estimator) is not str or estimator not in ops.ESTIMATORS:
        as_word(estimator, "estimator", ops.ESTIMATORS)
    if variance is not None:
        as_word(variance, "variance", (None, *ops.VARIANCES))
    if variance == "unbiased" and estimator == "v":
        raise ValueError("variance 'unbiased' needs estimator 'u': draws with replacement have no disjoint subsets")
    if lengths is None and num_threads is None:
        most = INTERPOLATED if n is None else 4096
        found = ops.short_curve(scores, n, values, ops.ESTIMATORS[estimator], ops.VARIANCES.get(variance), most)
        if found is not None:
            return Curve(*found)
    check_num_threads(num_threads)
    ops = operations_of("best_of_n", scores=scores, values=values)
    on_device = common_device(scores=scores, values=values) == "cuda"
    pools: DevicePools | _Input
    if on_device:
        pools = DevicePools(scores, values, lengths, _Input, _checked_lengths)
    else:
        pools = _Input(scores, values, lengths)
    grid, scalar = _draws(n, pools.largest, estimator)
    shape = (*pools.leading, len(grid))
    if is_too_large(shape):
        raise ValueError(f"a curve of shape {shape} is too large; ask for fewer n or fewer prompts at a time")
    parts = pools.by_length()
    how = {"kind": estimator, "method": variance, "num_threads": num_threads}
    if pools.lengths is None:
        _, own_scores, own_values = parts[0]
        own_grid = None if n is None else grid
        mean, spread = of_one_size(ops, own_scores, own_values, own_grid, **how)
    else:
        at, found = [], []
        for rows, own_scores, own_values in parts:
            reached = np.flatnonzero(grid <= own_scores.shape[1]) if estimator == "u" else np.arange(len(grid))
            at.append((rows, reached))
            found.append(of_one_size(ops, own_scores, own_values, grid[reached], **how))
        mean = pools.joined(at, [one for one, _ in found], len(grid))
        spread = None if variance is None else pools.joined(at, [one for _, one in found], len(grid))
    shape = pools.leading if scalar else shape
    mean, spread = (None if array is None else pools.give(array, shape) for array in (mean, spread))
    return Curve(int(grid[0]) if scalar else pools.of_kind(grid), mean, spread)


def _draws(n, largest, estimator):
    """Return (n as an int64 array, whether it was a scalar), or raise for the first bad one."""
    if n is None:
        return np.arange(1, largest + 1, dtype=np.int64), False
    grid = as_array(n, "n")
    if grid.ndim > 1:
        raise ValueError(f"n must be a number or one-dimensional, not of shape {grid.shape}")
    if grid.dtype.kind == "f" and (grid == np.floor(grid)).all() and (np.abs(grid) < 2**62).all():
        grid = grid.astype(np.int64)  # 1e6 is a fine way to write a number of draws
    if grid.dtype.kind not in "iu":
        raise ValueError(f"n must be integers, not {n!r}")
    most = largest if estimator == "u" else np.iinfo(np.int64).max
    bad = (grid < 1) | (grid > most)
    if bad.any():
        low = grid.reshape(-1)[bad.argmax()] < 1
        reason = "is below 1" if low else f"exceeds the {most} samples of the largest pool; estimator 'v' allows it"
        refuse(bad, grid, "n", reason)
    return grid.reshape(-1).astype(np.int64), grid.ndim == 0


class _Input:
    """The checked arguments of `curve`: scores, values, and how many samples each row has."""

    def __init__(self, scores, values=None, lengths=None):
        self._model = model_of([scores] if values is None else [scores, values])
        if lengths is None and _is_ragged(scores):
            scores, lengths = _padded(scores, "scores")
            if values is not None:
                values, given = _padded(values, "values")
                different = (
                    np.flatnonzero(given != lengths) if len(given) == len(lengths) else [min(len(given), len(lengths))]
                )
                if len(different):
                    raise ValueError(f"values[{different[0]}] and scores[{different[0]}] differ in length")
        scores = as_floating(scores, "scores")
        values = None if values is None else as_floating(values, "values")
        if scores.ndim == 0 or scores.shape[-1] == 0:
            raise ValueError(f"scores of shape {scores.shape} have no samples")
        if values is not None and values.shape != scores.shape:
            raise ValueError(f"values of shape {values.shape} and scores of shape {scores.shape} differ")
        self.leading, self.rows = scores.shape[:-1], int(np.prod(scores.shape[:-1], dtype=np.int64))
        self.dtype = np.result_type(scores, scores if values is None else values)
        self._arrays = scores, values
        self.lengths = None if lengths is None else _checked_lengths(lengths, scores.shape)
        self.largest = scores.shape[-1] if lengths is None else int(self.lengths.max(initial=0))
        self._check("scores", scores, np.isnan if values is not None else _not_finite)
        if values is not None:
            self._check("values", values, _not_finite)

    def _check(self, name, array, is_bad):
        with np.errstate(invalid="ignore", over="ignore"):
            if not is_bad(array.sum(dtype=np.float64)):
                return  # a sum has a NaN or an infinity wherever a term has
        bad = is_bad(array)
        if self.lengths is not None:
            bad &= (np.arange(array.shape[-1]) < self.lengths[:, None]).reshape(array.shape)
        if bad.any():
            value = array.reshape(-1)[bad.argmax()]
            refuse(bad, array, name, "is NaN" if value != value else "is infinite")

    def by_length(self):
        """Return (rows, scores (rows, M), values or None) for each size M there is, in float64."""
        flat = [None if a is None else a.reshape(self.rows, a.shape[-1]) for a in self._arrays]
        if self.lengths is None:
            return [(slice(None), *(None if a is None else a.astype(np.float64, copy=False) for a in flat))]
        parts = []
        for size in np.unique(self.lengths):
            rows = np.flatnonzero(self.lengths == size)
            own = [None if a is None else np.ascontiguousarray(a[rows, :size], dtype=np.float64) for a in flat]
            parts.append((rows, *own))
        return parts

    def joined(self, at, parts, count):
        """Return (rows, count), NaN but for the `parts`, which belong to the (rows, columns) of `at`."""
        out = np.full((self.rows, count), np.nan)
        for where, part in zip(at, parts, strict=True):
            out[np.ix_(*where)] = part
        return out

    def of_kind(self, array):
        """Return an array in the caller's kind and its own dtype."""
        return give(array, self._model)

    def give(self, array, shape):
        """Return a result in the caller's kind and the dtype of the arguments."""
        return give(array, self._model, dtype=self.dtype, shape=shape)


def _not_finite(array):
    return ~np.isfinite(array)


def _is_ragged(scores):
    if not isinstance(scores, (list, tuple)):
        return False
    return len({np.shape(row)[0] if np.ndim(row) == 1 else -1 for row in scores if np.ndim(row)}) > 1


def _padded(rows, name):
    """Return (array (rows, longest), lengths) of one-dimensional arrays of different lengths."""
    if not isinstance(rows, (list, tuple)):
        raise ValueError(f"{name} must be a sequence of one-dimensional arrays, as scores are")
    arrays = [as_floating(row, f"{name}[{i}]") for i, row in enumerate(rows)]
    for i, row in enumerate(arrays):
        if row.ndim != 1:
            raise ValueError(f"{name}[{i}] must be one-dimensional, not of shape {row.shape}")
    lengths = np.array([len(row) for row in arrays], dtype=np.int64)
    out = np.zeros((len(arrays), lengths.max()), dtype=np.result_type(*arrays))
    out[np.arange(out.shape[1]) < lengths[:, None]] = np.concatenate(arrays)
    return out, lengths


def _checked_lengths(lengths, shape):
    lengths = as_array(lengths, "lengths")
    if lengths.dtype.kind not in "iu" or lengths.shape != shape[:-1]:
        raise ValueError(
            f"lengths must be integers of shape {shape[:-1]}, not {lengths.dtype} of shape {lengths.shape}"
        )
    refuse((lengths < 1) | (lengths > shape[-1]), lengths, "lengths", f"is not between 1 and {shape[-1]}")
    return lengths.reshape(-1).astype(np.int64)


def mean_over_prompts(curves: Curve, *, clusters: Any = None) -> MeanCurve:
    r"""Average curves over prompts, with a standard error that lets prompts of one cluster depend on each other.

    Prompts, not samples, are the units: the spread of the curves between prompts holds both what differs between
    prompts and the error within each. With clusters :math:`g` of prompts,

    .. math:: \mathrm{se}^2 = \frac{G}{G-1} \frac{1}{P^2} \sum_g \Big(\sum_{i \in g} (x_i - \bar x)\Big)^2,

    which for single prompts is the variance of the mean, :math:`s^2 / P`.

    Parameters
    ----------
    curves : Curve
        Of shape (..., T): all leading axes are prompts. A NaN (n beyond a ragged pool) leaves that prompt out there.
    clusters : array (...,), optional
        Labels, of any type that NumPy sorts. Default: each prompt is its own cluster.

    Returns
    -------
    MeanCurve

    Raises
    ------
    ValueError
        If there is no prompt axis or `clusters` has another shape.

    Notes
    -----
    Prompts are added up in order. Of curves on a CUDA device each n is a thread's there; `clusters` are from the host.

    References
    ----------
    Liang & Zeger, Biometrika 73 (1986) 13; Miller, "Adding error bars to evals", arXiv:2411.00640.

    Examples
    --------
    >>> import alignment_fast as af
    >>> curves = af.best_of_n.curve([[0.0, 1.0], [2.0, 5.0], [1.0, 1.0]])
    >>> af.best_of_n.mean_over_prompts(curves).mean.round(4)
    array([1.6667, 2.3333])
    >>> af.best_of_n.mean_over_prompts(curves, clusters=["a", "b", "a"]).standard_error.round(4)
    array([1.2222, 1.7778])

    """
    if not isinstance(curves, Curve):
        raise TypeError(f"curves must be a Curve, not {type(curves).__name__}")
    n = curves.n
    single = n.ndim == 0 if hasattr(n, "ndim") else isinstance(n, int) or (np.ndim(n) == 0 and not is_foreign(n))
    found = operations("best_of_n").short_prompt_means(curves.mean, single) if clusters is None else None
    if found is not None:
        return MeanCurve(curves.n, *found)
    mean = device_curves(curves.mean)
    if mean is None:
        mean = np.asarray(as_array(curves.mean, "curves.mean"), dtype=np.float64)
    leading = mean.shape if single else mean.shape[:-1]
    if not leading:
        raise ValueError("curves have no axis of prompts")
    group, count = None, 0
    if clusters is not None:
        labels = as_array(clusters, "clusters")
        if labels.shape != leading:
            raise ValueError(f"clusters of shape {labels.shape} and prompts of shape {leading} differ")
        names, group = np.unique(labels.reshape(-1), return_inverse=True)
        count = len(names)
    rows = mean.reshape(math.prod(leading), 1 if single else mean.shape[-1])
    rows = np.ascontiguousarray(rows) if isinstance(rows, np.ndarray) else rows
    found = operations_of("best_of_n", curves=curves.mean).prompt_means(rows, group, count)
    shape = () if single else (rows.shape[1],)
    return MeanCurve(curves.n, *(give(array, curves.mean, shape=shape) for array in found))


def pass_at_k(num_samples: Any, num_correct: Any, k: Any) -> Any:
    r"""Return the unbiased estimate of pass@k: the chance that k samples of a problem hold a correct one.

    .. math:: 1 - \binom{m - c}{k} \Big/ \binom{m}{k}

    It is `curve` for scores that are 0 or 1.

    Parameters
    ----------
    num_samples, num_correct : int or array of int (...,)
        Samples m and correct samples c of each problem, below 2^63; they broadcast.
    k : int or array of int (T,)
        A one-dimensional k adds an axis after those of the problems.

    Returns
    -------
    float or array of float64 (..., [T])
        Relative error below 3 min(k, c, 65536) 2^-53; exactly 0 for c = 0, exactly 1 where fewer than k samples are
        wrong, c/m rounded once for k = 1 and m up to 2^53.

    Raises
    ------
    ValueError
        If c is negative or exceeds m, k < 1, or k exceeds the samples of a problem (`estimate_pass_at_k` of
        `alignment_fast.interop.human_eval` returns 1 there).
    TypeError
        If a count is not an integer.

    Notes
    -----
    Cost: min(k, c) divisions for every m and c there are, at most 65536. Memory: a constant beside the results.

    Counts on a CUDA device are used there, int64 and of one shape, or one of the two a number; `k` is on the host. The
    call waits for their check.

    References
    ----------
    Chen et al., "Evaluating large language models trained on code", arXiv:2107.03374, eq. 1.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.best_of_n.pass_at_k(200, [0, 3, 120], [1, 10]).round(4)
    array([[0.    , 0.    ],
           [0.015 , 0.1433],
           [0.6   , 0.9999]])

    """
    ops = operations("best_of_n")
    found = ops.short_pass_at_k(num_samples, num_correct, k)
    if found is not None:
        return found
    there = device_counts({"num_samples": num_samples, "num_correct": num_correct}, k, checked_counts)
    if there is not None:
        return there.ask("pass_at_k")[0]
    total, correct, ks = checked_counts(num_samples, num_correct, k)
    found = ops.pass_at_k(total.reshape(-1), correct.reshape(-1), ks)
    shape = (*total.shape, len(ks)) if np.ndim(k) else total.shape
    return give(found, model_of((num_samples, num_correct, k)), shape=shape)


def checked_counts(num_samples, num_correct, k):
    """Return what `counts` does; a k that exceeds the samples of a problem is a ValueError too."""
    total, correct, ks = counts(num_samples, num_correct, k)
    refuse_large_k(total, ks, k, num_samples)
    return total, correct, ks


def refuse_large_k(total, ks, k, num_samples):
    """Raise ValueError if one of `ks`, given as `k`, exceeds one of the numbers of samples, given as `num_samples`."""
    smallest = int(total.min(initial=np.iinfo(np.int64).max))
    bad = ks > smallest
    if bad.any():
        first = int(bad.argmax())
        found = f"k{place(first, np.shape(k))} = {ks[first]}"
        where = place(int(np.argmin(total)), np.shape(num_samples) if np.ndim(num_samples) else ())
        raise ValueError(f"{found} exceeds num_samples{where} = {smallest}")


def _are_plain_counts(num_samples, num_correct, k):
    """Return whether these are good numbers of samples and draws and a NumPy array of good counts, of int64."""
    numbers = type(num_samples) is int and type(k) is int and num_samples <= MOST and 0 < k <= MOST
    if not (numbers and type(num_correct) is np.ndarray and num_correct.dtype == np.int64 and num_correct.size):
        return False
    return bool(num_correct.min() >= 0 and num_correct.max() <= num_samples)


def counts(num_samples, num_correct, k):
    """Return (total, correct) broadcast, int64, and k as (T,); raise for the first bad one."""
    if _are_plain_counts(num_samples, num_correct, k):
        total = np.full(num_correct.shape, num_samples, dtype=np.int64)
        return total, num_correct.copy(order="C"), np.array([k], dtype=np.int64)
    given = {"num_samples": num_samples, "num_correct": num_correct, "k": k}
    arrays = {name: as_array(value, name) for name, value in given.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "iu":
            raise TypeError(f"{name} must be integers, not {array.dtype}")
        least = 1 if name == "k" else 0
        refuse(array < least, array, name, f"is below {least}")
        if array.dtype.kind == "u":
            refuse(array > np.iinfo(np.int64).max, array, name, "is not below 2**63")
    if arrays["k"].ndim > 1:
        raise ValueError(f"k must be a number or one-dimensional, not of shape {arrays['k'].shape}")
    try:
        shape = np.broadcast_shapes(arrays["num_samples"].shape, arrays["num_correct"].shape)
    except ValueError:
        raise ValueError(
            f"num_samples of shape {np.shape(num_samples)} and num_correct of shape {np.shape(num_correct)} "
            "do not broadcast"
        ) from None
    total, correct = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
    total[...], correct[...] = arrays["num_samples"], arrays["num_correct"]
    bad = correct > total
    if bad.any():
        first = int(bad.argmax())
        at = place(first, shape)
        found = f"{correct.reshape(-1)[first]} exceeds num_samples{at} = {total.reshape(-1)[first]}"
        raise ValueError(f"num_correct{at} = {found}")
    return total, correct, arrays["k"].reshape(-1).astype(np.int64)
