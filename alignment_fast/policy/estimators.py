r"""Estimators of the Kullback-Leibler divergence from samples, as trainers use them, and what their gradients descend.

With :math:`\rho = \log \pi(y) - \log b(y)` at a sample y of the policy π, b the reference:

.. math:: k_1 = \rho, \qquad k_2 = \rho^2 / 2, \qquad k_3 = e^{-\rho} - 1 + \rho .

Two different gradients go by the name of each. *In the loss* the estimator is differentiated at fixed samples, which
gives :math:`E_\pi[k'(\rho)\, \nabla \log\pi]`; *in the reward* its value weighs the score, which gives
:math:`E_\pi[k(\rho)\, \nabla \log\pi]`. Their sum is the gradient of the expectation :math:`E_\pi[k(\rho)]`.

========== ================================ =====================================
estimator  in the loss                      in the reward
========== ================================ =====================================
k1         0: nothing is descended          :math:`\nabla D(\pi \| b)`
k2         :math:`\nabla D(\pi \| b)`       neither divergence's
k3         :math:`\nabla D(b \| \pi)`       :math:`\nabla D(\pi \| b) - \nabla D(b \| \pi)`
========== ================================ =====================================

References
----------
Schulman, "Approximating KL divergence", http://joschu.net/blog/kl-approx.html (2020). Shao et al., arXiv:2402.03300 (k3
in the loss). Tang & Munos, "On a few pitfalls in KL divergence gradient estimation for RL", arXiv:2506.09477.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from alignment_fast._border.arrays import as_floating, common_device, library_of, like
from alignment_fast._border.call import arrays_on_device
from alignment_fast._border.kinds import in_callers_kind
from alignment_fast._border.scalars import as_flag
from alignment_fast._border.status import place
from alignment_fast._operations import operations

__all__ = ["KLEstimatorMoments", "KLEstimators", "kl_estimator_moments", "kl_estimators"]


class KLEstimators(NamedTuple):
    """Estimators at each sample, and their derivatives by the log-probability under the policy.

    Parameters
    ----------
    k1, k2, k3 : array (...)
        The estimators, in nats.
    grad_k1, grad_k2, grad_k3 : array (...)
        1, ρ and 1 − e^−ρ: the factors of ∇ log π where an estimator stands in the loss.

    """

    k1: Any
    k2: Any
    k3: Any
    grad_k1: Any
    grad_k2: Any
    grad_k3: Any


class KLEstimatorMoments(NamedTuple):
    r"""Exact moments of the three estimators over one sample of the policy; the last axis but for V is k1, k2, k3.

    Parameters
    ----------
    kl, forward_kl : array (...)
        :math:`D(\pi \| b)`, which is estimated, and :math:`D(b \| \pi)`.
    mean, bias, variance : array (..., 3)
        Of one sample; the bias is the mean less `kl`.
    loss_gradient, reward_gradient : array (..., 3, V)
        Expected gradients by the logits of a softmax policy, of the estimator in the loss and in the reward.
    kl_gradient, forward_kl_gradient : array (..., V)
        Gradients of the two divergences by the logits.

    """

    kl: Any
    forward_kl: Any
    mean: Any
    bias: Any
    variance: Any
    loss_gradient: Any
    reward_gradient: Any
    kl_gradient: Any
    forward_kl_gradient: Any


def kl_estimators(log_policy: Any, log_reference: Any) -> KLEstimators:
    r"""Return the estimators k1, k2, k3 of :math:`D(\pi \| b)` at samples of π, and their derivatives by log π.

    k1 is unbiased and may be negative. k2 is biased, by a term of third order in ρ. k3 is never negative, and unbiased
    where b has no mass off the support of π (its mean is less by that mass). The page of this module says which
    gradient descends which divergence; `kl_estimator_moments` gives bias and variance exactly for small alphabets.

    Parameters
    ----------
    log_policy, log_reference : array (...)
        Log-probabilities (nats) of the samples under the policy that drew them and under the reference.

    Returns
    -------
    KLEstimators
        Arrays of the caller's kind; float32 for float32, float16 and bfloat16 input, else float64. NaN passes through;
        a sample that the reference excludes gives inf.

    Raises
    ------
    ValueError
        For shapes that do not broadcast.
    TypeError
        For integer log-probabilities, masked arrays and tensors that require grad.

    Notes
    -----
    Accuracy: 4 units in the last place for exact ρ, tiny ones included, where e^−ρ − 1 + ρ would lose all digits. Cost:
    one exponential per sample. Arrays on a CUDA device, float32 or float64, have one shape, or one of them is a number.

    References
    ----------
    Schulman, "Approximating KL divergence" (2020); Tang & Munos, arXiv:2506.09477.

    Examples
    --------
    >>> import alignment_fast as af
    >>> sampled = af.policy.kl_estimators([-1.0, -2.0], [-1.5, -1.0])
    >>> sampled.k1, sampled.k2, sampled.k3.round(6)
    (array([ 0.5, -1. ]), array([0.125, 0.5  ]), array([0.106531, 0.718282]))
    >>> sampled.grad_k3.round(6)
    array([ 0.393469, -1.718282])

    """
    fields = operations("information").short_kl_estimators(log_policy, log_reference)
    if fields is not None:
        return tuple.__new__(KLEstimators, fields)
    given = {"log_policy": log_policy, "log_reference": log_reference}
    device = common_device(**given)
    if device == "cuda":
        policy, reference = arrays_on_device(given).values()
    else:
        policy, reference = (as_floating(value, name, floating_only=True) for name, value in given.items())
    _refuse_shapes(policy.shape, reference.shape, repeats=device == "cpu")
    columns = operations("information", device).sample_estimators(policy, reference)
    model = log_policy if library_of(log_policy) not in ("numpy", "builtins") else log_reference
    return KLEstimators(
        *(column[()] if device == "cpu" and not column.ndim else like(column, model) for column in columns)
    )


def _refuse_shapes(policy, reference, *, repeats):
    """Raise ValueError for shapes that do not broadcast, or where nothing but one number `repeats`, for others too."""
    both = f"log_policy of shape {policy} and log_reference of shape {reference}"
    try:
        common = np.broadcast_shapes(policy, reference)
    except ValueError:
        raise ValueError(f"{both} do not broadcast") from None
    if not repeats and any(shape != common and math.prod(shape) != 1 for shape in (policy, reference)):
        raise ValueError(f"{both}: on a CUDA device they must have one shape, or one of them be a number")


def kl_estimator_moments(p: Any, reference: Any, *, log: bool = False) -> KLEstimatorMoments:
    r"""Return means, biases, variances and expected gradients of k1, k2, k3 exactly, by enumeration of the alphabet.

    The gradients are by the logits of a softmax policy: for a factor c(y) of ∇ log π(y) the expected gradient is
    :math:`\pi (c - E_\pi c)`. Over m independent samples variances are divided by m, biases are not.

    Parameters
    ----------
    p : array (..., V)
        The policy π, non-negative, normalised here; all samples come from it.
    reference : array (..., V)
        The reference b, positive wherever `p` is, normalised here; leading axes broadcast.
    log : bool, default False
        Whether both hold log-probabilities or logits.

    Returns
    -------
    KLEstimatorMoments
        float64, of the caller's kind.

    Raises
    ------
    ValueError
        For an entry that is NaN, infinite or negative, a row without mass, an outcome of the policy that the reference
        excludes, an empty alphabet, shapes that do not broadcast.

    Notes
    -----
    Accuracy: `kl` and `forward_kl` 1e-14 relative for values down to 1e-300, however close the policy and its reference
    are; elsewhere the error of ρ, 4e-16 (1 + |log π| + |log b|), in every factor. Cost: some passes over (..., V).

    References
    ----------
    Schulman, "Approximating KL divergence" (2020); Tang & Munos, arXiv:2506.09477.

    Examples
    --------
    >>> import alignment_fast as af
    >>> exact = af.policy.kl_estimator_moments([0.5, 0.3, 0.2], [0.4, 0.4, 0.2])
    >>> float(exact.kl.round(6)), exact.bias.round(6), exact.variance.round(6)
    (0.025267, array([ 0.      , -0.000405,  0.      ]), array([0.049086, 0.000205, 0.000255]))
    >>> bool(abs(exact.loss_gradient[1] - exact.kl_gradient).max() < 1e-15)  # k2 in the loss descends D(π‖b)
    True
    >>> bool(abs(exact.loss_gradient[2] - exact.forward_kl_gradient).max() < 1e-15)  # k3 in the loss D(b‖π)
    True

    """
    fields = operations("information").short_kl_estimator_moments(p, reference, log)
    if fields is not None:
        return tuple.__new__(KLEstimatorMoments, fields)
    log = as_flag(log, "log")
    given = in_callers_kind(kl_estimator_moments, {"p": p, "reference": reference}, log=log)
    if given is not None:
        return given
    policy, base = _weights(p, "p", log), _weights(reference, "reference", log)
    try:
        policy, base = np.broadcast_arrays(policy, base)
    except ValueError:
        raise ValueError(f"p of shape {policy.shape} and reference of shape {base.shape} do not broadcast") from None
    empty = -np.inf if log else 0.0
    outside = np.flatnonzero((policy != empty) & (base == empty))
    if outside.size:
        where = place(int(outside[0]), policy.shape)
        raise ValueError(f"reference{where} is 0 where p is not: every divergence there is infinite")
    *leading, width = policy.shape
    rows = (np.ascontiguousarray(array).reshape(math.prod(leading), width) for array in (policy, base))
    scalars, vectors = operations("information").estimator_moments(*rows, log)
    scalars = scalars.reshape(*leading, scalars.shape[-1])
    vectors = vectors.reshape(*leading, vectors.shape[-2], width)
    return KLEstimatorMoments(
        kl=scalars[..., 0][()],
        forward_kl=scalars[..., 1][()],
        mean=scalars[..., 2:5],
        bias=scalars[..., 5:8],
        variance=scalars[..., 8:11],
        loss_gradient=vectors[..., 0:3, :],
        reward_gradient=vectors[..., 3:6, :],
        kl_gradient=vectors[..., 6, :],
        forward_kl_gradient=vectors[..., 7, :],
    )


def _weights(value, name, log):
    """Return probabilities or logarithms (..., V) in float64, or raise for the first bad entry."""
    array = as_floating(value, name, floating_only=log).astype(np.float64, copy=False)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name} of shape {array.shape} has no alphabet")
    bad = np.flatnonzero(~(array < np.inf) if log else ~((array >= 0.0) & (array < np.inf)))
    if bad.size:
        first = int(bad[0])
        kind = "a log-probability" if log else "a finite number >= 0"
        raise ValueError(f"{name}{place(first, array.shape)} = {array.reshape(-1)[first]} is not {kind}")
    largest = array.max(axis=-1, keepdims=True)
    empty = np.flatnonzero(largest == (-np.inf if log else 0.0))
    if empty.size:
        raise ValueError(f"{name} has no positive mass in row {place(int(empty[0]), largest.shape[:-1]) or '[0]'}")
    return array
