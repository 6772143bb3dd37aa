"""Leaderboards of `ranking` beside what NumPy users write: sets of ranks, tiers, paired scores."""

import numpy as np

import alignment_fast as af
from names import NotTimed, Timed

SYSTEMS = (10, 100, 180)


def table(systems):
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, systems)) + rng.normal(size=(100, 1)) + np.linspace(0, 1, systems)


def plain_better(scores, draws=1000, level=0.95):
    """Return which systems are surely better, by draws of all differences, row by row."""
    means, covariance = scores.mean(axis=0), np.cov(scores, rowvar=False) / len(scores)
    variance = covariance.diagonal()
    error = np.sqrt(np.maximum(variance[:, None] + variance - 2 * covariance, 0)) + np.eye(len(means))
    largest = np.zeros(draws)
    rng = np.random.default_rng(0)
    off = rng.multivariate_normal(np.zeros(len(means)), covariance, draws)
    off /= np.sqrt(rng.chisquare(len(scores) - 1, draws) / (len(scores) - 1))[:, None]
    for i in range(len(means)):
        largest = np.maximum(largest, np.abs((off[:, i, None] - off) / error[i]).max(axis=1))
    return means[:, None] - means > np.quantile(largest, level) * error


def paired_scores(size, _):
    scores = table(size)
    return lambda: af.ranking.paired_scores(scores), lambda: (scores.mean(axis=0), np.cov(scores, rowvar=False) / 100)


def of_paired(name):
    """Return the calls of a function of paired scores, beside a tenth of its draws in NumPy."""

    def calls(size, _):
        scores = table(size)
        given = af.ranking.paired_scores(scores)
        return lambda: getattr(af.ranking, name)(given), lambda: plain_better(scores)

    return calls


def fragility(size, _):
    from names.ranking import plain_newton, votes

    given = votes(size)
    wins = given.to_matrix()[0]

    def formula():
        """Return how many votes go by their influence on the lead over the second, to first order."""
        scores, hessian = plain_newton(wins)
        best, second = np.argsort(-scores)[:2]
        move = np.linalg.solve(hessian, np.eye(size)[best] - np.eye(size)[second])
        influence = (move[:, None] - move) / (1 + np.exp(scores[:, None] - scores))
        order = np.argsort(-influence, axis=None)
        gain = np.cumsum(influence.ravel()[order] * wins.ravel()[order])
        return wins.ravel()[order[: np.searchsorted(gain, scores[best] - scores[second])]].sum()

    return lambda: af.ranking.fragility(given), formula


def update(size, _):
    from names.ranking import indices, plain_newton, votes

    given, new = votes(size), af.ranking.Comparisons(*indices(size, size), n_items=size)
    result = af.ranking.fit(given)
    wins = given.to_matrix()[0] + new.to_matrix()[0]
    return lambda: result.update(new), lambda: plain_newton(wins)


DRAWS = "NumPy, a tenth of the draws"
NAMES = {
    "ranking.RatingFit.update": Timed("Newton on all votes", "items", (10, 100, 300), update, ("float64",)),
    "ranking.RatingFit.to_frame": NotTimed("pandas makes a frame of arrays that are there"),
    "ranking.Fragility": NotTimed("the result of fragility"),
    "ranking.RemovedVotes": NotTimed("part of the result of fragility"),
    "ranking.fragility": Timed("influences, one challenger, no refit", "items", (10, 100), fragility, ("float64",)),
    "ranking.PairedScores": NotTimed("the result of paired_scores"),
    "ranking.PairedScores.standard_errors": NotTimed("square roots of a diagonal"),
    "ranking.PairedScores.interval": NotTimed("a few operations on means and their errors"),
    "ranking.RankSets": NotTimed("the result of rank_sets"),
    "ranking.paired_scores": Timed("np.mean, np.cov", "systems", SYSTEMS, paired_scores, ("float64",)),
    "ranking.rank_sets": Timed(DRAWS, "systems", SYSTEMS, of_paired("rank_sets"), ("float64",)),
    "ranking.separable_pairs": Timed(DRAWS, "systems", SYSTEMS, of_paired("separable_pairs"), ("float64",)),
    "ranking.tiers": Timed(DRAWS, "systems", SYSTEMS, of_paired("tiers"), ("float64",)),
}
DIFFERENT = {
    "ranking.separable_pairs": "random numbers of two generators",
    "ranking.RatingFit.update": "the peer returns the Hessian, too",
    "ranking.fragility": "the peer stops at the first order",
    "ranking.rank_sets": "the peer says which pairs are apart",
    "ranking.tiers": "the peer says which pairs are apart",
}
