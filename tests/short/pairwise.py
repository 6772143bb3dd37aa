"""Small calls of the losses and of the log-probabilities of sequences."""

import numpy as np

from alignment_fast.pairwise import LOSS_TYPES
from short import Call

RNG = np.random.default_rng(0)
CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED = (RNG.normal(-3.0, 1.0, 37) for _ in range(4))
WEIGHT, TARGET = RNG.random(37), RNG.random(37)
LENGTHS = {"chosen_length": RNG.integers(1, 50, 37) * 1.0, "rejected_length": RNG.integers(1, 50, 37) * 1.0}
DESIRABLE = RNG.random(37) < 0.5
MANY = [RNG.normal(-30.0, 9.0, 2500) for _ in range(4)]  # more than one tile

LOGITS, TOKENS = RNG.normal(0.0, 3.0, (3, 5, 19)), RNG.integers(0, 19, (3, 5))
MASK = RNG.random((3, 5)) < 0.7
MASK[:, 0] = True
IGNORED = np.where(MASK, TOKENS, -100)
UPSTREAM = RNG.normal(size=3)


def pairs(loss_type, **options):
    """Return the call of a paired loss."""
    row = LOSS_TYPES[loss_type]
    arrays = CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED
    smoothing = {"label_smoothing": 0.1} if row.smoothing else {}
    lengths = LENGTHS if row.needs_lengths else {}
    return Call(
        "pairwise.preference_loss",
        arrays[: 4 if row.has_reference else 2],
        {"loss_type": loss_type, **smoothing, **lengths, **options},
    )


PAIRED = [name for name, row in LOSS_TYPES.items() if row.is_paired]
MARGINS = [name for name, row in LOSS_TYPES.items() if row.margin_kernel]
PREFERENCES = [
    *(pairs(name, grad=True, reduction=reduction) for name in PAIRED for reduction in ("mean", "none")),
    *(pairs("sigmoid", reduction=reduction, metrics=True) for reduction in ("mean", "sum", "none")),
    *(pairs("sigmoid", score=score, grad=True) for score in ("forward_kl", "js_divergence", "alpha_divergence")),
    pairs("ipo", weight=WEIGHT, grad=True, metrics=True, **LENGTHS),
    pairs("simpo", gamma=0.3, beta=2, grad=True, **LENGTHS),
    Call("pairwise.preference_loss", (CHOSEN, None), {"loss_type": "sft", "grad": True}),
    Call("pairwise.preference_loss", tuple(MANY), {"grad": True, "metrics": True}),
    Call("pairwise.preference_loss", tuple(MANY), {"loss_type": "aot", "reduction": "none", "grad": True}),
    Call(
        "pairwise.preference_loss",
        (CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED),
        LENGTHS,
        bad=(("chosen_length", 3, 0.0), ("rejected_length", 36, np.nan)),
    ),
]
MARGIN_LOSSES = [
    *(
        Call(
            "pairwise.margin_loss",
            (CHOSEN, name),
            {"grad": True, "hess": True, "label_smoothing": 0.2 if LOSS_TYPES[name].smoothing else 0.0},
        )
        for name in MARGINS
    ),
    Call("pairwise.margin_loss", (CHOSEN,), {"weight": WEIGHT, "reduction": "sum"}),
    Call("pairwise.margin_loss", (MANY[0], "simpo"), {"gamma": 1, "reduction": "none", "hess": True}),
    Call(
        "pairwise.margin_loss",
        (CHOSEN,),
        {"target": TARGET, "weight": WEIGHT, "grad": True, "hess": True},
        bad=(("target", 2, 1.5), ("target", 0, np.nan)),
    ),
]
UNPAIRED = [
    Call("pairwise.unpaired_loss", (CHOSEN, REF_CHOSEN, DESIRABLE), {"kl": 0.3, "grad": True}, python_calls=5),
    Call(
        "pairwise.unpaired_loss", (MANY[0], MANY[1], MANY[2] > -30.0), {"kl": -1, "reduction": "none"}, python_calls=5
    ),
    Call(
        "pairwise.unpaired_loss",
        (CHOSEN, REF_CHOSEN, DESIRABLE),
        {"kl": None, "loss_type": "apo_zero_unpaired", "desirable_weight": 0.7, "undesirable_weight": 2, "grad": True},
        python_calls=5,
    ),
    Call("pairwise.batch_kl", (CHOSEN, REF_CHOSEN), python_calls=2),
    Call("pairwise.batch_kl", (MANY[0], MANY[1]), {"beta": 2.0}, python_calls=2),
]
SEQUENCES = [
    Call("pairwise.sequence_logprobs", (LOGITS, TOKENS)),
    Call("pairwise.sequence_logprobs", (LOGITS[0], TOKENS[0])),
    Call("pairwise.sequence_logprobs", (LOGITS, IGNORED), {"average": True, "return_log_partition": True}),
    Call("pairwise.sequence_logprobs", (LOGITS, TOKENS, MASK)),
    Call("pairwise.sequence_logprobs_grad", (LOGITS, TOKENS)),
    Call("pairwise.sequence_logprobs_grad", (LOGITS[1], IGNORED[1]), {"upstream": 2.0, "average": True}),
    Call(
        "pairwise.sequence_logprobs_grad",
        (LOGITS, TOKENS, MASK),
        {"upstream": UPSTREAM, "log_partition": np.log(np.exp(LOGITS).sum(axis=-1)), "average": True},
        float32=False,
    ),
]
HIDDEN, LAYER = RNG.normal(size=(3, 5, 8)), RNG.normal(size=(19, 8))
SEQUENCES += [
    Call("pairwise.sequence_logprobs_hidden", (HIDDEN, LAYER, TOKENS)),
    Call("pairwise.sequence_logprobs_hidden", (HIDDEN[0], LAYER, TOKENS[0]), {"average": True}),
    Call("pairwise.sequence_logprobs_hidden_grad", (HIDDEN, LAYER, TOKENS)),
    Call("pairwise.sequence_logprobs_hidden_grad", (HIDDEN, LAYER, TOKENS), {"upstream": 1.5, "average": True}),
    Call("pairwise.sequence_logprobs_hidden_grad", (HIDDEN[0], LAYER, TOKENS[0])),
]
CALLS = [*PREFERENCES, *MARGIN_LOSSES, *UNPAIRED, *SEQUENCES]
