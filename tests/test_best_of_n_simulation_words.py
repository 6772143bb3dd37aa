"""The words of the winners: exactly the smallest 64-bit word of the draws, however the work is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_fast._border.rng import TIES as TIES_PURPOSE
from alignment_fast._border.rng import stream_key
from alignment_fast.kernels.best_of_n import cpu, simulation
from alignment_fast.kernels.common.cpu import supported_isas
from bounds import assert_same_bits
from fresh import output_of
from oracles.philox import word32
from oracles.simulation import winner

DRAWS, TIES = 0x123456789ABCDEF1, 0xFEDCBA9876543211
KEYS = DRAWS, TIES


def winners(replicate, replicates, start, stop):
    words = np.full(replicates, simulation.NO_WINNER)
    cpu.fold_winners(DRAWS, TIES, start, stop, replicate, words)
    return words.tolist()


@pytest.mark.parametrize(
    ("replicate", "replicates", "start", "stop"),
    [
        (0, 3, 0, 1),
        (5, 40, 0, 7),
        (3, 70, 2, 9),
        (0, 33, 4, 8),
        (0, 2, 0, 127),
        (0, 2, 0, 5000),
        (7, 1, 3, 4100),
        (9, 2, 0, 2048),
        (9, 2, 0, 2049),
        (9, 1, 4096, 8192),
        (1, 1, 5, 40_000),
        (2**32 - 3, 6, 0, 13),
        (2**32 - 1, 2, 1, 3000),
        (2**63, 2, 0, 5),
        (0, 33, 2**34 - 3, 2**34 + 9),
        (0, 1, 2**34 - 1000, 2**34 + 2000),
        (1, 1, 2**40 + 1, 2**40 + 2600),
    ],
)
def test_winner_is_the_smallest_64_bit_word(replicate, replicates, start, stop):
    expected = [winner(DRAWS, TIES, replicate + r, stop, start) for r in range(replicates)]
    assert_same_bits("best_of_n.fold_winners", winners(replicate, replicates, start, stop), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**64 - 100), st.integers(1, 70), st.integers(0, 2**61), st.integers(1, 300))
def test_any_range_of_draws_of_any_replicates(replicate, replicates, start, length):
    first, last = winners(replicate, replicates, start, start + length)[0], replicate + replicates - 1
    assert first == winner(DRAWS, TIES, replicate, start + length, start)
    assert winners(last, 1, start, start + length) == winners(replicate, replicates, start, start + length)[-1:]


@pytest.mark.parametrize(
    ("replicate", "n", "tied"),
    [
        (22470, 2048, [970, 1192]),
        (1669997, 2048, [1229, 1947]),
        (2646821, 2048, [469, 557]),
        (1203, 1 << 24, [13938737, 15134681]),
    ],
)
def test_low_words_decide_between_equal_high_words(replicate, n, tied):
    """Cases found by search under seed 0: the draws `tied` share the smallest high word of the first n."""
    draws, ties = stream_key(0), stream_key(0, TIES_PURPOSE)
    high = {word32(draws, replicate, d) for d in tied}
    low = [word32(ties, replicate, d) for d in tied]
    assert len(high) == 1
    expected = high.pop() << 32 | min(low)
    assert simulation.winners((draws, ties), replicate, 1, [n])[0, 0] == expected
    assert simulation.winners((draws, ties), replicate, 1, [tied[1], n])[:, 0].tolist()[1] == expected
    # With one draw less the other one wins: it has the same high word and its own low word.
    before = int(simulation.winners((draws, ties), replicate, 1, [tied[1]])[0, 0])
    assert before == expected >> 32 << 32 | low[0]


def test_a_grid_is_nested_prefixes():
    grid = [1, 3, 4, 64, 1000, 1001, 2500, 9000]
    words = simulation.winners(KEYS, 2, 3, grid)
    for g, n in enumerate(grid):
        assert words[g].tolist() == winners(2, 3, 0, n)
    assert (np.diff(words.astype(object), axis=0) <= 0).all()


@pytest.mark.parametrize("num_threads", [1, 2, 7])
def test_pieces_and_threads_do_not_matter(num_threads, monkeypatch):
    expected = simulation.winners(KEYS, 5, 40, [10, 70_001, 300_000], 1)
    monkeypatch.setattr(simulation, "PIECE", 1 << 14)
    monkeypatch.setattr(simulation, "SLOTS", 3)
    assert (simulation.winners(KEYS, 5, 40, [10, 70_001, 300_000], num_threads) == expected).all()


CODE = """
import numpy as np
from alignment_fast.kernels.best_of_n import cpu, simulation
from alignment_fast.kernels.common.cpu import ISA
from alignment_fast.best_of_n import Gaussian, Table, Uniform, simulate
words = simulation.winners((1, 2), 3, 50, [1, 6, 2048, 5000])
values = [simulate(source, [2, 50, 3000], 5000, seed=4, method=method, return_maxima=True).values
          for source in (Gaussian(1.0, 2.0), Uniform(), Table([1, 2, 3, 4], [4, 3, 2, 2.5]))
          for method in ("brute", "order")]
import hashlib
print(ISA, hashlib.sha256(words.tobytes() + b"".join(v.tobytes() for v in values)).hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    printed = [output_of(CODE, ALIGNMENT_FAST_ISA=isa).split() for isa in supported_isas()]
    assert [isa for isa, _ in printed] == list(supported_isas())
    assert len({digest for _, digest in printed}) == 1
