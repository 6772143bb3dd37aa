"""Integer keys of rewards: sums of rewards tie exactly where the sums of their integer keys are equal.

A reward is written as ``offset + Σ_i exponents[i] generators[i]`` with integers `exponents`: multiples of one span
where the rewards lie on a lattice; powers of primes where exp(reward) is rational up to a factor (q = (6, 1, 2)/9
gives log 2 and log 3); and one generator per reward otherwise, where only a tolerance can tell ties from rounding.
Recognition (the kernel's) asks for agreement to a few units of rounding with fractions of numbers up to 65536.
"""

from dataclasses import dataclass

import numpy as np


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
    values, group_of, steps, ratios = ops.recognise(reward)
    exact = True
    distance = values - values[0]
    if len(values) == 1:
        exponents, generators = np.zeros((0, 1)), np.zeros(0)
    elif steps is not None:
        exponents, generators = steps[None], distance[-1:] / steps[-1]
    elif ratios is not None:
        exponents, generators = _powers_of_primes(ops, distance, *ratios)
    else:
        exponents, generators = _independent(ops, distance)
        exact = False
    return Keys(values, group_of, np.ascontiguousarray(exponents), generators, float(values[0]), exact)


def _independent(ops, distance):
    """Return one generator per reward above the lowest: types that differ have different exponents."""
    if len(distance) > ops.MOST_LETTERS:  # too many types to enumerate: nobody will ask
        return np.zeros((0, len(distance))), np.zeros(0)
    return np.eye(len(distance))[1:], distance[1:].copy()


def _powers_of_primes(ops, distance, numerators, denominators):
    """Return exponents and generators of rewards whose exponentials are these fractions."""
    factors = [_prime_powers(*fraction) for fraction in zip(numerators.tolist(), denominators.tolist(), strict=True)]
    primes = sorted(set().union(*factors))
    exponents = np.array([[powers.get(prime, 0) for powers in factors] for prime in primes], dtype=np.float64)
    if np.linalg.matrix_rank(exponents) == len(distance) - 1:
        return _independent(ops, distance)  # no two types tie
    return exponents, np.log(np.array(primes, dtype=np.float64))


def _prime_powers(numerator, denominator):
    """Return the primes of a fraction with their exponents."""
    powers = {}
    for number, sign in ((numerator, 1), (denominator, -1)):
        prime = 2
        while number > 1:
            if prime * prime > number:
                prime = number
            while number % prime == 0:
                number //= prime
                powers[prime] = powers.get(prime, 0) + sign
            prime += 1
    return powers
