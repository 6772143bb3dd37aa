"""Host side of the trajectories: lays lanes out, cuts rounds into pieces that an interrupt can come between."""

from dataclasses import dataclass

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.policy import cpu

# Nanoseconds per round and trajectory on one core, for K responses: exponentials, matrix product, DPO's solves.
RESPONSE_COST, PRODUCT_COST, PAIR_COST, ELIMINATION_COST = 3.0, 0.05, 20.0, 1.0
# At most so many nanoseconds of one block between two looks at the interpreter.
PIECE = 30e6
# Matrices of more responses than this are shared by the lanes of a block where there are enough points.
SMALL = 8
# The largest change of a probability in the last round of a trajectory that counts as converged.
CONVERGED = 1e-12


@dataclass(frozen=True)
class Problem:
    """Trajectories of `rows` preference matrices at `points` parameter points each.

    Parameters
    ----------
    method : int
        `cpu.IPO` or `cpu.DPO`.
    rows : int
        Number of rows; arrays with one row serve all of them.
    skew : array (1 or rows, K, K)
        P − 1/2, exactly skew.
    log_ref, sampler, log_init : array (1 or rows, K)
        Log-policies (−inf where there is no mass), and the offline sampler as probabilities.
    alpha, beta, lam : array (1 or rows, points)
        Parameters.
    schedule : array (rounds, 3) or None
        Factors of the three parameters, round by round.

    """

    method: int
    rows: int
    skew: np.ndarray
    log_ref: np.ndarray
    sampler: np.ndarray
    log_init: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    lam: np.ndarray
    schedule: np.ndarray | None = None

    @property
    def size(self):
        return self.skew.shape[-1]

    @property
    def points(self):
        return self.alpha.shape[1]


@dataclass(frozen=True)
class Results:
    """One row or entry per trajectory, point after point, row after row; `path` (trajectories, times, K)."""

    log_policy: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    entropy: np.ndarray
    entropy_min: np.ndarray
    entropy_max: np.ndarray
    period: np.ndarray
    converged: np.ndarray
    path: np.ndarray

    @classmethod
    def empty(cls, trajectories, size, times):
        per_response = (np.empty((trajectories, size)) for _ in range(3))
        per_trajectory = (np.empty(trajectories) for _ in range(4))
        converged = np.empty(trajectories, dtype=np.uint8)
        return cls(*per_response, *per_trajectory, converged, np.empty((trajectories, times, size)))


def shares_matrix(problem):
    """Return whether the lanes of a block share one matrix, rather than each having its own copy of an entry."""
    return problem.size > SMALL and problem.points >= cpu.LANES


def block_count(problem):
    """Return the number of blocks of lanes."""
    if shares_matrix(problem):
        return problem.rows * -(-problem.points // cpu.LANES)
    return -(-problem.rows * problem.points // cpu.LANES)


def round_cost(problem):
    """Return the nanoseconds that a round of one trajectory takes, roughly."""
    K = problem.size
    if problem.method == cpu.DPO:
        return PAIR_COST * K * K + ELIMINATION_COST * K**3
    return RESPONSE_COST * K + PRODUCT_COST * K * K


def simulate(problem, steps, burn_in, times, num_threads=None):
    """Return the `Results` of `steps` rounds, statistics over rounds `burn_in` to `steps`, paths at `times`."""
    results = Results.empty(problem.rows * problem.points, problem.size, len(times))
    if results.mean.size == 0:
        return results
    blocks, cost = block_count(problem), round_cost(problem) * cpu.LANES
    state = np.empty((blocks, cpu.state_size(problem.size)))
    lanes = cpu.Trajectories(
        problem.method,
        problem.rows,
        shares_matrix(problem),
        problem.skew.reshape(len(problem.skew), -1),
        problem.log_ref,
        problem.sampler,
        problem.log_init,
        problem.alpha,
        problem.beta,
        problem.lam,
        problem.schedule,
        burn_in,
        times,
        results.path,
        state,
    )
    lanes.start(0, blocks)
    piece = max(1, int(PIECE / cost))
    for begin in range(0, steps, piece):
        end = min(begin + piece, steps)

        def run(first, last, begin=begin, end=end):
            lanes.run(begin, end, first, last)

        threads.for_blocks(run, blocks, work=cost * blocks * (end - begin), num_threads=num_threads)
    lanes.finish(
        steps,
        CONVERGED,
        0,
        blocks,
        results.log_policy,
        results.mean,
        results.variance,
        results.entropy,
        results.entropy_min,
        results.entropy_max,
        results.period,
        results.converged,
    )
    return results
