"""TRL: the losses of its DPO trainer, which stand inside a method: a stand-in of a trainer holds what that reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

from alignment_fast.conformance.adapters import Adapter
from alignment_fast.conformance.adapters._torch import differentiated, options_of
from alignment_fast.conformance.cases import Case
from alignment_fast.conformance.judging import NotCovered

__all__ = ["made"]

_LOSSES = (
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "apo_zero", "apo_down"),
    *("discopop", "sft", "sigmoid_norm"),
)
# Those whose scores TRL divides by lengths.
_PER_TOKEN = ("ipo", "sigmoid_norm")
_OPTIONS = ("beta", "label_smoothing", "score", "tau", "chosen_length", "rejected_length")


class _Model:
    """Gives log-probabilities of tokens."""

    training = True
    is_gradient_checkpointing = False

    def __init__(self, log_probs: Any) -> None:
        import torch

        nothing = torch.zeros_like(log_probs)
        names = ("entropy", "mean_logits", "log_sum_sq_probs")
        rest = dict.fromkeys(names, nothing) | {"is_top1": nothing.bool()}
        self.outputs = SimpleNamespace(log_probs=log_probs, **rest)

    def __call__(self, **_: Any) -> Any:
        return self.outputs


def _trainer(policy: Any, reference: Any, name: str, options: Mapping[str, Any]) -> Any:
    same = SimpleNamespace(device=policy.device, gather=lambda x: x, gather_for_metrics=lambda x: x)
    return SimpleNamespace(
        model=_Model(policy),
        ref_model=_Model(reference),
        accelerator=same,
        aux_loss_enabled=False,
        precompute_ref_logps=False,
        args=SimpleNamespace(gradient_checkpointing_kwargs=None, discopop_tau=options.get("tau", 0.05)),
        loss_types=[name],
        loss_weights=[1.0],
        beta=options["beta"],
        label_smoothing=options.get("label_smoothing", 0.0),
        f_divergence_type=options.get("score", "reverse_kl"),
        f_alpha_divergence_coef=0.5,
        ld_alpha=None,
        use_weighting=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )


def made() -> Adapter:
    """Return TRL."""
    import torch
    from trl.trainer.dpo_trainer import DPOTrainer

    compute = DPOTrainer._compute_loss

    def spread(chosen: Any, rejected: Any, places: int) -> Any:
        """Return log-probabilities of tokens, all of an answer's in its first one."""
        first = torch.stack([chosen, rejected])[:, None]
        return torch.cat([first, first.new_zeros(2, places - 1)], dim=1)

    def preference_loss(case: Case) -> Mapping[str, Any]:
        name, options = case.arguments["loss_type"], options_of(case, _OPTIONS)
        if name not in _LOSSES or ("chosen_length" in options and name not in _PER_TOKEN):
            raise NotCovered
        ones = [1] * len(case.arguments["policy_chosen"])
        lengths = [options.get(side, ones) for side in ("chosen_length", "rejected_length")]

        def one(place: int, chosen: Any, rejected: Any, ref_chosen: Any, ref_rejected: Any) -> Any:
            counts = [int(side[place]) for side in lengths]
            mask = torch.zeros(2, 1 + max(counts), dtype=torch.int64)
            for row, count in enumerate(counts):
                mask[row, 1 : 1 + count] = 1
            policy, reference = spread(chosen, rejected, max(counts)), spread(ref_chosen, ref_rejected, max(counts))
            trainer = _trainer(policy, reference, name, options)
            inputs = {"completion_mask": mask, "input_ids": mask.clone(), "attention_mask": torch.ones_like(mask)}
            return compute(trainer, trainer.model, inputs, False)

        def pairs(*sides: Any) -> Any:
            return torch.stack([one(place, *row) for place, row in enumerate(zip(*sides, strict=True))])

        return differentiated(case, pairs)

    return Adapter("trl", version("trl"), {"preference_loss": preference_loss})
