"""Iterated preference optimisation from random policies, and of random preferences."""

from __future__ import annotations

import numpy as np

from alignment_fast import dynamics
from alignment_fast.random import Stream
from alignment_fast.studies.estimands.base import CellSetting, Estimator
from alignment_fast.studies.partials import Columns
from alignment_fast.studies.sources import preferences

__all__ = ["Dynamics"]

# Mean variance over time above which a policy that has not converged counts as oscillating, as in `reproduce sampling`.
OSCILLATING = 1e-6
# The purpose of the streams that matrices are drawn from: that of noise.
MATRICES = 3


class Dynamics(Estimator):
    """Columns entropy and cycle_strength, and the shares converged and oscillates.

    Replicate r begins with a policy that is uniform on the simplex.
    """

    names: tuple[str, ...] = ("entropy", "cycle_strength", "converged", "oscillates")

    def __init__(self, setting: CellSetting) -> None:
        super().__init__(setting)
        assert setting.source is not None
        source = setting.source
        self.P = None if source["kind"] == "random_preferences" else preferences(source, setting.folder)
        self.responses = source["responses"] if self.P is None else len(self.P)
        chosen = ("alpha", "beta", "lam", "steps", "burn_in", "method")
        self.options = {name: setting.parameters[name] for name in chosen}

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1."""
        uniform = Stream(self.setting.sequence()).uniform((count, self.responses), replicate=first, num_threads=1)
        init = -np.log(uniform)
        P = self._drawn(first, count) if self.P is None else np.broadcast_to(self.P, (count, *self.P.shape))
        run = dynamics.simulate(P, init=init, num_threads=1, **self.options)
        converged = run.converged.astype(np.float64)
        oscillates = (converged == 0) & (run.cycle_strength > OSCILLATING)
        values = np.stack([run.entropy, run.cycle_strength, converged, oscillates], axis=1)
        return Columns(self.names, values, frozenset(self.names[2:]))

    def _drawn(self, first: int, count: int) -> np.ndarray:
        """Return a matrix for each replicate."""
        assert self.setting.source is not None
        K = self.responses
        stream = Stream(self.setting.sequence(), purpose=MATRICES)
        if self.setting.source["law"] == "bradley-terry":
            strength = self.setting.source["scale"] * stream.normal((count, K), replicate=first, num_threads=1)
            return np.asarray(1.0 / (1.0 + np.exp(strength[:, None, :] - strength[:, :, None])))
        row, column = np.triu_indices(K, 1)
        upper = stream.uniform((count, len(row)), replicate=first, num_threads=1)
        P = np.full((count, K, K), 0.5)
        P[:, row, column], P[:, column, row] = upper, 1.0 - upper
        return P
