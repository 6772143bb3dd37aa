"""verl, lighteval and bigcode under acceleration: the same outcome of every call, what falls back, what is refused."""

import hashlib
import importlib
import inspect
import sys
from functools import partial

import host_packages
import numpy as np
import pytest
from test_accel_hostile import outcome

from alignment_fast import accel

pytestmark = pytest.mark.same_everywhere


@pytest.fixture
def modules(request, tmp_path, monkeypatch):
    """Return the modules of the host that the test names, imported; afterwards nothing of it is left."""
    host = request.param
    names = host_packages.write(tmp_path, host)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("ALIGNMENT_FAST_ACCEL", raising=False)
    yield [importlib.import_module(name) for name in names]
    accel.uninstall()
    host_packages.forget(host)


def of_host(name):
    return pytest.mark.parametrize("modules", [name], indirect=True)


def calls(where):
    return {row.function: (row.accelerated, row.fell_back) for row in accel.report()}[where]


def same(found, expected):
    """Return whether outcomes are equal: errors by type and text, numbers by bits and type."""
    if type(found) is not type(expected):
        return False
    if isinstance(expected, Exception):
        return str(found) == str(expected)
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(same, found, expected))
    return np.asarray(found).tobytes() == np.asarray(expected).tobytes() or found != found


def compare(host, where, function, cases, accelerated, likeness=same):
    """Make every call by the host alone and accelerated; state of NumPy's generator and warnings included."""

    def each():
        for make in cases:
            yield *outcome(function(), make()), np.random.get_state()[1].tobytes()  # noqa: NPY002

    expected = list(each())
    accel.install(host)
    for place, (one, other) in enumerate(zip(each(), expected, strict=True)):
        assert likeness(one[0], other[0]), (place, one[0], other[0])
        assert one[1:] == other[1:], place
    assert calls(where)[0] == accelerated


# ---- verl ----

NAN = float("nan")
VERL = "verl.trainer.ppo.metric_utils"
DATA = [0.5, 1, True, np.float64(2.5), -3.0]


class Sequence(list):
    pass


def raising(sample):
    raise ArithmeticError("the user's own")


@of_host("verl")
def test_moments_of_resamples_are_the_hosts(modules):
    (host,) = modules
    rows = [{"v": vote, "x": value} for vote, value in zip("abba", (1.0, 0.0, 0.5, 2.0), strict=True)]
    majority = partial(host.calc_maj_val, vote_key="v", val_key="x")
    good = [
        lambda: (DATA, 3, [np.max, np.min, np.mean]),
        lambda: (tuple(DATA), 7, (np.mean,), 20, 1),
        lambda: ([1.0], 1, []),
        lambda: (rows, 3, [majority], 30),
        lambda: ([0.0, -0.0], 2, [np.max, np.min]),
    ]
    bad = [
        lambda: ([], 1, [np.max]),
        lambda: (DATA, 0, [np.max]),
        lambda: (DATA, 2, [np.max], 0),
        lambda: (DATA, 2, [np.max], 10, -1),
        lambda: (DATA, 2, [np.max], 10, "seed"),
        lambda: (DATA, 2, [raising], 10),
        lambda: (DATA, 2, [np.median, lambda sample: sample[0]], 10),
        lambda: (DATA, 2.0, [np.max], 10),
        lambda: ([NAN, 1.0], 2, [np.max], 10),
        lambda: (np.array(DATA), 2, [np.max], 10),
        lambda: (Sequence(DATA), 2, [np.max], 10),
        lambda: ([np.float32(0.1), np.float32(0.2)], 2, [np.mean], 10),
        lambda: (["a", "b"], 2, [np.max], 10),
        lambda: ([[1], [2, 3]], 2, [np.max], 10),
        lambda: ([None, 1.0], 2, [np.max], 10),
        lambda: (iter(DATA), 2, [np.max], 10),
        lambda: (DATA, 2, iter([np.max]), 10),
        lambda: (rows, 2, [partial(host.calc_maj_val, vote_key="w", val_key="x")], 10),
        lambda: ([{"v": [], "x": 1.0}], 2, [majority], 10),
        lambda: ([{"v": 1, "x": "a"}], 2, [majority], 10),
        lambda: (rows, 2, [partial(host.calc_maj_val, val_key="x")], 10),
        lambda: (3, 2, [np.max], 10),
    ]
    function = f"{VERL}.bootstrap_metric"
    compare("verl", function, lambda: host.bootstrap_metric, [*good, *bad], len(good))


@of_host("verl")
def test_metrics_of_validation_are_the_hosts(modules):
    (host,) = modules
    sources, uids = ["s", "s", "t", "t", "t"], ["a", "a", "b", "b", "b"]
    infos = {"acc": [1.0, 0.0, 1, True, None], "pred": ["x", "y", "x", "x", "y"], "odd": [-0.0, 0.0, 1.0, 2.0, 3.0]}
    good = [
        lambda: (sources, uids, infos),
        lambda: (np.array(sources, dtype=object), tuple(uids), infos, 7, {("s", "a"): 4, ("u", "a"): 1}),
        lambda: ([], [], {}),
    ]
    bad = [
        lambda: (sources, uids[:3], infos),
        lambda: (sources, uids, {"acc": [1.0]}),
        lambda: (sources, uids, {"acc": [1.0, NAN, 1.0, 2.0, 3.0]}),
        lambda: (sources, uids, {"acc": tuple(infos["acc"])}),
        lambda: (sources, uids, {"acc": [1.0, "a", 1.0, 2.0, 3.0]}),
        lambda: (sources, uids, {"acc": [np.float32(one) for one in (1, 0, 1, 0, 1)]}),
        lambda: (sources, [[]] * 5, infos),
        lambda: (iter(sources), uids, infos),
        lambda: (sources, uids, infos, "seed"),
    ]
    function = f"{VERL}.process_validation_metrics"
    compare("verl", function, lambda: host.process_validation_metrics, [*good, *bad], len(good))


# ---- lighteval ----

METRICS = "lighteval.metrics.metrics_sample"


def near(found, expected):
    if isinstance(expected, Exception):
        return same(found, expected)
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(near(found[key], expected[key]) for key in expected)
    return type(found) is type(expected) and found == pytest.approx(expected, rel=1e-12, abs=1e-14, nan_ok=True)


@of_host("lighteval")
def test_g_pass_at_k_of_a_document_is_the_hosts(modules):
    host = modules[0]
    good = [(k, n, [1] * c + [0] * (n - c)) for n in (1, 4, 7) for c in range(n + 1) for k in (1, [2, 3], n, n + 1)]
    bad = [(2, 4, (1, 0)), (2, 4, ["a"]), ([2], None, [1])]
    cases = [lambda case=case: (host.GPassAtK(case[0], case[1], name_prefix="p"), case[2]) for case in (*good, *bad)]
    where = f"{METRICS}.GPassAtK.g_pass_at_k"
    compare("lighteval", where, lambda: host.GPassAtK.g_pass_at_k, cases, len(good), near)


@of_host("lighteval")
def test_a_replaced_method_is_the_classes_own_to_everybody_who_looks(modules):
    method = modules[0].GPassAtK.g_pass_at_k
    before = inspect.signature(method), inspect.getsource(method), method.__qualname__
    accel.install("lighteval")
    assert modules[0].GPassAtK.g_pass_at_k is method
    assert (inspect.signature(method), inspect.getsource(method), method.__qualname__) == before


@of_host("lighteval")
def test_the_estimator_of_livecodebench_is_accelerated(modules):
    where = "lighteval.tasks.tasks.lcb.codegen_metrics.estimate_pass_at_k"
    cases = [lambda: (np.array([5, 6]), np.array([2, 6]), 2), lambda: ((5, 6), (2, 6), 2)]

    def close(found, expected):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        return True

    compare("lighteval", where, lambda: modules[1].estimate_pass_at_k, cases, 1, close)


# ---- what is known by its source, and what cannot be replaced ----


@of_host("bigcode")
def test_a_function_without_a_version_is_known_by_its_source(modules, monkeypatch):
    (host,) = modules
    table = importlib.import_module("alignment_fast.accel.hosts.bigcode")
    if host_packages.extracted("bigcode.py") is None:
        digest = hashlib.sha256(inspect.getsource(host.estimate_pass_at_k).encode()).hexdigest()
        monkeypatch.setattr(table, "SOURCES", {"estimate_pass_at_k": digest})
    accel.install("bigcode")
    np.testing.assert_allclose(host.estimate_pass_at_k([5], [2], 1), [0.4])
    assert calls("bigcode_eval.tasks.custom_metrics.code_eval.estimate_pass_at_k") == (1, 0)


@of_host("bigcode")
def test_another_function_is_left_alone_and_said(modules, monkeypatch):
    table = importlib.import_module("alignment_fast.accel.hosts.bigcode")
    monkeypatch.setattr(table, "SOURCES", {"estimate_pass_at_k": "0"})
    accel.install("bigcode")
    (row,) = (row for row in accel.report() if row.refused)
    assert (row.function, row.refused) == ("bigcode", "estimate_pass_at_k is not the one that was tried")


@pytest.mark.parametrize(("host", "reason"), [("inspect_ai", "reducers are closures"), ("arena_rank", "JAX compiles")])
def test_what_cannot_be_replaced_is_refused_by_name_with_what_to_call_instead(host, reason):
    message = f"'{host}' cannot be accelerated: .*{reason}.*alignment_fast.interop.{host}"
    with pytest.raises(ValueError, match=message):
        accel.install(host)
    assert host not in sys.modules
