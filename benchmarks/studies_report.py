"""What a study costs beside its bare calls: of the coordinator for a block, and the share at long blocks.

python -P benchmarks/studies_report.py
"""

import tempfile
import time
from pathlib import Path

from alignment_fast.studies import Study
from alignment_fast.studies.work import Job, Share, compute, estimator_of

BLOCKS = 20_000
LONG = 1 << 20
CELLS = 10_000


def study(n, block, blocks):
    estimand = {"kind": "best_of_n", "n": n, "block": block}
    source = {"kind": "gaussian"}
    return Study.from_dict({"name": "cost", "replicates": block * blocks, "source": source, "estimand": estimand})


def seconds_of(call):
    begun = time.process_time()
    call()
    return time.process_time() - begun


def run(chosen):
    with tempfile.TemporaryDirectory() as folder:
        chosen.run(store=Path(folder) / "study.db", progress=False, workers=1)


def coordinator():
    """Return the seconds for a block that are not the worker's, from blocks of four replicates."""
    chosen = study(2, 4, BLOCKS)
    spec = chosen.spec
    ranges = tuple((number, 4 * number, 4) for number in range(BLOCKS))
    job = Job(spec.hash, spec.seed, str(spec.folder), 0, spec.uses_numpy, (Share(spec.cells[0], ranges),))
    worker = min(seconds_of(lambda: compute(job)) for _ in range(3))
    return (min(seconds_of(lambda: run(chosen)) for _ in range(3)) - worker) / BLOCKS


def long_blocks():
    """Return the ratio of a study of blocks of about a second to its bare calls."""
    chosen = study(1000, LONG, 6)
    spec = chosen.spec
    estimator = estimator_of(spec.hash, spec.seed, spec.folder, spec.cells[0])
    bare = min(seconds_of(lambda: [estimator.values(k * LONG, LONG) for k in range(6)]) for _ in range(3))
    return min(seconds_of(lambda: run(chosen)) for _ in range(3)) / bare


def many_cells():
    """Return the seconds of a study of 10 000 cells of one small block, for a cell, bare calls included."""
    grid = {"n": [1.0 + cell for cell in range(CELLS)]}
    estimand = {"kind": "best_of_n", "block": 64, "grid": grid}
    content = {"name": "cells", "replicates": 64, "source": {"kind": "gaussian"}, "estimand": estimand}
    return seconds_of(lambda: run(Study.from_dict(content))) / CELLS


if __name__ == "__main__":
    print(f"coordinator: {1e6 * coordinator():.0f} µs of processor time for a block")
    print(f"blocks of a second: {100 * (long_blocks() - 1):.1f} % more than the bare calls")
    print(f"{CELLS} cells of a block: {1e6 * many_cells():.0f} µs of processor time for a cell, its calls included")
