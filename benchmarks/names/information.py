"""Information measures beside their plain formulas."""

import numpy as np
from scipy import optimize, special

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

SIZES = (32, 1024, 50_257, 1_000_000, 10_000_000)
SOLVED = (32, 1024, 50_257, 1_000_000)
CHAINS = (3, 32, 128)


def pair(size, dtype):
    """Return two distributions."""
    return np.random.default_rng(0).dirichlet(np.ones(size), 2).astype(dtype)


def rewarded(size, dtype):
    """Return a distribution and rewards."""
    random = np.random.default_rng(0)
    return random.dirichlet(np.ones(size)).astype(dtype), random.normal(size=size).astype(dtype)


def of_one(function, formula):
    def calls(size, dtype):
        p = pair(size, dtype)[0]
        return lambda: function(p), lambda: formula(p)

    return calls


def of_two(function, formula):
    def calls(size, dtype):
        p, q = pair(size, dtype)
        return lambda: function(p, q), lambda: formula(p, q)

    return calls


def of_rewards(function, formula):
    def calls(size, dtype):
        p, reward = rewarded(size, dtype)
        return lambda: function(p, reward), lambda: formula(p, reward)

    return calls


def tilted(p, reward, t):
    return special.softmax(np.log(p) + t * reward)


def central_moments(p, reward, t):
    weights = tilted(p, reward, t)
    mean = weights @ reward
    d = reward - mean
    second, third, fourth = (weights @ d**k for k in (2, 3, 4))
    return np.array([mean, second, third, fourth - 3 * second * second])


def log_mgf_slopes(p, reward, t):
    weights = tilted(p, reward, t)
    return weights @ reward, t * weights, weights - p


def brents_rate(p, reward, x=0.5):
    return optimize.brentq(lambda t: tilted(p, reward, t) @ reward - x, -50.0, 50.0)


def measure_slopes(p, reward, order):
    """Return the derivatives of log E e^{(order − 1) r} / (order − 1) by the order and by log p."""
    rho = order - 1
    weights = tilted(p, reward, rho)
    return special.rel_entr(weights, p).sum() / rho**2, (weights - p) / rho, weights


def chains(function, formula):
    def calls(size, dtype):
        random = np.random.default_rng(0)
        P, other = random.dirichlet(np.ones(size), (2, size)).astype(dtype)
        return lambda: function(P, other), lambda: formula(P, other)

    return calls


def perron_policy(P, reward, alpha=0.5):
    R = P * np.exp(alpha * reward)
    values, vectors = np.linalg.eig(R)
    top = np.argmax(values.real)
    v = np.abs(vectors[:, top].real)
    return R * v / (values[top].real * v[:, None])


FIELDS = NotTimed("a tuple of results")

NAMES = {
    "information.entropy": Timed(
        "-(p log p).sum()", "letters", SIZES, of_one(af.information.entropy, lambda p: -(p * np.log(p)).sum())
    ),
    "information.cross_entropy": Timed(
        "-(p log q).sum()", "letters", SIZES, of_two(af.information.cross_entropy, lambda p, q: -(p * np.log(q)).sum())
    ),
    "information.kl_divergence": Timed(
        "(p log(p / q)).sum()",
        "letters",
        SIZES,
        of_two(af.information.kl_divergence, lambda p, q: (p * np.log(p / q)).sum()),
    ),
    "information.renyi_entropy": Timed(
        "-log((p p).sum())",
        "letters",
        SIZES,
        of_one(lambda p: af.information.renyi_entropy(p, 2.0), lambda p: -np.log((p * p).sum())),
    ),
    "information.renyi_divergence": Timed(
        "log((p p / q).sum())",
        "letters",
        SIZES,
        of_two(lambda p, q: af.information.renyi_divergence(p, q, 2.0), lambda p, q: np.log((p * p / q).sum())),
    ),
    "information.renyi_cross_entropy": Timed(
        "-log((p q).sum())",
        "letters",
        SIZES,
        of_two(lambda p, q: af.information.renyi_cross_entropy(p, q, 2.0), lambda p, q: -np.log((p * q).sum())),
    ),
    "information.log_mgf": Timed(
        "logsumexp(t r, b=p)",
        "letters",
        SIZES,
        of_rewards(lambda p, r: af.information.log_mgf(r, 0.7, p=p), lambda p, r: special.logsumexp(0.7 * r, b=p)),
    ),
    "information.cumulants": Timed(
        "central moments under softmax",
        "letters",
        SIZES,
        of_rewards(lambda p, r: af.information.cumulants(r, 4, p=p, t=0.7), lambda p, r: central_moments(p, r, 0.7)),
    ),
    "information.tilted_moments": Timed(
        "central moments under softmax",
        "letters",
        SIZES,
        of_rewards(lambda p, r: af.information.tilted_moments(r, 0.7, p=p), lambda p, r: central_moments(p, r, 0.7)),
    ),
    "information.rate_function": Timed(
        "brentq of the tilted mean",
        "letters",
        SOLVED,
        of_rewards(lambda p, r: af.information.rate_function(r, 0.5, p=p), brents_rate),
    ),
    "information.log_mgf_gradient": Timed(
        "softmax, E r, T - p",
        "letters",
        SOLVED,
        of_rewards(lambda p, r: af.information.log_mgf_gradient(r, 0.7, p=p), lambda p, r: log_mgf_slopes(p, r, 0.7)),
    ),
    "information.rate_function_gradient": Timed(
        "brentq, softmax",
        "letters",
        SOLVED,
        of_rewards(
            lambda p, r: af.information.rate_function_gradient(r, 0.5, p=p),
            lambda p, r: log_mgf_slopes(p, r, brents_rate(p, r)),
        ),
    ),
    "information.renyi_entropy_gradient": Timed(
        "softmax, rel_entr, (T - p) / (t - 1)",
        "letters",
        SOLVED,
        of_one(lambda p: af.information.renyi_entropy_gradient(p, 2.0), lambda p: measure_slopes(p, np.log(p), 2.0)),
    ),
    "information.renyi_divergence_gradient": Timed(
        "softmax, rel_entr, (T - p) / (t - 1)",
        "letters",
        SOLVED,
        of_two(
            lambda p, q: af.information.renyi_divergence_gradient(p, q, 2.0),
            lambda p, q: measure_slopes(p, np.log(p / q), 2.0),
        ),
    ),
    "information.renyi_cross_entropy_gradient": Timed(
        "softmax, rel_entr, (T - p) / (t - 1)",
        "letters",
        SOLVED,
        of_two(
            lambda p, q: af.information.renyi_cross_entropy_gradient(p, q, 2.0),
            lambda p, q: measure_slopes(p, np.log(q), 2.0),
        ),
    ),
    "information.markov_renyi_cross_entropy_rate": Timed(
        "-log max |eigvals(P Q)|",
        "states",
        CHAINS,
        chains(
            lambda P, Q: af.information.markov_renyi_cross_entropy_rate(P, Q, 2.0),
            lambda P, Q: -np.log(np.abs(np.linalg.eigvals(P * Q)).max()),
        ),
    ),
    "information.markov_aligned": Timed(
        "eig(P exp(alpha r))",
        "states",
        CHAINS,
        chains(lambda P, r: af.information.markov_aligned(P, r, 0.5), perron_policy),
    ),
    "information.LogMgfGradient": FIELDS,
    "information.MarkovPolicy": FIELDS,
    "information.RateFunction": FIELDS,
    "information.RateFunctionGradient": FIELDS,
    "information.RenyiGradient": FIELDS,
    "information.TiltedMoments": FIELDS,
}

OPERATIONS = "the peer does the operations of the formula in another normalisation; its numbers are others"
DIFFERENT = {
    f"information.{name}_gradient": OPERATIONS
    for name in ("rate_function", "renyi_cross_entropy", "renyi_divergence", "renyi_entropy")
}
