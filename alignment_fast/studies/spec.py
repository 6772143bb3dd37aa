"""A study as it is described: read, checked, cut into cells, and named by a hash of all that it says."""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import itertools
import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignment_fast._border.words import as_path
from alignment_fast.best_of_n.simulation import LARGEST_BRUTE_N
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.studies.distributions import distribution
from alignment_fast.studies.errors import SpecError
from alignment_fast.studies.fields import is_field
from alignment_fast.studies.functions import ROLES, code_files, user_function
from alignment_fast.studies.sizes import Cost, block_of, cost_of
from alignment_fast.studies.values import not_plain

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["Cell", "Spec", "Target", "differences", "read_spec", "spec_of"]

MOST_CELLS = 100_000
_DISCRETE = ("table", "outcomes", "pool", "memoryless")
_MONOTONE = (*_DISCRETE, "gaussian", "uniform", "quantile")
# The kinds of source that each kind of estimand takes; `user` takes any, or none.
FITTING = {
    "best_of_n": (*_MONOTONE, "sampler"),
    "soft_best_of_n": _DISCRETE,
    "tilted": _MONOTONE,
    "dynamics": ("preferences", "matrix", "random_preferences"),
    "rating_bootstrap": ("votes",),
    "coverage_of_mean": (*_DISCRETE, "gaussian"),
    "coverage_of_ratings": ("strengths",),
}
# Laws whose best-of-n is computed by the kernels alone.
_BY_KERNELS = ("table", "outcomes", "pool")
_IN_SOURCE = "source."
TOO_DEEP = "lists or tables are nested too deeply"


@dataclass(frozen=True)
class Target:
    """When a cell has enough replicates: see `alignment_fast.studies.schema.Target`."""

    standard_error: float
    column: str | None
    relative: bool
    at_least: int
    at_most: int

    def check(self, cell: Cell, names: Sequence[str]) -> None:
        """Raise SpecError if a cell with columns of these names lacks the one whose error is the target."""
        if self.column is not None and self.column not in names:
            near = _nearest(self.column, names)
            raise SpecError(f"target.column: cell {cell.number} ({cell}) has no column {self.column!r}{near}")


@dataclass(frozen=True)
class Cell:
    """One point of a study: a source, an estimand, and every parameter of both."""

    number: int
    estimand: str
    kind: str
    source: str | None
    source_keys: Mapping[str, Any] | None
    parameters: Mapping[str, Any]
    axes: Mapping[str, Any]
    block: int
    quantiles: tuple[float, ...]

    @property
    def cost(self) -> Cost:
        """What a replicate costs, about."""
        return cost_of(self.kind, self.parameters, self.source_keys)

    @property
    def uses_numpy(self) -> bool:
        """Whether values pass through functions of NumPy or of users, whose last bits depend on the processor."""
        keys = self.source_keys or {}
        return self.kind != "best_of_n" or keys.get("kind") not in _BY_KERNELS or bool(keys.get("log_p"))

    def __str__(self) -> str:
        where = [self.estimand, *([self.source] if self.source else [])]
        return ", ".join([*where, *(f"{name}={value}" for name, value in self.axes.items())])


@dataclass(frozen=True)
class Spec:
    """A checked study.

    Attributes
    ----------
    name : str
        What it is called; its numbers do not depend on it.
    seed, level, replicates, target
        As in the file.
    cells : tuple of Cell
        Every combination of sources, estimands and grids.
    folder : path
        Where its files are.
    canonical : str
        All that blocks depend on, as JSON with sorted keys: every default filled in, the size of blocks too; files, the
        modules that it names and what these import from beside the spec by their SHA-256. Levels of intervals and of
        quantiles change no block, and are not in it.
    hash : str
        SHA-256 of `canonical`.

    """

    name: str
    seed: int
    level: float
    replicates: int | None
    target: Target | None
    cells: tuple[Cell, ...]
    folder: Path
    canonical: str = field(repr=False)

    @property
    def uses_numpy(self) -> bool:
        """Whether any cell does: see `Cell.uses_numpy`."""
        return any(cell.uses_numpy for cell in self.cells)

    @functools.cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


def read_spec(path: str | PathLike[str]) -> Spec:
    """Return the spec in a TOML file, checked.

    Raises
    ------
    SpecError
        A line for every key that is wrong, with its path.

    """
    path = as_path(path)
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin a file with a byte order mark
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is no TOML: {error}") from None
    except RecursionError:
        raise SpecError(f"{path}: {TOO_DEEP}") from None
    return spec_of(content, path.parent)


def spec_of(content: Mapping[str, Any], folder: str | PathLike[str] = ".") -> Spec:
    """Return the spec that a dictionary holds, checked; files are looked for from `folder` on."""
    try:
        return _Reader(as_path(folder, "folder")).spec(content)
    except RecursionError:
        raise SpecError(TOO_DEEP) from None


def differences(old: str, new: str) -> list[str]:
    """Return a line for each key in which two canonical specs differ."""
    one, two = (dict(_leaves(json.loads(text))) for text in (old, new))
    missing = object()
    lines = []
    for key in sorted({*one, *two}):
        before, after = one.get(key, missing), two.get(key, missing)
        if before != after:
            lines.append(
                f"{key}: "
                + " -> ".join("absent" if value is missing else json.dumps(value) for value in (before, after))
            )
    return lines


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


class _Reader:
    """Reads one spec, and collects everything that is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self.schema = _schema()
        self.digests: dict[str, str] = {}
        self.code: dict[str, str] = {}  # SHA-256 of users' files, by module

    def spec(self, content: Mapping[str, Any]) -> Spec:
        if not isinstance(content, Mapping):
            raise SpecError(f"a spec is a table of keys, not {type(content).__name__}")
        tables = {key: self._as_list(content[key]) for key in ("source", "estimand") if key in content}
        top = self._model(self.schema.SpecTable, {**content, **tables}, "")
        self._stop()
        sources = self._named(top.source, "source", self._source)
        cells: list[Cell] = []
        estimands = self._named(top.estimand, "estimand", self._estimand)
        for path, table in estimands.values():
            self._cells(path, table, sources, cells)
        self._stop()
        target = None if top.target is None else Target(**top.target.model_dump())
        canonical = {
            "seed": top.seed,
            "replicates": top.replicates,
            "target": None if top.target is None else top.target.model_dump(),
            "code": self.code,
            "cells": [
                {
                    "estimand": cell.estimand,
                    "kind": cell.kind,
                    "source": cell.source,
                    "source_keys": None if cell.source_keys is None else dict(cell.source_keys),
                    "parameters": dict(cell.parameters),
                    "block": cell.block,
                    "sketched": bool(cell.quantiles),
                }
                for cell in cells
            ],
        }
        text = json.dumps(canonical, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return Spec(top.name, top.seed, top.level, top.replicates, target, tuple(cells), self.folder, text)

    @staticmethod
    def _as_list(value: Any) -> Any:
        return [value] if isinstance(value, Mapping) else value

    def _stop(self) -> None:
        if self.problems:
            raise SpecError("\n".join(dict.fromkeys(self.problems)))

    def _model(self, model: Any, content: Mapping[str, Any], path: str, more_keys: Iterable[str] = ()) -> Any:
        """Return `content` as a checked model, None after noting what is wrong."""
        from pydantic import ValidationError

        try:
            return model.model_validate(content)
        except ValidationError as error:
            self.problems += _described(error, path, [*model.model_fields, *more_keys])
            return None

    def _named(self, tables: Sequence[Mapping[str, Any]], key: str, check: Any) -> dict[str, tuple[str, Any]]:
        """Return what `check` makes of each table, by name."""
        found: dict[str, tuple[str, Any]] = {}
        for place, table in enumerate(tables):
            path = f"{key}[{place}]"
            checked = check(table, path)
            if checked is None:
                continue
            if checked["name"] in found:
                self.problems.append(f"{path}.name: {checked['name']!r} is taken by {found[checked['name']][0]}")
            found.setdefault(checked["name"], (path, checked))
        return found

    def _kind(self, table: Mapping[str, Any], path: str, kinds: Mapping[str, Any]) -> Any:
        kind = table.get("kind")
        if isinstance(kind, str) and kind in kinds:
            return kinds[kind]
        what = "is missing" if kind is None else f"is unknown: {kind!r}"
        self.problems.append(f"{path}.kind: {what}{_nearest(str(kind), kinds)}")
        return None

    def _source(self, table: Mapping[str, Any], path: str) -> dict[str, Any] | None:
        model = self._kind(table, path, self.schema.SOURCES)
        if model is None:
            return None
        checked = self._model(model, table, path)
        if checked is None:
            return None
        keys: dict[str, Any] = checked.model_dump()
        if "file" in keys:
            self._digest(keys["file"], path)
        if "function" in keys:
            self._importable(keys["function"], f"{path}.function")
        if keys["kind"] == "quantile":
            self._distribution(keys, f"{path}.distribution")
        return {"given": dict(table), **keys, **self._file_digest(keys)}

    def _digest(self, name: str, path: str) -> None:
        found = self.folder / name
        if found.exists() and not found.is_file():  # a device has no end
            self.problems.append(f"{path}.file: {name} is no regular file")
            return
        try:
            with open(found, "rb") as file:
                self.digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            self.problems.append(f"{path}.file: {name} cannot be read: {error.strerror}")

    def _distribution(self, keys: Mapping[str, Any], path: str) -> None:
        try:
            distribution(keys["distribution"], keys["parameters"])
        except SpecError as error:
            self.problems.append(f"{path}: {error}")

    def _file_digest(self, keys: Mapping[str, Any]) -> dict[str, str]:
        digest = self.digests.get(keys.get("file", ""))
        return {} if digest is None else {"sha256": digest}

    def _importable(self, name: str, path: str) -> None:
        try:
            user_function(name, self.folder)
        except SpecError as error:
            self.problems.append(f"{path}: {error}")
        for module, content in code_files(name, self.folder).items():
            self.code[module] = hashlib.sha256(content).hexdigest()

    def _estimand(self, table: Mapping[str, Any], path: str) -> dict[str, Any] | None:
        model = self._kind(table, path, self.schema.ESTIMANDS)
        table = {**table, **({"source": [table["source"]]} if isinstance(table.get("source"), str) else {})}
        checked = None if model is None else self._model(self.schema.EstimandTable, table, path)
        if checked is None:
            return None
        common = {*self.schema.EstimandTable.model_fields}
        return {
            "name": checked.name or checked.kind,
            "table": checked,
            "fixed": {key: value for key, value in table.items() if key not in common},
            "model": model,
        }

    def _cells(self, path: str, estimand: Any, sources: dict[str, tuple[str, Any]], cells: list[Cell]) -> None:
        """Append the cells of one estimand, in the order of sources, grid and zips."""
        table, axes = estimand["table"], self._axes(path, estimand)
        chosen = self._chosen(path, table, sources)
        if axes is None or chosen is None:
            return
        if len(cells) + len(chosen) * math.prod(map(len, axes)) > MOST_CELLS:
            self.problems.append(f"{path}: more than {MOST_CELLS} cells")
            return
        for source in chosen:
            for combination in itertools.product(*axes):
                points = [point for group in combination for point in group]
                cell = self._cell(path, estimand, source, points, len(cells))
                if cell is not None:
                    cells.append(cell)

    def _axes(self, path: str, estimand: Any) -> list[list[list[tuple[str, Any, str]]]] | None:
        """Return for each axis its points, each a list of (key, value, path of the value)."""
        table, axes, seen = estimand["table"], [], {key: f"{path}.{key}" for key in estimand["fixed"]}
        wrong = len(self.problems)

        def taken(key: str, where: str) -> None:
            if is_field(key):
                self.problems.append(f"{where}: the table has a column {key} of its own: call the parameter otherwise")
            if key in seen:
                self.problems.append(f"{where}: {key} is given by {seen[key]} already")
            seen[key] = where

        for key, values in table.grid.items():
            where = f"{path}.grid.{key}"
            taken(key, where)
            axes.append([[(key, value, f"{where}[{place}]")] for place, value in enumerate(values)])
        for number, group in enumerate(table.zip):
            where = f"{path}.zip[{number}]"
            lengths = {key: len(values) for key, values in group.items()}
            if len(set(lengths.values())) > 1:
                shown = ", ".join(f"{key} has {length}" for key, length in lengths.items())
                self.problems.append(f"{where}: lists that go side by side need one length, but {shown}")
                continue
            for key in group:
                taken(key, f"{where}.{key}")
            rows = zip(*group.values(), strict=True)
            axes.append(
                [
                    [(key, value, f"{where}.{key}[{place}]") for key, value in zip(group, row, strict=True)]
                    for place, row in enumerate(rows)
                ]
            )
        for axis in axes:
            self._refuse_twins(axis)
        return axes if len(self.problems) == wrong else None

    def _refuse_twins(self, axis: list[list[tuple[str, Any, str]]]) -> None:
        """Note each point of an axis that is there already: its cells would be computed twice."""
        seen: dict[str, str] = {}
        for points in axis:
            text = json.dumps([_as_number(value) for _, value, _ in points], sort_keys=True, default=str)
            where = points[0][2]
            if text in seen:
                self.problems.append(f"{where}: has the value of {seen[text]} again")
            seen.setdefault(text, where)

    def _chosen(self, path: str, table: Any, sources: dict[str, tuple[str, Any]]) -> list[Any] | None:
        """Return the sources of an estimand, [None] for none."""
        fitting = FITTING.get(table.kind)
        if table.source is not None:
            wrong = len(self.problems)
            for place, name in enumerate(table.source):
                where = f"{path}.source[{place}]"
                if name in table.source[:place]:
                    self.problems.append(f"{where}: {name!r} is there already")
                elif name not in sources:
                    self.problems.append(f"{where}: there is no source {name!r}{_nearest(name, sources)}")
                elif fitting is not None and sources[name][1]["kind"] not in fitting:
                    kind = sources[name][1]["kind"]
                    self.problems.append(f"{where}: {table.kind} takes {', '.join(fitting)}, not {kind}")
            return [sources[name] for name in table.source] if len(self.problems) == wrong else None
        if fitting is None:
            return [*sources.values()] or [None]
        found = [entry for entry in sources.values() if entry[1]["kind"] in fitting]
        if not found:
            self.problems.append(f"{path}: {table.kind} needs a source of one of the kinds {', '.join(fitting)}")
            return None
        return found

    def _cell(
        self, path: str, estimand: Any, source: Any, points: list[tuple[str, Any, str]], number: int
    ) -> Cell | None:
        own, inner, places = dict(estimand["fixed"]), {}, {}
        for key, value, where in points:
            places[key] = where
            if key.startswith(_IN_SOURCE):
                inner[key.removeprefix(_IN_SOURCE)] = value
            else:
                own[key] = value
        wrong = len(self.problems)
        checked = self._parameters(path, estimand, own, places)
        keys = self._source_keys(path, source, inner, places)
        if len(self.problems) > wrong:
            return None
        table = estimand["table"]
        if keys is not None and keys["kind"] == "sampler" and table.kind == "best_of_n":
            n = checked["n"]
            if not (n.is_integer() and n < LARGEST_BRUTE_N):
                where = places.get("n", f"{path}.n")
                self.problems.append(f"{where}: should be a whole number below 2**60 for a sampler, not {n!r}")
                return None
        axes = {key: value for key, value, _ in points}
        return Cell(
            number=number,
            estimand=estimand["name"],
            kind=table.kind,
            source=None if source is None else source[1]["name"],
            source_keys=keys,
            parameters=checked,
            axes=axes,
            block=table.block or block_of(table.kind, checked, keys),
            quantiles=tuple(table.quantiles),
        )

    def _parameters(self, path: str, estimand: Any, own: dict[str, Any], places: dict[str, str]) -> dict[str, Any]:
        from pydantic import ValidationError

        model = estimand["model"]
        try:
            checked: dict[str, Any] = model.model_validate(own).model_dump()
        except ValidationError as error:
            known = [*model.model_fields, *self.schema.EstimandTable.model_fields]
            self.problems += _described(error, path, known, places)
            return {}
        if estimand["table"].kind == "user":
            for key, value in checked.items():
                self.problems += not_plain(value, places.get(key, f"{path}.{key}"))
            for role in ROLES:
                if checked[role] is not None:
                    self._importable(checked[role], f"{path}.{role}")
        return checked

    def _source_keys(
        self, path: str, source: Any, inner: dict[str, Any], places: dict[str, str]
    ) -> dict[str, Any] | None:
        from pydantic import ValidationError

        if source is None:
            for key in inner:
                self.problems.append(f"{places[_IN_SOURCE + key]}: there is no source")
            return None
        where, entry = source
        if not inner:
            return {key: value for key, value in entry.items() if key != "given"}
        model = self.schema.SOURCES[entry["kind"]]
        try:
            keys = model.model_validate({**entry["given"], **inner}).model_dump()
            if "file" in inner:
                self._digest(keys["file"], where)
            if keys["kind"] == "quantile":
                self._distribution(keys, f"{where}.distribution")
            return {**keys, **self._file_digest(keys)}
        except ValidationError as error:
            inside = {key: places[_IN_SOURCE + key] for key in inner}
            self.problems += _described(error, where, model.model_fields, inside)
            return None


def _described(
    error: ValidationError, path: str, known: Iterable[str], places: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yield a line for each problem: its path, what is wrong, and for unknown keys the nearest one."""
    for problem in error.errors(include_url=False):
        location = problem["loc"]
        where = path
        if location and (places or {}).get(str(location[0])):
            where, location = (places or {})[str(location[0])], location[1:]
        for part in location:
            where += f"[{part}]" if isinstance(part, int) else f".{part}" if where else str(part)
        if problem["type"] == "extra_forbidden":
            yield f"{where}: unknown key{_nearest(str(problem['loc'][-1]), known)}"
        elif problem["type"] == "missing":
            yield f"{where}: is missing"
        else:
            message = _in_plain_words(problem)
            shown = "" if isinstance(problem["input"], dict) else f", not {problem['input']!r:.60}"
            yield f"{where or 'the spec'}: {message}{shown}"


def _as_number(value: Any) -> Any:
    """Return a float that is a whole number as an integer: 1 and 1.0 are one point of a grid."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# What pydantic says in words of its own, by its names of problems.
_PLAIN = {
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "list_type": "should be a list",
    "string_type": "should be text",
    "string_pattern_mismatch": "should match the pattern {pattern}",
    "finite_number": "should be a finite number",
}


def _in_plain_words(problem: Any) -> str:
    if problem["type"] == "too_short":
        return "should not be empty" if problem["ctx"]["min_length"] == 1 else "is too short"
    if problem["type"] in _PLAIN:
        return _PLAIN[problem["type"]].format(**problem.get("ctx", {}))
    return str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ")


def _nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint at the nearest known word, or at all of them."""
    listed = list(dict.fromkeys(known))
    near = difflib.get_close_matches(word, listed, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(listed)}" if listed else ""


def _schema() -> Any:
    try:
        return importlib.import_module("alignment_fast.studies.schema")
    except ImportError as error:
        raise BackendUnavailableError('studies need pydantic: pip install "alignment-fast[studies]"') from error
