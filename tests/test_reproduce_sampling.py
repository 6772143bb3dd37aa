"""The sampling paper computed again: findings against theory, and a sweep that goes on where it was stopped."""

import contextlib
import csv
import gzip
import io
import itertools
import json
import os
import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from alignment_fast import policy
from alignment_fast.cli import main
from alignment_fast.reproduce import sampling as paper
from alignment_fast.reproduce.sampling.stored import FILE

pytestmark = pytest.mark.same_everywhere

DATA = os.environ.get("ALIGNMENT_FAST_DATA")
PNG = b"\x89PNG\r\n\x1a\n"


# ---- the findings ----


def test_more_own_past_or_a_stronger_signal_make_a_cycle_oscillate():
    found = {(row.method, row.case): row for row in paper.oscillations()}
    radius = {"baseline": 0.6807, "larger alpha": 1.0563, "larger beta": 1.0504}
    strength = {"baseline": 0.0, "larger alpha": 0.083414387115, "larger beta": 0.017989422130}
    for case in radius:
        row = found["ipo", case]
        assert row.spectral_radius == pytest.approx(radius[case], abs=5e-5)
        assert row.cycle_strength == pytest.approx(strength[case], rel=1e-9, abs=1e-30)
        # At a quarter of the signal, DPO has the same eigenvalues at the uniform policy.
        assert found["dpo", case].spectral_radius == pytest.approx(row.spectral_radius, rel=1e-12)


def test_trajectories_tell_the_two_sides_of_the_threshold_apart():
    for row in paper.thresholds():
        assert row.bisection == pytest.approx(row.exact, rel=1e-10)
        assert row.below < 1e-12 < 1e-4 < row.above


def test_the_phase_diagram_oscillates_where_the_radius_exceeds_one():
    rows = list(paper.phase_diagram(12))
    assert len(rows) == 2 * 12**2
    clear = [row for row in rows if abs(row.spectral_radius - 1) > 0.01]
    assert len(clear) > 250
    assert all((row.cycle_strength > 1e-6) == (row.spectral_radius > 1) for row in clear)


def test_entropy_collapses_by_the_ratio_of_signal_and_anchor_only():
    entropy = {}
    for row in paper.collapses():
        entropy.setdefault((row.method, round(row.ratio, 9)), []).append(row.entropy)
    assert all(np.ptp(values) < 1e-6 * max(values) for values in entropy.values())
    for method in ("ipo", "dpo"):
        ratios = sorted(ratio for name, ratio in entropy if name == method)
        assert all(entropy[method, a][0] > entropy[method, b][0] for a, b in itertools.pairwise(ratios))


def test_log_odds_grow_as_predicted_where_nothing_holds_the_policy_back():
    last = [row for row in paper.collapse_paths() if row.t == 1000]
    assert [row.growth for row in last] == pytest.approx([row.growth_predicted for row in last], rel=1e-12)
    assert last[0].growth == pytest.approx(0.115529289315, rel=1e-11)


def test_exponents_find_the_chaos_and_the_locking_of_the_literature():
    exponent = {round(row.beta, 9): row for row in paper.exponents(20_000) if row.method == "ipo"}
    chaos = max(exponent.values(), key=lambda row: row.lyapunov)
    assert 0.3 < chaos.lyapunov < 0.6
    assert all(row.lyapunov < 0 for row in exponent.values() if row.spectral_radius < 0.99)


# ---- matrices ----


def write_scores(path, prompts):
    """Write a file in the layout of HelpSteer: four answers per prompt; every other prompt's attributes agree."""
    rows = np.random.default_rng(3).integers(0, 5, (prompts, 4, 5))
    rows[::2] = np.arange(4)[:, None]
    names = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
    with gzip.open(path, "wt") as file:
        for prompt, responses in enumerate(rows.tolist()):
            for number, scores in enumerate(responses):
                answer = {"prompt": f"prompt {prompt}", "response": f"answer {number}"}
                file.write(json.dumps({**answer, **dict(zip(names, scores, strict=True))}) + "\n")


def test_scored_responses_give_the_cyclic_and_the_strongly_transitive_prompts(tmp_path):
    write_scores(tmp_path / "train.jsonl.gz", 60)
    found = paper.of_scored_responses(tmp_path / "train.jsonl.gz", seed=0)
    assert found.source == "train"
    assert set(paper.kinds(found.P)) == {"cyclic", "strongly transitive"}
    everything = policy.read_scores(tmp_path / "train.jsonl.gz", responses=4)
    classes = policy.classify(policy.preference_matrix_from_scores(everything.scores, rng=0))
    assert len(found.P) == int((classes.cyclic | classes.strongly_transitive).sum())


@pytest.mark.skipif(DATA is None, reason="ALIGNMENT_FAST_DATA is not set")
def test_the_data_sets_are_read():
    found = {matrices.source: matrices.P for matrices in paper.of_folder(Path(DATA), seed=0)}
    shapes = {name: P.shape for name, P in found.items() if name != "reward_models"}
    assert shapes == {
        "rrps_bots": (1, 43, 43),
        "llmfao_crowd": (1, 59, 59),
        "wmt20_mqm_ende": (1, 10, 10),
        "rm_votes_100": (1, 100, 100),
    }
    assert found["reward_models"].shape[1:] == (4, 4)
    assert all(np.abs(P + np.swapaxes(P, -1, -2) - 1).max() < 1e-12 for P in found.values())


# ---- the stored sweep ----


def sweep_of(matrices=6, block=2):
    P = paper.drawn(0).P[:matrices]
    return paper.StoredSweep(P, "ipo", *paper.grid("ipo", 3), steps=60, block=block)


class StoppedError(Exception):
    pass


def ask(folder, *question):
    """Return the answer of the store of a sweep."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as connection, connection:
        return connection.execute(*question).fetchall()


def rows(folder):
    return ask(folder, "SELECT * FROM block ORDER BY study, cell, number")


def row_ids(folder):
    return [number for (number,) in ask(folder, "SELECT rowid FROM block ORDER BY study, cell, number")]


def test_a_stopped_sweep_goes_on_and_gives_the_same_bits(tmp_path):
    whole = sweep_of().run(tmp_path / "whole")
    calls = []

    def stop(trajectories):
        calls.append(trajectories)
        if len(calls) == 4:
            raise StoppedError

    with pytest.raises(StoppedError):
        sweep_of().run(tmp_path / "stopped", stop)
    stored = rows(tmp_path / "stopped")
    assert len(stored) == 4
    assert sweep_of().run(tmp_path / "stopped").tobytes() == whole.tobytes()
    assert rows(tmp_path / "stopped")[:4] == stored  # with the seconds that they took: none was computed again


@pytest.mark.interface
def test_blocks_of_any_size_and_threads_give_the_same_bits(tmp_path):
    whole = sweep_of().run(tmp_path / "2")
    assert sweep_of(block=5).run(tmp_path / "5", threads=2).tobytes() == whole.tobytes()


@pytest.mark.parametrize("gone", [[0], [1], [2], [0, 2], [4], [7], [0, 1, 2, 3, 4, 5, 6, 7, 8]])
@pytest.mark.parametrize("block", [2, 1, 3])
def test_blocks_that_are_missing_anywhere_are_computed_again(tmp_path, gone, block):
    whole = sweep_of().run(tmp_path / "blocks")
    numbers = row_ids(tmp_path / "blocks")
    for place in gone:
        ask(tmp_path / "blocks", "DELETE FROM block WHERE rowid = ?", (numbers[place],))
    trajectories = []
    assert sweep_of(block=block).run(tmp_path / "blocks", trajectories.append).tobytes() == whole.tobytes()
    assert sum(trajectories) == whole.size


def cut(content):
    return content[:-1]


def emptied(content):
    return b""


def changed(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def lengthened(content):
    return content + b"x"


def pickled(content):
    return pickle.dumps({"a": 1})


def zipped(content):
    archive = io.BytesIO()
    np.savez(archive, values=np.arange(3))
    return archive.getvalue()


def without_a_digest(content):
    return content[:-32]


@pytest.mark.parametrize(
    "damage", [emptied, cut, changed, lengthened, pickled, zipped, without_a_digest], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("block", [2, 1])
def test_blocks_that_are_not_what_their_names_say_are_named_and_computed_again(tmp_path, damage, block):
    whole = sweep_of(block=block).run(tmp_path)
    number = row_ids(tmp_path)[1]
    ((content,),) = ask(tmp_path, "SELECT payload FROM block WHERE rowid = ?", (number,))
    ask(tmp_path, "UPDATE block SET payload = ? WHERE rowid = ?", (damage(content), number))
    with pytest.warns(UserWarning, match="block 1 at number 0 of α is not what was stored"):
        assert sweep_of(block=block).run(tmp_path).tobytes() == whole.tobytes()
    assert sweep_of(block=block).run(tmp_path).tobytes() == whole.tobytes()  # without a warning: it was replaced


def test_blocks_under_another_name_or_of_another_sweep_are_named_and_computed_again(tmp_path):
    whole = sweep_of().run(tmp_path / "mine")
    other = paper.StoredSweep(sweep_of().P, "ipo", *paper.grid("ipo", 3), steps=61, block=2)
    other.run(tmp_path / "other")
    mine, others = row_ids(tmp_path / "mine"), rows(tmp_path / "other")
    copy = "UPDATE block SET (payload, checksum) = (?, ?) WHERE rowid = ?"
    first = rows(tmp_path / "mine")[0]
    ask(tmp_path / "mine", copy, (*first[4:6], mine[4]))  # of another α, and of other matrices
    ask(tmp_path / "mine", copy, (*others[3][4:6], mine[3]))
    with pytest.warns(UserWarning, match="is not what was stored") as warned:
        assert sweep_of().run(tmp_path / "mine").tobytes() == whole.tobytes()
    assert [re.search(r"block (\d+) at number (\d+)", str(one.message)).groups() for one in warned] == [
        ("0", "1"),
        ("1", "1"),
    ]


def test_two_runs_at_once_both_finish_with_the_same_bits(tmp_path):
    """Each finds blocks of the other at every moment of its own."""
    whole = sweep_of().run(tmp_path / "alone")

    def other(trajectories):
        nested.append(sweep_of(block=1 + len(nested) % 3).run(tmp_path / "shared").tobytes())

    nested = []
    assert sweep_of().run(tmp_path / "shared", other).tobytes() == whole.tobytes()
    assert set(nested) == {whole.tobytes()}


def test_nothing_is_left_beside_the_store(tmp_path):
    sweep_of().run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_other_sweeps_have_other_keys():
    base = sweep_of()
    others = [
        sweep_of(matrices=5),
        paper.StoredSweep(base.P, "dpo", base.alpha, base.beta, base.steps),
        paper.StoredSweep(base.P, "ipo", base.beta, base.alpha, base.steps),
        paper.StoredSweep(base.P, "ipo", base.alpha, base.beta, base.steps + 1),
    ]
    assert len({sweep.key for sweep in (base, *others)}) == 5
    assert sweep_of(block=5).key == base.key


# ---- the command ----


@pytest.fixture
def findings_left_out(monkeypatch):
    """Keep the command to its sweep: the findings above take seconds."""
    monkeypatch.setattr("alignment_fast.commands.reproduce.sampling._synthetic", dict)
    monkeypatch.setattr("alignment_fast.commands.reproduce.sampling.TABLES", ())


@pytest.mark.usefixtures("findings_left_out")
def test_the_command_writes_the_sweep_and_says_the_same_again(tmp_path, capsys):
    write_scores(tmp_path / "train.jsonl.gz", 40)
    options = ["--data", str(tmp_path / "train.jsonl.gz"), "--rounds", "30", "--points", "2"]
    texts = []
    for _ in range(2):
        assert main(["reproduce", "sampling", "--out", str(tmp_path / "out"), *options]) == 0
        texts.append((capsys.readouterr().out, (tmp_path / "out" / "sweep.csv").read_bytes()))
    assert texts[0] == texts[1]
    assert (tmp_path / "out" / "sweep.png").read_bytes().startswith(PNG)
    with open(tmp_path / "out" / "sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["method"], row["kind"]) for row in rows} == {
        (method, kind) for method in ("ipo", "dpo") for kind in ("cyclic", "strongly transitive")
    }


@pytest.mark.parametrize("data", ["absent.jsonl", "empty"])
def test_the_command_says_what_is_wrong_with_the_data(tmp_path, capsys, data):
    (tmp_path / "empty").mkdir()
    assert main(["reproduce", "sampling", "--out", str(tmp_path / "out"), "--data", str(tmp_path / data)]) == 2
    assert data in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_killed_command_goes_on_to_the_same_bytes(tmp_path):
    """A process that is killed while it sweeps leaves whole blocks, and nothing under the name of a result."""
    write_scores(tmp_path / "train.jsonl.gz", 40)
    code = (
        "import sys; from alignment_fast.commands.reproduce import sampling; "
        "sampling._synthetic = dict; sampling.TABLES = (); sampling._figures = lambda results: {}; "
        "from alignment_fast.cli import main; sys.exit(main(sys.argv[1:]))"
    )

    def command(out):
        options = ["--data", str(tmp_path / "train.jsonl.gz"), "--rounds", "30000", "--points", "3", "--out", str(out)]
        return [sys.executable, "-P", "-c", code, "reproduce", "sampling", *options]

    process = subprocess.Popen(command(tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(f"killed/blocks/*/{FILE}")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "sweep.csv").exists()
    for folder in ("killed", "whole"):
        subprocess.run(command(tmp_path / folder), check=True, stdout=subprocess.DEVNULL)
    for name in ("sweep.csv", "matrices.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
