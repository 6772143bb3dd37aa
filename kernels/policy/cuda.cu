/* CUDA kernels of policy: the optima of IPO and DPO, their losses and covariances, a thread for each problem (for a response of it: advantages), by the
 * processor's text (responses.inc, rewards.inc, optimum.inc) or in its order; axioms.
 *
 * Bound: latency. A thread goes through its own matrix; many problems of few responses are what they are for. */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_math.h"

#define restrict
#define AF_INDEPENDENT
#include "policy/formulas.h"
#include "common/cuda_arrays.inc"
#include "policy/responses.inc"
#include "policy/rewards.inc"
#include "policy/optimum.inc"
#include "policy/cuda_axioms.inc"

/* M mu of each problem, as policy_advantages adds it up: tile after tile, those below the diagonal by fused products. A step
 * of 0: one row serves all. */
AF_KERNEL(preference_advantages)(int64_t count, int64_t size, const double *P, int64_t P_step, const double *mu, int64_t mu_step,
                                 double *out) {
    AF_EACH(task, count * size) {
        const int64_t row = task / size, i = task - row * size, own = i - i % AF_POLICY_TILE;
        const double *const of = P + row * P_step, *const mass = mu + row * mu_step;
        double sum = 0.0;
        for (int64_t first = 0; first < size; first += AF_POLICY_TILE) {
            const int64_t last = first + TILE_LENGTH(size, first);
            double part = 0.0;
            for (int64_t j = first; j < last; ++j) {
                const double skew = 0.5 * (of[i * size + j] - of[j * size + i]);
                part = first < own ? AF_FMA(skew, mass[j], part) : part + skew * mass[j];
            }
            sum += part;
        }
        out[task] = sum;
    }
}

AF_KERNEL(least_ipo_losses)(int64_t count, int64_t size, const double *mu, int64_t mu_step, const double *advantage,
                            double *out) {
    AF_EACH(row, count) out[row] = policy_least_ipo_loss(size, mu + row * mu_step, advantage + row * size);
}

/* Rewards of DPO and the width of Newton's last step. `scratch` has `own` doubles for each thread. */
AF_KERNEL(dpo_rewards)(int64_t count, int64_t size, const double *P, int64_t P_step, const double *mu, int64_t mu_step, double tol,
                       int64_t most, double *scratch, int64_t own, double *out, double *width) {
    AF_EACH(row, count)
        width[row] = policy_rewards(size, P + row * P_step, mu + row * mu_step, tol, most, out + row * size,
                                    scratch + af_thread() * own);
}

/* Losses of DPO at `reward`, and their gradients. */
AF_KERNEL(dpo_losses)(int64_t count, int64_t size, const double *reward, int64_t reward_step, const double *P, int64_t P_step,
                      const double *mu, int64_t mu_step, double *scratch, int64_t own, double *value, double *gradient) {
    AF_EACH(row, count)
        value[row] = policy_dpo_loss(size, reward + row * reward_step, P + row * P_step, mu + row * mu_step, gradient + row * size,
                                     scratch + af_thread() * own);
}

/* Losses of IPO and their gradients, [row][point] and [row][point][response]. */
AF_KERNEL(ipo_losses)(int64_t count, int64_t points, int64_t size, const double *h, int64_t h_step, const double *mu,
                      int64_t mu_step, const double *advantage, int64_t advantage_step, const double *beta, int64_t beta_step,
                      double *value, double *gradient) {
    AF_EACH(task, count * points) {
        const int64_t row = task / points, point = task - row * points;
        value[task] = policy_ipo_loss(size, h + row * h_step, mu + row * mu_step, advantage + row * advantage_step,
                                      beta[row * beta_step + point], gradient + task * size);
    }
}

/* From the advantages of each problem, a thread for each response. */
AF_KERNEL(ipo_covariances)(int64_t count, int64_t size, const double *P, int64_t P_step, const double *mu, int64_t mu_step,
                           const double *advantage, double *out) {
    AF_EACH(task, count * size) {
        const int64_t row = task / size;
        policy_ipo_covariance_row(size, task - row * size, P + row * P_step, mu + row * mu_step, advantage + row * size,
                                  out + task * size);
    }
}

AF_KERNEL(dpo_covariances)(int64_t count, int64_t size, const double *P, int64_t P_step, const double *mu, int64_t mu_step,
                           const double *reward, int64_t reward_step, double *scratch, int64_t own, double *out) {
    AF_EACH(row, count)
        policy_dpo_covariance(size, P + row * P_step, mu + row * mu_step, reward + row * reward_step, out + row * size * size,
                              scratch + af_thread() * own);
}

/* How DPO's rewards change as mu moves along the columns of `direction`. */
AF_KERNEL(dpo_sensitivities)(int64_t count, int64_t size, int64_t columns, const double *P, int64_t P_step, const double *mu,
                             int64_t mu_step, const double *reward, int64_t reward_step, const double *direction,
                             int64_t direction_step, double *scratch, int64_t own, double *change) {
    AF_EACH(row, count)
        policy_sensitivities(size, columns, P + row * P_step, mu + row * mu_step, reward + row * reward_step,
                             direction + row * direction_step, change + row * size * columns, scratch + af_thread() * own);
}

/* out[row][point][i] = factor[row][point] x[row][i]. */
AF_KERNEL(scaled_rows)(int64_t count, int64_t points, int64_t width, const double *x, int64_t x_step, const double *factor,
                       int64_t factor_step, double *out) {
    AF_EACH(task, count * points * width) {
        const int64_t row = task / width / points, point = task / width % points;
        out[task] = factor[row * factor_step + point] * x[row * x_step + task % width];
    }
}

/* log pi of pi ~ ref exp(beta score), [row][point][response], its entropy and D(pi||ref). */
AF_KERNEL(tilted_policies)(int64_t count, int64_t points, int64_t size, const double *ref, int64_t ref_step,
                           const double *score, int64_t score_step, const double *beta, int64_t beta_step, double *scratch,
                           int64_t own, double *log_pi, double *entropy, double *kl) {
    AF_EACH(task, count * points) {
        const int64_t row = task / points, point = task - row * points;
        double measures[2];
        policy_tilt(size, ref + row * ref_step, score + row * score_step, beta[row * beta_step + point], log_pi + task * size,
                    measures, scratch + af_thread() * own);
        entropy[task] = measures[0];
        kl[task] = measures[1];
    }
}

/* out[row][k] = x[k] + by, x[row x_step + k] where rows have their own. */
AF_KERNEL(raised_rows)(int64_t count, int64_t size, const double *x, int64_t x_step, double by, double *out) {
    AF_EACH(task, count * size) out[task] = x[task / size * x_step + task % size] + by;
}

/* out[row][point] = factor[row][point] loss[row], a factor of NULL being 1. */
AF_KERNEL(scaled_losses)(int64_t count, int64_t points, const double *loss, int64_t loss_step, const double *factor,
                         int64_t factor_step, double *out) {
    AF_EACH(task, count * points) {
        const int64_t row = task / points, point = task - row * points;
        out[task] = (factor ? factor[row * factor_step + point] : 1.0) * loss[row * loss_step];
    }
}
