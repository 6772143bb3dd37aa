"""One-shot optima and classification of many preference matrices, against loops over SciPy and NumPy."""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

import alignment_fast as af
from alignment_fast.benchmarks.cases import OURS, Case, Contender, each_contender

RANDOM = np.random.default_rng(2)


def random_preferences(*shape):
    K = shape[-1]
    upper = np.triu(RANDOM.random((*shape, K)), 1)
    return upper + np.tril(1 - np.swapaxes(upper, -1, -2), -1) + 0.5 * np.eye(K)


def close_to(expected, atol):
    return lambda result: np.testing.assert_allclose(result, expected, rtol=0, atol=atol)


def scipy_rewards(P, mu):
    """Return the DPO rewards of one matrix: BFGS on the population loss with its gradient."""
    weights = np.outer(mu, mu)

    def loss(r):
        gap = np.subtract.outer(r, r)
        return 2 * np.sum(weights * P * np.logaddexp(0, -gap)), -2 * (weights * (P - expit(gap))).sum(axis=1)

    r = minimize(loss, np.zeros(len(mu)), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return r - r.mean()


def dpo_case(count, K):
    P, mu = random_preferences(count, K), RANDOM.dirichlet(np.full(K, 5.0), size=count)
    check = close_to(af.policy.dpo(P, mu, None, 1.0).scores, 1e-5)
    return Case(
        f"DPO optimum, {count} matrices, K = {K}, per matrix",
        {
            OURS: Contender(lambda: af.policy.dpo(P, mu, None, 1.0).scores, count, check),
            "loop over SciPy's BFGS": Contender(
                lambda: np.array([scipy_rewards(*one) for one in zip(P, mu, strict=True)]), count, check
            ),
        },
    )


def numpy_policy(P, mu, ref, beta):
    """Return the IPO optimum of a batch as one writes it down."""
    logits = np.log(ref) + beta * np.einsum("bij,bj->bi", P, mu)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def ipo_case(count, K):
    P, mu = random_preferences(count, K), RANDOM.dirichlet(np.ones(K), size=count)
    ref = RANDOM.dirichlet(np.ones(K), size=count)
    check = close_to(numpy_policy(P, mu, ref, 2.0), 1e-12)
    return Case(
        f"IPO optimum, {count} matrices, K = {K}, per matrix",
        {
            OURS: Contender(lambda: af.policy.ipo(P, mu, ref, 2.0).log_pi, count, check),
            "NumPy, policy only": Contender(lambda: numpy_policy(P, mu, ref, 2.0), count, check),
        },
    )


def has_order(P):
    """Return whether the rows of one matrix can be ordered by dominance: all orders tried."""
    above = (P[:, None, :] >= P[None, :, :]).all(axis=-1)
    orders = itertools.permutations(range(len(P)))
    return any(all(above[pair] for pair in itertools.pairwise(order)) for order in orders)


def classification_case(count, K):
    P = random_preferences(count, K)
    expected = np.array([has_order(one) for one in P])

    def check(row_dominant):
        np.testing.assert_array_equal(row_dominant, expected)

    return Case(
        f"classification, {count} matrices, K = {K}, per matrix",
        {
            OURS: Contender(lambda: af.policy.classify(P).row_dominant, count, check),
            "loop over orders": Contender(lambda: np.array([has_order(one) for one in P]), count, check),
        },
    )


CASES = [
    dpo_case(500, 4),
    dpo_case(10, 64),
    ipo_case(5000, 4),
    classification_case(5000, 4),
]


@pytest.mark.kernels("policy.rewards", "policy.tilted")
@each_contender(CASES)
def test_policy(case, name, timed):
    timed(case, name)
