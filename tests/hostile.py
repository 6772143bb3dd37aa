"""An alphabet of hostile names and files, which every command and reader is run on."""

import csv
import gzip
import io
import json
import zipfile

# Names that markup, terminals, spreadsheets, encodings and readers trip over. A name is read without the spaces around.
NAMES = {
    "brackets": "gpt[/inst] [red]x[/red]",
    "colons": "hermes:smile:7b",
    "braces": "{name} {0} %s $HOME `x`",
    "formula of TeX": "$x_1$ \\frac",
    "emoji": "🤖-модель-👩‍👩‍👧",
    "wide letters": "通义千问",
    "combining letters": "e\u0301te\u0301",
    "escape": "\x1b[31mred\x1b[0m",
    "bell and backspace": "a\a\b\x7f",
    "newline": "two\nlines",
    "carriage return": "two\rlines",
    "line separator": "two\u2028lines",
    "tab": "a\tb",
    "null": "a\x00b",
    "right to left": "نموذج-7b",
    "direction marks": "abc\u202ecba\u2066x",
    "300 letters": "x" * 300,
    "300 letters and one": "x" * 150 + "y" + "x" * 150,
    "number": "7",
    "number with a point": "1.0",
    "exponent": "1e5",
    "not a number": "nan",
    "infinity": "inf",
    "null word": "null",
    "truth": "true",
    "spaces around": "  spaces around  ",
    "only punctuation": "-",
    "formula": '=HYPERLINK("http://x","y")',
    "plus": "+1",
    "at": "@SUM(1)",
    "quote": 'say "hi"',
    "apostrophe": "it's",
    "comma": "a, b",
    "semicolon": "a;b",
    "backslash": "a\\b\\",
    "path": "../../etc/passwd",
    "byte order mark": "\ufeffa",
    "zero width": "a\u200bb",
}
# JSON can hold what CSV and Parquet cannot.
ONLY_JSON = {"surrogate": "half \ud83d pair"}


def read_back(name):
    """Return a name as readers give it: without the spaces around it."""
    return name.strip()


def rows_of(name, other="plain"):
    """Return votes between two items, each of which has won."""
    return [(name, other), (other, name), (name, other)]


def as_csv(header, rows, delimiter=","):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return text.getvalue().encode()


def as_json_lines(header, rows):
    return "\n".join(json.dumps(dict(zip(header, row, strict=True))) for row in rows).encode()


def as_json(header, rows):
    return json.dumps([dict(zip(header, row, strict=True)) for row in rows], indent=1).encode()


def as_parquet(header, rows):
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([dict(zip(header, row, strict=True)) for row in rows]), file)
    return file.getvalue()


def as_npz(header, rows):
    """Return an archive of arrays of text and of numbers; names of members end at a null, as in every zip file."""
    import numpy as np

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, cells in zip(header, zip(*rows, strict=True), strict=True):
            member = io.BytesIO()
            np.save(member, np.array(cells))
            archive.writestr(f"{name}.npy", member.getvalue())
    return file.getvalue()


# A good table for every command that reads one, and options that make it quick.
TABLES = {
    "rank": (("winner", "loser"), [("ann", "bob"), ("bob", "cat"), ("cat", "ann"), ("ann", "cat")] * 3, ()),
    "curve": (("prompt", "score"), [("ann", 1), ("ann", 2.5), ("bob", 3), ("bob", -1)] * 3, ("--n", "1,2")),
    "pass-at-k": (("prompt", "correct"), [("ann", 1), ("ann", 0), ("bob", 1), ("bob", 1)] * 3, ("--k", "1,2")),
    "gain": (("reward", "gold"), [(1, 2), (2.5, -1), (3, 0.5), (-1, 1)] * 3, ("--kl", "0.1,0.5")),
    "compare": (("ann", "bob"), [(1, 2), (2.5, -1), (3, 0.5), (-1, 1)] * 3, ()),
    "best-of-n": (("count", "reward"), [(4, 1), (2, 2.5), (1, -3)] * 4, ("--n", "2", "--replicates", "20")),
}


WRITERS = {
    "csv": as_csv,
    "tsv": lambda header, rows: as_csv(header, rows, "\t"),
    "jsonl": as_json_lines,
    "json": as_json,
    "parquet": as_parquet,
    "npz": as_npz,
}

# Files that say the same as the plain ones, in other ways: a function of the plain bytes and whether it fits a kind.
SAME = {
    "plain": (lambda text: text, ("csv", "tsv", "jsonl", "json")),
    "gzip": (gzip.compress, ("csv", "tsv", "jsonl", "json")),
    "gzip members": (
        lambda text: gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :]),
        ("csv", "tsv", "jsonl", "json"),
    ),
    "byte order mark": (lambda text: b"\xef\xbb\xbf" + text, ("csv", "tsv", "jsonl", "json")),
    "CR": (lambda text: text.replace(b"\n", b"\r"), ("csv", "tsv", "jsonl", "json")),
    "CR LF": (lambda text: text.replace(b"\n", b"\r\n"), ("csv", "tsv", "jsonl", "json")),
    "blank lines": (lambda text: text.replace(b"\n", b"\n\n\n"), ("csv", "tsv", "jsonl", "json")),
    "no last line end": (lambda text: text.rstrip(b"\n"), ("csv", "tsv", "jsonl", "json")),
}
