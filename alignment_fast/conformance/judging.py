"""Whether what a library gives is what a case expects."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import numpy as np

from alignment_fast.conformance.cases import Case

__all__ = ["NotCovered", "Outcome", "judged"]

Computation = Callable[[Case], Mapping[str, Any]]
_DIGITS = Context(prec=60)


class NotCovered(Exception):  # noqa: N818
    """A library has no such function, or does not claim what the case asks for."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Parameters
    ----------
    case : Case
        Which.
    problem : str
        What is wrong; empty if nothing is.
    excess : float
        Largest error by its tolerance; inf where there is no comparing.

    """

    case: Case
    problem: str = ""
    excess: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem


def judged(case: Case, compute: Computation) -> Outcome | None:
    """Return what became of a case, None if the library does not cover it."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = compute(case)
    except NotCovered:
        return None
    except Exception as error:  # of a library: any kind
        if case.raises is not None:
            return Outcome(case)
        return Outcome(case, f"raised {type(error).__name__}: {str(error)[:120]}", math.inf)
    if case.raises is not None:
        shown = {name: _short(value) for name, value in found.items()}
        return Outcome(case, f"returned {shown}, but there is no result ({case.raises})", math.inf)
    worst = Outcome(case)
    for name, values in found.items():
        outcome = _compared(case, name, values)
        worst = max(worst, outcome, key=lambda one: (not one.passed, one.excess))
    return worst


def _compared(case: Case, name: str, found: Any) -> Outcome:
    expected, tolerance = case.expected[name], case.tolerance[name]
    exact = [expected] if isinstance(expected, str) else expected
    values = np.asarray(found, dtype=np.float64).reshape(-1).tolist()
    if len(values) != len(exact):
        return Outcome(case, f"{name} has {len(values)} numbers, not {len(exact)}", math.inf)
    allowed: Iterable[float] = tolerance if isinstance(tolerance, list) else [tolerance] * len(exact)
    worst, problem = 0.0, ""
    for value, text, most in zip(values, exact, allowed, strict=True):
        excess = _excess(value, text, most)
        if excess > max(worst, 1.0):
            problem = f"{name} is {value!r}, not {text} ± {most:.2g}"
        worst = max(worst, excess)
    return Outcome(case, problem, worst)


def _excess(value: float, text: str, allowed: float) -> float:
    """Return the error of a number by its tolerance."""
    exact = float(text)
    if value == exact or (math.isnan(value) and math.isnan(exact)):
        return 0.0
    if not (math.isfinite(value) and math.isfinite(exact)):
        return math.inf
    error = abs(float(_DIGITS.subtract(Decimal(value), Decimal(text))))
    return error / allowed if allowed else math.inf


def _short(value: Any) -> str:
    text = np.array2string(np.asarray(value), threshold=6, precision=4)
    return text if len(text) < 80 else text[:77] + "..."
