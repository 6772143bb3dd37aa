"""``alignment-fast reproduce``: the figures and tables of the papers, computed again; one command per paper."""

import typer

from alignment_fast.commands.reproduce import asymptotics, sampling

__all__ = ["app"]

app = typer.Typer(help="Compute the figures and tables of the papers again.")
app.command("asymptotics")(asymptotics.asymptotics)
app.command("sampling")(sampling.sampling)
