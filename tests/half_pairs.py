"""Every pair of finite float16 log-probabilities through every paired loss: finite losses and gradients; run by hand.

    python -P tests/half_pairs.py [LOSS...]

`test_interop_torch_losses.py` takes every exponent with 16 fractions. Printed for each loss: how many pairs there are,
and of how many a number is not finite.
"""

import sys

import numpy as np

from alignment_fast.pairwise import LOSS_TYPES, preference_loss

EVERY = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
FINITE = EVERY[np.isfinite(EVERY)]
BELOW_ZERO = {"simpo", "orpo", "alphapo", "tpo_l"}  # losses of log-probabilities themselves, which are never positive
OPTIONS = {"exo_pair": {"label_smoothing": 0.1}}  # whose formula has the logarithm of it


def of_pairs(loss_type, chosen, rejected):
    row = LOSS_TYPES[loss_type]
    options = dict(OPTIONS.get(loss_type, {}))
    if row.has_reference:
        options |= dict.fromkeys(("ref_chosen", "ref_rejected"), np.zeros_like(chosen))
    if row.needs_lengths:
        options |= dict.fromkeys(("chosen_length", "rejected_length"), np.ones(len(chosen)))
    return preference_loss(chosen, rejected, loss_type=loss_type, reduction="none", grad=True, **options)


def not_finite(found):
    """Return of how many pairs a number is not finite."""
    numbers = [x for x in (found.loss, found.grad_policy_chosen, found.grad_policy_rejected) if x is not None]
    if all(np.dot(x, np.zeros_like(x)) == 0.0 for x in numbers):  # NaN where one is not: faster than looking at each
        return 0
    return np.count_nonzero(~np.logical_and.reduce([np.isfinite(x) for x in numbers]))


def main(names):
    for loss_type in names or [name for name, row in LOSS_TYPES.items() if row.is_paired]:
        values = FINITE[np.signbit(FINITE)] if loss_type in BELOW_ZERO else FINITE
        wrong = sum(not_finite(of_pairs(loss_type, np.full(len(values), value), values)) for value in values)
        print(f"{loss_type}: {len(values) ** 2} pairs, {wrong} not finite", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
