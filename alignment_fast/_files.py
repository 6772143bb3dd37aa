"""Writing files so that nothing half-written ever stands under the name that was asked for."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from alignment_fast._border.words import as_path


@contextlib.contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the ``with`` block ends without an exception.

    Until then it stands beside `path` under a temporary name. A process that is killed leaves at worst that temporary
    file; what stood under `path` before is untouched.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from alignment_fast._files import replacing
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(pathlib.Path(folder) / "table.csv") as file:
    ...         _ = file.write(b"n,kl")
    ...     sorted(entry.name for entry in pathlib.Path(folder).iterdir())
    ['table.csv']

    """
    path = as_path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a crash of the machine could leave the new name on an empty file
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = os.fspath(path)  # a full disk does not say whose
        raise


def require_folder(path: str | PathLike[str]) -> None:
    """Raise OSError where no files can be written into a folder, or it cannot be made; nothing is made here.

    Examples
    --------
    >>> import tempfile
    >>> from alignment_fast._files import require_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     require_folder(f"{folder}/to/be/made")

    """
    existing = Path(path).absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise NotADirectoryError(f"{existing} is not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"no files can be written in {existing}")


def require_new_file(path: str | PathLike[str]) -> None:
    """Raise OSError where no file of this name can be written: a folder is missing or closed, or it is a folder.

    Examples
    --------
    >>> import tempfile
    >>> from alignment_fast._files import require_new_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     require_new_file(f"{folder}/table.csv")

    """
    path = Path(path)
    if not path.absolute().parent.exists():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    require_folder(path.parent)
    if path.exists() and not path.is_file():
        raise FileExistsError(f"{path} is no regular file")


def is_same_file(one: str | PathLike[str], other: str | PathLike[str]) -> bool:
    """Return whether two names are of one file, by links too, whether or not it is there.

    Examples
    --------
    >>> from alignment_fast._files import is_same_file
    >>> is_same_file("study.db", "./study.db")
    True

    """
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
