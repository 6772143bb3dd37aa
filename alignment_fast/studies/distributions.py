"""Continuous distributions of scipy.stats, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from alignment_fast.studies.errors import SpecError

__all__ = ["distribution"]


def distribution(name: str, parameters: Mapping[str, float]) -> Any:
    """Return a frozen distribution.

    Raises
    ------
    SpecError
        If there is none of that name, or of these parameters.

    """
    from scipy import stats  # takes a while to load

    family = getattr(stats, name, None)
    if not isinstance(family, stats.rv_continuous):
        known = [one for one in dir(stats) if isinstance(getattr(stats, one), stats.rv_continuous)]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SpecError(f"scipy.stats has no continuous distribution {name!r}{hint}")
    try:
        frozen = family(**parameters)
    except TypeError as error:
        raise SpecError(f"{name}: {error}") from None
    if not np.isfinite(frozen.median()):
        raise SpecError(f"{name} has no law with the parameters {dict(parameters)}")
    return frozen
