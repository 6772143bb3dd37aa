"""The commands of ``alignment-fast``, one module each; `app` is the program that joins them."""

import typer
from typer.main import get_command

from alignment_fast.commands import bench, best_of_n, compare, curve, gain, info, pass_at_k, rank, reproduce, study
from alignment_fast.commands.options import Version

__all__ = ["app"]

_commands = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Best-of-N and preference alignment from the command line.",
    epilog="Exit codes: 0 success; 2 bad options, bad input or a missing library, after one line on standard error; "
    "3 (rank) votes without finite scores; 4 (study) blocks set aside; 130 interrupted; 141 the output was closed.",
)


@_commands.callback()
def options(version: Version = False) -> None:
    """Take what goes before a command."""


_commands.command("info")(info.info)
_commands.command("best-of-n")(best_of_n.best_of_n)
_commands.command("curve")(curve.curve)
_commands.command("gain")(gain.gain)
_commands.command("pass-at-k")(pass_at_k.pass_at_k)
_commands.command("compare")(compare.compare)
_commands.command("rank")(rank.rank)
_commands.command("bench")(bench.bench)
_commands.add_typer(reproduce.app, name="reproduce")
_commands.add_typer(study.app, name="study")

app = get_command(_commands)  # once: reading the signatures of all commands takes longer than most of them
