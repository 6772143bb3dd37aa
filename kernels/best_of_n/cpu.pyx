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
        void (*word_tails)(Py_ssize_t, const uint64_t*, double*) noexcept nogil
        void (*fold_exponents)(uint64_t, uint64_t, uint64_t, double, Py_ssize_t, double*) noexcept nogil
        void (*exponent_tails)(Py_ssize_t, const double*, double*) noexcept nogil
        void (*gaussian_rewards)(Py_ssize_t, const double*, double, double, double*) noexcept nogil
        void (*uniform_rewards)(Py_ssize_t, const double*, double*) noexcept nogil
        void (*table_rewards)(Py_ssize_t, const double*, Py_ssize_t, const double*, const double*,
                              double*) noexcept nogil
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


def word_tails(const uint64_t[::1] winner, double[::1] tail):
    """Write the upper-tail probabilities (w + 1/2) 2^-64 of survival words, below 1."""
    if winner.shape[0]:
        with nogil:
            table.word_tails(winner.shape[0], &winner[0], &tail[0])


def fold_exponents(uint64_t key, uint64_t replicate, uint64_t draw, double size, double[::1] exponent):
    """Lower ``exponent[r]`` to -log(u) / size, u the float64 uniform `draw` of replicate ``replicate + r``."""
    if exponent.shape[0]:
        with nogil:
            table.fold_exponents(key, replicate, draw, size, exponent.shape[0], &exponent[0])


def exponent_tails(const double[::1] exponent, double[::1] tail):
    """Write -expm1(-exponent), below 1."""
    if exponent.shape[0]:
        with nogil:
            table.exponent_tails(exponent.shape[0], &exponent[0], &tail[0])


def gaussian_rewards(const double[::1] tail, double mean, double std, double[::1] reward):
    """Write mean + std * isf(tail)."""
    if tail.shape[0]:
        with nogil:
            table.gaussian_rewards(tail.shape[0], &tail[0], mean, std, &reward[0])


def uniform_rewards(const double[::1] tail, double[::1] reward):
    """Write 1 - tail, below 1."""
    if tail.shape[0]:
        with nogil:
            table.uniform_rewards(tail.shape[0], &tail[0], &reward[0])


def table_rewards(const double[::1] tail, const double[::1] ladder, const double[::1] value, double[::1] reward):
    """Write ``value[j]`` for the last j with ``ladder[j] <= tail``; `ladder` ascends from 0."""
    if tail.shape[0]:
        with nogil:
            table.table_rewards(tail.shape[0], &tail[0], ladder.shape[0], &ladder[0], &value[0], &reward[0])
