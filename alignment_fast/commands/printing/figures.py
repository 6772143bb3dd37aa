"""Figures as PNG files, and as PDF files for print."""

import warnings
from pathlib import Path
from typing import Any

from alignment_fast._files import replacing

__all__ = ["save_figure"]


def save_figure(path: Path, figure: Any) -> None:
    """Write a figure by the ending of its name; letters that fonts lack become boxes, without a warning."""
    with replacing(path) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        if path.suffix == ".pdf":
            figure.savefig(file, format="pdf", metadata={"CreationDate": None})  # the same bytes whenever it is made
        else:
            figure.savefig(file, format="png", dpi=150)
