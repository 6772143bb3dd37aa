"""A fresh interpreter: what a test needs when the process itself is under test (imports, environment, forks)."""

import os
import subprocess
import sys


def run_python(code, *, timeout=120, **environment):
    """Run `code` in a new interpreter with `environment` on top of this one's; None removes a variable."""
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={name: value for name, value in env.items() if value is not None},
    )


def output_of(code, **environment):
    """Return what `code` prints in a new interpreter; a failure there fails the test with its traceback."""
    process = run_python(code, **environment)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()
