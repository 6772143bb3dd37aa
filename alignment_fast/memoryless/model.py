"""The memoryless language model: m independent letters, a reward per letter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import as_parameter
from alignment_fast._border.kinds import in_kind_of_its_arrays, kind_of
from alignment_fast._border.rng import DRAWS, Seed, stream_key
from alignment_fast._border.scalars import LARGEST, as_count, as_number
from alignment_fast._border.status import place, refuse
from alignment_fast._border.words import as_word
from alignment_fast._operations import operations
from alignment_fast.information.moments import rate_function
from alignment_fast.memoryless import _binned, _lattice, _saddlepoint, _sampling, _types, expansions
from alignment_fast.memoryless._errors import UNIT, Errors, Summary
from alignment_fast.memoryless._keys import Letters
from alignment_fast.memoryless._question import SequenceQuestion
from alignment_fast.memoryless.expansions import SecondOrder
from alignment_fast.memoryless.results import BestOfNErrors, BestOfNLaw, Law, TailEstimate
from alignment_fast.policy.tilting import TiltedPolicy, kl_constrained, tilt

METHODS = ("auto", "types", "fft", "saddlepoint")
# Types are enumerated up to this many by themselves: a fifth of a second and 100 MB.
MANY_TYPES = 2_000_000
# Fewer of them than this cost less than the transforms.
FEW_TYPES = 20_000
# Points of a lattice that transforms are taken of without being asked.
MANY_POINTS = 1 << 24
# Letters of a sequence whose law of sums is taken: exponents are of their size, and keep few digits beyond it.
LONGEST = 1 << 24
# Weights of letters from here on are taken smaller before they are added up.
LARGE = 2.0**960
# Absolute error of the expected reward, in units of its deviation, up to which the saddlepoint is good enough.
GOOD = 1e-4


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
    with numbers up to 65536 are recognised, so that equal sums are exactly ties. Arrays on a CUDA device are refused:
    types and transforms of the one model are made on the CPU. Methods give arrays of the kind, and on the device, that
    an array among their arguments has, else the distribution or the reward here.

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
        self._num_threads, self._last_proposals = num_threads, None
        self._p, name = _vector(p, "p"), "q" if reward is None else "reward"
        given = _vector(q if reward is None else reward, name)
        self._kind = kind_of(p, q if reward is None else reward)
        if given.shape != self._p.shape:
            raise ValueError(f"p of shape {self._p.shape} and {name} of shape {given.shape} differ")
        self._reward = given if reward is not None else _log_q(given, self._p)
        untilted = tilt(self._p, self._reward, 0.0, num_threads=num_threads)  # checks p and the reward
        self._log_p = untilted.log_pi
        self._support = np.flatnonzero(self._log_p > -np.inf)
        mass = self._p[self._support]
        mass = np.ldexp(mass, -np.frexp(mass.max())[1])  # their total may be above the largest double
        self._letters = Letters.merged(operations("memoryless"), mass / mass.sum(), self._reward[self._support])

    def __repr__(self) -> str:
        return f"MemorylessModel(letters={len(self._p)}, delta_max={self.delta_max:.6g})"

    @property
    def delta_max(self) -> float:
        """Largest divergence per token that a tilt has: -log P(largest reward)."""
        return -math.log(self._letters.p[-1])

    @in_kind_of_its_arrays
    def tilt(self, alpha: ArrayLike) -> TiltedPolicy:
        """Return the tilted letters p e^{α r}/Z(α), as `alignment_fast.policy.tilt`.

        Examples
        --------
        >>> import alignment_fast as af
        >>> af.memoryless.MemorylessModel([0.5, 0.5], reward=[0.0, 1.0]).tilt(2.0).pi.round(6)
        array([0.119203, 0.880797])

        """
        return tilt(self._p, self._reward, alpha, num_threads=self._num_threads)

    @in_kind_of_its_arrays
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
        budgets = as_parameter(delta, "delta")[()]
        if not np.logical_and.reduce(budgets >= 0, axis=None):
            refuse(~(budgets >= 0), budgets, "delta", "is not a number >= 0")
        return kl_constrained(self._p, self._reward, budgets, num_threads=self._num_threads)

    @in_kind_of_its_arrays
    def reward_law(self, m: int, *, method: str = "auto") -> Law:
        """Return the law of the sum of the rewards of m letters.

        Parameters
        ----------
        m : int
            Number of letters, at least 1.
        method : str
            ``"types"`` enumerates the C(m + J - 1, J - 1) types of the J distinct rewards: errors of rounding only.
            ``"fft"``: a ladder of tilted transforms, every probability to 1e-11 relative for rewards on a
            lattice; others are put on a fine one first, which keeps their mean. ``"saddlepoint"``: probabilities of
            4096 equal cells, by the Lugannani-Rice formula of second order. ``"auto"`` takes types where there are few,
            else transforms where there is a lattice, else the saddlepoint.

        Raises
        ------
        ValueError
            If m < 1 or m > 2^24, the method is unknown or does not suit these rewards, or the law would not fit in
            memory.

        Examples
        --------
        >>> import alignment_fast as af, numpy as np
        >>> law = af.memoryless.MemorylessModel([0.5, 0.5], reward=[0.0, 1.0]).reward_law(3)
        >>> law.support, np.exp(law.log_pmf).round(6)
        (array([0., 1., 2., 3.]), array([0.125, 0.375, 0.375, 0.125]))

        """
        m = self._sequence(m)
        if len(self._letters.p) == 1:
            return Law(np.array([m * self._letters.reward[0]]), np.zeros(1), "types", 0.0)
        chosen, ops = self._module(self._method(m, method))
        return chosen.law(ops, self._letters, m, self._num_threads)

    @in_kind_of_its_arrays
    def best_of_n(
        self, m: int, *, delta: float | None = None, log_n: float | None = None, method: str = "auto"
    ) -> BestOfNLaw:
        """Return the law of the best of n sequences of m letters in its main numbers, each with its error.

        Parameters
        ----------
        m : int
            Letters of a sequence, at least 1.
        delta, log_n : float
            Exactly one: the number of draws is n = exp(m delta) or exp(log_n), any real n >= 1.
        method : str
            As in `reward_law`; for best-of-n ``"fft"`` takes one tilt, that of the aligned policy (three lattices and
            extrapolation where the rewards lie on none), and sums products directly where transforms do not see sums
            that count; ``"saddlepoint"`` costs the same for any n, and for any m but for one transform of length √m.
            ``"auto"`` chooses as in `reward_law`, and transforms where the saddlepoint errs by 1e-4 deviations or more;
            the result says which.

        Raises
        ------
        ValueError
            If m < 1 or m > 2^24, not exactly one of `delta` and `log_n` is given or it is not a finite number >= 0, the
            method is unknown or does not suit these rewards, or the law would not fit in memory.

        Notes
        -----
        Every figure has an error of its own in `errors`. They are bounds for types and for rewards on a lattice: of
        rounding in the weights, the enumeration or the transforms, and in best-of-n, carried through tails of the sum
        to each figure. They are estimates for other rewards: by what lattices differ by, or the next terms of the
        expansion, the characteristic function and the tokens; where single sums weigh, they are wide. Rewards, and
        sums, that differ by rounding only count as equal, which the divergences see.

        Examples
        --------
        >>> import alignment_fast as af
        >>> law = af.memoryless.MemorylessModel([0.5, 0.5], reward=[0.0, 1.0]).best_of_n(100, log_n=3.0)
        >>> round(law.expected_reward, 6), round(law.kl_to_reference, 6)
        (59.320606, 2.040046)

        """
        m = self._sequence(m)
        log_n = _draws(m, delta, log_n)
        aligned = self._aligned(log_n / m)
        alpha = float(aligned.alpha)
        asked = self._question(m, log_n, alpha)
        if len(self._letters.p) == 1:
            reward = m * float(self._letters.reward[0])
            exact = Errors(2 * UNIT * abs(reward), 0.0, 0.0, 2 * UNIT, True)
            constant = Summary(reward, 0.0, 0.0, np.ones(1), exact)
            return self._result(asked, 0.0, "types", constant)
        found, chosen = self._summary(asked, method)
        # D(π‖φ^m) = D(π‖p^m) - α E r + m Λ(α)
        gap = max(found.kl - alpha * found.expected_reward + m * float(aligned.log_partition), 0.0)
        return self._result(asked, gap if math.isfinite(alpha) else math.inf, chosen, found)

    def reward_bounds(self, m: int, *, delta: float | None = None, log_n: float | None = None) -> tuple[float, float]:
        """Return numbers that the expected reward of best-of-n lies between, for certain, whatever the rewards are.

        The rewards are rounded down, then up, to a lattice of 2^21 points for the sum: sums of rounded rewards are
        smaller (larger) one by one, and so is the best of any number of them. The bounds are about m spans apart.

        Parameters
        ----------
        m, delta, log_n
            As in `best_of_n`.

        Examples
        --------
        >>> import alignment_fast as af
        >>> model = af.memoryless.MemorylessModel([1/5, 3/10, 1/2], [2/3, 1/9, 2/9])
        >>> lower, upper = model.reward_bounds(100, delta=0.11)
        >>> bool(lower < model.best_of_n(100, delta=0.11).expected_reward < upper)
        True

        """
        m = self._sequence(m)
        log_n = _draws(m, delta, log_n)
        if len(self._letters.p) == 1:
            return (m * float(self._letters.reward[0]),) * 2
        asked = self._question(m, log_n, float(self._aligned(log_n / m).alpha))
        return _binned.bounds(operations("memoryless"), asked)

    @in_kind_of_its_arrays
    def rate(self, tau: ArrayLike, *, delta: float = 0.0, which: str = "reference") -> Any:
        r"""Return the rate function of -reward/m at `tau`: :math:`P(-S_m/m \approx \tau) = e^{-m J(\tau) + o(m)}`.

        With :math:`J_0(\tau) = \sup_t (-t \tau - \Lambda(t))` of the reference and the typical level
        :math:`\tau_\delta` of the aligned policy of divergence `delta`, that of the aligned policy is
        :math:`J_0(\tau) - \delta + \alpha (\tau - \tau_\delta)`, that of best-of-n with n = exp(m delta) is
        :math:`J_0(\tau) - \delta` for :math:`\tau \le \tau_\delta` and infinite beyond: best-of-n is worse than
        typical with a probability that is doubly exponentially small. The two agree at :math:`\tau_\delta` only; at
        delta = 0, where best-of-n draws once, all three are one.

        Parameters
        ----------
        tau : array_like, scalar or (T,)
            Levels of minus the reward per letter.
        delta : float
            Divergence per token, >= 0; the reference has none.
        which : str
            ``"reference"``, ``"aligned"`` or ``"best_of_n"``.

        Examples
        --------
        >>> import alignment_fast as af
        >>> model = af.memoryless.MemorylessModel([1/5, 3/10, 1/2], [2/3, 1/9, 2/9])
        >>> [model.rate(1.0, delta=0.11, which=which).round(6) for which in ("reference", "aligned", "best_of_n")]
        [np.float64(0.285054), np.float64(0.04038), np.float64(0.175054)]

        """
        expansions.check_which(which)
        delta = _delta(delta)
        policy = self._of_distinct(delta)
        return expansions.rate(self._letters.p, self._letters.reward, policy, tau, delta=delta, which=which)

    @in_kind_of_its_arrays
    def scaled_cumulant(self, rho: ArrayLike, *, delta: float = 0.0, which: str = "aligned") -> Any:
        r"""Return :math:`\lim \frac{1}{m \rho} \log E\, e^{\rho S_m}`; at rho = 0 the mean reward per token.

        For the reference and the aligned policy it is exact for every m: :math:`\Lambda(\rho)/\rho` and
        :math:`(\Lambda(\alpha + \rho) - \Lambda(\alpha))/\rho`. For best-of-n it freezes: it is the mean for
        :math:`\rho \le \alpha` and :math:`(\Lambda(\rho) + \delta)/\rho` from there on; at delta = 0 it is
        that of the reference.

        Parameters
        ----------
        rho : array_like, scalar or (T,)
            Orders.
        delta, which
            As in `rate`.

        Examples
        --------
        >>> import alignment_fast as af
        >>> model = af.memoryless.MemorylessModel([1/5, 3/10, 1/2], [2/3, 1/9, 2/9])
        >>> model.scaled_cumulant([0.3, 1.0, 2.0], delta=0.11, which="best_of_n").round(6)
        array([-1.189911, -1.170934, -1.016579])

        """
        expansions.check_which(which)
        delta = _delta(delta)
        policy = self._of_distinct(delta)
        return expansions.scaled_cumulant(self._letters.p, self._letters.reward, policy, rho, delta=delta, which=which)

    def second_order(self, m: int, delta: float) -> SecondOrder:
        r"""Return best-of-n with n = exp(m delta) to the terms that vanish as m grows.

        With :math:`\sigma^2 = \Lambda''(\alpha)`, Euler's :math:`\gamma` and rewards off every lattice,

        .. math:: E S = m \Lambda'(\alpha) - \frac{\log(\alpha \sigma \sqrt{2 \pi m}) - \gamma}{\alpha}, \quad
                  D(\pi \| p^m) = m \delta - 1, \quad
                  D(\pi \| \varphi^m) = \tfrac12 \log(2 \pi m \alpha^2 \sigma^2) - 1 - \gamma;

        on a lattice of span h the Gumbel law behind them is replaced by its discretisation with scale
        :math:`h/((1 - e^{-\alpha h}) \sigma \sqrt{2 \pi m})`, so that values oscillate with m.

        Parameters
        ----------
        m : int
            Letters of a sequence, at least 1.
        delta : float
            Divergence per token, between 0 and `delta_max`, both excluded.

        Examples
        --------
        >>> import alignment_fast as af
        >>> model = af.memoryless.MemorylessModel([1/5, 3/10, 1/2], [2/3, 1/9, 2/9])
        >>> round(model.second_order(1600, 0.11).expected_reward / 1600, 9)
        -1.19280899

        """
        m = as_count(m, "m", most=None)
        if m > LARGEST:
            raise ValueError("m does not fit into a float64")
        delta = as_number(delta, "delta")
        if not 0 < delta < self.delta_max:
            raise ValueError(f"delta = {delta} is not between 0 and delta_max = {self.delta_max}, both excluded")
        keys = self._letters.keys
        return expansions.second_order(self._of_distinct(delta), m, delta, keys.span, keys.offset)

    @in_kind_of_its_arrays
    def sample_sequences(
        self, m: int, size: int, *, delta: float | None = None, log_n: float | None = None, rng: Seed = None
    ) -> np.ndarray:
        """Return exact draws of best-of-n over sequences of m letters, at any n.

        Tilted sequences are proposed and accepted by what best-of-n makes of the sum of their rewards. About √m
        proposals are needed for a draw, whatever n is. What they are made from is kept for a next call of the same m
        and n.

        Parameters
        ----------
        m, delta, log_n
            As in `best_of_n`.
        size : int
            Number of sequences.
        rng : None, int, SeedSequence or Generator
            Source of random numbers. Draws go through `numpy.random.Generator` and may change with its version.

        Returns
        -------
        array (size, m) of int64
            Letters, as indices into `p`. Exact where `reward_law` takes types or a lattice (up to the error of its
            probabilities); elsewhere tails are those of the saddlepoint, with the error that `best_of_n` states.

        Examples
        --------
        >>> import alignment_fast as af
        >>> model = af.memoryless.MemorylessModel([1/5, 3/10, 1/2], [2/3, 1/9, 2/9])
        >>> model.sample_sequences(1000, 3, log_n=110.0, rng=1).shape
        (3, 1000)

        """
        m, size = self._sequence(m), as_count(size, "size", least=0)
        log_n = _draws(m, delta, log_n)
        generator = _generator(rng)
        if len(self._letters.p) == 1:
            return self._letters_of(np.zeros((size, m), dtype=np.int64), generator)
        ratio, proposed = self._proposals(m, log_n)
        rewards = _sampling.best_of_n(self._letters, m, ratio, proposed, size=size, generator=generator)
        return self._letters_of(rewards, generator)

    def tail_probability(self, m: int, level: float, draws: int, *, rng: Seed = None) -> TailEstimate:
        """Return a Monte Carlo estimate of P(sum of m rewards >= level) under the reference, however rare.

        Letters are drawn under the tilt whose mean reward is level/m (Cramér), and weighted back: the relative variance
        of one draw is of order √m, where that of plain Monte Carlo is one over the probability.

        Parameters
        ----------
        m : int
            Letters of a sequence, at least 1.
        level : float
            The level; below the mean of the sum letters are drawn without tilt.
        draws : int
            Sequences to draw, at least 1.
        rng : None, int, SeedSequence or Generator
            As in `sample_sequences`.

        Examples
        --------
        >>> import alignment_fast as af
        >>> model = af.memoryless.MemorylessModel([0.5, 0.5], reward=[0.0, 1.0])
        >>> estimate = model.tail_probability(1000, 900.0, 10_000, rng=1)
        >>> round(estimate.log_probability), estimate.relative_error < 0.05
        (-371, True)

        """
        m, draws = as_count(m, "m"), as_count(draws, "draws")
        level = as_number(level, "level")
        if math.isnan(level):
            raise ValueError("level is NaN")
        if level == -math.inf:
            return TailEstimate(0.0, 0.0, 0.0, draws)
        found = rate_function(self._letters.reward, level / m, p=self._letters.p)
        tilt = max(float(found.t), 0.0)
        if math.isinf(tilt):  # the largest sum, or none
            return TailEstimate(-m * float(found.value), 0.0, tilt, draws)
        log_mean, error = _sampling.tail(self._letters, m, level, tilt, size=draws, generator=_generator(rng))
        return TailEstimate(log_mean, error, tilt, draws)

    def _sequence(self, m):
        """Return the number of letters of a sequence whose law of sums is asked for."""
        m = as_count(m, "m", most=None)
        if m > LONGEST:
            raise ValueError(f"m = {m} letters are more than {LONGEST}, the most whose sum has a law here")
        low, high = float(self._letters.reward[0]), float(self._letters.reward[-1])
        if not math.isfinite(m * max(-low, high, high - low)):
            raise ValueError(f"sums of m = {m} rewards between {low} and {high} are beyond the largest double")
        return m

    def _aligned(self, delta):
        return kl_constrained(self._p, self._reward, delta, num_threads=self._num_threads)

    def _of_distinct(self, delta):
        """Return the aligned policy over the distinct rewards."""
        return kl_constrained(self._letters.p, self._letters.reward, delta)

    def _question(self, m, log_n, alpha):
        return SequenceQuestion(self._letters, m, log_n, alpha, self._num_threads)

    def _ratio(self, asked):
        chosen, ops = self._module(self._method(asked.m, "auto"))
        found = chosen.ratio(ops, asked)
        return _binned.ratio(operations("memoryless"), asked) if found is None else found

    def _proposals(self, m, log_n):
        """Return the ratio of best-of-n to the reference and the tilt of proposals, kept for the next call."""
        kept = self._last_proposals
        if kept is None or kept[0] != (m, log_n):
            alpha = float(self._aligned(log_n / m).alpha)
            ratio = self._ratio(self._question(m, log_n, alpha))
            highest = min(alpha, self._highest_tilt(m))
            kept = (m, log_n), (ratio, _sampling.best_tilt(self._letters, m, ratio, highest))
            self._last_proposals = kept
        return kept[1]

    def _highest_tilt(self, m):
        """Return a tilt under which about one of m letters misses the largest reward."""
        top = self._letters.reward[-1] - 0.5 / m * (self._letters.reward[-1] - self._letters.reward[-2])
        return float(rate_function(self._letters.reward, top, p=self._letters.p).t)

    def _letters_of(self, rewards, generator):
        """Return letters for indices of distinct rewards: among those of one reward by their probabilities."""
        group_of = self._letters.keys.group_of
        order = np.argsort(group_of, kind="stable")
        cumulated = np.cumsum(np.exp(self._log_p[self._support])[order])
        first = np.searchsorted(group_of[order], np.arange(len(self._letters.p)))
        last = np.searchsorted(group_of[order], np.arange(len(self._letters.p)), side="right") - 1
        below = np.concatenate([[0.0], cumulated])[first]
        place = below[rewards] + generator.random(rewards.shape) * (cumulated[last] - below)[rewards]
        found = np.searchsorted(cumulated, place, side="right")
        return self._support[order[np.clip(found, first[rewards], last[rewards])]]

    def _result(self, asked, gap, method, found):
        m, log_n, alpha = asked.m, asked.log_n, asked.alpha
        marginal = np.zeros(len(self._p))
        group_of = self._letters.keys.group_of
        within = np.exp(self._log_p[self._support]) / self._letters.p[group_of]
        marginal[self._support] = found.marginal[group_of] * within
        errors = found.errors
        of_gap = 0.0
        if math.isfinite(alpha):
            terms = abs(found.kl) + alpha * (abs(found.expected_reward) + m * float(np.abs(self._letters.reward).max()))
            of_gap = errors.kl + alpha * errors.expected_reward + 16 * UNIT * (terms + log_n)
        kind = "bound" if errors.bound else "estimate"
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
            errors.expected_reward,
            BestOfNErrors(errors.expected_reward, errors.reward_variance, errors.kl, of_gap, errors.marginal, kind),
        )

    def _method(self, m, method):
        """Return the method that `method` stands for with these rewards."""
        as_word(method, "method", METHODS)
        if method != "auto":
            return method
        count = _types.count(operations("memoryless"), self._letters, m)
        if self._letters.keys.span is not None and _lattice.points(self._letters, m) <= MANY_POINTS:
            return "types" if count <= FEW_TYPES else "fft"
        return "types" if count <= MANY_TYPES else "saddlepoint"

    def _module(self, method):
        """Return the module of a method for these rewards, and the table of operations that it works with."""
        if method == "saddlepoint":
            return _saddlepoint, operations("information")
        transforms = _binned if self._letters.keys.span is None else _lattice
        return transforms if method == "fft" else _types, operations("memoryless")

    def _summary(self, asked, method):
        """Return the `Summary` of best-of-n and the method it is from."""
        chosen = self._method(asked.m, method)
        found = self._best_of_n(asked, chosen)
        if chosen != "saddlepoint":
            return found, chosen
        if method == "saddlepoint" and found is None:
            raise ValueError(
                "there is no saddlepoint: best-of-n reaches an end of the range of sums, or letters so rare that tails "
                "are not known there; use method='fft'"
            )
        inaccurate = found is None or found.errors.expected_reward > GOOD * math.sqrt(found.reward_variance)
        large = self._letters.keys.span is None and _binned.points(asked.m) > MANY_POINTS
        if method == "auto" and (found is None or (inaccurate and not large)):
            return self._best_of_n(asked, "fft"), "fft"
        return found, chosen

    def _best_of_n(self, asked, method):
        module, ops = self._module(method)
        return module.summary(ops, asked)


def _vector(value: Any, name: str) -> np.ndarray:
    array = np.array(as_parameter(value, name))  # the caller may change theirs
    if array.ndim != 1:
        raise ValueError(f"{name} must have one axis, the letters of the alphabet, not shape {array.shape}")
    return array


def _log_q(q, p):
    """Return the reward log q, q normalised; 0 where `p` is 0, where it does not matter."""
    bad = np.flatnonzero(~(q >= 0) | np.isinf(q) | ((q == 0) & (p > 0)))
    if bad.size:
        at = int(bad[0])
        reason = f"is zero where p = {p[at]:g}: its reward would be -inf" if q[at] == 0 else "is no probability"
        raise ValueError(f"q{place(at, q.shape)} = {q[at]} {reason}")
    if q.max() > LARGE:  # their total may be above the largest double
        q = np.ldexp(q, -64)
    return np.log(np.where(q > 0, q, 1.0)) - np.where(q > 0, np.log(q.sum()), 0.0)


def _delta(delta):
    number = as_number(delta, "delta")
    if not number >= 0:
        raise ValueError(f"delta = {number} is not a number >= 0")
    return number


def _generator(rng):
    return np.random.Generator(np.random.Philox(key=stream_key(rng, DRAWS, "rng")))


def _draws(m, delta, log_n):
    """Return log n."""
    if (delta is None) == (log_n is None):
        raise ValueError("give exactly one of delta and log_n" + (", not both" if delta is not None else ""))
    name, number = ("delta", as_number(delta, "delta")) if log_n is None else ("log_n", as_number(log_n, "log_n"))
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} = {number} is not a finite number >= 0")
    found = m * number if log_n is None else number
    if found == math.inf:
        raise ValueError(f"delta = {number} is too large: log n = m delta is beyond the largest double")
    return found
