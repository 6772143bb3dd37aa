"""Whether a policy that the dynamics map to itself attracts its neighbours, and conditions for it to attract all."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.call import rows_of
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations
from alignment_fast.dynamics import _stability as stability
from alignment_fast.dynamics._arguments import arguments, check_method, constant_parameters
from alignment_fast.policy import _optimum as optimum
from alignment_fast.policy._arguments import PreferenceArguments

DPO_TOLERANCE, DPO_ITERATIONS = 1e-12, 100


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
    problem, give = given.problem, given.task.give
    M = optimum.skew(given.task["P"])
    leading, K = M.shape[:-2], M.shape[-1]
    of_rows = given.task.operations("dynamics").constants(M.reshape(math.prod(leading), K, K))
    norm2, projected, span, largest = constants = [column.reshape(leading) for column in of_rows.T]
    rows = (np.broadcast_to(c, given.leading).reshape(-1, 1) for c in constants)
    by_row = dict(zip(("norm2", "projected", "span", "largest"), rows, strict=True))
    feedback, alphas = problem.beta * problem.lam, problem.alpha
    conditions = (
        alphas + feedback * by_row["norm2"] / 2 < 1,
        alphas + feedback * by_row["projected"] / 2 < 1,
        alphas + feedback * by_row["span"] / 4 < 1,
        (alphas < 1) & ((feedback * by_row["largest"]) ** 2 <= alphas * (1 - alphas)),
    )
    return StabilityBounds(
        give(norm2),
        give(projected),
        give(span),
        give(largest),
        *(give(condition.reshape(given.shape), dtype=np.bool_) for condition in conditions),
    )


def feedback_frequency(skew, pi, method):
    """Return ω of one matrix and a policy with M π = const: the largest |eigenvalue| of the gain at it."""
    frequency = float(operations("dynamics").frequencies(skew[None], pi[None])[0])
    return frequency if method == "ipo" else stability.DPO_GAIN * frequency


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
    alphas, betas, lams = constant_parameters({"alpha": alpha, "beta": beta, "lam": lam})
    M, offline, pi = optimum.skew(task["P"]), task["sampler"], _policies(log_pi, task["P"].shape[-1])
    if alphas.ndim:  # an axis for the points, before the responses
        paired = pi.ndim > M.ndim - 1 and pi.shape[-2] == alphas.shape[-1]
        M, offline, pi = M[..., None, :, :], offline[..., None, :], pi if paired else pi[..., None, :]
    if method == "ipo":
        return task.give(_ipo_radius(task.operations("dynamics"), M, pi, alphas, betas * lams))
    mu = lams[..., None] * pi + (1 - lams[..., None]) * offline
    return task.give(stability.leading(_dpo_gain(M + 0.5, mu, pi), alphas, betas * lams)[0])


def _ipo_radius(ops, M, pi, alpha, feedback):
    """Return √(α² + (βλω)²), all arguments broadcast."""
    leading = np.broadcast_shapes(M.shape[:-2], pi.shape[:-1])
    frequency = ops.frequencies(rows_of(M, 2, leading), rows_of(pi, 1, leading)).reshape(leading)
    return np.hypot(alpha, feedback * frequency)


def _dpo_gain(P, mu, pi):
    """Return A⁺ R Σ(π), the change of DPO's rewards at μ with log π, (..., K, K)."""
    leading = np.broadcast_shapes(P.shape[:-2], mu.shape[:-1], pi.shape[:-1])
    ops, rows = operations("policy"), (rows_of(P, 2, leading), rows_of(mu, 1, leading))
    rewards, _ = ops.rewards(*rows, DPO_TOLERANCE, DPO_ITERATIONS)
    gain = ops.sensitivities(*rows, rewards, rows_of(stability.covariance(pi), 2, leading))
    return gain.reshape(*leading, *P.shape[-2:])


def _policies(log_pi, K):
    """Return exp(log_pi), normalised."""
    array = as_floating(log_pi, "log_pi", floating_only=True)
    if array.ndim == 0 or array.shape[-1] != K:
        raise ValueError(f"log_pi must have shape (..., {K}), one entry per response of P, not {array.shape}")
    refuse(np.isnan(array) | (array == np.inf), array, "log_pi", "is no log-probability")
    rows = array.reshape(math.prod(array.shape[:-1]), K)
    return operations("dynamics").softmax(rows).reshape(array.shape)
