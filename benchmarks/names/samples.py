"""Evaluation from samples beside its plain formulas: pass@k and its relatives, gradients of the best of k."""

from math import comb

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, gamma

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

DOUBLE = ("float64",)


def generator():
    return np.random.default_rng(0)


def correct_of(size):
    return generator().integers(0, 21, size)


def plain_share(total, part, k):
    """Return C(part, k) / C(total, k) problem by problem."""
    return np.array([comb(int(c), k) / comb(total, k) for c in part])


def pass_all_k(size, _dtype):
    correct = correct_of(size)

    def plain():
        share = plain_share(20, correct, 4)
        return share, share**2 - plain_share(20, correct, 8)

    return lambda: af.best_of_n.pass_all_k(20, correct, 4), plain


def best_at_k(size, dtype):
    scores = generator().normal(size=(size, 16)).astype(dtype)
    weight = np.array([comb(i, 3) / comb(16, 4) for i in range(16)])
    return (
        lambda: af.best_of_n.best_at_k(scores, 4, variance=None),
        lambda: np.sort(scores, axis=-1).astype(np.float64) @ weight,
    )


def majority_at_k(size, _dtype):
    right = generator().random((size, 16)) < 0.4

    def plain():
        own = right.sum(axis=1)
        subsets = [[comb(int(c), j) * comb(16 - int(c), 5 - j) for j in (3, 4, 5)] for c in own]
        return np.array(subsets, dtype=float).sum(axis=1) / comb(16, 5)

    return lambda: af.best_of_n.majority_at_k(right, 5, variance=None).mean, plain


def coverage_at_cost(size, _dtype):
    correct = correct_of(size)

    def plain():
        missed = np.stack([plain_share(20, 20 - correct, k) for k in range(9)])
        return missed[:8].sum(axis=0).mean(), 1 - missed[8].mean()

    return lambda: af.best_of_n.coverage_at_cost(20, correct, 8), plain


def max_at_k_weights(size, dtype):
    rewards = generator().normal(size=(size, 64)).astype(dtype)
    own = np.array([comb(i, 7) / comb(64, 8) for i in range(64)])
    above = own * 7 / np.maximum(np.arange(64), 1)

    def plain():
        order = np.argsort(rewards, axis=-1)
        ascending = np.take_along_axis(rewards, order, axis=-1)
        ranked = own * ascending
        ranked[:, :-1] += np.cumsum((above * ascending)[:, :0:-1], axis=-1)[:, ::-1]
        out = np.empty_like(ranked)
        np.put_along_axis(out, order, ranked, axis=-1)
        return out

    return lambda: af.best_of_n.max_at_k_weights(rewards, 8), plain


def fit_pass_at_k(size, _dtype):
    rng = generator()
    correct = rng.binomial(20, rng.beta(0.4, 1.2, size))

    def plain():
        def loss(x):
            a, b = np.exp(x)
            return -(betaln(a + correct, b + 20 - correct) - betaln(a, b)).sum()

        return np.exp(minimize(loss, np.zeros(2), method="BFGS").x)

    return lambda: af.best_of_n.fit_pass_at_k(20, correct), plain


def curve_of_fit(size, _dtype):
    k = np.unique(np.geomspace(1, 1e6, size).astype(int))
    fit = af.best_of_n.fit_pass_at_k(20, correct_of(1000))
    return lambda: fit.pass_at_k(k), lambda: 1 - np.exp(betaln(fit.alpha, fit.beta + k) - betaln(fit.alpha, fit.beta))


def posterior(size, _dtype):
    correct = correct_of(size)
    fit = af.best_of_n.fit_pass_at_k(20, correct_of(1000))

    def plain():
        a, b = fit.alpha + correct, fit.beta + 20 - correct
        ends = [1 - (1 - betaincinv(a, b, tail)) ** 8 for tail in (0.025, 0.975)]
        return 1 - np.exp(betaln(a, b + 8) - betaln(a, b)), *ends

    return lambda: fit.posterior(20, correct, 8), plain


def achievable_gain(size, dtype):
    rewards, beta = generator().normal(size=size).astype(dtype), np.geomspace(0.5, 5, 10)

    def plain():
        e = np.exp(rewards[:, None] / beta)
        share = e.mean(axis=0)
        mean = (rewards @ e) / size / share
        gain = mean - rewards.mean()
        influence = (e / share * (rewards[:, None] - mean) - (rewards - rewards.mean())[:, None]).astype(np.float64)
        square = influence**2
        squares = square.sum(axis=0)
        acceleration = (square * influence).sum(axis=0) / (6 * squares**1.5)
        effective = e.sum(axis=0) ** 2 / (e**2).sum(axis=0)
        return gain, np.sqrt(squares) / size, mean / beta - np.log(share), gain / beta, effective, acceleration

    return lambda: af.policy.achievable_gain(rewards, beta=beta), plain


def interval_of_gain(size, _dtype):
    found = af.policy.achievable_gain(generator().normal(size=5000), beta=np.linspace(2.0, 5.0, size))
    gain, error, z = found.gain, found.standard_error, 1.959963984540054
    a, z0, c = found.acceleration, found.bias_correction, found.curvature

    def end(quantile):
        w = z0 + quantile
        away = w / (1 - a * w) ** 2
        return gain + error * (away + c * away**2)

    def plain():
        unsure = (found.effective_samples < 1000) | (a > 0.03)
        return np.minimum(gain - z * error, end(-z)), np.where(unsure, np.inf, end(z))

    return found.interval, plain


def proxy_gap(size, _dtype):
    gold = generator().normal(size=size)
    proxy = gold + generator().normal(size=size)

    def plain():
        gains = [(x := np.exp(by / 2)) @ gold / x.sum() - gold.mean() for by in (gold, proxy)]
        return gains[0] - gains[1]

    return lambda: af.policy.proxy_gap(proxy, gold, beta=2.0), plain


def hill(size, _dtype):
    scores = generator().pareto(2.0, (size, 64)) + 1

    def plain():
        highest = np.sort(scores, axis=-1)[:, -13:]
        return np.log(highest[:, 1:] / highest[:, :1]).mean(axis=-1), highest[:, 0]

    return lambda: af.best_of_n.hill(scores, top=12), plain


def extrapolate(size, _dtype):
    scores = generator().pareto(4.0, (size, 64)) + 1

    def plain():
        highest = np.sort(scores, axis=-1)[:, -13:]
        index = np.log(highest[:, 1:] / highest[:, :1]).mean(axis=-1)

        def best(index, exceeding=12.5):
            return highest[:, 0] * (exceeding / 64.5 * 1000) ** index * gamma(1 - index)

        mean, reach = best(index), 1.959963984540054 / np.sqrt(12)
        away = [(best(index * (1 + z)) / mean, best(index, 12.5 * (1 + z)) / mean) for z in (-reach, reach)]
        return (mean, *(mean * np.exp(np.sign(z - 0.5) * np.hypot(*np.log(ends))) for z, ends in enumerate(away)))

    return lambda: af.best_of_n.extrapolate(scores, 1000, tail="hill", top=12), plain


def hedge(size, _dtype):
    proxy = generator().normal(size=size)
    gold = proxy - 0.4 * proxy**2

    def plain():
        order, u = np.argsort(proxy), np.arange(size + 1) / size
        values = [np.diff(u**n) @ gold[order] for n in np.geomspace(1, size, 120)]
        return max(values)

    return lambda: af.best_of_n.hedge(proxy, gold), plain


def worst_of_n(size, dtype):
    rng = generator()
    p, reward = rng.dirichlet(np.ones(size)).astype(dtype), rng.normal(size=size).astype(dtype)

    def plain():
        order, out = np.argsort(-reward), np.empty(size)
        out[order] = np.diff(np.concatenate([[0.0], np.cumsum(p[order], dtype=np.float64)]) ** 4)
        return out

    return lambda: af.best_of_n.worst_of_n(p, reward, 4), plain


def calibrated_rewards(size, dtype):
    rewards = generator().normal(size=(size, 64)).astype(dtype)
    return (
        lambda: af.best_of_n.calibrated_rewards(rewards),
        lambda: (rewards[:, None, :] < rewards[..., None]).mean(axis=-1) + 0.5 / 64,
    )


def tsallis_weights(size, dtype):
    reward = generator().normal(size=size).astype(dtype)

    def plain():
        low, high = reward.min() - 1.0, reward.max()
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if np.maximum(reward - middle, 0).mean() > 1 else (low, middle)
        return np.maximum(reward - middle, 0) / size

    return lambda: af.best_of_n.tsallis_weights(reward, 1.0), plain


def best_of_majority(size, _dtype):
    answers, rewards = generator().integers(0, 5, size), generator().normal(size=size)
    return (
        lambda: af.best_of_n.best_of_majority(answers, rewards, least=0.1),
        lambda: np.array([np.argmax(np.where(np.bincount(answers)[answers] >= 0.1 * size, rewards, -np.inf))]),
    )


def hodge(size, dtype):
    upper = np.triu(generator().random((20, size, size)), 1)
    P = (upper + np.tril(1 - np.swapaxes(upper, -1, -2), -1) + 0.5 * np.eye(size)).astype(dtype)
    return lambda: af.policy.hodge(P), lambda: P.mean(axis=-1) - 0.5


def multiplayer(size, _dtype):
    rng = generator()
    upper = np.triu(rng.random((size, size)), 1)
    P = upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(size)
    init = rng.dirichlet(np.ones(size), 3)

    def plain():
        log_pi = np.log(init)
        for _ in range(100):
            pi = np.exp(log_pi)
            log_pi = (log_pi.sum(axis=0) - log_pi) / 2 + (pi.sum(axis=0) - pi) / 2 @ P.T
            log_pi -= np.log(np.exp(log_pi).sum(axis=1, keepdims=True))
        return log_pi

    return lambda: af.dynamics.multiplayer(P, beta=1.0, init=init, steps=100), plain


DIFFERENT = {
    "best_of_n.extrapolate": "the peer is the limit for large n, with ends of first order and without refusal",
    "best_of_n.hedge": "the peer is the best of a grid, without an error",
    "best_of_n.fit_pass_at_k": "the peer returns the parameters alone, to the digits that its differences leave",
}
NAMES = {
    "best_of_n.pass_all_k": Timed("binomial coefficients", "problems", (10, 1000, 50_000), pass_all_k, DOUBLE),
    "best_of_n.best_at_k": Timed("sort, a product", "prompts", (10, 1000, 100_000), best_at_k),
    "best_of_n.majority_at_k": Timed("two answers: hypergeometric", "problems", (10, 1000), majority_at_k, DOUBLE),
    "best_of_n.coverage_at_cost": Timed("binomial coefficients", "problems", (10, 1000), coverage_at_cost, DOUBLE),
    "best_of_n.max_at_k_weights": Timed("argsort, cumsum, put", "prompts", (10, 1000, 10_000), max_at_k_weights),
    "best_of_n.fit_pass_at_k": Timed("BFGS without derivatives", "problems", (50, 1000, 10_000), fit_pass_at_k, DOUBLE),
    "best_of_n.PassAtKFit.pass_at_k": Timed("the estimate without ends", "k", (1, 10), curve_of_fit, DOUBLE),
    "best_of_n.PassAtKFit.posterior": Timed("betaincinv", "problems", (10, 1000, 100_000), posterior, DOUBLE),
    "best_of_n.PassAtKFit": NotTimed("a result; its methods are timed"),
    "best_of_n.hill": Timed("sort, log, mean", "pools of 64", (10, 1000, 100_000), hill, DOUBLE),
    "best_of_n.extrapolate": Timed("sort, log, gamma, ends", "pools of 64", (10, 1000, 20_000), extrapolate, DOUBLE),
    "best_of_n.hedge": Timed("argsort, 120 products", "samples", (100, 10_000), hedge, DOUBLE),
    "best_of_n.worst_of_n": Timed("argsort, cumsum, powers", "letters", (32, 1024, 50_257), worst_of_n),
    "best_of_n.calibrated_rewards": Timed("all pairs", "prompts of 64", (10, 1000), calibrated_rewards),
    "best_of_n.tsallis_weights": Timed("60 bisections", "samples", (32, 1024, 50_257), tsallis_weights),
    "best_of_n.best_of_majority": Timed("bincount, argmax", "samples", (32, 1024, 50_257), best_of_majority, DOUBLE),
    **{
        f"best_of_n.{name}": NotTimed("a result without work of its own")
        for name in ("Extrapolation", "Hedge", "TailIndex")
    },
    "policy.hodge": Timed("row means: all pairs weigh alike", "responses, 20 matrices", (4, 32, 128), hodge),
    "policy.Hodge": NotTimed("a result without work of its own"),
    "dynamics.multiplayer": Timed("its rounds, without exploitability", "responses", (4, 32, 256), multiplayer, DOUBLE),
    "dynamics.MultiplayerTrajectory": NotTimed("a result without work of its own"),
    "policy.achievable_gain": Timed("exp, products, cubes", "samples", (1000, 50_000, 1_000_000), achievable_gain),
    "policy.Gain.interval": Timed("both ends of ABC", "budgets", (10, 1000), interval_of_gain, DOUBLE),
    "policy.proxy_gap": Timed("two softmax means", "samples", (1000, 50_000), proxy_gap, DOUBLE),
    "policy.Gain": NotTimed("a result; its interval is timed"),
    "policy.ProxyGap": NotTimed("a result without work of its own"),
    "best_of_n.PassAtKInterval": NotTimed("a result without work of its own"),
    "best_of_n.Coverage": NotTimed("a result without work of its own"),
}
