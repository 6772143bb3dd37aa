"""The table of what takes arrays on a device has every public name, says why where not, and is current."""

import inspect
import runpy
from pathlib import Path

import pytest

import alignment_fast as af

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface]

MADE = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "generated" / "devices.py"))
DECLARED = MADE["declared"]()
FAMILIES = ("best_of_n", "dynamics", "information", "memoryless", "pairwise", "policy", "random", "ranking")


def test_every_public_name_has_a_row():
    assert list(DECLARED) == [f"{family}.{name}" for family in FAMILIES for name in getattr(af, family).__all__]


def test_every_row_has_an_answer_and_says_more():
    assert {answer for answer, _ in DECLARED.values()} == {"yes", "no", "none"}
    assert all(what for _, what in DECLARED.values())


def test_every_no_says_why():
    """That there is none is no reason."""
    assert not [name for name, (answer, what) in DECLARED.items() if answer == "no" and "no CUDA version" in what]


def test_every_function_answers_yes_or_no():
    for name, (answer, _) in DECLARED.items():
        family, own = name.split(".")
        if inspect.isfunction(getattr(getattr(af, family), own)) and name != "policy.read_scores":  # of a file
            assert answer != "none", name


def test_the_page_is_current():
    assert MADE["PAGE"].read_text("utf-8") == MADE["page"](), "run python -P docs/generated/devices.py"
