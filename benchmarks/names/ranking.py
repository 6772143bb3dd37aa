"""Ranking models beside what NumPy and SciPy users write."""

from functools import cache

import numpy as np

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

ITEMS = (10, 100, 300)
COMPARISONS = (100, 1000, 50_000, 1_000_000, 10_000_000)
RANKED = (100, 1000, 50_000)


@cache
def indices(size, items=10):
    """Return (winner, loser) of `size` random comparisons among `items` whose scores have spread 1."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=items)
    one = rng.integers(0, items, size)
    other = (one + rng.integers(1, items, size)) % items
    won = rng.random(size) < 1 / (1 + np.exp(scores[other] - scores[one]))
    return np.where(won, one, other), np.where(won, other, one)


def votes(items):
    return af.ranking.Comparisons(*indices(100 * items, items))


def wins_of(winner, loser, items):
    wins = np.zeros((items, items))
    np.add.at(wins, (winner, loser), 1)
    return wins


def plain_newton(wins, ties=None):
    """Return Bradley-Terry scores by Newton's method on the matrix of wins."""
    wins = wins if ties is None else wins + 0.5 * ties
    count, won, scores = wins + wins.T, wins.sum(axis=1), np.zeros(len(wins))
    for _ in range(50):
        p = 1 / (1 + np.exp(scores - scores[:, None]))
        curvature = count * p * (1 - p)
        hessian = np.diag(curvature.sum(axis=1)) - curvature + 1 / len(wins)
        step = np.linalg.solve(hessian, won - (count * p).sum(axis=1))
        scores = scores + step
        if np.abs(step).max() < 1e-10:
            return scores, hessian
    return scores, hessian


def comparisons(size, _):
    winner, loser = indices(size)
    return lambda: af.ranking.Comparisons(winner, loser), lambda: wins_of(winner, loser, 10)


def from_matrix(size, _):
    wins = wins_of(*indices(100 * size, size), size)
    return lambda: af.ranking.Comparisons.from_matrix(wins), lambda: (np.nonzero(wins), wins.sum())


def from_frame(size, _):
    winner, loser = indices(size)
    names = np.array([f"model-{item}" for item in range(10)], dtype=object)
    frame = {"winner": names[winner].tolist(), "loser": names[loser].tolist()}

    def formula():
        known, codes = np.unique(np.array(frame["winner"] + frame["loser"]), return_inverse=True)
        return wins_of(codes[:size], codes[size:], len(known))

    return lambda: af.ranking.Comparisons.from_frame(frame), formula


def existence(size, _):
    from scipy.sparse.csgraph import connected_components

    given, wins = votes(size), wins_of(*indices(100 * size, size), size)
    return given.existence, lambda: connected_components(wins.T, connection="strong")


def to_matrix(size, _):
    given, rows = votes(size), indices(100 * size, size)
    return given.to_matrix, lambda: wins_of(*rows, size)


def fit(size, _):
    given, wins = votes(size), wins_of(*indices(100 * size, size), size)
    return lambda: af.ranking.fit(given), lambda: plain_newton(wins)


def predict(size, _):
    from scipy.special import expit

    fitted, items = af.ranking.fit(votes(10)), np.random.default_rng(1).integers(0, 10, (2, size))
    scores = fitted.scores
    return lambda: fitted.predict(*items), lambda: expit(scores[items[0]] - scores[items[1]])


def predict_tie(size, _):
    winner, loser = indices(1000)
    ties = np.random.default_rng(2).random(1000) < 0.2
    fitted = af.ranking.fit(af.ranking.Comparisons(winner, loser, tied=ties), "davidson")
    items = np.random.default_rng(1).integers(0, 10, (2, size))
    scores, tie = fitted.scores, fitted.tie_parameter

    def formula():
        win = np.exp(0.5 * (scores[items[0]] - scores[items[1]]))
        return tie / (win + 1 / win + tie)

    return lambda: fitted.predict_tie(*items), formula


def of_errors(name):
    """Return the calls of a method that needs the covariance, beside that of the inverse of a given Hessian."""

    def calls(size, _):
        fitted, (_, hessian) = af.ranking.fit(votes(size)), plain_newton(wins_of(*indices(100 * size, size), size))
        return getattr(fitted, name), lambda: np.sqrt(np.linalg.inv(hessian).diagonal())

    return calls


def ranks(size, _):
    fitted = af.ranking.fit(votes(size))
    return lambda: fitted.ranks, lambda: (-fitted.scores).argsort().argsort()


def of_replicates(name, formula):
    """Return the calls of a method of 200 replicates."""

    def calls(size, _):
        replicates = af.ranking.fit(votes(size)).bootstrap(200, rng=1)
        return getattr(replicates, name), lambda: formula(replicates.scores)

    return calls


def covariance(size, _):
    fitted, (_, hessian) = af.ranking.fit(votes(size)), plain_newton(wins_of(*indices(100 * size, size), size))
    return fitted.covariance, lambda: np.linalg.inv(hessian)


def bootstrap(size, _):
    """Return 20 replicates over `size` items."""
    fitted, wins = af.ranking.fit(votes(size)), wins_of(*indices(100 * size, size), size)
    rng = np.random.default_rng(1)
    return lambda: fitted.bootstrap(20, rng=1), lambda: [plain_newton(rng.poisson(wins) + 1e-3) for _ in range(20)]


def rank_interval(size, _):
    fitted = af.ranking.fit(votes(size))

    def formula():
        variance = fitted.covariance()
        error = np.sqrt(variance.diagonal()[:, None] + variance.diagonal() - 2 * variance)
        return (fitted.scores[:, None] - fitted.scores > 1.96 * error).sum(axis=0)

    return fitted.rank_interval, formula


def ranks_of_replicates(size, _):
    replicates = af.ranking.fit(votes(size)).bootstrap(200, rng=1)
    return lambda: replicates.ranks, lambda: (-replicates.scores).argsort(axis=1).argsort(axis=1)


def elo(size, _):
    winner, loser = indices(size)

    def formula():
        rating = [1000.0] * 10
        for one, other in zip(winner.tolist(), loser.tolist(), strict=True):
            change = 4.0 / (1.0 + 10.0 ** ((rating[one] - rating[other]) / 400.0))
            rating[one] += change
            rating[other] -= change
        return rating

    return lambda: af.ranking.elo(winner, loser), formula


def at_scores(size):
    """Return comparisons, their matrix of wins, scores and a direction."""
    scores, vector = np.random.default_rng(1).normal(size=(2, size))
    return votes(size), wins_of(*indices(100 * size, size), size), scores, vector


def log_likelihood(size, _):
    given, wins, scores, _ = at_scores(size)
    formula = lambda: -(wins * np.logaddexp(0, scores - scores[:, None])).sum()  # noqa: E731
    return lambda: af.ranking.log_likelihood(scores, given), formula


def gradient(size, _):
    given, wins, scores, _ = at_scores(size)

    def formula():
        lost = wins / (1 + np.exp(scores[:, None] - scores))
        return lost.sum(axis=1) - lost.sum(axis=0)

    return lambda: af.ranking.gradient(scores, given), formula


def hessian_product(size, _):
    given, wins, scores, vector = at_scores(size)

    def formula():
        p = 1 / (1 + np.exp(scores - scores[:, None]))
        curvature = (wins + wins.T) * p * (1 - p)
        return curvature @ vector - curvature.sum(axis=1) * vector

    return lambda: af.ranking.hessian_product(scores, vector, given), formula


@cache
def ranked(size):
    """Return `size` rankings of 4 of 10 items, drawn by Gumbel noise."""
    rng = np.random.default_rng(0)
    noisy = rng.normal(size=10) + rng.gumbel(size=(size, 10))
    noisy[np.argsort(rng.random((size, 10)), axis=1) >= 4] = -np.inf
    return np.argsort(-noisy, axis=1)[:, :4].copy()


def plain_choices(rows, scores):
    """Return the Plackett-Luce log-likelihood and its gradient."""
    weight = np.exp(scores[rows])
    left = weight[:, ::-1].cumsum(axis=1)[:, ::-1]
    gradient = np.bincount(rows.ravel(), minlength=10) - np.bincount(
        rows.ravel(), (weight * (1 / left).cumsum(axis=1)).ravel(), 10
    )
    return np.log(weight / left).sum(), gradient


def rankings(size, _):
    rows = ranked(size)
    return lambda: af.ranking.Rankings(rows), lambda: np.sort(rows, axis=1)


def rankings_log_likelihood(size, _):
    rows, scores = ranked(size), np.linspace(-1, 1, 10)
    given = af.ranking.Rankings(rows)
    return lambda: given.log_likelihood(scores), lambda: plain_choices(rows, scores)[0]


def rankings_hessian_product(size, _):
    rows, scores, vector = ranked(size), np.linspace(-1, 1, 10), np.arange(10.0)
    given = af.ranking.Rankings(rows)

    def formula():
        weight = np.exp(scores[rows])
        left, along = (x[:, ::-1].cumsum(axis=1)[:, ::-1] for x in (weight, weight * vector[rows]))
        parts = weight * (vector[rows] * (1 / left).cumsum(axis=1) - (along / left**2).cumsum(axis=1))
        return -np.bincount(rows.ravel(), parts.ravel(), 10)

    return lambda: given.hessian_product(scores, vector), formula


def rankings_gradient(size, _):
    rows, scores = ranked(size), np.linspace(-1, 1, 10)
    given = af.ranking.Rankings(rows)
    return lambda: given.gradient(scores), lambda: plain_choices(rows, scores)[1]


def fit_plackett_luce(size, _):
    from scipy.optimize import minimize

    rows = ranked(size)

    def negated(scores):
        value, slope = plain_choices(rows, scores)
        return -value, -slope

    return lambda: af.ranking.fit_plackett_luce(rows), lambda: minimize(negated, np.zeros(10), jac=True)


def fit_contextual(size, _):
    from scipy.optimize import minimize

    winner, loser = indices(size)
    x = np.random.default_rng(1).normal(size=(size, 2))

    def negated(u):
        d = u[winner] - u[loser] + x @ u[10:]
        lost = 1 / (1 + np.exp(d))
        slope = np.bincount(loser, lost, 10) - np.bincount(winner, lost, 10)
        return np.logaddexp(0, -d).sum() + 5e-4 * (u[:10] ** 2).sum(), np.append(slope + 1e-3 * u[:10], -(lost @ x))

    return lambda: af.ranking.fit_contextual(winner, loser, x), lambda: minimize(negated, np.zeros(12), jac=True)


NAMES = {
    "ranking.Comparisons": Timed("np.add.at into a matrix", "comparisons", COMPARISONS, comparisons, ("float64",)),
    "ranking.Comparisons.from_matrix": Timed("np.nonzero", "items", ITEMS, from_matrix, ("float64",)),
    "ranking.Comparisons.from_frame": Timed(
        "np.unique of names, np.add.at", "comparisons", (100, 1000, 50_000, 1_000_000), from_frame, ("float64",)
    ),
    "ranking.Comparisons.to_matrix": Timed("np.add.at into a matrix", "items", ITEMS, to_matrix, ("float64",)),
    "ranking.Comparisons.existence": Timed("connected_components", "items", ITEMS, existence, ("float64",)),
    "ranking.fit": Timed("Newton with np.linalg.solve", "items", ITEMS, fit, ("float64",)),
    "ranking.RatingFit": NotTimed("the result of fit; its methods are timed"),
    "ranking.RatingFit.predict": Timed("expit", "pairs", (1, 1000, 50_000, 1_000_000), predict, ("float64",)),
    "ranking.RatingFit.predict_tie": Timed("exponentials", "pairs", (1, 1000, 50_000), predict_tie, ("float64",)),
    "ranking.RatingFit.ranks": Timed("argsort twice", "items", ITEMS, ranks, ("float64",)),
    **{
        f"ranking.RatingFit.{name}": Timed(
            "np.linalg.inv, Hessian given", "items", ITEMS, of_errors(name), ("float64",)
        )
        for name in ("standard_errors", "interval")
    },
    "ranking.RatingFit.covariance": Timed("np.linalg.inv, Hessian given", "items", ITEMS, covariance, ("float64",)),
    "ranking.RatingFit.rank_interval": Timed("errors of differences", "items", ITEMS, rank_interval, ("float64",)),
    "ranking.RatingFit.bootstrap": Timed("Newton of Poisson counts", "items", (10, 50), bootstrap, ("float64",)),
    "ranking.Bootstrap": NotTimed("the result of bootstrap; its methods are timed"),
    "ranking.Bootstrap.ranks": Timed("argsort twice", "items", ITEMS, ranks_of_replicates, ("float64",)),
    **{
        f"ranking.Bootstrap.{name}": Timed("NumPy", "items", ITEMS, of_replicates(name, formula), ("float64",))
        for name, formula in (
            ("covariance", lambda scores: np.cov(scores, rowvar=False)),
            ("standard_errors", lambda scores: scores.std(axis=0, ddof=1)),
            ("interval", lambda scores: tuple(np.quantile(scores, (0.025, 0.975), axis=0))),
            ("rank_interval", lambda scores: np.quantile((-scores).argsort(1).argsort(1), (0.025, 0.975), axis=0)),
        )
    },
    "ranking.Existence": NotTimed("the result of Comparisons.existence"),
    "ranking.EloRatings": NotTimed("the result of elo"),
    "ranking.ItemIndexError": NotTimed("an error"),
    "ranking.elo": Timed("a Python loop", "games", (100, 1000, 50_000, 1_000_000), elo, ("float64",)),
    "ranking.log_likelihood": Timed("logaddexp over the matrix", "items", ITEMS, log_likelihood, ("float64",)),
    "ranking.gradient": Timed("sigmoid over the matrix", "items", ITEMS, gradient, ("float64",)),
    "ranking.hessian_product": Timed("sigmoid over the matrix", "items", ITEMS, hessian_product, ("float64",)),
    "ranking.Rankings": Timed("np.sort of the rows", "rankings", RANKED, rankings, ("float64",)),
    "ranking.Rankings.log_likelihood": Timed(
        "reversed cumsum", "rankings", RANKED, rankings_log_likelihood, ("float64",)
    ),
    "ranking.Rankings.gradient": Timed("reversed cumsum", "rankings", RANKED, rankings_gradient, ("float64",)),
    "ranking.Rankings.hessian_product": Timed(
        "reversed cumsum", "rankings", RANKED, rankings_hessian_product, ("float64",)
    ),
    "ranking.PlackettLuceFit": NotTimed("the result of fit_plackett_luce"),
    "ranking.fit_plackett_luce": Timed("scipy's BFGS", "rankings", RANKED, fit_plackett_luce, ("float64",)),
    "ranking.fit_contextual": Timed("scipy's BFGS", "comparisons", (1000, 50_000), fit_contextual, ("float64",)),
}

HELD = "an object that holds comparisons or rankings; the peer returns an array"
DIFFERENT = {
    "ranking.Comparisons": HELD,
    "ranking.Comparisons.from_frame": HELD,
    "ranking.Comparisons.from_matrix": HELD,
    "ranking.Rankings": HELD,
    "ranking.Bootstrap.ranks": "the peer counts ranks from 0",
    "ranking.Bootstrap.rank_interval": "the peer counts ranks from 0, and interpolates between them",
    "ranking.RatingFit.interval": "the peer finds the errors only, of scores known up to another constant",
    "ranking.RatingFit.standard_errors": "scores are known up to a constant, and the peer takes another one",
    "ranking.RatingFit.ranks": "the peer counts ranks from 0",
    "ranking.RatingFit.bootstrap": "random numbers of two generators",
    "ranking.RatingFit.covariance": "scores are known up to a constant, and the peer takes another one",
    "ranking.RatingFit.rank_interval": "the peer counts from 0, and finds one end only",
    "ranking.elo": "the peer's ratings are a list",
    "ranking.fit": "the peer returns the Hessian, too",
    "ranking.fit_contextual": "the peer stops at fewer digits, and returns scores and coefficients in one array",
    "ranking.fit_plackett_luce": "the peer stops at fewer digits",
}
LITTLE = NotTimed("a few operations on scores and covariances that are there")
NAMES |= {
    **{f"ranking.RatingFit.{name}": LITTLE for name in ("elo", "parameter_errors")},
    **{f"ranking.Comparisons.{name}": NotTimed("looks labels up") for name in ("index", "indices", "among")},
    **{f"ranking.Existence.{name}": NotTimed("reads what `Comparisons.existence` found") for name in ("of", "explain")},
    "ranking.PlackettLuceFit.covariance": NotTimed("the inverse of one Hessian, as of `RatingFit.covariance`"),
    "ranking.PlackettLuceFit.bootstrap": NotTimed("fits of weighted rankings, each of which is `fit_plackett_luce`"),
    "ranking.Rankings.comparisons": NotTimed("every pair of every ranking once, a step of preparation"),
    "ranking.Rankings.existence": NotTimed("as `Comparisons.existence`, which is timed"),
}
