"""Preference matrices to sweep over: of scored responses, of published comparisons, and drawn at random."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alignment_fast import policy, tables
from alignment_fast.random import Stream

__all__ = ["FOLDERS", "Matrices", "drawn", "of_folder", "of_scored_responses"]

# Scored responses of the built-in sweep: as many prompts, responses and attributes as here, scores 0 to 4.
DRAWN_PROMPTS, RESPONSES, ATTRIBUTES, LEVELS = 1_000, 4, 5, 5
# Wins added to each side of every pair of a table of counts: the mean under a uniform prior on the chance, which lies
# inside (0, 1) even where one side won every comparison.
PRIOR = 1.0


class Matrices(NamedTuple):
    """Matrices of one size: their source, what each is of, and P (B, K, K)."""

    source: str
    names: list[str]
    P: np.ndarray


def drawn(seed: int) -> Matrices:
    """Return cyclic and strongly transitive matrices of scores drawn at random, the built-in stand-in for data.

    Examples
    --------
    >>> from alignment_fast.reproduce.sampling import drawn
    >>> drawn(0).P.shape[1:]
    (4, 4)

    """
    words = Stream(np.random.SeedSequence(seed, spawn_key=(1,))).uint32((DRAWN_PROMPTS, RESPONSES * ATTRIBUTES))
    scores = (words % LEVELS).astype(np.float64).reshape(DRAWN_PROMPTS, RESPONSES, ATTRIBUTES)
    return _of_scores("drawn", scores, [str(number) for number in range(DRAWN_PROMPTS)], seed)


def of_scored_responses(path: Path, seed: int) -> Matrices:
    """Return the cyclic and strongly transitive prompts of a file in the layout of HelpSteer, four responses each."""
    data = policy.read_scores(path, responses=RESPONSES)
    return _of_scores(path.name.partition(".")[0], data.scores, data.prompts, seed)


def of_folder(folder: Path, seed: int) -> Iterator[Matrices]:
    """Yield the matrices of the data sets in a folder, or of the one that it is; none of them is a ValueError.

    Known are, by their names: rrps_bots (payoff.csv.gz), llmfao_crowd (comparisons.csv.gz), wmt20_mqm_ende (pairs.csv)
    and elo_everything_reward_models (rm_votes_100.csv.gz, scores_q1.csv.gz).
    """
    folder = folder.resolve()
    found = [path for path in (folder, *(folder / name for name in FOLDERS)) if path.name in FOLDERS and path.is_dir()]
    if not found:
        raise ValueError(f"{folder} is none of the data sets {', '.join(FOLDERS)}, and holds none of them")
    for path in found:
        yield from FOLDERS[path.name](path, seed)


def _of_scores(source: str, scores: np.ndarray, names: list[str], seed: int) -> Matrices:
    P = policy.preference_matrix_from_scores(scores, rng=seed)
    classes = policy.classify(P)
    kept = np.flatnonzero(classes.cyclic | classes.strongly_transitive)
    return Matrices(source, [names[number] for number in kept], P[kept])


def _bots(folder: Path, seed: int) -> Iterator[Matrices]:
    """Payoffs of repeated rock-paper-scissors lie in [−1000, 1000]; seats were simulated apart."""
    columns = _columns(folder / "payoff.csv.gz", ("row_bot", "col_bot"), ("mean_payoff_row",))
    items, (row, column) = _numbered(columns["row_bot"], columns["col_bot"])
    payoff = np.zeros((len(items), len(items)))
    payoff[row, column] = columns["mean_payoff_row"]
    yield Matrices(folder.name, [folder.name], (0.5 + (payoff - payoff.T) / 4000.0)[None])


def _crowd(folder: Path, seed: int) -> Iterator[Matrices]:
    columns = _columns(folder / "comparisons.csv.gz", ("left", "right", "winner"), ())
    items, (left, right) = _numbered(columns["left"], columns["right"])
    won = columns["winner"] != "right"
    P = policy.preference_matrix(
        np.where(won, left, right), np.where(won, right, left), len(items), tied=columns["winner"] == "tie", prior=PRIOR
    )
    yield Matrices(folder.name, [folder.name], P[None])


def _translations(folder: Path, seed: int) -> Iterator[Matrices]:
    columns = _columns(folder / "pairs.csv", ("system_i", "system_j"), ("wins_i", "wins_j", "ties"))
    items, (i, j) = _numbered(columns["system_i"], columns["system_j"])
    P = _of_counts(len(items), i, j, wins=columns["wins_i"], losses=columns["wins_j"], ties=columns["ties"])
    yield Matrices(folder.name, [folder.name], P[None])


def _reward_models(folder: Path, seed: int) -> Iterator[Matrices]:
    """One hundred candidates by the votes of ten models; and candidates four by four, each pair by one model."""
    counts = ("votes_i", "votes_j", "equal")
    columns = _columns(folder / "rm_votes_100.csv.gz", ("entity_i", "entity_j"), counts)
    items, (i, j) = _numbered(columns["entity_i"], columns["entity_j"])
    P = _of_counts(len(items), i, j, wins=columns["votes_i"], losses=columns["votes_j"], ties=columns["equal"])
    yield Matrices("rm_votes_100", ["rm_votes_100"], P[None])

    path = folder / "scores_q1.csv.gz"
    models = tuple(name for name in tables.column_names(path) if name not in ("entity_id", "elo_score", "elo_matches"))
    scores = np.stack([_columns(path, (), models)[name] for name in models], axis=-1)
    scores = scores[: len(scores) // RESPONSES * RESPONSES] / scores.std(axis=0)  # models have units of their own
    groups = scores.reshape(-1, RESPONSES, len(models))
    yield _of_scores("reward_models", groups, [f"from {RESPONSES * number}" for number in range(len(groups))], seed)


FOLDERS: dict[str, Callable[[Path, int], Iterator[Matrices]]] = {
    "rrps_bots": _bots,
    "llmfao_crowd": _crowd,
    "wmt20_mqm_ende": _translations,
    "elo_everything_reward_models": _reward_models,
}


def _of_counts(n_items, i, j, *, wins, losses, ties):
    weights = np.concatenate([wins + ties / 2, losses + ties / 2])
    return policy.preference_matrix(
        np.concatenate([i, j]), np.concatenate([j, i]), n_items, weight=weights, prior=PRIOR
    )


def _columns(path: Path, text: tuple[str, ...], numbers: tuple[str, ...]) -> dict[str, np.ndarray]:
    roles = {name: name for name in (*text, *numbers)}
    chunks = list(tables.read_columns(path, roles, finite=numbers, text=text))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in roles}


def _numbered(*columns: np.ndarray) -> tuple[list[str], list[np.ndarray]]:
    """Return the items of all columns in alphabetical order, and each column as their numbers."""
    items = sorted(set(itertools.chain(*columns)))
    numbers = {item: number for number, item in enumerate(items)}
    return items, [np.array([numbers[item] for item in column]) for column in columns]
