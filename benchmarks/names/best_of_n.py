"""Best-of-N beside its plain formulas."""

from math import comb

import numpy as np
from scipy.special import ndtri

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

SMALL, MEDIUM = (32, 1024), (32, 1024, 50_257)
LETTERS = (32, 1024, 50_257, 1_000_000)
POOLS = (32, 100, 1024, 10_000, 1_000_000)
NUMBERS = (1, 32, 1000, 50_000, 1_000_000)
DOUBLE = ("float64",)
N = 16.0


def generator():
    return np.random.default_rng(0)


def outcomes(size, dtype):
    rng = generator()
    return rng.dirichlet(np.ones(size)).astype(dtype), rng.normal(size=size).astype(dtype)


# ---- plain formulas ----


def cumulated(p, reward):
    """Return the order by reward and the distribution function along it."""
    order = np.argsort(reward)
    return order, np.cumsum(p[order])


def plain_pmf(p, reward, n):
    order, f = cumulated(p, reward)
    out = np.empty_like(p)
    out[order] = np.diff(np.concatenate([[0.0], f]) ** n)
    return out


def plain_kl(n):
    return np.log(n) - (n - 1) / n


def plain_win(p, reward, pi):
    order, f = cumulated(p, reward)
    return pi[order] @ (f - p[order] / 2)


def plain_estimator(p):
    missed = (1 - p) ** N
    return missed * (np.log(N) + (N - 1) * np.log1p(-p) - (N - 1) / N) + (1 - missed) * np.log((1 - missed) / p)


def plain_curve(scores):
    size, ordered = len(scores), np.sort(scores)[::-1]
    ranks = np.arange(size, 1, -1)

    def means(n):
        steps = np.maximum(ranks[None] - n[:, None], 0) / (ranks - 1)
        return np.cumprod(np.concatenate([n[:, None] / size, steps], axis=1), axis=1) @ ordered

    return np.concatenate([means(np.arange(first, min(first + 256, size + 1))) for first in range(1, size + 1, 256)])


def plain_pass_at_k(total, correct, k):
    """Chen et al.'s own estimator: a product for each problem."""
    return np.array(
        [
            1.0 if m - c < k else 1.0 - np.prod(1.0 - k / np.arange(m - c + 1, m + 1))
            for m, c in zip(total, correct, strict=True)
        ]
    )


# ---- closed forms: size is how many n ----


def closed(function, formula, **options):
    def calls(size, dtype):
        n = np.linspace(1.5, 1e4, size).astype(dtype)
        given = float(n[0]) if size == 1 else n
        return lambda: function(given, **options), lambda: formula(given)

    return calls


def of_numbers(function, formula, peer, **options):
    return Timed(peer, "n", NUMBERS, closed(function, formula, **options), DOUBLE)


def gaussian_reward(size, _dtype):
    n = np.linspace(2.0, 1e4, size)
    z = np.linspace(-8, 8, 256)
    density, below = np.exp(-z * z / 2) / np.sqrt(2 * np.pi), np.clip(0.5 * (1 + np.tanh(0.8 * z)), 1e-16, 1)

    def plain():
        weight = n[:, None] * below ** (n[:, None] - 1) * density * (z[1] - z[0])
        mean = weight @ z
        return mean, weight @ z**2 - mean**2

    return lambda: af.best_of_n.continuous.gaussian_reward(n), plain


def kl_estimator(size, dtype):
    p = generator().uniform(1e-3, 1, size).astype(dtype)

    return lambda: af.best_of_n.kl_estimator(p, N), lambda: plain_estimator(p)


# ---- exact laws: size is the alphabet ----


def law_case(ours, plain):
    """Return the maker of a case: a method of a law that is there, and the formula from p and reward."""

    def calls(size, dtype):
        p, reward = outcomes(size, dtype)
        law = af.best_of_n.BestOfN(p, reward)
        return lambda: ours(law), lambda: plain(p, reward)

    return calls


def built_law(size, dtype):
    p, reward = outcomes(size, dtype)
    return lambda: af.best_of_n.BestOfN(p, reward).pmf(N), lambda: plain_pmf(p, reward, N)


def of_law(ours, plain, peer, sizes=LETTERS):
    return Timed(peer, "letters", sizes, law_case(ours, plain))


def with_pmf(function):
    return lambda p, reward: function(p, reward, plain_pmf(p, reward, N))


def sample(p, reward):
    return np.random.default_rng(1).choice(len(p), 1000, p=plain_pmf(p.astype(np.float64), reward, N))


def plain_divergence(pi, p):
    return np.sum(pi * np.log(np.maximum(pi, 1e-37) / np.maximum(p, 1e-37)))


def aligned_by_bisection(p, reward):
    target, low, high = plain_divergence(plain_pmf(p, reward, N), p), 0.0, 1e3
    for _ in range(60):
        middle = 0.5 * (low + high)
        tilted = p * np.exp(middle * (reward - reward.max()))
        tilted /= tilted.sum()
        if plain_divergence(tilted, p) < target:
            low = middle
        else:
            high = middle
    return tilted


# ---- relatives ----


def of_outcomes(ours, plain, peer, sizes=MEDIUM):
    def calls(size, dtype):
        p, reward = outcomes(size, dtype)
        return lambda: ours(p, reward), lambda: plain(p, reward)

    return Timed(peer, "letters", sizes, calls)


def plain_poisson(p, reward):
    order, f = cumulated(p, reward)
    out = np.empty_like(p)
    out[order] = np.diff(np.concatenate([[0.0], f * np.exp(-3 * (1 - f))]))
    return out


def plain_quantile_tilt(p, reward):
    order, f = cumulated(p, reward)
    out = np.empty_like(p)
    out[order] = p[order] * np.exp(2 * (f - p[order] / 2))
    return out / out.sum()


def plain_soft(p, reward):
    """The integral n p w e^{-s w} M(s)^{n-1} ds of 4 draws at temperature 1/2, trapezoids in log s."""
    log_w = 2 * reward.astype(np.float64)
    s = np.exp(np.arange(-log_w.max() - 32, 4 - log_w.min(), 0.2))[:, None]
    survivors = np.exp(-s * np.exp(log_w))
    return 4 * p * np.exp(log_w) * 0.2 * (survivors * s * (survivors @ p)[:, None] ** 3).sum(axis=0)


def plain_pessimism(scores):
    ordered = np.sort(scores)[::-1]
    reach = (np.cumsum(ordered) - 0.5 * len(scores)) / np.arange(1, len(scores) + 1)
    threshold = reach[np.flatnonzero(ordered > reach)[-1]]
    return np.maximum(0, scores - threshold) / (0.5 * len(scores))


# ---- pools ----


def curve(size, dtype):
    scores = generator().normal(size=size).astype(dtype)
    peer = (lambda: plain_curve(scores)) if size <= 10_000 else (lambda: np.sort(scores))
    return lambda: af.best_of_n.curve(scores), peer


def pass_at_k(size, _dtype):
    total, correct = np.full(size, 200), np.arange(size) % 100
    return lambda: af.best_of_n.pass_at_k(total, correct, 10), lambda: plain_pass_at_k(total, correct, 10)


def mean_over_prompts(size, dtype):
    curves = af.best_of_n.curve(generator().normal(size=(size, 8)).astype(dtype))
    x = curves.mean
    return lambda: af.best_of_n.mean_over_prompts(curves), lambda: (x.mean(0), x.std(0, ddof=1) / np.sqrt(len(x)))


def divergence_from_samples(size, _dtype):
    rng = generator()
    scores, log_p = rng.normal(size=size), np.log(rng.uniform(0, 1, size))

    def once(kept):
        ordered = np.argsort(scores[kept])
        ranks = np.arange(1, len(ordered) + 1)
        w = np.diff((ranks / len(ranks)) ** N, prepend=0.0)
        p = np.exp(log_p[kept][ordered])
        missed = (1 - p) ** N
        return w @ (
            missed * (np.log(N) + (N - 1) * np.log1p(-p) - (N - 1) / N) + (1 - missed) * np.log((1 - missed) / p)
        )

    def plain():
        everything = np.arange(size)
        left_out = [once(np.delete(everything, i)) for i in range(min(size, 100))]
        return once(everything), np.std(left_out)

    return lambda: af.best_of_n.divergence_from_samples(scores, int(N), log_p=log_p), plain


def proxy_versus_gold(size, dtype):
    rng = generator()
    gold = rng.normal(size=(size, 64))
    scores, gold = (gold + rng.normal(size=gold.shape)).astype(dtype), gold.astype(dtype)
    n = 2 ** np.arange(7)
    weights = np.array([[comb(i - 1, k - 1) / comb(64, k) for i in range(1, 65)] for k in n.tolist()])

    def plain():
        order = np.argsort(scores, axis=1)
        curves = [np.take_along_axis(x, order, axis=1) @ weights.T for x in (scores, gold)]
        return [(x.mean(0), np.cov(x, rowvar=False)) for x in curves]

    return lambda: af.best_of_n.proxy_versus_gold(scores, gold), plain


def fit_overoptimization(size, _dtype):
    kl = np.linspace(0.1, 5, size)
    d = np.sqrt(kl)
    gain = d * (1 - 0.25 * d) + 0.01 * generator().normal(size=size)
    return (
        lambda: af.best_of_n.fit_overoptimization(kl, gain),
        lambda: np.linalg.lstsq(np.stack([d, -kl], axis=1), gain, rcond=None),
    )


# ---- simulation: size is the number of replicates of the best of 100 ----


def simulated(source, draw):
    def calls(size, _dtype):
        rng = generator()
        return lambda: af.best_of_n.simulate(source, 100, size, seed=0), lambda: draw(rng, size).max(axis=1).mean()

    return calls


def of_replicates(source, draw, peer):
    return Timed(peer, "replicates", (10, 1000, 50_000), simulated(source, draw), DOUBLE)


def sum_of_two(first, second):
    return first + second


def table_case(size, dtype):
    p, reward = outcomes(size, dtype)
    return lambda: af.best_of_n.Table(p, reward), lambda: cumulated(p, reward)


def fitted(size, _dtype):
    fit = af.best_of_n.OveroptimizationFit("best-of-n", 1.0, 0.25, np.array([[2.0, 0.5], [0.5, 1.0]]))
    return fit, np.linspace(0.1, 5, size)


def gain(size, dtype):
    fit, kl = fitted(size, dtype)
    return lambda: fit.gain(kl), lambda: np.sqrt(kl) - 0.25 * kl


def error_of_gain(size, dtype):
    fit, kl = fitted(size, dtype)

    def plain():
        design = np.stack([np.sqrt(kl), -kl], axis=1)
        return np.sqrt(((design @ fit.covariance) * design).sum(1))

    return lambda: fit.standard_error(kl), plain


TRANSFORM = NotTimed("a tuple of the parameters, for `simulate`")
LAW = "best_of_n.BestOfN"
PMF = "argsort, cumsum, powers, differences"
DRAWN = "random numbers of two generators"
DIFFERENT = {
    f"{LAW}.aligned": "the peer matches the divergence to 60 halvings and returns the policy, not its logarithms",
    f"{LAW}.log_pmf": "the peer floors probabilities at 1e-37",
    f"{LAW}.kl_estimate": "the peer does the same operations, not the same formula",
    f"{LAW}.sample": DRAWN,
    "best_of_n.simulate": DRAWN,
    "best_of_n.Uniform": DRAWN,
    "best_of_n.Quantile": DRAWN,
    "best_of_n.Sampler": DRAWN,
    "best_of_n.Table": "the peer cumulates in ascending order and keeps ties",
    "best_of_n.continuous.gaussian_reward": "the peer's distribution function is an approximation",
    "best_of_n.divergence_from_samples": "the peer stops after 100 samples left out, and has one statistic of four",
    "best_of_n.win_rate_optimal": "the peer takes the quantile in the middle of each outcome",
    "best_of_n.fit_overoptimization": "lstsq returns residuals, rank and singular values, too",
    "best_of_n.proxy_versus_gold": "the peer returns the covariance of prompts, not of their mean",
}
NAMES = {
    "best_of_n.OveroptimizationFit.gain": Timed("its formula", "points", NUMBERS, gain, DOUBLE),
    "best_of_n.OveroptimizationFit.standard_error": Timed("a quadratic form", "points", NUMBERS, error_of_gain, DOUBLE),
    "best_of_n.ProxyVersusGold.fit": NotTimed("`fit_overoptimization`, which is timed"),
    "best_of_n.Simulation.merge": NotTimed("seven numbers; merged once for a simulation"),
    **{f"best_of_n.{source}.transform": TRANSFORM for source in ("Gaussian", "Uniform", "Table", "Quantile")},
    "best_of_n.kl_upper_bound": of_numbers(af.best_of_n.kl_upper_bound, plain_kl, "log n - (n - 1)/n"),
    "best_of_n.win_rate_continuous": of_numbers(af.best_of_n.win_rate_continuous, lambda n: n / (n + 1), "n / (n + 1)"),
    "best_of_n.continuous": NotTimed("a module; its functions are timed"),
    "best_of_n.continuous.kl": of_numbers(af.best_of_n.continuous.kl, plain_kl, "log n - (n - 1)/n"),
    "best_of_n.continuous.reverse_kl": of_numbers(
        af.best_of_n.continuous.reverse_kl, lambda n: n - 1 - np.log(n), "n - 1 - log n"
    ),
    "best_of_n.continuous.chi2": of_numbers(
        af.best_of_n.continuous.chi2, lambda n: (n - 1) ** 2 / (2 * n - 1), "(n - 1)^2 / (2n - 1)"
    ),
    "best_of_n.continuous.tv": of_numbers(
        af.best_of_n.continuous.tv, lambda n: n ** (-1 / (n - 1)) - n ** (-n / (n - 1)), "n^(-1/(n-1)) - n^(-n/(n-1))"
    ),
    "best_of_n.continuous.hellinger2": of_numbers(
        af.best_of_n.continuous.hellinger2, lambda n: 1 - 2 * np.sqrt(n) / (n + 1), "1 - 2 sqrt(n) / (n + 1)"
    ),
    "best_of_n.continuous.renyi": of_numbers(
        af.best_of_n.continuous.renyi,
        lambda n: np.log(n**2 / (2 * n - 1)),
        "log(n^a / (a(n-1) + 1)) / (a-1)",
        order=2.0,
    ),
    "best_of_n.continuous.win_rate": of_numbers(af.best_of_n.continuous.win_rate, lambda n: n / (n + 1), "n / (n + 1)"),
    "best_of_n.continuous.gaussian_reward": Timed(
        "trapezoids over the density, 8 digits", "n", (1, 32, 1000), gaussian_reward, DOUBLE
    ),
    "best_of_n.kl_estimator": Timed("its formula", "probabilities", (1, *LETTERS), kl_estimator),
    LAW: Timed(PMF, "letters", LETTERS, built_law),
    f"{LAW}.pmf": of_law(lambda law: law.pmf(N), lambda p, r: plain_pmf(p, r, N), PMF),
    f"{LAW}.log_pmf": of_law(
        lambda law: law.log_pmf(N), lambda p, r: np.log(np.maximum(plain_pmf(p, r, N), 1e-37)), "log of the pmf"
    ),
    f"{LAW}.kl": of_law(
        lambda law: law.kl(N),
        with_pmf(lambda p, _, pi: plain_divergence(pi, p)),
        "pmf, sum pi log(pi/p)",
    ),
    f"{LAW}.win_rate": of_law(lambda law: law.win_rate(N), with_pmf(plain_win), "pmf, sum pi (F - p/2)"),
    f"{LAW}.expected_reward": of_law(
        lambda law: law.expected_reward(N), with_pmf(lambda _, r, pi: pi @ r), "pmf @ reward"
    ),
    f"{LAW}.reward_variance": of_law(
        lambda law: law.reward_variance(N), with_pmf(lambda _, r, pi: pi @ r**2 - (pi @ r) ** 2), "pmf, second moment"
    ),
    f"{LAW}.divergence": of_law(
        lambda law: law.divergence("tv", N),
        with_pmf(lambda p, _, pi: np.abs(pi - p).sum() / 2),
        "pmf, sum |pi - p| / 2",
    ),
    f"{LAW}.kl_estimate": of_law(
        lambda law: law.kl_estimate(N),
        with_pmf(lambda p, _, pi: pi @ (1 - (1 - p) ** N) + pi @ np.log1p(-p * 0.999)),
        "pmf, two powers and logarithms",
    ),
    f"{LAW}.aligned": of_law(lambda law: law.aligned(N), aligned_by_bisection, "60 bisections of softmax", SMALL),
    f"{LAW}.sample": of_law(lambda law: law.sample(1000, N, rng=1), sample, "pmf, Generator.choice of 1000", MEDIUM),
    "best_of_n.best_of_poisson": of_outcomes(
        lambda p, r: af.best_of_n.best_of_poisson(p, r, 3.0), plain_poisson, "argsort, cumsum, differences"
    ),
    "best_of_n.win_rate_optimal": of_outcomes(
        lambda p, r: af.best_of_n.win_rate_optimal(p, r, strength=2.0), plain_quantile_tilt, "argsort, cumsum, softmax"
    ),
    "best_of_n.soft_best_of_n": of_outcomes(
        lambda p, r: af.best_of_n.soft_best_of_n(p, r, 4, 0.5), plain_soft, "its integral, trapezoids in log s", SMALL
    ),
    "best_of_n.inference_time_pessimism": of_outcomes(
        lambda _, r: af.best_of_n.inference_time_pessimism(r, 0.5), lambda _, r: plain_pessimism(r), "sort, cumsum"
    ),
    "best_of_n.curve": Timed(
        "cumprod of weights; of 1 000 000 (hours) a sort alone",
        "scores",
        (32, 100, 1024, 10_000, 1_000_000),
        curve,
    ),
    "best_of_n.pass_at_k": Timed("a product per problem", "problems", (1, 100, 10_000), pass_at_k, DOUBLE),
    "best_of_n.mean_over_prompts": Timed("mean, std / sqrt", "prompts", (32, 1000, 100_000), mean_over_prompts),
    "best_of_n.divergence_from_samples": Timed(
        "weights and formula, 100 samples left out", "samples", (32, 1000, 50_000), divergence_from_samples, DOUBLE
    ),
    "best_of_n.proxy_versus_gold": Timed(
        "argsort, two products, cov", "prompts", (10, 1000, 20_000), proxy_versus_gold
    ),
    "best_of_n.fit_overoptimization": Timed("lstsq", "points", (5, 100), fit_overoptimization, DOUBLE),
    "best_of_n.simulate": of_replicates(
        af.best_of_n.Gaussian(), lambda rng, r: rng.normal(size=(r, 100)), "normal, max"
    ),
    "best_of_n.Gaussian": NotTimed("parameters of `simulate`"),
    "best_of_n.Uniform": of_replicates(af.best_of_n.Uniform(), lambda rng, r: rng.random((r, 100)), "random, max"),
    "best_of_n.Quantile": of_replicates(
        af.best_of_n.Quantile(isf=lambda t: -ndtri(t)), lambda rng, r: -ndtri(rng.random((r, 100))), "ndtri, max"
    ),
    "best_of_n.Sampler": of_replicates(
        af.best_of_n.Sampler(sum_of_two, uniforms=2),
        lambda rng, r: rng.random((r, 100, 2)).sum(axis=2),
        "sum of two uniforms, max",
    ),
    "best_of_n.Table": Timed("argsort, cumsum", "letters", MEDIUM, table_case),
    **{
        f"best_of_n.{name}": NotTimed("a result without work of its own")
        for name in (
            "AlignedPolicy",
            "Curve",
            "MeanCurve",
            "OveroptimizationFit",
            "Pessimism",
            "ProxyVersusGold",
            "SampledDivergence",
            "Simulation",
            "WinRateOptimal",
        )
    },
}
