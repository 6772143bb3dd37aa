"""The command ``alignment-fast``: finds the commands, and turns every failure into one line and an exit code.

The commands themselves are in `alignment_fast.commands`; they need the extra ``app``.
"""

import io
import os
import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Sequence
from typing import Any

from alignment_fast._text import shortened, visible
from alignment_fast.errors import ConvergenceError

SUCCESS = 0
BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, what shells report
LONGEST_MESSAGE = 1500
CALLBACK_SECONDS = 0.01  # longer than the callbacks of weak references and finalisers take


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default ``sys.argv[1:]``.

    Returns
    -------
    int
        0 when all went well; after one line on standard error 2 for bad options, bad input, files that cannot be
        written and missing libraries, and 3 for votes without finite scores (``rank``); 130 after Ctrl-C. A fault of
        the program itself is a traceback and exit code 1. As a program it is ended by SIGPIPE, in silence, when whoever
        reads its output closes it.

    Examples
    --------
    >>> from alignment_fast.cli import main
    >>> main(["info"])  # doctest: +ELLIPSIS
    alignment_fast...
    0

    """
    if arguments is not None:
        return _run(arguments)
    if hasattr(signal, "SIGPIPE"):  # `| head`: end in silence, as other commands do; all files are written by then
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.unraisablehook = _interrupt_again
    try:
        return _run(sys.argv[1:])
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done but Python's own end, which would print a traceback


def _interrupt_again(dropped: "sys.UnraisableHookArgs") -> None:
    """Send Ctrl-C again where it fell into a callback whose exceptions Python drops, once the callback has ended."""
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        later = threading.Timer(CALLBACK_SECONDS, interrupt_main)
        later.daemon = True
        later.start()
    else:
        sys.__unraisablehook__(dropped)


def _run(arguments: Sequence[str]) -> int:
    try:
        return _answer(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def _answer(arguments: Sequence[str]) -> int:
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names hold letters that a terminal's encoding may lack
            stream.reconfigure(errors="backslashreplace")
    try:
        import typer

        from alignment_fast.commands import app
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in ("typer", "rich"):
            raise
        return _fail(f'the command line needs {library}: pip install "alignment-fast[app]"')
    # The base of all usage errors, taken from a public name: newer versions of typer carry their own copy of click.
    command_line_error: Any = typer.BadParameter.__mro__[2]
    try:
        code = app(list(arguments) or ["--help"], prog_name="alignment-fast", standalone_mode=False)
    except command_line_error as error:
        return _fail(error.format_message())
    except typer.Abort:
        return INTERRUPTED
    except MemoryError:
        return _fail("there is not enough memory")
    except OSError as error:
        where = f"{os.fspath(error.filename)}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except (ValueError, ImportError, ConvergenceError) as error:  # what the library raises for bad input
        return _fail(str(error))
    return code or SUCCESS


def _open_closed_streams() -> None:
    """Write to nowhere where whoever started the program has closed standard output or error."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _fail(message: str) -> int:
    print("error: " + shortened(visible(" ".join(message.split())), LONGEST_MESSAGE), file=sys.stderr)
    return BAD_INPUT
