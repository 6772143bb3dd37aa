"""Estimators of the divergence from samples: their values, moments by enumeration, and what their gradients descend."""

import re

import mpmath
import numpy as np
import pytest

import alignment_fast as af

KINDS = {
    "k1": lambda rho: rho,
    "k2": lambda rho: rho**2 / 2,
    "k3": lambda rho: mpmath.expm1(-rho) + rho,
}
POLICIES = [
    ([0.5, 0.3, 0.2], [0.4, 0.4, 0.2]),
    ([0.9, 0.05, 0.05], [0.1, 0.1, 0.8]),
    ([0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]),
    ([1e-6, 1.0, 3.0], [2.0, 1e-3, 1.0]),
    ([0.3, 0.3 + 1e-7, 0.4], [0.3, 0.3, 0.4 + 1e-7]),
]
each_policy = pytest.mark.parametrize(("p", "reference"), POLICIES)


def normalised(weights):
    weights = [mpmath.mpf(float(w)) for w in weights]
    return [w / mpmath.fsum(weights) for w in weights]


def softmax(logits):
    weights = [mpmath.exp(x) for x in logits]
    return [w / mpmath.fsum(weights) for w in weights]


def slope(function, logits, v):
    """Derivative of `function` of the logits by the one of outcome v."""
    return mpmath.diff(lambda x: function([*logits[:v], x, *logits[v + 1 :]]), logits[v])


def divergence(p, q):
    return mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(p, q, strict=True))


@each_policy
def test_moments_are_those_of_the_definition(p, reference):
    exact = af.policy.kl_estimator_moments(p, reference)
    with mpmath.workdps(40):
        policy, base = normalised(p), normalised(reference)
        kl = divergence(policy, base)
        assert exact.kl == pytest.approx(float(kl), rel=1e-9, abs=1e-15)
        assert exact.forward_kl == pytest.approx(float(divergence(base, policy)), rel=1e-9, abs=1e-15)
        for i, kind in enumerate(KINDS.values()):
            values = [kind(mpmath.log(a / b)) for a, b in zip(policy, base, strict=True)]
            mean = mpmath.fsum(a * x for a, x in zip(policy, values, strict=True))
            variance = mpmath.fsum(a * (x - mean) ** 2 for a, x in zip(policy, values, strict=True))
            assert exact.mean[i] == pytest.approx(float(mean), rel=1e-8, abs=1e-15)
            assert exact.bias[i] == pytest.approx(float(mean - kl), rel=1e-6, abs=1e-15)
            assert exact.variance[i] == pytest.approx(float(variance), rel=1e-8, abs=1e-30)


@each_policy
def test_gradients_are_those_of_trainers(p, reference):
    """In the loss: k differentiated at fixed samples. In the reward: k held fixed as the weight of the score."""
    exact = af.policy.kl_estimator_moments(p, reference)
    with mpmath.workdps(40):
        policy, base = normalised(p), normalised(reference)
        logits = [mpmath.log(x) for x in policy]

        def expected(kind, weights, logits):
            ratios = [mpmath.log(a / b) for a, b in zip(softmax(logits), base, strict=True)]
            return mpmath.fsum(w * kind(rho) for w, rho in zip(weights, ratios, strict=True))

        held = {name: [kind(mpmath.log(a / b)) for a, b in zip(policy, base, strict=True)]
                for name, kind in KINDS.items()}  # fmt: skip
        for v in range(len(p)):
            for i, (name, kind) in enumerate(KINDS.items()):
                in_loss = slope(lambda x, kind=kind: expected(kind, policy, x), logits, v)
                in_reward = slope(
                    lambda x, name=name: mpmath.fsum(a * k for a, k in zip(softmax(x), held[name], strict=True)),
                    logits, v,
                )  # fmt: skip
                assert exact.loss_gradient[i, v] == pytest.approx(float(in_loss), rel=1e-8, abs=1e-14)
                assert exact.reward_gradient[i, v] == pytest.approx(float(in_reward), rel=1e-8, abs=1e-14)
            reverse = slope(lambda x: divergence(softmax(x), base), logits, v)
            forward = slope(lambda x: divergence(base, softmax(x)), logits, v)
            assert exact.kl_gradient[v] == pytest.approx(float(reverse), rel=1e-8, abs=1e-14)
            assert exact.forward_kl_gradient[v] == pytest.approx(float(forward), rel=1e-8, abs=1e-14)


@each_policy
def test_which_estimator_descends_which_divergence(p, reference):
    exact = af.policy.kl_estimator_moments(p, reference)
    np.testing.assert_allclose(exact.loss_gradient[0], 0.0, atol=1e-15)  # k1 in the loss
    np.testing.assert_allclose(exact.loss_gradient[1], exact.kl_gradient, atol=1e-14)
    np.testing.assert_allclose(exact.loss_gradient[2], exact.forward_kl_gradient, atol=1e-14)
    np.testing.assert_allclose(exact.reward_gradient[0], exact.kl_gradient, atol=1e-14)
    difference = exact.kl_gradient - exact.forward_kl_gradient
    np.testing.assert_allclose(exact.reward_gradient[2], difference, atol=1e-14)


STATED = {"kl_estimator_moments": r"`kl` and `forward_kl` ([\d.e-]+) relative for values down to ([\d.e-]+)"}


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("distance", [1e-1, 1e-4, 1e-8, 1e-12, 1e-15])
def test_divergences_of_policies_near_their_reference_keep_their_digits(distance, log):
    """As differences of logarithms they were rounding, 1e-6 of them off at a distance of 1e-10."""
    text = " ".join(af.policy.kl_estimator_moments.__doc__.split())
    relative, smallest = map(float, re.search(STATED["kl_estimator_moments"], text).groups())
    assert smallest == 1e-300
    random = np.random.default_rng(round(-np.log10(distance)))
    for _ in range(10):
        p = random.dirichlet(np.ones(random.integers(2, 300)))
        reference = p * np.exp(distance * random.normal(size=p.size)) * 2.0 ** random.integers(-40, 40)
        rows = (np.log(p) + 3.0, np.log(reference) - 7.0) if log else (p, reference)
        exact = af.policy.kl_estimator_moments(*rows, log=log)
        with mpmath.workdps(80):
            policy, base = ([mpmath.exp(float(x)) if log else mpmath.mpf(float(x)) for x in row] for row in rows)
            policy, base = ([x / mpmath.fsum(row) for x in row] for row in (policy, base))
            assert abs(exact.kl / divergence(policy, base) - 1) <= relative
            assert abs(exact.forward_kl / divergence(base, policy) - 1) <= relative
        np.testing.assert_allclose(exact.kl, af.information.kl_divergence(*rows, log=log), rtol=1e-14)
        assert abs(exact.mean[0] - exact.kl) <= 1e-15
        np.testing.assert_allclose(exact.mean[2], exact.kl, rtol=1e-13)


def test_sampled_estimators_have_these_moments():
    p, reference = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    exact = af.policy.kl_estimator_moments(p, reference)
    drawn = np.random.default_rng(4).choice(3, 200_000, p=p)
    sampled = af.policy.kl_estimators(np.log(p)[drawn], np.log(reference)[drawn])
    for i in range(3):
        error = np.sqrt(exact.variance[i] / drawn.size)
        assert abs(sampled[i].mean() - exact.mean[i]) < 4 * error
        assert sampled[i].var() == pytest.approx(exact.variance[i], rel=0.03)
    scores = np.eye(3)[drawn] - p
    for i, factor in enumerate((sampled.grad_k1, sampled.grad_k2, sampled.grad_k3)):
        np.testing.assert_allclose((factor[:, None] * scores).mean(axis=0), exact.loss_gradient[i], atol=4e-3)


@pytest.mark.parametrize("rho", [0.0, 1e-300, -1e-12, 1e-8, 0.3, -2.0, 40.0, -700.0, 1e5])
def test_estimators_of_one_sample_keep_their_digits(rho):
    sampled = af.policy.kl_estimators(np.array(rho), np.array(0.0))
    with mpmath.workdps(400):
        exact = [kind(mpmath.mpf(rho)) for kind in KINDS.values()]
        slopes = [mpmath.mpf(1), mpmath.mpf(rho), -mpmath.expm1(-mpmath.mpf(rho))]
        expected = [float(x) for x in (*exact, *slopes)]
    assert [float(x) for x in sampled] == pytest.approx(expected, rel=1e-15, abs=1e-320)


def test_k3_misses_the_mass_of_the_reference_off_the_support():
    exact = af.policy.kl_estimator_moments([0.5, 0.5, 0.0], [0.25, 0.25, 0.5])
    assert exact.kl == pytest.approx(np.log(2), rel=1e-15)
    assert exact.bias[2] == pytest.approx(-0.5)
    assert exact.mean[2] == pytest.approx(np.log(2) - 0.5)
    assert exact.forward_kl == np.inf


@pytest.mark.parametrize(
    ("p", "reference", "log"),
    [
        ([0.0, -800.0], [0.0, 0.0], True),  # infinite and NaN before: exp(-800) is no double
        ([0.0, -720.0, -1.0], [-700.0, 0.0, 0.0], True),
        ([688.0, -917.0, 94.5], [-460.0, -11.0, 776.0], True),
        ([0.0, 10.0, 0.0], [0.0, -1200.0, 0.0], True),
        ([1e-300, 1.0], [1e-2, 1.0], False),
        ([1e-39, 1e116], [1.66e-131, 1e304], False),
    ],
)
def test_moments_of_ratios_whose_powers_are_beyond_double(p, reference, log):
    exact = af.policy.kl_estimator_moments(p, reference, log=log)
    with mpmath.workdps(800):
        policy, base = (softmax(w) if log else normalised(w) for w in (p, reference))
        ratios = [mpmath.log(a / b) for a, b in zip(policy, base, strict=True)]
        size = 1 + max(abs(mpmath.log(x)) for x in (*policy, *base))
        assert exact.kl == pytest.approx(float(divergence(policy, base)), rel=1e-14, abs=0)
        assert exact.forward_kl == pytest.approx(float(divergence(base, policy)), rel=1e-13, abs=0)
        for i, kind in enumerate(KINDS.values()):
            values = [kind(rho) for rho in ratios]
            mean = mpmath.fsum(a * x for a, x in zip(policy, values, strict=True))
            square = mpmath.fsum(a * x**2 for a, x in zip(policy, values, strict=True))
            assert abs(exact.mean[i] - mean) <= 1e-15 * size * mean
            if square < 1e308:
                assert abs(exact.variance[i] - (square - mean**2)) <= 2e-15 * size * square
            else:
                assert exact.variance[i] == np.inf
            for v, (a, x) in enumerate(zip(policy, values, strict=True)):
                assert abs(exact.reward_gradient[i, v] - a * (x - mean)) <= 1e-15 * size * a * (x + mean) + 1e-300


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rare", [1.0, 1e-30, 0.0])
@pytest.mark.parametrize("letters", [255, 600])
def test_long_rows_of_near_and_far_ratios(letters, rare, dtype):
    """Letters are taken side by side, those without a plain quotient one by one: all beside the definition."""
    random = np.random.default_rng(letters)
    p = np.exp(random.normal(size=letters) * random.choice([1e-9, 0.3, 3.0], letters)).astype(dtype)
    reference = (np.exp(random.normal(size=letters) * 1e-9) * random.choice([1.0, 2.0], letters)).astype(dtype)
    p[[3, letters - 1]] *= rare
    exact = af.policy.kl_estimator_moments(p, reference)
    with mpmath.workdps(40):
        policy, base = normalised(p), normalised(reference)
        rho = [mpmath.log(a / b) if a else mpmath.mpf(0) for a, b in zip(policy, base, strict=True)]
        size = float(1 + max(abs(x) for x in rho))
        for i, kind in enumerate(KINDS.values()):
            values = [kind(x) for x in rho]
            mean = mpmath.fsum(a * x for a, x in zip(policy, values, strict=True))
            square = mpmath.fsum(a * x**2 for a, x in zip(policy, values, strict=True))
            spread = square - mean**2
            assert exact.mean[i] == pytest.approx(float(mean), rel=3e-15 * size, abs=1e-16)
            assert exact.variance[i] == pytest.approx(float(spread), rel=1e-14 * size, abs=0)
            gradient = [float(a * (x - mean)) for a, x in zip(policy, values, strict=True)]
            np.testing.assert_allclose(exact.reward_gradient[i], gradient, rtol=0, atol=1e-14 * max(map(abs, gradient)))
        assert exact.kl == pytest.approx(
            float(mpmath.fsum(a * x for a, x in zip(policy, rho, strict=True))), rel=1e-14, abs=0
        )
        slopes = [-mpmath.expm1(-x) for x in rho]
        mean = mpmath.fsum(a * x for a, x in zip(policy, slopes, strict=True))
        gradient = [float(a * (x - mean)) for a, x in zip(policy, slopes, strict=True)]
        np.testing.assert_allclose(exact.loss_gradient[2], gradient, rtol=0, atol=1e-14 * max(map(abs, gradient)))


def test_batches_dtypes_and_limits():
    p = np.random.default_rng(5).random((4, 1, 6))
    reference = np.random.default_rng(6).random((3, 6))
    exact = af.policy.kl_estimator_moments(p, reference)
    assert exact.kl.shape == (4, 3)
    assert exact.variance.shape == (4, 3, 3)
    assert exact.loss_gradient.shape == (4, 3, 3, 6)
    one = af.policy.kl_estimator_moments(np.log(p[2, 0]), np.log(reference[1]), log=True)
    np.testing.assert_allclose(one.reward_gradient, exact.reward_gradient[2, 1], atol=1e-15)
    single = af.policy.kl_estimators(np.float32([-1.0, np.nan, -1.0]), np.float32([-np.inf, -1.0, -1.0]))
    assert {x.dtype for x in single} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(single.k3, np.float32([np.inf, np.nan, 0.0]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: f([0.5, -0.5], [0.5, 0.5]), ValueError, r"p\[1\] = -0.5"),
        (lambda f: f([0.5, 0.5], [[0.5, 0.5], [0.5, np.nan]]), ValueError, r"reference\[1, 1\] = nan"),
        (lambda f: f([0.0, 0.0], [0.5, 0.5]), ValueError, r"p has no positive mass"),
        (lambda f: f([0.5, 0.5], [1.0, 0.0]), ValueError, r"reference\[1\] is 0 where p is not"),
        (lambda f: f([0.5, 0.5], [1.0, 0.5, 1.0]), ValueError, r"do not broadcast"),
        (lambda f: f([], []), ValueError, r"has no alphabet"),
        (lambda f: f([1, 2], [1, 2], log=True), TypeError, r"p must be floating-point"),
        (lambda f: f(None, [1.0]), TypeError, r"p must be an array, not None"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(af.policy.kl_estimator_moments)


def test_bad_samples():
    with pytest.raises(TypeError, match="log_policy must be floating-point"):
        af.policy.kl_estimators([-1, -2], [-1.0, -2.0])
    with pytest.raises(ValueError, match="do not broadcast"):
        af.policy.kl_estimators([-1.0, -2.0], [-1.0, -2.0, -3.0])
