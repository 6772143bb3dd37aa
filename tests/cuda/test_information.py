"""Information measures, log-MGFs, cumulants, tilts and rate functions on CUDA, against 50-digit oracles and the CPU."""

import numpy as np
import pytest
from marks import fused

import alignment_fast as af
from alignment_fast.kernels.information import cuda as table
from oracles import information as oracle

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

INF = np.inf
DTYPES = ("float32", "float64")
ORDERS = np.array([0.0, 1e-5, 0.5, 1.0, 1 + 1e-9, 2.0, 30.0, -1.5, INF, -INF])
TILTS = np.array([0.0, 1e-9, 0.75, -3.0, 40.0])
# What the docstrings of the functions say, float32 with the rounding of its results.
RELATIVE = {"float32": 5e-6, "float64": 3e-14}


def rows(dtype, letters=37, count=2, seed=0):
    """Return p, q and rewards; the first letter has no mass in p, the second in neither."""
    rng = np.random.default_rng(seed)
    p, q = (rng.dirichlet(np.ones(letters), count).astype(dtype) for _ in range(2))
    p[:, 0] = p[:, 1] = q[:, 1] = 0
    return p, q, rng.normal(size=(count, letters)).astype(dtype)


def there(cuda, *arrays):
    return [None if array is None else cuda.array(array) for array in arrays]


def host(found):
    return np.asarray(found.numpy(), np.float64)


def assert_close(found, expected, relative):
    """Equal where `expected` is infinite or 0, else within `relative` of it."""
    expected = np.array([[float(x) for x in row] for row in expected])
    assert found.shape == expected.shape
    with np.errstate(invalid="ignore"):
        error = np.abs(found - expected)
    assert ((found == expected) | (error <= relative * np.abs(expected))).all(), (found, expected)


def of_rows(function, *arrays, points):
    """Return an oracle's values by row and point, from the numbers as they are in the arrays."""
    listed = [[None] * 2 if array is None else array.astype(float).tolist() for array in arrays]
    return [[function(*row, float(t)) for t in points] for row in zip(*listed, strict=True)]


MEASURES = {
    "entropy": (lambda p, q: af.information.renyi_entropy(p, ORDERS), lambda p, q, t: oracle.renyi_entropy(p, t)),
    "divergence": (lambda p, q: af.information.renyi_divergence(p, q, ORDERS), oracle.renyi_divergence),
    "cross entropy": (lambda p, q: af.information.renyi_cross_entropy(p, q, ORDERS), oracle.renyi_cross_entropy),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("measure", MEASURES)
def test_measures_of_every_order_are_those_of_the_oracle(cuda, measure, dtype):
    function, exact = MEASURES[measure]
    p, q, _ = rows(dtype)
    assert_close(host(function(*there(cuda, p, q))), of_rows(exact, p, q, points=ORDERS), RELATIVE[dtype])


@pytest.mark.parametrize("distance", [1e-3, 1e-9, 1e-15])
def test_divergences_of_distributions_that_are_all_but_equal_keep_their_digits(cuda, distance):
    p, _, noise = rows("float64", letters=70)
    q = p * (1 + distance * noise)
    found = host(af.information.renyi_divergence(*there(cuda, p, q), [0.5, 1.0, 2.0]))
    assert_close(found, of_rows(oracle.renyi_divergence, p, q, points=[0.5, 1.0, 2.0]), 3e-14)


PLAIN = {
    "entropy": lambda p, q, **options: af.information.entropy(p, **options),
    "cross_entropy": lambda p, q, **options: af.information.cross_entropy(p, q, **options),
    "kl_divergence": lambda p, q, **options: af.information.kl_divergence(p, q, **options),
    "natural": lambda p, q, **options: af.information.renyi_cross_entropy(
        p, q, [0.5, 2.0], variant="natural", **options
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("name", PLAIN)
def test_logarithms_and_measures_that_are_not_normalised_are_those_of_the_cpu(cuda, name, log, dtype):
    p, q, _ = rows(dtype)
    with np.errstate(divide="ignore"):
        p, q = (np.log(x) + 1 for x in (p, q)) if log else (3 * p, 2 * q)
    for options in [{}] if name == "entropy" else [{}, {"normalize_q": False}]:
        expected = PLAIN[name](p, q, log=log, **options)
        found = PLAIN[name](*there(cuda, p, q), log=log, **options).numpy()
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=RELATIVE[dtype])


WEIGHTS = {
    "uniform": lambda p: {"p": None},
    "probabilities": lambda p: {"p": p},
    "logarithms": lambda p: {"p": np.log(np.maximum(p, 1e-30)) - 3, "log": True},
    "counts of any size": lambda p: {"p": p * p.dtype.type(1e30)},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_log_mgfs_are_those_of_the_oracle(cuda, weights, dtype):
    p, _, reward = rows(dtype)
    reward[0, 3] = -INF
    given = WEIGHTS[weights](p)
    p = given["p"]
    moved = {"p": None if p is None else cuda.array(p)}
    found = host(af.information.log_mgf(cuda.array(reward), TILTS, **given | moved))
    mass = np.ones_like(reward) if p is None else np.exp(p.astype(float)) if "log" in given else p
    expected = np.array(of_rows(oracle.log_mgf, mass, reward, points=TILTS[1:]), dtype=float)
    bound = {"float32": 4e-7, "float64": 4e-15}[dtype] * (1 + np.abs(TILTS[1:]) * 4)
    assert (found[:, 0] == 0).all()
    with np.errstate(invalid="ignore"):
        assert ((found[:, 1:] == expected) | (np.abs(found[:, 1:] - expected) <= bound)).all()


class Unused:
    """A kernel that does nothing."""

    @staticmethod
    def launch(*_arguments):
        pass


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("letters", [1, 255, 256, 1300])
def test_rows_that_are_regular_are_summed_in_tiles_alone(cuda, letters, weights, dtype, monkeypatch):
    rng = np.random.default_rng(letters)
    p, reward = rng.dirichlet(np.full(letters, 9.0), 2).astype(dtype), rng.normal(3.0, 2.0, (2, letters)).astype(dtype)
    given, tilts = WEIGHTS[weights](p), np.array([1e-4, 0.5, -2.0, 30.0])
    expected = af.information.log_mgf(reward, tilts, **given).astype(float)
    monkeypatch.setattr(table, "_MEANS", Unused)
    moved = {"p": None if given["p"] is None else cuda.array(given["p"])}
    found = host(af.information.log_mgf(cuda.array(reward), tilts, **given | moved))
    assert (np.abs(found - expected) <= {"float32": 8e-7, "float64": 4e-15}[dtype] * (1 + np.abs(tilts) * 11)).all()


# Rows that tiles leave to the slower kernel, the relative error that their conditioning allows.
IRREGULAR = {
    "rare letters that carry the sum": (lambda p, r: (p**40, 900 * r), 1e-13),
    "a value that cancels": (lambda p, r: (p, r - np.log((p * np.exp(r)).sum() / p.sum()) + 1e-6), 1e-8),
    "an infinite reward": (lambda p, r: (p, np.where(np.arange(r.size) == 7, -INF, r)), 1e-13),
}


@pytest.mark.parametrize("case", IRREGULAR)
def test_rows_that_tiles_do_not_settle_keep_their_digits(cuda, case):
    make, allowed = IRREGULAR[case]
    p, _, reward = rows("float64", letters=300, count=1, seed=3)
    p, reward = make(p + 1e-9, reward)
    found = host(af.information.log_mgf(cuda.array(reward), [1.0], p=cuda.array(p)))
    np.testing.assert_allclose(found, [[float(oracle.log_mgf(p[0], reward[0], 1.0))]], rtol=allowed)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200, 1e305])
def test_totals_and_small_rewards_of_any_size(cuda, scale):
    p, _, reward = rows("float64")
    expected = af.information.log_mgf(1e-200 * reward, [1.0, 1e199], p=p)
    found = af.information.log_mgf(cuda.array(1e-200 * reward), [1.0, 1e199], p=cuda.array(scale * p)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cumulants_to_order_8_are_those_of_the_oracle(cuda, dtype):
    p, _, reward = rows(dtype)
    found = af.information.tilted_moments(cuda.array(reward), TILTS, p=cuda.array(p), order=8)
    expected = af.information.tilted_moments(reward.astype(float), TILTS, p=p.astype(float), order=8)
    exact = of_rows(lambda w, r, t: oracle.cumulants(w, r, t, 8), p, reward, points=TILTS[2:4])
    exact = np.array([[[float(x) for x in point] for point in row] for row in exact])
    assert (found.t.numpy() == TILTS.astype(dtype)).all()
    assert found.cumulants.numpy().dtype == dtype
    size = np.cumprod(np.arange(1.0, 9)) * 8.0 ** np.arange(1, 9)  # n! range^n bounds n! E|r - κ_1|^n
    bound = {"float32": 1e-7, "float64": 5e-14}[dtype] * size
    assert (np.abs(host(found.cumulants)[:, 2:4] - exact) <= bound).all()
    assert (np.abs(host(found.cumulants) - expected.cumulants) <= bound).all()
    np.testing.assert_allclose(found.log_mgf.numpy(), expected.log_mgf, rtol=RELATIVE[dtype], atol=1e-15)


ALPHAS = [0.0, 1e-8, 0.5, -30.0, 400.0, INF, -INF]


@fused
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("letters", [1, 31, 33, 700])
def test_tilts_and_rates_have_the_bits_of_the_cpu(cuda, letters, dtype):
    rng = np.random.default_rng(letters)
    p, reward = rng.dirichlet(np.ones(letters), 2).astype(dtype), rng.normal(size=(2, letters)).astype(dtype)
    for given, log in [(None, False), (p, False), (np.log(p), True)]:
        expected = af.policy.tilt(given, reward, ALPHAS, log=log)
        found = af.policy.tilt(*there(cuda, given, reward), ALPHAS, log=log)
        for name in expected._fields:
            assert np.array_equal(getattr(found, name).numpy(), getattr(expected, name)), name
        levels = [0.0, 0.3, float(reward.max()), 9.0]
        expected = af.information.rate_function(reward, levels, p=given, log=log)
        found = af.information.rate_function(
            cuda.array(reward), levels, p=None if given is None else cuda.array(given), log=log
        )
        assert np.array_equal(found.value.numpy(), expected.value)
        assert np.array_equal(found.t.numpy(), expected.t)


# Budgets of both searches, of none, and of more than can be spent.
BUDGETS = [0.0, 1e-20, 0.3, 2.0, 40.0, INF]


@fused
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("letters", [1, 33, 300])
def test_policies_of_given_divergence_have_the_bits_of_the_cpu(cuda, letters, dtype):
    rng = np.random.default_rng(letters)
    p, reward = rng.dirichlet(np.ones(letters), 2).astype(dtype), rng.normal(size=(2, letters)).astype(dtype)
    for given, options in [
        (None, {"kl": BUDGETS}),
        (np.log(p), {"kl": [[0.1], [0.7]], "log": True, "start": 0.5}),
    ]:
        expected = af.policy.kl_constrained(given, reward, **options)
        found = af.policy.kl_constrained(*there(cuda, given, reward), **options)
        for name in expected._fields:
            mine, wanted = getattr(found, name).numpy(), getattr(expected, name)
            assert mine.dtype == wanted.dtype
            assert np.array_equal(mine, wanted), name


def test_budgets_that_are_missed_are_nan_and_nothing_waits(cuda):
    """Where the CPU raises: a tilt so small that it is 0, a divergence at which alpha has no derivative."""
    p, _, reward = rows("float64")
    p, reward = cuda.array(p), cuda.array(reward * np.array([[1e300], [1.0]]))
    af.policy.kl_constrained(p, reward, 0.1)  # what is done once
    cuda.forget()
    policy = af.policy.kl_constrained(p, reward, [1e-60, 0.5])
    gradient = af.policy.kl_constrained_gradient(p, reward, [0.0, 0.5, 900.0]).alpha
    assert not {name for name, _ in cuda.calls()} & {"cuStreamSynchronize", "cuMemcpyHtoDAsync_v2"}
    for field in policy:
        nan = np.isnan(field.numpy()).reshape(2, 2, -1)
        assert (nan == [[[True], [False]], [[False], [False]]]).all()
    nan = np.isnan(gradient.reward.numpy())
    assert (nan == np.array([True, False, True])[:, None]).all()


GRADIENTS = {
    "log_mgf": lambda p, q, r: af.information.log_mgf_gradient(r, [0.0, 1.5], p=p),
    "entropy": lambda p, q, r: af.information.renyi_entropy_gradient(p, [1.0, 2.0]),
    "divergence": lambda p, q, r: af.information.renyi_divergence_gradient(p, q, [0.5, 1.0]),
    "cross entropy": lambda p, q, r: af.information.renyi_cross_entropy_gradient(p, q, 0.5),
    "natural": lambda p, q, r: af.information.renyi_cross_entropy_gradient(p, q, 0.5, variant="natural"),
    "natural, of one row": lambda p, q, r: af.information.renyi_cross_entropy_gradient(p[0], q, 0.5, variant="natural"),
    "constrained": lambda p, q, r: [
        one for of in af.policy.kl_constrained_gradient(p, r, [1e-9, 0.1, 0.4]) for one in of
    ],
    "tilt": lambda p, q, r: [one for of in af.policy.tilt_gradient(p, r, [0.0, 2.0]) for one in of],
}


@fused
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_have_the_bits_of_the_cpu(cuda, name, dtype):
    p, q, reward = (np.abs(x) + x.dtype.type(1e-3) for x in rows(dtype, letters=70))
    arrays = there(cuda, p, q, reward)
    if name.endswith("one row"):
        arrays[0] = [cuda.array(p[0])]
    expected, found = GRADIENTS[name](p, q, reward), GRADIENTS[name](*arrays)
    for mine, wanted in zip(found, expected, strict=True):
        assert (mine is None) == (wanted is None)
        assert mine is None or np.array_equal(mine.numpy(), wanted)


@fused
@pytest.mark.parametrize("dtype", DTYPES)
def test_estimators_of_samples_have_the_bits_of_the_cpu(cuda, dtype):
    rng = np.random.default_rng(2)
    policy, reference = (-rng.exponential(9.0, (3, 150)).astype(dtype) for _ in range(2))
    policy[0, :4], reference[0, 1:6] = [-INF, -INF, np.nan, -3e38], [-INF, -2.0, -1.0, -INF, policy[0, 5]]
    for given in ((policy, reference), (policy, reference[1, 1]), (policy[2, 2], reference[2])):
        expected = af.policy.kl_estimators(*map(np.asarray, given))
        found = af.policy.kl_estimators(*there(cuda, *map(np.asarray, given)))
        for name in expected._fields:
            mine, wanted = getattr(found, name).numpy(), getattr(expected, name)
            assert mine.dtype == wanted.dtype
            np.testing.assert_array_equal(mine, wanted, name)


def test_estimators_of_samples_are_not_repeated(cuda):
    with pytest.raises(ValueError, match="on a CUDA device they must have one shape"):
        af.policy.kl_estimators(*there(cuda, np.zeros((2, 3)), np.zeros(3)))


def test_weak_tilts_keep_the_digits_of_their_divergence(cuda):
    p, _, reward = rows("float64", letters=70)
    alphas = [1e-3, 1e-9, 1e-15]
    found = host(af.policy.tilt(*there(cuda, p, reward), alphas).kl)
    assert_close(found, of_rows(oracle.tilted_divergence, p, reward, points=alphas), 1e-13)


LAUNCHES = [(1, 32), (1, 256), (3, 64)]


@pytest.mark.parametrize("order", [0, 1, 2])
def test_neither_the_order_of_threads_nor_the_grid_shows(cuda, order, monkeypatch):
    p, q, reward = rows("float64", letters=600, count=5)
    calls = {
        "divergence": lambda p, q, r: af.information.renyi_divergence(p, q, [0.5, 1.0, 3.0]),
        "log_mgf": lambda p, q, r: af.information.log_mgf(r, [0.5, -9.0, 1e-3], p=p),
        "cumulants": lambda p, q, r: af.information.cumulants(r, 8, t=[0.0, 2.0], p=p),
        "tilt": lambda p, q, r: af.policy.tilt(p, r, [0.5, -9.0]).log_pi,
        "divergence of tilts": lambda p, q, r: af.policy.kl_constrained(p, r, [1e-3, 1.0]).log_pi,
    }
    arrays = there(cuda, p, q, reward)
    expected = {name: call(*arrays).numpy().tobytes() for name, call in calls.items()}
    cuda.state.order = order
    monkeypatch.setattr(table, "blocks_for_warps", lambda tasks, device: LAUNCHES[order])
    monkeypatch.setattr(table, "MOST_ROWS", 2)
    for name, call in calls.items():
        assert call(*arrays).numpy().tobytes() == expected[name], name


def test_everything_is_on_the_callers_stream_and_waits_for_nothing(cuda):
    p, q, reward = there(cuda, *rows("float32"))
    af.policy.tilt(p, reward, 1.0)  # what is done once
    cuda.forget()
    af.information.renyi_divergence(p, q, ORDERS)
    af.information.tilted_moments(reward, TILTS, p=p)
    af.policy.tilt(p, reward, TILTS)
    assert {stream for _, stream in cuda.calls()} == {7}
    assert not {name for name, _ in cuda.calls()} & {"cuStreamSynchronize", "cuMemcpyHtoDAsync_v2", "cuMemAlloc_v2"}


def test_leading_axes_and_parameters_of_rows(cuda):
    p, _, reward = rows("float64", count=6)
    p, reward = p.reshape(2, 3, -1), reward.reshape(2, 3, -1)
    t = np.arange(6.0).reshape(2, 3, 1)
    for tilts in (2.0, [1.0, 2.0], t, np.linspace(-1, 1, 1800).reshape(2, 3, 300)):
        expected = af.information.log_mgf(reward, tilts, p=p)
        found = af.information.log_mgf(cuda.array(reward), tilts, p=cuda.array(p)).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
        shared = af.information.log_mgf(cuda.array(reward), tilts, p=cuda.array(p[0, 0])).numpy()
        np.testing.assert_allclose(shared, af.information.log_mgf(reward, tilts, p=p[0, 0]), rtol=1e-13, atol=1e-15)
    assert af.information.entropy(cuda.array(p[0, 0])).numpy().shape == ()


BAD_ROWS = {
    "NaN": (0, 3, np.nan),
    "negative": (0, 3, -1.0),
    "infinite": (0, 3, INF),
    "without mass": (0, slice(None), 0.0),
}


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_a_row_that_is_bad_is_nan_and_the_others_are_not(cuda, bad):
    p, q, reward = rows("float64")
    row, letter, value = BAD_ROWS[bad]
    p[row, letter] = value
    a, b, r = there(cuda, p, q, reward)
    for found in (
        af.information.entropy(a),
        af.information.kl_divergence(b, a),
        af.information.log_mgf(r, 0.0, p=a),
        af.information.cumulants(r, 2, p=a),
        af.policy.tilt(a, r, 1.0).log_pi,
        af.policy.kl_constrained(a, r, 0.1).alpha,
        af.information.rate_function(r, 0.1, p=a).value,
    ):
        nan = np.isnan(found.numpy())
        assert nan[0].all(), bad
        assert not nan[1].any(), bad


REFUSED = {
    "dtypes": (lambda c: (np.ones(3), np.ones(3, "f4")), TypeError, "dtypes differ: p is float64, q is float32"),
    "halves": (lambda c: [np.ones(3, "f2")] * 2, TypeError, "p must be float32 or float64 on a CUDA device"),
    "letters": (lambda c: (np.ones(3), np.ones(4)), ValueError, "last axes"),
    "axes": (
        lambda c: (np.ones((2, 1, 3)), np.ones((2, 4, 3))),
        ValueError,
        "leading axes of arrays on a CUDA device must be the same or 1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_says_why(cuda, case):
    make, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        af.information.kl_divergence(*there(cuda, *make(cuda)))


@pytest.mark.parametrize(
    "call",
    [
        lambda p, r: af.information.rate_function_gradient(r, 1.0, p=p),
        lambda p, r: af.information.log_mgf(r, INF, p=p),
    ],
)
def test_what_has_no_version_there_says_so(cuda, call):
    p, _, reward = rows("float64")
    with pytest.raises(af.BackendUnavailableError, match=r"(?i)cuda"):
        call(*there(cuda, p, reward))
