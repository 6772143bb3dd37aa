"""The losses of pairs and margins in JAX: inside of compiled programs, differentiable, batched.

XLA calls the compiled pass itself, through a handler in this package that is registered at first use; nothing of JAX is
needed to build it, and no Python runs while a program does.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._operations import operations
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.kernels.pairwise.structures import Loss
from alignment_fast.pairwise._batch import check_reduction
from alignment_fast.pairwise.loss_types import Settings, find, plan

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise BackendUnavailableError("alignment_fast.interop.jax needs jax; install alignment-fast[jax]") from error

__all__ = ["margin_loss", "preference_loss", "unpaired_loss"]

_TARGET = "alignment_fast_pairs"
# Where the handler takes an array of that name.
_SLOTS = {
    "policy_chosen": 0,
    "margin": 0,
    "policy": 0,
    "policy_rejected": 1,
    "ref_chosen": 2,
    "ref": 2,
    "ref_rejected": 3,
    "chosen_length": 4,
    "rejected_length": 5,
    "target": 7,
}


def preference_loss(
    policy_chosen: Any,
    policy_rejected: Any,
    ref_chosen: Any = None,
    ref_rejected: Any = None,
    *,
    loss_type: str = "sigmoid",
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    weight: Any = None,
    reduction: str = "mean",
    score: str = "reverse_kl",
    chosen_length: Any = None,
    rejected_length: Any = None,
    gamma: float | None = None,
    lam: float | None = None,
    alpha: float | None = None,
    tau: float | None = None,
    delta: float | None = None,
) -> Any:
    r"""Return a preference loss of pairs of log-probabilities, under ``jit``, ``vmap`` and ``grad``.

    Parameters
    ----------
    policy_chosen, policy_rejected, ref_chosen, ref_rejected : array (...,)
        Log-probabilities (nats) of one shape and dtype; 16-bit ones are computed in float32.
    loss_type, beta, label_smoothing, reduction, score, gamma, lam, alpha, tau, delta
        As in `alignment_fast.pairwise.preference_loss`, constants of the program. Losses that sort their batch are not
        here.
    weight : array (...,), optional
        Weights of the pairs, differentiable.
    chosen_length, rejected_length : array (...,), optional
        Numbers of tokens; they have no derivative.

    Returns
    -------
    array
        float32, of float64 input float64.

    Raises
    ------
    ValueError
        As `alignment_fast.pairwise.preference_loss`; lengths are not checked inside of programs.
    TypeError
        For float64 arrays where ``jax_enable_x64`` is off, traced values where a constant is needed, dtypes that
        differ.

    Notes
    -----
    Accuracy as in `alignment_fast.pairwise.preference_loss`. First derivatives in reverse mode.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from alignment_fast.interop.jax import preference_loss
    >>> chosen, reference = jnp.array([-10.0, -12.0]), jnp.array([-11.0, -11.0])
    >>> loss = lambda x: preference_loss(x, jnp.array([-11.0, -10.0]), reference, reference, beta=1.0)
    >>> [round(float(x), 4) for x in jax.jit(jax.grad(loss))(chosen)]
    [-0.1345, -0.4404]

    """
    check_reduction(reduction)
    values = {"beta": beta, "label_smoothing": label_smoothing, "gamma": gamma, "lam": lam}
    values |= {"alpha": alpha, "tau": tau, "delta": delta}
    planned = plan(*Settings(loss_type, score=score, **_constants(values)))
    row, loss = planned.row, planned.loss
    if row.is_matched:
        raise ValueError(f"loss_type {loss_type!r} sorts its batch and is not here")
    given = {
        "policy_chosen": policy_chosen,
        "policy_rejected": policy_rejected,
        "ref_chosen": ref_chosen if row.has_reference else None,
        "ref_rejected": ref_rejected if row.has_reference else None,
    }
    for name, value in given.items():
        if value is None and name in row.inputs:
            raise ValueError(f"loss_type {loss_type!r} needs {name}; it is {row.formula}")
    lengths = {"chosen_length": chosen_length, "rejected_length": rejected_length}
    missing = [name for name, value in lengths.items() if value is None]
    if len(missing) == 1 or (missing and row.needs_lengths):
        raise ValueError(f"loss_type {loss_type!r} needs chosen_length and rejected_length together")
    if row.averages_tokens and not missing:
        raise ValueError(f"loss_type {loss_type!r} takes no lengths here; divide the sum by them")
    return _loss(_Program(loss, not row.has_reference), given, lengths, weight, reduction)


def margin_loss(
    margin: Any,
    loss_type: str = "sigmoid",
    *,
    beta: float = 1.0,
    label_smoothing: float = 0.0,
    target: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    gamma: float | None = None,
    tau: float | None = None,
) -> Any:
    r"""Return a preference loss of margins, under ``jit``, ``vmap`` and ``grad``.

    Parameters
    ----------
    margin : array (...,)
        Differences of rewards or of log-ratios.
    loss_type, beta, label_smoothing, reduction, gamma, tau
        As in `alignment_fast.pairwise.margin_loss`, constants of the program.
    target : array (...,), optional
        Probabilities that the first answer is the better one; they have no derivative.
    weight : array (...,), optional
        Weights, differentiable.

    Returns
    -------
    array
        float32, of float64 input float64.

    Raises
    ------
    ValueError, TypeError
        As `preference_loss`.

    Notes
    -----
    Accuracy as in `alignment_fast.pairwise.margin_loss`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from alignment_fast.interop.jax import margin_loss
    >>> round(float(margin_loss(jnp.array([0.0, 2.0]))), 4)
    0.41

    """
    check_reduction(reduction)
    values = {"beta": beta, "label_smoothing": label_smoothing, "gamma": gamma, "tau": tau}
    loss = plan(*Settings(loss_type, margin=True, **_constants(values))).loss
    return _loss(_Program(loss, False), {"margin": margin}, {"target": target}, weight, reduction)


def unpaired_loss(
    policy: Any,
    ref: Any,
    desirable: Any,
    *,
    kl: Any,
    loss_type: str = "kto",
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    reduction: str = "mean",
) -> Any:
    r"""Return the loss of answers that are marked desirable or undesirable, under ``jit``, ``vmap`` and ``grad``.

    Parameters
    ----------
    policy, ref : array (...,)
        Log-probabilities (nats) of one shape and dtype.
    desirable : array of bool (...,)
        Which answers are desirable.
    kl : float or array of one number
        Reference point in units of the reward, as in `alignment_fast.pairwise.unpaired_loss`; it has no derivative.
    loss_type, beta, desirable_weight, undesirable_weight, reduction
        As there, constants of the program.

    Returns
    -------
    array
        float32, of float64 input float64.

    Raises
    ------
    ValueError, TypeError
        As `preference_loss`.

    Notes
    -----
    Accuracy as in `alignment_fast.pairwise.unpaired_loss`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from alignment_fast.interop.jax import unpaired_loss
    >>> policy, labels = jnp.array([-10.0, -9.0]), jnp.array([True, False])
    >>> round(float(unpaired_loss(policy, jnp.array([-11.0, -11.0]), labels, kl=0.0, beta=1.0)), 4)
    0.5749

    """
    check_reduction(reduction)
    row = find(loss_type, fits=lambda row: not row.is_paired, where="unpaired_loss")
    values = {"beta": beta, "desirable_weight": desirable_weight, "undesirable_weight": undesirable_weight}
    numbers = _constants(values)
    if not 0.0 < numbers["beta"] < inf:
        raise ValueError(f"beta must be positive and finite, not {beta}")
    labels = jnp.asarray(desirable)
    if "kl" in row.inputs:
        if kl is None:
            raise ValueError(f"loss_type {loss_type!r} needs kl; alignment_fast.pairwise.batch_kl estimates it")
        point = jax.lax.stop_gradient(jnp.maximum(jnp.asarray(kl), 0.0)) / numbers["beta"]
        scores = _scores({"policy": policy, "ref": ref})
        policy = scores["policy"] - scores["ref"]  # first: float32 has four digits after the point at -2000
        ref = jnp.broadcast_to(point, policy.shape).astype(policy.dtype)
    program = _Program(Loss(row.kernel, beta=numbers["beta"]), False)
    weights = numbers["desirable_weight"], numbers["undesirable_weight"]
    weight = None if weights == (1.0, 1.0) else jnp.where(labels.astype(bool), *weights)
    return _loss(program, {"policy": policy, "ref": ref}, {"target": labels}, weight, reduction)


# ---- arguments ----


def _constants(values: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as floats; TypeError for one that is traced."""
    found = {}
    for name, value in values.items():
        if isinstance(value, jax.core.Tracer):
            raise TypeError(f"{name} must be a constant of the program, not a traced value")
        try:
            found[name] = None if value is None else float(value)
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be one number, not {value!r}") from None
    return found


def _wide(name: str, value: Any) -> jax.Array:
    """Return an array in the dtype that it is computed in, or raise TypeError."""
    dtype = getattr(value, "dtype", None)
    if dtype == np.float64 and jax.dtypes.canonicalize_dtype(np.float64) != np.float64:
        raise TypeError(f"{name} is float64, which JAX would round to float32: switch jax_enable_x64 on")
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating-point, not {array.dtype}")
    return array if array.dtype in (jnp.float32, jnp.float64) else array.astype(jnp.float32)


def _scores(given: dict[str, Any]) -> dict[str, jax.Array]:
    """Return the scores that are given in the dtype of computing, or raise an error where they differ."""
    wide = {name: _wide(name, value) for name, value in given.items() if value is not None}
    first_name, first = next(iter(wide.items()))
    for name, array in wide.items():
        if array.dtype != first.dtype:
            raise TypeError(f"{name} is {array.dtype} and {first_name} is {first.dtype}: give both in one dtype")
        _require_shape(name, array, first_name, first)
    return wide


def _require_shape(name: str, value: Any, first_name: str, first: jax.Array) -> None:
    if jnp.shape(value) != first.shape:
        raise ValueError(f"{name} of shape {jnp.shape(value)} and {first_name} of shape {first.shape} differ")


class _Program(NamedTuple):
    """What a call is, as constants of the program; `reduction` that of the compiled pass."""

    loss: Loss
    lengths_first: bool
    reduction: str = "none"

    def numbers(self, slots: int, size: int) -> np.ndarray:
        """Return the handler's attribute for arrays in the slots of these bits."""
        ops, loss = operations("pairwise"), self.loss
        codes = [slots, ops.FORMULAS_BY_NAME[loss.formula], ops.SCORES[loss.score], self.lengths_first]
        parameters = [loss.beta, loss.epsilon, loss.gamma, loss.lam, loss.tau, loss.delta, loss.exponent]
        factor = 1.0 / size if self.reduction == "mean" else 1.0
        return np.array([*codes, *parameters, factor], dtype=np.float64)


def _loss(
    program: _Program, scores: dict[str, Any], constants: dict[str, Any], weight: Any, reduction: str
) -> jax.Array:
    """Return the loss; `scores` and `weight` are differentiated, `constants` are not."""
    wide = _scores(scores)
    first_name, first = next(iter(wide.items()))
    others = {name: value for name, value in constants.items() if value is not None}
    for name, value in {**others, **({} if weight is None else {"weight": weight})}.items():
        _require_shape(name, value, first_name, first)
    places = tuple(_SLOTS[name] for name in (*wide, *others))
    fixed = tuple(jax.lax.stop_gradient(jnp.asarray(value).astype(first.dtype)) for value in others.values())
    inside = weight is None and first.size > 0  # the pass reduces what has no derivative by weights
    program = program._replace(reduction=reduction if inside else "none")
    loss: jax.Array = _differentiable(program, places, tuple(wide.values()), fixed)
    if weight is not None:
        loss = loss * jnp.asarray(weight).astype(loss.dtype)
    if inside or reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


# ---- inside of programs ----


@functools.cache
def _registered() -> str:
    """Register the handler, once; return its name."""
    handler = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(operations("pairwise").FFI_PAIRS)
    jax.ffi.register_ffi_target(_TARGET, jax.ffi.pycapsule(handler), platform="cpu")
    return _TARGET


def _call(program: _Program, places: tuple[int, ...], arrays: tuple[jax.Array, ...]) -> list[jax.Array]:
    """Return the losses, or their reduction, and the gradients of both sides."""
    slots = sum(1 << place for place in places)
    shape, dtype = arrays[0].shape, arrays[0].dtype
    results = [jax.ShapeDtypeStruct(shape if program.reduction == "none" else (), dtype)]
    results += [jax.ShapeDtypeStruct(shape, dtype)] * (1 + (1 in places))
    call = jax.ffi.ffi_call(_registered(), results, vmap_method="broadcast_all")
    return list(call(*arrays, numbers=program.numbers(slots, arrays[0].size)))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _differentiable(
    program: _Program, places: tuple[int, ...], scores: tuple[jax.Array, ...], fixed: tuple[jax.Array, ...]
) -> jax.Array:
    return _call(program, places, (*scores, *fixed))[0]


def _forward(
    program: _Program, places: tuple[int, ...], scores: tuple[jax.Array, ...], fixed: tuple[jax.Array, ...]
) -> tuple[jax.Array, Any]:
    losses, *gradients = _call(program, places, (*scores, *fixed))
    return losses, (gradients, fixed)


def _backward(program: _Program, places: tuple[int, ...], kept: Any, upstream: jax.Array) -> tuple[Any, Any]:
    gradients, fixed = kept
    sides = [gradient * upstream for gradient in gradients]
    of_scores = [sides[place % 2] if place < 2 else -sides[place % 2] for place in places if place < 4]
    return tuple(of_scores), tuple(map(jnp.zeros_like, fixed))


_define: Callable[..., None] = _differentiable.defvjp
_define(_forward, _backward)
