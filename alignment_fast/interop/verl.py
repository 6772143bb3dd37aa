"""Front end for the validation metrics of ``verl``: ``verl.trainer.ppo.metric_utils`` 0.9.

The host draws 1000 resamples with replacement and reduces each in Python. Here all resamples are reduced at once, from
the same draws, to the same numbers bit for bit. Of several responses with the same number of draws the host draws the
same places again: they are drawn once here. NumPy's global generator is left where the host leaves it.

Draws with replacement are biased: the best of n is underestimated, since a resample holds some responses twice (one
right answer of four: ``best@4`` 0.684, where the best of the four is 1). ``unbiased=True`` gives the moments over all
subsets of n responses, exactly, without a draw.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from alignment_fast.best_of_n import curve

__all__ = ["bootstrap_metric", "calc_maj_val", "process_validation_metrics"]

_EXACT = 2**53
# Up to which numbers of responses there are of subsets fewer than double knows.
_MOST = 1000


def calc_maj_val(data: Sequence[dict[str, Any]], vote_key: str, val_key: str) -> Any:
    """Return the first value of the most common vote, of several the one that came first, as verl's function does."""
    values = defaultdict(list)
    for one in data:
        values[one[vote_key]].append(one[val_key])
    return values[max(values, key=lambda vote: len(values[vote]))][0]


# ---- what can be reduced at once ----


def _plain(values: Any) -> np.ndarray | None:
    """Return numbers that reduce as float64 as they do as Python objects, else None."""
    if {type(value) for value in values} - {float, int, bool, np.float64}:
        return None
    if not all(-_EXACT < value < _EXACT for value in values if type(value) is int):
        return None
    found = np.array(values, dtype=np.float64)
    # Comparisons of objects keep the one that came first of 0 and -0, and whichever NaN does not precede.
    if np.isnan(found).any() or (np.signbit(found) & (found == 0)).any():
        return None
    return found


def _vote_keys(function: Any) -> tuple[Any, Any] | None:
    """Return (vote_key, val_key) of a partial of `calc_maj_val`, else None."""
    if type(function) is not partial or function.func is not calc_maj_val or function.args:
        return None
    if set(function.keywords) != {"vote_key", "val_key"}:
        return None
    return function.keywords["vote_key"], function.keywords["val_key"]


def _numbered(votes: Sequence[Any]) -> np.ndarray:
    """Return the number of each vote among those that differ."""
    number: dict[Any, int] = {}
    return np.array([number.setdefault(vote, len(number)) for vote in votes], dtype=np.intp)


def _majorities(votes: np.ndarray, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the value at the first place, in each column of `places`, whose vote is the most common one there."""
    each, kinds = np.arange(places.shape[1]), int(votes.max()) + 1
    keys = votes[places] + kinds * each
    times = np.bincount(keys.ravel(), minlength=kinds * len(each))[keys]
    return values[places[times.argmax(axis=0), each]]


def _means(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the mean of each column, summed in the order of the draws, as objects are."""
    drawn = values[places]
    total = drawn[0].copy()
    for row in drawn[1:]:
        total += row
    return total / len(drawn)


_AT_ONCE: dict[Any, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    np.max: lambda values, places: values[places].max(axis=0),
    np.min: lambda values, places: values[places].min(axis=0),
    np.mean: _means,
}


def _reduced(data: Sequence[Any], places: np.ndarray, function: Any) -> np.ndarray:
    """Return what `function` gives for each resample, the columns of `places`."""
    if function in _AT_ONCE:
        values = _plain(data)
        if values is not None:
            return _AT_ONCE[function](values, places)
    keys = _vote_keys(function)
    if keys is not None:
        values = _plain([one[keys[1]] for one in data])
        if values is not None:
            return _majorities(_numbered([one[keys[0]] for one in data]), values, places)
    objects = np.array(data, dtype=object)
    return np.array([function(objects[column]) for column in places.T], dtype=np.float64)


def _moments(values: np.ndarray) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values))


class _Places:
    """Places that the host would draw, of each number of responses and size once."""

    def __init__(self, n_bootstrap: int, seed: int) -> None:
        self.n_bootstrap, self.seed = n_bootstrap, seed
        self.drawn: dict[Any, tuple[np.ndarray, Any]] = {}
        self.last: Any = None

    def draw(self, n_data: int, size: int) -> np.ndarray:
        self.last = n_data, size
        if self.last not in self.drawn:
            np.random.seed(self.seed)  # noqa: NPY002  the host's generator
            places = np.random.choice(n_data, size=(self.n_bootstrap, size), replace=True)  # noqa: NPY002
            # A resample in each column: what reduces columns goes along rows.
            self.drawn[self.last] = np.ascontiguousarray(places.T), np.random.get_state()  # noqa: NPY002
        return self.drawn[self.last][0]

    def leave(self) -> None:
        """Put the global generator where the last draw of the host left it."""
        if self.last is not None:
            np.random.set_state(self.drawn[self.last][1])  # noqa: NPY002


# ---- over all subsets ----


def _subsets(data: Sequence[Any], size: int, function: Any) -> tuple[float, float]:
    """Return mean and standard deviation of `function` over all subsets of `size` of the data."""
    keys = _vote_keys(function)
    values = np.array(data if keys is None else [one[keys[1]] for one in data], dtype=np.float64)
    if not 1 <= size <= len(values):
        raise ValueError(f"subset_size = {size} is not between 1 and the {len(values)} data")
    if keys is not None:
        first, second = _majority_moments(_numbered([one[keys[0]] for one in data]), values, size)
    elif function is np.mean:
        left = 0.0 if len(values) == size else (len(values) - size) / (size * (len(values) - 1))
        return float(values.mean()), float(values.std() * math.sqrt(left))
    elif function in (np.max, np.min):
        scores = values if function is np.max else -values
        first, second = (float(curve(scores, size, values=values**power).mean) for power in (1, 2))
    else:
        raise ValueError("reduce_fns: unbiased values are known of np.max, np.min, np.mean and calc_maj_val only")
    return first, math.sqrt(max(second - first**2, 0.0))


def _majority_moments(votes: np.ndarray, values: np.ndarray, size: int) -> tuple[float, float]:
    """Return the expectations of the majority's value and of its square, over all subsets in all orders.

    Of votes that are equally common in a subset each comes first equally often, and each of its values does. Subsets in
    which t votes have the largest number j of responses are counted vote by vote: W[t, s] of them hold s responses so
    far, and S[t, s] is their sum over the t votes of the mean value.
    """
    if len(votes) > _MOST:
        raise ValueError(f"data: unbiased majorities are known of up to {_MOST} responses, not {len(votes)}")
    members = np.bincount(votes)
    worths = np.array([np.bincount(votes, weights=values**power) / members for power in (1, 2)]).T
    total = np.zeros(2)
    for most in range(1, min(size, int(members.max())) + 1):
        ways = np.zeros((3, size // most + 1, size + 1))  # W, then S of values and of their squares
        ways[0, 0, 0] = 1.0
        for count, worth in zip(members.tolist(), worths, strict=True):
            ways = _with_vote(ways, count, most, worth)
        total += (ways[1:, 1:, size] / np.arange(1, ways.shape[1])).sum(axis=1)
    first, second = total / float(math.comb(len(votes), size))
    return first, second


def _with_vote(ways: np.ndarray, count: int, most: int, worth: np.ndarray) -> np.ndarray:
    """Return W and S after one more vote, of which subsets hold 0, ..., `most` of `count` responses."""
    found = np.zeros_like(ways)
    tops, sizes = ways.shape[1:]
    for taken in range(min(count, most) + 1):
        top = int(taken == most)
        before = math.comb(count, taken) * ways[:, : tops - top, : sizes - taken]
        found[:, top:, taken:] += before
        if top:
            found[1:, top:, taken:] += worth[:, None, None] * before[0]
    return found


# ---- the host's functions ----


def bootstrap_metric(
    data: Sequence[Any],
    subset_size: int,
    reduce_fns: Sequence[Callable[[np.ndarray], float]],
    n_bootstrap: int = 1000,
    seed: int = 42,
    unbiased: bool = False,
) -> list[tuple[float, float]]:
    """Return (mean, standard deviation) over resamples of each reduction, as verl's function does.

    Parameters
    ----------
    data : sequence
        Numbers, or dictionaries of votes.
    subset_size : int
        Draws of each resample, with replacement.
    reduce_fns : sequence of callable
        From an object array of a resample to a number. ``np.max``, ``np.min``, ``np.mean`` and ``partial(calc_maj_val,
        vote_key=..., val_key=...)`` of plain numbers are done for all resamples at once; others are called for each.
    n_bootstrap : int, default 1000
        Resamples.
    seed : int, default 42
        Of NumPy's global generator, which is left as verl leaves it.
    unbiased : bool, default False
        Over all subsets of `subset_size` of the data instead, exactly; nothing is drawn.

    Returns
    -------
    list of (float, float)
        The bits of the host's; with `unbiased`, relative error below 1e-12 of the largest value and of its square.

    Raises
    ------
    ValueError
        If there are no data; with `unbiased`, for a subset larger than the data, for other functions than those named,
        and for majorities among more than 1000 responses.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.interop import verl
    >>> verl.bootstrap_metric([1.0, 0.0, 0.0, 0.0], 4, [np.max])
    [(0.687, 0.4637143517295966)]
    >>> verl.bootstrap_metric([1.0, 0.0, 0.0, 0.0], 4, [np.max], unbiased=True)
    [(1.0, 0.0)]

    """
    if unbiased:
        return [_subsets(data, subset_size, function) for function in reduce_fns]
    places = _Places(n_bootstrap, seed).draw(len(data), subset_size)
    return [_moments(_reduced(data, places, function)) for function in reduce_fns]


def _sizes(n: int) -> list[int]:
    """Return 2, 4, 8, ... below n, and n."""
    return [2**power for power in range(1, n.bit_length()) if 2**power < n] + [n]


def _metrics(values: list[Any], votes: Any, places: _Places, unbiased: bool) -> dict[str, float]:
    """Return the metrics of a prompt's values of one variable."""
    n = len(values)
    found = {f"mean@{n}": float(np.mean(values))}
    if n == 1:
        return found
    found[f"std@{n}"] = float(np.std(values))
    data: dict[str, tuple[Any, Any]] = {"best": (values, np.max), "worst": (values, np.min)}
    if votes is not None:
        rows = [{"val": value, "pred": vote} for value, vote in zip(values, votes, strict=True)]
        data["maj"] = rows, partial(calc_maj_val, vote_key="pred", val_key="val")
    for size in _sizes(n):
        drawn = places.draw(n, size)
        for name, (of, function) in data.items():
            found[f"{name}@{size}/mean"], found[f"{name}@{size}/std"] = _moments(_reduced(of, drawn, function))
            if unbiased:
                exact = _subsets(of, size, function)
                found[f"{name}@{size}/unbiased_mean"], found[f"{name}@{size}/unbiased_std"] = exact
    return found


Grouped = dict[str, dict[str, dict[str, list[Any]]]]  # source -> uid -> variable -> values


def _grouped(sources: Sequence[str], uids: Sequence[str], infos: dict[str, list[Any]]) -> Grouped:
    found: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for place, source in enumerate(sources):
        variables = found[source][uids[place]]
        for name, values in infos.items():
            variables[name].append(values[place])
    return found


def _count_failures(grouped: Grouped, expected: dict[tuple[str, str], int]) -> None:
    """Add the sessions that did not end as ``acc`` 0, where a source has ``acc`` at all."""
    with_acc = {
        source
        for source, prompts in grouped.items()
        if any(value is not None for variables in prompts.values() for value in variables.get("acc", []))
    }
    for (source, uid), count in expected.items():
        if source in with_acc:
            variables = grouped[source][uid]
            seen = [value for value in variables.get("acc", []) if value is not None]
            variables["acc_success_only"] = seen
            variables["acc"] = seen + [0.0] * max(count - len(seen), 0)


def process_validation_metrics(
    data_sources: Sequence[str],
    sample_uids: Sequence[str],
    infos_dict: dict[str, list[Any]],
    seed: int = 42,
    expected_acc_counts: dict[tuple[str, str], int] | None = None,
    unbiased: bool = False,
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the metrics of validation, source by source, variable by variable, as verl's function does.

    Parameters
    ----------
    data_sources, sample_uids : sequence of str
        Source and prompt of each response.
    infos_dict : dict of str to list
        Variables: a value of each response. None is left out; variables of strings are passed over, but ``pred`` is
        what majorities vote on.
    seed : int, default 42
        As in `bootstrap_metric`.
    expected_acc_counts : dict of (source, uid) to int, optional
        How many responses there should be; those that are missing count as ``acc`` 0.
    unbiased : bool, default False
        Add ``best@n/unbiased_mean`` and ``.../unbiased_std``, likewise of ``worst`` and ``maj``, over all subsets of n
        responses instead of resamples.

    Returns
    -------
    dict
        source -> variable -> metric -> mean over prompts: ``mean@n``, ``std@n``, and for n = 2, 4, 8, ... and all
        responses ``best@n/mean``, ``best@n/std``, ``worst@...``, ``maj@...``; the bits of the host's.

    Raises
    ------
    ValueError
        With `unbiased`, as in `bootstrap_metric`.

    Examples
    --------
    >>> from alignment_fast.interop import verl
    >>> found = verl.process_validation_metrics(["math"] * 4, ["a"] * 4, {"acc": [1.0, 0.0, 0.0, 0.0]}, unbiased=True)
    >>> float(found["math"]["acc"]["best@4/mean"]), float(found["math"]["acc"]["best@4/unbiased_mean"])
    (0.687, 1.0)

    """
    grouped = _grouped(data_sources, sample_uids, infos_dict)
    if expected_acc_counts:
        _count_failures(grouped, expected_acc_counts)
    places = _Places(1000, seed)
    collected: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for source, prompts in grouped.items():
        for variables in prompts.values():
            votes = variables.get("pred")
            for name, given in variables.items():
                values = [value for value in given if value is not None]
                if not values or isinstance(values[0], str):
                    continue
                known = votes is not None and len(votes) == len(values) and all(vote is not None for vote in votes)
                for metric, value in _metrics(values, votes if known else None, places, unbiased).items():
                    collected[source][name][metric].append(value)
    places.leave()
    found: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    for source, names in collected.items():
        for name, metrics in names.items():
            for metric, values in metrics.items():
                found[source][name][metric] = np.mean(values)
    return found
