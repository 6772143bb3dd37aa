"""Closed-form derivatives of the scalar quantities, for automatic differentiation front ends and sensitivity studies.

All follow from the exponential mean E(ρ) = K(ρ)/ρ and the tilted policy T ∝ p e^{ρ r}:

- ∂E/∂ρ = D(T‖p)/ρ², with limit Var_p(r)/2 at ρ = 0;
- ∂E/∂r_i = T_i;
- ∂E/∂log p_i = (T_i − p_i)/ρ, with limit p_i (r_i − E_p r) at ρ = 0.

Derivatives with respect to log p and log q are along unnormalised logarithms (logits), since p and q are
self-normalised: they sum to zero.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast.information import _solve as solve
from alignment_fast.information._arguments import LetterArguments, weight_kind
from alignment_fast.information.moments import refuse_rows, reward_arguments
from alignment_fast.kernels.information.structures import LetterRows


class LogMgfGradient(NamedTuple):
    """Derivatives of K(t): ``t`` (..., [T]), ``reward`` and ``log_p`` (..., [T,] V)."""

    t: Any
    reward: Any
    log_p: Any


class RateFunctionGradient(NamedTuple):
    """Derivatives of I(x): ``x`` (..., [T]), ``reward`` and ``log_p`` (..., [T,] V)."""

    x: Any
    reward: Any
    log_p: Any


class RenyiGradient(NamedTuple):
    """Derivatives of a Rényi quantity: ``order`` (..., [T]), ``log_p`` and ``log_q`` (..., [T,] V); None without q."""

    order: Any
    log_p: Any
    log_q: Any = None


def log_mgf_gradient(
    reward: ArrayLike, t: ArrayLike, *, p: ArrayLike | None = None, log: bool = False, num_threads: int | None = None
) -> LogMgfGradient:
    """Return the derivatives of `log_mgf`: ∂K/∂t = E_T r, ∂K/∂r_i = t T_i, ∂K/∂log p_i = T_i − p_i.

    Parameters
    ----------
    reward, t, p, log, num_threads
        As in `log_mgf`; t finite.

    Returns
    -------
    LogMgfGradient
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `log_mgf`, and for an infinite t.

    Notes
    -----
    Accuracy: 1e-14 · max(1, |t| range(r)) relative for each component. Cost: two exponentials per letter and tilt.
    Reference: Wainwright & Jordan, Graphical Models, Exponential Families, and Variational Inference, section 3.

    Examples
    --------
    >>> import alignment_fast as af
    >>> gradient = af.information.log_mgf_gradient([0.0, 1.0], 2.0, p=[0.5, 0.5])
    >>> gradient.reward.round(6)
    array([0.238406, 1.761594])

    """
    arguments = reward_arguments(reward, p, log)
    ops = arguments.ops
    grid = arguments.grid(t, "t")
    tilts = grid.rows()
    _require_finite(tilts, "t")
    rows = arguments.letters(weight_kind(ops, p, log), ops.REWARD_GIVEN, grid.leading)
    moments, words = ops.tilted_moments(rows, tilts, 1, num_threads)
    arguments.check_letters(words, grid.leading)
    tilted, change = _tilt_and_change(ops, rows, tilts, num_threads)
    shape = (*grid.shape, arguments.width)
    return LogMgfGradient(
        arguments.give(moments[..., 1], grid.shape),
        arguments.give(tilts[..., None] * tilted, shape),
        arguments.give(change, shape),
    )


def rate_function_gradient(
    reward: ArrayLike, x: ArrayLike, *, p: ArrayLike | None = None, log: bool = False, num_threads: int | None = None
) -> RateFunctionGradient:
    """Return the derivatives of `rate_function`, by x, the reward and log p.

    At the maximiser t: ∂I/∂x = t, ∂I/∂r_i = −t T_i, ∂I/∂log p_i = p_i − T_i.

    Parameters
    ----------
    reward, x, p, log, num_threads
        As in `rate_function`; every x strictly between the least and the largest reward.

    Returns
    -------
    RateFunctionGradient
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `rate_function`, and for an x where the rate function is not differentiable.

    Notes
    -----
    The maximiser drops out of the derivative (envelope theorem). Accuracy: that of t, about 1e-14 relative. Cost: that
    of `rate_function`. Reference: Dembo & Zeitouni, section 2.2.

    Examples
    --------
    >>> import alignment_fast as af
    >>> float(af.information.rate_function_gradient([0.0, 1.0], 0.75).x).__round__(6)
    1.098612

    """
    arguments = reward_arguments(reward, p, log)
    ops = arguments.ops
    grid = arguments.grid(x, "x")
    levels = grid.rows()
    rows = arguments.letters(weight_kind(ops, p, log), ops.REWARD_GIVEN, grid.leading)
    value, tilts, good = ops.rates(rows, levels, num_threads)
    if not good:
        refuse_rows(arguments, rows, grid.leading)
    if not (np.isfinite(value) & np.isfinite(tilts)).all():
        raise ValueError(
            "x must lie strictly between the least and the largest reward, where the rate has a derivative"
        )
    tilted, change = _tilt_and_change(ops, rows, tilts, num_threads)
    shape = (*grid.shape, arguments.width)
    return RateFunctionGradient(
        arguments.give(tilts, grid.shape),
        arguments.give(-tilts[..., None] * tilted, shape),
        arguments.give(-change, shape),
    )


def renyi_entropy_gradient(
    p: ArrayLike, order: ArrayLike, *, log: bool = False, num_threads: int | None = None
) -> RenyiGradient:
    """Return the derivatives of `renyi_entropy` (order 1: of `entropy`) with respect to the order and to log p.

    With T ∝ p^t: ∂H/∂t = −D(T‖p)/(t − 1)², ∂H/∂log p_i = t (T_i − p_i)/(1 − t), and −p_i (log p_i + H) at t = 1.

    Parameters
    ----------
    p, order, log, num_threads
        As in `renyi_entropy`; finite orders.

    Returns
    -------
    RenyiGradient
        With ``log_q`` None.

    Raises
    ------
    ValueError
        As `renyi_entropy`, and for an infinite order.

    Notes
    -----
    Accuracy: about 1e-14 relative at every order, also near 1. Cost: two exponentials per letter and order. Reference:
    module docstring.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.information.renyi_entropy_gradient([0.5, 0.25, 0.25], 1.0).log_p.round(6)
    array([-0.173287,  0.086643,  0.086643])

    """
    arguments = LetterArguments("p", None, floating_only=("p",) if log else (), p=p)
    gradient = _Mean(arguments, log, arguments.ops.REWARD_OWN_LOG, order, num_threads)
    return RenyiGradient(gradient.give_scalar(-gradient.order), gradient.give_letters(-gradient.log_p - gradient.moved))


def renyi_divergence_gradient(
    p: ArrayLike, q: ArrayLike, order: ArrayLike, *, log: bool = False, num_threads: int | None = None
) -> RenyiGradient:
    """Return the derivatives of `renyi_divergence` (order 1: of `kl_divergence`) by order, log p and log q.

    With T ∝ p^t q^{1−t}: ∂D/∂t = D(T‖p)/(t − 1)², ∂D/∂log p_i = t (T_i − p_i)/(t − 1), ∂D/∂log q_i = q_i − T_i.

    Parameters
    ----------
    p, q, order, log, num_threads
        As in `renyi_divergence`; finite orders; q positive wherever p is.

    Returns
    -------
    RenyiGradient
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `renyi_divergence`, for an infinite order, and where q = 0 < p.

    Notes
    -----
    Accuracy: about 1e-14 · max|log(p/q)| at every order, also near 1. Cost: three exponentials per letter and order.
    Reference: module docstring.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.information.renyi_divergence_gradient([0.5, 0.5], [0.25, 0.75], 1.0).log_q
    array([-0.25,  0.25])

    """
    arguments = LetterArguments("p", "q", floating_only=("p", "q") if log else (), p=p, q=q)
    gradient = _Mean(arguments, log, arguments.ops.REWARD_LOG_RATIO, order, num_threads)
    return RenyiGradient(
        gradient.give_scalar(gradient.order),
        gradient.give_letters(gradient.log_p + gradient.moved),
        gradient.give_letters(gradient.q - gradient.tilted),
    )


def renyi_cross_entropy_gradient(
    p: ArrayLike,
    q: ArrayLike,
    order: ArrayLike,
    *,
    variant: str = "standard",
    log: bool = False,
    num_threads: int | None = None,
) -> RenyiGradient:
    """Return the derivatives of `renyi_cross_entropy` (order 1: of `cross_entropy`) by order, log p and log q.

    Standard, with T ∝ p q^{t−1}: ∂H/∂t = −D(T‖p)/(t − 1)², ∂H/∂log p_i = (T_i − p_i)/(1 − t), ∂H/∂log q_i = q_i − T_i.
    Natural: the sum of the derivatives of D_t(p‖q) and H_t(p).

    Parameters
    ----------
    p, q, order, variant, log, num_threads
        As in `renyi_cross_entropy`; finite orders; q positive wherever p is.

    Returns
    -------
    RenyiGradient
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `renyi_cross_entropy`, for an infinite order, and where q = 0 < p.

    Notes
    -----
    Accuracy: about 1e-14 · max|log q| at every order, also near 1. Cost: three exponentials per letter and order.
    Reference: module docstring.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.information.renyi_cross_entropy_gradient([0.5, 0.5], [0.25, 0.75], 1.0).log_q
    array([-0.25,  0.25])

    """
    if variant not in ("standard", "natural"):
        raise ValueError(f"variant must be 'standard' or 'natural', not {variant!r}")
    if variant == "natural":
        divergence = renyi_divergence_gradient(p, q, order, log=log, num_threads=num_threads)
        # The entropy broadcasts over the leading axes of q, which it does not know.
        own = renyi_entropy_gradient(p, order, log=log, num_threads=num_threads)
        extra = divergence.log_p.ndim - own.log_p.ndim
        fill = (1,) * extra
        return RenyiGradient(
            divergence.order + own.order.reshape(fill + own.order.shape),
            divergence.log_p + own.log_p.reshape(fill + own.log_p.shape),
            divergence.log_q,
        )
    arguments = LetterArguments("p", "q", floating_only=("p", "q") if log else (), p=p, q=q)
    ops = arguments.ops
    kind = ops.REWARD_LOGITS if log else ops.REWARD_LOG_OF
    gradient = _Mean(arguments, log, kind, order, num_threads)
    return RenyiGradient(
        gradient.give_scalar(-gradient.order),
        gradient.give_letters(-gradient.log_p),
        gradient.give_letters(gradient.q - gradient.tilted),
    )


class _Mean:
    """Derivatives of E(order − 1) of one call's rows: by order and by log p at fixed rewards; the laws T and q."""

    def __init__(self, arguments, log, reward_kind, order, num_threads):
        self._arguments, ops = arguments, arguments.ops
        self._grid = arguments.grid(order, "order")
        orders = self._grid.rows()
        _require_finite(orders, "order")
        kind = ops.WEIGHT_LOG if log else ops.WEIGHT_PROBABILITY
        rows = arguments.letters(kind, reward_kind, self._grid.leading)
        _, words = ops.exponential_mean(rows, orders, num_threads)
        arguments.check_letters(words, self._grid.leading)
        rows, q = _explicit(ops, rows, log)
        tilts = orders - 1.0
        self.q = q[:, None, :]
        self.tilted, change = _tilt_and_change(ops, rows, tilts, num_threads)
        self.moved = change
        divergence = solve.tilted_divergence(ops, rows, tilts, num_threads)
        variance = ops.tilted_moments(rows, np.zeros((1, 1)), 2, num_threads)[0][..., 2]
        flat = _is_flat(tilts)
        safe = np.where(flat, 1.0, tilts)
        self.order = np.where(flat, 0.5 * variance, divergence / safe**2)
        p = ops.probabilities(rows)
        deviation = solve.centred(ops, rows, num_threads)[0].rewards
        self.log_p = np.where(flat[..., None], (p * deviation)[:, None, :], change / safe[..., None])

    def give_scalar(self, value):
        return self._arguments.give(np.broadcast_to(value, self._rows_and_orders()), self._grid.shape)

    def give_letters(self, value):
        width = self._arguments.width
        value = np.broadcast_to(value, (*self._rows_and_orders(), width))
        return self._arguments.give(value, (*self._grid.shape, width))

    def _rows_and_orders(self):
        return int(np.prod(self._grid.leading, dtype=np.int64)), self._grid.values.shape[-1]


def _is_flat(tilts):
    # Below this the quadratic term of D underflows; the limit at 0 is exact to |ρ| · range.
    return np.abs(tilts) < 1e-150


def _explicit(ops, rows, log):
    """Return `rows` with their rewards written out, and q as probabilities (None: q is p)."""
    own = rows.reward_kind == ops.REWARD_OWN_LOG
    q = ops.probabilities(LetterRows(rows.rewards, rows.weight_kind, rows.rewards, ops.REWARD_GIVEN, rows.count))
    log_q = _logarithm(rows.rewards, log)
    p = ops.probabilities(rows)
    with np.errstate(invalid="ignore"):
        rewards = _logarithm(rows.weights, log) - log_q if rows.reward_kind == ops.REWARD_LOG_RATIO else log_q
    rewards = np.where(p > 0, rewards, 0.0)
    if not own and np.isinf(rewards).any():
        row, letter = np.argwhere(np.isinf(rewards))[0]
        raise ValueError(f"q has no mass on letter {letter} of row {row}, where p has: no derivative there")
    explicit = LetterRows(
        rows.weights.astype(np.float64), rows.weight_kind, np.ascontiguousarray(rewards), ops.REWARD_GIVEN, rows.count
    )
    return explicit, q


def _logarithm(array, log):
    """Return the normalised logarithm of the rows of `array` in float64."""
    array = array.astype(np.float64)
    if log:
        array = array - array.max(axis=1, keepdims=True)
        return array - np.log(np.exp(array).sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):
        return np.log(array) - np.log(array.sum(axis=1, keepdims=True))


def _tilt_and_change(ops, rows, tilts, num_threads):
    """Return T and T − p, both (rows, T, V); the difference without cancellation where the tilt is weak."""
    centred, _ = solve.centred(ops, rows, num_threads)
    log_total = tilts * ops.exponential_mean(centred, tilts, num_threads)[0]
    p = ops.probabilities(rows)[:, None, :]
    log_ratio = tilts[..., None] * centred.rewards[:, None, :] - log_total[..., None]
    change = p * np.expm1(np.where(p > 0, log_ratio, 0.0))
    return p + change, change


def _require_finite(values, name):
    if np.isinf(values).any():
        raise ValueError(f"{name} must be finite: the derivatives at ±inf are one-sided")
