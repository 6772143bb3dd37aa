"""Iterated preference optimisation: how policies move when they are trained on their own samples.

``beta`` is the strength of the preference signal, the inverse of the KL coefficient and of the ``beta`` of `af.pairwise`.
Reference: arXiv:2602.12180.
"""

from alignment_fast.dynamics._arguments import Schedule
from alignment_fast.dynamics.simulation import Trajectory, simulate
from alignment_fast.dynamics.stability import StabilityBounds, spectral_radius, stability_bounds

__all__ = [
    "Schedule",
    "StabilityBounds",
    "Trajectory",
    "simulate",
    "spectral_radius",
    "stability_bounds",
]
