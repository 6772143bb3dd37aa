"""Plackett-Luce likelihoods and their maxima, by the Newton method of ``solve``."""

from typing import NamedTuple

import numpy as np

from alignment_fast.kernels.common import status, threads
from alignment_fast.kernels.ranking import compress, cpu
from alignment_fast.ranking import _graph as graph
from alignment_fast.ranking import _solve as solve

# Nanoseconds: of a place in a pass and in a product, of a pair of places in the matrix.
PASS, PRODUCT, PAIR, CHECK = 5.0, 5.0, 1.0, 2.0
# A matrix serves all products of a Newton step, about thirty; it pays for rankings up to this length, and as long as it
# fits into the second-level cache a few times over.
LONGEST_DENSE = 64
LARGEST_DENSE = 512
# A matrix from so near costs less than it loses: each step leaves about that part of the error.
CHORD = 0.01
# Steps of conjugate gradients, per item.
BUDGET = 20


class Ordered(NamedTuple):
    """Rankings as the kernel reads them: places, where each ranking starts, how many are chosen in order, weights."""

    item: np.ndarray
    start: np.ndarray
    depth: np.ndarray
    weight: np.ndarray | None
    n_items: int

    def choices(self):
        """Return the rankings for the kernel."""
        return cpu.Choices(self.item, self.start, self.depth, self.weight, int(np.diff(self.start).max()))


class Size(NamedTuple):
    """What `solve` asks of a problem."""

    unknowns: int
    cells: int
    is_rao_kupper: bool = False


def check(rankings, choices):
    """Return the status word of the first place that is no item (code ITEM), or repeats one (REPEATED)."""
    words, seen = [], np.zeros(rankings.n_items, dtype=np.int32)

    def run(first, last):
        words.append(choices.check(first, last, rankings.n_items, seen))

    threads.for_blocks(run, len(rankings.depth), work=CHECK * len(rankings.item), num_threads=1)
    return min(words, default=status.OK)


def beaten_neighbours(rankings):
    """Return cells in which every place beats the next one, and the last one chosen all that were not.

    Their graph of wins has the same components as that in which every place beats all behind it.
    """
    item, start, depth, weights, n_items = rankings
    length = np.diff(start)
    behind = np.ones(len(item), dtype=bool)
    behind[start[:-1][length > 0]] = False
    behind &= np.repeat(depth > 0, length)
    winner = np.flatnonzero(behind) - 1
    if (depth < length - 1).any():  # whoever was not chosen lost to the last who was
        winner = np.minimum(winner, np.repeat(start[:-1] + depth - 1, length)[behind])
    weight = None if weights is None else np.repeat(weights, length)[behind]
    return compress.compress(item[winner], item[behind], n_items, weight=weight)[0]


class Objective:
    """Penalised log-likelihood of rankings, with what `solve` asks of an objective."""

    ties = False

    def __init__(self, rankings, ridge, num_threads=None):
        self.rankings, self.ridge, self.num_threads = rankings, ridge, num_threads
        self.kernel = rankings.choices()
        self.items, self.free = rankings.n_items, ridge == 0.0
        self.problem = Size(rankings.n_items, len(rankings.depth))
        mean_length = len(rankings.item) / len(rankings.depth)
        self.dense = self.items <= LARGEST_DENSE and mean_length <= LONGEST_DENSE
        self.pairs = len(rankings.item) * mean_length / 2
        self._kept = None

    def over(self, weight):
        """Return the same objective with other weights of the rankings."""
        return Objective(self.rankings._replace(weight=weight), self.ridge, self.num_threads)

    def _summed(self, width, work, run):
        """Return the sum of what ``run(first, last, out)`` adds over chunks of rankings."""
        count = len(self.rankings.depth)
        return solve.in_chunks(count, width, work / count, run, self.num_threads)

    def evaluate(self, u, curvatures=True):
        """Return the `solve.Evaluation` at `u`."""
        n = self.items
        shifted = u - u.max()
        weight = np.exp(shifted)

        def run(first, last, out):
            self.kernel.choices_gradient(shifted, weight, first, last, out[:n], out[n : 2 * n], out[2 * n :])

        sums = self._summed(2 * n + 1, PASS * len(self.rankings.item), run)
        value = float(sums[2 * n]) - 0.5 * self.ridge * float((u * u).sum())
        gradient, diagonal = sums[:n] - self.ridge * u, sums[n : 2 * n] + self.ridge
        return solve.Evaluation(value, gradient, diagonal, solve.NOTHING, solve.NOTHING, 0.0)

    def matrix(self, u, at):
        """Return the negated Hessian at `u`, evaluated there as `at`."""
        n, weight = self.items, np.exp(u - u.max())

        def run(first, last, out):
            self.kernel.choices_matrix(weight, first, last, out)

        half = self._summed(n * n, PAIR * self.pairs, run).reshape(n, n)
        full = -(half + half.T) * weight * weight[:, None]
        full[np.diag_indices(n)] = at.diagonal
        return full

    def hessian(self, u, at):
        """Return the negated Hessian at `u`, evaluated there as `at`, as a function of a vector."""
        if self.dense:
            if self._kept is None or np.abs(u - self._kept[0]).max() > CHORD:
                self._kept = u, self.matrix(u, at)
            matrix = self._kept[1]
            return lambda v: (matrix * v).sum(axis=1)  # NumPy's own sum: the same bits for any number of threads
        weight = np.exp(u - u.max())

        def product(v):
            def run(first, last, out):
                self.kernel.choices_product(weight, v, first, last, out)

            return self._summed(self.items, PRODUCT * len(self.rankings.item), run) + self.ridge * v

        return product

    def centred(self, u):
        """Return `u` with scores of mean zero."""
        return u - u.mean()


def maximize(objective, start, *, tolerance, limit):
    """Return the `solve.Maximum` of an objective, from `start` (None: from one gradient)."""
    u = solve.start_of(objective) if start is None else start
    u = objective.centred(u) if objective.free else u
    u, at, report, iterations = solve.by_conjugate_gradients(
        objective, u, tolerance, limit, budget=BUDGET * objective.items + 2 * solve.WATCHED
    )
    return solve.certify(objective, u, report, iterations, at)


def covariance(objective, u):
    """Return the covariance of the scores at `u`, scores of mean zero: the inverse of the negated Hessian."""
    from scipy.linalg import cho_factor, cho_solve

    n = objective.items
    hessian = objective.matrix(u, objective.evaluate(u))
    hessian += hessian.diagonal().mean() / n  # equal changes of all scores, which drop out in the centring
    inverse = cho_solve(cho_factor(hessian, check_finite=False), np.eye(n), check_finite=False)
    inverse -= inverse.mean(axis=0)
    inverse -= inverse.mean(axis=1, keepdims=True)
    return 0.5 * (inverse + inverse.T)


def refit(objective, u, weight, *, tolerance, limit):
    """Return the scores at other weights of the rankings, from `u`; NaN where there is no finite maximum."""
    again = objective.over(weight)
    if objective.free and graph.strongly_connected(beaten_neighbours(again.rankings)).any():
        return np.full(objective.items, np.nan)
    found = maximize(again, u, tolerance=tolerance, limit=limit)
    return found.unknowns if found.converged else np.full(objective.items, np.nan)
