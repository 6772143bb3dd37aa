"""Iterated preference optimisation: how policies move when they are trained on their own samples.

``beta`` is the strength of the preference signal, the inverse of the KL coefficient and of the ``beta`` of
`af.pairwise`. Reference: arXiv:2602.12180.
"""

from alignment_fast.dynamics._arguments import Schedule
from alignment_fast.dynamics.analysis import (
    Onset,
    collapse_rates,
    critical_beta,
    lyapunov_exponent,
    three_cycle_onset,
)
from alignment_fast.dynamics.fixed_points import FixedPoint, fixed_point
from alignment_fast.dynamics.multiplayer import MultiplayerTrajectory, multiplayer
from alignment_fast.dynamics.noise import FreshPairs, FrozenEstimate
from alignment_fast.dynamics.simulation import Trajectory, simulate
from alignment_fast.dynamics.stability import StabilityBounds, spectral_radius, stability_bounds
from alignment_fast.dynamics.sweeps import SweepBlock, sweep, sweep_blocks

__all__ = [
    "FixedPoint",
    "FreshPairs",
    "FrozenEstimate",
    "MultiplayerTrajectory",
    "Onset",
    "Schedule",
    "StabilityBounds",
    "SweepBlock",
    "Trajectory",
    "collapse_rates",
    "critical_beta",
    "fixed_point",
    "lyapunov_exponent",
    "multiplayer",
    "simulate",
    "spectral_radius",
    "stability_bounds",
    "sweep",
    "sweep_blocks",
    "three_cycle_onset",
]
