"""pytest plugin: a host's own tests with its functions replaced, compared with a run without.

``--accel-record FILE`` writes every outcome; ``--accel-baseline FILE`` fails where an outcome differs from such a file.
``--accel-expect FILE`` is TOML: ``[[fails]]`` with tests, versions and reason (strict: one that passes, or is no test
any more, is a failure) and ``[calls]`` with the least number of accelerated calls of a function, so that falling back
silently is a failure, too.
"""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

_outcomes: dict[str, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options above."""
    group = parser.getgroup("accel")
    group.addoption("--accel", default=os.environ.get("ALIGNMENT_FAST_ACCEL", ""), help="hosts, by commas")
    group.addoption("--accel-expect", help="TOML file of expected failures and least numbers of accelerated calls")
    group.addoption("--accel-record", help="file to write the outcomes of all tests to")
    group.addoption("--accel-baseline", help="file of outcomes that must be the same")


def pytest_configure(config: pytest.Config) -> None:
    """Replace the functions of the hosts before a test is imported."""
    from alignment_fast import accel

    hosts = [host for host in config.getoption("accel").split(",") if host]
    if hosts:
        accel.install(*hosts)


def _expected(config: pytest.Config) -> dict[str, Any]:
    path = config.getoption("accel_expect")
    return tomllib.loads(Path(path).read_text("utf-8")) if path else {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the expected failures; entries without a test are an error."""
    reasons = {}
    for entry in _expected(config).get("fails", ()):
        if not {"tests", "reason", "versions"} <= entry.keys():
            raise pytest.UsageError(f"an entry needs tests, versions and reason: {entry}")
        reasons |= dict.fromkeys(entry["tests"], f"{entry['reason']} ({entry['versions']})")
    keys = {f"{item.path.stem}::{item.name}": item for item in items}
    stale = sorted(reasons.keys() - keys.keys())
    if stale and not config.getoption("keyword"):
        raise pytest.UsageError(f"expected failures without a test: {', '.join(stale)}")
    for key in reasons.keys() & keys.keys():
        keys[key].add_marker(pytest.mark.xfail(reason=reasons[key], strict=True))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the outcome of a test: that of its call, or of what failed or was skipped before it."""
    if report.when == "call" or report.outcome != "passed":
        _outcomes[report.nodeid] = report.outcome


def _complaints(config: pytest.Config) -> list[str]:
    from alignment_fast import accel

    accelerated = {row.function: row.accelerated for row in accel.report()}
    found = [
        f"{name}: {accelerated.get(name, 0)} accelerated calls, at least {least} are expected"
        for name, least in _expected(config).get("calls", {}).items()
        if accelerated.get(name, 0) < least
    ]
    path = config.getoption("accel_baseline")
    baseline = json.loads(Path(path).read_text("utf-8")) if path else _outcomes
    return found + [
        f"{test}: {_outcomes.get(test, 'not run')}, without acceleration {baseline.get(test, 'not run')}"
        for test in sorted({*baseline, *_outcomes})
        if baseline.get(test) != _outcomes.get(test)
    ]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the outcomes; fail for what differs or was not accelerated, and pass where all is as without."""
    config = session.config
    record = config.getoption("accel_record")
    if record:
        Path(record).write_text(json.dumps(_outcomes, indent=0, sort_keys=True), encoding="utf-8")
    compared = config.getoption("accel_baseline") is not None
    if exitstatus in (0, 1) and not config.getoption("keyword"):
        if _complaints(config):
            session.exitstatus = 1
        elif compared:
            session.exitstatus = 0  # what fails, fails without acceleration too


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what was accelerated, and what is not as it should be."""
    from alignment_fast import accel

    terminalreporter.section("accel")
    accel.print_report(terminalreporter._tw._file)
    for line in _complaints(config):
        terminalreporter.line(line, red=True)
