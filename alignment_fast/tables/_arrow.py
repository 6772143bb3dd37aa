"""pyarrow, imported on first use."""

import importlib
from typing import Any

from alignment_fast.errors import BackendUnavailableError

__all__ = ["arrow_module", "is_text"]


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


def is_text(kind: Any) -> bool:
    types = arrow_module().types
    return bool(types.is_string(kind) or types.is_large_string(kind))
