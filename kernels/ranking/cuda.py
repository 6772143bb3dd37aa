"""The operations of this family on a CUDA device: likelihoods of comparisons and rankings, gradients, products.

In the scores alone, without priors: coefficients of covariates and the tie parameter are given.
"""

import struct

import numpy as np

from alignment_fast.kernels.common import driver, images
from alignment_fast.kernels.common.launches import blocks_for, blocks_for_warps, run
from alignment_fast.kernels.ranking import cpu
from alignment_fast.kernels.ranking.likelihood import PRODUCT_COST
from alignment_fast.kernels.ranking.structures import NO_COVARIATES, NOTHING, CellCurvatures, Evaluation, Prior

__all__ = [
    "MODELS_BY_NAME",
    "PRODUCT_COST",
    "choice_search",
    "choices",
    "choices_evaluate",
    "choices_product",
    "completed",
    "evaluate",
    "negated",
    "prior",
    "problem",
    "product",
    "unknowns",
]

_LIBRARY = images.library("ranking")
_FLOAT64 = np.dtype(np.float64)
_TERMS = {number: driver.Kernel(_LIBRARY, f"terms_{name}", "ss") for name, number in cpu.MODELS_BY_NAME.items()}
_CELLS, _TO = struct.Struct("<3q9Q"), struct.Struct("<3Q")  # ranking_cells and ranking_terms of cuda.cu
_SCORES_AND_MORE = driver.Kernel(_LIBRARY, "scores_and_more", "qpqddp")
_BLOCK_SUMS = driver.Kernel(_LIBRARY, "block_sums", "qpp")
_TOTAL = driver.Kernel(_LIBRARY, "total_of_blocks", "qpp")
_SLOPES = driver.Kernel(_LIBRARY, "slopes_of_items", "qpppp")
_PRODUCTS = driver.Kernel(_LIBRARY, "products_of_items", "qppppppp")
_NEGATED = driver.Kernel(_LIBRARY, "negated", "qpp")
_CHOICES = struct.Struct("<q5Q")  # choice_rankings of cuda.cu
_CHOICE_TERMS = driver.Kernel(_LIBRARY, "choice_terms", "spppp")
_CHOICE_PRODUCTS = driver.Kernel(_LIBRARY, "choice_products", "spppp")
_SUMS_OF_ITEMS = driver.Kernel(_LIBRARY, "sums_of_items", "qpppp")
MODELS_BY_NAME = cpu.MODELS_BY_NAME
_WITH_TIES = {cpu.MODELS_BY_NAME[name] for name in ("rao_kupper", "davidson")}
BLOCK = 4096  # of cuda.cu


class _Problem:
    """Cells under a model as kernels take them, on a device once a point there is known."""

    def __init__(self, model, cells, covariates):
        self.model, self._cells, self._covariates = model, cells, covariates
        self.items = cells.n_items
        self.has_ties = model in _WITH_TIES
        self.unknowns = self.items + covariates.width + self.has_ties
        self.cells = len(cells.first)
        self._place, self._arrays = None, ()

    def on(self, place):
        """Return (first, second, wins of both, ties or None, covariates or None thrice, start, entries) there."""
        if self._place is not place:
            cells, of = self._cells, self._covariates
            counts = cells.wins_first, cells.wins_second, cells.ties if cells.ties.size else None
            covariates = (of.start, of.column, of.value) if of.width else (None, None, None)
            arrays = cells.first, cells.second, *counts, *covariates, *self._listed()
            self._arrays = tuple(None if array is None else place.copy(np.asarray(array)) for array in arrays)
            self._place = place
        return self._arrays

    def _listed(self):
        """Return where the entries of each item start, and all entries, in the order of the cells."""
        start, order = _by_item(np.concatenate([self._cells.first, self._cells.second]), self.items)
        return start, 2 * (order % max(self.cells, 1)) + (order >= self.cells)


def _by_item(item, items):
    """Return where the places of each item start among those of all items in order, and these places."""
    start = np.concatenate([np.zeros(1, np.int64), np.bincount(item, minlength=items).cumsum()])
    return start.astype(np.int64), np.argsort(item, kind="stable")


def completed(cells):
    """Return the cells themselves: a list of each item's cells serves dense graphs too."""
    return cells


def problem(model, cells, *, covariates=NO_COVARIATES, ridge=0.0, gamma=0.0):
    """Return `cells` under the model of that number as the other operations take them, with a few coefficients."""
    return _Problem(model, cells, covariates)


def unknowns(scores, others):
    """Return one array of the scores and of a list of at most two further unknowns from the host."""
    if not others:
        return scores
    place, n, (one, other) = scores.place, scores.size, (*others, 0.0)[:2]
    out = place.empty((n + len(others),), _FLOAT64)
    run(_SCORES_AND_MORE, blocks_for, out.size, place, n, scores, len(others), one, other, out)
    return out


def prior(problem, u):
    """Return the `Prior` at `u`: there is none."""
    return Prior(0.0, NOTHING, NOTHING)


def _total(x):
    """Return the sum of `x`, an array without axes."""
    place, blocks = x.place, -(-x.size // BLOCK)
    sums, total = place.empty((blocks,), _FLOAT64), place.empty((), _FLOAT64)
    run(_BLOCK_SUMS, blocks_for_warps, blocks, place, x.size, x, sums)
    run(_TOTAL, blocks_for, 1, place, blocks, sums, total)
    return total


def evaluate(problem, u, *, curvatures=True, num_threads=None):
    """Return the `Evaluation` at `u`, gradients in the scores alone, no diagonal: the value an array without axes."""
    place, cells = u.place, problem.cells
    *given, start, entries = problem.on(place)
    value, slope, curvature = (place.empty((cells,), _FLOAT64) for _ in range(3))
    addresses = (0 if array is None else array.pointer for array in (*given, u))
    packed = _CELLS.pack(cells, problem.items, problem.unknowns - 1, *addresses)
    to = _TO.pack(value.pointer, slope.pointer, curvature.pointer)
    run(_TERMS[problem.model], blocks_for, cells, place, packed, to)
    total, gradient = _total(value), place.empty((problem.items,), _FLOAT64)
    run(_SLOPES, blocks_for_warps, problem.items, place, problem.items, start, entries, slope, gradient)
    return Evaluation(total, gradient, NOTHING, CellCurvatures(curvature, NOTHING, 0.0) if curvatures else None)


def product(problem, curvatures, prior, v, *, num_threads=None):
    """Return the negated Hessian in the scores with these `CellCurvatures` times `v`, one number for each item."""
    place, items = v.place, problem.items
    first, second, *_, start, entries = problem.on(place)
    out = place.empty((items,), _FLOAT64)
    arguments = (start, entries, first, second, curvatures.difference, v, out)
    run(_PRODUCTS, blocks_for_warps, items, place, items, *arguments)
    return out


def negated(x):
    """Return -x."""
    out = x.place.empty(x.shape, _FLOAT64)
    run(_NEGATED, blocks_for, x.size, x.place, x.size, x, out)
    return out


def choices(rankings):
    """Return `OrderedItems` as the other operations take them: sent at each call."""
    return rankings


def choice_search(choices, items, ridge):
    """Return None: there is no search on a device."""
    return


class _Sent:
    """Rankings on a device, and weights e^u there, in units of the greatest; u is read on the host."""

    def __init__(self, rankings, u):
        self.place, self.items, self.count = u.place, rankings.n_items, len(rankings.depth)
        self.places, host = len(rankings.item), u.numpy()
        self.shifted = host - host.max()
        given = rankings.item, rankings.start, rankings.depth, rankings.weight, np.exp(self.shifted)
        self._arrays = [None if array is None else self.place.copy(np.ascontiguousarray(array)) for array in given]
        self.packed = _CHOICES.pack(self.count, *(0 if array is None else array.pointer for array in self._arrays))
        self._listed = [self.place.copy(array) for array in _by_item(rankings.item, self.items)]

    def memory(self, *shape):
        return self.place.empty(shape, _FLOAT64)

    def of_items(self, x):
        """Return the sums of `x`, a number for each place, over the places of each item."""
        out = self.memory(self.items)
        run(_SUMS_OF_ITEMS, blocks_for_warps, self.items, self.place, self.items, *self._listed, x, out)
        return out


def choices_evaluate(choices, u, ridge, *, num_threads=None):
    """Return the `Evaluation` of the log-likelihood at `u`, without a prior and no diagonal."""
    sent = _Sent(choices, u)
    value, slope, left = sent.memory(sent.count), sent.memory(sent.places), sent.memory(sent.places)
    arguments = sent.packed, sent.place.copy(sent.shifted), left, value, slope
    run(_CHOICE_TERMS, blocks_for, sent.count, sent.place, *arguments)
    return Evaluation(_total(value), sent.of_items(slope), NOTHING)


def choices_product(choices, u, ridge, v, *, num_threads=None):
    """Return the negated Hessian at `u` times `v`, without a prior."""
    sent = _Sent(choices, u)
    left, along, out = (sent.memory(sent.places) for _ in range(3))
    run(_CHOICE_PRODUCTS, blocks_for, sent.count, sent.place, sent.packed, v, left, along, out)
    return sent.of_items(out)
