"""NumPy archives."""

import contextlib
import tokenize
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from alignment_fast.tables._contents import Number, Rules
from alignment_fast.tables._source import TableError, too_large, unpacked_limit
from alignment_fast.tables._table import Chunk, Table, errors_of

__all__ = ["Npz"]


class Npz(Table):
    """An archive of arrays, one per column; pickles are refused."""

    @contextlib.contextmanager
    def archive(self) -> Iterator[Any]:
        """Open the file as NumPy's NpzFile."""
        with self.source.seekable() as stream:
            if not zipfile.is_zipfile(stream):
                raise TableError(f"{self.source.name} is not an npz archive")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                yield file

    def names(self) -> tuple[str, ...]:
        with self.archive() as file:
            return tuple(file.files)

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        with self.archive() as file:
            self._check_sizes(file, {name for name, _ in rules.values()})
            chunk = {role: self.column(file, name, content) for role, (name, content) in rules.items()}
        lengths = {rules[role][0]: len(values) for role, values in chunk.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
            raise TableError(f"{self.source.name}: arrays differ in length: {listed}")
        yield chunk, self.size

    def _check_sizes(self, file: Any, names: set[str]) -> None:
        size = sum(member.file_size for member in file.zip.infolist() if member.filename.removesuffix(".npy") in names)
        if size > unpacked_limit():
            raise too_large(self.source.name)

    def column(self, file: Any, name: str, content: Number) -> np.ndarray:
        """Return an array of the archive."""
        try:
            with errors_of(f"{self.source.name}, member {name!r}"):
                array = file[name]
        except (tokenize.TokenError, SyntaxError) as error:  # NumPy reads the header of an array as Python
            raise TableError(f"{self.source.name}, member {name!r}: the header of the array is broken") from error
        if not isinstance(array, np.ndarray):
            raise TableError(f"{self.source.name}, member {name!r} is no array of NumPy")
        if array.ndim != 1 or array.dtype.kind not in content.numpy_kinds:
            raise TableError(
                f"{self.source.name}, column {name!r}: holds {array.dtype} of shape {array.shape}, "
                f"not a row of {content.plural}"
            )
        values = content.array(array)
        if not content.acceptable(values):
            raise self.bad_cell(array.tolist(), 0, name, content)
        return values
