"""Tests that go through cases try all of them and name those that fail."""

import pytest
from each import check_each, grouped


def test_every_case_is_tried_and_those_that_fail_are_named():
    tried = []

    def check(number):
        tried.append(number)
        if number == 1:
            with pytest.raises(ValueError, match="none"):
                pass
        assert number != 2

    with pytest.raises(BaseExceptionGroup, match="2 of 4 cases") as caught:
        check_each([(f"number {number}", (number,)) for number in range(4)], check)
    assert tried == [0, 1, 2, 3]
    assert [error.__notes__ for error in caught.value.exceptions] == [["case: number 1"], ["case: number 2"]]


GROUPS = {"odd": {1: 1, 3: 9}, "even": {2: 4}}
SEEN = []


@grouped((group, "a square", pair) for group, squares in GROUPS.items() for pair in squares.items())
def test_a_test_of_groups_has_the_cases(number, square):
    """Two that have the same name too."""
    SEEN.append(number)
    assert number**2 == square


def test_groups_are_parameters_and_texts_stay():
    mark = test_a_test_of_groups_has_the_cases.pytestmark[0]
    assert (mark.name, list(mark.args[1])) == ("parametrize", ["odd", "even"])
    assert test_a_test_of_groups_has_the_cases.__doc__ == "Two that have the same name too."
    SEEN.clear()
    test_a_test_of_groups_has_the_cases("odd")
    assert SEEN == [1, 3]
