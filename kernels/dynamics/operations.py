"""Trajectories on the CPU: lays lanes out, cuts rounds into pieces that an interrupt can come between."""

from dataclasses import fields
from typing import NamedTuple

import numpy as np

from alignment_fast.kernels.common import threads
from alignment_fast.kernels.dynamics import cpu
from alignment_fast.kernels.dynamics.cpu import (
    short_collapse_rates,
    short_critical_beta,
    short_fixed_point,
    short_lyapunov_exponent,
    short_onset,
    short_simulate,
    short_spectral_radius,
    short_stability_bounds,
)
from alignment_fast.kernels.dynamics.structures import SampledPairs, TrajectoryResults

__all__ = [
    "Equilibria",
    "collapse",
    "conditions",
    "constants",
    "critical_beta",
    "equilibria",
    "frequencies",
    "lyapunov_exponents",
    "multiplayer",
    "onsets",
    "radii",
    "short_collapse_rates",
    "short_critical_beta",
    "short_fixed_point",
    "short_lyapunov_exponent",
    "short_onset",
    "short_simulate",
    "short_spectral_radius",
    "short_stability_bounds",
    "simulate",
    "softmax",
    "trajectory_cost",
]

METHODS = {"ipo": cpu.IPO, "dpo": cpu.DPO}

# Nanoseconds per round and trajectory on one core, for K responses: exponentials, matrix product, DPO's solves, pairs.
RESPONSE_COST, PRODUCT_COST, SQUARE_COST, CUBE_COST, DRAW_COST = 3.0, 0.05, 10.0, 1.5, 60.0
# Nanoseconds per response and trajectory to start, or to write results; operations of BLAS per nanosecond.
START_COST, FINISH_COST, PRODUCT_SPEED = 5.0, 20.0, 20.0
# At most so many nanoseconds of one block before the interpreter gets to see Ctrl-C.
PIECE = 30e6
# Matrices of more responses than this are shared by the lanes of a block where there are enough points.
SMALL = cpu.SMALL_MATRIX
# So many trajectories of small matrices are faster one by one than as lanes of a block.
FEW = cpu.FEW_TRAJECTORIES
# From this many responses on, a trajectory by itself adds up in an order of its own.
HALVED = cpu.HALVED_MATRIX
# From this many responses on, the product of a shared matrix with the policies of all points is BLAS's.
LARGE = 192
# Nanoseconds per response and triple of them to find a fixed point.
EQUILIBRIUM_RESPONSE, EQUILIBRIUM_TRIPLE = 300.0, 10.0
# Nanoseconds of a closed form.
CLOSED_COST = 50.0


class Lanes:
    """The blocks of a problem, in round 0; of one trajectory each where that is faster, with `tangents` or without."""

    def __init__(self, problem, burn_in, times, path, num_threads, *, tangents=False):
        self.problem = problem
        self.num_threads = num_threads
        self.shared = problem.size > SMALL and problem.points >= cpu.LANES
        self.lanes = 1 if not self.shared and _is_single(problem, tangents) else cpu.LANES
        per_row = -(-problem.points // self.lanes)
        self.count = problem.rows * per_row if self.shared else -(-problem.rows * problem.points // self.lanes)
        self.per_row = per_row
        pairs = problem.pairs or SampledPairs(0, 0.0, 0)
        self.cpu = cpu.Trajectories(
            method=METHODS[problem.method],
            lanes=self.lanes,
            rows=problem.rows,
            shared=self.shared,
            skew=problem.skew.reshape(len(problem.skew), -1),
            log_ref=problem.log_ref,
            sampler=problem.sampler,
            log_init=problem.log_init,
            alpha=problem.alpha,
            beta=problem.beta,
            lam=problem.lam,
            schedule=problem.schedule,
            burn_in=burn_in,
            times=times,
            path=path,
            state=np.empty((self.count, cpu.state_size(problem.size, self.lanes))),
            pairs=pairs.count,
            prior=pairs.prior,
            key=pairs.key,
            replicate=problem.first_row * problem.points,
        )
        work = START_COST * self.count * self.lanes * problem.size
        threads.for_blocks(self.cpu.start, self.count, work=work, num_threads=num_threads)

    def rounds(self, run, steps):
        """Call ``run(begin, end, first, last)`` so that every block goes through rounds 0 to `steps` in order."""
        cost = self.lanes * trajectory_cost(self.problem)
        piece = max(1, int(PIECE / cost))
        for begin in range(0, steps, piece):
            end = min(begin + piece, steps)

            def blocks(first, last, begin=begin, end=end):
                run(begin, end, first, last)

            work = cost * self.count * (end - begin)
            threads.for_blocks(blocks, self.count, work=work, num_threads=self.num_threads)

    def rounds_by_blas(self, steps):
        """Go through the rounds with one matrix product for all points of a row: P is read once a round."""
        problem = self.problem
        scratch = np.empty((self.count, self.cpu.scratch_size))
        self.cpu.prepare(0, self.count, scratch)
        shape = problem.size, problem.points
        policies, scores = np.empty(shape), np.empty(shape)
        strip = max(1, int(PIECE * PRODUCT_SPEED / (2 * policies.size)))
        for row in range(problem.rows):
            skew = problem.skew[row if len(problem.skew) > 1 else 0]
            policies[:] = np.exp(problem.log_init[row if len(problem.log_init) > 1 else 0])[:, None]
            for step in range(1, steps + 1):
                for top in range(0, problem.size, strip):
                    np.matmul(skew[top : top + strip], policies, out=scores[top : top + strip])

                def advance(first, last, step=step, start=row * self.per_row):
                    self.cpu.advance(step, start + first, start + last, scores, policies, scratch)

                work = 2 * RESPONSE_COST * scores.size
                threads.for_blocks(advance, self.per_row, work=work, num_threads=self.num_threads)

    def finish(self, steps, results):
        """Write what all trajectories have come to after `steps` rounds."""
        out = [getattr(results, field.name) for field in fields(results) if field.name != "path"]

        def run(first, last):
            self.cpu.finish(steps, cpu.CONVERGENCE, first, last, *out)

        work = FINISH_COST * results.mean.size * self.problem.size
        threads.for_blocks(run, self.count, work=work, num_threads=self.num_threads)


def _is_single(problem, tangents):
    """Return whether trajectories of a problem whose lanes share no matrix advance one by one, along the responses.

    Below HALVED responses the bits are the same in either form; from there on, the number of rows must not matter.
    """
    few = problem.rows * problem.points <= FEW
    if tangents and problem.method == "dpo":
        return few and problem.size < HALVED
    return problem.pairs is None and (problem.size > SMALL or few)


def trajectory_cost(problem):
    """Return the nanoseconds that a round of one trajectory takes, roughly."""
    K = problem.size
    cost = RESPONSE_COST * K + PRODUCT_COST * K * K
    if problem.pairs:
        cost += DRAW_COST * problem.pairs.count
    if problem.method == "dpo" or problem.pairs:
        cost += SQUARE_COST * K**2 + CUBE_COST * K**3
    return cost


def simulate(problem, steps, burn_in, times, num_threads=None):
    """Return the `TrajectoryResults` of `steps` rounds: statistics over `burn_in` to `steps`, paths at `times`."""
    results = TrajectoryResults.empty(problem.rows * problem.points, problem.size, len(times))
    if results.mean.size == 0:
        return results
    lanes = Lanes(problem, burn_in, times, results.path, num_threads)
    if lanes.shared and problem.size >= LARGE and problem.method == "ipo" and problem.pairs is None:
        lanes.rounds_by_blas(steps)
    else:
        lanes.rounds(lanes.cpu.run, steps)
    lanes.finish(steps, results)
    return results


def lyapunov_exponents(problem, steps, burn_in, num_threads=None):
    """Return the largest Lyapunov exponent of every trajectory, from the growth in rounds `burn_in` to `steps`."""
    exponents = np.empty(problem.rows * problem.points)
    if exponents.size == 0:
        return exponents
    lanes = Lanes(problem, burn_in, np.empty(0, dtype=np.int64), np.empty((0, 0, 0)), num_threads, tangents=True)
    tangent = np.empty((lanes.count, (problem.size + 1) * lanes.lanes))
    lanes.cpu.lyapunov_start(0, lanes.count, tangent)

    def run(begin, end, first, last):
        lanes.cpu.lyapunov_run(begin, end, first, last, tangent)

    lanes.rounds(run, steps)
    lanes.cpu.lyapunov_finish(steps - burn_in, 0, lanes.count, tangent, exponents)
    return exponents


class Equilibria(NamedTuple):
    """Fixed points, one per trajectory, and how the dynamics turn beside them.

    Parameters
    ----------
    log_pi : array (trajectories, K)
        Log-policies.
    residual : array (trajectories,)
        Largest change of log π in one more round.
    radius, frequency, period : array (trajectories,)
        Of the leading eigenvalue of the linearised dynamics: its modulus, the imaginary part of that of the gain, and
        rounds per turn.
    found : array of bool (trajectories,)
        Whether the residual passes for rounding.

    """

    log_pi: np.ndarray
    residual: np.ndarray
    radius: np.ndarray
    frequency: np.ndarray
    period: np.ndarray
    found: np.ndarray


def equilibria(problem, ref):
    """Return the `Equilibria` of a problem for alpha < 1; `ref` (1 or rows, K) is the reference as probabilities."""
    count, K = problem.rows * problem.points, problem.size
    log_pi, report, found = np.empty((count, K)), np.empty((count, 4)), np.empty(count, dtype=np.uint8)
    arrays = (problem.skew, ref, problem.sampler, problem.alpha, problem.beta, problem.lam, log_pi, report, found)
    _over(cpu.equilibria, count, _equilibrium_cost(K), METHODS[problem.method], *arrays)
    return Equilibria(log_pi, *report.T, found.view(np.bool_))


def _equilibrium_cost(K):
    """Return about how many nanoseconds it takes to find a fixed point."""
    return EQUILIBRIUM_RESPONSE * K + EQUILIBRIUM_TRIPLE * K**3


def critical_beta(problem, ref, largest, tol):
    """Return (β, residual, log π) of one matrix and reference, β the least at which the fixed point is not stable.

    It is infinite where there is none up to `largest`, and the residual NaN but where the fixed point at β was not
    found.
    """
    log_pi = np.empty(problem.size)
    method, row = METHODS[problem.method], (problem.skew[0], ref[0], problem.sampler[0])
    search = cpu.CriticalSearch(method, *row, problem.alpha[0, 0], problem.lam[0, 0], largest, tol, log_pi)
    count = max(1, int(PIECE / _equilibrium_cost(problem.size)))
    while (state := search.advance(count)) == cpu.RUNNING:
        pass
    beta = search.beta if state in (cpu.FOUND, cpu.UNCONVERGED) else np.inf
    return beta, search.residual if state == cpu.UNCONVERGED else np.nan, log_pi


def radii(method, skew, pi, sampler, alpha, beta, lam):
    """Return the spectral radii (rows, points) at policies; arrays have as many rows, or one."""
    arrays = (skew, pi, sampler, alpha, beta, lam)
    rows, points = (0 if any(len(array) == 0 for array in arrays) else max(map(len, arrays))), alpha.shape[1]
    out = np.empty((rows, points))
    cost = _equilibrium_cost(pi.shape[1]) * (points if method == "dpo" else 1)
    if out.size:
        _over(cpu.radii, rows, cost, METHODS[method], *arrays, out)
    return out


def frequencies(skew, pi):
    """Return the largest frequency of IPO at policies (count or 1, K) with M π = const."""
    count, K = (max(len(skew), len(pi)) if len(skew) and len(pi) else 0), pi.shape[1]
    out = np.empty(count)
    _over(cpu.frequencies, count, 2.0 * K**3, skew, pi, out)
    return out


def constants(skew):
    """Return ‖M‖₂, ‖ΠMΠ‖₂, the span D and max |M| of each matrix (count, K, K), as columns; Π takes out the mean."""
    out = np.empty((len(skew), 4))
    _over(cpu.constants, len(skew), 5.0 * skew.shape[1] ** 3, skew, out)
    return out


def conditions(constants, problem):
    """Return which sufficient conditions hold of `constants` (1 or rows, 4) at each point, as columns."""
    count = problem.rows * problem.points
    out = np.empty((count, 4), dtype=np.uint8)
    _over(cpu.conditions, count, CLOSED_COST, constants, problem.alpha, problem.beta, problem.lam, out)
    return out.view(np.bool_)


def onsets(strength, alpha, beta, lam):
    """Return the spectral radius, variance and period of three-cycles (count,), as columns."""
    out = np.empty((len(strength), 3))
    _over(cpu.onsets, len(out), CLOSED_COST, strength, alpha, beta, lam, out)
    return out


def collapse(method, P, sampler, top, beta, lam):
    """Return the rates of collapse (rows, points, K); arrays have as many rows, or one."""
    arrays = (P, sampler, beta)
    rows = 0 if any(len(array) == 0 for array in arrays) else max(map(len, arrays))
    out = np.empty((rows, beta.shape[1], P.shape[-1]))
    if out.size:
        _over(cpu.collapse, rows, out[0].size + P[0].size, METHODS[method], P, sampler, top, beta, lam, out)
    return out


def multiplayer(transposed, sampler, log_ref, alpha, beta, lam, path):
    """Write all rounds but the first of `path` (rounds, players, K), logarithms of policies."""
    players, size = path.shape[1:]
    rounds = max(int(PIECE / (players * size * (players + 2 * RESPONSE_COST + PRODUCT_COST * size))), 1)
    for first in range(0, len(path) - 1, rounds):  # an interrupt can come between
        cpu.multiplayer(transposed, sampler, log_ref, alpha, beta, lam, path[first : first + rounds + 1])


def _over(kernel, count, cost, *arrays):
    """Call ``kernel(*arrays, first, last)`` over `count` problems of `cost` nanoseconds each."""
    if count:
        threads.for_blocks(lambda first, last: kernel(*arrays, first, last), count, work=cost * count)


def softmax(log_pi):
    """Return log-probabilities (rows, K) as normalised probabilities."""
    out = np.array(log_pi, dtype=np.float64, order="C")
    cpu.softmax(out)
    return out
