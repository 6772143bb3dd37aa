"""The operations of this family on a CUDA device: trajectories and their exponents, a warp for each."""

import struct
from dataclasses import fields

import numpy as np

from alignment_fast.kernels.common import driver, images
from alignment_fast.kernels.common.launches import THREADS
from alignment_fast.kernels.dynamics import cpu
from alignment_fast.kernels.dynamics.operations import METHODS, trajectory_cost
from alignment_fast.kernels.dynamics.structures import TrajectoryResults

__all__ = ["lyapunov_exponents", "simulate", "trajectory_cost"]

_LIBRARY = images.library("dynamics")
_TRAJECTORIES = driver.Kernel(_LIBRARY, "trajectories", "sqdpqs")
_EXPONENTS = driver.Kernel(_LIBRARY, "lyapunov_exponents", "sqpqp")
_PROBLEM = struct.Struct("<i4x5q" + 7 * "Qq" + "QqdQQqqQQ")  # trajectory_problem of structures.h
_RESULTS = struct.Struct("<8Q")  # trajectory_results
# Trajectories at once: further ones take turns.
MOST = 1 << 14


def _scratch_size(size, method):
    """Return the doubles that a warp needs: what it carries from round to round, a tangent, and trajectory_scratch."""
    return cpu.state_size(size, 1) + 6 + 9 * size + (size * size if method == "dpo" else 0) + 16


def _packed(problem, burn_in, times, path):
    """Return `trajectory_problem` as bytes, and the arrays on the device, which must live until the launch."""
    copy, kept, rows = problem.place.copy, [], []
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
        *(pointers[0], 0, 0.0, 0, 0, burn_in, len(times), pointers[1], 0 if path is None else path.pointer),
    )
    return packed, kept


def simulate(problem, steps, burn_in, times, num_threads=None):
    """Return the `TrajectoryResults` on the device of ``problem.place``, as `operations.simulate` does, in float64."""
    place, count, size = problem.place, problem.rows * problem.points, problem.size
    results = TrajectoryResults.empty(count, size, len(times), place.empty, np.bool_)
    if not count:
        return results
    packed, _kept = _packed(problem, burn_in, times, results.path)
    out = _RESULTS.pack(*(getattr(results, f.name).pointer for f in fields(results) if f.name != "path"))
    _launch(_TRAJECTORIES, problem, (packed, steps, cpu.CONVERGENCE), out)
    return results


def lyapunov_exponents(problem, steps, burn_in, num_threads=None):
    """Return the largest Lyapunov exponents (trajectories,) on the device, as `operations.lyapunov_exponents` does."""
    exponents = problem.place.empty((problem.rows * problem.points,), np.dtype(np.float64))
    if exponents.size:
        packed, _kept = _packed(problem, burn_in, (), None)
        _launch(_EXPONENTS, problem, (packed, steps), exponents.pointer)
    return exponents


def _launch(kernel, problem, before, out):
    """Launch a kernel whose warps have scratch for a trajectory each."""
    place, own = problem.place, _scratch_size(problem.size, problem.method)
    blocks = -(-min(problem.rows * problem.points, MOST) * 32 // THREADS)
    scratch = place.empty((blocks * THREADS // 32, own), np.dtype(np.float64))
    kernel.launch(place.device, place.stream, blocks, THREADS, (*before, scratch.pointer, own, out))
