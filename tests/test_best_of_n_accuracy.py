"""What docstrings of best_of_n and random say of accuracy: each number is read there and held against many digits."""

import inspect
import math
import re

import numpy as np
import pytest
from scipy.special import ndtri

from alignment_fast import best_of_n, random
from alignment_fast.best_of_n import continuous
from bounds import bound
from oracles import best_of_n as oracle
from oracles import pool as pool_oracle
from oracles import scalar as scalar_oracle

NEAR_ONE = [1 + 2.0**-k for k in (50, 30, 12, 4, 2)]
NUMBERS = [*NEAR_ONE, 1.6487, 1.64873, 2.0, 3.5, 100.0, 1e8, 1e15, 1e200]
P, REWARD = np.array([1e-12, 0.2, 1e-5, 0.3, 0.49999]), np.array([5.0, 1.0, 0.0, 1.0, -3.0])


def stated(documented, pattern):
    """Return the numbers of the sentence that matches `pattern` in a docstring, in which white space is one blank."""
    text = " ".join(inspect.getdoc(documented).split())
    match = re.search(pattern, text)
    assert match, f"{documented} no longer says {pattern!r}"
    return [float(number) for number in match.groups()]


def assert_within(found, exact, relative=0.0, absolute=0.0):
    exact = np.array([float(x) for x in np.ravel(exact)])
    assert np.all(np.abs(np.ravel(found) - exact) <= relative * np.abs(exact) + absolute)


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "chi2", "tv", "hellinger2", "win_rate"])
def test_closed_forms(name):
    (relative,) = stated(continuous, r"with a relative error below ([\de.-]+) given the argument, as n -> 1 too")
    exact = [oracle.closed_form(name, n) for n in NUMBERS]
    assert_within(getattr(continuous, name)(np.array(NUMBERS)), exact, relative)


@pytest.mark.parametrize("order", [-0.3, 1e-9, 0.25, 0.5, 0.50001, 1 - 1e-12, 1.5, 2.0, 40.0])
def test_closed_forms_of_any_order(order):
    (relative,) = stated(continuous, r"with a relative error below ([\de.-]+) given the argument, as n -> 1 too")
    numbers = [n for n in NUMBERS if order > 0 or n < 3]
    exact = [oracle.closed_form("renyi", n, order) for n in numbers]
    assert_within(continuous.renyi(np.array(numbers), order=order), exact, relative)


def test_simulated_rewards():
    """Held to in test_kernel_bounds.py, by the bounds of the kernels."""
    found = stated(best_of_n.simulate, r"with float64 ones to (\d+) ulp; the normal quantile adds (\d+) ulp")
    assert found == [bound("best_of_n.exponent_tails"), bound("best_of_n.gaussian_rewards")]


def test_upper_bound():
    (relative,) = stated(best_of_n.kl_upper_bound, r"Relative error below ([\de.-]+), as n -> 1 too")
    assert_within(best_of_n.kl_upper_bound(np.array(NUMBERS)), [oracle.closed_form("kl", n) for n in NUMBERS], relative)


def test_estimator():
    (absolute,) = stated(best_of_n.kl_estimator, r"Absolute error below ([\de.-]+) \(1 \+ log n\) given the arguments")
    p = np.array([1e-300, 1e-17, 1e-6, 0.1, 0.5, 0.999, 1.0])
    for n in (1.0, 1.001, 2.0, 10.0, 1e6, 1e12):
        exact = [oracle.estimator(x, n) for x in p.tolist()]
        assert_within(best_of_n.kl_estimator(p, n), exact, absolute=absolute * (1 + math.log(n)))


@pytest.mark.parametrize("row", oracle.STORED["gaussian_reward"], ids=lambda row: f"log_n={row['logN'][:5]}")
def test_best_normal(row):
    relative, least = stated(continuous.gaussian_reward, r"Accuracy: ([\de.-]+) relative for n >= (\d+)")
    if float(row["logN"]) >= math.log(least):
        assert_within(continuous.gaussian_reward(log_n=float(row["logN"])).mean, float(row["E_max"]), relative)


@pytest.mark.parametrize("n", [1.0, 1 + 2.0**-30, 2.0, 17.5, 1e6])
def test_laws(n):
    in_logs, of_probabilities = stated(
        best_of_n.BestOfN,
        r"log-probabilities to ([\de.-]+) max\(1, log n\), relative where they are larger than that; "
        r"probabilities to ([\de.-]+) \(1 \+ n S\) relative",
    )
    law = best_of_n.BestOfN(P, REWARD)
    exact = np.array([float(x) for x in oracle.log_pmf(P.tolist(), REWARD.tolist(), n)])
    better = np.array([P[r < REWARD].sum() for r in REWARD]) / P.sum()
    allowed = in_logs * np.maximum(max(1.0, math.log(n)), np.abs(exact))
    assert np.all(np.abs(law.log_pmf(n) - exact) <= allowed)
    assert np.all(np.abs(law.pmf(n) - np.exp(exact)) <= of_probabilities * (1 + n * better) * np.exp(exact))


def test_pools():
    exactly, bits, interpolated = stated(
        best_of_n.curve,
        r"error below ([\de.-]+) Σ w\|v\| \+ 2\^-(\d+) of the range of the values for M up to 1e6\. "
        r".* a further error below ([\de.-]+) of that range",
    )
    scores = np.sort(np.random.default_rng(3).normal(size=700))
    numbers = np.array([1, 2, 63, 64, 65, 130, 400, 699, 700])
    size = np.array([float(pool_oracle.mean(np.sort(np.abs(scores)).tolist(), int(n))) for n in numbers])
    exact = np.array([float(pool_oracle.mean(scores.tolist(), int(n))) for n in numbers])
    given, every = best_of_n.curve(scores, numbers).mean, best_of_n.curve(scores).mean[numbers - 1]
    assert np.all(np.abs(given - exact) <= exactly * size)
    assert np.all(np.abs(every - exact) <= exactly * size + interpolated * np.ptp(scores))
    wide = np.array([-1e168, -1e139, 0.0, 1e100])  # what is left out is small beside the largest only
    (mean,) = best_of_n.curve(wide, [40], estimator="v").mean
    exact = pool_oracle.mean(wide.tolist(), 40, with_replacement=True)
    assert abs(mean - exact) <= exactly * abs(exact) + 2.0**-bits * np.ptp(wide)


def test_pass_at_k():
    factor, most = stated(best_of_n.pass_at_k, r"Relative error below (\d+) min\(k, c, (\d+)\) 2\^-53")
    for total, correct, k in ((10, 3, 2), (200, 17, 50), (1000, 999, 1), (10**6, 5, 1000), (5000, 300, 300)):
        exact = pool_oracle.pass_at_k(total, correct, k)
        assert_within(best_of_n.pass_at_k(total, correct, k), exact, factor * min(k, correct, most) * 2.0**-53)


def test_soft_best_of_n():
    (relative,) = stated(
        best_of_n.soft_best_of_n, r"Relative error below ([\de.-]+) for ranges of reward / temperature"
    )
    p, reward = [0.125, 0.375, 0.5], [0.0, 1.0, 2.0]
    for temperature in (0.01, 0.5, 20.0):
        exact = pool_oracle.soft_best_of_n(p, reward, 3, temperature)
        assert_within(best_of_n.soft_best_of_n(np.array(p), np.array(reward), 3, temperature), exact, relative)


@pytest.mark.parametrize("mu", [0.0, 1e-6, 1.0, 50.0])
def test_best_of_poisson(mu):
    (relative,) = stated(best_of_n.best_of_poisson, r"Relative error below ([\de.-]+) \(1 \+ μ S\) \+ V 2\^-53")
    exact = np.array([float(x) for x in pool_oracle.best_of_poisson(P.tolist(), REWARD.tolist(), mu)])
    better = np.array([P[r < REWARD].sum() for r in REWARD]) / P.sum()
    allowed = (relative * (1 + mu * better) + len(P) * 2.0**-53) * exact
    assert np.all(np.abs(best_of_n.best_of_poisson(P, REWARD, mu) - exact) <= allowed)


@pytest.mark.parametrize(("dtype", "words"), [("float64", "uint64"), ("float32", "uint32")])
def test_normals(dtype, words):
    (ulp,) = stated(random.Stream.normal, r"Φ⁻¹ within (\d+) ulp, same bits on every machine")
    stream = random.Stream(5)
    found, u = stream.normal(200, dtype=dtype), getattr(stream, words)(200).tolist()
    if dtype == "float64":
        tails = [((w >> 12) + 0.5) * 2.0**-52 for w in u]
    else:
        tails = [(w + 0.5) * 2.0**-32 for w in u]
    exact = np.array([float(scalar_oracle.normal_ppf(tail)) for tail in tails])
    assert np.all(np.abs(found - exact) <= ulp * np.spacing(np.abs(exact).astype(dtype)))
    np.testing.assert_allclose(exact, ndtri(tails), rtol=1e-12)
