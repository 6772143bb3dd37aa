"""Plots of measured errors as SVG: a panel per elementary function, above what rounding alone costs."""

from math import log10

COLUMNS, WIDTH, HEIGHT, MARGIN, TOP = 3, 300, 150, 46, 64
LEAST, MOST = -1, 5  # powers of ten of a unit in the last place; what is beyond lies on the edge
COLOURS = {"fma": "#1f77b4", "NumPy, SciPy": "#ff7f0e", "PyTorch": "#2ca02c"}
NAMES = {"fma": "alignment_fast"}
ENVELOPE = "#dddddd"


def height_of(error):
    """Return where an error lies in a panel, 0 at its top; an infinite one (None) at the top."""
    power = MOST if error is None else log10(max(error, 1e-9))
    return HEIGHT * (MOST - min(max(power, LEAST), MOST)) / (MOST - LEAST)


def points(errors):
    """Return the points of a line, one in the middle of each bin."""
    step = WIDTH / len(errors)
    return " ".join(f"{(at + 0.5) * step:.1f},{height_of(one):.1f}" for at, one in enumerate(errors))


def text(x, y, words, size=11, anchor="middle"):
    """Return words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{words}</text>'


def panel(name, found):
    """Yield the elements of one function's panel, whose upper left corner is the origin."""
    low, high = found["stretch"]
    lines = found["lines"]
    yield f'<polygon points="0,{HEIGHT} {points(lines["envelope"])} {WIDTH},{HEIGHT}" fill="{ENVELOPE}"/>'
    for power in range(LEAST, MOST + 1):
        y = HEIGHT * (MOST - power) / (MOST - LEAST)
        yield f'<line x1="0" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}" stroke="#eeeeee"/>'
        yield text(-5, y + 4, f"{10.0**power:g}", 9, "end")
    for way, colour in COLOURS.items():
        if way in lines:
            yield f'<polyline points="{points(lines[way])}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    yield f'<rect x="0" y="0" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888888"/>'
    yield text(0, HEIGHT + 13, f"{low:g}", 10, "start")
    yield text(WIDTH, HEIGHT + 13, f"{high:g}", 10, "end")
    yield text(WIDTH / 2, -5, name, 12)


def figure(functions, dtype):
    """Return the plot of all functions in one dtype."""
    rows = -(-len(functions) // COLUMNS)
    size = COLUMNS * (WIDTH + MARGIN) + MARGIN // 2, rows * (HEIGHT + MARGIN) + TOP
    elements = [text(size[0] / 2, 18, f"{dtype}: largest errors in units in the last place, by argument", 14)]
    shown = [("what rounding alone costs", ENVELOPE), *((NAMES.get(way, way), one) for way, one in COLOURS.items())]
    for at, (words, colour) in enumerate(shown):
        elements.append(f'<rect x="{MARGIN + 210 * at}" y="28" width="14" height="10" fill="{colour}"/>')
        elements.append(text(MARGIN + 210 * at + 20, 37, words, 11, "start"))
    for at, (name, found) in enumerate(functions.items()):
        row, column = divmod(at, COLUMNS)
        elements.append(
            f'<g transform="translate({MARGIN + column * (WIDTH + MARGIN)} {TOP + row * (HEIGHT + MARGIN)})">'
        )
        elements += [*panel(name, found[dtype]), "</g>"]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{size[0]}" height="{size[1]}" fill="white"/>', *elements, "</svg>", ""])
