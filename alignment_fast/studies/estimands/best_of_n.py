"""Best-of-n: reward, divergence from the reference and win rate."""

from __future__ import annotations

import numpy as np

from alignment_fast import best_of_n
from alignment_fast.studies.estimands.base import CellSetting, Estimator
from alignment_fast.studies.partials import Columns
from alignment_fast.studies.sources import OutcomesLaw, law_of

__all__ = ["BestOfN"]


class BestOfN(Estimator):
    """Columns reward, kl and win_rate; of a sampler the reward only."""

    devices = ("cpu", "cuda")

    def __init__(self, setting: CellSetting) -> None:
        super().__init__(setting)
        assert setting.source is not None
        self.n = float(setting.parameters["n"])
        self.law = law_of(setting.source, setting.folder)
        self.names: tuple[str, ...] = ("reward", "kl", "win_rate") if self.law.is_monotone else ("reward",)

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1."""
        law, where = self.law, (self.setting.sequence(), first, count, self.setting.device)
        if not law.is_monotone:
            return Columns(self.names, law.best(self.n, *where)[:, None])
        tails = law.best_tails(self.n, *where)
        values = np.stack([law.at(tails), law.log_ratios(tails, self.n), law.win_rates(tails)], axis=1)
        return Columns(self.names, values)

    def exact(self) -> dict[str, float]:
        """Return the exact means: all of a finite alphabet, divergence and win rate of a continuous law."""
        if isinstance(self.law, OutcomesLaw):
            law = self.law.law
            values = law.expected_reward(self.n), law.kl(self.n), law.win_rate(self.n)
            return dict(zip(("reward", "kl", "win_rate"), map(float, values), strict=True))
        if not self.law.is_monotone:
            return {}
        kl, win_rate = best_of_n.continuous.kl(self.n), best_of_n.continuous.win_rate(self.n)
        return {"kl": float(kl), "win_rate": float(win_rate)}
