"""The policy that the dynamics leave where it is, and what happens beside it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._operations import operations
from alignment_fast.dynamics import _stability as stability
from alignment_fast.dynamics._arguments import TrajectoryArguments, arguments
from alignment_fast.errors import ConvergenceError

# The largest change of log π in one round, relative to the largest |log π|, that passes for rounding.
_TOLERANCE = 1e-9


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
    with continuation in β; `residual` says how well it went. Cost: 5 to 20 solutions of K × K systems per point; the
    eigenvalues of DPO are LAPACK's. Reference: arXiv:2602.12180.

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
        return tuple.__new__(FixedPoint, found) if method == "ipo" else _of_dpo(found, alpha, beta, lam)
    given = arguments(P, {"alpha": alpha, "beta": beta, "lam": lam}, None, sampler, ref, method=method)
    problem, give, shape = given.problem, given.task.give, given.shape
    require_interior(given)
    found = equilibria(given)
    require_converged(given, found)
    radius, frequency, angle = linearised(given, found)
    with np.errstate(divide="ignore", over="ignore"):
        period = 2 * np.pi / angle
    return FixedPoint(
        give(found.log_pi.reshape(*shape, problem.size)),
        *(give(values.reshape(shape)) for values in (found.residual, radius, frequency, period)),
    )


def _of_dpo(found: tuple[Any, ...], alpha: Any, beta: Any, lam: Any) -> FixedPoint:
    """Return the fixed point of one matrix at one parameter point, whose gain is given, with its eigenvalues."""
    log_pi, residual, gain = found
    parts = stability.leading(gain[None], np.array([float(alpha)]), np.array([float(beta) * float(lam)]))
    radius, frequency, angle = (part[0] for part in parts)
    number = log_pi.dtype.type
    with np.errstate(divide="ignore", over="ignore"):
        return FixedPoint(log_pi, residual, number(radius), number(frequency), number(2 * np.pi / angle))


def require_converged(given: TrajectoryArguments, found: Any) -> None:
    """Raise ConvergenceError if a policy still moves."""
    excess = found.residual - _TOLERANCE * np.abs(found.log_pi).max(axis=-1, initial=1.0)
    if not (excess <= 0).all():
        worst = int(np.argmax(np.where(np.isnan(excess), np.inf, excess)))
        raise ConvergenceError(
            f"the best iterate{given.where(worst)} still moves by {found.residual[worst]:.3g} a round",
            given.task.give(found.log_pi.reshape(*given.shape, given.problem.size)),
        )


def equilibria(given: TrajectoryArguments) -> Any:
    """Return the fixed points of the trajectories of `given`, converged or not."""
    return given.task.operations("dynamics").equilibria(given.problem, given.task.rows("ref", given.leading))


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


def linearised(given: TrajectoryArguments, found: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the spectral radius, ω and the angle per round of the leading eigenvalue at each of the fixed points."""
    problem = given.problem
    alpha, feedback = (
        np.broadcast_to(values, (problem.rows, problem.points)).reshape(-1)
        for values in (problem.alpha, problem.beta * problem.lam)
    )
    if problem.method == "ipo":
        speed = feedback * found.frequency
        return np.hypot(alpha, speed), found.frequency, np.arctan2(speed, alpha)
    return stability.leading(found.gain, alpha, feedback)
