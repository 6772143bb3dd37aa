"""Names as people see them: nothing in them moves a cursor or hides, and long ones lose their middle."""

import math
import unicodedata
from collections.abc import Sequence

__all__ = ["shortened", "shortened_apart", "visible", "width_of"]

# Marks that turn the direction of the text behind them: a name with one would rearrange the line it stands in.
TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
HIDDEN = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, halves of pairs, ends of lines and paragraphs
ELLIPSIS = "..."
# Shares of what is kept that stand before the cut, tried in this order.
HEADS = (0.5, 0.7, 0.3, 0.85, 0.15)


def visible(text: str) -> str:
    r"""Return `text` with control characters, lone surrogates and marks of direction escaped as Python writes them.

    Examples
    --------
    >>> from alignment_fast._text import visible
    >>> print(visible("two\nlines, one \x1b[31mred"))
    two\nlines, one \x1b[31mred

    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter.encode("unicode_escape").decode() if _is_hidden(letter) else letter for letter in text)


def _is_hidden(letter: str) -> bool:
    return letter in TURNS or unicodedata.category(letter) in HIDDEN


def width_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes: two for wide letters, none for marks on others."""
    if text.isascii():
        return len(text)
    return sum(_width(letter) for letter in text)


def _width(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def shortened(text: str, width: int, head: float = 0.5) -> str:
    """Return `text` without as much of its middle as makes it at most `width` columns wide.

    Examples
    --------
    >>> from alignment_fast._text import shortened
    >>> shortened("a-model-with-a-long-name-20260101", 20)
    'a-model-w...20260101'

    """
    if width_of(text) <= width:
        return text
    width_left = max(width - len(ELLIPSIS), 2)
    before = min(max(math.ceil(head * width_left), 1), width_left - 1)
    return _taken(text, before) + ELLIPSIS + _taken(text[::-1], width_left - before)[::-1]


def _taken(text: str, width: int) -> str:
    taken = 0
    for place, letter in enumerate(text):
        taken += width_of(letter)
        if taken > width:
            return text[:place]
    return text


def shortened_apart(names: Sequence[str], width: int) -> list[str]:
    """Return names without their middles such that different ones stay different.

    Examples
    --------
    >>> from alignment_fast._text import shortened_apart
    >>> shortened_apart(["model-small-instruct-2026", "model-large-instruct-2026"], 18)
    ['model-sm...ct-2026', 'model-la...ct-2026']

    """
    distinct = dict.fromkeys(names)
    for head in HEADS:
        looks = {name: shortened(name, width, head) for name in distinct}
        if len(set(looks.values())) == len(distinct):
            return [looks[name] for name in names]
    looks = {name: shortened(name, width) for name in distinct}
    groups: dict[str, list[str]] = {}
    for name, look in looks.items():
        groups.setdefault(look, []).append(name)
    for group in groups.values():
        if len(group) > 1:
            looks |= _around_difference(group, width)
    return [looks[name] for name in names]


def _around_difference(names: Sequence[str], width: int) -> dict[str, str]:
    """Return each of several long names as its start, the part where they begin to differ, and its end."""
    shortest = min(map(len, names))
    differ = next((at for at in range(shortest) if len({name[at] for name in names}) > 1), shortest)
    width_left = max((width - 2 * len(ELLIPSIS)) // 3, 2)
    looks = {}
    for name in names:
        parts = _taken(name, width_left), _taken(name[max(differ - 1, 0) :], width_left)
        looks[name] = ELLIPSIS.join([*parts, _taken(name[::-1], width_left)[::-1]])
    return looks if len(set(looks.values())) == len(names) else dict(zip(names, names, strict=True))
