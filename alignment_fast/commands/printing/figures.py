"""Figures as PNG files."""

import warnings
from pathlib import Path
from typing import Any

from alignment_fast._files import replacing

__all__ = ["save_figure"]


def save_figure(path: Path, figure: Any) -> None:
    """Write a figure of matplotlib; letters that its fonts lack become boxes, without a warning."""
    with replacing(path) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(file, format="png", dpi=150)
