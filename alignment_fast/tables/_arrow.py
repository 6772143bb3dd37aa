"""pyarrow, imported on first use."""

import importlib
from typing import Any

from alignment_fast.errors import BackendUnavailableError

__all__ = ["arrow_module", "as_plain_text", "has_arrow", "is_text"]


def arrow_module(module: str | None = None) -> Any:
    """Return pyarrow, with its submodule `module` loaded."""
    try:
        if module is not None:
            importlib.import_module(f"pyarrow.{module}")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise BackendUnavailableError(
            'reading CSV, TSV and Parquet needs pyarrow: pip install "alignment-fast[app]"'
        ) from error


def has_arrow() -> bool:
    """Return whether pyarrow is installed."""
    try:
        arrow_module()
    except BackendUnavailableError:
        return False
    return True


def is_text(kind: Any) -> bool:
    """Return whether an Arrow type holds text."""
    types = arrow_module().types
    view = getattr(types, "is_string_view", lambda kind: False)  # pyarrow 16 and newer
    return bool(types.is_string(kind) or types.is_large_string(kind) or view(kind))


def as_plain_text(cells: Any) -> Any:
    """Return an Arrow array of text in the type that all of Arrow's functions know."""
    arrow = arrow_module()
    return cells if arrow.types.is_string(cells.type) else cells.cast(arrow.string())
