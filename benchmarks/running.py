"""Runs a selection: a process for each instruction set and number of threads, started again whenever one is ended."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from alignment_fast.benchmarks import environment
from alignment_fast.benchmarks.cases import OURS
from alignment_fast.benchmarks.counts import instructions_of
from alignment_fast.benchmarks.selection import Job, Selection
from alignment_fast.benchmarks.timing import LONGEST_REASON, Limits
from alignment_fast.kernels.common import cpu

VERSION = 1  # of the record's schema: schema.json
START = 300.0  # seconds in which a process must have started and found what there is to measure
LIST = "the list"


@dataclass(frozen=True)
class Settings:
    """How a selection is measured.

    Parameters
    ----------
    selection : Selection
        What.
    isas : tuple of str
        Instruction sets that this processor has.
    threads : tuple of int
        Numbers of threads.
    limits : Limits
        Of a case.
    memory_mib : int
        The most memory of a process.

    """

    selection: Selection
    isas: tuple[str, ...]
    threads: tuple[int, ...]
    limits: Limits
    memory_mib: int


class EndedError(Exception):
    """The process has ended; `at` is what it was doing."""

    def __init__(self, at, why):
        super().__init__(why)
        self.at = at


class Worker:
    """The process that measures under one instruction set with so many threads; a context."""

    def __init__(self, settings, isa, threads):
        self.memory = settings.memory_mib
        self.environment = os.environ | environment.environment_of(isa, threads)
        self.process, self.said = None, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()
            self.said.close()
            self.process = None

    def start(self):
        self.said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "alignment_fast.benchmarks.worker", str(self.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            env=self.environment,
            text=True,
            encoding="utf-8",
        )

    def ask(self, order, seconds):
        """Return the answer to an order; EndedError where the process ends or takes longer than so many seconds."""
        if self.process is None:
            self.start()
        process, at, over = self.process, LIST, []

        def end():
            over.append(True)
            process.kill()

        late = threading.Timer(seconds, end)
        late.daemon = True
        late.start()
        try:
            print(json.dumps(order), file=process.stdin, flush=True)
            for line in process.stdout:
                answer = json.loads(line)
                if "at" not in answer:
                    return answer
                at = answer["at"]
        except BrokenPipeError:
            pass
        finally:
            late.cancel()
            if over:
                process.wait()
                self.__exit__()
        if over:
            raise EndedError(at, f"more than {seconds:g} s")
        process.wait()
        why = how_it_ended(process.returncode, self.last_said())
        self.__exit__()
        raise EndedError(at, why)

    def last_said(self):
        """Return the last line that the process wrote on standard error: of a traceback the error."""
        self.said.seek(0)
        lines = self.said.read().splitlines()
        return lines[-1][:LONGEST_REASON] if lines else "it said nothing"


def how_it_ended(code, said):
    """Return in words how a process ended by itself."""
    if code == -9:
        return "ended by the system: out of memory"
    return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}: {said}"


def jobs_of(worker, settings, threads):
    """Return the instruction set of the process, and what there is to measure with so many threads."""
    order = {"list": dataclasses.asdict(settings.selection), "threads": threads}
    try:
        answer = worker.ask(order, START)
    except EndedError as error:
        raise ValueError(f"the process that measures cannot begin: {error}") from error
    return answer["isa"], [Job(**one) for one in answer["jobs"]]


def measured(worker, settings, job, threads):
    """Return the answer about a job; a contender that ends the process is left out the next time."""
    ended = {}
    while True:
        order = {
            "measure": dataclasses.asdict(job),
            "threads": threads,
            "limits": dataclasses.asdict(settings.limits),
            "peers": settings.selection.peers,
            "without": [*ended],
        }
        try:
            answer = worker.ask(order, START if worker.process is None else settings.limits.longest)
        except EndedError as error:
            if error.at == LIST or error.at in ended:
                return {"failed": str(error)}
            ended[error.at] = str(error)
            continue
        if "figure" in answer:
            answer["figure"]["failed"] |= ended
        return answer


def row_of(job, isa, threads, answer):
    """Return what the record keeps of a job."""
    figure = answer.get("figure", {"seconds": {}, "failed": {}, "floor": None})
    seconds, failed = figure["seconds"], figure["failed"]

    def nanoseconds(name):
        return 1e9 * seconds[name] if name in seconds else None

    counted = job.size and instructions_of(job.operation, job.dtype, isa)
    return {
        "family": job.family,
        "operation": job.operation,
        "size": job.size,
        "axis": job.axis,
        "dtype": job.dtype,
        "isa": isa,
        "threads": threads,
        "clock": answer.get("clock"),
        "elements": answer.get("elements"),
        "nanoseconds": nanoseconds(OURS),
        "failed": answer.get("failed") or failed.get(OURS),
        "peers": [
            {"name": name, "nanoseconds": nanoseconds(name), "failed": failed.get(name)}
            for name in answer.get("contenders", ())
            if name != OURS
        ],
        "floor": figure["floor"] and {"part": figure["floor"][0], "nanoseconds": 1e9 * figure["floor"][1]},
        "instructions": counted and dict(zip(("size", "kernel", "per_element"), counted, strict=True)),
    }


@dataclass
class Record:
    """What was measured, where and how: the JSON that schema.json describes."""

    settings: Settings
    rows: list = field(default_factory=list)
    runs: list = field(default_factory=list)
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def document(self):
        settings = dataclasses.asdict(self.settings)
        return {
            "version": VERSION,
            "date": self.date,
            "machine": environment.machine(),
            "versions": environment.versions(),
            "settings": {**settings.pop("selection"), **settings.pop("limits"), **settings},
            "runs": self.runs,
            "rows": self.rows,
        }


def run(record, progress=lambda done, total, job: None):
    """Measure what the settings of a record ask for, and enter it; `progress` is told before each job."""
    settings = record.settings
    for isa in settings.isas:
        for threads in settings.threads:
            with Worker(settings, isa, threads) as worker:
                load = environment.load()
                used, found = jobs_of(worker, settings, threads)
                record.runs.append({"isa": used, "threads": threads, "load": load})
                for done, job in enumerate(found):
                    progress(done, len(found), f"{used}, {threads} threads: {job.operation}")
                    record.rows.append(row_of(job, used, threads, measured(worker, settings, job, threads)))


def instruction_sets(names):
    """Return instruction sets by their names, "native" for the widest that this processor has."""
    supported = cpu.supported_isas()
    found = []
    for name in names:
        isa = supported[-1] if name == "native" else name
        if isa not in supported:
            raise ValueError(f"{name!r} is none of native, {', '.join(supported)}, which this processor has")
        found.append(isa)
    return tuple(dict.fromkeys(found))
