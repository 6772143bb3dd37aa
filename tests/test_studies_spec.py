"""Specs of studies: what they may say, how they are cut into cells, and what is said about mistakes."""

import datetime
import functools
import json
import math
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from alignment_fast.best_of_n.simulation import LARGEST_LOG_N
from alignment_fast.studies import SpecError, StoreError, Study, template
from alignment_fast.studies.spec import FITTING, differences, read_spec, spec_of
from alignment_fast.studies.templates import KINDS

pytestmark = pytest.mark.same_everywhere

GAUSSIAN = {"kind": "gaussian"}
OUTCOMES = {"kind": "outcomes", "reward": [0.0, 1.0, 2.0]}
USER = {"kind": "user", "generate": "json:dumps", "analyse": "json:dumps"}


ROOT = Path(__file__).parents[1]


def spec(source=GAUSSIAN, estimand=None, **more):
    estimand = {"kind": "best_of_n", "n": 4} if estimand is None else estimand
    return {"name": "test", "replicates": 1000, "source": source, "estimand": estimand, **more}


def problems(content, folder="."):
    with pytest.raises(SpecError) as caught:
        spec_of(content, folder)
    return str(caught.value).splitlines()


# ---- cells ----


def test_grids_give_all_combinations_and_zips_go_side_by_side():
    grid = {"n": [2, 4], "source.std": [1.0, 3.0]}
    cells = spec_of(spec(estimand={"kind": "best_of_n", "grid": grid})).cells
    assert [(cell.parameters["n"], cell.source_keys["std"]) for cell in cells] == [(2, 1), (2, 3), (4, 1), (4, 3)]
    zipped = {"kind": "soft_best_of_n", "zip": [{"n": [2, 4], "temperature": [0.5, 1.0]}]}
    cells = spec_of(spec(OUTCOMES, zipped)).cells
    assert [(cell.parameters["n"], cell.parameters["temperature"]) for cell in cells] == [(2, 0.5), (4, 1.0)]
    both = {"kind": "soft_best_of_n", "grid": {"n": [2, 3]}, "zip": [{"temperature": [0.5, 1.0, 2.0]}]}
    assert len(spec_of(spec(OUTCOMES, both)).cells) == 6


def test_estimands_take_every_source_that_fits_or_those_that_they_name():
    sources = [GAUSSIAN, OUTCOMES, {"kind": "uniform", "name": "u"}]
    soft = {"kind": "soft_best_of_n", "n": 2, "temperature": 1.0}
    best = {"kind": "best_of_n", "n": 2}
    assert [cell.source for cell in spec_of(spec(sources, [best, soft])).cells] == [
        "gaussian",
        "outcomes",
        "u",
        "outcomes",
    ]
    assert [cell.source for cell in spec_of(spec(sources, {**best, "source": "u"})).cells] == ["u"]


def test_the_hash_is_that_of_everything_that_blocks_depend_on():
    base = spec_of(spec())
    assert spec_of(spec(name="another")).hash == base.hash
    assert spec_of({**spec(), "estimand": {"n": 4.0, "kind": "best_of_n"}}).hash == base.hash
    others = [
        spec(seed=1),
        spec(replicates=1001),
        spec(estimand={"kind": "best_of_n", "n": 4, "quantiles": [0.5]}),
        spec({"kind": "gaussian", "std": 2.0}),
        spec(estimand={"kind": "best_of_n", "n": 5}),
        spec(estimand={"kind": "best_of_n", "n": 4, "block": 100}),
    ]
    assert len({spec_of(other).hash for other in [spec(), *others]}) == 7
    assert json.loads(base.canonical)["cells"][0]["source_keys"]["std"] == 1.0
    quantiles = [{"kind": "best_of_n", "n": 4, "quantiles": levels} for levels in ([0.5], [0.1, 0.9])]
    assert spec_of(spec(level=0.9)).hash == base.hash  # levels change no block
    assert len({spec_of(spec(estimand=one)).hash for one in quantiles}) == 1


@pytest.mark.parametrize(
    ("source", "estimand", "block"),
    [
        (GAUSSIAN, {"kind": "best_of_n", "n": 4}, 65_536),
        (GAUSSIAN, {"kind": "best_of_n", "n": 4096}, 65_536),
        ({"kind": "sampler", "function": "math:sqrt", "uniforms": 3}, {"kind": "best_of_n", "n": 100}, 32_768),
        (OUTCOMES, {"kind": "soft_best_of_n", "n": 1000, "temperature": 1.0}, 512),
        (OUTCOMES, {"kind": "tilted", "alpha": 1.0, "samples": 100}, 2048),
        (
            {"kind": "random_preferences", "responses": 4},
            {"kind": "dynamics", "alpha": 0.5, "beta": 1.0, "lam": 1.0, "method": "dpo"},
            64,
        ),
        (OUTCOMES, {"kind": "coverage_of_mean", "samples": 100}, 4096),
        ({"kind": "strengths", "scores": [0.0, 1.0]}, {"kind": "coverage_of_ratings", "votes_per_pair": 9}, 256),
        ([], {"kind": "user", "generate": "json:dumps", "analyse": "json:dumps"}, 128),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_blocks_have_the_sizes_that_they_always_had(source, estimand, block):
    """Another size is another study: stores of older versions would be refused."""
    assert spec_of(spec(source, estimand)).cells[0].block == block


def test_a_size_of_blocks_that_was_another_one_is_named(tmp_path):
    Study.from_dict(spec(estimand={"kind": "best_of_n", "n": 4, "block": 512})).run(
        store=tmp_path / "study.db", progress=False
    )
    with pytest.raises(StoreError, match=r"cells\[0\].block: 512 -> 65536"):
        Study.from_dict(spec()).run(store=tmp_path / "study.db", progress=False)


def test_the_hash_knows_the_helpers_of_users_modules(tmp_path):
    files = {
        "helped_task.py": "import helper_one\n\n\ndef generate(parameters, rng):\n    from helper_pack import inner\n",
        "helper_one.py": "import json, helper_two\n",
        "helper_two.py": "A = 1\n",
        "helper_pack/__init__.py": "",
        "helper_pack/inner.py": "from . import other\nfrom .other import B\n",
        "helper_pack/other.py": "B = 2\n",
        "stranger.py": "C = 3\n",
    }
    (tmp_path / "helper_pack").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    content = spec([], {"kind": "user", "generate": "helped_task:generate", "analyse": "json:dumps"})
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files} - {"stranger"}
    try:
        before = spec_of(content, tmp_path)
        assert {*json.loads(before.canonical)["code"]} == modules
        (tmp_path / "stranger.py").write_text("C = 4\n")
        assert spec_of(content, tmp_path).hash == before.hash
        for name in ("helper_two.py", "helper_pack/other.py"):
            (tmp_path / name).write_text(files[name] + "D = 5\n")
            for module in modules:
                sys.modules.pop(module, None)
            changed = spec_of(content, tmp_path)
            (line,) = differences(before.canonical, changed.canonical)
            assert line.startswith("code." + name.removesuffix(".py").replace("/", "."))
            before = changed
        (tmp_path / "helper_two.py").write_text("A = 6\n")
        with pytest.raises(SpecError, match="module helper_two has changed since this process loaded it"):
            spec_of(content, tmp_path)
    finally:
        for module in modules:
            sys.modules.pop(module, None)


def test_the_hash_knows_what_is_in_files(tmp_path):
    (tmp_path / "pool.csv").write_text("score\n1\n2\n")
    source = {"kind": "pool", "file": "pool.csv"}
    first = spec_of(spec(source), tmp_path)
    (tmp_path / "pool.csv").write_text("score\n1\n3\n")
    second = spec_of(spec(source), tmp_path)
    assert first.hash != second.hash
    (line,) = differences(first.canonical, second.canonical)
    assert line.startswith("cells[0].source_keys.sha256: ")


def test_differences_are_named_by_their_keys():
    lines = differences(
        spec_of(spec()).canonical, spec_of(spec(seed=3, estimand={"kind": "best_of_n", "n": 8})).canonical
    )
    assert lines == ["cells[0].parameters.n: 4.0 -> 8.0", "seed: 0 -> 3"]


# ---- mistakes ----

DEEP = functools.reduce(lambda inner, _: [inner], range(100_000), [])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({**spec(), "replicate": 5}, "replicate: unknown key; did you mean 'replicates'?"),
        ({**spec(), "name": "a b"}, "name: should match the pattern"),
        ({**spec(), "replicates": 0}, "replicates: should be greater than or equal to 1, not 0"),
        ({**spec(), "replicates": "many"}, "replicates: should be a valid integer, not 'many'"),
        (
            {key: value for key, value in spec().items() if key != "replicates"},
            "give exactly one of replicates and target",
        ),
        ({**spec(), "target": {"standard_error": 0.1}}, "give exactly one of replicates and target"),
        (
            {**spec(), "replicates": None, "target": {"standard_error": 0.1, "at_least": 5000, "at_most": 2000}},
            "target: at_least must not exceed at_most",
        ),
        (spec({"kind": "gausian"}), "source[0].kind: is unknown: 'gausian'; did you mean 'gaussian'?"),
        (spec({"mean": 1.0}), "source[0].kind: is missing"),
        (spec({"kind": "gaussian", "sd": 1.0}), "source[0].sd: unknown key; did you mean 'std'?"),
        (spec({"kind": "gaussian", "std": -1.0}), "source[0].std: should be greater than 0, not -1.0"),
        (spec([GAUSSIAN, GAUSSIAN]), "source[1].name: 'gaussian' is taken by source[0]"),
        (spec({"kind": "pool", "file": "absent.csv"}), "source[0].file: absent.csv cannot be read: No such file"),
        (spec(estimand={"kind": "best_of_m"}), "estimand[0].kind: is unknown: 'best_of_m'; did you mean 'best_of_n'?"),
        (spec(estimand={"kind": "best_of_n"}), "estimand[0].n: is missing"),
        (spec(estimand={"kind": "best_of_n", "n": 2, "quantile": [0.5]}), "did you mean 'quantiles'?"),
        (spec(estimand={"kind": "best_of_n", "grid": {"n": [1, 0]}}), "estimand[0].grid.n[1]: should be greater than"),
        (
            spec(estimand={"kind": "best_of_n", "grid": {"n": []}}),
            "estimand[0].grid.n: should not be empty, not []",
        ),
        (spec(estimand={"kind": "best_of_n", "grid": {"n": [8, 1e300]}}), "estimand[0].grid.n[1]: the logarithm of n"),
        (spec(estimand={"kind": "coverage_of_mean", "samples": 8, "n": 10**400}), "estimand[0].n: the logarithm of n"),
        *(
            (
                spec({"kind": "sampler", "function": "math:sin", "uniforms": 1}, {"kind": "best_of_n", "n": n}),
                "estimand[0].n: should be a whole number below 2**60 for a sampler",
            )
            for n in (1.5, 2.0**60)
        ),
        *(
            (spec(estimand={"kind": "best_of_n", "grid": {"n": n}}), "estimand[0].grid.n[1]: has the value of")
            for n in ([1, 1], [1, 1.0], [2, 2, 3])
        ),
        (
            spec(estimand={"kind": "best_of_n", "zip": [{"n": [2, 2], "source.std": [1.0, 1.0]}]}),
            "estimand[0].zip[0].n[1]: has the value of estimand[0].zip[0].n[0] again",
        ),
        (
            spec(estimand={"kind": "best_of_n", "n": 2, "source": ["gaussian", "gaussian"]}),
            "estimand[0].source[1]: 'gaussian' is there already",
        ),
        (spec({"kind": "pool", "file": "/dev/zero"}), "source[0].file: /dev/zero is no regular file"),
        ({**spec(), "estimand": []}, "estimand: should not be empty, not []"),
        ({**spec(), "target": 1}, "target: should be a table, not 1"),
        (
            spec(estimand={"kind": "user", "generate": "math:sin", "analyse": "math:sin", "deep": DEEP}),
            "lists or tables are nested too deeply",
        ),
        (spec(estimand={"kind": "best_of_n", "n": 2, "grid": {"n": [3]}}), "n is given by estimand[0].n already"),
        (
            spec(estimand={"kind": "best_of_n", "n": 2, "grid": {"source.sd": [3.0]}}),
            "estimand[0].grid.source.sd[0]: unknown key; did you mean 'std'?",
        ),
        (
            spec(estimand={"kind": "best_of_n", "zip": [{"n": [1, 2], "source.std": [1.0]}]}),
            "estimand[0].zip[0]: lists that go side by side need one length, but n has 2, source.std has 1",
        ),
        (
            spec(estimand={"kind": "best_of_n", "n": 2, "source": "gauss"}),
            "no source 'gauss'; did you mean 'gaussian'?",
        ),
        (
            spec(
                estimand={"kind": "tilted", "alpha": 1.0, "samples": 4, "source": ["m"]},
                source={**OUTCOMES, "name": "m2"},
            ),
            "estimand[0].source[0]: there is no source 'm'",
        ),
        (
            spec(estimand={"kind": "soft_best_of_n", "n": 2, "temperature": 1.0}),
            "estimand[0]: soft_best_of_n needs a source of one of the kinds table, outcomes, pool, memoryless",
        ),
        (
            spec(estimand={"kind": "user", "generate": "json:dumps", "analyse": "no_such_module:f"}),
            "estimand[0].analyse: no_such_module cannot be imported: ModuleNotFoundError",
        ),
        (
            spec(estimand={"kind": "user", "generate": "json:dump_it", "analyse": "json:dumps"}),
            "estimand[0].generate: json has no function 'dump_it'",
        ),
        (
            spec(estimand={"kind": "user", "generate": "json:dumps", "analyse": "json:dumps", "grid": {"mean": [0.0]}}),
            "estimand[0].grid.mean: the table has a column mean of its own: call the parameter otherwise",
        ),
        (
            spec(estimand={"kind": "user", "generate": "json:dumps", "analyse": "json:dumps", "zip": [{"q_x": [0]}]}),
            "estimand[0].zip[0].q_x: the table has a column q_x of its own: call the parameter otherwise",
        ),
        (
            spec(estimand={**USER, "start": datetime.date(2024, 1, 31)}),
            "estimand[0].start: should be a number, text, list or table, not 2024-01-31: write a date as text",
        ),
        (
            spec(estimand={**USER, "grid": {"times": [[1.0], [datetime.time(1, 2)]]}}),
            "estimand[0].grid.times[1][0]: should be a number, text, list or table, not 01:02:00",
        ),
        (
            spec(estimand={**USER, "deep": {"x": [1.0, float("nan")]}}),
            "estimand[0].deep.x[1]: should be a finite",
        ),
        (
            spec({"kind": "preferences", "P": [[0.5, 0.9], [0.2, 0.5]]}),
            "source[0].P: [0][1] and [1][0] should sum to 1, not to 1.1",
        ),
        (
            spec({"kind": "preferences", "P": [[0.4, 0.9], [0.1, 0.5]]}),
            "source[0].P: [0][0] and [0][0] should sum",
        ),
        (spec({"kind": "preferences", "P": [[0.5, 0.9], [0.1]]}), "source[0].P: row 1 should have 2 entries"),
        (
            spec({"kind": "outcomes", "p": [1.0], "reward": [1.0, 2.0]}),
            "source[0]: lists that go side by side need one",
        ),
        (spec({"kind": "outcomes", "p": [0.0], "reward": [1.0]}), "source[0]: p should have a positive sum"),
        (spec({"kind": "memoryless", "p": [0.5, 0.5], "m": 3}), "source[0]: give q or reward"),
        (spec({"kind": "memoryless", "p": [0.5, 0.5], "q": [1.0], "m": 3}), "need one length, but p has 2, q has 1"),
        (spec(estimand=[{"kind": "best_of_n", "n": 1}] * 2), "estimand[1].name: 'best_of_n' is taken by estimand[0]"),
        (
            spec(estimand={"kind": "best_of_n", "grid": {"n": list(range(1, 401)), "source.std": [*range(1, 401)]}}),
            "estimand[0]: more than 100000 cells",
        ),
    ],
)
def test_mistakes_are_named_by_their_keys(content, expected):
    assert any(expected in line for line in problems(content)), problems(content)


def test_all_mistakes_are_named_at_once():
    lines = problems(
        spec(
            [{"kind": "gausian"}, {"kind": "uniform", "nam": "x"}],
            [{"kind": "best_of_n"}, {"kind": "tilted", "alpha": "a"}],
        )
    )
    assert {line.partition(":")[0] for line in lines} >= {"source[0].kind", "source[1].nam", "estimand[0]"}


@pytest.mark.parametrize("content", ["name = ", "name = 'x'\nname = 'y'", "\ud8ff"])
def test_what_is_no_toml_is_named(tmp_path, content):
    path = tmp_path / "study.toml"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(SpecError, match=re.escape(f"{path} is no TOML")):
        Study.from_toml(path)


@pytest.mark.parametrize("content", [[], "x", None, 3])
def test_a_spec_is_a_table(content):
    with pytest.raises(SpecError, match="a spec is a table of keys"):
        Study.from_dict(content)


# ---- templates, plans and replicates ----


def study_of(kind, folder, replicates=1200):
    """Return the study of a template, with few replicates, and the files that it needs."""
    text = template(kind)
    lines = text.partition("# A module my_study.py beside this file:")[2].splitlines()
    code = "".join(line.removeprefix("#")[5:] + "\n" for line in lines if line.startswith("#"))
    (folder / "my_study.py").write_text(code)
    rng = np.random.default_rng(0)
    rows = [f"{a},{b},{a if rng.uniform() < 0.6 else b}" for a in "xyz" for b in "xyz" if a < b for _ in range(40)]
    (folder / "votes.csv").write_text("model_a,model_b,winner\n" + "\n".join(rows) + "\n")
    (folder / f"{kind}.toml").write_text(re.sub(r"(?m)^replicates = [\d_]+", f"replicates = {replicates}", text))
    return Study.from_toml(folder / f"{kind}.toml")


@pytest.fixture
def fresh_modules():
    """Forget users' modules, which other tests write under the same name."""
    yield
    sys.modules.pop("my_study", None)


@pytest.mark.usefixtures("fresh_modules")
@pytest.mark.parametrize("kind", KINDS)
def test_templates_run_and_their_intervals_hold_what_is_known_exactly(tmp_path, kind):
    study = study_of(kind, tmp_path)
    results = study.run(store=tmp_path / "study.db", progress=False)
    assert results.is_complete, results.set_aside
    rows = [row for row in results.rows if row["note"] != "summary"]
    assert all(row["replicates"] + row["dropped"] == 1200 for row in rows)
    if kind not in ("tilted", "rating_bootstrap"):  # biased where samples are few
        known = [row for row in rows if row.get("exact") is not None and row.get("low") is not None]
        assert all(abs(row["mean"] - row["exact"]) < 5 * row["standard_error"] for row in known)
        assert known or kind not in ("best_of_n", "soft_best_of_n")
    plan = study.plan()
    assert [one.replicates for one in plan] == [1200] * len(study.spec.cells)
    assert all(one.seconds > 0 and one.bytes > 0 for one in plan)


@pytest.mark.usefixtures("fresh_modules")
@pytest.mark.parametrize("kind", KINDS)
def test_any_replicate_can_be_computed_again_alone(tmp_path, kind):
    """Two replicates in place of all: their mean is that of the two addresses."""
    study = study_of(kind, tmp_path)
    content = tomllib.loads((tmp_path / f"{kind}.toml").read_text())
    two = Study.from_dict({**content, "name": "two", "replicates": 2}, tmp_path)
    results = two.run(store=tmp_path / "two.db", progress=False)
    for row in results.rows:
        if row["note"] == "summary" or row["dropped"]:
            continue
        pair = [study.replicate(row["cell"], replicate)[row["column"]] for replicate in (0, 1)]
        if kind != "rating_bootstrap":
            assert row["mean"] == pytest.approx(np.mean(pair), rel=1e-12, abs=1e-300)
        assert study.replicate(row["cell"], 1)[row["column"]] == pair[1]
    with pytest.raises(ValueError, match="replicate must be one of 0 to 1199"):
        study.replicate(0, 1200)
    with pytest.raises(ValueError, match="cell must be one of 0 to"):
        study.replicate(len(study.spec.cells), 0)


def test_every_kind_has_a_template_and_knows_its_sources():
    assert {*KINDS} == {*FITTING, "user"}
    with pytest.raises(SpecError, match=r"^kind must be one of 'best_of_n', .* not 'best'$"):
        template("best")


@pytest.mark.parametrize(
    ("source", "estimand", "columns"),
    [
        (OUTCOMES, {"kind": "best_of_n", "n": 2}, "reward, kl, win_rate"),
        ({"kind": "sampler", "function": "math:sqrt", "uniforms": 1}, {"kind": "best_of_n", "n": 2}, "reward"),
        (OUTCOMES, {"kind": "soft_best_of_n", "n": 2, "temperature": 1.0}, "reward, kl, win_rate"),
        (OUTCOMES, {"kind": "tilted", "alpha": 1.0, "samples": 4}, "reward, kl, free_energy"),
        (OUTCOMES, {"kind": "coverage_of_mean", "samples": 4}, "covered, width"),
        (
            {"kind": "random_preferences", "responses": 3},
            {"kind": "dynamics", "alpha": 1.0, "beta": 1.0, "lam": 1.0},
            "entropy, cycle_strength, converged, oscillates",
        ),
        (
            {"kind": "strengths", "scores": [0.0, 1.0]},
            {"kind": "coverage_of_ratings", "votes_per_pair": 5},
            "covered_0, covered_1",
        ),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_a_target_of_a_column_that_is_none_is_refused_before_anything_runs(source, estimand, columns):
    content = {**spec(source, estimand), "replicates": None}
    study = Study.from_dict({**content, "target": {"standard_error": 0.1, "column": "zzz"}})
    with pytest.raises(SpecError, match=rf"target.column: cell 0 \(.*\) has no column 'zzz'; there are: {columns}$"):
        study.plan()
    near = columns.split(", ")[-1]
    study = Study.from_dict({**content, "target": {"standard_error": 0.1, "column": near[:-1]}})
    with pytest.raises(SpecError, match=f"has no column '{near[:-1]}'; did you mean '"):
        study.plan()
    Study.from_dict({**content, "target": {"standard_error": 0.1, "column": near}}).plan()


def test_a_target_asks_for_replicates_until_the_error_is_small():
    target = {"standard_error": 0.02, "column": "reward", "at_least": 1000}
    content = {**spec(), "replicates": None, "target": target, "estimand": {"kind": "best_of_n", "n": 4, "block": 500}}
    (planned,) = Study.from_dict(content).plan()
    assert (planned.blocks, planned.replicates) == (2, 1000)
    assert planned.most_blocks == 200_000


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    text = 'name = "x"\nreplicates = 10\n[source]\nkind = "gaussian"\n[estimand]\nkind = "best_of_n"\nn = 2\n'
    (tmp_path / "plain.toml").write_bytes(text.encode())
    (tmp_path / "marked.toml").write_bytes(text.encode("utf-8-sig"))
    assert read_spec(tmp_path / "marked.toml").hash == read_spec(tmp_path / "plain.toml").hash


def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "deep.toml").write_text("x = " + "[" * 100_000)
    with pytest.raises(SpecError, match=r"deep.toml: lists or tables are nested too deeply"):
        read_spec(tmp_path / "deep.toml")


def test_the_largest_n_is_that_of_the_guide():
    (line,) = re.findall(
        r"^\| `best_of_n` .*", (ROOT / "docs" / "guides" / "studies.md").read_text("utf-8"), re.MULTILINE
    )
    most = float(re.search(r"n to ([0-9.e]+)\)", line)[1])
    assert f"log n at most {LARGEST_LOG_N:g} " in line
    assert math.log(most) <= LARGEST_LOG_N < math.log(1.1 * most)
    spec_of(spec(estimand={"kind": "best_of_n", "n": most}))
