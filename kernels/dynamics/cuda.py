"""The operations of this family on a CUDA device: trajectories, a warp for each, of problems that the host lays out."""

import struct
from dataclasses import fields

import numpy as np

from alignment_fast.kernels.common import driver, images
from alignment_fast.kernels.common.launches import THREADS
from alignment_fast.kernels.dynamics import cpu
from alignment_fast.kernels.dynamics.operations import METHODS, trajectory_cost
from alignment_fast.kernels.dynamics.structures import TrajectoryResults

__all__ = ["simulate", "trajectory_cost"]

_LIBRARY = images.library("dynamics")
_TRAJECTORIES = driver.Kernel(_LIBRARY, "trajectories", "sqdpqs")
_PROBLEM = struct.Struct("<i4x5q" + 7 * "Qq" + "QqdQQqqQQ")  # trajectory_problem of structures.h
_RESULTS = struct.Struct("<8Q")  # trajectory_results
# Trajectories at once: further ones take turns.
MOST = 1 << 14


def _scratch_size(size, method):
    """Return the doubles that a warp needs: what it carries from round to round, and trajectory_scratch."""
    return cpu.state_size(size, 1) + 5 + 8 * size + (size * size if method == "dpo" else 0) + 16


def _packed(problem, burn_in, times, path):
    """Return `trajectory_problem` as bytes, and the arrays on the device, which must live until the launch."""
    copy, kept, rows = problem.place.copy, [path], []
    for name in problem.BY_ROW:
        array = getattr(problem, name)
        kept.append(copy(np.ascontiguousarray(array)))
        rows += [kept[-1].pointer, array[0].size if len(array) > 1 else 0]
    schedule = problem.schedule is not None and len(problem.schedule) > 0
    kept += [copy(problem.schedule) if schedule else None, copy(times) if len(times) else None]
    pointers = [0 if array is None else array.pointer for array in kept[-2:]]
    packed = _PROBLEM.pack(
        *(METHODS[problem.method], 1, problem.size, problem.rows, problem.points, 0),
        *rows,
        *(pointers[0], 0, 0.0, 0, 0, burn_in, len(times), pointers[1], path.pointer),
    )
    return packed, kept


def simulate(problem, steps, burn_in, times, num_threads=None):
    """Return the `TrajectoryResults` on the device of ``problem.place``, as `operations.simulate` does, in float64."""
    place, count, size = problem.place, problem.rows * problem.points, problem.size
    results = TrajectoryResults.empty(count, size, len(times), place.empty, np.bool_)
    if not count:
        return results
    packed, _kept = _packed(problem, burn_in, times, results.path)
    blocks = -(-min(count, MOST) * 32 // THREADS)
    own = _scratch_size(size, problem.method)
    scratch = place.empty((blocks * THREADS // 32, own), np.dtype(np.float64))
    out = _RESULTS.pack(*(getattr(results, f.name).pointer for f in fields(results) if f.name != "path"))
    arguments = (packed, steps, cpu.CONVERGENCE, scratch.pointer, own, out)
    _TRAJECTORIES.launch(place.device, place.stream, blocks, THREADS, arguments)
    return results
