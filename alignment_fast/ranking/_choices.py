"""Plackett-Luce likelihoods and their maxima, by the Newton method of ``_newton``."""

import numpy as np

from alignment_fast.kernels.ranking.structures import Cells, Evaluation
from alignment_fast.ranking import _graph as graph
from alignment_fast.ranking._covariance import centred_inverse
from alignment_fast.ranking._newton import WATCH_LAST, Maximum, NewtonReport, by_conjugate_gradients, certify
from alignment_fast.ranking._objective import spread_start
from alignment_fast.ranking._replicates import LIMIT, TOLERANCE

# A matrix serves all products of a Newton step, about thirty; it pays for rankings up to this length, and as long as it
# fits into the second-level cache a few times over.
LONGEST_DENSE = 64
LARGEST_DENSE = 512
# A matrix from so near costs less than it loses: each step leaves about that part of the error.
CHORD = 0.01
# Steps of conjugate gradients, per item.
BUDGET = 20


def beaten_neighbours(ops, choices, n_items):
    """Return cells in which every place beats the next one, and the last one chosen all that were not.

    Their graph of wins has the same components as that in which every place beats all behind it.
    """
    winner, loser, weight = choices.beaten_neighbours()
    small = ops.short_compress(winner, loser, n_items, None, None, weight)
    return Cells(*small) if small is not None else ops.compress(winner, loser, n_items, weight=weight)[0]


class ChoiceObjective:
    """Penalised log-likelihood of rankings, with what ``_newton`` asks of an objective."""

    has_factors = keeps_last_positive = False

    def __init__(self, ops, rankings, choices, ridge, num_threads=None):
        self.ops, self.rankings, self.ridge, self.num_threads = ops, rankings, ridge, num_threads
        self.choices = choices
        self.items = self.unknowns = rankings.n_items
        self.free = ridge == 0.0
        self.weight = float(rankings.depth.sum() if rankings.weight is None else rankings.depth @ rankings.weight)
        mean_length = len(rankings.item) / len(rankings.depth)
        self.dense = self.items <= LARGEST_DENSE and mean_length <= LONGEST_DENSE
        self._kept = None
        self._search = ops.choice_search(self.choices, self.items, ridge) if self.dense else None

    def over(self, weight):
        """Return the same objective with other weights of the rankings."""
        rankings = self.rankings._replace(weight=weight)
        return ChoiceObjective(self.ops, rankings, self.ops.choices(rankings), self.ridge, self.num_threads)

    def evaluate(self, u, curvatures=False):
        """Return the `Evaluation` at `u`; cells have no curvatures here."""
        return self.ops.choices_evaluate(self.choices, u, self.ridge, num_threads=self.num_threads)

    def matrix(self, u, at):
        """Return the negated Hessian at `u`, evaluated there as `at`."""
        return self.ops.choices_matrix(self.choices, u, at.diagonal, num_threads=self.num_threads)

    def hessian(self, u, at):
        """Return the negated Hessian at `u`, evaluated there as `at`, as a function of a vector."""
        if self.dense:
            if self._kept is None or np.abs(u - self._kept[0]).max() > CHORD:
                self._kept = u, self.matrix(u, at)
            matrix = self._kept[1]
            return lambda v: (matrix * v).sum(axis=1)  # NumPy's own sum: the same bits for any number of threads
        return lambda v: self.ops.choices_product(self.choices, u, self.ridge, v, num_threads=self.num_threads)

    def compiled_steps(self, u, tolerance, limit, budget):
        """Return what `by_conjugate_gradients` does, or None where it must do so itself."""
        at = u.copy()
        run = None if self._search is None else self._search.newton(at, tolerance, limit, budget)
        if run is None:
            return None
        value, decrement, step, iterations, converged = run
        there = None if value is None else Evaluation(value, self._search.slope(), None)
        return at, there, NewtonReport(decrement, step, converged), iterations

    def compiled_maximum(self, start, tolerance, limit, budget):
        """Return the `Maximum` of few rankings, or None where it is to be found step by step."""
        found = None if self._search is None else self._search.maximum(start, tolerance, limit, budget)
        return None if found is None else Maximum(*found)

    def first_scores(self):
        """Return scores from one gradient at equal scores."""
        return spread_start(self, np.zeros(self.items)) if self._search is None else self._search.first_scores()

    def centred(self, u):
        """Return `u` with scores of mean zero."""
        return u - u.mean()


# Weights e^u underflow where scores are further apart than this; in products, their squares do.
WIDEST, WIDEST_PRODUCT = 600.0, 300.0


def far_apart(rankings, u):
    """Return (log-likelihood, gradient, function of a vector: negated Hessian times it) for scores however far apart.

    Sums over what is left are taken by their logarithms, ranking by ranking in the interpreter: 30 µs for each.
    """
    value, gradient, parts = 0.0, np.zeros(rankings.n_items), []
    for number, depth in enumerate(rankings.depth.tolist()):
        if not depth:
            continue
        item = rankings.item[rankings.start[number] : rankings.start[number + 1]]
        weight = 1.0 if rankings.weight is None else float(rankings.weight[number])
        left = np.logaddexp.accumulate(u[item][::-1])[::-1][:depth]
        with np.errstate(under="ignore"):  # row t: probabilities that choice t falls on each place
            chances = np.exp(
                np.where(np.arange(len(item)) >= np.arange(depth)[:, None], u[item] - left[:, None], -np.inf)
            )
        with np.errstate(over="ignore"):  # −inf below the largest double
            value += weight * float((u[item[:depth]] - left).sum())
        gradient[item[:depth]] += weight
        gradient[item] -= weight * chances.sum(axis=0)
        parts.append((weight, item, chances))

    def product(v):
        out = np.zeros(rankings.n_items)
        for weight, item, chances in parts:
            out[item] += weight * (chances * (v[item] - (chances @ v[item])[:, None])).sum(axis=0)
        return out

    return value, gradient, product


def maximize(objective, start, *, tolerance, limit):
    """Return the `Maximum` of an objective, from `start`."""
    budget = BUDGET * objective.items + 2 * WATCH_LAST
    found = objective.compiled_maximum(start, tolerance, limit, budget)
    if found is not None:
        return found
    u = objective.centred(start) if objective.free else start
    u, at, report, iterations = by_conjugate_gradients(objective, u, tolerance, limit, budget)
    return certify(objective, u, report, iterations, at)


def covariance(objective, u):
    """Return the covariance of the scores at `u`, scores of mean zero: the inverse of the negated Hessian."""
    return centred_inverse(objective.ops, objective.matrix(u, objective.evaluate(u)), objective.items)


def refit(objective, u, weight):
    """Return the scores at other weights of the rankings, from `u`; NaN where there is no finite maximum."""
    again = objective.over(weight)
    if objective.free:
        cells = beaten_neighbours(again.ops, again.choices, again.items)
        if not graph.is_strongly_connected(again.ops, cells) and graph.strongly_connected(cells).any():
            return np.full(objective.items, np.nan)
    found = maximize(again, u, tolerance=TOLERANCE, limit=LIMIT)
    return found.unknowns if found.converged else np.full(objective.items, np.nan)
