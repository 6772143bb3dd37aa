"""Parquet."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from alignment_fast.tables._arrow import arrow_module
from alignment_fast.tables._contents import Number, Rules
from alignment_fast.tables._table import CHUNK_ROWS, Chunk, Table, TableError

__all__ = ["Parquet"]


class Parquet(Table):
    def names(self) -> tuple[str, ...]:
        arrow = arrow_module("parquet")
        with self.seekable() as stream:
            return tuple(arrow.parquet.ParquetFile(stream).schema_arrow.names)

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        arrow = arrow_module("parquet")
        with self.seekable() as stream:
            file = arrow.parquet.ParquetFile(stream)
            size, total, done = self.path.stat().st_size, file.metadata.num_rows, 0
            wanted = list(dict.fromkeys(name for name, _ in rules.values()))
            for batch in file.iter_batches(CHUNK_ROWS, columns=wanted):
                chunk = {
                    role: self.column(batch.column(name), done, name, content)
                    for role, (name, content) in rules.items()
                }
                done += batch.num_rows
                # The footer is read first, so the position in the file says nothing: count rows.
                yield chunk, size * done // max(total, 1)

    def column(self, cells: Any, before: int, name: str, content: Number) -> np.ndarray:
        if arrow_module().types.is_dictionary(cells.type):
            cells = cells.dictionary_decode()
        if not content.arrow_type(cells.type):
            raise TableError(f"{self.path}, column {name!r}: holds {cells.type}, not {content.plural}")
        if not cells.null_count:
            with contextlib.suppress(ValueError):
                values = content.from_arrow(cells)
                if content.acceptable(values):
                    return values
        raise self.bad_cell(cells.to_pylist(), before, name, content)
