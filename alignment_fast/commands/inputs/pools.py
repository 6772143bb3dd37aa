"""Pools of scored samples, one per prompt, as a table on disk holds them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from alignment_fast import tables
from alignment_fast._text import visible
from alignment_fast.commands.inputs.names import numbered

__all__ = ["PoolColumns", "PoolTable", "Samples", "read_pools"]

# Names that columns commonly have, best first.
PROMPTS = (
    *("prompt_id", "prompt", "task_id", "problem_id", "question_id"),
    *("doc_id", "qid", "problem", "question"),
)
ROWS = (*PROMPTS, "sample_id", "id", "name")  # what identifies the row of a wide table, which is a prompt
SCORES = ("score", "reward", "proxy", "proxy_score", "proxy_reward", "scores", "rewards")
VALUES = ("gold", "gold_score", "gold_reward", "true_reward")
CORRECT = ("correct", "is_correct", "passed", "is_corrects", "c", "num_correct", "n_correct")
SAMPLES, COUNTS_OF_CORRECT = ("num_samples", "n_samples", "n"), ("correct", "num_correct", "n_correct", "c")

Samples = np.ndarray | list[np.ndarray]


@dataclass(frozen=True)
class PoolColumns:
    """The columns that the user named: None is a guess; in wide tables these are patterns like ``s*``.

    With `samples` a row is a prompt: so many samples, of which so many were correct.
    """

    score: str | None
    value: str | None
    correct: str | None
    prompt: str | None
    samples: str | None = None


@dataclass(frozen=True)
class PoolTable:
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
    left_out : int
        How many prompts were left out because they have too few samples.

    """

    scores: Samples
    values: Samples | None
    prompts: Sequence[str]
    correct: bool
    columns: str
    left_out: int = 0

    def with_at_least(self, least: int) -> "PoolTable":
        """Return the pools of at least so many samples; ValueError where there is none."""
        kept = [index for index, pool in enumerate(self.scores) if len(pool) >= least]
        if not kept:
            raise ValueError(f"--at-least: no prompt has {least} samples")
        return replace(
            self,
            scores=_together([self.scores[index] for index in kept]),
            values=None if self.values is None else _together([self.values[index] for index in kept]),
            prompts=[self.prompts[index] for index in kept],
            left_out=len(self.scores) - len(kept),
        )

    @property
    def smallest(self) -> tuple[int, str]:
        """Size of the smallest pool and the prompt it belongs to, for people."""
        sizes = [len(pool) for pool in self.scores]
        least = min(range(len(sizes)), key=sizes.__getitem__)
        return sizes[least], visible(self.prompts[least])


def read_pools(path: Path, request: PoolColumns, *, wide: bool, progress: tables.Progress) -> PoolTable:
    """Read the pools in `path`: a row per sample, or per prompt: lists, counts, or with `wide` a column per sample."""
    if request.correct is not None and (request.score is not None or request.value is not None):
        raise ValueError("--correct is what selects and judges: it goes without --score and --value")
    if request.samples is not None and (wide or request.score is not None or request.value is not None):
        raise ValueError("--samples goes with --correct: so many samples of a prompt, of which so many were correct")
    return (_wide if wide else _long)(path, request, progress)


def _long(path: Path, request: PoolColumns, progress: tables.Progress) -> PoolTable:
    names = tables.column_names(path)
    score = tables.choose_column(path, names, request.score, () if request.correct or request.samples else SCORES)
    value = tables.choose_column(path, names, request.value, VALUES if score else ())
    prompt = tables.choose_column(path, names, request.prompt, PROMPTS)
    of_samples = () if score or request.value else SAMPLES
    samples = tables.choose_column(path, names, request.samples, of_samples)
    counted = () if score or request.value else COUNTS_OF_CORRECT if samples else CORRECT
    correct = tables.choose_column(path, names, request.correct, counted)
    if score is None and correct is None:
        raise tables.TableError(
            f"{tables.display_name(path)}: no column looks like scores: name one with --score or --correct, or say "
            f"--wide if a row is a prompt; its columns are: {tables.listed(names)}"
        )
    if samples is not None and correct is not None and not tables.holds_lists(path, correct):
        return _counted(path, {"samples": samples, "correct": correct, "prompt": prompt}, request, progress)
    wanted = {"score": score or correct, "value": value, "prompt": prompt}
    columns = {role: name for role, name in wanted.items() if name is not None}
    lists = {role for role in ("score", "value") if role in columns and tables.holds_lists(path, columns[role])}
    if len(lists) == 1 and value is not None:
        raise tables.TableError(f"{tables.display_name(path)}: one of {score!r} and {value!r} holds lists only")
    whole, prompts = _read(path, columns, "score" if correct else None, lists, progress)
    codes = whole.get("prompt", np.zeros(len(whole["score"]), dtype=np.int64))
    if lists:
        codes, prompts = _of_rows(path, whole, codes, prompts)
    return PoolTable(
        _split(whole["score"], codes),
        _split(whole["value"], codes) if value is not None else None,
        prompts or (tables.display_name(path),),
        correct is not None,
        ", ".join(f"{'correct' if role == 'score' and correct else role} {name!r}" for role, name in columns.items()),
    )


def _read(
    path: Path, columns: Mapping[str, str], zero_one: str | None, lists: Collection[str], progress: tables.Progress
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return whole columns by role, prompts as numbers, and the prompts."""
    chunks: dict[str, list[np.ndarray]] = {role: [] for role in columns}
    code_of: dict[str, int] = {}
    for chunk in tables.read_columns(
        path,
        columns,
        finite=[role for role in columns if role != "prompt"],
        zero_one=() if zero_one is None else (zero_one,),
        text=("prompt",),
        lists=lists,
        progress=progress,
    ):
        if "prompt" in chunk:
            chunk["prompt"] = numbered(chunk["prompt"], code_of)
        for role, values in chunk.items():
            chunks[role].append(values)
    return {role: np.concatenate(parts) for role, parts in chunks.items()}, tuple(code_of)


def _of_rows(
    path: Path, whole: dict[str, np.ndarray], codes: np.ndarray, prompts: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Lay out lists in `whole`, one per row, sample by sample; return the prompt of every sample, and the prompts."""
    sizes = {role: np.array([len(cell) for cell in whole[role]]) for role in ("score", "value") if role in whole}
    rows = len(codes)
    for size in sizes.values():
        wrong = np.flatnonzero((size == 0) | (size != sizes["score"]))
        if wrong.size:
            counts = " and ".join(str(other[wrong[0]]) for other in sizes.values())
            place = tables.place_of_row(path, int(wrong[0]))
            raise tables.TableError(f"{tables.display_name(path)}, {place}: lists of {counts} samples")
    if not prompts:
        codes, prompts = np.arange(rows), tuple(f"row {row}" for row in range(1, rows + 1))
    for role in sizes:
        whole[role] = np.concatenate(whole[role])
    return np.repeat(codes, sizes["score"]), prompts


def _counted(
    path: Path, wanted: Mapping[str, str | None], request: PoolColumns, progress: tables.Progress
) -> PoolTable:
    """Read rows of counts: so many samples of a prompt, of which so many were correct."""
    columns = {role: name for role, name in wanted.items() if name is not None}
    whole, prompts = _read(path, columns, None, (), progress)
    samples, correct = whole["samples"], whole["correct"]
    wrong = (samples < 1) | (samples % 1 != 0) | (correct < 0) | (correct % 1 != 0) | (correct > samples)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise tables.TableError(
            f"{tables.display_name(path)}, {tables.place_of_row(path, row)}: {correct[row]:g} of {samples[row]:g} "
            f"samples correct ({columns['correct']!r}, {columns['samples']!r})"
        )
    distinct = len(prompts) == len(samples)
    if request.samples is None and correct.max() <= 1 and not distinct:
        raise tables.TableError(
            f"{tables.display_name(path)}: {columns['samples']!r} and {columns['correct']!r} may be counts or not: say "
            f"--samples {columns['samples']}, or name the columns with --correct or --score and --prompt"
        )
    codes = whole.get("prompt", np.arange(len(samples)))
    counts = np.column_stack([correct, samples - correct]).ravel().astype(np.int64)
    right = np.repeat(np.tile([1.0, 0.0], len(samples)), counts)
    return PoolTable(
        _split(right, np.repeat(codes, samples.astype(np.int64))),
        None,
        prompts or [f"row {row}" for row in range(1, len(samples) + 1)],
        True,
        ", ".join(f"{role} {name!r}" for role, name in columns.items()),
    )


def _split(samples: np.ndarray, codes: np.ndarray) -> Samples:
    """Return the samples of every code, in the order of the file; an array where all have as many."""
    sizes = np.bincount(codes)
    together = samples[np.argsort(codes, kind="stable")]
    if (sizes == sizes[0]).all():
        return together.reshape(sizes.size, sizes[0])
    return np.split(together, np.cumsum(sizes)[:-1])


def _together(pools: list[np.ndarray]) -> Samples:
    return np.stack(pools) if len({len(pool) for pool in pools}) == 1 else pools


def _wide(path: Path, request: PoolColumns, progress: tables.Progress) -> PoolTable:
    names = tables.column_names(path)
    prompt = tables.choose_column(path, names, request.prompt, ROWS)
    value = _matching(path, names, request.value, "--value") if request.value is not None else []
    taken = {prompt, *value}
    rest = [name for name in names if name not in taken]
    pattern, option = (request.correct, "--correct") if request.correct is not None else (request.score, "--score")
    score = _matching(path, rest, "*" if pattern is None else pattern, option)
    if value and len(value) != len(score):
        raise tables.TableError(
            f"{tables.display_name(path)}: {len(score)} columns of scores, but {len(value)} of values"
        )
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
    return PoolTable(
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
            f"{tables.display_name(path)} has no column like {pattern!r} ({option}); its columns are: "
            f"{tables.listed(names)}"
        )
    return found
