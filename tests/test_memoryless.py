"""Memoryless models: tilts, laws of sums, best-of-n over sequences, against exact values of the ternary example."""

import itertools
import math
import pickle
import re

import numpy as np
import pytest

import alignment_fast as af
from oracles import memoryless as oracle

STORED = oracle.STORED
STATED = {"reward_law": r"every probability to ([\d.e-]+) relative for rewards on a lattice"}
TERNARY = af.memoryless.MemorylessModel([1 / 5, 3 / 10, 1 / 2], [2 / 3, 1 / 9, 2 / 9])
DYADIC = af.memoryless.MemorylessModel([0.2, 0.3, 0.5], [4 / 7, 2 / 7, 1 / 7])  # types of equal reward
# Rewards on a lattice of many letters: too many types to enumerate.
WIDE = af.memoryless.MemorylessModel(np.arange(1, 41), reward=np.arange(40) % 23)


def numbers(texts):
    return [float(text) for text in texts]


# ---- the aligned family ----


@pytest.mark.parametrize("row", STORED["example1_ternary"]["rows"], ids=lambda row: row["delta"])
def test_aligned_policies_of_the_ternary_example(row):
    policy = TERNARY.aligned(float(row["delta"]))
    assert policy.alpha == pytest.approx(float(row["alpha"]), rel=1e-13)
    np.testing.assert_allclose(policy.pi, numbers(row["phi"]), rtol=1e-13)
    assert -policy.expected_reward == pytest.approx(float(row["cross_entropy_H_phi_q"]), rel=1e-13)


def test_beyond_the_largest_divergence_the_policy_is_the_limit():
    assert TERNARY.delta_max == pytest.approx(float(STORED["example1_ternary"]["delta_max"]), rel=1e-15)
    limit = TERNARY.aligned(1.7)
    assert limit.alpha == math.inf
    np.testing.assert_array_equal(limit.pi, [1, 0, 0])
    assert TERNARY.best_of_n(20, delta=1.7).alpha == math.inf
    assert TERNARY.best_of_n(20, delta=1.7).kl_to_aligned == math.inf


# ---- laws of sums ----


@pytest.mark.parametrize("method", ["types", "fft"])
def test_probabilities_and_tails_of_a_lattice_sum(method):
    stored = STORED["lattice_sum"]
    model = af.memoryless.MemorylessModel(stored["weights"], reward=stored["rewards"])
    m = stored["m"] if method == "fft" else 9
    law = model.reward_law(m, method=method)
    counts = oracle.integer_law(stored["weights"], m)
    possible = [s for s, count in enumerate(counts) if count]
    np.testing.assert_allclose(law.support, possible, atol=1e-12)
    expected = [math.log(counts[s]) - m * math.log(27) for s in possible]
    np.testing.assert_allclose(law.log_pmf, expected, rtol=0, atol=2 * law.error_bound)
    assert law.error_bound < 1e-10
    if method == "fft":
        stated = re.search(STATED["reward_law"], " ".join(af.memoryless.MemorylessModel.reward_law.__doc__.split()))
        assert law.error_bound < 2 * float(stated.group(1))
        for level, tail in stored["log_tail_ge"].items():
            found = np.logaddexp.reduce(law.log_pmf[law.support > int(level) - 0.5])
            assert found == pytest.approx(float(tail), rel=1e-12, abs=1e-12)


def test_methods_agree_where_both_can():
    types, fft = (DYADIC.reward_law(60, method=method) for method in ("types", "fft"))
    np.testing.assert_allclose(types.support, fft.support, rtol=1e-14)
    np.testing.assert_allclose(types.log_pmf, fft.log_pmf, rtol=0, atol=types.error_bound + fft.error_bound)
    assert (types.method, fft.method) == ("types", "fft")


def test_letters_that_never_occur_and_letters_of_equal_reward_change_nothing():
    model = af.memoryless.MemorylessModel([0.1, 0.1, 0.3, 0.0, 0.5], reward=[2.0, 2.0, 1.0, 9.0, 0.0])
    plain = af.memoryless.MemorylessModel([0.2, 0.3, 0.5], reward=[2.0, 1.0, 0.0])
    a, b = (each.best_of_n(12, log_n=3.0) for each in (model, plain))
    assert a.expected_reward == pytest.approx(b.expected_reward, rel=1e-14)
    half = b.token_marginal[0] / 2
    np.testing.assert_allclose(a.token_marginal, [half, half, b.token_marginal[1], 0, b.token_marginal[2]], rtol=1e-13)


# ---- best-of-n ----


@pytest.mark.parametrize("row", STORED["ternary_types"], ids=lambda row: f"{row['m']}-{row['logN'][:5]}")
def test_best_of_n_of_the_ternary_example(row):
    m = row["m"]
    law = TERNARY.best_of_n(m, log_n=float(row["logN"]))
    assert law.expected_reward / m == pytest.approx(float(row["E_reward_per_token"]), rel=1e-14)
    assert law.kl_to_reference == pytest.approx(float(row["KL_bon_p"]), rel=1e-13)
    np.testing.assert_allclose(law.token_marginal, numbers(row["E_type"]), rtol=1e-13)
    aligned = TERNARY.aligned(0.11)
    gap = law.kl_to_reference - float(aligned.alpha) * law.expected_reward + m * float(aligned.log_partition)
    assert gap == pytest.approx(float(row["D_bon_phi_delta_0.11"]), rel=1e-12)


@pytest.mark.parametrize(
    ("m", "reward", "kl", "gap"),
    [
        (50, -1.237474571430608, 4.5033738716649671, 0.6898174830415040),
        (100, -1.217850744117566, 9.9995644321466397, 0.9808513236772768),
        (400, -1.1991624053, 44 - 1.0001389120, 1.62396353),
        (1600, -1.1928187329, 176 - 1.0000369836, 2.29870931),
    ],
)
def test_convergence_of_the_ternary_example(m, reward, kl, gap):
    law = TERNARY.best_of_n(m, delta=0.11)
    exact = m <= 100
    assert law.expected_reward / m == pytest.approx(reward, rel=1e-14 if exact else 4e-11)
    assert law.kl_to_reference == pytest.approx(kl, rel=1e-13 if exact else 2e-11)
    assert law.kl_to_aligned == pytest.approx(gap, rel=1e-11 if exact else 4e-9)


@pytest.mark.parametrize("row", STORED["lattice_sum"]["bon"], ids=lambda row: row["delta"])
def test_best_of_n_of_a_lattice_sum(row):
    stored = STORED["lattice_sum"]
    model = af.memoryless.MemorylessModel(stored["weights"], reward=stored["rewards"])
    law = model.best_of_n(stored["m"], delta=float(row["delta"]), method="fft")
    assert abs(law.expected_reward - float(row["E_reward"])) <= law.error_bound + 1e-13
    assert law.error_bound < 1e-10
    assert law.kl_to_reference == pytest.approx(float(row["KL"]), rel=1e-12)


@pytest.mark.parametrize("m", [1, 2, 10, 60, 400])
@pytest.mark.parametrize("delta", [0.0, 0.05, 0.3, 1.0, 5.0])
def test_methods_agree_about_best_of_n(m, delta):
    types, fft = (DYADIC.best_of_n(m, delta=delta, method=method) for method in ("types", "fft"))
    assert abs(types.expected_reward - fft.expected_reward) <= types.error_bound + fft.error_bound + 1e-14 * m
    assert types.kl_to_reference == pytest.approx(fft.kl_to_reference, rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(types.token_marginal, fft.token_marginal, rtol=0, atol=1e-13)


def test_the_paper_s_table_in_rationals():
    """Best of two sequences of two letters: exchangeable, not independent (Table 1)."""
    from fractions import Fraction

    p = [Fraction(1, 5), Fraction(3, 10), Fraction(1, 2)]
    log_rewards = [math.log(6), math.log(1), math.log(2)]
    pi = oracle.best_of_n_sequences(p, log_rewards, 2, 2)
    for name, value in STORED["example2_table1"]["pi"].items():
        assert pi[tuple(map(int, name.split(",")))] == Fraction(value)
    law = af.memoryless.MemorylessModel([0.2, 0.3, 0.5], reward=log_rewards).best_of_n(2, log_n=math.log(2))
    assert law.token_marginal[0] == pytest.approx(
        float(Fraction(STORED["example2_table1"]["marginal_y1_0"])), rel=1e-14
    )


def test_token_marginals_by_enumeration_of_sequences():
    p, reward, m, n = [0.1, 0.2, 0.3, 0.4], [2.0, -1.0, 0.5, 1.5], 5, 7
    pi = oracle.best_of_n_sequences(p, reward, m, n)
    expected = [sum(float(mass) for y, mass in pi.items() if y[0] == v) for v in range(4)]
    law = af.memoryless.MemorylessModel(p, reward=reward).best_of_n(m, log_n=math.log(n))
    np.testing.assert_allclose(law.token_marginal, expected, rtol=1e-12)
    mean = sum(float(mass) * sum(reward[v] for v in y) for y, mass in pi.items())
    assert law.expected_reward == pytest.approx(mean, rel=1e-13)


def test_many_letters_on_a_lattice_take_transforms():
    law = WIDE.best_of_n(300, delta=0.2)
    assert law.method == "fft"
    assert law.error_bound < 1e-9
    assert law.token_marginal.sum() == pytest.approx(1.0, abs=1e-14)
    reward = np.arange(40) % 23
    assert 300 * law.token_marginal @ reward == pytest.approx(law.expected_reward, rel=1e-12)


def test_one_draw_is_the_reference():
    law = TERNARY.best_of_n(30, log_n=0.0)
    np.testing.assert_allclose(law.token_marginal, [0.2, 0.3, 0.5], rtol=1e-13)
    assert law.kl_to_reference == pytest.approx(0.0, abs=1e-14)
    assert law.alpha == 0.0


def test_constant_rewards_leave_the_reference():
    model = af.memoryless.MemorylessModel([0.25, 0.75], reward=[2.0, 2.0])
    law = model.best_of_n(8, log_n=50.0)
    assert (law.expected_reward, law.reward_variance, law.kl_to_reference, law.kl_to_aligned) == (16.0, 0.0, 0.0, 0.0)
    np.testing.assert_array_equal(law.token_marginal, [0.25, 0.75])
    assert model.reward_law(8).support == [16.0]
    assert model.delta_max == 0.0


def test_results_can_be_pickled_and_read():
    law = TERNARY.best_of_n(10, delta=0.11)
    assert "kl_to_reference" in repr(law)
    copy = pickle.loads(pickle.dumps(law))
    assert copy[:4] == law[:4]
    assert "letters=3" in repr(TERNARY)


# ---- bad input ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": [0.5, 0.5]}, "exactly one of q and reward"),
        ({"p": [0.5, 0.5], "q": [0.5, 0.5], "reward": [0.0, 1.0]}, "exactly one of q and reward, not both"),
        ({"p": [0.5, 0.5], "q": [1.0, 0.0]}, r"q\[1\] = 0.0 is zero where p = 0.5"),
        ({"p": [0.5, 0.5], "q": [1.0, -1.0]}, r"q\[1\] = -1.0 is no probability"),
        ({"p": [0.5, 0.5], "q": [math.nan, 1.0]}, r"q\[0\] = nan is no probability"),
        ({"p": [0.5, -0.5], "reward": [0.0, 1.0]}, r"p\[1\] = -0.5 is negative"),
        ({"p": [0.0, 0.0], "reward": [0.0, 1.0]}, "p has no positive mass"),
        ({"p": [0.5, 0.5], "reward": [0.0, math.nan]}, r"reward\[1\] = nan is NaN"),
        ({"p": [0.5, 0.5], "reward": [0.0, math.inf]}, "reward"),
        ({"p": [0.5, 0.5], "reward": [0.0, 1.0, 2.0]}, "differ"),
        ({"p": [[0.5, 0.5]], "reward": [[0.0, 1.0]]}, "p must have one axis"),
    ],
)
def test_bad_models_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        af.memoryless.MemorylessModel(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"m": 0, "delta": 0.1}, "m must be at least 1, got 0"),
        ({"m": 5}, "exactly one of delta and log_n"),
        ({"m": 5, "delta": 0.1, "log_n": 1.0}, "exactly one of delta and log_n, not both"),
        ({"m": 5, "delta": -0.1}, "delta = -0.1 is not"),
        ({"m": 5, "log_n": math.nan}, "log_n = nan is not"),
        (
            {"m": 5, "delta": 0.1, "method": "guess"},
            "method must be one of 'auto', 'types', 'fft', 'saddlepoint', not 'guess'",
        ),
    ],
)
def test_bad_questions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        TERNARY.best_of_n(**arguments)


def test_lengths_are_integers():
    with pytest.raises(TypeError, match=r"m must be an integer, not 2\.5"):
        TERNARY.reward_law(2.5)


def test_lattices_and_types_that_do_not_fit_are_refused_with_their_size():
    fine = af.memoryless.MemorylessModel([0.5, 0.3, 0.2], reward=[0.0, 1.0, 50_021.0])
    with pytest.raises(ValueError, match=r"lattice of 500210001 points.*18\.6 GiB"):
        fine.reward_law(10_000, method="fft")
    with pytest.raises(ValueError, match=r"types.*GiB"):
        WIDE.reward_law(300, method="types")


def test_letters_cannot_be_words():
    with pytest.raises(TypeError, match="p must be real numbers"):
        af.memoryless.MemorylessModel(["a", "b"], reward=[0.0, 1.0])


def test_a_product_of_two_letters_by_hand():
    law = TERNARY.reward_law(2)
    reward = np.log([2 / 3, 1 / 9, 2 / 9])
    p = [0.2, 0.3, 0.5]
    mass = {}
    for a, b in itertools.product(range(3), repeat=2):
        key = round(reward[a] + reward[b], 9)
        mass[key] = mass.get(key, 0.0) + p[a] * p[b]
    np.testing.assert_allclose(np.exp(law.log_pmf), [mass[key] for key in sorted(mass)], rtol=1e-14)
