"""Leaderboards of `ranking` beside what NumPy users write: sets of ranks, tiers, paired scores."""

import numpy as np

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

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
    from alignment_fast.benchmarks.names.ranking import plain_newton, votes

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
    from alignment_fast.benchmarks.names.ranking import indices, plain_newton, votes

    given, new = votes(size), af.ranking.Comparisons(*indices(size, size), n_items=size)
    result = af.ranking.fit(given)
    wins = given.to_matrix()[0] + new.to_matrix()[0]
    return lambda: result.update(new), lambda: plain_newton(wins)


def judged(size, _):
    """Return comparisons of 10 items by 10 judges, and a plain negated likelihood of them with its gradient."""
    from alignment_fast.benchmarks.names.ranking import indices

    winner, loser = indices(size)
    judge = np.random.default_rng(3).integers(0, 10, size)

    def negated(u):
        apart = u[winner] - u[loser]
        d = u[10 + judge] * apart
        lost = 1 / (1 + np.exp(d))
        slope = lost * u[10 + judge]
        scores = np.bincount(winner, slope, 10) - np.bincount(loser, slope, 10)
        return np.logaddexp(0, -d).sum(), -np.append(scores, np.bincount(judge, lost * apart, 10))

    return af.ranking.Comparisons(winner, loser, cluster=judge), negated


def fit_judges(size, _):
    from scipy.optimize import minimize

    given, negated = judged(size, _)
    start = np.append(np.linspace(-1, 1, 10), np.ones(10))
    return lambda: af.ranking.fit_judges(given), lambda: minimize(negated, start, jac=True)


def fit_davidson_luce(size, _):
    from scipy.optimize import minimize

    rng = np.random.default_rng(5)
    pairs = [tuple(rng.choice(6, 2, replace=False).tolist()) for _ in range(size)]
    ties = rng.random(size) < 0.3
    rows = [[list(pair)] if tie else list(pair) for pair, tie in zip(pairs, ties, strict=True)]
    one, other = np.array(pairs).T

    def negated(u):
        theta, nu = u[:6], u[6]
        parts = np.stack([theta[one], theta[other], 0.5 * (theta[one] + theta[other]) + nu])
        return (np.logaddexp.reduce(parts) - np.where(ties, parts[2], parts[0])).sum()

    return lambda: af.ranking.fit_davidson_luce(rows), lambda: minimize(negated, np.zeros(7)).x


def krippendorff_alpha(size, _):
    ratings = np.random.default_rng(4).integers(0, 3, (size, 4)).astype(float)

    def formula():
        counts = (ratings[:, :, None] == np.arange(3.0)).sum(axis=1)
        pairs = (counts[:, :, None] * counts[:, None] - counts[:, :, None] * np.eye(3)).sum(axis=0) / 3
        total = counts.sum(axis=0)
        apart = 1 - np.eye(3)
        return 1 - (total.sum() - 1) * (pairs * apart).sum() / (np.outer(total, total) * apart).sum()

    return lambda: af.ranking.krippendorff_alpha(ratings, replicates=0).alpha, formula


def next_pairs(size, _):
    from alignment_fast.benchmarks.names.ranking import votes

    fitted = af.ranking.fit(votes(size))
    inverse = fitted.covariance()

    def formula():
        information, pairs = np.linalg.pinv(inverse), []
        for _ in range(10):
            covariance = np.linalg.pinv(information)
            p = 1 / (1 + np.exp(fitted.scores - fitted.scores[:, None]))
            variance = covariance.diagonal()
            worth = np.triu(p * (1 - p) * (variance[:, None] + variance - 2 * covariance), 1)
            i, j = divmod(int(worth.argmax()), size)
            e = np.eye(size)[i] - np.eye(size)[j]
            information = information + p[i, j] * (1 - p[i, j]) * np.outer(e, e)
            pairs.append((i, j) if fitted.scores[i] >= fitted.scores[j] else (j, i))
        return np.array(pairs)

    return lambda: af.ranking.next_pairs(fitted, 10, objective="d-optimal"), formula


def rank_centrality(size, _):
    from alignment_fast.benchmarks.names.ranking import votes

    given = votes(size)

    def formula():
        points = given.to_matrix()[0] + 0.5
        np.fill_diagonal(points, 0.0)
        chance = points / (points + points.T + np.eye(size))
        generator = chance - np.diag(chance.sum(axis=0))
        law = np.linalg.lstsq(np.vstack([generator, np.ones(size)]), np.append(np.zeros(size), 1.0), rcond=None)[0]
        return np.log(law) - np.log(law).mean()

    return lambda: af.ranking.rank_centrality(given, prior=0.5), formula


DRAWS = "NumPy, a tenth of the draws"
NAMES = {
    "ranking.DavidsonLuceFit": NotTimed("the result of fit_davidson_luce"),
    **{
        f"ranking.DavidsonLuceFit.{name}": NotTimed("reads what `fit_davidson_luce` found")
        for name in ("ranks", "standard_errors", "parameter_errors", "interval")
    },
    "ranking.fit_davidson_luce": Timed("scipy's BFGS, pairs", "rankings", (100, 1000), fit_davidson_luce, ("float64",)),
    "ranking.Agreement": NotTimed("the result of krippendorff_alpha"),
    "ranking.JudgeFit": NotTimed("the result of fit_judges"),
    **{
        f"ranking.JudgeFit.{name}": NotTimed("reads the covariance of `fit_judges`")
        for name in (
            *("standard_errors", "discrimination_errors", "position_bias_errors", "discrimination_interval"),
            *("noise", "reversed"),
        )
    },
    "ranking.JudgeFit.agreement": NotTimed("as `krippendorff_alpha`, which is timed"),
    "ranking.fit_judges": Timed("scipy's BFGS", "votes", (1000, 50_000), fit_judges, ("float64",)),
    "ranking.krippendorff_alpha": Timed("the formula", "units", (100, 10_000), krippendorff_alpha, ("float64",)),
    "ranking.rank_centrality": Timed("np.linalg.lstsq", "items", (10, 100, 300), rank_centrality, ("float64",)),
    "ranking.next_pairs": Timed("pinv after every pick", "items", (10, 100), next_pairs, ("float64",)),
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
    "ranking.fit_davidson_luce": "the peer stops at fewer digits, and returns all unknowns in one array",
    "ranking.fit_judges": "the peer's scores and discriminations have another scale",
    "ranking.fragility": "the peer stops at the first order",
    "ranking.rank_sets": "the peer says which pairs are apart",
    "ranking.tiers": "the peer says which pairs are apart",
}
