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


# ---- derivatives of solutions and of measures ----


def exact_constrained_gradient(p, reward, kl, near):
    """Return the derivatives of alpha and of the mean by the reward and log p, at a budget taken exactly."""

    def log_mgf(alpha):
        return mpmath.log(mpmath.fsum(w * mpmath.exp(alpha * r) for w, r in zip(p, reward, strict=True)))

    def tilted(alpha):
        return [w * mpmath.exp(alpha * r - log_mgf(alpha)) for w, r in zip(p, reward, strict=True)]

    def missing(alpha):
        return alpha * mean_of(tilted(alpha), reward) - log_mgf(alpha) - kl

    alpha = mpmath.findroot(missing, near)
    T = tilted(alpha)
    mean = mean_of(T, reward)
    distance = [mpmath.mpf(float(r)) - mean for r in reward]
    variance = mpmath.fsum(t * d * d for t, d in zip(T, distance, strict=True))
    by_log_p = [t * (mpmath.log(t / w) - kl) - (t - w) for t, w in zip(T, p, strict=True)]
    return (
        [-alpha * t * d / variance for t, d in zip(T, distance, strict=True)],
        [-x / (alpha * variance) for x in by_log_p],
        T,
        [(t - w) / alpha for t, w in zip(T, p, strict=True)],
    )


def test_derivatives_of_constrained_optima_are_as_accurate_as_stated():
    bound = stated(af.policy.kl_constrained_gradient, r"Accuracy: ([\d.e-]+) relative to the largest component")
    random = np.random.default_rng(11)
    for _ in range(25):
        p, reward = random.dirichlet(np.ones(5)), random.normal(size=5)
        kl = float(10 ** random.uniform(-4, -0.5))
        near = af.policy.kl_constrained(p, reward, kl).alpha
        if not near < 50:
            continue
        found = af.policy.kl_constrained_gradient(p, reward, kl)
        with mpmath.workdps(DIGITS):
            own = exact_tilt(p, reward, 0.0)[0]
            alpha_r, alpha_p, mean_r, mean_p = exact_constrained_gradient(own, reward, kl, near)
            for ours, exact in (
                (found.alpha.reward, alpha_r),
                (found.alpha.log_p, alpha_p),
                (found.expected_reward.reward, mean_r),
                (found.expected_reward.log_p, mean_p),
            ):
                assert largest_error(ours, exact) <= bound * max(map(abs, exact))


def test_derivatives_of_rate_functions_are_as_accurate_as_stated():
    bound = stated(af.information.rate_function_gradient, r"Accuracy: that of t, ([\d.e-]+) relative")
    random = np.random.default_rng(12)
    for _ in range(25):
        p, reward = random.dirichlet(np.ones(5)), random.normal(size=5)
        alpha = float(random.choice([-1, 1]) * 10 ** random.uniform(-1, 0.7))
        with mpmath.workdps(DIGITS):
            own, tilted = exact_tilt(p, reward, alpha)
            x = mean_of(tilted, reward)
            variance = mpmath.fsum(t * (mpmath.mpf(float(r)) - x) ** 2 for t, r in zip(tilted, reward, strict=True))
            rounded = float(x)
            t = tilt_of_mean(own, reward, rounded, alpha)
            policy = tilt_of(own, reward, t)
        found = af.information.rate_function_gradient(reward, rounded, p=p)
        # What rounding the level, and its distance from the mean, makes of t.
        conditioning = float(abs(reward).max() * 2.0**-52 / (variance * abs(t)))
        size = bound + conditioning
        assert abs(found.x - t) <= size * abs(t)
        assert largest_error(found.reward, [-t * q for q in policy]) <= 2 * size * abs(t) * (1 + abs(alpha))
        by_log_p = [w - q for w, q in zip(own, policy, strict=True)]
        assert largest_error(found.log_p, by_log_p) <= 2 * size * (1 + abs(alpha))


def tilt_of_mean(own, reward, mean, near):
    return mpmath.findroot(lambda t: mean_of(tilt_of(own, reward, t), reward) - mean, near)


def tilt_of(own, reward, alpha):
    weights = [w * mpmath.exp(alpha * mpmath.mpf(float(r))) for w, r in zip(own, reward, strict=True)]
    return [w / mpmath.fsum(weights) for w in weights]


MEASURES = [
    (af.information.renyi_entropy_gradient, r"Accuracy: ([\d.e-]+) · max\|log p\|"),
    (af.information.renyi_divergence_gradient, r"Accuracy: ([\d.e-]+) · max\|log\(p/q\)\|"),
    (af.information.renyi_cross_entropy_gradient, r"Accuracy: ([\d.e-]+) · max\|log q\|"),
]


def exact_measure_gradient(name, p, q, order):
    """Return the derivatives by log p, and by log q or None, of normalised p and q, from the formulas."""
    t = mpmath.mpf(float(order))
    power = {"entropy": lambda a, _: a**t, "divergence": lambda a, b: a**t * b ** (1 - t)}
    weights = [power.get(name, lambda a, b: a * b ** (t - 1))(a, b) for a, b in zip(p, q, strict=True)]
    T = [w / mpmath.fsum(weights) for w in weights]
    if name == "entropy":
        return [t * (x - a) / (1 - t) for x, a in zip(T, p, strict=True)], None
    by_q = [b - x for x, b in zip(T, q, strict=True)]
    factor = t / (t - 1) if name == "divergence" else 1 / (1 - t)
    return [factor * (x - a) for x, a in zip(T, p, strict=True)], by_q


@pytest.mark.parametrize("order", [-1.0, 0.3, 1 - 1e-6, 1 + 1e-9, 2.0, 7.5])
@pytest.mark.parametrize(("function", "pattern"), MEASURES, ids=["entropy", "divergence", "cross-entropy"])
def test_derivatives_of_measures_are_as_accurate_as_stated(function, pattern, order):
    bound, name = stated(function, pattern), function.__name__.removeprefix("renyi_").removesuffix("_gradient")
    random = np.random.default_rng(13)
    for _ in range(10):
        p, q = random.dirichlet(np.ones(6)), random.dirichlet(np.ones(6))
        found = function(p, order) if name == "entropy" else function(p, q, order)
        with mpmath.workdps(DIGITS):
            own, other = (exact_tilt(x, np.zeros(6), 0.0)[0] for x in (p, q))
            by_p, by_q = exact_measure_gradient(name, own, other, order)
            ratios = {"divergence": [a / b for a, b in zip(own, other, strict=True)], "entropy": own}
            logs = [mpmath.log(x) for x in ratios.get(name, other)]
            size = max(1, *map(abs, logs)) * max(1.0, abs(order))
            assert largest_error(found.log_p, by_p) <= bound * size
            if by_q:
                assert largest_error(found.log_q, by_q) <= bound * size


# k1, k2, k3 and their derivatives.
ESTIMATORS = (
    (lambda rho: rho, lambda _: 1),
    (lambda rho: rho * rho / 2, lambda rho: rho),
    (lambda rho: mpmath.expm1(-rho) + rho, lambda rho: -mpmath.expm1(-rho)),
)


def test_moments_of_estimators_are_as_accurate_as_stated():
    bound = stated(
        af.policy.kl_estimator_moments, r"elsewhere the error of ρ, ([\d.e-]+) \(1 \+ \|log π\| \+ \|log b\|\)"
    )
    random = np.random.default_rng(14)
    for spread in (1.0, 5.0):
        logits, base = spread * random.normal(size=(2, 30))
        found = af.policy.kl_estimator_moments(logits, base, log=True)
        with mpmath.workdps(DIGITS):
            pi, b = (tilt_of([mpmath.mpf(1)] * 30, x, 1) for x in (logits, base))
            rho = [mpmath.log(x / y) for x, y in zip(pi, b, strict=True)]
            allowed = [bound * (1 + abs(mpmath.log(x)) + abs(mpmath.log(y))) for x, y in zip(pi, b, strict=True)]
            for i, (kind, slope) in enumerate(ESTIMATORS):
                mean = mpmath.fsum(x * kind(r) for x, r in zip(pi, rho, strict=True))
                # The error of each factor, and of each probability, which is that of its logarithm.
                error = mpmath.fsum(
                    x * (abs(slope(r)) + abs(kind(r)) + 1) * e for x, r, e in zip(pi, rho, allowed, strict=True)
                )
                assert abs(mpmath.mpf(float(found.mean[i])) - mean) <= error
