# Written by kernels/common/generate_tables.py from kernels/policy/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        int (*policy_are_preferences)(Py_ssize_t size, const double *P, double tolerance) noexcept nogil
        int (*policy_normalise)(Py_ssize_t size, double *masses) noexcept nogil
        void (*policy_advantages)(Py_ssize_t size, const double *P, const double *mu, double *out) noexcept nogil
        int (*policy_seen_advantages_f32)(Py_ssize_t size, const float *P, double tolerance, const double *mu,
                                          double *out) noexcept nogil
        int (*policy_seen_advantages_f64)(Py_ssize_t size, const double *P, double tolerance, const double *mu,
                                          double *out) noexcept nogil
        double (*policy_hodge)(Py_ssize_t size, const double *P, double *score, double *cyclic) noexcept nogil
        void (*policy_tilt)(Py_ssize_t size, const double *ref, const double *score, double beta, double *log_pi,
                            double *out, double *scratch) noexcept nogil
        double (*policy_least_ipo_loss)(Py_ssize_t size, const double *mu, const double *advantage) noexcept nogil
        double (*policy_ipo_loss)(Py_ssize_t size, const double *h, const double *mu, const double *advantage,
                                  double beta, double *gradient) noexcept nogil
        double (*policy_pair_potential)(Py_ssize_t size, const double *P, const double *rho, double *potential,
                                        double *scratch, Py_ssize_t *index) noexcept nogil
        double (*policy_rewards)(Py_ssize_t size, const double *P, const double *mu, double tol, Py_ssize_t most,
                                 double *reward, double *scratch) noexcept nogil
        double (*policy_dpo_loss)(Py_ssize_t size, const double *reward, const double *P, const double *mu,
                                  double *gradient, double *scratch) noexcept nogil
        void (*policy_sensitivities)(Py_ssize_t size, Py_ssize_t columns, const double *P, const double *mu,
                                     const double *reward, const double *direction, double *change,
                                     double *scratch) noexcept nogil
        void (*policy_ipo_covariance)(Py_ssize_t size, const double *P, const double *mu, const double *h,
                                      double *out) noexcept nogil
        void (*policy_dpo_covariance)(Py_ssize_t size, const double *P, const double *mu, const double *reward,
                                      double *out, double *scratch) noexcept nogil
        int (*policy_axioms_f32)(Py_ssize_t size, const float *P, double tolerance, int wanted, int64_t *properties,
                                 uint8_t *smith, int64_t *order, double *M, int64_t *integers) noexcept nogil
        int (*policy_axioms_f64)(Py_ssize_t size, const double *P, double tolerance, int wanted, int64_t *properties,
                                 uint8_t *smith, int64_t *order, double *M, int64_t *integers) noexcept nogil
        int (*policy_keeps_order_f32)(Py_ssize_t size, const float *P, double tolerance,
                                      const double *score) noexcept nogil
        int (*policy_keeps_order_f64)(Py_ssize_t size, const double *P, double tolerance,
                                      const double *score) noexcept nogil
        int (*policy_is_top)(Py_ssize_t size, const uint8_t *mask, const double *score) noexcept nogil
        double (*order_sampler)(Py_ssize_t size, const double *P, const int64_t *order, double *mu, double *q,
                                double *scratch) noexcept nogil
        double (*smith_sampler)(Py_ssize_t size, const double *P, const uint8_t *members, const double *ref, double *mu,
                                double *w, double *beta, double *scratch) noexcept nogil
        int (*policy_is_positive)(Py_ssize_t size, const double *x) noexcept nogil
        int (*policy_is_certain)(Py_ssize_t size, const double *P) noexcept nogil
        Py_ssize_t (*policy_count)(Py_ssize_t count, Py_ssize_t size, const int64_t *winner, const int64_t *loser,
                                  const uint8_t *tied, const double *weight, double *wins, double *ties) noexcept nogil
        void (*policy_shares)(Py_ssize_t size, double prior, double *wins) noexcept nogil
        void (*policy_from_scores)(Py_ssize_t size, Py_ssize_t attributes, double scale, const double *score,
                                   const int64_t *chosen, double *P, double *scratch) noexcept nogil
        void (*gain_sums)(Py_ssize_t count, const double *x, const double *weight, double centre, Py_ssize_t tilts,
                          const double *tilt, double *out) noexcept nogil
        void (*gain_of_gold)(Py_ssize_t count, const double *x, double centre, const double *away, double tilt, int held,
                             double *e, double *influence, double *out) noexcept nogil
        void (*gain_constants)(Py_ssize_t count, const double *d, const double *first, const double *second,
                               const double *third, double t, double log_mgf, double mean, int held, double *above,
                               double *out) noexcept nogil
        void (*gain_ends)(Py_ssize_t count, const double *const *field, double z, double fewest, double skewed,
                          double *lower, double *upper) noexcept nogil
        int (*gain_gaps)(Py_ssize_t count, const double *proxy, const double *gold, Py_ssize_t betas, const double *beta,
                         double *scratch, double *out) noexcept nogil
        void (*gain_bin)(Py_ssize_t count, const double *x, const double *weight, double width, Py_ssize_t bins,
                         double *scratch, double *moments) noexcept nogil
        void (*gain_binned)(Py_ssize_t bins, const double *moments, double width, double centre, Py_ssize_t tilts,
                            const double *tilt, double *out) noexcept nogil
    const af_table *af_select(const char *isa)
