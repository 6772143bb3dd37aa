"""Simulated comparisons for the tests of fits."""

import numpy as np

from alignment_fast.ranking import Comparisons
from alignment_fast.ranking._models import FIRST_WINS, MODELS


def first_won(random, difference, model="bradley-terry"):
    """Return who wins at these differences of scores, drawn from a model without ties."""
    return random.random(len(difference)) < MODELS[model].probability(FIRST_WINS, difference, 0.0)


def simulated(items=12, size=3000, seed=0, ties=0.0, home=0.0, spread=0.8):
    """Return (comparisons, scores) with random pairs; `ties` is the share of comparisons replaced by ties."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, spread, items)
    scores -= scores.mean()
    one = random.integers(0, items, size)
    other = (one + random.integers(1, items, size)) % items
    place = random.integers(-1, 2, size) if home else np.zeros(size, int)
    won = first_won(random, scores[one] - scores[other] + home * place)
    tied = random.random(size) < ties
    return (
        Comparisons(
            np.where(won, one, other),
            np.where(won, other, one),
            tied=tied if ties else None,
            home=np.where(won, place, -place) if home else None,
            n_items=items,
        ),
        scores,
    )


def chain(items=1000, size=10**6, seed=0):
    """Return comparisons of neighbours in rank only, most of them of a few popular items: badly conditioned."""
    random = np.random.default_rng(seed)
    scores = np.sort(random.normal(0, 1.5, items))
    popular = random.permutation(1 / np.arange(1, items + 1))
    one = random.choice(items, size, p=popular / popular.sum())
    other = np.clip(one + random.integers(1, 4, size) * random.choice([-1, 1], size), 0, items - 1)
    one, other = one[one != other], other[one != other]
    won = first_won(random, scores[one] - scores[other])
    return Comparisons(np.where(won, one, other), np.where(won, other, one), n_items=items)
