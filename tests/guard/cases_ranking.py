"""Guarded results of `af.ranking`."""

import dataclasses
import itertools

import numpy as np
from guard.table import add, chosen, reals, refusal, whole

import alignment_fast as af

RANKING = af.ranking

MODELS = ("bradley-terry", "thurstone", "stern", "rao-kupper", "davidson")
WITH_TIES = ("rao-kupper", "davidson")
SIZES = {"few": (4, 60), "some": (12, 900), "many": (300, 9000)}
TEAMS = ("ash", "birch", "cedar", "dogwood")


def _uses(names):
    return " ".join(f"ranking.{name}" for name in names.split())


def games(items, size, seed=1):
    """Return (winner, loser, won by the first): items of higher number are better, and everybody wins sometimes."""
    one = whole(seed, size, 0, items)
    other = (one + whole(seed + 1, size, 1, items)) % items
    won = whole(seed + 2, size, 0, 4 * items) < 2 * items + (one - other)
    return np.where(won, one, other), np.where(won, other, one), won


def arena(label="some", *, ties=False, home=False, weights=False, **options):
    items, size = SIZES[label]
    winner, loser, won = games(items, size)
    return RANKING.Comparisons(
        winner,
        loser,
        tied=whole(4, size, 0, 5) == 0 if ties else None,
        home=np.where(won, 1, -1) * whole(5, size, 0, 2) if home else None,
        weight=reals(6, size, 0.0, 2.0) if weights else None,
        n_items=items,
        **options,
    )


def of_comparisons(comparisons):
    """Return what there is to see of comparisons."""
    return (
        comparisons.n_items,
        comparisons.weight,
        comparisons.labels,
        comparisons.to_matrix(),
        comparisons.connected_components,
        comparisons.existence(),
    )


def comparisons():
    names = "Comparisons Existence " + " ".join(
        f"Comparisons.{name}" for name in ["n_items", "weight", "to_matrix", "connected_components", "existence"]
    )
    for label, ties, weights in itertools.product(SIZES, (False, True), (False, True)):
        name = f"{label}{'-ties' * ties}{'-weights' * weights}"
        options = {"ties": ties, "weights": weights}
        add(
            f"ranking.comparisons/{name}",
            _uses(names),
            lambda label=label, o=options: of_comparisons(arena(label, **o)),
        )
    for threads in (1, 2):
        make = lambda threads=threads: of_comparisons(arena("many", weights=True, num_threads=threads))  # noqa: E731
        add(f"ranking.comparisons/threads-{threads}", _uses(names), make)
    add("ranking.comparisons/labels", _uses("Comparisons.index Comparisons.indices"), _labels)
    add("ranking.comparisons/matrix", _uses("Comparisons.from_matrix"), _from_matrix)
    add("ranking.comparisons/frame", _uses("Comparisons.from_frame"), _from_frame)
    add("ranking.comparisons/among", _uses("Comparisons.among"), lambda: of_comparisons(arena().among([0, 3, 5, 7])))
    add("ranking.comparisons/sum", _uses("Comparisons"), lambda: of_comparisons(arena("some") + arena("few")))
    add("ranking.comparisons/difference", _uses("Comparisons"), lambda: of_comparisons(arena() + arena() - arena()))
    uses = _uses("Existence Existence.explain Existence.finite Existence.of")
    for label, pairs in {
        "components": ([0, 2], [1, 3]),
        "separable": ([0, 1, 0], [1, 2, 2]),
        "cycle": ([0, 1, 2], [1, 2, 0]),
    }.items():
        add(f"ranking.comparisons/existence-{label}", uses, _existence, *pairs)
    add(
        "ranking.comparisons/refused-index",
        _uses("ItemIndexError"),
        refusal,
        RANKING.Comparisons,
        [0, 7],
        [1, 2],
        n_items=5,
    )
    separable = RANKING.Comparisons([0, 1, 0], [1, 2, 2])
    add("ranking.comparisons/refused-separable", "ConvergenceError", refusal, RANKING.fit, separable)


def _labels():
    winner, loser, _ = games(4, 50)
    found = RANKING.Comparisons([TEAMS[i] for i in winner], [TEAMS[i] for i in loser])
    return of_comparisons(found), found.index("birch"), found.indices(["cedar", "ash"])


def _from_matrix():
    wins, ties = whole(1, (5, 5), 0, 9), whole(2, (5, 5), 0, 4)
    np.fill_diagonal(wins, 0)
    ties = np.triu(ties, 1) + np.triu(ties, 1).T
    make = RANKING.Comparisons.from_matrix
    return of_comparisons(make(wins)), of_comparisons(make(wins, ties, labels=list("abcde")))


def _from_frame():
    winner, loser, won = games(4, 80)
    first, second = np.where(won, winner, loser), np.where(won, loser, winner)
    columns = {
        "model_a": [TEAMS[i] for i in first],
        "model_b": [TEAMS[i] for i in second],
        "winner": ["tie" if i % 7 == 0 else "model_a" if won[i] else "model_b" for i in range(80)],
    }
    frame = {name: np.array(column, dtype=object) for name, column in columns.items()}
    return [of_comparisons(RANKING.Comparisons.from_frame(frame, home=home)) for home in (False, True)]


def _existence(winner, loser):
    found = RANKING.Comparisons(winner, loser).existence()
    return found, found.finite, found.explain()


def likelihoods():
    for model, (label, (items, _)) in itertools.product(MODELS, SIZES.items()):
        scores, vector = reals(7, items, -1.0, 1.0), reals(8, items, -1.0, 1.0)
        ties = model in WITH_TIES
        options = {"model": model}
        if ties:
            options["tie_parameter"] = 2.0  # its logarithm, which NumPy takes, is the same everywhere
        for home in (False, True):
            name = f"{model}-{label}{'-home' * home}"
            options = options | ({"home_advantage": 0.2} if home else {})
            uses = _uses("log_likelihood gradient hessian_product")
            add(f"ranking.likelihood/{name}", uses, _likelihood, scores, vector, label, ties, home, options)


def _likelihood(scores, vector, label, ties, home, options):
    given = arena(label, ties=ties, home=home, weights=True)
    return (
        RANKING.log_likelihood(scores, given, **options),
        RANKING.gradient(scores, given, **options),
        RANKING.hessian_product(scores, vector, given, **options),
    )


FITTED = "scores log_likelihood gradient_norm newton_decrement iterations converged tie_parameter home_advantage "
FITTED += "coefficients labels"


def _fit(label, model="bradley-terry", **options):
    kinds = {name: options.pop(name, False) for name in ("ties", "weights")}
    return RANKING.fit(arena(label, home=options.get("home", False), **kinds), model, **options)


def _fitted(*args, **options):
    return chosen(_fit(*args, **options), FITTED)


def _from_zero(label, **options):
    """Return the options of a fit from scores of zero: the first guess of `fit` is made by functions of NumPy."""
    return {"start": np.zeros(SIZES[label][0])} | options


def fits():
    for model, label in itertools.product(MODELS, SIZES):
        ties = model in WITH_TIES
        if not ties and label != "many":
            for home in (False, True):
                name = f"{model}-{label}-from-zero{'-home' * home}"
                options = _from_zero(label, home=home, weights=True)
                add(f"ranking.fit/{name}", _uses("fit RatingFit"), _fitted, label, model, **options)
        for name, options in {
            "plain": {},
            "weights": {"weights": True},
            "prior": {"l2": 0.1},
            "home": {"home": True, "l2": 0.01},
            "gamma": {"gamma_shape": 2.0},
        }.items():
            add(
                f"ranking.fit/{model}-{label}-{name}",
                _uses("fit RatingFit"),
                _fitted,
                label,
                model,
                ties=ties,
                own=False,
                **options,
            )
    add("ranking.fit/bias-reduction", _uses("fit"), _fitted, "some", bias_reduction=True, own=False)
    for threads in (1, 2):
        add(f"ranking.fit/threads-{threads}", _uses("fit"), _fitted, "many", num_threads=threads, own=False)
    methods = "ranks elo predict predict_tie covariance standard_errors parameter_errors interval rank_interval"
    uses = _uses(" ".join(f"RatingFit.{name}" for name in methods.split()))
    for model, home in itertools.product(MODELS, (False, True)):
        name = f"{model}{'-home' * home}"
        add(f"ranking.fit_errors/{name}", uses, _errors, model, home, own=False)
        options = {"model": model, "ties": model in WITH_TIES, "home": home}
        for label in ("few", "some"):
            uses_bootstrap = _uses("RatingFit.bootstrap Bootstrap")
            add(f"ranking.bootstrap/{name}-{label}", uses_bootstrap, _bootstrap, label, **options)
    names = " ".join(
        f"Bootstrap.{name}" for name in ["ranks", "covariance", "standard_errors", "interval", "rank_interval"]
    )
    add("ranking.bootstrap/intervals", _uses(names), _intervals, own=False)
    for threads in (1, 2):
        add(f"ranking.bootstrap/threads-{threads}", _uses("RatingFit.bootstrap"), _bootstrap, "some", threads=threads)


def _errors(model, home):
    fit = _fit("some", model, ties=model in WITH_TIES, home=home)
    return {
        "ranks": fit.ranks,
        "elo": fit.elo(),
        "predict": fit.predict(np.arange(5), 7, home=1.0 if home else 0.0),
        "predict_tie": fit.predict_tie(np.arange(5), 7),
        "covariance": [fit.covariance(kind) for kind in ("information", "sandwich")],
        "standard_errors": fit.standard_errors(),
        "parameter_errors": fit.parameter_errors(),
        "interval": fit.interval(0.9),
        "rank_interval": fit.rank_interval(0.9),
    }


def _bootstrap(label, threads=None, **options):
    fit = _fit(label, **_from_zero(label, **options))
    # The kernels draw counts and fit them anew, from what the fit found: rounded, that has no part in the last bits.
    fit = dataclasses.replace(fit, unknowns=np.round(fit.unknowns, 6))
    found = fit.bootstrap(40, rng=9, num_threads=threads)
    return found.scores, found.degenerate


def _intervals():
    found = _fit("some").bootstrap(60, rng=9)
    return found.ranks, found.covariance(), found.standard_errors(), found.interval(), found.rank_interval()


def contextual():
    winner, loser, _ = games(8, 500)
    covariates = reals(3, (500, 2), -1.0, 1.0)
    for name, options in {
        "plain": {},
        "prior": {"l2": 0.2},
        "home": {"home": whole(5, 500, -1, 2), "l2": 0.1},
        "davidson": {"model": "davidson", "tied": whole(6, 500, 0, 5) == 0},
    }.items():
        add(
            f"ranking.fit_contextual/{name}",
            _uses("fit_contextual"),
            lambda options=options: chosen(RANKING.fit_contextual(winner, loser, covariates, **options), FITTED),
            own=False,
        )


def elo():
    for label, (items, size) in SIZES.items():
        winner, loser, _ = games(items, size)
        for name, options in {
            "plain": {},
            "tied": {"tied": whole(4, size, 0, 5) == 0, "k": 16.0},
            "outcome": {"outcome": whole(4, size, 0, 3) / 2, "initial": 0.0},
            "weight": {"weight": reals(6, size, 0.0, 2.0), "scale": 173.0},
            "shuffled": {"shuffles": 20, "rng": 3},
        }.items():
            uses, options = _uses("elo EloRatings"), {"n_items": items} | options
            add(f"ranking.elo/{label}-{name}-base-10", uses, RANKING.elo, winner, loser, own=False, **options)
            # The logarithm of the base, which NumPy takes, is the same everywhere.
            add(f"ranking.elo/{label}-{name}-base-4", uses, RANKING.elo, winner, loser, base=4.0, **options)
    for threads in (1, 2):
        winner, loser, _ = games(12, 900)
        options = {"shuffles": 30, "rng": 3, "num_threads": threads, "base": 4.0}
        add(f"ranking.elo/threads-{threads}", _uses("elo"), RANKING.elo, winner, loser, **options)


def rankings():
    orders = np.argsort(whole(7, (80, 9), 0, 10**6) - 150000 * np.arange(9), axis=1)
    ragged = [row[: 2 + index % 7].tolist() for index, row in enumerate(orders)]
    padded = np.where(np.arange(9) < 2 + np.arange(80)[:, None] % 7, orders, -1)
    kinds = {
        "full": {"rankings": orders},
        "ragged": {"rankings": ragged},
        "padded": {"rankings": padded},
        "top": {"rankings": orders[:, :3], "top": True},
        "rest": {"rankings": orders[:, :2], "rest": orders[:, 4:7]},
        "weights": {"rankings": ragged, "weight": reals(8, 80, 0.1, 2.0)},
    }
    names = (
        "Rankings Rankings.n_items Rankings.comparisons Rankings.existence Rankings.log_likelihood Rankings.gradient "
    )
    names += "Rankings.hessian_product"
    for label, options in kinds.items():
        add(f"ranking.rankings/{label}", _uses(names), _rankings, options)
        for l2 in (0.3,) if label in ("top", "rest") else (0.0, 0.3):  # some items of these win everything
            uses = _uses("fit_plackett_luce PlackettLuceFit")
            add(f"ranking.fit_plackett_luce/{label}-{l2}", uses, _plackett_luce, options, l2, own=False)
    uses = _uses("PlackettLuceFit.covariance PlackettLuceFit.bootstrap")
    add("ranking.fit_plackett_luce/errors", uses, _plackett_luce_errors, orders, own=False)


def _rankings(options):
    given, scores = RANKING.Rankings(**options), reals(1, 9, -1.0, 1.0)
    vector = reals(2, 9, -1.0, 1.0)
    return (
        given.n_items,
        len(given),
        of_comparisons(given.comparisons()),
        given.existence(),
        given.log_likelihood(scores),
        given.gradient(scores),
        given.hessian_product(scores, vector),
    )


def _plackett_luce(options, l2):
    return chosen(RANKING.fit_plackett_luce(**options, l2=l2), FITTED)


def _plackett_luce_errors(orders):
    fit = RANKING.fit_plackett_luce(orders)
    return fit.covariance(), fit.standard_errors(), fit.predict(1, 4), fit.bootstrap(10, rng=1).scores


for part in (comparisons, likelihoods, fits, contextual, elo, rankings):
    part()
