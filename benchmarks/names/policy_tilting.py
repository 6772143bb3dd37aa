"""Tilted policies, budgets and estimators of the divergence beside their plain formulas."""

import numpy as np
from scipy import optimize, special

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

SIZES = (32, 1024, 50_257, 1_000_000)
BUDGET = 0.5


def rewarded(size, dtype):
    """Return a reference policy, rewards and another policy."""
    random = np.random.default_rng(0)
    p, psi = random.dirichlet(np.ones(size), 2).astype(dtype)
    return p, random.normal(size=size).astype(dtype), psi


def of_rewards(function, formula):
    def calls(size, dtype):
        data = rewarded(size, dtype)
        return lambda: function(*data), lambda: formula(*data)

    return calls


def softmax(p, reward, alpha):
    return special.softmax(np.log(p) + alpha * reward)


def divergence(p, reward, alpha):
    return special.rel_entr(softmax(p, reward, alpha), p).sum()


def brents_alpha(p, reward, _psi=None):
    return optimize.brentq(lambda alpha: divergence(p, reward, alpha) - BUDGET, 0.0, 50.0)


def brents_gap(p, reward, psi):
    return special.rel_entr(psi, softmax(p, reward, brents_alpha(p, reward))).sum()


def slopes(p, reward, alpha):
    """Return T, T d, T (1 + α d) and T − p."""
    T = softmax(p, reward, alpha)
    d = reward - T @ reward
    return T, T * d, T * (1 + alpha * d), T - p


def estimators(size, dtype):
    random = np.random.default_rng(0)
    policy, reference = (random.normal(-2.0, 0.3, size).astype(dtype) for _ in range(2))

    def formula():
        rho = policy - reference
        k3 = np.expm1(-rho) + rho
        return rho, 0.5 * rho * rho, k3, np.ones_like(rho), -np.expm1(-rho)

    return lambda: af.policy.kl_estimators(policy, reference), formula


def estimator_moments(p, b):
    rho = np.log(p / b)
    values = np.stack([rho, 0.5 * rho * rho, np.expm1(-rho) + rho])
    means = values @ p
    return means, ((values - means[:, None]) ** 2) @ p, p * (values - means[:, None]), p - b


FIELDS = NotTimed("a tuple of results")

NAMES = {
    "policy.tilt": Timed(
        "softmax(log p + alpha r)",
        "letters",
        SIZES,
        of_rewards(lambda p, r, _: af.policy.tilt(p, r, 0.5), lambda p, r, _: softmax(p, r, 0.5)),
    ),
    "policy.tilt_gradient": Timed(
        "softmax, T d, T (1 + alpha d), T - p",
        "letters",
        SIZES,
        of_rewards(lambda p, r, _: af.policy.tilt_gradient(p, r, 0.5), lambda p, r, _: slopes(p, r, 0.5)),
    ),
    "policy.kl_constrained": Timed(
        "brentq of rel_entr(softmax, p)",
        "letters",
        SIZES,
        of_rewards(lambda p, r, _: af.policy.kl_constrained(p, r, BUDGET), brents_alpha),
    ),
    "policy.kl_constrained_gradient": Timed(
        "brentq, softmax",
        "letters",
        SIZES,
        of_rewards(
            lambda p, r, _: af.policy.kl_constrained_gradient(p, r, BUDGET),
            lambda p, r, _: slopes(p, r, brents_alpha(p, r)),
        ),
    ),
    "policy.optimality_gap": Timed(
        "brentq, rel_entr",
        "letters",
        SIZES,
        of_rewards(lambda p, r, psi: af.policy.optimality_gap(psi, p, r, BUDGET), brents_gap),
    ),
    "policy.kl_estimators": Timed("rho, rho^2 / 2, expm1(-rho) + rho", "samples", (*SIZES, 10_000_000), estimators),
    "policy.kl_estimator_moments": Timed(
        "means, variances and gradients of rho, rho^2 / 2, expm1(-rho) + rho",
        "letters",
        SIZES,
        of_rewards(
            lambda p, _, psi: af.policy.kl_estimator_moments(p, psi), lambda p, _, psi: estimator_moments(p, psi)
        ),
    ),
    "policy.ConstrainedGradient": FIELDS,
    "policy.KLEstimatorMoments": FIELDS,
    "policy.KLEstimators": FIELDS,
    "policy.PolicyGradient": FIELDS,
    "policy.TiltGradient": FIELDS,
    "policy.TiltedPolicy": FIELDS,
}

OPERATIONS = "the peer does the operations of the formula in another normalisation; its numbers are others"
DIFFERENT = {
    "policy.tilt": "the peer returns probabilities, not their logarithms",
    "policy.tilt_gradient": OPERATIONS,
    "policy.kl_constrained_gradient": OPERATIONS,
}
