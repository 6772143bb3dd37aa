"""The penalised log-likelihood of comparisons, as Newton's method, covariances and bootstraps use it."""

import numpy as np

from alignment_fast.kernels.ranking.structures import NO_COVARIATES
from alignment_fast.ranking._models import MODELS


class Objective:
    """Penalised log-likelihood of cells under the model named `model`.

    Unknowns are the scores of the `items`, coefficients of the covariates, and the logarithm of the tie parameter.
    `free`: without a prior, all scores may move alike.
    """

    has_factors = True

    def __init__(self, ops, cells, model, *, covariates=NO_COVARIATES, ridge=0.0, gamma=0.0, num_threads=None):
        self.ops = ops
        self.cells = cells if covariates.width else ops.completed(cells)
        self.model, self.covariates, self.ridge, self.gamma = model, covariates, ridge, gamma
        self.num_threads = num_threads
        number = MODELS[model].number(ops)
        self.problem = ops.problem(number, self.cells, covariates=covariates, ridge=ridge, gamma=gamma)
        self.items, self.unknowns, self.free = cells.n_items, self.problem.unknowns, ridge == gamma == 0.0
        self.tie = MODELS[model].tie
        self.keeps_last_positive = self.tie is not None and self.tie.unknown_is_positive
        self.weight = float(self.cells.wins_first.sum() + self.cells.wins_second.sum() + self.cells.ties.sum())
        self.product_cost = ops.PRODUCT_COST * self.problem.cells

    def over(self, cells):
        """Return the same objective over other counts of the same cells."""
        return Objective(
            self.ops,
            cells,
            self.model,
            covariates=self.covariates,
            ridge=self.ridge,
            gamma=self.gamma,
            num_threads=self.num_threads,
        )

    def log_prior(self, u):
        """Return what the prior adds to the log-likelihood at `u`."""
        return self.ops.prior(self.problem, u).value

    def evaluate(self, u, curvatures=True):
        """Return the `Evaluation` at `u`, with or without the curvatures of the cells."""
        return self.ops.evaluate(self.problem, u, curvatures=curvatures, num_threads=self.num_threads)

    def gradient(self, u):
        """Return the gradient at `u`: that of `evaluate`, in about half of the time."""
        return self.ops.gradient(self.problem, u, num_threads=self.num_threads)

    def hessian(self, u, at):
        """Return the negated Hessian at `u`, evaluated there as `at`, as a function of a vector."""
        prior = self.ops.prior(self.problem, u).curvature
        return lambda v: self.ops.product(self.problem, at.curvatures, prior, v, num_threads=self.num_threads)

    def matrix(self, u, at):
        """Return the negated Hessian at `u`, evaluated there as `at`."""
        return self.ops.matrix(self.problem, at.curvatures, self.ops.prior(self.problem, u).curvature)

    def maximum(self, u, *, tolerance, limit):
        """Return the `DenseMaximum` from `u`."""
        return self.ops.maximum(self.problem, u, tolerance=tolerance, limit=limit)

    def compiled_steps(self, _u, _tolerance, _limit, _budget):
        """Return None: so large problems gain nothing."""

    def newton(self, u, *, tolerance, limit):
        """Return the `NewtonRun` from `u` with dense factors."""
        return self.ops.newton(self.problem, u, tolerance=tolerance, limit=limit)

    def centred(self, u):
        """Return `u` with scores of mean zero."""
        out = u.copy()
        out[: self.items] -= out[: self.items].mean()
        return out

    def origin(self):
        """Return unknowns for equal scores, with the tie parameter that fits the share of ties."""
        u = np.zeros(self.unknowns)
        if self.tie is not None:
            cells = self.cells
            u[-1] = self.tie.unknown(cells.ties.sum(), cells.wins_first.sum(), cells.wins_second.sum())
        return u

    def start(self):
        """Return scores from one gradient at equal scores: the log-odds of each item's share of wins, spread."""
        return spread_start(self, self.origin())


def spread_start(objective, u):
    """Return unknowns with the scores that one gradient at equal scores, `u`, says."""
    u[: objective.items] = objective.ops.spread_scores(objective.evaluate(u, curvatures=False), objective.items)
    return u
