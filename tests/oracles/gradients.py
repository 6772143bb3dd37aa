"""Weights of samples and gradients of the best of k, by going through subsets, and through all draws of letters."""

import itertools
from fractions import Fraction
from math import comb


def best_of_subsets(rewards, k, members):
    """Return the mean over k-subsets of `members` of the largest reward."""
    subsets = list(itertools.combinations(members, k))
    return sum(Fraction(max(rewards[i] for i in subset)) for subset in subsets) / len(subsets)


def weights(rewards, k, baseline):
    """Return the weight of every sample, as the definition says, in fractions."""
    everyone = range(len(rewards))
    out = []
    for i in everyone:
        inside = [subset for subset in itertools.combinations(everyone, k) if i in subset]
        total = sum(Fraction(max(rewards[j] for j in subset)) for subset in inside)
        if baseline == "leave-one-out":
            total -= len(inside) * best_of_subsets(rewards, k, [j for j in everyone if j != i])
        out.append(total / comb(len(rewards), k))
    return out


def expected_best(p, reward, k):
    """Return E[max of k], p in fractions, by all k-tuples."""
    total = Fraction(0)
    for draws in itertools.product(range(len(p)), repeat=k):
        chance = Fraction(1)
        for letter in draws:
            chance *= p[letter]
        total += chance * Fraction(max(reward[letter] for letter in draws))
    return total


def gradient(p, reward, k):
    """Return dE[max of k]/dlogit of a softmax policy, exactly: p_a (h_a - sum_b p_b h_b), h the gradient by p.

    h_a = k E[max | the first draw is a].
    """
    given = []
    for first in range(len(p)):
        total = Fraction(0)
        for rest in itertools.product(range(len(p)), repeat=k - 1):
            chance = Fraction(1)
            for letter in rest:
                chance *= p[letter]
            total += chance * Fraction(max(reward[letter] for letter in (first, *rest)))
        given.append(k * total)
    mean = sum(q * h for q, h in zip(p, given, strict=True))
    return [q * (h - mean) for q, h in zip(p, given, strict=True)]


def expected_estimate(p, reward, n, weigh):
    """Return E[sum_i w_i dlog p(x_i)/dlogit] over all n-tuples of draws, ``weigh(rewards of the draws)`` giving w."""
    out = [Fraction(0)] * len(p)
    for draws in itertools.product(range(len(p)), repeat=n):
        chance = Fraction(1)
        for letter in draws:
            chance *= p[letter]
        for letter, weight in zip(draws, weigh([reward[letter] for letter in draws]), strict=True):
            for a in range(len(p)):
                out[a] += chance * Fraction(weight) * ((letter == a) - p[a])
    return out
