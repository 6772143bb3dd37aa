"""Cases of log-probabilities of token sequences, with masks and gradients."""

import itertools

import mpmath

from oracles import sequence
from vectors.common import Family, exactly

UNIT = {"float64": mpmath.mpf(2) ** -53, "float32": mpmath.mpf(2) ** -24, "float16": mpmath.mpf(2) ** -24}
ROWS = {
    "normal": lambda rng, size: [rng.gauss(0.0, 3.0) for _ in range(size)],
    "sharp": lambda rng, size: [rng.gauss(0.0, 1.0) for _ in range(size - 1)] + [60.0],
    "flat": lambda rng, size: [3.5] * size,
    "far": lambda rng, size: [rng.gauss(0.0, 2.0) - 1000.0 for _ in range(size)],
    "wide": lambda rng, size: [rng.gauss(0.0, 300.0) for _ in range(size)],
    "masked letters": lambda rng, size: [rng.gauss(0.0, 1.0) for _ in range(size - 1)] + [float("-inf")],
}
STEPS = {"float64": 2.0**-30, "float32": 2.0**-10, "float16": 0.5}
MASKS = {"all": None, "one": [0, 1, 0], "none": [0, 0, 0], "ignored ids": "-100"}


def token(row, place, u):
    """Return (log p, tolerance) of one token."""
    finite = [x for x in row if x > -mpmath.inf]
    value = sequence.token_logprobs(finite, finite.index(row[place])) if row[place] in finite else -mpmath.inf
    distance = sequence.mean_distance(row)
    return value, (6 + 2 * distance) * u + (0 if mpmath.isinf(value) else u * abs(value))


def logprobs():
    """Return the cases."""
    family = Family("sequence_logprobs")
    rng = family.random
    for dtype, (pattern, make), (kind, mask), size in itertools.product(STEPS, ROWS.items(), MASKS.items(), (2, 9)):
        step = STEPS[dtype]
        logits = [[round(x / step) * step if x > -1e300 else x for x in make(rng, size)] for _ in range(3)]
        ids = [rng.randrange(size - 1) for _ in logits]
        u = UNIT[dtype]
        found = [token(row, place, u) for row, place in zip(logits, ids, strict=True)]
        on = [1, 1, 1] if mask is None else [1, 0, 1] if mask == "-100" else mask
        given = [-100 if mask == "-100" and not one else place for place, one in zip(ids, on, strict=True)]
        arguments = {"logits": logits, "token_ids": given} | ({"mask": mask} if isinstance(mask, list) else {})
        for average in (False, True) if sum(on) else (False,):
            over = sum(on) if average else 1
            kept = [pair for pair, one in zip(found, on, strict=True) if one]
            value, tolerance = (
                mpmath.fsum(column) / over for column in (zip(*kept, strict=True) if kept else ((), ()))
            )
            total = (value, tolerance + 2 * u * mpmath.fsum(abs(x) for x, _ in kept) / over)
            call = {**arguments, "average": average}
            family.add("sequence_logprobs", call, {"logprob": total}, label=f"{pattern}/{kind}", dtype=dtype)
        if pattern == "masked letters" or kind != "all":
            continue
        gradient = []
        for row, place in zip(logits, ids, strict=True):
            top = max(map(exactly, row))
            for z, slope in zip(row, sequence.logit_gradients(row, place), strict=True):
                floor = mpmath.exp(-87 if dtype != "float64" else -700)
                gradient.append((slope, (8 + 4 * (top - exactly(z))) * u * abs(slope) + floor + 8 * u * abs(slope)))
        # The letter itself: 1 - p is rounded relative to 1.
        for number, place in enumerate(ids):
            value, tolerance = gradient[number * size + place]
            gradient[number * size + place] = (value, tolerance + 8 * u * (1 + sequence.mean_distance(logits[number])))
        if dtype == "float16":  # that of the result, too
            gradient = [(value, tolerance + 2.0**-11 * abs(value) + 2.0**-24) for value, tolerance in gradient]
        family.add("sequence_logprobs_grad", arguments, {"grad": gradient}, label=pattern, dtype=dtype)
    return family


FAMILIES = (logprobs,)
