"""What the preference trainers of TRL compute, loss type by loss type, and a switch for a trainer.

`dpo_loss`, `cpo_loss`, `orpo_loss`, `tpo_loss`, `kto_loss`, `bco_loss` and `reward_loss` take what the trainers hold at
that point and return the loss they train on; `sequence_scores` and `wpo_weights` come before them. `accelerated`
switches a trainer over. Only that needs TRL; everything needs PyTorch.
"""

from alignment_fast.interop.trl.losses import (
    SEMANTICS,
    bco_loss,
    cpo_loss,
    dpo_loss,
    kto_loss,
    orpo_loss,
    reward_loss,
    sequence_scores,
    tpo_loss,
    wpo_weights,
)
from alignment_fast.interop.trl.trainers import Ran, accelerated

__all__ = [
    "SEMANTICS",
    "Ran",
    "accelerated",
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
