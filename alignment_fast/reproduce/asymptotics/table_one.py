"""Table 1: the best of two sequences of two letters is exchangeable and not independent; in rationals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alignment_fast.memoryless import MemorylessModel
from alignment_fast.reproduce.asymptotics.estimates import Part, mean, seed_of

__all__ = ["Entry", "best_of_n_in_rationals", "table_one"]

P = (Fraction(1, 5), Fraction(3, 10), Fraction(1, 2))
EXP_REWARD = (6, 1, 2)
LENGTH = DRAWS = 2


class Entry(NamedTuple):
    """One entry of Table 1; its letters, ``*`` for any, its probability, and an estimate of it."""

    first: str
    second: str
    exact: str
    probability: float
    estimate: float
    se: float


def best_of_n_in_rationals(
    p: Sequence[Fraction], exp_reward: Sequence[Fraction | int], m: int, n: int
) -> dict[tuple[int, ...], Fraction]:
    """Return the law of the best of `n` sequences of `m` letters, ties broken uniformly.

    A sequence y has p(y)/P(r = r(y)) · (P(r <= r(y))^n − P(r < r(y))^n): time and memory grow like V^m.

    Parameters
    ----------
    p : sequence of Fraction (V,)
        Reference distribution of a letter.
    exp_reward : sequence of Fraction or int (V,)
        Exponentials of the rewards of the letters: they order sequences exactly.
    m, n : int
        Length and number of sequences.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from alignment_fast.reproduce.asymptotics import best_of_n_in_rationals
    >>> best_of_n_in_rationals([Fraction(1, 3), Fraction(2, 3)], [1, 2], m=1, n=2)
    {(0,): Fraction(1, 9), (1,): Fraction(8, 9)}

    """
    sequences = list(itertools.product(range(len(p)), repeat=m))
    probability = {y: math.prod((p[letter] for letter in y), start=Fraction(1)) for y in sequences}
    reward = {y: math.prod(exp_reward[letter] for letter in y) for y in sequences}
    law = {}
    for y in sequences:
        below = sum((probability[z] for z in sequences if reward[z] < reward[y]), Fraction(0))
        group = sum((probability[z] for z in sequences if reward[z] == reward[y]), Fraction(0))
        law[y] = probability[y] / group * ((below + group) ** n - below**n)
    return law


def table_one(replicates: int, seed: int) -> Iterator[Entry]:
    """Yield the entries of Table 1 and, with ``*`` as second letter, the marginals of the first letter.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import table_one
    >>> [entry.exact for entry in table_one(1000, 0)][:3]
    ['49/625', '21/250', '43/250']

    """
    law = best_of_n_in_rationals(P, EXP_REWARD, LENGTH, DRAWS)
    model = MemorylessModel([float(mass) for mass in P], reward=np.log(EXP_REWARD))
    draws = model.sample_sequences(LENGTH, replicates, log_n=math.log(DRAWS), rng=seed_of(seed, Part.TABLE_ONE))
    letters = range(len(P))
    for first, second in law:
        hits = (draws == (first, second)).all(axis=1)
        yield _entry(str(first), str(second), law[first, second], hits)
    for first in letters:
        marginal = sum((law[first, second] for second in letters), Fraction(0))
        yield _entry(str(first), "*", marginal, draws[:, 0] == first)


def _entry(first, second, exact, hits):
    return Entry(first, second, str(exact), float(exact), *mean(hits))
