"""alignment_fast.tables: every format gives the same numbers, and every complaint says where."""

import csv
import gzip
import io
import json
import os
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_fast import tables
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.tables import TableError

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
    rows = 3 * tables.CHUNK_ROWS // 2
    path = written(tmp_path, "long.jsonl", "".join(f'{{"p": {i}}}\n' for i in range(rows)))
    chunks = list(tables.read_columns(path, {"p": "p"}))
    assert len(chunks) == 2
    np.testing.assert_array_equal(np.concatenate([chunk["p"] for chunk in chunks]), np.arange(rows))


def test_a_csv_of_several_blocks_reads_whole_and_counts_lines(tmp_path):
    lines = 2_000_000 // 2
    text = "p\n" + "".join(f"{i % 1000:06d}\n" for i in range(lines))
    path = written(tmp_path, "long.csv", text)
    assert len(list(tables.read_columns(path, {"p": "p"}))) > 1
    assert read(path, {"p": "p"})["p"].sum() == sum(i % 1000 for i in range(lines))

    path.write_text(text + "oops\n")
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
    rows = 2 * tables.CHUNK_BYTES // len(cell)
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
    ("a.csv", b"letter,count\n\xff,1\nB,\xff\n", "count", ", line 3, column 'count': '\\\\xff' is not a number"),
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
    ("a.jsonl", b'{"p": 1}\n{"p": "\xff"}\n', "p", ", line 2: byte 8 is not utf-8"),
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
    ("a.txt", "p\n1\n", "p", ": the name must end in one of .csv, .tsv, .jsonl, .ndjson, .parquet, .npz"),
]


@pytest.mark.parametrize(("name", "content", "column", "message"), BAD)
def test_complaints_say_where(tmp_path, name, content, column, message):
    path = written(tmp_path, name, content)
    with pytest.raises(TableError) as caught:
        read(path, {"weight": column}, nonnegative=("weight",))
    assert str(caught.value).startswith(f"{path}{message}")
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
        ({"p": np.array([None, 1])}, ": Object arrays cannot be loaded"),
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
    assert columns["id"].tolist() == NAMES
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
        ("a.csv", b"id,right\n\xff,1\n", ": Invalid UTF8"),
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
