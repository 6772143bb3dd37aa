# Written by kernels/common/generate_tables.py from kernels/memoryless/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        void (*types_block)(const types_problem *problem, Py_ssize_t block, double *reward,
                            double *log_pmf) noexcept nogil
        void (*types_means)(Py_ssize_t letters, Py_ssize_t m, Py_ssize_t block, const double *weight,
                            double *sums) noexcept nogil
        int (*letters_ratios)(Py_ssize_t count, const double *values, int64_t *numerator,
                              int64_t *denominator) noexcept nogil
        void (*power)(Py_ssize_t n, uint64_t m, double negligible, double *z) noexcept nogil
        void (*merge)(const merge_tilt *tilt, Py_ssize_t first, Py_ssize_t size, Py_ssize_t n, const double *mass,
                      double *log_pmf, double *error) noexcept nogil
    const af_table *af_select(const char *isa)
