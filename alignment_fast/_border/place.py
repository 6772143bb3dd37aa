"""Positions in arrays, as errors write them."""


def unravel(flat, shape):
    """Return the index of flat position `flat` in an array of `shape`: an integer for one axis, else a tuple."""
    index = []
    for length in reversed(shape):
        flat, remainder = divmod(flat, length)
        index.append(remainder)
    return index[0] if len(index) == 1 else tuple(reversed(index))


def place(flat, shape):
    """Return flat position `flat` of an array of `shape` as it is written behind a name: "[3, 1]", "" for a scalar."""
    if not shape:
        return ""
    index = unravel(flat, shape)
    return f"[{index if isinstance(index, int) else ', '.join(map(str, index))}]"
