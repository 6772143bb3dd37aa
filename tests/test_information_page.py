"""The code of docs/information_measures.md runs; what needs the count tables is left out where they are absent."""

import os
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "information_measures.md"
BLOCKS = re.findall(r"^```python( data)?\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(blocks):
    namespace = {}
    for code in blocks:
        exec(compile(code, str(PAGE), "exec"), namespace)


def test_blocks_without_data():
    plain = [code for data, code in BLOCKS if not data]
    assert len(plain) >= 4
    run(plain)


@pytest.mark.skipif("ALIGNMENT_FAST_DATA" not in os.environ, reason="ALIGNMENT_FAST_DATA is not set")
def test_blocks_on_real_counts():
    run(code for _, code in BLOCKS)
