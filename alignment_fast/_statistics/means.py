"""Means of small arrays, in a call of NumPy's less than its own."""

from typing import Any

import numpy as np


def mean_of_rows(x: Any) -> Any:
    """Return the mean over the first axis, without the microseconds that `numpy.mean` takes.

    Examples
    --------
    >>> from alignment_fast._statistics.means import mean_of_rows
    >>> mean_of_rows([[1.0, 2.0], [3.0, 6.0]]).tolist()
    [2.0, 4.0]

    """
    return np.add.reduce(x) / len(x)
