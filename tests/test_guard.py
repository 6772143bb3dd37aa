"""Every result of the public layer, bit by bit, is what ``guard/results.json`` says; no public name is left out.

After a change of results that is meant: ``python -P tests/guard/make.py``.
"""

import inspect
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import pytest
from guard import collect, record, results

import alignment_fast as af

# The same bits come out at -O1, and have to behind the limited API.
pytestmark = [pytest.mark.optimised, pytest.mark.interface]

RECORD = record.read()
OWN = sorted({case.family for case in results.CASES.values() if case.own})
BY_LIBRARIES = sorted({case.family for case in results.CASES.values() if not case.own})
# Methods that hand out objects of the kernels.
UNGUARDED = {f"best_of_n.{source}.transform" for source in ("Gaussian", "Quantile", "Table", "Uniform")}
# Compared with whole simulations, bit for bit, by tests/test_studies_statistics.py.
UNGUARDED |= {"best_of_n.Simulation.merge", "best_of_n.Simulation.moments"}
# Needs pandas.
UNGUARDED |= {"ranking.RatingFit.to_frame"}


@pytest.fixture(scope="module")
def isa():
    name = results.instruction_set()
    made_with = RECORD["made_with"].get(name)
    if made_with is None or made_with["machine"] != record.fingerprint()["machine"]:
        pytest.skip(f"guard/results.json has no results of {name} on this kind of machine")
    return name


@cache
def _hashes(family):
    return results.hashes(family)


def _changed(family, isa, *, own):
    """Return the cases of a family whose hash is not that of the file."""
    column = 1 + record.ISAS.index(isa)
    return [
        name
        for name, found in _hashes(family).items()
        if results.CASES[name].own == own and RECORD["cases"].get(name, [None] * 4)[column] != found
    ]


@pytest.mark.parametrize("family", OWN)
def test_own_results_have_the_bits_of_the_file(family, isa):
    assert _changed(family, isa, own=True) == []


@pytest.mark.parametrize("family", BY_LIBRARIES)
def test_results_by_libraries_have_the_bits_of_the_file(family, isa):
    here, there = record.fingerprint(), RECORD["made_with"][isa]
    if different := [f"{name} {here[name]}, not {there[name]}" for name in there if here.get(name) != there[name]]:
        pytest.skip(f"bits of NumPy, SciPy, BLAS depend on version and processor; here: {'; '.join(different)}")
    assert _changed(family, isa, own=False) == []


def test_the_file_holds_the_cases_of_the_table():
    kinds = {name: row[0] for name, row in RECORD["cases"].items()}
    assert kinds == {name: "own" if case.own else "library" for name, case in results.CASES.items()}


def test_avx2_and_avx512_have_the_same_bits():
    own = {name: row[2:] for name, row in RECORD["cases"].items() if row[0] == "own" and None not in row[2:]}
    assert [name for name, (avx2, avx512) in own.items() if avx2 != avx512] == []


# ---- public names ----


def _names(module, prefix=""):
    """Yield the public names of a module, of its public modules, and of the public classes among them."""
    for name in getattr(module, "__all__", None) or _defined(module):
        value = getattr(module, name)
        yield prefix + name
        if inspect.ismodule(value):
            yield from _names(value, f"{prefix}{name}.")
        elif inspect.isclass(value) and not issubclass(value, tuple | BaseException):
            yield from (f"{prefix}{name}.{method}" for method in _methods(value))
        elif inspect.isclass(value):
            yield from (f"{prefix}{name}.{method}" for method in _methods(value) if method not in dir(tuple))


def _defined(module):
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _methods(cls):
    """Return the public methods and properties that a class defines itself."""
    kinds = (property, classmethod, staticmethod)
    return [
        name
        for name, value in vars(cls).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, kinds))
    ]


def test_every_public_name_is_in_a_case():
    used = {name for case in results.CASES.values() for name in case.uses}
    # A module is there if something of it is.
    used |= {name.rpartition(".")[0] for name in used} | {"interop"}
    # Studies have tests of their own bytes: tests/test_studies_engine.py.
    # What replaces functions of other packages is compared with these: tests/test_accel.py, test_interop_*.py.
    elsewhere = ("accel", "interop.", "studies")
    missing = sorted(name for name in set(_names(af)) - used - UNGUARDED if not name.startswith(elsewhere))
    assert missing == []


def test_cases_use_names_that_exist():
    def found(name):
        value = af
        for part in name.split("."):
            value = getattr(value, part)
        return value

    for name in sorted({name for case in results.CASES.values() for name in case.uses}):
        assert found(name) is not None, name


# ---- the legs of .ci/run ----

ROOT = Path(__file__).parents[1]
SCRIPT = (ROOT / ".ci" / "run").read_text("utf-8")
# Options of a leg's run that choose no tests.
OTHER_OPTIONS = ["-o", "xfail_strict=true"]


def selections(script):
    """Return what every leg of the script gives to pytest, by leg: paths from the root, and options that choose."""
    script = script.replace("\\\n", " ")
    arrays = dict(re.findall(r"^(\w+_TESTS)=\((.*)\)$", script, re.MULTILINE))
    found = {}
    for leg, body in re.findall(r"^leg_(\w+)\(\) \{\n(.*?)^\}", script, re.MULTILINE | re.DOTALL):
        for given in re.findall(r"(?:\bsuite \w+|-m pytest -q) (.+)$", body, re.MULTILINE):
            text = re.sub(r'"\$\{(\w+)\[@\]\}"', lambda match: arrays[match[1]], given)
            words = shlex.split(text.replace("$CLONE/", ""))
            found[leg] = tuple(word for word in words if word not in OTHER_OPTIONS)
    return found


def test_legs_collect_what_the_script_says():
    expected = selections(SCRIPT)
    del expected["guard"]  # this file
    assert {leg: given for leg, given in collect.LEGS.items() if leg != "readme"} == expected
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(r"^python3 -m venv \.venv-test && .* -m pytest( -n auto)?$", readme, re.MULTILINE)
    assert collect.LEGS["readme"] == ("tests",)


def test_legs_choose_tests_by_the_markers_of_the_project():
    markers = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]["markers"]
    known = {re.match(r"\w+", marker)[0] for marker in markers}
    for leg, given in collect.LEGS.items():
        assert "-k" not in given, leg
        chosen = " ".join(given[1:][i] for i, word in enumerate(given[:-1]) if word == "-m")
        assert set(re.findall(r"\w+", chosen)) - {"not", "and", "or"} <= known, leg


def test_what_a_script_selects_is_read():
    script = """
X_TESTS=(-m "not a")
leg_one() {
    A=b suite installed \\
        "$CLONE/tests" "${X_TESTS[@]}" -o xfail_strict=true
}
leg_two() {
    "$WORK/bin/python" -P -m pytest -q tests/test_a.py
}
leg_three() {
    true
}
"""
    assert selections(script) == {"one": ("tests", "-m", "not a"), "two": ("tests/test_a.py",)}


def test_shares_of_the_legs_add_up_to_what_all_may_take():
    legs = re.findall(r'^    "(\w+) (\d+) (\d+)"', SCRIPT, re.MULTILINE)
    assert {leg for leg, *_ in legs} == set(re.findall(r"^leg_(\w+)\(", SCRIPT, re.MULTILINE))
    assert sum(int(share) for _, share, _ in legs) <= int(re.search(r"^ALL=(\d+)", SCRIPT, re.MULTILINE)[1])
    assert all(int(limit) >= 3 * int(share) for _, share, limit in legs)


# ---- the table of renamed tests ----

RULES = """# a comment
a.py::one\tb.py::uno
a.py::*\tx/a.py::*
a.py::two[*\tx/a.py::due[*
[old/path.py]\t[new/path.py]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a.py::one", "b.py::uno"),
        ("a.py::two[1]", "x/a.py::due[1]"),
        ("a.py::three[old/path.py-1]", "x/a.py::three[new/path.py-1]"),
        ("c.py::four[old/path.py]", "c.py::four[new/path.py]"),
        ("old/path.py::five", "old/path.py::five"),
    ],
)
def test_renamed_ids(old, new):
    assert collect.Renames(RULES).new_id(old) == new


def test_lost_tests_are_found():
    before = {"a.py::one": ["readme", "isa"], "a.py::six": ["readme"], "c.py::seven": ["isa"], "x/a.py::six": ["isa"]}
    by_leg = {"readme": {"b.py::uno", "x/a.py::six"}, "isa": {"x/a.py::six"}}
    found = list(collect.problems(before, by_leg, set(), collect.Renames(RULES)))
    assert found == [
        "a.py::one (now b.py::uno): not collected by isa",
        "c.py::seven: not collected by isa",
        "x/a.py::six: the new name of both a.py::six and x/a.py::six",
    ]


def test_the_file_of_collected_tests_reads_as_it_was_written():
    by_leg = {leg: {"a.py::one"} if leg in ("isa", "cuda") else set() for leg in collect.LEGS}
    assert collect.read_collected(collect.written_collected(by_leg)) == {"a.py::one": ["isa", "cuda"]}
