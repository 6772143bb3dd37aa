"""The scalar functions compiled by ``numba.njit``: for user code and for kernels that call a user's function.

numba is imported on the first call, never at import; nothing is cached on disk, so a read-only installation works.
"""

import functools

import numpy as np

from . import scalar


def compiler(function):
    """Return `function` compiled without Python's division checks, which would put branches into loops."""
    import numba

    return numba.njit(error_model="numpy", nogil=True, forceinline=True)(function)


def where(condition, a, b):
    """Return `a` where the condition holds; LLVM makes a select of it."""
    return a if condition else b


def step(a, b, c):
    """Return a b + c in two roundings."""
    return a * b + c


def product(a, b):
    """Return a b."""
    return a * b


def to_bits_float64(x):
    """Return the bit pattern of a number."""
    return np.float64(x).view(np.uint64)


def from_bits_float64(bits):
    """Return the number of a bit pattern."""
    return np.uint64(bits).view(np.float64)


def to_bits_float32(x):
    """Return the bit pattern of a number."""
    return np.float32(x).view(np.uint32)


def from_bits_float32(bits):
    """Return the number of the low 32 bits: numba widens uint32 arithmetic."""
    return np.uint32(bits).view(np.float32)


BITS = {"float64": (to_bits_float64, from_bits_float64), "float32": (to_bits_float32, from_bits_float32)}


@functools.cache
def scalar_functions(dtype):
    """Return name -> njit function of one number of `dtype` ("float64" or "float32"), equal to the C baseline.

    No product is fused, so that the bits do not depend on the machine: ``normal_ppf`` here is the ``normal_ppf_rn``
    of random streams. A call from a loop is inlined and vectorised.
    """
    to_bits, from_bits = BITS[dtype]
    primitives = {
        "where": where,
        "step": step,
        "product": product,
        "square_root": np.sqrt,
        "to_bits": to_bits,
        "from_bits": from_bits,
    }
    compiled = {name: f if name == "square_root" else compiler(f) for name, f in primitives.items()}
    return scalar.functions(dtype, compiler, compiled)
