"""Elo ratings: game by game, and averaged over random orders of the games."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.rng import DRAWS, Seed, stream_key
from alignment_fast._border.scalars import LARGEST, as_count, as_number
from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import Games
from alignment_fast.ranking._rows import parse
from alignment_fast.ranking.comparisons import Comparisons
from alignment_fast.ranking.result import anchored

__all__ = ["EloRatings", "elo"]

# Exponent of two from which ratings are scaled before they are squared.
LARGE = 500


@dataclass(frozen=True, eq=False)
class EloRatings:
    """Elo ratings.

    Attributes
    ----------
    ratings : array (K,)
        In points: after the last game, or the mean over shuffles.
    standard_deviations : array (K,) or None
        Over shuffles: how much the order of the games decides.
    labels : tuple or None
        Names of the items.

    """

    ratings: NDArray[np.float64]
    standard_deviations: NDArray[np.float64] | None
    labels: tuple[Hashable, ...] | None


def elo(
    winner: Any,
    loser: Any,
    *,
    k: float = 4.0,
    scale: float = 400.0,
    base: float = 10.0,
    initial: float = 1000.0,
    tied: Any = None,
    outcome: Any = None,
    weight: Any = None,
    shuffles: int | None = None,
    rng: Seed = None,
    n_items: int | None = None,
    labels: Sequence[Hashable] | None = None,
    anchor: tuple[Hashable, float] | None = None,
    num_threads: int | None = None,
) -> EloRatings:
    r"""Return Elo ratings after a sequence of games.

    .. math:: R_w \mathrel{+}= k \Big(o - \frac{1}{1 + b^{-(R_w - R_l)/s}}\Big), \qquad
              R_l \mathrel{-}= \text{the same}

    for every game in turn, with outcome o = 1, or 1/2 for a tie. Later games count more; shuffles take that out.

    Parameters
    ----------
    winner, loser : array (M,) of integers or labels
        Items of each game, in the order in which they were played; see `Comparisons`.
    k : float
        Points at stake.
    scale, base : float
        A lead of `scale` points multiplies the odds by `base`.
    initial : float
        Rating before the first game.
    tied, outcome, weight : array (M,), optional
        As in `Comparisons`; `weight` multiplies k.
    shuffles : int, optional
        Play all games so many times, in random orders, and give the mean. Default: once, in the order given.
    rng : None, int, SeedSequence or Generator
        Seed of the shuffles. Shuffle r depends on the seed and r only.
    n_items, labels : optional
        As in `Comparisons`.
    anchor : (label or index, float), optional
        An item and its rating: all ratings are moved so that it has that one in the end.
    num_threads : int, optional
        For shuffles. The result has the same bits for any number.

    Returns
    -------
    EloRatings
        Ratings in points. The sum over items stays K times `initial`, without an anchor.

    Raises
    ------
    ValueError
        As `Comparisons`, or if k, scale or base - 1 is not positive and finite, or `initial` or the rating of `anchor`
        is not finite.

    Notes
    -----
    Accuracy: each game adds an error of at most 4 · 2^-53 times k and the two ratings' distances from `initial`; errors
    do not grow from game to game.
    Cost: about 15 ns per game, and 100 ns per game of a shuffle of a million.

    References
    ----------
    Elo, The Rating of Chessplayers, Past and Present (1978).

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.ranking.elo([0, 0, 1], [1, 2, 2], k=32).ratings.round(2)
    array([1031.26, 1000.03,  968.7 ])
    >>> af.ranking.elo(["a", "b"], ["b", "a"], k=32, shuffles=1000, rng=1).ratings.round()
    array([1000., 1000.])

    """
    k, scale, base, initial = (
        value if type(value) is float else as_number(value, name)
        for name, value in (("k", k), ("scale", scale), ("base", base), ("initial", initial))
    )
    for name, value in (("k", k), ("scale", scale), ("base - 1", base - 1)):
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be positive and finite, not {value}")
    if not np.isfinite(initial):
        raise ValueError(f"initial must be finite, not {initial}")
    ops, point = operations("ranking"), scale / float(np.log(base))
    if k > LARGEST * point:
        raise ValueError(f"k = {k} is too large beside scale = {scale}: their ratio is beyond the largest double")
    plain = outcome is None and weight is None and labels is None and num_threads is None and anchor is None
    if plain and shuffles is None:
        small = ops.short_elo(winner, loser, n_items, tied, k / point, initial, point)
        if small is not None:
            return EloRatings(small, None, None)
    arrays = {"winner": winner, "loser": loser, "tied": tied, "outcome": outcome, "weight": weight}
    options: dict[str, Any] = {
        "k": k,
        "scale": scale,
        "base": base,
        "initial": initial,
        "shuffles": shuffles,
        "rng": rng,
    }
    options |= {"n_items": n_items, "labels": labels, "anchor": anchor, "num_threads": num_threads}
    given = in_callers_kind(elo, arrays, **options)
    if given is not None:
        return cast(EloRatings, given)
    rows = parse(winner, loser, weight=weight, tied=tied, outcome=outcome, home=None, n_items=n_items, labels=labels)
    compressed = rows.compressed(ops, num_threads)  # which checks every game
    items = compressed.n_items
    shares = rows.outcome
    if rows.tied is not None:
        shares = np.where(rows.tied, 0.5, 1.0)
    heaviest = 0.0 if rows.weight is None else float(np.max(rows.weight, initial=0.0))
    if heaviest > LARGEST / k or heaviest > LARGEST / (k / point):
        raise ValueError(f"weight goes up to {heaviest}: times k = {k} it is beyond the largest double")
    games = Games(rows.winner.astype(np.int32), rows.loser.astype(np.int32), shares, rows.weight)
    spread = None
    if shuffles is None:
        ratings = _points(initial, point, ops.play(games, items, k / point))
    else:
        count = as_count(shuffles, "shuffles")
        key = stream_key(rng, DRAWS, "rng")
        played = ops.play_shuffled(games, items, k / point, key, count, num_threads=num_threads)
        mean, deviation = _moments(played)
        ratings, spread = _points(initial, point, mean), _points(0.0, point, deviation)
    if anchor is not None:
        ratings = anchored(ratings, anchor, Comparisons._of(compressed, rows.labels).index)
    return EloRatings(ratings, spread, rows.labels)


def _moments(played: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means and standard deviations over rows; those of one row are NaN."""
    exponent = int(np.frexp(np.abs(played).max(initial=0.0))[1])
    exponent = exponent if exponent > LARGE else 0  # squares, and sums, of larger numbers are beyond double
    scaled = np.ldexp(played, -exponent) if exponent else played
    deviation = scaled.std(axis=0, ddof=1) if len(scaled) > 1 else np.full(scaled.shape[1], np.nan)
    return np.ldexp(scaled.mean(axis=0), exponent), np.ldexp(deviation, exponent)


def _points(initial: float, point: float, played: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ratings in points, which may be beyond double although those in logits are not."""
    with np.errstate(over="ignore"):
        ratings: NDArray[np.float64] = initial + point * played
    if np.isinf(ratings).any():
        raise ValueError("ratings are beyond the largest double: initial, k or weight is too large")
    return ratings
