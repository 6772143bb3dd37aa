"""The commands of ``alignment-fast``, one module each; `app` is the Typer application that joins them."""

import typer

from alignment_fast.commands.best_of_n import best_of_n
from alignment_fast.commands.curve import curve
from alignment_fast.commands.info import info
from alignment_fast.commands.rank import rank
from alignment_fast.commands.reproduce import reproduce

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Best-of-N and preference alignment from the command line.",
    epilog="Exit codes: 0 success; 2 bad options, bad input or a missing library, after one line on standard error; "
    "130 interrupted.",
)
app.command("info")(info)
app.command("best-of-n")(best_of_n)
app.command("curve")(curve)
app.command("rank")(rank)
app.add_typer(reproduce, name="reproduce")

__all__ = ["app"]
