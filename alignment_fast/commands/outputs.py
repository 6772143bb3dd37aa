"""Files that a command is to write, checked before its work begins."""

from collections.abc import Collection, Mapping
from pathlib import Path

from alignment_fast._files import is_same_file, require_new_file

__all__ = ["check_output"]


def check_output(out: Path, endings: Collection[str], inputs: Mapping[str, Path]) -> None:
    """Raise where `out` has none of these endings, is one of the `inputs`, by what they are, or cannot be written."""
    if out.suffix not in endings:
        raise ValueError(f"--out {out}: the name must end with one of {', '.join(endings)}")
    for what, path in inputs.items():
        if is_same_file(out, path):
            raise ValueError(f"--out {out} is {what}: give another name")
    require_new_file(out)
