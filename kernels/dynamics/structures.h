/* What trajectories read, what they carry from round to round, and what they come to: of CPU and CUDA kernels.
 *
 * A trajectory is a pair (row, point): a row is one preference matrix with its reference, sampler and first policy, a
 * point one (alpha, beta, lambda). A block is a set of lanes that advance together; it depends on the numbers of rows
 * and points only, never on threads. Arrays over responses are laid out [response][lane]. Lanes without a trajectory
 * repeat the last one, and are never written out. On a device every block has one lane, and a warp advances it. */

#ifndef AF_TRAJECTORIES
#define AF_TRAJECTORIES
#define AF_LINE_DOUBLES 8 /* of the cache */
#ifdef __CUDACC__
#define AF_LARGEST_COPIED 0
#define TRAJECTORY_STEP AF_APART /* a part of a round: once in the code */
#else
#define TRAJECTORY_STEP AF_INLINE
#define AF_LARGEST_COPIED 512     /* responses; a larger matrix of a single trajectory is read in place, not from a copy */
#endif

enum { TRAJECTORY_IPO, TRAJECTORY_DPO };

/* Fields with one value per response and lane. The policy is exp(z) / sum exp(z), z <= 0 with its largest entry 0. */
enum {
    FIELD_Z,
    FIELD_POLICY,
    FIELD_MEAN,
    FIELD_SQUARES, /* sum of squares about the mean (Welford) */
    FIELD_RISE,    /* change of the policy in the last round */
    FIELD_TURNS,   /* number of local maxima so far */
    FIELD_FIRST,   /* time of the first and of the last one */
    FIELD_LAST,
    FIELD_REWARD, /* implicit rewards of DPO, the start of the next solve */
    TRAJECTORY_FIELDS
};
/* Fields with one value per lane: sum exp(z) - 1, entropy and its extremes. */
enum { LANE_REST, LANE_ENTROPY, LANE_LOWEST, LANE_HIGHEST, TRAJECTORY_LANE_FIELDS };

/* Rows of equal width; step 0 where one row serves all. */
typedef struct {
    const double *value;
    ptrdiff_t step;
} trajectory_rows;

typedef struct {
    int method;
    ptrdiff_t lanes; /* of a block: AF_TRAJECTORY_LANES, or 1 */
    ptrdiff_t size, rows, points;
    ptrdiff_t blocks_per_row;                           /* 0: blocks run on from row to row */
    trajectory_rows skew, log_ref, sampler, log_init;   /* P - 1/2 (size x size); log-policies; probabilities */
    trajectory_rows alpha, beta, lambda;                /* one value per point */
    const double *schedule;                             /* (rounds, 3): factors of alpha, beta, lambda, or NULL */
    int64_t pairs;                                      /* sampled afresh each round; 0: exact scores (sampled_pairs.inc) */
    double prior;                                       /* pseudo-pairs beside them */
    uint64_t key, replicate;                            /* of their random words; replicate of the first trajectory */
    ptrdiff_t burn_in;
    ptrdiff_t n_times;
    const int64_t *times; /* ascending rounds whose log-policies go to path (trajectories, n_times, size) */
    double *path;
} trajectory_problem;

/* What a trajectory has come to; one entry per trajectory, one per trajectory and response. */
typedef struct {
    double *log_policy, *mean, *variance, *entropy, *entropy_min, *entropy_max, *period;
    unsigned char *converged;
} trajectory_results;

/* Number of doubles that a block carries from round to round. */
static inline ptrdiff_t trajectory_state_size(ptrdiff_t size, ptrdiff_t lanes) {
    return (TRAJECTORY_FIELDS * size + TRAJECTORY_LANE_FIELDS) * lanes;
}

/* The next beginning of a line of the cache: a vector across two of them costs twice. */
static inline double *trajectory_aligned(double *x) {
    return x + (-(uintptr_t)x % (8 * AF_LINE_DOUBLES)) / sizeof(double);
}

/* Number of trajectories of a block, the first of them at *first. */
static inline ptrdiff_t trajectory_range(const trajectory_problem *problem, ptrdiff_t block, ptrdiff_t *first) {
    const ptrdiff_t all = problem->rows * problem->points, wide = problem->blocks_per_row;
    const ptrdiff_t row = wide ? block / wide : 0, within = wide ? block % wide : block;
    *first = row * problem->points + within * problem->lanes;
    const ptrdiff_t end = wide ? (row + 1) * problem->points : all;
    return end - *first < problem->lanes ? end - *first : problem->lanes;
}
#endif
