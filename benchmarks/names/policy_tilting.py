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


def tilted(p, reward, alpha):
    """Return what `tilt` does: alpha, log T, D(T‖p), mean and variance of the reward, log-partition."""
    log_p = np.log(p)
    log_T = log_p + alpha * reward
    top = log_T.max()
    T = np.exp(log_T - top)
    total = T.sum()
    T /= total
    log_partition = top + np.log(total)
    log_T -= log_partition
    mean = T @ reward
    return alpha, log_T, alpha * mean - log_partition, mean, T @ (reward - mean) ** 2, log_partition


def divergence(p, reward, alpha):
    return special.rel_entr(special.softmax(np.log(p) + alpha * reward), p).sum()


def brents_alpha(p, reward, _psi=None):
    return optimize.brentq(lambda alpha: divergence(p, reward, alpha) - BUDGET, 0.0, 50.0)


def brents_tilt(p, reward, _psi=None):
    return tilted(p, reward, brents_alpha(p, reward))


def brents_gap(p, reward, psi):
    return special.rel_entr(psi, special.softmax(np.log(p) + brents_alpha(p, reward) * reward)).sum()


def slopes(p, reward, alpha):
    """Return the derivatives by alpha, the reward and log p of the divergence, mean, variance and log-partition."""
    _, log_T, D, mean, v, _ = tilted(p, reward, alpha)
    T, d = np.exp(log_T), reward - mean
    moved, change, bent = T * d, T - p, d * d - v
    return (
        (alpha * v, alpha * alpha * moved, T * (log_T - np.log(p) - D) - change),
        (v, T + alpha * moved, moved),
        (moved @ (d * d), T * (2 * d + alpha * bent), T * bent),
        (mean, alpha * T, change),
    )


def slopes_at_divergence(p, reward, alpha):
    """Return those of alpha and of the mean by the divergence, the reward and log p, at a fixed divergence."""
    (by_alpha, *of_divergence), _, _, (_, by_reward, change) = slopes(p, reward, alpha)
    return (1 / by_alpha, *(-x / by_alpha for x in of_divergence)), (1 / alpha, by_reward / alpha, change / alpha)


def estimators(size, dtype):
    random = np.random.default_rng(0)
    policy, reference = (random.normal(-2.0, 0.3, size).astype(dtype) for _ in range(2))

    def formula():
        rho = policy - reference
        k3 = np.expm1(-rho) + rho
        return rho, 0.5 * rho * rho, k3, np.ones_like(rho), -np.expm1(-rho)

    return lambda: af.policy.kl_estimators(policy, reference), formula


def estimator_moments(p, b):
    """Return D(p‖b), D(b‖p), means and variances, gradients in the loss and in the reward, and of both divergences."""
    rho = np.log(p / b)
    less_one = np.expm1(-rho)
    values = np.stack([rho, 0.5 * rho * rho, less_one + rho])
    means = values @ p
    values -= means[:, None]
    bent = np.stack([np.zeros_like(rho), values[0], -less_one + less_one @ p]) * p
    variances = (values * values) @ p
    values *= p
    return means[0], -(b @ rho), means, variances, bent, values, p * (rho - means[0]), p - b


FIELDS = NotTimed("a tuple of results")

NAMES = {
    "policy.tilt": Timed(
        "log-softmax of log p + alpha r, D, mean, variance, log-partition",
        "letters",
        SIZES,
        of_rewards(lambda p, r, _: af.policy.tilt(p, r, 0.5), lambda p, r, _: tilted(p, r, 0.5)),
    ),
    "policy.tilt_gradient": Timed(
        "softmax, all twelve derivatives",
        "letters",
        SIZES,
        of_rewards(lambda p, r, _: af.policy.tilt_gradient(p, r, 0.5), lambda p, r, _: slopes(p, r, 0.5)),
    ),
    "policy.kl_constrained": Timed(
        "brentq of rel_entr(softmax, p), the tilt",
        "letters",
        SIZES,
        of_rewards(lambda p, r, _: af.policy.kl_constrained(p, r, BUDGET), brents_tilt),
    ),
    "policy.kl_constrained_gradient": Timed(
        "brentq, softmax, all six derivatives",
        "letters",
        SIZES,
        of_rewards(
            lambda p, r, _: af.policy.kl_constrained_gradient(p, r, BUDGET),
            lambda p, r, _: slopes_at_divergence(p, r, brents_alpha(p, r)),
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
        "means, variances, all gradients of rho, rho^2 / 2, expm1(-rho) + rho",
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
