"""The operations of this family on CPU arrays: a part of a stream written into an array, threads over its tiles.

Row r of `out` (rows, n) receives draws ``draw .. draw + n - 1`` of replicate ``replicate + r`` of the stream of `key`;
the dtype of `out` chooses the kind of draw.
"""

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.random import cpu
from alignment_fast.kernels.random.cpu import short_normals, short_stream_key, short_uniforms, short_words

__all__ = [
    "fill_normals",
    "fill_uniforms",
    "fill_words",
    "short_normals",
    "short_stream_key",
    "short_uniforms",
    "short_words",
]

# Nanoseconds per draw, which only decide about threads.
_WORD_COST = {4: 0.4, 8: 0.8}
_NORMAL_COST = 4.0


def fill_words(key, replicate, draw, out, num_threads=None):
    """Write words: `out` is uint32 or uint64."""
    fill = cpu.uint32 if out.dtype == np.uint32 else cpu.uint64
    _over_tiles(fill, _WORD_COST[out.itemsize], key, replicate, draw, out, num_threads)


def fill_uniforms(key, replicate, draw, out, num_threads=None):
    """Write numbers strictly inside (0, 1): `out` is float32 or float64."""
    fill = cpu.uniform_f32 if out.dtype == np.float32 else cpu.uniform_f64
    _over_tiles(fill, _WORD_COST[out.itemsize], key, replicate, draw, out, num_threads)


def fill_normals(key, replicate, draw, out, num_threads=None):
    """Write standard normal numbers: `out` is float32 or float64."""
    fill = cpu.normal_f32 if out.dtype == np.float32 else cpu.normal_f64
    _over_tiles(fill, _NORMAL_COST, key, replicate, draw, out, num_threads)


def _over_tiles(fill, cost, key, replicate, draw, out, num_threads):
    def run(first, last):
        fill(key, replicate, draw, out, first, last)

    threads.for_blocks(run, cpu.tile_count(*out.shape), work=out.size * cost, num_threads=num_threads)
