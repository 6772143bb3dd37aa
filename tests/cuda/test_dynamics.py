"""Trajectories of policies on CUDA, against the definition of a round and the CPU's bits."""

import numpy as np
import pytest
from marks import fused

import alignment_fast as af
from alignment_fast.kernels.common import streams
from alignment_fast.kernels.dynamics import cuda as table
from bounds import bound
from oracles import dynamics as oracle

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

POINTS = {"alpha": [0.5, 1.0], "beta": [3.0, 1.5], "lam": [0.5, 1.0]}
# Without rare responses, at which the oracle's optima of DPO lose digits.
MILD = {"alpha": [0.5, 0.8], "beta": [1.0, 0.4], "lam": [0.5, 0.2]}
ORDERS = (0, 1, 5)


def given(K, rows=2, dtype="float64", seed=0):
    """Return matrices and policies by name: a sampler for all rows, a reference for each."""
    rng = np.random.default_rng(seed)
    skew = np.triu(rng.uniform(-0.45, 0.45, (rows, K, K)), 1)
    P = 0.5 + skew - np.swapaxes(skew, 1, 2)
    init, ref = (rng.dirichlet(np.ones(K), rows) for _ in range(2))
    arrays = {"P": P, "init": init, "ref": ref, "sampler": rng.dirichlet(np.ones(K))}
    return {name: array.astype(dtype) for name, array in arrays.items()}


def there(cuda, arrays):
    return {name: cuda.array(array) for name, array in arrays.items()}


def assert_same(found, expected):
    """The same bits, dtypes and shapes, field by field, those of `found` on a device."""
    for name, value in vars(expected).items():
        if name == "times" or value is None:
            assert np.array_equal(vars(found)[name], value), name
            continue
        other = vars(found)[name]
        assert isinstance(other, streams.DeviceArray)
        assert (other.dtype, other.shape) == (value.dtype, value.shape), name
        np.testing.assert_array_equal(other.numpy(), value, name)


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [3, 34, 97])
def test_trajectories_follow_the_definition(cuda, K, method):
    """Fewer responses than a warp has lanes, more, and so many that sums are folded."""
    arrays = given(K, rows=1)
    run = af.dynamics.simulate(**there(cuda, arrays), **MILD, steps=6, burn_in=2, record=[0, 4], method=method)
    P, init, ref, sampler = arrays["P"][0], arrays["init"][0], arrays["ref"][0], arrays["sampler"]
    for point in range(2):
        path = oracle.trajectory(P, *(x[point] for x in MILD.values()), init, sampler, ref, 6, method)
        mean, variance, entropy = oracle.statistics(path, 2)
        size = 6 * max(1, abs(path).max())
        assert abs(run.log_pi.numpy()[0, point] - path[-1]).max() <= bound("dynamics.run") * size
        assert abs(run.path.numpy()[0, point] - path[[0, 4]]).max() <= bound("dynamics.run") * size
        exact = {"mean": mean, "variance": variance, "entropy": entropy[-1]}
        exact |= {"entropy_min": entropy.min(), "entropy_max": entropy.max()}
        for name, value in exact.items():
            found = getattr(run, name).numpy()[0, point]
            assert np.max(abs(found - value)) <= bound("dynamics.finish") * size, name


@fused
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [1, 2, 4, 9, 33])
def test_trajectories_have_the_bits_of_the_cpu(cuda, K, method, dtype):
    arrays = given(K, dtype=dtype)
    options = POINTS | {"steps": 9, "burn_in": 2, "record": 4, "method": method}
    expected = af.dynamics.simulate(**arrays, **options)
    assert_same(af.dynamics.simulate(**there(cuda, arrays), **options), expected)


@fused
@pytest.mark.parametrize("method", ["ipo", "dpo"])
def test_parameters_that_change_from_round_to_round(cuda, method):
    arrays, anneal = given(5), af.dynamics.Schedule(np.linspace(3, 1, 8))
    mixing = af.dynamics.Schedule([0.0, 1.0] * 4)
    options = {"alpha": 0.7, "beta": anneal, "lam": mixing, "steps": 8, "method": method}
    assert_same(af.dynamics.simulate(**there(cuda, arrays), **options), af.dynamics.simulate(**arrays, **options))


@fused
def test_responses_without_mass_and_cycles(cuda):
    """Logarithms of zero stay, and long runs have turns, periods and entropies near 0."""
    P = np.array([[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]])
    init = np.array([[0.5, 0.3, 0.2], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    options = {"alpha": [0.95, 1.0], "beta": 4.0, "lam": [0.9, 1.0], "steps": 60}
    expected = af.dynamics.simulate(P, init=init, **options)
    assert (expected.period > 1).any()
    assert_same(af.dynamics.simulate(cuda.array(P), init=cuda.array(init), **options), expected)


@fused
@pytest.mark.parametrize("block", [None, 2])
def test_sweeps_have_the_bits_of_the_cpu(cuda, block):
    arrays, seen = given(4, rows=3), []
    moved, options = there(cuda, arrays), {name: np.array(x)[:, None] for name, x in POINTS.items()}
    options |= {"steps": 6, "alpha": np.array([0.2, 0.6, 1.0])}
    expected = af.dynamics.sweep(**arrays, **options)
    assert expected.log_pi.shape == (3, 2, 3, 4)
    found = af.dynamics.sweep(**moved, **options, progress=lambda *done: seen.append(done))
    assert_same(found, expected)
    assert seen == [(3, 3)]
    for first, last, part in af.dynamics.sweep_blocks(**moved, **options, block=block, start=1):
        np.testing.assert_array_equal(part.log_pi.numpy(), expected.log_pi[first:last])
    assert last == 3


@fused
@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [3, 9, 35])
def test_lyapunov_exponents_have_the_bits_of_the_cpu(cuda, K, method):
    arrays, options = given(K), POINTS | {"steps": 12, "burn_in": 3, "method": method}
    expected = af.dynamics.lyapunov_exponent(**arrays, **options)
    found = af.dynamics.lyapunov_exponent(**there(cuda, arrays), **options)
    assert found.shape == expected.shape == (2, 2)
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("method", ["ipo", "dpo"])
@pytest.mark.parametrize("K", [3, 34, 97])
def test_lyapunov_exponents_are_the_growth_of_small_distances(cuda, K, method):
    arrays, at = given(K, rows=1), (0.7, 0.6, 0.5)
    expected = oracle.lyapunov_exponent(
        arrays["P"][0], *at, arrays["init"][0], arrays["sampler"], arrays["ref"][0], steps=6, burn_in=2, method=method
    )
    options = dict(zip(("alpha", "beta", "lam"), at, strict=True)) | {"steps": 6, "burn_in": 2, "method": method}
    found = af.dynamics.lyapunov_exponent(**there(cuda, arrays), **options)
    assert found.numpy() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("order", ORDERS)
def test_the_launch_does_not_show(cuda, monkeypatch, order):
    """Warps that have several trajectories one after the other, and threads in any order."""
    arrays, options = given(6, rows=9), POINTS | {"steps": 4}

    def results():
        run = af.dynamics.simulate(**there(cuda, arrays), **options, record=2, method="dpo")
        found = [value.numpy().tobytes() for name, value in vars(run).items() if name != "times"]
        return [*found, af.dynamics.lyapunov_exponent(**there(cuda, arrays), **options, burn_in=1).numpy().tobytes()]

    expected = results()
    monkeypatch.setattr(table, "MOST", 1)
    cuda.state.order = order
    assert results() == expected


def test_everything_runs_on_the_stream_of_the_arrays(cuda):
    arrays = {name: cuda.array(array, stream=9) for name, array in given(3, dtype="float32").items()}
    af.dynamics.simulate(**arrays, **POINTS, steps=2)
    calls = cuda.calls()
    assert {stream for name, stream in calls if not name.startswith("cu")} == {9}
    assert [name for name, _ in calls if not name.startswith("cu")].count("trajectories") == 1


def test_no_rounds_and_no_trajectories(cuda):
    arrays = given(3)
    run = af.dynamics.simulate(**there(cuda, arrays), **POINTS, steps=0)
    np.testing.assert_allclose(run.log_pi.numpy()[:, 0], np.log(arrays["init"]), rtol=1e-15)
    assert not run.converged.numpy().any()
    none = there(cuda, {"P": np.empty((0, 3, 3)), "init": np.ones(3)})
    assert af.dynamics.simulate(**none, **POINTS, steps=2).log_pi.shape == (0, 2, 3)


def test_estimates_of_matrices_are_made_on_the_host(cuda):
    arrays, noise = given(3), af.dynamics.FrozenEstimate(50)
    options = POINTS | {"steps": 3, "noise": noise, "seed": 3}
    expected = af.dynamics.simulate(**arrays, **options).log_pi
    found = af.dynamics.simulate(**there(cuda, arrays), **options).log_pi.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-13)


CYCLE = np.array([[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]])
LINE = np.array([[0.5, 1.0], [0.0, 0.5]])
BAD = {
    "no probability": (CYCLE + 1, np.ones(3), {}, ValueError, r"P\[0, 0\] = 1.5 is not a probability"),
    "a negative mass": (CYCLE, [1.0, -1.0, 1.0], {}, ValueError, r"init\[1\] = -1.0 is negative"),
    "no optimum": (LINE, np.ones(2), {"method": "dpo"}, ValueError, "DPO has no finite optimum"),
    "integers": (np.eye(3, dtype=np.int64), [1, 1, 1], {}, TypeError, "P must be float32 or float64 on a CUDA device"),
    "fresh pairs": (
        *(CYCLE, np.ones(3), {"noise": af.dynamics.FreshPairs(9)}, af.BackendUnavailableError),
        "noise of fresh pairs has no CUDA version: pass P on the CPU",
    ),
}


@pytest.mark.parametrize("function", [af.dynamics.simulate, af.dynamics.sweep, af.dynamics.sweep_blocks])
@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(cuda, case, function):
    P, init, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        function(cuda.array(P), init=cuda.array(np.array(init)), **POINTS, steps=2, **options)


def test_policies_are_where_the_matrices_are(cuda):
    with pytest.raises(ValueError, match="different devices: P on cuda, init on cpu"):
        af.dynamics.simulate(cuda.array(CYCLE), init=np.ones(3), **POINTS, steps=2)


def test_a_fixed_point_that_is_unstable_is_warned_of(cuda):
    with pytest.warns(UserWarning, match="init is a fixed point, and unstable"):
        af.dynamics.simulate(cuda.array(CYCLE), init=cuda.array(np.ones(3)), alpha=1.0, beta=4.0, lam=1.0, steps=2)
