# Written by kernels/common/generate_tables.py from kernels/best_of_n/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        void (*law_build)(law_row *row, const double *p, const double *reward, int log, void *memory,
                          uint64_t *status) noexcept nogil
        void (*law_points)(Py_ssize_t count, const double *value, int is_log, law_point *out) noexcept nogil
        double (*law_value)(const law_row *row, int kind, double order, law_point n) noexcept nogil
        void (*law_block)(const law_row *row, int kind, double order, Py_ssize_t first, Py_ssize_t count, law_point n,
                          law_partial *out) noexcept nogil
        void (*law_fold)(int kind, law_partial *a, const law_partial *b) noexcept nogil
        double (*law_finish)(const law_row *row, int kind, double order, law_point n,
                             const law_partial *all) noexcept nogil
        void (*law_ratios)(const law_row *row, Py_ssize_t first, Py_ssize_t count, law_point n, double *v) noexcept nogil
        void (*law_pmf)(const law_row *row, int log, const double *v, Py_ssize_t first, Py_ssize_t count,
                        double *out) noexcept nogil
        double (*law_kl_estimate)(const law_row *row, law_point n, const double *v, Py_ssize_t first,
                                  Py_ssize_t count) noexcept nogil
        void (*law_sampler)(const law_row *row, double *log_tail, int32_t *start, double *within) noexcept nogil
        void (*law_draw)(const law_row *row, const double *log_tail, const int32_t *start, const double *within,
                         double n, int is_log, Py_ssize_t count, const double *uniforms, int64_t *out) noexcept nogil
        void (*continuous_values)(int kind, Py_ssize_t count, const double *value, int is_log, double order,
                                  double *out) noexcept nogil
        void (*kl_estimators)(Py_ssize_t rows, const double *p, int p_is_log, Py_ssize_t columns, const double *n,
                              int n_is_log, double *out) noexcept nogil
        double (*aligned_log_deficit)(Py_ssize_t size, const double *log_p, const double *reward,
                                      const double *log_pi) noexcept nogil
        double (*aligned_gap)(Py_ssize_t size, const double *log_pi, const double *log_phi) noexcept nogil
        void (*gaussian_best)(Py_ssize_t count, const double *log_n, Py_ssize_t nodes, const double *node,
                              const double *weight, double *memory, double *mean, double *variance) noexcept nogil
        void (*best_of_poisson)(Py_ssize_t size, const double *p, const double *reward, double mu, double *memory,
                                double *out) noexcept nogil
        void (*win_rate_optimal)(Py_ssize_t size, const double *p, const double *reward, double strength, double *memory,
                                 double *out) noexcept nogil
        void (*quantile_tilt)(double c, double *kl, double *win) noexcept nogil
        double (*quantile_strength)(double kl) noexcept nogil
        double (*pessimism)(Py_ssize_t size, const double *p, const double *reward, double beta, double *memory,
                            double *out) noexcept nogil
        void (*soft_outcomes)(Py_ssize_t size, const double *p, const double *reward, double temperature, double n,
                              double *memory, double *mass, double *scaled) noexcept nogil
        void (*soft_sums)(Py_ssize_t nodes, const double *log_s, const double *weight, Py_ssize_t size,
                          const double *mass, const double *scaled, double n, double *scratch,
                          double *out) noexcept nogil
        void (*soft_trapezes)(Py_ssize_t size, const double *mass, const double *scaled, double n, double shift,
                              double *scratch, double *out) noexcept nogil
        void (*soft_best_of_n)(Py_ssize_t size, const double *p, const double *reward, double n, double temperature,
                               double *memory, double *out) noexcept nogil
        void (*fold_winners)(const af_draw_span *span, uint64_t replicate, Py_ssize_t replicates,
                             uint64_t *winner) noexcept nogil
        void (*word_tails)(Py_ssize_t n, const uint64_t *winner, double *tail) noexcept nogil
        void (*fold_exponents)(uint64_t key, uint64_t replicate, uint64_t draw, double size, Py_ssize_t replicates,
                               double *exponent) noexcept nogil
        void (*exponent_tails)(Py_ssize_t n, const double *exponent, double *tail) noexcept nogil
        void (*gaussian_rewards)(Py_ssize_t n, const double *tail, double mean, double std,
                                 double *reward) noexcept nogil
        void (*uniform_rewards)(Py_ssize_t n, const double *tail, double *reward) noexcept nogil
        void (*table_rewards)(Py_ssize_t n, const double *tail, Py_ssize_t size, const double *ladder,
                              const double *value, double *reward) noexcept nogil
        Py_ssize_t (*table_ladder)(Py_ssize_t size, const double *p, const double *reward, uint64_t *keys,
                                  uint64_t *words, uint64_t *other, int32_t *order, double *mass, double *value,
                                  double *ladder) noexcept nogil
        void (*pool_steps)(int kind, Py_ssize_t size, double *step) noexcept nogil
        int (*pool_arrange)(Py_ssize_t size, const double *score, const double *judged, uint64_t *keys, uint64_t *words,
                            uint64_t *other, int32_t *order, double *value, double *spread,
                            int32_t *tied) noexcept nogil
        void (*pool_mean)(int kind, const pool_row *row, Py_ssize_t groups, const double *n, double *scratch,
                          double *out) noexcept nogil
        void (*pool_weights)(int kind, Py_ssize_t size, const double *step, const double *n,
                             double *weight) noexcept nogil
        void (*pool_dots)(int sorted, Py_ssize_t rows, Py_ssize_t size, const double *value, const double *weight,
                          Py_ssize_t count, double *out) noexcept nogil
        void (*pool_variance)(int kind, int method, const pool_row *row, const double *n, const double *mean,
                              double *out) noexcept nogil
        void (*pool_interpolate)(const double *sum, const double *transform, double low, double high, Py_ssize_t count,
                                 double first, double *out) noexcept nogil
        void (*pass_at_k)(Py_ssize_t count, const int64_t *total, const int64_t *correct, int64_t k, double *found,
                          double *out) noexcept nogil
        int (*pool_max_weights)(Py_ssize_t rows, Py_ssize_t size, const double *reward, int centred, const double *own,
                                const double *below, const double *above, double *out) noexcept nogil
        int (*pool_arrange_small)(Py_ssize_t rows, Py_ssize_t size, const double *score, const double *judged,
                                  uint64_t *words, int32_t *order, double *value, double *spread,
                                  int32_t *tied) noexcept nogil
        void (*pool_ranks_among)(Py_ssize_t rows, Py_ssize_t size, const double *score, Py_ssize_t known,
                                 const double *reference, double *out) noexcept nogil
        int (*pool_hill)(Py_ssize_t rows, Py_ssize_t size, Py_ssize_t top, const double *score, double *index,
                         double *threshold) noexcept nogil
        void (*pool_pareto)(Py_ssize_t rows, Py_ssize_t top, const double *excess, Py_ssize_t points, const double *grid,
                            double *memory, double *index, double *scale) noexcept nogil
        void (*pool_partials)(Py_ssize_t count, const double *a, double log_scale, Py_ssize_t terms, const double *series,
                              double *out) noexcept nogil
        void (*pool_hill_laws)(Py_ssize_t rows, Py_ssize_t size, Py_ssize_t top, const double *ordered,
                               const double *quantile, double largest, Py_ssize_t least, double *excess,
                               double *law) noexcept nogil
        void (*pool_hill_best)(Py_ssize_t rows, Py_ssize_t size, Py_ssize_t below, const double *ordered,
                               const double *law, const double *chance, const double *log_scale, Py_ssize_t terms,
                               const double *series, double *out) noexcept nogil
        void (*fill)(Py_ssize_t n, double value, double *out) noexcept nogil
        int (*are_probabilities)(Py_ssize_t n, const double *p, int log) noexcept nogil
        int (*are_log_probabilities)(Py_ssize_t n, const double *x) noexcept nogil
        int (*all_between)(Py_ssize_t n, const int64_t *x, int64_t low, int64_t high) noexcept nogil
        int (*pool_is_grid)(Py_ssize_t count, const int64_t *n, int64_t most) noexcept nogil
        void (*pool_grid)(Py_ssize_t count, const int64_t *n, Py_ssize_t padded, double *out) noexcept nogil
        void (*count_up)(Py_ssize_t count, int64_t *out) noexcept nogil
        int (*pass_counts_are_good)(Py_ssize_t problems, const int64_t *total, Py_ssize_t total_step,
                                    const int64_t *correct, Py_ssize_t correct_step, Py_ssize_t count,
                                    const int64_t *k) noexcept nogil
        void (*pass_at_each_k)(Py_ssize_t problems, const int64_t *total, Py_ssize_t total_step, const int64_t *correct,
                               Py_ssize_t correct_step, Py_ssize_t count, const int64_t *k, double *out) noexcept nogil
        void (*pass_all_of_k)(Py_ssize_t problems, const int64_t *total, Py_ssize_t total_step, const int64_t *correct,
                              Py_ssize_t correct_step, Py_ssize_t count, const int64_t *k, double *mean,
                              double *variance) noexcept nogil
        void (*pass_at_cost)(Py_ssize_t problems, const int64_t *total, Py_ssize_t total_step, const int64_t *correct,
                             Py_ssize_t correct_step, Py_ssize_t count, const int64_t *k, int64_t most, double *missed,
                             double *cost, double *coverage) noexcept nogil
        Py_ssize_t (*best_of_majority)(Py_ssize_t n, const int64_t *answer, const double *reward, Py_ssize_t k,
                                      double least, Py_ssize_t pairs, int64_t *frequency, int64_t *out) noexcept nogil
        void (*divide)(Py_ssize_t n, double by, double *x) noexcept nogil
        void (*square)(Py_ssize_t n, double *x) noexcept nogil
        void (*round_f32)(Py_ssize_t n, double *x) noexcept nogil
        void (*log_draws)(Py_ssize_t count, const double *value, int is_log, double *out) noexcept nogil
        double (*majority_chance)(int64_t right, Py_ssize_t kinds, const int64_t *others, int64_t k, Py_ssize_t nodes,
                                  const int64_t *least, const double *y, const double *weight,
                                  const double *log_factorial, double *memory) noexcept nogil
        double (*majority_product)(int64_t right, Py_ssize_t kinds, const int64_t *others, int64_t k, Py_ssize_t nodes,
                                   const int64_t *least, const double *y, const double *weight,
                                   const double *log_factorial, int64_t *which, double *memory) noexcept nogil
        Py_ssize_t (*majority_votes)(Py_ssize_t n, const int64_t *given, int64_t right, int64_t *own, int64_t *answer,
                                    int64_t *count) noexcept nogil
        void (*difficulty_likelihood)(Py_ssize_t known, Py_ssize_t sought, const double *x, const difficulty_cells *cells,
                                      difficulty_jet *out) noexcept nogil
        double (*difficulty_extreme)(Py_ssize_t known, Py_ssize_t sought, double *x, const difficulty_cells *cells,
                                     double least, double k, double sign) noexcept nogil
        void (*difficulty_interval)(Py_ssize_t known, const double *x, const double *covariance,
                                    const difficulty_cells *cells, double largest, double reach, double k,
                                    double *out) noexcept nogil
        void (*gao_gains)(int form, Py_ssize_t count, const double *kl, double alpha, double beta,
                          double *out) noexcept nogil
        void (*gao_errors)(int form, Py_ssize_t count, const double *kl, const double *covariance,
                           double *out) noexcept nogil
        int (*gao_points)(Py_ssize_t count, const double *kl, const double *variance,
                          const double *covariance) noexcept nogil
        int (*gao_fit)(int form, Py_ssize_t count, const double *kl, const double *gain, const double *variance,
                       const double *covariance, double *memory, double *out) noexcept nogil
        void (*add_columns)(Py_ssize_t rows, Py_ssize_t columns, const double *x, double *sum) noexcept nogil
        void (*add_products)(Py_ssize_t rows, Py_ssize_t columns, const double *x, const double *mean, double *away,
                             double *products) noexcept nogil
        void (*samples_rank)(ranked_pool *pool, const double *score, const double *log_p, uint64_t *keys,
                             uint64_t *words, uint64_t *other, int32_t *order) noexcept nogil
        void (*samples_divergence)(const ranked_pool *pool, double n, double *memory, double *out) noexcept nogil
        void (*prompt_means)(Py_ssize_t prompts, Py_ssize_t columns, const double *x, const int64_t *group,
                             Py_ssize_t groups, double *memory, double *mean, double *error,
                             int64_t *present) noexcept nogil
    const af_table *af_select(const char *isa)
