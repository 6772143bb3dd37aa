"""Divergence and win rate from samples: against enumeration, and against exact laws over many pools."""

import itertools

import numpy as np
import pytest

from alignment_fast.best_of_n import BestOfN, curve, divergence_from_samples, kl_estimator
from oracles import pool as oracle

STATISTICS = ("kl_estimate", "kl_plug_in", "kl_small_atoms", "win_rate")


def tied_pool(seed, size=9):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, size).astype(float), np.log(rng.uniform(0.05, 0.3, size))


def win_rate(scores, n):
    """Average over n-subsets and one other sample."""
    everyone = range(len(scores))
    return oracle.average(
        (max(scores[i] for i in subset) > scores[j]) + 0.5 * (max(scores[i] for i in subset) == scores[j])
        for subset in itertools.combinations(everyone, n)
        for j in everyone
        if j not in subset
    )


@pytest.mark.parametrize("row", oracle.STORED["beirami_estimator"], ids=lambda row: f"{row['n']}-{row['eps']}")
def test_stored_estimates(row):
    """A pool of samples of one probability has the estimator itself for an average."""
    size = max(20, min(row["n"], 1000))
    if row["n"] <= size:
        log_p = np.full(size, np.log(float(row["eps"])))
        result = divergence_from_samples(np.arange(size), row["n"], log_p=log_p)
        assert result.kl_estimate == pytest.approx(float(row["Dhat"]), rel=1e-11)
    else:
        assert kl_estimator(float(row["eps"]), row["n"]) == pytest.approx(float(row["Dhat"]), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_win_rate_is_an_average_over_subsets(seed, n):
    scores, _ = tied_pool(seed)
    assert divergence_from_samples(scores, n).win_rate == pytest.approx(win_rate(scores, n), rel=1e-13)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("name", STATISTICS)
def test_errors_are_the_jackknife(seed, n, name):
    scores, log_p = tied_pool(seed)

    def statistic(members):
        return getattr(divergence_from_samples(scores[members], n, log_p=log_p[members]), name)

    error = getattr(divergence_from_samples(scores, n, log_p=log_p), f"{name}_error")
    assert error**2 == pytest.approx(oracle.jackknife(statistic, len(scores)), rel=1e-10, abs=1e-15)


def test_the_estimate_is_a_curve_of_estimates():
    scores, log_p = np.random.default_rng(1).standard_normal((2, 50))
    log_p = -np.abs(log_p)
    expected = curve(scores, 5, values=kl_estimator(log_p, 5, log=True), variance="jackknife")
    result = divergence_from_samples(scores, 5, log_p=log_p)
    assert result.kl_estimate == pytest.approx(expected.mean, rel=1e-13)
    assert result.kl_estimate_error == pytest.approx(expected.standard_error, rel=1e-10)


def test_continuous_scores_leave_nothing_to_chance():
    result = divergence_from_samples(np.random.default_rng(2).standard_normal(300), [1, 4, 298, 299, 300])
    np.testing.assert_allclose(result.win_rate[:4], [1 / 2, 4 / 5, 298 / 299, 299 / 300], rtol=1e-12)
    assert np.isnan(result.win_rate[4])
    assert np.all(result.win_rate_error[:3] < 1e-12)
    assert np.isnan(result.win_rate_error[3:]).all()


def test_unbiased_against_the_exact_law():
    """600 pools of 40 samples of five outcomes: estimates within 4 standard errors of the law's own values."""
    rng = np.random.default_rng(3)
    p, reward = np.array([0.4, 0.3, 0.2, 0.07, 0.03]), np.array([0.0, 1.0, 1.0, 2.0, 3.0])
    law = BestOfN(p, reward)
    found = []
    for _ in range(600):
        drawn = rng.choice(5, size=40, p=p)
        result = divergence_from_samples(reward[drawn], 4, log_p=np.log(p[drawn]))
        found.append((result.kl_estimate, result.win_rate, result.kl_estimate_error, result.win_rate_error))
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
    exact = np.array([law.kl_estimate(4), law.win_rate(4)])
    assert np.all(np.abs(mean[:2] - exact) < 4 * spread[:2] / np.sqrt(600))
    np.testing.assert_allclose(mean[2:], spread[:2], rtol=0.15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: divergence_from_samples([0.0, np.nan], 1), r"scores\[1\] = nan is NaN"),
        (lambda: divergence_from_samples([], 1), r"scores must be one-dimensional and not empty"),
        (lambda: divergence_from_samples([0.0, 1.0], 3), r"n = 3 is not between 1 and the 2 samples"),
        (lambda: divergence_from_samples([0.0, 1.0], [1, 0]), r"n\[1\] = 0 is not between"),
        (lambda: divergence_from_samples([0.0, 1.0], 1.0), r"n must be an integer"),
        (lambda: divergence_from_samples([0.0], 1, log_p=[0.5]), r"log_p\[0\] = 0.5 is not a finite number <= 0"),
        (lambda: divergence_from_samples([0.0], 1, log_p=[-0.5, -1.0]), r"log_p of shape \(2,\) and scores"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
