"""Pictures of a record: ratio, share of the floor and cost of an element against size, one picture for each family."""

from statistics import median

from alignment_fast import plot
from alignment_fast.benchmarks import analysis
from alignment_fast.benchmarks.page import title_of

PANELS = {
    "time of the peer over ours": lambda row: max(analysis.ratios(row).values(), default=None),
    "floor over ours": analysis.share,
    "nanoseconds per element": lambda row: row["nanoseconds"],
}
RATIOS = [*PANELS][:2]  # a line at 1 stands for as fast
PANEL = (4.2, 3.2)  # inches
LEGEND = "each line an operation (dashed: float32), the thick one their median"
DASHES = {"float64": "-", "float32": "--"}


def family_figure(family, rows):
    """Return the picture of a family with several sizes, or None where there is nothing to draw."""
    runs = list(dict.fromkeys(map(analysis.run_of, rows)))
    found = analysis.series(rows)
    if not found:
        return None
    figure = plot.new_figure((PANEL[0] * len(runs), PANEL[1] * len(PANELS) + 0.6), f"{family}: {LEGEND}")
    axes = figure.subplots(len(PANELS), len(runs), squeeze=False, sharex=True, sharey="row")
    for line, (label, value) in zip(axes, PANELS.items(), strict=True):
        line[0].set_ylabel(label)
        for place, run in zip(line, runs, strict=True):
            draw(place, {key: one for key, one in found.items() if key[2] == run}, value)
            if label in RATIOS:
                place.axhline(1, color=plot.REFERENCE, lw=1)
            plot.finish(place, legend=False)
    for first, last, run in zip(axes[0], axes[-1], runs, strict=True):
        first.set_title(title_of(run))
        last.set_xlabel("elements")
    return figure


def draw(axes, found, value):
    """Draw a thin line for each operation and type, and a thick one for the median of each size."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    by_size = {}
    for (_, dtype, _), rows in found.items():
        points = [(row["size"], value(row)) for row in rows if value(row)]
        for size, number in points:
            by_size.setdefault(size, []).append(number)
        if points:
            axes.plot(*zip(*points, strict=True), DASHES.get(dtype, "-"), color=plot.EXACT, alpha=0.35, lw=0.9)
    middle = [(size, median(numbers)) for size, numbers in sorted(by_size.items())]
    if middle:
        axes.plot(*zip(*middle, strict=True), "o-", color=plot.BOUND, lw=2, ms=3)
