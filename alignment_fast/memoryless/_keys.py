"""Integer keys of rewards: sums of rewards tie exactly where the sums of their integer keys are equal.

A reward is written as ``offset + Σ_i exponents[i] generators[i]`` with integers `exponents`: multiples of one span
where the rewards lie on a lattice; powers of primes where exp(reward) is rational up to a factor (q = (6, 1, 2)/9
gives log 2 and log 3); and one generator per reward otherwise, where only a tolerance can tell ties from rounding.
Recognition asks for agreement to a few units of rounding with fractions of numbers up to `LARGEST`.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# Numerators and denominators of recognised ratios.
LARGEST = 1 << 16
# Keys of a lattice beyond this are useless: the sum would not fit in memory anyway.
LARGEST_SPAN = 1 << 40
# A step that is not known to this part of a span is no step.
UNCERTAIN = 1e-3
# Units of rounding in which a ratio must agree with a fraction: a few operations on the caller's side.
ROUNDING = 8 * np.finfo(np.float64).eps
# Factors are looked for among so few rewards only: with more, types are too many to enumerate.
MOST_FACTORED = 16


@dataclass(frozen=True)
class Keys:
    """Distinct rewards as integer combinations of generators.

    Parameters
    ----------
    reward : array (J,)
        Distinct rewards, ascending.
    group_of : array (V,)
        Which of them each letter has.
    exponents : array (rank, J)
        Integers, as float64; rank 0 for a constant reward and for too many rewards in general position.
    generators : array (rank,)
        What they multiply.
    offset : float
        What is added.
    exact : bool
        Whether ties of sums are exactly equalities of summed exponents. If not they are ties within rounding.

    """

    reward: np.ndarray
    group_of: np.ndarray
    exponents: np.ndarray
    generators: np.ndarray
    offset: float
    exact: bool

    @property
    def span(self):
        """Span of the lattice that the rewards lie on, None if they lie on none."""
        if len(self.reward) > 1 and len(self.generators) == 1:
            return float(self.generators[0])
        return None

    @property
    def steps(self):
        """Rewards above the lowest one in spans of the lattice, integers."""
        return self.exponents[0].astype(np.int64)


@dataclass(frozen=True)
class Letters:
    """Letters of equal reward merged: the law of a sum of rewards depends on no more.

    Parameters
    ----------
    p : array (J,)
        Probabilities of the distinct rewards.
    keys : Keys
        The rewards.

    """

    p: np.ndarray
    keys: Keys

    @classmethod
    def merged(cls, ops, p, reward):
        """Return the letters with probabilities `p` > 0 and rewards `reward`."""
        keys = keys_of(ops, reward)
        return cls(np.bincount(keys.group_of, weights=p), keys)

    @property
    def reward(self):
        """The distinct rewards, ascending."""
        return self.keys.reward


def keys_of(ops, reward):
    """Return the `Keys` of `reward`, finite float64 numbers."""
    values, group_of = _merged(reward)
    exact = True
    distance = values - values[0]
    if len(values) == 1:
        exponents, generators = np.zeros((0, 1)), np.zeros(0)
    elif (steps := _lattice(values)) is not None:
        exponents, generators = steps[None], distance[-1:] / steps[-1]
    elif (powers := _rational(ops, values)) is not None:
        exponents, generators = powers
    else:
        exponents, generators = _independent(ops, distance)
        exact = False
    return Keys(values, group_of, np.ascontiguousarray(exponents), generators, float(values[0]), exact)


def _merged(reward):
    """Return the distinct values of `reward`, those within rounding of each other merged, and where each belongs."""
    values, group_of = np.unique(reward, return_inverse=True)
    apart = np.diff(values) > ROUNDING * np.abs(values).max()
    first = np.concatenate([[True], apart])
    return values[first], (np.cumsum(first) - 1)[group_of]


def _independent(ops, distance):
    """Return one generator per reward above the lowest: types that differ have different exponents."""
    if len(distance) > ops.MOST_LETTERS:  # too many types to enumerate: nobody will ask
        return np.zeros((0, len(distance))), np.zeros(0)
    return np.eye(len(distance))[1:], distance[1:].copy()


def _fraction(x, tolerance):
    """Return the fraction that `x` > 0 stands for, None if there is none within the tolerance."""
    found = Fraction(x).limit_denominator(LARGEST)
    return found if abs(float(found) - x) <= tolerance and found.numerator <= LARGEST else None


def _lattice(values):
    """Return the rewards above the lowest as multiples of one span, None if they are not on a lattice."""
    ratio = (values - values[0]) / (values[-1] - values[0])
    tolerance = ROUNDING * max(1.0, np.abs(values).max() / (values[-1] - values[0]))
    common = 1
    while True:
        steps = np.rint(ratio * common)
        off = np.flatnonzero(np.abs(ratio * common - steps) > tolerance * common)
        if not off.size:
            return steps / math.gcd(*map(int, steps))
        found = _fraction(ratio[off[0]], tolerance)
        if found is None:
            return None
        common = math.lcm(common, found.denominator)
        if common > LARGEST_SPAN or tolerance * common > UNCERTAIN:
            return None


def _rational(ops, values):
    """Return exponents and generators if exp(reward - lowest) are rational, None if they are not."""
    distance = values - values[0]
    if len(values) > MOST_FACTORED or distance[-1] > math.log(LARGEST):
        return None
    tolerance = ROUNDING * (1 + np.abs(values).max())
    fractions = [_fraction(ratio, tolerance * ratio) for ratio in np.exp(distance)]
    if None in fractions:
        return None
    factors = [_prime_powers(fraction) for fraction in fractions]
    primes = sorted(set().union(*factors))
    exponents = np.array([[powers.get(prime, 0) for powers in factors] for prime in primes], dtype=np.float64)
    if np.linalg.matrix_rank(exponents) == len(values) - 1:
        return _independent(ops, distance)  # no two types tie
    return exponents, np.log(np.array(primes, dtype=np.float64))


def _prime_powers(fraction):
    """Return the primes of a fraction with their exponents."""
    powers = {}
    for number, sign in ((fraction.numerator, 1), (fraction.denominator, -1)):
        prime = 2
        while number > 1:
            if prime * prime > number:
                prime = number
            while number % prime == 0:
                number //= prime
                powers[prime] = powers.get(prime, 0) + sign
            prime += 1
    return powers
