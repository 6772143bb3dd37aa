"""Losses of pairs of log-probabilities, with rewards and gradients from the same pass."""

from typing import Any, NamedTuple

from alignment_fast._border.arrays import like
from alignment_fast._border.scalars import as_flag
from alignment_fast._operations import operations
from alignment_fast.kernels.pairwise.structures import Inputs, Outputs
from alignment_fast.pairwise._batch import (
    Batch,
    LossOutputs,
    Metrics,
    batch,
    check_reduction,
    evaluate,
    reduced,
)
from alignment_fast.pairwise._matched import matched_loss
from alignment_fast.pairwise.loss_types import LossType, plan


class PreferenceLoss(NamedTuple):
    """Result of `preference_loss`.

    Parameters
    ----------
    loss : scalar, or array of the shape of the batch for ``reduction="none"``
        The loss.
    chosen_rewards, rejected_rewards : array or None
        Implicit rewards β (a − b), per pair.
    grad_policy_chosen, grad_policy_rejected : array or None
        Gradients of the reduced loss with respect to the log-probabilities under the policy.
    metrics : Metrics or None
        Mean rewards, margin and accuracy, where asked for.

    """

    loss: Any
    chosen_rewards: Any = None
    rejected_rewards: Any = None
    grad_policy_chosen: Any = None
    grad_policy_rejected: Any = None
    metrics: Metrics | None = None


_INPUTS = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")
_ARRAYS = PreferenceLoss._fields[:-1]


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
    grad: bool = False,
    score: str = "reverse_kl",
    chosen_length: Any = None,
    rejected_length: Any = None,
    gamma: float | None = None,
    lam: float | None = None,
    alpha: float | None = None,
    tau: float | None = None,
    delta: float | None = None,
    metrics: bool = False,
    out: Any = None,
    num_threads: int | None = None,
) -> PreferenceLoss:
    r"""Return a preference loss of pairs of log-probabilities, with its gradients, in one compiled pass.

    With log-ratios :math:`\rho = a - b` of policy and reference, the score map s and the margin
    :math:`\Delta = s(\rho_w) - s(\rho_l)`, the default is the loss of direct preference optimisation,

    .. math:: (1-\varepsilon)\,\ell(\beta\Delta) + \varepsilon\,\ell(-\beta\Delta), \qquad \ell(x) = -\log\sigma(x);

    `LOSS_TYPES` holds the formula of every other one.

    Parameters
    ----------
    policy_chosen, policy_rejected : array (...,)
        Log-probabilities (nats) of the chosen and the rejected answers under the policy; for ``"bradley_terry"``,
        rewards. float64, float32, float16 or bfloat16, of NumPy, torch or any library with DLPack; 16-bit ones are
        computed in float32. NaN passes through; infinities give the limit of the formula.
    ref_chosen, ref_rejected : array (...,), optional
        The same under the reference policy; losses without a reference ignore them.
    loss_type : str, default "sigmoid"
        A paired loss of `LOSS_TYPES`; ``"dpo"`` is ``"sigmoid"``.
    beta : float, default 0.1
        The KL coefficient (DPO's β, IPO's τ): the inverse of the `beta` of `alignment_fast.policy`.
    label_smoothing : float, default 0
        ε where the formula has one, `sigmoid` included; it does nothing elsewhere.
    weight : array (...,), optional
        Weights of the pairs; ``"mean"`` divides by the number of pairs all the same.
    reduction : {"mean", "sum", "none"}
        What to do with the losses of the pairs.
    grad : bool, default False
        Whether to return gradients, of the reduced loss (``"none"``: of each pair's own).
    score : {"reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"}
        Score map s of the f-divergence: ρ, 1 − e^−ρ, log 2 + log σ(ρ), (e^{(α−1)ρ} − 1)/(α − 1).
    chosen_length, rejected_length : array (...,), optional
        Numbers of tokens. Scores are divided by them; without them the log-probabilities of losses that are defined on
        means per token (``"simpo"``, ``"orpo"``, ``"simper"``, ...) are taken to be such means.
    gamma, lam, alpha, tau, delta : float, optional
        Parameters of the loss; defaults in `LOSS_TYPES`. `alpha` belongs to ``score="alpha_divergence"`` too (½).
    metrics : bool, default False
        Whether to return `Metrics` as well.
    out : mapping of field names to arrays, or an earlier result; optional
        Arrays to write into, contiguous and of the result's dtype, none of them an input. Arrays that are not
        among them are then not computed: None in the result.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    PreferenceLoss
        float32 for float32, float16 and bfloat16 input, else float64; arrays of the caller's kind. Rewards are
        β (a − b), without a reference β a, divided by the length where lengths are given.

    Raises
    ------
    ValueError
        For an unknown loss, a parameter that is not the loss's or out of range, a missing reference or missing lengths,
        shapes that differ, lengths that are not positive, an unfit array in `out`.
    TypeError
        For integer log-probabilities and tensors that require grad.

    Notes
    -----
    Accuracy, for exact scores: 4 epsilon times the sum of the magnitudes of the terms of the formula; scores that go
    through a map (`score`, ``"alphapo"``) are rounded themselves, and what the result answers to relative changes of a
    score and of its slope counts as further terms. Sums over pairs are in fixed order, in the dtype within tiles of
    1024 and in float64 beyond. Every finite input gives finite losses and gradients as long as squares of scores are
    finite, without clamps that would set gradients to zero. Cost of the default with gradients: one exponential, a
    short polynomial and two divisions per pair; four reads and two writes with ``out``.

    Other libraries differ: TRL from 0.29 on ignores label smoothing for ``"sigmoid"`` (leave it 0) and before uses the
    form here; TRL applies it to ``"simpo"``, which the paper does not; TRL from 0.28 on divides IPO scores by lengths
    (give lengths), OpenRLHF and the paper do not; TRL up to 0.28 shifts ``"bco_pair"`` by a running mean (give
    `delta`).

    References
    ----------
    Rafailov et al., "Direct preference optimization", arXiv:2305.18290; others in `LOSS_TYPES`.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> chosen, rejected = np.array([-10.0, -12.0]), np.array([-11.0, -10.0])
    >>> reference = np.array([-11.0, -11.0])
    >>> result = af.pairwise.preference_loss(chosen, rejected, reference, reference, beta=1.0, grad=True)
    >>> result.loss.round(6), result.grad_policy_chosen.round(6)
    (np.float64(1.220095), array([-0.134471, -0.440399]))
    >>> af.pairwise.preference_loss(chosen, rejected, loss_type="simpo", beta=1.0, gamma=0.0).loss.round(6)
    np.float64(1.220095)

    """
    planned = plan(loss_type, beta, label_smoothing, score, gamma, lam, alpha, tau, delta)
    if out is None and num_threads is None:
        arrays = policy_chosen, policy_rejected, ref_chosen, ref_rejected, chosen_length, rejected_length, weight
        short = operations("pairwise").short_preference_loss
        found: PreferenceLoss | None = short(PreferenceLoss, Metrics, planned, *arrays, reduction, grad, metrics)
        if found is not None:
            return found
    row, loss, has_reference = planned.row, planned.loss, planned.has_reference
    check_reduction(reduction)
    grad, metrics = as_flag(grad, "grad"), as_flag(metrics, "metrics")
    if not has_reference:
        ref_chosen = ref_rejected = None
    given = (policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    if policy_rejected is None or (has_reference and (ref_chosen is None or ref_rejected is None)):
        _refuse_missing(row, loss_type, given)
    of = batch(_INPUTS, given)
    lengths: tuple[Any, Any] = (None, None)
    if chosen_length is not None or rejected_length is not None or row.needs_lengths:
        lengths = _lengths(row, loss_type, of, chosen_length, rejected_length)
    results = LossOutputs(of, out, _ARRAYS)
    outputs = Outputs(
        loss=results.array("loss", reduction == "none"),
        grad_chosen=results.array("grad_policy_chosen", grad),
        grad_rejected=results.array("grad_policy_rejected", grad and policy_rejected is not None),
        chosen_rewards=results.array("chosen_rewards", True),
        rejected_rewards=results.array("rejected_rewards", policy_rejected is not None),
    )
    weights = None if weight is None else of.extra(weight, "weight")
    results.refuse_overlap(_INPUTS, chosen_length=lengths[0], rejected_length=lengths[1], weight=weights)
    ops, count = operations("pairwise", of.device), float(of.size)
    if row.averages_tokens and lengths[0] is not None:
        count, lengths = ops.total(lengths[0]), (None, None)
    divisor = count if reduction == "mean" else 1.0
    if row.is_matched:
        if weight is not None:
            raise ValueError(f"loss_type {loss_type!r} couples the pairs of a batch by sorting: it has no weights")
        if of.size > ops.MOST_SORTED:
            raise ValueError(f"loss_type {loss_type!r} sorts at most {ops.MOST_SORTED} pairs, not {of.size}")
        sums = matched_loss(ops, of, row.matched, loss, outputs, divisor, metrics, num_threads)
    else:
        sums = evaluate(
            ops,
            of,
            loss,
            Inputs(*of.arrays)._replace(chosen_length=lengths[0], rejected_length=lengths[1], weight=weights),
            outputs,
            divisor=divisor,
            lengths_first=row.lengths_first,
            metrics=metrics,
            num_threads=num_threads,
        )
    if reduction == "none":
        value = results.give("loss", outputs.loss)
    else:
        value = reduced(ops, of, sums, divisor)
    return PreferenceLoss(
        value,
        results.give("chosen_rewards", outputs.chosen_rewards),
        results.give("rejected_rewards", outputs.rejected_rewards),
        results.give("grad_policy_chosen", outputs.grad_chosen),
        results.give("grad_policy_rejected", outputs.grad_rejected),
        Metrics(*(like(value, of.model) for value in ops.reduced_metrics(sums, of.size))) if metrics else None,
    )


def _refuse_missing(row: LossType, loss_type: str, given: tuple[Any, ...]) -> None:
    """Raise ValueError for the first array that the loss needs and that is None."""
    for name, value in zip(_INPUTS, given, strict=True):
        if value is None and name in row.inputs:
            raise ValueError(f"loss_type {loss_type!r} needs {name}; it is {row.formula}")


def _lengths(row: LossType, loss_type: str, of: Batch, chosen: Any, rejected: Any) -> tuple[Any, Any]:
    """Return the checked lengths of both sides."""
    if row.is_matched:
        raise ValueError(f"loss_type {loss_type!r} takes no lengths; divide the log-probabilities by them")
    if chosen is None or (rejected is None and not row.averages_tokens):
        raise ValueError(f"loss_type {loss_type!r} needs chosen_length and rejected_length together")
    return of.lengths(chosen, "chosen_length"), of.lengths(rejected, "rejected_length")


__all__ = ["PreferenceLoss", "preference_loss"]
