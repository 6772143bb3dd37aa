"""Exact laws of arrays on a device: against 60-digit sums, beside the processor's, and the same for any launch."""

import mpmath
import numpy as np
import pytest

from alignment_fast.best_of_n import BestOfN
from alignment_fast.kernels.common import streams
from oracles import best_of_n as oracle

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]
LAUNCHES = [(1, 32, 0), (3, 96, 1), (64, 256, 5)]
VALUES = {
    **{name: (lambda law, n, name=name: getattr(law, name)(n)) for name in ("kl", "win_rate", "expected_reward")},
    "reward_variance": lambda law, n: law.reward_variance(n),
    **{
        kind: (lambda law, n, kind=kind: law.divergence(kind, n)) for kind in ("reverse_kl", "chi2", "tv", "hellinger2")
    },
    **{
        f"renyi {order}": (lambda law, n, order=order: law.divergence("renyi", n, order=order))
        for order in (-1.0, 0.5, 2.0)
    },
}


def problem(size, seed=1):
    """Chances over many orders of magnitude, some of them 0, and rewards of which many tie."""
    generator = np.random.default_rng(seed)
    p = generator.random(size) ** 8
    p[generator.random(size) < 0.2] = 0.0
    p[-1] = 1e-200
    return p, np.round(generator.normal(size=size), 1 if size < 1000 else 3)


def exact(law, name):
    return law.renyi(float(name.split()[1])) if name.startswith("renyi") else getattr(law, name)


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_values_and_probabilities_against_many_digits(cuda, size):
    p, reward = problem(size)
    law, draws = BestOfN(cuda.array(p), cuda.array(reward)), [1.0, 1.0001, 2.0, 37.0, 1e5]
    found = {name: value(law, draws).numpy() for name, value in VALUES.items()}
    log_pmf = law.log_pmf(draws).numpy()
    for i, n in enumerate(draws):
        expected = oracle.Law(p, reward, n=n)
        spread = float(mpmath.sqrt(expected.reward_variance))
        for name, values in found.items():
            near = spread if name == "expected_reward" else 0.0
            assert values[i] == pytest.approx(float(exact(expected, name)), rel=1e-12, abs=1e-14 * near), (name, n)
        np.testing.assert_allclose(log_pmf[i], [float(x) for x in expected.log_pmf], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("log", [False, True])
def test_large_laws_beside_those_of_the_processor(cuda, log):
    """Beyond a block of sums, slices of the sort and tiles of running sums; masses down to e^-1e6."""
    p, reward = problem(5000)
    if log:
        p = -np.random.default_rng(3).exponential(1.0, 5000) * 10.0 ** np.arange(5000).clip(0, 6)
    n = np.array([1.0, 1.01, 4.0, 1e3, 1e12])
    host, there = BestOfN(p, reward, log=log), BestOfN(cuda.array(p), cuda.array(reward), log=log)
    for name, value in VALUES.items():
        np.testing.assert_allclose(value(there, n).numpy(), value(host, n), rtol=2e-13, atol=1e-300, err_msg=name)
    np.testing.assert_allclose(there.log_pmf(n).numpy(), host.log_pmf(n), rtol=1e-12, atol=1e-12)


def test_numbers_of_draws_that_no_double_holds(cuda):
    p, reward = problem(60)
    host, there = BestOfN(p, reward), BestOfN(cuda.array(p), cuda.array(reward))
    log_n = np.array([0.0, 1e-300, 700.0, 1e6])
    for name in ("kl", "win_rate"):
        np.testing.assert_allclose(
            getattr(there, name)(log_n=log_n).numpy(), getattr(host, name)(log_n=log_n), rtol=1e-13, atol=1e-300
        )
    assert there.divergence("renyi", 5, order=np.inf).numpy() == pytest.approx(
        host.divergence("renyi", 5, order=np.inf), rel=1e-14
    )


@pytest.mark.parametrize("size", [1, 7, 1200])
def test_draws_are_those_of_the_processor(cuda, size):
    """Ties of a few outcomes and of hundreds, outcomes of no mass, grids of n, laws of a batch."""
    p, reward = problem(size)
    for log_n, rewards in ((np.array([0.0, 0.3, 4.0, 600.0]), reward), (2.0, np.zeros(size)), (1.0, reward < 0.4)):
        rewards = np.float64(rewards)
        host, there = BestOfN(p, rewards), BestOfN(cuda.array(p), cuda.array(rewards))
        found = there.sample((3, 50), log_n=log_n, rng=4)
        assert isinstance(found, streams.DeviceArray)
        np.testing.assert_array_equal(found.numpy(), host.sample((3, 50), log_n=log_n, rng=4))
    laws = np.stack([reward, -reward])
    for n in (3.0, np.array([[1.0, 8.0], [2.0, 90.0]])):
        found = BestOfN(cuda.array(p), cuda.array(laws)).sample(90, n, rng=1).numpy()
        np.testing.assert_array_equal(found, BestOfN(p, laws).sample(90, n, rng=1))


@pytest.mark.parametrize("log", [False, True])
def test_the_expected_estimator_beside_that_of_the_processor(cuda, log):
    p, reward = problem(5000)
    p = -np.random.default_rng(3).exponential(9.0, 5000) if log else p
    n = np.array([1.0, 1.01, 4.0, 1e3, 1e12])
    host, there = BestOfN(p, reward, log=log), BestOfN(cuda.array(p), cuda.array(reward), log=log)
    np.testing.assert_allclose(there.kl_estimate(n).numpy(), host.kl_estimate(n), rtol=2e-13, atol=1e-300)


def test_the_expected_estimator_against_its_definition(cuda):
    p, reward = problem(40)
    law = BestOfN(cuda.array(p), cuda.array(reward))
    for n in (1.0, 3.0, 200.0):
        expected = float(oracle.expected_estimate(p / p.sum(), reward, n))
        assert law.kl_estimate(n).numpy() == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_rewards_that_are_infinite_or_huge(cuda):
    reward = np.array([-np.inf, 1e308, -1e308, np.inf, 3.0])
    for kept in (reward, reward[[1, 2, 4]]):
        host, there = BestOfN(reward=kept), BestOfN(reward=cuda.array(kept))
        with np.errstate(invalid="ignore"):
            for name in ("expected_reward", "reward_variance", "win_rate"):
                expected = getattr(host, name)([1, 3])
                np.testing.assert_allclose(getattr(there, name)([1, 3]).numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize("launch", LAUNCHES)
def test_the_launch_does_not_show(cuda, shaped, launch):
    p, reward = problem(4500)
    n = [1.5, 30.0]

    def results():
        law = BestOfN(cuda.array(p), cuda.array(reward))
        values = [law.kl(n), law.reward_variance(n), law.divergence("renyi", n, order=2.0), law.log_pmf(n)]
        beside = BestOfN(cuda.array(p[:40]), cuda.array(reward[:40])).aligned(n)
        return [*values, law.kl_estimate(n), law.sample(100, n, rng=3), *beside.policy, beside.divergence]

    expected = [found.numpy().tobytes() for found in results()]
    shaped(*launch)
    assert [found.numpy().tobytes() for found in results()] == expected


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_batches_share_p_or_rewards(cuda, dtype):
    generator = np.random.default_rng(5)
    p, reward = (generator.random((2, 3, 20)).astype(dtype) for _ in range(2))
    for q, r in [(p, reward), (p[0, 0], reward), (p, reward[0, 0])]:
        host, there = BestOfN(q, r), BestOfN(cuda.array(q), cuda.array(r))
        found = there.kl([2, 5])
        assert isinstance(found, streams.DeviceArray)
        assert found.dtype == dtype
        np.testing.assert_allclose(found.numpy(), host.kl([2, 5]), rtol=1e-6 if dtype == "float32" else 1e-13)
        n = np.arange(1.0, 7.0).reshape(2, 3, 1)
        np.testing.assert_allclose(there.win_rate(n).numpy(), host.win_rate(n), rtol=1e-6)
        assert there.pmf(3).shape == (2, 3, 20)


def test_results_are_on_the_stream_of_the_rewards(cuda):
    law = BestOfN(reward=cuda.array(np.arange(5.0), stream=9))
    cuda.forget()
    law.kl(2)
    assert {stream for name, stream in cuda.calls() if not name.startswith("cu")} == {9}


CHANCES, REWARDS = [[0.5, 0.5], [0.25, 0.75]], [[1.0, 2.0], [3.0, 4.0]]
BAD = {
    "a NaN": ([[0.5, 0.5], [0.25, np.nan]], REWARDS, False, r"p\[1, 1\] = nan is NaN"),
    "a negative chance": ([[0.5, -0.5], [1.0, 0.0]], REWARDS, False, r"p\[0, 1\] = -0.5 is negative"),
    "an infinite chance": ([[0.5, np.inf], [1.0, 0.0]], REWARDS, False, r"p\[0, 1\] = inf is infinite"),
    "no mass": ([[0.5, 0.5], [0.0, 0.0]], REWARDS, False, "p in row 1 has no positive mass"),
    "no mass of logarithms": ([[-np.inf, -np.inf]], REWARDS[:1], True, "p in row 0 has no positive mass"),
    "a reward": (CHANCES, [[np.inf, 2.0], [3.0, np.nan]], False, r"reward\[1, 1\] = nan is NaN"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(cuda, case):
    p, reward, log, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        BestOfN(cuda.array(np.array(p)), cuda.array(np.array(reward)), log=log)


# ---- beside the tilt of the same divergence ----


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_aligned_policy_beside_that_of_the_processor(cuda, dtype):
    """Laws of a batch that share p or rewards, grids of n with axes of their own, outcomes of no mass."""
    generator = np.random.default_rng(6)
    p, reward = generator.random((2, 40)).astype(dtype), generator.normal(size=(2, 40)).astype(dtype)
    p[:, ::5] = 0.0
    tolerance = 1e-5 if dtype == "float32" else 1e-11
    grids = (3.0, [1.0, 4.0, 1e3], np.arange(2.0, 14.0).reshape(3, 2, 2))
    for (q, r), n in zip(((p, reward), (p[0], reward), (p, reward[0])), grids, strict=True):
        found, expected = BestOfN(cuda.array(q), cuda.array(r)).aligned(n), BestOfN(q, r).aligned(n)
        for mine, wanted in zip(
            (*found.policy, found.divergence), (*expected.policy, expected.divergence), strict=True
        ):
            assert (mine.dtype, mine.shape) == (wanted.dtype, wanted.shape)
            np.testing.assert_allclose(mine.numpy(), wanted, rtol=tolerance, atol=1e-15)


@pytest.mark.parametrize("log_n", [0.5, 7.6, 300.0, 700.0])
def test_of_two_outcomes_best_of_n_is_the_aligned_policy(cuda, log_n):
    """The lower one has (1 - p)^n, so alpha = log((1 - (1 - p)^n) / (1 - p)^n) - log(p / (1 - p))."""
    tops = np.array([0.5, 0.9, 1e-3])
    found = BestOfN(cuda.array(np.stack([1 - tops, tops], axis=1)), cuda.array(np.array([0.0, 1.0]))).aligned(
        log_n=log_n
    )
    with mpmath.workdps(400):
        for top, alpha in zip(tops, found.policy.alpha.numpy(), strict=True):
            log_low = mpmath.exp(mpmath.mpf(log_n)) * mpmath.log1p(-mpmath.mpf(top))
            exact = mpmath.log(-mpmath.expm1(log_low)) - log_low - mpmath.log(top / (1 - mpmath.mpf(top)))
            assert alpha == pytest.approx(float(exact), rel=1e-10)


def test_infinite_rewards_have_no_tilt(cuda):
    found = BestOfN(cuda.array(np.array([0.5, 0.5])), cuda.array(np.array([[0.0, np.inf], [0.0, 1.0]]))).aligned(2)
    assert np.isnan(found.policy.alpha.numpy()).tolist() == [True, False]
