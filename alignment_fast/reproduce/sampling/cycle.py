"""Three responses in a cycle: where the uniform policy loses its stability, and what takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast import dynamics

__all__ = [
    "ASIDE",
    "CASES",
    "CYCLE",
    "INIT",
    "LAM",
    "SIGNAL",
    "STRENGTH",
    "THRESHOLD_ALPHAS",
    "Oscillation",
    "PhasePoint",
    "Step",
    "Threshold",
    "exact_threshold",
    "oscillations",
    "paths",
    "phase_diagram",
    "thresholds",
]

# Each response beats the next with probability 0.9.
STRENGTH = 0.4
CYCLE = 0.5 + STRENGTH * np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
INIT = np.array([0.5, 0.3, 0.2])
LAM = 0.5
# DPO's reward is four times as sensitive as IPO's score at even odds, the slope of the sigmoid being 1/4 there: with a
# quarter of β both have the same eigenvalues at the uniform policy.
SIGNAL = {"ipo": 1.0, "dpo": 0.25}
# α and β·SIGNAL of a policy that converges, and of two that do not: more of the own past, a stronger signal.
CASES = {"baseline": (0.5, 4.0), "larger alpha": (0.95, 4.0), "larger beta": (0.5, 8.0)}
THRESHOLD_ALPHAS = (0.0, 0.3, 0.5, 0.8, 0.95)
# How far from the threshold trajectories are run, relative to β: 10⁴ rounds tell both sides apart for α up to 0.95.
ASIDE = 0.02
_ROUNDS, _BURN_IN = 3_000, 2_000


class Step(NamedTuple):
    """The policy of one round."""

    method: str
    case: str
    t: int
    pi_0: float
    pi_1: float
    pi_2: float


class Oscillation(NamedTuple):
    """What one of `CASES` does: spectral radius at the uniform policy, statistics of rounds 2000 to 3000."""

    method: str
    case: str
    alpha: float
    beta: float
    lam: float
    spectral_radius: float
    cycle_strength: float
    period: float
    entropy_min: float
    entropy_max: float


class Threshold(NamedTuple):
    """β·λ at which the uniform policy loses its stability, and the cycle strength 2 % below and above."""

    method: str
    alpha: float
    exact: float
    bisection: float
    below: float
    above: float


class PhasePoint(NamedTuple):
    """A point of the phase diagram; predictions are those near the onset, NaN below it and for DPO."""

    method: str
    alpha: float
    feedback: float
    spectral_radius: float
    cycle_strength: float
    cycle_strength_predicted: float
    period: float
    period_predicted: float


def exact_threshold(alpha: float, method: str) -> float:
    """Return the β·λ at which α² + a²β²λ²/3 = 1 for IPO, α² + 16 a²β²λ²/3 = 1 for DPO, a = 0.4.

    Examples
    --------
    >>> from alignment_fast.reproduce.sampling import exact_threshold
    >>> round(exact_threshold(0.5, "ipo"), 12), round(exact_threshold(0.5, "dpo"), 12)
    (3.75, 0.9375)

    """
    return SIGNAL[method] * float(np.sqrt(3.0 * (1.0 - alpha**2))) / STRENGTH


def oscillations() -> Iterator[Oscillation]:
    """Yield what becomes of each of `CASES`, for IPO and for DPO."""
    uniform = np.full(3, -np.log(3.0))
    for method in SIGNAL:
        for case, alpha, beta in _cases(method):
            run = dynamics.simulate(
                CYCLE, alpha=alpha, beta=beta, lam=LAM, init=INIT, steps=_ROUNDS, burn_in=_BURN_IN, method=method
            )
            radius = dynamics.spectral_radius(CYCLE, uniform, alpha=alpha, beta=beta, lam=LAM, method=method)
            yield Oscillation(
                method,
                case,
                alpha,
                beta,
                LAM,
                float(radius),
                float(run.cycle_strength),
                float(run.period),
                float(run.entropy_min),
                float(run.entropy_max),
            )


def paths(steps: int = 100) -> Iterator[Step]:
    """Yield the policies of rounds 0 to `steps` of each of `CASES`, for IPO and for DPO."""
    for method in SIGNAL:
        for case, alpha, beta in _cases(method):
            run = dynamics.simulate(
                CYCLE, alpha=alpha, beta=beta, lam=LAM, init=INIT, steps=steps, record=1, method=method
            )
            yield from (Step(method, case, t, *pi) for t, pi in enumerate(np.exp(run.path).tolist()))


def _cases(method: str) -> Iterator[tuple[str, float, float]]:
    """Yield the name, α and β of each of `CASES`."""
    for case, (alpha, beta) in CASES.items():
        yield case, alpha, beta * SIGNAL[method]


def thresholds() -> Iterator[Threshold]:
    """Yield the threshold at each of `THRESHOLD_ALPHAS`, by its formula, by bisection and from trajectories."""
    for method in SIGNAL:
        for alpha in THRESHOLD_ALPHAS:
            exact = exact_threshold(alpha, method)
            found = dynamics.critical_beta(CYCLE, alpha=alpha, lam=LAM, method=method) * LAM
            sides = np.array([1.0 - ASIDE, 1.0 + ASIDE]) * exact / LAM
            run = dynamics.simulate(
                CYCLE, alpha=alpha, beta=sides, lam=LAM, init=INIT, steps=10_000, burn_in=9_000, method=method
            )
            yield Threshold(method, alpha, exact, found, *run.cycle_strength.tolist())


def phase_diagram(points: int = 40) -> Iterator[PhasePoint]:
    """Yield `points` × `points` points: α from 0 to 0.98, β·λ up to 1.5 times the threshold of α = 0.

    Examples
    --------
    >>> from alignment_fast.reproduce.sampling import phase_diagram
    >>> [point.cycle_strength > 1e-3 for point in phase_diagram(2) if point.method == "ipo"]
    [False, True, True, True]

    """
    alpha = np.linspace(0.0, 0.98, points)[:, None]
    uniform = np.full(3, -np.log(3.0))
    for method in SIGNAL:
        feedback = exact_threshold(0.0, method) * np.linspace(0.0, 1.5, points + 1)[1:]
        run = dynamics.sweep(
            CYCLE,
            alpha=alpha,
            beta=feedback / LAM,
            lam=LAM,
            init=INIT,
            steps=_ROUNDS,
            burn_in=_BURN_IN,
            method=method,
        )
        alphas, feedbacks = np.repeat(alpha, points), np.tile(feedback, points)
        radius = dynamics.spectral_radius(CYCLE, uniform, alpha=alphas, beta=feedbacks / LAM, lam=LAM, method=method)
        predicted = _predicted(alphas, feedbacks, radius, method)
        columns = (
            alphas,
            feedbacks,
            radius,
            run.cycle_strength.ravel(),
            predicted[0],
            run.period.ravel(),
            predicted[1],
        )
        yield from (PhasePoint(method, *values) for values in np.stack(columns, axis=-1).tolist())


def _predicted(alpha, feedback, radius, method):
    """Return cycle strength and period near the onset, NaN where there is no oscillation or no prediction."""
    if method == "dpo":
        return np.full((2, len(radius)), np.nan)
    onset = dynamics.three_cycle_onset(STRENGTH, alpha=alpha, beta=feedback / LAM, lam=LAM)
    return np.where(radius > 1, [onset.variance, onset.period], np.nan)
