# Written by kernels/common/generate_tables.py from kernels/dynamics/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        Py_ssize_t (*trajectory_scratch)(const trajectory_problem *problem) noexcept nogil
        void (*dynamics_start)(const trajectory_problem *problem, Py_ssize_t block, double *state) noexcept nogil
        void (*dynamics_run)(const trajectory_problem *problem, Py_ssize_t block, Py_ssize_t begin, Py_ssize_t end,
                             double *state, double *scratch) noexcept nogil
        void (*trajectory_prepare)(const trajectory_problem *problem, Py_ssize_t block, double *scratch) noexcept nogil
        void (*dynamics_advance)(const trajectory_problem *problem, Py_ssize_t block, Py_ssize_t round,
                                 const double *scores, double *policies, double *state, double *scratch) noexcept nogil
        void (*dynamics_finish)(const trajectory_problem *problem, Py_ssize_t block, const double *state,
                                Py_ssize_t round, double tolerance, const trajectory_results *out) noexcept nogil
        void (*lyapunov_start)(Py_ssize_t lanes, Py_ssize_t size, double *tangent) noexcept nogil
        void (*lyapunov_run)(const trajectory_problem *problem, Py_ssize_t block, Py_ssize_t begin, Py_ssize_t end,
                             double *state, double *tangent, double *scratch) noexcept nogil
        void (*lyapunov_finish)(const trajectory_problem *problem, Py_ssize_t block, const double *tangent, double count,
                                double *exponent) noexcept nogil
        int (*dynamics_stays)(Py_ssize_t size, const double *skew, const double *policy) noexcept nogil
        int (*policy_are_preferences)(Py_ssize_t size, const double *P, double tolerance) noexcept nogil
        int (*policy_normalise)(Py_ssize_t size, double *masses) noexcept nogil
        void (*policy_skew)(Py_ssize_t size, const double *P, double *M) noexcept nogil
        int (*policy_is_certain)(Py_ssize_t size, const double *P) noexcept nogil
        int (*policy_is_positive)(Py_ssize_t size, const double *x) noexcept nogil
        void (*policy_softmax)(Py_ssize_t size, double *x) noexcept nogil
        double (*policy_frequency)(Py_ssize_t size, const double *skew, const double *pi, double *scratch) noexcept nogil
        double (*equilibrium)(const equilibrium_point *point, double *theta, stability_report *report,
                              double *scratch) noexcept nogil
        int (*equilibrium_is_found)(Py_ssize_t size, const double *theta, double residual) noexcept nogil
        void (*spectral_radii)(const equilibrium_point *point, const double *pi, Py_ssize_t points, const double *alpha,
                               const double *beta, const double *lam, double *out, double *scratch) noexcept nogil
        void (*critical_start)(critical_search *search) noexcept nogil
        int (*critical_advance)(critical_search *search, Py_ssize_t count, double *theta, double *scratch) noexcept nogil
        void (*stability_constants)(Py_ssize_t size, const double *skew, double *out, double *scratch) noexcept nogil
        void (*stability_conditions)(const double *constants, double alpha, double feedback,
                                     uint8_t *holds) noexcept nogil
        void (*stability_onset)(double strength, double alpha, double beta, double lam, double *out) noexcept nogil
        void (*collapse_rates)(int method, Py_ssize_t size, const double *P, const double *sampler, Py_ssize_t top,
                               Py_ssize_t points, const double *beta, const double *lam, double *out,
                               double *scratch) noexcept nogil
        void (*multiplayer_rounds)(Py_ssize_t players, Py_ssize_t size, const double *transposed, const double *sampler,
                                   const double *log_ref, double alpha, double beta, double lam, Py_ssize_t steps,
                                   double *path, double *scratch) noexcept nogil
    const af_table *af_select(const char *isa)
