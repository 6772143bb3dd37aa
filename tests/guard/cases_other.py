"""Guarded results of `af.random` and of the package itself: threads, configuration."""

import contextlib
import io
import itertools
from pathlib import Path

import numpy as np
from guard.table import add

import alignment_fast as af

KINDS = {
    "uint32": ("uint32", {}),
    "uint64": ("uint64", {}),
    "uniform-f64": ("uniform", {}),
    "uniform-f32": ("uniform", {"dtype": np.float32}),
    "normal-f64": ("normal", {}),
    "normal-f32": ("normal", {"dtype": np.float32}),
}
PLACES = {
    "first": (7, {}),
    "rows": ((3, 100), {"replicate": 5}),
    "long": (5001, {"draw": 3}),
    "far": ((2, 9), {"replicate": 2**64 - 2, "draw": 2**64 - 9}),
    "none": (0, {}),
    "threads-1": ((4, 40000), {"num_threads": 1}),
    "threads-2": ((4, 40000), {"num_threads": 2}),
}
HEADERS = ("af_math.h", "af_random.h", "af_reduce.h", "af_simd.h", "af_sort.h", "af_status.h", "af_coefficients.h")


def streams():
    for (kind, (method, own)), (place, (shape, options)) in itertools.product(KINDS.items(), PLACES.items()):
        stream = af.random.Stream(2024, purpose=1)
        uses = f"random.Stream random.Stream.{method}"
        add(f"random.streams/{kind}-{place}", uses, getattr(stream, method), shape, **options, **own)
    seeds = {"int": 3, "large": 2**200 + 1, "sequence": np.random.SeedSequence(5).spawn(2)[1]}
    for name, seed in seeds.items():
        add(
            f"random.streams/key-{name}",
            "random.Stream.key",
            lambda s=seed: [str(af.random.Stream(s, purpose=p).key) for p in range(4)],
        )
    add(
        "random.streams/key-from_key",
        "random.Stream.from_key",
        lambda: af.random.Stream.from_key(12345).uint32((2, 20)),
    )


def package():
    add("package/threads", "set_num_threads get_num_threads num_threads", _threads)
    add("package/config", "show_config", _config)
    add("package/include", "get_include", _headers)
    add("package/version", "__version__", lambda: af.__version__)


def _threads():
    before = af.get_num_threads()
    found = []
    try:
        with af.num_threads(2):
            found.append(af.get_num_threads())
        found.append(af.get_num_threads() == before)
        af.set_num_threads(1)
        found.append(af.get_num_threads())
    finally:
        af.set_num_threads(before)
    return found


def _config():
    """Return the keys of the configuration: its values are about this machine."""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        af.show_config()
    return [line.partition(":")[0] for line in text.getvalue().splitlines()]


def _headers():
    folder = Path(af.get_include()) / "alignment_fast"
    return [name for name in HEADERS if (folder / name).is_file()]


streams()
package()
