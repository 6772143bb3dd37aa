"""Array arguments: which library, which device, which dtype; a NumPy view in, the caller's kind of array out.

Libraries are recognised by the root module of a value's type, so none of them is imported here.
"""

import math
import sys
from typing import NamedTuple

import numpy as np

from alignment_fast._border.words import shown
from alignment_fast.errors import BackendUnavailableError

_CPU, _CUDA, _CUDA_HOST, _CUDA_MANAGED = 1, 2, 3, 13  # DLDeviceType
_DEVICES = {_CPU: "cpu", _CUDA_HOST: "cpu", _CUDA: "cuda", _CUDA_MANAGED: "cuda"}
# Arrays of more axes NumPy stores but does not broadcast.
MOST_AXES = 32
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def library_of(value):
    """Return the name of the library that made `value` ("numpy", "torch", "cupy", "jax", ..., "builtins")."""
    if type(value) is np.ndarray:
        return "numpy"
    root = type(value).__module__.partition(".")[0]
    return "jax" if root == "jaxlib" else root


def is_foreign(value):
    """Return whether results take the kind of `value`, an array of another library, no column; else NumPy's."""
    return not isinstance(value, np.ndarray) and hasattr(value, "__dlpack__") and library_of(value) != "pyarrow"


def is_array(value):
    """Return whether `value` is an array or a column of any library; NumPy's scalars are none."""
    if isinstance(value, np.ndarray | np.generic):
        return isinstance(value, np.ndarray)
    return hasattr(value, "__dlpack__") or hasattr(value, "__array__")


def model_of(values):
    """Return the first foreign array among `values`, or the first of them: the one whose kind results take."""
    return next((value for value in values if is_foreign(value)), next(iter(values)))


def device_of(value):
    """Return "cpu" or "cuda": where the memory of `value` is; lists and scalars are on the CPU."""
    if type(value) is np.ndarray:
        return "cpu"
    if library_of(value) == "torch":  # whose interface raises for bfloat16 and for what requires grad
        kind = value.device.type
        if kind in ("cpu", "cuda"):
            return str(kind)
    elif hasattr(value, "__cuda_array_interface__"):
        return "cuda"
    if not hasattr(value, "__dlpack_device__"):
        return "cpu"
    kind = int(value.__dlpack_device__()[0])
    if kind not in _DEVICES:
        raise BackendUnavailableError(f"arrays on DLPack device type {kind} are not supported")
    return _DEVICES[kind]


def all_plain(values):
    """Return whether all `values` are C-contiguous NumPy arrays of one dtype that is computed in: the common case."""
    dtype = None
    for value in values:
        if type(value) is not np.ndarray or not value.flags.c_contiguous or value.ndim > MOST_AXES:
            return False
        if dtype is None:
            dtype = value.dtype
            if dtype is not FLOAT64 and dtype is not FLOAT32:
                return False
        elif value.dtype is not dtype:
            return False
    return True


def common_device(**arguments):
    """Return the device that all array arguments share; mixing devices is a ValueError that names them."""
    if all(value is None or type(value) is np.ndarray for value in arguments.values()):
        return "cpu"
    devices = {name: device_of(value) for name, value in arguments.items() if value is not None}
    if len(set(devices.values())) > 1:
        raise ValueError("arguments are on different devices: " + ", ".join(f"{k} on {v}" for k, v in devices.items()))
    return next(iter(devices.values()), "cpu")


def _to_numpy(value, name):
    if isinstance(value, np.ndarray):
        return value
    refuse_gradients(value, name)
    if device_of(value) != "cpu":
        raise BackendUnavailableError(f"{name} is a CUDA array and this function has no CUDA version")
    if not hasattr(value, "__dlpack__") or library_of(value) == "pyarrow":  # whose DLPack knows no flags and no nulls
        return _by_columns(value)
    if sixteen_bit(value) == "bfloat16":  # DLPack hands NumPy no such dtype; the policy computes it in float32
        return (words_of(value, name).astype(np.uint32) << 16).view(np.float32)
    return np.from_dlpack(value)


def _by_columns(value):
    """Return a frame as one array of the type that its columns have in common: as a whole some give objects."""
    columns = getattr(value, "iloc", None)  # pandas'
    if columns is None or getattr(value, "ndim", 0) != 2 or not value.shape[1]:
        return value
    arrays = [np.asarray(columns[:, i]) for i in range(value.shape[1])]
    return np.stack(arrays, axis=1) if all(array.dtype.kind in "biuf" for array in arrays) else value


def refuse_gradients(value, name):
    """Raise TypeError if `value` is a tensor that requires grad."""
    if getattr(value, "requires_grad", False):
        raise TypeError(
            f"{name} requires grad; plain functions are not differentiable: pass {name}.detach(), "
            "or use the operators of alignment_fast.interop.torch where there is one"
        )


def as_array(value, name):
    """Return `value` as a plain NumPy array of whatever dtype it has; masked arrays are a TypeError."""
    if type(value) is np.ndarray:
        return _of_few_axes(value, name)
    if value is None:
        raise TypeError(f"{name} must be an array, not None")
    array = _to_numpy(value, name)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, and a mask has no meaning here; fill it or drop what it hides")
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise ValueError(f"{name} is not an array: {error}") from None
    return _of_few_axes(array, name)


def _of_few_axes(array, name):
    if array.ndim > MOST_AXES:
        raise ValueError(f"{name} has {array.ndim} axes, more than {MOST_AXES}")
    return array


def as_floating(value, name, *, floating_only=False):
    """Return `value` as a C-contiguous float32 or float64 array on the CPU.

    float32 stays; float16 and bfloat16 become float32; integers, booleans and other reals become float64, or raise
    TypeError with ``floating_only`` (log-probabilities, where an integer is surely a mistake).
    """
    array = as_array(value, name)
    dtype = array.dtype
    if (dtype is FLOAT64 or dtype is FLOAT32) and array.flags.c_contiguous:
        return array
    if dtype.kind == "f" or dtype.name == "bfloat16":
        dtype = FLOAT32 if dtype.itemsize <= 4 else FLOAT64
    elif dtype.kind in "biu":
        if floating_only:
            raise TypeError(f"{name} must be floating-point (log-probabilities), not {dtype}")
        dtype = FLOAT64
    else:
        raise TypeError(f"{name} must be an array of real numbers, not of dtype {dtype}")
    return np.ascontiguousarray(array, dtype=dtype) if array.ndim else array.astype(dtype, copy=False)


def common_dtype(arrays):
    """Return the dtype that all of `arrays` are computed in."""
    dtypes = [array.dtype for array in arrays]
    return dtypes[0] if all(dtype is dtypes[0] for dtype in dtypes) else np.result_type(*dtypes)


def sixteen_bit(value):
    """Return "float16" or "bfloat16" where that is the dtype of `value`, in whichever library; else None."""
    dtype = getattr(value, "dtype", None)
    name = getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]  # torch's have no name but torch.float16
    return name if name in ("float16", "bfloat16") else None


def words_of(value, name):
    """Return the 16-bit words of a float16 or bfloat16 array as uint16, in place and of its own layout."""
    if is_foreign(value):
        refuse_gradients(value, name)
        return _to_numpy(value.view(_namespace(value).int16), name).view(np.uint16)
    array = as_array(value, name)
    return array.astype(array.dtype.newbyteorder("="), copy=False).view(np.uint16)


def as_stored(value, name):
    """Return (array, storage) of floating-point `value` on the CPU, of any layout, without widening 16-bit floats.

    float32 and float64 come as they are, storage "own"; float16 and bfloat16 as their bits in uint16, storage by name.
    """
    storage = sixteen_bit(value)
    if storage is not None:
        return words_of(value, name), storage
    array = as_array(value, name)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} must be floating-point, not {array.dtype}")
    return array.astype(FLOAT32 if array.dtype.itemsize == 4 else FLOAT64, copy=False), "own"


def like_stored(result, storage, model):
    """Return the array `result`, as `as_stored` gives arrays, as the kind of array and in the dtype that `model` is."""
    if storage == "own":
        return like(result, model)
    if storage == "float16":
        return like(result.view(np.float16), model)
    return like(result.view(np.int16), model).view(model.dtype)


def like(result, model):
    """Return the NumPy array `result` as the kind of array that `model` is; what is on a device is that already."""
    if hasattr(result, "given"):
        return result.given()
    if not is_foreign(model):
        return result
    result = np.asarray(result, order="C")  # ascontiguousarray would add an axis to a scalar
    library = _namespace(model)
    if library is None:
        return result
    # Libraries take no array that they must not write.
    made = library.from_dlpack(result if result.flags.writeable else result.copy())
    return _beside(made, model)


def _beside(array, model):
    """Return `array` on the device of `model`, of the same library: DLPack has put it on the first one."""
    device = getattr(model, "device", None)
    return array.to_device(device) if hasattr(array, "to_device") and array.device != device else array


def _namespace(value):
    """Return what makes arrays of the kind of `value` by `from_dlpack`: its library, or its type; or None."""
    if hasattr(value, "__array_namespace__"):
        return value.__array_namespace__()
    makers = sys.modules.get(library_of(value)), type(value)
    return next((maker for maker in makers if hasattr(maker, "from_dlpack")), None)


class Grid(NamedTuple):
    """A parameter laid out over the leading axes of a problem.

    Parameters
    ----------
    values : array (T,) or (*leading, T)
        The parameter; one-dimensional when every row of the problem shares it.
    leading : tuple of int
        Leading axes of the result: those of the problem, broadcast with those of the parameter.
    shape : tuple of int
        Shape of the result: `leading`, and the parameter's own axis unless the parameter was a scalar.

    """

    values: np.ndarray
    leading: tuple[int, ...]
    shape: tuple[int, ...]

    def rows(self):
        """Return the parameter as (1 or rows of the result, T)."""
        return self.values.reshape(math.prod(self.values.shape[:-1]), self.values.shape[-1])


def as_parameter(value, name):
    """Return parameter `value` as a float64 array; Python's integers, fractions and decimals are numbers too."""
    try:
        array = as_array(value, name)
    except BackendUnavailableError:
        if device_of(value) != "cuda":
            raise
        told = f"{name} is a CUDA array, but is read on the host, whatever else is on a device"
        raise BackendUnavailableError(told) from None
    if array.dtype is FLOAT64 and array.flags.c_contiguous:
        return array
    if array.dtype.kind not in "biufO":
        raise TypeError(f"{name} must be real numbers, not of dtype {array.dtype}")
    try:
        return array.astype(np.float64, order="C", copy=False)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be real numbers, not {shown(value)}") from None
    except OverflowError:
        raise ValueError(f"{name} does not fit into a float64; a number that large is given by its logarithm") from None


def parameter_grid(value, leading, name):
    """Lay out parameter `value` over `leading` axes: the grid rule of the package.

    A scalar adds no axis, shape (T,) adds one axis after the leading ones, and shape (..., T) broadcasts its own
    leading axes against `leading` (one value per row: shape (B, 1)).
    """
    if type(value) is float:  # the common case
        return Grid(np.array([value]), leading, leading)
    values = as_parameter(value, name)
    if values.ndim == 0:
        return Grid(values.reshape(1), leading, leading)
    if values.ndim == 1:
        return Grid(values, leading, (*leading, values.shape[0]))
    try:
        common = np.broadcast_shapes(values.shape[:-1], leading)
    except ValueError:
        raise ValueError(
            f"{name} of shape {values.shape} does not broadcast against the leading axes {leading}"
        ) from None
    length = values.shape[-1]
    return Grid(np.ascontiguousarray(np.broadcast_to(values, (*common, length))), common, (*common, length))
