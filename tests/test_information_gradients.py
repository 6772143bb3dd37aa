"""Closed-form derivatives against central differences in 50-digit arithmetic."""

import mpmath
import numpy as np
import pytest

import alignment_fast as af
from oracles import information as oracle

P = np.array([0.2, 0.3, 0.4, 0.1])
Q = np.array([0.5, 0.1, 0.25, 0.15])
REWARD = np.array([0.7, -1.1, 0.2, 2.0])
ORDERS = [-2.0, 0.5, 1 - 1e-7, 1.0, 2.0]
TILTS = [-2.0, 0.0, 1e-9, 5.0]


def by_component(function, vector):
    """Return the derivative of `function` of a list of mpf by each component of `vector`."""

    def moved(i):
        return lambda x: function([x if j == i else v for j, v in enumerate(exact)])

    exact = [oracle.exact(float(v)) for v in vector]
    with mpmath.workdps(oracle.DIGITS):
        return np.array([float(oracle.derivative(moved(i), exact[i])) for i in range(len(exact))])


def by_logits(function, p):
    """Return the derivative of `function` of weights by their logarithms."""
    with mpmath.workdps(oracle.DIGITS):
        logits = [mpmath.log(oracle.exact(float(x))) for x in p]

        def of_logits(x):
            return function([mpmath.exp(value) for value in x])

        return np.array(
            [
                float(
                    oracle.derivative(
                        lambda y, i=i: of_logits([y if j == i else v for j, v in enumerate(logits)]), logits[i]
                    )
                )
                for i in range(len(logits))
            ]
        )


def assert_close(value, expected, scale=0.0):
    """Relative to the largest component: a component may cancel to nothing by itself."""
    size = max(np.abs(expected).max(), scale)
    # Differences of step 1e-12 leave 1e-24 where the derivative is 0.
    np.testing.assert_allclose(value, expected, rtol=0, atol=5e-14 * size if size > 1e-24 else 1e-24)


@pytest.mark.parametrize("t", TILTS)
def test_log_mgf(t):
    gradient = af.information.log_mgf_gradient(REWARD, t, p=P)
    assert_close(gradient.t, float(oracle.derivative(lambda x: oracle.log_mgf(P, REWARD, x), t)))
    assert_close(gradient.reward, by_component(lambda r: oracle.log_mgf(P, r, t), REWARD))
    assert_close(gradient.log_p, by_logits(lambda p: oracle.log_mgf(p, REWARD, t), P))


@pytest.mark.parametrize("x", [-1.0, 1.5])
def test_rate_function(x):
    guess = float(af.information.rate_function(REWARD, x, p=P).t)
    gradient = af.information.rate_function_gradient(REWARD, x, p=P)
    assert_close(gradient.x, float(oracle.derivative(lambda y: oracle.rate_function(P, REWARD, y, guess)[0], x)), 1.0)
    assert_close(gradient.reward, by_component(lambda r: oracle.rate_function(P, r, x, guess)[0], REWARD), 1.0)
    assert_close(gradient.log_p, by_logits(lambda p: oracle.rate_function(p, REWARD, x, guess)[0], P), 1.0)


@pytest.mark.parametrize("order", ORDERS)
def test_renyi_entropy(order):
    gradient = af.information.renyi_entropy_gradient(P, order)
    assert_close(gradient.order, float(oracle.derivative(lambda t: oracle.renyi_entropy(P, t), order)))
    assert_close(gradient.log_p, by_logits(lambda p: oracle.renyi_entropy(p, order), P), 1.0)
    assert gradient.log_q is None


@pytest.mark.parametrize("order", ORDERS)
def test_renyi_divergence(order):
    gradient = af.information.renyi_divergence_gradient(P, Q, order)
    assert_close(gradient.order, float(oracle.derivative(lambda t: oracle.renyi_divergence(P, Q, t), order)))
    assert_close(gradient.log_p, by_logits(lambda p: oracle.renyi_divergence(p, Q, order), P), 1.0)
    assert_close(gradient.log_q, by_logits(lambda q: oracle.renyi_divergence(P, q, order), Q), 1.0)


def natural(p, q, order):
    with mpmath.workdps(oracle.DIGITS):
        return oracle.renyi_divergence(p, q, order) + oracle.renyi_entropy(p, order)


@pytest.mark.parametrize("variant", ["standard", "natural"])
@pytest.mark.parametrize("order", ORDERS)
def test_renyi_cross_entropy(order, variant):
    function = natural if variant == "natural" else oracle.renyi_cross_entropy
    gradient = af.information.renyi_cross_entropy_gradient(P, Q, order, variant=variant)
    assert_close(gradient.order, float(oracle.derivative(lambda t: function(P, Q, t), order)), 1.0)
    assert_close(gradient.log_p, by_logits(lambda p: function(p, Q, order), P), 1.0)
    assert_close(gradient.log_q, by_logits(lambda q: function(P, q, order), Q), 1.0)


def test_slope_at_one_of_the_file():
    for case in oracle.FILE["renyi_cases"][:3]:
        p, q = ([float(oracle.exact(x)) for x in case[key]] for key in "pq")
        slope = af.information.renyi_cross_entropy_gradient(p, q, 1.0).order
        assert slope == pytest.approx(float(case["H1_slope_dH_dt_at_1"]), rel=1e-14, abs=1e-30)


@pytest.mark.parametrize("alpha", TILTS)
def test_tilt(alpha):
    gradient = af.policy.tilt_gradient(P, REWARD, alpha)
    scalars = {
        "kl": oracle.tilted_divergence,
        "expected_reward": lambda p, r, a: oracle.cumulants(p, r, a, 1)[0],
        "reward_variance": lambda p, r, a: oracle.cumulants(p, r, a, 2)[1],
        "log_partition": oracle.log_mgf,
    }
    for name, function in scalars.items():
        value = getattr(gradient, name)
        assert_close(value.parameter, float(oracle.derivative(lambda a, f=function: f(P, REWARD, a), alpha)))
        assert_close(value.reward, by_component(lambda r, f=function: f(P, r, alpha), REWARD))
        assert_close(value.log_p, by_logits(lambda p, f=function: f(p, REWARD, alpha), P))


@pytest.mark.parametrize("kl", [1e-12, 2.0])
def test_kl_constrained(kl):
    gradient = af.policy.kl_constrained_gradient(P, REWARD, kl)
    guess = float(af.policy.kl_constrained(P, REWARD, kl).alpha)

    def alpha(p, r, budget):
        return oracle.alpha_of_divergence(p, r, budget, guess)

    def expected_reward(p, r, budget):
        return oracle.cumulants(p, r, alpha(p, r, budget), 1)[0]

    for name, function in (("alpha", alpha), ("expected_reward", expected_reward)):
        value = getattr(gradient, name)
        step = 1e-12 * kl  # differences of a root of D need steps small against the budget itself
        by_kl = oracle.derivative(lambda x, f=function: f(P, REWARD, x), kl, step)
        assert_close(value.parameter, float(by_kl))
        assert_close(value.reward, by_component(lambda r, f=function: f(P, r, kl), REWARD))
        assert_close(value.log_p, by_logits(lambda p, f=function: f(p, REWARD, kl), P))


def test_grids_and_rows():
    random = np.random.default_rng(8)
    p, q = random.random((4, 1, 6)), random.random((3, 6))
    gradient = af.information.renyi_cross_entropy_gradient(p, q, [0.5, 1.0], variant="natural")
    assert gradient.order.shape == (4, 3, 2)
    assert gradient.log_p.shape == gradient.log_q.shape == (4, 3, 2, 6)
    one = af.information.renyi_cross_entropy_gradient(p[1, 0], q[2], 0.5, variant="natural")
    np.testing.assert_allclose(gradient.log_p[1, 2, 0], one.log_p, rtol=1e-13)
    np.testing.assert_allclose(gradient.log_p.sum(axis=-1), 0.0, atol=1e-14)
    np.testing.assert_allclose(gradient.log_q.sum(axis=-1), 0.0, atol=1e-14)
    tilted = af.policy.tilt_gradient(p, q, [0.0, 1.0])
    assert tilted.kl.reward.shape == (4, 3, 2, 6)


def test_letters_without_mass_have_no_derivative():
    p = [0.5, 0.0, 0.5]
    assert af.information.renyi_entropy_gradient(p, [0.5, 1.0, 2.0]).log_p[:, 1].tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="q has no mass on letter 0 of row 0"):
        af.information.renyi_divergence_gradient(p, [0.0, 1.0, 1.0], 0.5)
