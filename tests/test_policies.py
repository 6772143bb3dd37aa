"""What the pages on policies, security and citation state is so: versions, systems, licences, who is cited."""

import re
import tomllib
from pathlib import Path

import pytest

import alignment_fast as af

pytestmark = pytest.mark.same_everywhere

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
POLICIES = (ROOT / "docs/guides/policies.md").read_text("utf-8")
CITATION = (ROOT / "CITATION.cff").read_text("utf-8")
CODE = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for top in ("alignment_fast", "kernels")
    for path in sorted((ROOT / top).rglob("*.py"))
}
PAPERS = ("2404.01730", "2602.12180")


def supported(what):
    """Return the second cell of a row of the page's tables."""
    return re.search(rf"^\| {re.escape(what)} \| (.*?) \|$", POLICIES, re.MULTILINE)[1]


def least(name):
    """Return the least version of a dependency that pyproject.toml allows."""
    return next(re.search(r">=([\d.]+)", one)[1] for one in PROJECT["dependencies"] if one.startswith(name))


def test_the_version_stands_in_one_place():
    assert PROJECT["dynamic"] == ["version"]
    places = [
        path.relative_to(ROOT).as_posix()
        for path in (*ROOT.glob("*.py"), *ROOT.glob("*.toml"), *ROOT.glob("*.cff"), *ROOT.glob("docs/*.py"))
        if re.search(r"^\s*(version|release)\s*[:=]\s*[\"']?\d", path.read_text("utf-8"), re.MULTILINE)
    ]
    places += [path for path, text in CODE.items() if re.search(r"^__version__ *=", text, re.MULTILINE)]
    assert places == ["alignment_fast/__init__.py"]


def test_the_changelog_has_unreleased_changes_first_and_the_version_that_this_is_or_comes_after():
    headings = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1] == af.__version__


@pytest.mark.parametrize(
    ("row", "version"),
    [
        ("Python", PROJECT["requires-python"].removeprefix(">=")),
        ("NumPy", least("numpy")),
        ("SciPy, numba", least("scipy")),
        ("SciPy, numba", least("numba")),
    ],
)
def test_the_least_versions_are_those_of_the_project(row, version):
    assert f"{version} and newer" in supported(row)


def test_the_number_of_the_table_for_c():
    (number,) = re.findall(r"ABI number, now (\d+)", POLICIES)
    header = (ROOT / "kernels/include/alignment_fast/af_api.h").read_text("utf-8")
    assert f"#define AF_API_ABI {number}\n" in header


def test_nothing_is_deprecated_as_the_page_says():
    assert "Nothing is deprecated today." in POLICIES
    warns = [
        path for path in (ROOT / "alignment_fast").rglob("*.py") if "DeprecationWarning" in path.read_text("utf-8")
    ]
    assert warns == []


def test_one_licence_everywhere():
    assert PROJECT["license"] == "BSD-3-Clause"
    assert PROJECT["license-files"] == ["LICENSE"]
    assert (ROOT / "LICENSE").read_text("utf-8").startswith("BSD 3-Clause License")
    assert re.search(r"^license: BSD-3-Clause$", CITATION, re.MULTILINE)


@pytest.mark.parametrize("folder", ["docs/figures", "examples"])
def test_tables_and_figures_have_a_row_among_the_licences(folder):
    """Everything in these folders that is neither text nor a program of ours."""
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix not in {".md", ".py", ".toml", ".pyc", ""}]
    assert [path.name for path in files if path.relative_to(ROOT).as_posix() not in POLICIES] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_the_papers_are_cited_alike(paper):
    assert paper in (ROOT / "README.md").read_text("utf-8")
    assert f"url: https://arxiv.org/abs/{paper}" in CITATION


def test_the_citation_file_has_what_its_format_asks_for():
    """Version 1.2.0 of the Citation File Format; its validator found no fault on 2026-11-30."""
    citation = pytest.importorskip("yaml").safe_load(CITATION)
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert all(citation[key] for key in ("message", "title", "authors"))
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        assert all({"family-names", "name"} & set(author) for author in reference["authors"])


def test_environment_variables_of_the_page_on_security_exist():
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    code = "".join(CODE.values())
    named = set(re.findall(r"ALIGNMENT_FAST_\w+", page))
    assert len(named) >= 4
    assert {name for name in named if f'"{name}"' not in code} == set()
