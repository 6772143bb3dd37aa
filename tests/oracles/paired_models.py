"""Comparison models by their definitions: probabilities of one comparison in mpmath, maxima in extended precision."""

import functools
import math
from fractions import Fraction

import mpmath
import numpy as np
from scipy.special import log_ndtr

mpmath.mp.dps = 40


def probabilities(model, d, tie):
    """Return P(first wins), P(second wins), P(tie) at difference `d`; `tie` is log θ or log ν."""
    one, d, tie = mpmath.mpf(1), mpmath.mpf(d), mpmath.mpf(tie)
    if model == "bradley-terry":
        return one / (one + mpmath.exp(-d)), one / (one + mpmath.exp(d)), None
    if model == "thurstone":
        return mpmath.ncdf(d), mpmath.ncdf(-d), None
    if model == "stern":  # who is the first to two points, each of them won with probability σ(±d)
        p, q = one / (one + mpmath.exp(-d)), one / (one + mpmath.exp(d))
        return p**2 + 2 * p**2 * q, q**2 + 2 * q**2 * p, None
    first, second = mpmath.exp(d / 2), mpmath.exp(-d / 2)
    if model == "davidson":
        total = first + second + mpmath.exp(tie)
        return first / total, second / total, mpmath.exp(tie) / total
    theta = mpmath.exp(tie)
    alone, other = first / (first + theta * second), second / (second + theta * first)
    return alone, other, one - alone - other


def cell(model, d, tie, wins_first, wins_second, ties):
    """Return the log-likelihood of one cell; without a probability of ties, a tie is half a win for each."""
    first, second, equal = probabilities(model, d, tie)
    if equal is None:
        wins_first, wins_second, ties = wins_first + mpmath.mpf(ties) / 2, wins_second + mpmath.mpf(ties) / 2, 0
    value = wins_first * mpmath.log(first) + wins_second * mpmath.log(second)
    return value + (ties * mpmath.log(equal) if ties else 0)


def complex_cells(model, d, tie, wins_first, wins_second, ties):
    """Return the log-likelihoods of cells in complex doubles, so that their derivatives are imaginary parts."""
    if model == "thurstone":
        first, second, equal = log_ndtr(d), log_ndtr(-d), None
    elif model == "stern":
        p, q = 1 / (1 + np.exp(-d)), 1 / (1 + np.exp(d))
        first, second, equal = np.log(p**2 * (1 + 2 * q)), np.log(q**2 * (1 + 2 * p)), None
    elif model == "rao-kupper":
        first, second = -np.log(1 + np.exp(tie - d)), -np.log(1 + np.exp(tie + d))
        equal = first + second + np.log(np.exp(2 * tie) - 1)
    else:
        total = np.log(np.exp(d / 2) + np.exp(-d / 2) + (np.exp(tie) if model == "davidson" else 0))
        first, second, equal = d / 2 - total, -d / 2 - total, tie - total
    if equal is None or model == "bradley-terry":
        equal = (first + second) / 2
    return wins_first * first + wins_second * second + ties * equal


def terms(model, d, tie, wins_first, wins_second, ties):
    """Return (value, ∂/∂d, -∂²/∂d², ∂/∂τ, -∂²/∂d∂τ, -∂²/∂τ²) of one cell, by differences in 40 digits."""

    def value(x, y):
        return cell(model, x, y, wins_first, wins_second, ties)

    orders = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (0, 2)]
    found = [mpmath.diff(value, (d, tie), order) if any(order) else value(d, tie) for order in orders]
    return [float(x if sum(order) < 2 else -x) for x, order in zip(found, orders, strict=True)]


def log_likelihood(model, scores, tie, cells, home=0.0):
    """Return the log-likelihood of all cells, (first, second, wins_first, wins_second, ties, at home) each."""
    return float(sum(cell(model, scores[i] - scores[j] + home * at, tie, a, b, t) for i, j, a, b, t, at in cells))


def maximum(first, second, wins_first, wins_second, start, steps=8):
    """Return the Bradley-Terry scores of mean zero by Newton's method with a gradient in extended precision."""
    items, wins = len(start), wins_first.astype(np.longdouble)
    total, scores = wins + wins_second, start.astype(np.longdouble)
    for _ in range(steps):
        p = 1 / (1 + np.exp(scores[second] - scores[first]))
        slope, curvature = wins - total * p, (total * p * (1 - p)).astype(np.float64)
        gradient, matrix = np.zeros(items, np.longdouble), np.zeros((items, items))
        np.add.at(gradient, first, slope)
        np.add.at(gradient, second, -slope)
        for row, column, sign in ((first, first, 1), (second, second, 1), (first, second, -1), (second, first, -1)):
            np.add.at(matrix, (row, column), sign * curvature)
        scores[:-1] += np.linalg.solve(matrix[:-1, :-1], gradient[:-1].astype(np.float64))
    return (scores - scores.mean()).astype(np.float64)


def laplacian_product(first, second, curvature, v):
    """Return Σ h (v_i - v_j) (e_i - e_j) over cells, in extended precision."""
    flow = curvature.astype(np.longdouble) * (v[first].astype(np.longdouble) - v[second])
    out = np.zeros(len(v), np.longdouble)
    np.add.at(out, first, flow)
    np.add.at(out, second, -flow)
    return out


def poisson_probabilities(mean, count):
    """Return P(X = k) for k < count."""
    return np.array([math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count)])


@functools.cache
def poisson_columns(mean):
    """Return the least count that has a column, the 256 limits in units of 2^-56, and the column beyond each limit."""
    low = max(mean - 120, 0)
    weight = {mean: 1.0}
    for count in range(mean, low + 255):
        weight[count + 1] = weight[count] * mean / (count + 1)
    for count in range(mean, low, -1):
        weight[count - 1] = weight[count] * count / mean
    total = 0.0
    for count in range(low, low + 256):  # in order: `sum` compensates from Python 3.12 on
        total += weight[count]
    share = [weight[count] / total * 256 for count in range(low, low + 256)]
    few, many = ([c for c in range(256) if (share[c] < 1.0) == lacks] for lacks in (True, False))
    limit, other = [2**56 - 1] * 256, list(range(256))
    while few and many:
        c, giver = few.pop(), many[-1]
        limit[c], other[c] = int(share[c] * 2**56), giver
        share[giver] = share[giver] + share[c] - 1.0
        if share[giver] < 1.0:
            few.append(many.pop())
    return low, limit, other


def poisson_of_words(mean, first, second):
    """Return the count that two 32-bit words stand for: 8 bits choose a column, 56 are compared with its limit."""
    low, limit, other = poisson_columns(mean)
    column, part = first >> 24, (first & 0xFFFFFF) << 32 | second
    return low + (column if part < limit[column] else other[column])


def prior(scores, ridge, gamma):
    """Return the log-prior -ridge/2 Σ θ² + gamma Σ (θ - e^θ), its slopes and the negative of its curvatures."""
    theta = [mpmath.mpf(float(score)) for score in scores]
    value = sum(gamma * (x - mpmath.exp(x)) - mpmath.mpf(ridge) / 2 * x**2 for x in theta)
    slopes = [gamma * (1 - mpmath.exp(x)) - ridge * x for x in theta]
    return float(value), [float(x) for x in slopes], [float(gamma * mpmath.exp(x) + ridge) for x in theta]


def solution(factor, right):
    """Return the solution of UᵀU y = x in 40 digits."""
    upper = mpmath.matrix(factor.tolist())
    return np.array(mpmath.lu_solve(upper.T * upper, mpmath.matrix(right.tolist())).T.tolist()[0], dtype=float)


def stationary_law(rates):
    """Return the stationary law of a chain of these rates between different states, in whole fractions, as floats."""
    size = len(rates)
    exact = [[Fraction(float(rate)) for rate in row] for row in rates]
    rows = [[exact[i][j] if i != j else Fraction(0) for i in range(size)] for j in range(size)]
    for j in range(size):
        rows[j][j] = -sum(exact[j][i] for i in range(size) if i != j)
    rows[-1] = [Fraction(1)] * size
    right = [Fraction(0)] * (size - 1) + [Fraction(1)]
    for column in range(size):
        pivot = next(row for row in range(column, size) if rows[row][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        right[column], right[pivot] = right[pivot], right[column]
        for row in range(size):
            if row != column and rows[row][column] != 0:
                share = rows[row][column] / rows[column][column]
                rows[row] = [a - share * b for a, b in zip(rows[row], rows[column], strict=True)]
                right[row] -= share * right[column]
    return np.array([float(right[state] / rows[state][state]) for state in range(size)])
