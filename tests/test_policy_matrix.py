"""Preference matrices from comparisons and from scores of responses by several attributes."""

import csv
import gzip
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from alignment_fast.policy.preference_matrix import HELPSTEER_ATTRIBUTES
from alignment_fast.tables import TableError
from oracles import policy as oracle

comparisons = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans(), st.floats(0, 4)).filter(lambda row: row[0] != row[1])
)


# ---- comparisons ----


@given(comparisons, st.sampled_from([0.0, 0.5, 3.0]))
def test_shares_of_comparisons_won(rows, prior):
    winner, loser, tied, weight = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    P = af.policy.preference_matrix(winner, loser, 6, tied=np.array(tied, dtype=bool), weight=weight, prior=prior)
    for i in range(6):
        for j in range(6):
            won = prior + sum(w * (0.5 if tie else 1) for a, b, tie, w in rows if (a, b) == (i, j))
            won += sum(0.5 * w for a, b, tie, w in rows if (a, b) == (j, i) and tie)
            lost = prior + sum(w * (0.5 if tie else 1) for a, b, tie, w in rows if (a, b) == (j, i))
            lost += sum(0.5 * w for a, b, tie, w in rows if (a, b) == (i, j) and tie)
            share = won / (won + lost) if won + lost > 0 and i != j else 0.5
            assert P[i, j] == pytest.approx(share, rel=1e-12, abs=1e-15)
    np.testing.assert_array_equal(P + P.T, 1.0)


def test_weights_repeat_comparisons():
    once = af.policy.preference_matrix([0, 1, 2], [1, 2, 0], 3, weight=[3, 1, 2], prior=1)
    again = af.policy.preference_matrix([0, 0, 0, 1, 2, 2], [1, 1, 1, 2, 0, 0], 3, prior=1)
    np.testing.assert_array_equal(once, again)


def test_pairs_that_were_never_compared_are_even():
    P = af.policy.preference_matrix([0], [1], 3)
    np.testing.assert_array_equal(P, [[0.5, 1.0, 0.5], [0.0, 0.5, 0.5], [0.5, 0.5, 0.5]])
    np.testing.assert_array_equal(af.policy.preference_matrix([], [], 2), np.full((2, 2), 0.5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: f([0, 5], [1, 0], 3), IndexError, r"winner\[1\] = 5 is no item: n_items = 3"),
        (lambda f: f([0, 1], [1, -1], 3), IndexError, r"loser\[1\] = -1 is no item"),
        (lambda f: f([0, 1], [1, 1], 3), ValueError, r"winner\[1\] = loser\[1\] = 1: an item is compared with itself"),
        (lambda f: f([0, 1], [1], 3), ValueError, "one length, not 2 and 1"),
        (lambda f: f([[0]], [[1]], 3), ValueError, r"winner must have shape \(M,\)"),
        (lambda f: f([0.0], [1], 3), TypeError, "winner must hold integers"),
        (lambda f: f([0], [1], 2.0), TypeError, "n_items must be an integer"),
        (lambda f: f([], [], 0), ValueError, "n_items must be at least 1"),
        (lambda f: f([0], [1], 2, weight=[-1.0]), ValueError, r"weight\[0\] = -1.0 must be finite"),
        (lambda f: f([0], [1], 2, weight=[1.0, 2.0]), ValueError, r"weight must have shape \(1,\)"),
        (lambda f: f([0], [1], 2, tied=[1]), TypeError, "tied must be boolean"),
        (lambda f: f([0], [1], 2, tied=[True, False]), ValueError, r"tied must have shape \(1,\)"),
        (lambda f: f([0], [1], 2, prior=-0.5), ValueError, "prior must be finite and not negative"),
    ],
)
def test_bad_comparisons_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(af.policy.preference_matrix)


# ---- scores ----


def test_the_example_of_the_file():
    vector = oracle.FILE["helpsteer_style_build"]
    attribute = list(vector["inputs"]["attribute_of_pair"].values())
    P = af.policy.preference_matrix_from_scores(vector["inputs"]["scores"], attribute=attribute)
    np.testing.assert_allclose(P, vector["expected"]["P"], rtol=3e-16)
    assert af.policy.condorcet_winner(P) == vector["expected"]["condorcet_winner"]
    assert vector["inputs"]["attributes"] == list(HELPSTEER_ATTRIBUTES)


def test_equal_differences_have_equal_bits_and_sums_are_one():
    scores = np.random.default_rng(3).permutation(12) / 4
    P = af.policy.preference_matrix_from_scores(scores[:, None], attribute=0, scale=0.7)
    np.testing.assert_array_equal(P + P.T, 1.0)
    gap = np.subtract.outer(scores, scores)
    for difference in np.unique(gap):
        assert len(set(P[gap == difference])) == 1
    np.testing.assert_allclose(P, oracle.bradley_terry(0.7 * scores), atol=3e-16)
    assert af.policy.is_strongly_transitive(P)


def test_random_attributes_come_from_the_stream():
    """Word e of replicate b, times A, divided by 2^32."""
    random = np.random.default_rng(2)
    scores = random.normal(size=(7, 4, 5))
    P = af.policy.preference_matrix_from_scores(scores, rng=11)
    words = af.random.Stream(11).uint32((7, 6))
    chosen = words.astype(object) * 5 // 2**32
    np.testing.assert_array_equal(P, af.policy.preference_matrix_from_scores(scores, attribute=chosen.astype(np.int64)))
    np.testing.assert_array_equal(P[:3], af.policy.preference_matrix_from_scores(scores[:3], rng=11))
    shaped = af.policy.preference_matrix_from_scores(scores[:6].reshape(2, 3, 4, 5), rng=11)
    np.testing.assert_array_equal(shaped.reshape(6, 4, 4), P[:6])


def test_attributes_are_drawn_evenly():
    scores = np.zeros((4000, 2, 5))
    scores[:, 0] = np.arange(5)
    P = af.policy.preference_matrix_from_scores(scores, rng=0)
    counts = np.unique(P[:, 0, 1], return_counts=True)[1]
    assert len(counts) == 5
    assert ((counts - 800) ** 2 / 800).sum() < 18.5  # χ² with 4 degrees of freedom, chance 0.001


def test_float32_scores():
    assert af.policy.preference_matrix_from_scores(np.zeros((2, 1), dtype=np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: f([1.0, 2.0]), ValueError, r"scores must have shape \(..., K, A\)"),
        (lambda f: f(np.ones((2, 0))), ValueError, r"scores must have shape \(..., K, A\)"),
        (lambda f: f([[1.0], [np.nan]]), ValueError, r"scores\[1, 0\] = nan is not finite"),
        (lambda f: f(np.ones((3, 2)), attribute=2), ValueError, r"attribute = 2: scores have 2 attributes"),
        (lambda f: f(np.ones((3, 2)), attribute=[0, 1, -1]), ValueError, r"attribute\[2\] = -1"),
        (lambda f: f(np.ones((3, 2)), attribute=[0, 1]), ValueError, "does not give one per pair"),
        (lambda f: f(np.ones((3, 2)), attribute=0.5), TypeError, "attribute must hold integers"),
        (lambda f: f(np.ones((3, 2)), attribute="mean"), ValueError, 'attribute must be "random"'),
        (lambda f: f(np.ones((3, 2)), scale=0.0), ValueError, "scale must be positive and finite"),
        (lambda f: f(np.ones((3, 2)), rng="7"), TypeError, "rng must be None, an int"),
    ],
)
def test_bad_scores_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(af.policy.preference_matrix_from_scores)


# ---- files of scored responses ----

ROWS = [
    {"prompt": "b", "response": "1", "helpfulness": 3, "verbosity": 1},
    {"prompt": "a", "response": "2", "helpfulness": 4, "verbosity": 2},
    {"prompt": "b", "response": "3", "helpfulness": 0, "verbosity": 0},
    {"prompt": "c", "response": "4", "helpfulness": 1, "verbosity": 1},
    {"prompt": "a", "response": "5", "helpfulness": 2.5, "verbosity": 4},
]


def write(path, rows):
    data = "\n".join(map(json.dumps, rows)).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["train.jsonl", "train.jsonl.gz"])
def test_scored_responses_are_grouped_by_prompt(tmp_path, name):
    path = write(tmp_path / name, ROWS)
    data = af.policy.read_scores(path, responses=2, attributes=["helpfulness", "verbosity"])
    assert data.prompts == ["b", "a"]
    np.testing.assert_array_equal(data.scores, [[[3, 1], [0, 0]], [[4, 2], [2.5, 4]]])
    assert data.attributes == ("helpfulness", "verbosity")
    assert data.left_out == 1


def test_from_file_to_classes(tmp_path):
    scores = np.random.default_rng(9).integers(0, 5, size=(400, 5))
    rows = [
        {
            "prompt": f"prompt {number % 100}",
            "response": str(number),
            **dict(zip(HELPSTEER_ATTRIBUTES, row, strict=True)),
        }
        for number, row in enumerate(scores.tolist())
    ]
    data = af.policy.read_scores(write(tmp_path / "train.jsonl.gz", rows))
    np.testing.assert_array_equal(data.scores, scores.reshape(4, 100, 5).swapaxes(0, 1))
    P = af.policy.preference_matrix_from_scores(data.scores, rng=1)
    classes = af.policy.classify(P)
    assert 0 < classes.cyclic.sum() < 100
    assert not (classes.cyclic & classes.strongly_transitive).any()


def test_bad_files_are_named(tmp_path):
    path = write(tmp_path / "train.jsonl", ROWS)
    with pytest.raises(TableError, match="has no column 'correctness'"):
        af.policy.read_scores(path)
    with pytest.raises(ValueError, match="has 4 responses: there are 1 with 1, 2 with 2"):
        af.policy.read_scores(path, attributes=["helpfulness"])
    broken = write(tmp_path / "broken.jsonl", [*ROWS, {"prompt": "a", "helpfulness": None}])
    with pytest.raises(TableError, match="line 6, key 'helpfulness': null is not a number"):
        af.policy.read_scores(broken, attributes=["helpfulness"])


# ---- real data ----

DATA = os.environ.get("ALIGNMENT_FAST_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="ALIGNMENT_FAST_DATA is not set")


def table(*path):
    with gzip.open(os.path.join(DATA, *path), "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@needs_data
def test_votes_on_language_models():
    """LLMFAO: 927 of 1711 pairs of 59 models observed, 510 cyclic triples among them."""
    rows = table("llmfao_crowd", "comparisons.csv.gz")
    names = sorted({row["left"] for row in rows} | {row["right"] for row in rows})
    left, right = (np.array([names.index(row[side]) for row in rows]) for side in ("left", "right"))
    won_by_right = np.array([row["winner"] == "right" for row in rows])
    P = af.policy.preference_matrix(
        np.where(won_by_right, right, left),
        np.where(won_by_right, left, right),
        len(names),
        tied=np.array([row["winner"] == "tie" for row in rows]),
    )
    assert af.policy.count_cycles(P) == 510


@needs_data
def test_rock_paper_scissors_bots():
    """43 bots, 956 cyclic triples, all of them in the Smith set; the DPO rewards are the Bradley-Terry fit."""
    payoffs = np.array([float(row["mean_payoff_row"]) for row in table("rrps_bots", "payoff.csv.gz")]).reshape(43, 43)
    P = 0.5 + (payoffs - payoffs.T) / 4000
    assert af.policy.count_cycles(P) == 956
    assert af.policy.smith_set(P).all()
    with open(os.path.join(DATA, "rrps_bots", "our_checks.json"), encoding="utf-8") as file:
        ability = list(json.load(file)["bt_log_ability_of_P"].values())
    np.testing.assert_allclose(af.policy.dpo(P, None, None, 1.0).scores, ability, atol=1e-8)
