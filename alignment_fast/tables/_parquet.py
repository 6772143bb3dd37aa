"""Parquet."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from alignment_fast.tables import _table
from alignment_fast.tables._arrow import arrow_module
from alignment_fast.tables._contents import Number, Rules
from alignment_fast.tables._source import TableError
from alignment_fast.tables._table import Chunk, Table

__all__ = ["Parquet"]


class Parquet(Table):
    """A Parquet file, read batch by batch."""

    @contextlib.contextmanager
    def open_file(self) -> Iterator[Any]:
        """Open the file as pyarrow's ParquetFile."""
        arrow = arrow_module("parquet")
        with self.source.seekable() as stream:
            yield arrow.parquet.ParquetFile(stream)

    def names(self) -> tuple[str, ...]:
        with self.open_file() as file:
            return tuple(file.schema_arrow.names)

    def holds_lists(self, name: str) -> bool:
        types = arrow_module().types
        with self.open_file() as file:
            kind = file.schema_arrow.field(name).type
        return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        with self.open_file() as file:
            total, done = file.metadata.num_rows, 0
            wanted = list(dict.fromkeys(name for name, _ in rules.values()))
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
        if types.is_dictionary(cells.type):
            cells = cells.dictionary_decode()
        if not content.arrow_type(cells.type) and not types.is_null(cells.type):
            raise TableError(f"{self.source.name}, column {name!r}: holds {cells.type}, not {content.plural}")
        if not cells.null_count:
            with contextlib.suppress(ValueError):
                values = content.from_arrow(cells)
                if content.acceptable(values):
                    return values
        raise self.bad_cell(cells.to_pylist(), before, name, content)
