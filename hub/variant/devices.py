"""Tensors on a CUDA device as the launches of kernels take them: where they are, on PyTorch's current stream."""

import torch

from . import driver
from .errors import BackendUnavailableError

_STORAGE = {torch.float16: "float16", torch.bfloat16: "bfloat16"}


class Place:
    """A device by its number and as PyTorch has it, and the stream of it that a call runs on."""

    def __init__(self, where, device, stream):
        self.where, self.device, self.stream = where, device, stream

    def empty(self, shape, dtype):
        """Return a new `DeviceArray`, not filled."""
        return DeviceArray(torch.empty(tuple(shape), dtype=dtype, device=self.where), self)


class DeviceArray:
    """A contiguous tensor with its address."""

    def __init__(self, tensor, place):
        self.owner, self.place, self.pointer = tensor, place, tensor.data_ptr()
        self.shape, self.dtype, self.size = tuple(tensor.shape), tensor.dtype, tensor.numel()
        self.storage = _STORAGE.get(tensor.dtype, "own")

    def given(self):
        """Return the tensor."""
        return self.owner


def place_of(tensor):
    """Return the `Place` of a call with `tensor`."""
    index = tensor.device.index
    return Place(tensor.device, index, torch.cuda.current_stream(index).cuda_stream)


def views(named):
    """Return the `Place` of a call and its tensors by name, as `DeviceArray`.

    Raises
    ------
    BackendUnavailableError
        If there is no driver or no device.
    ValueError
        If a tensor is not contiguous.

    """
    name, first = next(iter(named.items()))
    try:
        driver.require_device()
    except driver.DriverMissingError as error:
        raise BackendUnavailableError(f"{name} is a CUDA tensor, which needs {error}") from error
    for name, tensor in named.items():
        if not tensor.is_contiguous():
            raise ValueError(f"{name} of shape {tuple(tensor.shape)} is not contiguous")
    place = place_of(first)
    return place, {name: DeviceArray(tensor, place) for name, tensor in named.items()}
