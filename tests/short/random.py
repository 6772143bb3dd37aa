"""Small draws of streams."""

import numpy as np

from short import Call

CALLS = [
    *(
        Call(f"random.Stream.{kind}", (7, shape), {"replicate": 3, "draw": 5}, float32=False, constructed=1)
        for kind in ("uint32", "uint64", "uniform", "normal")
        for shape in (0, 1, 9, (2, 5), (3, 0))
    ),
    *(
        Call(f"random.Stream.{kind}", (7, 9), {"dtype": np.float32}, float32=False, constructed=1)
        for kind in ("uniform", "normal")
    ),
    *(Call("random.Stream", (seed,), float32=False) for seed in (0, 1, 2**32, 2**64 - 1)),
]
