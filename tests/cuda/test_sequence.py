"""Log-probabilities of tokens on CUDA: within the stated bound, for the worst exponentials that a device may have."""

import numpy as np
import pytest

import alignment_fast as af

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

STORAGE = ["float32", "float64", "float16", "bfloat16"]
ROUNDOFF = {"float64": 2.0**-53}


def logits_of(storage, letters, scale=3.0, tokens=(2, 3)):
    x = np.random.default_rng(letters).normal(0.0, scale, (*tokens, letters))
    if storage == "bfloat16":
        return (x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return x.astype(storage)


def widened(x, storage):
    return ((x.astype(np.uint32) << 16).view(np.float32) if storage == "bfloat16" else x).astype(np.longdouble)


def on_device(cuda, x, storage):
    array = cuda.array(x)
    if storage == "bfloat16":
        from alignment_fast.kernels.common import streams

        place = streams.Place(0, 7)
        return streams.DeviceArray(array.pointer, x.shape, x.dtype, place, array, "bfloat16")
    return array


def log_softmax(z):
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def bound(z, log_p, storage):
    """(8 + 2 E|d|) u + u |log p| of each token, as cuda_tokens.inc says."""
    distance = (np.exp(log_softmax(z)) * (z.max(axis=-1, keepdims=True) - z)).sum(axis=-1)
    u = ROUNDOFF.get(storage, 2.0**-24)
    return ((8 + 2 * distance) * u + u * np.abs(log_p)).astype(float)


@pytest.mark.parametrize("letters", [1, 7, 256, 3001, 6000])
@pytest.mark.parametrize("storage", STORAGE)
def test_log_probabilities_are_within_the_bound(cuda, storage, letters):
    x = logits_of(storage, letters)
    ids = np.random.default_rng(1).integers(0, letters, x.shape[:-1])
    z = widened(x, storage)
    expected = np.take_along_axis(log_softmax(z), ids[..., None], axis=-1)[..., 0]
    arguments = on_device(cuda, x, storage), cuda.array(ids)
    cuda.forget()
    found, partition = af.pairwise.sequence_logprobs(*arguments, return_log_partition=True)
    assert {stream for name, stream in cuda.calls() if name.startswith("token")} == {7}
    assert "cuStreamSynchronize" not in dict(cuda.calls())
    error = np.abs(found.numpy() - expected.sum(axis=-1))
    assert (error <= bound(z, expected, storage).sum(axis=-1)).all()
    largest = np.log(np.exp(z - z.max(axis=-1, keepdims=True)).sum(axis=-1)) + z.max(axis=-1)
    assert (np.abs(partition.numpy() - largest) <= bound(z, largest, storage)).all()


@pytest.mark.parametrize("order", [0, 1, 2])
def test_neither_the_order_of_threads_nor_the_grid_shows(cuda, order, monkeypatch):
    from alignment_fast.kernels.pairwise import cuda as table

    x, ids = logits_of("float32", 3001), np.zeros((2, 3), np.int64)
    expected = af.pairwise.sequence_logprobs(cuda.array(x), cuda.array(ids)).numpy()
    cuda.state.order = order
    monkeypatch.setattr(table, "MOST_ROWS", 2)
    assert af.pairwise.sequence_logprobs(cuda.array(x), cuda.array(ids)).numpy().tobytes() == expected.tobytes()


def test_masks_and_averages(cuda):
    x, ids = logits_of("float64", 50), np.array([[3, -100, 7], [1, 2, 49]])
    mask = np.array([[True, True, False], [True, True, True]])
    for average in (False, True):
        for given in (None, mask):
            expected = af.pairwise.sequence_logprobs(x, ids, given, average=average)
            there = [None if a is None else cuda.array(a) for a in (x, ids, given)]
            np.testing.assert_allclose(
                af.pairwise.sequence_logprobs(*there, average=average).numpy(), expected, rtol=1e-14
            )


LIMITS = [np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("where", ["one logit", "all logits"])
def test_limits_are_those_of_the_processor(cuda, limit, where):
    x, ids = logits_of("float32", 700, tokens=(3, 1)), np.array([[5], [0], [699]])
    x[:, :, 0 if where == "one logit" else slice(None)] = limit
    with np.errstate(all="ignore"):
        expected = af.pairwise.sequence_logprobs(x, ids)
    found = af.pairwise.sequence_logprobs(cuda.array(x), cuda.array(ids)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_id_that_is_no_letter_makes_its_sequence_nan(cuda):
    ids = np.array([[0, 50, 1], [0, -1, 1]])
    assert np.isnan(af.pairwise.sequence_logprobs(cuda.array(logits_of("float64", 50)), cuda.array(ids)).numpy()).all()


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("storage", STORAGE)
def test_gradients_are_within_the_bound(cuda, storage, in_place):
    x, ids = logits_of(storage, 1000), np.array([[3, -100, 7], [1, 2, 999]])
    z = widened(x, storage)
    p = np.exp(log_softmax(z))
    upstream = np.array([2.0, -0.5]).astype("float64" if storage == "float64" else "float32")
    one = np.zeros_like(p)
    np.put_along_axis(one, np.maximum(ids, 0)[..., None], 1, axis=-1)
    factor = (upstream / np.array([2, 3]))[:, None, None]
    expected = np.where((ids >= 0)[..., None], factor * (one - p), 0)
    logits = on_device(cuda, x, storage)
    options = {"upstream": cuda.array(upstream), "average": True, "out": logits if in_place else None}
    found = af.pairwise.sequence_logprobs_grad(logits, cuda.array(ids), **options)
    assert (found is logits) == in_place
    values = found.numpy()
    values = widened(values.view(np.float16) if storage == "float16" else values, storage)
    u = ROUNDOFF.get(storage, 2.0**-24)
    rounding = {"float16": 2.0**-11, "bfloat16": 2.0**-8}.get(storage, 0.0)
    distance = z.max(axis=-1, keepdims=True) - z
    allowed = np.abs(factor) * ((12 + 2 * distance) * u * p + (8 + 4 * distance) * u * one) + rounding * np.abs(
        expected
    )
    smallest = {"float16": 2.0**-25}.get(storage, 1e-37)
    assert (np.abs(values - expected) <= allowed + smallest).all()


BAD = {
    "ids": (lambda c: (c.array(np.zeros((2, 3), "i4")),), TypeError, "token_ids must be int64 on a CUDA device"),
    "shape": (lambda c: (c.array(np.zeros(2, "i8")),), ValueError, r"token_ids of shape \(2,\) do not fit tokens"),
    "mask": (
        lambda c: (c.array(np.zeros((2, 3), "i8")), c.array(np.zeros(3, bool))),
        ValueError,
        "mask must be booleans of",
    ),
    "host": (lambda c: (np.zeros((2, 3), "i8"),), ValueError, "logits on cuda, token_ids on cpu"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_says_why(cuda, case):
    make, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        af.pairwise.sequence_logprobs(cuda.array(logits_of("float32", 9)), *make(cuda))
