"""The README's tables of figures, made from figures.json: which cases they show, and how a figure is written."""

import re
from typing import NamedTuple

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
ISAS = {"avx2": "AVX2", "avx512": "AVX-512"}


class Row(NamedTuple):
    """A line of a table: what is said, the case, and what the case's peers are called, in the order of the ratios."""

    label: str
    group: str
    peers: dict[str, str]


EVALICA = {
    "evalica": "evalica of lists",
    "evalica, columns": "of columns",
    "evalica, index given": "of lists with its index",
}
FROM = "Bradley-Terry from 200 000 votes on 100 items, per vote:"
FIT = "K = 100, M = 200000, per vote"
TABLES = {
    "Simulation and random streams": [
        Row(
            "float32 uniforms, 65 536",
            "random uniform float32, 65536 draws",
            {"NumPy PCG64": "NumPy PCG64", "NumPy Philox": "NumPy Philox"},
        ),
        Row("float32 normals, 65 536", "random normal float32, 65536 draws", {"NumPy PCG64": "NumPy PCG64"}),
        Row("float64 normals, 65 536", "random normal float64, 65536 draws", {"NumPy PCG64": "NumPy PCG64"}),
        Row(
            "brute-force best of 10^4 normals, per draw",
            "simulate Gaussian, N = 10000, per draw",
            {
                "NumPy standard_normal, max": "NumPy normals, `max`",
                "NumPy raw words, min, one ndtri": "raw words, `min`, one `ndtri`",
            },
        ),
        Row(
            "best of 10^4 from a table of 50 257, per draw",
            "simulate Table, V = 50257, N = 10000, per draw",
            {"NumPy searchsorted, max": "NumPy `searchsorted`, `max`"},
        ),
        Row(
            "best of 10^6 normals by the order statistic, per replicate",
            "simulate Gaussian, N = 1e+06, order statistic, per replicate",
            {"NumPy ndtri(u ** (1 / N))": "NumPy `ndtri(u**(1/N))`"},
        ),
    ],
    "Laws, pools, information": [
        Row(
            "exact law of 50 257 outcomes with the KL at one n, per outcome",
            "exact law, V = 50257, construction and one n, per atom",
            {"NumPy law": "NumPy, probabilities only", "NumPy law and KL": "with KL"},
        ),
        Row(
            "KL at each further n, per outcome",
            "exact law, V = 50257, KL of each further n, per atom",
            {"NumPy law and KL": "NumPy with KL"},
        ),
        Row(
            "draws of the best of 1000 of 50 257, per draw",
            "draws of the best of 1000, V = 50257, per draw",
            {"NumPy searchsorted(cdf, u ** (1 / n))": "NumPy `searchsorted`"},
        ),
        Row(
            "curve of 10^6 scores, every n, per score", "curve, M = 1e6, all n, per sample", {"NumPy sort": "the sort"}
        ),
        Row(
            "curves of 10^6 prompts of 16, per score",
            "curve, a million prompts of 16 samples, per sample",
            {"NumPy sort": "the sorts"},
        ),
        Row(
            "log-MGF, float32 1000 × 50 257, 16 orders, per term",
            "log-mgf float32, 1000 x 50257, 16 orders",
            {"NumPy, in place": "NumPy in place", "torch": "torch"},
        ),
        Row(
            "the same, one order",
            "log-mgf float32, 1000 x 50257, 1 order",
            {"NumPy, in place": "NumPy in place", "torch": "torch"},
        ),
        Row(
            "cumulants 1 to 4, float64 100 × 50 257, per term",
            "cumulants 1..4 float64, 100 x 50257",
            {"NumPy": "NumPy"},
        ),
    ],
    "Losses": [
        Row(
            "`preference_loss`, sigmoid, mean and two gradients of 10^6 pairs, float32, per pair",
            "sigmoid float32, 1000000 pairs",
            {"torch": "torch eager", "NumPy and SciPy": "NumPy and SciPy"},
        ),
        Row(
            "the same, 10^7 pairs",
            "sigmoid float32, 10000000 pairs",
            {"torch": "torch eager"},
        ),
        Row("AOT, 10^6 pairs, float32, per pair", "aot float32, 1000000 pairs", {"torch": "torch"}),
        Row(
            "`sequence_logprobs`, float32 1000 × 50 257, per logit",
            "sequence_logprobs float32, 1000 x 50257",
            {"NumPy, in place": "NumPy in place", "torch": "torch"},
        ),
        Row(
            "its gradient, per logit",
            "sequence_logprobs_grad float32, 1000 x 50257",
            {"torch, forward and backward": "torch, forward and backward"},
        ),
    ],
    "Ratings": [
        Row(f"{FROM} Python strings", f"Bradley-Terry fit, Python strings, {FIT}", EVALICA),
        Row(
            "Python strings, first call",
            f"Bradley-Terry fit, Python strings, first call of a process, {FIT}",
            {"evalica": "evalica of lists"},
        ),
        Row("NumPy strings", f"Bradley-Terry fit, NumPy strings, {FIT}", EVALICA),
        Row("pandas columns", f"Bradley-Terry fit, pandas columns, {FIT}", EVALICA),
        Row("Arrow columns", f"Bradley-Terry fit, Arrow columns, {FIT}", EVALICA),
        Row(
            "10^6 votes on 100 items as arrays, per vote",
            "Bradley-Terry fit, K = 100, M = 1000000, per comparison",
            {"evalica": "evalica", "evalica._brzo": "its core on arrays"},
        ),
        Row(
            "10^6 votes on 1000 items as arrays, per vote",
            "Bradley-Terry fit, K = 1000, M = 1000000, per comparison",
            {"evalica": "evalica", "evalica._brzo": "its core on arrays"},
        ),
        Row(
            "10^6 votes on 20 000 items as arrays, per vote",
            "Bradley-Terry fit, K = 20000, M = 1000000, per comparison",
            {"scikit-learn": "scikit-learn"},
        ),
        Row("bootstrap replicate, 10^6 votes on 100 items", "bootstrap, K = 100, M = 1000000, per replicate", {}),
        Row(
            "Plackett-Luce, 10^5 rankings of 10, per ranking",
            "Plackett-Luce, 100000 rankings of 10",
            {"choix.ilsr_rankings": "choix"},
        ),
    ],
    "Dynamics and sequences": [
        *(
            Row(
                f"MRS-IPO, K = {K}, per step and trajectory",
                f"sweep, K = {K}, {how}, per round and trajectory",
                {"NumPy, as written down": "NumPy", "NumPy, preallocated": "into given arrays"},
            )
            for K, how in ((4, "16 x 64"), (16, "4 x 64"), (128, "1 x 64"))
        ),
        Row(
            "best of e^300 sequences of 1000 letters of an alphabet of 50 257",
            "best of exp(300) sequences of 1000 tokens, vocabulary 50257",
            {},
        ),
    ],
}
PEERS = {row.group: row.peers for rows in TABLES.values() for row in rows}


def duration(nanoseconds):
    """Write a time with three digits in the unit that keeps it between 1 and 1000: ``0.39 ns``, ``1.2 µs``."""
    for unit, size in (("ns", 1.0), ("µs", 1e3), ("ms", 1e6)):
        if nanoseconds < 999.5 * size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds / 1e9:.3g} s"


def times(ratio):
    """Write a ratio with two digits, or all before the point: ``0.86x``, ``5.0x``, ``168x``."""
    return f"{ratio:.2f}x" if ratio < 1 else f"{ratio:.1f}x" if ratio < 10 else f"{ratio:.0f}x"


def cells(row, figure):
    """Return the cells of a row for one instruction set: time, ratios in the order of the peers, share of the floor."""
    if figure is None:
        return ["", "", ""]
    ratios = [times(figure["ratios"][name]) if name in figure["ratios"] else "-" for name in row.peers]
    floor = figure["floor"]
    share = f"{100 * floor['share']:.0f} % {floor['part']}" if floor else ""
    return [duration(figure["nanoseconds"]), "; ".join(ratios), share]


def table(rows, found):
    """Return the lines of one table."""
    heads = [f"{ISAS[isa]}{head}" for isa in found for head in ("", ", ratios", ", of the floor")]
    columns = ["operation", "against", *heads]
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        figures = [cell for isa in found for cell in cells(row, found[isa]["figures"].get(row.group))]
        yield "| " + " | ".join([row.label, "; ".join(row.peers.values()), *figures]) + " |"


def text(found):
    """Return what stands between the marks: where and how the figures were taken, and the tables."""
    where = next(iter(found.values()))["conditions"]
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items() if name != "alignment-fast")
    loads = ", ".join(f"{part['conditions']['load']} ({ISAS[isa]})" for isa, part in found.items())
    lines = [
        f"Measured on {where['date']} on {where['processor']}, {where['processors']} CPUs, Python {where['python']}, "
        f"{versions}, at a load of {loads};",
        "one thread, processor time, least of interleaved rounds, by `python benchmarks/report.py --readme`. A ratio",
        "is the peer's time over ours. A floor is the least time that the operation needs on this processor for one of",
        "its parts (`benchmarks/floors.py`): the last column is the time of the largest floor over ours, and its name.",
        "- stands for a peer that was not installed.",
    ]
    for title, rows in TABLES.items():
        lines += ["", f"**{title}**", "", *table(rows, found)]
    return "\n".join(lines)


def replaced(readme, found):
    """Return the README with the text of these figures between its marks."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    new, count = pattern.subn(lambda _: f"{BEGIN}\n{text(found)}\n{END}", readme)
    if count != 1:
        raise ValueError(f"the README has {count} places for figures, not one")
    return new
