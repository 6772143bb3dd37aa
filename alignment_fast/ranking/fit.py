"""Maximum-likelihood fits of comparison models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.num_threads import check_num_threads
from alignment_fast._border.scalars import as_flag, as_number, check_search
from alignment_fast._operations import operations
from alignment_fast.errors import ConvergenceError
from alignment_fast.kernels.ranking.structures import NO_COVARIATES, Covariates
from alignment_fast.ranking import _newton as newton
from alignment_fast.ranking._bias import reduce_bias
from alignment_fast.ranking._models import MODELS, check_model, effective_model
from alignment_fast.ranking._objective import Objective
from alignment_fast.ranking._recession import proven_by_step
from alignment_fast.ranking.comparisons import Comparisons, check_comparisons
from alignment_fast.ranking.existence import Question, home_covariate
from alignment_fast.ranking.likelihood import one_per_item
from alignment_fast.ranking.result import RatingFit, Specification

__all__ = ["fit"]


def fit(
    comparisons: Comparisons,
    model: str = "bradley-terry",
    *,
    l2: float = 0.0,
    gamma_shape: float = 1.0,
    bias_reduction: bool = False,
    home: bool = False,
    start: RatingFit | Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    num_threads: int | None = None,
) -> RatingFit:
    r"""Fit scores to comparisons by maximum likelihood.

    .. math:: \max_θ\; \ell(θ) - \tfrac{l_2}{2} \sum_i θ_i^2 + (s - 1) \sum_i (θ_i - e^{θ_i}), \qquad \sum_i θ_i = 0

    with the log-likelihood of `log_likelihood`, by Newton's method.

    Parameters
    ----------
    comparisons : Comparisons
        Who beat whom, how often.
    model : {"bradley-terry", "thurstone", "stern", "rao-kupper", "davidson"}
        Probabilities of the results; the last two have a tie parameter, which is fitted too.
    l2 : float
        Strength of the Gaussian prior: its variance is 1 / l2. scikit-learn's C is 1 / l2, choix's alpha l2 / 2.
    gamma_shape : float
        Shape s >= 1 of a Gamma prior on the strengths e^θ (Caron and Doucet 2012); 1 is none. Its rate only moves all
        scores alike, so it is none of the parameters: scores are shifted to mean zero after maximising over all θ.
    bias_reduction : bool
        Reduce the bias of order 1/n (Firth 1993; "bradley-terry" without prior): scores are finite also where some
        item won every comparison.
    home : bool
        Fit the advantage of being at home (or shown first); needs ``Comparisons(..., home=...)``.
    start : RatingFit or array (K,), optional
        Where to start: an earlier fit of nearly the same comparisons saves most of the steps.
    tol : float
        Largest entry of the last Newton step, in logits: to first order the distance from the maximum. That step is
        still taken.
    max_iter : int
        Most Newton steps.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    RatingFit
        Scores of mean zero, log-likelihood, certificate, and what follows from them: standard errors, intervals,
        predictions, bootstrap.

    Raises
    ------
    ValueError
        If there is no finite maximum since the comparisons fall into components, everything is a tie, or an argument is
        out of range.
    ConvergenceError
        If there is no finite maximum since the comparisons are separable (someone won or lost everything, a group
        always beat the rest, or whoever was at home always won), or `max_iter` is too small; `result` is the best
        iterate, where there is one. A prior makes every maximum finite.

    Notes
    -----
    Accuracy: scores are exact to `tol`, or to 2^-50 of the number of comparisons divided by the smallest curvature if
    that is more.
    Cost: K items of which C pairs met: up to 256 items about 0.05 ms (K/100)³ and 8 C ns for each of about six steps;
    above that a few products of 2 C ns for each step. Where more than half of the pairs met, all K (K - 1)/2 are laid
    out in rows, at 6 ns and 0.6 ns instead. Memory: 8 bytes for each pair that met (or 32 for every pair, where they
    are laid out), and a matrix of 8 K² bytes up to 256 items (1536 where the graph is badly connected).

    References
    ----------
    Bradley and Terry, Biometrika 39 (1952) 324-345. Hunter, Ann. Statist. 32 (2004) 384-406. Firth, Biometrika 80
    (1993) 27-38. Caron and Doucet, J. Comput. Graph. Statist. 21 (2012) 174-196.

    Examples
    --------
    >>> import alignment_fast as af
    >>> votes = af.ranking.Comparisons(["a", "b", "a", "c", "b"], ["b", "a", "c", "a", "c"])
    >>> result = af.ranking.fit(votes)
    >>> result.scores.round(4)
    array([ 0.   ,  0.528, -0.528])
    >>> result.predict("b", "c").round(4)
    np.float64(0.7419)

    """
    check_comparisons(comparisons)
    check_num_threads(num_threads)
    if type(home) is not bool or type(bias_reduction) is not bool:
        home, bias_reduction = as_flag(home, "home"), as_flag(bias_reduction, "bias_reduction")
    specification = specify(model, l2=l2, gamma_shape=gamma_shape, home=home, bias_reduction=bias_reduction)
    search, ops = MaximumSearch(start, tol, max_iter, num_threads), operations("ranking")
    if (not home or comparisons.cells.home.any()) and _is_of_the_same(start, comparisons):
        found = _small(ops, comparisons, specification, search)
        if found is not None:
            return found
    check_existence(comparisons, specification)
    covariates = home_covariate(comparisons.cells) if home else NO_COVARIATES
    return maximum(ops, comparisons, specification, covariates, search)


def _first_unknowns(start: Any, comparisons: Comparisons) -> NDArray[np.float64] | None:
    """Return the unknowns to start from: those of a fit of the same items, or of scores; None where there are none."""
    items = comparisons.n_items
    if isinstance(start, RatingFit):
        return np.concatenate([start.scores, start.unknowns[items:]])
    return None if start is None else one_per_item(start, "start", items)


def _is_of_the_same(start: Any, comparisons: Comparisons) -> bool:
    """Return whether `start` is a fit of the same items, or no fit."""
    if not isinstance(start, RatingFit):
        return True
    return start.labels == comparisons.labels and len(start.scores) == comparisons.n_items


def _small(
    ops: ModuleType, comparisons: Comparisons, specification: Specification, search: MaximumSearch
) -> RatingFit | None:
    """Return the fit by one compiled call, or None where `maximum` must decide."""
    model = MODELS[specification.model]
    unknown = None if model.tie is None else model.tie.unknown
    first = _first_unknowns(search.start, comparisons)
    covariates = home_covariate(comparisons.cells) if specification.home else NO_COVARIATES
    options = specification.l2, specification.gamma, covariates, specification.bias_reduction
    run = ops.short_fit(comparisons.cells, model.number(ops), unknown, *options, first, search.tol, search.max_iter)
    if run is None:
        return None
    unknowns, (value, gradient_norm, decrement, step, iterations), log_prior, has_tie = run
    found = newton.Maximum(unknowns, value, gradient_norm, decrement, step, iterations, converged=True)
    return _result(comparisons, specification, covariates, log_prior, has_tie, found)


@dataclass(frozen=True)
class MaximumSearch:
    """How a maximum is searched for: from where, until what last step, in how many steps, by how many threads."""

    start: RatingFit | Any
    tol: float
    max_iter: int
    num_threads: int | None

    def __post_init__(self) -> None:
        check_search(self.tol, self.max_iter)


def specify(model: str, *, l2: float, gamma_shape: float, home: bool, bias_reduction: bool = False) -> Specification:
    """Return the `Specification` of checked options."""
    row = check_model(model)
    l2, gamma_shape = as_number(l2, "l2"), as_number(gamma_shape, "gamma_shape")
    if not 0 <= l2 < np.inf:
        raise ValueError(f"l2 must be finite and not negative, not {l2}")
    if not 1 <= gamma_shape < np.inf:
        raise ValueError(f"gamma_shape must be finite and at least 1, not {gamma_shape}")
    specification = Specification(model, l2, gamma_shape - 1.0, home, bias_reduction)
    if bias_reduction and (not row.has_bias_reduction or specification.has_prior):
        fitting = ", ".join(repr(name) for name, other in MODELS.items() if other.has_bias_reduction)
        raise ValueError(f"bias_reduction is for the model {fitting} without a prior")
    return specification


def check_existence(comparisons: Comparisons, specification: Specification) -> None:
    """Raise where the comparisons themselves show that there is no finite maximum."""
    cells = comparisons.cells
    model = specification.model
    if MODELS[model].tie is not None and cells.ties.any() and not (cells.wins_first.any() or cells.wins_second.any()):
        raise ValueError(f"every comparison is a tie: the tie parameter of {model!r} has no finite maximum")
    if specification.has_prior:
        return
    existence = comparisons.existence()
    if existence.components > 1:
        raise ValueError(f"{existence.explain()}; fit the components apart, or give a prior (l2)")
    if not existence.finite and not specification.bias_reduction:
        raise ConvergenceError(f"{existence.explain()}; give a prior (l2), or bias_reduction=True")


def maximum(
    ops: ModuleType,
    comparisons: Comparisons,
    specification: Specification,
    covariates: Covariates,
    search: MaximumSearch,
) -> RatingFit:
    """Return the fit of checked arguments."""
    cells, limits = comparisons.cells, {"tolerance": search.tol, "limit": search.max_iter}
    question = Question(
        cells, comparisons.labels, specification.model, covariates, specification.home, specification.has_prior
    )
    objective = Objective(
        ops,
        cells,
        effective_model(specification.model, cells),
        covariates=covariates,
        ridge=specification.l2,
        gamma=specification.gamma,
        num_threads=search.num_threads,
    )
    # The step that proves a maximum of few unknowns finite tells them apart, too: they are asked where there is none.
    told = covariates.width == specification.home or objective.unknowns > newton.ALWAYS_DENSE
    if told:
        question.check_identified()
    first = _start(search.start, comparisons, objective)

    def result_of(found: newton.Maximum) -> RatingFit:
        log_prior = objective.log_prior(found.unknowns)
        return _result(comparisons, specification, covariates, log_prior, objective.tie is not None, found)

    if specification.bias_reduction:
        found = reduce_bias(ops, cells, covariates, first, **limits, num_threads=search.num_threads)
    else:
        found = newton.maximize(objective, first, **limits)
        found = newton.certified(objective, found, **limits)
        _check_finite(question, told, objective, found, lambda: result_of(replace(found, converged=False)))
    if not found.converged:
        raise ConvergenceError(not_converged(found, search.tol, search.max_iter), result_of(found))
    return result_of(found)


def _check_finite(
    question: Question, told: bool, objective: Objective, found: newton.Maximum, result: Callable[[], RatingFit]
) -> None:
    """Raise ConvergenceError if the maximum is not finite, unless pairs, or the maximum found, prove that it is.

    Where unknowns have not been `told` apart, ValueError if they cannot be.
    """
    if question.quick() or (found.converged and proven_by_step(objective, found.unknowns)):
        return
    if not told:
        question.check_identified()
    verdict = question.verdict()
    if verdict.direction is None:
        return
    prior = "; give a prior (l2)" if verdict.direction.scores.any() else ""
    raise ConvergenceError(f"not converged: {question.existence(verdict).explain()}{prior}", result())


def not_converged(found: newton.Maximum, tol: float, max_iter: int) -> str:
    """Return why a maximum has not converged."""
    if not np.isfinite(found.step):
        return "not converged: there is no Newton step, since the curvature is not positive and finite"
    steps = f"not converged: after {found.iterations} Newton steps the last one was {found.step:.3g}"
    if found.step > tol and found.iterations < max_iter:
        return f"{steps}, where rounding leaves no curvature: the maximum is too far away for double precision"
    if found.step > tol:
        return f"{steps} > tol = {tol:g}; raise max_iter"
    return f"{steps}, but the Newton decrement {found.decrement:.3g} > tol = {tol:g}; raise max_iter or tol"


def _start(start: RatingFit | Any, comparisons: Comparisons, objective: Objective) -> NDArray[np.float64]:
    if start is None:
        return objective.start()
    u = objective.origin()
    items = objective.items
    if not isinstance(start, RatingFit):
        u[:items] = one_per_item(start, "start", items)
        return u
    if start.labels is None or comparisons.labels is None:
        known = min(items, len(start.scores))
        u[:known] = start.scores[:known]
    else:
        scores = dict(zip(start.labels, start.scores.tolist(), strict=True))
        u[:items] = [scores.get(label, 0.0) for label in comparisons.labels]
    if start.unknowns.shape == u.shape:
        u[items:] = start.unknowns[items:]
    return u


def _result(
    comparisons: Comparisons,
    specification: Specification,
    covariates: Covariates,
    log_prior: float,
    has_tie: bool,
    found: newton.Maximum,
) -> RatingFit:
    """Return the fit behind a maximum, in which `log_prior` is the part of the prior."""
    items, u = comparisons.n_items, found.unknowns
    tie, tie_parameter = MODELS[specification.model].tie, None
    if tie is not None:
        with np.errstate(over="ignore"):  # of an iterate that has not converged
            tie_parameter = float(np.exp(u[-1])) if has_tie else tie.least
    at_home = int(specification.home)
    return RatingFit(
        scores=u[:items] - u[:items].mean(),
        log_likelihood=found.value - log_prior,
        gradient_norm=found.gradient_norm,
        newton_decrement=found.decrement,
        last_step=found.step,
        iterations=found.iterations,
        converged=found.converged,
        tie_parameter=tie_parameter,
        home_advantage=float(u[items]) if specification.home else None,
        coefficients=u[items + at_home : items + covariates.width],
        labels=comparisons.labels,
        specification=specification,
        comparisons=comparisons,
        covariates=covariates,
        unknowns=u,
        refit=_updated,
    )


def _updated(before: RatingFit, new: Any) -> RatingFit:
    """Return the fit to the comparisons of `before` and new ones, by its model and priors."""
    check_comparisons(new)
    asked = before.specification
    if before.covariates.width > asked.home:
        raise ValueError("a fit with covariates of each comparison has no update: fit all comparisons with theirs")
    return fit(
        before.comparisons + new,
        asked.model,
        l2=asked.l2,
        gamma_shape=asked.gamma + 1.0,
        bias_reduction=asked.bias_reduction,
        home=asked.home,
        start=before,
    )
