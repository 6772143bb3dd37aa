"""A switch that makes a trainer of TRL compute with the operators here.

Two places are switched. `trl.trainer.utils._ChunkedLogProbFunction`, from hidden states to log-probabilities, is looked
up at every call of every fused head: one name serves all trainers. The loss of `DPOTrainer` stands inside a method that
makes metrics and the reference pass too: that runs with an empty list of losses, forward hooks keep the outputs, and
the loss is added.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch

from alignment_fast.errors import BackendUnavailableError
from alignment_fast.interop.torch.linear import STATISTICS, logprobs_and_statistics
from alignment_fast.interop.trl.losses import SEMANTICS, dpo_loss, sequence_scores, wpo_weights

__all__ = ["Ran", "accelerated"]

# Trainers whose loss has the entropy in it; to the others it is a metric.
_WITH_ENTROPY = ("GRPOTrainer", "RLOOTrainer")
_NO_LOG_PROBS = "no log-probabilities among the outputs of the model"


@dataclass
class Ran:
    """How often calls inside of `accelerated` ran on the operators here, and why others ran TRL's own code.

    Parameters
    ----------
    log_probs, losses : int
        Passes from hidden states to log-probabilities, and losses, that ran here.
    fallbacks : list of str
        Why calls ran TRL's own code, each reason once.

    """

    log_probs: int = 0
    losses: int = 0
    fallbacks: list[str] = field(default_factory=list)

    def _fell_back(self, reason: str) -> None:
        if reason not in self.fallbacks:
            self.fallbacks.append(reason)


@contextmanager
def accelerated(trainer: Any) -> Iterator[Ran]:
    """Make a trainer of TRL 1.x compute log-probabilities and, a `DPOTrainer`, its loss with the operators here.

    Parameters
    ----------
    trainer : trl trainer
        Any with a fused head: DPO, KTO, SFT, GRPO, RLOO.

    Yields
    ------
    Ran
        What ran: a training run that was to be fast is checked by it, since TRL's own code gives the same losses.

    Raises
    ------
    BackendUnavailableError
        Where the installed TRL has no fused head of the kind that is switched here.

    Notes
    -----
    The operators run on the CPU; elsewhere the trainer runs its own code, and `Ran` says so. Products are in float32
    where TRL rounds logits to the dtype of autocast; equal otherwise up to rounding. Outside of the block everything is
    as before.

    Examples
    --------
    ::

        with accelerated(trainer) as ran:
            trainer.train()
        assert ran.losses and not ran.fallbacks

    """
    try:
        utils: Any = importlib.import_module("trl.trainer.utils")
    except ImportError as error:
        raise BackendUnavailableError("alignment_fast.interop.trl.accelerated needs trl; install trl") from error
    original = getattr(utils, "_ChunkedLogProbFunction", None)
    if original is None:
        raise BackendUnavailableError("this version of trl has no fused head to switch: trl 1.16 has one")
    ran = Ran()
    kinds = {kind.__name__ for kind in type(trainer).__mro__}
    log_probs = functools.partial(_log_probs, original, ran, bool(kinds & set(_WITH_ENTROPY)))
    switched = "DPOTrainer" in kinds
    utils._ChunkedLogProbFunction = SimpleNamespace(apply=log_probs)
    if switched:
        own = {name: value for name, value in vars(trainer).items() if name == "_compute_loss"}
        trainer._compute_loss = functools.partial(_compute_loss, trainer, trainer._compute_loss, ran)
    try:
        yield ran
    finally:
        utils._ChunkedLogProbFunction = original
        if switched:
            del trainer._compute_loss
            vars(trainer).update(own)


def _log_probs(
    original: Any,
    ran: Ran,
    with_entropy: bool,
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    targets: torch.Tensor,
    temperature: float,
    chunk_size: int,
    softcap: float | None,
    scale: float,
    outputs: tuple[str, ...],
) -> tuple[Any, ...]:
    """Stand in for ``ChunkedLogProbFunction.apply``."""
    if hidden.device.type != "cpu":
        ran._fell_back(f"hidden states on {hidden.device}")
        result = original.apply(hidden, weight, bias, targets, temperature, chunk_size, softcap, scale, outputs)
        return tuple(result)
    ran.log_probs += 1
    frozen = not weight.requires_grad and (bias is None or not bias.requires_grad)
    differentiated = with_entropy and "entropy" in outputs
    log_p, entropy, statistics = logprobs_and_statistics(
        hidden, weight, bias, targets, [scale, temperature, softcap or 0.0], differentiated, frozen
    )
    found = dict(zip(STATISTICS, statistics, strict=True))
    every = {
        "entropy": entropy if differentiated else found["entropy"].to(log_p.dtype),
        "log_sum_sq_probs": found["log_square"].to(log_p.dtype),
        "mean_logits": found["mean_logit"].to(log_p.dtype),
        "is_top1": found["top_id"] == targets,
    }
    return log_p, *[tensor if name in outputs else None for name, tensor in every.items()]


def _compute_loss(
    trainer: Any, original: Any, ran: Ran, model: Any, inputs: dict[str, Any], return_outputs: bool
) -> Any:
    """Stand in for ``DPOTrainer._compute_loss``."""
    reason = _obstacle(trainer, ran, inputs)
    if reason is not None:
        ran._fell_back(reason)
        return original(model, inputs, return_outputs)
    result, kept = _without_losses(trainer, original, model, inputs, return_outputs)
    if len(kept) < (1 if trainer.precompute_ref_logps else 2):
        ran._fell_back(_NO_LOG_PROBS)
        return original(model, inputs, return_outputs)
    rest, outputs = result if return_outputs else (result, None)
    loss = rest + _dpo_loss(trainer, inputs, kept)
    ran.losses += 1
    return (loss, outputs) if return_outputs else loss


def _obstacle(trainer: Any, ran: Ran, inputs: dict[str, Any]) -> str | None:
    """Return why the loss of a batch is left to TRL, None where it is not."""
    unknown = set(trainer.loss_types) - set(SEMANTICS["trl>=0.29"].losses)
    if unknown:
        return f"loss types {sorted(unknown)}"
    device = inputs["completion_mask"].device
    if device.type != "cpu":
        return f"batches on {device}"
    return _NO_LOG_PROBS if _NO_LOG_PROBS in ran.fallbacks else None


def _without_losses(
    trainer: Any, original: Any, model: Any, inputs: dict[str, Any], return_outputs: bool
) -> tuple[Any, list[Any]]:
    """Run the trainer's own method without losses; return what it returns and the outputs of its passes."""
    kept: list[Any] = []
    reference = trainer.ref_model if trainer.ref_model is not None else trainer.model
    modules = {id(module): module for module in (model, reference)}.values()

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        if getattr(output, "log_probs", None) is not None:
            kept.append(output)

    hooks = [module.register_forward_hook(keep) for module in modules]
    types, weights = trainer.loss_types, trainer.loss_weights
    trainer.loss_types, trainer.loss_weights = [], []
    try:
        return original(model, inputs, return_outputs), kept
    finally:
        trainer.loss_types, trainer.loss_weights = types, weights
        for hook in hooks:
            hook.remove()


def _dpo_loss(trainer: Any, inputs: dict[str, Any], kept: list[Any]) -> torch.Tensor:
    """Return the loss from the outputs of the policy's pass, which is the first, and of the reference's, the last."""
    mask = inputs["completion_mask"][..., 1:]
    length = mask.size(1)
    log_p = kept[0].log_probs[:, -length:]
    policy = sequence_scores(log_p, mask, ld_alpha=trainer.ld_alpha)
    if trainer.precompute_ref_logps:
        ref = inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]
    else:
        ref = sequence_scores(kept[-1].log_probs[:, -length:], mask, ld_alpha=trainer.ld_alpha)
    weight = None
    if trainer.use_weighting:
        weight = wpo_weights(log_p, kept[0].log_sum_sq_probs[:, -length:], mask)
    chosen_length, rejected_length = inputs["completion_mask"].sum(dim=1).chunk(2)
    token_nll = None
    if "sft" in trainer.loss_types:
        chosen_mask = mask.chunk(2)[0].bool()
        token_nll = -log_p.chunk(2)[0][chosen_mask].mean()
    return dpo_loss(
        *policy,
        *ref,
        loss_type=trainer.loss_types,
        loss_weights=trainer.loss_weights,
        beta=trainer.beta,
        label_smoothing=trainer.label_smoothing,
        f_divergence_type=trainer.f_divergence_type,
        f_alpha_divergence_coef=trainer.f_alpha_divergence_coef,
        discopop_tau=trainer.args.discopop_tau,
        chosen_length=chosen_length,
        rejected_length=rejected_length,
        token_nll=token_nll,
        weight=weight,
    )
