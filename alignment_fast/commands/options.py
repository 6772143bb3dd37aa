"""Options that several commands have."""

from typing import Annotated

import typer

from alignment_fast import __version__

__all__ = ["RowMib", "UnpackedMib", "Version"]


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
