"""What people write into the column that says who won: names, sides, verdicts, scores, numbers.

A code is read by the whole column: ``A`` is the first side beside ``B``, and the away team beside ``H``. Where two
codes fit and say different things the column is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIRST_WON", "MEANINGS", "SECOND_WON", "RowError", "meaning_of", "shares_of"]

# Shares of the win that goes to the first side; NaN is a tie.
FIRST_WON, SECOND_WON, TIE, UNKNOWN = 1.0, 0.0, np.nan, -1.0
MEANINGS = {"first": FIRST_WON, "second": SECOND_WON, "tie": TIE}

Code = Callable[[str], float]  # the share that a word stands for, UNKNOWN where the code has no such word

_SIDES = {
    **dict.fromkeys(("first", "left", "a", "model_a", "home", "win", "leftvote", "left_vote", "first_won"), FIRST_WON),
    **dict.fromkeys(("second", "right", "b", "model_b", "away", "loss", "lose"), SECOND_WON),
    **dict.fromkeys(("rightvote", "right_vote", "second_won"), SECOND_WON),
    **dict.fromkeys(("0.5", "½"), TIE),
}
_HOME_DRAW_AWAY = {"h": FIRST_WON, "d": TIE, "a": SECOND_WON}
_ONE_X_TWO = {"1": FIRST_WON, "x": TIE, "2": SECOND_WON}
_SIGNS = {"-1": SECOND_WON, "0": TIE, "1": FIRST_WON, "+1": FIRST_WON}
_TRUTH = {"true": FIRST_WON, "false": SECOND_WON}
_TIE_WORD = re.compile(r"(?:tied?|draw|drawn|equal|equally|both|neither|same)(?:[^a-z].*|vote|bad.*)?", re.DOTALL)
_VERDICT = re.compile(r"\[*\s*([ab])\s*([<>]+|=+|≈|~)\s*([ab])\s*\]*")
_WHOLE = re.compile(r"(\d+)\.0+")  # a number of an item in a column that passed through floats
_SCORE = re.compile(r"(\d+(?:\.\d+)?|½|1/2)\s*[-–:]\s*(\d+(?:\.\d+)?|½|1/2)")


class RowError(ValueError):
    """A row of votes means nothing.

    Attributes
    ----------
    row : int
        Its number, from 0.

    """

    def __init__(self, row: int, message: str) -> None:
        super().__init__(f"row {row}: {message}")
        self.row = row
        self.reason = message


def meaning_of(word: Hashable) -> float:
    """Return the share of the win that ``first``, ``second``, ``tie`` or a number from 0 to 1 stands for."""
    share = MEANINGS.get(str(word).strip().casefold(), UNKNOWN)
    share = _share(str(word).strip()) if share == UNKNOWN else share
    if share == UNKNOWN:
        raise ValueError(f"{str(word)!r} is none of first, second, tie, and no number from 0 to 1")
    return share


def shares_of(
    codes: NDArray[Any],
    words: Sequence[Hashable],
    first: NDArray[Any],
    second: NDArray[Any],
    labels: Sequence[Hashable],
    *,
    sides: tuple[str, str],
    meanings: Mapping[Hashable, Any] | None = None,
) -> NDArray[np.float64]:
    """Return the share of the win that goes to the first side in every row, NaN for a tie.

    Parameters
    ----------
    codes, words : array (M,), sequence
        Outcomes: ``words[codes[row]]``. Where every outcome that is no tie is the name of one of the two items of its
        row, it names the winner; else all of them belong to one code: sides (their columns, ``left``, ``model_a``,
        ...), ``A>B``, ``1-0``, H/D/A, 1/X/2, −1/0/1, numbers from 0 to 1 (the share itself, 0.5 a tie), numbers from 1
        (the first) to 2 (the second), truth values (whether the first won).
    first, second : array (M,)
        The two items.
    labels : sequence
        Their names.
    sides : tuple of str
        Names of the two columns.
    meanings : mapping, optional
        What each word stands for instead: ``first``, ``second``, ``tie``, or a share.

    Raises
    ------
    RowError
        For the first outcome that means nothing, or that means two different things.

    """
    texts = [str(word).strip() for word in words]
    number = {str(label).strip(): index for index, label in enumerate(labels)}

    def named_by(items: Sequence[int]) -> NDArray[np.float64]:
        item = np.array(items, dtype=np.int64)[codes]
        return np.where(item == first, FIRST_WON, np.where(item == second, SECOND_WON, UNKNOWN))

    named = named_by([number.get(text, -1) for text in texts])

    def wrong(row: int, reason: str) -> RowError:
        one, other = (labels[side[row]] for side in (first, second))
        return RowError(row, f"{_short(words[codes[row]])} {reason.format(one=repr(one), other=repr(other))}")

    if meanings is not None:
        known = {str(word).strip().casefold(): meaning_of(meaning) for word, meaning in meanings.items()}
        shares = np.array([known.get(text.casefold(), UNKNOWN) for text in texts])[codes]
        shares = np.where(shares == UNKNOWN, named, shares)
        return _checked(shares, lambda row: wrong(row, "is none of the outcomes whose meaning was given"))
    ties = np.array([text not in number and _is_tie(text) for text in texts], dtype=bool)[codes]
    by_name = np.where(named != UNKNOWN, named, np.where(ties, TIE, UNKNOWN))
    if not (by_name == UNKNOWN).any():
        return by_name
    readings = _readings([text.casefold() for text in texts], sides)
    # Numbers of items that passed through a column of floats: 3.0 names item 3.
    by_number = named_by([_item(text, number) for text in texts])
    by_number = np.where(by_number == UNKNOWN, by_name, by_number)
    all_numbers = not (by_number == UNKNOWN).any()
    if all_numbers and not readings:
        return by_number
    if not readings:
        mixed = bool((named != UNKNOWN).any())
        reason = "is no outcome of {one} against {other}: neither a side, nor a tie, nor a number from 0 to 1"
        if mixed:
            reason = "names neither {one} nor {other} and is no tie, where other outcomes name the winner"
        alone = [bool(_readings([text.casefold()], sides)) for text in texts]
        unread = np.array([mixed or not fits for fits in alone], dtype=bool)[codes] & (by_name == UNKNOWN)
        row = int(np.argmax(unread if unread.any() else by_name == UNKNOWN))
        raise wrong(row, reason)
    for other_reading in readings[1:]:
        differ = ~_same(np.array(readings[0]), np.array(other_reading))
        if differ.any():
            raise wrong(int(np.argmax(differ[codes])), "may stand for either side or a tie: say what it means")
    shares = np.array(readings[0])[codes]
    contradicted = (by_number if all_numbers else named) != UNKNOWN
    contradicted &= ~_same(by_number if all_numbers else named, shares)
    fractions = any(value % 1 for value in map(_number, texts) if value is not None)  # no numbers of items
    # Few rows that name an item by chance are no names: numbers of many items beside the outcomes 0 and 1, say.
    by_chance = 2 * (named != UNKNOWN).sum() < (~np.isnan(shares)).sum() and not all_numbers
    if contradicted.any() and not fractions and not by_chance:
        raise wrong(
            int(np.argmax(contradicted)), "may be the name of an item or a side of {one} against {other}: say which"
        )
    return shares


def _item(text: str, number: Mapping[str, int]) -> int:
    """Return the index of the item of that name, -1 if there is none; 3.0 is item 3 where no other has the name."""
    whole = _WHOLE.fullmatch(text)
    return number.get(text, number.get(whole[1], -1) if whole else -1)


def _readings(texts: Sequence[str], sides: tuple[str, str]) -> list[list[float]]:
    """Return what the words stand for in every code that knows them all, each reading once."""
    found = []
    for code in _codes(texts, sides):
        shares = [TIE if _is_tie(text) else code(text) for text in texts]
        if UNKNOWN not in shares:
            found.append(shares)
    return found


def _codes(texts: Sequence[str], sides: tuple[str, str]) -> list[Code]:
    one, other = (side.strip().casefold() for side in sides)
    at_home = one.startswith("home") and other.startswith("away")
    lettered = one.endswith("a") and other.endswith("b")
    of_sides = {**_SIDES, one: FIRST_WON, other: SECOND_WON}
    if at_home:  # A is the away team there
        of_sides = {word: share for word, share in of_sides.items() if word not in ("a", "b")}
    codes: list[Code] = [
        lambda text: of_sides.get(text, UNKNOWN),
        _verdict,
        _score,
        lambda text: _TRUTH.get(text, UNKNOWN),
        _share,
    ]
    if not lettered:
        codes.append(lambda text: _HOME_DRAW_AWAY.get(text, UNKNOWN))
    if any(text in ("x", "2") for text in texts):
        codes.append(lambda text: _ONE_X_TWO.get(text, UNKNOWN))
    if any(text == "-1" or text == "-1.0" for text in texts):
        codes.append(lambda text: _SIGNS.get(text.removesuffix(".0"), UNKNOWN))
    if any((value := _number(text)) is not None and value > 1 for text in texts):
        codes.append(_preference)
    return codes


def _is_tie(text: str) -> bool:
    return _TIE_WORD.fullmatch(text.casefold()) is not None


def _verdict(text: str) -> float:
    found = _VERDICT.fullmatch(text)
    if found is None or found[1] == found[3]:
        return UNKNOWN
    if found[2][0] not in "<>":
        return TIE
    return FIRST_WON if (found[1] == "a") == (found[2][0] == ">") else SECOND_WON


def _score(text: str) -> float:
    found = _SCORE.fullmatch(text)
    if found is None:
        return UNKNOWN
    one, other = (0.5 if part in ("½", "1/2") else float(part) for part in found.groups())
    return TIE if one == other else FIRST_WON if one > other else SECOND_WON


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _share(text: str) -> float:
    value = _number(text)
    if value is None or not 0 <= value <= 1:
        return UNKNOWN
    return TIE if value == 0.5 else value


def _preference(text: str) -> float:
    value = _number(text)
    if value is None or not 1 <= value <= 2:
        return UNKNOWN
    return TIE if value == 1.5 else 2 - value


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (one == other) | (np.isnan(one) & np.isnan(other))


def _checked(shares: NDArray[np.float64], wrong: Callable[[int], RowError]) -> NDArray[np.float64]:
    unknown = np.flatnonzero(shares == UNKNOWN)
    if unknown.size:
        raise wrong(int(unknown[0]))
    return shares


def _short(word: Hashable) -> str:
    text = repr(word)
    return text if len(text) <= 80 else f"{text[:40]}...{text[-40:]}"
