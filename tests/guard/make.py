"""Write ``results.json`` anew, after a change of results that is meant.

    python -P tests/guard/make.py            one process per instruction set; prints which cases changed
    python -P tests/guard/make.py NAME...    only the cases whose names contain one of these, as of a new function: what
                                             other versions of libraries change, stays as it was
    python -P tests/guard/make.py --check    the same, but nothing is written; exit status 1 if a case changed
    python -P tests/guard/make.py --kinds    whether `own` results keep their bits under other code paths of NumPy,
                                             BLAS and the C library; exit status 1 if one does not

Instruction sets that this processor lacks keep what the file says.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

# Code paths that stand for other processors: NumPy without vectors, BLAS of an old processor, C library without FMA.
OTHER_PATHS = (
    {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL"},
    {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL"},
    {"OPENBLAS_CORETYPE": "Nehalem"},
    {"OPENBLAS_CORETYPE": "Haswell"},
    {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F"},
    {"ALIGNMENT_FAST_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
)
UNSUPPORTED = 3


def made(isa=None, names=(), **environment):
    """Return {"hashes": ..., "made_with": ...} of a new process; None if this processor lacks `isa`."""
    environment = {**os.environ, **({"ALIGNMENT_FAST_ISA": isa} if isa else {}), **environment}
    command = [sys.executable, "-P", __file__, "--inside", *names]
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if process.returncode == UNSUPPORTED:
        return None
    process.check_returncode()
    return json.loads(process.stdout)


def inside(names):
    """Print the hashes of this process, of cases named so; leave with `UNSUPPORTED` without the instruction set."""
    try:
        from guard import record, results
    except (ImportError, ValueError) as error:
        if "ALIGNMENT_FAST_ISA" in str(error):
            print(error, file=sys.stderr)
            sys.exit(UNSUPPORTED)
        raise
    json.dump({"hashes": results.hashes(names=names), "made_with": record.fingerprint()}, sys.stdout)


def renewed(old, names=()):
    """Return the record of now; `old` gives what cannot be had here, and what is not named, if names are given."""
    from guard import record, results

    found = {isa: made(isa, names) for isa in record.ISAS}
    new = {"made_with": dict(old["made_with"]), "cases": {}}
    for isa, result in found.items():
        if result is None:
            print(f"{isa}: not on this processor; its old results stay")
        elif not names:
            new["made_with"][isa] = result["made_with"]
    for name, case in results.CASES.items():
        if not results.is_named(name, names):
            if name in old["cases"]:
                new["cases"][name] = old["cases"][name]
            continue
        row = old["cases"].get(name, [None] * (1 + len(record.ISAS)))
        kept = dict(zip(record.ISAS, row[1:], strict=True))
        fresh = {isa: kept[isa] if found[isa] is None else found[isa]["hashes"][name] for isa in record.ISAS}
        new["cases"][name] = ["own" if case.own else "library", *fresh.values()]
    return new


def differences(old, new):
    """Yield what is different, one line per case."""
    for name in sorted(old["cases"].keys() | new["cases"].keys()):
        before, after = old["cases"].get(name), new["cases"].get(name)
        if before is None or after is None:
            yield f"{'new' if before is None else 'gone'}: {name}"
        elif before != after:
            yield f"changed: {name}: {' '.join(map(str, before))} -> {' '.join(map(str, after))}"


def disagreements(cases):
    """Yield the `own` cases whose bits differ between avx2 and avx512, which promise to agree."""
    for name, (kind, _, avx2, avx512) in cases.items():
        if kind == "own" and None not in (avx2, avx512) and avx2 != avx512:
            yield f"avx2 and avx512 differ: {name}"


def kinds():
    """Print the `own` cases that other code paths of the libraries change, and return how many."""
    from guard import results

    usual, changed = made()["hashes"], set()
    for environment in OTHER_PATHS:
        other = made(**environment)["hashes"]
        different = {name for name in usual if usual[name] != other[name]}
        changed |= different
        print(f"{len(different):4d} results change under {environment}")
    wrong = sorted(name for name in changed if results.CASES[name].own)
    for name in wrong:
        print(f"own, but not by this project alone: {name}")
    return len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--check", "--kinds", "--inside"):
        parser.add_argument(option, action="store_true", help=argparse.SUPPRESS if option == "--inside" else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of the names of cases")
    options = parser.parse_args()
    if options.inside:
        inside(options.names)
        return 0
    if options.kinds:
        return 1 if kinds() else 0
    from guard import record

    old = record.read()
    new = renewed(old, options.names)
    found = [*differences(old, new), *disagreements(new["cases"])]
    for line in found:
        print(line)
    own = sum(row[0] == "own" for row in new["cases"].values())
    print(f"{len(new['cases'])} cases, {own} own, {len(new['cases']) - own} library; {len(found)} to look at")
    if options.check:
        return 1 if found else 0
    record.write(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
