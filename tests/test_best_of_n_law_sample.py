"""Draws from the exact law: the law itself, the streams they come from, their shapes."""

import numpy as np
import pytest
from scipy import stats

from alignment_fast.best_of_n import BestOfN
from alignment_fast.kernels.best_of_n import law as kernel
from alignment_fast.random import Stream
from bounds import bound
from oracles.best_of_n import STORED

SIZE = 200_000


def tied_law():
    rng = np.random.default_rng(0)
    return BestOfN(rng.dirichlet(np.ones(12)), rng.integers(0, 5, 12).astype(float))


@pytest.mark.parametrize("n", [1, 2.5, 40, 1e6])
def test_draws_follow_the_law(n):
    law = tied_law()
    expected = SIZE * law.pmf(n)
    observed = np.bincount(law.sample(SIZE, n, rng=7), minlength=12)
    common = expected > 5
    rare = (observed[~common].sum(), expected[~common].sum())
    observed, expected = np.append(observed[common], rare[0]), np.append(expected[common], rare[1] + 1e-9)
    assert observed[-1] <= 40
    assert stats.chisquare(observed[:-1], expected[:-1] * observed[:-1].sum() / expected[:-1].sum()).pvalue > 1e-4


@pytest.mark.parametrize("row", STORED["order_stat_transform"], ids=lambda row: f"{row['logN']}-{row['U']}")
def test_the_tail_of_the_best_against_stored_values(row):
    """A draw is the group whose tail brackets tau: laws with a step just above and just below the stored tau differ."""
    log_tail, log_n = float(row["log_tail_1_minus_U^{1/N}"]), float(row["logN"])
    chosen = []
    for shift in (bound("best_of_n.draw"), -bound("best_of_n.draw")):
        log_top = log_tail + shift * max(1.0, -log_tail)
        log_p = np.array([np.log(-np.expm1(log_top)), log_top])
        laws, _ = kernel.law_build(log_p[None], np.array([[0.0, 1.0]]), 1, log=True)
        index = np.empty(1, dtype=np.int64)
        laws.draw(*kernel.law_sampler(laws, 0), log_n, True, np.array([float(row["U"]), 0.5]), index)
        chosen.append(int(index[0]))
    assert chosen == [1, 0]


def test_a_draw_depends_on_the_seed_and_its_number_only():
    law = tied_law()
    many = law.sample(150_000, 9, rng=3)
    np.testing.assert_array_equal(law.sample(70_000, 9, rng=3), many[:70_000])
    np.testing.assert_array_equal(law.sample((500, 300), 9, rng=3).reshape(-1), many)
    np.testing.assert_array_equal(law.sample(150_000, 9, rng=3, num_threads=2), many)
    assert np.any(law.sample(1000, 9, rng=4) != many[:1000])


@pytest.mark.parametrize(
    ("p", "n", "size", "shape"),
    [
        ([0.5, 0.5], 2, (), ()),
        ([0.5, 0.5], [2, 3], (), (2,)),
        ([0.5, 0.5], [], 4, (0, 4)),
        (np.ones((3, 2)), [2, 5], (4, 0), (3, 2, 4, 0)),
        (np.ones((3, 2)), np.ones((3, 1)), 6, (3, 1, 6)),
    ],
)
def test_shapes(p, n, size, shape):
    assert BestOfN(p, [0.0, 1.0]).sample(size, n, rng=0).shape == shape


def test_a_draw_is_the_inverse_law_of_two_uniforms_of_the_stream():
    law = BestOfN([0.1, 0.2, 0.3, 0.4], [0.0, 1.0, 1.0, 2.0])
    first, second = Stream(11).uniform((1, 2000)).reshape(-1, 2).T
    cdf = np.searchsorted(np.cumsum([0.1, 0.5, 0.4]), first ** (1 / 3))
    expected = np.where(cdf == 0, 0, np.where(cdf == 2, 3, np.where(second < 0.4, 1, 2)))
    np.testing.assert_array_equal(law.sample(1000, 3, rng=11), expected[:1000])


def test_shapes_are_those_of_the_laws_then_the_grid_then_the_draws():
    batch = BestOfN(reward=np.arange(6.0).reshape(2, 3))
    assert batch.sample(5, 2, rng=0).shape == (2, 5)
    assert batch.sample((4, 5), [2, 3, 4], rng=0).shape == (2, 3, 4, 5)
    assert batch.sample((), 2, rng=0).shape == (2,)
    assert batch.sample(0, 2, rng=0).shape == (2, 0)
    assert batch.sample(5, 2, rng=0).dtype == np.int64


def test_rows_and_grid_points_use_replicates_of_their_own():
    batch = BestOfN(reward=np.zeros((2, 1000)))
    draws = batch.sample(100, [2.0, 3.0], rng=0).reshape(4, 100)
    assert len({row.tobytes() for row in draws}) == 4


def test_impossible_outcomes_are_never_drawn():
    law = BestOfN([0.0, 1.0, 0.0, 1.0, 0.0], [9.0, 1.0, 1.0, 1.0, -1.0])
    assert set(law.sample(1000, 1.0, rng=0)) == {1, 3}


def test_n_beyond_the_range_of_a_double_and_tails_too():
    log_p, reward = [0.0, -990.0, -1010.0], [0.0, 1.0, 2.0]
    law = BestOfN(log_p, reward, log=True)
    observed = np.bincount(law.sample(SIZE, log_n=990.5, rng=5), minlength=3)
    assert stats.chisquare(observed, SIZE * law.pmf(log_n=990.5) + 1e-12).pvalue > 1e-4


@pytest.mark.parametrize("rng", [0, np.random.SeedSequence(5), np.random.default_rng(2), None])
def test_every_kind_of_seed(rng):
    assert tied_law().sample(3, 2, rng=rng).shape == (3,)
