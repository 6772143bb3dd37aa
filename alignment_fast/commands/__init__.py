"""The commands of ``alignment-fast``, one module each; `app` is the Typer application that joins them."""

import typer

from alignment_fast.commands import bench, best_of_n, compare, curve, gain, info, pass_at_k, rank, reproduce, study
from alignment_fast.commands.options import Version

__all__ = ["app"]

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Best-of-N and preference alignment from the command line.",
    epilog="Exit codes: 0 success; 2 bad options, bad input or a missing library, after one line on standard error; "
    "3 (rank) votes without finite scores; 4 (study) blocks set aside; 130 interrupted; 141 the output was closed.",
)


@app.callback()
def options(version: Version = False) -> None:
    """Take what goes before a command."""


app.command("info")(info.info)
app.command("best-of-n")(best_of_n.best_of_n)
app.command("curve")(curve.curve)
app.command("gain")(gain.gain)
app.command("pass-at-k")(pass_at_k.pass_at_k)
app.command("compare")(compare.compare)
app.command("rank")(rank.rank)
app.command("bench")(bench.bench)
app.add_typer(reproduce.app, name="reproduce")
app.add_typer(study.app, name="study")
