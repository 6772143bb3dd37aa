"""PyTorch's dtypes by the names that the launches of kernels, written for NumPy's, have for them."""

from torch import float32, float64

__all__ = ["dtype", "float32", "float64"]


def dtype(value):
    """Return a dtype as it is."""
    return value
