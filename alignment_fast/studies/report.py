"""A study as one HTML page that needs nothing else: tables that sort, pictures, spec, versions, the command."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from alignment_fast._text import visible
from alignment_fast.studies.fields import QUANTILE
from alignment_fast.studies.results import Results
from alignment_fast.studies.spec import Spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["page", "spec_text"]

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #8884; white-space: nowrap; text-align: right; }
th.text, td.text { text-align: left; } th button { all: unset; cursor: pointer; font-weight: 600; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
pre { background: #8881; padding: .8rem; overflow-x: auto; } img { max-width: 100%; background: white; }
.warning { border-left: 4px solid #b0463c; padding-left: .8rem; }
"""
SCRIPT = """
for (const table of document.querySelectorAll("table.sorts")) {
  table.querySelectorAll("th").forEach((head, place) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = row => row.cells[place].dataset.value ?? row.cells[place].textContent;
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)], [u, v] = [parseFloat(x), parseFloat(y)];
      return isNaN(u) || isNaN(v) ? x.localeCompare(y) : u - v;
    };
    const rows = [...table.tBodies[0].rows].sort((a, b) => down ? order(b, a) : order(a, b));
    table.tBodies[0].append(...rows);
  }));
}
"""
FIGURES = ("mean", "standard_error", "low", "high", "exact", "replicates", "dropped")
DIGITS = {"standard_error": ".2g", "replicates": "d", "dropped": "d"}


def page(spec: Spec, results: Results, figures: Mapping[str, Figure], *, text: str, command: str) -> str:
    """Return the page.

    Parameters
    ----------
    spec, results
        Of the study.
    figures : mapping of str to Figure
        Pictures by their titles.
    text : str
        The spec as it was written.
    command : str
        What computes all of it again.

    """
    parts = [
        f"<h1>{_shown(spec.name)}</h1>",
        *_summary(spec, results),
        *(f"<h2>{_shown(name)}</h2>{_image(figure, name)}" for name, figure in figures.items()),
        *_tables(spec, results),
        *_set_aside(results),
        f"<h2>Again</h2><pre>{_shown(command)}</pre>",
        f"<h2>Spec</h2><pre>{_shown(text)}</pre>",
        *_origins(results),
    ]
    head = f'<meta charset="utf-8"><title>{_shown(spec.name)}</title><style>{STYLE}</style>'
    body = f"{''.join(parts)}<script>{SCRIPT}</script>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _summary(spec: Spec, results: Results) -> Iterator[str]:
    cells = len({row["cell"] for row in results.rows if row["complete"]})
    rows = [row for row in results.rows if row.get("replicates") is not None]
    total = sum({row["cell"]: row["replicates"] + (row["dropped"] or 0) for row in rows}.values())
    yield f"<p>{cells} of {len(spec.cells)} cells complete, {total:,} replicates; seed {spec.seed}; intervals of level "
    yield f"{spec.level:g}. SHA-256 of the spec: <code>{spec.hash}</code>.</p>"
    if not results.is_complete:
        yield '<p class="warning">The study is not complete.</p>'
    if len(results.origins) > 1:
        yield '<p class="warning">Blocks of different versions or arithmetics are mixed: see the end of the page.</p>'


def _image(figure: Figure, name: str) -> str:
    from matplotlib import rc_context

    content = io.BytesIO()
    with rc_context({"svg.hashsalt": "study"}):  # the same bytes every time
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    data = base64.b64encode(content.getvalue()).decode()
    return f'<img alt="{_shown(name)}" src="data:image/svg+xml;base64,{data}">'


def _tables(spec: Spec, results: Results) -> Iterator[str]:
    for estimand in dict.fromkeys(cell.estimand for cell in spec.cells):
        rows = [row for row in results.rows if row["estimand"] == estimand]
        quantiles = dict.fromkeys(key for row in rows for key in row if key.startswith(QUANTILE))
        labels = _used(["source", *results.axes, "column"], rows)
        figures = _used([*FIGURES, *quantiles], rows)
        notes = [note for note in dict.fromkeys(row["note"] for row in rows) if note and note != "summary"]
        yield f"<h2>Table: {_shown(estimand)}</h2>"
        yield _table([*labels, *figures], rows, text=labels)
        yield "".join(f"<p>{_shown(note)}</p>" for note in notes)


def _used(names: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in names if any(row.get(name) is not None for row in rows)]


def _table(names: Sequence[str], rows: Iterable[Mapping[str, Any]], text: Sequence[str]) -> str:
    style = {name: ' class="text"' if name in text else "" for name in names}
    shown = {"standard_error": "s.e."}
    heads = (f"<th{style[name]}><button>{_shown(shown.get(name, name))}</button></th>" for name in names)
    lines = ("".join(_entry(row.get(name), name, style[name]) for name in names) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<table class="sorts"><thead><tr>{"".join(heads)}</tr></thead><tbody>{body}</tbody></table>'


def _entry(value: Any, name: str, style: str) -> str:
    if value is None:
        return f"<td{style}></td>"
    if isinstance(value, int | float) and not isinstance(value, bool) and not style:
        return f'<td data-value="{value!r}">{format(value, DIGITS.get(name, ".6g"))}</td>'
    return f"<td{style}>{_shown(str(value))}</td>"


def _set_aside(results: Results) -> Iterator[str]:
    if not results.set_aside:
        return
    yield '<h2>Set aside</h2><p class="warning">These blocks could not be computed, and are not in the tables.</p>'
    for one in results.set_aside:
        summary = f"<summary>block {one.number} of cell {one.cell}</summary>"
        yield f"<details>{summary}<pre>{_shown(one.traceback)}</pre></details>"


def _origins(results: Results) -> Iterator[str]:
    rows = [
        {"version": one.version, "arithmetic": one.arithmetic, "blocks": one.blocks, "machines": one.hosts}
        for one in results.origins
    ]
    yield "<h2>Computed by</h2>"
    yield _table(["version", "arithmetic", "blocks", "machines"], rows, text=["version", "arithmetic"])


def spec_text(spec: Spec) -> str:
    """Return the spec of a study that no file holds."""
    return json.dumps(json.loads(spec.canonical), indent=1)


def _shown(text: str) -> str:
    """Return text for the page; nothing in it hides, or turns the direction of what stands behind it."""
    return escape("".join(part if part in ("\n", "\t") else visible(part) for part in re.split(r"([\n\t])", text)))
