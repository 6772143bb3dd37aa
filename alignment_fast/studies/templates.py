"""Commented specs to begin with, one for each kind of estimand."""

from __future__ import annotations

from alignment_fast._border.words import as_word
from alignment_fast.studies.errors import SpecError

__all__ = ["KINDS", "template"]

_HEAD = """\
# A study of alignment_fast. Check it:  alignment-fast study validate FILE
#                            What it takes:  alignment-fast study plan FILE
#                            Run, or go on:  alignment-fast study run FILE --store study.db
name = "{name}"
seed = 0                    # every number follows from it: cells and replicates have addresses
level = 0.95                # of the intervals in the table
"""

_REPLICATES = """\
replicates = {replicates}        # of each cell; or, in its place, a target:
# [target]
# standard_error = 0.001    # of every column, or of `column = "reward"`; `relative = true`: divided by the mean
# at_most = 10_000_000      # replicates of a cell
"""

_OUTCOMES = """
[[source]]                  # any number of them; kinds: table, outcomes, pool, gaussian, uniform, quantile, memoryless
kind = "outcomes"           # for a file: kind = "table", file = "letters.csv", p = "frequency", reward = "reward"
p = [0.5, 0.3, 0.15, 0.05]
reward = [0.0, 1.0, 2.0, 4.0]
"""

_PREFERENCES = """
[[source]]                  # kinds: preferences (P = [[...]]), matrix (file = "P.csv"), random_preferences
kind = "random_preferences" # a new matrix for every replicate
responses = 4
law = "uniform"             # or "bradley-terry" with normal strengths of deviation `scale`
"""

_TEMPLATES = {
    "best_of_n": (
        "best-of-n",
        1_000_000,
        _OUTCOMES
        + """
[[source]]
kind = "gaussian"

[[estimand]]                # of every source that fits; `source = ["gaussian"]` chooses
kind = "best_of_n"          # columns reward, kl, win_rate
quantiles = [0.05, 0.95]    # of every column, from sketches with a relative error of 0.4 %
grid.n = [1, 4, 16, 64, 256, 1e6]   # a list for each parameter: all combinations
""",
    ),
    "soft_best_of_n": (
        "soft-best-of-n",
        200_000,
        _OUTCOMES
        + """
[[estimand]]
kind = "soft_best_of_n"     # one of n draws, taken with weight exp(reward / temperature)
grid.n = [4, 16]
grid.temperature = [0.1, 0.3, 1.0]
""",
    ),
    "tilted": (
        "tilted",
        20_000,
        _OUTCOMES
        + """
[[estimand]]
kind = "tilted"             # the policy p e^(alpha r) as samples of the reference estimate it, beside the exact figures
grid.alpha = [0.5, 1.0, 2.0]
grid.samples = [16, 64, 256]
""",
    ),
    "dynamics": (
        "dynamics",
        50_000,
        _PREFERENCES
        + """
[[estimand]]
kind = "dynamics"           # iterated preference optimisation from random policies
method = "ipo"              # or "dpo"
steps = 300
burn_in = 200
lam = 1.0
[[estimand.zip]]            # lists that go side by side
alpha = [0.5, 0.9, 0.95]
beta = [4.0, 4.0, 8.0]
""",
    ),
    "rating_bootstrap": (
        "ratings",
        10_000,
        """
[[source]]
kind = "votes"
file = "votes.csv"          # columns as for `alignment-fast rank`; name them here if they are not guessed:
# first = "model_a"
# second = "model_b"
# outcome = "winner"

[[estimand]]
kind = "rating_bootstrap"   # a column for each item
model = "bradley-terry"     # thurstone, stern, rao-kupper, davidson
quantiles = [0.025, 0.975]
""",
    ),
    "coverage_of_mean": (
        "coverage-of-means",
        100_000,
        _OUTCOMES
        + """
[[estimand]]
kind = "coverage_of_mean"   # how often Student's interval of a mean of best-of-n rewards covers the true mean
level = 0.95
n = 4
grid.samples = [8, 32, 128]
""",
    ),
    "coverage_of_ratings": (
        "coverage-of-ratings",
        4_000,
        """
[[source]]
kind = "strengths"
scores = [0.0, 0.3, 0.6, 1.0]   # true ones, in logits

[[estimand]]
kind = "coverage_of_ratings"    # how often the intervals of fitted scores cover them
level = 0.95
grid.votes_per_pair = [20, 100]
""",
    ),
    "user": (
        "my-study",
        20_000,
        """
# A module my_study.py beside this file:
#
#     def generate(parameters, rng):        # rng: the numpy generator of one replicate
#         return rng.normal(parameters["centre"], 1.0, size=parameters["size"])
#
#     def analyse(parameters, data):        # a number, or a dictionary of them; truth values count as shares
#         return {"mean": data.mean(), "median": float(sorted(data)[len(data) // 2])}
#
#     def summarise(parameters, summary):   # further figures of a cell, from the statistics of its columns
#         return {"efficiency": summary["mean"]["variance"] / summary["median"]["variance"]}

[[estimand]]
kind = "user"
generate = "my_study:generate"
analyse = "my_study:analyse"
summarise = "my_study:summarise"
centre = 0.0
grid.size = [11, 101]
""",
    ),
}
KINDS = tuple(_TEMPLATES)


def template(kind: str) -> str:
    """Return a commented spec, in TOML, for one kind of estimand; it takes seconds to run.

    Examples
    --------
    >>> from alignment_fast.studies import template
    >>> print(template("tilted").splitlines()[3])
    name = "tilted"

    """
    try:
        as_word(kind, "kind", _TEMPLATES)
    except ValueError as error:
        raise SpecError(str(error)) from None
    name, replicates, rest = _TEMPLATES[kind]
    return _HEAD.format(name=name) + _REPLICATES.format(replicates=f"{replicates:_}") + rest
