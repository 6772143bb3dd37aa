"""Log-probabilities of token sequences and their gradients: alignment_fast/pairwise/sequence.py and its kernels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignment_fast as af
from bounds import bound
from oracles import sequence as oracle

pytestmark = pytest.mark.frontends

DTYPES = [np.float32, np.float64]
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
BLOCK = 4096


def logits_of(*shape, dtype=np.float64, scale=3.0, seed=0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def tokens_of(*shape, letters, seed=1):
    return np.random.default_rng(seed).integers(0, letters, shape)


def reference(logits, tokens):
    """Return Σ_t log p in float64 by SciPy's formula: good for what is not about the last digit."""
    z = logits.astype(np.float64)
    top = z.max(axis=-1, keepdims=True)
    log_p = z - top - np.log(np.exp(z - top).sum(axis=-1, keepdims=True))
    return np.take_along_axis(log_p, np.asarray(tokens)[..., None], axis=-1)[..., 0]


# ---- right ----

# Letters, and what the logits look like; the last ones move the frame of the running sum, or never meet it.
PATTERNS = {
    "one letter": lambda n: np.zeros(1),
    "two letters": lambda n: np.array([0.0, -30.0]),
    "normal": lambda n: logits_of(n),
    "one more than a block": lambda n: logits_of(BLOCK + 1),
    "equal": lambda n: np.full(n, 7.25),
    "rising": lambda n: np.linspace(-50, 50, n),
    "falling": lambda n: np.linspace(50, -50, n),
    "far from zero": lambda n: logits_of(n) - 1e4,
    "sharp": lambda n: np.where(np.arange(n) == n - 1, 100.0, logits_of(n)),
    "masked letters": lambda n: np.where(np.arange(n) % 3 == 0, -np.inf, logits_of(n)),
    "a masked block": lambda n: np.where(np.arange(n) < BLOCK, -np.inf, logits_of(n)),
    "least finite numbers": lambda n: np.where(np.arange(n) < BLOCK, -3.4028234663852886e38, logits_of(n)),
    "nothing else": lambda n: np.full(n, -3.4028234663852886e38),
}
each_pattern = pytest.mark.parametrize("pattern", PATTERNS)


@each_dtype
@each_pattern
def test_log_probabilities_against_50_digits(pattern, dtype):
    row = PATTERNS[pattern](BLOCK + 40).astype(dtype)
    token = len(row) - 1
    expected = oracle.token_logprobs(row, token)
    scale = 1 + abs(expected) + oracle.mean_distance(row)
    value = af.pairwise.sequence_logprobs(row[None], [token])
    assert value.dtype == dtype
    assert abs(value - expected) <= bound("pairwise.token_logprobs", dtype) * scale


@each_dtype
@each_pattern
def test_gradients_against_50_digits(pattern, dtype):
    row = PATTERNS[pattern](BLOCK + 40).astype(dtype)
    token = len(row) - 1
    expected = np.array(oracle.logit_gradients(row, token), dtype=np.float64)
    gradient = af.pairwise.sequence_logprobs_grad(row[None], [token])[0]
    assert gradient.dtype == dtype
    others = np.arange(len(row)) != token
    size = np.abs(expected[others])
    distance = 1 - np.log(np.maximum(size, 1e-300))
    smallest = np.exp(-87) if dtype == np.float32 else np.exp(-708)  # below it: nothing
    allowed = bound("pairwise.logit_gradients", dtype) * distance * size + smallest
    assert (np.abs(gradient - expected)[others] <= allowed).all()
    # 1 - p takes on the error of log p, times p.
    log_p = oracle.token_logprobs(row, token)
    own = bound("pairwise.token_logprobs", dtype) * (1 + abs(log_p) + oracle.mean_distance(row))
    assert abs(gradient[token] - expected[token]) <= own


@each_dtype
def test_a_masked_letter_has_no_gradient(dtype):
    row = np.array([0.0, -np.inf, 1.0], dtype=dtype)
    assert af.pairwise.sequence_logprobs_grad(row[None], [0])[0, 1] == 0
    assert af.pairwise.sequence_logprobs(row[None], [1]) == -np.inf


@each_dtype
@pytest.mark.parametrize("place", [0, BLOCK - 1, 2 * BLOCK + 3])
@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("payload", [1, 2**22, 2**22 + 1, 2**23 - 1])
def test_nan_goes_through(dtype, place, sign, payload):
    """Whatever its bits: an exponential made from exponent bits must not turn some of them into numbers."""
    row = logits_of(2 * BLOCK + 40, dtype=dtype)
    bits, shift = (row.view(np.uint32), 0) if dtype == np.float32 else (row.view(np.uint64), 29)
    bits[place] = (sign << (row.itemsize * 8 - 1)) + (
        np.array(np.inf, dtype).view(bits.dtype).item() | payload << shift
    )
    assert np.isnan(af.pairwise.sequence_logprobs(row[None], [5]))
    assert np.isnan(af.pairwise.sequence_logprobs_grad(row[None], [5])).all()


@each_dtype
def test_infinite_logits_have_their_limits(dtype):
    with_all_mass = np.array([[0.0, np.inf, 1.0]], dtype=dtype)
    assert af.pairwise.sequence_logprobs(with_all_mass, [0]) == -np.inf
    assert np.isnan(af.pairwise.sequence_logprobs(with_all_mass, [1]))
    nothing = np.full((1, 3), -np.inf, dtype=dtype)
    assert np.isnan(af.pairwise.sequence_logprobs(nothing, [0]))
    assert np.isnan(af.pairwise.sequence_logprobs_grad(nothing, [0])).all()


def test_sums_masks_and_averages():
    logits, ids = logits_of(2, 3, 5, 11), tokens_of(2, 3, 5, letters=11)
    mask = np.random.default_rng(2).random((2, 3, 5)) < 0.6
    mask[..., 0] = True
    log_p = reference(logits, ids)
    every = {"rtol": 1e-14, "atol": 1e-14}
    np.testing.assert_allclose(af.pairwise.sequence_logprobs(logits, ids), log_p.sum(-1), **every)
    masked = (log_p * mask).sum(-1)
    np.testing.assert_allclose(af.pairwise.sequence_logprobs(logits, ids, mask), masked, **every)
    mean = af.pairwise.sequence_logprobs(logits, ids, mask, average=True)
    np.testing.assert_allclose(mean, masked / mask.sum(-1), **every)
    ignored = np.where(mask, ids, -100)
    np.testing.assert_array_equal(
        af.pairwise.sequence_logprobs(logits, ignored), af.pairwise.sequence_logprobs(logits, ids, mask)
    )
    last = af.pairwise.sequence_logprobs(logits, ids, [0, 0, 0, 0, 1])
    np.testing.assert_allclose(last, log_p[..., -1], **every)


def test_masked_places_are_not_read():
    logits, ids = logits_of(2, 3, 7), tokens_of(2, 3, letters=7)
    mask = np.array([[True, False, True], [True, True, False]])
    expected = af.pairwise.sequence_logprobs(logits, ids, mask)
    gradient = af.pairwise.sequence_logprobs_grad(logits, ids, mask)
    logits[~mask], ids[~mask] = np.nan, 99
    np.testing.assert_array_equal(af.pairwise.sequence_logprobs(logits, ids, mask), expected)
    again = af.pairwise.sequence_logprobs_grad(logits, ids, mask)
    np.testing.assert_array_equal(again, gradient)
    assert (again[~mask] == 0).all()


@pytest.mark.parametrize("average", [False, True])
def test_gradients_are_the_change_of_the_value(average):
    logits, ids = logits_of(2, 3, 5), tokens_of(2, 3, letters=5)
    mask = np.array([[True, False, True], [True, True, True]])
    upstream = np.array([0.7, -1.3])
    gradient = af.pairwise.sequence_logprobs_grad(logits, ids, mask, upstream=upstream, average=average)
    direction = logits_of(2, 3, 5, scale=1.0, seed=7)
    step = 1e-5
    up, down = (
        af.pairwise.sequence_logprobs(logits + s * direction, ids, mask, average=average) for s in (step, -step)
    )
    np.testing.assert_allclose((gradient * direction).sum(), upstream @ (up - down) / (2 * step), rtol=1e-8)


@given(st.integers(1, 40), st.floats(-50, 50), st.integers(0, 2**32 - 1))
def test_a_constant_added_to_all_logits_changes_nothing(letters, constant, seed):
    logits, ids = logits_of(1, 4, letters, seed=seed), tokens_of(1, 4, letters=letters, seed=seed)
    value = af.pairwise.sequence_logprobs(logits, ids)
    np.testing.assert_allclose(af.pairwise.sequence_logprobs(logits + constant, ids), value, rtol=1e-13, atol=1e-12)


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_gradients_of_a_row_sum_to_zero_and_only_the_token_gains(letters, seed):
    logits, ids = logits_of(1, 4, letters, seed=seed), tokens_of(1, 4, letters=letters, seed=seed)
    gradient = af.pairwise.sequence_logprobs_grad(logits, ids)
    np.testing.assert_allclose(gradient.sum(-1), 0, atol=1e-14)
    gains = np.take_along_axis(gradient, ids[..., None], axis=-1)
    assert (gains >= 0).all()
    assert ((gradient > 0).sum(-1) <= 1).all()


# ---- storage ----


def test_half_precision_is_computed_in_float32():
    logits, ids = logits_of(2, 3, 5000, dtype=np.float16), tokens_of(2, 3, letters=5000)
    wide = logits.astype(np.float32)
    value = af.pairwise.sequence_logprobs(logits, ids)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, af.pairwise.sequence_logprobs(wide, ids))
    gradient = af.pairwise.sequence_logprobs_grad(logits, ids, upstream=1000.0)
    assert gradient.dtype == np.float16
    expected = af.pairwise.sequence_logprobs_grad(wide, ids, upstream=1000.0).astype(np.float16)
    np.testing.assert_array_equal(gradient, expected)


def test_every_half_precision_number_is_rounded_as_numpy_does():
    """Two letters of equal probability: the gradients are plus and minus half the incoming gradient."""
    bits = np.arange(2**16, dtype=np.uint16)
    finite = bits.view(np.float16)[np.isfinite(bits.view(np.float16))].astype(np.float64)
    between = np.concatenate([finite, finite * (1 + 2.0**-12), finite * (1 + 2.0**-11), finite * (1 + 3 * 2.0**-12)])
    upstream = np.concatenate([between, [65519.0, 65520.0, 1e30, np.inf, -np.inf, np.nan, 2.0**-25, 2.0**-26]])
    gradient = af.pairwise.sequence_logprobs_grad(
        np.zeros((len(upstream), 1, 2), np.float16), np.zeros((len(upstream), 1), int), upstream=2 * upstream
    )
    with np.errstate(over="ignore"):
        expected = upstream.astype(np.float32).astype(np.float16)
    np.testing.assert_array_equal(gradient[:, 0, 0], expected)


def test_bfloat16_of_ml_dtypes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    ids = tokens_of(2, 3, letters=5000)
    logits = logits_of(2, 3, 5000).astype(ml_dtypes.bfloat16)
    wide = logits.astype(np.float32)
    np.testing.assert_array_equal(af.pairwise.sequence_logprobs(logits, ids), af.pairwise.sequence_logprobs(wide, ids))
    gradient = af.pairwise.sequence_logprobs_grad(logits, ids)
    assert gradient.dtype == logits.dtype
    expected = af.pairwise.sequence_logprobs_grad(wide, ids).astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_tensors_of_torch(dtype):
    torch = pytest.importorskip("torch")
    logits = torch.from_numpy(logits_of(2, 3, 50, dtype=np.float32)).to(getattr(torch, dtype))
    ids = torch.from_numpy(tokens_of(2, 3, letters=50))
    value = af.pairwise.sequence_logprobs(logits, ids)
    assert value.dtype == torch.float32
    leaf = logits.float().clone().requires_grad_()
    log_p = torch.log_softmax(leaf, -1).gather(-1, ids[..., None])[..., 0].sum(-1)
    torch.testing.assert_close(value, log_p.detach())
    log_p.sum().backward()
    gradient = af.pairwise.sequence_logprobs_grad(logits, ids)
    assert gradient.dtype == logits.dtype
    torch.testing.assert_close(gradient, leaf.grad.to(logits.dtype))
    with pytest.raises(TypeError, match=r"logits requires grad"):
        af.pairwise.sequence_logprobs(logits.requires_grad_(), ids)


# ---- layouts, threads, places to write ----

LAYOUTS = {
    "shifted against the tokens": lambda z: np.concatenate([z, z[:, :1]], axis=1)[:, :-1],
    "every second sequence": lambda z: np.repeat(z, 2, axis=0)[::2],
    "reversed": lambda z: z[::-1, ::-1].copy()[::-1, ::-1],
    "Fortran": np.asfortranarray,
    "read-only": lambda z: np.lib.stride_tricks.as_strided(z, writeable=False),
    "broadcast": lambda z: np.broadcast_to(z[:1], z.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_layouts(layout, dtype):
    logits, ids = LAYOUTS[layout](logits_of(3, 4, 33, dtype=dtype)), tokens_of(3, 4, letters=33)
    plain = np.ascontiguousarray(logits)
    for function in (af.pairwise.sequence_logprobs, af.pairwise.sequence_logprobs_grad):
        np.testing.assert_array_equal(function(logits, ids), function(plain, ids))


@each_dtype
def test_the_same_bits_for_any_number_of_threads(dtype):
    logits, ids = logits_of(7, 5, 9000, dtype=dtype), tokens_of(7, 5, letters=9000)
    for function in (af.pairwise.sequence_logprobs, af.pairwise.sequence_logprobs_grad):
        one = function(logits, ids, num_threads=1)
        for threads in (2, 7):
            np.testing.assert_array_equal(function(logits, ids, num_threads=threads), one)
        alone = [function(logits[i : i + 1], ids[i : i + 1]) for i in range(7)]
        np.testing.assert_array_equal(np.concatenate(alone), one)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_gradients_go_where_they_are_wanted(dtype):
    logits, ids = logits_of(2, 3, 5000, dtype=dtype), tokens_of(2, 3, letters=5000)
    expected = af.pairwise.sequence_logprobs_grad(logits, ids)
    wide = np.zeros((2, 4, 5000), dtype)
    view = wide[:, 1:]
    assert af.pairwise.sequence_logprobs_grad(logits, ids, out=view) is view
    np.testing.assert_array_equal(view, expected)
    assert (wide[:, 0] == 0).all()
    assert af.pairwise.sequence_logprobs_grad(logits, ids, out=logits) is logits
    np.testing.assert_array_equal(logits, expected)


@each_dtype
def test_a_known_log_partition_saves_a_pass_and_gives_the_same(dtype):
    logits, ids = logits_of(2, 3, 5000, dtype=dtype), tokens_of(2, 3, letters=5000)
    mask = np.array([1, 0, 1])
    value, known = af.pairwise.sequence_logprobs(logits, ids, mask, return_log_partition=True)
    np.testing.assert_array_equal(value, af.pairwise.sequence_logprobs(logits, ids, mask))
    assert np.isnan(known[:, 1]).all()
    np.testing.assert_allclose(
        af.pairwise.sequence_logprobs_grad(logits, ids, mask, log_partition=known),
        af.pairwise.sequence_logprobs_grad(logits, ids, mask),
        rtol=40 * np.finfo(dtype).eps,
    )


def test_empty_and_single_sequences():
    assert af.pairwise.sequence_logprobs(np.empty((0, 3, 5)), np.empty((0, 3), int)).shape == (0,)
    np.testing.assert_array_equal(af.pairwise.sequence_logprobs(np.empty((2, 0, 5)), np.empty((2, 0), int)), [0, 0])
    assert af.pairwise.sequence_logprobs_grad(np.empty((2, 0, 5)), np.empty((2, 0), int)).shape == (2, 0, 5)
    assert isinstance(af.pairwise.sequence_logprobs(np.zeros((3, 5)), [0, 1, 2]), np.float64)


# ---- from hidden states ----


@pytest.mark.parametrize("chunk", [None, 1, 3, 100])
@each_dtype
def test_hidden_states_make_the_same_logits(chunk, dtype):
    hidden, weight = logits_of(2, 5, 8, dtype=dtype, scale=1.0), logits_of(300, 8, dtype=dtype, scale=1.0, seed=3)
    ids, mask = tokens_of(2, 5, letters=300), np.array([[1, 1, 0, 1, 1], [0, 0, 1, 0, 1]])
    logits = hidden.astype(np.float64) @ weight.T.astype(np.float64)
    tight = {"rtol": 0, "atol": 1e-5 if dtype == np.float32 else 1e-13}
    value = af.pairwise.sequence_logprobs_hidden(hidden, weight, ids, mask, average=True, chunk=chunk)
    assert value.dtype == dtype
    np.testing.assert_allclose(value, af.pairwise.sequence_logprobs(logits, ids, mask, average=True), **tight)

    upstream = np.array([0.5, -2.0])
    gradient = af.pairwise.sequence_logprobs_hidden_grad(hidden, weight, ids, mask, upstream=upstream, chunk=chunk)
    of_logits = af.pairwise.sequence_logprobs_grad(logits, ids, mask, upstream=upstream)
    assert gradient.hidden.dtype == gradient.weight.dtype == dtype
    np.testing.assert_allclose(gradient.hidden, of_logits @ weight, **tight)
    np.testing.assert_allclose(gradient.weight, np.einsum("btv,btd->vd", of_logits, hidden), **tight)


def test_hidden_states_that_are_all_masked():
    hidden, weight = logits_of(2, 3, 4), logits_of(7, 4)
    ids = np.full((2, 3), -100)
    np.testing.assert_array_equal(af.pairwise.sequence_logprobs_hidden(hidden, weight, ids), [0, 0])
    gradient = af.pairwise.sequence_logprobs_hidden_grad(hidden, weight, ids)
    assert not gradient.hidden.any()
    assert not gradient.weight.any()


# ---- bad input ----

Z, Y = np.zeros((2, 3, 5)), np.zeros((2, 3), int)


def with_token(token):
    ids = Y.copy()
    ids[1, 2] = token
    return ids


BAD = [
    (
        lambda f: f(Z, with_token(5)),
        IndexError,
        r"token_ids\[1, 2\] = 5 is not one of the 5 letters, and the mask",
    ),
    (lambda f: f(Z, with_token(-1)), IndexError, r"token_ids\[1, 2\] = -1 is not one of the 5 letters"),
    (lambda f: f(Z, with_token(-7), [[1, 1, 1], [1, 0, 1]]), IndexError, r"token_ids\[1, 2\] = -7"),
    (lambda f: f(Z, Y[:, :2]), ValueError, r"token_ids of shape \(2, 2\) do not fit tokens of shape \(2, 3\)"),
    (lambda f: f(Z, Y.astype(float)), TypeError, r"token_ids must be integers, not of dtype float64"),
    (lambda f: f(Z.astype(int), Y), TypeError, r"logits must be floating-point, not int64"),
    (lambda f: f(np.zeros(5), 0), ValueError, r"logits of shape \(5,\) have no axes \(T, V\)"),
    (lambda f: f(np.zeros((2, 3, 0)), Y), ValueError, r"logits of shape \(2, 3, 0\) .* V at least 1"),
    (lambda f: f(Z, Y, [1, 0]), ValueError, r"mask of shape \(2,\) does not broadcast to tokens of shape \(2, 3\)"),
    (lambda f: f(Z, Y, [1, 0.5, 1]), ValueError, r"mask\[1\] = 0.5 is neither 0 nor 1"),
    (lambda f: f(Z, Y, ["a"]), TypeError, r"mask must be booleans"),
    (lambda f: f(Z, Y, [[1], [0]], average=True), ValueError, r"average: sequence\[1\] has no token that counts"),
]


@pytest.mark.parametrize("function", ["sequence_logprobs", "sequence_logprobs_grad"])
@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[message for *_, message in BAD])
def test_bad_input(call, error, message, function):
    with pytest.raises(error, match=message):
        call(getattr(af.pairwise, function))


BAD_GRADIENTS = [
    ({"upstream": np.ones(3)}, ValueError, r"upstream of shape \(3,\) does not broadcast to the sequences \(2,\)"),
    ({"log_partition": np.ones(3)}, ValueError, r"log_partition of shape \(3,\) does not fit tokens"),
    ({"out": [1.0]}, TypeError, r"out must be a writable NumPy array"),
    ({"out": np.zeros((2, 3, 4))}, ValueError, r"out of shape \(2, 3, 4\) and dtype float64 does not fit logits"),
    ({"out": np.zeros((2, 3, 5), np.float32)}, ValueError, r"dtype float32 does not fit logits"),
    ({"out": np.zeros((2, 5, 3)).swapaxes(1, 2)}, ValueError, r"out must have a contiguous last axis"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD_GRADIENTS, ids=[message for *_, message in BAD_GRADIENTS])
def test_bad_gradient_arguments(options, error, message):
    with pytest.raises(error, match=message):
        af.pairwise.sequence_logprobs_grad(Z, Y, **options)


HIDDEN, WEIGHT = np.zeros((2, 3, 4)), np.zeros((5, 4))
BAD_HIDDEN = [
    (HIDDEN, np.zeros((5, 3)), Y, {}, ValueError, r"hidden of shape \(2, 3, 4\) and weight of shape \(5, 3\) are not"),
    (HIDDEN, np.zeros((0, 4)), Y, {}, ValueError, r"weight of shape \(0, 4\) are not"),
    (HIDDEN.astype(int), WEIGHT, Y, {}, TypeError, r"hidden must be floating-point"),
    (HIDDEN, WEIGHT, with_token(5), {}, IndexError, r"token_ids\[1, 2\] = 5 is not one of the 5 letters"),
    (HIDDEN, WEIGHT, Y, {"chunk": 0}, ValueError, r"chunk must be a positive integer, not 0"),
    (HIDDEN, WEIGHT, Y, {"chunk": 1.5}, ValueError, r"chunk must be a positive integer, not 1.5"),
]


@pytest.mark.parametrize("function", ["sequence_logprobs_hidden", "sequence_logprobs_hidden_grad"])
@pytest.mark.parametrize(
    ("hidden", "weight", "ids", "options", "error", "message"), BAD_HIDDEN, ids=[row[-1] for row in BAD_HIDDEN]
)
def test_bad_hidden_states(hidden, weight, ids, options, error, message, function):
    with pytest.raises(error, match=message):
        getattr(af.pairwise, function)(hidden, weight, ids, **options)


def test_tokens_that_are_as_many_but_of_another_shape_are_refused():
    hidden, weight = np.zeros((2, 6, 4)), np.zeros((7, 4))
    with pytest.raises(ValueError, match=r"token_ids of shape \(3, 4\) do not fit tokens of shape \(2, 6\)"):
        af.pairwise.sequence_logprobs_hidden(hidden, weight, np.zeros((3, 4), dtype=np.int64))
