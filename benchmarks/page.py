"""The record as a page of Markdown that says what its figures mean."""

from collections import defaultdict

from alignment_fast.benchmarks import analysis
from alignment_fast.benchmarks.writing import duration, percent, table, times

NAMES = {"avx512": "AVX-512", "avx2": "AVX2", "baseline": "no AVX2"}
MOST_SHOWN = 40  # of what a list shows before it says how many more there are

MEANING = """\
**How to read this.** *Ours* is the time of one element (a letter, a pair, a vote: what the size counts) in a call of
alignment_fast. *Ratio* is the time of the peer, a plain formula or another package that does the same work on the same
data, over ours: 3.0x means that alignment_fast takes a third of the time, below 1x that the peer is faster. *Floor* is
the time that this processor needs for one part of the work alone (reading the data once, writing the result,
exponentials, random words), over ours: 100 % cannot be improved upon, and a low share says how much there may be to
gain; "call" is a call from Python that makes an array and nothing else.

Contenders run in turn within each round, every result is checked before it is timed, and a figure is the least time:
other work on the machine can only make it larger. With one thread it is processor time, with several the time on the
wall. Under AVX2, and without it, NumPy, torch and OpenBLAS are held to the same instruction set. Shares and ratios of a
machine that did other work at the time (the load below) are not to be relied upon."""


def title_of(run):
    isa, threads = run
    return f"{NAMES[isa]}, {threads} thread{'s' if threads > 1 else ''}"


def conditions(document):
    """Yield the lines that say where, when and how."""
    machine, versions, settings = document["machine"], document["versions"], document["settings"]
    loads = ", ".join(f"{run['load']} ({title_of((run['isa'], run['threads']))})" for run in document["runs"])
    here = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    yield f"- {machine['processor']}, {machine['processors']} CPUs, {machine['memory_mib']} MiB; {machine['system']}"
    yield f"- begun {document['date']}; kernels compiled by {machine['compiler']}; load when each run began: {loads}"
    yield f"- {here}"
    yield f"- not installed: {', '.join(name for name, number in versions.items() if not number) or 'nothing'}"
    yield (
        f"- each contender measured {settings['rounds']} times at most, within {settings['seconds']:g} s; a case ended "
        f"after {settings['longest']:g} s or with {settings['memory_mib']} MiB"
    )


def decades(document):
    """Yield the table of ratios by size."""
    found = analysis.by_decade(document["rows"])
    rows = []
    for (run, decade), values in found.items():
        count, middle, least, below = analysis.summary(values)
        size = f"{decade} and more" if decade == 10**6 else f"{decade} to {10 * decade - 1}"
        rows.append((title_of(run), size, count, times(middle), times(least), below))
    yield from table(("run", "elements", "comparisons", "median ratio", "least", "below 1x"), rows)


def heading(row):
    """Return what a row is about in words."""
    if row["size"] is None:
        return row["operation"]
    return f"{row['operation']}, {row['size']} {row['axis']}, {row['dtype']}"


def cells(row):
    """Return ours, ratios in the order of the peers, and the share of the floor, or what went wrong."""
    if row is None:
        return "", "", ""
    if row["nanoseconds"] is None:
        return f"none: {row['failed'] or 'left out'}", "", ""
    found = analysis.ratios(row)
    ratios = [times(found[peer["name"]]) if peer["name"] in found else peer["failed"] for peer in row["peers"]]
    share = analysis.share(row)
    return (
        duration(row["nanoseconds"]),
        "; ".join(map(str, ratios)),
        f"{percent(share)} {row['floor']['part']}" if share else "",
    )


def family_table(rows, runs):
    """Yield the table of a family: a line for each operation, type and size, three columns for each run."""
    lines = defaultdict(dict)
    for row in rows:
        lines[row["operation"], row["dtype"], row["size"]][analysis.run_of(row)] = row
    found = []
    for by_run in lines.values():
        row = next(iter(by_run.values()))
        against = "; ".join(peer["name"] for peer in row["peers"])
        found.append((heading(row), against, *(cell for run in runs for cell in cells(by_run.get(run)))))
    columns = [f"{title_of(run)}: {what}" for run in runs for what in ("ours", "ratio", "floor")]
    yield from table(("operation", "against", *columns), found)


def faster_peers(document):
    """Yield the list of what a peer does faster."""
    found = analysis.slower(document["rows"])
    if not found:
        yield f"None, at {analysis.LARGE} elements or more."
        return
    rows = []
    for row, peer, ratio in found[:MOST_SHOWN]:
        share = analysis.share(row)
        floor = f"{percent(share)} {row['floor']['part']}" if share else "none stated"
        rows.append((heading(row), title_of(analysis.run_of(row)), peer, times(ratio), floor))
    yield from table(("operation", "run", "peer", "ratio", "of the floor"), rows)
    yield from more_than(found)


def more_than(found):
    if len(found) > MOST_SHOWN:
        yield ""
        yield f"And {len(found) - MOST_SHOWN} more, which the JSON has."


def costs(document):
    """Yield the table that says what an element costs by size, and why it is not flat where it is not."""
    rows = []
    for (operation, dtype, run), one in analysis.series(document["rows"]).items():
        sizes = ", ".join(f"{row['size']}: {duration(row['nanoseconds'])}" for row in one)
        rows.append((f"{operation}, {dtype}", title_of(run), sizes, analysis.explanation(one)))
    yield from table(("operation", "run", "an element at each size", "which is"), rows)


def counts(document):
    """Yield the table of instructions beside times, at the measured size that is nearest to that of the count."""
    nearest = {}
    for row in document["rows"]:
        counted = row["instructions"]
        if counted and row["nanoseconds"] and row["threads"] == 1:
            key = row["operation"], row["dtype"], row["isa"]
            distance = abs(row["size"] - counted["size"])
            if key not in nearest or distance < nearest[key][0]:
                nearest[key] = distance, row
    rows = []
    for _, row in nearest.values():
        counted = row["instructions"]
        rate = counted["per_element"] / row["nanoseconds"]
        rows.append(
            (
                *(f"{row['operation']}, {row['dtype']}", NAMES[row["isa"]], counted["kernel"], counted["size"]),
                *(f"{counted['per_element']:g}", f"{duration(row['nanoseconds'])} at {row['size']}", f"{rate:.1f}"),
            )
        )
    yield from table(("operation", "run", "kernel", "size", "instructions", "time", "instructions per ns"), rows)


def threads(document):
    """Yield the table of what several threads gain."""
    found = analysis.gains_of_threads(document["rows"])
    rows = [(heading(row), title_of(analysis.run_of(row)), times(gain)) for row, gain in found[:MOST_SHOWN]]
    yield from table(("operation", "run", "time by one thread over this"), rows)
    yield from more_than(found)


def failed(document):
    """Yield the list of what has no figure."""
    found = analysis.failures(document["rows"])
    rows = [
        (heading(row), title_of(analysis.run_of(row)), who or "alignment_fast", why)
        for row, who, why in found[:MOST_SHOWN]
    ]
    yield from table(("operation", "run", "who", "why"), rows)
    yield from more_than(found)


def text(document, pictures=()):
    """Return the page; `pictures` are names of files beside it, by family."""
    rows = document["rows"]
    runs = [(run["isa"], run["threads"]) for run in document["runs"]]
    families = defaultdict(list)
    for row in rows:
        families[row["family"]].append(row)
    parts = [
        ("How fast alignment_fast is here", [MEANING, "", *conditions(document)]),
        ("Ratios by size", decades(document)),
        ("Where a peer is faster", faster_peers(document)),
        *((f"Family {name}", [*picture(name, pictures), *family_table(one, runs)]) for name, one in families.items()),
        ("What an element costs", costs(document)),
        ("Instructions", [INSTRUCTIONS, "", *counts(document)]),
        ("What several threads gain", [THREADS, "", *threads(document)]),
        ("What has no figure", failed(document)),
    ]
    lines = []
    for level, (title, content) in enumerate(parts):
        lines += [f"{'#' if not level else '##'} {title}", "", *content, ""]
    return "\n".join(lines)


INSTRUCTIONS = """\
Instructions per element were counted once by callgrind, exactly, for the kernel of each operation that executes the
most; they are the same on every machine, and there is no count under AVX-512. Beside them stands the time of this run
at the nearest size, of the whole call."""
THREADS = """\
Of calls that take one thread a millisecond or more; the least gains come first. What bandwidth binds gains little."""


def picture(name, pictures):
    if name not in pictures:
        return []
    return [f"![{name}: ratio, share of the floor, cost of an element, by size]({pictures[name]})", ""]
