"""Sums and gradients over a vocabulary in tiles: accuracy, and independence of how it is cut."""

import numpy as np
import pytest

from alignment_fast.kernels.pairwise import operations as ops
from alignment_fast.kernels.pairwise.structures import LetterSums
from bounds import bound
from oracles import sequence as oracle

LETTERS = 301


def rows(dtype, spread=3.0, count=4, letters=LETTERS):
    random = np.random.default_rng(5)
    logits = (spread * random.standard_normal((count, letters))).astype(dtype)
    return logits, random.integers(0, letters, count)


def summed(logits, ids, cut, moments=True):
    table = ops.no_letters(len(logits))
    for low in range(0, logits.shape[1], cut):
        ops.add_letters(table, logits[:, low : low + cut], ids, low, moments=moments)
    return LetterSums._make(table.T)


def statistics(sums):
    with np.errstate(divide="ignore", invalid="ignore"):
        log_sum = np.log(sums.sum)
        return sums.frame + log_sum, log_sum - sums.first / sums.sum, np.log(sums.square) - 2 * log_sum


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spread", [0.1, 3.0, 30.0])
@pytest.mark.parametrize("cut", [LETTERS, 64, 7])
def test_sums(dtype, spread, cut):
    logits, ids = rows(dtype, spread)
    sums = summed(logits, ids, cut)
    found = np.array(statistics(sums)).T
    for row, values, token in zip(logits, found, ids, strict=True):
        exact = oracle.vocabulary(row)
        scale = 1 + abs(float(exact[0])) + float(oracle.mean_distance(row))
        allowed = bound("pairwise.vocabulary_sums", dtype) * scale
        assert max(abs(float(x - y)) for x, y in zip(values, exact, strict=True)) <= allowed
        assert row[token] in sums.token
    np.testing.assert_array_equal(sums.top, logits.max(axis=1))
    np.testing.assert_array_equal(sums.top_id, logits.argmax(axis=1))
    np.testing.assert_allclose(sums.total, logits.sum(axis=1, dtype=np.float64), atol=np.finfo(dtype).eps * 3e4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cut", [LETTERS, 50])
def test_the_partition_function_alone(dtype, cut):
    logits, ids = rows(dtype)
    alone, all_of_them = summed(logits, ids, cut, moments=False), summed(logits, ids, cut)
    allowed = bound("pairwise.vocabulary_sums", dtype) * 10
    np.testing.assert_allclose(statistics(alone)[0], statistics(all_of_them)[0], rtol=allowed)
    np.testing.assert_array_equal(alone.token, all_of_them.token)
    np.testing.assert_array_equal(alone.top, all_of_them.top)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cut", [LETTERS, 64])
@pytest.mark.parametrize("entropy", [False, True])
def test_gradients(dtype, cut, entropy):
    logits, ids = rows(dtype)
    log_partition, entropies, _ = statistics(summed(logits, ids, cut))
    factor, of_entropy = np.linspace(-1, 2, len(ids)), np.linspace(0.5, -1, len(ids))
    options = {"entropy_factor": of_entropy, "entropy": entropies} if entropy else {}
    out = np.empty_like(logits)
    for low in range(0, LETTERS, cut):
        tile = slice(low, low + cut)
        ops.letter_gradients(logits[:, tile], ids, low, log_partition, factor, out[:, tile], **options)
    for row, token, g, e, found in zip(logits, ids, factor, of_entropy * entropy, out, strict=True):
        exact = np.array(oracle.vocabulary_gradients(row, token, g, e), dtype=np.float64)
        distance = 1 + float(row.max()) - row.astype(np.float64)
        p = np.exp(row - np.float64(row.max()))
        size = p * (abs(g) + abs(e) * (distance + 10)) + np.abs(exact)
        assert (np.abs(found - exact) <= bound("pairwise.vocabulary_gradients", dtype) * distance * size).all()


def test_gradients_may_take_the_place_of_logits():
    logits, ids = rows(np.float64)
    log_partition = statistics(summed(logits, ids, LETTERS))[0]
    out = np.empty_like(logits)
    ops.letter_gradients(logits, ids, 0, log_partition, np.ones(len(ids)), out)
    ops.letter_gradients(logits, ids, 0, log_partition, np.ones(len(ids)), logits)
    np.testing.assert_array_equal(out, logits)


@pytest.mark.parametrize("entropy", [False, True])
def test_logits_of_16_bits_are_those_numbers(entropy):
    words = rows(np.float32, letters=9000)[0].astype(np.float16)
    wide, ids = words.astype(np.float32), rows(np.float32, letters=9000)[1]
    tables = [ops.no_letters(len(ids)) for _ in range(2)]
    ops.add_letters(tables[0], words.view(np.uint16), ids, 0, storage="float16", moments=True)
    ops.add_letters(tables[1], wide, ids, 0, moments=True)
    np.testing.assert_array_equal(*tables)
    log_partition, entropies, _ = statistics(LetterSums._make(tables[0].T))
    options = {"entropy_factor": np.linspace(0.5, -1, len(ids)), "entropy": entropies} if entropy else {}
    factor, out = np.ones(len(ids)), np.empty_like(wide)
    ops.letter_gradients(wide, ids, 0, log_partition, factor, out, **options)
    bits = words.view(np.uint16)
    ops.letter_gradients(bits, ids, 0, log_partition, factor, bits, storage="float16", **options)
    np.testing.assert_array_equal(words, out.astype(np.float16))


def test_masked_rows_are_not_read():
    logits, ids = rows(np.float64)
    ids[1] = -1
    logits[1] = np.nan
    sums = summed(logits, ids, 100)
    assert sums.sum[1] == 0
    out = np.ones_like(logits)
    ops.letter_gradients(logits, ids, 0, np.zeros(len(ids)), np.ones(len(ids)), out)
    assert (out[1] == 0).all()


@pytest.mark.parametrize("moments", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_letters_without_mass_and_rows_that_are_no_distribution(moments, dtype):
    logits, ids = rows(dtype, count=3)
    logits[0, 100:200] = -np.inf
    logits[1, 5] = np.nan
    logits[2, 5] = np.inf
    sums = summed(logits, ids, 64, moments)
    without = summed(np.delete(logits[:1], np.s_[100:200], axis=1), ids[:1] * 0, 64, moments)
    allowed = bound("pairwise.vocabulary_sums", dtype) * 10
    np.testing.assert_allclose(statistics(sums)[0][0], statistics(without)[0][0], rtol=allowed)
    assert np.isnan(sums.sum[1:]).all()


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_make_no_difference(threads):
    logits, ids = rows(np.float32, count=9, letters=9000)
    tables = [ops.no_letters(9) for _ in range(2)]
    ops.add_letters(tables[0], logits, ids, 0, moments=True, num_threads=1)
    ops.add_letters(tables[1], logits, ids, 0, moments=True, num_threads=threads)
    np.testing.assert_array_equal(*tables)
