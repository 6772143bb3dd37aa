"""Axioms of preference matrices on CUDA: their definitions, the CPU's answers whatever the launch, what is refused."""

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.kernels.common import streams
from oracles import policy as oracle

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

AXIOMS = {
    "condorcet_winner": af.policy.condorcet_winner,
    "smith_set": af.policy.smith_set,
    "is_row_dominant": af.policy.is_row_dominant,
    "is_strictly_row_dominant": lambda P: af.policy.is_row_dominant(P, strict=True),
    "is_strongly_transitive": af.policy.is_strongly_transitive,
    "is_strictly_transitive": lambda P: af.policy.is_strongly_transitive(P, strict=True),
    "count_cycles": af.policy.count_cycles,
}
OF_SCORES = (af.policy.is_condorcet_top, af.policy.is_smith_top, af.policy.is_order_preserving)


def matrices(K, count, seed=0, dtype="float64"):
    """Preferences of every kind: of scores, with equal ones; of chance; of few values, so that many tie."""
    rng = np.random.default_rng(seed)
    P = oracle.random_preferences(rng, K, (count,))
    for row in range(0, count, 3):
        P[row] = oracle.bradley_terry(rng.integers(0, 2 + K // 2, K) / 4.0)
    for row in range(1, count, 3):
        above = np.triu(rng.choice([0.25, 0.5, 0.75], (K, K)), 1)
        P[row] = above + np.tril(1 - above.T, -1) + 0.5 * np.eye(K)
    return P.astype(dtype)


def assert_equal(found, expected):
    assert isinstance(found, streams.DeviceArray)
    assert (found.dtype, found.shape) == (np.asarray(expected).dtype, np.shape(expected))
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("K", [1, 2, 5, 8, 19, 70])
def test_axioms_are_those_of_the_cpu(cuda, K, dtype):
    """Of responses that fill tiles and words of bits, and of those that do not."""
    P = matrices(K, 4 if K == 70 else 12, dtype=dtype)
    for axiom in AXIOMS.values():
        assert_equal(axiom(cuda.array(P)), axiom(P))
    expected, found = af.policy.classify(P), af.policy.classify(cuda.array(P))
    for name in expected._fields:
        assert_equal(getattr(found, name), getattr(expected, name))


def test_axioms_are_their_definitions(cuda):
    P = matrices(4, 30, seed=1)
    found = {name: axiom(cuda.array(P)).numpy() for name, axiom in AXIOMS.items()}
    cyclic = af.policy.classify(cuda.array(P)).cyclic.numpy()
    for row, one in enumerate(P):
        np.testing.assert_array_equal(found["smith_set"][row], oracle.smith_set(one))
        assert found["is_row_dominant"][row] == oracle.has_dominance_order(one, False)
        assert found["is_strictly_row_dominant"][row] == oracle.has_dominance_order(one, True)
        assert found["is_strongly_transitive"][row] == oracle.is_strongly_transitive(one, False)
        assert found["is_strictly_transitive"][row] == oracle.is_strongly_transitive(one, True)
        assert found["count_cycles"][row] == oracle.cyclic_triples(one)
        assert cyclic[row] == oracle.is_cyclic(one)
        winners = np.flatnonzero((one > 0.5).sum(axis=-1) == 3)
        assert found["condorcet_winner"][row] == (winners[0] if winners.size else -1)


@pytest.mark.parametrize("question", OF_SCORES)
def test_what_scores_keep_is_what_they_keep_on_the_cpu(cuda, question):
    """One row for all, one for each, on either side; scores that tie, and such as follow the wins."""
    P = matrices(5, 9, seed=2).reshape(3, 3, 5, 5)
    wins = P.sum(axis=-1)
    scores = np.where(np.arange(3)[:, None, None] > 0, wins, np.round(wins))
    for arrays in ((P, scores), (P, scores[0, 0]), (P[2, 0], wins), (P[0, 1], wins[0, 1]), (P, scores[:, :1])):
        assert_equal(question(*map(cuda.array, arrays)), question(*arrays))
    assert len(np.unique(question(P, scores))) == 2


def test_nothing_and_one_matrix_keep_their_axes(cuda):
    P = matrices(3, 2)
    assert_equal(af.policy.condorcet_winner(cuda.array(P[0])), af.policy.condorcet_winner(P[0]))
    assert_equal(af.policy.smith_set(cuda.array(P[:0])), af.policy.smith_set(P[:0]))
    assert_equal(af.policy.is_smith_top(cuda.array(P[:0]), cuda.array(P[0, 0])), af.policy.is_smith_top(P[:0], P[0, 0]))


@pytest.mark.parametrize("launch", [(1, 32, 0), (3, 96, 1)])
def test_the_launch_does_not_show(cuda, shaped, monkeypatch, launch):
    from alignment_fast.kernels.policy import cuda as table

    P = matrices(5, 300, seed=3)
    there, scores = cuda.array(P), cuda.array(P[:, 0].copy())

    def results():
        found = [*af.policy.classify(there), af.policy.smith_set(there)]
        return [x.numpy().tobytes() for x in (*found, *(question(there, scores) for question in OF_SCORES))]

    expected = results()
    shaped(*launch)
    monkeypatch.setattr(table, "MOST", 256)
    assert results() == expected


def test_results_are_on_the_stream_of_the_arguments(cuda):
    P = cuda.array(matrices(4, 3), stream=9)
    cuda.forget()
    af.policy.classify(P)
    assert {stream for name, stream in cuda.calls() if not name.startswith("cu")} == {9}


def test_bad_matrices_and_scores_raise_as_on_the_cpu(cuda):
    P = matrices(3, 4)
    scores = np.array([0.0, 1.0, np.nan])
    P[2, 0, 1] = 0.9
    P[2, 1, 0] = 0.3
    for call, arrays in ((af.policy.classify, (P,)), (af.policy.is_smith_top, (P[:2], scores))):
        with pytest.raises(ValueError, match=r"not 1|is NaN") as expected:
            call(*arrays)
        with pytest.raises(ValueError, match=r"not 1|is NaN") as found:
            call(*map(cuda.array, arrays))
        assert str(found.value) == str(expected.value)
    with pytest.raises(BackendUnavailableError, match="CUDA"):
        af.policy.order_sampler(cuda.array(P[:1]))
