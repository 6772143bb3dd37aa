"""Evaluation from samples: gradient weights, tail indices and sums behind gains, against NumPy sorts and log_mgf."""

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast._operations import operations
from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender

RANDOM = np.random.default_rng(7)
REWARDS = RANDOM.standard_normal((10_000, 64))
SCORES = RANDOM.standard_t(3, (100_000, 64)) ** 2 + 1.0
SAMPLES = RANDOM.standard_normal(1_000_000)
BELOW = SAMPLES - SAMPLES.max()
TILTS = np.geomspace(0.1, 3.0, 40)


def is_sorted(result):
    assert np.all(np.diff(result, axis=-1) >= 0)


def sort_of(array):
    return Contender(lambda: np.sort(array, axis=-1), array.size, is_sorted)


def weights_case(baseline):
    total = 0.0 if baseline != "none" else 8 * af.best_of_n.curve(REWARDS, 8).mean

    def right(result):
        np.testing.assert_allclose(result.sum(axis=-1), total, atol=1e-10)

    call = Contender(
        lambda: af.best_of_n.max_at_k_weights(REWARDS, 8, baseline=baseline, num_threads=1), REWARDS.size, right
    )
    return Case(
        f"max@8 weights, 10 000 prompts of 64, baseline {baseline}, per sample",
        {OURS: call, "NumPy sort": sort_of(REWARDS)},
        targets=(Target("NumPy sort", 1 / 3),),
    )


def hill_case():
    top = np.sort(SCORES, axis=-1)[:, -13:]
    expected = np.log(top[:, 1:] / top[:, :1]).mean(axis=-1)

    def right(result):
        np.testing.assert_allclose(result[0], expected, rtol=1e-12)

    ops = operations("best_of_n")
    call = Contender(lambda: ops.hills(SCORES, 12, num_threads=1), SCORES.size, right)
    return Case(
        "Hill's index, 100 000 pools of 64, per sample",
        {OURS: call, "NumPy sort": sort_of(SCORES)},
        targets=(Target("NumPy sort", 1 / 2),),
    )


def pareto_case():
    """Of the 18 highest scores of 64, above the next one."""
    top = np.sort(SCORES[:20_000], axis=-1)[:, -19:]
    excess = top[:, 1:] - top[:, :1]

    def right(result):
        index, scale = result
        inside = (index > -0.49) & (index / scale * excess.mean(axis=1) < 25)
        theta = (index / scale)[inside, None]
        q = excess[inside] / (1 + theta * excess[inside])
        np.testing.assert_allclose(np.log1p(theta * excess[inside]).mean(axis=1), index[inside], rtol=1e-7)
        np.testing.assert_allclose((1 + index[inside]) * q.mean(axis=1), index[inside] / theta[:, 0], rtol=1e-6)

    ops = operations("best_of_n")
    call = Contender(lambda: ops.paretos(excess, num_threads=1), len(excess), right)
    return Case(
        "generalised Pareto laws of 20 000 pools, 18 excesses each, per pool",
        {OURS: call},
        targets=(Target("seconds", 5e-6),),
    )


def gains_case():
    log_mgf = af.information.log_mgf(SAMPLES, TILTS)

    def right(result):
        np.testing.assert_allclose(np.log(result[:, 0, 0] / len(SAMPLES)) + TILTS * SAMPLES.max(), log_mgf, rtol=1e-12)

    ops = operations("policy")
    return Case(
        "sums behind the gain at 40 tilts of 1e6 rewards, per sample and tilt",
        {
            OURS: Contender(lambda: ops.gain_sums(BELOW, None, -5.0, TILTS), 40 * len(SAMPLES), right),
            "log_mgf of 40 orders": Contender(
                lambda: af.information.log_mgf(SAMPLES, TILTS, num_threads=1),
                40 * len(SAMPLES),
                lambda found: np.testing.assert_allclose(found, log_mgf),
            ),
        },
    )


def frontier_case(name, budgets):
    """The whole call: sums from bins, tilts of divergences, errors."""
    log_mgf = af.information.log_mgf(SAMPLES, TILTS)

    def right(result):
        np.testing.assert_allclose(result.beta, 1 / TILTS, rtol=1e-6)

    return Case(
        f"achievable gain at 40 {name} of 1e6 rewards, per sample and budget",
        {
            OURS: Contender(lambda: af.policy.achievable_gain(SAMPLES, **{name: budgets}), 40 * len(SAMPLES), right),
            "log_mgf of 40 orders": Contender(
                lambda: af.information.log_mgf(SAMPLES, TILTS, num_threads=1),
                40 * len(SAMPLES),
                lambda found: np.testing.assert_allclose(found, log_mgf),
            ),
        },
        targets=(Target("log_mgf of 40 orders", 1.0),),
    )


FRONTIERS = [
    frontier_case("beta", 1 / TILTS),
    frontier_case("kl", af.policy.achievable_gain(SAMPLES, beta=1 / TILTS).kl),
]
CASES = [weights_case("none"), weights_case("leave-one-out"), hill_case(), pareto_case(), gains_case(), *FRONTIERS]


@pytest.mark.kernels(
    "best_of_n.max_weights", "best_of_n.hill", "best_of_n.pareto", "policy.gain_sums", "policy.gain_binned"
)
@each_contender(CASES)
def test_samples(case, name, timed):
    timed(case, name)
