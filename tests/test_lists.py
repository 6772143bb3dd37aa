"""Readers of Python lists, and of lines of JSON, in one pass: what they take, and what they leave to others."""

import enum
import itertools
import json
import random

import numpy as np
import pytest

from alignment_fast._operations import operations

pytestmark = pytest.mark.interface

OPS = operations("common")
Winner = enum.IntEnum("Winner", {"DRAW": 0, "X": 1, "Y": 2})


@pytest.mark.parametrize("values", [[0, 2, 1], (2, 0), [Winner.X, Winner.DRAW, 2], [True, False], []])
def test_codes_are_ints_and_members_of_enums(values):
    found = OPS.read_codes(values, 3)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, np.array(values, dtype=np.int8))


@pytest.mark.parametrize(
    "values", [[3], [-1], [2**70], [-(2**70)], [1.0], [None], ["1"], np.array([1]), iter([1]), "01"]
)
def test_other_codes_are_left_to_others(values):
    assert OPS.read_codes(values, 3) is None


@pytest.mark.parametrize("values", [[0.5, -1.5], (2.0, 3), [2**53, -(2**53), 0], [float("inf"), 1], []])
def test_numbers_are_floats_and_ints_that_are_floats(values):
    np.testing.assert_array_equal(OPS.read_reals(values), np.array(values, dtype=np.float64))


@pytest.mark.parametrize("values", [[2**53 + 1], [True], [np.float64(1)], ["1"], [None], np.array([1.0]), iter([1.0])])
def test_other_numbers_are_left_to_others(values):
    assert OPS.read_reals(values) is None


def test_pairs_of_ints_of_every_size_are_read():
    pairs = [(0, 1), (2**29, 2**30), (2**31, 2**45), (0, 0)]
    np.testing.assert_array_equal(OPS.read_index_pairs(pairs, 2**62), pairs)
    assert OPS.read_index_pairs([(0, -1)], 2**62) is None
    assert OPS.read_index_pairs([(0, 2**62)], 2**62) is None


@pytest.mark.parametrize("pairs", [[(0, 1), [2, 1], (0, 1)], ((0, 2),), []])
def test_pairs_are_counted(pairs):
    expected = np.zeros((3, 3))
    for first, second in pairs:
        expected[first, second] += 1
    found = OPS.count_index_pairs(pairs, 3)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)


def test_ints_on_both_sides_of_256_are_counted():
    found = OPS.count_index_pairs([(255, 256), (256, 257), (257, 258), (0, 299), (299, 0)], 300)
    assert {tuple(place) for place in np.argwhere(found)} == {(255, 256), (256, 257), (257, 258), (0, 299), (299, 0)}


@pytest.mark.parametrize(
    "pairs", [[(0, 3)], [(0, 256)], [(-1, 0)], [(0, True)], [(0, 1, 2)], [(0,)], [{0, 1}], [3], [(2**70, 0)], iter([])]
)
def test_what_is_no_pair_of_items_is_not_counted(pairs):
    assert OPS.count_index_pairs(pairs, 3) is None


def cells_of(text, names=("a", "b"), numbers=(False, True)):
    """Return the cells of each name as `read_json_cells` finds them, or None."""
    found = OPS.read_json_cells(text, tuple(name.encode() for name in names), numbers)
    if found is None:
        return None
    return [[bytes(data[i:j]).decode() for i, j in itertools.pairwise(ends)] for ends, data in found]


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": "x", "b": 1}\n{"b":-0.5e+3,"a":""}\n',
        b'  {"a" : "x" ,\t"b" : 10 } \r\n\n \t\n{"a":"\xc3\xa4","b":0}',
        b'{"c": [1, {"d": null}, [], {}], "a": "x", "e": "\\u00e4\\"\\\\", "b": 2, "f": {"a": "y", "b": true}}\n',
        b"",
        b"\n\n",
    ],
)
def test_cells_of_plain_objects_are_those_of_json(text):
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    words, numbers = cells_of(text)
    assert words == [row["a"] for row in rows]
    assert [float(number) for number in numbers] == [row["b"] for row in rows]


@pytest.mark.parametrize(
    "line",
    [
        *('{"a": "x"}', '{"a": 1, "b": 1}', '{"a": "x", "b": "1"}', '{"a": null, "b": 1}', '{"a": "x", "b": true}'),
        *('{"a": "x", "a": "x", "b": 1}', '{"a": "\\n", "b": 1}', '{"\\u0061": "x", "b": 1}', '["a", "b"]', "{}", "1"),
        *(
            '{"a": "x", "b": 01}',
            '{"a": "x", "b": 1.}',
            '{"a": "x", "b": .5}',
            '{"a": "x", "b": +1}',
            '{"a": "x", "b": -}',
        ),
        *(
            '{"a": "x", "b": 1e}',
            '{"a": "x", "b": NaN}',
            '{"a": "x", "b": 1,}',
            '{"a": "x" "b": 1}',
            '{"a": "x", "b": 1',
        ),
        *('{"a": "x", "b": 1}}', '{"a": "x", "b": 1} {"a": "x", "b": 1}', '{"a": "x\t", "b": 1}', '{"a": "x, "b": 1}'),
        *('{"a": "x", "b": 1, "c": tru}', '{"a": "x", "b": 1, "c": [1,]}', '{"a": "x", "b": 1, "c": {"d"}}'),
        *('{"a": "x", "b": 1, "c": "\\x"}', '{"a": "x", "b": 1, "c": "\\u12g4"}', '{"a": "x", "b": 1, "c": [1}'),
        *('{"a": "x",\n"b": 1}', '{"a": "x", "b": 1}\r{"a": "x", "b": 1}', '{"a": "x", "b": ' + "1" * 400 + "}"),
        *('{"a": "x", "b": -}', '{"a": "x", "b": 1', '{"a": "x", "b": 1, "c": "'),
        '{"a": "x", "b": 1, "c": ' + "[" * 100 + "]" * 100 + "}",
    ],
)
def test_other_objects_are_left_to_others(line):
    good = '{"a": "x", "b": 1}'
    assert cells_of(f"{good}\n{good}".encode()) == [["x", "x"], ["1", "1"]]
    assert cells_of(f"{good}\n{line}\n{good}\n".encode()) is None
    assert cells_of(line.encode()) is None


def test_whatever_is_taken_of_damaged_objects_is_what_json_takes():
    draw = random.Random(5)
    whole = b'{"a": "x y", "n": [1.5, {"m": null}], "s": "\\u00e4\\n", "b": -12.5e1, "t": true}'
    taken = 0
    for _ in range(4000):
        text = bytearray(whole)
        for _ in range(draw.choice([1, 1, 2])):
            at = draw.randrange(len(text))
            text[at : at + draw.randrange(2)] = bytes(draw.choices(b'{}[]",:\\0159.eE+-nt \x01', k=draw.randrange(2)))
        found = cells_of(bytes(text))
        if found is not None:
            row = json.loads(text)
            taken += 1
            assert [found[0], [float(cell) for cell in found[1]]] == [[row["a"]], [row["b"]]]
    assert taken > 100


TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "abcdefg",
    "abcdefgh",
    "abcdefgi",
    "abcdefgh" * 5,
    "abcdefgh" * 4 + "x",
    "ä",
    "\0",
    "\0\0",
]


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("names", [TEXTS, TEXTS[:1], [f"model {k}" for k in range(5000)]])
def test_texts_are_coded_in_the_order_in_which_they_appear(kind, names):
    draw = random.Random(2)
    texts = [draw.choice(names) for _ in range(20_000)]
    data = b"skipped" + "".join(texts).encode()
    start = np.cumsum([7, *(len(text.encode()) for text in texts)]).astype(kind)
    codes, first = operations("ranking").encode_texts(np.frombuffer(data, np.uint8), start)
    found = list(dict.fromkeys(texts))
    assert [texts[place] for place in first] == found
    assert [found[code] for code in codes] == texts


# Pairs of the same hash (af_text_hash): by their letters, and a text of one letter with one of two.
@pytest.mark.parametrize(
    "pair", [(b"model-aa-version", b"model-bb?v\x85\x91ai\x8f\x8d"), (b"`", b"\0\0"), (b"a", b"\0\1")]
)
def test_texts_of_the_same_hash_are_told_apart(pair):
    texts = [*pair, *reversed(pair)]
    start = np.cumsum([0, *map(len, texts)])
    codes, first = operations("ranking").encode_texts(np.frombuffer(b"".join(texts), np.uint8), start)
    assert (codes.tolist(), first.tolist()) == ([0, 1, 1, 0], [0, 1])


@pytest.mark.parametrize("start", [[0], [-1, 2], [0, 4], [2, 1], [0, 9, 3]])
def test_starts_that_are_not_those_of_texts_are_refused(start):
    with pytest.raises(ValueError, match="starts are not those of texts"):
        operations("ranking").encode_texts(np.zeros(3, np.uint8), np.array(start, np.int32))


def test_votes_between_small_integers_are_counted():
    rng = np.random.default_rng(4)
    for most in (3, 17, 200, 255):
        first, second = rng.integers(0, most + 1, (2, 30_000))
        first[:20_000] = 2  # larger values come late
        winner = rng.integers(0, 3, 30_000).astype(np.int8)
        names, wins, ties = operations("ranking").count_small_integers(first, second, winner)
        assert names.tolist() == list(dict.fromkeys([*first.tolist(), *second.tolist()]))
        expected = np.zeros((2, 256, 256))
        np.add.at(expected[0], (first[winner == 1], second[winner == 1]), 1)
        np.add.at(expected[0], (second[winner == 2], first[winner == 2]), 1)
        np.add.at(expected[1], (first[winner == 0], second[winner == 0]), 1)
        np.add.at(expected[1], (second[winner == 0], first[winner == 0]), 1)
        np.testing.assert_array_equal([wins, ties], expected[:, names[:, None], names])


@pytest.mark.parametrize(
    ("first", "winner"),
    [([0, 256], [1, 1]), ([0, -1], [1, 1]), ([0, 2**62], [1, 1]), ([0, 1], [1, 3]), ([0, 1], [1, -1])],
)
def test_votes_of_other_values_are_not_counted(first, winner):
    arrays = np.array(first), np.array([1, 0]), np.array(winner, np.int8)
    assert operations("ranking").count_small_integers(*arrays) is None
