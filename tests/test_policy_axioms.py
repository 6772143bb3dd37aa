"""Axioms on preference matrices, against all subsets, orders and sequences of a few responses."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from oracles import policy as oracle

RPS = np.array([[0.5, 0.75, 0.25], [0.25, 0.5, 0.75], [0.75, 0.25, 0.5]])
CHAIN = np.array([[0.5, 0.6, 0.8], [0.4, 0.5, 0.7], [0.2, 0.3, 0.5]])


@st.composite
def coarse_preferences(draw, max_size=5):
    """Preferences in steps of 1/8: ties and equal rows are common, sums are exact."""
    K = draw(st.integers(1, max_size))
    eighths = draw(hnp.arrays(np.int64, (K, K), elements=st.integers(0, 8)))
    upper = np.triu(eighths, 1)
    return (upper + np.tril(8 - upper.T, -1) + 4 * np.eye(K)) / 8


def all_integer_differences():
    """P_ij = σ(d_ij) for all 9^6 choices of d_ij in −4..4 over the six pairs of four responses."""
    differences = np.stack(np.meshgrid(*[np.arange(-4.0, 5.0)] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    first, second = np.triu_indices(4, 1)
    P = np.full((len(differences), 4, 4), 0.5)
    P[:, first, second] = 1 / (1 + np.exp(-differences))
    P[:, second, first] = 1 / (1 + np.exp(differences))  # σ(−d): not 1 − σ(d) to the last bit
    return P


@pytest.mark.optimised
def test_all_integer_differences_are_counted():
    P = all_integer_differences()
    expected = oracle.FILE["enumerate_k4_integer_differences"]["expected"]
    classes = af.policy.classify(P)
    untied = (P == 0.5).sum(axis=(1, 2)) == 4
    assert len(P) == expected["N"]
    assert (~untied).sum() == expected["has_tie"]
    assert (classes.condorcet_winner >= 0).sum() == expected["condorcet_winner"]
    assert (classes.cycles > 0).sum() == expected["has_strict_3cycle"]
    assert classes.cyclic.sum() == expected["has_strict_cycle_any"]
    assert (classes.cyclic & (classes.cycles == 0)).sum() == expected["strict_4cycle_without_3cycle"]
    assert classes.row_dominant.sum() == expected["weak_row_dominance"]
    assert af.policy.is_row_dominant(P, strict=True).sum() == expected["strict_row_dominance"]
    assert classes.strongly_transitive.sum() == expected["sst_weak"]
    assert (classes.strongly_transitive & untied).sum() == expected["sst_no_ties"]
    assert (untied & ~classes.cyclic).sum() == expected["strict_total_order"]
    sizes = np.bincount(classes.smith_size, minlength=5)
    assert {str(size): int(sizes[size]) for size in range(1, 5)} == expected["smith_size"]


@given(coarse_preferences())
def test_axioms_are_their_definitions(P):
    smith = af.policy.smith_set(P)
    np.testing.assert_array_equal(smith, oracle.smith_set(P))
    assert af.policy.condorcet_winner(P) == (np.argmax(smith) if smith.sum() == 1 else -1)
    for strict in (False, True):
        assert af.policy.is_row_dominant(P, strict=strict) == oracle.has_dominance_order(P, strict)
        assert af.policy.is_strongly_transitive(P, strict=strict) == oracle.is_strongly_transitive(P, strict)
    assert af.policy.count_cycles(P) == oracle.cyclic_triples(P)
    assert af.policy.classify(P).cyclic == oracle.is_cyclic(P)


@given(coarse_preferences(), st.randoms(use_true_random=False))
def test_axioms_do_not_depend_on_the_names_of_responses(P, random):
    order = random.sample(range(len(P)), len(P))
    renamed = P[np.ix_(order, order)]
    np.testing.assert_array_equal(af.policy.smith_set(renamed), af.policy.smith_set(P)[order])
    before, after = af.policy.classify(P), af.policy.classify(renamed)
    assert before._replace(condorcet_winner=0) == after._replace(condorcet_winner=0)


@pytest.mark.parametrize("K", [6, 41])
def test_cycles_with_and_without_ties_are_counted_alike(K):
    P = oracle.random_preferences(np.random.default_rng(K), K)
    without = af.policy.count_cycles(P)
    beats = P > 0.5
    assert without == np.trace(np.linalg.matrix_power(beats.astype(np.int64), 3)) // 3
    P[0, 1:], P[1:, 0] = 1.0, 0.0  # the first response is in no cycle, and ties none
    with_ties = P.copy()
    with_ties[0, 1:], with_ties[1:, 0] = 0.5, 0.5
    assert af.policy.count_cycles(with_ties) == af.policy.count_cycles(P) <= without


@pytest.mark.parametrize("seed", range(5))
def test_rounding_errors_are_no_differences(seed):
    """σ(d) and 1 − σ(−d) differ in the last bit: rows that are equal on paper stay equal."""
    rewards = np.random.default_rng(seed).permutation([2.0, 2.0, 1.0, -1.0, -1.0])
    P = oracle.bradley_terry(rewards)
    lower = np.tril_indices(5, -1)
    P[lower] = 1 - P.T[lower]
    assert af.policy.is_row_dominant(P)
    assert af.policy.is_strongly_transitive(P)
    assert not af.policy.is_strongly_transitive(P, strict=True)


def test_a_dominating_row_whose_sum_rounds_to_the_same_comes_first():
    P = np.full((3, 3), 0.5)
    P[0, 2], P[2, 0] = 0.5 + 2**-39, 0.5 - 2**-39
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        assert af.policy.is_row_dominant(P[np.ix_(order, order)])


def test_bradley_terry_is_strongly_transitive():
    P = oracle.bradley_terry(np.array([1.5, 0.5, -0.3, -1.2]))
    assert af.policy.is_strongly_transitive(P, strict=True)
    assert af.policy.is_row_dominant(P, strict=True)


# ---- rankings ----


def test_fixed_sampling_violates_condorcet():
    vector = oracle.FILE["condorcet_violation_k3"]
    P, expected = vector["inputs"]["P"], vector["expected"]
    optimum = af.policy.ipo(P, vector["inputs"]["mu"], None, 1.0)
    np.testing.assert_allclose(optimum.scores, expected["scores"], rtol=1e-15)
    assert np.argmax(optimum.log_pi) == expected["top"]
    assert af.policy.condorcet_winner(P) == expected["condorcet_winner"]
    np.testing.assert_array_equal(np.flatnonzero(af.policy.smith_set(P)), expected["smith_set"])
    assert not af.policy.is_condorcet_top(P, optimum.log_pi)
    assert not af.policy.is_smith_top(P, optimum.log_pi)


@pytest.mark.parametrize(
    ("P", "scores", "condorcet", "smith", "order"),
    [
        (CHAIN, [3.0, 2.0, 1.0], True, True, True),
        (CHAIN, [3.0, 1.0, 2.0], True, True, False),
        (CHAIN, [2.0, 2.0, 1.0], False, False, False),
        (CHAIN, [1.0, 2.0, 0.0], False, False, False),
        (RPS, [1.0, 2.0, 0.0], True, True, False),  # no winner to put on top, everyone in the Smith set
        (np.full((2, 2), 0.5), [1.0, 1.0], True, True, True),
    ],
)
def test_what_rankings_keep(P, scores, condorcet, smith, order):
    assert af.policy.is_condorcet_top(P, scores) == condorcet
    assert af.policy.is_smith_top(P, scores) == smith
    assert af.policy.is_order_preserving(P, scores) == order


@given(coarse_preferences(), st.integers(0, 2**32 - 1))
def test_row_dominance_keeps_the_order_under_every_sampler(P, seed):
    if af.policy.is_row_dominant(P, strict=True):
        mu = np.random.default_rng(seed).dirichlet(np.full(len(P), 0.3))
        assert af.policy.is_order_preserving(P, af.policy.ipo(P, mu, None, 1.0).log_pi)


# ---- shapes ----


def test_leading_axes():
    P = oracle.random_preferences(np.random.default_rng(2), 4, (5, 6))
    scores = np.random.default_rng(3).normal(size=(6, 4))
    functions = {
        name: getattr(af.policy, name)
        for name in ("condorcet_winner", "smith_set", "is_row_dominant", "is_strongly_transitive", "count_cycles")
    }
    for function in functions.values():
        whole = function(P)
        assert all((function(P[index]) == whole[index]).all() for index in np.ndindex(5, 6))
    for function in (af.policy.is_condorcet_top, af.policy.is_smith_top, af.policy.is_order_preserving):
        whole = function(P, scores)
        assert whole.shape == (5, 6)
        assert all(function(P[i, j], scores[j]) == whole[i, j] for i, j in np.ndindex(5, 6))


def test_empty_batches_and_single_responses():
    assert af.policy.classify(np.empty((0, 4, 4))).cyclic.shape == (0,)
    single = af.policy.classify([[0.5]])
    assert (single.condorcet_winner, single.smith_size, single.cycles, single.cyclic) == (0, 1, 0, False)


@pytest.mark.parametrize(
    "function",
    ["classify", "condorcet_winner", "smith_set", "is_row_dominant", "is_strongly_transitive", "count_cycles"],
)
def test_bad_matrices_are_named(function):
    with pytest.raises(ValueError, match=r"P\[0, 1\] \+ P\[1, 0\] = 1.1, not 1"):
        getattr(af.policy, function)([[0.5, 0.8], [0.3, 0.5]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_size_is_counted_whole(dtype):
    """Pairs go four or eight at a time: sizes around these, against counts of M in 2^-40."""
    for K in (1, 2, 3, 4, 5, 7, 8, 9, 12, 17):
        rng = np.random.default_rng(K)
        eighths = np.triu(rng.integers(0, 9, (K, K)) / 8, 1)
        for steps in (eighths, np.triu(rng.uniform(0, 1, (K, K)), 1)):
            P = (steps + np.tril(1 - steps.T, -1) + np.eye(K) / 2).astype(dtype)
            M = np.rint((P.astype(np.float64) - P.T) * 2.0**39)
            wins = (M > 0).sum(axis=1)
            winner = np.flatnonzero(wins == K - 1)
            scores = rng.permutation(K).astype(dtype)
            kept = ((M <= 0) | (scores[:, None] > scores)).all()
            rows = M[np.lexsort(-M.T[::-1])]
            assert af.policy.condorcet_winner(P) == (winner[0] if len(winner) else -1), K
            assert af.policy.is_order_preserving(P, scores) == kept, K
            assert af.policy.is_row_dominant(P) == (rows[:-1] >= rows[1:]).all(), K
            assert af.policy.is_row_dominant(P, strict=True) == (rows[:-1] > rows[1:]).all(), K
            members = af.policy.smith_set(P)
            assert (M[members][:, ~members] > 0).all(), K


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_near_and_equal_rows_of_a_chain(dtype):
    """Rows closer than the tolerance are compared by M, others by P: both orders of the responses say the same."""
    for step in (0.0, 1e-13, 1e-10, 1e-7, 1e-3):
        scores = np.repeat(np.arange(6, 0, -1), 2) * 0.1 + np.tile([step, 0.0], 6)
        P = (1 / (1 + np.exp(scores - scores[:, None]))).astype(dtype)
        P = np.triu(P, 1) + np.tril(1 - P.T, -1) + np.eye(12, dtype=dtype) / 2
        M = np.rint((P.astype(np.float64) - P.T) * 2.0**39)
        for order in (np.arange(12), np.arange(12)[::-1]):
            of = np.ascontiguousarray(P[np.ix_(order, order)])
            assert af.policy.is_row_dominant(of) == (M[:-1] >= M[1:]).all(), step
            assert af.policy.is_row_dominant(of, strict=True) == (M[:-1] > M[1:]).all(), step


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_bad_entry_is_found_wherever_it_is(dtype):
    for K in (1, 4, 9):
        upper = np.triu(np.random.default_rng(0).random((K, K)), 1)
        good = (upper + np.tril(1 - upper.T, -1) + np.eye(K) / 2).astype(dtype)
        for place in np.ndindex(K, K):
            for bad in (np.nan, -0.25, 1.25, np.inf, 0.999 - good[place[::-1]]):
                P = good.copy()
                P[place] = bad
                for ask in (
                    af.policy.condorcet_winner,
                    af.policy.is_row_dominant,
                    lambda P: af.policy.is_order_preserving(P, np.arange(len(P), dtype=P.dtype)),
                    lambda P: af.policy.ipo(P, None, None, 1.0),
                ):
                    with pytest.raises(ValueError, match="P"):
                        ask(P)


def test_bad_scores_are_named():
    with pytest.raises(ValueError, match=r"scores\[2\] = nan is NaN"):
        af.policy.is_smith_top(CHAIN, [0.0, 1.0, np.nan])
    with pytest.raises(ValueError, match=r"scores must have shape \(..., 3\)"):
        af.policy.is_condorcet_top(CHAIN, [0.0, 1.0])
