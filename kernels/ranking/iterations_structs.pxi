# The structures of votes.inc and iterations.inc.

cdef extern from *:
    ctypedef struct votes:
        Py_ssize_t size
        const int32_t *first
        const int32_t *second
        const int8_t *winner
        const double *weight
    ctypedef struct votes_rules:
        double unit, k, win_weight, tie_weight
    ctypedef struct strengths_counts:
        Py_ssize_t items
        const double *wins
        const double *losses
    ctypedef struct tied_counts:
        Py_ssize_t items
        const double *points
        const double *points_lost
        const double *wins
        const double *ties
    ctypedef struct ep_state:
        Py_ssize_t pairs, items
        int logit
        const int64_t *pair
        const int64_t *order
        double *tau
        double *nu
        double *covariance
        double *mean
        double *shift
        double *precision
    enum:
        VOTES_TIE, VOTES_FIRST, VOTES_SECOND
