"""Pass@k under the names of lighteval, bigcode and inspect_ai, beside going through all subsets."""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
from host_packages import functions_of

from alignment_fast.interop import bigcode, human_eval, inspect_ai, lighteval
from oracles import pass_at_k as oracle

pytestmark = pytest.mark.same_everywhere

NAN = math.nan


def counts(samples):
    return [(n, c) for n in range(1, samples) for c in range(n + 1)]


def test_bigcode_has_the_estimator_of_human_eval():
    assert bigcode.estimate_pass_at_k is human_eval.estimate_pass_at_k is lighteval.estimate_pass_at_k


@pytest.mark.parametrize("name", ["bigcode.py", "lighteval_lcb.py"])
def test_their_estimators_are_one(name):
    host = functions_of(name, oracle)
    total, correct = np.transpose(counts(12))
    for k in range(1, 14):
        theirs = host.estimate_pass_at_k(total, correct, k)
        np.testing.assert_allclose(human_eval.estimate_pass_at_k(total, correct, k), theirs, rtol=1e-13, atol=1e-15)


def test_pass_at_k_of_lighteval():
    host = functions_of("lighteval.py", oracle)
    for n, c in counts(9):
        scores = [1] * c + [0] * (n - c)
        for k in range(1, n + 2):
            theirs = host.PassAtK(k=k, n=n).pass_at_k(scores)
            assert lighteval.pass_at_k(scores, k) == pytest.approx(theirs, rel=1e-13, abs=1e-15)
    assert lighteval.pass_at_k([1, 0], 2, n=4) == pytest.approx(0.5)
    np.testing.assert_allclose(lighteval.pass_at_k([[1, 0, 0], [0, 0, 0.5]], 2), [2 / 3, 0.0])


def test_g_pass_at_k_of_lighteval():
    host = functions_of("lighteval.py", oracle)
    for n, c in counts(8):
        scores = [1] * c + [0] * (n - c)
        ks, thresholds = [1, 2, 3, 5, n, n + 1], [0.0, 0.3, 0.5, 1.0]
        theirs = host.GPassAtK(ks, n, thresholds, "x").g_pass_at_k(scores)
        ours = lighteval.g_pass_at_k(scores, ks, thresholds=thresholds, name_prefix="x")
        assert list(ours) == list(theirs)
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-12, atol=1e-14)
    assert lighteval.g_pass_at_k([True, 0.0], 2, thresholds=[1.0])["g-pass@2_1.0"] == 0.0


@pytest.mark.parametrize("scores", [[0.5, 0.0], [1, 1, 1]])
def test_g_pass_at_k_refuses_sums_that_count_nothing(scores):
    with pytest.raises(ValueError, match="is no number of right samples among 2"):
        lighteval.g_pass_at_k(scores, 1, 2)


# ---- inspect_ai ----

ROWS = [list(row) for epochs in range(6) for row in itertools.product([0.0, 0.5, 1.0, NAN], repeat=epochs)][::3]


@dataclasses.dataclass
class Score:
    """As much of inspect_ai's record as its reducers read."""

    value: Any
    answer: Any = None
    explanation: Any = None
    reason: Any = None
    metadata: Any = None

    def _as_scalar(self):
        return self.value

    def model_copy(self, update):
        return dataclasses.replace(self, **update)


def reduced(name, row, *arguments):
    """Return what the host gives for one sample."""
    host = functions_of("inspect_ai.py", oracle)
    if host is oracle:
        return getattr(oracle, name)(row, *arguments)
    host.Score = Score
    reducer = host.majority_score() if name == "majority" else getattr(host, name)(*arguments)
    return reducer([Score(one) for one in row]).value


@pytest.mark.parametrize("name", ["pass_at", "pass_k", "at_least"])
@pytest.mark.parametrize(("k", "value"), [(1, 1.0), (2, 1.0), (3, 0.5), (2, 0.25)])
def test_reducers_of_inspect_ai(name, k, value):
    for row in ROWS:
        found = getattr(inspect_ai, name)(np.array(row), k, value)
        assert found == pytest.approx(reduced(name, row, k, value), rel=1e-14, abs=1e-15, nan_ok=True), row


def test_majorities_of_inspect_ai():
    for row in ROWS:
        assert inspect_ai.majority(np.array(row)) == pytest.approx(reduced("majority", row), nan_ok=True), row


@pytest.mark.parametrize("call", [lambda x: inspect_ai.pass_at(x, 2), inspect_ai.majority])
def test_samples_are_reduced_together(call):
    rows = np.array(list(itertools.product([0.0, 1.0, NAN], repeat=4))).reshape(3, 27, 4)
    each = [[call(row) for row in block] for block in rows]
    np.testing.assert_array_equal(call(rows), each)


def test_pass_k_has_its_error_bound():
    for m, c, k in ((1000, 999, 900), (500, 300, 64), (10_000, 9_000, 100)):
        exact = math.comb(c, k) / math.comb(m, k)
        scores = np.arange(m) < c
        assert inspect_ai.pass_k(scores, k) == pytest.approx(exact, rel=4e-16 * k, abs=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: inspect_ai.pass_at([1.0], 0), "k = 0 is below 1"),
        (lambda: inspect_ai.majority(1.0), "must have an axis of epochs"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
