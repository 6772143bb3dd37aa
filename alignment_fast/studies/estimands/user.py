"""A user's own study: functions that generate data, analyse them, and summarise what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from alignment_fast.studies.errors import BlockError
from alignment_fast.studies.estimands.base import CellSetting, Estimator
from alignment_fast.studies.functions import ROLES, user_function
from alignment_fast.studies.partials import Columns

__all__ = ["User"]


class User(Estimator):
    """Columns as the user's analysis names them; those whose values are truth values or NaN are shares.

    ``generate(parameters, rng)`` gives the data of one replicate, from a NumPy generator that is the replicate's own;
    ``analyse(parameters, data)`` a number, or a dictionary of numbers; NaN drops the replicate.
    ``summarise(parameters, summary)`` gives further figures, from the statistics of each column.
    """

    def __init__(self, setting: CellSetting) -> None:
        super().__init__(setting)
        given = setting.parameters
        self.parameters = {name: value for name, value in given.items() if name not in ROLES}
        if setting.source is not None:
            self.parameters["source"] = dict(setting.source)
        self.functions = {role: user_function(given[role], setting.folder) for role in ROLES if given[role] is not None}

    def values(self, first: int, count: int) -> Columns:
        """Return the values of replicates first to first + count − 1."""
        rows = [self._row(replicate) for replicate in range(first, first + count)]
        names = tuple(rows[0])
        for place, row in enumerate(rows):
            if tuple(row) != names:
                raise BlockError(
                    f"replicate {first + place} gave the columns {', '.join(row)}; replicate {first} {', '.join(names)}"
                )
        values = np.array([[float(row[name]) for name in names] for row in rows])
        absent = np.isnan(values).tolist()
        shares = frozenset(
            name
            for place, name in enumerate(names)
            if all(isinstance(row[name], bool | np.bool_) or nan[place] for row, nan in zip(rows, absent, strict=True))
        )
        return Columns(names, values, shares)

    def _row(self, replicate: int) -> Mapping[str, Any]:
        generator = np.random.default_rng(self.setting.sequence(replicate))
        try:
            found = self.functions["analyse"](self.parameters, self.functions["generate"](self.parameters, generator))
        except (Exception, SystemExit) as error:
            raise BlockError(f"replicate {replicate}: {type(error).__name__}: {error}") from error
        return found if isinstance(found, Mapping) else {"value": found}

    def summarise(self, summary: dict[str, dict[str, float]]) -> dict[str, float]:
        """Return what the user's summary gives, if there is one."""
        function = self.functions.get("summarise")
        if function is None:
            return {}
        return {str(name): float(value) for name, value in function(self.parameters, summary).items()}
