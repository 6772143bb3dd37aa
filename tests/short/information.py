"""Small calls of the information measures."""

import numpy as np

from short import Call

P = np.array([0.2, 0.3, 0.5])
BAD = ((0, 1, np.nan), (0, 0, -1.0))

CALLS = [
    Call("information.entropy", (P,), bad=BAD, float32=False),
]
