"""The KL-regularised and the KL-constrained optimal policy: exponential tilting of a reference policy."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import as_parameter
from alignment_fast._border.kinds import exponential
from alignment_fast._border.outputs import refuse_large
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.status import place
from alignment_fast._operations import operations
from alignment_fast.errors import ConvergenceError
from alignment_fast.information._arguments import LetterArguments, weight_kind
from alignment_fast.information.entropies import kl_divergence
from alignment_fast.information.moments import refuse_rows
from alignment_fast.kernels.information.structures import LetterRows


class TiltedPolicy(NamedTuple):
    """The policy π ∝ p e^{α r} and what is known of it.

    Parameters
    ----------
    alpha : array (..., [T])
        Tilt; ±inf is p conditioned on the letters of extreme reward.
    log_pi : array (..., [T,] V)
        Normalised log-probabilities.
    kl : array (..., [T])
        D(π‖p) = α E_π r − log_partition.
    expected_reward, reward_variance : array (..., [T])
        Mean and variance of the reward under π.
    log_partition : array (..., [T])
        log Σ p e^{α r}.

    """

    alpha: Any
    log_pi: Any
    kl: Any
    expected_reward: Any
    reward_variance: Any
    log_partition: Any

    @property
    def pi(self) -> Any:
        """Probabilities π = exp(log_pi)."""
        return exponential(self.log_pi)


def policy_arguments(p, reward, log, *, on_devices=False):
    """Return the `LetterArguments` of weights `p` (None: uniform) and `reward`."""
    options = {"floating_only": ("p",) if log else (), "optional": ("p",), "on_devices": on_devices}
    return LetterArguments("p", "reward", **options, p=p, reward=reward)


def policy_rows(arguments, p, log, leading):
    """Return the rows of `policy_arguments`."""
    ops = arguments.ops
    return arguments.letters(weight_kind(ops, p, log), ops.REWARD_GIVEN, leading)


def tilt(
    p: ArrayLike | None, reward: ArrayLike, alpha: ArrayLike, *, log: bool = False, num_threads: int | None = None
) -> TiltedPolicy:
    """Return the tilted policy π ∝ p e^{α r}, the optimum of E_π r − D(π‖p)/α.

    Parameters
    ----------
    p : array_like (..., V) or None
        Reference policy, self-normalised; None is uniform.
    reward : array_like (..., V)
        Reward per letter, finite wherever `p` is positive.
    alpha : array_like, scalar, (T,) or (..., T)
        Tilts, any reals; ±inf gives p conditioned on the letters of largest (least) reward.
    log : bool, default False
        Whether `p` holds log-probabilities or logits.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    TiltedPolicy
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        For NaN, negative weights, a row without mass, an infinite reward on the support, shapes that do not broadcast,
        an empty alphabet; if the result would exceed 16 GiB.

    Notes
    -----
    Tilts compose: tilting by α and then by β is tilting by α + β. Accuracy: log-probabilities to 1e-15 · max(1,
    |log p|, |α| range(r)), whatever constant is added to the rewards; the divergence to 1e-13 relative at every α, also
    as α → 0, where α E r − log_partition cancels. Cost: two exponentials per letter and tilt. Reference:
    arXiv:2404.01730, lemmas 1 and 10.

    Examples
    --------
    >>> import alignment_fast as af
    >>> policy = af.policy.tilt([0.5, 0.5], [0.0, 1.0], 2.0)
    >>> policy.pi.round(6), policy.expected_reward.round(6)
    (array([0.119203, 0.880797]), np.float64(0.880797))

    """
    if num_threads is None:
        fields = operations("information").short_tilt(p, reward, alpha, log)
        if fields is not None:
            return tuple.__new__(TiltedPolicy, fields)
    log = as_flag(log, "log")
    arguments = policy_arguments(p, reward, log, on_devices=True)
    grid = arguments.grid(alpha, "alpha")
    alphas = grid.rows()
    refuse_large((*grid.shape, arguments.width), "the tilted policy")
    rows = policy_rows(arguments, p, log, grid.leading)
    return _tilted(arguments, rows, alphas, grid, num_threads)


# How well `kl_constrained` meets its budget, relatively: log T/p up to 700 with the digits of a double.
_MET = 1e-13


def _tilted(arguments, rows, alphas, grid, num_threads):
    found = _tilted_rows(arguments, rows, alphas, grid.leading, num_threads)
    given = {name: arguments.give(getattr(found, name), grid.shape) for name in found._fields if name != "log_pi"}
    return TiltedPolicy(log_pi=arguments.give(found.log_pi, (*grid.shape, arguments.width)), **given)


def _tilted_rows(arguments, rows, alphas, leading, num_threads):
    log_pi, fields, good = arguments.ops.tilts(rows, alphas, num_threads)
    if not good:
        refuse_rows(arguments, rows, leading)
    alpha = arguments.ops.spread(rows, alphas)
    return TiltedPolicy(alpha, log_pi, fields.kl, fields.mean, fields.variance, fields.log_mgf)


def kl_constrained(
    p: ArrayLike | None,
    reward: ArrayLike,
    kl: ArrayLike,
    *,
    log: bool = False,
    start: ArrayLike | None = None,
    num_threads: int | None = None,
) -> TiltedPolicy:
    """Return the policy of largest expected reward among those with D(π‖p) ≤ kl: the tilt whose divergence is `kl`.

    From D_max = −log p(argmax r) on the budget is no constraint: alpha is inf and π is p conditioned on the letters of
    largest reward, with divergence D_max.

    Parameters
    ----------
    p : array_like (..., V) or None
        Reference policy, self-normalised; None is uniform.
    reward : array_like (..., V)
        Reward per letter, finite wherever `p` is positive.
    kl : array_like, scalar, (T,) or (..., T)
        Divergence budgets in nats, ≥ 0; +inf allowed.
    log : bool, default False
        Whether `p` holds log-probabilities or logits.
    start : array_like, optional
        First iterate of alpha, positive, of a shape that broadcasts to that of the result: the alpha of a nearby
        problem saves iterations and changes nothing else.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    TiltedPolicy
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `tilt`, and for a negative or NaN budget, a start that is not positive and finite.
    ConvergenceError
        Where no tilt is found that meets a budget below D_max as said below: alpha would be subnormal, or rewards
        differ by little against their size and the letters that matter are rare. The policies found are its ``result``.
        For arrays on a CUDA device nothing waits: there the policy of such a budget is NaN.

    Notes
    -----
    Safeguarded Newton on √D for budgets below D_max/2 and on log(D_max − D) above, each in a form without cancellation:
    4 to 8 passes, up to 40 where the best letters are rarer than 1e-20. Accuracy: `kl` is the budget to 1e-13 relative,
    for budgets and masses of the best letters down to 1e-300; alpha is 1e-13 relative, apart from the conditioning of
    D_max − kl. Reference: arXiv:2404.01730, lemma 1.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> p, reward = [0.2, 0.3, 0.5], np.log([6.0, 1.0, 2.0])
    >>> af.policy.kl_constrained(p, reward, [0.11, 0.5, 2.0]).alpha
    array([0.70913808, 1.54299016,        inf])

    """
    if start is None and num_threads is None:
        fields = operations("information").short_kl_constrained(p, reward, kl, log)
        if fields is not None:
            return tuple.__new__(TiltedPolicy, fields)
    log = as_flag(log, "log")
    arguments = policy_arguments(p, reward, log, on_devices=True)
    grid, budgets = divergence_grid(arguments, kl)
    refuse_large((*grid.shape, arguments.width), "the tilted policy")
    rows = policy_rows(arguments, p, log, grid.leading)
    first = None if start is None else _first_iterate(start, grid.shape, rows.count)
    alphas, reached, good = arguments.ops.tilts_of_divergence(rows, budgets, num_threads, start=first)
    if not good:
        refuse_rows(arguments, rows, grid.leading)
    policy = _tilted(arguments, rows, alphas, grid, num_threads)
    if reached is not None:  # on a device NaN says so
        _refuse_missed(alphas, reached, budgets, grid, policy)
    return policy


def _refuse_missed(alphas, reached, budgets, grid, policy):
    missed = np.isfinite(alphas) & ~(np.abs(reached - budgets) <= _MET * budgets)
    if missed.any():
        flat = int(np.flatnonzero(missed)[0])
        wanted = float(np.broadcast_to(budgets, missed.shape).reshape(-1)[flat])
        raise ConvergenceError(
            f"kl{place(flat, grid.shape)} = {wanted}: the best tilt found has divergence "
            f"{float(reached.reshape(-1)[flat])}, not within {_MET:g} of it",
            policy,
        )


def matched(log_p, reward, kl, log_deficit, num_threads=None):
    """Return the tilt of divergence `kl` (rows, T) of float64 rows, wherever these are, with arrays of operations.

    `log_deficit` is log(D_max − kl), however small.
    """
    arguments = policy_arguments(log_p, reward, True, on_devices=True)
    rows = policy_rows(arguments, log_p, True, arguments.leading)
    alphas, _, _ = arguments.ops.tilts_of_divergence(rows, kl, num_threads, log_deficit=log_deficit)
    return _tilted_rows(arguments, rows, alphas, arguments.leading, num_threads)


def divergence_grid(arguments, kl):
    """Return the grid of budgets `kl` and their values (rows or 1, T); a negative one raises ValueError."""
    grid = arguments.grid(kl, "kl")
    budgets = grid.rows()
    if (budgets < 0).any():
        raise ValueError(f"kl must not be negative: got {budgets[budgets < 0][0]}")
    return grid, budgets


def _first_iterate(start, shape, count):
    first = as_parameter(start, "start")
    if not ((first > 0) & np.isfinite(first)).all():
        raise ValueError("start must be positive and finite")
    try:
        return np.ascontiguousarray(np.broadcast_to(first, shape)).reshape(count, -1)
    except ValueError:
        raise ValueError(f"start of shape {first.shape} does not broadcast to the shape {shape} of alpha") from None


def optimality_gap(
    psi: ArrayLike,
    p: ArrayLike,
    reward: ArrayLike,
    kl: ArrayLike,
    *,
    log: bool = False,
    num_threads: int | None = None,
) -> Any:
    """Return D(ψ‖φ) of a policy ψ from the optimal policy φ of the same divergence budget, `kl_constrained`.

    With ε the reward that ψ falls short of φ's, D(ψ‖φ) = D(ψ‖p) − kl + α ε: a ψ within the budget and within ε of the
    best reward has a gap of at most α ε.

    Parameters
    ----------
    psi : array_like (..., V)
        Policy to judge, self-normalised.
    p : array_like (..., V)
        Reference policy, self-normalised.
    reward : array_like (..., V)
        Reward per letter, finite wherever `p` is positive.
    kl : array_like, scalar, (T,) or (..., T)
        Divergence budgets in nats, ≥ 0.
    log : bool, default False
        Whether `psi` and `p` hold log-probabilities or logits.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (..., [T])
        Nats; +inf where ψ has mass outside the support of φ. float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        As `kl_constrained`, and for a bad `psi`.

    Notes
    -----
    Not negative; NaN on a CUDA device where the CPU raises for a value. Accuracy: 1e-14 relative, and 1e-15 · (3 + |α|
    range(r)) · √gap absolute, which is what rounding φ to doubles leaves of a small gap. Cost: that of `kl_constrained`
    and `kl_divergence`. Reference: arXiv:2404.01730,
    lemma 2.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> p, reward = [0.2, 0.3, 0.5], np.log([6.0, 1.0, 2.0])
    >>> round(float(af.policy.optimality_gap([0.38, 0.17, 0.45], p, reward, 0.11)), 12)
    0.000237578965

    """
    if num_threads is None:
        gap = operations("information").short_optimality_gap(psi, p, reward, kl, log)
        if gap is not None:
            return gap
    log = as_flag(log, "log")
    options = {"floating_only": ("psi", "p") if log else (), "on_devices": True}
    together = LetterArguments("psi", "reward", **options, psi=psi, p=p, reward=reward)
    if together.device != "cpu":
        return _gap_on_device(together, kl, log)
    shape = (*together.leading, together.width)
    # All three broadcast first, so that the grid of budgets lies over the axes of psi as well.
    psi_rows = np.broadcast_to(together.arrays["psi"], shape)
    reference = np.broadcast_to(together.arrays["p"], shape)
    best = kl_constrained(reference, together.arrays["reward"], kl, log=log, num_threads=num_threads)
    log_psi = _log_policy(psi_rows, log, num_threads)
    added = best.log_pi.ndim - log_psi.ndim
    if added:  # a grid of budgets: its axis comes before the letters
        log_psi = log_psi[..., None, :]
    gap = kl_divergence(log_psi, best.log_pi, log=True, num_threads=num_threads)
    return together.give(gap)


def _gap_on_device(together, kl, log):
    """Return the gap where rows are not repeated but by kernels; what is bad makes it NaN."""
    ops, (grid, budgets) = together.ops, divergence_grid(together, kl)
    points, count, kind = budgets.shape[1], together.count(grid.leading), weight_kind(ops, together["psi"], log)
    psi, p, reward = (together.rows(name, grid.leading) for name in ("psi", "p", "reward"))
    rows = LetterRows(p, kind, reward, ops.REWARD_GIVEN, count)
    log_phi, _, _ = ops.tilts(rows, ops.tilts_of_divergence(rows, budgets)[0])
    uniform = reward.place.copy(np.zeros((1, together.width), together.dtype))
    log_psi, _, _ = ops.tilts(LetterRows(psi, kind, uniform, ops.REWARD_GIVEN, count), np.zeros((1, points)))
    return kl_divergence(log_psi, log_phi, log=True).reshape(grid.shape)


def _log_policy(psi, log, num_threads):
    """Return psi as normalised log-probabilities; bad values raise under the name psi."""
    arguments = LetterArguments("psi", None, psi=psi)
    ops = arguments.ops
    rows = arguments.letters(weight_kind(ops, psi, log), ops.REWARD_GIVEN)
    uniform = LetterRows(
        rows.weights,
        rows.weight_kind,
        np.zeros((1, arguments.width), dtype=arguments.dtype),
        ops.REWARD_GIVEN,
        rows.count,
    )
    log_psi, words = ops.log_tilted(uniform, np.zeros((1, 1)), num_threads)
    arguments.check_letters(words)
    return arguments.give(log_psi, (*arguments.leading, arguments.width))
