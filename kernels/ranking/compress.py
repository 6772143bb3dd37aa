"""Comparisons to cells: chooses table or words, lays out memory, hands ranges to the threads."""

import numpy as np

from alignment_fast.kernels.common import status, threads
from alignment_fast.kernels.ranking import cpu
from alignment_fast.kernels.ranking.structures import Cells, RowFault

# Nanoseconds per row on one core: decides how many rows are counted before the interpreter gets to see Ctrl-C.
TALLY_COST = 2.0
WORD_COST = 5.0
SORT_COST = 20.0
# Tallies: so many that they stay in the second-level cache are always worth it; beyond, no more than one per row,
# and never beyond the third-level cache.
SMALL_TABLE = 1 << 16
TALLIES_PER_ROW = 1
LARGEST_TABLE = 1 << 23
# A bucket of so many words of 64 bits is sorted within the second-level cache.
BUCKET = 1 << 15
LARGEST_BUCKET_BITS = 9
WORD_BITS = 64

KINDS_WITHOUT_HOME = 2
KINDS = 6
HOME_SIDES = 3


# Who was at home, in the kinds of rows.
NEUTRAL, WINNER_AT_HOME, LOSER_AT_HOME = cpu.NEUTRAL, cpu.WINNER_AT_HOME, cpu.LOSER_AT_HOME

# Places of the status words, in the order in which faults are told.
_ARGUMENTS = (
    ("winner", cpu.WINNER),
    ("loser", cpu.LOSER),
    ("both", cpu.SELF),
    ("weight", cpu.WEIGHT),
    ("outcome", cpu.OUTCOME),
)


def compress(
    winner, loser, n_items, *, kind=None, ties=False, homes=False, weight=None, outcome=None, num_threads=None
):
    """Return (the `Cells` of rows of one int32 or int64 type, None), or (None, the first `RowFault` by argument).

    `kind` is tied + 2 home (0 nobody, 1 winner, 2 loser), or None; `ties` and `homes` say whether there may be any.
    """
    wide = winner.dtype.itemsize == 8
    rows = cpu.ComparisonRows(winner.view(np.uint8), loser.view(np.uint8), wide, n_items, kind, weight, outcome)
    words = np.full(cpu.STATUS, status.OK, dtype=np.uint64)
    planes = 1 if kind is None else KINDS if homes else KINDS_WITHOUT_HOME
    tallies = planes * n_items**2
    if tallies <= min(max(SMALL_TABLE, TALLIES_PER_ROW * rows.size), LARGEST_TABLE):
        cells = _by_table(rows, tallies, ties, homes, words)
    else:
        cells = _by_words(rows, ties, homes, words, num_threads)
    if cells is not None:
        return cells, None
    return None, next(RowFault(name, int(words[place])) for name, place in _ARGUMENTS if words[place] != status.OK)


def _by_table(rows, tallies, ties, homes, words):
    table = np.zeros(tallies, dtype=np.float64 if rows.weighted else np.uint32)
    blocks = -(-rows.size // cpu.BLOCK)

    def run(first, last):
        rows.tally(first * cpu.BLOCK, min(last * cpu.BLOCK, rows.size), table, words)

    # One thread: the order of additions is that of the rows, and a tally costs less than sharing the table would.
    threads.for_blocks(run, blocks, work=TALLY_COST * rows.size, num_threads=1)
    if (words != status.OK).any():
        return None
    pairs = rows.n_items * (rows.n_items - 1) // 2
    cells = Cells.unwritten(rows.n_items, min(rows.size, (HOME_SIDES if homes else 1) * pairs), ties=ties, homes=homes)
    count = rows.table_cells(table, homes, cells)  # memory beyond them is never touched
    return Cells(rows.n_items, *(array[:count] for name, array in vars(cells).items() if name != "n_items"))


def _by_words(rows, ties, homes, words, num_threads):
    item_bits = max(1, (rows.n_items - 1).bit_length())
    payload_bits = max(1, (rows.size - 1).bit_length()) if rows.weighted else cpu.RESULT_BITS
    word_bits = 2 * item_bits + 1 + payload_bits
    if word_bits > WORD_BITS:
        raise ValueError(f"{rows.n_items} items and {rows.size} comparisons are too many to be told apart in 64 bits")
    rows.lay_out(item_bits, payload_bits)
    ordered, ends = _sorted_words(rows, word_bits, payload_bits, words, num_threads)
    if ordered is None:
        return None
    count, starts = np.empty(len(ends), dtype=np.int64), None
    cells = None

    def emit(first, last):
        rows.word_cells(ordered, ends, first, last, starts, cells, count)

    threads.for_blocks(emit, len(ends), work=WORD_COST * rows.size, num_threads=num_threads)
    starts = np.cumsum(count) - count
    cells = Cells.unwritten(rows.n_items, int(count.sum()), ties=ties, homes=homes)
    threads.for_blocks(emit, len(ends), work=WORD_COST * rows.size, num_threads=num_threads)
    return cells


def _sorted_words(rows, word_bits, payload_bits, words, num_threads):
    """Return the sorted words and where each bucket ends; None in place of words where a status word is not OK.

    The second array of words is gone on return: before the cells are allocated, which is the peak of memory.
    """
    size, blocks = rows.size, -(-rows.size // cpu.BLOCK)
    bucket_bits = min(max(1, (size // BUCKET).bit_length()), LARGEST_BUCKET_BITS)
    shift = word_bits - bucket_bits
    unsorted, bucket = np.empty(size, dtype=np.uint64), np.zeros(1 << bucket_bits, dtype=np.int64)

    def fill(first, last):
        rows.words(first * cpu.BLOCK, min(last * cpu.BLOCK, size), shift, unsorted, bucket, words)

    threads.for_blocks(fill, blocks, work=WORD_COST * size, num_threads=1)
    ends = np.cumsum(bucket)
    if (words != status.OK).any():
        return None, ends
    place, ordered = ends - bucket, np.empty(size, dtype=np.uint64)

    def scatter(first, last):
        cpu.scatter(unsorted, first * cpu.BLOCK, min(last * cpu.BLOCK, size), shift, place, ordered)

    threads.for_blocks(scatter, blocks, work=WORD_COST * size, num_threads=1)

    def sort(first, last):
        cpu.sort_buckets(ordered, unsorted, ends, first, last, payload_bits, shift)

    threads.for_blocks(sort, len(ends), work=SORT_COST * size, num_threads=num_threads)
    return ordered, ends
