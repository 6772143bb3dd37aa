"""What every estimator of a cell is given, and has to give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from alignment_fast.studies.partials import Columns

__all__ = ["CellSetting", "Estimator"]


@dataclass(frozen=True)
class CellSetting:
    """A cell as its estimator sees it.

    Parameters
    ----------
    seed : int
        Of the study.
    cell : int
        Number of the cell: cells have unrelated random numbers.
    parameters, source : mapping
        Checked keys of both.
    folder : path
        Where files are.
    device : {"cpu", "cuda"}
        Where it is computed.

    """

    seed: int
    cell: int
    parameters: Mapping[str, Any]
    source: Mapping[str, Any] | None
    folder: Path
    device: str = "cpu"

    def sequence(self, *more: int) -> np.random.SeedSequence:
        """Return the seeds of this cell, or of a part of it."""
        return np.random.SeedSequence(self.seed, spawn_key=(self.cell, *more))


class Estimator:
    """Computes replicates of one cell; values of a replicate depend on the setting and its number only.

    Attributes
    ----------
    names : tuple of str or None
        Names of the columns; None where only their values tell.
    alone : bool
        Whether a replicate has the same values computed alone; else only with the others of its block.
    devices : tuple of str
        Where it can be computed.

    """

    names: tuple[str, ...] | None = None
    alone: ClassVar[bool] = True
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

    def __init__(self, setting: CellSetting) -> None:
        self.setting = setting

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1."""
        raise NotImplementedError

    def exact(self) -> dict[str, float]:
        """Return what is known exactly of the means, by column."""
        return {}

    def summarise(self, summary: dict[str, dict[str, float]]) -> dict[str, float]:
        """Return further figures of the cell, from the statistics of its columns."""
        return {}
