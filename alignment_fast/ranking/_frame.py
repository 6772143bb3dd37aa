"""Results as tables of pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alignment_fast.errors import BackendUnavailableError


def frame_of(columns: Mapping[str, Any]) -> Any:
    """Return columns as a pandas DataFrame."""
    try:
        import pandas
    except ImportError as error:
        raise BackendUnavailableError("to_frame() needs pandas: pip install pandas") from error
    return pandas.DataFrame(dict(columns))
