"""Fits of comparisons from index arrays, and bootstraps of them, against choix, evalica and scikit-learn."""

from importlib.util import find_spec

import numpy as np
import pytest

from alignment_fast.ranking import Comparisons, fit, gradient
from cases import OURS, Case, Contender, Target, each_contender

RANDOM = np.random.default_rng(2)


def votes(n_items, size):
    """Return (winner, loser) of random pairs whose scores have standard deviation 0.7."""
    scores = RANDOM.normal(0, 0.7, n_items)
    one = RANDOM.integers(0, n_items, size)
    other = (one + RANDOM.integers(1, n_items, size)) % n_items
    won = RANDOM.random(size) < 1 / (1 + np.exp(scores[other] - scores[one]))
    return np.where(won, one, other).astype(np.int32), np.where(won, other, one).astype(np.int32)


def agrees(expected, tolerance):
    """Return a check that scores of mean zero agree."""

    def check(scores):
        np.testing.assert_allclose(scores - scores.mean(), expected, atol=tolerance)

    return check


def choix_dense(winner, loser, n_items):
    """Return choix's fit from a count matrix, its fastest way."""
    import choix

    wins = np.bincount(winner.astype(np.int64) * n_items + loser, minlength=n_items**2).reshape(n_items, n_items)
    return choix.ilsr_pairwise_dense(wins.astype(np.float64))


def evalica_public(winner, loser, n_items):
    """Return evalica's fit; its index keeps the items in the order of their numbers."""
    import evalica
    import pandas

    index = pandas.Index(range(n_items))
    outcome = [evalica.Winner.X] * len(winner)
    result = evalica.bradley_terry(winner.tolist(), loser.tolist(), outcome, index=index)
    return np.log(result.scores.sort_index().to_numpy())


def logistic_regression(winner, loser, n_items):
    """Return scikit-learn's unpenalised fit over a sparse design."""
    from scipy.sparse import csr_array
    from sklearn.linear_model import LogisticRegression

    size = len(winner)
    sign = np.where(RANDOM.random(size) < 0.5, 1.0, -1.0)  # both classes must occur
    entries = np.stack([sign, -sign], axis=1).reshape(-1)
    columns = np.stack([winner, loser], axis=1).reshape(-1)
    design = csr_array((entries, columns, np.arange(0, 2 * size + 1, 2)), shape=(size, n_items))
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-6, max_iter=1000)
    return model.fit(design, sign > 0).coef_[0]


PEERS = {
    "choix": ("choix ilsr_pairwise_dense", choix_dense, 1e-6),
    "evalica": ("evalica bradley_terry", evalica_public, 1e-5),
    "sklearn": ("scikit-learn LogisticRegression", logistic_regression, 0.3),
}


def fit_case(n_items, size, peers, targets=()):
    winner, loser = votes(n_items, size)

    def ours():
        return fit(Comparisons(winner, loser, n_items=n_items, num_threads=1), num_threads=1).scores

    expected = ours()
    contenders = {OURS: Contender(ours, size, agrees(expected, 1e-9))}
    for library in peers:
        if find_spec(library):
            name, call, tolerance = PEERS[library]
            contenders[name] = Contender(
                lambda call=call: call(winner, loser, n_items), size, agrees(expected, tolerance)
            )
    return Case(f"Bradley-Terry fit, K = {n_items}, M = {size}, per comparison", contenders, targets=targets)


def bootstrap_case(n_items=100, size=1_000_000, replicates=20):
    winner, loser = votes(n_items, size)
    votes_once = Comparisons(winner, loser, n_items=n_items)
    result = fit(votes_once)
    wins = votes_once.to_matrix()[0]

    def spread(scores):
        np.testing.assert_allclose(scores.std(axis=0).mean(), result.standard_errors().mean(), rtol=0.3)

    def choix_loop():
        import choix

        random, share = np.random.default_rng(0), wins.reshape(-1) / size
        drawn = random.multinomial(size, share, replicates).reshape(replicates, n_items, n_items)
        return np.array([choix.ilsr_pairwise_dense(counts.astype(np.float64)) for counts in drawn])

    contenders = {
        OURS: Contender(lambda: result.bootstrap(replicates, rng=0, num_threads=1).scores, replicates, spread)
    }
    if find_spec("choix"):
        contenders["multinomial, choix ilsr_pairwise_dense"] = Contender(choix_loop, replicates, spread)
    return Case(
        f"bootstrap, K = {n_items}, M = {size}, per replicate", contenders, targets=(Target("seconds", 0.5e-3),)
    )


def gradient_case(n_items=1000, size=1_000_000):
    winner, loser = votes(n_items, size)
    cells = Comparisons(winner, loser, n_items=n_items)
    pairs, scores = len(cells.cells.first), RANDOM.normal(size=n_items)
    first, second = cells.cells.first, cells.cells.second
    total = cells.cells.wins_first + cells.cells.wins_second

    def numpy():
        slope = cells.cells.wins_first - total / (1 + np.exp(scores[second] - scores[first]))
        return np.bincount(first, slope, n_items) - np.bincount(second, slope, n_items)

    def check(found):
        np.testing.assert_allclose(found, numpy(), atol=1e-9)

    return Case(
        f"gradient, K = {n_items}, M = {size}, per pair",
        {
            OURS: Contender(lambda: gradient(scores, cells, num_threads=1), pairs, check),
            "NumPy bincount": Contender(numpy, pairs, check),
        },
    )


CASES = [
    fit_case(100, 1_000_000, ["choix", "evalica", "sklearn"], (Target("evalica bradley_terry", 250.0),)),
    fit_case(1000, 1_000_000, ["choix", "evalica", "sklearn"], (Target("evalica bradley_terry", 15.0),)),
    fit_case(20_000, 1_000_000, ["sklearn"], (Target("scikit-learn LogisticRegression", 3.0),)),
    bootstrap_case(),
    gradient_case(),
]


@pytest.mark.kernels(
    "ranking.terms",
    "ranking.gradient",
    "ranking.product",
    "ranking.cholesky",
    "ranking.newton",
    "ranking.resample",
)
@each_contender(CASES)
def test_ranking(case, name, timed):
    timed(case, name)
