"""Votes one by one, and iterations for strengths, as plain loops written from their formulas."""

import math

import numpy as np
from scipy.stats import norm


def matrices(votes, n):
    """Return wins and ties of votes (first, second, winner, weight)."""
    wins, ties = np.zeros((n, n)), np.zeros((n, n))
    for i, j, winner, weight in votes:
        if winner == 0:
            ties[i, j] += weight
            ties[j, i] += weight
        elif winner < 3:
            wins[(i, j) if winner == 1 else (j, i)] += weight
    return wins, ties


def points(votes, n, *, initial, base, scale, k, win_weight, tie_weight):
    points = [initial] * n
    for i, j, winner, weight in votes:
        expected = 1.0 / (1.0 + base ** ((points[j] - points[i]) / scale))
        scored = {0: (tie_weight, tie_weight), 1: (win_weight, 0.0), 2: (0.0, win_weight)}[winner]
        points[i] += k * (weight * scored[0] - expected)
        points[j] += k * (weight * scored[1] - (1.0 - expected))
    return points


def strengths(wins, sweeps):
    n, s = len(wins), np.ones(len(wins))
    for _ in range(sweeps):
        for i in range(n):
            above = sum(wins[i, j] * s[j] / (s[i] + s[j]) for j in range(n))
            s[i] = above / sum(wins[j, i] / (s[i] + s[j]) for j in range(n))
        s = s / math.exp(np.mean(np.log(s)))
    return s


def tied_strengths(wins, ties, v, sweeps):
    """Return strengths, the v of the last sweep and the next one."""
    n, s, last = len(wins), np.ones(len(wins)), v
    won = wins + ties / 2
    for _ in range(sweeps):
        last, new = v, np.empty(n)
        below = [[s[i] + s[j] + 2 * v * math.sqrt(s[i] * s[j]) for j in range(n)] for i in range(n)]
        for i in range(n):
            above = sum(won[i, j] * (s[j] + v * math.sqrt(s[i] * s[j])) / below[i][j] for j in range(n))
            under = sum(won[j, i] * (1 + v * math.sqrt(s[j] / s[i])) / below[i][j] for j in range(n))
            new[i] = above / under
        tied = sum(ties[i, j] * (s[i] + s[j]) / below[i][j] for i in range(n) for j in range(n)) / 2
        decided = 2 * sum(wins[i, j] * math.sqrt(s[i] * s[j]) / below[i][j] for i in range(n) for j in range(n))
        s, v = new, tied / decided
    return s, last, v


def power(matrix, start, sweeps):
    s = np.array(start)
    for _ in range(sweeps):
        s = matrix.T @ s
        s = s / np.linalg.norm(s)
    return s


def pair_sums(first, second, times, weight):
    sums = np.zeros(len(weight))
    for i, j, much in zip(first, second, times, strict=True):
        sums[i] += much / (weight[i] + weight[j])
        sums[j] += much / (weight[i] + weight[j])
    return sums


def ep_pass(pairs, order, logit, alpha, n):
    """Return tau, nu, mean and covariance after one pass from the prior, with Gaussian moments by quadrature."""
    tau, nu = np.zeros(len(pairs)), np.zeros(len(pairs))
    precision, shift = alpha * np.eye(n), np.zeros(n)
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    for i in order:
        d = np.zeros(n)
        d[pairs[i][0]], d[pairs[i][1]] = 1.0, -1.0
        covariance = np.linalg.inv(precision)
        variance, mean = d @ covariance @ d, d @ covariance @ shift
        cavity = 1 / variance - tau[i]
        centre, spread = (mean / variance - nu[i]) / cavity, 1 / cavity
        x = centre + math.sqrt(spread) * nodes
        chance = (1 / (1 + np.exp(-x)) if logit else norm.cdf(x)) * weights
        first = (chance * x).sum() / chance.sum()
        second = (chance * (x - first) ** 2).sum() / chance.sum()
        new = 1 / second - cavity, first / second - centre / spread
        precision += (new[0] - tau[i]) * np.outer(d, d)
        shift += (new[1] - nu[i]) * d
        tau[i], nu[i] = new
    covariance = np.linalg.inv(precision)
    return tau, nu, covariance @ shift, covariance
