"""The asymptotics paper computed again: exact values against their oracles, estimates against exact values."""

import contextlib
import csv
import io
import itertools
import math
from collections import defaultdict
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from alignment_fast.cli import main
from alignment_fast.reproduce import asymptotics as paper
from alignment_fast.reproduce.asymptotics.setting import failures, log_best_at_least
from alignment_fast.reproduce.asymptotics.simplex import cross_entropy_segment, divergence_contour
from oracles.memoryless import STORED

pytestmark = pytest.mark.same_everywhere

# Standard errors that a right estimate stays within: once in 15000 times it would not.
FAR = 4.0
COIN = paper.Setting(np.array([0.5, 0.5]), np.array([0.0, 1.0]), delta=0.2)
PNG = b"\x89PNG\r\n\x1a\n"


def agrees(exact, estimate, standard_error):
    return abs(estimate - exact) <= FAR * standard_error


# ---- Table 1 ----


def by_all_draws(p, exp_reward, m, n):
    """Return the law of the best of n sequences by going through all n-tuples of them."""
    sequences = list(itertools.product(range(len(p)), repeat=m))
    probability = {y: math.prod((p[v] for v in y), start=Fraction(1)) for y in sequences}
    reward = {y: math.prod(exp_reward[v] for v in y) for y in sequences}
    law = defaultdict(Fraction)
    for draws in itertools.product(sequences, repeat=n):
        best = max(reward[y] for y in draws)
        winners = [y for y in draws if reward[y] == best]
        for y in winners:
            law[y] += math.prod(probability[z] for z in draws) / len(winners)
    return dict(law)


def test_table_one_is_that_of_the_paper():
    stored = STORED["example2_table1"]
    entries = {(entry.first, entry.second): entry for entry in paper.table_one(20_000, 1)}
    assert {f"{first},{second}": e.exact for (first, second), e in entries.items() if second != "*"} == stored["pi"]
    assert entries["0", "*"].exact == stored["marginal_y1_0"]
    assert all(agrees(e.probability, e.estimate, e.se) for e in entries.values())
    assert sum(Fraction(e.exact) for e in entries.values() if e.second == "*") == 1


def test_table_one_is_exchangeable_and_not_independent():
    law = paper.best_of_n_in_rationals([Fraction(1, 5), Fraction(3, 10), Fraction(1, 2)], [6, 1, 2], m=2, n=2)
    assert all(law[first, second] == law[second, first] for first, second in law)
    assert law[0, 0] != Fraction(209, 625) ** 2


@pytest.mark.parametrize("exp_reward", [(6, 1, 2), (4, 2, 1), (3, 3, 1)], ids=str)
@pytest.mark.parametrize(("m", "n"), [(1, 3), (2, 1), (2, 3)])
def test_the_law_in_rationals_is_that_of_all_draws(exp_reward, m, n):
    p = [Fraction(1, 5), Fraction(3, 10), Fraction(1, 2)]
    assert paper.best_of_n_in_rationals(p, exp_reward, m, n) == by_all_draws(p, exp_reward, m, n)


# ---- Figure 1 ----


def test_the_contour_has_its_divergence_all_around():
    v = divergence_contour(paper.TERNARY.p, 0.11)
    np.testing.assert_allclose((v * np.log(v / paper.TERNARY.p)).sum(axis=1), 0.11, rtol=1e-12)
    np.testing.assert_allclose(v.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(v[0], v[-1], atol=1e-12)
    around = v - paper.TERNARY.p
    assert (around.min(axis=0) < 0).all()
    assert (around.max(axis=0) > 0).all()


def test_the_segment_ends_where_its_line_meets_the_edges():
    first, second = cross_entropy_segment(paper.TERNARY.reward, paper.TERNARY.typical)
    np.testing.assert_allclose(first, [0.56219220108504659, 1 - 0.56219220108504659, 0], atol=1e-14)
    np.testing.assert_allclose(second, [0.28596623440397284, 0, 1 - 0.28596623440397284], atol=1e-14)


def test_the_aligned_family_goes_from_p_to_the_best_letter():
    family = [point for point in paper.simplex_curves() if (point.drawing, point.curve) == ("plotted", "aligned")]
    np.testing.assert_allclose(family[0][2:], paper.TERNARY.p, rtol=1e-14)
    assert family[-1][2:] == (1.0, 0.0, 0.0)


def test_the_dot_of_figure_1_is_the_best_of_8_and_not_that_of_its_caption():
    points = {(point.drawing, point.point): point for point in paper.simplex_points(20_000, 0)}
    for row, name in zip(STORED["ternary_types"], ("best of 3", "best of 8", "best of 3.004"), strict=False):
        point = points["plotted" if name == "best of 8" else "caption", name]
        exact = [float(text) for text in row["E_type"]]
        np.testing.assert_allclose(point[2:5], exact, rtol=1e-12)
        assert all(agrees(exact[i], point[5 + 2 * i], point[6 + 2 * i]) for i in range(3))
    measured = (0.37528, 0.16267, 0.46205)  # on the vector path of the paper's figure
    np.testing.assert_allclose(points["plotted", "best of 8"][2:5], measured, atol=2.5e-4)
    assert np.abs(np.subtract(points["caption", "best of 3.004"][2:5], measured)).max() > 0.05


# ---- lengths ----

# From exact types in 60 digits: E r/m, D(π‖p^m), D(π‖φ^m).
EXACT = {
    10: (-1.324094875873502, 0.4315491572625555, 0.2830954472917916),
    20: (-1.281097928420738, 1.3097415397054094, 0.4030186606046460),
    50: (-1.237474571430608, 4.5033738716649671, 0.6898174830415040),
    100: (-1.217850744117566, 9.9995644321466397, 0.9808513236772768),
    400: (-1.1991624053, 44 - 1.0001389120, 1.62396353),
    1600: (-1.1928187329, 176 - 1.0000369836, 2.29870931),
}


@pytest.fixture(scope="module")
def lengths():
    return {row.m: row for row in paper.convergence(paper.TERNARY, 2000, 0, lengths=EXACT)}


@pytest.mark.parametrize("m", EXACT)
def test_best_of_n_at_every_length(lengths, m):
    row, (reward, kl_reference, kl_aligned) = lengths[m], EXACT[m]
    close = 1e-12 if m <= 100 else 5e-9
    assert row.reward == pytest.approx(reward, rel=close)
    assert row.kl_reference == pytest.approx(kl_reference, rel=close)
    assert row.kl_aligned == pytest.approx(kl_aligned, rel=close * 10)
    assert agrees(reward, row.reward_estimate, row.reward_se)
    assert agrees(kl_reference, row.kl_reference_estimate, row.kl_reference_se)
    assert agrees(kl_aligned, row.kl_aligned_estimate, row.kl_aligned_se)
    assert row.kl_reference <= row.kl_reference_bound < row.log_n


@pytest.mark.parametrize("row", STORED["second_order_ternary"], ids=lambda row: str(row["m"]))
def test_second_order_predictions(lengths, row):
    if row["m"] in lengths:
        found = lengths[row["m"]]
        assert found.reward_second_order == pytest.approx(float(row["E_reward_per_token_pred"]), rel=1e-13)
        assert found.kl_aligned_second_order == pytest.approx(float(row["D_bon_phi_pred"]), rel=1e-11)
        assert found.kl_reference_second_order == pytest.approx(found.log_n - 1, rel=1e-14)


def test_only_per_token_does_best_of_n_approach_the_aligned_policy(lengths):
    """Theorem 2 is about D/m; D itself grows like half the logarithm of m."""
    assert lengths[1600].kl_aligned / 1600 < lengths[100].kl_aligned / 100 < lengths[10].kl_aligned / 10
    growth = lengths[1600].kl_aligned - lengths[400].kl_aligned
    assert growth == pytest.approx(0.5 * math.log(4), abs=0.02)


def test_a_lattice_is_as_good_as_types_and_seeds_decide_estimates():
    (row,), (again,) = (list(paper.convergence(COIN, 500, 7, lengths=[30])) for _ in range(2))
    assert row == again
    assert row.reward == pytest.approx(COIN.model.best_of_n(30, delta=0.2).expected_reward / 30, rel=1e-15)
    (other,) = paper.convergence(COIN, 500, 8, lengths=[30])
    assert other.reward_estimate != row.reward_estimate


def test_estimates_do_not_depend_on_how_many_letters_are_drawn_at_once(monkeypatch):
    monkeypatch.setattr("alignment_fast.reproduce.asymptotics.lengths.LETTERS_AT_ONCE", 30 * 64)
    (row,) = paper.convergence(COIN, 1000, 7, lengths=[30])
    assert agrees(row.reward, row.reward_estimate, row.reward_se)
    assert 0 < row.reward_se < 0.01


# ---- rate functions ----


@pytest.fixture(scope="module")
def levels():
    return {row.tau: row for row in paper.rate_functions(paper.TERNARY, 4000, 0, taus=[0.7, 1.0, 1.18, 1.3, 1.6])}


def test_exact_rates_at_m_1600_and_the_conjecture_refuted(levels):
    better = levels[1.0]
    assert better.best_of_n_exact == pytest.approx(0.177751, abs=5e-7)
    assert better.aligned_exact == pytest.approx(0.042471, abs=5e-7)
    assert abs(better.best_of_n_exact - better.best_of_n) < 0.003 < 0.1 < abs(better.best_of_n_exact - better.aligned)
    assert 1600 * levels[1.3].best_of_n_exact == pytest.approx(2.3e43, rel=0.01)
    assert levels[1.3].best_of_n == math.inf


def test_rate_functions_are_the_stored_ones(levels):
    stored = {float(row["tau"]): row for row in STORED["ldp_ternary"]["rate"]}
    for tau, row in levels.items():
        expected = [float(stored[tau][key]) for key in ("J0", "J_delta", "J_bon")]
        np.testing.assert_allclose([row.reference, row.aligned, row.best_of_n], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("law", ["reference", "aligned", "best_of_n"])
def test_estimates_of_rates_agree_with_exact_ones(levels, law):
    for row in levels.values():
        names = (f"{law}_exact", f"{law}_estimate", f"{law}_se")
        assert agrees(*(getattr(row, name) for name in names)), (law, row.tau)
        # Of the logarithm's size, the error of an estimate is a small part.
        assert getattr(row, f"{law}_se") < 0.2 * getattr(row, f"{law}_exact")


@pytest.mark.parametrize("log_n", [0.0, 3.0, 176.0])
@pytest.mark.parametrize("log_tail", [-1e-9, -0.5, -3.0, -36.0, -40.0, -176.0, -180.0, -900.0])
def test_tails_of_best_of_n_keep_their_digits(log_n, log_tail):
    with mpmath.workdps(900):
        tail, n = mpmath.exp(log_tail), mpmath.exp(log_n)
        log_failure = n * mpmath.log1p(-tail)
        expected = float(mpmath.log(-mpmath.expm1(log_failure)))
        assert log_best_at_least(log_tail, log_n) == pytest.approx(expected, rel=1e-11, abs=1e-290)
        assert failures(float(mpmath.log1p(-tail)), log_tail, log_n) == pytest.approx(float(-log_failure), rel=1e-11)


def test_sums_at_a_level_are_on_both_of_its_sides():
    """P(S = 15) of 30 coins is 0.14: to be at the level or worse is not the contrary of to be at it or better."""
    rows = list(paper.rate_functions(COIN, 4000, 0, taus=[-0.5, -0.6, -0.9], m=30))
    mass = [math.comb(30, heads) / 2**30 for heads in range(31)]
    for row, exact in zip(
        rows,
        [
            -math.exp(6) * math.log(sum(mass[:16])),
            -math.exp(6) * math.log(sum(mass[:19])),
            -math.log(-math.expm1(math.exp(6) * math.log1p(-sum(mass[27:])))),
        ],
        strict=True,
    ):
        assert 30 * row.best_of_n_exact == pytest.approx(exact, rel=1e-12)
        assert agrees(row.best_of_n_exact, row.best_of_n_estimate, row.best_of_n_se)


def test_the_largest_sum_and_more_than_it():
    sums = COIN.sums(3)
    assert sums.log_at_least(3.0) == pytest.approx(-3 * math.log(2))
    assert sums.log_at_least(3.5) == -math.inf
    assert sums.log_more_than(3.0) == -math.inf
    assert sums.log_at_most(3.0) == pytest.approx(0.0, abs=1e-15)
    assert sums.log_at_most(-1.0) == -math.inf
    assert log_best_at_least(0.0, 2.0) == 0.0


# ---- scaled cumulants ----


@pytest.fixture(scope="module")
def orders():
    return {row.rho: row for row in paper.scaled_cumulants(paper.TERNARY, 4000, 0, rhos=[0.3, 0.7, 1.0, 2.0])}


def test_scaled_cumulants_at_m_1600(orders):
    exact = {0.3: -1.192420, 1.0: -1.170934, 2.0: -1.016579}
    for rho, value in exact.items():
        assert orders[rho].best_of_n_exact == pytest.approx(value, abs=5e-7)
    for row in STORED["ldp_ternary"]["scaled_cgf_limit"]:
        if (rho := float(row["rho"])) in orders:
            assert orders[rho].aligned == pytest.approx(float(row["klrl"]), rel=1e-13)
            assert orders[rho].best_of_n == pytest.approx(float(row["bon"]), rel=1e-13)


def test_best_of_n_freezes_below_alpha_and_the_aligned_policy_does_not(orders):
    assert orders[0.3].best_of_n == orders[0.7].best_of_n == pytest.approx(-paper.TERNARY.typical, rel=1e-15)
    assert orders[1.0].best_of_n > orders[0.7].best_of_n
    assert orders[0.3].aligned < orders[0.7].aligned


def test_estimates_of_scaled_cumulants_agree_with_exact_ones(orders):
    for row in orders.values():
        assert agrees(row.reference, row.reference_estimate, row.reference_se)
        assert agrees(row.aligned, row.aligned_estimate, row.aligned_se)
        assert agrees(row.best_of_n_exact, row.best_of_n_estimate, row.best_of_n_se + 1e-13)


# ---- random ensembles ----


def test_the_remark_on_random_policies_depends_on_how_q_is_drawn():
    rows = {(row.q, row.letters, row.n): row for row in paper.random_ensembles(0)}
    assert len(rows) == paper.ENSEMBLE_ROWS
    assert rows["uniform", 1001, 10].within == 1
    assert rows["uniform", 1001, 1000].within < 0.5
    for n, median in ((2, 0.011), (10, 0.11), (100, 0.20), (1000, 0.13)):
        assert rows["Dirichlet(1)", 1001, n].median == pytest.approx(median, rel=0.25)
    assert all(rows["softmax", 1001, n].within < 0.5 for n in (2, 10, 100, 1000))
    assert max(rows[q, letters, 10].largest for q in ("uniform", "softmax") for letters in (3, 5, 9)) > 0.5
    assert all(math.isfinite(row.largest) for row in rows.values())


# ---- the command ----

TABLES = (
    "table_1",
    "figure_1_curves",
    "figure_1_points",
    "convergence",
    "rate_functions",
    "scaled_cumulants",
    "random_ensembles",
)
FIGURES = ("figure_1", "convergence", "rate_functions", "scaled_cumulants", "random_ensembles")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the command once; return its folder and what it printed."""
    pytest.importorskip("typer")
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("reproduce") / "deep" / "out"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["reproduce", "asymptotics", "--replicates", "100", "--out", str(folder)]) == 0
    return folder, printed.getvalue()


def test_the_command_writes_a_table_and_a_figure_for_everything(run):
    folder, _ = run
    expected = {f"{name}.csv" for name in TABLES} | {f"{name}.png" for name in FIGURES}
    assert {path.name for path in folder.iterdir()} == expected
    assert all((folder / f"{name}.png").read_bytes().startswith(PNG) for name in FIGURES)


def test_the_csv_files_have_full_precision(run):
    with open(run[0] / "convergence.csv", newline="") as file:
        rows = {int(row["m"]): row for row in csv.DictReader(file)}
    assert list(rows) == [10, 20, 50, 100, 200, 400, 800, 1600]
    exact = paper.TERNARY.model.best_of_n(100, delta=0.11)
    assert float(rows[100]["reward"]) == exact.expected_reward / 100
    assert float(rows[100]["kl_aligned"]) == exact.kl_to_aligned
    with open(run[0] / "rate_functions.csv", newline="") as file:
        assert {row["best_of_n"] for row in csv.DictReader(file) if float(row["tau"]) > 1.2} == {"inf"}


@pytest.mark.parametrize(
    "line",
    ["49/625", "best of 8", "-1.192818733", "2.29870931", "0.177751", "Frozen up to", "Dirichlet(1)"],
)
def test_the_command_prints_tables(run, line):
    assert line in run[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--replicates", "1"], "--replicates"),
        (["--seed", "-1"], "--seed"),
        (["--out", "FILE"], "FILE"),
        (["--quick"], "--quick"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    pytest.importorskip("typer")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("mine")
    assert main(["reproduce", "asymptotics", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert message in err
    assert (tmp_path / "FILE").read_text() == "mine"


def test_an_interrupted_run_ends_with_130_and_writes_nothing(tmp_path, monkeypatch):
    pytest.importorskip("typer")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(paper, "convergence", interrupted)
    assert main(["reproduce", "asymptotics", "--replicates", "100", "--out", str(tmp_path / "out")]) == 130
    assert list(tmp_path.rglob("*.*")) == []
