"""Exact laws of best-of-n over a discrete alphabet."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from alignment_fast._border.arrays import is_foreign
from alignment_fast._border.call import Arguments, give, require_alphabet
from alignment_fast._border.outputs import is_too_large
from alignment_fast._border.rng import DRAWS, Seed, stream_key
from alignment_fast._border.scalars import as_flag, refuse_beyond
from alignment_fast._border.status import check_row_status
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.best_of_n._count import draws_grid, renyi_order
from alignment_fast.best_of_n.aligned import AlignedPolicy, align
from alignment_fast.policy.tilting import TiltedPolicy

DIVERGENCES = ("reverse_kl", "chi2", "tv", "hellinger2", "renyi")


class BestOfN:
    r"""Exact law of best-of-n: the best of n independent draws from a discrete reference, ties broken at random.

    With :math:`F(y) = P(r \le r(y))`, :math:`F^-(y) = P(r < r(y))` and :math:`P(y)` the mass of all outcomes with the
    reward of y,

    .. math:: \pi_n(y) = \frac{p(y)}{P(y)} \left(F(y)^n - F^-(y)^n\right), \qquad n \ge 1 \text{ real}.

    The alphabet is sorted once, on construction; every method then costs two or three elementary functions per
    outcome and n, and no temporary array of the size of the result. Leading axes of `p` and `reward` broadcast to a
    batch of laws. Methods take `n` or `log_n` (exactly one): a scalar adds no axis to the result, shape (T,) adds one
    after the leading axes, and shape (..., T) broadcasts its own leading axes.

    Parameters
    ----------
    p : array (..., V), optional
        Reference distribution, non-negative, normalised here. Default: uniform.
    reward : array (..., V)
        Rewards; equal rewards (-0.0 and 0.0 are equal) are a tie. Infinite ones are allowed.
    log : bool
        `p` holds log-probabilities or logits (any additive constant; -inf for probability 0).
    num_threads : int, optional
        Threads for the rows of a batch; default `get_num_threads`. The result has the same bits for any number.

    Raises
    ------
    ValueError
        If `reward` is missing or has a NaN, `p` has a negative, NaN or infinite entry or a row without positive mass,
        the alphabet is empty, or shapes do not broadcast. The message names the argument and the first position.
    TypeError
        If `p` are integers with ``log=True``, or an argument is not an array of real numbers.

    Notes
    -----
    Accuracy: log-probabilities to 1e-12 max(1, log n), relative where they are larger than that; probabilities to
    1e-12 (1 + n S) relative, S the mass of better outcomes; masses down to exp(-7e8) and log n up to 7e8 (larger
    ones act as that). Divergences keep their relative accuracy when they are tiny, as n -> 1 too. float32 in, float32
    out; the work is done in float64.

    Finite rewards of any size have a finite expectation; their variance is inf where it is beyond the range of float64.

    Arrays on a CUDA device are used there, without `aligned`: `p` and `reward` have one row, or one for each law. The
    construction waits for their check; `sample` draws there what it draws on the CPU, but where a uniform lies within
    1e-12 of the edge between two outcomes.

    Cost: about 25 ns per outcome for construction at V = 50 000 (most of it the sort), a few ns per outcome and n for
    a value, on one core; memory 92 bytes per outcome.

    References
    ----------
    Beirami et al., "Theoretical guarantees on the best-of-n alignment policy", arXiv:2401.01879.
    Mroueh, "Information theoretic guarantees for policy alignment in large language models", arXiv:2406.05883.

    Examples
    --------
    >>> import alignment_fast as af
    >>> law = af.best_of_n.BestOfN([0.2, 0.3, 0.5], [3.0, 1.0, 2.0])
    >>> law.pmf(3).round(4)
    array([0.488, 0.027, 0.485])
    >>> float(law.kl(3).round(6))
    0.355508
    >>> law.expected_reward([1, 10, 100]).round(4)
    array([1.9   , 2.8926, 3.    ])

    """

    def __init__(self, p: Any = None, reward: Any = None, *, log: bool = False, num_threads: int | None = None) -> None:
        self._samplers: dict[int, Any] = {}
        self._laws = None
        if num_threads is None:
            self._laws = (ops := operations("best_of_n")).short_law_build(p, reward, log)
        if self._laws is not None:
            self._ops, self._device = ops, "cpu"
            self._dtype, self._leading, self._size = reward.dtype, (), len(reward)
            self._model, self._single, self._rewards = None, True, reward.copy()
            return
        log = as_flag(log, "log")
        if reward is None:
            raise ValueError("reward is required")
        options = {"optional": ("p",), "on_devices": True}
        given = _Arguments({"p": p, "reward": reward}, ("p",) if log else (), **options)
        self._dtype, self._leading, self._size = given.dtype, given.leading, given["reward"].shape[-1]
        self._model = given.model if is_foreign(given.model) else None  # do not keep the caller's memory alive
        self._device = given.device
        self._ops = given.operations("best_of_n")
        uniform = p is None
        self._laws, words = self._ops.law_build(
            None if uniform else given.rows("p", dtype=np.float64),
            given.rows("reward", dtype=np.float64),
            given.count(),
            log=log and not uniform,
            num_threads=num_threads,
        )
        if not uniform:
            check_row_status(words[:, 0], "p", given["p"], self._leading)
        check_row_status(words[:, 1], "reward", given["reward"], self._leading)
        # For `aligned`; the caller may change theirs. Those on a device are read from the laws.
        self._rewards = given["reward"].copy() if self._device == "cpu" else None
        self._single = not self._leading and self._model is None and self._device == "cpu"

    def __repr__(self) -> str:
        return f"BestOfN(shape={(*self._leading, self._size)}, dtype={self._dtype.name})"

    def __getstate__(self):
        return {**self.__dict__, "_samplers": {}, "_ops": None}

    def __setstate__(self, state):
        self.__dict__.update(state, _ops=operations("best_of_n", state["_device"]))

    def _row_of(self, leading):
        own = np.arange(math.prod(self._leading), dtype=np.int64).reshape(self._leading)
        return np.ascontiguousarray(np.broadcast_to(own, leading)).reshape(-1)

    def _out(self, values, shape):
        values = values if self._device == "cpu" else operations("common", self._device).cast(values, self._dtype)
        return give(values, self._model, dtype=self._dtype, shape=shape)

    def _value(self, kind, n, log_n, num_threads, order=0.0):
        ops = self._ops
        kind = ops.VALUES[kind]
        if self._single and num_threads is None:
            found = ops.short_law_values(self._laws, kind, n, log_n, order, self._dtype.type)
            if found is not None:
                return found
        grid, is_log = draws_grid(n, log_n, self._leading)
        points = grid.rows()
        row_of = self._row_of(grid.leading)
        values = ops.law_values(self._laws, kind, order, row_of, points, is_log, num_threads=num_threads)
        return self._out(values, grid.shape)

    def _distribution(self, n, log_n, log, num_threads):
        if self._single and num_threads is None:
            found = self._ops.short_law_pmf(self._laws, n, log_n, log, self._dtype.type)
            if found is not None:
                return found
        grid, is_log = draws_grid(n, log_n, self._leading)
        shape = (*grid.shape, self._size)
        if is_too_large(shape):
            raise ValueError(f"a result of shape {shape} has {math.prod(shape):.3g} numbers; ask for fewer n at a time")
        ops, row_of = self._ops, self._row_of(grid.leading)
        return self._out(ops.law_pmf(self._laws, row_of, grid.rows(), is_log, log=log, num_threads=num_threads), shape)

    def log_pmf(self, n: Any = None, *, log_n: Any = None, num_threads: int | None = None) -> Any:
        """Return log π_n(y) for every outcome, in the order given: shape (..., [T,] V).

        -inf where p is zero (and where log π_n itself is below the range of the dtype).

        Examples
        --------
        >>> import alignment_fast as af
        >>> af.best_of_n.BestOfN(reward=[0.0, 1.0]).log_pmf(log_n=1000.0)
        array([-inf,   0.])

        """
        return self._distribution(n, log_n, True, num_threads)

    def pmf(self, n: Any = None, *, log_n: Any = None, num_threads: int | None = None) -> Any:
        """Return π_n(y) for every outcome, in the order given: shape (..., [T,] V).

        Examples
        --------
        >>> import alignment_fast as af
        >>> af.best_of_n.BestOfN(reward=[0.0, 1.0, 1.0, 2.0]).pmf(2)
        array([0.0625, 0.25  , 0.25  , 0.4375])

        """
        return self._distribution(n, log_n, False, num_threads)

    def kl(self, n: Any = None, *, log_n: Any = None, num_threads: int | None = None) -> Any:
        """Return D(π_n ‖ p) in nats: shape (..., [T]).

        At most `kl_upper_bound`, and at most -log P(best reward).

        Examples
        --------
        >>> import alignment_fast as af
        >>> float(af.best_of_n.BestOfN(reward=[0.0, 1.0]).kl(2).round(6))
        0.130812

        """
        return self._value("kl", n, log_n, num_threads)

    def expected_reward(self, n: Any = None, *, log_n: Any = None, num_threads: int | None = None) -> Any:
        """Return the expected reward of best-of-n: shape (..., [T]).

        Accurate relative to the reward's standard deviation under π_n, wherever its origin is. Infinite or NaN by the
        usual rules where an infinite reward has positive probability.

        Examples
        --------
        >>> import alignment_fast as af
        >>> float(af.best_of_n.BestOfN(reward=[0.0, 1.0]).expected_reward(2))
        0.75

        """
        return self._value("expected_reward", n, log_n, num_threads)

    def reward_variance(self, n: Any = None, *, log_n: Any = None, num_threads: int | None = None) -> Any:
        """Return the variance of the reward of best-of-n: shape (..., [T]).

        Examples
        --------
        >>> import alignment_fast as af
        >>> float(af.best_of_n.BestOfN(reward=[0.0, 1.0]).reward_variance(2))
        0.1875

        """
        return self._value("reward_variance", n, log_n, num_threads)

    def win_rate(self, n: Any = None, *, log_n: Any = None, num_threads: int | None = None) -> Any:
        """Return the probability that best-of-n beats one draw of p, ties counting one half: shape (..., [T]).

        At most n / (n + 1), reached by continuous rewards.

        Examples
        --------
        >>> import alignment_fast as af
        >>> float(af.best_of_n.BestOfN(reward=[0.0, 1.0]).win_rate(2))
        0.625

        """
        return self._value("win_rate", n, log_n, num_threads)

    def divergence(
        self, kind: str, n: Any = None, *, log_n: Any = None, order: float | None = None, num_threads: int | None = None
    ) -> Any:
        r"""Return a divergence between best-of-n and the reference: shape (..., [T]).

        Parameters
        ----------
        kind : str
            ``"reverse_kl"`` :math:`D(p \| \pi)`; ``"chi2"`` :math:`\sum \pi^2/p - 1`; ``"tv"``
            :math:`\frac12 \sum |\pi - p|`; ``"hellinger2"`` :math:`1 - \sum \sqrt{\pi p}`; ``"renyi"``
            :math:`D_a(\pi \| p) = \frac{1}{a-1} \log \sum \pi^a p^{1-a}`.
        n, log_n : float or array
            Number of draws, or its logarithm.
        order : float
            Order a of the Rényi divergence: any real, 0, 1 (that is `kl`) and ±inf included.
        num_threads : int, optional
            Default `get_num_threads`.

        Raises
        ------
        ValueError
            If `kind` is unknown, or `order` is missing, NaN, or given for another kind.

        Examples
        --------
        >>> import alignment_fast as af
        >>> law = af.best_of_n.BestOfN(reward=[0.0, 1.0])
        >>> float(law.divergence("tv", 2)), float(law.divergence("chi2", 2))
        (0.25, 0.25)

        """
        if type(kind) is not str or kind not in DIVERGENCES:
            as_word(kind, "kind", DIVERGENCES)
        if (order is not None) != (kind == "renyi"):
            raise ValueError("kind 'renyi' needs order" if order is None else f"kind {kind!r} takes no order")
        if order is None:
            return self._value(kind, n, log_n, num_threads)
        order = renyi_order(order)
        if order == 1.0:
            return self.kl(n, log_n=log_n, num_threads=num_threads)
        return self._value(kind, n, log_n, num_threads, order)

    def kl_estimate(self, n: Any = None, *, log_n: Any = None, num_threads: int | None = None) -> Any:
        """Return the expectation under best-of-n of the estimator `kl_estimator` at p(y): shape (..., [T]).

        Not below `kl` and not above `kl_upper_bound`.

        Examples
        --------
        >>> import alignment_fast as af
        >>> law = af.best_of_n.BestOfN([0.2, 0.3, 0.5], [3.0, 1.0, 2.0])
        >>> float(law.kl_estimate(3).round(6))
        0.39977

        """
        if self._single and num_threads is None:
            found = self._ops.short_law_kl_estimate(self._laws, n, log_n, self._dtype.type)
            if found is not None:
                return found
        grid, is_log = draws_grid(n, log_n, self._leading)
        ops, row_of = self._ops, self._row_of(grid.leading)
        values = ops.law_kl_estimate(self._laws, row_of, grid.rows(), is_log, num_threads=num_threads)
        return self._out(values, grid.shape)

    def aligned(self, n: Any = None, *, log_n: Any = None, num_threads: int | None = None) -> AlignedPolicy:
        """Return the KL-regularised optimum φ of the same divergence as best-of-n, and D(π_n ‖ φ).

        φ ∝ p e^{α r} with D(φ ‖ p) = D(π_n ‖ p): what best-of-n is often taken for. Its expected reward is the larger
        one.

        Parameters
        ----------
        n, log_n : float or array
            Number of draws, or its logarithm.
        num_threads : int, optional
            Default `get_num_threads`.

        Returns
        -------
        AlignedPolicy
            ``policy``, a `TiltedPolicy` of shape (..., [T]), and ``divergence`` D(π_n ‖ φ).

        Raises
        ------
        ValueError
            If an outcome of positive probability has an infinite reward. On a CUDA device the policy is NaN then.

        Notes
        -----
        Near saturation, alpha is found from D_max − D(π_n ‖ p), summed without cancellation, and so keeps its digits
        for any n. The divergence is a sum of terms of one sign, of log-probabilities that are rounded: its error is
        some 1e-15 times its root, and below 1e-30 it has no digits. Memory: some arrays of the size (..., [T,] V) of
        the policy.

        References
        ----------
        Yang et al., "Asymptotics of language model alignment", arXiv:2404.01730.

        Examples
        --------
        >>> import alignment_fast as af
        >>> matched = af.best_of_n.BestOfN([0.2, 0.3, 0.5], [3.0, 1.0, 2.0]).aligned(3)
        >>> float(matched.policy.kl.round(6)), float(matched.divergence.round(6))
        (0.355508, 0.029644)

        """
        ops, options = self._ops, {"num_threads": num_threads}
        if self._single and num_threads is None:
            tilts = operations("information", self._device).short_matched
            found = ops.short_law_aligned(self._laws, tilts, self._rewards, n, log_n, self._dtype.type)
            if found is not None:
                return AlignedPolicy(tuple.__new__(TiltedPolicy, found[0]), found[1])
        grid, is_log = draws_grid(n, log_n, self._leading)
        points = grid.rows()
        row_of = self._row_of(grid.leading)
        log_pi = ops.law_pmf(self._laws, row_of, points, is_log, log=True, **options)
        log_p = ops.law_pmf(self._laws, row_of, np.ones((1, 1)), False, log=True, **options)
        kl = ops.law_values(self._laws, ops.VALUES["kl"], 0.0, row_of, points, is_log, **options)
        width, rows = self._size, len(row_of)
        if self._rewards is None:
            rewards = ops.law_rewards(self._laws, row_of)
        else:
            rewards = np.broadcast_to(self._rewards, (*grid.leading, width)).reshape(rows, width)
            rewards = np.ascontiguousarray(rewards, dtype=np.float64)  # a reshaped broadcast may keep strides of 0
        columns = kl.shape[-1]
        log_pi, kl = log_pi.reshape(rows, columns, width), kl.reshape(rows, columns)
        policy, divergence = align(ops, log_p.reshape(rows, width), rewards, log_pi, kl, num_threads)
        shapes = dict.fromkeys(policy._fields, grid.shape) | {"log_pi": (*grid.shape, width)}
        policy = TiltedPolicy(**{name: self._out(getattr(policy, name), shape) for name, shape in shapes.items()})
        return AlignedPolicy(policy, self._out(divergence, grid.shape))

    def sample(
        self,
        size: int | tuple[int, ...],
        n: Any = None,
        *,
        log_n: Any = None,
        rng: Seed = None,
        num_threads: int | None = None,
    ) -> Any:
        r"""Draw outcomes of best-of-n: int64 indices, of shape ``(..., [T,] *size)``.

        One uniform u gives the tail mass :math:`\tau = 1 - u^{1/n}` of the best of n draws, in logarithms; the last
        group of outcomes with :math:`P(r \ge \cdot) > \tau` is the one selected, and a second uniform chooses within
        it by p. The cost of a draw, O(log V), does not depend on n.

        Parameters
        ----------
        size : int or tuple of int
            Shape of the draws for each law and n.
        n, log_n : float or array
            Number of draws, or its logarithm.
        rng : None, int, SeedSequence or Generator
            Source of the stream. Draw i of result k (flat position among laws and grid) uses uniforms 2i and 2i + 1
            of replicate k: values depend on the seed and these numbers only.
        num_threads : int, optional
            Default `get_num_threads`.

        Examples
        --------
        >>> import alignment_fast as af
        >>> af.best_of_n.BestOfN([0.2, 0.3, 0.5], [3.0, 1.0, 2.0]).sample(5, 3, rng=1)
        array([0, 2, 2, 2, 2])

        """
        ops = self._ops
        if self._single and num_threads is None and type(rng) is int and rng >= 0:
            key = stream_key(rng, DRAWS, "rng")
            found = ops.short_law_draw(self._laws, self._sampler(ops, 0), size, n, log_n, key)
            if found is not None:
                return found
        grid, is_log = draws_grid(n, log_n, self._leading)
        lengths = _lengths(size)
        key = stream_key(rng, DRAWS, "rng")
        columns = grid.values.shape[-1]
        row_of = self._row_of(grid.leading)
        counts = np.broadcast_to(grid.rows(), (len(row_of), columns)).reshape(-1)
        samplers = [self._sampler(ops, int(row)) for row in row_of.repeat(columns)]
        out = ops.law_draw(self._laws, samplers, counts, is_log, math.prod(lengths), key, num_threads=num_threads)
        return give(out, self._model, shape=(*grid.shape, *lengths))

    def _sampler(self, ops, row):
        if row not in self._samplers:
            self._samplers[row] = ops.law_sampler(self._laws, row)
        return self._samplers[row]


def _lengths(size: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that `size`, an integer or some integers, stands for."""
    try:
        lengths = tuple(map(operator.index, size)) if isinstance(size, (tuple, list)) else (operator.index(size),)
    except TypeError:
        raise TypeError(f"size must be an integer or a tuple of integers, not {size!r}") from None
    if min(lengths, default=0) < 0:
        raise ValueError(f"size {lengths} has a negative length")
    refuse_beyond(math.prod(lengths), "the number of draws of size")
    return lengths


class _Arguments(Arguments):
    """Masses and rewards over one alphabet."""

    __slots__ = ()

    def accept(self, arrays):
        require_alphabet(arrays)
        both = " and ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
        if len({array.shape[-1] for array in arrays.values()}) > 1:
            raise ValueError(f"{both} differ in their last axis")
        try:
            np.broadcast_shapes(*(array.shape for array in arrays.values()))
        except ValueError:
            raise ValueError(f"{both} do not broadcast") from None
        return super().accept(arrays)
