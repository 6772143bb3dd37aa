"""JSON lines."""

import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from alignment_fast.tables._contents import Number, Rules
from alignment_fast.tables._table import CHUNK_ROWS, Chunk, Table, TableError

__all__ = ["JsonLines"]


class JsonLines(Table):
    """One JSON object per line, by the standard library: exact lines and keys, at a few microseconds per line."""

    @contextlib.contextmanager
    def objects(self) -> Iterator[tuple[Iterator[tuple[int, dict[str, Any]]], BinaryIO]]:
        with self.stream() as (stream, raw):

            def numbered() -> Iterator[tuple[int, dict[str, Any]]]:
                for line, text in enumerate(stream, start=1):
                    if text.strip():
                        yield line, self.parse(line, text)

            yield numbered(), raw

    def place(self, row: int) -> str:
        with self.objects() as (objects, _):
            line, _ = next(itertools.islice(objects, row, None))
            return f"line {line}"

    def parse(self, line: int, text: bytes) -> dict[str, Any]:
        try:
            value = json.loads(text)
        except UnicodeDecodeError as error:
            raise self.error(f"line {line}", f"byte {error.start + 1} is not {error.encoding}") from None
        except json.JSONDecodeError as error:
            raise self.error(f"line {line}", f"not JSON: {error.msg} at character {error.colno}") from None
        except ValueError as error:  # an integer of thousands of digits
            raise self.error(f"line {line}", error) from None
        except RecursionError:
            raise self.error(f"line {line}", "JSON nested too deeply") from None
        if not isinstance(value, dict):
            raise self.error(f"line {line}", "not a JSON object")
        return value

    def names(self) -> tuple[str, ...]:
        with self.objects() as (objects, _):
            for _, first in objects:
                return tuple(first)
        raise TableError(f"{self.path} is empty")

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        with self.objects() as (objects, raw):
            try:
                while items := [item for _, item in itertools.islice(objects, CHUNK_ROWS)]:
                    yield {role: self.column(items, *rule) for role, rule in rules.items()}, raw.tell()
            except (ValueError, KeyError, OverflowError):
                self.explain(rules)
                raise

    def column(self, items: list[dict[str, Any]], name: str, content: Number) -> np.ndarray:
        cells = [item[name] for item in items]
        if not set(map(type, cells)) <= content.json_types:
            raise ValueError(f"a value is not {content.noun}")
        values = content.array(cells)
        if not content.acceptable(values):
            raise ValueError("a value is out of its domain")
        return values

    def explain(self, rules: Rules) -> None:
        """Raise TableError for the first thing wrong in the file, read line by line."""
        with self.objects() as (objects, _):
            for line, item in objects:
                for name, content in rules.values():
                    where = f"line {line}, key {name!r}"
                    if name not in item:
                        raise self.error(where, "the key is missing")
                    if type(item[name]) not in content.json_types:
                        raise self.error(where, f"{json.dumps(item[name])} is not {content.noun}")
                    try:
                        content.cell(item[name])
                    except ValueError as reason:
                        raise self.error(where, reason) from None
