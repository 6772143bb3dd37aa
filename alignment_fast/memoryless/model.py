"""The memoryless language model: m independent letters, a reward per letter."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast.errors import place
from alignment_fast.memoryless import _lattice, _types
from alignment_fast.memoryless._letters import Letters, Summary
from alignment_fast.memoryless.results import BestOfNLaw, Law
from alignment_fast.policy.tilting import TiltedPolicy, kl_constrained, tilt

METHODS = ("auto", "types", "fft", "saddlepoint")
# Types are enumerated up to this many by themselves: a fifth of a second and 100 MB.
MANY_TYPES = 2_000_000
# Fewer of them than this cost less than the transforms.
FEW_TYPES = 20_000
_METHODS = {"types": _types, "fft": _lattice}


class MemorylessModel:
    r"""A reference model p of independent letters, and a reward that adds up over them.

    A sequence :math:`y` of m letters has probability :math:`p^m(y) = \prod_i p(y_i)` and reward
    :math:`\sum_i r(y_i)`, with :math:`r = \log q` where `q` is given. The log-MGF
    :math:`\Lambda(\alpha) = \log \sum_v p(v) e^{\alpha r(v)}` of the reward of one letter says everything: the
    KL-constrained optimal policy of sequences is the product of tilted letters.

    Parameters
    ----------
    p : array_like (V,)
        Reference distribution of a letter, self-normalised. Letters of probability 0 never occur.
    q : array_like (V,), optional
        Alignment distribution, self-normalised; the reward is log q. Positive wherever `p` is.
    reward : array_like (V,), optional
        Reward per letter, finite wherever `p` is positive. Exactly one of `q` and `reward`.
    num_threads : int, optional
        Threads to use; results have the same bits for any number.

    Raises
    ------
    ValueError
        If not exactly one of `q` and `reward` is given, shapes differ, `p` has a negative or NaN entry or no mass, `q`
        is zero where `p` is positive, or a reward is not finite there.

    Notes
    -----
    Rewards on a lattice (multiples of one span, up to a constant) and those whose exponentials have rational ratios
    with numbers up to 65536 are recognised, so that equal sums are exactly ties.

    References
    ----------
    Yang, Salamatian, Sun, Suresh, Beirami, "Asymptotics of language model alignment", arXiv:2404.01730.

    Examples
    --------
    >>> import alignment_fast as af
    >>> model = af.memoryless.MemorylessModel([1/5, 3/10, 1/2], [2/3, 1/9, 2/9])
    >>> float(model.aligned(0.11).alpha.round(9))
    0.709138085
    >>> law = model.best_of_n(100, delta=0.11)
    >>> round(law.expected_reward / 100, 9), round(law.kl_to_reference, 9), law.method
    (-1.217850744, 9.999564432, 'types')

    """

    def __init__(
        self,
        p: ArrayLike,
        q: ArrayLike | None = None,
        *,
        reward: ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> None:
        if (q is None) == (reward is None):
            raise ValueError("give exactly one of q and reward" + (", not both" if q is not None else ""))
        self._num_threads = num_threads
        self._p, name = _vector(p, "p"), "q" if reward is None else "reward"
        given = _vector(q if reward is None else reward, name)
        if given.shape != self._p.shape:
            raise ValueError(f"p of shape {self._p.shape} and {name} of shape {given.shape} differ")
        self._reward = given if reward is not None else _log_q(given, self._p)
        untilted = tilt(self._p, self._reward, 0.0, num_threads=num_threads)  # checks p and the reward
        self._log_p = untilted.log_pi
        self._support = np.flatnonzero(self._log_p > -np.inf)
        mass = self._p[self._support]
        self._letters = Letters.merged(mass / mass.sum(), self._reward[self._support])

    def __repr__(self) -> str:
        return f"MemorylessModel(letters={len(self._p)}, delta_max={self.delta_max:.6g})"

    @property
    def delta_max(self) -> float:
        """Largest divergence per token that a tilt has: -log P(largest reward)."""
        return -math.log(self._letters.p[-1])

    def tilt(self, alpha: ArrayLike) -> TiltedPolicy:
        """Return the tilted letters p e^{α r}/Z(α), as `alignment_fast.policy.tilt`.

        Examples
        --------
        >>> import alignment_fast as af
        >>> af.memoryless.MemorylessModel([0.5, 0.5], reward=[0.0, 1.0]).tilt(2.0).pi.round(6)
        array([0.119203, 0.880797])

        """
        return tilt(self._p, self._reward, alpha, num_threads=self._num_threads)

    def aligned(self, delta: ArrayLike) -> TiltedPolicy:
        """Return the letters of the optimal policy with divergence `delta` per token from the reference.

        From `delta_max` on, where no tilt has that divergence, alpha is inf and the policy is p conditioned on the
        letters of largest reward.

        Parameters
        ----------
        delta : array_like, scalar or (T,)
            Divergences per token, nats, >= 0.

        Examples
        --------
        >>> import alignment_fast as af
        >>> model = af.memoryless.MemorylessModel([1/5, 3/10, 1/2], [2/3, 1/9, 2/9])
        >>> model.aligned([0.11, 1.0, 2.0]).alpha
        array([0.70913808, 2.4838143 ,        inf])

        """
        return kl_constrained(self._p, self._reward, delta, num_threads=self._num_threads)

    def reward_law(self, m: int, *, method: str = "auto") -> Law:
        """Return the law of the sum of the rewards of m letters.

        Parameters
        ----------
        m : int
            Number of letters, at least 1.
        method : str
            ``"types"`` enumerates the C(m + J - 1, J - 1) types of the J distinct rewards: errors of rounding only.
            ``"fft"``, for rewards on a lattice: a ladder of tilted transforms, every probability to about 1e-11
            relative. ``"auto"`` takes types where there are few, else transforms where there is a lattice.

        Raises
        ------
        ValueError
            If m < 1, the method is unknown or does not suit these rewards, or the law would not fit in memory.

        Examples
        --------
        >>> import alignment_fast as af, numpy as np
        >>> law = af.memoryless.MemorylessModel([0.5, 0.5], reward=[0.0, 1.0]).reward_law(3)
        >>> law.support, np.exp(law.log_pmf).round(6)
        (array([0., 1., 2., 3.]), array([0.125, 0.375, 0.375, 0.125]))

        """
        m = _length(m)
        if len(self._letters.p) == 1:
            return Law(np.array([m * self._letters.reward[0]]), np.zeros(1), "types", 0.0)
        return _METHODS[self._method(m, method)].law(self._letters, m, self._num_threads)

    def best_of_n(
        self, m: int, *, delta: float | None = None, log_n: float | None = None, method: str = "auto"
    ) -> BestOfNLaw:
        """Return the exact law of the best of n sequences of m letters in its main numbers.

        Parameters
        ----------
        m : int
            Letters of a sequence, at least 1.
        delta, log_n : float
            Exactly one: the number of draws is n = exp(m delta) or exp(log_n), any real n >= 1.
        method : str
            As in `reward_law`; for best-of-n ``"fft"`` takes one tilt, that of the aligned policy. ``"auto"`` chooses
            the cheapest exact one; the result says which, and with what error.

        Raises
        ------
        ValueError
            If m < 1, not exactly one of `delta` and `log_n` is given or it is not a finite number >= 0, the method is
            unknown or does not suit these rewards, or the law would not fit in memory.

        Examples
        --------
        >>> import alignment_fast as af
        >>> law = af.memoryless.MemorylessModel([0.5, 0.5], reward=[0.0, 1.0]).best_of_n(100, log_n=3.0)
        >>> round(law.expected_reward, 6), round(law.kl_to_reference, 6)
        (59.320606, 2.040046)

        """
        m = _length(m)
        log_n = _draws(m, delta, log_n)
        aligned = self.aligned(log_n / m)
        alpha = float(aligned.alpha)
        if len(self._letters.p) == 1:
            constant = Summary(m * float(self._letters.reward[0]), 0.0, 0.0, np.ones(1), 0.0)
            return self._result(m, log_n, alpha, 0.0, "types", constant)
        chosen = self._method(m, method)
        found = _METHODS[chosen].summary(self._letters, m, log_n, alpha, self._num_threads)
        # D(π‖φ^m) = D(π‖p^m) - α E r + m Λ(α)
        gap = found.kl - alpha * found.expected_reward + m * float(aligned.log_partition)
        return self._result(m, log_n, alpha, gap if math.isfinite(alpha) else math.inf, chosen, found)

    def _result(self, m, log_n, alpha, gap, method, found):
        marginal = np.zeros(len(self._p))
        group_of = self._letters.keys.group_of
        within = np.exp(self._log_p[self._support]) / self._letters.p[group_of]
        marginal[self._support] = found.marginal[group_of] * within
        return BestOfNLaw(
            found.expected_reward,
            found.reward_variance,
            found.kl,
            gap,
            marginal,
            m,
            log_n,
            alpha,
            method,
            found.error_bound,
        )

    def _method(self, m, method):
        """Return the method that `method` stands for with these rewards."""
        if method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
        count = _types.count(self._letters, m)
        lattice = self._letters.keys.span is not None
        if method == "auto":
            return "types" if count <= FEW_TYPES or (count <= MANY_TYPES and not lattice) else "fft"
        if method == "fft" and not lattice:
            raise ValueError("method 'fft' needs rewards on a lattice, and these lie on none")
        return method


def _vector(value: Any, name: str) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "biufO":
        raise TypeError(f"{name} must be real numbers, not of dtype {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"{name} must have one axis, the letters of the alphabet, not shape {array.shape}")
    return array.astype(np.float64)


def _log_q(q, p):
    """Return the reward log q, q normalised; 0 where `p` is 0, where it does not matter."""
    bad = np.flatnonzero(~(q >= 0) | np.isinf(q) | ((q == 0) & (p > 0)))
    if bad.size:
        at = int(bad[0])
        reason = f"is zero where p = {p[at]:g}: its reward would be -inf" if q[at] == 0 else "is no probability"
        raise ValueError(f"q{place(at, q.shape)} = {q[at]} {reason}")
    return np.log(np.where(q > 0, q, 1.0)) - np.where(q > 0, np.log(q.sum()), 0.0)


def _length(m):
    try:
        number = operator.index(m)
    except TypeError:
        raise TypeError(f"m must be an integer, not {m!r}") from None
    if number < 1:
        raise ValueError(f"m must be at least 1, got {number}")
    return number


def _draws(m, delta, log_n):
    """Return log n."""
    if (delta is None) == (log_n is None):
        raise ValueError("give exactly one of delta and log_n" + (", not both" if delta is not None else ""))
    name, number = ("delta", float(delta)) if log_n is None else ("log_n", float(log_n))
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} = {number} is not a finite number >= 0")
    return m * number if log_n is None else number
