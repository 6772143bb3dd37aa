"""Every public function that takes a number of threads refuses the same numbers, in the same words, on every path."""

import importlib
import inspect

import numpy as np
import pytest

from alignment_fast import best_of_n, memoryless, pairwise, policy, ranking
from alignment_fast import dynamics as dyn
from alignment_fast import information as info
from alignment_fast import random as streams

pytestmark = pytest.mark.same_everywhere

MODULES = ("best_of_n", "dynamics", "information", "memoryless", "pairwise", "policy", "random", "ranking")
BAD = (-5, 0, True, False, 2.5, 1.0, "2", np.float64(2), np.bool_(True), [1], -(2**70))
GOOD = (None, 1, 2, np.int64(3), 2**70)

P, Q, REWARD = np.array([0.2, 0.3, 0.5]), np.array([0.4, 0.4, 0.2]), np.array([2.0, 0.0, 1.0])
LAW = best_of_n.BestOfN(P, REWARD)
LOSSES = {name: np.array([value, 0.5]) for name, value in (("chosen", -1.0), ("rejected", -2.0))}
LOGITS, TOKENS = np.log(np.tile(P, (1, 2, 1))), np.array([[0, 2]])
HIDDEN, WEIGHT = np.ones((1, 2, 2)), np.arange(6.0).reshape(3, 2)
VOTES = ranking.Comparisons([0, 1, 2, 1], [1, 2, 0, 0])
ORDERS = ranking.Rankings([[0, 1, 2], [2, 1, 0], [1, 0, 2]])
SCORES = np.zeros(3)
CYCLE = np.array([[0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.9, 0.1, 0.5]])
ROUNDS = {"alpha": 0.5, "beta": 1.0, "lam": 1.0, "init": P, "steps": 5}
STREAM = streams.Stream(1)
FIT, CHOICE_FIT = ranking.fit(VOTES), ranking.fit_plackett_luce(ORDERS)
COVARIATES = np.array([[1.0], [-1.0], [0.5]])
MATCHES = {"winner": [0, 1, 2], "loser": [1, 2, 0]}

CALLS = {
    "best_of_n.BestOfN": lambda **n: best_of_n.BestOfN(P, REWARD, **n),
    "best_of_n.BestOfN.aligned": lambda **n: LAW.aligned(3, **n),
    "best_of_n.BestOfN.divergence": lambda **n: LAW.divergence("renyi", 3, order=2.0, **n),
    "best_of_n.BestOfN.expected_reward": lambda **n: LAW.expected_reward(3, **n),
    "best_of_n.BestOfN.kl": lambda **n: LAW.kl(3, **n),
    "best_of_n.BestOfN.kl_estimate": lambda **n: LAW.kl_estimate(3, **n),
    "best_of_n.BestOfN.log_pmf": lambda **n: LAW.log_pmf(3, **n),
    "best_of_n.BestOfN.pmf": lambda **n: LAW.pmf(3, **n),
    "best_of_n.BestOfN.reward_variance": lambda **n: LAW.reward_variance(3, **n),
    "best_of_n.BestOfN.sample": lambda **n: LAW.sample(5, 3, rng=0, **n),
    "best_of_n.BestOfN.win_rate": lambda **n: LAW.win_rate(3, **n),
    "best_of_n.best_at_k": lambda **n: best_of_n.best_at_k(np.arange(6.0).reshape(2, 3), [1, 2], **n),
    "best_of_n.curve": lambda **n: best_of_n.curve(np.arange(6.0).reshape(2, 3), [1, 2], **n),
    "best_of_n.hill": lambda **n: best_of_n.hill(np.exp(np.arange(200.0) % 17), **n),
    "best_of_n.max_at_k_weights": lambda **n: best_of_n.max_at_k_weights(np.arange(6.0).reshape(2, 3), 2, **n),
    "best_of_n.simulate": lambda **n: best_of_n.simulate(best_of_n.Gaussian(), 3, 10, seed=0, **n),
    "dynamics.lyapunov_exponent": lambda **n: dyn.lyapunov_exponent(CYCLE, burn_in=1, **ROUNDS, **n),
    "dynamics.simulate": lambda **n: dyn.simulate(CYCLE, **ROUNDS, **n),
    "dynamics.sweep": lambda **n: dyn.sweep(CYCLE, **ROUNDS, **n),
    "dynamics.sweep_blocks": lambda **n: list(dyn.sweep_blocks(CYCLE, **ROUNDS, **n)),
    "information.cross_entropy": lambda **n: info.cross_entropy(P, Q, **n),
    "information.cumulants": lambda **n: info.cumulants(REWARD, p=P, **n),
    "information.entropy": lambda **n: info.entropy(P, **n),
    "information.kl_divergence": lambda **n: info.kl_divergence(P, Q, **n),
    "information.log_mgf": lambda **n: info.log_mgf(REWARD, 1.0, p=P, **n),
    "information.log_mgf_gradient": lambda **n: info.log_mgf_gradient(REWARD, 1.0, p=P, **n),
    "information.rate_function": lambda **n: info.rate_function(REWARD, 1.5, p=P, **n),
    "information.rate_function_gradient": lambda **n: info.rate_function_gradient(REWARD, 1.5, p=P, **n),
    "information.renyi_cross_entropy": lambda **n: info.renyi_cross_entropy(P, Q, 2.0, **n),
    "information.renyi_cross_entropy_gradient": lambda **n: info.renyi_cross_entropy_gradient(P, Q, 2.0, **n),
    "information.renyi_divergence": lambda **n: info.renyi_divergence(P, Q, 2.0, **n),
    "information.renyi_divergence_gradient": lambda **n: info.renyi_divergence_gradient(P, Q, 2.0, **n),
    "information.renyi_entropy": lambda **n: info.renyi_entropy(P, 2.0, **n),
    "information.renyi_entropy_gradient": lambda **n: info.renyi_entropy_gradient(P, 2.0, **n),
    "information.tilted_moments": lambda **n: info.tilted_moments(REWARD, 1.0, p=P, **n),
    "memoryless.MemorylessModel": lambda **n: memoryless.MemorylessModel(P, reward=REWARD, **n).best_of_n(5, log_n=1.0),
    "pairwise.margin_loss": lambda **n: pairwise.margin_loss(np.array([1.0, -1.0]), beta=0.1, **n),
    "pairwise.preference_loss": lambda **n: pairwise.preference_loss(*(np.array([-1.0]),) * 4, **n),
    "pairwise.sequence_logprobs": lambda **n: pairwise.sequence_logprobs(LOGITS, TOKENS, **n),
    "pairwise.sequence_logprobs_grad": lambda **n: pairwise.sequence_logprobs_grad(LOGITS, TOKENS, np.ones(1), **n),
    "pairwise.sequence_logprobs_hidden": lambda **n: pairwise.sequence_logprobs_hidden(HIDDEN, WEIGHT, TOKENS, **n),
    "pairwise.sequence_logprobs_hidden_grad": lambda **n: pairwise.sequence_logprobs_hidden_grad(
        HIDDEN, WEIGHT, TOKENS, np.ones(1), **n
    ),
    "pairwise.unpaired_loss": lambda **n: pairwise.unpaired_loss(
        np.array([-1.0, -2.0]), np.array([-1.5, -1.5]), np.array([True, False]), kl=0.0, **n
    ),
    "policy.kl_constrained": lambda **n: policy.kl_constrained(P, REWARD, 0.1, **n),
    "policy.kl_constrained_gradient": lambda **n: policy.kl_constrained_gradient(P, REWARD, 0.1, **n),
    "policy.optimality_gap": lambda **n: policy.optimality_gap(Q, P, REWARD, 0.1, **n),
    "policy.tilt": lambda **n: policy.tilt(P, REWARD, 1.0, **n),
    "policy.tilt_gradient": lambda **n: policy.tilt_gradient(P, REWARD, 1.0, **n),
    "random.Stream.normal": lambda **n: STREAM.normal((2, 3), **n),
    "random.Stream.uint32": lambda **n: STREAM.uint32((2, 3), **n),
    "random.Stream.uint64": lambda **n: STREAM.uint64((2, 3), **n),
    "random.Stream.uniform": lambda **n: STREAM.uniform((2, 3), **n),
    "ranking.Comparisons": lambda **n: ranking.Comparisons(**MATCHES, **n).cells,
    "ranking.PlackettLuceFit.bootstrap": lambda **n: CHOICE_FIT.bootstrap(2, rng=0, **n),
    "ranking.Rankings.gradient": lambda **n: ORDERS.gradient(SCORES, **n),
    "ranking.Rankings.hessian_product": lambda **n: ORDERS.hessian_product(SCORES, SCORES, **n),
    "ranking.Rankings.log_likelihood": lambda **n: ORDERS.log_likelihood(SCORES, **n),
    "ranking.RatingFit.bootstrap": lambda **n: FIT.bootstrap(2, rng=0, **n),
    "ranking.elo": lambda **n: ranking.elo(**MATCHES, shuffles=2, rng=0, **n),
    "ranking.fit": lambda **n: ranking.fit(VOTES, **n),
    "ranking.fit_contextual": lambda **n: ranking.fit_contextual(
        **MATCHES, covariates=COVARIATES, l2=1.0, gamma_shape=2.0, **n
    ),
    "ranking.fit_plackett_luce": lambda **n: ranking.fit_plackett_luce(ORDERS, **n),
    "ranking.gradient": lambda **n: ranking.gradient(SCORES, VOTES, **n),
    "ranking.hessian_product": lambda **n: ranking.hessian_product(SCORES, SCORES, VOTES, **n),
    "ranking.log_likelihood": lambda **n: ranking.log_likelihood(SCORES, VOTES, **n),
}


def parameters_of(function):
    """Return the names of the arguments of a function; of what does not tell, none."""
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return set()


def takers():
    """Yield the name of every public function, class and method with an argument `num_threads`."""
    for module in MODULES:
        family = importlib.import_module(f"alignment_fast.{module}")
        for name in family.__all__:
            member = getattr(family, name)
            parts = {f"{module}.{name}": member}
            if inspect.isclass(member):
                methods = inspect.getmembers(member, callable)
                parts |= {f"{module}.{name}.{method}": found for method, found in methods if not method.startswith("_")}
            for full, found in parts.items():
                if "num_threads" in parameters_of(found):
                    yield full


def test_every_public_function_with_the_argument_is_in_the_table():
    assert set(takers()) == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_bad_numbers_of_threads_are_refused_in_the_same_words(name):
    for bad in BAD:
        with pytest.raises(ValueError, match=r"^num_threads must be a positive integer, not ") as caught:
            CALLS[name](num_threads=bad)
        assert str(caught.value).endswith(f"not {bad!r}")


@pytest.mark.parametrize("name", CALLS)
def test_good_numbers_of_threads_are_accepted(name):
    for good in GOOD:
        CALLS[name](num_threads=good)
