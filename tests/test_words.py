"""Words that a newcomer could not decode stay away: ``words.tsv`` lists them, each with what to write instead."""

import os
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere

ROOT = Path(__file__).parent.parent
LIST = Path(__file__).with_name("words.tsv")
FOLDERS = ("kernels", "alignment_fast", "tests", "docs", "benchmarks", "examples", "hub", "conformance", ".ci")
KINDS = (".py", ".pyi", ".pyx", ".pxd", ".pxi", ".h", ".inc", ".cu", ".md", ".toml", ".sh", "run")
# Records of the past and of other people's names.
LEFT_OUT = {"CHANGELOG.md", "tests/test_words.py"}


def words():
    """Return (pattern, what to write instead) of the list."""
    lines = LIST.read_text("utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if not line.startswith("#")]


def files():
    """Yield the paths of the files that people read, from the root."""
    yield from (path.name for path in ROOT.iterdir() if path.suffix in (".md", ".py", ".toml"))
    for folder in FOLDERS:
        for where, _, names in os.walk(ROOT / folder):
            yield from (str((Path(where) / name).relative_to(ROOT)) for name in names if name.endswith(KINDS))


def found(pattern, text):
    """Return the places of a pattern as a whole word in `text`, as (line, word)."""
    whole = re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", re.IGNORECASE)
    return [(text.count("\n", 0, match.start()) + 1, match.group()) for match in whole.finditer(text)]


TEXTS = {path: (ROOT / path).read_text("utf-8") for path in sorted(set(files()) - LEFT_OUT)}


def test_no_word_of_the_list_is_used():
    any_word = "|".join(pattern for pattern, _ in words())  # one search of nearly all texts, for all words
    having_some = {path: text for path, text in TEXTS.items() if found(any_word, text)}
    places = [
        f"{path}:{line}: {word!r}; write instead: {instead}"
        for pattern, instead in words()
        for path, text in having_some.items()
        for line, word in found(pattern, text)
    ]
    assert not places, "\n".join(places)


def test_words_are_found_as_a_whole_in_any_case():
    assert found("laps?", "Laps, overlaps\nand a LAP") == [(1, "Laps"), (2, "LAP")]
    assert found("af_lap", "#define AF_LAP 256") == [(1, "AF_LAP")]


def test_every_word_has_another_to_write_instead():
    assert all(len(row) == 2 and row[1] for row in words())
    assert len(TEXTS) > 400
