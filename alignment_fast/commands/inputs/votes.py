"""VoteTable as a table on disk holds them, read chunk by chunk: names become numbers as they come."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alignment_fast import tables
from alignment_fast.commands.inputs.names import numbered
from alignment_fast.ranking import Comparisons
from alignment_fast.ranking.votes import Layout, RowError, arguments_of_counts, arguments_of_shares, shares_of

__all__ = ["Further", "VoteTable", "read_votes"]

SAY = "say which with --outcomes CODE=first,CODE=second,CODE=tie"
COUNTS = ("wins_first", "wins_second", "ties")
NUMBERS = (*COUNTS, "weight", "tied")


@dataclass(frozen=True)
class VoteTable:
    """Comparisons, how many rows they came from, and from which columns, for people.

    Parameters
    ----------
    comparisons : Comparisons
        All of them.
    rows : int
        Rows of the table.
    columns : str
        Where they came from.
    arguments : dict
        What `Comparisons` was made of, row by row: where a table counts, each row of it is there two or three times.
    swapped : array of bool
        Of those rows, whether the winner is the second side of the table.
    extra : dict of str to array
        Further columns that were asked for, of the same rows.

    """

    comparisons: Comparisons
    rows: int
    columns: str
    arguments: dict[str, Any] = field(repr=False)
    swapped: np.ndarray = field(repr=False)
    extra: dict[str, np.ndarray] = field(repr=False)


@dataclass(frozen=True)
class Further:
    """Columns besides the votes themselves, by role: those of text, such as clusters, and those of finite numbers."""

    text: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)


def read_votes(
    path: Path,
    requested: Layout,
    *,
    home: bool,
    outcomes: Mapping[Hashable, str] | None = None,
    further: Further | None = None,
    progress: tables.Progress,
) -> VoteTable:
    """Read the votes in `path`; `home` says that the first side was at home, `outcomes` what their words mean.

    `further` are more columns; one whose role is ``cluster`` is that of the comparisons.
    """
    further = Further() if further is None else further
    names = tables.column_names(path)
    more = {role: tables.choose_column(path, names, name) for role, name in {**further.text, **further.numbers}.items()}
    layout = requested.complete(names, tables.display_name(path))
    if home and layout.winner:
        raise ValueError("--home needs columns of two sides and an outcome: the first side is at home")
    if outcomes is not None and layout.outcome is None:
        raise ValueError("--outcomes needs a column of outcomes")
    numeric = [role for role in layout.given if role in NUMBERS]
    numbers: dict[str, dict[str, int]] = {"items": {}, "outcome": {}}
    columns = {**layout.given, **{role: str(name) for role, name in more.items()}}
    parts: dict[str, list[np.ndarray]] = {role: [] for role in columns}
    for chunk in tables.read_columns(
        path,
        columns,
        finite=further.numbers,
        counts=COUNTS,
        nonnegative=("weight",),
        zero_one=("tied",),
        text=[role for role in layout.given if role not in (*numeric, "outcome")],
        words=("outcome", *further.text),
        progress=progress,
    ):
        for role, values in chunk.items():
            if role in layout.given and role not in numeric:
                known = numbers["outcome" if role == "outcome" else "items"]
                values = numbered(values, known)
            parts[role].append(values)
    whole = {role: np.concatenate(chunks) for role, chunks in parts.items()}
    first, second, labels = _sorted(whole, layout, numbers["items"])
    _refuse_row(path, first == second, lambda row: f"{labels[first[row]]!r} is compared with itself")
    if layout.winner:
        tied = whole["tied"].astype(bool) if layout.tied else None
        arguments = {"winner": first, "loser": second, "tied": tied, "weight": whole.get("weight")}
    elif layout.wins_first:
        _check_one_hot(path, whole, layout)
        arguments = arguments_of_counts(first, second, (whole["wins_first"], whole["wins_second"]), whole.get("ties"))
    else:
        try:
            sides = (str(layout.first), str(layout.second))
            words = list(numbers["outcome"])
            shares = shares_of(whole["outcome"], words, first, second, labels, sides=sides, meanings=outcomes)
        except RowError as error:
            reason = error.reason.replace("say what it means", SAY).replace("say which", SAY)
            if outcomes is None and SAY not in reason:
                reason = f"{reason}; if it is a code, {SAY}"
            raise tables.TableError(f"{_place(path, error.row)}, column {layout.outcome!r}: {reason}") from None
        arguments = arguments_of_shares(shares, first, second, whole.get("weight"))
    repeats = len(arguments["winner"]) // len(first)
    swapped = np.tile(first, repeats) != arguments["winner"]
    extra = {role: np.tile(whole[role], repeats) for role in more}
    if home:
        arguments["home"] = np.where(swapped, -1, 1)
    if "cluster" in extra:
        arguments["cluster"] = extra["cluster"]
    described = ", ".join(f"{role.replace('_', ' ')} {name!r}" for role, name in layout.given.items())
    comparisons = Comparisons(**arguments, labels=labels)
    return VoteTable(comparisons, len(first), described, arguments, swapped, extra)


def _sorted(whole: dict[str, np.ndarray], layout: Layout, number: dict[str, int]) -> tuple[Any, Any, list[str]]:
    """Return both sides numbered in ascending order of their labels, and the labels."""
    labels = sorted(number)
    place = np.empty(len(labels), dtype=np.int32)
    place[[number[label] for label in labels]] = np.arange(len(labels))
    one, other = layout.sides
    return place[whole[one]], place[whole[other]], labels


def _check_one_hot(path: Path, whole: dict[str, np.ndarray], layout: Layout) -> None:
    """Raise TableError for a row in which not one of the columns ``winner_...`` is set; shares of the win may be."""
    if not str(layout.wins_first).casefold().startswith("winner_"):
        return
    counts = np.array([whole[role] for role in COUNTS if role in whole])
    names = ", ".join(repr(layout.given[role]) for role in COUNTS if role in whole)
    total = counts.sum(axis=0)
    wrong = ((counts == 0) | (counts == 1)).all(axis=0) & (total != 1)
    _refuse_row(path, wrong, lambda row: f"{total[row]:g} of the columns {names} are set, not one")


def _refuse_row(path: Path, wrong: np.ndarray, reason: Callable[[int], str]) -> None:
    found = np.flatnonzero(wrong)
    if found.size:
        row = int(found[0])
        raise tables.TableError(f"{_place(path, row)}: {reason(row)}")


def _place(path: Path, row: int) -> str:
    return f"{tables.display_name(path)}, {tables.place_of_row(path, row)}"
