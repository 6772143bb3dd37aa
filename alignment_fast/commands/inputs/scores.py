"""Scores of systems on the same tasks, as a table on disk holds them: a row per task, or per task and system."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from alignment_fast import tables
from alignment_fast.commands.inputs.names import numbered

__all__ = ["ScoreColumns", "TaskScores", "read_scores"]

# Names that columns commonly have, best first.
TASKS = (
    *("task", "task_id", "seg_id", "segment_id", "segment", "prompt_id", "prompt", "question_id", "question"),
    *("problem_id", "problem", "instance_id", "sample_id", "doc_id", "dataset", "id"),
)
SYSTEMS = ("system", "model", "system_id", "model_id", "model_name", "method")
SCORES = ("score", "value", "metric", "accuracy", "correct", "passed", "resolved")
WEIGHTS = ("weight",)


@dataclass(frozen=True)
class ScoreColumns:
    """The columns that the user named: None is a guess; `score` may be a pattern, where a column is a system."""

    task: str | None = None
    system: str | None = None
    score: str | None = None
    cluster: str | None = None
    weight: str | None = None


@dataclass(frozen=True)
class TaskScores:
    """Scores (tasks, systems), what the tasks belong to and how much they count, and where that came from."""

    scores: np.ndarray
    systems: Sequence[str]
    cluster: np.ndarray | None
    weight: np.ndarray | None
    columns: str


def read_scores(path: Path, request: ScoreColumns, progress: tables.Progress) -> TaskScores:
    """Read the scores in `path`: a column per system, or columns of systems and of their scores."""
    names = tables.column_names(path)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise tables.TableError(f"{tables.display_name(path)} has more than one column {twice!r}")
    task = tables.choose_column(path, names, request.task, TASKS)
    system = tables.choose_column(path, names, request.system, SYSTEMS)
    others: dict[str, str | None] = {
        "cluster": tables.choose_column(path, names, request.cluster),
        "weight": tables.choose_column(path, names, request.weight, WEIGHTS),
    }
    if system is not None:
        score = tables.choose_column(path, names, request.score, SCORES)
        if task is None or score is None:
            missing = "tasks: name it with --task" if task is None else "scores: name it with --score"
            raise tables.TableError(
                f"{tables.display_name(path)}: no column looks like {missing}; its columns are: {tables.listed(names)}"
            )
        return _long(path, {"task": task, "system": system, "score": score, **others}, progress)
    pattern = "*" if request.score is None else request.score
    taken = {task, *others.values()}
    systems = [name for name in names if name not in taken and fnmatchcase(name, pattern)]
    if not systems:
        wanted = "" if request.score is None else f" like {pattern!r} (--score)"
        raise tables.TableError(
            f"{tables.display_name(path)} has no column of scores{wanted}; its columns are: {tables.listed(names)}"
        )
    if task is not None and task not in others.values():
        others = {"task": task, **others}
    return _wide(path, systems, others, progress)


def _wide(path: Path, systems: Sequence[str], others: dict[str, str | None], progress: tables.Progress) -> TaskScores:
    scores = {f"score {number}": name for number, name in enumerate(systems)}
    found = _read(path, {**scores, **others}, list(scores), progress)
    if "task" in found:
        _check_tasks(path, found.pop("task"), others.pop("task"))
    described = f"a row per task, systems {systems[0]!r} to {systems[-1]!r}{_also(others)}"
    table = np.column_stack([found[role] for role in scores])
    return TaskScores(table, systems, found.get("cluster"), found.get("weight"), described)


def _check_tasks(path: Path, tasks: np.ndarray, column: str | None) -> None:
    """Raise where a task has two rows: it would count twice."""
    number: dict[str, int] = {}
    codes = numbered(tasks, number)
    first, count = np.unique(codes, return_index=True, return_counts=True)[1:]
    if len(first) < len(codes):
        code = int(codes[first[count > 1].min()])
        one, again = np.flatnonzero(codes == code)[:2].tolist()
        raise tables.TableError(
            f"{tables.display_name(path)}, {tables.place_of_row(path, again)}: task {list(number)[code]!r} (column "
            f"{column!r}) has scores already, in {tables.place_of_row(path, one)}; if rows are tasks of their own, "
            f"name them by another column with --task, or these with --cluster {column}"
        )


def _long(path: Path, columns: dict[str, str | None], progress: tables.Progress) -> TaskScores:
    found = _read(path, columns, ["score"], progress)
    number: dict[str, dict[str, int]] = {"task": {}, "system": {}}
    task, system = (numbered(found[role], number[role]) for role in ("task", "system"))
    tasks, systems = list(number["task"]), list(number["system"])
    place = task.astype(np.int64) * len(systems) + system
    first, row_of, count = np.unique(place, return_index=True, return_counts=True)
    if (count > 1).any():
        again = int(np.flatnonzero(place == first[count > 1][0])[1])
        raise tables.TableError(
            f"{tables.display_name(path)}, {tables.place_of_row(path, again)}: {systems[system[again]]!r} has a score "
            f"on {tasks[task[again]]!r} already"
        )
    if len(first) < len(tasks) * len(systems):
        absent = int(np.flatnonzero(np.isin(np.arange(len(tasks) * len(systems)), first, invert=True))[0])
        raise tables.TableError(
            f"{tables.display_name(path)}: {systems[absent % len(systems)]!r} has no score on "
            f"{tasks[absent // len(systems)]!r}; every system needs all tasks"
        )
    rows = row_of.reshape(len(tasks), len(systems))
    per_task = {}
    for role in ("cluster", "weight"):
        if role in found:
            values = found[role][rows]
            wrong = np.argwhere(values != values[:, :1])
            if len(wrong):
                where = tables.place_of_row(path, int(rows[tuple(wrong[0])]))
                raise tables.TableError(
                    f"{tables.display_name(path)}, {where}: the {role} of a task must be the same for all systems"
                )
            per_task[role] = values[:, 0]
    named = ", ".join(f"{role} {columns[role]!r}" for role in ("task", "system", "score"))
    others = {role: columns[role] for role in ("cluster", "weight")}
    table = found["score"][rows]
    return TaskScores(table, systems, per_task.get("cluster"), per_task.get("weight"), f"{named}{_also(others)}")


def _read(
    path: Path, wanted: dict[str, str | None], scores: Sequence[str], progress: tables.Progress
) -> dict[str, np.ndarray]:
    columns = {role: name for role, name in wanted.items() if name is not None}
    chunks = list(
        tables.read_columns(
            path,
            columns,
            finite=[*scores, "weight"],
            text=("task", "system", "cluster"),
            progress=progress,
        )
    )
    return {role: np.concatenate([chunk[role] for chunk in chunks]) for role in columns}


def _also(others: dict[str, str | None]) -> str:
    return "".join(f", {role} {name!r}" for role, name in others.items() if name is not None)
