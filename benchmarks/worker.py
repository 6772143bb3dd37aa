"""The process that measures: reads orders from standard input, a line of JSON each, and answers in lines of JSON.

    {"list": selection, "threads": 1}                -> {"isa": "avx2", "jobs": [...]}
    {"measure": job, "threads": 1, "limits": ...,
     "peers": [...], "without": [...]}               -> {"at": contender} before each first call, then {"figure": ...}

It has an instruction set, a number of threads and a limit of memory for itself, and may be ended from outside.
"""

import dataclasses
import json
import os
import sys
import warnings


def limit_memory(mib):
    """Make allocations beyond so many MiB fail, where the system can do that."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = mib << 20
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def listed(order):
    from alignment_fast.benchmarks.selection import Selection, jobs
    from alignment_fast.kernels.common import cpu

    selection = Selection(**{key: tuple(one) if isinstance(one, list) else one for key, one in order["list"].items()})
    return {"isa": cpu.ISA, "jobs": [dataclasses.asdict(job) for job in jobs(selection, order["threads"])]}


def measured(order, tell):
    from alignment_fast.benchmarks.cases import OURS
    from alignment_fast.benchmarks.selection import Job
    from alignment_fast.benchmarks.timing import Limits, figure_of, reason

    try:
        case = Job(**order["measure"]).case()
    except Exception as error:
        return {"failed": reason(error)}
    peers = order["peers"] or case.contenders
    contenders = {name: one for name, one in case.contenders.items() if name == OURS or name in peers}
    case = dataclasses.replace(case, contenders=contenders, threads=order["threads"])
    figure = figure_of(case, Limits(**order["limits"]), lambda name: tell({"at": name}), order["without"])
    return {
        "figure": dataclasses.asdict(figure),
        "contenders": [*contenders],
        "elements": contenders[OURS].elements,
        "clock": "elapsed" if case.threads > 1 else "processor",
    }


def main():
    """Answer orders until there are none."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what others print does not come in between

    def tell(answer):
        print(json.dumps(answer), file=channel, flush=True)

    warnings.simplefilter("ignore")
    limit_memory(int(sys.argv[1]))
    for line in sys.stdin:
        order = json.loads(line)
        tell(listed(order) if "list" in order else measured(order, tell))


if __name__ == "__main__":
    main()
