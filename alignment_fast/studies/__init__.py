"""Studies: simulations described in a file, run in blocks by any executor, stored, resumed and reproduced.

Reading a spec needs the extra ``studies``. The guide is docs/guides/studies.md.
"""

import importlib
from typing import TYPE_CHECKING, Any

from alignment_fast._statistics import Moments, QuantileSketch
from alignment_fast.studies.errors import BlockError, SpecError, StoreError, StoreLockedError, StudyError

if TYPE_CHECKING:
    from alignment_fast.studies.partials import blocks
    from alignment_fast.studies.results import Results
    from alignment_fast.studies.study import PartDone, PlannedCell, Status, Study
    from alignment_fast.studies.tally import Progress
    from alignment_fast.studies.tasks import BootstrapTask, Rows, SimulationTask, SweepTask
    from alignment_fast.studies.templates import template

_LATER = {
    "BootstrapTask": "tasks",
    "PartDone": "study",
    "PlannedCell": "study",
    "Progress": "tally",
    "Results": "results",
    "Rows": "tasks",
    "SimulationTask": "tasks",
    "Status": "study",
    "Study": "study",
    "SweepTask": "tasks",
    "blocks": "partials",
    "template": "templates",
}

__all__ = [
    "BlockError",
    "BootstrapTask",
    "Moments",
    "PartDone",
    "PlannedCell",
    "Progress",
    "QuantileSketch",
    "Results",
    "Rows",
    "SimulationTask",
    "SpecError",
    "Status",
    "StoreError",
    "StoreLockedError",
    "Study",
    "StudyError",
    "SweepTask",
    "blocks",
    "template",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        value = globals()[name] = getattr(importlib.import_module(f"alignment_fast.studies.{_LATER[name]}"), name)
        return value
    raise AttributeError(f"module 'alignment_fast.studies' has no attribute {name!r}")
