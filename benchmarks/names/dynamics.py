"""Iterated preference optimisation beside loops in NumPy."""

import numpy as np

import alignment_fast as af
from alignment_fast.benchmarks.names import NotTimed, Timed
from alignment_fast.benchmarks.names.policy import preferences

POINT = {"alpha": 0.5, "beta": 4.0, "lam": 1.0}
STEPS = 1000


def rounds(P, init, steps, alpha, beta, lam):
    """Return the log-policy after `steps` rounds of MRS-IPO, uniform reference and sampler."""
    M = P - 0.5
    log_pi = np.log(init)
    offline = beta * (1 - lam) * M.mean(axis=1)
    for _ in range(steps):
        log_pi = alpha * log_pi + beta * lam * (M @ np.exp(log_pi)) + offline
        log_pi -= log_pi.max()
        log_pi -= np.log(np.exp(log_pi).sum())
    return log_pi


def simulate(size, dtype):
    P, mu, _ = preferences(size, dtype)
    steps = STEPS if size < 256 else 50
    return (
        lambda: af.dynamics.simulate(P, init=mu, steps=steps, **POINT),
        lambda: rounds(P, mu, steps, **POINT),
    )


def sweep(size, dtype):
    P, mu, _ = preferences(4, dtype)
    betas = np.linspace(0.1, 10, size)

    def loop():
        M, log_pi = P - 0.5, np.tile(np.log(mu), (size, 1))
        for _ in range(100):
            log_pi = 0.5 * log_pi + betas[:, None] * (np.exp(log_pi) @ M.T)
            log_pi -= log_pi.max(axis=1, keepdims=True)
            log_pi -= np.log(np.exp(log_pi).sum(axis=1, keepdims=True))
        return log_pi

    return lambda: af.dynamics.sweep(P, alpha=0.5, beta=betas, lam=1.0, init=mu, steps=100), loop


def lyapunov_exponent(size, dtype):
    P, mu, _ = preferences(size, dtype)

    def loop():
        M, log_pi = P - 0.5, np.log(mu)
        tangent, growth = np.ones(size) / np.sqrt(size), 0.0
        for _ in range(STEPS):
            pi = np.exp(log_pi)
            tangent = 0.5 * tangent + 4.0 * (M @ (pi * tangent - pi * (pi @ tangent)))
            length = np.linalg.norm(tangent)
            tangent, growth = tangent / length, growth + np.log(length)
            log_pi = 0.5 * log_pi + 4.0 * (M @ pi)
            log_pi -= np.log(np.exp(log_pi).sum())
        return growth / STEPS

    return lambda: af.dynamics.lyapunov_exponent(P, init=mu, steps=STEPS, burn_in=0, **POINT), loop


def equilibrium(P, alpha, beta, lam):
    """Return the fixed point for a uniform reference and sampler by Newton."""
    M, K = P - 0.5, len(P)
    offline = beta * (1 - lam) * M.mean(axis=1)
    theta = np.full(K, -np.log(K))
    for _ in range(100):
        pi = np.exp(theta - theta.max())
        pi /= pi.sum()
        F = (1 - alpha) * theta - beta * lam * (M @ pi) - offline
        F -= F.mean()
        gain = beta * lam * M @ (np.diag(pi) - np.outer(pi, pi))
        step = np.linalg.solve((1 - alpha) * np.eye(K) - gain + gain.mean(axis=0), -F)
        theta = theta + step
        if np.abs(step).max() < 1e-13 * np.abs(theta).max():
            break
    return theta


def frequency(M, pi):
    root = np.sqrt(pi)
    Q = np.eye(len(pi)) - np.outer(root, root)
    return np.linalg.norm(Q @ (root[:, None] * M * root) @ Q, 2)


def fixed_point(size, dtype):
    P, _, _ = preferences(size, dtype)

    def formula():
        theta = equilibrium(P, **POINT)
        pi = np.exp(theta - theta.max())
        return np.hypot(0.5, 4.0 * frequency(P - 0.5, pi / pi.sum()))

    return lambda: af.dynamics.fixed_point(P, **POINT), formula


def spectral_radius(size, dtype):
    P, mu, _ = preferences(size, dtype)
    log_pi = np.log(mu)
    return (
        lambda: af.dynamics.spectral_radius(P, log_pi, **POINT),
        lambda: np.hypot(0.5, 4.0 * frequency(P - 0.5, np.exp(log_pi))),
    )


def stability_bounds(size, dtype):
    P, _, _ = preferences(size, dtype)

    def formula():
        M = P - 0.5
        centred = M - M.mean(axis=0) - M.mean(axis=1, keepdims=True)
        span = max(np.ptp(M[i] - M, axis=1).max() for i in range(size))
        return np.linalg.norm(M, 2), np.linalg.norm(centred, 2), span, np.abs(M).max()

    return lambda: af.dynamics.stability_bounds(P, **POINT), formula


def collapse_rates(size, dtype):
    P, mu, _ = preferences(size, dtype)

    def formula():
        score = P @ mu
        return 0.5 * (0.7 * (P[0] - 0.5) + 0.3 * (score[0] - score))

    return lambda: af.dynamics.collapse_rates(P, beta=0.5, lam=0.7, sampler=mu), formula


def critical_beta(size, dtype):
    P, _, _ = preferences(size, dtype)

    def radius(beta):
        theta = equilibrium(P, 0.5, beta, 1.0)
        pi = np.exp(theta - theta.max())
        return np.hypot(0.5, beta * frequency(P - 0.5, pi / pi.sum()))

    def bisection():
        low, high = 0.0, 20.0
        while high - low > 1e-12 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if radius(middle) > 1 else (middle, high)
        return low

    return lambda: af.dynamics.critical_beta(P, alpha=0.5, lam=1.0), bisection


def three_cycle_onset(size, dtype):
    betas = np.linspace(1, 10, size) if size > 1 else 3.5

    def formula():
        kappa = 0.4 * betas / np.sqrt(3)
        radius, angle = np.hypot(0.5, kappa), np.arctan2(kappa, 0.5)
        slope = 4 * (radius - 1) / (3 * kappa**2) * (kappa / 4 + kappa**2 / 4 / np.tan(1.5 * angle))
        return radius, 8 * (radius - 1) / (27 * kappa**2), 2 * np.pi / (angle - slope)

    return lambda: af.dynamics.three_cycle_onset(0.4, alpha=0.5, beta=betas, lam=1.0), formula


RESULT = "a result; the function that returns it is timed"
OPTION = "an option of simulate, without work of its own"

NAMES = {
    **{f"dynamics.{name}": NotTimed(RESULT) for name in ("FixedPoint", "Onset", "StabilityBounds", "Trajectory")},
    **{f"dynamics.{name}": NotTimed(OPTION) for name in ("FreshPairs", "FrozenEstimate", "Schedule")},
    "dynamics.SweepBlock": NotTimed(RESULT),
    "dynamics.sweep_blocks": NotTimed("sweep, block by block"),
    "dynamics.simulate": Timed("1000 rounds in NumPy (50 from 256 on)", "responses", (3, 16, 128, 1024), simulate),
    "dynamics.sweep": Timed("100 rounds in NumPy, all points at a time", "points", (1, 16, 4096, 100_000), sweep),
    "dynamics.lyapunov_exponent": Timed("1000 rounds in NumPy", "responses", (3, 16, 128), lyapunov_exponent),
    "dynamics.fixed_point": Timed("Newton, NumPy", "responses", (3, 4, 32, 128), fixed_point),
    "dynamics.spectral_radius": Timed("numpy.linalg.norm", "responses", (3, 4, 32, 256), spectral_radius),
    "dynamics.stability_bounds": Timed("numpy.linalg.norm", "responses", (3, 4, 32, 256), stability_bounds),
    "dynamics.collapse_rates": Timed("the formula", "responses", (3, 32, 1000), collapse_rates),
    "dynamics.critical_beta": Timed("bisection and Newton, NumPy", "responses", (3, 8), critical_beta),
    "dynamics.three_cycle_onset": Timed("the formula", "points", (1, 1000, 100_000), three_cycle_onset, ("float64",)),
}

OPERATIONS = "the peer does the operations of the formula in another normalisation; its numbers are others"
DIFFERENT = {
    "dynamics.critical_beta": "the peer searches up to 20, where there may be none",
    "dynamics.lyapunov_exponent": "averages over rounds of their own",
    "dynamics.three_cycle_onset": OPERATIONS,
}
