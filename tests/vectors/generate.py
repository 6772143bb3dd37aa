"""Write the conformance vectors of alignment_fast/conformance/vectors, or with --check compare them.

python -P tests/vectors/generate.py [--check] [FAMILY ...]

Nothing here imports the package: results are those of tests/oracles.
"""

import json
import sys
from pathlib import Path

import mpmath

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from vectors import laws, losses, measures, pools, ratings, sequences, words  # noqa: E402

FOLDER = HERE.parents[1] / "alignment_fast" / "conformance" / "vectors"
FORMAT = 1


def families():
    """Return the functions that make families."""
    return [make for module in (losses, sequences, ratings, pools, measures, laws, words) for make in module.FAMILIES]


def content(family):
    """Return the text of a file: a case in each line."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in family.cases)
    return f'{{"format":{FORMAT},"family":"{family.name}","cases":[\n{lines}\n]}}\n'


def main(arguments):
    """Write or check all files; return the exit code."""
    chosen = {one for one in arguments if not one.startswith("-")}
    wrong, total = [], 0
    for make in families():
        if chosen and make.__name__ not in chosen:
            continue
        with mpmath.workdps(50):
            family = make()
        path, text = FOLDER / f"{family.name}.json", content(family)
        total += len(family.cases)
        print(f"{family.name}: {len(family.cases)} cases, {len(text) // 1024} KiB", flush=True)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            wrong.append(path.name)
    print(f"{total} cases")
    if wrong:
        print(f"not what the oracles say: {', '.join(wrong)}", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
