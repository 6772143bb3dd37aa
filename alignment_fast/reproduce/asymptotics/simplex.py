"""Figure 1: the aligned family of the ternary example in the simplex, with the mean type of best-of-n.

The figure is not what its caption says. Measured on its vector paths, the closed curve is that of divergence 0.1000
and not 0.11, the line that of cross entropy 1.20230, and the dot is the mean type of the best of 8 sequences of 10
letters, where the caption has exp(1.1), about 3. Both are computed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast.information import cross_entropy, kl_divergence
from alignment_fast.reproduce.asymptotics.estimates import Estimate, Part, mean, seed_of
from alignment_fast.reproduce.asymptotics.setting import TERNARY

__all__ = [
    "DRAWINGS",
    "CurvePoint",
    "Drawing",
    "MarkedPoint",
    "cross_entropy_segment",
    "divergence_contour",
    "simplex_curves",
    "simplex_points",
]

LENGTH = 10
DIRECTIONS = 360
# Halvings of an interval of at most √2 to its last bit.
HALVINGS = 60
UNKNOWN = [Estimate(math.nan, math.nan)] * 3


class Drawing(NamedTuple):
    """One version of Figure 1.

    Parameters
    ----------
    name : str
        ``"caption"`` or ``"plotted"``.
    divergence : float
        Divergence from p on the closed curve, nats.
    level : float
        Cross entropy to q on the line, nats.
    log_n : float
        Logarithm of the number of draws behind the dot.

    """

    name: str
    divergence: float
    level: float
    log_n: float


DRAWINGS = (
    Drawing("caption", TERNARY.delta, TERNARY.typical, TERNARY.delta * LENGTH),
    Drawing("plotted", 0.1000, 1.20230, math.log(8)),
)


class CurvePoint(NamedTuple):
    """A point of a curve: the drawing and the curve it belongs to, and its three probabilities."""

    drawing: str
    curve: str
    v0: float
    v1: float
    v2: float


class MarkedPoint(NamedTuple):
    """A marked distribution; Monte Carlo estimates of it where it is a mean type, else NaN."""

    drawing: str
    point: str
    v0: float
    v1: float
    v2: float
    v0_estimate: float
    v0_se: float
    v1_estimate: float
    v1_se: float
    v2_estimate: float
    v2_se: float
    kl: float
    cross_entropy: float


def simplex_curves() -> Iterator[CurvePoint]:
    """Yield the points of the curves of both drawings: ``divergence``, ``cross_entropy`` and ``aligned``."""
    alphas = np.append(np.tan(np.linspace(0, np.pi / 2, 100, endpoint=False)), np.inf)
    aligned = TERNARY.model.tilt(alphas).pi
    for drawing in DRAWINGS:
        curves = {
            "divergence": divergence_contour(TERNARY.p, drawing.divergence),
            "cross_entropy": cross_entropy_segment(TERNARY.reward, drawing.level),
            "aligned": aligned,
        }
        for name, points in curves.items():
            for point in points.tolist():
                yield CurvePoint(drawing.name, name, *point)


def divergence_contour(p: np.ndarray, divergence: float) -> np.ndarray:
    """Return distributions v (T, 3) with D(v ‖ p) = `divergence`, once around p; by bisection along rays from p.

    Parameters
    ----------
    p : array (3,)
        Centre, positive.
    divergence : float
        Less than it takes to reach an edge of the simplex, -log(1 - min p).

    """
    angle = np.linspace(0, 2 * np.pi, DIRECTIONS + 1)
    axes = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ axes
    with np.errstate(divide="ignore"):
        far = np.where(rays < 0, -p / rays, np.inf).min(axis=1)
    near = np.zeros_like(far)
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        inside = kl_divergence(p + middle[:, None] * rays, p) < divergence
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return p + near[:, None] * rays


def cross_entropy_segment(reward: np.ndarray, level: float) -> np.ndarray:
    """Return the ends (2, 3) of the segment of distributions whose expected reward is -`level`."""
    ends = []
    for first, second in ((0, 1), (1, 2), (0, 2)):
        weight = (-level - reward[second]) / (reward[first] - reward[second])
        if 0 <= weight <= 1:
            end = np.zeros(3)
            end[[first, second]] = weight, 1 - weight
            ends.append(end)
    return np.array(ends)


def simplex_points(replicates: int, seed: int) -> Iterator[MarkedPoint]:
    """Yield the marked points of both drawings: p, q, the aligned policy, and mean types of best-of-n.

    Examples
    --------
    >>> from alignment_fast.reproduce.asymptotics import simplex_points
    >>> [(point.point, round(point.v0, 6)) for point in simplex_points(100, 0) if point.drawing == "plotted"]
    [('p', 0.2), ('q', 0.666667), ('aligned', 0.379635), ('best of 8', 0.375472)]

    """
    for number, drawing in enumerate(DRAWINGS):
        yield _marked(drawing, "p", TERNARY.p)
        yield _marked(drawing, "q", np.exp(TERNARY.reward))
        yield _marked(drawing, "aligned", TERNARY.model.aligned(drawing.divergence).pi)
        log_n = [drawing.log_n] if drawing.name == "plotted" else [drawing.log_n, math.log(3)]
        for place, size in enumerate(log_n):
            marginal = TERNARY.model.best_of_n(LENGTH, log_n=size).token_marginal
            name = f"best of {math.exp(size):.4g}"
            rng = seed_of(seed, Part.SIMPLEX, number, place)
            draws = TERNARY.model.sample_sequences(LENGTH, replicates, log_n=size, rng=rng)
            estimates = [mean((draws == letter).mean(axis=1)) for letter in range(3)]
            yield _marked(drawing, name, marginal, estimates)


def _marked(drawing, name, v, estimates=UNKNOWN):
    numbers = [number for estimate in estimates for number in estimate]
    to_q = float(cross_entropy(v, np.exp(TERNARY.reward)))
    return MarkedPoint(drawing.name, name, *map(float, v), *numbers, float(kl_divergence(v, TERNARY.p)), to_q)
