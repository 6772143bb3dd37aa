"""The file of measured errors, and what it was measured with."""

import datetime
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("errors.json")
# One of each arithmetic: AVX-512 has the bits of AVX2.
INSTRUCTION_SETS = {"fma": "avx2", "baseline": "baseline"}


def conditions():
    """Return date, processor and versions."""
    text = Path("/proc/cpuinfo").read_text("utf-8")
    processor = next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    versions = {"python": sys.version.split()[0]}
    for name in ("numpy", "scipy", "torch", "mpmath"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"date": datetime.date.today().isoformat(), "processor": processor, "versions": versions}


def read():
    return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def write(part, results):
    """Put the results of one part into the file, those of other names left as they are."""
    record = read()
    record.setdefault(part, {}).update(results)
    FILE.write_text(text_of(record), "utf-8")


def text_of(record):
    """Return the record as JSON with a line for each of its results."""
    parts = []
    for part, results in sorted(record.items()):
        lines = [f"  {json.dumps(name)}: {json.dumps(one, sort_keys=True)}" for name, one in sorted(results.items())]
        parts.append(f" {json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def on_each_instruction_set(script, *arguments):
    """Run a script of this folder once per arithmetic; return {arithmetic: what it printed}."""
    printed = {}
    for name, isa in INSTRUCTION_SETS.items():
        command = ["env", f"ALIGNMENT_FAST_ISA={isa}", sys.executable, Path(__file__).with_name(script), *arguments]
        printed[name] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return printed
