"""The border: what every public function does with array arguments, results, and arrays to write into."""

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast._border import arrays, call, outputs, status

P = np.array([[0.5, 0.9, 0.3], [0.1, 0.5, 0.7], [0.7, 0.3, 0.5]])
LETTERS = np.array([0.2, 0.3, 0.5])
LOG_P = np.log(LETTERS)


def masked(array):
    return np.ma.masked_array(array, mask=np.arange(np.size(array)).reshape(np.shape(array)) == 0)


# ---- arguments of one call ----


class Pairs(call.Arguments):
    """Arguments of which those in capitals are matrices."""

    def core(self, name):
        return 1 + name.isupper()


def test_arguments_share_a_dtype_and_broadcast_leading_axes():
    given = Pairs({"x": np.ones((4, 1, 3), np.float32), "M": np.ones((5, 2, 3)), "absent": None}, optional=("absent",))
    assert given.dtype == np.float64
    assert given["x"].dtype == np.float64
    assert given.leading == (4, 5)
    assert given.count() == 20
    assert set(given.arrays) == {"x", "M"}


def test_arrays_of_the_common_dtype_are_read_in_place():
    array = np.ones((4, 3))
    given = call.Arguments({"x": array, "y": np.ones(3)})
    assert given["x"] is array
    assert np.shares_memory(given.rows("x"), array)


@pytest.mark.parametrize(
    ("shape", "leading", "rows"),
    [((3,), (4, 5), 1), ((1, 1, 3), (4, 5), 1), ((4, 5, 3), (4, 5), 20), ((4, 1, 3), (4, 5), 20), ((3,), (), 1)],
)
def test_rows_are_those_of_the_leading_axes_or_one_that_all_share(shape, leading, rows):
    array = np.arange(float(np.prod(shape))).reshape(shape)
    made = call.rows_of(array, 1, leading)
    assert made.shape == (rows, 3)
    assert made.flags.c_contiguous
    np.testing.assert_array_equal(
        np.broadcast_to(made.reshape(-1, 3), (max(rows, np.prod(leading, dtype=int)), 3)),
        np.broadcast_to(array, (*leading, 3)).reshape(-1, 3),
    )


def test_leading_axes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"leading axes do not broadcast: x of shape \(2, 3\), y of shape \(4, 3\)"):
        call.Arguments({"x": np.ones((2, 3)), "y": np.ones((4, 3))})


def test_a_call_without_any_array_says_which_it_needs():
    with pytest.raises(ValueError, match=r"^p or reward is required$"):
        call.Arguments({"p": None, "reward": None}, optional=("p", "reward"))


def test_a_required_array_that_is_none_is_a_type_error():
    with pytest.raises(TypeError, match=r"^reward must be an array, not None$"):
        call.Arguments({"p": LETTERS, "reward": None}, optional=("p",))


@pytest.mark.parametrize(("value", "where"), [(np.nan, "t"), ([0.0, np.nan], r"t\[1\]")])
def test_a_parameter_that_is_nan_is_named_with_its_position(value, where):
    with pytest.raises(ValueError, match=f"^{where} is NaN$"):
        call.Arguments({"x": LETTERS}).grid(value, "t")


def test_results_are_scalars_for_arrays_of_numpy_and_lists():
    for model in (LETTERS, LETTERS.tolist()):
        assert type(call.Arguments({"x": model}).give(np.array([2.0]), ())) is np.float64


def test_a_subclass_of_numpy_arrays_is_an_array_of_numpy():
    class Named(np.ndarray):
        pass

    result = af.information.log_mgf(LETTERS.view(Named), [0.5, 1.0])
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, af.information.log_mgf(LETTERS, [0.5, 1.0]))


def test_the_words_of_16_bit_floats_are_read_in_place():
    narrow = np.ones((3, 4), np.float16)
    assert np.shares_memory(arrays.words_of(narrow[:, ::2], "x"), narrow)
    assert arrays.sixteen_bit(narrow.astype(">f2")) == "float16"
    assert arrays.words_of(narrow.astype(">f2"), "x").tolist() == narrow.view(np.uint16).tolist()


@pytest.mark.parametrize("size", [3, 12])
def test_words_of_rows_become_positions_in_the_array_that_the_caller_gave(size):
    words = np.full(size, np.uint64(2**64 - 1))
    words[2] = 1 << 3 | 1  # in row 2 the letter of index 1 is negative
    array = -np.arange(6.0).reshape(3, 2) if size == 3 else -np.arange(8.0).reshape(4, 1, 2)
    leading = array.shape[:-1] if size == 3 else (4, 3)
    where = r"x\[2, 1\] = -5.0" if size == 3 else r"x\[0, 0, 1\] = -1.0"
    with pytest.raises(ValueError, match=f"{where} is negative"):
        status.check_row_status(words, "x", array, leading)


# ---- masked arrays: a mask is never lost in silence ----

MASKED = {
    "log_mgf": lambda: af.information.log_mgf(LETTERS, masked(LETTERS)),
    "entropy": lambda: af.information.entropy(masked(LETTERS)),
    "renyi_divergence": lambda: af.information.renyi_divergence(LETTERS, masked(LETTERS), 0.5),
    "markov_aligned": lambda: af.information.markov_aligned(masked(P), P, 0.5),
    "tilt": lambda: af.policy.tilt(LETTERS, masked(LETTERS), 1.0),
    "kl_constrained": lambda: af.policy.kl_constrained(LETTERS, LETTERS, 0.1, start=masked(LETTERS)),
    "ipo": lambda: af.policy.ipo(masked(P), None, None, 1.0),
    "classify": lambda: af.policy.classify(masked(P)),
    "preference_matrix": lambda: af.policy.preference_matrix(masked([0, 1]), [1, 0], 2),
    "preference_matrix, ties": lambda: af.policy.preference_matrix([0, 1], [1, 0], 2, tied=masked([True, False])),
    "preference_matrix_from_scores": lambda: af.policy.preference_matrix_from_scores(
        np.ones((3, 2)), attribute=masked([0, 1, 0])
    ),
    "simulate": lambda: af.dynamics.simulate(P, alpha=masked([0.5]), beta=1.0, lam=1.0, init=LETTERS, steps=2),
    "simulate, rounds": lambda: af.dynamics.simulate(
        P, alpha=0.5, beta=1.0, lam=1.0, init=LETTERS, steps=2, record=masked([0, 1])
    ),
    "three_cycle_onset": lambda: af.dynamics.three_cycle_onset(masked([0.1]), alpha=0.5, beta=1.0, lam=1.0),
    "BestOfN": lambda: af.best_of_n.BestOfN(LETTERS, masked(LETTERS)),
    "BestOfN.kl": lambda: af.best_of_n.BestOfN(LETTERS, LETTERS).kl(masked([2.0, 3.0])),
    "kl_estimator": lambda: af.best_of_n.kl_estimator(masked(LETTERS), 3),
    "curve": lambda: af.best_of_n.curve(masked(LETTERS)),
    "curve, draws": lambda: af.best_of_n.curve(LETTERS, masked([1, 2])),
    "curve, ragged": lambda: af.best_of_n.curve([LETTERS, masked(LETTERS)[:2]]),
    "simulate best of n": lambda: af.best_of_n.simulate(af.best_of_n.Gaussian(), masked([2, 4]), 10, seed=1),
    "mean_over_prompts": lambda: af.best_of_n.mean_over_prompts(af.best_of_n.curve(P), clusters=masked([0, 1, 1])),
    "pass_at_k": lambda: af.best_of_n.pass_at_k(9, masked([1, 3]), 2),
    "divergence_from_samples": lambda: af.best_of_n.divergence_from_samples(LETTERS, masked([1, 2])),
    "fit_overoptimization": lambda: af.best_of_n.fit_overoptimization(masked(LETTERS), LETTERS),
    "memoryless": lambda: af.memoryless.MemorylessModel(masked(LETTERS), LETTERS),
    "preference_loss": lambda: af.pairwise.preference_loss(LOG_P, LOG_P, LOG_P, masked(LOG_P)),
    "preference_loss, weights": lambda: af.pairwise.preference_loss(*[LOG_P] * 4, weight=masked(LETTERS)),
    "sequence_logprobs": lambda: af.pairwise.sequence_logprobs(P, masked([0, 1, 2])),
    "Comparisons": lambda: af.ranking.Comparisons(masked([0, 1]), [1, 2]),
    "Comparisons, weights": lambda: af.ranking.Comparisons([0, 1], [1, 2], weight=masked([1.0, 2.0])),
    "estimate_pass_at_k": lambda: af.interop.human_eval.estimate_pass_at_k(9, masked([1, 3]), 2),
}


@pytest.mark.parametrize("call", MASKED.values(), ids=MASKED)
def test_masked_arrays_are_refused(call):
    with pytest.raises(TypeError, match=r"^\S+ is a masked array, and a mask has no meaning here"):
        call()


# ---- None in place of an array that is needed ----

NONE = {
    "entropy": lambda: af.information.entropy(None),
    "cross_entropy": lambda: af.information.cross_entropy(LETTERS, None),
    "kl_divergence": lambda: af.information.kl_divergence(LETTERS, None),
    "kl_divergence, p": lambda: af.information.kl_divergence(None, LETTERS),
    "renyi_divergence": lambda: af.information.renyi_divergence(LETTERS, None, 2.0),
    "renyi_divergence_gradient": lambda: af.information.renyi_divergence_gradient(LETTERS, None, 2.0),
    "log_mgf": lambda: af.information.log_mgf(None, 1.0, p=LETTERS),
    "cumulants": lambda: af.information.cumulants(None),
    "rate_function": lambda: af.information.rate_function(None, 1.0),
    "markov_aligned": lambda: af.information.markov_aligned(P, None, 1.0),
    "tilt": lambda: af.policy.tilt(LETTERS, None, 1.0),
    "tilt_gradient": lambda: af.policy.tilt_gradient(LETTERS, None, 1.0),
    "kl_constrained": lambda: af.policy.kl_constrained(LETTERS, None, 0.1),
    "optimality_gap": lambda: af.policy.optimality_gap(LETTERS, LETTERS, None, 0.1),
    "optimality_gap, p": lambda: af.policy.optimality_gap(LETTERS, None, LETTERS, 0.1),
    "classify": lambda: af.policy.classify(None),
    "ipo": lambda: af.policy.ipo(None, None, None, 1.0),
    "simulate": lambda: af.dynamics.simulate(None, alpha=0.5, beta=1.0, lam=1.0, init=LETTERS, steps=2),
    "simulate, alpha": lambda: af.dynamics.simulate(P, alpha=None, beta=1.0, lam=1.0, init=LETTERS, steps=2),
    "curve": lambda: af.best_of_n.curve(None),
    "pass_at_k": lambda: af.best_of_n.pass_at_k(None, 1, 1),
    "soft_best_of_n": lambda: af.best_of_n.soft_best_of_n(None, LETTERS, 2, 1.0),
    "best_of_poisson": lambda: af.best_of_n.best_of_poisson(None, LETTERS, 2.0),
    "win_rate_optimal": lambda: af.best_of_n.win_rate_optimal(None, LETTERS, kl=0.1),
    "margin_loss": lambda: af.pairwise.margin_loss(None, beta=0.1),
    "sequence_logprobs": lambda: af.pairwise.sequence_logprobs(None, np.zeros((1, 2), int)),
    "memoryless": lambda: af.memoryless.MemorylessModel(None, LETTERS),
}


@pytest.mark.parametrize("call", NONE.values(), ids=NONE)
def test_none_in_place_of_an_array_is_refused_by_name(call):
    with pytest.raises(TypeError, match=r"^\w+ must be an array, not None$"):
        call()


# ---- arrays of many axes: NumPy stores them, and does not broadcast them ----


def deep(shape, value=0.5, axes=33):
    return np.full((1,) * (axes - len(shape)) + shape, value)


MANY_AXES = {
    "entropy": lambda: af.information.entropy(deep((3,))),
    "kl_divergence": lambda: af.information.kl_divergence(deep((3,)), LETTERS),
    "renyi_divergence": lambda: af.information.renyi_divergence(LETTERS, deep((3,)), [1.0, 2.0]),
    "orders": lambda: af.information.renyi_entropy(LETTERS, deep((2,))),
    "log_mgf": lambda: af.information.log_mgf(deep((3,)), 1.0),
    "tilt": lambda: af.policy.tilt(deep((3,)), LETTERS, 1.0),
    "kl_constrained": lambda: af.policy.kl_constrained(LETTERS, deep((3,)), 0.1),
    "classify": lambda: af.policy.classify(deep((3, 3))),
    "simulate": lambda: af.dynamics.simulate(deep((3, 3)), alpha=0.5, beta=1.0, lam=1.0, init=LETTERS, steps=2),
    "simulate, alpha": lambda: af.dynamics.simulate(P, alpha=deep(()), beta=1.0, lam=1.0, init=LETTERS, steps=2),
    "BestOfN": lambda: af.best_of_n.BestOfN(deep((3,)), LETTERS),
    "BestOfN.kl": lambda: af.best_of_n.BestOfN(LETTERS, LETTERS).kl(deep((), 3.0)),
    "kl_upper_bound": lambda: af.best_of_n.kl_upper_bound(deep((), 3.0)),
    "pass_at_k": lambda: af.best_of_n.pass_at_k(deep((), 5), 3, 2),
    "curve": lambda: af.best_of_n.curve(deep((3,))),
    "sequence_logprobs": lambda: af.pairwise.sequence_logprobs(deep((2, 3)), np.zeros((1,) * 31 + (2,), int)),
    "Comparisons": lambda: af.ranking.Comparisons(deep((), 0), [1]),
}


@pytest.mark.parametrize("call", MANY_AXES.values(), ids=MANY_AXES)
def test_arrays_of_more_than_32_axes_are_refused_by_name(call):
    with pytest.raises(ValueError, match=r"^\w+ has 33 axes, more than 32$"):
        call()


def test_arrays_of_32_axes_are_computed():
    p = np.tile(LETTERS, (1,) * 31 + (1,))
    assert af.information.renyi_divergence(p, LETTERS[::-1], [1.0, 2.0]).shape == (1,) * 31 + (2,)
    assert af.policy.tilt(p, LETTERS, [1.0, 2.0]).kl.shape == (1,) * 31 + (2,)
    assert af.best_of_n.BestOfN(p, LETTERS).kl([2, 3]).shape == (1,) * 31 + (2,)


# ---- arrays of libraries that cannot take one back get NumPy's ----


def of_module(module):
    """Return an array on DLPack whose type says that it is of `module`."""

    def dlpack(self, **options):
        return LETTERS.__dlpack__(**options)

    def device(self):
        return (1, 0)

    return type("Array", (), {"__module__": module, "__dlpack__": dlpack, "__dlpack_device__": device})()


@pytest.mark.parametrize("module", ["math", "no.such.module", ""])
@pytest.mark.parametrize(
    "call",
    [
        af.information.entropy,
        lambda array: af.information.kl_divergence(LETTERS, array),
        lambda array: af.policy.tilt(array, LETTERS, 1.0),
        lambda array: af.best_of_n.BestOfN(array, LETTERS).pmf(2),
        lambda array: af.pairwise.margin_loss(array, beta=0.1, reduction="none"),
    ],
    ids=["entropy", "kl_divergence", "tilt", "BestOfN", "margin_loss"],
)
def test_a_library_that_takes_no_array_back_gets_numpys(call, module):
    found, expected = map(call, (of_module(module), LETTERS))
    found, expected = (getattr(part, "log_pi", getattr(part, "loss", part)) for part in (found, expected))
    np.testing.assert_array_equal(found, expected)


# ---- arrays to write into ----


def test_empty_arrays_are_written_into():
    none = np.empty(0)
    found = af.pairwise.margin_loss(none, beta=0.1, reduction="none", grad=True, out={"loss": none, "grad": none})
    assert found.loss.shape == found.grad.shape == (0,)
    for shape in ((0, 2, 3), (2, 0, 3)):
        logits, tokens = np.empty(shape), np.empty(shape[:2], int)
        out = np.empty(shape)
        assert af.pairwise.sequence_logprobs_grad(logits, tokens, upstream=np.empty(shape[0]), out=out) is out


@pytest.mark.parametrize(
    ("shape", "refused"), [((2**31,), False), ((2**16, 2**15), False), ((2**31 + 1,), True), ((2**40, 0), False)]
)
def test_results_of_more_numbers_than_the_limit_are_refused(shape, refused):
    assert outputs.is_too_large(shape) == refused


def test_a_result_that_is_refused_is_named_with_its_size():
    with pytest.raises(ValueError, match=r"the table of shape \(4294967296, 2\) would take 64 GiB"):
        outputs.refuse_large((2**32, 2), "the table")


@pytest.mark.parametrize(
    "array",
    [
        np.ones(3, np.float32),
        np.ones(4),
        np.ones(6)[::2],
        np.ones(3).astype(">f8"),
        np.broadcast_to(np.ones(1), 3),
        masked(np.ones(3)),
        [1.0, 1.0, 1.0],
    ],
    ids=["dtype", "shape", "strided", "byte order", "read-only", "masked", "list"],
)
def test_what_does_not_fit_is_told(array):
    assert outputs.fits(np.ones(3), np.dtype(np.float64), (3,))
    assert not outputs.fits(array, np.dtype(np.float64), (3,))


def test_interleaved_views_do_not_overlap():
    whole = np.zeros((4, 2))
    outputs.refuse_overlap({"out": whole[:, 0]}, {"x": whole[:, 1]})
    with pytest.raises(ValueError, match="out shares memory with x"):
        outputs.refuse_overlap({"out": whole[:, 0]}, {"x": whole[1:]})


def losses_into(out, *, of="preference_loss"):
    """Call a loss whose policy, weights and outputs lie in one piece of memory."""
    memory = np.linspace(-3.0, -1.0, 40)
    policy, weight, outs = memory[:8], memory[8:16], {name: memory[part] for name, part in out.items()}
    if of == "preference_loss":
        return af.pairwise.preference_loss(
            policy, memory[16:24], None, None, loss_type="simpo", weight=weight, grad=True, out=outs
        )
    if of == "margin_loss":
        return af.pairwise.margin_loss(policy, weight=weight, grad=True, out=outs)
    return af.pairwise.unpaired_loss(policy, memory[16:24], np.ones(8), kl=0.0, grad=True, out=outs)


OVERLAPS = [
    ({"chosen_rewards": slice(0, 8)}, "preference_loss", "policy_chosen"),
    ({"chosen_rewards": slice(4, 12)}, "preference_loss", "policy_chosen"),
    ({"grad_policy_chosen": slice(12, 20)}, "preference_loss", "policy_rejected"),
    ({"grad_policy_chosen": slice(8, 16)}, "preference_loss", "weight"),
    ({"grad_policy_chosen": slice(24, 32), "chosen_rewards": slice(31, 39)}, "preference_loss", "out"),
    ({"grad": slice(0, 8)}, "margin_loss", "margin"),
    ({"grad": slice(9, 17)}, "margin_loss", "weight"),
    ({"grad_policy": slice(1, 9)}, "unpaired_loss", "policy"),
    ({"rewards": slice(16, 24)}, "unpaired_loss", "ref"),
]


@pytest.mark.parametrize(("out", "of", "other"), OVERLAPS)
def test_losses_do_not_write_over_what_they_read(out, of, other):
    with pytest.raises(ValueError, match=rf"^out\['\w+'\] shares memory with {other}"):
        losses_into(out, of=of)


def test_losses_write_beside_what_they_read():
    beside = {"grad_policy_chosen": slice(24, 32), "chosen_rewards": slice(32, 40)}
    result = losses_into(beside)
    memory = np.linspace(-3.0, -1.0, 40)
    apart = af.pairwise.preference_loss(
        memory[:8], memory[16:24], None, None, loss_type="simpo", weight=memory[8:16], grad=True
    )
    np.testing.assert_array_equal(result.grad_policy_chosen, apart.grad_policy_chosen)


def test_gradients_by_logits_may_replace_the_logits_but_not_lie_across_them():
    memory = np.linspace(-1.0, 1.0, 40)
    logits, ids = memory[:30].reshape(2, 3, 5), np.zeros((2, 3), int)
    with pytest.raises(ValueError, match="out shares memory with logits"):
        af.pairwise.sequence_logprobs_grad(logits, ids, out=memory[5:35].reshape(2, 3, 5))
    apart = af.pairwise.sequence_logprobs_grad(logits, ids)
    np.testing.assert_array_equal(af.pairwise.sequence_logprobs_grad(logits, ids, out=logits), apart)


def test_gradients_by_logits_do_not_lie_in_the_known_partition():
    memory = np.zeros(30)
    logits, ids = np.zeros((2, 3, 5)), np.zeros((2, 3), int)
    with pytest.raises(ValueError, match="out shares memory with log_partition"):
        af.pairwise.sequence_logprobs_grad(
            logits, ids, log_partition=memory[:6].reshape(2, 3), out=memory.reshape(2, 3, 5)
        )


# ---- arrays of other libraries ----


def test_arrays_of_jax_pass_through_the_same_functions():
    jnp = pytest.importorskip("jax.numpy")
    p, reward = jnp.asarray(LETTERS, jnp.float32), jnp.asarray([3.0, 1.0, 2.0], jnp.float32)
    policy = af.policy.tilt(p, reward, 0.5)
    plain = af.policy.tilt(np.asarray(p), np.asarray(reward), 0.5)
    for ours, theirs in zip(plain, policy, strict=True):
        assert type(theirs) is type(p)
        np.testing.assert_array_equal(ours, theirs)
    narrow = jnp.asarray([-1.0, -2.0, -3.0], jnp.bfloat16)
    result = af.pairwise.preference_loss(narrow, narrow[::-1], narrow, narrow, grad=True)
    wide = np.asarray(narrow.astype(jnp.float32))
    np.testing.assert_array_equal(
        result.grad_policy_chosen,
        af.pairwise.preference_loss(wide, wide[::-1], wide, wide, grad=True).grad_policy_chosen,
    )
    logits = jnp.zeros((2, 3), jnp.bfloat16)
    assert af.pairwise.sequence_logprobs_grad(logits, [0, 2]).dtype == jnp.bfloat16


# ---- odd arguments, named ----

FIT = af.ranking.fit(af.ranking.Comparisons.from_matrix([[0, 3, 2], [1, 0, 2], [2, 1, 0]]))
X, LOG = [0.2, 0.5, 0.3], [-1.0, -2.0]
MODEL = af.memoryless.MemorylessModel(X, reward=[0.0, 1.0, 2.0])
ODD = [
    (
        lambda: af.information.renyi_entropy(X, np.array(["x", 1.0], dtype=object)),
        TypeError,
        "order must be real numbers",
    ),
    (lambda: af.best_of_n.soft_best_of_n(X, X, 2, "0.5"), TypeError, "temperature must be"),
    (
        lambda: af.memoryless.MemorylessModel([10**400, 1], reward=[0.0, 1.0]),
        ValueError,
        "p does not fit into a float64",
    ),
    (lambda: af.ranking.Comparisons([2**70], [1]), ValueError, r"winner\[0\] = 118059.* does not fit into 64 bits"),
    (lambda: af.pairwise.unpaired_loss(LOG, LOG, None, kl=0.0), TypeError, "desirable must be an array, not None"),
    (
        lambda: af.pairwise.margin_loss(LOG, label_smoothing=None),
        TypeError,
        "label_smoothing must be one number, not None",
    ),
    (lambda: af.pairwise.margin_loss(LOG, beta=np.ma.masked_array(1.0, True)), TypeError, "beta must be one number"),
    (lambda: af.pairwise.margin_loss(LOG, beta=1.0 + 1.0j), TypeError, "beta must be one number"),
    (lambda: af.pairwise.margin_loss(LOG, beta=10**400), ValueError, "beta does not fit into a float64"),
    (lambda: af.dynamics.collapse_rates(P, beta=1.0, top=[]), TypeError, "top must be an integer"),
    (lambda: af.dynamics.multiplayer(P, beta="1", init=P, steps=2), TypeError, "beta must be"),
    (lambda: af.dynamics.multiplayer(P, beta=np.ma.masked, init=P, steps=2), TypeError, "beta is a masked array"),
    (lambda: af.dynamics.multiplayer(P, beta=10**400, init=P, steps=2), ValueError, "beta does not fit into a float64"),
    (lambda: af.dynamics.multiplayer(P, beta=1.0, init=P, steps=2**70), ValueError, r"steps = \d+ is too large"),
    (lambda: af.dynamics.FreshPairs(np.array([1, 2])), TypeError, "count must be an integer"),
    (lambda: af.dynamics.FreshPairs(3, prior="1"), TypeError, "prior must be"),
    (lambda: af.dynamics.FreshPairs(3, prior=1e-16), ValueError, "prior must be finite and at least 1e-06"),
    (lambda: af.dynamics.FrozenEstimate(3, prior=10**400), ValueError, "prior does not fit into a float64"),
    (lambda: af.dynamics.critical_beta(P, alpha=[0.5], lam=1.0), TypeError, "alpha must be a number, not an array"),
    (
        lambda: af.dynamics.critical_beta(P, alpha=0.5, lam=1.0, tol=np.nan),
        ValueError,
        "tol = nan must not be negative",
    ),
    (
        lambda: af.dynamics.three_cycle_onset([0.1, 0.2], alpha=[0.5] * 3, beta=1.0, lam=1.0),
        ValueError,
        r"parameters do not broadcast: strength of shape \(2,\), alpha of shape \(3,\)",
    ),
    (
        lambda: af.dynamics.lyapunov_exponent(P, init=LETTERS, steps=np.array([5.0]), alpha=0.5, beta=1.0, lam=1.0),
        TypeError,
        "steps must be an integer",
    ),
    (lambda: MODEL.aligned([0.1, np.nan]), ValueError, r"delta\[1\] = nan is not a number >= 0"),
    (lambda: MODEL.rate([0.1, np.nan]), ValueError, r"tau\[1\] = nan is NaN"),
    (lambda: MODEL.scaled_cumulant([np.nan]), ValueError, r"rho\[0\] = nan is NaN"),
    (lambda: MODEL.best_of_n(5, delta=1e308), ValueError, r"delta = 1e\+308 is too large"),
    (lambda: MODEL.second_order(5, 1e-320), ValueError, "delta is too small"),
    (lambda: MODEL.second_order(10**400, 0.1), ValueError, "m does not fit into a float64"),
    (lambda: MODEL.tail_probability(2**63, 1.0, 2), ValueError, r"m = \d+ is too large"),
    (
        lambda: af.memoryless.MemorylessModel(X, reward=[1e308, 1.0, 2.0]).best_of_n(5, delta=0.1),
        ValueError,
        r"sums of m = 5 rewards between 1.0 and 1e\+308 are beyond the largest double",
    ),
    (lambda: af.ranking.elo([0], [1], k=10**400), ValueError, "k does not fit into a float64"),
    (lambda: af.ranking.elo([0], [1], scale=np.timedelta64(1, "s")), TypeError, "scale must be real numbers"),
    (lambda: af.ranking.elo([0], [1], scale=1e-320), ValueError, "k = 4.0 is too large beside scale"),
    (lambda: af.ranking.krippendorff_alpha(P, replicates=2.5), TypeError, "replicates must be an integer"),
    (lambda: af.ranking.krippendorff_alpha(P, replicates=2**40), ValueError, "how often each unit counts"),
    (lambda: af.ranking.fit_davidson_luce([[0, 1]], n_items="2"), TypeError, "n_items must be an integer"),
    (lambda: af.ranking.fit_davidson_luce([0, 1]), TypeError, "rankings must be a sequence of sequences"),
    (lambda: af.ranking.fit_plackett_luce([[0, 1]], weight=1j), TypeError, "weight must be real numbers"),
    (lambda: af.ranking.fit_plackett_luce([[0, 1]], weight=[10**400]), ValueError, "weight does not fit"),
    (
        lambda: log_likelihood_with(tie_parameter=1.0, home_advantage=np.nan),
        ValueError,
        "home_advantage must be finite",
    ),
    (lambda: log_likelihood_with(tie_parameter=1.0, home_advantage=[1.0, 2.0]), TypeError, "home_advantage must be"),
    (lambda: af.best_of_n.continuous.renyi(4, order="2"), TypeError, "order must be a real number, not '2'"),
    (lambda: af.ranking.tiers(FIT, level=[0.9]), TypeError, "level must be a number, not an array"),
    (lambda: af.ranking.rank_sets(FIT, level="0.9"), TypeError, "level must be real numbers"),
    (lambda: FIT.interval([0.5, 0.6]), TypeError, "level must be a number, not an array"),
    (lambda: FIT.bootstrap(3, rng=0).interval(None), TypeError, "level must be a number, not None"),
    (lambda: af.best_of_n.extrapolate(X, 2, level=[0.9, 0.8]), TypeError, "level must be a number, not an array"),
    (lambda: af.ranking.krippendorff_alpha(P, confidence={}), TypeError, "confidence must be real numbers"),
    (lambda: af.ranking.fit_davidson_luce([[0, 1]], l2=[1.0]), TypeError, "l2 must be a number, not an array"),
    (lambda: af.ranking.fit_davidson_luce([[0, 1]], max_iter=2.5), TypeError, "max_iter must be an integer"),
    (lambda: af.best_of_n.mean_over_prompts(P), TypeError, "curves must be a Curve, not ndarray"),
    (lambda: af.best_of_n.best_of_majority([None, "a"], [0.0, 1.0], 1), TypeError, "answers must be of one kind"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ODD, ids=[row[2] for row in ODD])
def test_numbers_that_are_none_are_named(call, kind, message):
    with pytest.raises(kind, match=f"^{message}"):
        call()


def test_no_rows_are_no_results():
    none = np.ones((0, 3))
    assert af.best_of_n.BestOfN(none, none).aligned(2).policy.log_pi.shape == (0, 3)
    assert af.policy.kl_estimator_moments(none, none).kl.shape == (0,)


def test_infinite_hidden_states_give_nan_without_a_warning():
    hidden = np.full((2, 3), np.inf)
    found = af.pairwise.sequence_logprobs_hidden_grad(hidden, [[1.0, -1.0, 0.5]] * 4, [0, 1])
    assert np.isnan(found[0]).all()


def test_scaled_cumulants_of_infinite_orders_are_the_extreme_rewards():
    model = af.memoryless.MemorylessModel([0.2, 0.8], reward=[3.0, 1.0])
    np.testing.assert_array_equal(model.scaled_cumulant([np.inf, -np.inf], which="reference"), [3.0, 1.0])
    np.testing.assert_array_equal(model.scaled_cumulant([np.inf, -np.inf], delta=0.1), [3.0, 1.0])
    mean = model.scaled_cumulant(0.0, delta=0.1, which="best_of_n")
    np.testing.assert_array_equal(model.scaled_cumulant([np.inf, -np.inf], delta=0.1, which="best_of_n"), [3.0, mean])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda big: af.policy.achievable_gain([1.0, 2.0, 3.0], beta=1.0).interval(big), "level"),
        (lambda big: af.best_of_n.BestOfN([0.5, 0.5], [0.0, 1.0]).divergence("renyi", 3, order=big), "order"),
        (lambda big: log_likelihood_with(tie_parameter=big), "tie_parameter"),
        (lambda big: af.best_of_n.tsallis_weights([1.0, 2.0], beta=big), "beta"),
    ],
    ids=["level", "order", "tie_parameter", "beta"],
)
def test_integers_beyond_the_largest_double_are_named(call, named):
    with pytest.raises((TypeError, ValueError), match=f"{named} (does not fit|must be)"):
        call(10**400)


def log_likelihood_with(**options):
    met = af.ranking.Comparisons([0, 1], [1, 0])
    return af.ranking.log_likelihood([0.0, 1.0], met, "davidson", **options)
