"""Best-of-N for Cython code: plain names, no GIL, no exceptions. Formulae: closed_forms.inc, law_each.inc, simulation.inc."""

from libc.stdint cimport uint64_t

# Bound of D(best-of-n || p) over all references: log n - (n - 1)/n.
cdef double kl_upper_bound(double log_n) noexcept nogil
# Estimator of that divergence from the log-probability of the selected outcome.
cdef double kl_estimator(double log_p, double log_n) noexcept nogil
# Smallest 64-bit survival word of draws start .. stop - 1 of a replicate; `draws` and `ties` are keys of streams.
cdef uint64_t winning_word(uint64_t draws, uint64_t ties, uint64_t start, uint64_t stop, uint64_t replicate) noexcept nogil
