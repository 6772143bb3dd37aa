"""Options that are words: what is none of the words is an error that names the argument, its value and the words."""

import inspect
import re
from enum import StrEnum
from functools import partial, reduce

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast._border.words import as_word, shown

pytestmark = pytest.mark.same_everywhere

MODULES = ["best_of_n", "dynamics", "information", "memoryless", "pairwise", "policy", "random", "ranking"]
BAD = [
    np.array(["a", "b"]),
    np.zeros(3),
    np.zeros((2, 2)),
    ["mean"],
    [1.0] * 1000,
    {"a": 1},
    {1, 2},
    b"mean",
    3,
    2.5,
    True,
    "no such word",
    "x" * 10_000,
    "",
    float,
]

P = [[0.5, 0.9, 0.3], [0.1, 0.5, 0.7], [0.7, 0.3, 0.5]]
POINT = {"alpha": 0.5, "beta": 1.0, "lam": 0.5}
LETTERS = [0.2, 0.3, 0.5]
VOTES = af.ranking.Comparisons.from_matrix([[0, 3, 2], [1, 0, 2], [2, 1, 0]])
FIT = af.ranking.fit(VOTES)
RANKINGS = af.ranking.fit_plackett_luce([[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]])
MODEL = af.memoryless.MemorylessModel([0.2, 0.8], reward=[0.0, 1.0])
LAW = af.best_of_n.BestOfN(LETTERS, [0.0, 1.0, 2.0])
SCORES = np.arange(12.0).reshape(2, 6)
CURVE = af.best_of_n.proxy_versus_gold(SCORES, SCORES[:, ::-1], [1, 2, 3])


def option(function, *arguments, **options):
    return partial(function, *arguments, **options)


def dynamics(name, *arguments, **options):
    return option(getattr(af.dynamics, name), P, *arguments, **POINT, **options)


# {public name: (option, call without it)}
CALLS = {
    "best_of_n.BestOfN.divergence": [("kind", lambda kind: LAW.divergence(kind, 3))],
    "best_of_n.ProxyVersusGold.fit": [("form", CURVE.fit), ("reward", CURVE.fit)],
    "best_of_n.best_at_k": [("variance", option(af.best_of_n.best_at_k, SCORES, 2))],
    "best_of_n.curve": [
        ("variance", option(af.best_of_n.curve, SCORES)),
        ("estimator", option(af.best_of_n.curve, SCORES)),
    ],
    "best_of_n.extrapolate": [("tail", option(af.best_of_n.extrapolate, SCORES, 9))],
    "best_of_n.fit_overoptimization": [
        ("form", option(af.best_of_n.fit_overoptimization, [0.0, 1.0, 2.0], [0.0, 1.0, 1.5]))
    ],
    "best_of_n.fit_pass_at_k": [("model", option(af.best_of_n.fit_pass_at_k, 4, [0, 1, 3]))],
    "best_of_n.hedge": [("family", option(af.best_of_n.hedge, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]))],
    "best_of_n.majority_at_k": [("variance", option(af.best_of_n.majority_at_k, [["a", "b", "a"]], 2, correct=["a"]))],
    "best_of_n.max_at_k_weights": [("baseline", option(af.best_of_n.max_at_k_weights, [1.0, 2.0, 3.0], 2))],
    "best_of_n.simulate": [
        (name, option(af.best_of_n.simulate, af.best_of_n.Gaussian(), 2, 10, seed=0)) for name in ("method", "device")
    ],
    "dynamics.collapse_rates": [("method", option(af.dynamics.collapse_rates, P, beta=1.0))],
    "dynamics.critical_beta": [("method", option(af.dynamics.critical_beta, P, alpha=0.5, lam=0.5))],
    "dynamics.fixed_point": [("method", dynamics("fixed_point"))],
    "dynamics.lyapunov_exponent": [("method", dynamics("lyapunov_exponent", init=LETTERS, steps=4, burn_in=0))],
    "dynamics.simulate": [("method", dynamics("simulate", init=LETTERS, steps=4))],
    "dynamics.spectral_radius": [("method", dynamics("spectral_radius", np.log(LETTERS)))],
    "dynamics.sweep": [("method", dynamics("sweep", init=LETTERS, steps=4))],
    "dynamics.sweep_blocks": [("method", dynamics("sweep_blocks", init=LETTERS, steps=4))],
    "information.renyi_cross_entropy": [("variant", option(af.information.renyi_cross_entropy, LETTERS, LETTERS, 2.0))],
    "information.renyi_cross_entropy_gradient": [
        ("variant", option(af.information.renyi_cross_entropy_gradient, LETTERS, LETTERS, 2.0))
    ],
    "memoryless.MemorylessModel.best_of_n": [("method", option(MODEL.best_of_n, 3, delta=0.1))],
    "memoryless.MemorylessModel.rate": [("which", option(MODEL.rate, -0.5))],
    "memoryless.MemorylessModel.reward_law": [("method", option(MODEL.reward_law, 3))],
    "memoryless.MemorylessModel.scaled_cumulant": [("which", option(MODEL.scaled_cumulant, 1.0))],
    "pairwise.margin_loss": [
        (name, option(af.pairwise.margin_loss, [1.0, 2.0])) for name in ("loss_type", "reduction")
    ],
    "pairwise.preference_loss": [
        (name, option(af.pairwise.preference_loss, *[np.array([-1.0, -2.0])] * 4))
        for name in ("loss_type", "reduction", "score")
    ],
    "pairwise.unpaired_loss": [
        (name, option(af.pairwise.unpaired_loss, [-1.0], [-2.0], [True], kl=0.0)) for name in ("loss_type", "reduction")
    ],
    "policy.preference_matrix_from_scores": [
        (
            "attribute",
            lambda attribute: af.policy.preference_matrix_from_scores([[1.0, 2.0], [2.0, 1.0]], attribute=attribute),
        )
    ],
    "ranking.Comparisons.existence": [("model", VOTES.existence)],
    **{
        f"ranking.{type(fit).__name__}.{name}": [("kind", getattr(fit, name))]
        for fit in (FIT, RANKINGS)
        for name in ("covariance", "interval", "parameter_errors", "rank_interval", "standard_errors")
    },
    "ranking.fit": [("model", option(af.ranking.fit, VOTES))],
    "ranking.fit_contextual": [("model", option(af.ranking.fit_contextual, [0, 1], [1, 0], [[1.0], [0.5]]))],
    "ranking.fragility": [("kind", option(af.ranking.fragility, VOTES))],
    "ranking.gradient": [("model", option(af.ranking.gradient, [0.0] * 3, VOTES))],
    "ranking.hessian_product": [("model", option(af.ranking.hessian_product, [0.0] * 3, [1.0] * 3, VOTES))],
    "ranking.krippendorff_alpha": [("level", option(af.ranking.krippendorff_alpha, [[1.0, 2.0], [1.0, 1.0]]))],
    "ranking.log_likelihood": [("model", option(af.ranking.log_likelihood, [0.0] * 3, VOTES))],
    "ranking.next_pairs": [("objective", option(af.ranking.next_pairs, FIT, 2))],
    "ranking.rank_sets": [("method", option(af.ranking.rank_sets, FIT))],
}
# Options of the kind that name files, columns, functions or text; frames need a library.
NO_WORDS = {
    "policy.read_scores": {"path", "attributes", "prompt"},
    "ranking.Comparisons.from_frame": {"columns"},
    "ranking.PlackettLuceFit.to_frame": {"kind"},
    "ranking.RatingFit.to_frame": {"kind"},
}
MAY_BE_NONE = ("device", "variance")


def is_word(parameter):
    """Return whether a parameter takes a string."""
    kinds = str(parameter.annotation)
    return isinstance(parameter.default, str) or "Literal[" in kinds or kinds in ("str", "str | None", "Form", str(str))


def words_of(name):
    """Return the parameters of a public function, or of the methods of a class, that take strings, by public name."""
    found = reduce(getattr, name.split("."), af)
    members = {f"{name}.{key}": value for key, value in inspect.getmembers(found, callable) if key[0] != "_"}
    functions = members if inspect.isclass(found) else {name: found}
    for path, function in functions.items():
        if inspect.isfunction(function) or inspect.ismethod(function):
            parameters = inspect.signature(function).parameters.values()
            yield path, {parameter.name for parameter in parameters if is_word(parameter)}


@pytest.mark.parametrize("module", MODULES)
def test_every_option_that_is_a_word_is_in_the_table(module):
    known = NO_WORDS | {name: {option for option, _ in calls} for name, calls in CALLS.items()}
    for public in getattr(af, module).__all__:
        for name, words in words_of(f"{module}.{public}"):
            assert words <= known.get(name, set()), name


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_word_is_named_with_what_is_allowed(name):
    for parameter, call in CALLS[name]:
        for value in BAD if parameter in MAY_BE_NONE else [*BAD, None]:
            with pytest.raises((ValueError, TypeError), match=rf"^{parameter}\b") as caught:
                call(**{parameter: value})
            assert len(str(caught.value)) < 400, parameter
            assert "ambiguous" not in str(caught.value)


def test_kinds_of_studies_are_words():
    for value in BAD:
        with pytest.raises(ValueError, match=r"^there is no template "):
            af.studies.template(value)


def test_words_may_be_strings_of_any_class():
    class Word(StrEnum):
        TV = "tv"

    for word in (np.str_("tv"), Word.TV):
        assert LAW.divergence(word, 3) == LAW.divergence("tv", 3)


@pytest.mark.parametrize("value", [None, ["dpo"], np.array(["dpo"]), b"dpo", 1, "ppo"])
def test_the_error_says_name_words_and_value(value):
    text = f"method must be one of 'ipo', 'dpo', not {shown(value)}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        as_word(value, "method", ("ipo", "dpo"))


def test_long_values_are_shortened_to_one_line():
    assert shown("x" * 1000) == "'" + "x" * 27 + "..." + "x" * 28 + "'"
    assert "\n" not in shown(np.zeros((30, 30)))
