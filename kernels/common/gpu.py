"""The only place that imports a CUDA target: availability, memory, launches, the scalar functions on the device.

Importing this module imports numba and numba-cuda but no driver; with ``NUMBA_ENABLE_CUDASIM=1``, set before numba is
first imported, everything runs in numba-cuda's simulator on the CPU.
"""

import functools
import math
import types

import numba_cuda  # noqa: F401 - without it, `from numba import cuda` would find the target that Numba has deprecated
import numpy as np
from numba import cuda
from numba.core import config

from alignment_fast.kernels.common import jit, scalar

SIMULATED = bool(config.ENABLE_CUDASIM)  # type: ignore[attr-defined]  # Numba sets it from the environment

# Threads of a block; blocks of a launch at most: 16 of 256 threads keep each of 132 multiprocessors busy, and kernels
# loop over what is left. At least 128 blocks, idle ones included: below that Numba warns. The simulator makes a Python
# thread of each.
THREADS, FEWEST_BLOCKS, MOST_BLOCKS = (3, 1, 2) if SIMULATED else (256, 128, 2112)


def device_names():
    """Return the names of the CUDA devices, an empty list where there is no driver or none of them."""
    if SIMULATED or not cuda.is_available():
        return []
    return [device.name.decode() if isinstance(device.name, bytes) else device.name for device in cuda.gpus]


def require_device():
    """Raise ImportError, saying what the driver says, unless a CUDA device (or the simulator) can be used."""
    if cuda.is_available():
        return
    try:
        cuda.get_current_device()
        reason = "the driver reports no usable device"
    except cuda.CudaSupportError as error:
        reason = " ".join(str(error).split())
    raise ImportError(f"a CUDA device: {reason}")


def to_host(array):
    """Return a device array of any library as a NumPy array, in order with the library's current stream."""
    if not hasattr(array, "__cuda_array_interface__"):
        return np.from_dlpack(array, device="cpu", copy=True)
    return cuda.as_cuda_array(array).copy_to_host()  # synchronises with the stream that the interface names


def empty(shape, dtype):
    """Return an uninitialised device array, or raise MemoryError that says how much was asked for."""
    try:
        return cuda.device_array(shape, dtype)
    except Exception as error:
        if "OUT_OF_MEMORY" not in str(error):
            raise
        size = math.prod(shape) * np.dtype(dtype).itemsize
        raise MemoryError(f"the CUDA device cannot allocate {size} bytes for an array of shape {shape}") from error


def launch(kernel, tasks, *arguments):
    """Launch `kernel` over `tasks` tasks, which it strides over with ``cuda.grid`` and ``cuda.gridsize``."""
    blocks = min(max(-(-tasks // THREADS), FEWEST_BLOCKS), MOST_BLOCKS)
    kernel[blocks, THREADS](*arguments)


def ptx(kernel, signature, capability):
    """Return the PTX of `kernel` for a compute capability such as (8, 0); needs libNVVM, no driver and no device.

    A device function that calls another one asks for the current device, so a stand-in is put in its place meanwhile.
    """
    from numba.cuda import dispatcher

    real = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: types.SimpleNamespace(compute_capability=capability, id=0)
    try:
        return cuda.compile(kernel.py_func, signature, device=False, abi="numba", cc=capability)[0]
    finally:
        dispatcher.get_current_device = real


# ---- arithmetic with one rounding per operation: nvcc and NVVM fuse a plain a * b + c ----


def _product(a, b):
    return cuda.libdevice.dmul_rn(a, b)


def _step(a, b, c):
    return cuda.libdevice.dadd_rn(cuda.libdevice.dmul_rn(a, b), c)


def device_function(function):
    """Return `function` compiled for use in kernels."""
    return cuda.jit(device=True)(function)


@functools.cache
def primitives():
    """Return the float64 primitives of `scalar.functions` for the device; no product is ever fused.

    The simulator, which has no libdevice, computes in NumPy scalars, where every operation rounds.
    """
    plain = {
        "where": jit.where,
        "step": jit.step if SIMULATED else _step,
        "product": jit.product if SIMULATED else _product,
        "square_root": math.sqrt,
        "to_bits": jit.to_bits_float64,
        "from_bits": jit.from_bits_float64,
    }
    return {name: f if f is math.sqrt else device_function(f) for name, f in plain.items()}


@functools.cache
def scalar_functions():
    """Return name -> device function of one float64, with the bits of the C baseline and of ``*_rn``."""
    return scalar.functions("float64", device_function, primitives())
