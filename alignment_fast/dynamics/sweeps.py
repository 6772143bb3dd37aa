"""Many matrices at many parameters: the outer product of both, block by block."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.rng import Seed
from alignment_fast._operations import operations
from alignment_fast.dynamics._arguments import Schedule, arguments
from alignment_fast.dynamics.noise import Noise
from alignment_fast.dynamics.simulation import Trajectory, rounds, trajectory, warn_at_unstable_point
from alignment_fast.kernels.dynamics.structures import TrajectoryResults

__all__ = ["SweepBlock", "sweep", "sweep_blocks"]

# A block is at most so many trajectories (about 20 MB of state at K = 4) and about so many nanoseconds of work.
_TRAJECTORIES, _WORK = 65_536, 2e9
_NO_TIMES = np.empty(0, dtype=np.int64)


class SweepBlock(NamedTuple):
    """Results of matrices `first` to `last` − 1 of a sweep, counted over the leading axes in C order."""

    first: int
    last: int
    result: Trajectory


def sweep_blocks(
    P: ArrayLike,
    *,
    alpha: ArrayLike | Schedule,
    beta: ArrayLike | Schedule,
    lam: ArrayLike | Schedule,
    init: ArrayLike,
    sampler: ArrayLike | None = None,
    ref: ArrayLike | None = None,
    steps: int,
    burn_in: int = 0,
    method: str = "ipo",
    noise: Noise = None,
    seed: Seed = None,
    block: int | None = None,
    start: int = 0,
    num_threads: int | None = None,
) -> Iterator[SweepBlock]:
    """Yield the results of `sweep` block by block, in order: what is stored need not be computed again.

    Parameters
    ----------
    P, alpha, beta, lam, init, sampler, ref, steps, burn_in, method, noise, seed, num_threads
        As in `sweep`.
    block : int, optional
        Matrices per block; by default about two seconds of work. Results do not depend on it.
    start : int
        First matrix: pass the `last` of the last block that is stored, and the same seed, to go on from there.

    Yields
    ------
    SweepBlock
        Matrices first to last − 1 and their `Trajectory` of shape ``(last − first, *parameters)``.

    Raises
    ------
    ValueError
        As `sweep`, at the call.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> P = np.full((5, 3, 3), 0.5)
    >>> blocks = af.dynamics.sweep_blocks(P, alpha=[0.5, 0.9], beta=1.0, lam=1.0, init=[1, 2, 3], steps=10, block=2)
    >>> [(block.first, block.last, block.result.log_pi.shape) for block in blocks]
    [(0, 2, (2, 2, 3)), (2, 4, (2, 2, 3)), (4, 5, (1, 2, 3))]

    """
    steps, burn_in = rounds(steps, burn_in)
    parameters = {"alpha": alpha, "beta": beta, "lam": lam}
    options = {"method": method, "noise": noise, "seed": seed, "steps": steps, "on_devices": True}
    given = arguments(P, parameters, init, sampler, ref, **options, outer=True)
    ops = given.task.operations("dynamics")
    warn_at_unstable_point(given)
    rows = given.problem.rows
    if block is not None and (isinstance(block, bool) or not hasattr(block, "__index__") or block < 1):
        raise ValueError(f"block must be a positive integer, not {block!r}")
    if isinstance(start, bool) or not hasattr(start, "__index__") or not 0 <= start <= rows:
        raise ValueError(f"start must be an integer from 0 to the number of matrices, {rows}, not {start!r}")
    step = _block_rows(ops, given, steps) if block is None else block
    grid = given.shape[len(given.leading) :]
    parts = _parts(ops, given.problem, steps, burn_in, step, start, num_threads)
    return (
        SweepBlock(first, last, trajectory(replace(given, shape=(last - first, *grid)), results, None))
        for first, last, results in parts
    )


def _block_rows(ops, given, steps):
    points, cost = max(1, given.problem.points), ops.trajectory_cost(given.problem)
    return max(1, min(_TRAJECTORIES // points, int(_WORK / (points * cost * max(1, steps)))))


def _parts(ops, problem, steps, burn_in, step, start, num_threads):
    """Yield (first, last, results) of consecutive rows."""
    for first in range(start, problem.rows, step):
        last = min(first + step, problem.rows)
        yield first, last, ops.simulate(problem.part(first, last), steps, burn_in, _NO_TIMES, num_threads)


def sweep(
    P: ArrayLike,
    *,
    alpha: ArrayLike | Schedule,
    beta: ArrayLike | Schedule,
    lam: ArrayLike | Schedule,
    init: ArrayLike,
    sampler: ArrayLike | None = None,
    ref: ArrayLike | None = None,
    steps: int,
    burn_in: int = 0,
    method: str = "ipo",
    noise: Noise = None,
    seed: Seed = None,
    progress: Callable[[int, int], object] | None = None,
    num_threads: int | None = None,
) -> Trajectory:
    """Return what becomes of every matrix at every parameter point, without paths.

    Parameters
    ----------
    P : array_like (..., K, K)
        Preference matrices.
    alpha, beta, lam : float, array_like or Schedule
        Parameters as in `simulate`; they broadcast together into one grid of any number of axes, which follow the
        leading axes of the result.
    init, sampler, ref, steps, burn_in, method, noise, seed
        As in `simulate`.
    progress : callable, optional
        Called as ``progress(done, total)``, numbers of matrices, after each block; on a CUDA device once.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    Trajectory
        `times` and `path` are None; arrays have shape ``(..., *parameters, [K])``.

    Raises
    ------
    ValueError
        As `simulate`.

    Notes
    -----
    One trajectory per SIMD lane, sixteen side by side; matrices of more than 8 responses are read once for sixteen
    points, those of 192 and more once for all of them by a BLAS product, outside the promise of equal bits across
    instruction sets. Cost and accuracy as in `simulate`; `sweep_blocks` gives finished blocks as they come.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> cycle = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
    >>> P = 0.5 + np.array([0.1, 0.4])[:, None, None] * cycle
    >>> alpha, beta = np.array([0.5, 0.9])[:, None], np.array([0.5, 2.0, 8.0])
    >>> run = af.dynamics.sweep(P, alpha=alpha, beta=beta, lam=1.0, init=[0.5, 0.3, 0.2], steps=2000, burn_in=1000)
    >>> run.cycle_strength.round(3)
    array([[[0.   , 0.   , 0.   ],
            [0.   , 0.   , 0.016]],
    <BLANKLINE>
           [[0.   , 0.   , 0.126],
            [0.   , 0.016, 0.171]]])

    """
    if noise is None and progress is None and num_threads is None:
        found = operations("dynamics").short_simulate(
            P, alpha, beta, lam, init, sampler, ref, steps, burn_in, None, method
        )
        if found is not None:
            return Trajectory(*found)
    steps, burn_in = rounds(steps, burn_in)
    parameters = {"alpha": alpha, "beta": beta, "lam": lam}
    options = {"method": method, "noise": noise, "seed": seed, "steps": steps, "on_devices": True}
    given = arguments(P, parameters, init, sampler, ref, **options, outer=True)
    ops = given.task.operations("dynamics")
    warn_at_unstable_point(given)
    problem = given.problem
    if problem.place is not None:  # nothing is waited for: there is no progress to see
        whole = ops.simulate(problem, steps, burn_in, _NO_TIMES)
        if progress is not None:
            progress(problem.rows, problem.rows)
        return trajectory(given, whole, None)
    whole = TrajectoryResults.empty(problem.rows * problem.points, problem.size, 0)
    for first, last, part in _parts(ops, problem, steps, burn_in, _block_rows(ops, given, steps), 0, num_threads):
        rows = slice(first * problem.points, last * problem.points)
        for field in fields(whole):
            getattr(whole, field.name)[rows] = getattr(part, field.name)
        if progress is not None:
            progress(last, problem.rows)
    return trajectory(given, whole, None)
