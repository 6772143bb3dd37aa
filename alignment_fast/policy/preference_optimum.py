"""The policies that IPO and DPO learn from preferences P under a sampling distribution μ, and how they depend on it.

Here ``beta`` is the strength of the preference signal, the inverse of the KL coefficient: the ``beta`` of `af.pairwise`
is 1/beta here.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import Grid
from alignment_fast._border.kinds import exponential
from alignment_fast._border.outputs import refuse_large
from alignment_fast._border.status import place
from alignment_fast._operations import operations
from alignment_fast.errors import ConvergenceError
from alignment_fast.policy import _optimum as optimum
from alignment_fast.policy._arguments import PreferenceArguments, nonnegative_grid


class PreferenceOptimum(NamedTuple):
    """The policy π ∝ ref · exp(beta · scores) that minimises a population preference loss.

    Parameters
    ----------
    log_pi : array (..., [T,] K)
        Normalised log-probabilities.
    scores : array (..., K)
        Per response, the same for every beta: P μ (`ipo`), its analogue for pair designs with mean zero (`ipo_pairs`),
        implicit rewards log(π/ref)/beta with mean zero (`dpo`).
    loss : array (..., [T])
        Population pair loss at the optimum.
    entropy : array (..., [T])
        Entropy of π, nats.
    kl : array (..., [T])
        D(π‖ref), nats.

    """

    log_pi: Any
    scores: Any
    loss: Any
    entropy: Any
    kl: Any

    @property
    def pi(self) -> Any:
        """Probabilities π = exp(log_pi)."""
        return exponential(self.log_pi)


class LossGradient(NamedTuple):
    """A loss (..., [T]) and its gradient (..., [T,] K)."""

    value: Any
    gradient: Any


def ipo(P: ArrayLike, mu: ArrayLike | None, ref: ArrayLike | None, beta: ArrayLike) -> PreferenceOptimum:
    """Return the optimum of IPO for pairs of independent draws from μ: π ∝ ref · exp(beta · P μ).

    It minimises the pair loss of `ipo_loss` over h = log(π/ref), and maximises πᵀ P μ − D(π‖ref)/beta. The second
    determines responses with μ = 0 too, on which the pair loss is silent.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    mu : array_like (..., K) or None
        Sampling distribution, self-normalised; None is uniform.
    ref : array_like (..., K) or None
        Reference policy, self-normalised; None is uniform.
    beta : array_like, scalar, (T,) or (..., T)
        Strength of the preference signal, ≥ 0: the inverse of the KL coefficient (and of the beta of `af.pairwise`).

    Returns
    -------
    PreferenceOptimum
        float32 for float32 input, else float64; `scores` is P μ.

    Raises
    ------
    ValueError
        For a P that is not square or not complementary or leaves [0, 1], negative or all-zero rows of `mu` or `ref`,
        shapes that do not fit, a beta that is negative or not finite.

    Notes
    -----
    The loss at the optimum is beta² (1/4 − 2 Var_μ(P μ)). Accuracy: 1e-15 of the scores, 1e-15 · (1 + beta + |log π|)
    of log-probabilities; the divergence keeps its digits as beta → 0. Cost: 2 K² flops per row. From 64 responses and
    16 distributions of one P on, the scores are a product of BLAS. Arrays on a CUDA device are checked on the host, and
    each problem is a thread's there: for many of few responses. Reference: arXiv:2310.12036; arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> optimum = af.policy.ipo([[0.5, 0.8], [0.2, 0.5]], [0.9, 0.1], [0.3, 0.7], 2.0)
    >>> optimum.scores, optimum.pi.round(6), round(float(optimum.loss), 6)
    (array([0.53, 0.23]), array([0.438489, 0.561511]), 0.9352)

    """
    found = operations("policy").short_ipo(P, mu, ref, beta)
    if found is not None:
        return tuple.__new__(PreferenceOptimum, found)
    task = PreferenceArguments(P, distributions={"mu": mu, "ref": ref}, on_devices=True)
    grid = nonnegative_grid(beta, task.leading, "beta")
    ops = task.operations("policy")
    leading, matrices, mu_rows = _sampled(task)
    advantage = ops.advantages(matrices, mu_rows)
    least = ops.least_ipo_losses(mu_rows, advantage)
    return _optimum(task, grid, leading, advantage, least, raised=0.5, factors=_squared(grid))


def _squared(grid: Grid) -> np.ndarray:
    """Return beta², infinite for the largest."""
    with np.errstate(over="ignore"):
        return grid.values**2


def _sampled(task: PreferenceArguments) -> tuple[tuple[int, ...], Any, Any]:
    """Return the leading axes that P and mu have together, and both as rows, where the arguments are."""
    leading = np.broadcast_shapes(task["P"].shape[:-2], task["mu"].shape[:-1])
    if task.place is not None and math.prod(leading) != 1:
        leading = task.leading  # rows are not repeated there
    return leading, task.placed("P", leading), task.placed("mu", leading)


def ipo_pairs(P: ArrayLike, rho: ArrayLike, ref: ArrayLike | None, beta: ArrayLike) -> PreferenceOptimum:
    """Return the optimum of IPO for ordered pairs drawn from any joint distribution ρ: π ∝ ref · exp(beta · z).

    z solves Lap(S) z = (S∘M) 1 with S = (ρ + ρᵀ)/2 and M = P − 1/2. Where ρ does not connect all responses, z is the
    minimum-norm solution, with mean zero over each component: components keep about their shares under `ref`.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    rho : array_like (..., K, K)
        Distribution of the ordered pair, self-normalised; pairs (i, i) say nothing about the policy.
    ref : array_like (..., K) or None
        Reference policy, self-normalised; None is uniform.
    beta : array_like, scalar, (T,) or (..., T)
        As in `ipo`, the inverse of the beta of `af.pairwise`.

    Returns
    -------
    PreferenceOptimum
        float32 for float32 input, else float64; `scores` is z.

    Raises
    ------
    ValueError
        As `ipo`.

    Notes
    -----
    For ρ = μ μᵀ with μ > 0 this is `ipo`. Accuracy: 1e-14 · (1 + largest |z|) of z, however rare some pairs of a
    connected design are. Cost: 2 K³/3 flops; arrays on a CUDA device are refused. Reference: arXiv:2310.12036;
    arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> P, mu = np.array([[0.5, 0.7, 0.35], [0.3, 0.5, 0.8], [0.65, 0.2, 0.5]]), np.array([0.5, 0.3, 0.2])
    >>> pairs, product = af.policy.ipo_pairs(P, np.outer(mu, mu), None, 3.0), af.policy.ipo(P, mu, None, 3.0)
    >>> bool(np.allclose(pairs.log_pi, product.log_pi))
    True

    """
    found = operations("policy").short_ipo_pairs(P, rho, ref, beta)
    if found is not None:
        return tuple.__new__(PreferenceOptimum, found)
    task = PreferenceArguments(P, distributions={"ref": ref}, designs={"rho": rho})
    grid = nonnegative_grid(beta, task.leading, "beta")
    leading = np.broadcast_shapes(task["P"].shape[:-2], task["rho"].shape[:-2])
    ops = task.operations("policy")
    potential, least = ops.pair_potentials(task.rows("P", leading), task.rows("rho", leading))
    return _optimum(task, grid, leading, potential, least, factors=_squared(grid))


def dpo(
    P: ArrayLike,
    mu: ArrayLike | None,
    ref: ArrayLike | None,
    beta: ArrayLike,
    *,
    tol: float = 1e-12,
    max_iter: int = 100,
) -> PreferenceOptimum:
    """Return the optimum of DPO for pairs of independent draws from μ: π ∝ ref · exp(beta · r).

    The reward r solves Σ_j μ_j (P_ij − σ(r_i − r_j)) = 0 for every response i: a Bradley-Terry fit with weights
    μ_i μ_j. It does not depend on μ if and only if P is Bradley-Terry. Responses with μ_i = 0 have their limit as
    μ_i → 0.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    mu : array_like (..., K) or None
        Sampling distribution, self-normalised; None is uniform.
    ref : array_like (..., K) or None
        Reference policy, self-normalised; None is uniform.
    beta : array_like, scalar, (T,) or (..., T)
        Strength of the preference signal, ≥ 0: DPO's usual temperature, the beta of `af.pairwise`, is 1/beta.
    tol : float
        Certificate: the last Newton step moved no difference of rewards by more than `tol` logits, or more than `tol`
        of their range where that is above one logit.
    max_iter : int
        Most Newton steps.

    Returns
    -------
    PreferenceOptimum
        float32 for float32 input, else float64; `scores` is r with mean zero, `loss` that of `dpo_loss`.

    Raises
    ------
    ValueError
        As `ipo`, and where no finite optimum exists: the sampled responses fall into several strong components of the
        win graph (the message lists them), or a response that is not sampled wins or loses every comparison.
    ConvergenceError
        If `max_iter` steps do not reach `tol`; it carries the best rewards as ``result``.

    Notes
    -----
    Newton with steps shortened by self-concordance, so without line search, from log-odds; 1 step for Bradley-Terry P,
    else 4 to 8. Accuracy: 1e-11 · (1 + range of r) of rewards, for chances down to e⁻⁵⁰ and weights down to e⁻³⁰⁰:
    systems are solved without subtractions. Cost: K²/2 exponentials and 2 K³/3 flops per step. Arrays on a CUDA device:
    as in `ipo`. Reference: arXiv:2305.18290 (DPO); arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> optimum = af.policy.dpo([[0.5, 0.75, 0.25], [0.25, 0.5, 0.75], [0.75, 0.25, 0.5]], [0.5, 0.3, 0.2], None, 2.0)
    >>> optimum.scores.round(6), optimum.pi.round(6)
    (array([ 0.101638, -0.304882,  0.203244]), array([0.374695, 0.16618 , 0.459126]))

    """
    found = operations("policy").short_dpo(P, mu, ref, beta, tol, max_iter)
    if found is not None:
        return tuple.__new__(PreferenceOptimum, found)
    task = PreferenceArguments(P, distributions={"mu": mu, "ref": ref}, on_devices=True)
    grid = nonnegative_grid(beta, task.leading, "beta")
    leading, matrices, mu_rows = _sampled(task)
    rewards = _dpo_reward_rows(task, leading, matrices, mu_rows, tol, max_iter)
    loss, _ = task.operations("policy").dpo_losses(rewards, matrices, mu_rows)
    return _optimum(task, grid, leading, rewards, loss)


def _optimum(
    task: PreferenceArguments, grid: Grid, leading: tuple[int, ...], exponent, loss, *, raised=-0.0, factors=None
) -> PreferenceOptimum:
    """Return the optimum π ∝ ref · exp(beta · exponent); exponent and loss by the rows of `leading`.

    Scores are `exponent` and what it is `raised` by (−0.0 changes no bit), the loss is multiplied by `factors`
    of the shape of the grid's values where they are given.
    """
    ops, K, points = task.operations("policy"), exponent.shape[-1], grid.values.shape[-1]
    refuse_large((*grid.shape, K), "the policy")
    count = math.prod(grid.leading)
    betas = np.ascontiguousarray(np.broadcast_to(grid.rows(), (count, points)))
    tilted = ops.tilted(task.placed("ref", grid.leading), _spread(exponent, leading, grid.leading), betas)
    scores = ops.raised(_spread(exponent, leading, task.leading), raised, math.prod(task.leading))
    factors = None if factors is None else factors.reshape(-1, points)
    losses = ops.scaled_losses(_spread(loss, leading, grid.leading), factors, count, points)
    return PreferenceOptimum(
        task.give(tilted.log_pi, (*grid.shape, K)),
        task.give(scores, (*task.leading, K)),
        task.give(losses, grid.shape),
        task.give(tilted.entropy, grid.shape),
        task.give(tilted.kl, grid.shape),
    )


def _spread(rows, leading: tuple[int, ...], to: tuple[int, ...]):
    """Return rows over `leading` axes as rows over the axes `to`, or the one row that serves all."""
    if len(rows) == 1 or leading == to:
        return rows
    if hasattr(rows, "given"):
        raise ValueError(
            f"beta has the leading axes {to}, arrays on a CUDA device have {leading}: they must be the same"
        )
    core = rows.shape[1:]
    spread = np.broadcast_to(rows.reshape(*leading, *core), (*to, *core))
    return np.ascontiguousarray(spread.reshape(math.prod(to), *core))


def _dpo_rewards(task: PreferenceArguments, tol: float, max_iter: int):
    """Return the implicit rewards of DPO as rows over the leading axes of the arguments, or the one row for all."""
    leading, P, mu = _sampled(task)
    return _spread(_dpo_reward_rows(task, leading, P, mu, tol, max_iter), leading, task.leading)


def _dpo_reward_rows(task: PreferenceArguments, leading: tuple[int, ...], P, mu, tol: float, max_iter: int):
    """Return the implicit rewards of DPO for rows P and mu over `leading` axes."""
    if not tol > 0:
        raise ValueError(f"tol must be positive, got {tol}")
    _require_finite_optimum(task["P"], task["mu"])
    rewards, width = task.operations("policy").rewards(P, mu, tol, max_iter)
    if not (width <= tol).all():
        worst = int(np.argmax(np.where(np.isnan(width), np.inf, width)))
        raise ConvergenceError(
            f"DPO{_of_matrix(place(worst, leading))}: the last of {max_iter} Newton steps moved rewards by "
            f"{width[worst]:.3g}, more than tol = {tol:.3g}",
            task.give(rewards, (*leading, rewards.shape[-1])),
        )
    return rewards


def _of_matrix(where: str) -> str:
    return f" of row {where}" if where else ""


def _require_finite_optimum(P, mu):
    """Raise ValueError for the first P and mu without a finite DPO optimum; P in (0, 1) and mu > 0 always have one."""
    K = P.shape[-1]
    certain = ((P == 0) & ~np.eye(K, dtype=bool)).any(axis=(-2, -1))
    suspect = np.broadcast_to(certain, np.broadcast_shapes(certain.shape, mu.shape[:-1]))
    for index in np.argwhere(suspect):
        position = tuple(int(i) for i in index)
        obstacle = optimum.dpo_obstacle(
            np.broadcast_to(P, (*suspect.shape, K, K))[position], np.broadcast_to(mu, (*suspect.shape, K))[position]
        )
        if obstacle is not None:
            where = f"[{', '.join(map(str, position))}]" if position else ""
            raise ValueError(f"DPO{_of_matrix(where)} has no finite optimum: {_explain(*obstacle)}")


def _explain(reason: str, responses: Any) -> str:
    if reason == "components":
        listed = ", ".join(str(group.tolist()) for group in responses)
        return (
            f"the win graph of the sampled responses falls into {len(responses)} strong components, {listed}; some win "
            "all comparisons with others"
        )
    return f"responses {responses.tolist()}, not sampled, have only {reason} against those that are"


def ipo_loss(h: ArrayLike, P: ArrayLike, mu: ArrayLike | None, beta: ArrayLike) -> LossGradient:
    """Return the population pair loss of IPO, E (h_w − h_l − beta/2)², and its gradient in h.

    The pair is two independent draws from μ, w the winner: Σ μ_i μ_j [(h_ij − beta M_ij)² + beta² (1/4 − M_ij²)] with
    h_ij = h_i − h_j, M = P − 1/2, and gradient 4 μ_i Σ_j μ_j (h_ij − beta M_ij).

    Parameters
    ----------
    h : array_like (..., K)
        log(π/ref), up to a constant.
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    mu : array_like (..., K) or None
        Sampling distribution, self-normalised; None is uniform.
    beta : array_like, scalar, (T,) or (..., T)
        As in `ipo`: the "ipo" loss of `af.pairwise` at 1/beta is the loss of one pair here.

    Returns
    -------
    LossGradient
        `value` (..., [T]) and `gradient` (..., [T,] K); float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `ipo`, and for an h that is not finite.

    Notes
    -----
    Computed as beta² (1/4 − 2 Var_μ(M μ)) + 2 Var_μ(h − beta M μ). Accuracy: 1e-15 K relative to the larger term. Cost:
    2 K² flops. Reference: arXiv:2310.12036.

    Examples
    --------
    >>> import alignment_fast as af
    >>> loss = af.policy.ipo_loss([0.0, 0.0], [[0.5, 0.8], [0.2, 0.5]], [0.5, 0.5], 2.0)
    >>> float(loss.value), loss.gradient.round(12)
    (1.0, array([-0.6,  0.6]))

    """
    found = operations("policy").short_ipo_loss(h, P, mu, beta)
    if found is not None:
        return tuple.__new__(LossGradient, found)
    task = PreferenceArguments(P, distributions={"mu": mu}, vectors={"h": h}, on_devices=True)
    grid = nonnegative_grid(beta, task.leading, "beta")
    ops = task.operations("policy")
    leading, matrices, mu_rows = _sampled(task)
    advantage = _spread(ops.advantages(matrices, mu_rows), leading, grid.leading)
    betas = np.broadcast_to(grid.rows(), (math.prod(grid.leading), grid.values.shape[-1]))
    rows = (task.placed("h", grid.leading), task.placed("mu", grid.leading), advantage, np.ascontiguousarray(betas))
    value, gradient = ops.ipo_losses(*rows)
    return LossGradient(task.give(value, grid.shape), task.give(gradient, (*grid.shape, matrices.shape[-1])))


def dpo_loss(r: ArrayLike, P: ArrayLike, mu: ArrayLike | None) -> LossGradient:
    """Return the population pair loss of DPO, −E log σ(r_w − r_l), and its gradient in r.

    The pair is two independent draws from μ: Σ μ_i μ_j (−P_ij log σ(r_ij) − P_ji log σ(r_ji)), pairs (i, i) included,
    with gradient −2 μ_i Σ_j μ_j (P_ij − σ(r_ij)).

    Parameters
    ----------
    r : array_like (..., K)
        Implicit rewards log(π/ref)/beta, up to a constant.
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    mu : array_like (..., K) or None
        Sampling distribution, self-normalised; None is uniform.

    Returns
    -------
    LossGradient
        `value` (...) and `gradient` (..., K); float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `ipo`, and for an r that is not finite.

    Notes
    -----
    Accuracy: 1e-15 K relative. Cost: two exponentials and one logarithm per pair. Reference: arXiv:2305.18290.

    Examples
    --------
    >>> import alignment_fast as af
    >>> loss = af.policy.dpo_loss([0.0, 0.0], [[0.5, 0.8], [0.2, 0.5]], [0.5, 0.5])
    >>> float(loss.value).__round__(6), loss.gradient.round(12)
    (0.693147, array([-0.15,  0.15]))

    """
    found = operations("policy").short_dpo_loss(r, P, mu)
    if found is not None:
        return tuple.__new__(LossGradient, found)
    task = PreferenceArguments(P, distributions={"mu": mu}, vectors={"r": r}, on_devices=True)
    value, gradient = task.operations("policy").dpo_losses(
        *(task.placed(name, task.leading) for name in ("r", "P", "mu"))
    )
    return LossGradient(task.give(value, task.leading), task.give(gradient, (*task.leading, gradient.shape[-1])))


def dpo_sensitivity(
    P: ArrayLike, mu: ArrayLike | None, direction: ArrayLike, *, tol: float = 1e-12, max_iter: int = 100
) -> Any:
    """Return the derivative dr of the DPO rewards as the sampling distribution moves along `direction`.

    A dr = R dμ with R_ij = P_ij − σ(r_i − r_j), A_ij = δ_ij Σ_k μ_k σ'_ik − μ_j σ'_ij. R = 0 if P is Bradley-Terry.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    mu : array_like (..., K) or None
        Sampling distribution, self-normalised; None is uniform.
    direction : array_like (..., K)
        dμ, in units of probability. A multiple of μ changes nothing, so it need not have sum zero.
    tol, max_iter
        As in `dpo`.

    Returns
    -------
    array (..., K)
        Mean zero; float32 for float32 input, else float64.

    Raises
    ------
    ValueError, ConvergenceError
        As `dpo`, and for a direction that is not finite.

    Notes
    -----
    Cost: that of `dpo`, and one more linear solve. Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.75, 0.25], [0.25, 0.5, 0.75], [0.75, 0.25, 0.5]]
    >>> af.policy.dpo_sensitivity(P, None, [0.02, -0.01, -0.01]).round(6)
    array([ 0.  , -0.03,  0.03])

    """
    found = operations("policy").short_dpo_sensitivity(P, mu, direction, tol, max_iter)
    if found is not None:
        return found
    task = PreferenceArguments(P, distributions={"mu": mu}, vectors={"direction": direction}, on_devices=True)
    rewards = _dpo_rewards(task, tol, max_iter)
    matrices, mu_rows, along = (task.placed(name, task.leading) for name in ("P", "mu", "direction"))
    K = along.shape[-1]
    change = task.operations("policy").sensitivities(matrices, mu_rows, rewards, along.reshape(len(along), K, 1))
    return task.give(change, (*task.leading, K))


def ipo_covariance(P: ArrayLike, mu: ArrayLike | None, beta: ArrayLike) -> Any:
    """Return m times the covariance of IPO's estimate of h = log(π/ref) from m independent pairs, as m → ∞.

    In the gauge μᵀh = 0, C_ij = −v_ij/2 and C_ii = Σ_{k≠i} μ_k v_ik / (2 μ_i), v_ij = (h_ij − beta M_ij)² + beta² P_ij
    P_ji: what is rarely sampled has a large variance.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    mu : array_like (..., K) or None
        Sampling distribution, positive, self-normalised; None is uniform.
    beta : array_like, scalar, (T,) or (..., T)
        As in `ipo`, the inverse of the beta of `af.pairwise`. The covariance is that of beta = 1 times beta².

    Returns
    -------
    array (..., [T,] K, K)
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `ipo`, and for a response that is never sampled.

    Notes
    -----
    Accuracy: 1e-15 K relative to the largest term of each entry. Cost: 10 K² flops. Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.policy.ipo_covariance([[0.5, 0.5], [0.5, 0.5]], None, 2.0)
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])

    """
    found = operations("policy").short_ipo_covariance(P, mu, beta)
    if found is not None:
        return found
    task = PreferenceArguments(P, distributions={"mu": mu}, on_devices=True)
    _require_sampled(task["mu"])
    grid = nonnegative_grid(beta, task.leading, "beta")
    ops, K = task.operations("policy"), task["P"].shape[-1]
    unit = ops.ipo_covariances(task.placed("P", task.leading), task.placed("mu", task.leading))
    unit = _spread(unit.reshape(len(unit), K * K), task.leading, grid.leading)
    squares = np.ascontiguousarray(_squared(grid).reshape(grid.rows().shape))
    scaled = ops.scaled_rows(unit, squares, math.prod(grid.leading))
    return task.give(scaled, (*grid.shape, K, K))


def dpo_covariance(P: ArrayLike, mu: ArrayLike | None, *, tol: float = 1e-12, max_iter: int = 100) -> Any:
    """Return m times the covariance of DPO's estimate of the rewards r from m independent pairs, as m → ∞.

    The sandwich H⁺ V H⁺ in the gauge μᵀr = 0: H is the Hessian of the loss, V the covariance of its gradient.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    mu : array_like (..., K) or None
        Sampling distribution, positive, self-normalised; None is uniform.
    tol, max_iter
        As in `dpo`.

    Returns
    -------
    array (..., K, K)
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError, ConvergenceError
        As `dpo`, and for a response that is never sampled.

    Notes
    -----
    Cost: that of `dpo`, and two linear solves with K right-hand sides. Reference: White, Econometrica 50 (1982) 1;
    arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.policy.dpo_covariance([[0.5, 0.5], [0.5, 0.5]], None)
    array([[ 2., -2.],
           [-2.,  2.]])

    """
    found = operations("policy").short_dpo_covariance(P, mu, tol, max_iter)
    if found is not None:
        return found
    task = PreferenceArguments(P, distributions={"mu": mu}, on_devices=True)
    _require_sampled(task["mu"])
    rewards = _dpo_rewards(task, tol, max_iter)
    rows = (*(task.placed(name, task.leading) for name in ("P", "mu")), rewards)
    covariance = task.operations("policy").dpo_covariances(*rows)
    return task.give(covariance, (*task.leading, *covariance.shape[1:]))


def _require_sampled(mu):
    if (mu == 0).any():
        where = place(int(np.flatnonzero(mu == 0)[0]), mu.shape)
        raise ValueError(f"mu{where} = 0: the estimate of a response that is never sampled has no finite variance")
