"""Fits that take new comparisons, Elo ratings by an anchor, tables, comparisons among labels."""

from functools import partial

import numpy as np
import pytest

from alignment_fast.ranking import Comparisons, Rankings, elo, fit, fit_contextual, fit_plackett_luce
from alignment_fast.ranking._models import MODELS

RANDOM = np.random.default_rng(5)


def votes(items, size, *, ties=False, home=False, labels=None):
    first = RANDOM.integers(0, items, size)
    second = (first + RANDOM.integers(1, items, size)) % items
    options = {"tied": RANDOM.random(size) < 0.2} if ties else {}
    options |= {"home": RANDOM.integers(-1, 2, size)} if home else {}
    return Comparisons(first, second, n_items=items, labels=labels, **options)


@pytest.mark.parametrize("items", [4, 40, 300])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("bradley-terry", {}),
        ("bradley-terry", {"l2": 0.3}),
        ("bradley-terry", {"gamma_shape": 1.5}),
        ("bradley-terry", {"bias_reduction": True}),
        ("bradley-terry", {"home": True}),
        ("davidson", {"l2": 0.1}),
        ("rao-kupper", {"home": True}),
        ("thurstone", {}),
        ("stern", {}),
    ],
)
def test_an_update_is_the_fit_of_all(items, model, options):
    shape = {"ties": MODELS[model].tie is not None, "home": "home" in options}
    old, new = votes(items, 40 * items, **shape), votes(items, items, **shape)
    found = fit(old, model, **options).update(new)
    expected = fit(old + new, model, **options)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)
    np.testing.assert_allclose(found.unknowns[items:], expected.unknowns[items:], atol=1e-9)
    assert found.specification == expected.specification
    assert found.comparisons.weight == old.weight + new.weight
    # and again, from what was updated
    more = votes(items, items, **shape)
    np.testing.assert_allclose(found.update(more).scores, fit(old + new + more, model, **options).scores, atol=1e-9)


def test_new_items_come_behind_the_old_ones():
    old = Comparisons(["a", "b", "a"], ["b", "a", "b"])
    new = Comparisons(["c", "a", "é"], ["a", "c", "c"], tied=[False, False, True])
    found = fit(old).update(new)
    assert found.labels == ("a", "b", "c", "é")
    np.testing.assert_allclose(found.scores, fit(old + new).scores, atol=1e-10)


@pytest.mark.parametrize("labels", [None, list("uvwxy")])
@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_an_update_of_rankings(labels, l2):
    rows = [RANDOM.permutation(5)[: RANDOM.integers(2, 6)].tolist() for _ in range(60)]
    names = rows if labels is None else [[labels[item] for item in row] for row in rows]
    old = fit_plackett_luce(names[:40], l2=l2, labels=labels)
    found = old.update(Rankings(names[40:], labels=labels))
    np.testing.assert_allclose(found.scores, fit_plackett_luce(names, l2=l2, labels=labels).scores, atol=1e-9)
    assert found.labels == (None if labels is None else tuple(labels))


def test_rankings_of_weights_and_new_labels_are_put_together():
    both = Rankings([["a", "b"]], weight=[2.0]) + Rankings([["c", "a"], ["b", "c"]])
    assert both.labels == ("a", "b", "c")
    direct = Rankings([["a", "b"], ["c", "a"], ["b", "c"]], weight=[2.0, 1.0, 1.0])
    np.testing.assert_allclose(fit_plackett_luce(both).scores, fit_plackett_luce(direct).scores, atol=1e-12)
    with pytest.raises(ValueError, match="one of the two has labels and the other has none"):
        both + Rankings([[0, 1]])


def test_errors_of_updates():
    contextual = fit_contextual([0, 1, 0], [1, 0, 1], [[1.0], [0.5], [-1.0]], l2=1.0)
    with pytest.raises(ValueError, match="covariates of each comparison has no update"):
        contextual.update(Comparisons([0], [1]))
    with pytest.raises(TypeError, match="comparisons must be Comparisons, not list"):
        fit(Comparisons([0, 1], [1, 0])).update([0, 1])
    with pytest.raises(TypeError, match="takes Rankings, not Comparisons"):
        fit_plackett_luce([[0, 1], [1, 0]]).update(Comparisons([0], [1]))


# ---- Elo by an anchor


def test_an_anchor_moves_all_ratings():
    result = fit(Comparisons(["a", "b", "b"], ["b", "a", "a"]))
    ratings = result.elo(anchor=("a", 1114.0))
    assert ratings[0] == 1114.0
    np.testing.assert_allclose(ratings - result.elo(), 1114.0 - result.elo()[0], rtol=1e-12)


@pytest.mark.parametrize("shuffles", [None, 5])
def test_ratings_game_by_game_have_anchors_too(shuffles):
    games = ["a", "b", "b", "c"], ["b", "a", "a", "a"]
    plain, moved = (elo(*games, shuffles=shuffles, rng=1, **options) for options in ({}, {"anchor": ("c", 900.0)}))
    np.testing.assert_allclose(moved.ratings[2], 900.0)
    np.testing.assert_allclose(np.diff(moved.ratings), np.diff(plain.ratings), atol=1e-9)


def test_anchors_that_are_none():
    result = fit(Comparisons(["a", "b"], ["b", "a"]))
    with pytest.raises(ValueError, match="'z' is not one of the 2 items"):
        result.elo(anchor=("z", 1000.0))
    with pytest.raises(ValueError, match="anchor: the rating of 'a' must be finite, not nan"):
        result.elo(anchor=("a", float("nan")))
    with pytest.raises(ValueError, match="'z' is not one of the 2 items"):
        elo(["a"], ["b"], anchor=("z", 1000.0))


@pytest.mark.parametrize("anchor", ["a", ("a",), ("a", "1000"), ("a", None), 1000.0])
def test_anchors_of_another_form_are_named(anchor):
    for ratings_of in (fit(Comparisons(["a", "b"], ["b", "a"])).elo, partial(elo, ["a"], ["b"])):
        with pytest.raises(TypeError, match=r"anchor must be \(item, rating\), not "):
            ratings_of(anchor=anchor)


# ---- tables


@pytest.mark.parametrize("kind", ["information", "sandwich"])
def test_a_frame_is_the_leaderboard(kind):
    pytest.importorskip("pandas")
    result = fit(votes(5, 200, labels=["e", "d", "c", "b", "ä"]))
    table = result.to_frame(0.9, kind, anchor=("d", 1200.0))
    order = np.argsort(-result.scores)
    assert table["item"].tolist() == [result.labels[item] for item in order]
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    low, high = result.interval(0.9, kind)
    best, worst = result.rank_interval(0.9, kind)
    elo_of = result.elo(anchor=("d", 1200.0))
    for name, values in (
        ("score", result.scores),
        ("standard_error", result.standard_errors(kind)),
        ("low", low),
        ("high", high),
        ("elo", elo_of),
        ("elo_low", elo_of + 400 / np.log(10) * (low - result.scores)),
        ("elo_high", elo_of + 400 / np.log(10) * (high - result.scores)),
        ("best_rank", best),
        ("worst_rank", worst),
    ):
        np.testing.assert_allclose(table[name], values[order], rtol=1e-12)


def test_items_without_names_are_numbers_in_a_frame():
    pytest.importorskip("pandas")
    assert fit(Comparisons([0, 1, 1], [1, 0, 0])).to_frame()["item"].tolist() == [1, 0]


# ---- among


def test_among_takes_labels():
    given = Comparisons(["gpt-max", "b", "c", "b"], ["b", "gpt-max", "gpt-max", "c"])
    assert given.among(["gpt-max", "b"]).labels == ("gpt-max", "b")
    assert given.among(np.array(["c", "b"], dtype=object)).labels == ("c", "b")
    with pytest.raises(ValueError, match="'gpt-min' is not one of the 3 items"):
        given.among(["gpt-min"])
    with pytest.raises(ValueError, match="none of the 1 items was compared with another of them"):
        given.among(["gpt-max"])
