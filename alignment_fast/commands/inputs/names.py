"""Names as numbers, given out in the order of their first appearance."""

import numpy as np

__all__ = ["numbered"]


def numbered(names: np.ndarray, number: dict[str, int]) -> np.ndarray:
    """Return the numbers of `names`; new names get the next ones, which are added to `number`."""
    for name in dict.fromkeys(names.tolist()):
        number.setdefault(name, len(number))
    return np.fromiter(map(number.__getitem__, names.tolist()), dtype=np.int32, count=len(names))
