"""Whether a policy that the dynamics map to itself attracts its neighbours, and conditions for it to attract all."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.call import rows_of
from alignment_fast._border.kinds import in_kind_of_its_arrays
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations
from alignment_fast.dynamics._arguments import arguments, check_method, constant_grids, constant_parameters
from alignment_fast.policy import _optimum as optimum
from alignment_fast.policy._arguments import PreferenceArguments

# DPO's slope at equal rewards is σ'(0) = 1/4 of the scores' for IPO.
DPO_GAIN = 4.0


class StabilityBounds(NamedTuple):
    """Constants of a preference matrix, and which of four sufficient conditions hold at given parameters.

    Each condition makes the fixed point of MRS-IPO unique, interior and globally attracting; M = P − 1/2.

    Parameters
    ----------
    norm2, norm2_projected : array (...)
        ‖M‖₂ and ‖ΠMΠ‖₂, Π = 1 − 11ᵀ/K.
    span_D : array (...)
        max_ij (max_k − min_k)(M_ik − M_jk).
    max_abs : array (...)
        max |M|.
    by_norm, by_projected_norm, by_span, by_mirror_descent : array of bool (..., [S])
        α + βλ‖M‖₂/2 < 1, α + βλ‖ΠMΠ‖₂/2 < 1, α + βλD/4 < 1, and (βλ max|M|)² ≤ α(1 − α) with α < 1. None holds at
        α = 1, where nothing draws the policy to the reference.

    """

    norm2: Any
    norm2_projected: Any
    span_D: Any  # noqa: N815 - the span's own symbol
    max_abs: Any
    by_norm: Any
    by_projected_norm: Any
    by_span: Any
    by_mirror_descent: Any

    @property
    @in_kind_of_its_arrays
    def stable(self) -> Any:
        """Whether any of the four holds."""
        return self.by_norm | self.by_projected_norm | self.by_span | self.by_mirror_descent


def stability_bounds(P: ArrayLike, *, alpha: ArrayLike, beta: ArrayLike, lam: ArrayLike) -> StabilityBounds:
    """Return four sufficient conditions for MRS-IPO to converge from everywhere.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    alpha, beta, lam : array_like
        Parameters as in `simulate`.

    Returns
    -------
    StabilityBounds
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `simulate`.

    Notes
    -----
    The first condition is the paper's; the second and third come from the same contraction argument with a norm that
    forgets constants, and the span seminorm; the fourth from magnetic mirror descent: KL(π*‖π) then falls by the factor
    α each round. None is necessary: `spectral_radius` says what happens nearby. Accuracy: 1e-14 relative; cost K³.
    Reference: arXiv:2602.12180; arXiv:2410.16714.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.8, 0.2], [0.2, 0.5, 0.8], [0.8, 0.2, 0.5]]
    >>> bounds = af.dynamics.stability_bounds(P, alpha=0.5, beta=2.0, lam=1.0)
    >>> bounds.norm2.round(6), bounds.by_norm, bounds.by_span
    (np.float64(0.519615), np.False_, np.True_)

    """
    found = operations("dynamics").short_stability_bounds(P, alpha, beta, lam)
    if found is not None:
        return tuple.__new__(StabilityBounds, found)
    given = arguments(P, {"alpha": alpha, "beta": beta, "lam": lam}, None, None, None, method="ipo")
    problem, give, ops = given.problem, given.task.give, given.task.operations("dynamics")
    M = optimum.skew(given.task["P"])
    leading, K = M.shape[:-2], M.shape[-1]
    found = ops.constants(M.reshape(math.prod(leading), K, K))
    holds = ops.conditions(rows_of(found.reshape(*leading, found.shape[-1]), 1, given.leading), problem)
    return StabilityBounds(
        *(give(column.reshape(leading)) for column in found.T),
        *(give(condition.reshape(given.shape), dtype=np.bool_) for condition in holds.T),
    )


def feedback_frequency(skew, pi, method):
    """Return ω of one matrix and a policy with M π = const: the largest |eigenvalue| of the gain at it."""
    frequency = float(operations("dynamics").frequencies(skew[None], pi[None])[0])
    return frequency if method == "ipo" else DPO_GAIN * frequency


def spectral_radius(
    P: ArrayLike,
    log_pi: ArrayLike,
    *,
    alpha: ArrayLike,
    beta: ArrayLike,
    lam: ArrayLike,
    sampler: ArrayLike | None = None,
    method: str = "ipo",
) -> Any:
    """Return the spectral radius of the dynamics linearised at a fixed point: it attracts its neighbours below 1.

    For IPO the eigenvalues are α ± i βλ ω_k, whatever P and the fixed point, so that the radius is √(α² + (βλω)²).

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    log_pi : array_like (..., K) or (..., S, K)
        The fixed point; one for each of S parameter points as `fixed_point` returns them.
    alpha, beta, lam : array_like
        Parameters as in `simulate`.
    sampler : array_like (..., K), optional
        Offline sampler, of which DPO's gain depends for ``lam < 1``; uniform if not given.
    method : {"ipo", "dpo"}
        The objective.

    Returns
    -------
    array (..., [S])
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `simulate`, and for log-probabilities that are NaN or +inf.

    Notes
    -----
    Accuracy: 1e-14 relative for IPO, by the skew form of M Σ(π); 1e-12 for DPO, by eigenvalues of its Jacobian.
    Cost: K³ per point. Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> P = [[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]]
    >>> rho = af.dynamics.spectral_radius(P, np.log([1 / 3] * 3), alpha=0.95, beta=4.0, lam=0.5)
    >>> rho.round(4), np.sqrt(0.95**2 + (0.4 * 4.0 * 0.5) ** 2 / 3).round(4)
    (np.float64(1.0563), np.float64(1.0563))

    """
    found = operations("dynamics").short_spectral_radius(P, log_pi, alpha, beta, lam, sampler, method)
    if found is not None:
        return found
    check_method(method)
    task = PreferenceArguments(P, distributions={"sampler": sampler})
    parameters = {"alpha": alpha, "beta": beta, "lam": lam}
    M, offline, pi = optimum.skew(task["P"]), task["sampler"], _policies(log_pi, task["P"].shape[-1])
    points = constant_parameters(parameters)
    paired = points[0].ndim and pi.ndim > M.ndim - 1 and pi.shape[-2] == points[0].shape[-1]
    if paired:  # an axis for the points, before the responses
        M, offline = M[..., None, :, :], offline[..., None, :]
        leading = np.broadcast_shapes(M.shape[:-2], offline.shape[:-1], pi.shape[:-1], points[0].shape)
        grids, shape = [np.broadcast_to(values, leading).reshape(-1, 1).copy() for values in points], leading
    else:
        leading = np.broadcast_shapes(M.shape[:-2], offline.shape[:-1], pi.shape[:-1])
        grids, leading, shape = constant_grids(parameters, leading)
    arrays = rows_of(M, 2, leading), rows_of(pi, 1, leading), rows_of(offline, 1, leading)
    return task.give(task.operations("dynamics").radii(method, *arrays, *grids).reshape(shape))


def _policies(log_pi, K):
    """Return exp(log_pi), normalised."""
    array = as_floating(log_pi, "log_pi", floating_only=True)
    if array.ndim == 0 or array.shape[-1] != K:
        raise ValueError(f"log_pi must have shape (..., {K}), one entry per response of P, not {array.shape}")
    refuse(np.isnan(array) | (array == np.inf), array, "log_pi", "is no log-probability")
    rows = array.reshape(math.prod(array.shape[:-1]), K)
    return operations("dynamics").softmax(rows).reshape(array.shape)
