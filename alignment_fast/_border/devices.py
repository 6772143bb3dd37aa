"""Array arguments on CUDA devices: used where they are, in the order of their library's stream; nothing is copied."""

from alignment_fast._border.arrays import refuse_gradients
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.kernels.common import driver
from alignment_fast.kernels.common.streams import DeviceArray, place_of, view

__all__ = ["DeviceArray", "output", "view", "views"]


def views(values, place=None):
    """Return the `Place` of a call and its arrays by name, the first of which decides what results are.

    Raises
    ------
    ValueError
        If arrays are on different devices, or one is not C-contiguous.
    TypeError
        If one has a dtype that kernels do not take, or requires grad.
    BackendUnavailableError
        If there is no driver or no device.

    """
    for name, value in values.items():
        refuse_gradients(value, name)
    if place is None:
        name, first = next(iter(values.items()))
        _require_device(name)
        place = place_of(first, name)
    return place, {name: view(value, name, place) for name, value in values.items()}


def _require_device(name):
    try:
        driver.require_device()
    except driver.DriverMissingError as error:
        raise BackendUnavailableError(f"{name} is a CUDA array, which needs {error}") from error


def output(value, name, place=None):
    """Return the array `value` to write into; ValueError if it is read-only."""
    _, found = views({name: value}, place)
    if not found[name].writable:
        raise ValueError(f"{name} is read-only")
    return found[name]
