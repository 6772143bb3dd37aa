"""Fits of real tables against published estimates, to all printed digits. Needs ALIGNMENT_FAST_DATA."""

import csv
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from alignment_fast.ranking import Comparisons, Rankings, fit, fit_plackett_luce, log_likelihood

if "ALIGNMENT_FAST_DATA" not in os.environ:
    pytest.skip("ALIGNMENT_FAST_DATA is not set", allow_module_level=True)

DATA = Path(os.environ["ALIGNMENT_FAST_DATA"])
CLASSIC = DATA / "classic_paired_comparisons"
PUBLISHED = json.loads((CLASSIC / "reference_values.json").read_text())
FOOTBALL = json.loads((DATA / "football_men" / "our_fit.json").read_text())
CHOIX = json.loads((CLASSIC / "choix_testcases.json").read_text())


def read(path):
    """Return the columns of a CSV file; those of counts as numbers."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {name: list(map(float, c)) if "wins" in name or name == "ties" else c for name, c in columns.items()}


def agrees(found, published):
    """Check that `found`, rounded to the digits of each published number, is that number."""
    digits = len(repr(published).partition(".")[2])
    assert round(float(found), digits) == published


def above(result, reference):
    """Return scores by label, that of `reference` being 0."""
    return dict(zip(result.labels, result.scores - result.scores[result.labels.index(reference)], strict=True))


def deviance(won, lost, result):
    """Return twice what the log-likelihood lacks of that of one probability per row of a table of counts."""
    won, lost = np.array(won), np.array(lost)
    share = won / (won + lost)
    with np.errstate(divide="ignore", invalid="ignore"):
        saturated = np.where(won > 0, won * np.log(share), 0) + np.where(lost > 0, lost * np.log1p(-share), 0)
    return 2 * (saturated.sum() - result.log_likelihood)


def test_citations():
    """Stigler 1994, as fitted in the vignette of BradleyTerry2."""
    votes, published = Comparisons.from_frame(read(CLASSIC / "citations.csv")), PUBLISHED["citations"]
    scores = above(fit(votes), "Biometrika")
    columns = read(CLASSIC / "citations.csv")
    agrees(deviance(columns["wins_i"], columns["wins_j"], fit(votes)), published["residual_deviance"])
    reduced = above(fit(votes, bias_reduction=True), "Biometrika")
    for journal, score in published["log_ability"].items():
        agrees(scores[journal], score)
    for journal, score in published["bias_reduced_log_ability"].items():
        agrees(reduced[journal], score)


@pytest.mark.parametrize(("effect", "home"), [("no_home_effect", False), ("with_home_effect", True)])
def test_baseball(effect, home):
    """Agresti 2002, table 10.11; the vignette of BradleyTerry2, section 3.3."""
    published = PUBLISHED["baseball1987"][effect]
    columns = read(CLASSIC / "baseball1987.csv")
    result = fit(Comparisons.from_frame(columns, home=home), home=home)
    agrees(deviance(columns["home_wins"], columns["away_wins"], result), published["residual_deviance"])
    scores = above(result, "Baltimore")
    for team, score in published["log_ability"].items():
        agrees(scores[team], score)
    if home:
        agrees(result.home_advantage, published["at_home"])
        agrees(result.parameter_errors()[0], published["at_home_se"])
        return
    covariance, base = result.covariance(), result.labels.index("Baltimore")
    for team, error in published["std_error"].items():
        i = result.labels.index(team)
        agrees(np.sqrt(covariance[i, i] + covariance[base, base] - 2 * covariance[i, base]), error)


def test_pudding():
    """Davidson 1970, example 2: the printed worths are those after seven iterations, 2e-5 from the maximum."""
    result, published = (
        fit(Comparisons.from_frame(read(CLASSIC / "pudding.csv")), "davidson"),
        PUBLISHED["pudding"],
    )
    worth = np.exp(result.scores)
    np.testing.assert_allclose(worth / worth.sum(), published["worth"], atol=3e-5)
    assert result.tie_parameter == pytest.approx(published["nu_tie2"], abs=2e-5)
    agrees(result.parameter_errors()[-1], published["se_log_nu"])
    covariance = result.covariance()
    variance = np.diag(covariance) + covariance[0, 0] - 2 * covariance[0]
    np.testing.assert_allclose(np.sqrt(variance[1:]), published["se"][1:], atol=2e-6)


def test_ice_hockey():
    """College hockey 2009/10 with draws as half wins; the fit that comes with the data, in eight decimals."""
    sides = {"first": "visitor", "second": "opponent", "outcome": "result_visitor"}
    result = fit(Comparisons.from_frame(read(CLASSIC / "icehockey2009.csv.gz"), **sides))
    expected = PUBLISHED["icehockey2009"]["computed_by_us"]
    assert result.log_likelihood == pytest.approx(expected["loglik"], rel=1e-12)
    assert dict(zip(result.labels, result.scores.tolist(), strict=True)) == pytest.approx(
        expected["log_ability"], abs=1e-8
    )


@pytest.mark.parametrize(
    ("model", "fitted", "tolerance"), [("bradley-terry", "half_tie_bt", 1e-8), ("davidson", "davidson", 3e-5)]
)
def test_football(model, fitted, tolerance):
    """The fits that come with the data; that with ties stopped 2e-5 before the maximum, with a lower likelihood."""
    result, expected = (
        fit(Comparisons.from_frame(read(DATA / "football_men" / "pairs.csv.gz")), model),
        FOOTBALL[fitted],
    )
    assert result.log_likelihood == pytest.approx(expected["loglik"], rel=1e-12)
    assert dict(zip(result.labels, result.scores.tolist(), strict=True)) == pytest.approx(
        expected["log_ability_sum0"], abs=tolerance
    )


@pytest.mark.parametrize(
    ("votes", "golden"),
    [
        (CLASSIC / "evalica_simple.csv", CLASSIC / "evalica_simple_golden.csv"),
        (CLASSIC / "evalica_food.csv", CLASSIC / "evalica_food_golden.csv"),
        (DATA / "llmfao_crowd" / "comparisons.csv.gz", DATA / "llmfao_crowd" / "evalica_golden.csv"),
    ],
    ids=lambda path: path.name,
)
def test_golden_scores_of_evalica(votes, golden):
    """Strengths that add up to 1, ties counting half."""
    columns = read(golden)
    rows = zip(columns["algorithm"], columns["item"], columns["score"], strict=True)
    expected = {item: float(score) for algorithm, item, score in rows if algorithm == "bradley_terry"}
    result = fit(Comparisons.from_frame(read(votes)))
    strength = np.exp(result.scores)
    found = dict(zip(result.labels, (strength / strength.sum()).tolist(), strict=True))
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("case", ["pairwise-1", "pairwise-2", "rankings-1", "rankings-2", "top1-1", "top1-2"])
def test_cases_of_choix(case):
    """The printed answer of rankings-2 is 3e-5 from the maximum: its gradient is not zero, as ours is."""
    data, expected = CHOIX[case]["data"], CHOIX[case]["ml_est"]
    if case.startswith("pairwise"):
        winner, loser = zip(*data, strict=True)
        scores = fit(Comparisons(winner, loser)).scores
    elif case.startswith("top1"):
        scores = fit_plackett_luce([[winner] for winner, _ in data], rest=[losers for _, losers in data]).scores
    else:
        scores = fit_plackett_luce(data).scores
    np.testing.assert_allclose(scores, expected, atol=3e-5 if case == "rankings-2" else 2e-8)


def test_penalised_case_of_choix():
    case = CHOIX["pairwise-8-random-regularised"]
    winner, loser = zip(*case["data"], strict=True)
    result = fit(Comparisons(winner, loser), l2=2 * case["alpha"])
    np.testing.assert_allclose(result.scores, case["reg_ml_est"], atol=1e-8)


def test_log_likelihoods_of_choix():
    pairs, rankings, top = CHOIX["loglik_values"].values()
    assert log_likelihood(np.arange(5.0), Comparisons([0, 1, 2], [1, 2, 0], n_items=5)) == pytest.approx(
        pairs, rel=1e-14
    )
    scores = np.log(np.linspace(1, 2, 4))
    assert Rankings([[0, 1, 2, 3], [1, 3, 0]]).log_likelihood(scores) == pytest.approx(rankings, rel=1e-14)
    chosen = Rankings([[1], [3]], rest=[[0, 2, 3], [1, 2]])
    assert chosen.log_likelihood(scores) == pytest.approx(top, rel=1e-14)
