"""What docstrings of losses and log-probabilities say of their accuracy is read here, and held to it."""

import re

import mpmath
import numpy as np
import pytest

import alignment_fast as af
from bounds import bound
from oracles import sequence

PAIRWISE = af.pairwise
DTYPES = ("float32", "float64")
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
STATED = {
    "batch_kl": r"\((\d+) \+ n / (\d+)\) 2\^-53 β times the mean of \|a − b\|",
    "margin_loss": r"within (\d+) epsilon .* second derivatives of .* within (\d+)",
    "preference_loss": r"(\d+) epsilon times the sum of the magnitudes of the terms of the formula",
    "sequence_logprobs": r"\((\d+) \+ (\d+) E\|d\|\) u \+ u \|log p\| absolutely, "
    r"u = 2\^-24 for float32 \(float64: 2\^-53\), .*of order 1e-6",
    "sequence_logprobs_grad": r"\((\d+) \+ (\d+) \|d\|\) u relative, d .*, u = 2\^-24 for float32 "
    r"\(float64: 2\^-53\), .*with `log_partition` 2\^-53 of its magnitude more",
    "sequence_logprobs_hidden": r"\(in float32 D u Σ\|W h\| at worst\) and of `sequence_logprobs`",
    "sequence_logprobs_hidden_grad": r"Accuracy and 16-bit storage as in `sequence_logprobs_hidden`",
    "unpaired_loss": r"(\d+) epsilon relative for exact r − z",
}


def stated(name):
    """Return the numbers in what the docstring says."""
    found = re.search(STATED[name], " ".join(getattr(PAIRWISE, name).__doc__.split()))
    return [float(number) for number in found.groups()]


def unit(dtype):
    """Return u: half of epsilon."""
    return float(np.finfo(dtype).eps) / 2


def test_every_statement_is_read():
    saying = {name for name in PAIRWISE.__all__ if "ccuracy" in (getattr(PAIRWISE, name).__doc__ or "")}
    assert saying - {"PreferenceLoss", "Metrics"} == set(STATED)  # whose accuracy is a fraction of pairs


def test_pairs_and_margins_have_the_accuracy_of_their_kernel():
    """That is held to in test_pairwise_losses.py and test_pairwise_margins.py."""
    allowed = bound("pairwise.evaluate")
    assert stated("preference_loss") == [allowed]
    assert stated("margin_loss") == [allowed, 4 * allowed]


@each_dtype
def test_single_answers(dtype):
    rewards = np.array([x * s for x in (0.0, 0.25, 1.0, 3.5, 20.0, 60.0) for s in (1, -1)], dtype)
    (allowed,) = stated("unpaired_loss")
    for desirable in (True, False):
        labels = np.full(len(rewards), desirable)
        options = {"kl": 0.5, "beta": 1.0, "reduction": "none", "grad": True}
        result = PAIRWISE.unpaired_loss(rewards, np.zeros_like(rewards), labels, **options)
        for i, reward in enumerate(rewards):
            x = (mpmath.mpf(float(reward)) - 0.5) * (1 if desirable else -1)
            falling, rising = 1 / (1 + mpmath.exp(x)), 1 / (1 + mpmath.exp(-x))
            slope = -falling * rising * (1 if desirable else -1)
            for found, exact in ((result.loss[i], falling), (result.grad_policy[i], slope)):
                assert abs(mpmath.mpf(float(found)) - exact) <= allowed * np.finfo(dtype).eps * abs(exact)


@each_dtype
@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_reference_point_of_a_batch(size, dtype):
    rng = np.random.default_rng(size)
    policy, ref = (rng.normal(-50.0, 30.0, (2, size)) * [[1.0], [0.9]]).astype(dtype)
    lanes, tiles = stated("batch_kl")
    differences = [mpmath.mpf(float(a)) - mpmath.mpf(float(b)) for a, b in zip(policy, ref, strict=True)]
    exact, magnitude = max(mpmath.fsum(differences) / size, 0), mpmath.fsum(map(abs, differences)) / size
    found = PAIRWISE.batch_kl(policy, ref, beta=1.0)
    assert abs(found - exact) <= (lanes + size / tiles) * 2.0**-53 * magnitude


ROWS = {
    "normal": lambda rng: rng.normal(0.0, 3.0, 3000),
    "sharp": lambda rng: np.append(rng.normal(0.0, 1.0, 2999), 60.0),
    "flat": lambda _: np.full(3000, 3.5),
    "far from zero": lambda rng: rng.normal(0.0, 2.0, 3000) - 1000.0,
    "few letters": lambda rng: rng.normal(0.0, 20.0, 5),
}


@each_dtype
@pytest.mark.parametrize("pattern", ROWS)
def test_tokens(pattern, dtype):
    row, u = ROWS[pattern](np.random.default_rng(3)).astype(dtype), unit(dtype)
    fixed, per_distance = stated("sequence_logprobs")
    distance = float(sequence.mean_distance(row))
    for token in (0, 3, len(row) - 1):
        exact = sequence.token_logprobs(row, token)
        error = abs(mpmath.mpf(float(PAIRWISE.sequence_logprobs(row[None], [token]))) - exact)
        assert error <= (fixed + per_distance * distance) * u + u * abs(exact)


@each_dtype
@pytest.mark.parametrize("pattern", ROWS)
def test_gradients_of_tokens(pattern, dtype):
    row, u = ROWS[pattern](np.random.default_rng(3)).astype(dtype), unit(dtype)
    fixed, per_distance = stated("sequence_logprobs_grad")
    smallest = re.search(
        r"below e\^-(\d+) \(float64: e\^-(\d+)\) are taken as 0", PAIRWISE.sequence_logprobs_grad.__doc__
    )
    floor = np.exp(-float(smallest.group(1 if dtype == "float32" else 2)))
    found = PAIRWISE.sequence_logprobs_grad(row[None], [0])[0, 1:].astype(float)
    exact = np.array([float(x) for x in sequence.logit_gradients(row, 0)[1:]])
    distance = float(row.max()) - row[1:].astype(float)
    assert (np.abs(found - exact) <= (fixed + per_distance * distance) * u * np.abs(exact) + floor).all()


def test_hidden_states():
    assert stated("sequence_logprobs_hidden") == stated("sequence_logprobs_hidden_grad") == []
    rng, u = np.random.default_rng(5), unit("float32")
    hidden, weight = (rng.normal(size=shape).astype(np.float32) for shape in ((6, 200), (50, 200)))
    ids = rng.integers(0, 50, 6)
    fixed, per_distance = stated("sequence_logprobs")
    for state, token in zip(hidden, ids, strict=True):
        found = PAIRWISE.sequence_logprobs_hidden(state[None], weight, [token])
        logits = weight.astype(float) @ state.astype(float)
        exact = float(sequence.token_logprobs(logits, token))
        product = 200 * u * (np.abs(weight) @ np.abs(state)).max()  # of one logit; the log-partition moves as far
        own = (fixed + per_distance * float(sequence.mean_distance(logits))) * u + u * abs(exact)
        assert abs(float(found) - exact) <= 2 * product + own
