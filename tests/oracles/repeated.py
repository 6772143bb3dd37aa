"""Statistics of k samples by going through all subsets of a pool, and through all pools of a small alphabet."""

import itertools
from fractions import Fraction


def all_right(flags):
    return Fraction(all(flags))


def best(scores):
    return Fraction(max(scores))


def majority(answers, correct):
    """Return the chance that the most frequent answer is right, ties broken at random."""
    frequency = {answer: answers.count(answer) for answer in answers}
    top = [answer for answer, number in frequency.items() if number == max(frequency.values())]
    return Fraction(int(correct in top), len(top))


def mean_over_subsets(pool, k, statistic):
    values = [statistic([pool[i] for i in subset]) for subset in itertools.combinations(range(len(pool)), k)]
    return sum(values) / len(values)


def unbiased_variance(pool, k, statistic):
    """Return the square of the mean less the mean product over pairs of disjoint subsets."""
    everyone = range(len(pool))
    products = [
        statistic([pool[i] for i in first]) * statistic([pool[i] for i in second])
        for first in itertools.combinations(everyone, k)
        for second in itertools.combinations([i for i in everyone if i not in first], k)
    ]
    return mean_over_subsets(pool, k, statistic) ** 2 - sum(products) / len(products)


def jackknife_variance(pool, k, statistic):
    size = len(pool)
    without = [mean_over_subsets(pool[:i] + pool[i + 1 :], k, statistic) for i in range(size)]
    centre = sum(without) / size
    return sum((x - centre) ** 2 for x in without) * Fraction(size - 1, size)


def expectation(p, letters, size, of_pool):
    """Return E[of_pool(pool)] over all pools of `size` independent letters."""
    total = Fraction(0)
    for draws in itertools.product(range(len(p)), repeat=size):
        chance = Fraction(1)
        for i in draws:
            chance *= p[i]
        total += chance * of_pool([letters[i] for i in draws])
    return total


def attempts(num_samples, num_correct, k):
    """Return the mean number of attempts over all orders of a pool, stopping at the first right one or after k."""
    pool = [True] * num_correct + [False] * (num_samples - num_correct)
    orders = list(itertools.permutations(pool, k))
    return Fraction(sum(order.index(True) + 1 if True in order else k for order in orders), len(orders))
