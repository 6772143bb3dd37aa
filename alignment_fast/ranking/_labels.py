"""Names of items: from columns of any library to indices, without importing the library."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast._border.arrays import as_array, as_parameter, library_of
from alignment_fast._operations import operations

Codes = NDArray[np.integer[Any]]
# Letters of a label in a message.
LONGEST = 80


def as_column(value: Any, name: str) -> Any:
    """Return `value` as an array, or as it is where it is a column of another library; scalars are a ValueError."""
    if library_of(value) in ("pandas", "polars", "pyarrow"):
        return value
    array = _as_array(value, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one axis, the comparisons; it has shape {array.shape}")
    return array


def _as_array(value: Any, name: str) -> NDArray[Any]:
    if hasattr(value, "__array__") or hasattr(value, "__dlpack__"):
        return as_array(value, name)
    try:
        values = value if type(value) is list else list(value)
    except TypeError:
        raise TypeError(f"{name} must be an array or a sequence, not {type(value).__name__}") from None
    array, kinds = operations("ranking").object_array(values)  # np.asarray would turn numbers beside text into text
    whole = all(issubclass(kind, int | np.integer) and not issubclass(kind, bool) for kind in kinds)
    if not whole:
        return array
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        place = next(place for place, value in enumerate(values) if not -(2**63) <= value < 2**63)
        raise ValueError(
            f"{name}[{place}] = {shown(values[place])} does not fit into 64 bits: pass it as text"
        ) from None


def is_index_column(column: Any, name: str) -> bool:
    """Return whether `column` holds integers: indices, not labels. Numbers that are not integers are a TypeError."""
    dtype = getattr(column, "dtype", None)
    dtype = getattr(column, "type", None) if dtype is None else dtype  # pyarrow says type
    if getattr(dtype, "kind", "O") in "iu" or str(dtype).lower().startswith(("int", "uint")):
        return True
    if getattr(dtype, "kind", "O") in "fcb" or str(dtype).lower().startswith(("float", "double", "halffloat", "bool")):
        raise TypeError(f"{name} holds {dtype}; items are integers counted from 0, or labels such as text")
    return False


def as_indices(column: Any, name: str) -> Codes:
    """Return an integer column as contiguous int32 or int64."""
    library = library_of(column)
    missing = _missing(column, library)
    if missing is not None:
        raise ValueError(f"{name}[{missing}] is missing")
    array = column.to_numpy() if library in ("pandas", "polars", "pyarrow") else column
    if array.dtype.kind not in "iu":  # pandas hands out nullable integers as objects
        array = array.astype(np.int64)
    if array.dtype == np.uint64 and array.size and int(array.max()) >= 2**63:
        raise ValueError(f"{name}[{int(array.argmax())}] = {int(array.max())} does not fit into 64 bits with a sign")
    return np.ascontiguousarray(
        array, dtype=np.int32 if array.dtype.itemsize <= 2 or array.dtype == np.int32 else np.int64
    )


def _missing(column: Any, library: str) -> int | None:
    """Return the position of the first missing value of a column that can have some."""
    flags = {"pandas": "isna", "polars": "is_null", "pyarrow": "is_null"}.get(library)
    if flags is None or (library == "pyarrow" and not column.null_count):
        return None
    found = np.flatnonzero(np.asarray(getattr(column, flags)()))
    return int(found[0]) if found.size else None


def as_numbers(column: Any, name: str) -> NDArray[np.float64]:
    """Return a column of numbers as float64."""
    return as_parameter(column.to_numpy() if hasattr(column, "to_numpy") else column, name)


def encode(column: Any, name: str, *, numbers: bool = False) -> tuple[Codes, list[Hashable]]:
    """Return (codes, labels) of a column: labels in order of appearance, or as the library has them.

    Labels may be floats or truth values only with `numbers`. Text takes the dictionary of its library, if it has one.
    """
    library = library_of(column)
    if library == "pandas" and column.dtype == object:
        codes, labels = _encode_objects(np.ascontiguousarray(column.to_numpy()), name)
        missing_labels = type(column)(labels, dtype=object).isna()
        labels = [None if lost else label for label, lost in zip(labels, missing_labels, strict=True)]
        return codes, _checked(labels, codes, name, numbers)
    missing = _missing(column, library)
    if missing is not None:
        raise ValueError(f"{name}[{missing}] is missing")
    texts = _arrow_texts(column, library)
    if texts is not None:
        codes, first = operations("ranking").encode_texts(*_spans(texts))
        return codes, _checked(texts.take(first).to_pylist(), codes, name, numbers)
    if library == "pandas":
        codes, labels = column.factorize()
        return codes, _checked(labels.tolist(), codes, name, numbers)
    if library == "pyarrow":
        array = _whole(column)
        array = array if hasattr(array, "dictionary") else array.dictionary_encode()
        codes = array.indices.to_numpy(zero_copy_only=False)
        return codes, _checked(array.dictionary.to_pylist(), codes, name, numbers)
    rows, label_of = _fixed_rows(column, library)
    if rows is not None:
        codes, first = operations("ranking").encode_rows(rows.view(np.uint8).reshape(len(rows), rows.itemsize))
        return codes, _checked(label_of(first), codes, name, numbers)
    codes, labels = _encode_objects(column.to_list() if library == "polars" else _objects(column), name)
    return codes, _checked(labels, codes, name, numbers)


def _encode_objects(values: Any, name: str) -> tuple[Codes, list[Hashable]]:
    try:
        codes, labels = operations("ranking").encode_objects(values)
    except TypeError:
        for place, value in enumerate(values):
            check_hashable(value, f"{name}[{place}]")
        raise
    return codes, labels


def _whole(column: Any) -> Any:
    """Return a column of Arrow as one array."""
    if not hasattr(column, "combine_chunks"):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _arrow_texts(column: Any, library: str) -> Any:
    """Return a column of pyarrow or pandas whose texts Arrow holds one behind the other, as one array; or None."""
    if library == "pandas":
        kind = column.dtype
        if getattr(kind, "storage", None) != "pyarrow" and not hasattr(kind, "pyarrow_dtype"):
            return None
        column = column.array.__arrow_array__()
    elif library != "pyarrow":
        return None
    return _whole(column) if len(column) and str(column.type) in ("string", "large_string") else None


def _spans(texts: Any) -> tuple[NDArray[np.uint8], Codes]:
    """Return the letters of an array of texts, and where each begins and the last one ends."""
    _, starts, letters = texts.buffers()
    kind: type[np.signedinteger[Any]] = np.int32 if str(texts.type) == "string" else np.int64
    start = np.frombuffer(starts, kind, len(texts) + 1, texts.offset * np.dtype(kind).itemsize)
    return np.frombuffer(letters or b"", np.uint8), start


def _fixed_rows(column: Any, library: str) -> tuple[Any, Any]:
    """Return (an array of one width whose equal elements are equal labels, labels of rows), or (None, None)."""
    if library == "polars":
        kind = str(column.dtype)
        if kind != "String" and not kind.startswith(("Categorical", "Enum")):
            return None, None
        coded = column.cast(sys.modules["polars"].Categorical) if kind == "String" else column
        return np.ascontiguousarray(coded.to_physical().to_numpy()), lambda first: column.gather(first).to_list()
    if column.dtype.kind == "T" and not hasattr(column.dtype, "na_object"):
        column = column.astype(f"U{max(1, int(np.strings.str_len(column).max()))}")
    if column.dtype.kind not in "SU" or not column.dtype.itemsize:
        return None, None
    return np.ascontiguousarray(column), lambda first: column[first].tolist()


def _objects(column: NDArray[Any]) -> Any:
    """Return the values of an array as Python has them: itself where it holds objects."""
    return np.ascontiguousarray(column) if column.dtype.kind == "O" else column.tolist()


def check_hashable(value: Any, name: str) -> None:
    """Raise TypeError where `value` cannot be a label."""
    try:
        hash(value)
    except TypeError:  # also of a tuple that holds a list
        raise TypeError(f"{name} = {shown(value)} cannot be a label: it is not hashable") from None


def _checked(labels: list[Hashable], codes: Codes, name: str, numbers: bool) -> list[Hashable]:
    for code, label in enumerate(labels):
        if label is None or label != label:
            raise ValueError(f"{name}[{int(np.argmax(codes == code))}] is missing")
        if isinstance(label, float | bool) and not numbers:
            raise TypeError(
                f"{name}[{int(np.argmax(codes == code))}] = {shown(label)}; items are integers counted from 0, or "
                "labels such as text"
            )
    return labels


def number_names(columns: Sequence[tuple[str, Any]]) -> tuple[list[Codes], tuple[Hashable, ...] | None]:
    """Return the indices of several columns of integers that are names, by one numbering, and the names, ascending.

    Where they are all the numbers from 0 on, they are their own indices, and there are no names.
    """
    indices = [as_indices(column, name) for name, column in columns]
    names = np.unique(np.concatenate(indices))
    if names[0] == 0 and names[-1] == len(names) - 1:
        return indices, None
    return [np.searchsorted(names, column).astype(np.int32) for column in indices], tuple(names.tolist())


def shown(label: Any) -> str:
    """Return a label as messages show it: shortened in the middle where it is long."""
    text = repr(label)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2 - 2]}...{text[-LONGEST // 2 + 1 :]}"


def unite(
    columns: Sequence[tuple[str, Any]], labels: Sequence[Hashable] | None
) -> tuple[list[Codes], tuple[Hashable, ...]]:
    """Return the indices of several columns of labels, by one numbering, and the labels in that order.

    The order is that of `labels` where given, else ascending, else (labels that do not compare) that of appearance.
    """
    encoded = [encode(column, name) for name, column in columns]
    if labels is None:
        found = list(dict.fromkeys(label for _, own in encoded for label in own))
        try:
            order = tuple(sorted(found))  # type: ignore[type-var]
        except TypeError:
            order = tuple(found)
    else:
        order = tuple(labels)
    number = {label: index for index, label in enumerate(order)}
    indices: list[Codes] = []
    for (name, _), (codes, own) in zip(columns, encoded, strict=True):
        table = np.empty(len(own), dtype=np.int32)
        for code, label in enumerate(own):
            if label not in number:
                place = int(np.argmax(codes == code))
                raise ValueError(f"{name}[{place}] = {shown(label)} is not one of the {len(order)} labels")
            table[code] = number[label]
        indices.append(table[codes])
    return indices, order
