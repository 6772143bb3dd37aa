/* Rows of weighted letters as kernels read them, on processors and devices; kernels/information/structures.py. */
#ifndef AF_INFORMATION_STRUCTURES
#define AF_INFORMATION_STRUCTURES
/* Below this spread of order times reward, sums of e^x - 1 replace sums of e^x. */
#define AF_NEAR 1.0
#define AF_NEAR_GIVEN 2.5 /* of rewards that are no logarithms, which may cancel in the other form */

enum { AF_WEIGHT_UNIFORM, AF_WEIGHT_PROBABILITY, AF_WEIGHT_LOG };

/* Rows, as given. A stride is the distance of two rows in elements; 0: one row serves all. */
typedef struct {
    const void *weights, *rewards;
    ptrdiff_t weights_stride, rewards_stride, letters;
    int weight_kind, reward_kind, normalize, single; /* single: letters are float, which the loops of a type know anyway */
    const double *orders;
    ptrdiff_t orders_stride, n_orders;
} af_rows;

static inline int af_rewards_used(const af_rows *rows) { return rows->reward_kind != AF_REWARD_OWN_LOG; }

static inline double af_near(const af_rows *rows) {
    return rows->reward_kind == AF_REWARD_GIVEN ? AF_NEAR_GIVEN : AF_NEAR;
}

/* Whether the second array holds logarithms rather than probabilities. */
static inline int af_other_is_log(const af_rows *rows) {
    return rows->reward_kind == AF_REWARD_LOGITS
        || (rows->reward_kind == AF_REWARD_LOG_RATIO && rows->weight_kind == AF_WEIGHT_LOG);
}

/* Whether the second array is a distribution whose total counts. */
static inline int af_other_counts(const af_rows *rows) {
    return rows->normalize && af_rewards_used(rows) && rows->reward_kind != AF_REWARD_GIVEN;
}
#endif
