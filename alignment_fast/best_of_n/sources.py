"""What best-of-N draws from: laws of a reward that `simulate` knows.

All but `Sampler` are *monotone*: the reward is a decreasing function of one upper-tail probability, so the best of n
draws is the draw with the smallest one, and the function is evaluated once per replicate.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alignment_fast._border import arrays as _arrays
from alignment_fast._border.call import operations_of
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.status import refuse
from alignment_fast._operations import operations
from alignment_fast.kernels.best_of_n.structures import Transform

__all__ = ["Gaussian", "Quantile", "Sampler", "Table", "Uniform"]


@dataclass(frozen=True)
class Gaussian:
    """Normal reward: the reward at tail probability τ is mean + std · Φ⁻¹(1 − τ), accurate for every τ down to 2⁻⁶⁵.

    Parameters
    ----------
    mean : float
        Expected reward.
    std : float
        Standard deviation, positive.

    Examples
    --------
    >>> from alignment_fast.best_of_n import Gaussian
    >>> Gaussian(std=2.0)
    Gaussian(mean=0.0, std=2.0)

    """

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("mean", self.mean), ("std", self.std)):
            if not isinstance(value, Real):
                raise TypeError(f"{name} must be a number, not {value!r}")
        if not math.isfinite(self.mean):
            raise ValueError(f"mean must be finite, not {self.mean!r}")
        if not (math.isfinite(self.std) and self.std > 0):
            raise ValueError(f"std must be positive and finite, not {self.std!r}")

    def transform(self) -> Transform:
        """Return the reward as a function of the tail probability."""
        return Transform("gaussian", (float(self.mean), float(self.std)))


@dataclass(frozen=True)
class Uniform:
    """Reward uniform on (0, 1): the reward at tail probability τ is 1 − τ, at most 1 − 2⁻⁵³.

    Examples
    --------
    >>> from alignment_fast.best_of_n import Uniform
    >>> Uniform()
    Uniform()

    """

    def transform(self) -> Transform:
        """Return the reward as a function of the tail probability."""
        return Transform("uniform", ())


@dataclass(frozen=True, init=False)
class Table:
    """Finite alphabet: outcome y has probability p(y) and a reward.

    Outcomes are sorted by reward once; a tail probability τ then stands for the smallest reward r with P(R > r) ≤ τ.
    The probabilities P(R > r) are summed from the best outcome down, so rare best outcomes keep their relative
    accuracy. Equal rewards are one step: the reward of the winner does not depend on how ties are broken.

    Parameters
    ----------
    p : array (V,)
        Probabilities, any positive total; on a CUDA device the simulation runs there.
    reward : array (V,)
        Rewards; ±inf allowed.
    log : bool
        `p` holds log-probabilities (up to a constant).

    Raises
    ------
    ValueError
        If shapes differ, the alphabet is empty, p is negative, NaN, infinite or all zero, or a reward is NaN.

    Examples
    --------
    >>> from alignment_fast.best_of_n import Table
    >>> Table([0.5, 0.3, 0.2], [1.0, 2.0, 2.0])
    Table(2 rewards from 1.0 to 2.0)

    """

    value: NDArray[np.float64] = field(repr=False)
    ladder: NDArray[np.float64] = field(repr=False)
    device: str = "cpu"

    def __init__(self, p: ArrayLike, reward: ArrayLike, *, log: bool = False) -> None:
        device, log = "cpu", as_flag(log, "log")
        found = None if log else operations("best_of_n").short_table_ladder(p, reward)
        if found is None:
            device = _arrays.common_device(p=p, reward=reward)
            weights = _flat(p, "p", floating_only=log)
            rewards = _flat(reward, "reward")
            if weights.shape != rewards.shape:
                raise ValueError(f"p and reward must have the same length, not {weights.size} and {rewards.size}")
            refuse(np.isnan(rewards), rewards, "reward", "is NaN")
            found = operations("best_of_n").table_ladder(_masses(weights, log), rewards)
        value, ladder = found
        for name, array in (("value", value), ("ladder", ladder)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "device", device)

    def __repr__(self) -> str:
        return f"Table({self.value.size} rewards from {self.value[-1]} to {self.value[0]})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return np.array_equal(self.value, other.value) and np.array_equal(self.ladder, other.ladder)

    def __hash__(self) -> int:
        return hash((self.value.tobytes(), self.ladder.tobytes()))

    def transform(self) -> Transform:
        """Return the reward as a function of the tail probability."""
        return Transform("table", (self.ladder, self.value))


@dataclass(frozen=True)
class Quantile:
    """Continuous reward given by its inverse survival function, or by its quantile function.

    Parameters
    ----------
    isf : callable, optional
        Vectorised inverse survival function, float64 array of τ → array of rewards, called once per batch of winners
        on the CPU; the ``isf`` of a frozen `scipy.stats` distribution is one. Keeps the upper tail.
    ppf : callable, optional
        Vectorised quantile function, called with 1 − τ, which cannot come closer to 1 than 2⁻⁵³: use it up to n of
        about 10¹⁴ only. Exactly one of `isf` and `ppf` is given.

    Examples
    --------
    >>> import numpy as np
    >>> from alignment_fast.best_of_n import Quantile, simulate
    >>> exponential = Quantile(isf=lambda tail: -np.log(tail))
    >>> simulate(exponential, 4, 1000, seed=1).mean > 1.9  # exactly 1 + 1/2 + 1/3 + 1/4
    True

    """

    isf: Callable[[NDArray[np.float64]], Any] | None = None
    ppf: Callable[[NDArray[np.float64]], Any] | None = None

    def __post_init__(self) -> None:
        if (self.isf is None) == (self.ppf is None):
            raise ValueError("give exactly one of isf and ppf")
        if not callable(self.isf or self.ppf):
            raise TypeError(f"{'isf' if self.ppf is None else 'ppf'} must be callable")

    def transform(self) -> Transform:
        """Return the reward as a function of the tail probability."""
        if self.ppf is not None:
            return Transform("function", (_Complement(self.ppf), "ppf"))
        return Transform("function", (self.isf, "isf"))


@dataclass(frozen=True)
class Sampler:
    """Reward computed from `uniforms` independent uniforms: any law, one call per draw.

    Parameters
    ----------
    function : callable
        Takes `uniforms` float64 numbers strictly inside (0, 1), returns a float. A function compiled by `numba.njit`,
        or one that it can compile. It is compiled once per process for each `Sampler` function.
    uniforms : int
        How many it takes. Draw d of a replicate gets numbers ``d·uniforms`` to ``d·uniforms + uniforms − 1`` of the
        replicate's stream of float64 uniforms (`alignment_fast.random.Stream`).

    Examples
    --------
    >>> from alignment_fast.best_of_n import Sampler
    >>> def two_dice(u, v):
    ...     return float(int(6 * u) + int(6 * v) + 2)
    >>> Sampler(two_dice, uniforms=2).uniforms
    2

    """

    function: Callable[..., float]
    uniforms: int

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function must be callable, not {type(self.function).__name__}")
        if isinstance(self.uniforms, bool) or not hasattr(self.uniforms, "__index__") or self.uniforms < 1:
            raise ValueError(f"uniforms must be a positive integer, not {self.uniforms!r}")


@dataclass(frozen=True)
class _Complement:
    ppf: Callable[[NDArray[np.float64]], Any]

    def __call__(self, tail: NDArray[np.float64]) -> Any:
        return self.ppf(np.clip(1.0 - tail, 2.0**-53, 1.0 - 2.0**-53))


def _flat(values, name, *, floating_only=False):
    values = operations_of("best_of_n", **{name: values}).to_host(values)
    array = _arrays.as_floating(values, name, floating_only=floating_only)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must have shape (V,) with V >= 1, not {array.shape}")
    return array.astype(np.float64)


def _masses(p, log):
    refuse(np.isnan(p), p, "p", "is NaN")
    refuse(np.isposinf(p), p, "p", "is infinite")
    if log:
        if np.isneginf(p).all():
            raise ValueError("p has no positive mass")
        return np.exp(p - p.max())
    refuse(p < 0, p, "p", "is negative")
    if not p.any():
        raise ValueError("p has no positive mass")
    return p
