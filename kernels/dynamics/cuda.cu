/* CUDA kernels of dynamics: a warp goes through the rounds of a trajectory by the processor's text for one (single.inc, lyapunov.inc).
 *
 *     cuda_trajectories.inc   what differs in that text
 *
 * Bound: latency. A round is a chain of sums over responses, each lane of the warp having those responses that are its
 * number modulo 32; what many trajectories share is read from the caches. */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_lanes.h"
#include "alignment_fast/af_math.h"

#define restrict
#include "dynamics/formulas.h"
#include "dynamics/structures.h"
#include "dynamics/cuda_trajectories.inc"
#include "dynamics/trajectories.inc"
#include "dynamics/statistics.inc"
#include "dynamics/single.inc"
#include "dynamics/lyapunov.inc"

/* `steps` rounds of every trajectory, and what they come to. `scratch` has `own` doubles for every warp. */
AF_KERNEL(trajectories)(const __grid_constant__ trajectory_problem problem, int64_t steps, double tolerance, double *scratch,
                        int64_t own, const __grid_constant__ trajectory_results out) {
    const ptrdiff_t size = problem.size, carried = trajectory_state_size(size, 1);
    double *state = scratch + af_thread() / AF_WARP * own;
    double *z = state + FIELD_Z * size, *policy = state + FIELD_POLICY * size;
    AF_EACH_WARP(block, problem.rows * problem.points) {
        trajectory_work work = trajectory_open(&problem, block, state + carried);
        dynamics_begin(&problem, block, state);
        single_normalise(size, z, state + TRAJECTORY_FIELDS * size + LANE_REST, policy);
        dynamics_take(1, &problem, block, size, 0, policy, policy, state);
        single_rounds(&problem, block, 0, steps, state, &work);
        dynamics_finish(&problem, block, state, steps, tolerance, &out);
        AF_MEET();
    }
}

/* The largest Lyapunov exponent of every trajectory, from the growth in rounds burn_in to `steps`. */
AF_KERNEL(lyapunov_exponents)(const __grid_constant__ trajectory_problem problem, int64_t steps, double *scratch, int64_t own,
                              double *exponent) {
    const ptrdiff_t size = problem.size, carried = trajectory_state_size(size, 1);
    double *state = scratch + af_thread() / AF_WARP * own, *tangent = state + carried;
    AF_EACH_WARP(block, problem.rows * problem.points) {
        trajectory_work work = trajectory_open(&problem, block, tangent + size + 1);
        dynamics_begin(&problem, block, state);
        single_normalise(size, state + FIELD_Z * size, state + TRAJECTORY_FIELDS * size + LANE_REST,
                         state + FIELD_POLICY * size);
        lyapunov_start(1, size, tangent);
        lyapunov_single(&problem, 0, steps, state, tangent, &work);
        lyapunov_finish(&problem, block, tangent, (double)(steps - problem.burn_in), exponent);
        AF_MEET();
    }
}
