"""The table of guarded results, complete: ``CASES`` by name.

The modules ``cases_*`` enter their cases when they are imported; `guard.table` says what a case is.
"""

import contextlib
import io

from guard import (  # noqa: F401 - importing them fills the table
    cases_best_of_n,
    cases_dynamics,
    cases_information,
    cases_memoryless,
    cases_other,
    cases_pairwise,
    cases_policy,
    cases_ranking,
    cases_samples,
)
from guard.table import CASES, digest

import alignment_fast as af

__all__ = ["CASES", "FAMILIES", "digest", "hashes", "instruction_set"]

FAMILIES = sorted({case.family for case in CASES.values()})


def is_named(name, parts):
    """Return whether a case is meant by parts of names, none of which mean all."""
    return not parts or any(part in name for part in parts)


def hashes(family=None, names=()):
    """Return the hashes of the cases, all or those of a family or with these parts in their names, by name."""
    chosen = {name: case for name, case in CASES.items() if family in (None, case.family) and is_named(name, names)}
    return {name: digest(case.compute()) for name, case in chosen.items()}


def instruction_set():
    """Return the name of the instruction set in use, as the public configuration has it."""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        af.show_config()
    values = dict(line.split(": ", 1) for line in text.getvalue().splitlines())
    return values["instruction set"]
