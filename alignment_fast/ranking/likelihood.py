"""Log-likelihood of comparisons, its gradient and its Hessian, at any scores."""

import math
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.scalars import LARGEST, as_number
from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import NO_COVARIATES, Covariates
from alignment_fast.ranking._device_likelihood import device_objective, is_on_device
from alignment_fast.ranking._models import check_model
from alignment_fast.ranking._objective import Objective
from alignment_fast.ranking.comparisons import Comparisons, check_comparisons
from alignment_fast.ranking.existence import home_covariate

__all__ = ["gradient", "hessian_product", "log_likelihood"]


def log_likelihood(
    scores: Any,
    comparisons: Comparisons,
    model: str = "bradley-terry",
    *,
    tie_parameter: float | None = None,
    home_advantage: float = 0.0,
    num_threads: int | None = None,
) -> float:
    r"""Return the log-likelihood of comparisons at given scores.

    With d = θ_i − θ_j (plus the home advantage where i is at home), the probability that i beats j is

    - "bradley-terry": σ(d), "thurstone": Φ(d), "stern": σ(d)² (3 − 2 σ(d)); a tie counts as half a win for each;
    - "rao-kupper": σ(d − log θ), and of a tie (θ² − 1) times the two probabilities of winning;
    - "davidson": of win, tie, loss as e^{d/2} : ν : e^{−d/2}.

    Parameters
    ----------
    scores : array (K,)
        Scores in logits (in standard deviations of a difference for "thurstone").
    comparisons : Comparisons
        What was compared.
    model : {"bradley-terry", "thurstone", "stern", "rao-kupper", "davidson"}
        Which probabilities.
    tie_parameter : float, optional
        θ > 1 of "rao-kupper", ν > 0 of "davidson"; needed there.
    home_advantage : float
        Added to the score of who is at home.
    num_threads : int, optional
        Default `get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    float
        Accuracy: 2e-15 relative. About 8 ns per pair that met. For `scores` on a CUDA device an array without axes
        there; the comparisons are sent at each call. −inf where it is below the largest double.

    Raises
    ------
    ValueError
        If `scores` has not one finite entry per item, or they differ by more than the largest double, `model` is
        unknown, or a parameter is out of range.

    Examples
    --------
    >>> import alignment_fast as af
    >>> votes = af.ranking.Comparisons([0, 0, 1], [1, 1, 0])
    >>> af.ranking.log_likelihood([0.0, 0.0], votes)
    -2.0794415416798357

    """
    ops = operations("ranking")
    if type(home_advantage) is float and not home_advantage and num_threads is None:
        small = _small(ops, ops.SHORT_VALUE, scores, None, comparisons, model, tie_parameter)
        if small is not None:
            return small
    if is_on_device(scores):
        beside = _beside_scores(comparisons, model, tie_parameter, home_advantage)
        objective, u = device_objective({"scores": scores}, comparisons, model, *beside, one_per_item)
        return objective.evaluate(u, curvatures=False).value.given()
    objective, u = _objective(scores, comparisons, model, tie_parameter, home_advantage, num_threads)
    return objective.evaluate(u, curvatures=False).value


def gradient(
    scores: Any,
    comparisons: Comparisons,
    model: str = "bradley-terry",
    *,
    tie_parameter: float | None = None,
    home_advantage: float = 0.0,
    num_threads: int | None = None,
) -> NDArray[np.float64]:
    """Return the gradient of `log_likelihood` in the scores.

    Parameters and errors are those of `log_likelihood`.

    Returns
    -------
    array (K,)
        Its entries add up to zero. Accuracy: 2e-15 times the number of comparisons of each item
        ("thurstone": and times their difference, where that is above 1). What is above the largest double is infinite;
        an item with terms of both signs that are is a ValueError.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.ranking.gradient([0.0, 0.0], af.ranking.Comparisons([0, 0, 1], [1, 1, 0]))
    array([ 0.5, -0.5])

    """
    ops = operations("ranking")
    if type(home_advantage) is float and not home_advantage and num_threads is None:
        small = _small(ops, ops.SHORT_GRADIENT, scores, None, comparisons, model, tie_parameter)
        if small is not None:
            return small
    if is_on_device(scores):
        beside = _beside_scores(comparisons, model, tie_parameter, home_advantage)
        objective, u = device_objective({"scores": scores}, comparisons, model, *beside, one_per_item)
        return objective.evaluate(u, curvatures=False).gradient.given()
    given = in_callers_kind(
        gradient,
        {"scores": scores},
        comparisons=comparisons,
        model=model,
        tie_parameter=tie_parameter,
        home_advantage=home_advantage,
        num_threads=num_threads,
    )
    if given is not None:
        return given
    objective, u = _objective(scores, comparisons, model, tie_parameter, home_advantage, num_threads)
    with np.errstate(over="ignore", invalid="ignore"):
        return _told(objective.gradient(u)[: objective.items])


def hessian_product(
    scores: Any,
    vector: Any,
    comparisons: Comparisons,
    model: str = "bradley-terry",
    *,
    tie_parameter: float | None = None,
    home_advantage: float = 0.0,
    num_threads: int | None = None,
) -> NDArray[np.float64]:
    """Return the Hessian of `log_likelihood` in the scores, at `scores`, times `vector`.

    The Hessian is minus a weighted Laplacian of the graph of comparisons: negative semidefinite, and zero along equal
    changes of all scores.

    Parameters
    ----------
    scores, comparisons, model, tie_parameter, home_advantage, num_threads
        As in `log_likelihood`, and so are the errors.
    vector : array (K,)
        Direction.

    Returns
    -------
    array (K,)
        About 10 ns per pair that met.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.ranking.hessian_product([0.0, 0.0], [1.0, 0.0], af.ranking.Comparisons([0, 0, 1], [1, 1, 0]))
    array([-0.75,  0.75])

    """
    ops = operations("ranking")
    if type(home_advantage) is float and not home_advantage and num_threads is None:
        small = _small(ops, ops.SHORT_PRODUCT, scores, vector, comparisons, model, tie_parameter)
        if small is not None:
            return small
    if is_on_device(scores):
        arrays = {"scores": scores, "vector": vector}
        beside = _beside_scores(comparisons, model, tie_parameter, home_advantage)
        objective, u, direction = device_objective(arrays, comparisons, model, *beside, one_per_item)
        return objective.ops.negated(objective.hessian(u, objective.evaluate(u))(direction)).given()
    given = in_callers_kind(
        hessian_product,
        {"scores": scores, "vector": vector},
        comparisons=comparisons,
        model=model,
        tie_parameter=tie_parameter,
        home_advantage=home_advantage,
        num_threads=num_threads,
    )
    if given is not None:
        return given
    objective, u = _objective(scores, comparisons, model, tie_parameter, home_advantage, num_threads)
    direction = np.zeros_like(u)
    direction[: objective.items] = one_per_item(vector, "vector", comparisons.n_items)
    refuse_spread("vector", direction)
    with np.errstate(over="ignore", invalid="ignore"):
        return _told(ops.negated(objective.hessian(u, objective.evaluate(u))(direction))[: objective.items])


def _small(
    ops: ModuleType,
    wanted: int,
    scores: Any,
    vector: Any,
    comparisons: Comparisons,
    model: str,
    tie_parameter: float | None,
) -> Any:
    """Return what is `wanted` of few comparisons by one compiled call; None where it will not do."""
    row, cells, unknown = check_model(model), check_comparisons(comparisons).cells, None
    if row.tie is not None:
        if not isinstance(tie_parameter, float | int) or not row.tie.least < tie_parameter <= LARGEST:
            return None
        unknown = np.log([tie_parameter])[0]
    return ops.short_likelihood(wanted, cells, row.number(ops), scores, vector, unknown)


def one_per_item(value: Any, name: str, n_items: int) -> NDArray[np.float64]:
    """Return `value` as float64, one finite number per item."""
    array = as_floating(value, name).astype(np.float64)
    if array.shape != (n_items,):
        raise ValueError(f"{name} must have one entry for each of {n_items} items; it has shape {array.shape}")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}] = {array[bad[0]]} is not finite")
    return array


def refuse_spread(name: str, values: NDArray[np.float64], shift: float = 0.0) -> None:
    """Raise ValueError where differences of `values`, moved by `shift`, are beyond the largest double."""
    if values.size and not math.isfinite(float(values.max()) - float(values.min()) + abs(shift)):
        raise ValueError(f"{name} are too far apart: differences are beyond the largest double")


def _told(result: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `result`, or raise ValueError where infinite parts of opposite signs met in it."""
    bad = np.isnan(result)
    if bad.any():
        raise ValueError(f"scores are too far apart: terms of item {bad.argmax()} are beyond the largest double")
    return result


def _objective(
    scores: Any,
    comparisons: Comparisons,
    model: str,
    tie_parameter: float | None,
    home_advantage: float,
    num_threads: int | None,
) -> tuple[Objective, NDArray[np.float64]]:
    check_model(model)
    cells = check_comparisons(comparisons).cells
    u = one_per_item(scores, "scores", cells.n_items)
    covariates, others = _beside_scores(comparisons, model, tie_parameter, home_advantage)
    refuse_spread("scores", u, others[0] if covariates.width else 0.0)
    ops = operations("ranking")
    objective = Objective(ops, cells, model, covariates=covariates, num_threads=num_threads)
    return objective, ops.unknowns(u, others)


def _beside_scores(
    comparisons: Comparisons, model: str, tie_parameter: float | None, home_advantage: float
) -> tuple[Covariates, list[float]]:
    """Return the covariates, and the unknowns behind the scores: coefficients, the logarithm of the tie parameter."""
    tie, covariates, others = check_model(model).tie, NO_COVARIATES, []
    home = as_number(home_advantage, "home_advantage")
    if not math.isfinite(home):
        raise ValueError(f"home_advantage must be finite, not {home}")
    if home:
        covariates = home_covariate(check_comparisons(comparisons).cells)
        others.append(home)
    if tie is not None:
        tie_parameter = None if tie_parameter is None else as_number(tie_parameter, "tie_parameter")
        if tie_parameter is None or not tie.least < tie_parameter < np.inf:
            raise ValueError(f"tie_parameter of {model!r} must be finite and {tie.condition}, not {tie_parameter}")
        others.append(float(np.log([tie_parameter])[0]))
    return covariates, others
