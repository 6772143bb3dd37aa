"""Functions of other packages beside their fast versions, from lists and from arrays."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from alignment_fast._operations import operations
from alignment_fast.benchmarks.cases import OURS, Case, Contender, Target, each_contender, of_library


def drawn(size, items=100, seed=0):
    """Return (one, other, winner) of random votes; scores have spread 0.7."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0.0, 0.7, items)
    one = rng.integers(0, items, size)
    other = (one + rng.integers(1, items, size)) % items
    won = rng.random(size) < 1 / (1 + np.exp(scores[other] - scores[one]))
    return one, other, np.where(won, 1, 2).astype(np.uint8)


def plain_strengths(wins, sweeps):
    strengths = np.ones(len(wins))
    for _ in range(sweeps):
        for i in range(len(wins)):
            both = strengths[i] + strengths
            strengths[i] = (wins[i] * strengths / both).sum() / (wins[:, i] / both).sum()
        strengths /= np.exp(np.log(strengths).mean())
    return strengths


def tables_case(size=1_000_000, items=100):
    """Matrices of votes, and the strengths that follow from them, beside NumPy."""
    ops = operations("ranking")
    one, other, winner = drawn(size, items)
    places, kinds = (one.astype(np.int32), other.astype(np.int32)), winner.view(np.int8)

    def ours():
        wins, ties, score = np.zeros((items, items)), np.zeros((items, items)), np.ones(items)
        ops.vote_matrices(*places, kinds, None, wins, ties)
        ops.strengths(wins, np.ascontiguousarray(wins.T), 0.0, 5, score)
        return score

    def plain():
        wins = np.zeros((items, items))
        np.add.at(wins, (np.where(winner == 1, one, other), np.where(winner == 1, other, one)), 1.0)
        return plain_strengths(wins, 5)

    expected = plain()

    def right(score):
        np.testing.assert_allclose(score, expected, rtol=1e-10)

    contenders = {OURS: Contender(ours, size, right), "NumPy": Contender(plain, size, right)}
    return Case(f"strengths from votes, K = {items}, M = {size}", contenders)


def host_case(name, size, listed, aims):
    """A function of evalica; without evalica, what it costs here."""
    from alignment_fast.interop import evalica

    one, other, winner = drawn(size)
    labels = [f"m{item}" for item in range(100)]
    data = ([labels[i] for i in one], [labels[i] for i in other], winner.tolist()) if listed else (one, other, winner)

    def right(result):
        assert len(result.scores) == 100

    contenders = {OURS: Contender(lambda: getattr(evalica, name)(*data), size, right)}
    contenders["evalica"] = of_library("evalica", lambda: getattr(import_module("evalica"), name)(*data), size, right)
    group = f"evalica.{name}, {'lists' if listed else 'arrays'}, M = {size}"
    return Case(group, contenders, targets=(Target("evalica", aims),))


def resamples_case(responses=16, size=8):
    """Best and worst of resamples, as verl's validation has them, beside the loop over resamples."""
    from alignment_fast.interop import verl

    data = np.random.default_rng(0).normal(size=responses).tolist()

    def plain():
        np.random.seed(42)  # noqa: NPY002
        objects = np.array(data, dtype=object)
        rows = np.random.choice(responses, size=(1000, size))  # noqa: NPY002
        values = [np.array([function(objects[row]) for row in rows], dtype=float) for function in (np.max, np.min)]
        return [(float(np.mean(one)), float(np.std(one))) for one in values]

    expected = plain()

    def right(result):
        assert result == expected

    contenders = {
        OURS: Contender(lambda: verl.bootstrap_metric(data, size, [np.max, np.min]), 1000, right),
        "loop over resamples": Contender(plain, 1000, right),
    }
    targets = (Target("loop over resamples", 15.0),)
    return Case(f"verl.bootstrap_metric, {size} of {responses}", contenders, targets=targets)


CASES = [tables_case(), resamples_case()]
if find_spec("pandas"):
    CASES += [
        host_case("bradley_terry", 100_000, True, 10.0),
        host_case("bradley_terry", 1_000_000, True, 10.0),
        host_case("bradley_terry", 100_000, False, 60.0),
        host_case("bradley_terry", 1_000_000, False, 200.0),
    ]


@pytest.mark.kernels(
    "ranking.vote_matrices",
    "ranking.vote_points",
    "ranking.strengths",
    "ranking.tied_strengths",
    "ranking.power",
    "ranking.pair_sums",
    "ranking.ep_pass",
)
@each_contender(CASES)
def test_hosts(case, name, timed):
    timed(case, name)
