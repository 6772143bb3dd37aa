r"""Rankings with ties: the model of Davidson and Luce, covariates of items, priors.

A ranking is a sequence of choices from what is left. A set T of t tied items is chosen from S with the probability

.. math:: \frac{δ_t \big(\prod_{i \in T} α_i\big)^{1/t}}
          {\sum_{r} δ_r \sum_{R \subset S, |R| = r} \big(\prod_{i \in R} α_i\big)^{1/r}}, \qquad
          α_i = e^{θ_i}, \quad δ_1 = 1

over the sizes r of ties that were seen. The logarithm of a numerator is linear in θ and log δ, so the log-likelihood is
concave, its Hessian the covariance of the means of θ and of the sizes over the sets that could be chosen, and Newton's
method finds its maximum. All sets of a choice are laid out: choices from the same items are one.

Rankers may adhere to the scores more or less: the scores are η_r θ to ranker r. Then the likelihood is not concave;
Newton's steps are taken where it is, those of Fisher's scoring elsewhere. Scores times c and adherences over c are the
same model: over choices the mean of η² is 1, unless the prior has η near 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.scalars import as_number, check_search
from alignment_fast._border.words import shown
from alignment_fast.errors import ConvergenceError
from alignment_fast.ranking import _labels
from alignment_fast.ranking._rows import ItemIndexError, distinct, number_of_items
from alignment_fast.ranking.comparisons import Comparisons
from alignment_fast.ranking.result import normal_width

__all__ = ["DavidsonLuceFit", "fit_davidson_luce"]

Reals = NDArray[np.float64]
TIED = (list, tuple, set, frozenset)
# Most sets to be laid out, over all choices.
MOST_SETS = 5_000_000
HALVINGS = 40
# Added to the information of each unknown, of their mean; steps before adherences are free; unknowns that are infinite.
STIFF, FIRST, FARTHEST = 1e-13, 3, 1e3
# Strongest prior of adherences: under stronger ones they are 1 to all digits, and nothing is left to converge.
MOST_PRIOR = 1e12
# Numbers of a design that is dense.
DENSE = 1_000_000


@dataclass(frozen=True, eq=False)
class DavidsonLuceFit:
    """Scores fitted to rankings with ties.

    Attributes
    ----------
    scores : array (K,)
        Of mean zero, in logits.
    tie_parameters : dict of int to float
        δ by the number of tied items, for the sizes that were seen.
    coefficients : array (q,)
        Those of covariates of items.
    adherence : array (R,)
        η of every ranker, in the order of their first rankings; empty where these were not asked for.
    rankers : tuple
        Their names.
    log_likelihood, last_step : float
        At these, without the prior; largest entry of the last Newton step, in logits.
    labels : tuple or None
        Names of the items.

    """

    scores: Reals
    tie_parameters: dict[int, float]
    coefficients: Reals
    adherence: Reals
    rankers: tuple[Hashable, ...]
    log_likelihood: float
    last_step: float
    labels: tuple[Hashable, ...] | None
    covariance: Reals = field(repr=False)
    parameter_covariance: Reals = field(repr=False)

    @property
    def ranks(self) -> NDArray[np.int64]:
        """Rank of every item: one more than the number of items with a higher score."""
        ascending = np.sort(self.scores)
        return len(ascending) + 1 - np.searchsorted(ascending, self.scores, side="right")

    def standard_errors(self) -> Reals:
        """Return the standard errors of the scores."""
        found: Reals = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return found

    def parameter_errors(self) -> Reals:
        """Return the standard errors of coefficients, logarithms of tie parameters, adherences, as far as fitted."""
        found: Reals = np.sqrt(np.maximum(np.diag(self.parameter_covariance), 0.0))
        return found

    def interval(self, level: float = 0.95) -> tuple[Reals, Reals]:
        """Return (low, high), the intervals of the scores at confidence `level`."""
        half = normal_width(level) * self.standard_errors()
        return self.scores - half, self.scores + half


def fit_davidson_luce(
    rankings: Sequence[Sequence[Any]],
    *,
    n_items: int | None = None,
    labels: Sequence[Hashable] | None = None,
    weight: Any = None,
    covariates: Any = None,
    ranker: Any = None,
    l2: float = 0.0,
    gamma_shape: float = 1.0,
    prior: float = 0.0,
    tol: float = 1e-10,
    max_iter: int = 100,
) -> DavidsonLuceFit:
    r"""Fit scores to rankings in which items may tie, by maximum likelihood.

    .. math:: \max_{θ, δ}\; \ell(θ, δ) - \tfrac{l_2}{2} \sum_i θ_i^2 + (s - 1) \sum_i (θ_i - e^{θ_i})

    Parameters
    ----------
    rankings : sequence of sequences
        Best first. A place is an item, by index or label, or a list, tuple or set of items that tied. Each ranking is
        of the items it names.
    n_items : int, optional
        Number of items. Default: the labels, or one more than the highest index.
    labels : sequence, optional
        Names of the items. Default: those found, ascending; or, for indices, None.
    weight : array (N,), optional
        How much each ranking counts, finite and at least 0.
    covariates : array (K, q), optional
        Features of the items: scores are these times coefficients, instead of free.
    ranker : array (N,), optional
        Who gave each ranking: the adherence of each to the scores is fitted, which is 0 for who ranks at random.
    l2 : float
        Strength of the normal prior of the scores (with covariates: of the coefficients): its variance is 1 / l2.
    gamma_shape : float
        Shape s >= 1 of a Gamma prior of the strengths e^θ; 1 is none. Not with covariates.
    prior : float
        Strength of the normal prior of each adherence around 1, at most 1e12.
    tol : float
        Largest entry of the last Newton step, in logits.
    max_iter : int
        Most Newton steps.

    Returns
    -------
    DavidsonLuceFit
        Scores, tie parameters, coefficients, errors by the information.

    Raises
    ------
    ValueError
        If a ranking has an item twice, there are no choices, the items fall into components, covariates say nothing,
        too many sets could be chosen, or an argument is out of range.
    ConvergenceError
        If there is no finite maximum, or `max_iter` is too small.

    Notes
    -----
    Accuracy: scores are exact to `tol`. Cost: about 0.1 µs for each set that could be chosen, and step; n items of
    which up to t tie have sum_r (n over r) sets.

    References
    ----------
    Davidson, JASA 65 (1970) 317-328. Turner, van Etten, Firth and Kosmidis, Comput. Statist. 35 (2020) 1027-1057.

    Examples
    --------
    >>> import alignment_fast as af
    >>> found = af.ranking.fit_davidson_luce([["a", ["b", "c"]], ["b", "a", "c"], [["a", "b"], "c"], ["c", "a", "b"]])
    >>> found.scores.round(4)
    array([ 0.7375, -0.1599, -0.5776])
    >>> {size: round(value, 4) for size, value in found.tie_parameters.items()}
    {2: 0.5884}

    """
    l2, gamma_shape, prior = as_number(l2, "l2"), as_number(gamma_shape, "gamma_shape"), as_number(prior, "prior")
    if not 0 <= l2 < np.inf:
        raise ValueError(f"l2 must be finite and not negative, not {l2}")
    if not 1 <= gamma_shape < np.inf or (gamma_shape > 1 and covariates is not None):
        raise ValueError(f"gamma_shape must be finite and at least 1, and 1 with covariates, not {gamma_shape}")
    check_search(tol, max_iter)
    if not 0 <= prior <= MOST_PRIOR or (prior > 0 and ranker is None):
        raise ValueError(f"prior must be between 0 and {MOST_PRIOR}, and 0 without ranker, not {prior}")
    if ranker is not None and prior == 0 and (l2 > 0 or gamma_shape > 1):
        raise ValueError("a prior of the scores needs one of the adherences (prior): without it these grow for ever")
    places, names, items = _places(rankings, n_items, labels)
    codes, rankers = (np.zeros(len(places), dtype=np.int64), ()) if ranker is None else _codes(ranker, len(places))
    choices = _choices(places, _weights(weight, len(places)), codes)
    _check_existence(choices, items, names, has_prior=l2 > 0 or gamma_shape > 1)
    features = None if covariates is None else _features(covariates, items)
    priors = l2, gamma_shape - 1.0, prior
    likelihood = _Likelihood(choices, items, features, priors, len(rankers))
    u, value, step = _maximum(likelihood, tol, max_iter)
    scores, _, adherence = likelihood.parts(u)
    covariance = likelihood.covariance(u)
    width, rest = likelihood.width, likelihood.width + len(likelihood.sizes)
    of_scores = covariance[:width, :width]
    if features is not None:
        of_scores = features @ of_scores @ features.T
    centre = np.eye(items) - 1.0 / items
    return DavidsonLuceFit(
        scores - scores.mean(),
        dict(zip(likelihood.sizes, np.exp(u[width:rest]).tolist(), strict=True)),
        np.empty(0) if features is None else u[:width],
        adherence,
        rankers,
        value - likelihood.log_prior(u),
        step,
        names,
        centre @ of_scores @ centre,
        covariance if features is not None else covariance[width:, width:],
    )


def _codes(ranker: Any, size: int) -> tuple[NDArray[np.int64], tuple[Hashable, ...]]:
    """Return the number of the ranker of each ranking, and their names."""
    codes, names = _labels.encode(_labels.as_column(ranker, "ranker"), "ranker", numbers=True)
    if len(codes) != size:
        raise ValueError(f"ranker must have one value for each of {size} rankings; it has {len(codes)}")
    return codes.astype(np.int64), tuple(names)


def _places(
    rankings: Sequence[Sequence[Any]], n_items: int | None, labels: Sequence[Hashable] | None
) -> tuple[list[list[tuple[int, ...]]], tuple[Hashable, ...] | None, int]:
    """Return the items of each place of each ranking by number, the names, and the number of items."""
    n_items = number_of_items(n_items, None)
    given: Any = rankings.to_numpy() if hasattr(rankings, "to_numpy") else rankings  # of a frame, its rows
    given = np.asarray(given) if isinstance(given, memoryview) else given  # whose rows cannot be taken
    try:
        rows = [[tuple(place) if isinstance(place, TIED) else (place,) for place in row] for row in given]
    except TypeError:
        raise TypeError(f"rankings must be a sequence of sequences, not {shown(rankings)}") from None
    flat = [item for row in rows for place in row for item in place]
    if not flat:
        raise ValueError("there are no rankings")
    names = None if labels is None else distinct(labels)
    if names is None and all(isinstance(item, int | np.integer) for item in flat):
        total = 1 + int(max(flat)) if n_items is None else n_items
        for number, row in enumerate(rows):
            for place in row:
                for item in place:
                    if not 0 <= item < total:
                        raise ItemIndexError(f"rankings[{number}]: {item} is not the index of one of {total} items")
        coded = [[tuple(int(item) for item in place) for place in row] for row in rows]
    else:
        (codes,), names = _labels.unite([("rankings", _labels.as_column(flat, "rankings"))], names)
        taken = iter(codes.tolist())
        coded = [[tuple(next(taken) for _ in place) for place in row] for row in rows]
        names, total = tuple(names), len(names)
        if n_items is not None and n_items != total:
            raise ValueError(f"n_items is {n_items}, but there are {total} names")
    for number, row in enumerate(coded):
        listed = [item for place in row for item in place]
        twice = next((item for item in listed if listed.count(item) > 1), None)
        if twice is not None:
            raise ValueError(f"rankings[{number}] has item {twice if names is None else names[twice]!r} twice")
    return [[place for place in row if place] for row in coded], names, total


def _weights(value: Any, size: int) -> Reals:
    if value is None:
        return np.ones(size)
    weight = as_floating(value, "weight").astype(np.float64)
    if weight.shape != (size,):
        raise ValueError(f"weight must have one value for each of {size} rankings; it has shape {weight.shape}")
    wrong = np.flatnonzero(~((weight >= 0) & (weight < np.inf)))
    if wrong.size:
        raise ValueError(f"weight[{wrong[0]}] = {weight[wrong[0]]} is not a finite number of at least 0")
    with np.errstate(over="ignore"):
        total = weight.sum()
    if not np.isfinite(total):
        raise ValueError("the weights of all rankings add up to more than the largest double")
    return weight


# By ranker and what was left, how often each set was chosen.
Choices = dict[tuple[int, tuple[int, ...]], dict[tuple[int, ...], float]]


def _choices(places: list[list[tuple[int, ...]]], weight: Reals, ranker: NDArray[np.int64]) -> Choices:
    """Return how often each set was chosen, by the ranker and what it was chosen from."""
    found: Choices = {}
    for row, times, who in zip(places, weight.tolist(), ranker.tolist(), strict=True):
        left = sorted(item for place in row for item in place)
        for place in row:
            if times > 0 and len(left) > 1:
                chosen = found.setdefault((who, tuple(left)), {})
                key = tuple(sorted(place))
                chosen[key] = chosen.get(key, 0.0) + times
            left = [item for item in left if item not in place]
    if not found:
        raise ValueError("no ranking says anything: each has fewer than two items, or weight 0")
    return found


def _check_existence(choices: Choices, items: int, names: tuple[Hashable, ...] | None, *, has_prior: bool) -> None:
    """Raise where some score has no finite maximum: whoever was chosen beat who was left, and tied with each other."""
    if has_prior:
        return
    winner, loser, tied = [], [], []
    for (_, left), chosen in choices.items():
        for place in chosen:
            beaten = [item for item in left if item not in place]
            pairs = [(i, j, False) for i in place for j in beaten]
            pairs += [(i, j, True) for i, j in itertools.combinations(place, 2)]
            for one, other, equal in pairs:
                winner.append(one)
                loser.append(other)
                tied.append(equal)
    comparisons = Comparisons(np.array(winner), np.array(loser), tied=np.array(tied), n_items=items)
    existence = comparisons.existence()
    if names is not None:
        existence = type(existence).of(comparisons.cells, names)
    if existence.components > 1:
        raise ValueError(f"{existence.explain()}; give a prior (l2)")
    if not existence.finite:
        raise ConvergenceError(f"{existence.explain()}; give a prior (l2)")


def _features(covariates: Any, items: int) -> Reals:
    features = as_floating(covariates, "covariates").astype(np.float64)
    if features.ndim != 2 or features.shape[0] != items or not features.shape[1]:
        raise ValueError(f"covariates must have one row for each of {items} items; their shape is {features.shape}")
    if not np.isfinite(features).all():
        raise ValueError("covariates must be finite")
    if np.linalg.matrix_rank(features - features.mean(axis=0)) < features.shape[1]:
        raise ValueError("covariates cannot be told apart: one is constant, or a sum of the others")
    return features


class _Likelihood:
    """The penalised log-likelihood.

    Unknowns are scores, or coefficients, the logarithms of the tie parameters, and adherences, as far as asked for.
    """

    def __init__(
        self,
        choices: Choices,
        items: int,
        features: Reals | None,
        priors: tuple[float, float, float],
        rankers: int,
    ) -> None:
        self.items, self.features, self.rankers = items, features, rankers
        self.l2, self.gamma, self.prior = priors
        self.width = items if features is None else features.shape[1]
        seen = sorted({len(place) for chosen in choices.values() for place in chosen})
        self.sizes = [size for size in seen if size > 1]
        sets = sum(math.comb(len(left), size) for _, left in choices for size in {1, *self.sizes})
        if sets > MOST_SETS:
            raise ValueError(f"{sets} sets of items could be chosen, more than {MOST_SETS}: rank fewer items at a time")
        self.rest = self.width + len(self.sizes)
        self.unknowns = self.rest + rankers
        self._lay_out(choices)
        self.weight = np.bincount(self.ranker, self.total, rankers) if rankers else np.zeros(0)

    def _lay_out(self, choices: Choices) -> None:
        """Write the designs of all sets of all choices, one set a row: of scores, and of tie parameters."""
        from scipy.sparse import csr_array

        sets: list[tuple[int, ...]] = []
        times: list[float] = []
        first = []
        for (_, left), chosen in choices.items():
            first.append(len(sets))
            of_choice = [place for size in (1, *self.sizes) for place in itertools.combinations(left, size)]
            sets += of_choice
            times += [chosen.get(place, 0.0) for place in of_choice]
        self.first, self.times = np.array(first), np.array(times)
        self.total = np.add.reduceat(self.times, self.first)
        self.sets_of = np.diff(np.append(self.first, len(sets)))
        self.ranker = np.array([who for who, _ in choices])
        size = np.array([len(place) for place in sets])
        row, column = np.repeat(np.arange(len(sets)), size), np.array([item for place in sets for item in place])
        means = csr_array((1.0 / np.repeat(size, size), (row, column)), shape=(len(sets), self.items))
        self.means: Any = means if self.features is None else csr_array(means @ self.features)
        self.of_ties: Any = csr_array((size[:, None] == np.array(self.sizes)).astype(np.float64).reshape(len(sets), -1))
        self.dense = len(sets) * self.unknowns <= DENSE
        if self.dense:
            self.means, self.of_ties = self.means.toarray(), self.of_ties.toarray()

    def parts(self, u: Reals) -> tuple[Reals, Reals, Reals]:
        """Return scores, logarithms of tie parameters, adherences."""
        theta = u[: self.width]
        scores = theta if self.features is None else self.features @ theta
        return scores, u[self.width : self.rest], u[self.rest :]

    def log_prior(self, u: Reals) -> float:
        """Return the part of the prior in the value."""
        theta = u[: self.width]
        near = 0.5 * self.prior * ((u[self.rest :] - 1.0) ** 2).sum()
        return float(-0.5 * self.l2 * (theta**2).sum() + self.gamma * (theta - np.exp(theta)).sum() - near)

    def _adherences(self, u: Reals) -> Any:
        """Return the adherence of who made the choice of each set, or 1."""
        return np.repeat(u[self.rest + self.ranker], self.sets_of) if self.rankers else 1.0

    def _logits(self, u: Reals) -> tuple[Reals, Reals]:
        """Return the logits of all sets, and the largest one of each choice."""
        logits = self._adherences(u) * (self.means @ u[: self.width]) + self.of_ties @ u[self.width : self.rest]
        return logits, np.maximum.reduceat(logits, self.first)

    def value(self, u: Reals) -> float:
        """Return the penalised log-likelihood."""
        logits, top = self._logits(u)
        share = np.add.reduceat(np.exp(logits - np.repeat(top, self.sets_of)), self.first)
        return self.log_prior(u) + float(self.times @ logits - self.total @ (top + np.log(share)))

    def _design(self, u: Reals) -> Any:
        """Return the derivatives of all logits (sets, unknowns)."""
        if not self.rankers:
            return _beside(self.means, self.of_ties)
        lead, who = self.means @ u[: self.width], np.repeat(self.ranker, self.sets_of)
        return _beside(_times(self._adherences(u), self.means), self.of_ties, self._of_rankers(lead, who))

    def _of_rankers(self, value: Reals, who: NDArray[np.int64]) -> Any:
        """Return the matrix of `value` in the column of each row's ranker."""
        from scipy.sparse import csr_array

        found = csr_array((value, (np.arange(len(value)), who)), shape=(len(value), self.rankers))
        return found.toarray() if self.dense else found

    def slopes(self, u: Reals) -> tuple[Reals, Reals, Reals]:
        """Return the gradient, the expected information, and what this has more than the negated Hessian."""
        logits, top = self._logits(u)
        p = np.exp(logits - np.repeat(top, self.sets_of))
        p /= np.repeat(np.add.reduceat(p, self.first), self.sets_of)
        total = np.repeat(self.total, self.sets_of)
        residual, design = self.times - total * p, self._design(u)
        gradient = design.T @ residual
        mean = self._sums(_times(p, design))
        information = _full(design.T @ _times(total * p, design)) - _full(mean.T @ _times(self.total, mean))
        bend = np.zeros((self.unknowns, self.unknowns))
        if self.rankers:
            who = np.repeat(self.ranker, self.sets_of)
            bend[: self.width, self.rest :] = _full(self.means.T @ self._of_rankers(residual, who))
        theta, part, last = u[: self.width], np.arange(self.width), np.arange(self.rest, self.unknowns)
        gradient[part] += self.gamma * (1.0 - np.exp(theta)) - self.l2 * theta
        gradient[last] -= self.prior * (u[last] - 1.0)
        information[part, part] += self.gamma * np.exp(theta) + self.l2
        information[last, last] += self.prior
        return gradient, information, bend + bend.T

    def _sums(self, rows: Any) -> Any:
        """Return the sums of the rows of each choice."""
        from scipy.sparse import csr_array

        if self.dense:
            return np.add.reduceat(rows, self.first, axis=0)
        ends = np.append(self.first, rows.shape[0])
        return csr_array((np.ones(rows.shape[0]), np.arange(rows.shape[0]), ends)) @ rows

    def idle(self, u: Reals) -> list[tuple[Reals, Reals]]:
        """Return directions in which nothing changes, each with the gradient of what is held instead."""
        found = []
        if self.features is None and self.l2 == self.gamma == 0.0:
            alike = np.zeros(self.unknowns)
            alike[: self.items] = 1.0
            found.append((alike, alike))
        if self.rankers and self.l2 == self.gamma == self.prior == 0.0:
            scale, held = np.zeros(self.unknowns), np.zeros(self.unknowns)
            scale[: self.width], scale[self.rest :] = u[: self.width], -u[self.rest :]
            held[self.rest :] = self.weight * u[self.rest :]
            found.append((scale, held))
        return found

    def held(self, u: Reals, information: Reals) -> Reals:
        """Return the information with idle directions made stiff, and those of which nothing is known yet."""
        diagonal = information.diagonal()
        size = (diagonal / len(diagonal)).sum()  # whose own sum may be beyond double
        information = information + STIFF * size * np.eye(self.unknowns)
        for direction, _ in self.idle(u):
            square = float(direction @ direction)
            if square > 0:
                information = information + size / square * np.outer(direction, direction)
        return information

    def scaled(self, u: Reals) -> Reals:
        """Return the same model with adherences whose squares have mean 1 over choices, most of them positive."""
        if not self.rankers or self.prior > 0:
            return u
        u = u.copy()
        adherence = u[self.rest :]
        size = np.sqrt((self.weight * adherence**2).sum() / self.weight.sum())
        size *= 1.0 if (self.weight * adherence).sum() >= 0 else -1.0
        u[: self.width] *= size
        u[self.rest :] /= size
        return u

    def start(self) -> Reals:
        """Return where the search starts: equal scores, or with adherences of 1 those that are fitted without these."""
        u = np.zeros(self.unknowns)
        u[self.rest :] = 1.0
        if self.rankers:
            free = np.arange(self.rest)
            for _ in range(FIRST):
                gradient, information, _ = self.slopes(u)
                held = self.held(u, information)[np.ix_(free, free)]
                u[free] += np.linalg.solve(held + np.eye(self.rest), gradient[free])
        return u

    def covariance(self, u: Reals) -> Reals:
        """Return the covariance of the unknowns, scaled as they are."""
        found: Any = np.linalg.inv(self.held(u, self.slopes(u)[1]))
        for direction, held in self.idle(u):
            across = np.eye(self.unknowns) - np.outer(direction, held) / (held @ direction)
            found = across @ found @ across.T
        result: Reals = found
        return result


def _beside(*designs: Any) -> Any:
    """Return the columns of all designs, dense or sparse."""
    if isinstance(designs[0], np.ndarray):
        return np.hstack(designs)
    from scipy.sparse import hstack

    return hstack(designs).tocsr()


def _times(weight: Reals, rows: Any) -> Any:
    """Return dense or sparse rows, each times its weight."""
    return rows * weight[:, None] if isinstance(rows, np.ndarray) else rows.multiply(weight[:, None]).tocsr()


def _full(matrix: Any) -> Any:
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def _step(likelihood: _Likelihood, u: Reals, slopes: tuple[Reals, Reals, Reals]) -> Any:
    """Return Newton's step where the likelihood is concave, else Fisher's; None where neither is known."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    gradient, information, bend = slopes
    held = likelihood.held(u, information)
    for matrix in (held - bend, held):
        try:
            return cho_solve(cho_factor(matrix), gradient)
        except LinAlgError:
            continue
    return None


def _maximum(likelihood: _Likelihood, tol: float, max_iter: int) -> tuple[Reals, float, float]:
    """Return (unknowns, value, largest entry of the last step)."""
    u = likelihood.start()
    value, size = likelihood.value(u), np.inf
    for _ in range(max_iter):
        step = _step(likelihood, u, likelihood.slopes(u))
        if step is None:
            break
        size, share = float(np.abs(step).max()), 1.0
        for _ in range(HALVINGS):
            there = likelihood.value(u + share * step)
            if there >= value - 1e-13 * abs(value):
                break
            share *= 0.5
        u, value = likelihood.scaled(u + share * step), there
        if size <= tol:
            return u, value, size
        if np.abs(u).max() > FARTHEST:
            break
    reason = "there may be no finite maximum: give priors (l2, prior), or raise max_iter"
    raise ConvergenceError(f"not converged: the last Newton step was {size:.3g} > tol = {tol:g}; {reason}")
