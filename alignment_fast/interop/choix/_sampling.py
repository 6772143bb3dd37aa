"""Random parameters, comparisons and rankings: the same draws of Python's and NumPy's global generators as the host."""

import random

import numpy as np

from alignment_fast.interop.choix._data import Data
from alignment_fast.interop.choix._likelihood import probabilities

__all__ = ["compare", "generate_pairwise", "generate_params", "generate_rankings"]


def generate_params(n_items: int, interval: float = 5.0, ordered: bool = False) -> np.ndarray:
    """Return random parameters, uniform over an interval and shifted to mean 0, as ``choix.generate_params``."""
    params = np.random.uniform(low=0, high=interval, size=n_items)  # noqa: NPY002  the host's generator
    if ordered:
        params.sort()
    return params - params.mean()


def compare(items: Data, params: Data, rank: bool = False) -> Data:
    """Return the item that is chosen, or a ranking of all from the best on, as ``choix.compare``."""
    chances = probabilities(items, params)
    if rank:
        return np.random.choice(items, size=len(items), replace=False, p=chances)  # noqa: NPY002
    return np.random.choice(items, p=chances)  # noqa: NPY002


def generate_pairwise(params: Data, n_comparisons: int = 10) -> tuple:
    """Return random pairs (winner, loser) of random items, as ``choix.generate_pairwise``."""
    params = np.asarray(params)
    found = []
    for _ in range(n_comparisons):
        first, second = random.sample(range(len(params)), 2)
        found.append((first, second) if compare((first, second), params) == first else (second, first))
    return tuple(found)


def generate_rankings(params: Data, n_rankings: int, size: int = 3) -> tuple:
    """Return random rankings of random items, as ``choix.generate_rankings``."""
    params = np.asarray(params)
    return tuple(compare(random.sample(range(len(params)), size), params, rank=True) for _ in range(n_rankings))
