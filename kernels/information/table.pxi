# Written by kernels/common/generate_tables.py from kernels/information/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        af_verdict (*exponential_mean_f32)(const af_rows *rows, int times_order, double *out, double *normalizers,
                                           Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        af_verdict (*exponential_mean_f64)(const af_rows *rows, int times_order, double *out, double *normalizers,
                                           Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*tilted_moments_f32)(const af_rows *rows, int n, const double *means, const double *normalizers,
                                   double *out, Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*tilted_moments_f64)(const af_rows *rows, int n, const double *means, const double *normalizers,
                                   double *out, Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*log_tilted_f32)(const af_rows *rows, const double *means, const double *normalizers, float *out,
                               Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        void (*log_tilted_f64)(const af_rows *rows, const double *means, const double *normalizers, double *out,
                               Py_ssize_t first_row, Py_ssize_t last_row) noexcept nogil
        int (*mean_of_near_f64)(const af_rows *rows, Py_ssize_t row, double rho, int times_order,
                                double *to) noexcept nogil
        void (*order_found_f64)(const af_rows *rows, Py_ssize_t row, Py_ssize_t first, Py_ssize_t last,
                                double *found) noexcept nogil
        int (*order_begin_f64)(const af_rows *rows, Py_ssize_t row, double rho, int times_order, const double *found,
                               af_order_frame *frame) noexcept nogil
        void (*order_parts_f64)(const af_rows *rows, Py_ssize_t row, const af_order_frame *frame, Py_ssize_t first,
                                Py_ssize_t last, double *sums) noexcept nogil
        double (*order_end_f64)(const af_rows *rows, Py_ssize_t row, const af_order_frame *frame, int times_order,
                                const double *sums) noexcept nogil
        int (*order_again_f64)(const af_rows *rows, af_order_frame *frame) noexcept nogil
        double (*plain_entropy)(Py_ssize_t n, const double *p) noexcept nogil
        double (*plain_cross_entropy)(Py_ssize_t n, const double *p, const double *q, int normalize) noexcept nogil
        double (*plain_divergence)(Py_ssize_t n, const double *p, const double *q, int normalize) noexcept nogil
        void (*plain_parts)(int kind, Py_ssize_t n, const double *p, const double *q, Py_ssize_t first, Py_ssize_t last,
                            double *parts) noexcept nogil
        double (*plain_from_parts)(int kind, Py_ssize_t n, const double *p, const double *q, int normalize,
                                   const double *parts) noexcept nogil
        int (*tilts)(const af_rows *rows, int single, void *log_pi, double *out, double *scratch, Py_ssize_t first,
                     Py_ssize_t last) noexcept nogil
        int (*tilts_of_divergence)(const af_rows *rows, int single, const double *log_deficit, const double *start,
                                   double *alpha, double *reached, double *scratch, Py_ssize_t first,
                                   Py_ssize_t last) noexcept nogil
        int (*rates)(const af_rows *rows, int single, double *value, double *t, double *scratch, Py_ssize_t first,
                     Py_ssize_t last) noexcept nogil
        int (*gradients)(const af_rows *rows, int single, int quantity, double *scalars, double *vectors,
                         double *scratch, Py_ssize_t first, Py_ssize_t last) noexcept nogil
        Py_ssize_t (*markov_classes)(Py_ssize_t n, const uint8_t *support, int64_t *label,
                                    int64_t *scratch) noexcept nogil
        void (*markov_walk)(Py_ssize_t n, Py_ssize_t k, const double *weight, double *walks) noexcept nogil
        double (*markov_cycle_mean)(Py_ssize_t n, const double *walks) noexcept nogil
        void (*markov_by_way_of)(Py_ssize_t n, Py_ssize_t k, double *closure, double *scratch) noexcept nogil
        int (*markov_noda)(Py_ssize_t n, const double *matrix, double *vector, double *answer, double *bounds,
                           double *scratch) noexcept nogil
        void (*markov_reduce)(Py_ssize_t n, Py_ssize_t k, double *A) noexcept nogil
        void (*markov_law)(Py_ssize_t n, double *A, double *law) noexcept nogil
        int (*markov_normalise)(Py_ssize_t n, double *matrix) noexcept nogil
        double (*markov_rate)(Py_ssize_t n, const double *P, const double *Q, double rho, double *memory) noexcept nogil
        int (*markov_aligned)(Py_ssize_t n, const double *P, const double *r, double alpha, double *chain, double *out,
                              double *memory) noexcept nogil
        void (*estimates)(Py_ssize_t n, const double *rho, double *k3, double *slope) noexcept nogil
        int (*estimator_moments)(const af_rows *rows, int single, double *scalars, double *vectors, double *scratch,
                                 Py_ssize_t first, Py_ssize_t last) noexcept nogil
    const af_table *af_select(const char *isa)
