"""What the exact laws refuse, and what the message says."""

import numpy as np
import pytest

from alignment_fast.best_of_n import BestOfN

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("p", "reward", "message"),
    [
        ([0.5, -0.1, -0.2], [0.0, 1.0, 2.0], r"p\[1\] = -0.1 is negative"),
        ([0.5, NAN], [0.0, 1.0], r"p\[1\] = nan is NaN"),
        ([0.5, INF], [0.0, 1.0], r"p\[1\] = inf is infinite"),
        ([0.0, 0.0], [0.0, 1.0], r"p has no positive mass"),
        ([[1.0, 1.0], [0.0, 0.0]], [0.0, 1.0], r"p in row 1 has no positive mass"),
        ([[1.0, 1.0], [1.0, -3.0]], [0.0, 1.0], r"p\[1, 1\] = -3.0 is negative"),
        ([[[1.0, 1.0]], [[1.0, -3.0]]], np.zeros((4, 2)), r"p\[1, 0, 1\] = -3.0 is negative"),
        ([0.5, 0.5], [0.0, NAN], r"reward\[1\] = nan is NaN"),
        (None, [[0.0, 0.0], [NAN, 0.0]], r"reward\[1, 0\] = nan is NaN"),
        (np.ones((3, 1, 2)), [[0.0, 0.0], [NAN, 0.0]], r"reward\[1, 0\] = nan is NaN"),
        ([0.5, 0.5], [0.0, 1.0, 2.0], r"p of shape \(2,\) and reward of shape \(3,\) differ"),
        (np.ones((2, 3)), np.ones((4, 3)), r"p of shape \(2, 3\) and reward of shape \(4, 3\) do not broadcast"),
        ([], [], r"p of shape \(0,\) has an empty alphabet"),
        (None, np.ones((3, 0)), r"reward of shape \(3, 0\) has an empty alphabet"),
        (None, 1.0, r"reward must have at least one axis"),
        ([0.5, 0.5], None, r"reward is required"),
    ],
)
def test_bad_laws(p, reward, message):
    with pytest.raises(ValueError, match=message):
        BestOfN(p, reward)


@pytest.mark.parametrize(
    ("logits", "message"),
    [([0.0, NAN], r"p\[1\] = nan"), ([INF, 0.0], r"p\[0\] = inf"), ([-INF, -INF], "p has no positive mass")],
)
def test_bad_logits(logits, message):
    with pytest.raises(ValueError, match=message):
        BestOfN(logits, [0.0, 1.0], log=True)


@pytest.mark.parametrize(
    ("p", "reward", "log", "message"),
    [
        ([1, 2], [0.0, 1.0], True, "p must be floating-point"),
        (["a", "b"], [0.0, 1.0], False, "p must be an array of real numbers"),
        ([0.5, 0.5], [1j, 0.0], False, "reward must be an array of real numbers"),
    ],
)
def test_wrong_kinds(p, reward, log, message):
    with pytest.raises(TypeError, match=message):
        BestOfN(p, reward, log=log)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of n and log_n"),
        ({"n": 2, "log_n": 1.0}, "exactly one of n and log_n, not both"),
        ({"n": 0.5}, r"n = 0.5 is not a finite number >= 1"),
        ({"n": NAN}, r"n = nan"),
        ({"n": INF}, r"n = inf"),
        ({"n": [1, 2, 0]}, r"n\[2\] = 0.0"),
        ({"n": [[1.0, 2.0], [3.0, -1.0]]}, r"n\[1, 1\] = -1.0"),
        ({"n": 10**400}, "n does not fit into a float64"),
        ({"n": 2, "num_threads": 0}, "num_threads must be a positive integer, not 0"),
        ({"log_n": -1e-3}, r"log_n = -0.001 is not a finite number >= 0"),
        ({"log_n": [0.0, NAN]}, r"log_n\[1\] = nan"),
    ],
)
@pytest.mark.parametrize("method", ["kl", "pmf", "kl_estimate", "expected_reward"])
def test_bad_numbers_of_draws(method, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(BestOfN(reward=[0.0, 1.0]), method)(**arguments)


def test_grids_that_do_not_broadcast():
    with pytest.raises(ValueError, match=r"n of shape \(2, 1\) does not broadcast against the leading axes \(3,\)"):
        BestOfN(reward=np.zeros((3, 2))).kl(np.ones((2, 1)))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("KL", {}, "kind must be one of 'reverse_kl', 'chi2', 'tv', 'hellinger2', 'renyi', not 'KL'"),
        ("renyi", {}, "needs order"),
        ("renyi", {"order": NAN}, "order is NaN"),
        ("tv", {"order": 2}, "takes no order"),
    ],
)
def test_bad_divergences(kind, options, message):
    with pytest.raises(ValueError, match=message):
        BestOfN(reward=[0.0, 1.0]).divergence(kind, 2, **options)


def test_results_beyond_reason_are_refused_with_their_size():
    with pytest.raises(ValueError, match=r"result of shape \(3000000, 1000\) has 3e\+09 numbers"):
        BestOfN(reward=np.arange(1000.0)).pmf(np.ones(3_000_000))


@pytest.mark.parametrize("size", [-1, (2, -3)])
def test_negative_sample_sizes(size):
    with pytest.raises(ValueError, match="negative length"):
        BestOfN(reward=[0.0, 1.0]).sample(size, 2, rng=0)


def test_sizes_that_are_no_integers():
    with pytest.raises(TypeError, match=r"size must be an integer or a tuple of integers, not 2\.5"):
        BestOfN(reward=[0.0, 1.0]).sample(2.5, 2, rng=0)


def test_a_bad_generator_is_named_as_the_argument_it_is():
    with pytest.raises(TypeError, match="rng must be None, an int"):
        BestOfN(reward=[0.0, 1.0]).sample(2, 2, rng=1.5)


def test_orders_that_are_no_numbers():
    with pytest.raises(TypeError, match="order must be a real number, not 'two'"):
        BestOfN(reward=[0.0, 1.0]).divergence("renyi", 2, order="two")
