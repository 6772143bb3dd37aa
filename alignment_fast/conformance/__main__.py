"""Run the conformance vectors: ``python -m alignment_fast.conformance [--against MODULE ...] [--out DIR]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from alignment_fast._files import replacing
from alignment_fast.conformance.adapters import ADAPTERS, adapter
from alignment_fast.conformance.cases import Case, cases
from alignment_fast.conformance.report import Run, page, run, table
from alignment_fast.errors import BackendUnavailableError

OWN = "alignment_fast"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases against this package and others, and write the page; return 1 where this package fails one."""
    parser = argparse.ArgumentParser(prog="python -m alignment_fast.conformance", description=__doc__)
    parser.add_argument(
        "--against",
        nargs="*",
        metavar="MODULE",
        help=f"libraries to run as well: {', '.join(ADAPTERS)}. Default: those that are installed.",
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to write conformance.md")
    options = parser.parse_args(arguments)
    known = list(cases())
    try:
        runs = [run(adapter(OWN), known), *_others(options.against, known)]
        options.out.mkdir(parents=True, exist_ok=True)
        with replacing(options.out / "conformance.md") as file:
            file.write(page(runs, known).encode())
    except (ValueError, OSError, BackendUnavailableError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(table(runs, known)))
    print(f"written: {options.out / 'conformance.md'}")
    return int(bool(runs[0].failures))


def _others(names: Sequence[str] | None, known: Sequence[Case]) -> list[Run]:
    found = []
    for name in ADAPTERS if names is None else names:
        try:
            chosen = adapter(name)
        except BackendUnavailableError:
            if names is not None:
                raise
            continue
        if name != OWN:
            found.append(run(chosen, known))
    return found


if __name__ == "__main__":
    sys.exit(main())
