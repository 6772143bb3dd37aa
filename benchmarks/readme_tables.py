"""The README's tables of figures: ``python benchmarks/readme_tables.py [FILE]``.

FILE is a record of ``alignment-fast bench``. Without it the cases of the tables are measured, under every instruction
set of AVX-512 and AVX2 that the processor has: about five minutes on an idle machine. Either way figures.json keeps the
rows that are shown, in the same schema, and the README is written from them.
"""

import argparse
import json
import re
from pathlib import Path
from typing import NamedTuple

from alignment_fast.benchmarks import analysis, environment
from alignment_fast.benchmarks.running import Record, Settings, run
from alignment_fast.benchmarks.selection import Selection
from alignment_fast.benchmarks.timing import Limits
from alignment_fast.benchmarks.writing import duration, percent, table, times
from alignment_fast.kernels.common import cpu

FIGURES = Path(__file__).with_name("figures.json")
README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
ISAS = {"avx512": "AVX-512", "avx2": "AVX2"}


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


def cells(line, row):
    """Return the cells of a line for one instruction set: time, ratios in the order of the peers, share of a floor."""
    if row is None or row["nanoseconds"] is None:
        return ["", "", ""]
    found, share = analysis.ratios(row), analysis.share(row)
    ratios = [times(found[name]) if name in found else "-" for name in line.peers]
    return [
        duration(row["nanoseconds"]),
        "; ".join(ratios),
        f"{percent(share)} {row['floor']['part']}" if share else "",
    ]


def shown(document):
    """Return {isa: {group: row}} of what the tables show."""
    found = {isa: {} for isa in ISAS if any(run["isa"] == isa and run["threads"] == 1 for run in document["runs"])}
    for row in document["rows"]:
        if row["isa"] in found and row["threads"] == 1 and row["operation"] in PEERS:
            found[row["isa"]][row["operation"]] = row
    return found


def kept(document):
    """Return the record with the rows that are shown alone."""
    rows = [row for by_group in shown(document).values() for row in by_group.values()]
    return document | {"rows": rows}


def lines_of(lines, found):
    """Yield the lines of one table."""
    heads = [f"{ISAS[isa]}{head}" for isa in found for head in ("", ", ratios", ", of the floor")]
    rows = [
        (
            line.label,
            "; ".join(line.peers.values()),
            *(cell for one in found.values() for cell in cells(line, one.get(line.group))),
        )
        for line in lines
    ]
    yield from table(("operation", "against", *heads), rows)


def text(document):
    """Return what stands between the marks: where and how the figures were taken, and the tables."""
    machine, versions, found = document["machine"], document["versions"], shown(document)
    libraries = ", ".join(f"{name} {versions[name]}" for name in ("numpy", "scipy"))
    loads = {run["isa"]: run["load"] for run in document["runs"] if run["threads"] == 1}
    load = ", ".join(f"{loads[isa]} ({ISAS[isa]})" for isa in found)
    lines = [
        f"Measured on {document['date'][:10]} on {machine['processor']}, {machine['processors']} CPUs, "
        f"Python {versions['python']}, {libraries}, at a load of {load};",
        "one thread, processor time, least of interleaved rounds, by `python benchmarks/readme_tables.py`. A ratio",
        "is the peer's time over ours. A floor is the least time that the operation needs on this processor for one of",
        "its parts (`benchmarks/floors.py`): the last column is the time of the largest floor over ours, and its name.",
        "- stands for a peer that was not installed.",
    ]
    for title, rows in TABLES.items():
        lines += ["", f"**{title}**", "", *lines_of(rows, found)]
    return "\n".join(lines)


def replaced(readme, document):
    """Return the README with the text of this record between its marks."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    new, count = pattern.subn(lambda _: f"{BEGIN}\n{text(document)}\n{END}", readme)
    if count != 1:
        raise ValueError(f"the README has {count} places for figures, not one")
    return new


def measured():
    """Return the record of the cases of the tables, measured now."""
    isas = tuple(isa for isa in ISAS if isa in cpu.supported_isas())
    memory = 3 * (environment.memory() or 8192) // 4
    peers = tuple(dict.fromkeys(name for names in PEERS.values() for name in names))
    selection = Selection(groups=tuple(PEERS), peers=peers)
    record = Record(Settings(selection, isas, (1,), Limits(longest=300.0), memory))
    run(record, lambda done, total, what: print(f"{done + 1} of {total}: {what}", flush=True))
    return record.document()


def main():
    """Write figures.json and the README."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help="a record of alignment-fast bench")
    file = parser.parse_args().file
    document = kept(json.loads(file.read_text("utf-8")) if file else measured())
    FIGURES.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    README.write_text(replaced(README.read_text("utf-8"), document), "utf-8")


if __name__ == "__main__":
    main()
