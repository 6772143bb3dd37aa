"""Write ``random.json``: golden words, uniforms and normals of the streams.

    PYTHONPATH=tests python -P tests/golden/make_random.py

Words and uniforms come from the pure Python oracle. Normals are those of the compiled kernel, whose bits depend on its
polynomials; the script refuses to write them unless each is within 4 ulp of mpmath. The file never changes within a
major version: values are only added.
"""

import json
import math
from pathlib import Path

import numpy as np

from alignment_fast.random import Stream
from oracles import philox

COUNT = 8
# (key, replicate, first draw): the origin, an arbitrary place, both sides of every carry, the end of the stream.
PLACES = [
    (0, 0, 0),
    (0x123456789ABCDEF0, 3, 5),
    (0xFFFFFFFFFFFFFFFF, 2**32 - 1, 2**33 - 4),
    (0x0123456789ABCDEF, 2**32, 2**34 - 4),
    (42, 2**63, 2**63 - 4),
    (42, 2**64 - 1, 2**64 - 8),
]


def record(key, replicate, draw):
    """Return the golden values of one place."""
    draws = range(draw, draw + COUNT)
    values = {"key": key, "replicate": replicate, "draw": draw}
    values["uint32"] = [philox.word32(key, replicate, d) for d in draws]
    values["uint64"] = [philox.word64(key, replicate, d) for d in draws]
    for dtype in ("float32", "float64"):
        exact = [philox.uniform(key, replicate, d, dtype) for d in draws]
        values[f"uniform_{dtype}"] = [float(value).hex() for value in exact]
        normals = Stream.from_key(key).normal(COUNT, replicate=replicate, draw=draw, dtype=dtype)
        for d, value in zip(draws, normals, strict=True):
            error = abs(philox.normal(key, replicate, d, dtype) - float(value)) / float(np.spacing(abs(value)))
            assert error <= 4, (key, replicate, d, dtype, error)
        values[f"normal_{dtype}"] = [float(value).hex() for value in normals]
    assert all(math.isfinite(float.fromhex(text)) for text in values["normal_float64"])
    return values


if __name__ == "__main__":
    path = Path(__file__).with_name("random.json")
    path.write_text(json.dumps([record(*place) for place in PLACES], indent=1) + "\n", "utf-8")
