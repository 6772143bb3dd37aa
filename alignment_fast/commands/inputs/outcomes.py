"""A reference distribution with rewards, as a table on disk holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignment_fast import tables

# Role of the weight column -> names it commonly has; the first role with a match is taken.
WEIGHTS = {
    "p": ("p", "prob", "probability", "pmf"),
    "log_p": ("log_p", "logp", "log_prob", "logprob", "log_probability"),
    "count": ("count", "counts", "frequency", "freq", "weight", "total"),
}
REWARDS = ("reward", "score", "value", "r")


@dataclass(frozen=True)
class OutcomeTable:
    """Outcomes of one draw from the reference.

    Parameters
    ----------
    weight : ndarray (V,)
        Probabilities or counts, up to a constant factor; log-probabilities, up to a constant, if `log`.
    reward : ndarray (V,)
        Reward of each outcome.
    log : bool
        Whether `weight` is logarithmic.
    columns : tuple of str
        Names of the two columns, weight first.

    """

    weight: np.ndarray
    reward: np.ndarray
    log: bool
    columns: tuple[str, str]

    def mid_distribution(self) -> np.ndarray:
        """Return, per outcome, its win rate against one draw: P(R < r) + P(R = r) / 2.

        The mean of this score over best-of-n draws is the win rate of best-of-n, so a simulation of rewards also
        estimates win rates.
        """
        most = self.weight.max()
        # By a power of two, which rounds nothing: the total of huge counts would overflow.
        weight = np.exp(self.weight - most) if self.log else np.ldexp(self.weight, -int(np.frexp(most)[1]))
        _, group = np.unique(self.reward, return_inverse=True)
        mass = np.bincount(group, weight / weight.sum())
        return (np.cumsum(mass) - mass / 2)[group]


def read_outcomes(
    path: Path, requested: Mapping[str, str | None], reward: str | None, progress: tables.Progress
) -> OutcomeTable:
    """Read the outcomes in `path`.

    Parameters
    ----------
    path : path
        Any table that `alignment_fast.tables` reads.
    requested : mapping of str to str or None
        The weight column by role ("p", "log_p" or "count"), where the user named one.
    reward : str or None
        The reward column, if the user named one.
    progress : callable
        As in `alignment_fast.tables.read_columns`.

    """
    named = {role: name for role, name in requested.items() if name is not None}
    if len(named) > 1:
        raise ValueError("only one of --p, --log-p and --count can be given")
    names = tables.column_names(path)
    guesses = dict.fromkeys(named, ()) or WEIGHTS
    chosen = ((role, tables.choose_column(path, names, named.get(role), guesses[role])) for role in guesses)
    role, weight_column = next(((role, column) for role, column in chosen if column is not None), (None, None))
    reward_column = tables.choose_column(path, names, reward, REWARDS)
    if weight_column is None:
        raise _no_column(path, names, "probabilities", "--p, --log-p or --count")
    if reward_column is None:
        raise _no_column(path, names, "rewards", "--reward")
    columns = {"weight": weight_column, "reward": reward_column}
    chunks = list(
        tables.read_columns(path, columns, nonnegative=() if role == "log_p" else ("weight",), progress=progress)
    )
    weight, rewards = (np.concatenate([chunk[key] for chunk in chunks]) for key in columns)
    shown = tables.display_name(path)
    infinite = np.flatnonzero(weight == np.inf)
    if infinite.size:
        place = tables.place_of_row(path, int(infinite[0]))
        raise tables.TableError(f"{shown}, {place}, column {weight_column!r}: inf is no weight")
    if not (np.isfinite(weight) if role == "log_p" else weight > 0).any():
        raise tables.TableError(f"{shown}, column {weight_column!r}: no outcome has a positive probability")
    return OutcomeTable(weight, rewards, role == "log_p", (weight_column, reward_column))


def _no_column(path: Path, names: Sequence[str], what: str, options: str) -> tables.TableError:
    return tables.TableError(
        f"{tables.display_name(path)}: no column looks like {what}: name one with {options}; its columns are: "
        f"{tables.listed(names)}"
    )
