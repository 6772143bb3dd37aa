"""alignment_fast.tables: every format gives the same numbers, and every complaint says where."""

import csv
import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import hostile
import numpy as np
import pytest
from each import check_each
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_fast import tables
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.tables import TableError
from alignment_fast.tables._table import CHUNK_BYTES

pytestmark = [pytest.mark.same_everywhere, pytest.mark.interface]

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

COUNT = [3.0, 1e300, 0.0, 2.0**53]
REWARD = [-1.5, 0.1, float("inf"), 5e-324]


def as_csv(delimiter):
    lines = [delimiter.join(("letter", "count", "reward"))]
    lines += [delimiter.join(("x", repr(c), repr(r))) for c, r in zip(COUNT, REWARD, strict=True)]
    return ("\n".join(lines) + "\n").encode()


def as_jsonl():
    rows = zip(COUNT, REWARD, strict=True)
    return "\n".join(json.dumps({"letter": "x", "count": c, "reward": r}) for c, r in rows).encode()


def as_parquet():
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"letter": ["x"] * 4, "count": COUNT, "reward": REWARD}), file)
    return file.getvalue()


def as_npz():
    file = io.BytesIO()
    np.savez(file, letter=np.array(["x"] * 4), count=np.array(COUNT), reward=np.array(REWARD))
    return file.getvalue()


FORMATS = {
    "csv": as_csv(","),
    "tsv": as_csv("\t"),
    "jsonl": as_jsonl(),
    "ndjson": as_jsonl(),
    "parquet": as_parquet(),
    "npz": as_npz(),
}


def read(path, columns, **options):
    chunks = list(tables.read_columns(path, columns, **options))
    return {role: np.concatenate([chunk[role] for chunk in chunks]) for role in columns}


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("zipped", ["plain", "gzip", "gzip without .gz"])
def test_every_format_gives_the_same_columns(tmp_path, kind, zipped):
    content = FORMATS[kind] if zipped == "plain" else gzip.compress(FORMATS[kind])
    path = written(tmp_path, f"table.{kind}" + (".gz" if zipped == "gzip" else ""), content)

    assert tables.column_names(path) == ("letter", "count", "reward")
    columns = read(path, {"weight": "count", "value": "reward"})
    assert columns["weight"].dtype == columns["value"].dtype == np.float64
    np.testing.assert_array_equal(columns["weight"], COUNT)
    np.testing.assert_array_equal(columns["value"], REWARD)


@pytest.mark.parametrize("kind", FORMATS)
def test_progress_ends_at_the_size_of_the_file(tmp_path, kind):
    path = written(tmp_path, f"table.{kind}", FORMATS[kind])
    seen = []
    read(path, {"p": "count"}, progress=lambda done, size: seen.append((done, size)))
    assert seen[-1] == (path.stat().st_size,) * 2


def test_chunks_follow_each_other(tmp_path):
    rows = 3 * CHUNK_BYTES // 2 // 16
    path = written(tmp_path, "long.jsonl", "".join(f'{{"p": {i:9d}}}\n' for i in range(rows)))
    chunks = list(tables.read_columns(path, {"p": "p"}))
    assert len(chunks) > 1
    np.testing.assert_array_equal(np.concatenate([chunk["p"] for chunk in chunks]), np.arange(rows))


def test_a_csv_of_several_blocks_reads_whole_and_counts_lines(tmp_path):
    lines, note = 100_000, "x" * 63
    text = "p,note\n" + "".join(f"{i % 1000:06d},{note}\n" for i in range(lines))
    path = written(tmp_path, "long.csv", text)
    assert len(list(tables.read_columns(path, {"p": "p"}))) > 1
    assert read(path, {"p": "p"})["p"].sum() == sum(i % 1000 for i in range(lines))

    path.write_text(text + "oops,\n")
    with pytest.raises(TableError, match=f"line {lines + 2}, column 'p': 'oops' is not a number"):
        read(path, {"p": "p"})


def test_one_column_may_serve_two_roles(tmp_path):
    for kind, content in FORMATS.items():
        columns = read(written(tmp_path, f"table.{kind}", content), {"score": "reward", "value": "reward"})
        np.testing.assert_array_equal(columns["score"], columns["value"])


def test_names_outside_of_what_is_wanted_may_repeat_or_be_blank(tmp_path):
    path = written(tmp_path, "table.csv", ",x,x, p ,\n0,1,2,3,4\n")
    assert tables.column_names(path) == ("", "x", "x", "p", "")
    np.testing.assert_array_equal(read(path, {"p": "p"})["p"], [3])
    with pytest.raises(TableError, match="more than one column 'x'"):
        read(path, {"p": "x"})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_do_not_matter(tmp_path, end, mark):
    text = mark + end.join(["p,q", "1, 2 ", "3,+4", '"5","6"', ""])
    path = written(tmp_path, "table.csv", text)
    assert tables.column_names(path) == ("p", "q")
    np.testing.assert_array_equal(read(path, {"q": "q"})["q"], [2, 4, 6])

    path.write_bytes((text + f"7,x{end}").encode())
    with pytest.raises(TableError, match="line 5, column 'q': 'x' is not a number"):
        read(path, {"q": "q"})


@pytest.mark.parametrize(
    "text", ["\n\nnote,p\nx,1\n\ny,2\n", '"no\nte",p\n"two\nlines",1\n"a ""quote"", and",2\n', "note,p\nx,1\ny,2"]
)
def test_blank_lines_and_quoted_line_ends_are_no_rows(tmp_path, text):
    np.testing.assert_array_equal(read(written(tmp_path, "table.csv", text), {"p": "p"})["p"], [1, 2])


def test_a_quoted_line_end_may_stand_where_one_block_ends(tmp_path):
    cell = "line\n" * 1000
    rows = 2 * CHUNK_BYTES // len(cell)
    path = written(tmp_path, "table.csv", "p,note\n" + "".join(f'{row},"{cell}"\n' for row in range(rows)))
    np.testing.assert_array_equal(read(path, {"p": "p"})["p"], np.arange(rows))


# name, content, columns, what the message says after the path
BAD = [
    ("a.csv", "letter,count\nA,1\nB,abc\n", "count", ", line 3, column 'count': 'abc' is not a number"),
    ("a.csv", "letter,count\nA,1\n\n\nB,abc\n", "count", ", line 5, column 'count': 'abc' is not a number"),
    ("a.csv", "\n\nletter,count\nA,1\n\nB,abc\n", "count", ", line 6, column 'count': 'abc' is not a number"),
    ("a.csv", 'letter,count\n"A,\nA",1\n"B",abc\n', "count", ", line 4, column 'count': 'abc' is not a number"),
    ("a.csv", '"let\nter",count\nA,1\nB,abc\n', "count", ", line 4, column 'count': 'abc' is not a number"),
    ("a.csv", 'letter,count\nA,1\nB,"2\n3"\nC,x\n', "count", ", line 3, column 'count': '2\\n3' is not a number"),
    ("a.csv", "letter,count\nA,1\nB,\n", "count", ", line 3, column 'count': the cell is empty"),
    ("a.csv", "letter,count\nA,1\nB,  \n", "count", ", line 3, column 'count': the cell is empty"),
    ("a.csv", "letter,count\nA,nan\n", "count", ", line 2, column 'count': 'nan' is not a number"),
    ("a.csv", "letter,count\nA,1\nB,-2\n", "count", ", line 3, column 'count': -2 is negative"),
    ("a.csv", "letter,count\nA,1\nB\n", "count", ", line 3: 1 cells under a header of 2"),
    ("a.csv", "letter,count\nA,1\nB,2,3\nC,x\n", "count", ", line 3: 3 cells under a header of 2"),
    ("a.csv", "letter,count\nA,x\nB,2,3\n", "count", ", line 2, column 'count': 'x' is not a number"),
    ("a.csv", b"letter,count\n\xff,1\nB,\xff\n", "count", ", line 3, column 'count': byte 0xff is not UTF-8"),
    ("a.csv", "letter,count\nA,0x10\n", "count", ", line 2, column 'count': '0x10' is not a number"),
    ("a.csv", "letter,count\n", "count", " has columns but no rows"),
    ("a.csv", "letter,count", "count", " has columns but no rows"),
    ("a.csv", "letter,count\nA,1\n", "n", " has no column 'n'; its columns are: letter, count"),
    ("a.tsv", "letter\tcount\nA\t1\nB\tx\n", "count", ", line 3, column 'count': 'x' is not a number"),
    ("a.csv", "", "count", " is empty"),
    ("a.csv", "\n\n", "count", " is empty"),
    ("a.jsonl", '{"p": 1}\n\n{"p": "x"}\n', "p", ", line 3, key 'p': \"x\" is not a number"),
    ("a.jsonl", '{"p": 1}\n{"p": null}\n', "p", ", line 2, key 'p': null is not a number"),
    ("a.jsonl", '{"p": 1}\n{"p": true}\n', "p", ", line 2, key 'p': true is not a number"),
    ("a.jsonl", '{"p": 1}\n{"p": NaN}\n', "p", ", line 2, key 'p': nan is not a number"),
    ("a.jsonl", '{"p": 1}\n{"q": 1}\n', "p", ", line 2, key 'p': the key is missing"),
    ("a.jsonl", '{"p": 1}\n{"p": 1\n', "p", ", line 2: not JSON: Expecting"),
    ("a.jsonl", '{"p": 1}\n{"p": "x"}\n[1]\n', "p", ", line 2, key 'p': \"x\" is not a number"),
    ("a.jsonl", '{"p": 1}\n[1]\n', "p", ", line 2: not a JSON object"),
    ("a.jsonl", b'{"p": 1}\n{"p": "\xff"}\n', "p", ", line 2, key 'p': byte 0xff is not UTF-8"),
    ("a.jsonl", '{"p": 1}\n{"p": 1' + "0" * 400 + "}\n", "p", ", line 2, key 'p': the integer is too large"),
    ("a.jsonl", '{"p": 1}\n{"p": 1' + "0" * 5000 + "}\n", "p", ", line 2: "),
    ("a.jsonl", '{"p": 1}\n' + "[" * 100_000 + "\n", "p", ", line 2: JSON nested too deeply"),
    ("a.jsonl", '{"p": 1}\n{"p": -1}\n', "p", ", line 2, key 'p': -1 is negative"),
    ("a.jsonl", "\n", "p", " is empty"),
    ("a.parquet", b"PAR1 but not really", "p", ": "),
    ("a.parquet", b"", "p", ": "),
    ("a.npz", b"PK but not really", "p", " is not an npz archive"),
    ("a.npz", b"", "p", " is not an npz archive"),
    ("a.csv.gz", gzip.compress(b"p\n" + b"0.123\n" * 100_000)[:-40], "p", ": the compressed file is truncated"),
    ("a.jsonl.gz", gzip.compress(b'{"p": 1}\n' * 100_000)[:-40], "p", ": the compressed file is truncated"),
    ("a.npz.gz", gzip.compress(FORMATS["npz"])[:-40], "count", ": the compressed file is truncated"),
    ("a.csv", b"\x1f\x8b\x08garbage that is not deflate", "p", ": "),
    ("a.txt", "p\n1\n", "p", ": the name must end in one of .csv, .tsv, .jsonl, .ndjson, .json, .parquet, .npz"),
]


@pytest.mark.parametrize(("name", "content", "column", "message"), BAD)
def test_complaints_say_where(tmp_path, name, content, column, message):
    path = written(tmp_path, name, content)
    with pytest.raises(TableError) as caught:
        read(path, {"weight": column}, nonnegative=("weight",))
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


# ---- the alphabet of hostile names ----


def alphabet(kind):
    """Return (what is odd about it, (name,)) of all names that a kind of file can hold."""
    names = hostile.NAMES | (hostile.ONLY_JSON if kind.startswith("json") else {})
    return [(label, (name,)) for label, name in names.items()]


@pytest.mark.parametrize("kind", hostile.WRITERS)
def test_any_name_is_read_as_it_is_wherever_it_stands(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_BYTES", 64)
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_ROWS", 16)
    path = tmp_path / f"a.{kind}"

    def check(name):
        names = ["plain", "ünï"] * 25
        for place in (0, 31, 49):  # the first row, one past the first block, the last
            names[place] = name
        path.write_bytes(hostile.WRITERS[kind](("name", "p"), [(text, row) for row, text in enumerate(names)]))
        found = read(path, {"t": "name", "w": "name", "p": "p"}, text=("t",), words=("w",))
        assert found["t"].tolist() == found["w"].tolist() == [hostile.read_back(text) for text in names]
        np.testing.assert_array_equal(found["p"], np.arange(50))

    check_each(alphabet(kind), check)


@pytest.mark.parametrize("kind", hostile.WRITERS)
def test_a_column_may_have_any_name(tmp_path, kind):
    """But a null in an npz file: names in zip files end there."""
    path = tmp_path / f"a.{kind}"

    def check(name):
        path.write_bytes(hostile.WRITERS[kind]((name, "p"), [(1.5, 2), (2.5, 4)]))
        first, second = tables.column_names(path)
        assert (first, second) == (hostile.read_back(name) if kind in ("csv", "tsv") else name, "p")
        np.testing.assert_array_equal(read(path, {"x": first})["x"], [1.5, 2.5])

    check_each([case for case in alphabet(kind) if kind != "npz" or "\x00" not in case[1][0]], check)


@pytest.mark.parametrize("fault", ["", " ", "\t", "\u00a0"])
@pytest.mark.parametrize("kind", hostile.WRITERS)
@pytest.mark.parametrize("row", [0, 31, 49])
def test_an_empty_name_is_an_error_wherever_it_stands(tmp_path, monkeypatch, kind, fault, row):
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_BYTES", 64)
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_ROWS", 16)
    names = ["plain"] * 50
    names[row] = fault
    path = tmp_path / f"a.{kind}"
    path.write_bytes(hostile.WRITERS[kind](("name", "p"), [(text, 1) for text in names]))
    place = {"csv": f"line {row + 2}, column", "tsv": f"line {row + 2}, column", "jsonl": f"line {row + 1}, key"}
    place |= {"json": f"row {row + 1}, key"}
    with pytest.raises(TableError) as caught:
        read(path, {"t": "name"}, text=("t",))
    assert str(caught.value) == f"{path}, {place.get(kind, f'row {row + 1}, column')} 'name': the cell is empty"


# ---- quotes, ends of files, long cells ----


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut files every few bytes, so that everything stands where one block ends and another begins."""
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_BYTES", 7)


QUOTED = {
    "an unclosed quote": ('a,note\n1,ok\n2,"open\n3,ok\n', ", line 3: the quote that opens here is never closed"),
    "an unclosed quote behind a closed one": (
        'a,note\n1,"two\nlines"\n2,"op""en\n3,ok\n',
        ", line 4: the quote that opens here is never closed",
    ),
    "two unclosed quotes": (
        'a,note\n1,ok\n2,"open\n3,ok\n4,"open\n5,ok\n',
        ", line 3: the quoted cell that opens here does not end at a delimiter in line 5",
    ),
    "a file cut inside of a cell": (
        'a,note\n1,"ok"\n2,"fine so f',
        ", line 3: the quote that opens here is never closed",
    ),
    "a file cut inside of its header": ('a,"no', ", line 1: the quote that opens here is never closed"),
    "letters behind a closed quote": (
        'a,note\n1,"ok"\n2,"ok"ay\n',
        ", line 3: the quoted cell that opens here does not end at a delimiter",
    ),
}


@pytest.mark.parametrize("fault", QUOTED)
@pytest.mark.parametrize("blocks", ["", "small_blocks"])
def test_quotes_that_do_not_close_are_errors_at_their_line(tmp_path, request, fault, blocks):
    if blocks:
        request.getfixturevalue(blocks)
    text, message = QUOTED[fault]
    path = written(tmp_path, "a.csv", text)
    with pytest.raises(TableError) as caught:
        read(path, {"p": "a"})
    assert str(caught.value) == f"{path}{message}"


def test_quotes_inside_of_cells_are_letters(tmp_path, small_blocks):
    path = written(tmp_path, "a.csv", 'size,p\n5" disk,1\n3½" or "less",2\n"x",3\n')
    assert read(path, {"s": "size", "p": "p"}, text=("s",))["s"].tolist() == ['5" disk', '3½" or "less"', "x"]


@pytest.mark.parametrize("letter", ["\r", "\n", "\r\n", '""', ","])
@pytest.mark.parametrize("before", range(1, 9))
def test_a_cell_is_the_same_text_wherever_a_block_ends(tmp_path, small_blocks, letter, before):
    cell = "x" * before + letter + "y"
    path = written(tmp_path, "a.csv", f'prompt,p\n"{cell}",1\n"{cell}",2\n')
    assert read(path, {"t": "prompt"}, text=("t",))["t"].tolist() == [cell.replace('""', '"')] * 2


@pytest.mark.parametrize("block", range(4, 40))
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_of_several_cells_of_several_lines_are_whole_wherever_a_block_ends(tmp_path, monkeypatch, block, end):
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_BYTES", block)
    rows = [("one\ntwo\n", "\nthree", "a,\n\nb", "1"), ("x", "y\n", '"\n"', "2"), ("\n\n", "y\nz", "", "3")] * 2
    file = io.StringIO()
    csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("prompt", "one", "two", "p"), *rows])
    columns = read(written(tmp_path, "a.csv", file.getvalue()), {"t": "one", "p": "p"}, words=("t",))
    np.testing.assert_array_equal(columns["p"], [1, 2, 3] * 2)
    assert columns["t"].tolist() == [row[1].strip() for row in rows]


@pytest.mark.parametrize("block", [5, 6, 7, 8, 13])
def test_a_name_keeps_its_byte_order_mark_where_a_block_begins(tmp_path, monkeypatch, block):
    monkeypatch.setattr("alignment_fast.tables._table.CHUNK_BYTES", block)
    path = written(tmp_path, "a.csv", "name,p\n" + "\ufeffa,1\n" * 4)
    assert read(path, {"t": "name"}, text=("t",))["t"].tolist() == ["\ufeffa"] * 4


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
@pytest.mark.parametrize("blocks", ["", "small_blocks"])
def test_bytes_that_are_not_utf8_matter_only_where_somebody_looks(tmp_path, request, kind, blocks):
    if blocks:
        request.getfixturevalue(blocks)
    rows = [(b"a", b"1"), (b"caf\xe9", b"2"), (b"b", b"3")]
    if kind == "csv":
        content, place = b"name,p\n" + b"\n".join(map(b",".join, rows)), "line 3, column"
    else:
        objects = [b'{"name": "%s", "p": %s}' % row for row in rows]
        content = b"\n".join(objects) if kind == "jsonl" else b"[" + b",\n".join(objects) + b"]"
        place = "line 2, key" if kind == "jsonl" else "row 2, key"
    path = written(tmp_path, f"a.{kind}", content)
    np.testing.assert_array_equal(read(path, {"p": "p"})["p"], [1, 2, 3])
    with pytest.raises(TableError) as caught:
        read(path, {"t": "name"}, text=("t",))
    assert str(caught.value) == f"{path}, {place} 'name': byte 0xe9 is not UTF-8"


def test_objects_that_begin_within_lines_are_an_error(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"p": 1}{"p":\n2}\n{"p": 3}\n')
    with pytest.raises(TableError, match="line 1: not JSON: Extra data"):
        read(path, {"p": "p"})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_over_blocks(tmp_path, small_blocks, end):
    path = written(tmp_path, "a.csv", end.join(["p,q", *["1,2"] * 20, "", '"3\n",4', "5,x", ""]))
    with pytest.raises(TableError, match="line 25, column 'q': 'x' is not a number"):
        read(path, {"q": "q"})


def test_behind_a_long_cell_the_true_fault_is_found(tmp_path):
    path = written(tmp_path, "a.csv", f"note,p\n{'x' * 200_000},1\nb,oops\n")
    with pytest.raises(TableError, match="line 3, column 'p': 'oops' is not a number"):
        read(path, {"p": "p"})


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
@pytest.mark.parametrize("row", [0, 3])
def test_a_row_beyond_the_limit_is_an_error_that_names_the_limit(tmp_path, monkeypatch, kind, row):
    monkeypatch.setenv("ALIGNMENT_FAST_ROW_MIB", "1")
    notes = ["x"] * 5
    notes[row] = "x" * (6 << 20)
    objects = [json.dumps({"p": 1, "note": note}) for note in notes]
    text = {"csv": "p,note\n" + "".join(f"1,{note}\n" for note in notes), "jsonl": "\n".join(objects)}
    path = written(tmp_path, f"a.{kind}.gz", gzip.compress(text.get(kind, f"[{','.join(objects)}]").encode()))
    place = f"row {row + 1}" if kind == "json" else f"line {row + (2 if kind == 'csv' else 1)}"
    message = f"{place}: the row is longer than 1 MiB; --row-mib or ALIGNMENT_FAST_ROW_MIB raises the limit"
    with pytest.raises(TableError, match=message):
        read(path, {"p": "p"})
    with tables.limits(row_mib=64):
        assert len(read(path, {"p": "p"})["p"]) == 5
    monkeypatch.setenv("ALIGNMENT_FAST_ROW_MIB", "64")
    assert len(read(path, {"p": "p"})["p"]) == 5


@pytest.mark.parametrize("kind", ["parquet", "npz"])
def test_what_unpacks_beyond_the_limit_is_an_error_that_names_the_limit(tmp_path, monkeypatch, kind):
    file = io.BytesIO()
    if kind == "npz":
        np.savez_compressed(file, p=np.zeros(1 << 18))
    path = written(tmp_path, f"a.{kind}", file.getvalue() or gzip.compress(bytes(2 << 20)))
    message = "larger than 1 MiB unpacked; --unpacked-mib or ALIGNMENT_FAST_UNPACKED_MIB raises the limit"
    with tables.limits(unpacked_mib=1), pytest.raises(TableError, match=message):
        read(path, {"p": "p"})
    monkeypatch.setenv("ALIGNMENT_FAST_UNPACKED_MIB", "1")
    with pytest.raises(TableError, match=message):
        read(path, {"p": "p"})


def test_standard_input_beyond_the_limit_is_an_error_that_names_the_limit(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"p\n" + b"1\n" * (1 << 20))))
    with tables.limits(unpacked_mib=1), pytest.raises(TableError, match="standard input is larger than 1 MiB"):
        tables.column_names("-")


@pytest.mark.parametrize("limit", ["row_mib", "unpacked_mib"])
def test_limits_are_at_least_a_mebibyte(limit):
    with pytest.raises(ValueError, match=f"{limit} must be at least 1, not 0"), tables.limits(**{limit: 0}):
        pass


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        *(("utf-16", "UTF-16"), ("utf-32", "UTF-32")),
        *((encoding, "UTF-16 or UTF-32") for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")),
    ],
)
def test_text_of_wide_letters_is_named(tmp_path, kind, encoding, shown):
    text = {"csv": "name,p\na,1\n", "jsonl": '{"name": "a", "p": 1}\n', "json": '[{"name": "a", "p": 1}]'}[kind]
    path = written(tmp_path, f"a.{kind}", text.encode(encoding))
    with pytest.raises(TableError) as caught:
        tables.column_names(path)
    assert str(caught.value) == f"{path}, line 1: the file is {shown}, not UTF-8"


MEMORY = """
import resource, sys
from alignment_fast import tables
rows, roles = 0, {"p": "p", "name": "name"}
for number, chunk in enumerate(tables.read_columns(sys.argv[1], roles, text=("name",))):
    if number == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows += len(chunk["p"])
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kB on Linux")
@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
def test_memory_stays_bounded_by_the_chunk(tmp_path, kind):
    """A file of 96 MiB, unpacked: beyond what two chunks took, at most 48 MiB more."""
    rows, note = 3 << 13, "x" * 4096
    objects = (json.dumps({"name": f"m{row % 7}", "p": row, "note": note}) for row in range(rows))
    path = tmp_path / f"a.{kind}.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        if kind == "csv":
            file.write("name,p,note\n")
            file.writelines(f"m{row % 7},{row},{note}\n" for row in range(rows))
        elif kind == "jsonl":
            file.writelines(f"{text}\n" for text in objects)
        else:
            file.writelines([f"{'[' if row == 0 else ','}{text}" for row, text in enumerate(objects)])
            file.write("]")
    result = subprocess.run([sys.executable, "-P", "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    found, grown = map(int, result.stdout.split())
    assert found == rows
    assert grown < 48 << 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kB on Linux")
def test_memory_stays_bounded_by_the_words_of_parquet(tmp_path):
    """Two words of 64 KiB in 2^17 rows, 8 GiB as text and 1 MiB as a file: at most 48 MiB more than without them."""
    numbers = pyarrow.array(np.arange(1 << 17, dtype=np.int32) % 2)
    for words in (["a", "b"], ["x" * (1 << 16), "y" * (1 << 16)]):
        cells = pyarrow.DictionaryArray.from_arrays(numbers, pyarrow.array(words))
        parquet.write_table(pyarrow.table({"name": cells, "p": numbers}), tmp_path / f"{len(words[0])}.parquet")
    most = []
    for length in (1, 1 << 16):
        code = MEMORY.replace("- before", "")
        result = subprocess.run(
            [sys.executable, "-P", "-c", code, str(tmp_path / f"{length}.parquet")],
            capture_output=True,
            text=True,
            check=True,
        )
        rows, peak = map(int, result.stdout.split())
        assert rows == 1 << 17
        most.append(peak)
    assert most[1] - most[0] < 48 << 10


@pytest.mark.parametrize("row", [0, 40_000, 99_999])
@pytest.mark.parametrize(("cell", "message"), [(None, "the cell is empty"), (" ", "the cell is empty")])
def test_a_bad_word_of_parquet_is_named_at_its_row(tmp_path, row, cell, message):
    names = ["a", "b"] * 50_000
    names[row] = cell
    path = written(tmp_path, "a.parquet", parquet_of(t=names))
    with pytest.raises(TableError) as caught:
        read(path, {"t": "t"}, text=("t",))
    assert str(caught.value) == f"{path}, row {row + 1}, column 't': {message}"


def test_a_cell_of_parquet_without_a_word_is_a_fault_of_the_file(tmp_path):
    """Its number of a word is 2, and there are two words."""
    kept = Path(__file__).parent / "hardening" / "corpus" / "parquet" / "word_beyond_the_last"
    path = written(tmp_path, "a.parquet", kept.read_bytes())
    with pytest.raises(TableError, match=r"a\.parquet: "):
        read(path, {"t": "t"}, text=("t",))


def test_a_bad_word_of_parquet_that_no_cell_holds_is_no_fault(tmp_path):
    cells = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 2, 0]), pyarrow.array(["a", "", "b"]))
    parquet.write_table(pyarrow.table({"t": cells}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", {"t": "t"}, text=("t",))["t"].tolist() == ["a", "b", "a"]


# ---- arrays of JSON ----


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("blocks", ["", "small_blocks"])
def test_an_array_of_objects_reads_like_lines(tmp_path, request, indent, end, blocks):
    if blocks:
        request.getfixturevalue(blocks)
    names = ['a "quoted" name', "comma, [bracket] {brace}", "back\\slash\\", 'slash\\"quote', "ünï", "a\u2028b"]
    rows = [{"name": name, "more": {"list": [1, [2, "],{"]], "t": None}, "p": i / 2} for i, name in enumerate(names)]
    text = json.dumps(rows, indent=indent, ensure_ascii=bool(indent)).replace("\n", end)
    path = written(tmp_path, "a.json", text)
    assert tables.column_names(path) == ("name", "more", "p")
    columns = read(path, {"t": "name", "p": "p"}, text=("t",))
    assert columns["t"].tolist() == [name.strip() for name in names]
    np.testing.assert_array_equal(columns["p"], np.arange(len(names)) / 2)
    assert tables.place_of_row(path, 3) == "row 4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"p": 1},{"p": 2}', ", row 2: the array is not closed: the file is cut"),
        ('[{"p": 1},{"p": ', ", row 2: the array is not closed: the file is cut"),
        ('[{"p": 1},{"p": 2},]', ", row 3: not JSON: Expecting value"),
        ('[{"p": 1} {"p": 2}]', ", row 1: not JSON: Extra data"),
        ('[{"p": 1},[2]]', ", row 2: not a JSON object"),
        ('[{"p": 1}]{"p": 2}', ", behind row 1: the array is followed by"),
        ('[{"p": 1},\n{"p": 2}]\n]', ", behind row 2: the array is followed by"),
        ('[{"p": 1},{"p"}: 2},{"p": 3}]', ", row 2: not JSON: Expecting ':' delimiter"),
        ('[{"p": 1},{"p": 2]},{"p": 3}]', ", row 2: not JSON: Expecting ',' delimiter"),
        ('[{"p": 1},{"p": "x"}]', ", row 2, key 'p': \"x\" is not a number"),
        ('[{"p": 1},{"p": tru}]', ", row 2: not JSON: Expecting value at character 7"),
        ("[]", " is empty"),
        ("[1, 2]", ", row 1: not a JSON object"),
    ],
)
@pytest.mark.parametrize("blocks", ["", "small_blocks"])
def test_complaints_about_an_array_say_the_row(tmp_path, request, text, message, blocks):
    if blocks:
        request.getfixturevalue(blocks)
    path = written(tmp_path, "a.json", text)
    with pytest.raises(TableError) as caught:
        read(path, {"p": "p"})
    assert str(caught.value).startswith(f"{path}{message}")


def test_lines_of_json_may_stand_in_a_file_called_json_and_arrays_in_one_called_jsonl(tmp_path):
    for name, text in (("a.json", '{"p": 1}\n{"p": 2}\n'), ("a.jsonl", '\ufeff [{"p": 1}, {"p": 2}]')):
        np.testing.assert_array_equal(read(written(tmp_path, name, text), {"p": "p"})["p"], [1, 2])


@pytest.mark.parametrize(
    "text", ['{"p": 1}\r{"p": 2}\r', '\ufeff{"p": 1}\r\n\r\n{"p": 2}', '{"p": 1}\n{"p":\t2}\n  \n']
)
@pytest.mark.parametrize("blocks", ["", "small_blocks"])
def test_lines_of_json_end_as_they_like(tmp_path, request, text, blocks):
    if blocks:
        request.getfixturevalue(blocks)
    np.testing.assert_array_equal(read(written(tmp_path, "a.jsonl", text), {"p": "p"})["p"], [1, 2])


def test_what_arrow_takes_for_two_lines_is_an_error(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"p": 1} {"p": 2}\n{"p":\n3}\n')
    with pytest.raises(TableError, match="line 1: not JSON: Extra data"):
        read(path, {"p": "p"})


@pytest.mark.parametrize("kind", ["jsonl", "json"])
@pytest.mark.parametrize("row", [0, 2, 4])
@pytest.mark.parametrize("blocks", ["", "small_blocks"])
def test_a_key_that_stands_in_an_object_twice_is_an_error(tmp_path, request, kind, row, blocks):
    if blocks:
        request.getfixturevalue(blocks)
    objects = ['{"p": 1, "q": 1}'] * 5
    objects[row] = '{"p": 1, "q": 1, "p": 2}'
    path = written(tmp_path, f"a.{kind}", "\n".join(objects) if kind == "jsonl" else f"[{','.join(objects)}]")
    place = f"{'line' if kind == 'jsonl' else 'row'} {row + 1}"
    with pytest.raises(TableError, match=f"{place}, key 'p': the key stands there more than once"):
        read(path, {"p": "p"})
    assert len(read(path, {"q": "q"})["q"]) == 5


@pytest.mark.parametrize("kind", ["jsonl", "json"])
@pytest.mark.parametrize("row", [0, 2, 4])
def test_a_key_that_is_missing_is_named_wherever_its_object_stands(tmp_path, kind, row):
    objects = ['{"p": 1, "q": 1}'] * 5
    objects[row] = '{"q": 1}'
    path = written(tmp_path, f"a.{kind}", "\n".join(objects) if kind == "jsonl" else f"[{','.join(objects)}]")
    assert set(tables.column_names(path)) == {"p", "q"}
    place = f"{'line' if kind == 'jsonl' else 'row'} {row + 1}"
    with pytest.raises(TableError, match=f"{place}, key 'p': the key is missing"):
        read(path, {"p": "p"})


# ---- lists and words ----


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_lists_are_one_array_per_cell(tmp_path, kind):
    rows = [{"p": [1.0, 2.5]}, {"p": [3.0]}, {"p": []}, {"p": [4.0, 5.0, 6.0]}]
    text = {"jsonl": "\n".join(map(json.dumps, rows)), "json": json.dumps(rows)}
    path = written(tmp_path, f"a.{kind}", text.get(kind) or parquet_of(p=[row["p"] for row in rows]))
    assert tables.holds_lists(path, "p")
    found = read(path, {"p": "p"}, lists=("p",), finite=("p",))["p"]
    assert [values.tolist() for values in found] == [row["p"] for row in rows]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["a", " b "], ["a", "b"]),
        ([1, -2], ["1", "-2"]),
        ([0.5, 1.0], ["0.5", "1.0"]),
        ([True, False], ["True", "False"]),
    ],
)
def test_words_are_text_numbers_and_truth_values_as_python_writes_them(tmp_path, kind, cells, words):
    text = "\n".join(json.dumps({"w": cell}) for cell in cells)
    path = written(tmp_path, f"a.{kind}", text if kind == "jsonl" else parquet_of(w=cells))
    assert read(path, {"w": "w"}, words=("w",))["w"].tolist() == words


def test_views_of_text_are_text(tmp_path):
    if not hasattr(pyarrow, "string_view"):
        pytest.skip("this pyarrow has no string_view")
    table = pyarrow.table({"t": pyarrow.array(["a", " b"], pyarrow.string_view()), "p": ["1", "2"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", {"t": "t", "p": "p"}, text=("t",))["t"].tolist() == ["a", "b"]


# ---- archives that are broken on purpose ----


def archive(change):
    """Return an npz archive whose member p.npy was changed by a function of its bytes, as it is stored."""
    good = io.BytesIO()
    np.save(good, np.arange(3.0))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("p.npy", change(good.getvalue()))
    return file.getvalue()


def with_field(offset, value):
    """Return an archive whose headers, of the member and of the directory, have a 2-byte field changed."""
    content = bytearray(archive(bytes))
    for signature, place in ((b"PK\x03\x04", offset), (b"PK\x01\x02", offset + 2)):
        at = content.index(signature) + place
        content[at : at + 2] = value.to_bytes(2, "little")
    return bytes(content)


ARCHIVES = {
    "no array": archive(lambda _: b"just text"),
    "a raw pickle": archive(lambda _: pickle.dumps([1.0, 2.0])),
    "a broken shape": archive(lambda text: text.replace(b"(3,), }", b"(3,,,, ")),
    "an absurd shape": archive(lambda text: text.replace(b"(3,), }" + b" " * 16, b"(20000000000000000,), }")),
    "a huge shape": archive(lambda text: text.replace(b"(3,), }" + b" " * 31, b"(1" + b"0" * 30 + b",), }  ")),
    "a cut array": archive(lambda text: text[:-4]),
    "an unknown compression": with_field(8, 99),
    "an encrypted member": with_field(6, 1),
    "broken deflate": with_field(8, 8),
    "broken LZMA": with_field(8, 14),
}


@pytest.mark.parametrize("fault", ARCHIVES)
def test_a_broken_archive_is_one_line_that_names_file_and_member(tmp_path, fault):
    path = written(tmp_path, "a.npz", ARCHIVES[fault])
    with pytest.raises(TableError) as caught:
        read(path, {"p": "p"})
    assert str(caught.value).startswith(f"{path}, member 'p'")
    assert "\n" not in str(caught.value)


def parquet_of(**columns):
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([1.0, None], ", row 2, column 'p': the cell is empty"),
        ([1.0, float("nan")], ", row 2, column 'p': nan is not a number"),
        ([1, -2], ", row 2, column 'p': -2 is negative"),
        (["1", "2", "x"], ", row 3, column 'p': 'x' is not a number"),
        ([True, False], ", column 'p': holds bool, not numbers"),
        ([[1.0]], ", column 'p': holds list<"),
    ],
)
def test_parquet_complaints_say_the_row(tmp_path, cells, message):
    path = written(tmp_path, "a.parquet", parquet_of(p=cells))
    with pytest.raises(TableError) as caught:
        read(path, {"p": "p"}, nonnegative=("p",))
    assert str(caught.value).startswith(f"{path}{message}")


def test_parquet_holds_numbers_in_many_types(tmp_path):
    cells = {
        "int64": pyarrow.array([2**53 + 1, -1]),
        "float16": pyarrow.array(np.array([1.5, 2.5], np.float16)),
        "decimal": pyarrow.array([1, 2]).cast(pyarrow.decimal128(20, 1)),
        "text": pyarrow.array([" 1e3", "1_000"]),
        "dictionary": pyarrow.array(["7", "8"]).dictionary_encode(),
        "with.dot": pyarrow.array([1, 2], pyarrow.uint8()),
    }
    path = written(tmp_path, "a.parquet", parquet_of(**cells))
    columns = read(path, {name: name for name in cells})
    expected = [[2.0**53, -1], [1.5, 2.5], [1, 2], [1000, 1000], [7, 8], [1, 2]]
    for values, right in zip(columns.values(), expected, strict=True):
        np.testing.assert_array_equal(values, right)


def test_an_empty_parquet_table_has_no_rows(tmp_path):
    path = written(tmp_path, "a.parquet", parquet_of(p=pyarrow.array([], pyarrow.float64())))
    with pytest.raises(TableError, match="has columns but no rows"):
        read(path, {"p": "p"})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"p": np.array([1.0, np.nan])}, ", row 2, column 'p': nan is not a number"),
        ({"p": np.array([1.0, -3.0])}, ", row 2, column 'p': -3.0 is negative"),
        ({"p": np.ones((2, 2))}, ", column 'p': holds float64 of shape (2, 2), not a row of numbers"),
        ({"p": np.array(["1"])}, ", column 'p': holds <U1 of shape (1,), not a row of numbers"),
        ({"p": np.array([None, 1])}, ", member 'p': Object arrays cannot be loaded"),
        ({"p": np.ones(3), "q": np.ones(2)}, ": arrays differ in length: 'p' has 3, 'q' has 2"),
        ({"p": np.ones(0)}, " has columns but no rows"),
    ],
)
def test_npz_complaints_say_the_row(tmp_path, arrays, message):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(TableError) as caught:
        read(path, {name: name for name in arrays}, nonnegative=("p",))
    assert str(caught.value).startswith(f"{path}{message}")


def test_what_is_not_a_file_is_refused(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name, message in [("missing.csv", "No such file or directory"), ("folder.csv", "is not a file")]:
        with pytest.raises(TableError, match=message):
            tables.column_names(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(TableError, match="is not a file"):
        tables.column_names(tmp_path / "pipe.csv")


@pytest.mark.parametrize(
    ("requested", "guesses", "chosen"),
    [
        (None, ("p", "count"), "Count"),
        (None, ("count", "p"), "Count"),
        (None, ("weight",), None),
        ("Count", (), "Count"),
        ("COUNT", (), "Count"),
        ("reward", ("count",), "reward"),
        ("REWARD", ("count",), "Reward"),
    ],
)
def test_columns_are_chosen_by_request_then_by_guess(requested, guesses, chosen):
    names = ("Letter", "Count", "Reward", "reward")
    assert tables.choose_column("a.csv", names, requested, guesses) == chosen


def test_a_requested_column_that_is_not_there_is_an_error_that_lists_what_is():
    with pytest.raises(TableError, match=r"a.csv has no column 'n'; its columns are: p, q"):
        tables.choose_column("a.csv", ("p", "q"), "n", ("p",))


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)  # makes importing it fail
    for kind in ("csv", "parquet"):
        path = written(tmp_path, f"a.{kind}", FORMATS[kind])
        with pytest.raises(BackendUnavailableError, match=r'pip install "alignment-fast\[app\]"'):
            read(path, {"p": "count"})
    for kind in ("jsonl", "npz"):
        assert len(read(written(tmp_path, f"a.{kind}", FORMATS[kind]), {"p": "count"})["p"]) == 4


# ---- text, and what is right or wrong ----

NAMES = ["a/1", "007", " b", "b"]
RIGHT = [True, False, False, True]


def named(kind):
    """Return a table of a name and a truth value per row, in the way that is natural for its kind."""
    pairs = list(zip(NAMES, RIGHT, strict=True))
    match kind:
        case "csv":
            return "prompt,correct\n" + "".join(f"{name},{int(right)}\n" for name, right in pairs)
        case "tsv":
            return "prompt\tcorrect\n" + "".join(f"{name}\t{right}\n" for name, right in pairs)
        case "jsonl" | "ndjson":
            return "".join(json.dumps({"prompt": name, "correct": right}) + "\n" for name, right in pairs)
        case "parquet":
            return parquet_of(prompt=NAMES, correct=RIGHT)
        case "npz":
            file = io.BytesIO()
            np.savez(file, prompt=np.array(NAMES), correct=np.array(RIGHT))
            return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_text_stays_as_it_is_and_truth_values_are_zero_and_one(tmp_path, kind):
    path = written(tmp_path, f"a.{kind}", named(kind))
    columns = read(path, {"id": "prompt", "right": "correct"}, text=("id",), zero_one=("right",))
    assert columns["id"].tolist() == [name.strip() for name in NAMES]
    assert columns["right"].dtype == np.float64
    np.testing.assert_array_equal(columns["right"], RIGHT)


def integers(kind):
    match kind:
        case "csv" | "tsv":
            return "id\n7\n12\n"
        case "jsonl" | "ndjson":
            return '{"id": 7}\n{"id": 12}\n'
        case "parquet":
            return parquet_of(id=[7, 12])
        case "npz":
            file = io.BytesIO()
            np.savez(file, id=np.array([7, 12]))
            return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_integers_as_text_are_their_digits(tmp_path, kind):
    path = written(tmp_path, f"a.{kind}", integers(kind))
    assert read(path, {"id": "id"}, text=("id",))["id"].tolist() == ["7", "12"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,right\na,1\n,0\n", ", line 3, column 'id': the cell is empty"),
        ("a.csv", "id,right\na,1\n  ,0\n", ", line 3, column 'id': the cell is empty"),
        ("a.csv", b"id,right\n\xff,1\n", ", line 2, column 'id': byte 0xff is not UTF-8"),
        ("a.csv", "id,right\na,1\nb,2\n", ", line 3, column 'right': 2 is neither 0 nor 1"),
        ("a.csv", "id,right\na,TRUE\nb,maybe\n", ", line 3, column 'right': 'maybe' is not a number"),
        ("a.csv", "id,right\na,1\nb,nan\n", ", line 3, column 'right': 'nan' is not a number"),
        ("a.jsonl", '{"id": 1.5, "right": true}\n', ", line 1, key 'id': 1.5 is not text or an integer"),
        ("a.jsonl", '{"id": true, "right": true}\n', ", line 1, key 'id': true is not text or an integer"),
        ("a.jsonl", '{"id": "", "right": true}\n', ", line 1, key 'id': the cell is empty"),
        ("a.jsonl", '{"id": "a", "right": "true"}\n', ", line 1, key 'right': \"true\" is not a number"),
        ("a.jsonl", '{"id": "a", "right": 0.5}\n', ", line 1, key 'right': 0.5 is neither 0 nor 1"),
        ("a.parquet", parquet_of(id=["a", None], right=[1, 0]), ", row 2, column 'id': the cell is empty"),
        ("a.parquet", parquet_of(id=[1.5], right=[1]), ", column 'id': holds double, not text"),
        ("a.parquet", parquet_of(id=["a"], right=[7]), ", row 1, column 'right': 7 is neither 0 nor 1"),
    ],
)
def test_complaints_about_text_and_truth_values_say_where(tmp_path, name, content, message):
    path = written(tmp_path, name, content)
    with pytest.raises(TableError) as caught:
        read(path, {"id": "id", "right": "right"}, text=("id",), zero_one=("right",))
    assert str(caught.value).startswith(f"{path}{message}")


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=20),
    filler=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6),
    kind=st.sampled_from(["csv", "tsv", "jsonl"]),
)
def test_floats_survive_a_round_trip_whatever_stands_beside_them(tmp_path_factory, values, filler, kind):
    file = io.StringIO()
    if kind == "jsonl":
        file.write("".join(json.dumps({"note": filler, "p": value}) + "\n" for value in values))
    else:
        writer = csv.writer(file, delimiter={"csv": ",", "tsv": "\t"}[kind], quoting=csv.QUOTE_ALL)
        writer.writerows([("note", "p"), *((filler, repr(value)) for value in values)])
    path = written(tmp_path_factory.mktemp("tables"), f"a.{kind}", file.getvalue())
    np.testing.assert_array_equal(read(path, {"p": "p"})["p"], values)


@settings(max_examples=60, deadline=None)
@given(
    fillers=st.lists(st.sampled_from(["", "x", "a,b", "two\nlines", 'a "quote"', "\n\n"]), min_size=1, max_size=8),
    blanks=st.integers(0, 3),
)
def test_the_line_number_is_that_of_an_editor(tmp_path_factory, fillers, blanks):
    quoted = ['"' + filler.replace('"', '""') + '"' for filler in fillers]
    before = "note,p\n" + ("\n" * blanks).join(f"{filler},1\n" for filler in quoted)
    path = written(tmp_path_factory.mktemp("tables"), "a.csv", before + "x,bad\n")
    with pytest.raises(TableError, match=f"line {before.count(chr(10)) + 1}, column 'p': 'bad' is not a number"):
        read(path, {"p": "p"})
