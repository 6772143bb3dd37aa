"""The front end of FastChat's ratings beside the host's own functions, or the same by their definition."""

import math

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")

from host_packages import functions_of  # noqa: E402

from alignment_fast.errors import ConvergenceError  # noqa: E402
from alignment_fast.interop import fastchat  # noqa: E402
from oracles import fastchat as oracle  # noqa: E402

# The host's own: options that SciPy knows no more, and forks beside threads.
HOSTS_WARNINGS = pytest.mark.filterwarnings("ignore::DeprecationWarning")
pytestmark = [pytest.mark.frontends, pytest.mark.same_everywhere, HOSTS_WARNINGS]

NAMES = oracle.STYLE_CONTROL_ELEMENTS_V1


@pytest.fixture(scope="module")
def host():
    return functions_of("fastchat.py", oracle)


def of_style(name, count):
    """Return a count as records have it: tokens as a number, headers and so on by their kinds."""
    return count if "tokens" in name else {"h1": count // 2, "h2": count % 2}


def battles(seed, n=300, models=6, baseline=False):
    """Return random battles, of which a few are between a model and itself; words for ties are of several kinds."""
    rng = np.random.default_rng(seed)
    scores, names = rng.normal(0, 1, models), [f"model {i}" for i in range(models)]
    if baseline:
        names[2] = oracle.BASELINE
    first, second = rng.integers(0, models, (2, n))
    won = rng.random(n) < 1 / (1 + np.exp(scores[second] - scores[first]))
    words = np.where(won, "model_a", "model_b").astype(object)
    for word in ("tie", "tie (bothbad)", None):
        words[rng.random(n) < 0.1] = word
    counts = rng.integers(1, 90, (n, 8))
    style = [{name: of_style(name, int(one)) for name, one in zip(NAMES, row, strict=True)} for row in counts]
    sides = ([names[i] for i in side] for side in (first, second))
    return pandas.DataFrame(
        dict(zip(("model_a", "model_b", "winner", "conv_metadata"), (*sides, words, style), strict=True))
    )


def assert_same(ours, theirs):
    assert type(ours) is type(theirs)
    if isinstance(theirs, tuple):
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, pandas.Series):
        pandas.testing.assert_series_equal(ours, theirs, rtol=0, atol=1e-6)
    elif isinstance(theirs, pandas.DataFrame):  # rows in whatever order the host's processes ended
        assert list(ours.columns) == list(theirs.columns)
        for name in theirs:
            np.testing.assert_allclose(np.sort(ours[name]), np.sort(theirs[name]), rtol=0, atol=1e-6)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-12)
    else:
        np.testing.assert_allclose(np.sort(ours, axis=0), np.sort(theirs, axis=0), rtol=0, atol=1e-7)


OPTIONS = {"base": 2.0, "scale": 100.0, "init_rating": 7.0}
CALLS = {
    "compute_bt": [(), (2.0, 100.0, 7.0, 1e-3)],
    "compute_bootstrap_bt": [(5,), (3, 2.0, 100.0, 7.0, 1e-3, 1)],
    "compute_style_control": [(), (1.0, 2.0, 7.0, 100.0, 1e-3)],
    "compute_bootstrap_style_control": [(4,), (2, 1.0, 2.0, 7.0, 100.0, 1e-3, 1)],
    "compute_elo": [(), (32.0, 2.0, 7.0, 100.0)],
    "compute_bootstrap_elo": [(4,), (3, 32.0, 2.0, 7.0, 100.0)],
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("baseline", [False, True])
def test_every_call_ends_as_that_of_the_host(host, name, baseline):
    for seed, arguments in enumerate(CALLS[name]):
        data, found = battles(seed, baseline=baseline), []
        for module in (host, fastchat):
            np.random.seed(3)  # noqa: NPY002
            result = getattr(module, name)(data.copy(), *arguments)
            found.append((result, np.random.random()))  # noqa: NPY002  as many draws
        assert_same(found[1][0], found[0][0])
        assert found[1][1] == found[0][1]


def test_matchups_with_weights_are_fitted_as_by_the_host(host):
    rng = np.random.default_rng(4)
    matchups = rng.integers(0, 5, (80, 2))
    outcomes, weights = rng.choice([0.0, 0.5, 1.0, 0.3], 80), rng.random(80)
    for tol in (1e-6, 1e-2):
        ours, theirs = (m.fit_bt(matchups, outcomes, weights, 5, 2.0, tol) for m in (fastchat, host))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


def test_columns_of_categories_and_of_strings_are_battles():
    data = battles(0)
    expected = fastchat.compute_bt(data)
    for kind in ("category", "string"):
        found = fastchat.compute_bt(data.astype({"model_a": kind, "model_b": kind, "winner": kind}))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


# ---- strict ----


def loss(ratings, data):
    """Return Σ log(1 + e^-d) over wins, half of both for ties."""
    d = math.log(10) * (ratings[data["model_a"]].to_numpy() - ratings[data["model_b"]].to_numpy()) / 400
    share = data["winner"].map({"model_a": 1.0, "model_b": 0.0}).fillna(0.5).to_numpy()
    return (np.logaddexp(0, d) - share * d).sum()


def test_strict_ratings_maximise_the_likelihood():
    data = battles(1)
    strict, loose = fastchat.compute_bt(data, strict=True), fastchat.compute_bt(data)
    assert loss(strict, data) <= loss(loose, data)
    for model in strict.index:
        for step in (-0.01, 0.01):
            moved = strict.copy()
            moved[model] += step
            assert loss(moved, data) > loss(strict, data)
    assert 0 < abs(strict - loose[strict.index]).max() < 0.1


def test_strict_ratings_with_style_have_no_gradient():
    data = battles(2)
    ratings, coefficients = fastchat.compute_style_control(data, strict=True)
    near, also = fastchat.compute_style_control(data, tol=1e-12)
    assert abs(ratings - near[ratings.index]).max() < 0.05
    np.testing.assert_allclose(coefficients, also, atol=1e-4)


def test_nobody_has_finite_ratings_where_one_model_always_won():
    data = battles(3)
    data.loc[data["model_a"] == "model 1", "winner"] = "model_a"
    data.loc[data["model_b"] == "model 1", "winner"] = "model_b"
    data = data[data["model_a"] != data["model_b"]]
    with pytest.raises(ConvergenceError, match="won or lost everything"):
        fastchat.compute_bt(data, strict=True)
    assert fastchat.compute_bootstrap_bt(data, 3, strict=True).isna().all().all()
    assert np.isfinite(fastchat.compute_bt(data)).all()  # as the host, wherever its minimiser stopped


@pytest.mark.parametrize("name", ["compute_bt", "compute_elo", "compute_style_control"])
def test_no_battles_are_an_error(name):
    with pytest.raises(ValueError, match="battles: there are none"):
        getattr(fastchat, name)(battles(0)[:0])


def test_a_missing_model_is_an_error():
    data = battles(0)
    data.loc[3, "model_b"] = None
    with pytest.raises(ValueError, match="battles: a model is missing"):
        fastchat.compute_bt(data)
