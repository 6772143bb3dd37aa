"""What replicates cost, about, and how many of them make a block where the spec does not say.

Blocks are part of what a study is: their size is in its hash, and follows from the parameters of a cell alone, on every
machine. Whoever changes a figure here changes the hashes of studies, and those that are half done are refused with both
sizes: `block` in the spec brings the old one back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["Cost", "block_of", "cost_of"]

# A block is at most so many replicates, about so much work, and holds about so many numbers at a time.
MOST_REPLICATES, NANOSECONDS, NUMBERS = 1 << 16, 2e8, 1 << 21
FEWEST_REPLICATES = 16
# simulate's own choice: above, order statistics cost the same for every n.
BRUTE = 4096
# Items of votes and of matrices in files, which are not opened for this.
ITEMS = 16


class Cost(NamedTuple):
    """Nanoseconds of work for a replicate, and numbers that are held for it."""

    nanoseconds: float
    numbers: int


Keys = Mapping[str, Any]


def _best_of_n(own: Keys, source: Keys) -> Cost:
    if source["kind"] == "sampler":
        return Cost(80.0 + 10.0 * own["n"] * source["uniforms"], 8)
    return Cost(80.0 + (0.4 * own["n"] if own["n"] <= BRUTE else 0.0), 8)


def _soft_best_of_n(own: Keys, source: Keys) -> Cost:
    return Cost(200.0 + 60.0 * own["n"], 4 * own["n"])


def _tilted(own: Keys, source: Keys) -> Cost:
    return Cost(3000.0 + 200.0 * own["samples"], 6 * own["samples"])


def _dynamics(own: Keys, source: Keys) -> Cost:
    items = source.get("responses") or len(source.get("P") or ()) or ITEMS
    costly = 60.0 if own["method"] == "dpo" else 1.0
    return Cost(1000.0 + 2.0 * costly * items**2 * own["steps"], 4 * items**2)


def _rating_bootstrap(own: Keys, source: Keys) -> Cost:
    return Cost(20_000.0 + 1000.0 * ITEMS**2, 4 * ITEMS)


def _coverage_of_mean(own: Keys, source: Keys) -> Cost:
    return Cost(1000.0 + (20.0 + 0.4 * own["n"]) * own["samples"], 3 * own["samples"])


def _coverage_of_ratings(own: Keys, source: Keys) -> Cost:
    return Cost(500_000.0, 8 * len(source["scores"]) ** 2)


def _user(own: Keys, source: Keys) -> Cost:
    return Cost(1e6, 8)


COSTS: dict[str, Callable[[Keys, Keys], Cost]] = {
    "best_of_n": _best_of_n,
    "soft_best_of_n": _soft_best_of_n,
    "tilted": _tilted,
    "dynamics": _dynamics,
    "rating_bootstrap": _rating_bootstrap,
    "coverage_of_mean": _coverage_of_mean,
    "coverage_of_ratings": _coverage_of_ratings,
    "user": _user,
}


def cost_of(kind: str, parameters: Keys, source: Keys | None) -> Cost:
    """Return what a replicate of a cell costs, about."""
    return COSTS[kind](parameters, source or {})


def block_of(kind: str, parameters: Keys, source: Keys | None) -> int:
    """Return the replicates of a block: a power of two, within the limits above."""
    cost = cost_of(kind, parameters, source)
    most = min(MOST_REPLICATES, NUMBERS // max(1, cost.numbers), int(NANOSECONDS / cost.nanoseconds))
    return max(FEWEST_REPLICATES, 1 << max(0, most.bit_length() - 1))
