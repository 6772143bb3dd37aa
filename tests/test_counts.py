"""Counts that are absurd: one error that names the argument, at once, before any work or memory."""

import numpy as np
import pytest

from alignment_fast import best_of_n, dynamics, information, memoryless, policy, random, ranking
from alignment_fast._border import scalars

pytestmark = pytest.mark.same_everywhere

P = np.array([[0.5, 0.9, 0.25], [0.1, 0.5, 0.8], [0.75, 0.2, 0.5]])
POINT = {"alpha": 0.5, "beta": 1.0, "lam": 1.0, "init": np.ones(3)}
LAW = best_of_n.BestOfN([0.2, 0.8], [0.0, 1.0])
MODEL = memoryless.MemorylessModel([0.2, 0.3, 0.5], [6.0, 1.0, 2.0])
WINNER, LOSER = np.array([0, 1, 2, 0, 1, 2]), np.array([1, 2, 0, 2, 0, 1])
VOTES, ROWS = ranking.Comparisons(WINNER, LOSER), np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])
STREAM = random.Stream(7)

COUNTS = {
    "replicates": lambda count: best_of_n.simulate(best_of_n.Gaussian(), 10, count, seed=1),
    "size": lambda count: LAW.sample(count, 3, rng=1),
    "size of two axes": lambda count: LAW.sample((2, count), 3, rng=1),
    "n": lambda count: ranking.fit(VOTES).bootstrap(count, rng=1),
    "n of rankings": lambda count: ranking.fit_plackett_luce(ROWS).bootstrap(count, rng=1),
    "max_iter": lambda count: ranking.fit(VOTES, max_iter=count),
    "max_iter of rankings": lambda count: ranking.fit_plackett_luce(ROWS, max_iter=count),
    "max_iter of contextual": lambda count: ranking.fit_contextual(WINNER, LOSER, P[WINNER], max_iter=count),
    "shuffles": lambda count: ranking.elo(WINNER, LOSER, shuffles=count, rng=1),
    "n_items": lambda count: ranking.Comparisons(WINNER, LOSER, n_items=count),
    "n_items of rankings": lambda count: ranking.Rankings(ROWS, n_items=count),
    "n_items of a matrix": lambda count: policy.preference_matrix(WINNER, LOSER, count),
    "shape": lambda count: STREAM.uniform(count),
    "shape of two axes": lambda count: STREAM.normal((2, count)),
    "steps": lambda count: dynamics.simulate(P, steps=count, **POINT),
    "steps of a sweep": lambda count: dynamics.sweep(P, steps=count, **POINT),
    "steps of an exponent": lambda count: dynamics.lyapunov_exponent(P, steps=count, **POINT),
    "m": lambda count: MODEL.reward_law(count),
    "m of best_of_n": lambda count: MODEL.best_of_n(count, delta=0.1),
    "m of bounds": lambda count: MODEL.reward_bounds(count, log_n=3.0),
    "size of sequences": lambda count: MODEL.sample_sequences(10, count, log_n=2.0, rng=1),
    "draws": lambda count: MODEL.tail_probability(10, -10.0, count, rng=1),
    "order": lambda count: information.cumulants([1.0, 2.0], count),
}
each_count = pytest.mark.parametrize("name", COUNTS)


@pytest.mark.parametrize("count", [2**63, 10**19, 10**40], ids=["2^63", "1e19", "1e40"])
@each_count
def test_an_absurd_count_is_refused_by_the_name_of_its_argument(name, count):
    with pytest.raises(ValueError, match=rf"\b{name.split()[0]}\b"):
        COUNTS[name](count)


@pytest.mark.parametrize("count", [1e19, 2.5, np.inf, np.nan, "3", None])
@each_count
def test_what_is_no_count_is_refused_by_the_name_of_its_argument(name, count):
    if count is None and name in ("n_items", "n_items of rankings", "shuffles"):
        pytest.skip("there is a default")
    with pytest.raises((TypeError, ValueError), match=rf"\b{name.split()[0]}\b"):
        COUNTS[name](count)


@pytest.mark.parametrize("number", [1, np.int64(1), np.uint8(1)])
def test_integers_of_any_kind_are_counts(number):
    assert scalars.as_count(number, "n") == 1


@pytest.mark.parametrize("number", [True, np.True_, 1.0, "1", [1]])
def test_what_only_looks_like_an_integer_is_no_count(number):
    with pytest.raises(TypeError, match="n must be an integer, not"):
        scalars.as_count(number, "n")
