"""Every source and estimand of a study: right on the average, and a replicate is the same in any block."""

import sys

import numpy as np
import pytest

from alignment_fast import best_of_n, dynamics, policy, ranking
from alignment_fast.random import Stream
from alignment_fast.studies import SpecError, Study
from alignment_fast.studies.spec import spec_of

pytestmark = pytest.mark.same_everywhere

P, REWARD = [0.5, 0.2, 0.2, 0.1], [0.0, 1.0, 1.0, 2.5]
TOKENS = {"p": [0.2, 0.3, 0.5], "q": [0.6, 0.2, 0.2]}
CYCLE = [[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]]
BEST = {"kind": "best_of_n", "n": 2}
REWARD_SOURCES = [
    {"kind": "table", "file": "law.csv", "p": "p"},
    {"kind": "table", "file": "law.csv", "log_p": "log_p", "name": "logs"},
    {"kind": "table", "file": "law.csv", "name": "counts"},
    {"kind": "outcomes", "p": P, "reward": REWARD},
    {"kind": "pool", "file": "law.csv", "score": "reward"},
    {"kind": "gaussian", "mean": 1.0, "std": 2.0},
    {"kind": "uniform"},
    {"kind": "quantile", "distribution": "gumbel_r", "parameters": {"scale": 2.0}},
    {"kind": "memoryless", "m": 6, **TOKENS},
    {"kind": "sampler", "function": "law_module:two_dice", "uniforms": 2},
]


@pytest.fixture
def folder(tmp_path):
    rows = [f"{p},{float(np.log(p))!r},{reward}" for p, reward in zip(P, REWARD, strict=True)]
    (tmp_path / "law.csv").write_text("p,log_p,reward\n" + "\n".join(rows) + "\n")
    (tmp_path / "P.csv").write_text("a,b,c\n" + "\n".join(",".join(map(str, row)) for row in CYCLE) + "\n")
    (tmp_path / "law_module.py").write_text("def two_dice(u, v):\n    return float(int(6 * u) + int(6 * v) + 2)\n")
    yield tmp_path
    sys.modules.pop("law_module", None)


def study(folder, source, estimand, replicates=20_000):
    return Study.from_dict(
        {"name": "x", "seed": 5, "replicates": replicates, "source": source, "estimand": estimand}, folder
    )


def rows(folder, source, estimand, **more):
    return study(folder, source, estimand, **more).run(store=folder / "study.db", progress=False).rows


@pytest.mark.parametrize("source", REWARD_SOURCES, ids=lambda source: source.get("name", source["kind"]))
def test_best_of_n_of_every_law(folder, source):
    estimand = {"kind": "best_of_n", "grid": {"n": [1, 4, 50]}}
    n_first = {(row["n"], row["column"]): row for row in rows(folder, source, estimand)}
    known = [row for row in n_first.values() if row["exact"] is not None and row["standard_error"]]
    assert all(abs(row["mean"] - row["exact"]) < 5 * row["standard_error"] for row in known)
    assert known or source["kind"] == "sampler"
    assert n_first[50, "reward"]["mean"] > n_first[1, "reward"]["mean"]
    if source["kind"] in ("gaussian", "uniform", "quantile"):
        truth = {"gaussian": 1.0, "uniform": 0.5, "quantile": 2 * np.euler_gamma}[source["kind"]]
        row = n_first[1, "reward"]
        assert abs(row["mean"] - truth) < 5 * row["standard_error"]
    if source["kind"] == "sampler":
        assert n_first[1, "reward"]["mean"] == pytest.approx(7.0, abs=0.1)


def test_the_sources_of_one_law_give_the_same_numbers(folder):
    estimand = {"kind": "best_of_n", "n": 4}
    table = rows(folder, REWARD_SOURCES[0], estimand)
    (folder / "study.db").unlink()
    inline = rows(folder, REWARD_SOURCES[3], estimand)
    assert [row["mean"] for row in table] == [row["mean"] for row in inline]


def test_soft_best_of_n_and_tilting_are_those_of_their_laws(folder):
    source = REWARD_SOURCES[3]
    soft = {"kind": "soft_best_of_n", "n": 5, "grid": {"temperature": [0.4, 2.0]}}
    found = rows(folder, source, soft)
    for row in found:
        assert abs(row["mean"] - row["exact"]) < 5 * row["standard_error"]
    law = best_of_n.soft_best_of_n(P, REWARD, 5, 0.4)
    assert found[0]["exact"] == pytest.approx(law @ np.array(REWARD), rel=1e-12)
    (folder / "study.db").unlink()
    tilted = rows(folder, source, {"kind": "tilted", "alpha": 0.7, "grid": {"samples": [10, 1000]}}, replicates=4000)
    exact = policy.tilt(P, REWARD, 0.7)
    errors = {(row["samples"], row["column"]): row["mean"] - row["exact"] for row in tilted}
    assert tilted[0]["exact"] == pytest.approx(float(exact.expected_reward), rel=1e-12)
    assert errors[10, "reward"] < -0.02 < errors[1000, "reward"] < 0.005  # the bias of few samples


@pytest.mark.parametrize(
    "source",
    [{"kind": "preferences", "P": CYCLE}, {"kind": "matrix", "file": "P.csv"}],
    ids=lambda source: source["kind"],
)
def test_dynamics_are_those_of_the_library(folder, source):
    options = {"alpha": 0.9, "beta": 8.0, "lam": 0.5, "steps": 200, "burn_in": 100}
    cell = study(folder, source, {"kind": "dynamics", **options}, replicates=2000)
    found = {row["column"]: row for row in cell.run(store=folder / "study.db", progress=False).rows}
    assert found["oscillates"]["mean"] == 1.0  # the cycle's signal is past its threshold
    assert found["oscillates"]["low"] > 0.99
    one = cell.replicate(0, 17)
    uniform = Stream(np.random.SeedSequence(cell.spec.seed, spawn_key=(0,))).uniform((1, 3), replicate=17)
    init = -np.log(uniform[0])
    run = dynamics.simulate(CYCLE, init=init, **options)
    assert one["entropy"] == pytest.approx(float(run.entropy), rel=1e-12)


def test_random_preferences_of_strengths_are_transitive(folder):
    source = {"kind": "random_preferences", "responses": 3, "law": "bradley-terry", "scale": 2.0}
    options = {"alpha": 0.5, "beta": 1.0, "lam": 1.0, "steps": 2000}
    found = {row["column"]: row for row in rows(folder, source, {"kind": "dynamics", **options}, replicates=1000)}
    assert found["converged"]["mean"] == 1.0


def test_a_bootstrap_of_ratings_has_the_errors_of_the_fit(folder):
    rng = np.random.default_rng(4)
    lines = [f"{a},{b},{a if rng.uniform() < 0.65 else b}" for a, b in ("xy", "yz", "xz") for _ in range(300)]
    (folder / "votes.csv").write_text("model_a,model_b,winner\n" + "\n".join(lines) + "\n")
    estimand = {"kind": "rating_bootstrap", "quantiles": [0.025, 0.975]}
    found = rows(folder, {"kind": "votes", "file": "votes.csv"}, estimand, replicates=4000)
    a, b, winner = np.array([line.split(",") for line in lines]).T
    votes = ranking.Comparisons.from_frame({"model_a": a, "model_b": b, "winner": winner})
    fit = ranking.fit(votes)
    assert [row["column"] for row in found] == list(fit.labels)
    assert [row["exact"] for row in found] == pytest.approx(list(fit.scores - fit.scores.mean()), abs=1e-9)
    assert [row["variance"] ** 0.5 for row in found] == pytest.approx(list(fit.standard_errors("sandwich")), rel=0.1)
    assert all(row["q_0.025"] < row["exact"] < row["q_0.975"] for row in found)


def test_coverage_is_that_of_the_intervals(folder):
    mean = {"kind": "coverage_of_mean", "level": 0.9, "samples": 200}
    covered, width = rows(folder, {"kind": "gaussian"}, mean)
    assert covered["low"] - 0.005 < 0.9 < covered["high"] + 0.005
    assert width["mean"] == pytest.approx(2 * 1.65 / np.sqrt(200), rel=0.02)
    (folder / "study.db").unlink()
    source = {"kind": "strengths", "scores": [0.0, 0.5, 1.0]}
    estimand = {"kind": "coverage_of_ratings", "level": 0.9, "votes_per_pair": 100}
    found = rows(folder, source, estimand, replicates=1000)
    assert all(abs(row["mean"] - 0.9) < 0.04 for row in found)


def test_a_replicate_is_the_same_in_blocks_of_any_size(folder):
    """Extremes of columns do not depend on how sums are cut."""
    for estimand in ({"kind": "best_of_n", "n": 4}, {"kind": "soft_best_of_n", "n": 3, "temperature": 1.0}):
        tables = []
        for block in (37, 5000):
            (folder / "study.db").unlink(missing_ok=True)
            tables.append(rows(folder, REWARD_SOURCES[3], {**estimand, "block": block}, replicates=5000))
        for one, other in zip(*tables, strict=True):
            assert (one["minimum"], one["maximum"]) == (other["minimum"], other["maximum"])
            assert one["mean"] == pytest.approx(other["mean"], rel=1e-12)


@pytest.mark.parametrize(
    ("source", "estimand", "message"),
    [
        ({"kind": "quantile", "distribution": "norm", "parameters": {"shape": 1.0}}, BEST, "cell 0 .*norm: .*shape"),
        ({"kind": "quantile", "distribution": "norm", "parameters": {"scale": -1.0}}, BEST, "norm has no law with the"),
        ({"kind": "quantile", "distribution": "binom"}, BEST, "no continuous distribution 'binom'"),
        ({"kind": "outcomes", "p": [1.0], "reward": [1.0, 2.0]}, BEST, "p has 1, reward has 2"),
        ({"kind": "gaussian"}, {"kind": "coverage_of_mean", "n": 2, "samples": 9}, "knows the truth at n = 1 only"),
    ],
)
def test_sources_that_make_no_sense_are_named_by_their_cell(folder, source, estimand, message):
    with pytest.raises(SpecError, match=message):
        study(folder, source, estimand).plan()


def test_preferences_that_are_none_are_named_before_anything_runs(folder):
    (folder / "P.csv").write_text("a,b\n0.5,0.7\n0.7,0.5\n")
    estimand = {"kind": "dynamics", "alpha": 1.0, "beta": 1.0, "lam": 1.0}
    made = study(folder, {"kind": "matrix", "file": "P.csv"}, estimand)
    for call in (made.plan, lambda: made.run(store=folder / "study.db", progress=False)):
        with pytest.raises(SpecError, match=r"cell 0 .*P.csv: \[0\]\[1\] and \[1\]\[0\] should sum to 1, not to 1.4"):
            call()


def test_a_changed_module_is_another_study(folder):
    source = REWARD_SOURCES[-1]
    content = {"name": "x", "replicates": 10, "source": source, "estimand": {"kind": "best_of_n", "n": 1}}
    before = spec_of(content, folder).hash
    (folder / "law_module.py").write_text("def two_dice(u, v):\n    return 2.0\n")
    with pytest.raises(SpecError, match=r"module law_module has changed since this process loaded it"):
        spec_of(content, folder)
    del sys.modules["law_module"]
    assert spec_of(content, folder).hash != before


def test_modules_of_one_name_in_two_folders_are_not_mixed_up(folder, tmp_path_factory):
    content = {"name": "x", "replicates": 10, "source": REWARD_SOURCES[-1], "estimand": {"kind": "best_of_n", "n": 1}}
    spec_of(content, folder)
    other = tmp_path_factory.mktemp("other")
    (other / "law_module.py").write_text("def two_dice(u, v):\n    return 2.0\n")
    with pytest.raises(SpecError, match=r"source\[0\]\.function: this process has another module law_module already"):
        spec_of(content, other)
