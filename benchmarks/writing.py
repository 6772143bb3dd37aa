"""How figures are written in tables of Markdown."""

__all__ = ["duration", "percent", "table", "times"]


def duration(nanoseconds):
    """Write a time with three digits in the unit that keeps it between 1 and 1000: ``0.39 ns``, ``1.2 µs``."""
    for unit, size in (("ns", 1.0), ("µs", 1e3), ("ms", 1e6)):
        if nanoseconds < 999.5 * size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds / 1e9:.3g} s"


def times(ratio):
    """Write a ratio with two digits, or all before the point: ``0.86x``, ``5.0x``, ``168x``."""
    return f"{ratio:.2f}x" if ratio < 1 else f"{ratio:.1f}x" if ratio < 10 else f"{ratio:.0f}x"


def percent(share):
    """Write a share without digits after the point."""
    return f"{100 * share:.0f} %"


def table(columns, rows):
    """Yield the lines of a table, or say that there is nothing to stand in it; bars in cells are escaped."""
    rows = [*rows]
    if not rows:
        yield "Nothing."
        return
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
