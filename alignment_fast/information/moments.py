"""Log-MGF, tilted cumulants and rate function of a reward under weights."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.scalars import as_flag
from alignment_fast._border.status import place
from alignment_fast._operations import operations
from alignment_fast.information._arguments import LetterArguments, weight_kind

MAX_ORDER = 8
_LARGEST = np.finfo(np.float64).max


class TiltedMoments(NamedTuple):
    """Log-MGF and cumulants of the reward under p·e^{t r}.

    Parameters
    ----------
    t : array (..., [T])
        The tilts.
    log_mgf : array (..., [T])
        K(t).
    cumulants : array (..., [T,] order)
        κ_1 (mean), κ_2 (variance), ..., the derivatives of K at t.

    """

    t: Any
    log_mgf: Any
    cumulants: Any


class RateFunction(NamedTuple):
    """Legendre transform of the log-MGF: its value I(x) and the maximiser t, both of the shape of the grid of x."""

    value: Any
    t: Any


def reward_arguments(reward, p, log, *, on_devices=False):
    """Return the `LetterArguments` of rewards and weights `p` (None: uniform)."""
    options = {"floating_only": ("p",) if log else (), "optional": ("p",), "on_devices": on_devices}
    return LetterArguments("p", "reward", **options, reward=reward, p=p)


def log_mgf(
    reward: ArrayLike, t: ArrayLike, *, p: ArrayLike | None = None, log: bool = False, num_threads: int | None = None
) -> Any:
    """Return the log-MGF of a reward, K(t) = log Σ p e^{t r}.

    Parameters
    ----------
    reward : array_like (..., V)
        Reward per letter; −inf is allowed (a forbidden letter).
    t : array_like, scalar, (T,) or (..., T)
        Tilts, any reals.
    p : array_like (..., V), optional
        Weights, self-normalised; uniform by default. Leading axes broadcast against those of `reward`.
    log : bool, default False
        Whether `p` holds log-probabilities or logits.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (..., [T])
        float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        For NaN, negative weights, a row without mass, shapes that do not broadcast, an empty alphabet.

    Notes
    -----
    Accuracy: 2e-15 · (1 + |t| max|r|) absolute in float64; and 2e-14 · (1 + κ) relative (1e-5 · (1 + κ) in float32) for
    values down to 1e-270 (1e-30), with κ = (Σ p |t r| e^{t r} + Σ p (1 + ℓ) |e^{t r} − e^K|) / (e^K |K|) the condition
    number of K in rewards and weights, ℓ = log max p − log p where logarithms are given, else 0. Cost: one exponential
    per letter and tilt, one pass over memory for all tilts; about thirty where K is small against t max|r|. Reference:
    Dembo & Zeitouni, Large Deviations Techniques and Applications, section 2.2.

    Examples
    --------
    >>> import alignment_fast as af
    >>> float(af.information.log_mgf([0.0, 1.0], 0.0))
    0.0
    >>> af.information.log_mgf([0.0, 1.0], [1.0, 2.0], p=[0.5, 0.5]).round(6)
    array([0.620115, 1.433781])

    """
    if num_threads is None:
        value = operations("information").short_log_mgf(reward, t, p, log)
        if value is not None:
            return value
    log = as_flag(log, "log")
    arguments = reward_arguments(reward, p, log, on_devices=True)
    ops = arguments.ops
    grid = arguments.grid(t, "t")
    orders = grid.rows()
    rows = arguments.letters(weight_kind(ops, p, log), ops.REWARD_GIVEN, grid.leading)
    result, words = _log_mgf(ops, rows, orders, num_threads)
    arguments.check_letters(words, grid.leading)
    return arguments.give(result, grid.shape)


def _log_mgf(ops, rows, t, num_threads=None):
    """Return K(t), also for infinite t: ±inf, or the log-probability of the extreme reward where that is 0."""
    finite = np.isfinite(t)
    value, words = ops.log_mgf(rows, np.where(finite, t, 0.0), num_threads)
    for end in (np.inf, -np.inf):
        if (t == end).any():
            value = np.where(t == end, _log_mgf_at(ops, rows, end, num_threads), value)
    return value, words


def _log_mgf_at(ops, rows, end, num_threads=None):
    """Return K(end), end = ±inf, shape (count, 1)."""
    extreme, _ = ops.exponential_mean(rows, np.array([[end]]), num_threads)
    with np.errstate(invalid="ignore"):
        return np.where(extreme == 0, _log_mass_at_zero(ops, rows), end * extreme)


def _log_mass_at_zero(ops, rows):
    """Return the log-probability that the reward is exactly 0, shape (count, 1), accurate where it is close to 0."""
    p = ops.probabilities(rows)
    at_zero = (rows.rewards == 0.0) & (p > 0)
    inside = np.where(at_zero, p, 0.0).sum(axis=1, keepdims=True)
    outside = np.where(at_zero, 0.0, p).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.where(inside < 0.5, np.log(inside), np.log1p(-np.minimum(outside, 0.5)))


def tilted_moments(
    reward: ArrayLike,
    t: ArrayLike,
    *,
    p: ArrayLike | None = None,
    order: int = 4,
    log: bool = False,
    num_threads: int | None = None,
) -> TiltedMoments:
    """Return log-MGF and cumulants κ_1..κ_order of the reward under the tilted weights p·e^{t r}.

    The cumulants are the derivatives of K(t) = log Σ p e^{t r}; they are computed from central moments about the
    tilted mean, so that nothing cancels when the mean is large.

    Parameters
    ----------
    reward : array_like (..., V)
        Reward per letter.
    t : array_like, scalar, (T,) or (..., T)
        Tilts, finite.
    p : array_like (..., V), optional
        Weights, self-normalised; uniform by default.
    order : int, default 4
        Highest cumulant, 1 to 8.
    log : bool, default False
        Whether `p` holds log-probabilities or logits.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    TiltedMoments
        ``t`` and ``log_mgf`` of the grid's shape, ``cumulants`` with a last axis of length `order`.

    Raises
    ------
    ValueError
        As `log_mgf`, and for an order outside 1..8 or an infinite tilt.

    Notes
    -----
    Accuracy: κ_n to 5e-14 · n! · E|r − κ_1|^n absolute in float64, under the tilted weights: a cumulant that is small
    against the central moments it is made of has fewer digits; ±inf beyond the largest double. Cost: one exponential
    and 2 order + 3 products per letter and tilt. Reference: Smith, The American Statistician 49 (1995) 217 (cumulants
    from moments).

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.information.tilted_moments([0.0, 1.0], 0.0, order=4).cumulants
    array([ 0.5  ,  0.25 ,  0.   , -0.125])

    """
    if num_threads is None:
        fields = operations("information").short_tilted_moments(reward, t, p, order, log)
        if fields is not None:
            return tuple.__new__(TiltedMoments, fields)
    order = check_order(order)
    log = as_flag(log, "log")
    arguments = reward_arguments(reward, p, log, on_devices=True)
    ops = arguments.ops
    grid = arguments.grid(t, "t")
    orders = grid.rows()
    if not np.isfinite(orders).all():
        raise ValueError("t must be finite: cumulants at t = ±inf are those of the letters of extreme reward")
    rows = arguments.letters(weight_kind(ops, p, log), ops.REWARD_GIVEN, grid.leading)
    k, found, words = ops.tilted_moments(rows, orders, order, num_threads)
    arguments.check_letters(words, grid.leading)
    if arguments.device == "cpu" and not np.isfinite(found).all():
        told = np.isfinite(found).all(axis=-1, keepdims=True)
        found = np.where(told, found, _in_units(ops, rows, orders, order, num_threads))
    return TiltedMoments(
        arguments.give(ops.spread(rows, orders), grid.shape),
        arguments.give(k, grid.shape),
        arguments.give(found, (*grid.shape, order)),
    )


def _in_units(ops, rows, orders, order, num_threads):
    """Return cumulants whose powers overflow, (count, T, order): of rewards in units near the largest of each row.

    What is beyond the largest double is ±inf.
    """
    rewards = rows.rewards.astype(np.float64)
    size = np.max(np.abs(rewards), axis=1, initial=0.0, where=np.isfinite(rewards), keepdims=True)
    exponent = np.frexp(size)[1]
    units = replace(
        rows, weights=rows.weights.astype(np.float64), rewards=np.ascontiguousarray(np.ldexp(rewards, -exponent))
    )
    with np.errstate(over="ignore"):
        tilts = np.clip(np.ldexp(orders, exponent), -_LARGEST, _LARGEST)
        _, found, _ = ops.tilted_moments(units, tilts, order, num_threads)
        return np.ldexp(found, exponent[..., None] * np.arange(1, order + 1))


def check_order(order: int) -> int:
    """Return the highest cumulant `order` as an int, or raise ValueError unless it lies in 1..8."""
    if isinstance(order, bool) or not hasattr(order, "__index__") or not 1 <= order.__index__() <= MAX_ORDER:
        raise ValueError(f"order must be an integer from 1 to {MAX_ORDER}, not {order!r}")
    return order.__index__()


def cumulants(
    reward: ArrayLike,
    order: int = 4,
    *,
    t: ArrayLike = 0.0,
    p: ArrayLike | None = None,
    log: bool = False,
    num_threads: int | None = None,
) -> Any:
    """Return the cumulants κ_1..κ_order of the reward under p·e^{t r}; see `tilted_moments`.

    Parameters
    ----------
    reward : array_like (..., V)
        Reward per letter.
    order : int, default 4
        Highest cumulant, 1 to 8.
    t : array_like, scalar, (T,) or (..., T), default 0
        Tilts, finite.
    p : array_like (..., V), optional
        Weights, self-normalised; uniform by default.
    log : bool, default False
        Whether `p` holds log-probabilities or logits.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (..., [T,] order)
        κ_1 (mean), κ_2 (variance), κ_3, ...

    Raises
    ------
    ValueError
        As `tilted_moments`.

    Notes
    -----
    Accuracy, cost and reference: those of `tilted_moments`.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.information.cumulants([0.0, 1.0, 2.0], 2, p=[0.25, 0.5, 0.25])
    array([1. , 0.5])

    """
    return tilted_moments(reward, t, p=p, order=order, log=log, num_threads=num_threads).cumulants


def rate_function(
    reward: ArrayLike, x: ArrayLike, *, p: ArrayLike | None = None, log: bool = False, num_threads: int | None = None
) -> RateFunction:
    """Return Cramér's rate function I(x) = sup_t (t x − K(t)) of the reward, and its maximiser.

    Inside the range of the reward the maximiser solves K'(t) = x; at its ends t = ±inf and I = −log P(r = x); outside
    I = +inf with t = ±inf; a constant reward has I = 0 at its value (t = 0) and +inf elsewhere.

    Parameters
    ----------
    reward : array_like (..., V)
        Reward per letter, finite wherever `p` is positive.
    x : array_like, scalar, (T,) or (..., T)
        Levels of the mean reward.
    p : array_like (..., V), optional
        Weights, self-normalised; uniform by default.
    log : bool, default False
        Whether `p` holds log-probabilities or logits.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    RateFunction
        ``value`` I(x) ≥ 0 and ``t``, both of the grid's shape.

    Raises
    ------
    ValueError
        As `log_mgf`, and for an infinite reward on the support.

    Notes
    -----
    Safeguarded Newton on log(1 − K'/reach), which is nearly linear both around the mean and at the ends; 4 to 8 passes.
    I is computed as D(T_t‖p), a sum of terms of one sign, so it keeps its relative accuracy where x is near the mean:
    about 1e-14, apart from the conditioning of x − μ. Reference: Dembo & Zeitouni, section 2.2.

    Examples
    --------
    >>> import alignment_fast as af
    >>> rate = af.information.rate_function([0.0, 1.0], [0.5, 0.75, 1.0, 2.0])
    >>> rate.value.round(6), rate.t.round(6)
    (array([0.      , 0.130812, 0.693147,      inf]), array([0.      , 1.098612,      inf,      inf]))

    """
    if num_threads is None:
        fields = operations("information").short_rate_function(reward, x, p, log)
        if fields is not None:
            return tuple.__new__(RateFunction, fields)
    log = as_flag(log, "log")
    arguments = reward_arguments(reward, p, log, on_devices=True)
    ops = arguments.ops
    grid = arguments.grid(x, "x")
    levels = grid.rows()
    rows = arguments.letters(weight_kind(ops, p, log), ops.REWARD_GIVEN, grid.leading)
    value, t, good = ops.rates(rows, levels, num_threads)
    if not good:
        refuse_rows(arguments, rows, grid.leading)
    return RateFunction(arguments.give(value, grid.shape), arguments.give(t, grid.shape))


def refuse_rows(arguments, rows, leading):
    """Raise ValueError for rows that kernels of tilts refuse: bad weights, bad rewards, an infinite one on the support.

    Nor may the range of the rewards be beyond double.
    """
    ends = np.array([[-np.inf, np.inf]])
    extremes, words = arguments.ops.exponential_mean(rows, ends)
    arguments.check_letters(words, leading)
    infinite = np.flatnonzero(np.isinf(extremes).any(axis=1))
    if infinite.size:
        where = f" in row {infinite[0]}" if leading else ""
        raise ValueError(
            f"reward{where} is infinite on a letter of positive weight; only finite rewards are allowed here"
        )
    with np.errstate(over="ignore"):
        row = int(np.argmax(np.isinf(extremes[:, 1] - extremes[:, 0])))
    low, high = extremes[row]
    raise ValueError(f"reward{place(row, leading)} ranges from {low} to {high}, more than a float64 holds")
