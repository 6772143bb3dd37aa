"""Losses inside of JAX's programs: values, transformations, constants, and the layout of XLA's frames."""

import shutil
import subprocess

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.kernels.pairwise import operations as ops

jax = pytest.importorskip("jax", reason="JAX IS NOT INSTALLED: its front end has NOT been tested")
import jax.numpy as jnp  # noqa: E402

from alignment_fast.interop.jax import margin_loss, preference_loss, unpaired_loss  # noqa: E402

pytestmark = pytest.mark.frontends

PAIRED = [name for name, row in af.pairwise.LOSS_TYPES.items() if row.is_paired and not row.is_matched]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def four(dtype, shape=(3, 4)):
    random = np.random.default_rng(0)
    return [(-3 * np.abs(random.standard_normal(shape)) - 0.1).astype(dtype) for _ in range(4)]


def options_of(loss_type):
    row = af.pairwise.LOSS_TYPES[loss_type]
    return {"loss_type": loss_type, "beta": 0.7} | ({"label_smoothing": 0.1} if row.smoothing else {})


@pytest.mark.parametrize("loss_type", PAIRED)
@pytest.mark.parametrize("lengths", [False, True])
def test_losses_and_gradients(loss_type, lengths, dtype):
    row, options = af.pairwise.LOSS_TYPES[loss_type], options_of(loss_type)
    if (lengths and row.averages_tokens) or (row.needs_lengths and not lengths):
        pytest.skip("not this loss")
    if lengths:
        options |= {"chosen_length": np.full((3, 4), 2.0, dtype), "rejected_length": np.full((3, 4), 5.0, dtype)}
    arrays = four(dtype) if row.has_reference else four(dtype)[:2]
    plain = af.pairwise.preference_loss(*arrays, grad=True, **options)

    def loss(*values):
        return preference_loss(*values, **options)

    rtol = 1e-6 if dtype == "float32" else 1e-14
    value, gradients = jax.jit(jax.value_and_grad(loss, argnums=tuple(range(len(arrays)))))(*map(jnp.asarray, arrays))
    np.testing.assert_allclose(value, plain.loss, rtol=rtol)
    np.testing.assert_allclose(gradients[0], plain.grad_policy_chosen, rtol=rtol)
    np.testing.assert_allclose(gradients[1], plain.grad_policy_rejected, rtol=rtol)
    if row.has_reference:
        np.testing.assert_allclose(gradients[2], -plain.grad_policy_chosen, rtol=rtol)
        np.testing.assert_allclose(gradients[3], -plain.grad_policy_rejected, rtol=rtol)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_reductions(reduction, dtype):
    arrays, weight = four(dtype), np.linspace(0, 1, 12).reshape(3, 4).astype(dtype)
    plain = af.pairwise.preference_loss(*arrays, reduction=reduction)
    np.testing.assert_allclose(preference_loss(*arrays, reduction=reduction), plain.loss, rtol=1e-6)
    plain = af.pairwise.preference_loss(*arrays, reduction=reduction, weight=weight)
    np.testing.assert_allclose(preference_loss(*arrays, reduction=reduction, weight=weight), plain.loss, rtol=1e-6)
    none = [jnp.zeros((0, 4), dtype)] * 4
    assert preference_loss(*none, reduction=reduction).shape == ((0, 4) if reduction == "none" else ())


def test_batches_are_mapped(dtype):
    arrays = [jnp.asarray(x) for x in four(dtype)]
    expected = [preference_loss(*row) for row in zip(*arrays, strict=True)]
    np.testing.assert_allclose(jax.vmap(preference_loss)(*arrays), expected, rtol=1e-6)
    shared = jax.vmap(preference_loss, in_axes=(0, 0, None, None))(*arrays[:2], arrays[2][0], arrays[3][0])
    np.testing.assert_allclose(shared[0], expected[0], rtol=1e-6)
    of_rows = jax.jit(jax.vmap(jax.grad(preference_loss)))(*arrays)
    assert of_rows.shape == (3, 4)


def test_margins_and_targets(dtype):
    margin, target = four(dtype)[0], np.linspace(0, 1, 12).reshape(3, 4).astype(dtype)
    options = {"loss_type": "bradley_terry", "gamma": 0.3, "reduction": "sum"}
    plain = af.pairwise.margin_loss(margin, target=target, grad=True, **options)
    found = jax.value_and_grad(lambda x: margin_loss(x, target=target, **options))(jnp.asarray(margin))
    np.testing.assert_allclose(found[0], plain.loss, rtol=1e-6)
    np.testing.assert_allclose(found[1], plain.grad, rtol=1e-5)


@pytest.mark.parametrize("loss_type", ["kto", "apo_zero_unpaired"])
def test_unpaired(loss_type, dtype):
    policy, ref = four(dtype)[:2]
    labels = np.arange(12).reshape(3, 4) % 2 == 0
    options = {"loss_type": loss_type, "desirable_weight": 2.0, "undesirable_weight": 0.5}
    plain = af.pairwise.unpaired_loss(policy, ref, labels, kl=0.2, grad=True, **options)
    loss = jax.jit(lambda x, kl: unpaired_loss(x, jnp.asarray(ref), labels, kl=kl, **options))
    np.testing.assert_allclose(loss(policy, 0.2), plain.loss, rtol=1e-5)
    np.testing.assert_allclose(jax.grad(loss)(jnp.asarray(policy), 0.2), plain.grad_policy, rtol=1e-4)


@pytest.mark.parametrize("kl", [0.3, np.float32(0.3)])
def test_a_reference_point_keeps_its_digits_beside_large_log_probabilities(kl, dtype):
    policy, ref = np.array([-2000.0, -2001.0], dtype), np.array([-2000.5, -2000.25], dtype)
    found = unpaired_loss(policy, ref, np.array([True, False]), kl=kl, beta=0.9, reduction="none")
    reward = 0.9 * (policy.astype(float) - ref.astype(float)) - kl
    expected = 1 / (1 + np.exp(np.array([reward[0], -reward[1]])))
    np.testing.assert_allclose(found, expected, rtol=2e-7 if dtype == "float32" else 1e-8)
    with pytest.raises(ValueError, match=r"ref of shape \(1,\)"):
        unpaired_loss(policy, ref[:1], np.array([True, False]), kl=kl)


def test_sixteen_bit_arrays_are_computed_in_float32():
    arrays = [jnp.asarray(x, jnp.bfloat16) for x in four("float32")]
    value, gradient = jax.value_and_grad(preference_loss)(*arrays)
    assert value.dtype == jnp.float32
    assert gradient.dtype == jnp.bfloat16


def test_weights_are_differentiated():
    arrays = [jnp.asarray(x) for x in four("float32")]
    of_weights = jax.grad(lambda w: preference_loss(*arrays, weight=w))(jnp.ones((3, 4)))
    np.testing.assert_allclose(of_weights, preference_loss(*arrays, reduction="none") / 12, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: preference_loss(np.zeros(3), x, x, x), TypeError, "policy_chosen is float64"),
        (lambda x: jax.jit(lambda b: preference_loss(x, x, x, x, beta=b))(0.1), TypeError, "beta must be a constant"),
        (lambda x: preference_loss(x, x, x), ValueError, "needs ref_rejected"),
        (lambda x: preference_loss(x, x[:2], x, x), ValueError, r"policy_rejected of shape \(2,\)"),
        (lambda x: preference_loss(x, x.astype(int), x, x), TypeError, "policy_rejected must be floating-point"),
        (lambda x: preference_loss(x, x, x, x, loss_type="aot"), ValueError, "sorts its batch"),
        (lambda x: preference_loss(x, x, x, x, loss_type="sigmo"), ValueError, "sigmoid"),
        (lambda x: preference_loss(x, x, x, x, reduction="all"), ValueError, "reduction"),
        (lambda x: preference_loss(x, x, x, x, chosen_length=x), ValueError, "rejected_length together"),
        (lambda x: unpaired_loss(x, x, x > 0, kl=None), ValueError, "needs kl"),
        (lambda x: jax.jvp(preference_loss, (x,) * 4, (x,) * 4), TypeError, "custom_vjp"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(jnp.zeros(3, jnp.float32))


def test_the_layout_of_frames_is_that_of_the_headers(tmp_path):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no compiler")
    fields = (
        *("sizeof(XLA_FFI_CallFrame)", "offsetof(XLA_FFI_CallFrame, stage)", "offsetof(XLA_FFI_CallFrame, args)"),
        *("offsetof(XLA_FFI_CallFrame, rets)", "offsetof(XLA_FFI_CallFrame, attrs)", "sizeof(XLA_FFI_Buffer)"),
        *("offsetof(XLA_FFI_Buffer, dtype)", "offsetof(XLA_FFI_Buffer, data)", "offsetof(XLA_FFI_Buffer, dims)"),
        *("sizeof(XLA_FFI_Array)", "offsetof(XLA_FFI_Array, data)", "sizeof(XLA_FFI_Args)"),
        *("offsetof(XLA_FFI_Args, args)", "sizeof(XLA_FFI_Attrs)", "offsetof(XLA_FFI_Attrs, attrs)"),
        *("sizeof(XLA_FFI_Metadata)", "offsetof(XLA_FFI_Metadata, traits)", "sizeof(XLA_FFI_Error_Create_Args)"),
        *("offsetof(XLA_FFI_Api, XLA_FFI_Error_Create)", "XLA_FFI_ExecutionStage_EXECUTE"),
        *("XLA_FFI_Error_Code_INVALID_ARGUMENT", "XLA_FFI_DataType_F32", "XLA_FFI_DataType_F64"),
    )
    prints = "".join(f'printf("%zu ", (size_t)({field}));' for field in fields)
    source = tmp_path / "layout.c"
    text = f'#include "xla/ffi/api/c_api.h"\n#include <stdio.h>\nint main(void) {{ {prints} return 0; }}\n'
    source.write_text(text, "utf-8")
    program = tmp_path / "layout"
    subprocess.run([compiler, f"-I{jax.ffi.include_dir()}", str(source), "-o", str(program)], check=True)
    printed = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    assert tuple(map(int, printed.split())) == ops.FFI_LAYOUT


def test_frames_that_do_not_fit_are_errors():
    from alignment_fast.interop import jax as front_end

    call = jax.ffi.ffi_call(front_end._registered(), (jax.ShapeDtypeStruct((3,), np.float32),) * 2)
    with pytest.raises(Exception, match="float32 or float64 is needed"):
        call(jnp.zeros(3, jnp.int32), numbers=np.zeros(12))
    with pytest.raises(Exception, match="twelve numbers"):
        call(jnp.zeros(3, jnp.float32), numbers=np.zeros(3))
    with pytest.raises(Exception, match="one shape"):
        call(jnp.zeros(4, jnp.float32), numbers=np.zeros(12))
    with pytest.raises(Exception, match="no such loss"):
        call(jnp.zeros(3, jnp.float32), numbers=np.zeros(12))
