"""Closed-form derivatives of what `tilt` and `kl_constrained` return, for differentiation front ends.

With T the tilted policy, m, v and κ3 its first cumulants, x_i = log(T_i/p_i) and h(x) = x e^x − expm1(x):

==================  ========  ==================================  =========================
quantity            ∂α        ∂r_i                                ∂log p_i
==================  ========  ==================================  =========================
log-partition       m         α T_i                               T_i − p_i
divergence          α v       α² T_i (r_i − m)                    p_i (h(x_i) − D e^{x_i})
expected reward     v         T_i (1 + α (r_i − m))               T_i (r_i − m)
reward variance     κ3        T_i (2 (r_i − m) + α ((r_i−m)²−v))  T_i ((r_i − m)² − v)
==================  ========  ==================================  =========================
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.scalars import as_flag
from alignment_fast._operations import operations
from alignment_fast.information.gradients import letters_giver
from alignment_fast.information.moments import refuse_rows
from alignment_fast.policy.tilting import divergence_grid, policy_arguments, policy_rows


class PolicyGradient(NamedTuple):
    """Derivatives of one scalar, by ``parameter`` (alpha or kl) (..., [T]), ``reward`` and ``log_p`` (..., [T,] V)."""

    parameter: Any
    reward: Any
    log_p: Any


class TiltGradient(NamedTuple):
    """Derivatives of the scalars of a tilted policy, each a `PolicyGradient` whose parameter is alpha."""

    kl: PolicyGradient
    expected_reward: PolicyGradient
    reward_variance: PolicyGradient
    log_partition: PolicyGradient


class ConstrainedGradient(NamedTuple):
    """Derivatives of alpha and of the expected reward at a fixed budget, each a `PolicyGradient` of parameter kl."""

    alpha: PolicyGradient
    expected_reward: PolicyGradient


def tilt_gradient(
    p: ArrayLike | None, reward: ArrayLike, alpha: ArrayLike, *, log: bool = False, num_threads: int | None = None
) -> TiltGradient:
    """Return the derivatives of the scalars of `tilt` with respect to alpha, the reward and the logits log p.

    Parameters
    ----------
    p, reward, alpha, log, num_threads
        As in `tilt`; finite alpha.

    Returns
    -------
    TiltGradient
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `tilt`, and for an infinite alpha.

    Notes
    -----
    Formulas: module docstring. Accuracy: 1e-13 relative to the largest component, also as α → 0. Cost: four passes and
    results of eight times the size of the policy. Reference: Wainwright & Jordan, section 3.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.policy.tilt_gradient([0.5, 0.5], [0.0, 1.0], 0.0).expected_reward.log_p
    array([-0.25,  0.25])

    """
    if num_threads is None:
        found = operations("information").short_tilt_gradient(p, reward, alpha, log)
        if found is not None:
            return TiltGradient(*_paired(*found))
    log = as_flag(log, "log")
    arguments = policy_arguments(p, reward, log, on_devices=True)
    grid = arguments.grid(alpha, "alpha")
    alphas = grid.rows()
    if np.isinf(alphas).any():
        raise ValueError("alpha must be finite: at ±inf the policy does not move")
    rows = policy_rows(arguments, p, log, grid.leading)
    return TiltGradient(*_policy_gradients(arguments, rows, grid, alphas, arguments.ops.OF_TILT, num_threads))


def kl_constrained_gradient(
    p: ArrayLike | None, reward: ArrayLike, kl: ArrayLike, *, log: bool = False, num_threads: int | None = None
) -> ConstrainedGradient:
    """Return the derivatives of `kl_constrained`: of alpha and of the expected reward m at fixed divergence.

    ∂m/∂kl = 1/α, ∂m/∂r_i = T_i, ∂m/∂log p_i = (T_i − p_i)/α; those of alpha follow from D(alpha) = kl.

    Parameters
    ----------
    p, reward, kl, log, num_threads
        As in `kl_constrained`; budgets inside (0, D_max).

    Returns
    -------
    ConstrainedGradient
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `kl_constrained`, and for a budget of 0 or of D_max and more, where alpha has no derivative. For arrays on a
        CUDA device nothing waits: there the derivatives by such a budget are NaN.

    Notes
    -----
    Accuracy: 1e-13 relative to the largest component. Cost: that of `kl_constrained` and four passes. Reference:
    envelope theorem on arXiv:2404.01730, definition 2.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> p, reward = [0.2, 0.3, 0.5], np.log([6.0, 1.0, 2.0])
    >>> float(af.policy.kl_constrained_gradient(p, reward, 0.11).expected_reward.parameter).__round__(9)
    1.410162593

    """
    if num_threads is None:
        found = operations("information").short_kl_constrained_gradient(p, reward, kl, log)
        if found is not None:
            return ConstrainedGradient(*_paired(*found))
    log = as_flag(log, "log")
    arguments = policy_arguments(p, reward, log, on_devices=True)
    grid, budgets = divergence_grid(arguments, kl)
    rows = policy_rows(arguments, p, log, grid.leading)
    alphas, reached, good = arguments.ops.tilts_of_divergence(rows, budgets, num_threads)
    if not good:
        refuse_rows(arguments, rows, grid.leading)
    if reached is not None and not ((alphas > 0) & np.isfinite(alphas)).all():  # on a device NaN says so
        raise ValueError("kl must lie strictly between 0 and −log p(argmax reward), where alpha has a derivative")
    quantity = arguments.ops.OF_CONSTRAINED
    return ConstrainedGradient(*_policy_gradients(arguments, rows, grid, alphas, quantity, num_threads))


def _policy_gradients(arguments, rows, grid, alphas, quantity, num_threads):
    """Return a `PolicyGradient` for every scalar of `quantity` at the tilts `alphas`."""
    scalars, vectors, good = arguments.ops.gradients(rows, alphas, quantity, num_threads)
    if not good:
        refuse_rows(arguments, rows, grid.leading)
    give_letters = letters_giver(arguments, grid)
    return _paired(
        [arguments.give(scalar, grid.shape) for scalar in scalars],
        [give_letters(vector) for vector in vectors],
    )


def _paired(by_parameter, by_letters):
    """Return a `PolicyGradient` of every derivative by the parameter and two by letters."""
    return [PolicyGradient(scalar, by_letters[2 * k], by_letters[2 * k + 1]) for k, scalar in enumerate(by_parameter)]
