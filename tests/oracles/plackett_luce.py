"""The Plackett-Luce model from its definition: a ranking has the product of the probabilities of its choices."""

import itertools

import mpmath


def probability(ranking, rest, strengths):
    """Return the probability that `ranking` is chosen item by item from itself and `rest`, which stays unordered."""
    left, result = [*ranking, *rest], mpmath.mpf(1)
    for item in ranking:
        result *= strengths[item] / mpmath.fsum(strengths[other] for other in left)
        left.remove(item)
    return result


def probability_of_top(ranking, rest, strengths):
    """Return the same by adding up all full rankings that begin with `ranking`."""
    return mpmath.fsum(probability([*ranking, *tail], [], strengths) for tail in itertools.permutations(rest))


def log_likelihood(rankings, rests, scores, weights=None):
    """Return the sum of weighted log-probabilities."""
    strengths = [mpmath.exp(score) for score in scores]
    weights = [1] * len(rankings) if weights is None else weights
    return mpmath.fsum(
        weight * mpmath.log(probability(ranking, rest, strengths))
        for ranking, rest, weight in zip(rankings, rests, weights, strict=True)
    )


def gradient(rankings, rests, scores, weights=None):
    """Return the derivatives of the log-likelihood, by differences at high precision."""
    return [_derivative(rankings, rests, scores, weights, [i]) for i in range(len(scores))]


def hessian(rankings, rests, scores, weights=None):
    """Return the second derivatives of the log-likelihood, by differences at high precision."""
    everyone = range(len(scores))
    return [[_derivative(rankings, rests, scores, weights, [i, j]) for j in everyone] for i in everyone]


def _derivative(rankings, rests, scores, weights, along):
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -15
        total = mpmath.mpf(0)
        for signs in itertools.product((1, -1), repeat=len(along)):
            moved = [mpmath.mpf(score) for score in scores]
            for sign, i in zip(signs, along, strict=True):
                moved[i] += sign * step
            total += mpmath.fprod(signs) * log_likelihood(rankings, rests, moved, weights)
        return total / (2 * step) ** len(along)
