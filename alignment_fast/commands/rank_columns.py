"""The columns of the leaderboard that ``alignment-fast rank`` prints, and what it says below them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alignment_fast.commands.printing.compare import told_apart

if TYPE_CHECKING:
    from alignment_fast.commands.rank_fits import Features
    from alignment_fast.ranking import Fragility, RatingFit

__all__ = ["Found", "Wanted", "board_of", "notes_of"]

# Scores closer than this are the same but for rounding.
SAME = 1e-9
# Beyond so many items a covariance matrix is not worth its time: then there are no intervals without --bootstrap.
MOST_INTERVALS = 2048
# So many kinds of votes that hold the top place are named.
MOST_NAMED = 3
POINT = 400.0 / np.log(10.0)


class Wanted(NamedTuple):
    """Level and source of the intervals, replicates and their seed, whether there are tiers, an item and its rating."""

    level: float
    intervals: str
    replicates: int
    seed: int
    tiers: bool
    anchor: tuple[str, float] | None


@dataclass(frozen=True)
class Found:
    """Columns by name, the best item first, and which pairs of that order are surely apart, if that was asked."""

    columns: dict[str, Any]
    apart: np.ndarray | None


def board_of(result: "RatingFit", wanted: Wanted, old: "RatingFit | None") -> Found:
    """Return the leaderboard of a fit; `old` is the one before an update."""
    from alignment_fast.ranking import separable_pairs, tiers

    if wanted.anchor is not None and wanted.anchor[0] not in (result.labels or ()):
        raise ValueError(f"--anchor: {wanted.anchor[0]!r} is not one of the {len(result.scores)} items")
    order = np.argsort(-result.scores, kind="stable")
    wins, comparisons = _tallies(result)
    elo = result.elo(anchor=wanted.anchor)
    columns: dict[str, Any] = {
        "rank": result.ranks,
        "item": np.array(result.labels, dtype=object),
        "score": result.scores,
        "elo": elo,
    }
    sample = result.bootstrap(wanted.replicates, rng=wanted.seed) if wanted.replicates else None
    if sample is not None:
        error = sample.standard_errors()
        (low, high), (best, worst) = sample.interval(wanted.level), sample.rank_interval(wanted.level)
        # Replicates that all agree say nothing about the error.
        error, low, high = (np.where(error < SAME, np.nan, values) for values in (error, low, high))
        columns |= {"standard_error": error, "low": low, "high": high, "best_rank": best, "worst_rank": worst}
    elif len(result.scores) <= MOST_INTERVALS:
        columns["standard_error"] = result.standard_errors(wanted.intervals)
        low, high = result.interval(wanted.level, wanted.intervals)
        best, worst = result.rank_interval(wanted.level, wanted.intervals)
        columns |= {"low": low, "high": high, "best_rank": best, "worst_rank": worst}
    columns |= {"comparisons": comparisons, "wins": wins}
    if "low" in columns:
        columns |= {f"elo_{end}": elo + POINT * (columns[end] - result.scores) for end in ("low", "high")}
    apart = None
    if wanted.tiers:
        source = result if sample is None else sample
        columns["tier"] = tiers(source, level=wanted.level)
        apart = separable_pairs(source, level=wanted.level)[np.ix_(order, order)]
    if old is not None:
        columns |= _changes(result, old, wanted.anchor)
    return Found({name: values[order] for name, values in columns.items()}, apart)


def _changes(result: "RatingFit", old: "RatingFit", anchor: tuple[str, float] | None) -> dict[str, np.ndarray]:
    """Return by how much the rating and the rank of every item have changed; NaN for new ones."""
    place = {label: item for item, label in enumerate(old.labels or ())}
    before = np.array([place.get(label, -1) for label in result.labels or ()])
    if anchor is not None and anchor[0] not in place:
        raise ValueError(f"--anchor: {anchor[0]!r} is not among the votes so far (--update)")
    elo, ranks = old.elo(anchor=anchor), old.ranks
    known = before >= 0
    return {
        "elo_change": np.where(known, result.elo(anchor=anchor) - elo[before], np.nan),
        "rank_change": np.where(known, ranks[before] - result.ranks, np.nan),
    }


def _tallies(result: "RatingFit") -> tuple[np.ndarray, np.ndarray]:
    """Return (wins, comparisons) of every item; a tie is half a win."""
    cells = result.comparisons.cells
    halves = 0.5 * cells.ties if cells.ties.size else 0.0
    wins, comparisons = np.zeros((2, cells.n_items))
    both = cells.wins_first + cells.wins_second + 2 * halves
    for side, won in ((cells.first, cells.wins_first), (cells.second, cells.wins_second)):
        wins += np.bincount(side, won + halves, cells.n_items)
        comparisons += np.bincount(side, both, cells.n_items)
    return wins, comparisons


def notes_of(
    result: "RatingFit", found: Found, features: "Features | None", level: float, fragile: str | None
) -> list[str]:
    """Return what is said below the table: coefficients, how many pairs are apart, how few votes hold the top."""
    from alignment_fast.ranking import fragility

    notes = []
    if features is not None:
        errors = result.parameter_errors()[int(result.home_advantage is not None) :]
        parts = zip(features.names, result.coefficients, errors, strict=False)
        effects = ", ".join(f"{name} {value:+.4f} (s.e. {error:.2g})" for name, value, error in parts)
        notes.append(f"Controlled for, in logits per root mean square: {effects}")
    if found.apart is not None:
        notes.append(told_apart(found.apart, level))
    if fragile is not None:
        notes.append(_held_by(fragility(result.comparisons, kind=fragile), fragile))
    return notes


def _counted(number: float, noun: str) -> str:
    return f"{number:.15g} {noun}{'' if number == 1 else 's'}"


def _held_by(found: "Fragility", kind: str) -> str:
    """Return how few votes hold the top place, for people."""
    if found.removed is None:
        return f"The top place: no {kind} were found without which it turns; fewer than {found.lower_bound} never do."
    if found.removed == 0:
        return "The top place is shared."
    named = ", ".join(
        f"{_counted(votes.weight, 'tie' if votes.tied else 'win')} of {votes.winner} "
        f"{'and' if votes.tied else 'over'} {votes.loser}"
        for votes in found.cells[:MOST_NAMED]
    )
    more = len(found.cells) - MOST_NAMED
    cells = f"{named}, and {more} more kinds" if more > 0 else named
    exact = found.lower_bound == found.removed
    bound = "no fewer do" if exact else f"fewer than {found.lower_bound} never do"
    return (
        f"The top place: without {_counted(found.removed, kind[:-1])} ({100 * found.share:.3g} %; {cells}) "
        f"{found.challenger} is ahead; {bound}."
    )
