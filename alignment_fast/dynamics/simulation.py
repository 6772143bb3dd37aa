"""Trajectories of policies that are trained on their own samples and drawn to their own past: MRS-IPO and MRS-DPO."""

import warnings
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.arrays import as_array
from alignment_fast._border.kinds import exponential, in_kind_of_its_arrays
from alignment_fast._border.outputs import refuse_large
from alignment_fast._border.rng import Seed
from alignment_fast._border.scalars import as_integer, refuse_beyond
from alignment_fast._operations import operations
from alignment_fast.dynamics._arguments import Schedule, TrajectoryArguments, arguments
from alignment_fast.dynamics.noise import Noise
from alignment_fast.dynamics.stability import feedback_frequency
from alignment_fast.kernels.dynamics.structures import TrajectoryResults


@dataclass(frozen=True, repr=False)
class Trajectory:
    """What `simulate` and `sweep` return.

    Parameters
    ----------
    log_pi : array (..., [S,] K)
        Log-policy of the last round.
    mean, variance : array (..., [S,] K)
        Of each probability over the rounds from `burn_in` on, both ends included (population form).
    entropy, entropy_min, entropy_max : array (..., [S])
        Shannon entropy in nats: of the last round, and its extremes from `burn_in` on.
    times : array (R,) or None
        Rounds that were recorded.
    path : array (..., [S,] R, K) or None
        Log-policies of those rounds.
    period : array (..., [S])
        Rounds per turn: the mean time between local maxima of the probability that varies most, from `burn_in` on. NaN
        where it had fewer than two, and where the trajectory has converged.
    converged : array of bool (..., [S])
        Whether no probability moved by more than 1e-12 in the last round.

    """

    log_pi: Any
    mean: Any
    variance: Any
    entropy: Any
    entropy_min: Any
    entropy_max: Any
    times: Any
    path: Any
    period: Any
    converged: Any

    @property
    def pi(self) -> Any:
        """Policy of the last round."""
        return exponential(self.log_pi)

    @property
    @in_kind_of_its_arrays
    def rotation_number(self) -> Any:
        """Turns per round, 1/period."""
        return 1.0 / self.period

    @property
    @in_kind_of_its_arrays
    def cycle_strength(self) -> Any:
        """Variance over time, averaged over responses."""
        return self.variance.mean(-1)

    def __repr__(self) -> str:
        """Return the shapes of what there is."""
        parts = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"Trajectory({', '.join(f'{name}: {tuple(value.shape)}' for name, value in parts if value is not None)})"


def simulate(
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
    record: int | ArrayLike | None = None,
    method: str = "ipo",
    noise: Noise = None,
    seed: Seed = None,
    num_threads: int | None = None,
) -> Trajectory:
    r"""Return trajectories of iterated preference optimisation with mixed reference and sampling.

    .. math:: \pi_{t+1} \propto \pi_t^{\alpha}\, \mathrm{ref}^{1-\alpha}\, e^{\beta s(\mu_t)}, \qquad
              \mu_t = \lambda \pi_t + (1 - \lambda)\, \mathrm{sampler},

    where s(μ) = P μ for ``"ipo"``, and the implicit rewards of DPO's optimum under μ for ``"dpo"``.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    alpha : float, array_like or Schedule
        Weight of the last policy in the reference, 0 to 1: 1 is fully self-referential.
    beta : float, array_like or Schedule
        Strength of the preference signal, ≥ 0: the inverse of the KL coefficient (and of the beta of `af.pairwise`).
    lam : float, array_like or Schedule
        Share of the policy's own samples, 0 to 1: 1 is fully on-policy. The three parameters broadcast together;
        numbers add no axis, shape (S,) adds one after the leading axes, more axes broadcast against those.
    init : array_like (..., K)
        Policy of round 0, self-normalised. There is no default: the symmetric point of a cycle is an unstable fixed
        point that exact arithmetic never leaves.
    sampler, ref : array_like (..., K), optional
        Offline sampler and reference policy, self-normalised; uniform if not given.
    steps : int
        Number of rounds.
    burn_in : int
        First round that statistics run over; round 0 is `init`, round `steps` the last.
    record : int or array_like of int, optional
        Stride, or ascending list, of the rounds kept in `path`.
    method : {"ipo", "dpo"}
        The objective.
    noise : FreshPairs or FrozenEstimate, optional
        Scores from samples in place of exact ones.
    seed : None, int, SeedSequence or Generator
        Of the samples. Fresh pairs depend on it, the number of the trajectory, the round and the number of the pair.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    Trajectory
        float32 for float32 input, else float64; computed in float64. For arrays on a CUDA device (`P` and the policies,
        float32 or float64) arrays there; the call waits for a copy of them on the host, where they are checked.

    Raises
    ------
    ValueError
        For a P that is not square or not complementary or leaves [0, 1], a policy with a negative entry or without
        mass, a parameter out of range, shapes that do not broadcast; for DPO, where the graph of wins is not strongly
        connected.
    BackendUnavailableError
        For fresh pairs with arrays on a CUDA device.

    Warns
    -----
    UserWarning
        If `init` is a symmetric fixed point that is unstable: the trajectory stays there.

    Notes
    -----
    Policies are kept as logarithms relative to the most likely response, so that nothing underflows, entropies
    included. Accuracy: a round of IPO adds at most 2^-50 (1 + β + |log π|), in float64, to logarithms, which the
    dynamics damp or, where they are chaotic, amplify: compare chaotic trajectories by statistics only. With AVX2
    and AVX-512 the bits are the same.

    Cost, one thread with AVX-512: about 10 ns per round and trajectory for K = 4, 65 ns for K = 16, 1.5 µs for K = 128;
    0.15 µs for DPO with K = 4, growing with K³. Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]]
    >>> run = af.dynamics.simulate(P, alpha=[0.5, 0.95], beta=4.0, lam=0.5, init=[0.5, 0.3, 0.2], steps=3000)
    >>> run.converged, run.period.round(1)
    (array([ True, False]), array([ nan, 18.8]))

    """
    if noise is None and num_threads is None:
        found = operations("dynamics").short_simulate(
            P, alpha, beta, lam, init, sampler, ref, steps, burn_in, record, method
        )
        if found is not None:
            return Trajectory(*found)
    steps, burn_in = rounds(steps, burn_in)
    parameters = {"alpha": alpha, "beta": beta, "lam": lam}
    options = {"method": method, "noise": noise, "seed": seed, "steps": steps, "on_devices": True}
    given = arguments(P, parameters, init, sampler, ref, **options)
    ops = given.task.operations("dynamics")
    times = recorded(record, steps)
    refuse_large((*given.shape, len(times), given.problem.size), "the path")
    warn_at_unstable_point(given)
    results = ops.simulate(given.problem, steps, burn_in, times, num_threads)
    return trajectory(given, results, None if record is None else times)


def rounds(steps, burn_in):
    """Return `steps` and `burn_in` as integers, or raise an error that names the wrong one."""
    steps, burn_in = as_integer(steps, "steps"), as_integer(burn_in, "burn_in")
    if steps < 0:
        raise ValueError(f"steps = {steps} must not be negative")
    if not 0 <= burn_in <= steps:
        raise ValueError(f"burn_in = {burn_in} must lie between 0 and steps = {steps}")
    refuse_beyond(steps, "steps")
    return steps, burn_in


def recorded(record, steps):
    """Return the ascending rounds that `record` asks for."""
    if record is None:
        return np.empty(0, dtype=np.int64)
    array = as_array(record, "record")
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"record must be None, a stride or a list of rounds, not {record!r}")
    if array.ndim == 0:
        if array < 1:
            raise ValueError(f"record = {record} is not a stride: it must be at least 1")
        return np.arange(0, steps + 1, int(array), dtype=np.int64)
    if array.ndim > 1:
        raise ValueError(f"record must be a stride or one list of rounds, not of shape {array.shape}")
    times = array.astype(np.int64)
    if times.size and (times.min() < 0 or times.max() > steps):
        bad = int(np.flatnonzero((times < 0) | (times > steps))[0])
        raise ValueError(f"record[{bad}] = {times[bad]} is not a round: they run from 0 to steps = {steps}")
    if (np.diff(times) <= 0).any():
        bad = int(np.flatnonzero(np.diff(times) <= 0)[0]) + 1
        raise ValueError(f"record must ascend, but record[{bad}] = {times[bad]} does not exceed the round before it")
    return times


def warn_at_unstable_point(given: TrajectoryArguments) -> None:
    """Warn if a trajectory starts exactly at a symmetric fixed point that is unstable."""
    problem = given.problem
    if problem.pairs is not None or problem.schedule is not None:
        return
    init = np.exp(problem.log_init)
    symmetric = np.flatnonzero(np.ptp(np.matmul(problem.skew, init[..., None])[..., 0], axis=-1) <= 1e-15)
    for row in symmetric if len(symmetric) else ():
        pull, offline = (np.broadcast_to(a, (problem.rows, problem.size)) for a in (problem.log_ref, problem.sampler))
        start = init[row if len(init) > 1 else 0]
        skew = problem.skew[row if len(problem.skew) > 1 else 0]
        at = slice(None) if len(problem.alpha) == 1 else slice(row, row + 1)
        alpha, beta, lam = problem.alpha[at], problem.beta[at], problem.lam[at]
        with np.errstate(divide="ignore", invalid="ignore"):
            anchored = np.ptp(pull[row] - np.log(start)) <= 1e-15
        fed = np.ptp(skew @ offline[row]) <= 1e-15
        stays = (anchored | (alpha == 1)) & (fed | (lam == 1) | (beta == 0))
        unstable = stays & (alpha**2 + (beta * lam * feedback_frequency(skew, start, problem.method)) ** 2 > 1)
        if unstable.any():
            point = int(np.flatnonzero(unstable)[0])
            where = given.where(int(row) * problem.points + point)
            warnings.warn(
                f"init is a fixed point, and unstable{f' at {where}' if where else ''}: exact arithmetic never leaves "
                "it; start from a policy a little way off",
                UserWarning,
                stacklevel=3,
            )
            return


def trajectory(given: TrajectoryArguments, results: TrajectoryResults, times: np.ndarray | None) -> Trajectory:
    """Return kernel results in the caller's shapes, dtype and kind of array."""
    shape, size, give = given.shape, given.problem.size, given.task.give
    return Trajectory(
        give(results.log_policy.reshape(*shape, size)),
        give(results.mean.reshape(*shape, size)),
        give(results.variance.reshape(*shape, size)),
        give(results.entropy.reshape(shape)),
        give(results.entropy_min.reshape(shape)),
        give(results.entropy_max.reshape(shape)),
        times,
        None if times is None else give(results.path.reshape(*shape, len(times), size)),
        give(results.period.reshape(shape)),
        give(results.converged.reshape(shape), dtype=np.bool_),
    )
