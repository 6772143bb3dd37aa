"""CSV and TSV."""

import contextlib
import csv
import io
import itertools
from collections.abc import Iterator

from alignment_fast.tables import _table
from alignment_fast.tables._arrow import arrow_module
from alignment_fast.tables._contents import Rules
from alignment_fast.tables._table import Chunk, Table, TableError

__all__ = ["Csv", "Tsv"]


class Delimited(Table):
    delimiter: str

    @contextlib.contextmanager
    def records(self) -> Iterator[Iterator[tuple[int, int, list[str]]]]:
        """Open the slow reader: first line, last line and cells of each record that is not blank."""
        with self.stream() as (stream, _):
            # Undecodable bytes become visible text: they matter only where a number was to stand.
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="backslashreplace", newline="")
            reader = csv.reader(text, delimiter=self.delimiter)

            def numbered() -> Iterator[tuple[int, int, list[str]]]:
                before = 0
                for cells in reader:
                    if cells:
                        yield before + 1, reader.line_num, cells
                    before = reader.line_num

            yield numbered()

    def place(self, row: int) -> str:
        with self.records() as records:
            line, _, _ = next(itertools.islice(records, row + 1, None))  # after the header
            return f"line {line}"

    def header(self) -> tuple[int, tuple[str, ...]]:
        """Return the last line of the header and the names in it."""
        with self.records() as records:
            for _, last, cells in records:
                return last, tuple(cell.strip() for cell in cells)
        raise TableError(f"{self.path} is empty")

    def names(self) -> tuple[str, ...]:
        return self.header()[1]

    def chunks(self, rules: Rules) -> Iterator[tuple[Chunk, int]]:
        arrow = arrow_module("csv")
        header_lines, names = self.header()
        # Columns go by position, because names may repeat outside of what is wanted.
        position = {role: str(names.index(name)) for role, (name, _) in rules.items()}
        with self.stream() as (stream, raw):
            try:
                reader = arrow.csv.open_csv(
                    stream,
                    arrow.csv.ReadOptions(
                        use_threads=False,
                        block_size=_table.CHUNK_BYTES,
                        skip_rows=header_lines,
                        column_names=[str(index) for index in range(len(names))],
                    ),
                    arrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                    # Cells stay text here, so that what is a number is decided by one rule, that of its content.
                    arrow.csv.ConvertOptions(
                        include_columns=sorted(set(position.values())),
                        column_types={index: arrow.string() for index in position.values()},
                        check_utf8=False,
                    ),
                )
                for batch in reader:
                    chunk = {role: rules[role][1].from_arrow(batch.column(index)) for role, index in position.items()}
                    if not all(rules[role][1].acceptable(values) for role, values in chunk.items()):
                        raise ValueError("a value is out of its domain")
                    yield chunk, raw.tell()
            except ValueError:
                self.explain(rules)
                raise

    def explain(self, rules: Rules) -> None:
        """Raise TableError for the first thing wrong in the file, read record by record; return if there is none."""
        with self.records() as records:
            _, _, names = next(records)
            names = [name.strip() for name in names]
            wanted = [(names.index(name), name, content) for name, content in rules.values()]
            wanted.sort(key=lambda column: column[0])  # the first bad cell of a line is the leftmost
            line = None
            for line, _, cells in records:
                if len(cells) != len(names):
                    raise self.error(f"line {line}", f"{len(cells)} cells under a header of {len(names)}")
                for index, name, content in wanted:
                    try:
                        content.cell(cells[index])
                    except ValueError as reason:
                        raise self.error(f"line {line}, column {name!r}", reason) from None
        if line is None:
            raise self.no_rows()


class Csv(Delimited):
    delimiter = ","


class Tsv(Delimited):
    delimiter = "\t"
