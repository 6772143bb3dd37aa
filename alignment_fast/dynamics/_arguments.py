"""Arguments of the dynamics: checked, broadcast to rows and parameter points, and how to give results back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from alignment_fast._border.arrays import as_parameter, parameter_grid
from alignment_fast._border.call import rows_of
from alignment_fast._border.status import place, refuse
from alignment_fast._border.words import as_word
from alignment_fast.dynamics.noise import FreshPairs, FrozenEstimate, check_noise, fresh_pairs, frozen_estimate
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.kernels.dynamics.structures import TrajectoryProblem
from alignment_fast.policy import _optimum as optimum
from alignment_fast.policy._arguments import PreferenceArguments

METHODS = ("ipo", "dpo")
PARAMETERS = ("alpha", "beta", "lam")


@dataclass(frozen=True)
class Schedule:
    """A parameter that changes from round to round: ``alpha=Schedule(values)`` in place of a number.

    Parameters
    ----------
    values : array_like (steps,)
        The value in each round: the first one leads from round 0 to round 1.

    Examples
    --------
    >>> import alignment_fast as af
    >>> annealed = af.dynamics.Schedule([4.0, 2.0, 1.0])
    >>> P = [[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]]
    >>> run = af.dynamics.simulate(P, alpha=0.5, beta=annealed, lam=1.0, init=[0.5, 0.3, 0.2], steps=3)
    >>> run.pi.round(4)
    array([0.3172, 0.2864, 0.3964])

    """

    values: Any


@dataclass(frozen=True)
class TrajectoryArguments:
    """Arguments of one call.

    Parameters
    ----------
    task : PreferenceArguments
        Preference matrices and policies, and how to give results back.
    leading, shape : tuple of int
        Leading axes of the result; those and the axes of the parameters.
    problem : TrajectoryProblem
        The same as rows and points.

    """

    task: PreferenceArguments
    leading: tuple[int, ...]
    shape: tuple[int, ...]
    problem: TrajectoryProblem

    def where(self, trajectory: int) -> str:
        """Return how the trajectory of flat number `trajectory` is written: "[3, 1]", "" if there is only one."""
        return place(trajectory, self.shape)


def arguments(
    P, parameters, init, sampler, ref, *, method, noise=None, seed=None, steps=None, outer=False, on_devices=False
) -> TrajectoryArguments:
    """Return the `TrajectoryArguments`; what is wrong raises an error that names it.

    `parameters` holds alpha, beta and lam, each a number, an array or a `Schedule` of `steps` rounds. With `outer`
    every row meets every parameter point, however many axes the parameters have; without, parameters of two and more
    axes broadcast against the rows. `init` may be None where no trajectory starts. With `on_devices` arrays on a CUDA
    device are taken.
    """
    check_noise(noise)
    check_method(method)
    distributions = {"init": init, "sampler": sampler, "ref": ref}
    if init is None:
        del distributions["init"]
    task = PreferenceArguments(P, distributions=distributions, on_devices=on_devices)
    if task.place is not None and isinstance(noise, FreshPairs):
        raise BackendUnavailableError("noise of fresh pairs has no CUDA version: pass P on the CPU")
    base, schedule = _split(parameters, steps)
    (alpha, beta, lam), leading, shape = _grids(base, task.leading, outer)
    matrices = frozen_estimate(task["P"], noise, seed) if isinstance(noise, FrozenEstimate) else task["P"]
    if method == "dpo" and not isinstance(noise, FreshPairs):
        _require_finite_rewards(matrices)
    count = int(np.prod(leading, dtype=np.int64))
    with np.errstate(divide="ignore"):
        log_ref = np.log(task["ref"])
        log_init = log_ref if init is None else np.log(task["init"])
    problem = TrajectoryProblem(
        method=method,
        rows=count,
        skew=rows_of(optimum.skew(matrices), 2, leading),
        log_ref=rows_of(log_ref, 1, leading),
        sampler=rows_of(task["sampler"], 1, leading),
        log_init=rows_of(log_init, 1, leading),
        alpha=alpha,
        beta=beta,
        lam=lam,
        schedule=schedule,
        pairs=fresh_pairs(noise, seed),
        place=task.place,
    )
    return TrajectoryArguments(task, leading, shape, problem)


def check_method(method):
    """Raise ValueError unless there is a method of this name."""
    as_word(method, "method", METHODS)


def _split(parameters, steps):
    """Return the parameters as arrays, and the factors (steps, 3) of those that change with time, or None."""
    base, schedule = {}, None
    for column, name in enumerate(PARAMETERS):
        value = parameters[name]
        if isinstance(value, Schedule):
            values = as_parameter(value.values, name)
            if steps is None:
                raise ValueError(f"{name} is a Schedule, and this function knows no rounds")
            if values.shape != (steps,):
                raise ValueError(
                    f"{name} is a Schedule of shape {values.shape}, not of one value for each of {steps} steps"
                )
            check_parameter(values, name)
            schedule = np.ones((steps, 3)) if schedule is None else schedule
            schedule[:, column] = values
            base[name] = np.float64(1.0)
        else:
            base[name] = as_parameter(value, name)
            check_parameter(base[name], name)
    return base, schedule


def check_parameter(values, name):
    """Raise ValueError for the first of `values` that `alpha`, `beta` or `lam` cannot have."""
    limit = np.inf if name == "beta" else 1.0
    domain = "finite and not negative" if name == "beta" else "between 0 and 1"
    refuse(~((values >= 0) & (values <= limit) & np.isfinite(values)), values, name, f"must be {domain}")


def constant_parameters(parameters):
    """Return alpha, beta, lam, checked and of one shape; none of them may be a `Schedule`."""
    return broadcast(_split(parameters, None)[0])


def constant_grids(parameters, leading):
    """Return alpha, beta, lam as arrays (1 or rows, points), the leading axes and the shape of the results."""
    return _grids(_split(parameters, None)[0], leading, False)


def broadcast(base):
    """Return the arrays of one shape; those that have none in common are named."""
    try:
        return np.broadcast_arrays(*base.values())
    except ValueError:
        shapes = ", ".join(f"{name} of shape {value.shape}" for name, value in base.items())
        raise ValueError(f"parameters do not broadcast: {shapes}") from None


def _grids(base, leading, outer):
    """Return alpha, beta, lam as arrays (1 or rows, points), the leading axes and the shape of the results."""
    common = broadcast(base)
    if outer:
        return [np.ascontiguousarray(c).reshape(1, -1) for c in common], leading, (*leading, *common[0].shape)
    grids = [parameter_grid(value, leading, name) for name, value in zip(base, common, strict=True)]
    return [np.ascontiguousarray(grid.rows()) for grid in grids], grids[0].leading, grids[0].shape


def _require_finite_rewards(P):
    """Raise ValueError for the first P whose win graph is not strongly connected: DPO's rewards would be infinite."""
    labels = optimum.components(P > 0, "strong")
    split = labels.any(axis=-1)
    if not split.any():
        return
    index = tuple(int(i) for i in np.argwhere(split)[0])
    groups = [np.flatnonzero(labels[index] == label).tolist() for label in range(labels[index].max() + 1)]
    where = f"P[{', '.join(map(str, index))}]" if index else "P"
    raise ValueError(
        f"DPO has no finite optimum: the win graph of {where} falls into {len(groups)} strong components, "
        f"{', '.join(map(str, groups))}; some win all comparisons with others"
    )
