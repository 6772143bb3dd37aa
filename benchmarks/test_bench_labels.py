"""Bradley-Terry fits of votes as a user has them: items named by strings, in lists, data frames and tables."""

import os
import subprocess
import sys
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest

from alignment_fast.benchmarks.cases import OURS, Case, Contender, Missing, Target, each_contender
from alignment_fast.benchmarks.ranking_peers import arena
from alignment_fast.ranking import Comparisons, fit

ITEMS, VOTES = 100, 200_000
NAMES = [f"organisation/model-{k:03d}-chat" for k in range(ITEMS)]


def votes():
    """Return the lists of the names of winners and losers."""
    winner, loser = arena(ITEMS, VOTES, np.random.default_rng(3))
    return [NAMES[k] for k in winner], [NAMES[k] for k in loser]


def ours(winner, loser):
    return fit(Comparisons(winner, loser, num_threads=1), num_threads=1).scores


def ours_of_frame(frame):
    return fit(Comparisons.from_frame(frame, winner="winner", loser="loser"), num_threads=1).scores


def evalica_of(winner, loser, index=None):
    """Return evalica's scores in the order of the names; they agree with ours where the graph is connected."""
    import evalica

    outcome = evalica_outcomes(len(winner))
    result = evalica.bradley_terry(winner, loser, outcome, index=index)
    return np.log(result.scores.sort_index().to_numpy())


def evalica_outcomes(size):
    import evalica

    return [evalica.Winner.X] * size


def close_to(expected, scores):
    np.testing.assert_allclose(scores - scores.mean(), expected, atol=1e-5)


def peers(winner, loser, check):
    """Return evalica's ways: from the lists, from a frame's columns, and from lists with the index made before."""
    if not (find_spec("evalica") and find_spec("pandas")):
        return {"evalica": Missing("evalica")}
    import pandas

    index, frame = pandas.Index(NAMES), pandas.DataFrame({"winner": winner, "loser": loser})
    calls = {
        "evalica": partial(evalica_of, winner, loser),
        "evalica, columns": partial(evalica_of, frame["winner"], frame["loser"]),
        "evalica, index given": partial(evalica_of, winner, loser, index),
    }
    return {name: Contender(call, VOTES, check) for name, call in calls.items()}


def inputs(winner, loser):
    """Yield (kind, call, aim) of what a user may hold."""
    yield "Python strings", partial(ours, winner, loser), 5.0
    yield "NumPy strings", partial(ours, np.array(winner), np.array(loser)), None
    if find_spec("pandas"):
        import pandas

        yield "pandas columns", partial(ours_of_frame, pandas.DataFrame({"winner": winner, "loser": loser})), 12.0
    if find_spec("pyarrow"):
        import pyarrow

        yield "Arrow columns", partial(ours_of_frame, pyarrow.table({"winner": winner, "loser": loser})), 12.0


def warm_cases():
    winner, loser = votes()
    expected = ours(winner, loser)
    check = partial(close_to, expected - expected.mean())
    theirs = peers(winner, loser, check)
    return [
        Case(
            f"Bradley-Terry fit, {kind}, K = {ITEMS}, M = {VOTES}, per vote",
            {OURS: Contender(call, VOTES, check), **theirs},
            targets=tuple(Target(peer, aim) for peer in theirs if aim),
        )
        for kind, call, aim in inputs(winner, loser)
    ]


# ---- the first call of a process ----

FIRST = """
import time
import {module}
from alignment_fast.benchmarks.test_bench_labels import {call}, votes
winner, loser = votes()
start = time.process_time()
{call}(winner, loser)
print(time.process_time() - start)
"""


def first_call(call, module):
    """Return the seconds of the first call in a fresh process, the import of its package left out."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", FIRST.format(call=call, module=module)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def first_case():
    contenders = {OURS: Contender(partial(first_call, "ours", "alignment_fast.ranking"), VOTES, lambda _: None, True)}
    if find_spec("evalica"):
        contenders["evalica"] = Contender(partial(first_call, "evalica_of", "evalica"), VOTES, lambda _: None, True)
    else:
        contenders["evalica"] = Missing("evalica")
    return Case(
        f"Bradley-Terry fit, Python strings, first call of a process, K = {ITEMS}, M = {VOTES}, per vote",
        contenders,
        targets=(Target("evalica", 1.0),),
    )


CASES = [*warm_cases(), first_case()]


@pytest.mark.kernels("ranking.tally", "ranking.newton")
@each_contender(CASES)
def test_labels(case, name, timed):
    timed(case, name)
