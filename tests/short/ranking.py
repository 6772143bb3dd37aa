"""Small calls of the ranking models."""

import numpy as np

from alignment_fast.ranking import Comparisons, fit
from short import Call

RNG = np.random.default_rng(0)
WINNER = RNG.integers(0, 10, 300)
LOSER = (WINNER + RNG.integers(1, 10, 300)) % 10
TIED = RNG.random(300) < 0.2
VOTES, WITH_TIES = Comparisons(WINNER, LOSER), Comparisons(WINNER, LOSER, tied=TIED)
NAMES = np.array([f"model {i}" for i in range(10)])[np.concatenate([WINNER, LOSER])]
SIDES = RNG.integers(-1, 2, 300)
AT_HOME = Comparisons(WINNER, LOSER, tied=TIED, home=SIDES)
ROWS = np.array([RNG.permutation(10)[:4] for _ in range(60)])
SCORES, VECTOR = RNG.normal(size=(2, 10))
TIES = {"davidson": 0.7, "rao-kupper": 1.4}
MODELS = ["bradley-terry", "thurstone", "stern", *TIES]


def of_cells(model):
    """Return the arguments of the functions of scores and comparisons."""
    options = {"model": model, "tie_parameter": TIES[model]} if model in TIES else {"model": model}
    return [
        Call("ranking.log_likelihood", (SCORES, WITH_TIES), options, python_calls=6),
        Call("ranking.gradient", (SCORES, WITH_TIES), options, python_calls=6),
        Call("ranking.hessian_product", (SCORES, VECTOR, WITH_TIES), options, python_calls=6),
    ]


CALLS = [
    Call("ranking.Comparisons", (WINNER, LOSER), python_calls=8),
    Call("ranking.Comparisons", (WINNER.astype(np.int32), LOSER.astype(np.int32)), {"n_items": 12}, python_calls=8),
    Call("ranking.Comparisons", (WINNER, LOSER), {"tied": TIED}, python_calls=8),
    *(
        Call("ranking.Comparisons", (WINNER, LOSER), options, python_calls=8, bad=bad, float32=False)
        for options, bad in (
            ({"home": SIDES}, (("home", 4, 2),)),
            ({"home": SIDES.astype(np.int8), "tied": TIED}, (("home", 4, -2),)),
            ({"weight": SIDES + 1.0}, (("weight", 7, np.nan), ("weight", 7, -1.0), ("weight", 0, np.inf))),
            ({"weight": SIDES + 2.0, "home": SIDES, "tied": TIED, "n_items": 11}, ()),
        )
    ),
    Call("ranking.Comparisons", (NAMES[:300].tolist(), NAMES[300:].tolist()), python_calls=8),
    Call("ranking.Comparisons", (NAMES[:300].tolist(), NAMES[300:].tolist()), {"tied": TIED}, python_calls=8),
    *(call for model in MODELS for call in of_cells(model)),
    Call("ranking.log_likelihood", (SCORES, VOTES), bad=((0, 3, np.nan), (0, 0, np.inf)), python_calls=6),
    *(Call("ranking.fit", (WITH_TIES, model), python_calls=27) for model in MODELS),
    Call("ranking.fit", (VOTES,), {"start": fit(VOTES)}, python_calls=25),
    Call("ranking.fit", (VOTES,), {"start": SCORES}, python_calls=40, bad=(("start", 3, np.nan),)),
    Call("ranking.fit", (VOTES,), {"l2": 0.1, "gamma_shape": 1.5}, python_calls=25),
    Call("ranking.fit", (AT_HOME,), {"home": True}, python_calls=40),
    Call("ranking.fit", (AT_HOME, "davidson"), {"home": True}, python_calls=40),
    Call("ranking.fit", (VOTES,), {"bias_reduction": True}, python_calls=25),
    Call("ranking.fit", (AT_HOME,), {"bias_reduction": True, "home": True}, python_calls=40),
    *(
        Call("ranking.elo", (winner, loser), options, python_calls=14, bad=bad)
        for winner, loser, options, bad in (
            (WINNER, LOSER, {"k": 32}, ((0, 3, -1), (1, 5, WINNER[5]))),
            (WINNER.astype(np.int32), LOSER.astype(np.int32), {"n_items": 12, "base": 2, "initial": 0.0}, ()),
            (WINNER, LOSER, {"tied": TIED, "n_items": 10}, ((0, 3, 10),)),
        )
    ),
    *(
        Call("ranking.Rankings", (rows,), options, python_calls=4, bad=bad)
        for rows, options, bad in (
            (ROWS, {}, ((0, 5, -2), (0, 5, ROWS.flat[4]))),
            (np.where(ROWS == 3, -1, ROWS)[(ROWS[:, :3] != 3).all(axis=1)].astype(np.int32), {"n_items": 12}, ()),
        )
    ),
    *(
        Call("ranking.Rankings.log_likelihood", (ROWS, scores), constructed=1, python_calls=6, bad=((1, 2, np.nan),))
        for scores in (SCORES, 1e3 + 50 * SCORES)
    ),
    Call("ranking.Rankings.gradient", (ROWS, SCORES), constructed=1, python_calls=6, bad=((1, 2, np.inf),)),
    Call(
        "ranking.Rankings.hessian_product", (ROWS, SCORES, VECTOR), constructed=1, python_calls=6, bad=((2, 2, np.nan),)
    ),
]

HELD = "a method of an object that holds its data as checked arrays: there is no border to shorten"
WITHOUT = {
    "ranking.Comparisons.from_matrix": "reads a matrix of counts once, before many fits",
    "ranking.Comparisons.from_frame": "reads a table of a data frame's columns once, before many fits",
    **{f"ranking.Comparisons.{name}": HELD for name in ("to_matrix", "existence")},
    **{f"ranking.RatingFit.{name}": HELD for name in ("predict", "predict_tie", "covariance", "standard_errors")},
    **{f"ranking.RatingFit.{name}": HELD for name in ("interval", "ranks", "rank_interval", "bootstrap", "update")},
    **{f"ranking.Bootstrap.{name}": HELD for name in ("ranks", "covariance", "standard_errors")},
    **{f"ranking.Bootstrap.{name}": HELD for name in ("interval", "rank_interval")},
    "ranking.fit_plackett_luce": "compiled iterations over rankings that are held: there is no border to shorten",
    "ranking.fit_contextual": "iterations of Newton's method with NumPy's linear algebra",
    **{f"ranking.{name}": "iterations of Newton's method in NumPy" for name in ("fit_davidson_luce", "fit_judges")},
    "ranking.krippendorff_alpha": "a coincidence matrix of whole columns, by NumPy",
    "ranking.rank_centrality": "an elimination over a matrix of comparisons that are held",
    "ranking.next_pairs": "a choice among all pairs of a fit, made once for many votes",
}
