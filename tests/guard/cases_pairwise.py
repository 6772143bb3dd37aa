"""Guarded results of `af.pairwise`: every loss type in both precisions, with gradients, rewards and metrics."""

import itertools

import numpy as np
from guard.table import FLOATS, add, reals, whole

import alignment_fast as af

PAIRWISE = af.pairwise

SIZES = {"one": 1, "few": 13, "long": 5000}
SCORES = ("forward_kl", "js_divergence", "alpha_divergence")
PAIRED = {name: row for name, row in PAIRWISE.LOSS_TYPES.items() if row.is_paired}
OTHERS = {name: row for name, row in PAIRWISE.LOSS_TYPES.items() if not row.is_paired}


def _uses(names):
    return " ".join(f"pairwise.{name}" for name in names.split())


def _arrays(size, dtype):
    """Return log-probabilities of answers under policy and reference, and their lengths."""
    logs = [reals(seed, size, -30.0, -0.5, dtype) for seed in range(4)]
    return logs, {name: whole(seed, size, 5, 60) for seed, name in enumerate(("chosen_length", "rejected_length"))}


def _pairs(name, row, size, dtype, **options):
    logs, lengths = _arrays(size, dtype)
    logs = logs if row.has_reference else logs[:2]
    if row.smoothing:
        options = {"label_smoothing": 0.1} | options
    if not row.is_matched:
        options = lengths | options
    return PAIRWISE.preference_loss(*logs, loss_type=name, grad=True, **options)


def _scores(*args):
    return [_pairs(*args, score=score) for score in SCORES]


def paired():
    uses = _uses("preference_loss PreferenceLoss Metrics LOSS_TYPES")
    for (name, row), (label, size), (precision, dtype) in itertools.product(
        PAIRED.items(), SIZES.items(), FLOATS.items()
    ):
        options = {
            "few": {"reduction": "none", "metrics": True},
            "one": {"reduction": "sum"},
            "long": {"metrics": True},
        }
        add(
            f"pairwise.preference_loss/{name}-{label}-{precision}",
            uses,
            _pairs,
            name,
            row,
            size,
            dtype,
            **options[label],
        )
        if label == "few" and not row.is_matched:
            weight = reals(9, size, 0.0, 2.0, dtype)
            add(
                f"pairwise.preference_loss/{name}-weights-{precision}",
                uses,
                _pairs,
                name,
                row,
                size,
                dtype,
                weight=weight,
                beta=0.7,
            )
        if row.has_scores and label == "few":
            add(f"pairwise.preference_loss/{name}-scores-{precision}", uses, _scores, name, row, size, dtype)
    for threads in (1, 2):
        options = {"num_threads": threads, "metrics": True}
        add(
            f"pairwise.preference_loss/sigmoid-threads-{threads}",
            uses,
            _pairs,
            "sigmoid",
            PAIRED["sigmoid"],
            60000,
            np.float64,
            **options,
        )
    uses = _uses("LOSS_TYPES LossType " + " ".join(f"LossType.{name}" for name in PROPERTIES.split()))
    add("pairwise.preference_loss/table", uses, _table)


PROPERTIES = "has_reference is_paired is_matched"
COLUMNS = f"formula inputs parameters source smoothing has_scores needs_lengths {PROPERTIES} margin_kernel"


def _table():
    return {
        name: {column: getattr(row, column) for column in COLUMNS.split()} for name, row in PAIRWISE.LOSS_TYPES.items()
    }


def unpaired():
    for name, (label, size), (precision, dtype) in itertools.product(OTHERS, SIZES.items(), FLOATS.items()):
        (policy, ref, *_), desirable = _arrays(size, dtype)[0], whole(5, size, 0, 2)
        reduction = "none" if label == "few" else "mean"
        options = {"kl": 0.3, "loss_type": name, "desirable_weight": 1.5, "reduction": reduction, "grad": True}
        uses = _uses("unpaired_loss UnpairedLoss")
        add(
            f"pairwise.unpaired_loss/{name}-{label}-{precision}",
            uses,
            PAIRWISE.unpaired_loss,
            policy,
            ref,
            desirable,
            **options,
        )
    for precision, dtype in FLOATS.items():
        policy, ref = reals(1, 999, -30.0, -0.5, dtype), reals(2, 999, -31.0, -0.5, dtype)
        add(f"pairwise.unpaired_loss/batch_kl-{precision}", _uses("batch_kl"), PAIRWISE.batch_kl, policy, ref, beta=0.2)


def margins():
    names = [name for name, row in PAIRED.items() if row.margin_kernel]
    for name, (precision, dtype) in itertools.product(names, FLOATS.items()):
        smoothing = 0.1 if PAIRED[name].smoothing else 0.0
        margin, weight = reals(3, (3, 40), -40.0, 40.0, dtype), reals(4, (3, 40), 0.0, 2.0, dtype)
        options = {"loss_type": name, "label_smoothing": smoothing, "grad": True, "hess": True, "reduction": "none"}
        uses = _uses("margin_loss MarginLoss")
        add(f"pairwise.margin_loss/{name}-{precision}", uses, PAIRWISE.margin_loss, margin, **options)
        options |= {"weight": weight, "beta": 0.3, "reduction": "mean"}
        add(f"pairwise.margin_loss/{name}-{precision}-weights", uses, PAIRWISE.margin_loss, margin, **options)
    target = reals(5, (3, 40))
    options = {"target": target, "grad": True}
    add(
        "pairwise.margin_loss/targets",
        _uses("margin_loss"),
        PAIRWISE.margin_loss,
        reals(3, (3, 40), -9.0, 9.0),
        **options,
    )


def sequences():
    shapes = {"few": (3, 4, 11), "long": (2, 2, 5000), "vocabulary": (1, 2, 50257), "one": (1, 1)}
    uses = _uses("sequence_logprobs sequence_logprobs_grad")
    for (label, shape), (precision, dtype) in itertools.product(shapes.items(), FLOATS.items()):
        logits, ids = reals(1, shape, -12.0, 9.0, dtype), whole(2, shape[:-1], 0, shape[-1])
        add(f"pairwise.sequences/logits-{label}-{precision}", uses, _sequences, logits, ids)
        if label == "few":
            options = {"mask": whole(3, shape[:-1], 0, 2) | (np.arange(4) == 0), "average": True}
            add(f"pairwise.sequences/logits-mask-{precision}", uses, _sequences, logits, ids, **options)
        hidden, weight = (
            reals(4, (*shape[:-1], 8), -1.0, 1.0, dtype),
            reals(5, (min(shape[-1], 5000), 8), -2.0, 2.0, dtype),
        )
        names = "sequence_logprobs_hidden sequence_logprobs_hidden_grad HiddenGradient"
        ids = whole(2, shape[:-1], 0, len(weight))
        add(f"pairwise.sequences/hidden-{label}-{precision}", _uses(names), _hidden, hidden, weight, ids, own=False)
    for threads in (1, 2):
        logits, ids = reals(1, (4, 3, 9000), -12.0, 9.0), whole(2, (4, 3), 0, 9000)
        options = {"num_threads": threads}
        add(f"pairwise.sequences/logits-threads-{threads}", uses, _sequences, logits, ids, **options)
    logits, ids = reals(1, (3, 4, 301), -12.0, 9.0).astype(np.float16), whole(2, (3, 4), 0, 301)
    add("pairwise.sequences/logits-f16", uses, _sequences, logits, ids)


def _sequences(logits, ids, mask=None, **options):
    sums, log_partition = PAIRWISE.sequence_logprobs(logits, ids, mask, return_log_partition=True, **options)
    return sums, log_partition, PAIRWISE.sequence_logprobs_grad(logits, ids, mask, **options)


def _hidden(hidden, weight, ids):
    return (
        PAIRWISE.sequence_logprobs_hidden(hidden, weight, ids, chunk=7),
        PAIRWISE.sequence_logprobs_hidden_grad(hidden, weight, ids, average=True),
    )


for part in (paired, unpaired, margins, sequences):
    part()
