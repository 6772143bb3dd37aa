"""Information measures beside their plain formulas."""

import numpy as np

import alignment_fast as af
from names import Timed


def entropy(size, dtype):
    p = np.random.default_rng(0).dirichlet(np.ones(size)).astype(dtype)
    return lambda: af.information.entropy(p), lambda: -(p * np.log(p)).sum()


NAMES = {
    "information.entropy": Timed("-(p log p).sum()", "letters", (32, 1024, 50_257, 10_000_000), entropy),
}
