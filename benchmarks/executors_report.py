"""What executors add to a job, and from how many workers on one coordinator is too slow for them.

python -P benchmarks/executors_report.py [NAME ...]            threads, processes, and of the others what is installed
mpiexec -n 3 python -P -m mpi4py.futures benchmarks/executors_report.py mpi

At last it folds the files of parts into a store, block by block and in groups.

What is measured is the processor time of the coordinator's process (with Dask that of a scheduler in it as well), which
a busy machine does not change much. The second table is that of a discrete-event model: workers that compute jobs of a
length, and one coordinator that takes and gives jobs one after the other, at that cost.
"""

import heapq
import importlib.util
import random
import sys
import tempfile
import time
from pathlib import Path

from alignment_fast.studies import Study, parts
from alignment_fast.studies.executors import Workers
from alignment_fast.studies.work import Job, Share, compute

JOBS, WORKERS = 300, 2
EXECUTORS = {"threads": None, "processes": None, "loky": "loky", "dask": "distributed", "ray": "ray"}
FOLDED_BLOCKS = 20_000
SECONDS = (0.1, 1.0, 10.0)
CROWDS = (10, 100, 1000, 10_000)


def tiny_job(study, number):
    spec = study.spec
    return Job(spec.hash, spec.seed, str(spec.folder), 0, False, (Share(spec.cells[0], ((number, 16 * number, 16),)),))


def seconds_per_job(name, study):
    """Return the coordinator's seconds for a job of one tiny block, several in flight."""
    workers = Workers(name, WORKERS)
    try:
        workers.executor.submit(compute, tiny_job(study, 0)).result()  # imports, connections
        best = float("inf")
        for _ in range(3):
            begun = time.process_time()
            for future in [workers.executor.submit(compute, tiny_job(study, number)) for number in range(JOBS)]:
                future.result()
            best = min(best, (time.process_time() - begun) / JOBS)
    finally:
        workers.close(wait=True)
    if name == "threads":  # computing itself is not overhead
        begun = time.process_time()
        for number in range(JOBS):
            compute(tiny_job(study, number))
        best -= (time.process_time() - begun) / JOBS
    return best


def efficiency(workers, job, service, jobs=20, seed=0):
    """Return the share of their time that workers compute: jobs of `job` seconds ± 20 %, two for each in flight.

    A worker that finishes one begins its next at once; the coordinator takes the finished ones in the order in which
    they came, `service` seconds each, and sends new ones.
    """
    rng = random.Random(seed)
    waiting = [1] * workers  # jobs that lie at each worker
    events = [(job * rng.uniform(0.0, 1.2), worker) for worker in range(workers)]  # ends of jobs
    heapq.heapify(events)
    free, busy, left, end = 0.0, 0.0, workers * jobs, 0.0
    arrivals = []  # (when a new job reaches its worker, worker)
    idle = set()
    while left:
        if arrivals and (not events or arrivals[0][0] <= events[0][0]):
            now, worker = heapq.heappop(arrivals)
            if worker in idle:
                idle.discard(worker)
                heapq.heappush(events, (now + job * rng.uniform(0.8, 1.2), worker))
            else:
                waiting[worker] += 1
            continue
        now, worker = heapq.heappop(events)
        left -= 1
        busy += job
        end = now
        free = max(free, now) + service
        heapq.heappush(arrivals, (free, worker))
        if waiting[worker]:
            waiting[worker] -= 1
            heapq.heappush(events, (now + job * rng.uniform(0.8, 1.2), worker))
        else:
            idle.add(worker)
    return min(1.0, busy / (workers * end))


def seconds_to_fold(study, *, groups):
    """Return the seconds of `Study.fold` for each block of two parts, and the bytes of their files."""
    longest = parts.MOST_IN_RUN
    parts.MOST_IN_RUN = longest if groups else 1  # every other block: none of them are consecutive
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "study.db"
            for part in (1, 2):
                study.run_part(part, 2, store=path, progress=False, workers=1)
            size = sum(file.stat().st_size for file in parts.folder_of(path).iterdir())
            begun = time.process_time()
            study.fold(path)
            return (time.process_time() - begun) / FOLDED_BLOCKS, size / FOLDED_BLOCKS
    finally:
        parts.MOST_IN_RUN = longest


def print_folding(source, estimand):
    """Print what folding costs without and with quantiles, alone and in groups."""
    for quantiles in ([], [0.5]):
        content = {"name": "folded", "replicates": 16 * FOLDED_BLOCKS, "source": source}
        study = Study.from_dict({**content, "estimand": {**estimand, "quantiles": quantiles}})
        for groups in (False, True):
            seconds, size = seconds_to_fold(study, groups=groups)
            kind = f"{'quantiles' if quantiles else 'moments'}, {'in groups' if groups else 'block by block'}"
            print(f"{kind}: {1e6 * seconds:.1f} µs and {size:.0f} bytes for a block")


def main(names):
    source, estimand = {"kind": "gaussian"}, {"kind": "best_of_n", "n": 2, "block": 16}
    study = Study.from_dict({"name": "tiny", "replicates": 16 * JOBS, "source": source, "estimand": estimand})
    measured = {}
    installed = [name for name, module in EXECUTORS.items() if module is None or importlib.util.find_spec(module)]
    for name in names or installed:
        measured[name] = seconds_per_job(name, study)
        print(f"{name}: {1e6 * measured[name]:.0f} µs for a job of one tiny block")
    print("share of their time that workers compute:")
    for name, service in measured.items():
        for job in SECONDS:
            shares = (f"{workers}: {100 * efficiency(workers, job, service):.0f} %" for workers in CROWDS)
            print(f"{name}, jobs of {job:g} s: {', '.join(shares)}")
    print("folding the files of parts:")
    print_folding(source, estimand)


if __name__ == "__main__":
    main(sys.argv[1:])
