/* CUDA kernels of ranking: the log-likelihood of cells and of rankings, its gradient in the scores, and products with its
 * Hessian there.
 *
 * Terms of cells by the formulas of the processor; then every item adds up those of its own cells, which are listed by item
 * in the order of the cells, by a warp in a fixed order: no atomics, the same bits for any launch. The sum over all cells is
 * one over blocks of 4096, from left to right. Bound: memory, 32 bytes a cell for terms and 16 for each side of a sum. */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_math.h"
#include "alignment_fast/af_random.h"
#include "ranking/formulas.h"

#define RANKING_BLOCK 4096 /* AF_BLOCK */

/* Cells. ties: of each, or NULL; covariates by rows, start NULL: none. Unknowns u: scores of the items, coefficients of the
 * covariates, and τ in models with ties, the last of them. */
typedef struct {
    int64_t cells, items, last;
    const int32_t *first, *second;
    const double *wins_first, *wins_second, *ties;
    const int64_t *start;
    const int32_t *column;
    const double *covariate, *u;
} ranking_cells;

typedef struct {
    double *value, *slope, *curvature;
} ranking_terms;

AF_INLINE double difference_of(const ranking_cells &given, int64_t k) {
    const double *u = given.u;
    double more = 0.0;
    if (given.start)
        for (int64_t e = given.start[k]; e < given.start[k + 1]; ++e) more += given.covariate[e] * u[given.items + given.column[e]];
    return u[given.first[k]] - u[given.second[k]] + more;
}

AF_INLINE void put_term(const ranking_terms &to, int64_t k, const ranking_term &term) {
    to.value[k] = term.value;
    to.slope[k] = term.slope;
    to.curvature[k] = term.curvature;
}

#define RANKING_TERMS_KERNEL(NAME, name, chance) \
    AF_KERNEL(terms_##name)(const __grid_constant__ ranking_cells given, const __grid_constant__ ranking_terms to) { \
        AF_EACH(k, given.cells) { \
            const double half = given.ties ? 0.5 * given.ties[k] : 0.0, d = difference_of(given, k); \
            put_term(to, k, term_##name(d, given.wins_first[k] + half, given.wins_second[k] + half)); \
        } \
    }
RANKING_WITHOUT_TIES(RANKING_TERMS_KERNEL)

#define RANKING_TIED_KERNEL(NAME, name, type) \
    AF_KERNEL(terms_##name)(const __grid_constant__ ranking_cells given, const __grid_constant__ ranking_terms to) { \
        const type of_all = type##_of(given.u[given.last]); \
        AF_EACH(k, given.cells) { \
            const double tied = given.ties ? given.ties[k] : 0.0, d = difference_of(given, k); \
            put_term(to, k, term_##name(d, given.wins_first[k], given.wins_second[k], tied, of_all)); \
        } \
    }
RANKING_WITH_TIES(RANKING_TIED_KERNEL)

/* out = n scores, and up to two numbers behind them. */
AF_KERNEL(scores_and_more)(int64_t n, const double *scores, int64_t more, double one, double other, double *out) {
    AF_EACH(i, n + more) out[i] = i < n ? scores[i] : i == n ? one : other;
}

/* sum[block] = Σ x over a block, by a warp. */
AF_KERNEL(block_sums)(int64_t n, const double *x, double *sum) {
    AF_EACH_WARP(block, (n + RANKING_BLOCK - 1) / RANKING_BLOCK) {
        const int64_t last = (block + 1) * RANKING_BLOCK < n ? (block + 1) * RANKING_BLOCK : n;
        double mine = 0.0;
        for (int64_t i = block * RANKING_BLOCK + af_lane(); i < last; i += AF_WARP) mine += x[i];
        mine = af_warp_sum(mine);
        if (af_lane() == 0) sum[block] = mine;
    }
}

/* out = the sums of all blocks, from left to right. */
AF_KERNEL(total_of_blocks)(int64_t blocks, const double *sum, double *out) {
    AF_EACH(task, 1) {
        double total = 0.0;
        for (int64_t block = 0; block < blocks; ++block) total += sum[block];
        out[task] = total;
    }
}

/* Entries start[i] .. start[i + 1] - 1 are those of item i: twice the number of a cell, and 1 more where i is its second. */

/* out[i] = Σ slope over the cells of i, negative where it is the second. */
AF_KERNEL(slopes_of_items)(int64_t items, const int64_t *start, const int64_t *entry, const double *slope, double *out) {
    AF_EACH_WARP(i, items) {
        double sum = 0.0;
        for (int64_t e = start[i] + af_lane(); e < start[i + 1]; e += AF_WARP) {
            const double one = slope[entry[e] / 2];
            sum += entry[e] % 2 ? -one : one;
        }
        sum = af_warp_sum(sum);
        if (af_lane() == 0) out[i] = sum;
    }
}

/* out[i] = Σ curvature (v_i - v_j) over the cells of i, j being the other one. */
AF_KERNEL(products_of_items)(int64_t items, const int64_t *start, const int64_t *entry, const int32_t *first,
                             const int32_t *second, const double *curvature, const double *v, double *out) {
    AF_EACH_WARP(i, items) {
        double sum = 0.0;
        for (int64_t e = start[i] + af_lane(); e < start[i + 1]; e += AF_WARP) {
            const int64_t cell = entry[e] / 2;
            sum += curvature[cell] * (v[i] - v[entry[e] % 2 ? first[cell] : second[cell]]);
        }
        sum = af_warp_sum(sum);
        if (af_lane() == 0) out[i] = sum;
    }
}

AF_KERNEL(negated)(int64_t n, const double *x, double *out) { AF_EACH(i, n) out[i] = -x[i]; }

/* ---- Plackett-Luce: plackett_luce.inc has the formulas ---- */

/* Rankings; u and w = e^u in units of the greatest. */
typedef struct {
    int64_t rankings;
    const int32_t *item;
    const int64_t *start;
    const int32_t *depth;
    const double *weight, *w;
} choice_rankings;

AF_INLINE double choice_weight(const choice_rankings &given, int64_t r) { return given.weight ? given.weight[r] : 1.0; }

/* The log-likelihood of each ranking, and what each of its places adds to the gradient of its item, a thread for a ranking;
 * `left` is memory for a number of each place. */
AF_KERNEL(choice_terms)(const __grid_constant__ choice_rankings given, const double *u, double *left, double *value,
                        double *slope) {
    AF_EACH(r, given.rankings) {
        const double weight = choice_weight(given, r);
        double sum = 0.0, share = 0.0, total = 0.0;
        for (int64_t p = given.start[r + 1]; p-- > given.start[r];) left[p] = sum += given.w[given.item[p]];
        for (int64_t p = given.start[r]; p < given.start[r + 1]; ++p) {
            const int32_t i = given.item[p];
            const int is_chosen = p - given.start[r] < given.depth[r];
            if (is_chosen) {
                share += 1.0 / left[p];
                total += u[i] - af_log_f64(left[p]);
            }
            slope[p] = weight * (is_chosen - given.w[i] * share);
        }
        value[r] = weight * total;
    }
}

/* What each place adds to the product of the negated Hessian with v for its item. */
AF_KERNEL(choice_products)(const __grid_constant__ choice_rankings given, const double *v, double *left, double *along,
                           double *out) {
    AF_EACH(r, given.rankings) {
        const double weight = choice_weight(given, r);
        double sum = 0.0, moved = 0.0, share = 0.0, mixed = 0.0;
        for (int64_t p = given.start[r + 1]; p-- > given.start[r];) {
            const int32_t i = given.item[p];
            left[p] = sum += given.w[i];
            along[p] = moved += given.w[i] * v[i];
        }
        for (int64_t p = given.start[r]; p < given.start[r + 1]; ++p) {
            const int32_t i = given.item[p];
            if (p - given.start[r] < given.depth[r]) {
                const double one = 1.0 / left[p];
                share += one;
                mixed += along[p] * one * one;
            }
            out[p] = weight * given.w[i] * (v[i] * share - mixed);
        }
    }
}

/* out[i] = Σ x over the entries of item i. */
AF_KERNEL(sums_of_items)(int64_t items, const int64_t *start, const int64_t *entry, const double *x, double *out) {
    AF_EACH_WARP(i, items) {
        double sum = 0.0;
        for (int64_t e = start[i] + af_lane(); e < start[i + 1]; e += AF_WARP) sum += x[entry[e]];
        sum = af_warp_sum(sum);
        if (af_lane() == 0) out[i] = sum;
    }
}
