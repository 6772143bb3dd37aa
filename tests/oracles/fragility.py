"""The fewest votes whose removal turns an order, by fits to what is left of all removals, one size after the other."""

import functools
import itertools
import json
from pathlib import Path

import numpy as np

# Precision of the prior where there is no finite maximum: it gives the order in which scores go to infinity.
WEAK = 1e-6
EQUAL = 1e-9
STORED_IN = Path(__file__).with_name("fragility.json")


def reach(edges):
    """Return whether there are chains of edges (B, K, K) from every item to every other, the empty one included."""
    items = edges.shape[1]
    found = edges | np.eye(items, dtype=bool)
    for middle in range(items):
        found = found | (found[:, :, middle, None] & found[:, None, middle])
    return found


def scores(wins):
    """Return Bradley-Terry scores (B, K) of matrices of wins (B, K, K) by Newton's method on all of them."""
    batch, items, _ = wins.shape
    finite = reach(wins > 0).all(axis=(1, 2))
    prior = np.where(finite, 0.0, WEAK)[:, None]
    count, theta = wins + wins.transpose(0, 2, 1), np.zeros((batch, items))
    eye, gauge = np.eye(items), np.full((items, items), 1.0 / items)
    for _ in range(200):
        p = 1.0 / (1.0 + np.exp(theta[:, None, :] - theta[:, :, None]))
        gradient = wins.sum(axis=2) - (count * p).sum(axis=2) - prior * theta
        curvature = count * p * (1.0 - p)
        hessian = eye * curvature.sum(axis=2)[:, :, None] - curvature + prior[:, :, None] * eye + gauge
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        theta = theta + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-12:
            break
    return theta


def leads(wins, item):
    """Return the lead (B, K) of the item over every other; inf over itself and where they never met, by any chain."""
    theta = scores(wins)
    together = reach((wins + wins.transpose(0, 2, 1)) > 0)[:, item]
    lead = np.where(together, theta[:, item, None] - theta, np.inf)
    lead[:, item] = np.inf
    return lead


def fewest(units, wins, item, others, most):
    """Return the fewest units whose removal puts one of `others` ahead of `item`; None if that takes more than `most`.

    `units` are matrices of wins, each with how many there are of it.
    """
    parts, counts = np.array([part for part, _ in units]), [count for _, count in units]
    for size in range(most + 1):
        chosen = [
            taken
            for taken in itertools.combinations_with_replacement(range(len(units)), size)
            if all(taken.count(unit) <= counts[unit] for unit in set(taken))
        ]
        if not chosen:
            return None
        gone = np.array([parts[list(taken)].sum(axis=0) for taken in chosen]).reshape(-1, *wins.shape)
        if (leads(wins - gone, item)[:, others] < -EQUAL).any():
            return size
    return None


def votes_of(wins):
    """Return the single votes of a matrix as matrices, with how many there are of each."""
    found = []
    for i, j in np.argwhere(wins > 0):
        part = np.zeros_like(wins)
        part[i, j] = 1.0
        found.append((part, int(wins[i, j])))
    return found


def fewest_votes(wins, item, others, most):
    """Return `fewest` of single votes."""
    return fewest(votes_of(wins), wins, item, list(others), most)


def key(wins, item, others, most):
    """Return a text for one question: wins row by row, the item, those that may pass it, the most that may go."""
    rows = "/".join("".join(f"{int(count)}" for count in row) for row in wins)
    return f"{rows} {item}>{''.join(map(str, others))} {most}"


def question(key):
    """Return (wins, item, others, most) of a text."""
    rows, who, most = key.split()
    item, _, others = who.partition(">")
    return np.array([[*map(float, row)] for row in rows.split("/")]), int(item), [*map(int, others)], int(most)


@functools.cache
def stored():
    """Return {key: fewest votes} of fragility.json, which make_fragility.py writes."""
    return json.loads(STORED_IN.read_text("utf-8"))


def fewest_votes_stored(wins, item, others, most):
    """Return `fewest_votes`, which takes long, from the file where it is there."""
    text = key(wins, item, others, most)
    return stored()[text] if text in stored() else fewest_votes(wins, item, others, most)
