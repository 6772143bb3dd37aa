"""Calls with arrays of other libraries, made once more with NumPy's, and results in the caller's kind."""

import dataclasses

import numpy as np

from alignment_fast._border.arrays import as_array, common_device, is_foreign, like, model_of


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
    """Return a result, an array or a tuple or dataclass with arrays in it, with arrays of the kind of `model`."""
    if isinstance(result, np.ndarray | np.floating):
        return like(np.asarray(result), model)
    if dataclasses.is_dataclass(result):
        fields = {field.name: of_kind(getattr(result, field.name), model) for field in dataclasses.fields(result)}
        return dataclasses.replace(result, **fields)
    if isinstance(result, tuple):
        parts = [of_kind(part, model) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return result
