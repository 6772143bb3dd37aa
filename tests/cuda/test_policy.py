"""Optima of IPO and DPO on CUDA: the CPU's bits, the stationarity of DPO's rewards, what is refused."""

import numpy as np
import pytest
from marks import fused

import alignment_fast as af
from alignment_fast.kernels.common import streams
from oracles import policy as oracle

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

OPTIMA = (af.policy.ipo, af.policy.dpo)
BETAS = [0.0, 1e-9, 2.0, 900.0]


def given(K, leading=(2,), dtype="float64", seed=0):
    """Return matrices, a sampler with a response that is never drawn, and references."""
    rng = np.random.default_rng(seed)
    skew = np.triu(rng.uniform(-0.45, 0.45, (*leading, K, K)), 1)
    P = 0.5 + skew - np.swapaxes(skew, -1, -2)
    mu, ref = rng.dirichlet(np.ones(K)), rng.dirichlet(np.ones(K), leading)
    mu[0] = ref[..., -1] = 0.0 if K > 2 else 0.5
    return [x.astype(dtype) for x in (P, mu, ref)]


def there(cuda, arrays):
    return [None if array is None else cuda.array(array) for array in arrays]


def assert_same(found, expected):
    """The same bits, dtypes and shapes, field by field, those of `found` on a device."""
    for name in expected._fields:
        mine, wanted = getattr(found, name), np.asarray(getattr(expected, name))
        assert isinstance(mine, streams.DeviceArray)
        assert (mine.dtype, mine.shape) == (wanted.dtype, wanted.shape), name
        np.testing.assert_array_equal(mine.numpy(), wanted, name)


@fused
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("K", [1, 2, 7, 19])
@pytest.mark.parametrize("optimum", OPTIMA)
def test_optima_have_the_bits_of_the_cpu(cuda, optimum, K, dtype):
    P, mu, ref = given(K, dtype=dtype)
    for arrays in ((P, mu, ref), (P[0], mu, ref), (P, None, ref[0]), (P[:1], mu, None)):
        assert_same(optimum(*there(cuda, arrays), BETAS), optimum(*arrays, BETAS))


@fused
@pytest.mark.parametrize("optimum", OPTIMA)
def test_strengths_of_rows_have_the_bits_of_the_cpu(cuda, optimum):
    P, mu, ref = given(5, leading=(2, 3))
    for beta in (1.5, np.arange(6.0).reshape(2, 3, 1), np.linspace(0, 3, 24).reshape(2, 3, 4)):
        assert_same(optimum(*there(cuda, (P, mu, ref)), beta), optimum(P, mu, ref, beta))
    assert_same(optimum(*there(cuda, (P[:0], mu, None)), 1.0), optimum(P[:0], mu, None, 1.0))


@pytest.mark.parametrize("optimum", OPTIMA)
def test_many_responses_are_within_the_bounds_of_the_cpu(cuda, optimum):
    """Beyond 128, where sums have another order."""
    P, mu, ref = given(150, leading=())
    found, expected = optimum(*there(cuda, (P, mu, ref)), 2.0), optimum(P, mu, ref, 2.0)
    for name in expected._fields:
        np.testing.assert_allclose(getattr(found, name).numpy(), getattr(expected, name), rtol=1e-11, atol=1e-12)


def test_rewards_of_dpo_are_stationary(cuda):
    P, mu, _ = given(9)
    reward = af.policy.dpo(*there(cuda, (P, mu)), None, 1.0).scores.numpy()
    gap = reward[:, :, None] - reward[:, None, :]
    assert abs(((P - 1 / (1 + np.exp(-gap))) * mu).sum(axis=-1)).max() < 1e-14


# What is estimated at some h or reward, or how well: called with P, mu, a vector and strengths.
QUANTITIES = {
    "ipo_loss": lambda P, mu, h, beta: af.policy.ipo_loss(h, P, mu, beta),
    "dpo_loss": lambda P, mu, r, beta: af.policy.dpo_loss(r, P, mu),
    "ipo_covariance": lambda P, mu, h, beta: af.policy.ipo_covariance(P, mu, beta),
    "dpo_covariance": lambda P, mu, h, beta: af.policy.dpo_covariance(P, mu),
    "dpo_sensitivity": lambda P, mu, direction, beta: af.policy.dpo_sensitivity(P, mu, direction),
}


@fused
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", QUANTITIES)
def test_losses_and_covariances_have_the_bits_of_the_cpu(cuda, name, dtype):
    """Of one vector for all matrices, and one for each; a number of strengths, and strengths of rows."""
    quantity = QUANTITIES[name]
    for K in (1, 5):
        P, mu, vector = given(K, dtype=dtype)
        mu = np.full_like(mu, 1 / K)
        for arrays, beta in (((P, mu, vector), [0.5, 3.0]), ((P, None, vector[0]), 2.0), ((P[0], mu, vector), 2.0)):
            found, expected = quantity(*there(cuda, arrays), beta), quantity(*arrays, beta)
            found, expected = (x if isinstance(x, tuple) else (x,) for x in (found, expected))
            for mine, wanted in zip(found, expected, strict=True):
                assert (mine.dtype, mine.shape) == (wanted.dtype, np.shape(wanted)), (K, beta)
                np.testing.assert_array_equal(mine.numpy(), wanted)


def test_losses_are_those_of_their_definitions(cuda):
    P, mu, h = given(4, leading=())
    for name, loss in (("ipo_loss", oracle.ipo_loss(h, P, mu, 2.0)), ("dpo_loss", oracle.dpo_loss(h, P, mu))):
        found = QUANTITIES[name](*there(cuda, (P, mu, h)), 2.0)
        assert found.value.numpy() == pytest.approx(float(loss), rel=1e-13)


@pytest.mark.parametrize("log", [False, True])
def test_gaps_from_the_optimum_are_within_the_bounds_of_the_cpu(cuda, log):
    """One policy for all, one for each; a budget, some, and some of each row; those that are no constraint."""
    rng = np.random.default_rng(3)
    psi, p, reward = rng.random((3, 6)), rng.random((3, 6)), rng.normal(size=(3, 6))
    psi[0, 2] = 0.0
    if log:
        with np.errstate(divide="ignore"):
            psi, p = np.log(psi), np.log(p)
    for arrays in ((psi, p, reward), (psi[1], p, reward), (psi, p[0], reward[0])):
        for kl in (0.1, [0.0, 0.2, 1e3], np.array([[0.1], [0.2], [0.3]])):
            found = af.policy.optimality_gap(*there(cuda, arrays), kl, log=log)
            expected = af.policy.optimality_gap(*arrays, kl, log=log)
            assert found.shape == expected.shape
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11)
    bad = there(cuda, (psi, p, np.where(reward == reward.max(), np.nan, reward)))
    assert np.isnan(af.policy.optimality_gap(*bad, 0.1, log=log).numpy()).sum() == 1


@pytest.mark.parametrize("launch", [(1, 32, 0), (3, 96, 1)])
def test_the_launch_does_not_show(cuda, shaped, monkeypatch, launch):
    from alignment_fast.kernels.policy import cuda as table

    arrays = there(cuda, given(5, leading=(300,)))

    def results():
        results = [x.numpy().tobytes() for optimum in OPTIMA for x in optimum(*arrays, [0.5, 3.0])]
        P, _, vector = arrays
        more = af.policy.dpo_covariance(P, None), af.policy.dpo_sensitivity(P, None, vector)
        return [*results, *(x.numpy().tobytes() for x in (*more, af.policy.ipo_covariance(P, None, [1.0, 2.0])))]

    expected = results()
    shaped(*launch)
    monkeypatch.setattr(table, "MOST", 256)
    assert results() == expected


def test_results_are_on_the_stream_of_the_arguments(cuda):
    P, mu, ref = (cuda.array(x, stream=9) for x in given(4))
    cuda.forget()
    af.policy.dpo(P, mu, ref, 1.0)
    assert {stream for name, stream in cuda.calls() if not name.startswith("cu")} == {9}


CERTAIN = np.array([[0.5, 1.0], [0.0, 0.5]])
BAD = {
    "no matrix of preferences": (af.policy.ipo, [np.eye(2), None, None], {}, ValueError, "not complementary"),
    "a negative mass": (
        af.policy.ipo,
        [CERTAIN, np.array([-1.0, 2.0]), None],
        {},
        ValueError,
        r"mu\[0\] = -1.0 is negative",
    ),
    "a sure win": (af.policy.dpo, [CERTAIN, None, None], {}, ValueError, "DPO has no finite optimum"),
    "too few steps": (
        af.policy.dpo,
        [*given(6)[:2], None],
        {"max_iter": 1},
        af.ConvergenceError,
        r"of row \[\d\]: the last of 1 Newton steps",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(cuda, case):
    optimum, arrays, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        optimum(*there(cuda, arrays), 1.0, **options)


def test_strengths_have_no_axes_that_arrays_have_not(cuda):
    P, mu, ref = there(cuda, given(3))
    with pytest.raises(ValueError, match=r"beta has the leading axes \(5, 2\), arrays on a CUDA device have \(2,\)"):
        af.policy.ipo(P, mu, ref, np.ones((5, 1, 1)))


def test_strengths_and_budgets_there_are_refused_as_what_they_are(cuda):
    P, mu, _ = there(cuda, given(3))
    number, read = cuda.array(np.array([0.1])), "is a CUDA array, but is read on the host"
    for name, call in {
        "beta": lambda: af.policy.ipo(P, mu, None, number),
        "alpha": lambda: af.policy.tilt(mu, mu, number),
        "kl": lambda: af.policy.kl_constrained(mu, mu, number),
        "start": lambda: af.policy.kl_constrained(mu, mu, 0.1, start=number),
    }.items():
        with pytest.raises(af.BackendUnavailableError, match=f"^{name} {read}"):
            call()


def test_what_has_no_version_there_says_so(cuda):
    P, *_ = there(cuda, given(3))
    with pytest.raises(af.BackendUnavailableError, match="P is a CUDA array and this function has no CUDA version"):
        af.policy.ipo_pairs(P, P, None, 1.0)
