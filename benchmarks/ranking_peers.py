"""Fits by other packages, and what they cost: ``python benchmarks/ranking_peers.py [--only TEXT] [--seconds 3]``.

Prints processor time, peak memory, and how far the answer is from the maximum, for Bradley-Terry fits of index arrays
by every package that is installed. Each fit has a process of its own and one thread; time is the median of the calls
that fill so many seconds, and includes everything from the two index arrays on.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

OURS = "alignment_fast"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "ALIGNMENT_FAST")}


# ---- graphs ----


def arena(n_items, size, random):
    """Return (winner, loser) of random pairs whose scores have standard deviation 0.7."""
    scores = random.normal(0, 0.7, n_items)
    one = random.integers(0, n_items, size)
    other = (one + random.integers(1, n_items, size)) % n_items
    return decided(one, other, scores, random)


def chain(n_items, size, random):
    """Return (winner, loser) of neighbours in rank, most of them of a few popular items: badly conditioned."""
    scores = np.sort(random.normal(0, 1.5, n_items))
    popular = random.permutation(1 / np.arange(1, n_items + 1))
    one = random.choice(n_items, size, p=popular / popular.sum())
    other = np.clip(one + random.integers(1, 4, size) * random.choice([-1, 1], size), 0, n_items - 1)
    return decided(one[one != other], other[one != other], scores, random)


def decided(one, other, scores, random):
    won = random.random(len(one)) < 1 / (1 + np.exp(scores[other] - scores[one]))
    return np.where(won, one, other).astype(np.int32), np.where(won, other, one).astype(np.int32)


# ---- fits from (winner, loser, n_items) ----


def ours(winner, loser, n_items):
    from alignment_fast.ranking import Comparisons, fit

    return fit(Comparisons(winner, loser, n_items=n_items, num_threads=1), num_threads=1).scores


def choix_rows(winner, loser, n_items):
    """Return choix's fit from a list of pairs, its usual way."""
    import choix

    return choix.ilsr_pairwise(n_items, np.stack([winner, loser], axis=1).tolist())


def choix_dense(winner, loser, n_items):
    """Return choix's fit from a count matrix, its fastest way."""
    import choix

    wins = np.bincount(winner.astype(np.int64) * n_items + loser, minlength=n_items**2).reshape(n_items, n_items)
    return choix.ilsr_pairwise_dense(wins.astype(np.float64))


def evalica_public(winner, loser, n_items):
    """Return evalica's fit; its index keeps the items in the order of their numbers."""
    import evalica
    import pandas

    index = pandas.Index(range(n_items))
    outcome = [evalica.Winner.X] * len(winner)
    result = evalica.bradley_terry(winner.tolist(), loser.tolist(), outcome, index=index)
    return np.log(result.scores.sort_index().to_numpy())


def evalica_private(winner, loser, n_items):
    """Return the fit of evalica's compiled core, which takes arrays, with the defaults of the public call."""
    from evalica import _brzo

    scores, _ = _brzo.bradley_terry(
        xs=winner.astype(np.uintp),
        ys=loser.astype(np.uintp),
        winners=np.ones(len(winner), dtype=np.uint8),
        weights=np.ones(len(winner)),
        total=n_items,
        win_weight=1.0,
        tie_weight=0.5,
        tolerance=1e-6,
        limit=100,
    )
    return np.log(scores)


def arena_rank(winner, loser, n_items):
    """Return arena-rank's fit from a data frame, its only way in."""
    import pandas
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    frame = pandas.DataFrame({"model_a": winner, "model_b": loser, "winner": "model_a"})
    return np.asarray(BradleyTerry(n_items).fit(PairDataset.from_pandas(frame)).params["ratings"])


def fastchat(winner, loser, n_items):
    """Return the fit by the formula of FastChat's ``preprocess_for_bt`` and ``fit_bt`` (fastchat/serve/monitor)."""
    from scipy.optimize import minimize
    from scipy.special import expit

    rows = np.stack([winner, loser, np.full_like(winner, 2)], axis=1)
    unique, weights = np.unique(rows, return_counts=True, axis=0)
    pairs, outcomes = unique[:, :2], unique[:, 2] / 2.0

    def loss(ratings):
        probability = expit(ratings[pairs[:, 0]] - ratings[pairs[:, 1]])
        terms = np.log(probability) * outcomes + np.log(1.0 - probability) * (1.0 - outcomes)
        gradient = np.zeros_like(ratings)
        np.add.at(gradient, pairs, ((probability - outcomes) * weights)[:, None] * np.array([1.0, -1.0]))
        return -(terms * weights).sum(), gradient

    options = {"maxiter": 100, "gtol": 1e-6}
    return minimize(loss, np.zeros(n_items), jac=True, method="L-BFGS-B", options=options)["x"]


def design(winner, loser, n_items):
    """Return (sparse design, outcome) of a logistic regression; sides change so that both outcomes occur."""
    from scipy.sparse import csr_array

    size = len(winner)
    sign = np.where(np.arange(size) % 2, 1.0, -1.0)
    entries = np.stack([sign, -sign], axis=1).reshape(-1)
    columns = np.stack([winner, loser], axis=1).reshape(-1)
    return csr_array((entries, columns, np.arange(0, 2 * size + 1, 2)), shape=(size, n_items)), sign > 0


def scikit_learn(winner, loser, n_items):
    """Return scikit-learn's unpenalised fit over a sparse design."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-6, max_iter=1000)
    return model.fit(*design(winner, loser, n_items)).coef_[0]


def statsmodels_logit(winner, loser, n_items):
    """Return statsmodels' Newton fit over a dense design, the first score fixed."""
    from statsmodels.api import Logit

    rows, outcome = design(winner, loser, n_items)
    return np.array([0.0, *Logit(outcome.astype(float), rows.toarray()[:, 1:]).fit(disp=0, maxiter=100).params])


# By name: the module that is needed, the call, the most items, the most comparisons.
FITS = {
    OURS: ("alignment_fast", ours, 10**9, 10**9),
    "evalica._brzo": ("evalica", evalica_private, 2000, 10**9),
    "evalica": ("evalica", evalica_public, 2000, 10**9),
    "choix dense": ("choix", choix_dense, 2000, 10**9),
    "choix": ("choix", choix_rows, 2000, 10**6),
    "arena-rank": ("arena_rank", arena_rank, 10**9, 10**6),
    "FastChat's formula": ("scipy", fastchat, 10**9, 10**6),
    "scikit-learn": ("sklearn", scikit_learn, 10**9, 10**9),
    "statsmodels": ("statsmodels", statsmodels_logit, 100, 10**5),
}
GRAPHS = {
    "arena, K = 100, M = 1e5": (arena, 100, 10**5),
    "arena, K = 100, M = 1e6": (arena, 100, 10**6),
    "arena, K = 100, M = 1e7": (arena, 100, 10**7),
    "arena, K = 1000, M = 1e6": (arena, 1000, 10**6),
    "arena, K = 20000, M = 1e7": (arena, 20_000, 10**7),
    "chain, K = 1000, M = 1e6": (chain, 1000, 10**6),
}


# ---- what an answer is worth ----


def slope(winner, loser, scores):
    """Return the gradient of the log-likelihood, comparison by comparison."""
    missed = 1 / (1 + np.exp(scores[winner] - scores[loser]))
    return np.bincount(winner, missed, len(scores)) - np.bincount(loser, missed, len(scores))


def maximum(winner, loser, start):
    """Return the scores of mean zero at the maximum, by Newton steps of SciPy from `start`, near it.

    The gradient is summed in extended precision: on a badly conditioned graph its rounding is worth 1e-9 logits.
    """
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import cg

    n_items, scores = len(start), (start - start.mean()).astype(np.longdouble)
    key, count = np.unique(winner.astype(np.int64) * n_items + loser, return_counts=True)
    won, lost = np.divmod(key, n_items)
    for _ in range(4):
        missed = 1 / (1 + np.exp(scores[won] - scores[lost]))
        gradient = np.zeros(n_items, np.longdouble)
        np.add.at(gradient, won, count * missed)
        np.add.at(gradient, lost, -count * missed)
        bend = (count * missed * (1 - missed)).astype(np.float64)
        links = coo_array((bend, (won, lost)), shape=(n_items, n_items)).tocsr()
        links = links + links.T
        degree = links.sum(axis=0)
        right = (gradient - gradient.mean()).astype(np.float64)
        if n_items <= 2000:
            step = np.linalg.solve(np.diag(degree) - links.toarray() + 1.0 / n_items, right)
        else:
            step, _ = cg(diags_array(degree) - links, right, rtol=1e-6, maxiter=200, M=diags_array(1 / degree))
        scores += step - step.mean()
        if np.abs(step).max() < 1e-11:
            break
    return scores.astype(np.float64)


def memory(field):
    """Return a size of this process in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])


def measure(name, path, seconds):
    """Return time, memory and errors of one fit of the graph in the file."""
    warnings.simplefilter("ignore")
    graph, call = np.load(path), FITS[name][1]
    winner, loser, expected = graph["winner"], graph["loser"], graph["expected"]
    call(*arena(10, 1000, np.random.default_rng(0)), 10)  # imports
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = memory("VmRSS")
    start = time.process_time()
    scores = call(winner, loser, len(expected))
    times = [time.process_time() - start]
    peak = memory("VmHWM") - before
    while sum(times) < seconds:
        start = time.process_time()
        call(winner, loser, len(expected))
        times.append(time.process_time() - start)
    return {
        "seconds": median(times),
        "bytes": peak / len(winner),
        "gradient": float(np.abs(slope(winner, loser, scores)).max()) / len(winner),
        "error": float(np.abs(scores - scores.mean() - expected).max()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="graphs and packages whose names, joined by a space, hold this text")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--measure", nargs=2, metavar=("FIT", "FILE"), help="one fit, in this process")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure, options.seconds)))
        return
    print("| graph | fit | seconds | times ours | bytes per comparison | gradient per comparison | error, logits |")
    print("|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for graph, (make, n_items, size) in GRAPHS.items():
            chosen = [name for name in FITS if name == OURS or options.only in f"{graph} {name}"]
            if len(chosen) == 1 and options.only not in f"{graph} {OURS}":
                continue
            winner, loser = make(n_items, size, np.random.default_rng(2))
            path = Path(folder) / "graph.npz"
            expected = maximum(winner, loser, ours(winner, loser, n_items))
            np.savez(path, winner=winner, loser=loser, expected=expected)
            least = None
            for name in chosen:
                needs, _, most_items, most = FITS[name]
                if not find_spec(needs) or n_items > most_items or size > most:
                    continue
                command = [sys.executable, "-P", __file__, "--seconds", str(options.seconds)]
                done = subprocess.run(
                    [*command, "--measure", name, path], capture_output=True, text=True, env=os.environ | ONE_THREAD
                )
                if done.returncode:
                    print(f"| {graph} | {name} | failed: {done.stderr.strip().splitlines()[-1]} |", flush=True)
                    continue
                found = json.loads(done.stdout.splitlines()[-1])
                least = least or found["seconds"]
                print(
                    f"| {graph} | {name} | {found['seconds']:.3g} | {found['seconds'] / least:.3g} | "
                    f"{found['bytes']:.3g} | {found['gradient']:.1e} | {found['error']:.1e} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
