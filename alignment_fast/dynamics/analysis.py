"""How trajectories behave in the long run: Lyapunov exponents, the onset of oscillation, rates of collapse."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import as_parameter
from alignment_fast._border.call import rows_of
from alignment_fast._border.scalars import as_integer, as_number
from alignment_fast._operations import operations
from alignment_fast.dynamics._arguments import arguments, broadcast, check_method, constant_grids, constant_parameters
from alignment_fast.dynamics.fixed_points import not_converged, require_interior
from alignment_fast.dynamics.simulation import rounds
from alignment_fast.policy._arguments import PreferenceArguments


class Onset(NamedTuple):
    """Oscillation of MRS-IPO on a three-cycle close to where it sets in.

    Parameters
    ----------
    spectral_radius : array
        ρ at the uniform policy.
    variance : array
        Predicted variance of every coordinate over time, 8(ρ − 1)/(27κ²), κ = aβλ/√3; 0 below the onset.
    period : array
        Predicted rounds per turn; inf where a β λ = 0.

    """

    spectral_radius: Any
    variance: Any
    period: Any


def lyapunov_exponent(
    P: ArrayLike,
    *,
    alpha: ArrayLike,
    beta: ArrayLike,
    lam: ArrayLike,
    init: ArrayLike,
    sampler: ArrayLike | None = None,
    ref: ArrayLike | None = None,
    steps: int = 20_000,
    burn_in: int = 1_000,
    method: str = "ipo",
    num_threads: int | None = None,
) -> Any:
    """Return the largest Lyapunov exponent of trajectories, in nats per round.

    Positive: chaos, nearby policies part exponentially. Zero: rotation on an invariant curve. Negative: attraction to a
    fixed point, where it is log ρ, or to a periodic orbit.

    Parameters
    ----------
    P, alpha, beta, lam, init, sampler, ref, method, num_threads
        As in `simulate`; parameters are constant.
    steps, burn_in : int
        Growth is averaged over rounds `burn_in` to `steps`.

    Returns
    -------
    array (..., [S])
        float32 for float32 input, else float64; −inf where a direction dies at once. For arrays on a CUDA device an
        array there, as in `simulate`.

    Raises
    ------
    ValueError
        As `simulate`; if no round is left after `burn_in`.

    Notes
    -----
    Iterates a tangent vector along the trajectory. Accuracy is statistical: of the order of 1/(steps − burn_in) where
    the motion is regular, its square root where it is chaotic. Cost: about twice `simulate`. Reference: Benettin et
    al., Meccanica 15 (1980); arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]]
    >>> alpha, beta = [0.48, 0.6], [41.63, 40.0]
    >>> af.dynamics.lyapunov_exponent(P, alpha=alpha, beta=beta, lam=1.0, init=[0.4, 0.35, 0.25]).round(1)
    array([ 0.5, -0.5])

    """
    if num_threads is None:
        found = operations("dynamics").short_lyapunov_exponent(
            P, alpha, beta, lam, init, sampler, ref, steps, burn_in, method
        )
        if found is not None:
            return found
    steps, burn_in = rounds(steps, burn_in)
    if burn_in == steps:
        raise ValueError(f"burn_in = {burn_in} leaves none of {steps} steps to average over")
    parameters = {"alpha": alpha, "beta": beta, "lam": lam}
    given = arguments(P, parameters, init, sampler, ref, method=method, on_devices=True)
    ops = given.task.operations("dynamics")
    exponents = ops.lyapunov_exponents(given.problem, steps, burn_in, num_threads)
    return given.task.give(exponents.reshape(given.shape))


def critical_beta(
    P: ArrayLike,
    *,
    alpha: float,
    lam: float,
    sampler: ArrayLike | None = None,
    ref: ArrayLike | None = None,
    method: str = "ipo",
    largest: float = 1e4,
    tol: float = 1e-12,
) -> float:
    """Return the least β at which the fixed point of one matrix loses its stability, inf if none up to `largest` does.

    Parameters
    ----------
    P : array_like (K, K)
        One preference matrix.
    alpha, lam : float
        Parameters as in `simulate`; alpha below 1.
    sampler, ref, method
        As in `fixed_point`.
    largest : float
        End of the search, which looks at 200 values of β on a logarithmic scale: loss of stability that lasts for less
        than one of its steps is missed.
    tol : float
        Relative width at which the search ends, not negative.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `fixed_point`.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]]
    >>> threshold = af.dynamics.critical_beta(P, alpha=0.5, lam=1.0)
    >>> round(threshold, 10), round((3 * (1 - 0.5**2)) ** 0.5 / 0.4, 10)
    (3.75, 3.75)

    """
    found = operations("dynamics").short_critical_beta(P, alpha, lam, sampler, ref, method, largest, tol)
    if found is not None:
        return found
    largest, tol = as_number(largest, "largest"), as_number(tol, "tol")
    if not (largest > 0 and np.isfinite(largest)):
        raise ValueError(f"largest = {largest} must be positive and finite")
    if not tol >= 0:
        raise ValueError(f"tol = {tol} must not be negative")
    point = {"alpha": as_number(alpha, "alpha"), "beta": largest, "lam": as_number(lam, "lam")}
    given = arguments(P, point, None, sampler, ref, method=method)
    if given.shape != ():
        raise ValueError(f"P, sampler and ref must be of one problem for critical_beta, not of shape {given.shape}")
    require_interior(given)
    reference = given.task.rows("ref", given.leading)
    threshold, residual, log_pi = given.task.operations("dynamics").critical_beta(
        given.problem, reference, largest, tol
    )
    if not np.isnan(residual):
        raise not_converged(f" at beta = {threshold:.6g}", residual, given.task.give(log_pi))
    return threshold


def three_cycle_onset(strength: ArrayLike, *, alpha: ArrayLike, beta: ArrayLike, lam: ArrayLike) -> Onset:
    r"""Return what MRS-IPO does on P = 1/2 + a C near the uniform policy, C the three-cycle; `ref`, `sampler` uniform.

    The uniform policy is unstable iff α² + a²β²λ²/3 > 1; oscillation then grows from nothing (a supercritical
    Neimark-Sacker bifurcation): to first order in ρ − 1, with φ = atan2(κ, α) and r² = 4(ρ − 1)/(3κ²),

    .. math:: \mathrm{variance} = \frac{8 (\rho - 1)}{27 \kappa^2}, \qquad
              \mathrm{period} = \frac{2\pi}{\phi - r^2 (\kappa\alpha/2 + (\kappa^2/4) \cot(3\phi/2))} .

    Parameters
    ----------
    strength : array_like
        a, 0 to 1/2: a response beats the next with probability 1/2 + a.
    alpha, beta, lam : array_like
        Parameters as in `simulate`; all four broadcast together.

    Returns
    -------
    Onset

    Raises
    ------
    ValueError
        For parameters out of range.

    Examples
    --------
    >>> import alignment_fast as af
    >>> onset = af.dynamics.three_cycle_onset(0.4, alpha=0.5408426081740079, beta=3.6473199232026943, lam=1.0)
    >>> round(float(onset.variance), 9), round(float(onset.period), 6)
    (0.000417619, 6.286025)

    """
    found = operations("dynamics").short_onset(strength, alpha, beta, lam)
    if found is not None:
        return tuple.__new__(Onset, found)
    alphas, betas, lams = constant_parameters({"alpha": alpha, "beta": beta, "lam": lam})
    a = as_parameter(strength, "strength")
    if not ((a >= 0) & (a <= 0.5)).all():
        raise ValueError(f"strength must lie in [0, 1/2], not {strength!r}")
    columns = broadcast({"strength": a, "alpha": alphas, "beta": betas, "lam": lams})
    found = operations("dynamics").onsets(*(np.ascontiguousarray(column).reshape(-1) for column in columns))
    return Onset(*(field.reshape(columns[0].shape)[()] for field in found.T))


def collapse_rates(
    P: ArrayLike,
    *,
    beta: ArrayLike,
    lam: ArrayLike = 1.0,
    sampler: ArrayLike | None = None,
    top: int = 0,
    method: str = "ipo",
) -> Any:
    """Return by how much log(π_top/π_j) grows per round at α = 1, once π has all but collapsed on response `top`.

    Parameters
    ----------
    P : array_like (..., K, K)
        Preference matrices.
    beta, lam : array_like, scalar or (..., S)
        Parameters as in `simulate`; ``lam = 1`` for DPO.
    sampler : array_like (..., K), optional
        Offline sampler; uniform if not given.
    top : int
        The response collapsed on: the limit if all rates are positive.
    method : {"ipo", "dpo"}
        The objective.

    Returns
    -------
    array (..., [S,] K)
        β(λ M_top,j + (1 − λ)((P off)_top − (P off)_j)) for IPO, β logit P_top,j for DPO; 0 at `top`.

    Raises
    ------
    ValueError
        As `simulate`; for DPO with lam below 1, of which there is no closed form.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.6, 0.75], [0.4, 0.5, 0.65], [0.25, 0.35, 0.5]]
    >>> af.dynamics.collapse_rates(P, beta=0.3).round(3)
    array([0.   , 0.03 , 0.075])

    """
    found = operations("dynamics").short_collapse_rates(P, beta, lam, sampler, top, method)
    if found is not None:
        return found
    check_method(method)
    task = PreferenceArguments(P, distributions={"sampler": sampler})
    parameters = {"alpha": 1.0, "beta": beta, "lam": lam}
    constant_parameters(parameters)
    K = task["P"].shape[-1]
    top = as_integer(top, "top")
    if not -K <= top < K:
        raise ValueError(f"top = {top} must be the number of one of {K} responses")
    leading = task["P"].shape[:-2]
    if method == "ipo":
        leading = np.broadcast_shapes(leading, task["sampler"].shape[:-1])
    (_, betas, lams), leading, shape = constant_grids(parameters, leading)
    if method == "dpo" and (lams != 1).any():
        raise ValueError("collapse rates of DPO are known for lam = 1 only")
    rows = rows_of(task["P"], 2, leading), rows_of(task["sampler"], 1, leading)
    rates = task.operations("dynamics").collapse(method, *rows, range(K)[top], betas, lams)
    return task.give(rates.reshape(*shape, K))
