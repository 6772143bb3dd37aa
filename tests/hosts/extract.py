"""Write what the tests compare with from the distributions of hosts: their functions as they are there.

``python extract.py FOLDER`` takes the wheels of verl, lighteval and inspect_ai that lie in FOLDER, and the files of
bigcode and FastChat, and leaves modules beside them for ``ALIGNMENT_FAST_HOSTS=FOLDER``. The packages themselves need
gigabytes to import, of which these functions use nothing.
"""

import ast
import sys
import zipfile
from pathlib import Path

TYPING = "from __future__ import annotations\n\nfrom typing import *\n\nimport numpy as np\n"
VERL = "from collections import defaultdict\nfrom functools import partial\n"
LIGHTEVAL = """from scipy.stats import hypergeom


class SamplingMetric:
    pass


SampleLevelComputation = type("SampleLevelComputation", (), {})


def as_list(value):
    return value if isinstance(value, list) else [value]
"""
INSPECT = """import math
import statistics
from collections import Counter


def score_reducer(function=None, *, name=None):
    return function or (lambda function: function)


def value_to_float():
    return float


"""
# file here -> (beginning of the wheel's name, member, what goes before, names of functions and classes; none: all)
EXTRACTS = {
    "verl.py": (
        "verl-",
        "verl/trainer/ppo/metric_utils.py",
        TYPING + VERL,
        ("bootstrap_metric", "calc_maj_val", "process_validation_metrics"),
    ),
    "lighteval.py": (
        "lighteval-",
        "lighteval/metrics/metrics_sample.py",
        TYPING + LIGHTEVAL,
        ("PassAtK", "GPassAtK"),
    ),
    "lighteval_lcb.py": (
        "lighteval-",
        "lighteval/tasks/tasks/lcb/codegen_metrics.py",
        TYPING,
        ("estimate_pass_at_k",),
    ),
    "inspect_ai.py": ("inspect_ai-", "inspect_ai/scorer/_reducer/reducer.py", TYPING + INSPECT, ()),
}
BAR = "def tqdm(rows, **options):\n    return rows\n"
# file here -> (file there, what goes before, names of functions; none: the whole file but its progress bar)
FILES = {
    "bigcode.py": ("code_eval.py", TYPING + "import itertools\n", ("estimate_pass_at_k",)),
    "fastchat.py": ("rating_systems.py", BAR, ()),
}


def chosen(source: str, names: tuple[str, ...]) -> str:
    """Return the functions and classes of a module that are named; of no names all."""
    found = [
        ast.get_source_segment(source, node) if not node.decorator_list else with_decorators(source, node)
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (not names or node.name in names)
    ]
    assert not names or len(found) == len(names), names
    return "\n\n\n".join(found) + "\n"


def with_decorators(source: str, node: ast.FunctionDef | ast.ClassDef) -> str:
    """Return the lines of a function and of its decorators."""
    return "\n".join(source.splitlines()[node.decorator_list[0].lineno - 1 : node.end_lineno])


def write(folder: Path) -> None:
    """Write every extract whose distribution is in `folder`."""
    for name, (wheel, member, before, names) in EXTRACTS.items():
        for path in folder.glob(f"{wheel}*.whl"):
            source = zipfile.ZipFile(path).read(member).decode()
            (folder / name).write_text(before + "\n\n" + chosen(source, names), "utf-8")
    for name, (file, before, names) in FILES.items():
        if (folder / file).exists():
            source = (folder / file).read_text("utf-8")
            text = chosen(source, names) if names else source.replace("from tqdm import tqdm\n", "")
            (folder / name).write_text(before + "\n\n" + text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
