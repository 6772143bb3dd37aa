"""The page of who passes what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alignment_fast._text import visible
from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.cases import Case
from alignment_fast.conformance.judging import Outcome, judged

__all__ = ["Run", "page", "run", "table"]

# Characters of arguments that are shown.
SHOWN = 400


@dataclass(frozen=True)
class Run:
    """A library, and what became of the cases that it covers."""

    adapter: Adapter
    outcomes: tuple[Outcome, ...]

    def of(self, function: str) -> list[Outcome]:
        """Return the outcomes of one function."""
        return [one for one in self.outcomes if one.case.function == function]

    @property
    def failures(self) -> dict[str, list[Outcome]]:
        """Failures by group, the one of the smallest input first."""
        found: dict[str, list[Outcome]] = {}
        for one in self.outcomes:
            if not one.passed:
                found.setdefault(one.case.group, []).append(one)
        return {group: sorted(ones, key=lambda one: len(_arguments(one.case))) for group, ones in found.items()}


def run(adapter: Adapter, cases: Sequence[Case]) -> Run:
    """Give a library all cases of the functions that it has."""
    outcomes = (judged(case, adapter.functions[case.function]) for case in cases if case.function in adapter.functions)
    return Run(adapter, tuple(one for one in outcomes if one is not None))


def table(runs: Sequence[Run], cases: Sequence[Case]) -> list[str]:
    """Return the lines of a table: cases passed of those covered, by function and library."""
    names = [f"{one.adapter.name} {one.adapter.version}" for one in runs]
    lines = [f"| function | cases | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for function in dict.fromkeys(case.function for case in cases):
        number = sum(case.function == function for case in cases)
        lines.append(f"| `{function}` | {number} | {' | '.join(_cell(one.of(function)) for one in runs)} |")
    lines.append(f"| all | {len(cases)} | {' | '.join(_cell(one.outcomes) for one in runs)} |")
    return lines


def page(runs: Sequence[Run], cases: Sequence[Case]) -> str:
    """Return the page in Markdown."""
    lines = ["# Conformance", "", "Cases passed, of those that a library has a function for.", "", *table(runs, cases)]
    for one in runs:
        failures: Mapping[str, list[Outcome]] = one.failures
        if failures:
            lines += ["", f"## What {one.adapter.name} {one.adapter.version} fails", ""]
        for group, outcomes in failures.items():
            smallest = outcomes[0]
            shown = _arguments(smallest.case)
            shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "…"
            lines += [
                f"- `{group}`: {len(outcomes)}. The smallest, `{smallest.case.id}` ({smallest.case.dtype}): "
                f"{visible(smallest.problem)}",
                "",
                f"  `{shown}`",
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def _cell(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(one.passed for one in outcomes)}/{len(outcomes)}" if outcomes else ""


def _arguments(case: Case) -> str:
    return json.dumps(dict(case.arguments), ensure_ascii=False)
