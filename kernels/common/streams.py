"""Arrays on CUDA devices as kernels take them, and the device, stream and allocator of the library that they come from.

Libraries are recognised by the root module of a value's type and found among the loaded modules: none is imported. An
array is used where it is, in the order of its owner's current stream:

torch, CuPy
    the library's current stream; results are made by its own allocator
``__cuda_array_interface__``
    the stream that version 3 names, else the legacy default stream, which waits for those of other libraries; results
    are `DeviceArray`, which has this interface too
DLPack
    asked for with the stream of the call, as its rules say
"""

import math
import sys

import numpy as np

from alignment_fast.kernels.common import driver

LEGACY = 1  # the handle of the stream that waits for all others that do not opt out of it
_DLPACK = {(0, 64): "<i8", (2, 16): "<f2", (2, 32): "<f4", (2, 64): "<f8", (4, 16): "bfloat16", (0, 32): "<i4"}
_DLPACK |= {(1, 32): "<u4", (1, 64): "<u8", (6, 8): "|b1", (1, 8): "|b1"}


class Place:
    """Where a call runs: a device, a stream of it, and whose arrays its results are.

    Parameters
    ----------
    device, stream : int
        Number of the device, handle of the stream.
    make : callable
        Returns a new array of the caller's kind from shape and name of a dtype.

    """

    __slots__ = ("_make", "device", "stream")

    def __init__(self, device, stream, make=None):
        self.device, self.stream, self._make = device, stream, make

    def empty(self, shape, dtype, storage="own"):
        """Return a new `DeviceArray` of the caller's kind, not filled; MemoryError says how much was asked for."""
        dtype = np.dtype(dtype)
        if self._make is not None:
            return view(self._make(shape, dtype.name if storage == "own" else storage), "result", self)
        memory = driver.Memory(math.prod(shape) * dtype.itemsize, self.device, self.stream)
        return DeviceArray(memory.pointer, tuple(shape), dtype, self, memory, storage)

    def copy(self, values):
        """Return a NumPy array as a `DeviceArray`."""
        array = self.empty(values.shape, values.dtype)
        array.fill_from(values)
        return array


class DeviceArray:
    """A C-contiguous array on a device.

    Attributes
    ----------
    pointer : int
        Address of its first element.
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype
        Of its elements; uint16 for the words of 16-bit floats.
    storage : str
        "own", or "float16" or "bfloat16".
    place : Place
        Its device and the stream that its contents are ready on.
    owner : object
        What keeps the memory: an array of the caller's kind, or memory of our own.
    writable : bool
        Whether it may be written.

    """

    __slots__ = ("dtype", "owner", "place", "pointer", "shape", "storage", "writable")

    def __init__(self, pointer, shape, dtype, place, owner, storage="own", writable=True):
        self.pointer, self.shape, self.dtype, self.place = pointer, shape, dtype, place
        self.owner, self.storage, self.writable = owner, storage, writable

    def __index__(self):
        return self.pointer

    @property
    def size(self):
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self):
        """Number of bytes."""
        return self.size * self.dtype.itemsize

    @property
    def __cuda_array_interface__(self):
        place = {"data": (self.pointer, not self.writable), "stream": self.place.stream or LEGACY, "version": 3}
        typestr = "<f2" if self.storage == "float16" else self.dtype.str
        return {"shape": self.shape, "typestr": typestr, "strides": None} | place

    def reshape(self, *shape):
        """Return the same elements in another shape; one length may be -1."""
        shape = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        known = math.prod(length for length in shape if length >= 0)
        shape = tuple(self.size // max(known, 1) if length < 0 else length for length in shape)
        return DeviceArray(self.pointer, shape, self.dtype, self.place, self.owner, self.storage, self.writable)

    def __getitem__(self, row):
        """Return one row."""
        if not 0 <= row < self.shape[0]:
            raise IndexError(row)
        shape = self.shape[1:]
        at = self.pointer + row * math.prod(shape) * self.dtype.itemsize
        return DeviceArray(at, shape, self.dtype, self.place, self.owner, self.storage, self.writable)

    def __len__(self):
        return self.shape[0]

    def fill_from(self, values):
        """Copy a NumPy array of this shape and dtype here; waits until it was read."""
        flat = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        driver.copy_to_device(self.pointer, flat, self.place.device, self.place.stream)

    def numpy(self):
        """Return a copy on the host; waits for the stream."""
        values = np.empty(self.shape, self.dtype)
        driver.copy_to_host(values.reshape(-1).view(np.uint8), self.pointer, self.place.device, self.place.stream)
        return values

    def given(self):
        """Return what the caller gets: the array of its own library, in this shape, or this one."""
        if isinstance(self.owner, driver.Memory):
            return self
        return self.owner if tuple(self.owner.shape) == self.shape else self.owner.reshape(self.shape)


def _root(value):
    return type(value).__module__.partition(".")[0]


def place_of(value, name):
    """Return the `Place` of a call with `value`, an array on a device, as the one that results are to be like."""
    root = _root(value)
    if isinstance(value, DeviceArray):
        return value.place
    if root == "torch":
        return _place_of_torch(value)
    if root == "cupy":
        return _place_of_cupy(value)
    if root in ("jax", "jaxlib"):
        raise TypeError(f"{name} is an array of JAX on a CUDA device: which is not supported; pass it on the CPU")
    if hasattr(value, "__cuda_array_interface__"):
        shown = value.__cuda_array_interface__
        device = driver.device_of_pointer(shown["data"][0]) if shown["data"][0] else 0
        return Place(device, _stream_shown(shown) or LEGACY)
    return Place(int(value.__dlpack_device__()[1]), LEGACY)


def _place_of_torch(value):
    torch = sys.modules["torch"]
    index = value.device.index
    current = getattr(torch._C, "_cuda_getCurrentRawStream", None)
    stream = torch.cuda.current_stream(index).cuda_stream if current is None else current(index)

    def make(shape, dtype):
        return torch.empty(shape, dtype=getattr(torch, dtype), device=value.device)

    return Place(index, stream, make)


def _place_of_cupy(value):
    cupy = sys.modules["cupy"]
    index = value.device.id

    def make(shape, dtype):
        with cupy.cuda.Device(index):
            return cupy.empty(shape, dtype)

    with cupy.cuda.Device(index):
        return Place(index, cupy.cuda.get_current_stream().ptr, make)


def _stream_shown(shown):
    """Return the stream that an interface names; None where its contents are ready already."""
    return shown.get("stream") if shown["version"] >= 3 else LEGACY


def view(value, name, place):
    """Return the array `value` on a device as a `DeviceArray` that is ready on the stream of `place`.

    Raises
    ------
    ValueError
        If it is on another device, or not C-contiguous.
    TypeError
        If its dtype is none that kernels take.

    """
    if isinstance(value, DeviceArray):
        pointer, shape, strides, dtype, writable = value.pointer, value.shape, None, value.dtype, value.writable
        device, stream, storage = value.place.device, value.place.stream, value.storage
    elif _root(value) == "torch":
        pointer, shape, strides, writable = value.data_ptr(), tuple(value.shape), value.stride(), True
        device, stream = value.device.index, place.stream
        dtype, storage = _dtype(str(value.dtype).removeprefix("torch."), name)
        strides = tuple(stride * dtype.itemsize for stride in strides)
    elif hasattr(value, "__cuda_array_interface__"):
        shown = value.__cuda_array_interface__
        (pointer, readonly), shape, strides = shown["data"], tuple(shown["shape"]), shown.get("strides")
        dtype, storage = _dtype(shown["typestr"], name)
        writable, stream = not readonly, place.stream if _root(value) == "cupy" else _stream_shown(shown)
        device = driver.device_of_pointer(pointer) if pointer and math.prod(shape) else place.device
    else:
        capsule = value.__dlpack__(stream=place.stream or LEGACY)
        pointer, device, shape, strides, kind = driver.of_capsule(capsule)
        dtype, storage = _dtype(_DLPACK.get(kind, str(kind)), name)
        strides = None if strides is None else tuple(stride * dtype.itemsize for stride in strides)
        writable, stream, value = True, place.stream, (value, capsule)
    if device != place.device:
        raise ValueError(f"{name} is on CUDA device {device}, and other arguments on CUDA device {place.device}")
    if strides is not None and not _is_contiguous(shape, strides, dtype.itemsize):
        raise ValueError(f"{name} of shape {shape} is not C-contiguous, as arrays on a CUDA device must be")
    if stream is not None and stream != place.stream:
        driver.wait_for(device, place.stream, stream)
    owner = value.owner if isinstance(value, DeviceArray) else value
    return DeviceArray(pointer, shape, dtype, place, owner, storage, writable)


def _dtype(name, argument):
    """Return (dtype, storage) of a dtype by its name: the words of 16-bit floats are uint16."""
    if name == "bfloat16":
        return np.dtype(np.uint16), name
    try:
        dtype = np.dtype(name)
    except TypeError:
        raise TypeError(f"{argument} has the dtype {name}, which kernels for CUDA do not take") from None
    if not dtype.isnative:
        raise TypeError(f"{argument} has the dtype {name}, whose bytes are in another order than the device's")
    return (np.dtype(np.uint16), "float16") if dtype.name == "float16" else (dtype, "own")


def _is_contiguous(shape, strides, itemsize):
    expected = itemsize
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length != 1 and stride != expected and math.prod(shape):
            return False
        expected *= length
    return True


def to_host(value):
    """Return an array on a device, of any library, as a NumPy array; waits for its stream."""
    return value if isinstance(value, np.ndarray) else view(value, "array", place_of(value, "array")).numpy()
