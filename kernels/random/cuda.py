"""The operations of this family on arrays of a CUDA device: a part of a stream written into an array.

Rows, draws and replicates as in `operations`; the dtype of `out` chooses the kind of draw.
"""

from alignment_fast.kernels.common import driver, images
from alignment_fast.kernels.common.launches import blocks_for

__all__ = ["fill_normals", "fill_uniforms", "fill_words"]

_LIBRARY = images.library("random")
_SUFFIX = {"uint32": "u32", "uint64": "u64", "float32": "f32", "float64": "f64"}
_KERNELS = {
    f"{kind}_{suffix}": driver.Kernel(_LIBRARY, f"fill_{kind}_{suffix}", "qqqqqp")
    for kind, suffixes in (("words", ("u32", "u64")), ("uniforms", ("f32", "f64")), ("normals", ("f32", "f64")))
    for suffix in suffixes
}


def fill_words(key, replicate, draw, out, num_threads=None):
    """Write words: `out` is uint32 or uint64."""
    _fill("words", key, replicate, draw, out)


def fill_uniforms(key, replicate, draw, out, num_threads=None):
    """Write numbers strictly inside (0, 1): `out` is float32 or float64."""
    _fill("uniforms", key, replicate, draw, out)


def fill_normals(key, replicate, draw, out, num_threads=None):
    """Write standard normal numbers: `out` is float32 or float64."""
    _fill("normals", key, replicate, draw, out)


def _fill(kind, key, replicate, draw, out):
    rows, n = out.shape
    if rows * n == 0:
        return
    place, arguments = out.place, (key, replicate, draw, rows, n, out.pointer)
    threads = blocks_for(rows * (n * out.dtype.itemsize // 16 + 2), place.device)
    _KERNELS[f"{kind}_{_SUFFIX[out.dtype.name]}"].launch(place.device, place.stream, *threads, arguments)
