# Written by kernels/common/generate_tables.py from kernels/pairwise/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        void (*pairs_f32)(const af_pairs *pairs, Py_ssize_t first_tile, Py_ssize_t last_tile) noexcept nogil
        void (*pairs_f64)(const af_pairs *pairs, Py_ssize_t first_tile, Py_ssize_t last_tile) noexcept nogil
        double (*difference_sum_f32)(Py_ssize_t n, const float *x, const float *y) noexcept nogil
        double (*difference_sum_f64)(Py_ssize_t n, const double *x, const double *y) noexcept nogil
        void (*sort_differences_f32)(Py_ssize_t n, const float *x, const float *y, uint64_t *scratch, int32_t *order,
                                     float *values) noexcept nogil
        void (*sort_differences_f64)(Py_ssize_t n, const double *x, const double *y, uint64_t *scratch, int32_t *order,
                                     double *values) noexcept nogil
        void (*token_logprobs_f32)(const af_token_rows *rows, const int64_t *token_ids, double *log_partition,
                                   double *out, Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*token_logprobs_f64)(const af_token_rows *rows, const int64_t *token_ids, double *log_partition,
                                   double *out, Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*logit_gradients_f32)(const af_token_rows *rows, const int64_t *token_ids, const double *log_partition,
                                    const double *factor, const af_token_rows *out, Py_ssize_t first_row,
                                    Py_ssize_t last_row) noexcept nogil
        void (*logit_gradients_f64)(const af_token_rows *rows, const int64_t *token_ids, const double *log_partition,
                                    const double *factor, const af_token_rows *out, Py_ssize_t first_row,
                                    Py_ssize_t last_row) noexcept nogil
        void (*vocabulary_sums_f32)(const af_token_rows *rows, const int64_t *token_ids, Py_ssize_t first_letter,
                                    int moments, double *sums, Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*vocabulary_sums_f64)(const af_token_rows *rows, const int64_t *token_ids, Py_ssize_t first_letter,
                                    int moments, double *sums, Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*vocabulary_gradients_f32)(const af_token_rows *rows, const int64_t *token_ids, Py_ssize_t first_letter,
                                         const double *log_partition, const double *factor,
                                         const double *entropy_factor, const double *entropy, const af_token_rows *out,
                                         Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*vocabulary_gradients_f64)(const af_token_rows *rows, const int64_t *token_ids, Py_ssize_t first_letter,
                                         const double *log_partition, const double *factor,
                                         const double *entropy_factor, const double *entropy, const af_token_rows *out,
                                         Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
    const af_table *af_select(const char *isa)
