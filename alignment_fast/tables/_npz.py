"""NumPy archives."""

import contextlib
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from alignment_fast.tables._contents import Number, Rules
from alignment_fast.tables._table import Chunk, Table, TableError

__all__ = ["Npz"]


class Npz(Table):
    @contextlib.contextmanager
    def archive(self) -> Iterator[Any]:
        with self.seekable() as stream:
            if not zipfile.is_zipfile(stream):
                raise TableError(f"{self.path} is not an npz archive")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                yield file

    def names(self) -> tuple[str, ...]:
        with self.archive() as file:
            return tuple(file.files)

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        with self.archive() as file:
            chunk = {role: self.column(file[name], name, content) for role, (name, content) in rules.items()}
        lengths = {rules[role][0]: len(values) for role, values in chunk.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
            raise TableError(f"{self.path}: arrays differ in length: {listed}")
        yield chunk, self.path.stat().st_size

    def column(self, array: np.ndarray, name: str, content: Number) -> np.ndarray:
        if array.ndim != 1 or array.dtype.kind not in content.numpy_kinds:
            raise TableError(
                f"{self.path}, column {name!r}: holds {array.dtype} of shape {array.shape}, "
                f"not a row of {content.plural}"
            )
        values = content.array(array)
        if not content.acceptable(values):
            raise self.bad_cell(values.tolist(), 0, name, content)
        return values
