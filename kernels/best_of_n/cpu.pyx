"""Entry points of the best-of-N loops."""

from libc.stdint cimport uint64_t

from alignment_fast.kernels.common.cpu import ISA

cdef extern from *:
    """
    #define AF_LOOPS "best_of_n/loops.inc"
    #include "alignment_fast/af_simd.h"
    """
    ctypedef struct af_race:
        uint64_t draws, ties, start, stop
    ctypedef struct af_table:
        const char *isa
        void (*fold_winners)(const af_race*, uint64_t, Py_ssize_t, uint64_t*) noexcept nogil
        void (*tails)(Py_ssize_t, const uint64_t*, double*) noexcept nogil
    const af_table *af_select(const char *isa)

cdef const af_table *table = af_select(ISA.encode())


# ---- exact laws (law.inc) ----


# ---- simulation (simulation.inc) ----


def fold_winners(uint64_t draws, uint64_t ties, uint64_t start, uint64_t stop, uint64_t replicate, uint64_t[::1] winner):
    """Lower ``winner[r]`` to the smallest 64-bit survival word of draws start..stop-1 of replicate ``replicate + r``.

    `draws` and `ties` are the keys of the streams of the high and the low words.
    """
    cdef af_race race
    race.draws, race.ties, race.start, race.stop = draws, ties, start, stop
    if winner.shape[0] and start < stop:
        with nogil:
            table.fold_winners(&race, replicate, winner.shape[0], &winner[0])


def tails(const uint64_t[::1] winner, double[::1] tail):
    """Write the upper-tail probabilities (w + 1/2) 2^-64 of survival words, below 1."""
    if winner.shape[0]:
        with nogil:
            table.tails(winner.shape[0], &winner[0], &tail[0])
