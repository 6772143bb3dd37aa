"""Tables of votes as people keep them: which columns are what, and what `Comparisons` takes of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast.ranking._outcome_codes import FIRST_WON, SECOND_WON, RowError, meaning_of, shares_of

__all__ = ["Layout", "RowError", "arguments_of_counts", "arguments_of_shares", "meaning_of", "shares_of"]

# Names that columns commonly have, best first; pairs belong together.
SIDES = (
    ("model_a", "model_b"),
    ("left", "right"),
    ("home", "away"),
    ("home_team", "away_team"),
    ("item_i", "item_j"),
    ("team_i", "team_j"),
    ("system_i", "system_j"),
    ("team1", "team2"),
    ("hometeam", "awayteam"),
    ("white", "black"),
    ("player1", "player2"),
    ("item1", "item2"),
    ("model_1", "model_2"),
    ("first", "second"),
    ("a", "b"),
    ("x", "y"),
)
OUTCOMES = ("winner", "outcome", "result", "preference", "label", "choice", "verdict", "ftr")
WINNERS, LOSERS = ("winner", "chosen", "preferred"), ("loser", "rejected")
COUNTS = (
    ("wins_i", "wins_j"),
    ("wins_a", "wins_b"),
    ("wins1", "wins2"),
    ("wins_1", "wins_2"),
    ("home_wins", "away_wins"),
    ("winner_model_a", "winner_model_b"),
)
TIES, TIED, WEIGHTS = ("ties", "draws", "winner_tie"), ("tied", "tie"), ("weight", "count")

# So many columns are listed in messages.
MOST_LISTED = 30


@dataclass(frozen=True)
class Layout:
    """Which column is what. There are three ways to keep votes.

    ``winner`` and ``loser``, perhaps ``tied``; ``first``, ``second`` and the ``outcome``; or ``first``, ``second`` and
    how often either won: ``wins_first``, ``wins_second``, perhaps ``ties``. Any of them may have a ``weight``.
    """

    winner: str | None = None
    loser: str | None = None
    tied: str | None = None
    first: str | None = None
    second: str | None = None
    outcome: str | None = None
    wins_first: str | None = None
    wins_second: str | None = None
    ties: str | None = None
    weight: str | None = None

    def complete(self, names: Sequence[str], where: str = "the table") -> Layout:
        """Return this layout with what it leaves open guessed from the `names` of the columns.

        Raises
        ------
        ValueError
            If a column does not exist, or no layout fits; the message lists the columns.

        """
        chosen = self._complete(names, where)
        for role, name in chosen.given.items():
            if list(names).count(name) > 1:
                raise ValueError(f"{where} has more than one column {name!r} ({role})")
        return chosen

    def _complete(self, names: Sequence[str], where: str) -> Layout:
        more = f", ... ({len(names)} in all)" if len(names) > MOST_LISTED else ""
        listed = f"its columns are: {', '.join(map(str, names[:MOST_LISTED]))}{more}"
        for role, name in self.given.items():
            if name not in names:
                raise ValueError(f"{where} has no column {name!r} ({role}); {listed}")
        weight = self.weight or _first(WEIGHTS, names)
        sides = (self.first, self.second) if self.first and self.second else _pair(SIDES, names)
        winner, loser = self.winner or _first(WINNERS, names), self.loser or _first(LOSERS, names)
        if winner and loser and not (self.first or self.outcome):
            return Layout(winner=winner, loser=loser, tied=self.tied or _first(TIED, names), weight=weight)
        if not all(sides):
            raise ValueError(f"{where}: no two columns look like the two sides of a comparison; {listed}")
        first, second = sides
        counts = (self.wins_first, self.wins_second) if self.wins_first and self.wins_second else _pair(COUNTS, names)
        if all(counts) and self.outcome is None:
            ties = self.ties or _first(TIES, names)
            return Layout(first=first, second=second, wins_first=counts[0], wins_second=counts[1], ties=ties)
        outcome = self.outcome or _first(OUTCOMES, [name for name in names if name not in sides])
        if outcome is None:
            raise ValueError(f"{where}: no column looks like the outcome of a comparison; {listed}")
        return Layout(first=first, second=second, outcome=outcome, weight=weight)

    @property
    def given(self) -> Mapping[str, str]:
        """The columns that are named, by role."""
        return {role: name for role, name in vars(self).items() if name is not None}

    @property
    def sides(self) -> tuple[str, str]:
        """The roles of the two columns that name items."""
        return ("winner", "loser") if self.winner else ("first", "second")


def layout_of(names: tuple[Hashable, ...], columns: Mapping[str, str]) -> Layout:
    """Return the complete layout of a table with columns of these names."""
    try:
        return _layout_of(names, tuple(columns.items()))
    except TypeError:  # names that no dictionary holds, or roles that do not exist
        return Layout(**columns).complete(list(names))


@lru_cache(maxsize=64)
def _layout_of(names: tuple[Hashable, ...], columns: tuple[tuple[str, str], ...]) -> Layout:
    return Layout(**dict(columns)).complete(list(names))


def _first(guesses: Sequence[str], names: Sequence[str]) -> str | None:
    folded = {str(name).casefold(): name for name in reversed(names)}
    return next((folded[guess] for guess in guesses if guess in folded), None)


def _pair(guesses: Sequence[tuple[str, str]], names: Sequence[str]) -> tuple[str | None, str | None]:
    found = ((_first(pair[:1], names), _first(pair[1:], names)) for pair in guesses)
    return next((pair for pair in found if all(pair)), (None, None))


def arguments_of_shares(
    shares: NDArray[np.float64], first: NDArray[Any], second: NDArray[Any], weight: NDArray[Any] | None = None
) -> dict[str, Any]:
    """Return what `Comparisons` takes for shares of the win, NaN for ties, of the items `first` and `second`."""
    tied = np.isnan(shares)
    arguments: dict[str, Any] = {"weight": weight}
    if (tied | np.isin(shares, (FIRST_WON, SECOND_WON))).all():
        turned = shares == SECOND_WON
        arguments |= {"winner": np.where(turned, second, first), "loser": np.where(turned, first, second)}
        return arguments | {"tied": tied if tied.any() else None}
    return arguments | {"winner": first, "loser": second, "outcome": np.where(tied, 0.5, shares)}


def arguments_of_counts(
    first: NDArray[Any], second: NDArray[Any], wins: Sequence[NDArray[Any]], ties: NDArray[Any] | None
) -> dict[str, Any]:
    """Return what `Comparisons` takes for rows of counts: wins of the first and of the second side, and ties."""
    counts = [*wins, *([] if ties is None else [ties])]
    winner, loser = [first, second, first][: len(counts)], [second, first, second][: len(counts)]
    tied = np.repeat([False, False, True][: len(counts)], len(first))
    return {
        "winner": np.concatenate(winner),
        "loser": np.concatenate(loser),
        "weight": np.concatenate(counts),
        "tied": None if ties is None else tied,
    }
