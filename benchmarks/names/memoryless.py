"""Memoryless models beside SciPy's distributions and root finders."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import binom

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

DELTA = 0.11
COIN = af.memoryless.MemorylessModel([0.4, 0.6], reward=[0.0, 1.0])


def letters(size):
    """Return probabilities and rewards of a model of so many letters, and the model."""
    random = np.random.default_rng(0)
    p, reward = random.dirichlet(np.ones(size)), random.normal(size=size)
    return p, reward, af.memoryless.MemorylessModel(p, reward=reward)


def tilted(p, reward, alpha):
    log_pi = np.log(p) + alpha * reward
    return log_pi - logsumexp(log_pi)


def aligned_tilt(p, reward, delta):
    def excess(alpha):
        log_pi = tilted(p, reward, alpha)
        return np.exp(log_pi) @ (log_pi - np.log(p)) - delta

    return brentq(excess, 0.0, 50.0, xtol=1e-14)


def model(size, _dtype):
    p, reward, _ = letters(size)

    def merged():
        values, where = np.unique(reward, return_inverse=True)
        return values, np.bincount(where, p / p.sum())

    return lambda: af.memoryless.MemorylessModel(p, reward=reward), merged


def aligned(size, _dtype):
    p, reward, ours = letters(size)
    return lambda: ours.aligned(DELTA), lambda: tilted(p, reward, aligned_tilt(p, reward, DELTA))


def reward_law(size, _dtype):
    return lambda: COIN.reward_law(size), lambda: binom.logpmf(np.arange(size + 1), size, 0.6)


def best_of_n(size, _dtype):
    log_n = math.log(1000.0)

    def formula():
        sums = np.arange(size + 1)
        below = binom.cdf(sums, size, 0.6)
        pmf = np.diff(below**1000, prepend=0.0)
        kl = np.where(pmf > 0, pmf * (np.log(np.maximum(pmf, 1e-300)) - binom.logpmf(sums, size, 0.6)), 0.0)
        return pmf @ sums, kl.sum()

    return lambda: COIN.best_of_n(size, log_n=log_n), formula


def rate(size, _dtype):
    p, reward, ours = letters(size)
    level = 0.5 * (reward.max() + p @ reward)

    def formula():
        t = brentq(lambda t: np.exp(tilted(p, reward, t)) @ reward - level, 0.0, 100.0)
        return t * level - logsumexp(t * reward, b=p)

    return lambda: ours.rate(-level), formula


def scaled_cumulant(size, _dtype):
    p, reward, ours = letters(size)

    def formula():
        alpha = aligned_tilt(p, reward, DELTA)
        return (logsumexp((alpha + 0.3) * reward, b=p) - logsumexp(alpha * reward, b=p)) / 0.3

    return lambda: ours.scaled_cumulant(0.3, delta=DELTA), formula


def second_order(size, _dtype):
    p, reward, ours = letters(size)

    def formula():
        alpha = aligned_tilt(p, reward, DELTA)
        pi = np.exp(tilted(p, reward, alpha))
        mean = pi @ reward
        deviation = math.sqrt(pi @ (reward - mean) ** 2)
        return 1000 * mean - (math.log(alpha * deviation * math.sqrt(2000 * math.pi)) - np.euler_gamma) / alpha

    return lambda: ours.second_order(1000, DELTA), formula


def sample_sequences(size, _dtype):
    p, reward, ours = letters(8)

    def brute_force():
        draws = np.random.default_rng(1).choice(8, p=p, size=(size, 16, 100))
        best = reward[draws].sum(axis=2).argmax(axis=1)
        return draws[np.arange(size), best]

    return lambda: ours.sample_sequences(100, size, log_n=math.log(16.0), rng=1), brute_force


def tail_probability(size, _dtype):
    p, reward, ours = letters(8)
    level = 100 * 0.5 * (reward.max() + p @ reward)

    def importance():
        t = brentq(lambda t: np.exp(tilted(p, reward, t)) @ reward - level / 100, 0.0, 100.0)
        draws = np.random.default_rng(1).choice(8, p=np.exp(tilted(p, reward, t)), size=(size, 100))
        sums = reward[draws].sum(axis=1)
        return (np.exp(-t * (sums - level)) * (sums >= level)).mean()

    return lambda: ours.tail_probability(100, level, size, rng=1), importance


def of_letters(peer, calls, sizes=(3, 32, 1024)):
    return Timed(peer, "letters", sizes, calls, ("float64",))


RESULT = "a result; the method that returns it is timed"

NAMES = {
    **{
        f"memoryless.{name}": NotTimed(RESULT)
        for name in ("BestOfNErrors", "BestOfNLaw", "Law", "SecondOrder", "TailEstimate")
    },
    "memoryless.MemorylessModel": of_letters("numpy.unique and bincount", model),
    "memoryless.MemorylessModel.tilt": NotTimed("policy.tilt, which is timed"),
    "memoryless.MemorylessModel.delta_max": NotTimed("one logarithm"),
    "memoryless.MemorylessModel.reward_bounds": NotTimed(
        "certain bounds from two laws on a fine lattice; no peer gives any, and the transforms are those of reward_law"
    ),
    "memoryless.MemorylessModel.aligned": of_letters("brentq on the divergence", aligned),
    "memoryless.MemorylessModel.rate": of_letters("brentq on the mean", rate),
    "memoryless.MemorylessModel.scaled_cumulant": of_letters("brentq and logsumexp", scaled_cumulant),
    "memoryless.MemorylessModel.second_order": of_letters("brentq and the formula", second_order),
    "memoryless.MemorylessModel.reward_law": Timed(
        "scipy binom.logpmf", "coins", (100, 10_000, 1_000_000), reward_law, ("float64",)
    ),
    "memoryless.MemorylessModel.best_of_n": Timed(
        "scipy binom, powers of the cdf, no errors", "coins", (100, 10_000, 1_000_000), best_of_n, ("float64",)
    ),
    "memoryless.MemorylessModel.sample_sequences": Timed(
        "best of 16 draws", "sequences", (10, 1000, 20_000), sample_sequences, ("float64",)
    ),
    "memoryless.MemorylessModel.tail_probability": Timed(
        "importance sampling, NumPy", "draws", (100, 10_000, 100_000), tail_probability, ("float64",)
    ),
}

DIFFERENT = {
    "memoryless.MemorylessModel": "a model; the peer returns what it is made from",
    "memoryless.MemorylessModel.sample_sequences": "random numbers of two generators",
    "memoryless.MemorylessModel.tail_probability": "random numbers of two generators",
}
