"""Nothing reaches compiled code around the table of operations of its family.

A public call runs with the family's table replaced by a proxy that counts, while everything callable in the family's
compiled module checks that a call of the proxy is under way. A host algorithm that called the module itself, or a table
taken at import time, would fail here.
"""

import importlib
import types
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast import _operations

ROOT = Path(__file__).parents[1]


def strided(values):
    """Return an array with gaps: small calls of contiguous ones may be one operation, `short_` and their name."""
    return np.repeat(values, 2, axis=-1)[..., ::2]


P, REWARD = strided([0.2, 0.3, 0.5]), strided([3.0, 1.0, 2.0])
MATRIX = strided([[0.5, 0.9, 0.3], [0.1, 0.5, 0.7], [0.7, 0.3, 0.5]])
LOG_P = strided(np.log(np.linspace(0.1, 0.4, 12)))


def fitted():
    items = np.arange(200)  # too many for one operation
    games = af.ranking.Comparisons(items, (items + 1) % 200, tied=items % 7 == 0)
    af.ranking.fit(games, "davidson")


def sampled_law():
    law = af.best_of_n.BestOfN(P.tolist(), REWARD.tolist())
    law.sample(3, [2, 5], rng=1)
    law.kl(3)
    law.kl([2.0, 3.0])
    law.pmf([3])
    law.kl_estimate([3])
    law.aligned(3)


def small_law():
    law = af.best_of_n.BestOfN(P, REWARD)
    law.sample(3, 2, rng=1)
    law.kl(3)
    law.pmf(3)
    law.kl_estimate(3)


def pools():
    scores = strided(np.arange(600.0))
    af.best_of_n.curve(scores)
    af.best_of_n.curve(scores[:9].tolist())
    af.best_of_n.curve(scores, [1, 5], values=scores % 7, variance="jackknife")
    af.best_of_n.pass_at_k(9, [1, 3], 2)


def small_pools():
    af.best_of_n.curve(np.arange(9.0), 3)
    af.best_of_n.pass_at_k(9, 1, 2)


def simulated():
    for method in ("brute", "order"):
        af.best_of_n.simulate(af.best_of_n.Gaussian(), [2, 4], 10, seed=1, method=method)


def losses():
    a = LOG_P
    af.pairwise.preference_loss(a, a[::-1], a, a, grad=True)
    af.pairwise.preference_loss(a, a[::-1], a, a, loss_type="aot", grad=True)
    af.pairwise.margin_loss(a, hess=True)
    af.pairwise.unpaired_loss(a, a, a < -1, kl=0.0)


def sequences():
    logits, tokens = strided(np.log(np.outer(np.ones(2), P))), [0, 2]
    af.pairwise.sequence_logprobs(logits, tokens)
    af.pairwise.sequence_logprobs_grad(logits, tokens)
    af.pairwise.sequence_logprobs_hidden_grad(np.eye(2), np.ones((3, 2)), tokens)


def trajectories():
    options = {"alpha": 0.5, "beta": 1.0, "lam": 0.1, "init": P, "steps": 20}
    af.dynamics.simulate(MATRIX, **options)


def best_of_sequences():
    af.memoryless.MemorylessModel(P, reward=REWARD).best_of_n(6, delta=0.5)


def optima():
    af.policy.classify(MATRIX)
    af.policy.ipo(MATRIX, None, None, 1.0)
    af.policy.dpo(MATRIX, None, None, 1.0)


def streams():
    stream = af.random.Stream(1)
    for fill in (stream.uint32, stream.uint64, stream.uniform, stream.normal):
        fill((2, 5), num_threads=1)
        fill((2, 5))


# (family, device, public calls, operations that these ask for at least)
CALLS = [
    ("special", "cpu", lambda: af.interop.scipy.softmax(np.ones((2, 3)), axis=0), "softmax"),
    ("best_of_n", "cpu", sampled_law, "law_build law_values law_pmf law_kl_estimate law_sampler law_draw"),
    (
        "best_of_n",
        "cpu",
        small_law,
        "short_law_build short_law_values short_law_pmf short_law_kl_estimate short_law_draw",
    ),
    ("best_of_n", "cpu", pools, "pool_arrange pool_means pool_interpolate pool_small_means pool_variances pass_at_k"),
    ("best_of_n", "cpu", small_pools, "short_curve short_pass_at_k"),
    ("best_of_n", "cpu", simulated, "brute order"),
    ("best_of_n", "cpu", lambda: af.best_of_n.continuous.tv([2, 3]), "continuous_values"),
    ("best_of_n", "cpu", lambda: af.best_of_n.continuous.tv(2), "short_continuous"),
    ("best_of_n", "cpu", lambda: af.best_of_n.kl_estimator(0.1, 10), "short_kl_estimator"),
    ("best_of_n", "cpu", lambda: af.best_of_n.kl_estimator([0.1], 10), "kl_estimators"),
    ("common", "cpu", simulated, "add_moments"),
    ("dynamics", "cpu", trajectories, "simulate"),
    ("information", "cpu", lambda: af.information.cumulants(REWARD, 3, p=P), "short_tilted_moments"),
    ("information", "cpu", lambda: af.information.cumulants(REWARD.tolist(), 3, p=P), "tilted_moments"),
    ("information", "cpu", lambda: af.information.kl_divergence(P, P[::-1]), "plain_divergence"),
    ("information", "cpu", lambda: af.information.renyi_entropy(P, [0.5, 2.0]), "exponential_mean"),
    ("information", "cpu", lambda: af.policy.tilt(P, REWARD, 1.0), "short_tilt"),
    ("information", "cpu", lambda: af.policy.tilt(P.tolist(), REWARD, 1.0), "tilts"),
    ("memoryless", "cpu", best_of_sequences, "types sort types_means"),
    ("pairwise", "cpu", losses, "evaluate sorted_differences scattered"),
    ("pairwise", "cpu", sequences, "token_logprobs logit_gradients"),
    ("policy", "cpu", optima, "axioms rewards tilted"),
    ("random", "cpu", streams, "fill_words fill_uniforms short_words short_normals"),
    ("ranking", "cpu", fitted, "compress reach completed problem evaluate prior"),
]


class CountingTable:
    """A table that counts the calls of its functions, and knows whether one is under way in any thread."""

    def __init__(self, table):
        self.table, self.calls, self.depth = table, Counter(), 0

    def __getattr__(self, name):
        value = getattr(self.table, name)
        if name not in self.table.__all__:
            raise AttributeError(f"{name} is not offered by {self.table.__name__}")
        if isinstance(value, type) or not callable(value):
            return value

        def counted(*arguments, **options):
            self.calls[name] += 1
            self.depth += 1
            if not isinstance(value, types.FunctionType):  # compiled: takes compiled objects as they are
                arguments = tuple(map(bare, arguments))
            try:
                return value(*arguments, **options)
            finally:
                self.depth -= 1

        return counted


class Guarded:
    """An object of a compiled class whose methods are for the table alone."""

    def __init__(self, inner, check):
        self.inner, self.check = inner, check

    def __getattr__(self, name):
        value = getattr(self.inner, name)
        return guarded(value, f"{type(self.inner).__name__}.{name}", self.check) if callable(value) else value


def bare(value):
    return value.inner if isinstance(value, Guarded) else value


def guarded(function, name, check):
    """Return `function`, a function or a class of a compiled module, with the check before every call."""

    def call(*arguments, **options):
        check(name)
        result = function(*map(bare, arguments), **{key: bare(value) for key, value in options.items()})
        return Guarded(result, check) if isinstance(function, type) else result

    return call


@pytest.fixture
def seam(monkeypatch):
    """Return a function that puts a counting table in the place of a family's, and guards its compiled module."""

    def replace(family, device):
        table = CountingTable(_operations.operations(family, device))
        monkeypatch.setitem(_operations._loaded, (family, device), table)

        def check(name):
            assert table.depth, f"{family}.cpu.{name} is called around the table of operations"

        module = importlib.import_module(f"alignment_fast.kernels.{family}.cpu")
        for name, value in list(vars(module).items()):
            if callable(value) and not name.startswith("_") and not isinstance(value, types.ModuleType):
                monkeypatch.setattr(module, name, guarded(value, name, check))
        return table

    return replace


@pytest.mark.parametrize(
    ("family", "device", "call", "operations"),
    CALLS,
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", None),
)
def test_public_calls_go_through_the_table(family, device, call, operations, seam):
    table = seam(family, device)
    call()
    assert table.calls
    assert set(operations.split()) <= set(table.calls)
    assert table.depth == 0


def test_a_call_around_the_table_is_seen(seam):
    seam("random", "cpu")
    cpu = importlib.import_module("alignment_fast.kernels.random.cpu")
    with pytest.raises(AssertionError, match="around the table"):
        cpu.uint32(1, 0, 0, np.empty((1, 2), dtype=np.uint32), 0, 1)


def test_methods_of_compiled_objects_are_guarded(seam):
    table = seam("best_of_n", "cpu")
    laws, _ = table.law_build(np.full((1, 3), 1 / 3), np.array([[3.0, 1.0, 2.0]]), 1, log=False)
    with pytest.raises(AssertionError, match=r"Laws\.build"):
        laws.build(np.full((1, 3), 1 / 3), np.ones((1, 3)), False, 0, 1, np.empty((1, 2), dtype=np.uint64))


def test_every_family_is_called():
    assert {file.parent.name for file in (ROOT / "kernels").glob("*/cpu.pyx")} == {family for family, *_ in CALLS}


@pytest.mark.parametrize("family", sorted({family for family, *_ in CALLS}))
def test_a_table_offers_what_it_lists(family):
    table = _operations.operations(family)
    assert len(set(table.__all__)) == len(table.__all__)
    assert all(hasattr(table, name) for name in table.__all__)
