"""Calls with arrays of other libraries, made once more with NumPy's, and results in the caller's kind."""

import dataclasses
from collections.abc import Callable
from functools import cache, wraps
from itertools import repeat
from types import NoneType
from typing import Any, TypeVar, cast

import numpy as np

from alignment_fast._border.arrays import as_array, common_device, device_of, is_foreign, like, model_of

_Method = TypeVar("_Method", bound=Callable[..., Any])
# Types of which no value is an array of another library.
_OWN = frozenset({NoneType, bool, int, float, str, list, tuple, np.ndarray, np.float64, np.int64})


def in_callers_kind(function, arrays, **options):
    """Return ``function(**arrays, **options)`` where an array is of another library, in its kind; else None.

    For functions that compute with NumPy's arrays: they call this after their short path.
    """
    given = {name: value for name, value in arrays.items() if value is not None}
    if not any(map(is_foreign, given.values())):
        return None
    common_device(**given)
    plain = {name: as_array(value, name) if is_foreign(value) else value for name, value in arrays.items()}
    return of_kind(function(**plain, **options), model_of(given.values()))


def of_kind(result, model):
    """Return a result, an array or a tuple or dataclass with arrays in it, with arrays of the kind of `model`.

    Fields of a dataclass whose names begin with an underscore stay NumPy's.
    """
    if isinstance(result, np.ndarray | np.floating | np.bool_):
        return like(np.asarray(result), model)
    if dataclasses.is_dataclass(result):
        names = [field.name for field in dataclasses.fields(result) if not field.name.startswith("_")]
        fields = {name: of_kind(getattr(result, name), model) for name in names}
        return dataclasses.replace(result, **fields)
    if isinstance(result, tuple):
        parts = [of_kind(part, model) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return result


def kind_of(*values):
    """Return an empty array of the kind, and on the device, of the first of `values` that is foreign, or None."""
    model = model_of(values)
    return like(np.empty(0), model) if is_foreign(model) else None


def in_kind_of_its_arrays(method: _Method) -> _Method:
    """Have a method compute with NumPy's arrays, and give results in the kind of an array among its arguments.

    Where there is none, they have the kind of the arrays that the object was made of: the fields of a dataclass or a
    named tuple, or ``_kind``, as `kind_of` gives it, of another object, which holds NumPy's. Of an object that holds
    arrays on a CUDA device the method gets these.
    """

    @wraps(method)
    def given(self, *arguments, **options):
        names = _fields_of(type(self))
        held = tuple(map(getattr, repeat(self), names))
        if _OWN.issuperset(map(type, (*arguments, *options.values(), *held))):
            return method(self, *arguments, **options)
        foreign = [value for value in (*arguments, *options.values(), *held) if is_foreign(value)]
        if not foreign:
            return method(self, *arguments, **options)
        arrays = {name: value for name, value in zip(names, held, strict=True) if is_foreign(value)}
        if any(device_of(value) == "cuda" for value in arrays.values()):
            return method(self, *arguments, **options)
        if _has_fields(type(self)):
            plain = {name: as_array(value, name) for name, value in arrays.items()}
            self = self._replace(**plain) if isinstance(self, tuple) else dataclasses.replace(self, **plain)
        return of_kind(method(self, *arguments, **options), foreign[0])

    return cast(_Method, given)


def _has_fields(kind):
    """Return whether a type is a dataclass or a named tuple, which can be made anew with other arrays."""
    return issubclass(kind, tuple) or dataclasses.is_dataclass(kind)


@cache
def _fields_of(kind):
    """Return the names under which objects of a type may hold arrays of other libraries."""
    if issubclass(kind, tuple):
        return kind._fields
    if not dataclasses.is_dataclass(kind):
        return ("_kind",)
    return tuple(field.name for field in dataclasses.fields(kind) if not field.name.startswith("_"))


def exponential(values: Any) -> Any:
    """Return e to the power of `values`, an array of any library, in its kind; on a device by its own function."""
    if isinstance(values, np.ndarray | np.generic):
        return np.exp(values)
    if is_foreign(values) and device_of(values) == "cpu":
        return like(np.exp(as_array(values, "values")), values)
    return np.exp(values) if hasattr(values, "__array_ufunc__") else values.exp()
