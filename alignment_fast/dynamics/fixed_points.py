"""The policy that the dynamics leave where it is, and what happens beside it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._operations import operations
from alignment_fast.dynamics._arguments import TrajectoryArguments, arguments
from alignment_fast.errors import ConvergenceError


class FixedPoint(NamedTuple):
    """A policy that the dynamics map to itself.

    Parameters
    ----------
    log_pi : array (..., [S,] K)
        Log-policy.
    residual : array (..., [S])
        Largest change of `log_pi` in one round: the certificate.
    spectral_radius : array (..., [S])
        Of the linearised dynamics: neighbours are attracted below 1, and spiral away above.
    frequency : array (..., [S])
        ω in the leading pair of eigenvalues α ± i βλ ω.
    period : array (..., [S])
        Rounds per turn near the fixed point, 2π/atan2(βλω, α); inf where nothing turns.

    """

    log_pi: Any
    residual: Any
    spectral_radius: Any
    frequency: Any
    period: Any


def fixed_point(
    P: ArrayLike,
    *,
    alpha: ArrayLike,
    beta: ArrayLike,
    lam: ArrayLike,
    sampler: ArrayLike | None = None,
    ref: ArrayLike | None = None,
    method: str = "ipo",
) -> FixedPoint:
    r"""Return the fixed point of the dynamics for α < 1, stable or not.

    .. math:: \log \pi = \log \mathrm{ref} + \mathrm{const} +
              \frac{\beta}{1 - \alpha}\, s(\lambda \pi + (1 - \lambda)\, \mathrm{sampler})

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    alpha, beta, lam : array_like
        Parameters as in `simulate`; alpha below 1.
    sampler, ref : array_like (..., K), optional
        Offline sampler and reference policy, self-normalised; uniform if not given. `ref` has no zeros.
    method : {"ipo", "dpo"}
        The objective.

    Returns
    -------
    FixedPoint
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `simulate`, for alpha = 1, and for a reference with zeros.
    ConvergenceError
        If a residual is above 1e-9 relative to the largest |log π|.

    Notes
    -----
    For IPO the fixed point is unique, and the limit of β/(1 − α) → ∞ at λ = 1 is a maximal lottery. Backtracking Newton
    with continuation in β; `residual` says how well it went. Cost: 5 to 20 solutions of K × K systems per point, and
    the eigenvalues of one matrix for DPO. Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> P = [[0.5, 0.9, 0.3], [0.1, 0.5, 0.8], [0.7, 0.2, 0.5]]
    >>> point = af.dynamics.fixed_point(P, alpha=0.5, beta=4.0, lam=1.0)
    >>> np.exp(point.log_pi).round(4), point.spectral_radius.round(4), point.period.round(2)
    (array([0.3978, 0.2324, 0.3698]), np.float64(0.8325), np.float64(6.78))

    """
    found = operations("dynamics").short_fixed_point(P, alpha, beta, lam, sampler, ref, method)
    if found is not None:
        return tuple.__new__(FixedPoint, found)
    given = arguments(P, {"alpha": alpha, "beta": beta, "lam": lam}, None, sampler, ref, method=method)
    problem, give, shape = given.problem, given.task.give, given.shape
    require_interior(given)
    points = given.task.operations("dynamics").equilibria(problem, given.task.rows("ref", given.leading))
    log_pi = give(points.log_pi.reshape(*shape, problem.size))
    if not points.found.all():
        worst = int(np.argmax(np.where(points.found, -np.inf, np.nan_to_num(points.residual, nan=np.inf))))
        raise not_converged(given.where(worst), points.residual[worst], log_pi)
    fields = points.residual, points.radius, points.frequency, points.period
    return FixedPoint(log_pi, *(give(values.reshape(shape)) for values in fields))


def not_converged(where: str, residual: float, log_pi: Any) -> ConvergenceError:
    """Return the error for a policy that still moves."""
    return ConvergenceError(f"the best iterate{where} still moves by {residual:.3g} a round", log_pi)


def require_interior(given: TrajectoryArguments) -> None:
    """Raise ValueError for alpha = 1, and for a reference with zeros."""
    problem = given.problem
    alpha = np.broadcast_to(problem.alpha, (problem.rows, problem.points))
    if (alpha == 1).any():
        where = given.where(int(np.flatnonzero(alpha == 1)[0]))
        raise ValueError(f"alpha{where} = 1 has no unique fixed point; fixed_point needs alpha below 1")
    if np.isinf(problem.log_ref).any():
        response = int(np.flatnonzero(np.isinf(problem.log_ref))[0]) % problem.size
        raise ValueError(f"ref has no mass at response {response}; fixed_point needs a reference without zeros")
