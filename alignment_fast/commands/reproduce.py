"""``alignment-fast reproduce``: the figures and tables of the papers, computed again; one command per paper."""

import typer

from alignment_fast.commands.reproduce_asymptotics import asymptotics
from alignment_fast.commands.reproduce_sampling import sampling

__all__ = ["reproduce"]

reproduce = typer.Typer(help="Compute the figures and tables of the papers again.")
reproduce.command("asymptotics")(asymptotics)
reproduce.command("sampling")(sampling)
