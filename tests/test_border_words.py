"""Options that are words or flags: what is none is an error that names the argument, its value and what it takes."""

import inspect
import re
from enum import StrEnum
from functools import partial, reduce

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast._border.scalars import as_flag
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


LOGITS, TOKENS = np.zeros((2, 3)), np.array([0, 2])
PAIRS = [np.array([-1.0, -2.0])] * 4
AT_HOME = af.ranking.Comparisons([0, 1, 0, 1], [1, 0, 1, 0], home=[1, 1, -1, -1])
# {public name: (call with an option, the options that are True or False)}
FLAGS = {
    "best_of_n.BestOfN": (option(af.best_of_n.BestOfN, LETTERS, [0.0, 1.0, 2.0]), ["log"]),
    "best_of_n.Table": (option(af.best_of_n.Table, LETTERS, [0.0, 1.0, 2.0]), ["log"]),
    "best_of_n.kl_estimator": (option(af.best_of_n.kl_estimator, 1.0, 2), ["log"]),
    "best_of_n.simulate": (option(af.best_of_n.simulate, af.best_of_n.Uniform(), 2, 10, seed=0), ["return_maxima"]),
    "best_of_n.worst_of_n": (option(af.best_of_n.worst_of_n, LETTERS, [0.0, 1.0, 2.0], 2), ["log"]),
    **{
        f"information.{name}": (option(getattr(af.information, name), *arguments), options)
        for name, arguments, options in (
            ("cross_entropy", (LETTERS, LETTERS), ["log", "normalize_q"]),
            ("cumulants", (LETTERS,), ["log"]),
            ("entropy", (LETTERS,), ["log"]),
            ("kl_divergence", (LETTERS, LETTERS), ["log", "normalize_q"]),
            ("log_mgf", (LETTERS, 1.0), ["log"]),
            ("log_mgf_gradient", (LETTERS, 1.0), ["log"]),
            ("markov_renyi_cross_entropy_rate", (np.full((2, 2), 0.5), np.full((2, 2), 0.5), 2.0), ["normalize_q"]),
            ("rate_function", (LETTERS, 0.4), ["log"]),
            ("rate_function_gradient", (LETTERS, 0.4), ["log"]),
            ("renyi_cross_entropy", (LETTERS, LETTERS, 2.0), ["log", "normalize_q"]),
            ("renyi_cross_entropy_gradient", (LETTERS, LETTERS, 2.0), ["log"]),
            ("renyi_divergence", (LETTERS, LETTERS, 2.0), ["log", "normalize_q"]),
            ("renyi_divergence_gradient", (LETTERS, LETTERS, 2.0), ["log"]),
            ("renyi_entropy", (LETTERS, 2.0), ["log"]),
            ("renyi_entropy_gradient", (LETTERS, 2.0), ["log"]),
            ("tilted_moments", (LETTERS, 1.0), ["log"]),
        )
    },
    "pairwise.margin_loss": (option(af.pairwise.margin_loss, [1.0, 2.0]), ["grad", "hess"]),
    "pairwise.preference_loss": (option(af.pairwise.preference_loss, *PAIRS), ["grad", "metrics"]),
    "pairwise.sequence_logprobs": (
        option(af.pairwise.sequence_logprobs, LOGITS, TOKENS),
        ["average", "return_log_partition"],
    ),
    "pairwise.sequence_logprobs_grad": (option(af.pairwise.sequence_logprobs_grad, LOGITS, TOKENS), ["average"]),
    "pairwise.sequence_logprobs_hidden": (
        option(af.pairwise.sequence_logprobs_hidden, np.eye(2), np.eye(3, 2), TOKENS),
        ["average"],
    ),
    "pairwise.sequence_logprobs_hidden_grad": (
        option(af.pairwise.sequence_logprobs_hidden_grad, np.eye(2), np.eye(3, 2), TOKENS),
        ["average"],
    ),
    "pairwise.unpaired_loss": (option(af.pairwise.unpaired_loss, [-1.0], [-2.0], [True], kl=0.0), ["grad"]),
    "policy.is_row_dominant": (option(af.policy.is_row_dominant, P), ["strict"]),
    "policy.is_strongly_transitive": (option(af.policy.is_strongly_transitive, P), ["strict"]),
    "policy.kl_constrained": (option(af.policy.kl_constrained, LETTERS, LETTERS, 0.1), ["log"]),
    "policy.kl_constrained_gradient": (option(af.policy.kl_constrained_gradient, LETTERS, LETTERS, 0.1), ["log"]),
    "policy.kl_estimator_moments": (option(af.policy.kl_estimator_moments, LETTERS, LETTERS), ["log"]),
    "policy.optimality_gap": (option(af.policy.optimality_gap, LETTERS, LETTERS, LETTERS, 0.1), ["log"]),
    "policy.tilt": (option(af.policy.tilt, LETTERS, LETTERS, 1.0), ["log"]),
    "policy.tilt_gradient": (option(af.policy.tilt_gradient, LETTERS, LETTERS, 1.0), ["log"]),
    "ranking.Comparisons.existence": (AT_HOME.existence, ["home"]),
    "ranking.Comparisons.from_frame": (
        option(af.ranking.Comparisons.from_frame, {"winner": ["a", "b"], "loser": ["b", "a"]}),
        ["home"],
    ),
    "ranking.Rankings": (option(af.ranking.Rankings, [[0, 1], [1, 0]]), ["top"]),
    "ranking.fit": (option(af.ranking.fit, AT_HOME), ["bias_reduction", "home"]),
    "ranking.fit_judges": (
        option(af.ranking.fit_judges, AT_HOME, judge=np.zeros(4, dtype=int), l2=1.0),
        ["position"],
    ),
    "ranking.fit_plackett_luce": (option(af.ranking.fit_plackett_luce, [[0, 1], [1, 0]]), ["top"]),
    "ranking.rank_sets": (option(af.ranking.rank_sets, FIT), ["simultaneous"]),
}
TRUTH_VALUES = (True, False, 1, np.True_, np.array(True))


def flags_of(name):
    """Return the parameters of a public function, or of a class and its methods, that are True or False, by name."""
    found = reduce(getattr, name.split("."), af)
    if not callable(found) or (inspect.isclass(found) and issubclass(found, Exception)):
        return
    methods = {f"{name}.{key}": value for key, value in inspect.getmembers(found, callable) if key[0] != "_"}
    for path, function in {name: found, **(methods if inspect.isclass(found) else {})}.items():
        if inspect.isroutine(function) or path == name:
            parameters = inspect.signature(function).parameters.values()
            yield path, {parameter.name for parameter in parameters if isinstance(parameter.default, bool)}


# Records, whose fields this library fills in itself.
RECORDS = {"pairwise.LossType", "ranking.Existence", "ranking.JudgeFit"}


@pytest.mark.parametrize("module", MODULES)
def test_every_option_that_is_true_or_false_is_in_the_table(module):
    for public in getattr(af, module).__all__:
        for name, flags in flags_of(f"{module}.{public}"):
            assert flags == set(FLAGS.get(name, (None, ()))[1]) or name in RECORDS, name


@pytest.mark.parametrize("name", FLAGS)
def test_what_is_no_truth_value_is_named(name):
    call, options = FLAGS[name]
    for parameter in options:
        for value in (np.array([True, False]), np.zeros(3), [True], "no", "", None, 2, 2**70, 1.0, np.nan, object()):
            with pytest.raises(TypeError, match=rf"^{parameter} must be True or False, not "):
                call(**{parameter: value})


def test_flags_may_be_of_any_library():
    assert [as_flag(value, "log") for value in TRUTH_VALUES] == [True, False, True, True, True]
    for log in TRUTH_VALUES[1:]:
        assert af.information.entropy(np.array(LETTERS), log=log) == af.information.entropy(LETTERS, log=bool(log))


def test_kinds_of_studies_are_words():
    for value in BAD:
        with pytest.raises(ValueError, match=r"^kind must be one of "):
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
