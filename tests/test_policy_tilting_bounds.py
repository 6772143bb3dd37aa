"""Bounds that the docstrings of tilts, budgets, rate functions and their derivatives state, against mpmath."""

import re

import mpmath
import numpy as np
import pytest

import alignment_fast as af

DIGITS = 60


def stated(function, pattern):
    return float(re.search(pattern, " ".join(function.__doc__.split())).group(1))


def problems(count=40):
    """Return (p, reward, alpha): weak and strong tilts, rare letters, rewards far from 0."""
    random = np.random.default_rng(7)
    for _ in range(count):
        letters = int(random.integers(2, 40))
        p = np.exp(random.normal(size=letters) * random.choice([1.0, 10.0]))
        reward = random.normal(size=letters) + random.choice([0.0, 100.0])
        yield p, reward, random.choice([-1.0, 1.0]) * 10 ** random.uniform(-9, 1.5)


def exact_tilt(p, reward, alpha):
    """Return p and the tilted policy, normalised."""
    weights = [mpmath.mpf(float(x)) for x in p]
    tilted = [
        w * mpmath.exp(mpmath.mpf(float(alpha)) * mpmath.mpf(float(r))) for w, r in zip(weights, reward, strict=True)
    ]
    return [w / mpmath.fsum(weights) for w in weights], [t / mpmath.fsum(tilted) for t in tilted]


def divergence(p, tilted):
    return mpmath.fsum(t * mpmath.log(t / w) for t, w in zip(tilted, p, strict=True))


def mean_of(tilted, reward):
    return mpmath.fsum(t * mpmath.mpf(float(r)) for t, r in zip(tilted, reward, strict=True))


def largest_error(found, exact):
    return max(abs(mpmath.mpf(float(a)) - b) for a, b in zip(found, exact, strict=True))


def test_tilts_are_as_accurate_as_stated():
    of_kl = stated(af.policy.tilt, r"the divergence to ([\d.e-]+) relative at every α")
    of_logs = stated(af.policy.tilt, r"log-probabilities to ([\d.e-]+) · max\(1, \|log p\|, \|α\| range\(r\)\)")
    for p, reward, alpha in problems():
        policy = af.policy.tilt(p, reward, alpha)
        with mpmath.workdps(DIGITS):
            own, tilted = exact_tilt(p, reward, alpha)
            assert abs(policy.kl - divergence(own, tilted)) <= of_kl * divergence(own, tilted)
            size = max(1.0, -float(mpmath.log(min(own))), abs(alpha) * np.ptp(reward))
            assert largest_error(policy.log_pi, map(mpmath.log, tilted)) <= of_logs * size


def test_budgets_are_met_as_stated():
    bound = stated(af.policy.kl_constrained, r"`kl` is the budget to ([\d.e-]+) relative")
    random = np.random.default_rng(8)
    for p, reward, _ in problems():
        largest = float(af.policy.kl_constrained(p, reward, np.inf).kl)
        budget = largest * 10 ** random.uniform(-12, -0.1)
        policy = af.policy.kl_constrained(p, reward, budget)
        with mpmath.workdps(DIGITS):
            assert abs(divergence(*exact_tilt(p, reward, policy.alpha)) - budget) <= 2 * bound * budget


def test_rate_functions_are_as_accurate_as_stated():
    bound = stated(af.information.rate_function, r"about ([\d.e-]+), apart from the conditioning of x − μ")
    for p, reward, alpha in problems():
        with mpmath.workdps(DIGITS):
            own, tilted = exact_tilt(p, reward, alpha)
            x = float(mean_of(tilted, reward))
            slope = mpmath.mpf(float(alpha))  # dI/dx at the mean of the tilt
            value = divergence(own, tilted) + slope * (x - mean_of(tilted, reward))
            conditioning = abs(slope) * abs(reward).max() * 2e-16
        if reward.min() < x < reward.max() and abs(alpha) > 1e-3:
            assert abs(af.information.rate_function(reward, x, p=p).value - value) <= bound * value + conditioning


@pytest.mark.parametrize(
    ("function", "pattern"),
    [
        (af.policy.tilt_gradient, r"Accuracy: ([\d.e-]+) relative to the largest component"),
        (af.information.log_mgf_gradient, r"Accuracy: ([\d.e-]+) · max\(1, \|t\| range\(r\)\)"),
    ],
    ids=["tilt", "log-MGF"],
)
def test_derivatives_by_log_p_are_as_accurate_as_stated(function, pattern):
    bound = stated(function, pattern)
    for p, reward, alpha in problems():
        if function is af.policy.tilt_gradient:
            found = function(p, reward, alpha).log_partition.log_p
        else:
            found = function(reward, alpha, p=p).log_p
        with mpmath.workdps(DIGITS):
            own, tilted = exact_tilt(p, reward, alpha)
            exact = [t - w for t, w in zip(tilted, own, strict=True)]
            size = max(map(abs, exact)) * max(1.0, abs(alpha) * np.ptp(reward))
            assert largest_error(found, exact) <= bound * size


def test_estimators_are_as_accurate_as_stated():
    ulp = stated(af.policy.kl_estimators, r"Accuracy: ([\d.e-]+) units in the last place") * 2.0**-52
    rho = np.concatenate([s * np.logspace(-150, 2, 200) for s in (1, -1)])
    found = af.policy.kl_estimators(rho, np.zeros(len(rho)))
    with mpmath.workdps(400):
        for k3, slope, x in zip(found.k3, found.grad_k3, map(mpmath.mpf, rho.tolist()), strict=True):
            assert abs(k3 - (mpmath.expm1(-x) + x)) <= ulp * (mpmath.expm1(-x) + x)
            assert abs(slope + mpmath.expm1(-x)) <= ulp * abs(mpmath.expm1(-x))
