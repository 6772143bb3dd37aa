"""Rankings, and the Plackett-Luce model of them."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_array, as_parameter, is_foreign
from alignment_fast._border.call import operations_of
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.num_threads import check_num_threads
from alignment_fast._border.rng import BOOTSTRAP, Seed
from alignment_fast._border.scalars import as_flag, as_number, check_search
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.errors import ConvergenceError
from alignment_fast.kernels.ranking.structures import NO_COVARIATES, OrderedItems
from alignment_fast.random import Stream
from alignment_fast.ranking import _choices as choices
from alignment_fast.ranking import _graph as graph
from alignment_fast.ranking import _labels
from alignment_fast.ranking._device_likelihood import device_arrays, is_on_device
from alignment_fast.ranking._newton import certified
from alignment_fast.ranking._replicates import poisson
from alignment_fast.ranking._rows import ItemIndexError, distinct, number_of_items
from alignment_fast.ranking.bootstrap import Bootstrap, number_of_replicates
from alignment_fast.ranking.comparisons import Comparisons
from alignment_fast.ranking.existence import Existence
from alignment_fast.ranking.fit import not_converged
from alignment_fast.ranking.likelihood import one_per_item, refuse_spread
from alignment_fast.ranking.result import LARGEST_COVARIANCE, RatingFit, Specification

__all__ = ["PlackettLuceFit", "Rankings", "fit_plackett_luce"]

PADDING = -1
COLLECTIONS = list | set | frozenset | tuple


class Rankings:
    """Rankings of items, checked once: full, partial, or the top few of all.

    Parameters
    ----------
    rankings : array (N, L) of int, or sequence of sequences
        One ranking per row, best first. Rows of an array that are shorter end in -1; sequences may have any length, and
        hold indices or labels.
    rest : array (N, R) of int, or sequence of sequences, optional
        Items of each row that were there and were ranked below those of `rankings`, in no order: with one item per
        ranking and the losers here, choices from sets.
    top : bool
        Whether each row is the top of a ranking of all items: whoever is not in it is below. Not together with `rest`.
    weight : array (N,), optional
        How much each ranking counts, finite and at least 0. Default: 1.
    n_items : int, optional
        Number of items. Default: the number of labels, or one more than the highest index.
    labels : sequence, optional
        Names of the items, in the order of their indices. Default: the labels found, ascending; or, for indices, None.

    Raises
    ------
    ItemIndexError
        If an index is negative (other than -1 behind a row) or not below `n_items`.
    ValueError
        If an item occurs twice in a ranking, an item stands behind a -1, no ranking says anything, or a weight is NaN,
        negative or infinite. The message names the argument and the position.

    Notes
    -----
    Cost: about 10 ns per place. With ``top=True``, `n_items` places for each ranking.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.ranking.Rankings([[2, 0, 1], [1, 0, -1]])
    Rankings(3 items, 2 rankings, 3 choices)
    >>> af.ranking.Rankings([["tea", "milk"], ["milk", "juice", "tea"]]).labels
    ('juice', 'milk', 'tea')

    """

    labels: tuple[Hashable, ...] | None

    def __init__(
        self,
        rankings: Any,
        *,
        rest: Any = None,
        top: bool = False,
        weight: Any = None,
        n_items: int | None = None,
        labels: Sequence[Hashable] | None = None,
    ) -> None:
        top = as_flag(top, "top")
        if rest is None and weight is None and labels is None and not top:
            small = operations("ranking").short_order(rankings, n_items)
            if small is not None:
                self._ordered, self.labels = OrderedItems(small[0], small[1], small[2], None, small[3]), None
                return
        operations_of("ranking", rankings=rankings, rest=rest, weight=weight)
        if top and rest is not None:
            raise ValueError("give top=True or rest, not both: the rest of a top is all other items")
        parts = [_flat(rankings, "rankings"), *([] if rest is None else [_flat(rest, "rest")])]
        listed, others = parts[0], parts[-1]
        if len(listed.length) != len(others.length):
            raise ValueError(f"lengths differ: {len(listed.length)} rankings, rest has {len(others.length)} rows")
        if not len(listed.item):
            raise ValueError("there are no rankings")
        names = None if labels is None else distinct(labels)
        columns = list(zip(("rankings", "rest"), (part.item for part in parts), strict=False))
        if all(_labels.is_index_column(flat, name) for name, flat in columns):
            items: list[NDArray[Any]] = [flat for _, flat in columns]
        else:
            indices, names = _labels.unite(columns, names)
            items = list(indices)
        total = number_of_items(n_items, names)
        if total is None:
            total = 1 + max(int(flat.max(initial=0)) for flat in items)
        for name, flat, part in zip(("rankings", "rest"), items, parts, strict=False):
            _check_range(name, flat, part.length, total)
        item, length, depth = items[0].astype(np.int32), listed.length, listed.length
        if rest is not None:
            item, length = _interleaved(item, length, items[-1].astype(np.int32), others.length)
        elif top:
            item, length = _interleaved(item, length, *_others(item, length, total))
        start = np.concatenate([[0], np.cumsum(length)])
        weights = None if weight is None else _weights(weight, len(length))
        chosen = np.minimum(depth, length - 1).clip(0).astype(np.int32)  # the last one left is no choice
        self._ordered = OrderedItems(item, start, chosen, weights, total)
        self.labels = names
        if not chosen.any() or (weights is not None and not weights[chosen > 0].any()):
            raise ValueError("no ranking says anything: each has fewer than two items, or weight 0")
        _check_repeats(self._ordered)

    @property
    def n_items(self) -> int:
        """Number of items, whether they were ranked or not."""
        return self._ordered.n_items

    def __len__(self) -> int:
        return len(self._ordered.depth)

    def __repr__(self) -> str:
        return f"Rankings({self.n_items} items, {len(self)} rankings, {int(self._ordered.depth.sum())} choices)"

    def __add__(self, other: Rankings) -> Rankings:
        """Return the rankings of both. New labels get new indices behind the old ones, which stay."""
        if not isinstance(other, Rankings):
            return NotImplemented
        if (self.labels is None) != (other.labels is None):
            raise ValueError("one of the two has labels and the other has none")
        one, two, names, item = self._ordered, other._ordered, self.labels, other._ordered.item
        total = max(one.n_items, two.n_items)
        if self.labels is not None and other.labels is not None:
            names = tuple(dict.fromkeys([*self.labels, *other.labels]))
            number = {label: index for index, label in enumerate(names)}
            item = np.array([number[label] for label in other.labels], dtype=np.int32)[item]
            total = len(names)
        weight = None
        if one.weight is not None or two.weight is not None:
            weights = (np.ones(len(part.depth)) if part.weight is None else part.weight for part in (one, two))
            weight = np.concatenate(list(weights))
        both = Rankings.__new__(Rankings)
        both._ordered = OrderedItems(
            np.concatenate([one.item, item]),
            np.concatenate([one.start, one.start[-1] + two.start[1:]]),
            np.concatenate([one.depth, two.depth]),
            weight,
            total,
        )
        both.labels = names
        return both

    def comparisons(self) -> Comparisons:
        """Return neighbours as comparisons, each the winner over the next: the pairs that decide about `existence`."""
        cells = choices.beaten_neighbours(operations("ranking"), self._choices, self.n_items)
        return Comparisons._of(cells, self.labels)

    def existence(self) -> Existence:
        """Return whether the maximum-likelihood scores exist, and which items have no finite one, and why.

        They exist if and only if, however the items are split into two groups, somebody of either group is ranked
        above somebody of the other (Hunter 2004, assumption 1).
        """
        return self.comparisons().existence()

    def log_likelihood(self, scores: Any, *, num_threads: int | None = None) -> float:
        r"""Return the log-likelihood of scores (K,).

        .. math:: \sum_{\text{rankings}} \sum_t \Big[ θ_{a_t} - \log \sum_{v \ge t} e^{θ_{a_v}} \Big]

        Parameters
        ----------
        scores : array (K,)
            Finite.
        num_threads : int, optional
            Default `get_num_threads`. The result has the same bits for any number.

        Returns
        -------
        float
            The error is a few units in the last place of its largest terms. Cost: 5 ns per place; 30 µs per
            ranking where scores are more than 600 apart. For `scores` on a CUDA device, which are read on the host, an
            array without axes there; the rankings are sent at each call.

        """
        ops = operations("ranking")
        small = self._small(ops.SHORT_VALUE, scores, None, num_threads)
        if small is not None:
            return small
        if is_on_device(scores):
            objective, u, far = self._there({"scores": scores}, choices.WIDEST)
            value = objective.evaluate(u).value if far is None else u.place.copy(np.array(far[0]))
            return value.given()
        u = one_per_item(scores, "scores", self.n_items)
        refuse_spread("scores", u)
        if _spread(u) > choices.WIDEST:
            return choices.far_apart(self._ordered, u)[0]
        return self._objective(num_threads).evaluate(u).value

    def gradient(self, scores: Any, *, num_threads: int | None = None) -> NDArray[np.float64]:
        """Return the gradient (K,) of the log-likelihood; parameters as in `log_likelihood`."""
        ops = operations("ranking")
        small = self._small(ops.SHORT_GRADIENT, scores, None, num_threads)
        if small is not None:
            return small
        if is_on_device(scores):
            objective, u, far = self._there({"scores": scores}, choices.WIDEST)
            return (objective.evaluate(u).gradient if far is None else u.place.copy(far[1])).given()
        given = in_callers_kind(self.gradient, {"scores": scores}, num_threads=num_threads)
        if given is not None:
            return given
        u = one_per_item(scores, "scores", self.n_items)
        refuse_spread("scores", u)
        if _spread(u) > choices.WIDEST:
            return choices.far_apart(self._ordered, u)[1]
        return self._objective(num_threads).evaluate(u).gradient

    def hessian_product(self, scores: Any, vector: Any, *, num_threads: int | None = None) -> NDArray[np.float64]:
        """Return the Hessian of the log-likelihood times `vector` (K,); other parameters as in `log_likelihood`."""
        ops = operations("ranking")
        small = self._small(ops.SHORT_PRODUCT, scores, vector, num_threads)
        if small is not None:
            return small
        if is_on_device(scores):
            arrays = {"scores": scores, "vector": vector}
            objective, u, far, direction = self._there(arrays, choices.WIDEST_PRODUCT)
            if far is not None:
                return u.place.copy(-far[2](direction.numpy())).given()
            return objective.ops.negated(objective.hessian(u, None)(direction)).given()
        given = in_callers_kind(self.hessian_product, {"scores": scores, "vector": vector}, num_threads=num_threads)
        if given is not None:
            return given
        u, direction = one_per_item(scores, "scores", self.n_items), one_per_item(vector, "vector", self.n_items)
        refuse_spread("scores", u)
        refuse_spread("vector", direction)
        if _spread(u) > choices.WIDEST_PRODUCT:
            return -choices.far_apart(self._ordered, u)[2](direction)
        objective = self._objective(num_threads)
        objective.dense = False
        return -objective.hessian(u, objective.evaluate(u))(direction)

    def _there(self, arrays: dict[str, Any], widest: float) -> tuple[Any, ...]:
        """Return the objective on a device, and the arrays there, first of them the scores, which are read on the host.

        Between them what `far_apart` says of scores more than `widest` apart, else None.
        """
        u, *more = device_arrays(arrays, self.n_items, one_per_item)
        host = u.numpy()
        for name, values in zip(arrays, (host, *(array.numpy() for array in more)), strict=True):
            refuse_spread(name, values)
        far = choices.far_apart(self._ordered, host) if _spread(host) > widest else None
        ops = operations("ranking", "cuda")
        objective = choices.ChoiceObjective(ops, self._ordered, ops.choices(self._ordered), 0.0)
        objective.dense = False
        return objective, u, far, *more

    def _small(self, wanted: int, scores: Any, vector: Any, num_threads: int | None) -> Any:
        """Return what is `wanted` of few rankings by one compiled call; None where it will not do."""
        if num_threads is not None:
            return None
        widest = choices.WIDEST_PRODUCT if vector is not None else choices.WIDEST
        return operations("ranking").short_rankings(wanted, self._choices, self.n_items, scores, vector, widest)

    @cached_property
    def _choices(self) -> Any:
        """What the kernels read: pointers into the arrays of the rankings."""
        return operations("ranking").choices(self._ordered)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_choices"}

    def _objective(self, num_threads: int | None, l2: float = 0.0) -> choices.ChoiceObjective:
        check_num_threads(num_threads)
        return choices.ChoiceObjective(operations("ranking"), self._ordered, self._choices, l2, num_threads)


@dataclass(frozen=True, eq=False, repr=False)
class PlackettLuceFit(RatingFit):
    """Scores fitted to rankings: `RatingFit`, with `predict` the probability that one item is ranked above another."""

    rankings: Rankings = field(kw_only=True)

    @cached_property
    def _model(self) -> str:
        return "bradley-terry"  # of two items

    def covariance(self, kind: str = "information") -> NDArray[np.float64]:
        """Return the covariance (K, K) of scores of mean zero: the inverse of the observed information.

        Raises
        ------
        ValueError
            If `kind` is not "information", or there are more than 8192 items.

        """
        as_word(kind, "kind", ("information",))  # votes of rankings have no sandwich
        if len(self.scores) > LARGEST_COVARIANCE:
            raise ValueError(f"the covariance of more than {LARGEST_COVARIANCE} scores is too large; use bootstrap()")
        return choices.covariance(self.rankings._objective(None, self.specification.l2), self.scores)

    def _parameter_covariance(self, kind: str) -> NDArray[np.float64]:
        return self.covariance(kind)

    def bootstrap(self, n: int, *, rng: Seed = None, num_threads: int | None = None) -> Bootstrap:
        """Return `n` fits to rankings drawn anew: each ranking counts Poisson(1) times its weight.

        Parameters
        ----------
        n : int
            Number of replicates.
        rng : None, int, SeedSequence or Generator
            Seed. Replicate r depends on the seed and r only.
        num_threads : int, optional
            Default `get_num_threads`. The result has the same bits for any number.

        Returns
        -------
        Bootstrap
            A replicate without a finite maximum is NaN and counted in `degenerate`.

        """
        count = number_of_replicates(n)
        stream = Stream(rng, purpose=BOOTSTRAP)
        objective = self.rankings._objective(num_threads, self.specification.l2)
        own = self.rankings._ordered.weight
        scores = np.empty((count, len(self.scores)))
        for replicate in range(count):
            counts = poisson(stream, len(self.rankings), replicate)
            weight = counts if own is None else counts * own
            scores[replicate] = choices.refit(objective, self.scores, weight)
        return Bootstrap(scores, int(np.isnan(scores[:, 0]).sum()), self.labels, self.scores)


def fit_plackett_luce(
    rankings: Any,
    *,
    n_items: int | None = None,
    labels: Sequence[Hashable] | None = None,
    rest: Any = None,
    top: bool = False,
    weight: Any = None,
    l2: float = 0.0,
    start: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    num_threads: int | None = None,
) -> PlackettLuceFit:
    r"""Fit scores to rankings by maximum likelihood: a ranking is a sequence of choices from what is left.

    .. math:: \max_θ \sum_{\text{rankings}} \sum_t \Big[ θ_{a_t} - \log \sum_{v \ge t} e^{θ_{a_v}} \Big]
              - \tfrac{l_2}{2} \sum_i θ_i^2, \qquad \sum_i θ_i = 0

    Parameters
    ----------
    rankings : Rankings, array (N, L) of int, or sequence of sequences
        Best first, ragged, -1 padded; see `Rankings` for this and for `n_items`, `labels`, `rest`, `top`, `weight`.
    n_items, labels, rest, top, weight : optional
        As in `Rankings`; only where `rankings` is not one.
    l2 : float
        Strength of the Gaussian prior: its variance is 1 / l2.
    start : RatingFit or array (K,), optional
        Where to start, unless the likelihood there is below that of the scores that are started from without.
    tol : float
        Largest entry of the last Newton step, in logits.
    max_iter : int
        Most Newton steps.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    PlackettLuceFit
        Scores of mean zero, certificate, covariance, bootstrap.

    Raises
    ------
    ValueError
        If there is no finite maximum since the items fall into components, or an argument is out of range.
    ConvergenceError
        If there is no finite maximum since the rankings are separable, or `max_iter` is too small; `result` is the best
        iterate, where there is one.

    Notes
    -----
    Accuracy: scores are exact to `tol`. Cost: about six Newton steps, each of some 5 ns per place, four of them
    of 1 ns per pair of places of a ranking.

    References
    ----------
    Plackett, Appl. Statist. 24 (1975) 193-202. Hunter, Ann. Statist. 32 (2004) 384-406.

    Examples
    --------
    >>> import alignment_fast as af
    >>> result = af.ranking.fit_plackett_luce([[0, 1, 2], [1, 0, 2], [2, 0, 1], [0, 2, -1]])
    >>> result.scores.round(4)
    array([ 0.7161,  0.109 , -0.8251])

    """
    l2, top = as_number(l2, "l2"), as_flag(top, "top")
    if not 0 <= l2 < np.inf:
        raise ValueError(f"l2 must be finite and not negative, not {l2}")
    check_search(tol, max_iter)
    if not isinstance(rankings, Rankings):
        rankings = Rankings(rankings, rest=rest, top=top, weight=weight, n_items=n_items, labels=labels)
    comparisons = rankings.comparisons()
    if l2 == 0 and not graph.is_strongly_connected(operations("ranking"), comparisons.cells):
        existence = comparisons.existence()
        if existence.components > 1:
            raise ValueError(f"{existence.explain()}; fit the components apart, or give a prior (l2)")
        if not existence.finite:
            raise ConvergenceError(f"{existence.explain()}; give a prior (l2)")
    objective = rankings._objective(num_threads, l2)
    scores = start.scores if isinstance(start, RatingFit) else start
    first = objective.first_scores()
    if scores is not None:
        first = _better(objective, one_per_item(scores, "start", rankings.n_items), first)
    found = choices.maximize(objective, first, tolerance=tol, limit=max_iter)
    found = certified(objective, found, tolerance=tol, limit=max_iter)
    result = PlackettLuceFit(
        scores=found.unknowns - found.unknowns.mean(),
        log_likelihood=found.value + 0.5 * l2 * float((found.unknowns**2).sum()),
        gradient_norm=found.gradient_norm,
        newton_decrement=found.decrement,
        last_step=found.step,
        iterations=found.iterations,
        converged=found.converged,
        tie_parameter=None,
        home_advantage=None,
        coefficients=np.empty(0),
        labels=rankings.labels,
        specification=Specification("plackett-luce", l2, 0.0, False, False),
        comparisons=comparisons,
        covariates=NO_COVARIATES,
        unknowns=found.unknowns,
        refit=_updated,
        rankings=rankings,
    )
    if not found.converged:
        raise ConvergenceError(not_converged(found, tol, max_iter), result)
    return result


def _updated(before: PlackettLuceFit, new: Any) -> PlackettLuceFit:
    """Return the fit to the rankings of `before` and new ones, with its prior."""
    if not isinstance(new, Rankings):
        raise TypeError(f"an update of a fit of rankings takes Rankings, not {type(new).__name__}")
    together = before.rankings + new
    start = np.zeros(together.n_items)
    start[: len(before.scores)] = before.scores
    return fit_plackett_luce(together, l2=before.specification.l2, start=start)


def _better(objective: choices.ChoiceObjective, given: NDArray[np.float64], first: NDArray[np.float64]) -> Any:
    """Return the scores that are `given`, unless they are worse than the `first`.

    Where scores are far from the maximum Newton's steps see next to no curvature, and leave double.
    """
    if _spread(given) > choices.WIDEST_PRODUCT:
        return first
    return given if objective.evaluate(given).value >= objective.evaluate(first).value else first


def _spread(u: NDArray[np.float64]) -> float:
    with np.errstate(over="ignore"):
        return float(np.ptp(u))


class _Flat(NamedTuple):
    """The items of all rows behind each other, and the length of every row."""

    item: Any
    length: NDArray[np.int64]


def _flat(rows: Any, name: str) -> _Flat:
    """Return the `_Flat` form of rankings."""
    if is_foreign(rows) or (not isinstance(rows, np.ndarray) and len(getattr(rows, "shape", ())) == 2):  # a frame
        rows = as_array(rows, name)
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "iu":
        if rows.ndim != 2:
            raise ValueError(f"{name} must have two axes, rankings and places; it has shape {rows.shape}")
        rows = np.asarray(rows)  # not a subclass
        there = rows != PADDING
        if there.all():
            return _Flat(np.ascontiguousarray(rows).reshape(-1), np.full(len(rows), rows.shape[1], dtype=np.int64))
        length = there.sum(axis=1, dtype=np.int64)
        hidden = np.flatnonzero((there[:, 1:] & ~there[:, :-1]).any(axis=1))
        if hidden.size:
            raise ValueError(f"{name}[{hidden[0]}] has an item behind a -1: {rows[hidden[0]].tolist()}")
        return _Flat(np.ascontiguousarray(rows[there]), length)
    try:
        lists = [list(row) for row in rows]
    except TypeError:
        raise TypeError(f"{name} must be an array (N, L) of integers, or a sequence of sequences") from None
    for position, row in enumerate(lists):
        while row and isinstance(row[-1], int | np.integer) and row[-1] == PADDING:
            row.pop()
        if any(isinstance(item, int | np.integer) and item == PADDING for item in row):
            raise ValueError(f"{name}[{position}] has an item behind a -1: {row}")
    _refuse_ties(lists, name)
    length = np.array([len(row) for row in lists], dtype=np.int64)
    return _Flat(_labels.as_column(list(itertools.chain.from_iterable(lists)), name), length)


def _refuse_ties(lists: list[list[Any]], name: str) -> None:
    """Raise TypeError for a place that holds several items; tuples are names where there are no others."""
    kinds = {type(item) for row in lists for item in row}
    names = all(issubclass(kind, tuple) for kind in kinds)
    several = tuple(kind for kind in kinds if issubclass(kind, list | set | frozenset if names else COLLECTIONS))
    if not several:
        return
    for position, row in enumerate(lists):
        for place, item in enumerate(row):
            if isinstance(item, several):
                raise TypeError(
                    f"{name}[{position}][{place}] = {_labels.shown(item)} holds several items: ties within rankings "
                    "are not supported. Give one item for each place, or those below all others as rest"
                )


def _check_range(name: str, flat: NDArray[Any], length: NDArray[np.int64], n_items: int) -> None:
    wrong = np.flatnonzero((flat < 0) | (flat >= n_items))
    if wrong.size:
        row, place = _where(wrong[0], length)
        raise ItemIndexError(f"{name}[{row}][{place}] = {flat[wrong[0]]} is not the index of one of {n_items} items")


def _where(flat: int, length: NDArray[np.int64]) -> tuple[int, int]:
    ends = np.cumsum(length)
    row = int(np.searchsorted(ends, flat, side="right"))
    return row, int(flat - (ends[row] - length[row]))


def _interleaved(
    item: NDArray[np.int32], length: NDArray[np.int64], other: NDArray[np.int32], more: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return rows of which each is that of `item` and behind it that of `other`."""
    total = length + more
    start = np.cumsum(total) - total
    out = np.empty(int(total.sum()), dtype=np.int32)
    for flat, own, at in ((item, length, start), (other, more, start + length)):
        out[np.repeat(at - (np.cumsum(own) - own), own) + np.arange(len(flat))] = flat
    return out, total


def _others(
    item: NDArray[np.int32], length: NDArray[np.int64], n_items: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the items that are not in each row."""
    absent = np.ones((len(length), n_items), dtype=bool)
    absent[np.repeat(np.arange(len(length)), length), item] = False
    return np.nonzero(absent)[1].astype(np.int32), absent.sum(axis=1, dtype=np.int64)


def _weights(value: Any, size: int) -> NDArray[np.float64]:
    weight = as_parameter(value, "weight")
    if weight.shape != (size,):
        raise ValueError(f"weight must have one value for each of {size} rankings; it has shape {weight.shape}")
    wrong = np.flatnonzero(~((weight >= 0) & (weight < np.inf)))
    if wrong.size:
        raise ValueError(f"weight[{wrong[0]}] = {weight[wrong[0]]} is not a finite number of at least 0")
    return weight


def _check_repeats(rankings: OrderedItems) -> None:
    ops = operations("ranking")
    flat = ops.first_repeat(rankings, ops.choices(rankings))
    if flat is not None:  # ranges were checked before
        row, _ = _where(flat, np.diff(rankings.start))
        raise ValueError(f"rankings[{row}] has item {rankings.item[flat]} twice")
