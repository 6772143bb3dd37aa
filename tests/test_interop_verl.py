"""The front end of verl's validation metrics: the host's numbers bit for bit, its draws, and values without bias."""

from functools import partial

import numpy as np
import pytest
from host_packages import functions_of

from alignment_fast.interop import verl
from oracles import verl as oracle

pytestmark = pytest.mark.same_everywhere


@pytest.fixture(scope="module")
def host():
    """Return verl's own functions where they were extracted, else the same by their definition."""
    return functions_of("verl.py", oracle)


def responses(case):
    """Return the arguments of `process_validation_metrics`: sources, prompts, variables, expected counts."""
    rng = np.random.default_rng(case)
    per_prompt = int(rng.integers(1, 8))
    sources = [f"source {prompt % 2}" for prompt in range(2) for _ in range(per_prompt)]
    uids = [f"prompt {prompt}" for prompt in range(2) for _ in range(per_prompt)]
    n = len(uids)
    kind = [float, int, bool, np.float64, np.float32][case % 5]
    infos = {
        "score": rng.normal(size=n).tolist(),
        "acc": [kind(one) for one in rng.integers(0, 2, n)],
        "pred": [f"answer {one}" for one in rng.integers(0, 3, n)],
        "odd": [(0.0, -0.0, 1.0)[one] for one in rng.integers(0, 3, n)],
    }
    if case % 4 == 3:
        infos["acc"][0] = None
    if case % 5 == 4:
        infos["pred"][n // 2] = None
    if case % 6 == 5:
        infos["score"][n // 2] = float("nan")
    expected = {("source 0", "prompt 0"): per_prompt + 2, ("source 1", "nobody"): 3} if case % 2 else None
    return sources, uids, infos, 42 + case % 3, expected


def drawn_next():
    return np.random.random()  # noqa: NPY002


def assert_same_metrics(ours, theirs):
    """Assert that two results have the same entries, in the same order, with the same bits and types."""
    assert list(ours) == list(theirs)
    for key in theirs:
        assert type(ours[key]) is type(theirs[key])
        if isinstance(theirs[key], dict):
            assert_same_metrics(ours[key], theirs[key])
        else:
            bits = [np.float64(one).tobytes() for one in (ours[key], theirs[key])]
            assert bits[0] == bits[1] or np.isnan([ours[key], theirs[key]]).all(), key


@pytest.mark.parametrize("case", range(12))
def test_metrics_of_validation_are_those_of_the_host(host, case):
    results, after = [], []
    for module in (host, verl):
        np.random.seed(7)  # noqa: NPY002
        with np.errstate(invalid="ignore"):  # comparisons of objects warn of NaN
            results.append(module.process_validation_metrics(*responses(case)))
        after.append(drawn_next())
    assert_same_metrics(results[1], results[0])
    assert after[0] == after[1]


@pytest.mark.parametrize("functions", [[np.max, np.min], [np.mean], [np.median, np.mean, np.max], []])
@pytest.mark.parametrize("values", [[1, 2, 3, 4, 5], [0.1, 0.7, -3.0], [True, False], [2**60, 1, 5], [0.0, -0.0], [3]])
def test_moments_of_resamples_are_those_of_the_host(host, functions, values):
    for size in (1, 2, 7):
        found = []
        for module in (host, verl):
            found.append((module.bootstrap_metric(values, size, functions, 50, 3), drawn_next()))
        assert found[0] == found[1]


def test_majorities_of_resamples_are_those_of_the_host(host):
    rng = np.random.default_rng(1)
    votes = [1, 1.0, True, "a", "b", None]  # the first three are one
    for _ in range(20):
        data = [{"v": votes[rng.integers(6)], "x": float(rng.integers(9))} for _ in range(rng.integers(1, 9))]
        ours, theirs = (
            module.bootstrap_metric(data, 5, [partial(module.calc_maj_val, vote_key="v", val_key="x")], 60)
            for module in (verl, host)
        )
        assert ours == theirs
        assert verl.calc_maj_val(data, "v", "x") == host.calc_maj_val(data, "v", "x")


def test_no_data_are_refused_as_by_the_host(host):
    for module in (host, verl):
        with pytest.raises(ValueError, match="a must be greater than 0"):
            module.bootstrap_metric([], 1, [np.mean])


# ---- without bias ----

DATA = [{"v": vote, "x": value} for vote, value in zip("aababc", [1.0, 0.0, 0.3, 0.5, 2.0, -1.0], strict=True)]
MAJORITY = partial(verl.calc_maj_val, vote_key="v", val_key="x")


@pytest.mark.parametrize("function", [np.max, np.min, np.mean, MAJORITY])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_unbiased_moments_are_those_over_all_subsets(function, size):
    data = DATA if function is MAJORITY else [row["x"] for row in DATA]
    (found,) = verl.bootstrap_metric(data, size, [function], unbiased=True)
    reduce = partial(oracle.calc_maj_val, vote_key="v", val_key="x") if function is MAJORITY else function
    assert found == pytest.approx(oracle.over_subsets(data, size, reduce), abs=1e-12)


def test_unbiased_majorities_of_many_responses_are_near_those_of_resamples():
    rng = np.random.default_rng(2)
    data = [{"v": int(one), "x": float(one)} for one in rng.integers(0, 5, 400)]
    (exact,), (resampled,) = (verl.bootstrap_metric(data, 8, [MAJORITY], 4000, unbiased=way) for way in (True, False))
    assert exact == pytest.approx(resampled, abs=0.1)


def test_the_best_of_all_is_the_best():
    """verl#7240: one of four responses is right, and best@4 is 0.684 in expectation."""
    arguments = ["s"] * 4, ["p"] * 4, {"acc": [1.0, 0.0, 0.0, 0.0], "pred": ["a", "b", "b", "b"]}
    found = verl.process_validation_metrics(*arguments, unbiased=True)["s"]["acc"]
    assert found["best@4/mean"] == pytest.approx(0.684, abs=0.03)
    assert (found["best@4/unbiased_mean"], found["best@4/unbiased_std"]) == (1.0, 0.0)
    assert found["best@2/unbiased_mean"] == pytest.approx(0.5)
    assert found["maj@4/unbiased_mean"] == 0.0
    plain = verl.process_validation_metrics(*arguments)["s"]["acc"]
    assert plain == {name: value for name, value in found.items() if "unbiased" not in name}


def test_unbiased_values_draw_nothing():
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002
    verl.bootstrap_metric([1.0, 2.0], 2, [np.max], unbiased=True)
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002


@pytest.mark.parametrize(
    ("data", "size", "function", "message"),
    [
        ([1.0], 2, np.max, "subset_size = 2 is not between 1 and the 1 data"),
        ([1.0, 2.0], 1, np.median, "unbiased values are known of"),
        ([DATA[0]] * 1001, 2, MAJORITY, "up to 1000 responses, not 1001"),
    ],
)
def test_what_has_no_unbiased_value_is_said(data, size, function, message):
    with pytest.raises(ValueError, match=message):
        verl.bootstrap_metric(data, size, [function], unbiased=True)
