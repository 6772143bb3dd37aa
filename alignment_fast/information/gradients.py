"""Closed-form derivatives of the scalar quantities, for automatic differentiation front ends and sensitivity studies.

All follow from the exponential mean E(ρ) = K(ρ)/ρ and the tilted policy T ∝ p e^{ρ r}:

- ∂E/∂ρ = D(T‖p)/ρ², with limit Var_p(r)/2 at ρ = 0;
- ∂E/∂r_i = T_i;
- ∂E/∂log p_i = (T_i − p_i)/ρ, with limit p_i (r_i − E_p r) at ρ = 0.

Derivatives with respect to log p and log q are along unnormalised logarithms (logits), since p and q are
self-normalised: they sum to zero.
"""

import operator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.call import operations_of
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.information._arguments import VARIANTS, LetterArguments, weight_kind
from alignment_fast.information.moments import refuse_rows, reward_arguments


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
        As `log_mgf`, and for an infinite t or an infinite reward on the support.

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
    if num_threads is None:
        fields = operations("information").short_log_mgf_gradient(reward, t, p, log)
        if fields is not None:
            return tuple.__new__(LogMgfGradient, fields)
    log = as_flag(log, "log")
    arguments = reward_arguments(reward, p, log, on_devices=True)
    ops = arguments.ops
    grid = arguments.grid(t, "t")
    tilts = grid.rows()
    _require_finite(tilts, "t")
    rows = arguments.letters(weight_kind(ops, p, log), ops.REWARD_GIVEN, grid.leading)
    (mean,), by_letters, good = ops.gradients(rows, tilts, ops.OF_LOG_MGF, num_threads)
    if not good:
        refuse_rows(arguments, rows, grid.leading)
    give_letters = letters_giver(arguments, grid)
    return LogMgfGradient(arguments.give(mean, grid.shape), *map(give_letters, by_letters))


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
    The maximiser drops out of the derivative (envelope theorem). Accuracy: that of t, 1e-14 relative apart from the
    conditioning of x − μ. Cost: that of `rate_function`. Reference: Dembo & Zeitouni, section 2.2.

    Examples
    --------
    >>> import alignment_fast as af
    >>> float(af.information.rate_function_gradient([0.0, 1.0], 0.75).x).__round__(6)
    1.098612

    """
    if num_threads is None:
        fields = operations("information").short_rate_function_gradient(reward, x, p, log)
        if fields is not None:
            return tuple.__new__(RateFunctionGradient, fields)
    log = as_flag(log, "log")
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
    _, by_letters, _ = ops.gradients(rows, tilts, ops.OF_LOG_MGF, num_threads)
    give_letters = letters_giver(arguments, grid)
    return RateFunctionGradient(arguments.give(tilts, grid.shape), *(give_letters(-vector) for vector in by_letters))


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
    Accuracy: 1e-14 · max|log p| · max(1, |t|) at every order. Cost: two exponentials per letter and order. Reference:
    module docstring.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.information.renyi_entropy_gradient([0.5, 0.25, 0.25], 1.0).log_p.round(6)
    array([-0.173287,  0.086643,  0.086643])

    """
    if num_threads is None:
        fields = operations("information").short_renyi_entropy_gradient(p, order, log)
        if fields is not None:
            return RenyiGradient(*fields)
    log = as_flag(log, "log")
    arguments = LetterArguments("p", None, floating_only=("p",) if log else (), on_devices=True, p=p)
    return _of_measure(arguments, log, order, arguments.ops.OF_ENTROPY, num_threads)


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
    Accuracy: 1e-14 · max|log(p/q)| · max(1, |t|), 1 at least, at every order. Cost: three exponentials per letter
    and order. Reference: module docstring.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.information.renyi_divergence_gradient([0.5, 0.5], [0.25, 0.75], 1.0).log_q
    array([-0.25,  0.25])

    """
    if num_threads is None:
        fields = operations("information").short_renyi_divergence_gradient(p, q, order, log)
        if fields is not None:
            return RenyiGradient(*fields)
    log = as_flag(log, "log")
    arguments = LetterArguments("p", "q", floating_only=("p", "q") if log else (), on_devices=True, p=p, q=q)
    return _of_measure(arguments, log, order, arguments.ops.OF_DIVERGENCE, num_threads)


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
    Accuracy: 1e-14 · max|log q| · max(1, |t|) at every order. Cost: three exponentials per letter and order.
    Reference: module docstring.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.information.renyi_cross_entropy_gradient([0.5, 0.5], [0.25, 0.75], 1.0).log_q
    array([-0.25,  0.25])

    """
    if type(variant) is not str or variant not in VARIANTS:
        as_word(variant, "variant", VARIANTS)
    if variant == "natural":
        divergence = renyi_divergence_gradient(p, q, order, log=log, num_threads=num_threads)
        # The entropy broadcasts over the leading axes of q, which it does not know.
        own = renyi_entropy_gradient(p, order, log=log, num_threads=num_threads)
        extra = divergence.log_p.ndim - own.log_p.ndim
        fill = (1,) * extra
        # Which device is asked only where one may be.
        on_host = isinstance(divergence.log_p, np.ndarray)
        added = operator.add if on_host else operations_of("information", p=p, q=q).added
        return RenyiGradient(
            added(divergence.order, own.order.reshape(fill + own.order.shape)),
            added(divergence.log_p, own.log_p.reshape(fill + own.log_p.shape)),
            divergence.log_q,
        )
    if num_threads is None:
        fields = operations("information").short_renyi_cross_entropy_gradient(p, q, order, log)
        if fields is not None:
            return RenyiGradient(*fields)
    log = as_flag(log, "log")
    arguments = LetterArguments("p", "q", floating_only=("p", "q") if log else (), on_devices=True, p=p, q=q)
    return _of_measure(arguments, log, order, arguments.ops.OF_CROSS_ENTROPY, num_threads)


def letters_giver(arguments, grid):
    """Return a function that gives back derivatives (rows, T, V) of every letter over `grid`."""
    shape = (*grid.shape, arguments.width)
    return lambda vector: arguments.give(vector, shape)


def _of_measure(arguments, log, order, quantity, num_threads):
    """Return the derivatives of a Rényi measure of the arguments p and q (entropies: p)."""
    ops = arguments.ops
    grid = arguments.grid(order, "order")
    orders = grid.rows()
    _require_finite(orders, "order")
    weights = ops.WEIGHT_LOG if log else ops.WEIGHT_PROBABILITY
    of_q = ops.REWARD_LOGITS if log else ops.REWARD_LOG_OF
    rows = arguments.letters(weights, ops.REWARD_OWN_LOG if quantity == ops.OF_ENTROPY else of_q, grid.leading)
    (by_order,), by_letters, good = ops.gradients(rows, orders, quantity, num_threads)
    if not good:
        _refuse_pairs(arguments, rows, grid.leading)
    give_letters = letters_giver(arguments, grid)
    return RenyiGradient(arguments.give(by_order, grid.shape), *map(give_letters, by_letters))


def _refuse_pairs(arguments, rows, leading):
    """Raise ValueError for rows of p and q that have no derivative: bad ones, or a q without mass where p has."""
    _, words = arguments.ops.exponential_mean(rows, np.zeros((1, 1)))
    arguments.check_letters(words, leading)
    empty = -np.inf if rows.weight_kind == arguments.ops.WEIGHT_LOG else 0.0
    row, letter = np.argwhere((rows.rewards == empty) & (rows.weights != empty))[0]
    raise ValueError(f"q has no mass on letter {letter} of row {row}, where p has: no derivative there")


def _require_finite(values, name):
    if np.isinf(values).any():
        raise ValueError(f"{name} must be finite: the derivatives at ±inf are one-sided")
