"""Losses and log-probabilities of sequences beside their plain formulas."""

import numpy as np

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed

PAIRS = (100, 1000, 50_000, 1_000_000, 10_000_000)
TOKENS = (32, 1024, 50_257)


def log_probabilities(size, dtype, count=4):
    rng = np.random.default_rng(0)
    return [rng.normal(-10.0, 1.0, size).astype(dtype) for _ in range(count)]


def preference_loss(size, dtype):
    chosen, rejected, ref_chosen, ref_rejected = log_probabilities(size, dtype)

    def formula():
        margin = dtype.type(0.1) * ((chosen - ref_chosen) - (rejected - ref_rejected))
        slope = dtype.type(-0.1 / size) / (1 + np.exp(margin))
        return np.logaddexp(0, -margin).mean(), slope, -slope

    return lambda: af.pairwise.preference_loss(chosen, rejected, ref_chosen, ref_rejected, grad=True), formula


def margin_loss(size, dtype):
    (margin,) = log_probabilities(size, dtype, 1)

    def formula():
        slope = dtype.type(-1 / size) / (1 + np.exp(margin))
        return np.logaddexp(0, -margin).mean(), slope

    return lambda: af.pairwise.margin_loss(margin, grad=True), formula


def unpaired_loss(size, dtype):
    policy, ref = log_probabilities(size, dtype, 2)
    desirable = np.random.default_rng(1).random(size) < 0.5

    def formula():
        x = dtype.type(0.1) * (policy - ref) - dtype.type(0.3)
        falling = 1 / (1 + np.exp(np.where(desirable, x, -x)))
        slope = np.where(desirable, dtype.type(-0.1 / size), dtype.type(0.1 / size)) * falling * (1 - falling)
        return falling.mean(), slope

    return lambda: af.pairwise.unpaired_loss(policy, ref, desirable, kl=0.3, grad=True), formula


def batch_kl(size, dtype):
    policy, ref = log_probabilities(size, dtype, 2)
    return lambda: af.pairwise.batch_kl(policy, ref), lambda: 0.1 * max(0.0, float((policy - ref).mean()))


def sequences(size, dtype):
    """Return logits of 4 sequences of 8 tokens over `size` letters, and the tokens."""
    rng = np.random.default_rng(0)
    return rng.normal(0.0, 3.0, (4, 8, size)).astype(dtype), rng.integers(0, size, (4, 8))


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def chosen_sums(logits, ids):
    return np.take_along_axis(log_softmax(logits), ids[..., None], axis=-1)[..., 0].sum(axis=-1)


def chosen_gradients(logits, ids):
    gradient = -np.exp(log_softmax(logits))
    np.put_along_axis(gradient, ids[..., None], 1 + np.take_along_axis(gradient, ids[..., None], axis=-1), axis=-1)
    return gradient


def sequence_logprobs(size, dtype):
    logits, ids = sequences(size, dtype)
    return lambda: af.pairwise.sequence_logprobs(logits, ids), lambda: chosen_sums(logits, ids)


def sequence_logprobs_grad(size, dtype):
    logits, ids = sequences(size, dtype)
    return lambda: af.pairwise.sequence_logprobs_grad(logits, ids), lambda: chosen_gradients(logits, ids)


def states(size, dtype):
    """Return hidden states of 4 sequences of 8 tokens, the output layer of `size` letters, and the tokens."""
    rng = np.random.default_rng(0)
    hidden, weight = rng.normal(size=(4, 8, 64)), rng.normal(size=(size, 64))
    return hidden.astype(dtype), weight.astype(dtype), rng.integers(0, size, (4, 8))


def sequence_logprobs_hidden(size, dtype):
    hidden, weight, ids = states(size, dtype)
    ours = af.pairwise.sequence_logprobs_hidden
    return lambda: ours(hidden, weight, ids), lambda: chosen_sums(hidden @ weight.T, ids)


def sequence_logprobs_hidden_grad(size, dtype):
    hidden, weight, ids = states(size, dtype)

    def formula():
        gradient = chosen_gradients(hidden @ weight.T, ids)
        return gradient @ weight, gradient.reshape(-1, size).T @ hidden.reshape(-1, hidden.shape[-1])

    return lambda: af.pairwise.sequence_logprobs_hidden_grad(hidden, weight, ids), formula


NAMES = {
    "pairwise.LOSS_TYPES": NotTimed("a table"),
    "pairwise.LossType": NotTimed("a row of the table"),
    "pairwise.HiddenGradient": NotTimed("a result of sequence_logprobs_hidden_grad"),
    "pairwise.MarginLoss": NotTimed("the result of margin_loss"),
    "pairwise.Metrics": NotTimed("a part of the result of preference_loss"),
    "pairwise.PreferenceLoss": NotTimed("the result of preference_loss"),
    "pairwise.UnpairedLoss": NotTimed("the result of unpaired_loss"),
    "pairwise.preference_loss": Timed("logaddexp and sigmoid, with gradients", "pairs", PAIRS, preference_loss),
    "pairwise.margin_loss": Timed("logaddexp and sigmoid, with the gradient", "margins", PAIRS, margin_loss),
    "pairwise.unpaired_loss": Timed("sigmoid, with the gradient", "answers", PAIRS, unpaired_loss),
    "pairwise.batch_kl": Timed("the mean", "answers", (*PAIRS, 50_000_000), batch_kl),
    "pairwise.sequence_logprobs": Timed("log_softmax, gather, sum", "letters", TOKENS, sequence_logprobs),
    "pairwise.sequence_logprobs_grad": Timed("softmax, scatter", "letters", TOKENS, sequence_logprobs_grad),
    "pairwise.sequence_logprobs_hidden": Timed(
        "product, log_softmax, gather, sum", "letters", TOKENS, sequence_logprobs_hidden
    ),
    "pairwise.sequence_logprobs_hidden_grad": Timed(
        "product, softmax, scatter, two products", "letters", TOKENS, sequence_logprobs_hidden_grad
    ),
}
