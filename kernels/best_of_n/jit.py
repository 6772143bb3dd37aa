"""The per-draw path: a user's reward function compiled into the loop that keeps the maximum."""

import functools

import numba
from numba.core.errors import NumbaError
from numba.core.registry import CPUDispatcher
from numba.np.unsafe.ndarray import to_fixed_tuple


@functools.lru_cache(maxsize=64)
def fold(function, k):
    """Return ``fold(uniforms, best)``: raise ``best[r]`` to the largest reward of row r of `uniforms`.

    A row holds k numbers per draw. A NaN reward makes the replicate NaN for good. The loop is compiled once per
    process and function: an on-disk cache would be keyed by the identity of the user's function, which changes from
    process to process, and could not be written in a read-only installation.
    """
    reward = function if isinstance(function, CPUDispatcher) else numba.njit(function)

    def loop(uniforms, best):
        for r in range(uniforms.shape[0]):
            largest = best[r]
            for first in range(0, uniforms.shape[1], k):
                value = reward(*to_fixed_tuple(uniforms[r, first : first + k], k))
                if value > largest or value != value:
                    largest = value
            best[r] = largest

    try:
        return numba.njit("void(float64[:, ::1], float64[::1])", nogil=True)(loop)
    except NumbaError as error:
        raise TypeError(
            f"function cannot be compiled to take {k} float64 numbers and return one number; numba says why, above"
        ) from error
