"""Rankings as sequences of choices: likelihood, derivatives, products with the Hessian."""

import numpy as np

from alignment_fast.kernels.common import status
from alignment_fast.kernels.common.threads import for_blocks
from alignment_fast.kernels.ranking import cpu
from alignment_fast.kernels.ranking.chunks import in_chunks
from alignment_fast.kernels.ranking.structures import Evaluation

# Nanoseconds: of a place in a pass, in a product and in a check, of a pair of places in the matrix.
# Rankings so few that a thread and a step in the interpreter cost more than they save.
SEARCHED_ITEMS, SEARCHED_PLACES = 128, 1 << 13
PASS_COST, PRODUCT_COST, CHECK_COST, PAIR_COST = 5.0, 5.0, 2.0, 1.0


def choices(rankings):
    """Return `OrderedItems` as the other operations take them."""
    return cpu.Choices(rankings.item, rankings.start, rankings.depth, rankings.weight)


def choice_search(choices, items, ridge):
    """Return the `ChoiceSearch` of few rankings, or None: Newton's method in compiled steps, on one thread."""
    small = items <= SEARCHED_ITEMS and choices.places <= SEARCHED_PLACES
    return cpu.ChoiceSearch(choices, items, ridge) if small else None


def first_repeat(rankings, choices):
    """Return the first place that is no item, or repeats one of its ranking, or None."""
    words, seen = [], np.zeros(rankings.n_items, dtype=np.int32)

    def run(first, last):
        words.append(choices.check(first, last, rankings.n_items, seen))

    for_blocks(run, choices.count, work=CHECK_COST * choices.places, num_threads=1)
    word = min(words, default=status.OK)
    return None if word == status.OK else status.decode(word)[0]


def _summed(choices, width, work, run, num_threads):
    return in_chunks(choices.count, width, work / choices.count, run, num_threads)


def choices_evaluate(choices, u, ridge, *, num_threads=None):
    """Return the `Evaluation` of the log-likelihood with a Gaussian prior at `u`."""
    n, shifted = len(u), u - u.max()
    weight = np.exp(shifted)

    def run(first, last, out):
        choices.choices_gradient(shifted, weight, first, last, out[:n], out[n : 2 * n], out[2 * n :])

    sums = _summed(choices, 2 * n + 1, PASS_COST * choices.places, run, num_threads)
    value = float(sums[2 * n]) - (0.5 * ridge * float((u * u).sum()) if ridge else 0.0)
    return Evaluation(value, sums[:n] - ridge * u, sums[n : 2 * n] + ridge)


def choices_matrix(choices, u, diagonal, *, num_threads=None):
    """Return the negated Hessian at `u`, given its diagonal."""
    n, weight = len(u), np.exp(u - u.max())

    def run(first, last, out):
        choices.choices_matrix(weight, first, last, out)

    pairs = choices.places * (choices.places / choices.count) / 2
    half = _summed(choices, n * n, PAIR_COST * pairs, run, num_threads).reshape(n, n)
    full = -(half + half.T) * weight * weight[:, None]
    full[np.diag_indices(n)] = diagonal
    return full


def choices_product(choices, u, ridge, v, *, num_threads=None):
    """Return the negated Hessian at `u` times `v`."""
    weight = np.exp(u - u.max())

    def run(first, last, out):
        choices.choices_product(weight, v, first, last, out)

    return _summed(choices, len(u), PRODUCT_COST * choices.places, run, num_threads) + ridge * v
