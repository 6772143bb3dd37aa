"""Losses of single answers that are marked desirable or not."""

from typing import Any, NamedTuple

import numpy as np

from alignment_fast._border.arrays import as_floating
from alignment_fast._border.scalars import as_flag
from alignment_fast._operations import operations
from alignment_fast.kernels.pairwise.structures import Inputs, Loss, Outputs
from alignment_fast.pairwise._batch import LossOutputs, batch, check_reduction, evaluate, ratio, reduced
from alignment_fast.pairwise._number import number, required_number
from alignment_fast.pairwise.loss_types import find


class UnpairedLoss(NamedTuple):
    """Result of `unpaired_loss`: the loss, the rewards β (a − b), the gradient (None where not asked for)."""

    loss: Any
    rewards: Any = None
    grad_policy: Any = None


def batch_kl(policy: Any, ref: Any, *, beta: float = 0.1) -> float:
    r"""Return KTO's reference point of a batch, :math:`z = \beta \max(0, \overline{a - b})`, in units of the reward.

    Parameters
    ----------
    policy, ref : array (...,)
        Log-probabilities (nats) of answers paired with the prompts of other examples, under policy and reference.
    beta : float, default 0.1
        The KL coefficient.

    Returns
    -------
    float
        The `kl` of `unpaired_loss`; NaN for no answers.

    Raises
    ------
    ValueError
        For shapes that differ.
    TypeError
        For integer log-probabilities.

    Notes
    -----
    Accuracy: (140 + n / 1024) 2^-53 β times the mean of |a − b| over n answers. Cost: one pass. Reference: Ethayarajh
    et al., arXiv:2402.01306, section 4.1.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.pairwise.batch_kl([-10.0, -12.0], [-11.0, -12.5], beta=1.0)
    0.75

    """
    found: float | None = operations("pairwise").short_batch_kl(policy, ref, beta)
    if found is not None:
        return found
    of = batch(("policy", "ref"), (policy, ref))
    arrays = (as_floating(x, name, floating_only=True) for x, name in ((policy, "policy"), (ref, "ref")))
    mine, other = (array.astype(of.dtype, copy=False).reshape(-1) for array in arrays)
    mean = ratio(operations("pairwise", of.device).sum_of_differences(mine, other), of.size)
    return required_number(beta, "beta") * (mean if mean != mean else max(0.0, mean))


def unpaired_loss(
    policy: Any,
    ref: Any,
    desirable: Any,
    *,
    kl: float | None,
    loss_type: str = "kto",
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    reduction: str = "mean",
    grad: bool = False,
    out: Any = None,
    num_threads: int | None = None,
) -> UnpairedLoss:
    r"""Return the loss of answers that are marked desirable or undesirable, with its gradient.

    With the reward :math:`r = \beta(a - b)` and the reference point :math:`z = \max(0, \mathrm{kl})`,

    .. math:: \lambda_w\,(1 - \sigma(r - z)) \text{ (desirable)}, \qquad \lambda_l\,(1 - \sigma(z - r)) \text{ (not)}.

    Parameters
    ----------
    policy, ref : array (...,)
        Log-probabilities (nats) of the answers under policy and reference, as in `preference_loss`.
    desirable : array of bool (...,)
        Which answers are desirable.
    kl : float or None
        Reference point in units of the reward, constant under differentiation: β times the estimated KL divergence,
        as `batch_kl` computes it. ``"apo_zero_unpaired"`` has none and ignores it.
    loss_type : {"kto", "apo_zero_unpaired"}
        The loss.
    beta : float, default 0.1
        The KL coefficient: the inverse of the `beta` of `alignment_fast.policy`.
    desirable_weight, undesirable_weight : float, default 1
        The weights λ.
    reduction : {"mean", "sum", "none"}
        What to do with the losses.
    grad : bool, default False
        Whether to return the gradient of the reduced loss.
    out : mapping of "loss", "rewards", "grad_policy" to arrays, or an earlier result; optional
        Arrays to write into, none of them an input; what is not among them is then not computed.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    UnpairedLoss
        float32 for float32, float16 and bfloat16 input, else float64.

    Raises
    ------
    ValueError
        For an unknown loss, shapes that differ, a missing `kl`, labels that are neither true nor false.
    TypeError
        For integer log-probabilities and tensors that require grad.

    Notes
    -----
    Accuracy of the loss of an answer and its gradient: 6 epsilon relative for exact r − z. Cost: two exponentials and
    four divisions per answer. TRL's estimate is in nats and enters as β (ρ − KL): give ``kl=beta * KL``.

    References
    ----------
    Ethayarajh et al., "KTO", arXiv:2402.01306; D'Oosterlinck et al., "APO", arXiv:2408.06266.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.pairwise.unpaired_loss([-10.0, -9.0], [-11.0, -11.0], [True, False], kl=0.0, beta=1.0).loss.round(6)
    np.float64(0.574869)

    """
    row = find(loss_type, fits=lambda row: not row.is_paired, where="unpaired_loss")
    if out is None and num_threads is None:
        shift = kl if row.has_reference_point else 0.0
        weights = desirable_weight, undesirable_weight
        short = operations("pairwise").short_unpaired_loss
        found: UnpairedLoss | None = short(
            UnpairedLoss, row.kernel, policy, ref, desirable, beta, shift, *weights, reduction, grad
        )
        if found is not None:
            return found
    check_reduction(reduction)
    grad = as_flag(grad, "grad")
    beta = required_number(beta, "beta")
    if not 0.0 < beta < np.inf:
        raise ValueError(f"beta must be positive and finite, not {beta}")
    shift = max(0.0, _reference_point(kl, loss_type)) if row.has_reference_point else 0.0
    of = batch(("policy", "ref"), (policy, ref))
    ops, divisor = operations("pairwise", of.device), of.size if reduction == "mean" else 1.0
    targets, weights = _labels(ops, of, desirable, desirable_weight, undesirable_weight)
    results = LossOutputs(of, out, UnpairedLoss._fields)
    loss = results.array("loss", reduction == "none")
    slope, rewards = results.array("grad_policy", grad), results.array("rewards", True)
    results.refuse_overlap(("policy", "ref"), desirable=targets)
    sums = evaluate(
        ops,
        of,
        Loss(row.kernel, beta=beta, gamma=shift),
        Inputs(of.arrays[0], ref_chosen=of.arrays[1], weight=weights, target=targets),
        Outputs(loss, grad_chosen=slope, chosen_rewards=rewards),
        divisor=divisor,
        num_threads=num_threads,
    )
    if reduction == "none":
        value = results.give("loss", loss)
    else:
        value = reduced(ops, of, sums, divisor)
    return UnpairedLoss(value, results.give("rewards", rewards), results.give("grad_policy", slope))


def _reference_point(kl, loss_type):
    value = number(kl, "kl")
    if value is None or not np.isfinite(value):
        raise ValueError(f"loss_type {loss_type!r} needs a finite kl, not {kl!r}; batch_kl estimates it")
    return value


def _labels(ops, of, desirable, desirable_weight, undesirable_weight):
    """Return targets 1 and 0 and the weights of the answers, None where all of them are 1."""
    if desirable is None:
        raise TypeError("desirable must be an array, not None")
    labels = of.booleans(desirable, "desirable")
    named = (("desirable_weight", desirable_weight), ("undesirable_weight", undesirable_weight))
    weights = tuple(of.dtype.type(required_number(weight, name)) for name, weight in named)
    return ops.labels(labels, of.dtype, weights)


__all__ = ["UnpairedLoss", "batch_kl", "unpaired_loss"]
