"""Preference matrices from data: from lists of comparisons, and from scores of responses by several attributes."""

import math
from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast import tables
from alignment_fast._border.arrays import as_array, as_floating
from alignment_fast._border.call import give
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.rng import DRAWS, Seed, stream_key
from alignment_fast._border.scalars import as_number, refuse_beyond
from alignment_fast._border.status import place, refuse
from alignment_fast._border.words import shown
from alignment_fast._operations import operations
from alignment_fast.random import Stream

# Items of a matrix: more would be 2 PB.
MOST_ITEMS = 1 << 24

HELPSTEER_ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")


def preference_matrix(
    winner: ArrayLike,
    loser: ArrayLike,
    n_items: int,
    *,
    tied: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    prior: float = 0.0,
) -> np.ndarray:
    """Return the shares of comparisons won, P[i, j] = (w_ij + prior) / (w_ij + w_ji + 2 prior).

    A tie is half a win for each side. Pairs that were never compared get 1/2, which is what any prior gives them.

    Parameters
    ----------
    winner, loser : array_like of int (M,)
        Items of each comparison, 0 .. n_items − 1; which is which does not matter for ties.
    n_items : int
        Number of items K.
    tied : array_like of bool (M,), optional
        Whether the comparison was a tie.
    weight : array_like (M,), optional
        Weight of each comparison, finite and ≥ 0; 1 by default.
    prior : float
        Wins added to each side of every pair, ≥ 0: 1 is the mean under a uniform prior on the chance.

    Returns
    -------
    array of float64 (K, K)
        P + Pᵀ = 1 exactly, diagonal 1/2.

    Raises
    ------
    ValueError, TypeError
        For arrays that are not one-dimensional of one length, an item compared with itself, bad weights or prior, items
        that are not integers; the message names the first position.
    IndexError
        For an item that is not in 0 .. n_items − 1.

    Notes
    -----
    Accuracy: 2 roundings for unit weights. Cost: about 10 ns per comparison, and K². Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.policy.preference_matrix([0, 0, 1, 1], [1, 1, 0, 2], 3, prior=0.5)
    array([[0.5  , 0.625, 0.5  ],
           [0.375, 0.5  , 0.75 ],
           [0.5  , 0.25 , 0.5  ]])

    """
    ops = operations("policy")
    found = ops.short_preference_matrix(winner, loser, n_items, tied, weight, prior)
    if found is not None:
        return found
    given = in_callers_kind(
        preference_matrix,
        {"winner": winner, "loser": loser, "tied": tied, "weight": weight},
        n_items=n_items,
        prior=prior,
    )
    if given is not None:
        return given
    K = _item_count(n_items)
    winners, losers = _items(winner, "winner", K), _items(loser, "loser", K)
    count = len(winners)
    weights = None if weight is None else _weights(weight, count)
    ties = None if tied is None else _flags(tied, count)
    if len(losers) != count:
        raise ValueError(f"winner and loser must have one length, not {count} and {len(losers)}")
    prior = as_number(prior, "prior")
    if not 0 <= prior < np.inf:
        _refuse_equal(winners, losers)
        raise ValueError(f"prior must be finite and not negative, got {prior}")
    shares = ops.comparison_shares(winners, losers, ties, weights, K, prior)
    if shares is None:
        _refuse_equal(winners, losers)
    return shares


def _refuse_equal(winners, losers):
    """Raise ValueError for the first comparison of an item with itself."""
    same = winners == losers
    if same.any():
        at = int(np.flatnonzero(same)[0])
        raise ValueError(f"winner[{at}] = loser[{at}] = {winners[at]}: an item is compared with itself")


def _item_count(n_items):
    if isinstance(n_items, bool) or not isinstance(n_items, (int, np.integer)):
        raise TypeError(f"n_items must be an integer, not {n_items!r}")
    if n_items < 1:
        raise ValueError(f"n_items must be at least 1, got {n_items}")
    refuse_beyond(int(n_items), "n_items", MOST_ITEMS)
    return int(n_items)


def _items(value, name, K):
    items = as_array(value, name)
    if items.ndim != 1:
        raise ValueError(f"{name} must have shape (M,), not {items.shape}")
    if items.size == 0:
        return np.zeros(0, dtype=np.int64)
    if items.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, the numbers of items, not {items.dtype}")
    bad = (items < 0) | (items >= K)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise IndexError(f"{name}[{at}] = {items[at]} is no item: n_items = {K}")
    return np.ascontiguousarray(items, dtype=np.int64)


def _weights(value, count):
    weights = as_floating(value, "weight").astype(np.float64, copy=False)
    if weights.shape != (count,):
        raise ValueError(f"weight must have shape ({count},), one per comparison, not {weights.shape}")
    refuse(~((weights >= 0) & np.isfinite(weights)), weights, "weight", "must be finite and not negative")
    return weights


def _flags(value, count):
    flags = as_array(value, "tied")
    if flags.shape != (count,):
        raise ValueError(f"tied must have shape ({count},), one per comparison, not {flags.shape}")
    if flags.dtype != np.bool_:
        raise TypeError(f"tied must be boolean, not {flags.dtype}")
    return np.ascontiguousarray(flags)


def preference_matrix_from_scores(
    scores: ArrayLike, *, scale: float = 1.0, attribute: ArrayLike | str = "random", rng: Seed = None
) -> Any:
    """Return P[i, j] = σ(scale · (s_i − s_j)) where each pair of responses is compared by one attribute of its scores.

    Parameters
    ----------
    scores : array_like (..., K, A)
        Scores of K responses by A attributes, finite.
    scale : float
        Inverse temperature: logits per unit of score, positive.
    attribute : "random", int, or array_like of int (..., K(K − 1)/2)
        "random": one attribute for each pair, drawn uniformly; an index: that attribute for all pairs; an array: one
        per pair, in the order (0, 1), (0, 2), ..., (1, 2), ...
    rng : None, int, SeedSequence, BitGenerator or Generator
        Seed of the draws.

    Returns
    -------
    array (..., K, K)
        P + Pᵀ = 1 to the last bit in float64, and equal differences of scores have equal probabilities; float32 for
        float32 input.

    Raises
    ------
    ValueError, TypeError
        For scores that are not finite or have fewer than two axes, an attribute that does not exist, a bad scale.

    Notes
    -----
    Pair e of matrix b takes attribute (u · A) >> 32 with u the 32-bit word e of replicate b of the stream
    ``Stream(rng)``: the same for any batch that starts with the same matrices. Accuracy: 2e-16 absolute. Cost: one
    exponential per pair. Reference: arXiv:2602.12180 (construction); arXiv:2311.09528 (HelpSteer).

    Examples
    --------
    >>> import alignment_fast as af
    >>> scores = [[3, 3, 4, 1, 2], [4, 2, 4, 2, 1], [2, 3, 3, 1, 3]]
    >>> af.policy.preference_matrix_from_scores(scores, attribute=[0, 4, 2]).round(6)
    array([[0.5     , 0.268941, 0.268941],
           [0.731059, 0.5     , 0.731059],
           [0.731059, 0.268941, 0.5     ]])
    >>> af.policy.preference_matrix_from_scores(scores, rng=7).round(3)[0]
    array([0.5  , 0.731, 0.5  ])

    """
    array = as_floating(scores, "scores")
    if array.ndim < 2 or 0 in array.shape[-2:]:
        raise ValueError(f"scores must have shape (..., K, A) with K, A >= 1, not {array.shape}")
    refuse(~np.isfinite(array), array, "scores", "is not finite")
    if not 0 < scale < np.inf:
        raise ValueError(f"scale must be positive and finite, got {scale}")
    K, A = array.shape[-2:]
    leading = array.shape[:-2]
    chosen = _attributes(attribute, leading, K * (K - 1) // 2, A, rng)
    values = np.ascontiguousarray(array, dtype=np.float64).reshape(math.prod(leading), K, A)
    P = operations("policy").from_scores(values, chosen, scale).reshape(*leading, K, K)
    return give(P, scores, dtype=array.dtype)


def _attributes(attribute, leading, pairs, A, rng):
    """Return the attribute of each pair, (rows of `leading` or 1 for all, pairs)."""
    if isinstance(attribute, str):
        if attribute != "random":
            raise ValueError(f'attribute must be "random", an index or an array of them, not {shown(attribute)}')
        count = math.prod(leading)
        words = Stream.from_key(stream_key(rng, DRAWS, "rng")).uint32((count, pairs))
        return ((words.astype(np.uint64) * A) >> 32).astype(np.int64)
    chosen = as_array(attribute, "attribute")
    if chosen.dtype.kind not in "iu":
        raise TypeError(f"attribute must hold integers, not {chosen.dtype}")
    bad = (chosen < 0) | (chosen >= A)
    if bad.any():
        flat = int(bad.argmax())
        where, value = place(flat, chosen.shape), chosen.reshape(-1)[flat]
        raise ValueError(f"attribute{where} = {value}: scores have {A} attributes")
    try:
        chosen = np.broadcast_to(chosen, (*leading, pairs))
    except ValueError:
        raise ValueError(f"attribute of shape {chosen.shape} does not give one per pair, {(*leading, pairs)}") from None
    return np.ascontiguousarray(chosen, dtype=np.int64).reshape(math.prod(leading), pairs)


class PromptScores(NamedTuple):
    """Scores of the responses to each prompt.

    Parameters
    ----------
    prompts : list of str
        B prompts, in the order of their first appearance.
    scores : array of float64 (B, K, A)
        Scores of their K responses, in the order of the file, by A attributes.
    attributes : tuple of str
        Names of the attributes.
    left_out : int
        Number of prompts that have another number of responses.

    """

    prompts: list[str]
    scores: np.ndarray
    attributes: tuple[str, ...]
    left_out: int


def read_scores(
    path: str | PathLike[str],
    *,
    responses: int = 4,
    attributes: Sequence[str] = HELPSTEER_ATTRIBUTES,
    prompt: str = "prompt",
) -> PromptScores:
    r"""Read scored responses, one per row, and group them by prompt: the layout of HelpSteer.

    Parameters
    ----------
    path : path
        A table that `tables.read_columns` reads: JSONL, CSV, Parquet, ..., gzip or not, with a column of prompts and
        one column per attribute.
    responses : int
        Number of responses K: prompts with more or fewer rows are left out.
    attributes : sequence of str
        Columns of scores; those of HelpSteer by default.
    prompt : str
        Column of the prompts.

    Returns
    -------
    PromptScores

    Raises
    ------
    TableError
        For missing columns, cells that are not finite numbers, broken files; the message says which line.
    ValueError
        If no prompt has that many responses; the message says how many they have.

    Notes
    -----
    Rows of one prompt need not be neighbours. Cost: some microseconds per row of JSONL. Reference: arXiv:2311.09528.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> import alignment_fast as af
    >>> rows = [{"prompt": "2 + 2?", "response": text, "right": score} for text, score in (("4", 4), ("5", 0))]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "scores.jsonl"
    ...     _ = path.write_text("\n".join(map(json.dumps, rows)))
    ...     data = af.policy.read_scores(path, responses=2, attributes=["right"])
    >>> data.prompts, data.scores.tolist()
    (['2 + 2?'], [[[4.0], [0.0]]])

    """
    columns = {"prompt": prompt, **{f"attribute {index}": name for index, name in enumerate(attributes)}}
    roles = list(columns)[1:]
    groups: dict[str, int] = {}
    group, scores = [], []
    for chunk in tables.read_columns(path, columns, finite=roles, text=["prompt"]):
        group.append(np.array([groups.setdefault(text, len(groups)) for text in chunk["prompt"]]))
        scores.append(np.stack([chunk[role] for role in roles], axis=-1))
    number = np.concatenate(group)
    sizes = np.bincount(number)
    if responses not in sizes:
        found = ", ".join(f"{count} with {size}" for size, count in enumerate(np.bincount(sizes)) if count)
        raise ValueError(f"no prompt of {path} has {responses} responses: there are {found}")
    complete = sizes == responses
    order = np.argsort(number, kind="stable")
    kept = np.concatenate(scores)[order[complete[number[order]]]]
    return PromptScores(
        [text for text, keep in zip(groups, complete, strict=True) if keep],
        kept.reshape(-1, responses, len(roles)),
        tuple(attributes),
        int((~complete).sum()),
    )
