"""Shannon and Rényi entropies, cross entropies and divergences, for every real order."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.num_threads import check_num_threads
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.information._arguments import VARIANTS, LetterArguments

_FLOAT64 = np.dtype(np.float64)
# Orders so near 0 that order − 1 has lost digits of them.
_NEAR_ZERO = 2.0**-6


def entropy(p: ArrayLike, *, log: bool = False, num_threads: int | None = None) -> Any:
    """Return the Shannon entropy H(p) = −Σ p log p in nats.

    Parameters
    ----------
    p : array_like (..., V)
        Probabilities or counts, self-normalised; with `log` log-probabilities or logits.
    log : bool, default False
        Whether `p` holds logarithms.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (...)
        Nats; float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        For NaN, negative values, a row without mass, an empty alphabet.

    Notes
    -----
    Accuracy: 1e-14 relative (5e-6 in float32) for values down to 1e-300 (1e-37), counts of any total. Cost: one
    logarithm per letter. Reference: Cover & Thomas, Elements of Information Theory, chapter 2. Unlike
    ``scipy.stats.entropy`` the alphabet is the last axis.

    Examples
    --------
    >>> import alignment_fast as af
    >>> float(af.information.entropy([0.5, 0.25, 0.25])) / 0.6931471805599453
    1.5

    """
    if num_threads is None:
        value = operations("information").short_entropy(p, log)
        if value is not None:
            return value
    check_num_threads(num_threads)
    log = as_flag(log, "log")
    arguments = LetterArguments("p", None, floating_only=("p",) if log else (), on_devices=True, p=p)
    value = _of_plain_rows(arguments, log, arguments.ops.plain_entropy, num_threads)
    return _of_order(arguments, log, arguments.ops.REWARD_OWN_LOG, 1.0, num_threads) if value is None else value


def cross_entropy(
    p: ArrayLike, q: ArrayLike, *, log: bool = False, normalize_q: bool = True, num_threads: int | None = None
) -> Any:
    """Return the cross entropy H(p‖q) = −Σ p log q in nats; +inf where q = 0 < p.

    Parameters
    ----------
    p, q : array_like (..., V)
        Probabilities or counts, self-normalised; with `log` log-probabilities or logits. Leading axes broadcast.
    log : bool, default False
        Whether `p` and `q` hold logarithms.
    normalize_q : bool, default True
        False leaves `q` as it is, as an unnormalised measure.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (...)
        Nats; float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        For NaN, negative values, a row without mass, shapes that do not broadcast, an empty alphabet.

    Notes
    -----
    Accuracy: 1e-14 relative (5e-6 in float32) for values down to 1e-300 (1e-37), counts of any total, `q` normalised.
    Cost: one logarithm per letter. Reference: Cover & Thomas, chapter 2.

    Examples
    --------
    >>> import alignment_fast as af
    >>> round(float(af.information.cross_entropy([0.2, 0.3, 0.5], [6.0, 1.0, 2.0])), 12)
    1.492299093211

    """
    if num_threads is None:
        value = operations("information").short_cross_entropy(p, q, log, normalize_q)
        if value is not None:
            return value
    check_num_threads(num_threads)
    log, normalize_q = as_flag(log, "log"), as_flag(normalize_q, "normalize_q")
    arguments = LetterArguments("p", "q", floating_only=("p", "q") if log else (), on_devices=True, p=p, q=q)
    ops = arguments.ops
    value = _of_plain_rows(arguments, log, ops.plain_cross_entropy, num_threads, normalize_q)
    kind = ops.REWARD_LOGITS if log else ops.REWARD_LOG_OF
    return _of_order(arguments, log, kind, 1.0, num_threads, normalize_q) if value is None else value


def kl_divergence(
    p: ArrayLike, q: ArrayLike, *, log: bool = False, normalize_q: bool = True, num_threads: int | None = None
) -> Any:
    """Return the Kullback–Leibler divergence D(p‖q) = Σ p log(p/q) in nats; +inf where q = 0 < p.

    Parameters
    ----------
    p, q : array_like (..., V)
        Probabilities or counts, self-normalised; with `log` log-probabilities or logits. Leading axes broadcast.
    log : bool, default False
        Whether `p` and `q` hold logarithms.
    normalize_q : bool, default True
        False leaves `q` as it is, as an unnormalised measure.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (...)
        Nats; float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        For NaN, negative values, a row without mass, shapes that do not broadcast, an empty alphabet.

    Notes
    -----
    Accuracy: 1e-14 relative (5e-6 in float32) for values down to 1e-300 (1e-37), however close `p` and `q` are, counts
    of any total; never negative where `q` is normalised. Cost: two logarithms per letter, three below 1/4, none of
    more than 128 letters whose log-ratios are below 1/128. Reference: Cover & Thomas, chapter 2.

    Examples
    --------
    >>> import alignment_fast as af
    >>> float(af.information.kl_divergence([0.5, 0.5], [0.25, 0.75])).__round__(12)
    0.143841036226

    """
    if num_threads is None:
        value = operations("information").short_kl_divergence(p, q, log, normalize_q)
        if value is not None:
            return value
    check_num_threads(num_threads)
    log, normalize_q = as_flag(log, "log"), as_flag(normalize_q, "normalize_q")
    arguments = LetterArguments("p", "q", floating_only=("p", "q") if log else (), on_devices=True, p=p, q=q)
    value = _of_plain_rows(arguments, log, arguments.ops.plain_divergence, num_threads, normalize_q)
    return _divergence(arguments, log, 1.0, num_threads, normalize_q) if value is None else value


def renyi_entropy(p: ArrayLike, order: ArrayLike, *, log: bool = False, num_threads: int | None = None) -> Any:
    """Return the Rényi entropy H_t(p) = log(Σ p^t) / (1 − t) in nats, for every real order t.

    Order 0 is the log of the number of letters of positive probability, 1 the Shannon entropy, inf the min-entropy
    −log max p; −inf gives −log of the least positive probability.

    Parameters
    ----------
    p : array_like (..., V)
        Probabilities or counts, self-normalised; with `log` log-probabilities or logits.
    order : array_like, scalar, (T,) or (..., T)
        Orders t, any reals including 0, 1 and ±inf.
    log : bool, default False
        Whether `p` holds logarithms.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (..., [T])
        Nats; float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        For NaN, negative values, a row without mass, an empty alphabet, an order that is NaN.

    Notes
    -----
    Accuracy: 1e-14 relative (5e-6 in float32) at every order, also arbitrarily near 1; 5e-14 below order 1 where
    letters rarer than 1e-100 carry the sum. Cost: one exponential per letter and order. Reference: Rényi, Proc. 4th
    Berkeley Symposium (1961) 547.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> af.information.renyi_entropy([0.5, 0.25, 0.25], [0, 1, 2, np.inf]).round(6)
    array([1.098612, 1.039721, 0.980829, 0.693147])

    """
    if num_threads is None:
        value = operations("information").short_renyi_entropy(p, order, log)
        if value is not None:
            return value
    log = as_flag(log, "log")
    arguments = LetterArguments("p", None, floating_only=("p",) if log else (), on_devices=True, p=p)
    return _of_order(arguments, log, arguments.ops.REWARD_OWN_LOG, order, num_threads)


def renyi_divergence(
    p: ArrayLike,
    q: ArrayLike,
    order: ArrayLike,
    *,
    log: bool = False,
    normalize_q: bool = True,
    num_threads: int | None = None,
) -> Any:
    """Return the Rényi divergence D_t(p‖q) = log(Σ p^t q^{1−t}) / (t − 1) in nats, for every real order t.

    Order 1 is the Kullback–Leibler divergence, 0 is −log q(p > 0), inf is log max p/q, −inf is log min p/q. Letters
    with p = 0 are left out; q = 0 < p gives +inf for t ≥ 1 and contributes nothing for t < 1; p and q without a common
    letter give +inf at every order.

    Parameters
    ----------
    p, q : array_like (..., V)
        Probabilities or counts, self-normalised; with `log` log-probabilities or logits. Leading axes broadcast.
    order : array_like, scalar, (T,) or (..., T)
        Orders t, any reals including 0, 1 and ±inf.
    log : bool, default False
        Whether `p` and `q` hold logarithms.
    normalize_q : bool, default True
        False leaves `q` as it is, as an unnormalised measure.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (..., [T])
        Nats; float32 for float32 input, else float64.

    Raises
    ------
    ValueError
        For NaN, negative values, a row without mass, shapes that do not broadcast, an empty alphabet, an order that is
        NaN.

    Notes
    -----
    Accuracy: 1e-14 relative (5e-6 in float32) at every order, for values down to 1e-300 (1e-37), however close `p` and
    `q` are, 3e-14 where letters rarer than 1e-100 carry the sum; not negative for orders from 0 on where `q` is
    normalised. Cost: one exponential per letter and order, about six where the result is small against the log-ratios,
    none of more than 128 letters whose log-ratios are below 1/128, at orders from −9 to 9. Reference: van Erven &
    Harremoës, IEEE Trans. Inf. Theory 60 (2014) 3797.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> af.information.renyi_divergence([0.5, 0.5], [0.25, 0.75], [0.5, 1, 2, np.inf]).round(6)
    array([0.069336, 0.143841, 0.287682, 0.693147])

    """
    if num_threads is None:
        value = operations("information").short_renyi_divergence(p, q, order, log, normalize_q)
        if value is not None:
            return value
    log, normalize_q = as_flag(log, "log"), as_flag(normalize_q, "normalize_q")
    arguments = LetterArguments("p", "q", floating_only=("p", "q") if log else (), on_devices=True, p=p, q=q)
    return _divergence(arguments, log, order, num_threads, normalize_q)


def renyi_cross_entropy(
    p: ArrayLike,
    q: ArrayLike,
    order: ArrayLike,
    *,
    variant: str = "standard",
    log: bool = False,
    normalize_q: bool = True,
    num_threads: int | None = None,
) -> Any:
    """Return the Rényi cross entropy of p and q in nats, for every real order t.

    ``"standard"``: H_t(p‖q) = log(Σ p q^{t−1}) / (1 − t), as in arXiv:2404.01730, Valverde-Albacete & Peláez-Moreno,
    and Thierrin, Alajaji & Linder. ``"natural"``: D_t(p‖q) + H_t(p) = [log Σ p^t − log Σ p^t q^{1−t}] / (1 − t), of
    Sarraf & Nie. Both are H(p‖q) at t = 1 and H_t(p) for q = p; elsewhere they differ. The standard one does not
    increase with t; its limits are −log max q at inf and −log min q at −inf, over the letters with p > 0.

    Parameters
    ----------
    p, q : array_like (..., V)
        Probabilities or counts, self-normalised; with `log` log-probabilities or logits. Leading axes broadcast.
    order : array_like, scalar, (T,) or (..., T)
        Orders t, any reals including 0, 1 and ±inf.
    variant : {"standard", "natural"}
        Which definition.
    log : bool, default False
        Whether `p` and `q` hold logarithms.
    normalize_q : bool, default True
        False leaves `q` as it is, as an unnormalised measure.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    array (..., [T])
        Nats; float32 for float32 input, else float64. Standard variant: letters with p = 0 are left out; q = 0 < p
        gives +inf for t ≤ 1 and contributes nothing for t > 1; +inf at every order if p and q have no common letter.

    Raises
    ------
    ValueError
        For NaN, negative values, a row without mass, shapes that do not broadcast, an empty alphabet, an order that is
        NaN, an unknown variant.

    Notes
    -----
    Accuracy: 5e-14 relative (5e-6 in float32) at every order, also arbitrarily near 1, where log(Σ p q^{t−1}) / (1 − t)
    as it stands loses up to 12 digits; 1e-14 unless letters rarer than 1e-100 carry the sum. The natural variant is a
    sum of two such values, of opposite signs below order 0. Cost: one exponential per letter and order, one pass over
    memory. Reference: Thierrin, Alajaji & Linder, Entropy 24 (2022) 1417.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> p, q = [0.2, 0.3, 0.5], [6.0, 1.0, 2.0]
    >>> af.information.renyi_cross_entropy(p, q, [0.5, 1, 2, np.inf]).round(6)
    array([1.582007, 1.492299, 1.280934, 0.405465])
    >>> round(float(af.information.renyi_cross_entropy(p, q, 2, variant="natural")), 6)
    1.658228

    """
    if type(variant) is not str or variant not in VARIANTS:
        as_word(variant, "variant", VARIANTS)
    if num_threads is None:
        natural = variant == "natural"
        value = operations("information").short_renyi_cross_entropy(p, q, order, natural, log, normalize_q)
        if value is not None:
            return value
    log, normalize_q = as_flag(log, "log"), as_flag(normalize_q, "normalize_q")
    arguments = LetterArguments("p", "q", floating_only=("p", "q") if log else (), on_devices=True, p=p, q=q)
    ops = arguments.ops
    if variant == "natural":
        divergence = _divergence(arguments, log, order, num_threads, normalize_q)
        own = _of_order(arguments, log, ops.REWARD_OWN_LOG, order, num_threads)
        return ops.added(divergence, own)
    kind = ops.REWARD_LOGITS if log else ops.REWARD_LOG_OF
    return _of_order(arguments, log, kind, order, num_threads, normalize_q)


def _of_plain_rows(arguments, log, kernel, num_threads, *options):
    """Return a measure of order 1 of single rows of float64 probabilities, or None where the general path decides."""
    if log or arguments.dtype is not _FLOAT64 or arguments.count() != 1:
        return None
    value = kernel(*(arguments.rows(name)[0] for name in arguments.arrays), *options, num_threads=num_threads)
    return arguments.give(value, arguments.leading) if value == value else None  # NaN: a bad value, still to be named


def _divergence(arguments, log, order, num_threads, normalize_q):
    """Return the Rényi divergence of the arguments p and q."""
    grid = arguments.grid(order, "order")
    orders = grid.rows()
    ops = arguments.ops
    kind = ops.WEIGHT_LOG if log else ops.WEIGHT_PROBABILITY
    rows = arguments.letters(kind, ops.REWARD_LOG_RATIO, grid.leading, normalize_q)
    result, words = ops.exponential_mean(rows, orders - 1.0, num_threads)
    arguments.check_letters(words, grid.leading)
    near_zero = (np.abs(orders) < _NEAR_ZERO) & (orders != 0)
    if normalize_q and near_zero.any():
        # D_t(p‖q) = t/(1 − t) D_{1−t}(q‖p), where t − 1 would cut off digits of t. Letters with q > 0 = p count there.
        tiny = np.where(near_zero, orders, 0.0)
        mirrored, _ = ops.exponential_mean(
            replace(rows, weights=rows.rewards, rewards=rows.weights), -tiny, num_threads
        )
        result = ops.replaced(result, mirrored, np.where(near_zero, tiny / (1 - tiny), np.nan))
    return arguments.give(result, grid.shape)


def _of_order(arguments, log, reward_kind, order, num_threads, normalize_q=True):
    """Return −E(order − 1) with the rewards of `reward_kind`."""
    grid = arguments.grid(order, "order")
    orders = grid.rows()
    ops = arguments.ops
    kind = ops.WEIGHT_LOG if log else ops.WEIGHT_PROBABILITY
    rows = arguments.letters(kind, reward_kind, grid.leading, normalize_q)
    result, words = ops.exponential_mean(rows, orders - 1.0, num_threads, negated=True)
    arguments.check_letters(words, grid.leading)
    return arguments.give(result, grid.shape)
