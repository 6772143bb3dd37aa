# Written by kernels/common/generate_tables.py from kernels/dynamics/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        Py_ssize_t (*trajectory_room)(const trajectory_problem *problem) noexcept nogil
        void (*dynamics_start)(const trajectory_problem *problem, Py_ssize_t block, double *state) noexcept nogil
        void (*dynamics_run)(const trajectory_problem *problem, Py_ssize_t block, Py_ssize_t begin, Py_ssize_t end,
                             double *state, double *room) noexcept nogil
        void (*trajectory_prepare)(const trajectory_problem *problem, Py_ssize_t block, double *room) noexcept nogil
        void (*dynamics_advance)(const trajectory_problem *problem, Py_ssize_t block, Py_ssize_t round,
                                 const double *scores, double *policies, double *state, double *room) noexcept nogil
        void (*dynamics_finish)(const trajectory_problem *problem, Py_ssize_t block, const double *state,
                                Py_ssize_t round, double tolerance, const trajectory_results *out) noexcept nogil
        void (*lyapunov_start)(Py_ssize_t size, double *tangent) noexcept nogil
        void (*lyapunov_run)(const trajectory_problem *problem, Py_ssize_t block, Py_ssize_t begin, Py_ssize_t end,
                             double *state, double *tangent, double *room) noexcept nogil
        void (*lyapunov_finish)(const trajectory_problem *problem, Py_ssize_t block, const double *tangent, double count,
                                double *exponent) noexcept nogil
    const af_table *af_select(const char *isa)
