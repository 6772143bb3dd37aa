/* CUDA kernels of information: a warp does with a row what a thread of a processor does there, by the same text.
 *
 *     cuda_means.inc     exponential means of every order, and all that follows from them
 *     cuda_tilted.inc    cumulants of tilts
 *     cuda_sums.inc      log-MGFs of regular rows in tiles, for many warps to a row
 *     cuda_gradients.inc derivatives of tilts and measures, of gradient.inc
 *     here               tilts and rate functions of solve.inc
 *     cuda_row.inc, cuda_relative.inc   what differs in those texts */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_lanes.h"
#include "alignment_fast/af_math.h"

#define restrict
#include "information/formulas.h"
#include "information/structures.h"
#include "information/tilted_row.inc"
#include "information/solve.inc"

/* Letters of a row, float or double, as double: one text serves both. */
typedef struct letters {
    const void *from;
    int single;
    __device__ __forceinline__ double operator[](ptrdiff_t i) const {
        return single ? (double)((const float *)from)[i] : ((const double *)from)[i];
    }
    __device__ __forceinline__ letters operator+(ptrdiff_t n) const {
        return {single ? (const void *)((const float *)from + n) : (const void *)((const double *)from + n), single};
    }
} letters;
#define AF_LETTERS letters
#define AF_LETTERS_OF(rows, array, row) \
    (letters{(rows)->array, (rows)->single} + ((rows)->array ? (row) * (rows)->array##_stride : 0))

AF_INLINE void put_real(int single, void *to, int64_t at, double x) {
    if (single)
        ((float *)to)[at] = (float)x;
    else
        ((double *)to)[at] = x;
}

#define AF_TYPED(name) name##_f64
#include "information/relative.inc"
#include "information/cuda_means.inc"
#include "information/cuda_tilted.inc"
#include "information/cuda_sums.inc"

/* Orders come as arguments: nothing is copied that a launch would have to wait for. */
#define MOST_NUMBERS 32
typedef struct {
    double number[MOST_NUMBERS];
} few_numbers;

AF_KERNEL(clear)(int64_t n, unsigned *to) {
    AF_EACH(i, n) to[i] = 0;
}

AF_KERNEL(put_numbers)(const __grid_constant__ few_numbers given, int64_t n, double *to) {
#pragma unroll
    for (int k = 0; k < MOST_NUMBERS; ++k)
        if (k < n && af_thread() == k) to[k] = given.number[k];
}

/* values[row][k] = others factors where that is finite and the factor is not NaN. */
AF_KERNEL(replace_finite)(int64_t count, int64_t points, int64_t single, const double *factors, int64_t stride,
                          const void *others, void *values) {
    AF_EACH(i, count * points) {
        const double factor = factors[i / points * stride + i % points];
        const double value = factor * letters{others, (int)single}[i];
        if (af_absolute_f64(value) < AF_INFINITY) put_real((int)single, values, i, value);
    }
}

AF_KERNEL(add)(int64_t n, int64_t other, int64_t single, const void *others, void *values) {
    AF_EACH(i, n) put_real((int)single, values, i, letters{values, (int)single}[i] + letters{others, (int)single}[i % other]);
}

AF_KERNEL(spread_numbers)(int64_t count, int64_t points, int64_t single, const double *numbers, int64_t stride, void *to) {
    AF_EACH(i, count * points) put_real((int)single, to, i, numbers[i / points * stride + i % points]);
}

/* Scratch of this warp. */
AF_INLINE double *own_scratch(double *scratch, int64_t letters) {
    return scratch + af_thread() / AF_WARP * AF_ROW_SCRATCH * letters;
}

/* Whether order k of a row is a number: NaN stands for a tilt that there is none of. */
AF_INLINE int has_tilt(const af_rows &rows, int64_t row, int64_t k) {
    const double order = rows.orders[row * rows.orders_stride + k];
    return order == order;
}

/* Tilts by rows.orders: log_pi[row][k], unless it is NULL, and the fields of each tilt by [row][k]; NaN in a row that is bad,
 * and for an order that is NaN. */
AF_KERNEL(tilt_rows)(const __grid_constant__ af_rows rows, int64_t count, double *scratch, double *fields,
                 void *log_pi, void *divergence, void *mean, void *variance, void *log_mgf) {
    AF_EACH_WARP(row, count) {
        const int good =
            tilts(&rows, rows.single, log_pi, fields, own_scratch(scratch, rows.letters), row, row + 1) == AF_ROWS_GOOD;
        AF_MEET();
        AF_EACH_OWN(k, rows.n_orders) {
            const int64_t point = row * rows.n_orders + k;
            const int there = good && has_tilt(rows, row, k);
            const double *of = fields + point * AF_TILT_FIELDS;
            put_real(rows.single, divergence, point, there ? of[AF_TILT_DIVERGENCE] : AF_NAN);
            put_real(rows.single, mean, point, there ? of[AF_TILT_MEAN] : AF_NAN);
            put_real(rows.single, variance, point, there ? of[AF_TILT_VARIANCE] : AF_NAN);
            put_real(rows.single, log_mgf, point, there ? of[AF_TILT_LOG_MGF] : AF_NAN);
        }
        for (int64_t k = 0; log_pi && k < rows.n_orders; ++k)
            if (!(good && has_tilt(rows, row, k)))
                AF_EACH_OWN(i, rows.letters)
                    put_real(rows.single, log_pi, (row * rows.n_orders + k) * rows.letters + i, AF_NAN);
    }
}

/* The tilts alpha[row][k] of the divergences rows.orders, from `start` unless that is NULL, and what they reach; NaN in a
 * row that is bad and, unless log_deficit says what is left, for a divergence that none was found to meet. */
AF_KERNEL(divergence_rows)(const __grid_constant__ af_rows rows, int64_t count, double *scratch, const double *log_deficit,
                           const double *start, double *reached, double *alpha) {
    AF_EACH_WARP(row, count) {
        const int good = tilts_of_divergence(&rows, rows.single, log_deficit, start, alpha, reached,
                                             own_scratch(scratch, rows.letters), row, row + 1) == AF_ROWS_GOOD;
        AF_MEET();
        AF_EACH_OWN(k, rows.n_orders) {
            const int64_t point = row * rows.n_orders + k;
            const double goal = rows.orders[row * rows.orders_stride + k], missed = af_absolute_f64(reached[point] - goal);
            const int met = log_deficit || !(alpha[point] < AF_INFINITY) || (missed <= AF_GOAL_TOLERANCE * goal);
            if (!(good && met)) alpha[point] = AF_NAN;
        }
    }
}

/* I(x) at the levels rows.orders and its maximisers, by [row][k], in double; NaN in a row that is bad. */
AF_KERNEL(rate_rows)(const __grid_constant__ af_rows rows, int64_t count, double *scratch, double *rate, double *at,
                 void *value, void *t) {
    AF_EACH_WARP(row, count) {
        const int good = rates(&rows, rows.single, rate, at, own_scratch(scratch, rows.letters), row, row + 1) == AF_ROWS_GOOD;
        AF_MEET();
        AF_EACH_OWN(k, rows.n_orders) {
            const int64_t point = row * rows.n_orders + k;
            put_real(rows.single, value, point, good ? rate[point] : AF_NAN);
            put_real(rows.single, t, point, good ? at[point] : AF_NAN);
        }
    }
}

/* ρ = log π/b, ρ²/2 and e^-ρ - 1 + ρ, then 1, ρ and 1 - e^-ρ; a step of 0: one number for all samples. ρ and its square are
 * rounded to the type of the samples, as on the processor. */
typedef struct {
    void *to[6];
} estimator_arrays;

AF_KERNEL(sample_estimators)(int64_t n, int64_t single, const void *policy, int64_t policy_step, const void *reference,
                             int64_t reference_step, const __grid_constant__ estimator_arrays out) {
    AF_EACH(i, n) {
        const double a = letters{policy, (int)single}[i * policy_step], b = letters{reference, (int)single}[i * reference_step];
        const double rho = single ? (double)((float)a - (float)b) : a - b;
        const double half = single ? (double)(0.5f * (float)rho * (float)rho) : 0.5 * rho * rho;
        put_real((int)single, out.to[0], i, rho);
        put_real((int)single, out.to[1], i, half);
        put_real((int)single, out.to[2], i, rho == -AF_INFINITY ? AF_INFINITY : af_exponential_rest(-rho));
        put_real((int)single, out.to[3], i, rho == rho ? 1.0 : rho);
        put_real((int)single, out.to[4], i, rho);
        put_real((int)single, out.to[5], i, 0.0 - af_expm1_f64(-rho));
    }
}

#include "information/cuda_gradients.inc"
