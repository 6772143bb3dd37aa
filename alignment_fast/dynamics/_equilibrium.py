"""Fixed points of the dynamics: backtracking Newton with continuation in the strength of the signal.

A fixed point solves F(θ) = (1 − α)(θ − log ref) − β s(μ) = const, μ = λπ + (1 − λ) sampler, π = softmax θ. For IPO it
is unique when α < 1 and depends on α and β only through β/(1 − α); Newton's matrix (1 − α) − βλ G (stability.py) is
never singular, and damped steps arrive from every start that was tried. Stages multiply β by `GROWTH` up to its value:
the fixed point of one is a good start for the next. Reference: arXiv:2602.12180.
"""

import numpy as np

from alignment_fast.dynamics import _stability as stability
from alignment_fast.policy import _optimum as optimum

GROWTH = 4.0
ITERATIONS, HALVINGS = 60, 40
# A step of this size, relative to the largest |θ|, is rounding.
LAST_STEP = 1e-13
# Entries of Newton matrices held in memory at a time.
BLOCK = 1 << 22


def fixed_points(problem):
    """Return θ, normalised, and the largest change of θ in one more round: (trajectories, K), (trajectories,)."""
    total = problem.rows * problem.points
    log_pi, residual = np.empty((total, problem.size)), np.empty(total)
    step = max(1, BLOCK // (problem.size * problem.size))
    for first in range(0, total, step):
        part = slice(first, min(first + step, total))
        system = System(problem, np.arange(part.start, part.stop))
        log_pi[part] = _continued(system)
        residual[part] = system.residual(log_pi[part])
    return log_pi, residual


class System:
    """F and its derivative for some of the trajectories of a problem."""

    def __init__(self, problem, trajectories):
        row, point = np.divmod(trajectories, problem.points)
        self.method = problem.method
        self.skew, self.log_ref, self.sampler = (
            array if len(array) == 1 else array[row] for array in (problem.skew, problem.log_ref, problem.sampler)
        )
        self.alpha, self.beta, self.lam = (
            np.broadcast_to(getattr(problem, name), (problem.rows, problem.points))[row, point][:, None]
            for name in ("alpha", "beta", "lam")
        )

    def part(self, chosen):
        """Return the system of the chosen trajectories."""
        other = object.__new__(System)
        other.method = self.method
        for name in ("skew", "log_ref", "sampler"):
            array = getattr(self, name)
            setattr(other, name, array if len(array) == 1 else array[chosen])
        for name in ("alpha", "beta", "lam"):
            setattr(other, name, getattr(self, name)[chosen])
        return other

    def mixture(self, pi):
        """Return μ."""
        return self.lam * pi + (1 - self.lam) * self.sampler

    def rewards(self, mu):
        """Return DPO's rewards under μ."""
        return optimum.dpo_rewards(self.skew + 0.5, mu, 1e-13, 200)[0]

    def scores(self, mu):
        """Return s(μ), IPO's up to a constant."""
        if self.method == "ipo":
            return np.matmul(self.skew, mu[..., None])[..., 0]
        return self.rewards(mu)

    def residual(self, log_pi):
        """Return the largest change of log π in one round."""
        target = self.alpha * log_pi + (1 - self.alpha) * self.log_ref
        target = target + self.beta * self.scores(self.mixture(np.exp(log_pi)))
        return np.abs(log_softmax(target) - log_pi).max(axis=-1)

    def value(self, theta, factor):
        """Return F with mean zero, β being multiplied by `factor`."""
        F = (1 - self.alpha) * (theta - self.log_ref)
        F = F - factor * self.beta * self.scores(self.mixture(np.exp(theta)))
        return F - F.mean(axis=-1, keepdims=True)

    def gain(self, log_pi):
        """Return G, the change of s(μ) with log π as far as it comes from Σ(π)."""
        pi = np.exp(log_pi)
        spread = stability.covariance(pi)
        if self.method == "ipo":
            return np.matmul(self.skew, spread)
        mu = self.mixture(pi)
        return optimum.dpo_sensitivities(self.skew + 0.5, mu, self.rewards(mu), spread)

    def newton_step(self, theta, factor, F):
        """Return the step that would make F vanish if F were linear."""
        gain = (factor * self.beta * self.lam)[..., None] * self.gain(theta)
        matrix = (1 - self.alpha)[..., None] * np.eye(theta.shape[-1]) - gain + gain.mean(axis=-2, keepdims=True)
        return np.linalg.solve(matrix, -F[..., None])[..., 0]


def log_softmax(theta):
    """Return θ − log Σ exp θ, the largest entry taken out of the sum."""
    top = theta.max(axis=-1, keepdims=True)
    rest = np.exp(theta - top)
    first = np.arange(theta.shape[-1]) == theta.argmax(axis=-1)[..., None]
    rest[first] = 0.0
    return theta - top - np.log1p(rest.sum(axis=-1, keepdims=True))


def _continued(system):
    strength = float((system.beta / (1 - system.alpha)).max())
    stages = max(0, int(np.ceil(np.log(max(strength, 1.0)) / np.log(GROWTH))) - 1)
    theta = np.broadcast_to(system.log_ref, (len(system.alpha), system.skew.shape[-1])).copy()
    for stage in range(stages, -1, -1):
        theta = _newton(system, theta, GROWTH**-stage)
    return theta


def _newton(system, theta, factor):
    """Return the solution of F = 0 at `factor` times β, from `theta`."""
    active = np.arange(len(theta))
    for _ in range(ITERATIONS):
        part = system.part(active)
        here = theta[active]
        F = part.value(here, factor)
        step = part.newton_step(here, factor, F)
        theta[active] = _backtrack(part, here, factor, step, np.linalg.norm(F, axis=-1))
        active = active[np.ptp(step, axis=-1) > LAST_STEP * np.abs(here).max(axis=-1)]
        if not active.size:
            break
    return theta


def _backtrack(system, theta, factor, step, norm):
    """Return θ + t·step, normalised, for the first t = 1, 1/2, ... that lowers |F| by t/10⁴ of it; else θ."""
    result, length = theta.copy(), 1.0
    active = np.arange(len(theta))
    for _ in range(HALVINGS):
        trial = log_softmax(theta[active] + length * step[active])
        better = np.linalg.norm(system.part(active).value(trial, factor), axis=-1) <= (1 - 1e-4 * length) * norm[active]
        result[active[better]] = trial[better]
        active = active[~better]
        if not active.size:
            break
        length /= 2
    return result
