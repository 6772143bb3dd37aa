"""Options that several commands have."""

from typing import Annotated

import typer

from alignment_fast import __version__

__all__ = ["RowMib", "UnpackedMib", "Version", "check_level"]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"alignment-fast {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
]
RowMib = Annotated[
    int | None, typer.Option("--row-mib", min=1, help="Most MiB of one row of text. Default: 16.", show_default=False)
]
UnpackedMib = Annotated[
    int | None,
    typer.Option(
        "--unpacked-mib",
        min=1,
        help="Most MiB to unpack, or to copy from standard input, to one place. Default: 8192.",
        show_default=False,
    ),
]


def check_level(level: float) -> None:
    """Raise ValueError where a level is none, with a hint where it is one in percent."""
    if not 0 < level < 1:
        meant = f"; for {level:g} % say {level / 100:g}" if 1 < level < 100 else ""
        raise ValueError(f"--level: {level:g} is not between 0 and 1{meant}")
