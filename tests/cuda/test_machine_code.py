"""What a draw of the race costs in machine code: what speeds are derived from while no GPU has measured them."""

import collections
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

PRODUCTS = 2 * 10 - 2  # of Philox in ten rounds, for each block of four draws, but two that do not change within a loop
PER_DRAW = 11


def disassembler():
    spec = importlib.util.find_spec("nvidia")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = next((path for place in places for path in Path(place).glob("*/bin/nvdisasm*")), None)
    if found is None:
        pytest.skip("MACHINE CODE IS NOT COUNTED: no nvdisasm (pip install nvidia-cuda-nvdisasm)")
    return found


def instructions_of(text, kernel):
    """Return the instructions of a kernel, and where its labels point."""
    body = re.search(rf"\.text\.{kernel}:?\s(.*?)(?=//-+ \.|\Z)", text, re.DOTALL)[1]
    found, labels = [], {}
    for line in body.splitlines():
        if label := re.match(r"\s*(\.L_x_\d+):", line):
            labels[label[1]] = len(found)
        if instruction := re.search(r"/\*[0-9a-f]{4,}\*/\s+(.*?);", line):
            found.append(instruction[1])
    return found, labels


def loops_of(text, kernel):
    """Yield the instructions of each loop of a kernel."""
    found, labels = instructions_of(text, kernel)
    for end, instruction in enumerate(found):
        target = re.search(r"BRA.*?(\.L_x_\d+)", instruction)
        if target and labels[target[1]] < end:
            yield found[labels[target[1]] : end + 1]


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_a_draw_of_the_race_takes_eleven_instructions(nvrtc, tmp_path, architecture):
    program = disassembler()
    (tmp_path / "cubin").write_bytes(nvrtc.family("best_of_n", architecture))
    text = subprocess.run([program, tmp_path / "cubin"], check=True, capture_output=True, text=True).stdout
    costs = []
    for loop in loops_of(text, "fold_winners"):
        kinds = collections.Counter(re.sub(r"^@!?\w+\s+", "", line).split(".")[0].split()[0] for line in loop)
        blocks = kinds["IMAD"] // PRODUCTS
        if blocks and not any(kind in kinds for kind in ("SEL", "ATOMG", "SHFL")):
            costs.append(len(loop) / (4 * blocks))
    assert min(costs) <= PER_DRAW
    whole = "\n".join(instructions_of(text, "fold_winners")[0])
    assert max(map(int, re.findall(r"\bR(\d+)\b", whole))) < 64  # four blocks of 256 threads on a multiprocessor
    assert not re.search(r"\b(STL|LDL)\b", whole)  # nothing spilled
