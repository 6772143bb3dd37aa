"""The losses of TRL's trainers, of the log-probabilities that the trainers hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from alignment_fast.interop.torch import margin_loss, preference_loss, unpaired_loss

__all__ = [
    "SEMANTICS",
    "Semantics",
    "bco_loss",
    "cpo_loss",
    "dpo_loss",
    "kto_loss",
    "orpo_loss",
    "reward_loss",
    "sequence_scores",
    "tpo_loss",
    "wpo_weights",
]


class Semantics(NamedTuple):
    """What a library means by the arguments of a DPO loss.

    Parameters
    ----------
    losses : tuple of str
        The losses it has.
    smoothed : tuple of str
        Those that label smoothing acts on.
    per_token : tuple of str
        Those whose scores are divided by the answers' lengths, which must be given.
    least_smoothing : float or None
        ε of ``"exo_pair"`` where none is given; None where that is an error.
    names : mapping of str to str
        Losses under other names.

    """

    losses: tuple[str, ...]
    smoothed: tuple[str, ...]
    per_token: tuple[str, ...]
    least_smoothing: float | None = None
    names: Mapping[str, str] = MappingProxyType({})


_LOSSES = (
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard"),
    *("aot", "aot_unpaired", "apo_zero", "apo_down", "discopop"),
)
_MATCHED = ("aot", "aot_unpaired")

SEMANTICS: Mapping[str, Semantics] = MappingProxyType(
    {
        "trl>=0.29": Semantics(
            (*_LOSSES, "sft", "sigmoid_norm"), ("exo_pair", "robust", *_MATCHED), ("ipo", "sigmoid_norm")
        ),
        "trl<0.29": Semantics(
            (*_LOSSES, "sft"),
            ("sigmoid", "exo_pair", "robust", *_MATCHED),
            (),
            1e-3,
            MappingProxyType({"aot_pair": "aot_unpaired", "kto_pair": "bco_pair"}),
        ),
        "openrlhf": Semantics(("sigmoid", "ipo"), ("sigmoid",), ()),
        "torchtune": Semantics(("sigmoid", "hinge"), ("sigmoid",), ()),
    }
)
# The losses that f-divergences other than the reverse Kullback-Leibler one are combined with.
_OF_DIVERGENCES = ("sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop", "sft")


def sequence_scores(
    log_p: torch.Tensor, mask: torch.Tensor, *, ld_alpha: float | None = None, discount: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Return the log-probabilities of chosen and rejected answers from those of their tokens.

    Parameters
    ----------
    log_p : tensor (2B, T)
        Log-probabilities of tokens, zero where `mask` is off; chosen answers first.
    mask : tensor (2B, T)
        Which tokens belong to an answer.
    ld_alpha : float, optional
        Factor of the tokens beyond the length of the shorter answer of each pair (LD-DPO); 1 by default.
    discount : float, default 1
        Factor γ of every further token of an answer: the t-th one counts γᵗ, from γ⁰ on. Not in TRL.

    Returns
    -------
    tuple of two tensors (B,)
        Sums over tokens.

    Raises
    ------
    ValueError
        For a discount outside of (0, 1].

    Notes
    -----
    References: Liu et al., "Length desensitization in direct preference optimization", arXiv:2409.06411; Shao et al.,
    "Earlier tokens contribute more", arXiv:2502.14340.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import sequence_scores
    >>> sequence_scores(torch.tensor([[-1.0, -2.0], [-3.0, 0.0]]), torch.tensor([[1, 1], [1, 0]]), ld_alpha=0.5)
    (tensor([-2.]), tensor([-3.]))

    """
    if not 0.0 < discount <= 1.0:
        raise ValueError(f"discount must be in (0, 1], not {discount}")
    place = mask.cumsum(dim=1)
    if discount != 1.0:
        log_p = log_p * discount ** (place - 1).clamp(min=0)
    if ld_alpha is not None:
        lengths = mask.sum(dim=1).long()
        shared = torch.minimum(*lengths.chunk(2)).repeat(2).unsqueeze(1)
        beyond = place > shared
        log_p = torch.where(beyond, ld_alpha * log_p, log_p) * (place > 0)
    chosen, rejected = log_p.sum(dim=1).chunk(2)
    return chosen, rejected


def wpo_weights(log_p: torch.Tensor, log_sum_sq_probs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    r"""Return the weights of pairs of WPO: both answers' :math:`\exp` of the mean of :math:`\log p_t - \log\sum p^2`.

    Parameters
    ----------
    log_p, log_sum_sq_probs : tensor (2B, T)
        Of every token: its log-probability, and the logarithm of the sum of squared probabilities.
    mask : tensor (2B, T)
        Which tokens belong to an answer; chosen answers first.

    Returns
    -------
    tensor (B,)
        Without a graph.

    Notes
    -----
    Reference: Zhou et al., "WPO", arXiv:2406.11827, equation 2.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import wpo_weights
    >>> wpo_weights(torch.zeros(2, 1), torch.zeros(2, 1), torch.ones(2, 1))
    tensor([1.])

    """
    with torch.no_grad():
        total = ((log_p - log_sum_sq_probs) * mask).sum(dim=1)
        chosen, rejected = (total / mask.sum(dim=1).clamp_min(1)).exp().chunk(2)
        return chosen * rejected


def dpo_loss(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    ref_chosen: torch.Tensor | None = None,
    ref_rejected: torch.Tensor | None = None,
    *,
    loss_type: str | Sequence[str] = "sigmoid",
    loss_weights: Sequence[float] | None = None,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    f_divergence_type: str = "reverse_kl",
    f_alpha_divergence_coef: float = 0.5,
    discopop_tau: float = 0.05,
    delta: float = 0.0,
    chosen_length: torch.Tensor | None = None,
    rejected_length: torch.Tensor | None = None,
    token_nll: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    reference_free: bool = False,
    reduction: str = "mean",
    semantics: str = "trl>=0.29",
) -> torch.Tensor:
    r"""Return the loss of TRL's DPO trainer, or of a library like it.

    Parameters
    ----------
    policy_chosen, policy_rejected, ref_chosen, ref_rejected : tensor (B,)
        Log-probabilities of answers, summed over tokens.
    loss_type : str or sequence of str, default "sigmoid"
        One loss, or several that are added up.
    loss_weights : sequence of float, optional
        Weights of the losses; 1 by default.
    beta, label_smoothing, f_divergence_type, f_alpha_divergence_coef, discopop_tau
        As in ``trl.DPOConfig``. Losses that `semantics` does not smooth ignore `label_smoothing`.
    delta : float, default 0
        Shift of the rewards of ``"bco_pair"``: their running mean in old versions of TRL.
    chosen_length, rejected_length : tensor (B,), optional
        Numbers of tokens, for losses of means per token.
    token_nll : tensor of one number, optional
        Negative log-likelihood per token of the chosen answers, for ``"sft"``; by default that of their sums, which
        needs `chosen_length`.
    weight : tensor (B,), optional
        Weights of the pairs, as of `wpo_weights`.
    reference_free : bool, default False
        Whether the reference is the uniform distribution; then `ref_chosen` and `ref_rejected` are not read.
    reduction : {"mean", "sum", "none"}
        What to do with the losses of the pairs.
    semantics : {"trl>=0.29", "trl<0.29", "openrlhf", "torchtune"}
        Whose meaning: `SEMANTICS`.

    Returns
    -------
    tensor
        Differentiable twice, like `alignment_fast.interop.torch.preference_loss`.

    Raises
    ------
    ValueError
        For a loss or a combination that the library does not have, and as `preference_loss`.

    Notes
    -----
    Where TRL overflows the loss here is finite: ``"discopop"`` below margins of −89, f-divergences beyond ratios of 80.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import dpo_loss
    >>> pair = torch.tensor([-10.0]), torch.tensor([-11.0]), torch.tensor([-11.0]), torch.tensor([-11.0])
    >>> dpo_loss(*pair, loss_type=["sigmoid", "apo_zero"], loss_weights=[1.0, 0.5], beta=1.0)
    tensor(0.6977)

    """
    meaning = _semantics(semantics)
    names = [loss_type] if isinstance(loss_type, str) else list(loss_type)
    weights = [1.0] * len(names) if loss_weights is None else list(loss_weights)
    if not names or len(names) != len(weights):
        raise ValueError(f"loss_weights must have one number for each of {len(names)} losses, not {len(weights)}")
    if reference_free:
        ref_chosen, ref_rejected = torch.zeros_like(policy_chosen), torch.zeros_like(policy_rejected)
    names = [meaning.names.get(name, name) for name in names]
    total: torch.Tensor | None = None
    for name, factor in zip(names, weights, strict=True):
        _check_combination(name, f_divergence_type, semantics)
        if name == "sft":
            loss = _token_loss(policy_chosen, chosen_length, token_nll, weight, reduction)
        else:
            loss = preference_loss(
                policy_chosen,
                policy_rejected,
                ref_chosen,
                ref_rejected,
                loss_type=name,
                beta=beta,
                label_smoothing=_smoothing(name, label_smoothing, meaning),
                weight=weight,
                reduction=reduction,
                score="reverse_kl" if name not in _OF_DIVERGENCES else f_divergence_type,
                alpha=f_alpha_divergence_coef if f_divergence_type == "alpha_divergence" else None,
                tau=discopop_tau if name == "discopop" else None,
                delta=delta if name == "bco_pair" else None,
                **_lengths(name, chosen_length, rejected_length, meaning),
            )
        total = factor * loss if total is None else total + factor * loss
    assert total is not None
    return total


def _semantics(name: str) -> Semantics:
    if name not in SEMANTICS:
        raise ValueError(f"semantics {name!r} is not one of {', '.join(SEMANTICS)}")
    return SEMANTICS[name]


def _check_combination(name: str, divergence: str, semantics: str) -> None:
    if name not in SEMANTICS[semantics].losses:
        raise ValueError(f"loss_type {name!r} is none of {semantics}: {', '.join(SEMANTICS[semantics].losses)}")
    if divergence != "reverse_kl" and name not in _OF_DIVERGENCES:
        raise ValueError(f"f_divergence_type {divergence!r} does not apply to loss_type {name!r}")


def _smoothing(name: str, label_smoothing: float, meaning: Semantics) -> float:
    if name not in meaning.smoothed:
        return 0.0
    if name == "exo_pair" and label_smoothing == 0.0 and meaning.least_smoothing is not None:
        return meaning.least_smoothing
    return label_smoothing


def _lengths(
    name: str, chosen: torch.Tensor | None, rejected: torch.Tensor | None, meaning: Semantics
) -> dict[str, Any]:
    if name not in meaning.per_token:
        return {}
    if chosen is None or rejected is None:
        raise ValueError(f"loss_type {name!r} needs chosen_length and rejected_length: its scores are per token")
    return {"chosen_length": chosen.clamp(min=1), "rejected_length": rejected.clamp(min=1)}


def _token_loss(
    policy_chosen: torch.Tensor,
    chosen_length: torch.Tensor | None,
    token_nll: torch.Tensor | None,
    weight: torch.Tensor | None,
    reduction: str,
) -> torch.Tensor:
    """Return the negative log-likelihood per token of the whole batch, the same for every pair."""
    if token_nll is None:
        if chosen_length is None:
            raise ValueError("loss_type 'sft' needs token_nll or chosen_length: it is a mean over tokens")
        token_nll = -policy_chosen.sum() / chosen_length.sum()
    losses = token_nll.expand(policy_chosen.shape)
    losses = losses if weight is None else losses * weight
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def _widened(*scores: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return scores to take differences of: 16-bit ones in float32, others as they are."""
    return tuple(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x for x in scores)


# ---- losses without a reference ----


def cpo_loss(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    *,
    loss_type: str = "sigmoid",
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    simpo_gamma: float = 0.5,
    alpha: float = 0.0,
    reduction: str = "mean",
) -> torch.Tensor:
    r"""Return the preference part of the loss of TRL's CPO trainer; its likelihood term is added outside.

    Parameters
    ----------
    policy_chosen, policy_rejected : tensor (B,)
        Log-probabilities of answers: sums over tokens, means for ``"ipo"`` and ``"simpo"``.
    loss_type : {"sigmoid", "hinge", "ipo", "simpo", "alphapo"}
        The loss of the margin; ``"alphapo"`` is ``"simpo"``, whose likelihood term TRL leaves out.
    beta, label_smoothing, simpo_gamma, alpha
        As in ``CPOConfig``; `alpha` other than 0 is AlphaPO.
    reduction : {"mean", "sum", "none"}
        What to do with the losses of the pairs.

    Returns
    -------
    tensor
        Differentiable twice.

    Raises
    ------
    ValueError
        For another loss.

    Notes
    -----
    Rewards of AlphaPO are (1 − e^{−αx})/α by expm1, finite where TRL's powers of probabilities are not.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import cpo_loss
    >>> cpo_loss(torch.tensor([-1.0]), torch.tensor([-2.0]), loss_type="simpo", beta=2.0)
    tensor(0.2014)

    """
    if loss_type not in ("sigmoid", "hinge", "ipo", "simpo", "alphapo"):
        raise ValueError(f"loss_type {loss_type!r} is none of the CPO trainer: sigmoid, hinge, ipo, simpo, alphapo")
    loss_type = "simpo" if loss_type == "alphapo" else loss_type
    policy_chosen, policy_rejected = _widened(policy_chosen, policy_rejected)
    if alpha != 0.0:
        policy_chosen, policy_rejected = (_power_rewards(x, alpha) for x in (policy_chosen, policy_rejected))
    margin = policy_chosen - policy_rejected
    return _margin_loss(
        margin, loss_type, beta, label_smoothing, simpo_gamma if loss_type == "simpo" else 0.0, reduction
    )


def _power_rewards(log_p: torch.Tensor, alpha: float) -> torch.Tensor:
    """Return (1 - e^{-αx})/α; saturated, so that differences are finite."""
    largest = 2.0**110
    return (-torch.expm1(-alpha * log_p) / alpha).clamp(-largest, largest)


def _margin_loss(
    margin: torch.Tensor, loss_type: str, beta: float, label_smoothing: float, gamma: float, reduction: str
) -> torch.Tensor:
    kernel = loss_type if loss_type in ("hinge", "ipo") else "sigmoid"
    smoothing = label_smoothing if kernel == "sigmoid" else 0.0
    shifted = margin - gamma / beta if gamma else margin
    return margin_loss(shifted, kernel, beta=beta, label_smoothing=smoothing, reduction=reduction)


def tpo_loss(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    *,
    nll: torch.Tensor | None = None,
    loss_type: str = "sigmoid",
    beta: float = 0.01,
    label_smoothing: float = 0.0,
    tpo_alpha: float = 1.0,
    tpo_l_gamma: float = 0.5,
) -> torch.Tensor:
    r"""Return the loss of TRL's TPO trainer.

    Parameters
    ----------
    policy_chosen, policy_rejected : tensor (B,)
        Log-probabilities of answers: sums over tokens, means for ``"ipo"`` and ``"tpo-l"``.
    nll : tensor of one number, optional
        Negative log-likelihood per token of the third, best answers; needed unless `tpo_alpha` is 0.
    loss_type : {"sigmoid", "hinge", "ipo", "tpo-l"}
        The loss of the margin.
    beta, label_smoothing, tpo_alpha, tpo_l_gamma
        As in ``TPOConfig``.

    Returns
    -------
    tensor
        The mean over pairs.

    Raises
    ------
    ValueError
        For another loss, and a missing `nll`.

    Notes
    -----
    Reference: Saeidi et al., "Triple preference optimization", arXiv:2405.16681.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import tpo_loss
    >>> tpo_loss(torch.tensor([-1.0]), torch.tensor([-2.0]), nll=torch.tensor(1.0), beta=1.0)
    tensor(1.3133)

    """
    name = {"tpo_l": "tpo-l"}.get(loss_type, loss_type)
    if name not in ("sigmoid", "hinge", "ipo", "tpo-l"):
        raise ValueError(f"loss_type {loss_type!r} is none of the TPO trainer: sigmoid, hinge, ipo, tpo-l")
    if nll is None and tpo_alpha != 0.0:
        raise ValueError("nll is missing: the log-likelihood of the third answers, unless tpo_alpha is 0")
    gamma = tpo_l_gamma if name == "tpo-l" else 0.0
    policy_chosen, policy_rejected = _widened(policy_chosen, policy_rejected)
    loss = _margin_loss(policy_chosen - policy_rejected, name, beta, label_smoothing, gamma, "mean")
    return loss if nll is None or tpo_alpha == 0.0 else loss + tpo_alpha * nll


def orpo_loss(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, *, nll: torch.Tensor, beta: float = 0.1
) -> torch.Tensor:
    r"""Return the loss of TRL's ORPO trainer: `nll` less β times the mean of log σ of the log odds ratio.

    Parameters
    ----------
    policy_chosen, policy_rejected : tensor (B,)
        Means over tokens of the log-probabilities of answers.
    nll : tensor of one number
        Negative log-likelihood of the chosen sequences.
    beta : float, default 0.1
        Weight of the odds ratio.

    Returns
    -------
    tensor
        Differentiable twice.

    Notes
    -----
    The gradient is finite at log-probabilities of 0, where TRL's is NaN.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import orpo_loss
    >>> orpo_loss(torch.tensor([-1.0]), torch.tensor([-2.0]), nll=torch.tensor(1.0))
    tensor(1.0238)

    """
    chosen = policy_chosen.to(torch.promote_types(policy_chosen.dtype, torch.float32))
    rejected = policy_rejected.to(chosen.dtype)
    # The likelihood term of the compiled loss is taken away again.
    return nll + (preference_loss(chosen, rejected, loss_type="orpo", lam=beta) + chosen.mean())


# ---- single answers, rewards ----


def kto_loss(
    policy: torch.Tensor,
    ref: torch.Tensor,
    desirable: torch.Tensor,
    *,
    kl: torch.Tensor | float = 0.0,
    loss_type: str = "kto",
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> torch.Tensor:
    r"""Return the loss of TRL's KTO trainer, the mean over answers.

    Parameters
    ----------
    policy, ref : tensor (B,)
        Log-probabilities of answers, summed over tokens.
    desirable : tensor of bool (B,)
        Which answers are desirable.
    kl : tensor of one number or float, default 0
        The estimated divergence in nats (not in units of the reward), which carries no gradient.
    loss_type : {"kto", "apo_zero_unpaired"}
        The loss.
    beta, desirable_weight, undesirable_weight
        As in ``KTOConfig``.

    Returns
    -------
    tensor
        Differentiable twice.

    Raises
    ------
    ValueError
        As `alignment_fast.interop.torch.unpaired_loss`.

    Notes
    -----
    Reference: Ethayarajh et al., arXiv:2402.01306.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import kto_loss
    >>> kto_loss(torch.tensor([-10.0, -9.0]), torch.full((2,), -11.0), torch.tensor([True, False]), beta=1.0)
    tensor(0.5749)

    """
    return unpaired_loss(
        policy,
        ref,
        desirable,
        kl=kl * beta,
        loss_type=loss_type,
        beta=beta,
        desirable_weight=desirable_weight,
        undesirable_weight=undesirable_weight,
    )


def bco_loss(
    policy: torch.Tensor,
    ref: torch.Tensor,
    desirable: torch.Tensor,
    *,
    delta: float = 0.0,
    beta: float = 0.1,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the loss of unpaired BCO: -log σ(r − δ) of desirable answers, -log σ(δ − r) of others, r = β (a − b).

    Parameters
    ----------
    policy, ref, desirable
        As in `kto_loss`.
    delta : float, default 0
        Shift of the rewards, their running mean.
    beta : float, default 0.1
        The KL coefficient.
    weight : tensor (B,), optional
        Weights of the answers (UDM).

    Returns
    -------
    tensor
        The mean over answers, differentiable twice.

    Notes
    -----
    Reference: Jung et al., "Binary classifier optimization", arXiv:2404.04656.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import bco_loss
    >>> bco_loss(torch.tensor([-10.0, -9.0]), torch.full((2,), -11.0), torch.tensor([True, False]), beta=1.0)
    tensor(1.2201)

    """
    policy, ref = _widened(policy, ref)
    ratio = policy - ref - delta / beta
    return margin_loss(torch.where(desirable.bool(), ratio, -ratio), beta=beta, weight=weight)


def reward_loss(
    chosen: torch.Tensor,
    rejected: torch.Tensor,
    *,
    margin: torch.Tensor | None = None,
    center_rewards_coefficient: float | None = None,
) -> torch.Tensor:
    r"""Return the loss of TRL's reward trainer: the mean of -log σ(r_w − r_l − m) + c (r_w + r_l)².

    Parameters
    ----------
    chosen, rejected : tensor (B,)
        Rewards of both answers.
    margin : tensor (B,), optional
        Margins m; 0 by default.
    center_rewards_coefficient : float, optional
        Coefficient c; 0 by default.

    Returns
    -------
    tensor
        Differentiable twice.

    Notes
    -----
    Reference of the centring: Eisenstein et al., arXiv:2312.09244.

    Examples
    --------
    >>> import torch
    >>> from alignment_fast.interop.trl import reward_loss
    >>> reward_loss(torch.tensor([1.0]), torch.tensor([0.0]), center_rewards_coefficient=0.01)
    tensor(0.3233)

    """
    chosen, rejected = _widened(chosen, rejected)
    difference = chosen - rejected
    loss = margin_loss(difference if margin is None else difference - margin, "bradley_terry")
    if center_rewards_coefficient is None:
        return loss
    return loss + center_rewards_coefficient * ((chosen + rejected) ** 2).mean()
