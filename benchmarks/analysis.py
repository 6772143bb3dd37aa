"""What follows from the rows of a record: ratios, series over sizes, what an element costs at every size."""

import math
from collections import defaultdict
from itertools import pairwise
from statistics import median

from alignment_fast.benchmarks.writing import duration

FLAT = 1.25  # the largest over the least cost of an element that still counts as flat, at sizes from `LARGE` on
LARGE = 1000
NEAR_FLOOR = 0.4  # share of a floor of memory from which on memory explains what an element costs
STEEP = 1.1  # power of the size from which on the work is more than proportional


def ratios(row):
    """Return {peer: its time over ours} of what was measured."""
    if not row["nanoseconds"]:
        return {}
    return {
        peer["name"]: peer["nanoseconds"] / row["nanoseconds"]
        for peer in row["peers"]
        if peer["nanoseconds"] is not None
    }


def share(row):
    """Return the time of the floor over ours, or None."""
    return row["floor"]["nanoseconds"] / row["nanoseconds"] if row["floor"] and row["nanoseconds"] else None


def run_of(row):
    return row["isa"], row["threads"]


def by_decade(rows):
    """Return {(run, least size): ratios} of public names; the last decade has all sizes above."""
    found = defaultdict(list)
    for row in rows:
        if row["size"]:
            decade = 10 ** min(int(math.log10(row["size"])), 6)
            found[run_of(row), decade] += ratios(row).values()
    return {key: found[key] for key in sorted(found, key=lambda key: (*key[0], key[1])) if found[key]}


def summary(values):
    """Return (how many, median, least, how many below 1) of ratios."""
    return len(values), median(values), min(values), sum(value < 1 for value in values)


def slower(rows):
    """Return (row, peer, ratio) wherever a peer is faster at `LARGE` elements or more, the least ratio first."""
    found = [
        (row, peer, ratio)
        for row in rows
        if (row["size"] or row["elements"] or 0) >= LARGE
        for peer, ratio in ratios(row).items()
        if ratio < 1
    ]
    return sorted(found, key=lambda one: one[2])


def series(rows):
    """Return {(operation, dtype, run): rows by size} of the public names with several measured sizes."""
    found = defaultdict(list)
    for row in rows:
        if row["size"] and row["nanoseconds"]:
            found[row["operation"], row["dtype"], run_of(row)].append(row)
    return {key: sorted(one, key=lambda row: row["size"]) for key, one in found.items() if len(one) > 1}


def power(one, other):
    """Return the power of the size with which the time of a call grows from one (size, time per element) to another."""
    return 1 + math.log(other[1] / one[1]) / math.log(other[0] / one[0])


def peer_points(rows):
    return [
        (row["size"], row["peers"][0]["nanoseconds"]) for row in rows if row["peers"] and row["peers"][0]["nanoseconds"]
    ]


def explanation(rows):
    """Say in words how the cost of an element depends on the size: rows of one public name, by size.

    Either it is flat, or a call has a fixed cost, or memory bounds the largest sizes, or the work grows faster than the
    size, or it falls all the way; or none of these.
    """
    points = [(row["size"], row["nanoseconds"]) for row in rows]
    large = [cost for size, cost in points if size >= LARGE] or [cost for _, cost in points]
    each = duration(points[-1][1])
    if len(large) > 1 and max(large) <= FLAT * min(large):
        return f"flat: {each} each"
    (smallest, first), (largest, last) = points[0], points[-1]
    fixed = smallest * max(first - last, 0.0)
    if all(cost <= FLAT * (last + fixed / size) for size, cost in points) and first > last:
        return f"a call costs {duration(fixed)}, and each {each}"
    bound = share(rows[-1])
    if last > points[-2][1] and bound and bound >= NEAR_FLOOR and rows[-1]["floor"]["part"] in ("read", "write"):
        return f"memory: {100 * bound:.0f} % of the floor at {largest}"
    if power(*points[-2:]) > STEEP:
        theirs = peer_points(rows)
        beside = f"; the peer's as size^{power(*theirs[-2:]):.1f}" if len(theirs) > 1 else ""
        return f"work grows as size^{power(*points[-2:]):.1f} up to {largest}{beside}"
    if all(after <= before for (_, before), (_, after) in pairwise(points)):
        return f"falls from {duration(first)} at {smallest} to {duration(last)} at {largest}"
    return f"not flat, unexplained: {duration(min(large))} to {duration(max(large))}"


def gains_of_threads(rows, shortest=1e6):
    """Return (row of several threads, time by one over theirs) of calls that take one thread `shortest` ns or more."""
    alone = {
        (row["operation"], row["dtype"], row["size"], row["isa"]): row["nanoseconds"]
        for row in rows
        if row["threads"] == 1 and row["nanoseconds"] and row["nanoseconds"] * row["elements"] >= shortest
    }
    found = []
    for row in rows:
        before = alone.get((row["operation"], row["dtype"], row["size"], row["isa"]))
        if row["threads"] > 1 and before and row["nanoseconds"]:
            found.append((row, before / row["nanoseconds"]))
    return sorted(found, key=lambda one: one[1])


def failures(rows):
    """Return (row, contender, reason) of all that has no figure; the contender is None where it is this package."""
    found = [(row, None, row["failed"]) for row in rows if row["failed"]]
    found += [(row, peer["name"], peer["failed"]) for row in rows for peer in row["peers"] if peer["failed"]]
    return found
