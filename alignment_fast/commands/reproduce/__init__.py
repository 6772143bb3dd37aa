"""``alignment-fast reproduce``: the figures and tables of the papers, computed again; one command per paper."""

import typer

from alignment_fast.commands.options import Version
from alignment_fast.commands.reproduce import asymptotics, sampling

__all__ = ["app"]

app = typer.Typer(help="Compute the figures and tables of the papers again.")


@app.callback()
def options(version: Version = False) -> None:
    """Take what goes before the name of a paper."""


app.command("asymptotics")(asymptotics.asymptotics)
app.command("sampling")(sampling.sampling)
