"""pytest plugin: a host's own tests with its functions replaced, compared with a run without.

``--accel-record FILE`` writes every outcome; ``--accel-baseline FILE`` fails where an outcome differs from such a file.
``--accel-expect FILE`` is TOML: ``[[fails]]`` and ``[[differs]]``, each with tests (as seen from the folder of the
call), versions and reason, name tests that fail, or that end otherwise than without acceleration; where that is not
so, or a test is no more, the run fails. ``[calls]`` gives the least number of accelerated calls of a function, so
that falling back silently fails, too.
"""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

_outcomes: dict[str, str] = {}
_names: dict[str, str] = {}  # of tests, by pytest's identifiers, which depend on the options' paths


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options above."""
    group = parser.getgroup("accel")
    group.addoption("--accel", default=os.environ.get("ALIGNMENT_FAST_ACCEL", ""), help="hosts, by commas")
    group.addoption("--accel-expect", help="TOML file of expected failures and least numbers of accelerated calls")
    group.addoption("--accel-record", help="file to write the outcomes of all tests to")
    group.addoption("--accel-baseline", help="file of outcomes that must be the same")


def pytest_configure(config: pytest.Config) -> None:
    """Replace the functions of the hosts before a test is imported."""
    from alignment_fast.accel import _install as accel

    hosts = [host for host in config.getoption("accel").split(",") if host]
    if hosts:
        accel.install(*hosts)


def _expected(config: pytest.Config) -> dict[str, Any]:
    path = config.getoption("accel_expect")
    return tomllib.loads(Path(path).read_text("utf-8")) if path else {}


def _tests_of(expected: dict[str, Any], kind: str) -> dict[str, str]:
    """Return the tests that entries of a kind name, and why."""
    reasons: dict[str, str] = {}
    for entry in expected.get(kind, ()):
        if not {"tests", "reason", "versions"} <= entry.keys():
            raise pytest.UsageError(f"an entry needs tests, versions and reason: {entry}")
        reasons |= dict.fromkeys(entry["tests"], f"{entry['reason']} ({entry['versions']})")
    return reasons


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the expected failures; entries without a test are an error."""
    expected = _expected(config)
    fails, differs = _tests_of(expected, "fails"), _tests_of(expected, "differs")
    start = config.invocation_params.dir
    _names.update({one.nodeid: f"{os.path.relpath(one.path, start)}::{one.nodeid.partition('::')[2]}" for one in items})
    keys = {_names[item.nodeid]: item for item in items}
    stale = sorted((fails.keys() | differs.keys()) - keys.keys())
    if stale and not config.getoption("keyword"):
        raise pytest.UsageError(f"expected failures without a test: {', '.join(stale)}")
    for key in fails.keys() & keys.keys():
        keys[key].add_marker(pytest.mark.xfail(reason=fails[key], strict=True))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the outcome of a test: that of its call, or of what failed or was skipped before it."""
    if report.when == "call" or report.outcome != "passed":
        _outcomes[_names.get(report.nodeid, report.nodeid)] = report.outcome


def _complaints(config: pytest.Config) -> list[str]:
    from alignment_fast.accel import _install as accel

    accelerated = {row.function: row.accelerated for row in accel.report()}
    found = [
        f"{name}: {accelerated.get(name, 0)} accelerated calls, at least {least} are expected"
        for name, least in _expected(config).get("calls", {}).items()
        if accelerated.get(name, 0) < least
    ]
    path = config.getoption("accel_baseline")
    if not path:
        return found
    baseline = json.loads(Path(path).read_text("utf-8"))
    may_differ = _tests_of(_expected(config), "differs")
    return found + [
        f"{test}: {_outcomes.get(test, 'not run')}, without acceleration {baseline.get(test, 'not run')}"
        for test in sorted({*baseline, *_outcomes})
        if (baseline.get(test) != _outcomes.get(test)) != (test in may_differ)
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
    from alignment_fast.accel import _install as accel

    terminalreporter.section("accel")
    accel.print_report(terminalreporter._tw._file)
    complaints = _complaints(config)
    for line in complaints:
        terminalreporter.line(line, red=True)
    if config.getoption("accel_baseline") and not complaints:
        calls = sum(row.accelerated for row in accel.report())
        differ = len(_tests_of(_expected(config), "differs"))
        terminalreporter.line(
            f"accel: compared: {len(_outcomes) - differ} tests end as without acceleration, {differ} otherwise as "
            f"expected; {calls} accelerated calls"
        )
