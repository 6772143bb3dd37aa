"""Write the table of ``docs/guides/cuda.md`` from ``devices.tsv``: python -P docs/generated/devices.py.

``devices.tsv`` has a row for every name that a family offers (`__all__`): whether it takes arrays on a device ("yes",
"no", or "none" for what takes no arrays), and how its results agree with the CPU's, or why not.
"""

import csv
from pathlib import Path

DECLARED = Path(__file__).with_suffix(".tsv")
PAGE = Path(__file__).parents[1] / "guides" / "cuda.md"
BEGIN, END = "<!-- from docs/generated/devices.tsv -->\n", "<!-- end -->\n"


def declared():
    """Return {name: (whether it takes arrays on a device, what there is to say)}."""
    with DECLARED.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return {name: (answer, what) for name, answer, what in rows}


def lines(wanted):
    """Yield the lines of a table: names of one family with one answer together."""
    groups = {}
    for name, (answer, what) in declared().items():
        if answer == wanted:
            family, _, own = name.partition(".")
            groups.setdefault((family, what), []).append(f"`{own}`")
    for (family, what), names in groups.items():
        yield f"| `{family}` | {', '.join(names)} | {what} |\n"


def table():
    """Return the text between the marks of the page."""
    head = "| family | public names | agreement with the CPU |\n|---|---|---|\n"
    other = "\nEverything else refuses arrays on a device, and says so:\n\n"
    other += "| family | public names | why |\n|---|---|---|\n"
    return head + "".join(lines("yes")) + other + "".join(lines("no"))


def page():
    """Return the text of the page with the table of now."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
