"""Every example runs, and prints what its text promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere

EXAMPLES = Path(__file__).parent.parent / "examples"

PROMISES = {
    "best_of_n_letters.py": ["n = 1000: expected reward", "ten draws of the best of e^100:"],
    "best_of_n_sequences.py": ["alpha = ", " 200 ", "the best of e^22:"],
    "simulate_rewards.py": ["(theory 1.5388)", "n = 1e12: 7."],
    "random_access.py": ["same slice: True", "one thread or many: True"],
}


def test_every_example_is_tested():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_examples_run(name):
    run = subprocess.run(
        [sys.executable, "-P", "-W", "error", EXAMPLES / name],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert run.returncode == 0, run.stderr
    for promise in PROMISES[name]:
        assert promise in run.stdout


def test_the_letters_are_those_published():
    lines = (EXAMPLES / "english_letters.csv").read_text().splitlines()
    assert lines[0] == "letter,frequency,reward"
    rows = [line.split(",") for line in lines[1:]]
    assert "".join(row[0] for row in rows) == "ETAOINSRHLDCUMFPGWYBVKXJQZ"
    frequencies = [float(row[1]) for row in rows]
    assert frequencies == sorted(frequencies, reverse=True)
    assert round(sum(frequencies), 2) == 99.98
    scores = {row[0]: int(row[2]) for row in rows}
    points = {1: "AEILNORSTU", 2: "DG", 3: "BCMP", 4: "FHVWY", 5: "K", 8: "JX", 10: "QZ"}
    assert scores == {letter: point for point, letters in points.items() for letter in letters}
