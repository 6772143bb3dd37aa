"""The table of comparison models: its probabilities are those of the likelihood, and its page is current."""

import runpy
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from alignment_fast._operations import operations
from alignment_fast.kernels.ranking.structures import Cells
from alignment_fast.ranking._models import MODELS, TIED, effective_model
from alignment_fast.ranking._objective import Objective
from oracles import paired_models

each_model = pytest.mark.parametrize("name", MODELS)
DIFFERENCES = [-30.0, -2.5, 0.0, 0.3, 7.0]


@each_model
@pytest.mark.parametrize("tie", [0.2, 1.5])
def test_probabilities_are_those_of_the_definition(name, tie):
    found = [MODELS[name].probability(outcome, np.array(DIFFERENCES), tie) for outcome in range(3)]
    expected = [paired_models.probabilities(name, d, tie) for d in DIFFERENCES]
    for one, other in zip(np.transpose(found), expected, strict=True):
        np.testing.assert_allclose(one, [float(p or 0) for p in other], rtol=1e-13, atol=1e-300)


@each_model
def test_the_likelihood_of_one_outcome_is_the_logarithm_of_its_probability(name):
    model, ops = MODELS[name], operations("ranking")
    for outcome in range(3 if model.tie else 2):
        counts = [np.array([float(outcome == other)]) for other in range(3)]
        cells = Cells(2, np.array([0], np.int32), np.array([1], np.int32), *counts)
        objective = Objective(ops, cells, name)
        for d in (-2.5, 0.0, 0.3):
            u = np.array([d, 0.0, 0.7])[: objective.unknowns]
            probability = model.probability(outcome, np.array([d]), 0.7)
            np.testing.assert_allclose(objective.evaluate(u).value, np.log(probability[0]), rtol=1e-13)


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.tie])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_tie_parameter_starts_at_the_share_of_ties_between_equals(name, share):
    tie = MODELS[name].tie.unknown(share, 0.25 * (1 - share), 0.75 * (1 - share))
    assert MODELS[name].probability(TIED, np.zeros(1), tie)[0] == pytest.approx(share, rel=1e-13)
    assert np.exp(tie) > MODELS[name].tie.least


@each_model
def test_without_ties_a_model_with_a_tie_parameter_is_bradley_terry(name):
    items = np.array([0], np.int32), np.array([1], np.int32)
    without = Cells(2, *items, np.ones(1), np.ones(1))
    assert effective_model(name, without) == ("bradley-terry" if MODELS[name].tie else name)
    assert effective_model(name, Cells(2, *items, np.ones(1), np.ones(1), np.ones(1))) == name


def test_commands_and_studies_know_the_models_of_the_table():
    """They are read before anything heavy is imported, so they list the names themselves."""
    schema, rank = (
        pytest.importorskip("alignment_fast.studies.schema"),
        pytest.importorskip("alignment_fast.commands.rank"),
    )
    assert [model.value for model in rank.Model] == list(MODELS)
    assert get_args(get_type_hints(schema.RatingBootstrap)["model"]) == tuple(MODELS)


def test_the_page_of_models_is_current():
    docs = Path(__file__).parents[1] / "docs" / "generated"
    assert (docs / "models.md").read_text("utf-8") == runpy.run_path(str(docs / "models.py"))["page"]()
