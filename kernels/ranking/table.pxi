# Written by kernels/common/generate_tables.py from kernels/ranking/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        void (*ranking_terms_at)(const ranking_problem *problem, const double *u, Py_ssize_t first, Py_ssize_t n,
                                 ranking_terms *terms) noexcept nogil
        void (*ranking_pass)(const ranking_problem *problem, const double *u, Py_ssize_t first, Py_ssize_t last,
                             const ranking_sums *sums) noexcept nogil
        void (*ranking_product)(const ranking_problem *problem, const double *curvature, const double *mixed,
                                const double *v, Py_ssize_t first, Py_ssize_t last, double *out) noexcept nogil
        void (*ranking_assemble)(const ranking_problem *problem, Py_ssize_t first, Py_ssize_t n, const double *curvature,
                                 const double *mixed, double *matrix, Py_ssize_t stride) noexcept nogil
        void (*ranking_prior)(const ranking_problem *problem, const double *u, double *value, double *gradient,
                              double *diagonal, Py_ssize_t step) noexcept nogil
        int (*ranking_cholesky)(Py_ssize_t n, double *a, Py_ssize_t stride) noexcept nogil
        void (*ranking_solve)(Py_ssize_t n, const double *u, Py_ssize_t stride, double *x) noexcept nogil
        int (*ranking_newton)(const ranking_problem *problem, double tolerance, int limit, double *u, double *scratch,
                              ranking_report *report) noexcept nogil
        double (*ranking_sum)(Py_ssize_t n, const double *x) noexcept nogil
        void (*ranking_centre)(Py_ssize_t items, double *u) noexcept nogil
        double (*ranking_weight)(const ranking_problem *problem) noexcept nogil
        double (*ranking_evaluate)(const ranking_problem *problem, const double *u, double *gradient,
                                   double *diagonal) noexcept nogil
        int (*ranking_maximum)(const ranking_problem *problem, double tolerance, int limit, double *u, double *scratch,
                               ranking_report *report, double *largest) noexcept nogil
        int (*ranking_is_certain)(const ranking_problem *problem, double tolerance, int limit, const double *u,
                                  double *scratch, ranking_report *report) noexcept nogil
        int (*ranking_covariance)(const ranking_problem *problem, const double *u, double *curvature, double *out,
                                  double *scratch) noexcept nogil
        int (*ranking_centred_inverse)(Py_ssize_t n, Py_ssize_t items, double *matrix, double *out) noexcept nogil
        void (*ranking_half_leverages)(const ranking_problem *problem, const double *curvature,
                                       const double *covariance, double *along, double *half) noexcept nogil
        int (*ranking_reduce_bias)(const ranking_problem *problem, double tolerance, int limit, double *u,
                                   double *scratch, ranking_report *report, double *largest) noexcept nogil
        int (*home_is_told)(const ranking_problem *problem, const uint8_t *home, int64_t *potential,
                            uint8_t *known) noexcept nogil
        int (*home_is_bounded)(const ranking_problem *problem, const uint8_t *home, int8_t *scratch) noexcept nogil
        void (*ranks_of)(Py_ssize_t items, const int64_t *order, const double *scores, double *out) noexcept nogil
        Py_ssize_t (*matrix_cells)(Py_ssize_t n, const double *wins, const double *ties,
                                  const compress_cells *cells) noexcept nogil
        void (*ranking_probabilities)(int model, Py_ssize_t n, const double *d, double tie, int outcome,
                                      double *out) noexcept nogil
        void (*ranking_prepare)(const ranking_problem *problem, const int32_t *row, ranking_draws *draws,
                                double *memory) noexcept nogil
        void (*ranking_resample)(const ranking_problem *problem, const ranking_draws *draws, uint64_t key,
                                 uint64_t replicate, double *wins_first, double *wins_second, double *ties,
                                 double *scratch) noexcept nogil
        int (*ranking_proves)(const ranking_problem *problem, const double *u, double row, double steepness,
                              double *scratch) noexcept nogil
        int (*ranking_chord_factor)(const ranking_problem *problem, const double *u, double *factor, double *known,
                                    double *scratch) noexcept nogil
        int (*ranking_chord)(const ranking_problem *problem, const double *factor, const double *known,
                             double tolerance, double *u, double *scratch) noexcept nogil
        int (*ranking_side_parent)(const ranking_problem *problem, const ranking_draws *draws, const double *u,
                                   float *inverse, float *slopes, double *scratch) noexcept nogil
        void (*ranking_side)(const ranking_problem *problem, const ranking_draws *draws, const ranking_parent *parent,
                             uint64_t key, uint64_t replicate, double tolerance, double *scratch, double *u, int *state,
                             uint8_t *both) noexcept nogil
        int (*ranking_connected)(const ranking_problem *problem, uint8_t *reached) noexcept nogil
        void (*ranking_eliminate)(Py_ssize_t n, Py_ssize_t high, Py_ssize_t low, double *rates) noexcept nogil
        void (*compress_tally)(const compress_rows *rows, Py_ssize_t first, Py_ssize_t last, uint32_t *table,
                               uint64_t *status) noexcept nogil
        void (*compress_tally_weights)(const compress_rows *rows, Py_ssize_t first, Py_ssize_t last, double *table,
                                       uint64_t *status) noexcept nogil
        Py_ssize_t (*compress_table_cells)(const void *table, int real, int32_t n, int ties, int homes,
                                          const compress_cells *cells) noexcept nogil
        void (*compress_words)(const compress_rows *rows, compress_layout layout, Py_ssize_t first, Py_ssize_t last,
                               int shift, uint64_t *words, int64_t *bucket, uint64_t *status) noexcept nogil
        void (*compress_scatter)(const uint64_t *words, Py_ssize_t first, Py_ssize_t last, int shift, int64_t *place,
                                 uint64_t *out) noexcept nogil
        void (*compress_sort)(Py_ssize_t n, uint64_t *words, uint64_t *other, int low, int high) noexcept nogil
        Py_ssize_t (*compress_word_cells)(const compress_rows *rows, compress_layout layout, Py_ssize_t n,
                                         const uint64_t *words, const compress_cells *cells) noexcept nogil
        void (*elo_play)(const elo_games *games, double k, Py_ssize_t first, Py_ssize_t last,
                         double *rating) noexcept nogil
        void (*elo_shuffle)(uint64_t key, uint64_t replicate, Py_ssize_t size, int32_t *order) noexcept nogil
        void (*choices_pass)(const choices *choice, const double *u, const double *w, Py_ssize_t first, Py_ssize_t last,
                             Py_ssize_t tile, double *scratch, double *gradient, double *diagonal,
                             double *total) noexcept nogil
        void (*choices_matrix)(const choices *choice, const double *w, Py_ssize_t first, Py_ssize_t last,
                               Py_ssize_t n_items, double *left, double *matrix) noexcept nogil
        void (*choices_product)(const choices *choice, const double *w, const double *v, Py_ssize_t first,
                                Py_ssize_t last, Py_ssize_t tile, double *scratch, double *out) noexcept nogil
        Py_ssize_t (*reach_sweep)(Py_ssize_t n, const int32_t *first, const int32_t *second, const double *wins_first,
                                 const double *wins_second, const double *ties, int against, int backwards,
                                 Py_ssize_t most, uint8_t *reached) noexcept nogil
        Py_ssize_t (*votes_numbers)(Py_ssize_t n, const int64_t *value, Py_ssize_t slots, Py_ssize_t known, int32_t *slot,
                                   int64_t *name) noexcept nogil
        void (*votes_codes)(Py_ssize_t n, const int64_t *value, const int32_t *slot, int32_t *code) noexcept nogil
        int64_t (*votes_counts)(Py_ssize_t n, const int64_t *first, const int64_t *second, const int8_t *winner,
                                int bits, uint32_t *counts) noexcept nogil
        void (*votes_seen)(int bits, const uint32_t *counts, uint32_t *seen) noexcept nogil
        void (*votes_of_counts)(Py_ssize_t items, const int64_t *name, int bits, const uint32_t *counts, double *wins,
                                double *ties) noexcept nogil
        Py_ssize_t (*votes_matrices)(const votes *vote, Py_ssize_t items, double *wins, double *ties) noexcept nogil
        void (*votes_mirrored)(Py_ssize_t items, double *ties) noexcept nogil
        Py_ssize_t (*votes_points)(const votes *vote, const votes_rules *rules, int exact, double *points) noexcept nogil
        Py_ssize_t (*strengths)(const strengths_counts *counts, double tolerance, Py_ssize_t limit, double *scratch,
                               double *score) noexcept nogil
        Py_ssize_t (*tied)(const tied_counts *counts, double tolerance, Py_ssize_t limit, double *scratch, double *v,
                          double *score) noexcept nogil
        Py_ssize_t (*power)(Py_ssize_t n, const double *matrix, double tolerance, Py_ssize_t limit, double *scratch,
                           double *score) noexcept nogil
        void (*pair_sums)(Py_ssize_t pairs, const int64_t *first, const int64_t *second, const double *times,
                          const double *weight, double *sums) noexcept nogil
        void (*ep_pass)(const ep_state *state, double *u) noexcept nogil
        void (*gaps_largest)(Py_ssize_t items, Py_ssize_t count, Py_ssize_t start, Py_ssize_t rows, const float *above,
                             const float *below, const float *deviation, float *scratch, float *out) noexcept nogil
    const af_table *af_select(const char *isa)
