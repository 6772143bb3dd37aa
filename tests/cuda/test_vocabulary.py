"""Vocabularies in tiles on CUDA: sums, moments and gradients within the stated bounds, whatever tiles and launch."""

import numpy as np
import pytest
from test_sequence import ROUNDOFF, STORAGE, log_softmax, logits_of, on_device, widened

from alignment_fast._operations import operations
from alignment_fast.kernels.common import streams
from alignment_fast.kernels.pairwise.structures import LetterSums

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

LETTERS = 700
IDS = np.array([3, 699, -1, 400, 0])
# 16-byte groups, single logits, and tiles that begin where groups do not.
TILES = [(LETTERS,), (512, 64, 124), (1, 300, 399)]


def view(cuda, x, storage="own"):
    array = on_device(cuda, x, storage) if storage == "bfloat16" else cuda.array(x)
    return streams.view(array, "x", streams.Place(0, 7))


def tiles_of(x, widths):
    ends = np.cumsum(widths)
    return [
        (high - width, np.ascontiguousarray(x[:, high - width : high]))
        for width, high in zip(widths, ends, strict=True)
    ]


def sums_of(cuda, x, storage, widths, moments):
    ops = operations("pairwise", "cuda")
    table, ids = view(cuda, operations("pairwise").no_letters(len(x))), view(cuda, IDS)
    for low, tile in tiles_of(x, widths):
        ops.add_letters(table, view(cuda, tile, storage), ids, low, moments=moments)
    return table.numpy()


def expected_sums(z, frame):
    d = z - frame[:, None]
    e = np.exp(d)
    return np.stack([e.sum(1), (e * d).sum(1), (e * e).sum(1), z.sum(1)])


@pytest.mark.parametrize("storage", STORAGE)
def test_sums_of_letters_are_within_the_bound(cuda, storage):
    x = logits_of(storage, LETTERS, tokens=(5,))
    z, u, on = widened(x, storage), ROUNDOFF.get(storage, 2.0**-24), IDS >= 0
    for widths in TILES:
        plain, found = (LetterSums(*sums_of(cuda, x, storage, widths, moments).T) for moments in (False, True))
        assert (found.frame[on] == z.max(axis=1)[on]).all()
        for column in ("frame", "sum", "token", "top"):
            np.testing.assert_allclose(getattr(plain, column), getattr(found, column), rtol=4 * u)
        distance = np.abs(z - z.max(axis=1)[:, None])
        e = np.exp(-distance)
        expected = expected_sums(z, z.max(axis=1))
        of_e = (8 + 2 * distance) * e
        sizes = [of_e, of_e * distance, 2 * of_e * e, 32 * np.abs(z)]
        for column, value, size in zip(("sum", "first", "square", "total"), expected, sizes, strict=True):
            assert (np.abs(getattr(found, column) - value)[on] <= u * size.sum(axis=1)[on]).all(), column
        assert (found.token[on] == z[on, IDS[on]]).all()
        assert (found.top_id[on] == z.argmax(axis=1)[on]).all()
        assert LetterSums(*sums_of(cuda, x, storage, widths, True)[2]).sum == 0.0  # masked: not read


@pytest.mark.parametrize("order", [0, 1, 2])
def test_neither_the_order_of_threads_nor_the_grid_shows(cuda, order, monkeypatch):
    from alignment_fast.kernels.pairwise import cuda as table

    x = logits_of("float32", LETTERS, tokens=(5,))
    expected = sums_of(cuda, x, "float32", TILES[1], True)
    cuda.state.order = order
    monkeypatch.setattr(table, "MOST_ROWS", 2)
    assert sums_of(cuda, x, "float32", TILES[1], True).tobytes() == expected.tobytes()


def test_limits_are_those_of_the_processor(cuda):
    cpu = operations("pairwise")
    for limit in (np.nan, np.inf, -np.inf):
        x = logits_of("float64", LETTERS, tokens=(5,))
        x[0], x[1, 5] = limit, limit
        table = cpu.no_letters(5)
        cpu.add_letters(table, x, IDS, 0, moments=True)
        expected, found = (LetterSums(*sums.T) for sums in (table, sums_of(cuda, x, "float64", (512, 188), True)))
        with np.errstate(all="ignore"):
            for column in ("sum", "top"):
                np.testing.assert_array_equal(np.isnan(getattr(found, column)), np.isnan(getattr(expected, column)))
            np.testing.assert_array_equal(np.isfinite(found.top), np.isfinite(expected.top))
            finite = np.isfinite(expected.top) & (expected.sum > 0)
            log_sums = [(sums.frame + np.log(sums.sum))[finite] for sums in (found, expected)]
        np.testing.assert_allclose(*log_sums, rtol=1e-14)


def gradient_of(cuda, x, storage, widths, upstream):
    ops = operations("pairwise", "cuda")
    log_partition, factor, of_entropy, entropy = (None if c is None else view(cuda, c) for c in upstream)
    found = []
    for low, tile in tiles_of(x, widths):
        there = view(cuda, tile, storage)
        options = {"entropy_factor": of_entropy, "entropy": entropy}
        ops.letter_gradients(there, view(cuda, IDS), low, log_partition, factor, there, **options)
        found.append(there.numpy())
    return np.concatenate(found, axis=1)


@pytest.mark.parametrize("with_entropy", [False, True])
@pytest.mark.parametrize("storage", STORAGE)
def test_gradients_are_within_the_bound_in_place(cuda, storage, with_entropy):
    x = logits_of(storage, LETTERS, tokens=(5,))
    z, u = widened(x, storage), ROUNDOFF.get(storage, 2.0**-24)
    log_p = log_softmax(z)
    p, entropy = np.exp(log_p), -(np.exp(log_p) * log_p).sum(axis=1)
    factor, of_entropy = np.linspace(-1, 1, 5), np.linspace(0.5, 2, 5) if with_entropy else np.zeros(5)
    one = np.arange(LETTERS) == IDS[:, None]
    expected = factor[:, None] * (one - p) - of_entropy[:, None] * p * (log_p + entropy[:, None])
    expected[IDS < 0] = 0
    columns = (z[:, 0] - log_p[:, 0], factor, of_entropy, entropy)
    upstream = [c.astype(float) if with_entropy or k < 2 else None for k, c in enumerate(columns)]
    rounding = {"float16": 2.0**-11, "bfloat16": 2.0**-8}.get(storage, 0.0)
    size = np.abs(factor)[:, None] + np.abs(of_entropy)[:, None] * (np.abs(log_p) + entropy[:, None])
    allowed = size * ((14 + 4 * np.abs(log_p)) * u * p + (8 + 4 * np.abs(log_p)) * u * one) + rounding * np.abs(
        expected
    )
    for widths in TILES:
        found = gradient_of(cuda, x, storage, widths, upstream)
        values = widened(found.view(np.float16) if storage == "float16" else found, storage)
        assert (np.abs(values - expected) <= allowed + {"float16": 2.0**-25}.get(storage, 1e-37)).all()


def test_launches_run_on_the_stream_and_wait_for_nothing(cuda):
    x = logits_of("float32", LETTERS, tokens=(5,))
    view(cuda, x)
    cuda.forget()
    sums = view(cuda, operations("pairwise").no_letters(5))
    operations("pairwise", "cuda").add_letters(sums, view(cuda, x), view(cuda, IDS), 0)
    assert {stream for name, stream in cuda.calls() if name.startswith("vocabulary")} == {7}
    assert "cuStreamSynchronize" not in dict(cuda.calls())
