"""Readers of Python lists of codes and of numbers, in one pass: what they take, and what they leave to others."""

import enum

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
