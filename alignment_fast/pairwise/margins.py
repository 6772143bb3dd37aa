"""Losses of a margin with first and second derivatives."""

from typing import Any, NamedTuple

from alignment_fast._border.scalars import as_flag
from alignment_fast._operations import operations
from alignment_fast.kernels.pairwise.structures import Inputs, Outputs
from alignment_fast.pairwise._batch import LossOutputs, batch, check_reduction, evaluate, reduced
from alignment_fast.pairwise.loss_types import plan


class MarginLoss(NamedTuple):
    """Result of `margin_loss`: the loss, its derivative by the margin and its second one (None where not asked for)."""

    loss: Any
    grad: Any = None
    hess: Any = None


def margin_loss(
    margin: Any,
    loss_type: str = "sigmoid",
    *,
    beta: float = 1.0,
    label_smoothing: float = 0.0,
    target: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    grad: bool = False,
    hess: bool = False,
    gamma: float | None = None,
    tau: float | None = None,
    out: Any = None,
    num_threads: int | None = None,
) -> MarginLoss:
    r"""Return a preference loss of margins, :math:`L(\beta m)`, with its derivatives by the margin m.

    Margins are differences of rewards or of log-ratios; `LOSS_TYPES` holds the formulas, with Δ = m. With targets t,

    .. math:: t\,L(x) + (1 - t)\,L(-x), \qquad x = \beta m - \gamma.

    Parameters
    ----------
    margin : array (...,)
        Margins, any reals; NaN passes through.
    loss_type : str, default "sigmoid"
        A loss that is a function of the margin: ``"sigmoid"``, ``"robust"``, ``"hinge"``, ``"ipo"``, ``"exo_pair"``,
        ``"discopop"``, ``"simpo"``, ``"bradley_terry"``, ``"sigmoid_norm"``.
    beta : float, default 1
        Factor of the margin: the KL coefficient where margins are differences of log-ratios. ``"ipo"`` is
        (m − 1/(2β))².
    label_smoothing : float, default 0
        ε where the formula has one.
    target : array (...,), optional
        Probabilities in [0, 1] that the first answer is the better one; 1 by default.
    weight : array (...,), optional
        Weights; ``"mean"`` divides by the number of margins all the same.
    reduction : {"mean", "sum", "none"}
        What to do with the losses.
    grad, hess : bool, default False
        Whether to return first and second derivatives, of the reduced loss.
    gamma, tau : float, optional
        Shift of ``"simpo"`` and ``"bradley_terry"``, temperature of ``"discopop"``; defaults in `LOSS_TYPES`.
    out : mapping of "loss", "grad", "hess" to arrays, or an earlier result; optional
        Arrays to write into, none of them an input; what is not among them is then not computed.
    num_threads : int, optional
        Threads to use; the result has the same bits for any number.

    Returns
    -------
    MarginLoss
        float32 for float32, float16 and bfloat16 input, else float64.

    Raises
    ------
    ValueError
        As `preference_loss`, and for targets outside [0, 1].
    TypeError
        For tensors that require grad.

    Notes
    -----
    Accuracy: loss and derivatives within 4 epsilon times the sum of the magnitudes of their terms, for every exact
    argument βm − γ, infinite ones included; second derivatives of ``"exo_pair"`` and ``"discopop"`` within 16. Cost:
    one exponential, a short polynomial and two divisions (``"sigmoid"``); with targets twice that.

    References
    ----------
    Maechler, "Accurately computing log(1 − exp(−|a|))" (2012), for the logistic functions; others in `LOSS_TYPES`.

    Examples
    --------
    >>> import alignment_fast as af
    >>> result = af.pairwise.margin_loss([0.0, 40.0], reduction="none", grad=True, hess=True)
    >>> result.loss, result.grad
    (array([6.93147181e-01, 4.24835426e-18]), array([-5.00000000e-01, -4.24835426e-18]))
    >>> af.pairwise.margin_loss([2.0], target=[0.5]).loss.round(6)
    np.float64(1.126928)

    """
    planned = plan(loss_type, beta, label_smoothing, "reverse_kl", gamma, None, None, tau, None, True)
    if out is None and num_threads is None:
        short = operations("pairwise").short_margin_loss
        found: MarginLoss | None = short(MarginLoss, planned, margin, target, weight, reduction, grad, hess)
        if found is not None:
            return found
    check_reduction(reduction)
    grad, hess = as_flag(grad, "grad"), as_flag(hess, "hess")
    of = batch(("margin",), (margin,), floating_only=False)
    targets = of.extra(target, "target")
    if targets is not None:
        of.require(targets, "target", lambda t: (t >= 0) & (t <= 1), "is not in [0, 1]")
    results = LossOutputs(of, out, MarginLoss._fields)
    loss = results.array("loss", reduction == "none")
    first, second = results.array("grad", grad), results.array("hess", hess)
    weights = of.extra(weight, "weight")
    results.refuse_overlap(("margin",), weight=weights, target=targets)
    ops, divisor = operations("pairwise", of.device), of.size if reduction == "mean" else 1.0
    sums = evaluate(
        ops,
        of,
        planned.loss,
        Inputs(of.arrays[0], weight=weights, target=targets),
        Outputs(loss, grad_chosen=first, second=second),
        divisor=divisor,
        num_threads=num_threads,
    )
    if reduction == "none":
        value = results.give("loss", loss)
    else:
        value = reduced(ops, of, sums, divisor)
    return MarginLoss(value, results.give("grad", first), results.give("hess", second))


__all__ = ["MarginLoss", "margin_loss"]
