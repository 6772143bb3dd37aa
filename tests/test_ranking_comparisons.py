"""Comparisons: what is counted, what is refused, what they determine."""

import datetime
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from alignment_fast._operations import operations
from alignment_fast.kernels.ranking import compress as kernel
from alignment_fast.ranking import Comparisons, ItemIndexError, Rankings, fit
from alignment_fast.ranking import _graph as graph
from bounds import assert_same_bits
from oracles import comparisons as oracle

pytestmark = pytest.mark.frontends

ITEMS = 5


def rows(weights=(0, 1, 2, 3), ties=True, homes=(-1, 0, 1)):
    """Return a strategy for comparisons of a few items, as the oracle takes them."""
    pair = st.lists(st.integers(0, ITEMS - 1), min_size=2, max_size=2, unique=True)
    row = st.tuples(
        pair, st.sampled_from(weights), st.just(1), st.booleans() if ties else st.just(False), st.sampled_from(homes)
    )
    return st.lists(row.map(lambda row: (*row[0], *row[1:])), min_size=1, max_size=40)


def of(rows, **options):
    """Return Comparisons of rows as the oracle takes them."""
    winner, loser, weight, share, tied, home = zip(*rows, strict=True)
    tied = {} if len(set(share)) > 1 else {"tied": list(map(bool, tied))}
    shares = {"outcome": list(share)} if len(set(share)) > 1 else {}
    return Comparisons(list(winner), list(loser), weight=list(weight), home=list(home), **tied, **shares, **options)


def counted(comparisons):
    """Return the cells of comparisons as the oracle gives them."""
    cells = comparisons.cells
    ties = cells.ties if cells.ties.size else np.zeros(len(cells.first))
    home = cells.home if cells.home.size else np.zeros(len(cells.first), dtype=int)
    keys = zip(cells.first.tolist(), cells.second.tolist(), home.tolist(), strict=True)
    tallies = zip(cells.wins_first.tolist(), cells.wins_second.tolist(), ties.tolist(), strict=True)
    return dict(zip(keys, tallies, strict=True))


# ---- counting ----


@given(rows())
def test_cells_are_those_counted_one_by_one(rows):
    expected = oracle.cells(rows)
    if not expected:
        with pytest.raises(ValueError, match="all of them have weight 0"):
            of(rows)
        return
    found = counted(of(rows))
    assert list(found) == list(expected)
    assert_same_bits("ranking.tally", list(found.values()), [tuple(map(float, tally)) for tally in expected.values()])


@given(rows(ties=False, homes=(0, 1)), st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=40, max_size=40))
def test_soft_outcomes_share_the_win(rows, shares):
    rows = [(*row[:2], row[2] + 1, share, *row[4:]) for row, share in zip(rows, shares, strict=False)]
    winner, loser, weight, share, _, home = zip(*rows, strict=True)
    found = Comparisons(winner, loser, weight=weight, outcome=share, home=home)
    assert counted(found) == oracle.cells(rows)


@pytest.mark.parametrize("size", [1, 2, 4095, 4096, 4097, 20_000])
@pytest.mark.parametrize("n_items", [2, 3, 100, 3000, 70_000])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_table_and_words_count_alike(monkeypatch, size, n_items, weighted, dtype):
    """Few items are counted in a table, many by sorting; forcing one or the other changes no bit."""
    rng = np.random.default_rng(size + n_items)
    winner = rng.integers(0, n_items, size).astype(dtype)
    loser = ((winner + rng.integers(1, n_items, size)) % n_items).astype(dtype)
    options = {"weight": rng.random(size)} if weighted else {}
    options |= {"tied": rng.random(size) < 0.2, "home": rng.integers(-1, 2, size)}
    results = []
    for smallest, largest in [(0, 0), (1 << 40, 1 << 22)]:
        if largest and 6 * n_items**2 > largest:
            continue
        monkeypatch.setattr(kernel, "SMALL_TABLE", smallest)
        monkeypatch.setattr(kernel, "LARGEST_TABLE", largest)
        for threads in (1, 2, 7):
            found = Comparisons(winner, loser, n_items=n_items, num_threads=threads, **options)
            results.append({name: np.asarray(array).tobytes() for name, array in vars(found.cells).items()})
    assert all(result == results[0] for result in results)
    assert found.weight == pytest.approx(options["weight"].sum() if weighted else size, rel=1e-12)


def test_cells_by_sorting_are_those_counted_one_by_one():
    rng = np.random.default_rng(5)
    winner = rng.integers(0, 50_000, 3000) * 20_000
    loser = winner // 20_000 + 1
    expected = oracle.cells(zip(winner.tolist(), loser.tolist(), *([v] * 3000 for v in (1, 1, False, 0)), strict=True))
    found = counted(Comparisons(winner, loser))
    assert list(found) == list(expected)
    assert_same_bits("ranking.word_cells", list(found.values()), [tuple(map(float, t)) for t in expected.values()])


@pytest.mark.parametrize(
    "array",
    [
        np.array([0, 2, 1, 0], dtype=np.int8),
        np.array([0, 2, 1, 0], dtype=np.uint64),
        np.array([0, 9, 2, 9, 1, 9, 0, 9])[::2],
        np.array([0, 1, 2, 0])[::-1],
        [0, 2, 1, 0],
        (np.int64(0), 2, 1, 0),
    ],
)
def test_indices_of_any_kind(array):
    expected = Comparisons(np.array([0, 2, 1, 0]), np.array([1, 0, 2, 2]))
    assert counted(Comparisons(array, [1, 0, 2, 2])) == counted(expected)


def test_read_only_arrays_are_read():
    winner, loser = np.array([0, 1]), np.array([1, 0])
    for array in (winner, loser):
        array.setflags(write=False)
    assert Comparisons(winner, loser).weight == 2


def test_number_of_items_is_found_wherever_the_highest_index_stands():
    size = 100_000
    for place in (0, size - 1):
        winner, loser = np.zeros(size, dtype=np.int64), np.ones(size, dtype=np.int64)
        loser[place] = 700
        assert Comparisons(winner, loser).n_items == 701


def test_items_that_never_play_are_items():
    assert Comparisons([0], [1], n_items=4).n_items == 4


def test_repr_and_pickle():
    comparisons = Comparisons(["b", "a"], ["a", "c"])
    assert repr(comparisons) == "Comparisons(n_items=3, pairs=2, weight=2)"
    copy = pickle.loads(pickle.dumps(comparisons))
    assert counted(copy) == counted(comparisons)
    assert copy.labels == ("a", "b", "c")


def test_cells_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        Comparisons([0], [1]).cells.wins_first[0] = 2


# ---- labels ----


@pytest.mark.parametrize(
    ("winner", "loser", "labels"),
    [
        (["b", "a"], ["a", "c"], ("a", "b", "c")),
        (np.array(["b", "a"]), np.array(["a", "c"]), ("a", "b", "c")),
        ([("m", 2), ("m", 1)], [("m", 1), ("m", 3)], (("m", 1), ("m", 2), ("m", 3))),
        (["b", 7], [7, "a"], ("b", 7, "a")),
        (
            [datetime.date(2020, 1, 2)],
            [datetime.date(2020, 1, 1)],
            (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)),
        ),
    ],
)
def test_labels_are_in_ascending_order_or_that_of_appearance(winner, loser, labels):
    assert Comparisons(winner, loser).labels == labels


def test_given_labels_are_the_numbering():
    comparisons = Comparisons(["x", "y"], ["y", "z"], labels=["z", "y", "x", "w"])
    assert comparisons.n_items == 4
    assert [comparisons.index(label) for label in "zyxw"] == [0, 1, 2, 3]
    assert counted(comparisons) == {(0, 1, 0): (0, 1, 0), (1, 2, 0): (0, 1, 0)}


def test_labels_name_indices():
    comparisons = Comparisons([0, 1], [1, 2], labels=["a", "b", "c"])
    assert comparisons.labels == ("a", "b", "c")
    assert comparisons.index("c") == comparisons.index(2) == 2


COLUMNS = {
    "pandas": lambda module, values: module.Series(values),
    "pandas categories": lambda module, values: module.Series(values, dtype="category"),
    "polars": lambda module, values: module.Series(values),
    "pyarrow": lambda module, values: module.array(values),
    "pyarrow chunks": lambda module, values: module.chunked_array([values[:1], values[1:]]),
    "pyarrow dictionary": lambda module, values: module.array(values).dictionary_encode(),
}


@pytest.mark.parametrize("library", COLUMNS)
def test_columns_of_other_libraries(library):
    module = pytest.importorskip(library.split()[0])
    column = COLUMNS[library]
    for winner, loser in ([["b", "a", "b"], ["a", "c", "c"]], [[2, 0, 1], [1, 1, 0]]):
        if library in ("pandas categories", "pyarrow dictionary") and isinstance(winner[0], int):
            continue
        found = Comparisons(column(module, winner), column(module, loser))
        expected = Comparisons(winner, loser)
        assert counted(found) == counted(expected)
        assert found.labels == expected.labels
    with pytest.raises(ValueError, match=r"loser\[1\] is missing"):
        Comparisons(column(module, ["a", "b"]), column(module, ["b", None]))


MANY = [f"item {number}" for number in np.random.default_rng(0).permutation(14_000)]
OTHERS = [f"other {name}" for name in MANY]
KINDS = {
    "strings made once": lambda names: names,
    "equal strings": lambda names: ["".join(list(name)) for name in names],
    "objects": lambda names: np.array(names, dtype=object),
    "every other object": lambda names: np.array([names, names], dtype=object).T.reshape(-1)[::2],
    "fixed width": np.array,
    "bytes": lambda names: np.array([name.encode() for name in names]),
    "variable width": lambda names: np.array(names, dtype=np.dtypes.StringDType()),
    "pandas objects": lambda names: pytest.importorskip("pandas").Series(names, dtype=object),
    "pandas strings": lambda names: pytest.importorskip("pandas").Series(names, dtype="str"),
    "polars": lambda names: pytest.importorskip("polars").Series(names),
    "polars categories": lambda names: (
        pytest.importorskip("polars").Series(names).cast(pytest.importorskip("polars").Categorical)
    ),
    "pyarrow": lambda names: pytest.importorskip("pyarrow").array(names),
    "pyarrow views": lambda names: pytest.importorskip("pyarrow").array(names).cast("string_view"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_names_of_every_kind(kind):
    one, other = (KINDS[kind](names + names[::-1]) for names in (MANY, OTHERS))
    found = Comparisons(one, other)
    labels = [label.decode() if isinstance(label, bytes) else label for label in found.labels]
    assert labels == sorted({*MANY, *OTHERS})
    number = {label: index for index, label in enumerate(labels)}
    first = [number[name] for name in MANY]
    assert found.cells.first.tolist() == sorted(first)
    assert (found.cells.wins_first == 2).all()


def test_names_are_equal_as_keys_of_a_dictionary_are():
    found = Comparisons([("a", 1), ("a", True), "x"], ["x", "x", ("a", 1.0)])
    assert found.labels == (("a", 1), "x")
    assert counted(found) == {(0, 1, 0): (2, 1, 0)}


def test_a_name_that_cannot_be_a_key_is_named():
    with pytest.raises(TypeError, match=r"loser\[1\] = \['b'\] cannot be a label"):
        Comparisons(["a", "b"], ["b", ["b"]])


@pytest.mark.parametrize("lost", ["None", "float('nan')", "pandas.NA", "pandas.NaT"])
def test_missing_names_among_objects_of_pandas(lost):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(["b", eval(lost, {"pandas": pandas})], dtype=object)
    with pytest.raises(ValueError, match=r"loser\[1\] is missing"):
        Comparisons(pandas.Series(["a", "b"], dtype=object), column)


# ---- matrices ----


def test_matrices_there_and_back():
    rng = np.random.default_rng(2)
    wins, ties = rng.integers(0, 3, (6, 6)).astype(float), rng.integers(0, 2, (6, 6)).astype(float)
    np.fill_diagonal(wins, 0)
    ties = np.triu(ties, 1) + np.triu(ties, 1).T
    comparisons = Comparisons.from_matrix(wins, ties, labels=list("abcdef"))
    for found, expected in zip(comparisons.to_matrix(), (wins, ties), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert counted(Comparisons.from_matrix(sparse.csr_array(wins), sparse.coo_array(ties))) == counted(comparisons)


@pytest.mark.parametrize("with_ties", [False, True])
@pytest.mark.parametrize("items", [2, 3, 17, 80])
def test_arrays_and_lists_are_one_matrix(items, with_ties):
    rng = np.random.default_rng(items)
    wins, ties = rng.poisson(0.7, (2, items, items)) * 0.5
    wins[0, 1] += 1
    np.fill_diagonal(wins, -0.0)
    ties = np.triu(ties, 1) + np.triu(ties, 1).T if with_ties else None
    dense = Comparisons.from_matrix(wins, ties, labels=list(range(1, items + 1)))
    rows = Comparisons.from_matrix(wins.tolist(), None if ties is None else ties.tolist())
    for name, value in vars(rows.cells).items():
        assert np.asarray(value).tobytes() == np.asarray(getattr(dense.cells, name)).tobytes()


@pytest.mark.parametrize(
    ("wins", "ties", "message"),
    [
        ([[0, 1, 2]], None, r"wins must be a square matrix; it has shape \(1, 3\)"),
        ([[0, 1], [np.nan, 0]], None, r"wins\[1, 0\] = nan is not a finite number"),
        ([[0, -1], [1, 0]], None, r"wins\[0, 1\] = -1 is not a finite number"),
        ([[0, 1], [1, 3]], None, r"wins\[1, 1\] = 3 is on the diagonal"),
        ([[0, 0], [0, 0]], None, "wins is all zero"),
        ([[0, 1], [1, 0]], [[0, 2], [1, 0]], "ties is not symmetric"),
        ([[0, 1], [1, 0]], [[0]], "ties has 1 rows, wins has 2"),
    ],
)
def test_bad_matrices_are_refused(wins, ties, message):
    with pytest.raises(ValueError, match=message):
        Comparisons.from_matrix(wins, ties)
    with pytest.raises(ValueError, match=message):
        Comparisons.from_matrix(np.array(wins), None if ties is None else np.array(ties))


# ---- tables of votes ----

SIDED = {"model_a": ["x", "y", "z", "x"], "model_b": ["y", "z", "x", "z"]}
RESULT = {(0, 1, 0): (1, 0, 0), (0, 2, 0): (0, 0, 2), (1, 2, 0): (0, 1, 0)}


@pytest.mark.parametrize(
    ("table", "options"),
    [
        (SIDED | {"winner": ["model_a", "model_b", "tie", "tie (bothbad)"]}, {}),
        (SIDED | {"winner": ["A", "right", "Both good", "draw"]}, {}),
        (SIDED | {"outcome": [1.0, 0.0, 0.5, 0.5]}, {}),
        (SIDED | {"outcome": ["1", "0", "0.5", "0.5"]}, {}),
        (SIDED | {"Winner": ["x", "z", "tie", "tie"]}, {}),
        (SIDED | {"who": ["x", "z", "tie", "tie"]}, {"outcome": "who"}),
        (SIDED | {"winner": ["x", "z", "tie", "tie"], "weight": np.ones(4)}, {}),
        ({"u": SIDED["model_a"], "v": SIDED["model_b"], "label": [1, 0, 0.5, 0.5]}, {"first": "u", "second": "v"}),
        ({"winner": ["x", "z", "z", "x"], "loser": ["y", "y", "x", "z"], "tied": [0, 0, 1, 1]}, {}),
        (
            {
                "item_i": ["x", "z", "z"],
                "item_j": ["y", "y", "x"],
                "wins_i": [1, 1, 0],
                "wins_j": [0, 0, 0],
                "ties": [0, 0, 2],
            },
            {},
        ),
    ],
)
def test_tables_are_read_however_votes_are_kept(table, options):
    found = Comparisons.from_frame(table, **options)
    assert found.labels == ("x", "y", "z")
    assert counted(found) == RESULT


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_of_other_libraries(library):
    module = pytest.importorskip(library)
    frame = (module.table if library == "pyarrow" else module.DataFrame)(SIDED | {"outcome": [1.0, 0.0, 0.5, 0.5]})
    assert counted(Comparisons.from_frame(frame)) == RESULT


def test_soft_outcomes_in_a_table():
    found = Comparisons.from_frame({"a": [0, 1], "b": [1, 2], "outcome": [0.25, 1.0]})
    assert counted(found) == {(0, 1, 0): (0.25, 0.75, 0), (1, 2, 0): (1, 0, 0)}


def test_integers_in_a_table_are_names_of_items():
    """No item 0 that nobody compared, and no array as long as the largest number."""
    found = Comparisons.from_frame({"a": [10**12, 3], "b": [3, 7], "winner": [3, 3]})
    assert found.labels == (3, 7, 10**12)
    assert counted(found) == {(0, 1, 0): (1, 0, 0), (0, 2, 0): (1, 0, 0)}


def test_a_column_that_stands_twice_in_a_table_is_an_error():
    frame = pytest.importorskip("pyarrow").Table.from_arrays([["x"], ["y"], ["x"]], names=["winner", "loser", "winner"])
    with pytest.raises(ValueError, match=r"more than one column 'winner' \(winner\)"):
        Comparisons.from_frame(frame)


def test_names_of_items_that_are_names_of_sides():
    """Where every outcome names one of the two, it is the winner that is named, not a side."""
    found = Comparisons.from_frame({"left": ["b", "b"], "right": ["a", "c"], "winner": ["a", "b"]})
    assert counted(found) == {(0, 1, 0): (1, 0, 0), (1, 2, 0): (1, 0, 0)}


@pytest.mark.parametrize("outcome", [{"winner": [7, 30, 4]}, {"outcome": ["model_a", "model_b", "model_b"]}])
def test_numbers_in_a_table_are_names(outcome):
    table = {"model_a": [7, 4, 30], "model_b": [4, 30, 7]} | outcome
    if "winner" in outcome:
        table["winner"] = [7, 30, 7]
    found = Comparisons.from_frame(table)
    assert found.labels == (4, 7, 30)
    assert counted(found) == {(0, 1, 0): (0, 1, 0), (0, 2, 0): (0, 1, 0), (1, 2, 0): (1, 0, 0)}
    assert found.index(30) == 2
    assert found.indices(np.array([30, 4])).tolist() == [2, 0]
    for item in (0, 5):
        with pytest.raises(ItemIndexError, match=f"{item} is not one of the 3 items, whose names are numbers"):
            found.index(item)


def test_numbers_from_1_on_are_told_from_indices():
    with pytest.raises(ValueError, match=r"0 was never compared\. Items are numbered from 0: .* give them as text"):
        fit(Comparisons([1, 2, 3], [2, 3, 1]))
    assert fit(Comparisons.from_frame({"winner": [1, 2, 3], "loser": [2, 3, 1]})).labels == (1, 2, 3)


def test_a_column_that_is_there_twice_is_refused():
    class Frame(dict):
        columns = ("winner", "loser", "winner")

    with pytest.raises(ValueError, match="the table has more than one column 'winner'"):
        Comparisons.from_frame(Frame(winner=[0], loser=[1]))


@pytest.mark.parametrize(
    ("table", "home"),
    [
        ({"home": [0, 1, 0], "away": [1, 0, 1], "result": [1, 1, 0.5]}, True),
        ({"home": [0, 1], "away": [1, 0], "wins_a": [1, 1], "wins_b": [0, 0], "ties": [1, 0]}, True),
    ],
)
def test_the_first_side_is_at_home(table, home):
    found = Comparisons.from_frame(table, home=home)
    assert counted(found) == {(0, 1, 1): (1, 0, 1), (1, 0, 1): (1, 0, 0)}


@pytest.mark.parametrize(
    ("table", "options", "error", "message"),
    [
        ({"u": [0], "v": [1]}, {}, ValueError, "no two columns look like the two sides .* its columns are: u, v"),
        ({"a": [0], "b": [1]}, {}, ValueError, "no column looks like the outcome"),
        ({"a": [0], "b": [1]}, {"outcome": "c"}, ValueError, r"has no column 'c' \(outcome\)"),
        ({"a": ["x"], "b": ["y"], "winner": ["z"]}, {}, ValueError, "row 0: 'z' is no outcome of 'x' against 'y'"),
        ({"a": [0], "b": [1], "outcome": [7]}, {}, ValueError, "row 0: 7 is no outcome"),
        ({"a": [0], "b": [1], "outcome": [1]}, {"victor": "a"}, TypeError, "victor"),
        ({"a": [0, 1], "b": [1, None], "outcome": [1, 1]}, {}, ValueError, r"b\[1\] is missing"),
    ],
)
def test_tables_that_mean_nothing(table, options, error, message):
    with pytest.raises(error, match=message):
        Comparisons.from_frame(table, **options)


# ---- bad input ----


@pytest.mark.parametrize(
    ("winner", "loser", "options", "error", "message"),
    [
        ([], [], {}, ValueError, "there are no comparisons"),
        ([0, 1], [1], {}, ValueError, "lengths differ: winner has 2, loser has 1"),
        ([0, 2, 1], [1, 2, 0], {}, ValueError, r"winner\[1\] and loser\[1\] are both item 2"),
        ([0], [0], {}, ValueError, "are both item 0"),
        ([0, -1], [1, 0], {}, ItemIndexError, r"winner\[1\] = -1 is negative"),
        ([0, 1], [1, 3], {"n_items": 3}, ItemIndexError, r"loser\[1\] = 3 is not below the number of items, 3"),
        ([0, 1], [1, 3], {"labels": "abc"}, IndexError, r"loser\[1\] = 3"),
        ([0], [1], {"n_items": 0}, ValueError, "n_items must be from 1"),
        ([2**31 - 2], [0], {}, ValueError, "2147483647 items and 1 comparisons are too many"),
        ([10**12], [10**12 + 1], {}, ValueError, "the highest number is 1000000000001. Where .* give them as text"),
        ([("a", [1])], [("b", [1])], {}, TypeError, "cannot be a label: it is not hashable"),
        (None, [1], {}, TypeError, "winner must be an array or a sequence, not NoneType"),
        (["x" * 10**6], ["x" * 10**6], {}, ValueError, r"are both 'x{37}\.\.\.x{38}': nothing is compared"),
        ([0], [1], {"n_items": 3, "labels": "ab"}, ValueError, "n_items = 3, but there are 2 labels"),
        ([0.0], [1.0], {}, TypeError, "items are integers counted from 0, or labels"),
        (np.array([0.0]), np.array([1.0]), {}, TypeError, "winner holds float64"),
        ([True], [False], {}, TypeError, "winner"),
        ([[0, 1]], [[1, 0]], {}, TypeError, "not hashable"),
        (np.zeros((2, 2), dtype=int), [1, 0], {}, ValueError, "must have one axis"),
        (3, [1], {}, TypeError, "winner must be an array or a sequence, not int"),
        (["a", None], ["b", "a"], {}, ValueError, r"winner\[1\] is missing"),
        (["a", float("nan")], ["b", "a"], {}, ValueError, r"winner\[1\] is missing"),
        (["a"], ["b"], {"labels": ["a", "c"]}, ValueError, r"loser\[0\] = 'b' is not one of the 2 labels"),
        (["a"], ["b"], {"labels": ["a", "a"]}, ValueError, r"labels\[1\] = 'a' occurs twice"),
        ([0, 1], [1, 0], {"weight": [1, np.nan]}, ValueError, r"weight\[1\] = nan is NaN"),
        ([0, 1], [1, 0], {"weight": [-1, 1]}, ValueError, r"weight\[0\] = -1.0 is negative"),
        ([0, 1], [1, 0], {"weight": [1, np.inf]}, ValueError, r"weight\[1\] = inf is infinite"),
        ([0, 1], [1, 0], {"weight": [1]}, ValueError, "weight must have one value for each of 2"),
        ([0, 1], [1, 0], {"weight": [0, 0]}, ValueError, "all of them have weight 0"),
        ([0, 1], [1, 0], {"outcome": [1, 1.5]}, ValueError, r"outcome\[1\] = 1.5 is not between 0 and 1"),
        ([0, 1], [1, 0], {"outcome": [np.nan, 1]}, ValueError, r"outcome\[0\] = nan"),
        ([0], [1], {"outcome": [1], "tied": [True]}, ValueError, "give tied or outcome, not both"),
        ([0], [1], {"tied": [2]}, ValueError, r"tied\[0\] = 2 is not one of 0, 1"),
        ([0], [1], {"home": [2]}, ValueError, r"home\[0\] = 2 is not one of -1, 0, 1"),
    ],
)
def test_bad_input_is_named(winner, loser, options, error, message):
    with pytest.raises(error, match=message):
        Comparisons(winner, loser, **options)


@pytest.mark.parametrize("n_items", [10, 100_000])
@pytest.mark.parametrize("position", [0, 5000, 9999])
def test_the_first_bad_row_is_named_wherever_it_is(n_items, position):
    winner, loser = np.zeros(10_000, dtype=np.int64), np.ones(10_000, dtype=np.int64)
    winner[position:] = -3
    with pytest.raises(ItemIndexError, match=rf"winner\[{position}\] = -3"):
        Comparisons(winner, loser, n_items=n_items)


# ---- more and fewer comparisons ----


@given(rows(weights=(1, 2)), rows(weights=(1, 2)))
def test_sums_are_comparisons_of_all_rows(some, more):
    both = of(some, n_items=ITEMS) + of(more, n_items=ITEMS)
    assert counted(both) == oracle.cells([*some, *more])
    assert counted(both - of(more)) == oracle.cells(some)


def test_taking_away_weights_leaves_no_rounding():
    weights = np.random.default_rng(1).random(30)
    some = Comparisons([0] * 10, [1] * 10, weight=weights[:10]) + Comparisons([1], [2])
    more = Comparisons([0] * 20, [1] * 20, weight=weights[10:])
    assert counted(some + more - some) == {(0, 1, 0): (pytest.approx(weights[10:].sum()), 0, 0)}


def test_new_labels_come_behind_the_old_ones():
    both = Comparisons(["x"], ["m"]) + Comparisons(["a"], ["x"])
    assert both.labels == ("m", "x", "a")
    assert counted(both) == {(0, 1, 0): (0, 1, 0), (1, 2, 0): (0, 1, 0)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: Comparisons(["a"], ["b"]) - Comparisons(["b"], ["a"]), "fewer comparisons of 'a' and 'b'"),
        (lambda: Comparisons([0], [1]) - Comparisons([0], [1], weight=[2]), "fewer comparisons of 0 and 1"),
        (lambda: Comparisons([0], [1]) - Comparisons([0], [1]), "there are no comparisons"),
        (lambda: Comparisons([0], [1]) + Comparisons(["a"], ["b"]), "one of the two has labels"),
    ],
)
def test_changes_that_make_no_sense(change, message):
    with pytest.raises(ValueError, match=message):
        change()


@pytest.mark.parametrize(
    ("items", "labels"),
    [
        ([True, False, True, False], ("a", "c")),
        (np.array([True, True, True, True]), ("a", "b", "c", "d")),
        (["c", "a"], ("c", "a")),
        (np.array([2, 0], dtype=np.uint8), ("c", "a")),
    ],
)
def test_items_are_chosen_by_mask_label_or_index(items, labels):
    assert Comparisons(["a", "b", "c", "a"], ["b", "c", "a", "d"]).among(items).labels == labels


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([True, False], ValueError, "a mask of items must have one entry for each of 4, not 2"),
        ([0.0, 1.0], TypeError, "items hold float64; they are indices, labels, or a mask"),
        ([0, -1], ItemIndexError, "-1 is not the index"),
        ([0, 4], ItemIndexError, "4 is not the index"),
        ([0, 1, 0], ValueError, "item 'a' is there twice"),
        (["a", "z"], ValueError, "'z' is not one of the 4 items"),
        ([[0, 1]], ValueError, r"items must have one axis; they have shape \(1, 2\)"),
    ],
)
def test_what_is_no_item_cannot_be_chosen(items, error, message):
    with pytest.raises(error, match=message):
        Comparisons(["a", "b", "c", "a"], ["b", "c", "a", "d"]).among(items)


def test_among_keeps_the_comparisons_of_some_items():
    comparisons = Comparisons(["a", "b", "c", "a"], ["b", "c", "a", "d"])
    some = comparisons.among([2, 0])
    assert some.labels == ("c", "a")
    assert counted(some) == {(0, 1, 0): (1, 0, 0)}
    with pytest.raises(ValueError, match="none of the 2 items"):
        comparisons.among([1, 3])


# ---- what can be estimated ----


@given(rows(weights=(1,), homes=(0,)))
def test_limits_are_those_of_all_chains_of_wins(rows):
    comparisons = of(rows, n_items=ITEMS)
    wins, ties = comparisons.to_matrix()
    limits = oracle.score_limits(wins, ties)
    existence = comparisons.existence()
    np.testing.assert_array_equal(existence.limit, limits)
    assert existence.finite == all(limit == 0 for limit in limits)
    assert set(existence.reasons) == {item for item, limit in enumerate(limits) if limit != 0}


@pytest.mark.parametrize("n_items", [2, 10, 1000])
@pytest.mark.parametrize("turned", [False, True])
def test_long_chains_are_found_connected(n_items, turned):
    """A ring of wins, in either direction: one sweep forth, one back."""
    winner = np.arange(n_items)
    loser = (winner + 1) % n_items
    comparisons = Comparisons(loser, winner) if turned else Comparisons(winner, loser)
    assert graph.is_strongly_connected(operations("ranking"), comparisons.cells)
    assert comparisons.existence().finite


def test_chains_in_no_order_are_left_to_scipy():
    winner = np.random.default_rng(0).permutation(1000)
    comparisons = Comparisons(winner, np.roll(winner, 1))
    assert not graph.is_strongly_connected(operations("ranking"), comparisons.cells)
    assert comparisons.existence().finite


@pytest.mark.parametrize(
    ("winner", "loser", "n_items", "reasons"),
    [
        ("abca", "bcad", 4, {3: "lost every comparison"}),
        ("abcd", "bcaa", 4, {3: "won every comparison"}),
        ("abc", "bca", 4, {3: "was never compared"}),
        ("abcdeda", "bcaedbd", 5, {}),
        ("abcdea", "bcaedd", 5, dict.fromkeys((3, 4), "is in a group that never won against the largest group")),
        ("abcde", "bcaed", 5, dict.fromkeys((3, 4), "never met the largest group")),
        (
            "abcaed",
            "bcadde",
            5,
            dict.fromkeys((3, 4), "is in a group that never won against the largest group"),
        ),
    ],
)
def test_reasons(winner, loser, n_items, reasons):
    def number(text):
        return [ord(letter) - ord("a") for letter in text]

    assert Comparisons(number(winner), number(loser), n_items=n_items).existence().reasons == reasons


def test_components_come_largest_first():
    parts = Comparisons([5, 0, 1], [4, 1, 2], n_items=7).connected_components
    assert [part.tolist() for part in parts] == [[0, 1, 2], [4, 5], [3], [6]]


@pytest.mark.parametrize(
    ("comparisons", "sentence"),
    [
        (lambda: Comparisons([0, 1], [1, 0]), "all scores are finite"),
        (
            lambda: Comparisons(["a", "b"], ["b", "c"]),
            "the comparisons are separable, so some scores are infinite: 'b' ",
        ),
        (lambda: Comparisons([0, 1], [1, 0], n_items=7), r"fall into 6 components .*; and 2 more"),
    ],
)
def test_one_sentence_says_it(comparisons, sentence):
    assert re.search(sentence, comparisons().existence().explain())


@pytest.mark.parametrize("label", [("a", ["x"]), ["a"], {"a"}])
def test_labels_that_cannot_be_are_named(label):
    with pytest.raises(TypeError, match=r"^labels\[1\] = .* cannot be a label: it is not hashable"):
        Comparisons([0, 1], [1, 0], labels=["b", label])
    with pytest.raises(TypeError, match=r"^labels\[1\] = .* cannot be a label: it is not hashable"):
        Rankings([[0, 1], [1, 0]], labels=["b", label])
    with pytest.raises(TypeError, match=r"^item = .* cannot be a label: it is not hashable"):
        Comparisons(["a", "b"], ["b", "a"]).index(label)
