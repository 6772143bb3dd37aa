"""Which tests every leg of CI collects: no test that ``collected.txt`` names may be lost when files and names move.

    python -P tests/guard/collect.py            write collected.txt anew
    python -P tests/guard/collect.py --check    exit status 1 unless every test of the file is still collected by each
                                                of its legs, under its own name or under that of renamed.txt

Needs pytest, pytest-benchmark and what the tests import. New tests are free. Without the tables of
ALIGNMENT_FAST_DATA (by default ../shared/data, as in .ci/run), files that skip themselves are left out.
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
COLLECTED = Path(__file__).with_name("collected.txt")
RENAMED = Path(__file__).with_name("renamed.txt")
# The tests of the guard itself are new.
OWN_FILES = ("tests/test_guard.py", "tests/guard/")

# What each leg collects: arguments of pytest, as .ci/run has them, which test_guard.py compares.
_KERNEL = ("-m", "not same_everywhere")
_UNOPTIMISED = ("-m", "not (same_everywhere or optimised)")
LEGS = {
    "readme": ("tests",),
    "isa": ("tests", *_KERNEL),
    "debug": ("tests", *_UNOPTIMISED),
    "sanitizers": ("tests", *_UNOPTIMISED),
    "frontends": ("tests", "-m", "frontends"),
    "cuda": ("tests", "-m", "cuda"),
    "abi3": ("tests", "-m", "interface or not (same_everywhere or optimised)"),
    "editable": ("tests/test_package.py", "tests/test_reduce.py", *_UNOPTIMISED),
    "aarch64": ("tests", "-m", "aarch64"),
    "benchmarks": ("benchmarks", "--benchmark-disable"),
    "hosts": (
        "tests/test_interop_choix.py",
        "tests/test_interop_evalica.py",
        "tests/test_interop_pass_at_k.py",
        "tests/test_interop_verl.py",
        "tests/test_accel_pass_at_k.py",
        "tests/test_interop_arena_rank.py",
        "tests/test_interop_fastchat.py",
        "tests/test_accel_processes.py",
        "tests/test_pages.py",
    ),
    "training": (
        "tests/test_interop_trl.py",
        "tests/test_interop_jax.py",
        "tests/test_pages.py",
        "tests/test_interop_torch_hub.py",
        "tests/test_array_kinds.py",
    ),
    "studies": ("tests", "-m", "executors"),
    "documentation": ("tests/test_site.py", "tests/test_policies.py"),
}
# One letter per leg in the file.
LETTERS = dict(zip("ridsfgaexbhtuo", LEGS, strict=True))
HEADER = (
    "# Tests that the legs of CI collect: id, tab, one letter per leg. Written by tests/guard/collect.py.\n"
    f"# {', '.join(f'{letter} {leg}' for letter, leg in LETTERS.items())}\n"
)


# ---- what is collected now ----


def collected(arguments):
    """Return (ids, files that skip themselves) of one selection."""
    environment = {name: value for name, value in os.environ.items() if name != "ALIGNMENT_FAST_ISA"}
    data = ROOT.parent / "shared" / "data"
    if data.is_dir():
        environment.setdefault("ALIGNMENT_FAST_DATA", str(data))
    command = [sys.executable, "-P", "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if process.returncode:
        raise SystemExit(f"pytest {' '.join(arguments)} failed:\n{process.stdout[-3000:]}{process.stderr[-3000:]}")
    ids = process.stdout.partition("\n\n")[0].splitlines()
    skipped = re.findall(r"^SKIPPED \[\d+\] ([^:]+):", process.stdout, flags=re.MULTILINE)
    return {one for one in ids if "::" in one and not one.startswith(OWN_FILES)}, set(skipped)


def collected_by_leg():
    """Return ({leg: ids}, files that skip themselves); a selection that legs share is collected once."""
    selections = sorted(set(LEGS.values()))
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(selections, pool.map(collected, selections), strict=True))
    return {leg: found[arguments][0] for leg, arguments in LEGS.items()}, set().union(*(s for _, s in found.values()))


# ---- files ----


def read_collected(text):
    """Return {id: legs} of the file."""
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {one: [LETTERS[letter] for letter in letters] for one, letters in rows}


def written_collected(by_leg):
    """Return the text of the file."""
    ids = sorted(set().union(*by_leg.values()))
    letters = ("".join(letter for letter, leg in LETTERS.items() if one in by_leg[leg]) for one in ids)
    return HEADER + "".join(f"{one}\t{own}\n" for one, own in zip(ids, letters, strict=True))


GONE = "gone: "


class Renames:
    """The table of renamed tests; ``renamed.txt`` explains its three kinds of lines."""

    def __init__(self, text):
        self.exact, self.prefixes, self.inside = {}, {}, {}
        self.used = set()
        for line in text.splitlines():
            if line and not line.startswith("#"):
                old, new = line.split("\t")
                self._enter(old, new)

    def _enter(self, old, new):
        if old.startswith("["):
            self.inside[old[1:-1]] = new[1:-1]
        elif old.endswith("*"):
            self.prefixes[old[:-1]] = new.removesuffix("*")
        else:
            self.exact[old] = new

    def new_id(self, one):
        """Return what the test `one` is called now."""
        if one in self.exact:
            self.used.add(one)
            return self.exact[one]
        prefix = max((prefix for prefix in self.prefixes if one.startswith(prefix)), key=len, default=None)
        if prefix is not None:
            self.used.add(f"{prefix}*")
            one = self.prefixes[prefix] + one.removeprefix(prefix)
        name, bracket, parameters = one.partition("[")
        for old, new in self.inside.items():
            if old in parameters:
                self.used.add(f"[{old}]")
                parameters = parameters.replace(old, new)
        return name + bracket + parameters

    def unused(self):
        """Return the rules that no test has met."""
        rules = [*self.exact, *(f"{prefix}*" for prefix in self.prefixes), *(f"[{old}]" for old in self.inside)]
        return [rule for rule in rules if rule not in self.used]


# ---- the check ----


def problems(before, by_leg, skipped, renames):
    """Yield a line for every test that a leg has lost, and for names that two tests came to share."""
    taken = {}
    for one, legs in before.items():
        new = renames.new_id(one)
        if new.startswith(GONE):
            continue
        if (other := taken.setdefault(new, one)) != one:
            yield f"{new}: the new name of both {other} and {one}"
        if one.startswith(tuple(f"{file}::" for file in skipped)) or new.partition("::")[0] in skipped:
            continue
        lost = [leg for leg in legs if new not in by_leg[leg]]
        if lost:
            yield f"{one}{f' (now {new})' if new != one else ''}: not collected by {', '.join(lost)}"


def check():
    """Print what is lost; return the exit status."""
    before, renames = read_collected(COLLECTED.read_text()), Renames(RENAMED.read_text())
    by_leg, skipped = collected_by_leg()
    found = list(problems(before, by_leg, skipped, renames))
    print(*found, sep="\n", end="\n" if found else "")
    for file in sorted(skipped):
        print(f"not looked at, for it skips itself here: {file}")
    for rule in renames.unused():
        print(f"renamed.txt: no test meets {rule}")
    now = set().union(*by_leg.values())
    print(f"{len(before)} tests in collected.txt, {len(found)} lost; {len(now)} are collected now")
    return 1 if found else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        return check()
    by_leg, skipped = collected_by_leg()
    if skipped:
        raise SystemExit(f"these files skip themselves here and would be lost: {', '.join(sorted(skipped))}")
    COLLECTED.write_text(written_collected(by_leg))
    print(f"{len(set().union(*by_leg.values()))} tests")
    return 0


if __name__ == "__main__":
    sys.exit(main())
