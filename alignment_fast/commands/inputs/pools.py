"""Pools of scored samples, one per prompt, as a table on disk holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from alignment_fast import tables

__all__ = ["Pools", "Request", "Samples", "read_pools"]

# Names that columns commonly have, best first.
PROMPTS = ("prompt_id", "prompt", "task_id", "problem_id", "question_id")
ROWS = (*PROMPTS, "sample_id", "id", "name")  # what identifies the row of a wide table, which is a prompt
SCORES = ("score", "reward", "proxy", "proxy_score", "proxy_reward")
VALUES = ("gold", "gold_score", "gold_reward", "true_reward")
CORRECT = ("correct", "is_correct", "passed")

Samples = np.ndarray | list[np.ndarray]


@dataclass(frozen=True)
class Request:
    """The columns that the user named: None is a guess; in wide tables these are patterns like ``s*``."""

    score: str | None
    value: str | None
    correct: str | None
    prompt: str | None


@dataclass(frozen=True)
class Pools:
    """Samples of every prompt.

    Parameters
    ----------
    scores : ndarray (P, M) or list of P ndarrays
        What selects, or whether the sample is correct; a list where pools differ in size.
    values : like `scores`, or None
        What judges.
    prompts : sequence of str
        How to call each prompt in messages.
    correct : bool
        Whether `scores` holds zeros and ones.
    columns : str
        Where the numbers came from, for people.

    """

    scores: Samples
    values: Samples | None
    prompts: Sequence[str]
    correct: bool
    columns: str

    @property
    def smallest(self) -> tuple[int, str]:
        """Size of the smallest pool and the prompt it belongs to."""
        sizes = [len(pool) for pool in self.scores]
        least = min(range(len(sizes)), key=sizes.__getitem__)
        return sizes[least], self.prompts[least]


def read_pools(path: Path, request: Request, *, wide: bool, progress: tables.Progress) -> Pools:
    """Read the pools in `path`: one row per sample, or with `wide` one row per prompt and one column per sample."""
    if request.correct is not None and (request.score is not None or request.value is not None):
        raise ValueError("--correct is what selects and judges: it goes without --score and --value")
    return (_wide if wide else _long)(path, request, progress)


def _long(path: Path, request: Request, progress: tables.Progress) -> Pools:
    names = tables.column_names(path)
    score = tables.choose_column(path, names, request.score, () if request.correct else SCORES)
    correct = tables.choose_column(path, names, request.correct, () if score or request.value else CORRECT)
    value = tables.choose_column(path, names, request.value, VALUES if score else ())
    prompt = tables.choose_column(path, names, request.prompt, PROMPTS)
    if score is None and correct is None:
        raise tables.TableError(
            f"{path}: no column looks like scores: name one with --score or --correct, or say --wide if a row is a "
            f"prompt; its columns are: {', '.join(names)}"
        )
    wanted = {"score": score or correct, "value": value, "prompt": prompt}
    columns = {role: name for role, name in wanted.items() if name is not None}
    chunks: dict[str, list[np.ndarray]] = {role: [] for role in columns}
    code_of: dict[str, int] = {}
    zero_one = ("score",) if correct else ()
    for chunk in tables.read_columns(
        path, columns, finite=("score", "value"), zero_one=zero_one, text=("prompt",), progress=progress
    ):
        if prompt is not None:
            chunk["prompt"] = np.array([code_of.setdefault(name, len(code_of)) for name in chunk["prompt"]])
        for role, values in chunk.items():
            chunks[role].append(values)
    whole = {role: np.concatenate(parts) for role, parts in chunks.items()}
    codes = whole.get("prompt", np.zeros(len(whole["score"]), dtype=np.int64))
    return Pools(
        _split(whole["score"], codes),
        _split(whole["value"], codes) if value is not None else None,
        tuple(code_of) or (str(path),),
        correct is not None,
        ", ".join(f"{'correct' if role == 'score' and correct else role} {name!r}" for role, name in columns.items()),
    )


def _split(samples: np.ndarray, codes: np.ndarray) -> Samples:
    """Return the samples of every code, in the order of the file; an array where all have as many."""
    sizes = np.bincount(codes)
    together = samples[np.argsort(codes, kind="stable")]
    if (sizes == sizes[0]).all():
        return together.reshape(sizes.size, sizes[0])
    return np.split(together, np.cumsum(sizes)[:-1])


def _wide(path: Path, request: Request, progress: tables.Progress) -> Pools:
    names = tables.column_names(path)
    prompt = tables.choose_column(path, names, request.prompt, ROWS)
    value = _matching(path, names, request.value, "--value") if request.value is not None else []
    rest = [name for name in names if name != prompt and name not in value]
    pattern, option = (request.correct, "--correct") if request.correct is not None else (request.score, "--score")
    score = _matching(path, rest, "*" if pattern is None else pattern, option)
    if value and len(value) != len(score):
        raise tables.TableError(f"{path}: {len(score)} columns of scores, but {len(value)} of values")
    columns = {f"score {index}": name for index, name in enumerate(score)}
    columns |= {f"value {index}": name for index, name in enumerate(value)}
    zero_one = () if request.correct is None else columns
    chunks = [
        np.column_stack(list(chunk.values()))
        for chunk in tables.read_columns(path, columns, finite=columns, zero_one=zero_one, progress=progress)
    ]
    samples = np.concatenate(chunks)
    kind = "scores" if request.correct is None else "correct"
    described = f"{kind} {score[0]!r} to {score[-1]!r}" + (f", values {value[0]!r} to {value[-1]!r}" if value else "")
    return Pools(
        np.ascontiguousarray(samples[:, : len(score)]),
        np.ascontiguousarray(samples[:, len(score) :]) if value else None,
        [f"row {row}" for row in range(1, len(samples) + 1)],
        request.correct is not None,
        described,
    )


def _matching(path: Path, names: Sequence[str], pattern: str, option: str) -> list[str]:
    """Return the names that match `pattern`, where ``*`` stands for anything."""
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        raise tables.TableError(
            f"{path} has no column like {pattern!r} ({option}); its columns are: {', '.join(names)}"
        )
    return found
