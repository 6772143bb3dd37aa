"""The grid on which the bodies of one scalar formula are compared, and a digest of what one of them gives there."""

import hashlib

import numpy as np

RANGES = ((-6, 6), (0, 1), (-50, 50), (0.4, 0.6))
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 0.5, 1.0, -1.0)


def grid(dtype):
    """Return random bit patterns (every exponent, NaN, subnormals), plain ranges, special values."""
    rng = np.random.default_rng(4)
    unsigned = "uint64" if dtype == "float64" else "uint32"
    parts = [rng.integers(0, np.iinfo(unsigned).max, 8000, unsigned, endpoint=True).view(dtype)]
    parts += [rng.uniform(low, high, 2000).astype(dtype) for low, high in RANGES]
    return np.concatenate([*parts, np.array(SPECIAL, dtype)])


def digest(values):
    """Return a digest of the bits of `values`; one NaN stands for all, since sign and payload carry no meaning."""
    return hashlib.sha256(np.where(np.isnan(values), np.array(np.nan, values.dtype), values).tobytes()).hexdigest()
