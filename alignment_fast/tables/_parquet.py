"""Parquet."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from alignment_fast.tables import _table
from alignment_fast.tables._arrow import arrow_module, is_text
from alignment_fast.tables._contents import Number, Rules
from alignment_fast.tables._source import TableError
from alignment_fast.tables._table import Chunk, Table

__all__ = ["Parquet"]


class Parquet(Table):
    """A Parquet file, read batch by batch."""

    @contextlib.contextmanager
    def open_file(self, wanted: Sequence[str] = ()) -> Iterator[Any]:
        """Open the file as pyarrow's ParquetFile; text of `wanted` columns comes with each word once."""
        arrow = arrow_module("parquet")
        with self.source.seekable() as stream:
            schema = arrow.parquet.read_schema(stream)
            text = [name for name in wanted if is_text(schema.field(name).type)]
            yield arrow.parquet.ParquetFile(stream, read_dictionary=text)

    def names(self) -> tuple[str, ...]:
        with self.open_file() as file:
            return tuple(file.schema_arrow.names)

    def holds_lists(self, name: str) -> bool:
        types = arrow_module().types
        with self.open_file() as file:
            kind = file.schema_arrow.field(name).type
        return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        wanted = list(dict.fromkeys(name for name, _ in rules.values()))
        with self.open_file(wanted) as file:
            total, done = file.metadata.num_rows, 0
            for batch in file.iter_batches(_table.CHUNK_ROWS, columns=wanted):
                chunk = {
                    role: self.column(batch.column(name), done, name, content)
                    for role, (name, content) in rules.items()
                }
                done += batch.num_rows
                # The footer is read first, so the position in the file says nothing: count rows.
                yield chunk, self.size * done // max(total, 1)

    def column(self, cells: Any, before: int, name: str, content: Number) -> np.ndarray:
        """Return a batch of a column, which stands below `before` other rows."""
        types = arrow_module().types
        coded = bool(types.is_dictionary(cells.type))
        kind = cells.type.value_type if coded else cells.type
        if not content.arrow_type(kind) and not types.is_null(kind):
            raise TableError(f"{self.source.name}, column {name!r}: holds {kind}, not {content.plural}")
        if not cells.null_count:
            with contextlib.suppress(ValueError):
                return _values_of_words(cells, content) if coded else _values(cells, content)
        raise self.bad_cell(_python_words(cells) if coded else cells.to_pylist(), before, name, content)


def _values(cells: Any, content: Number) -> np.ndarray:
    values = content.from_arrow(cells)
    if not content.acceptable(values):
        raise ValueError("a value is not acceptable")
    return values


def _values_of_words(cells: Any, content: Number) -> np.ndarray:
    """Return the values of an array of words and their numbers, of which each word is read once."""
    numbers = cells.indices.to_numpy(zero_copy_only=False)
    used, place = np.unique(numbers, return_inverse=True)
    return _values(cells.dictionary.take(arrow_module().array(used)), content)[place]


def _python_words(cells: Any) -> Iterator[Any]:
    words = cells.dictionary.to_pylist()
    return (None if number is None else words[number] for number in cells.indices.to_pylist())
