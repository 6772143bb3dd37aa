"""Operations of best-of-n's relatives on CPU arrays: one law at a time, float64."""

import numpy as np

from alignment_fast.kernels.best_of_n import cpu


def best_of_poisson(p, reward, mu):
    """Return the law of the best of 1 + Poisson(mu) draws (V,)."""
    out = np.empty(p.size)
    cpu.best_of_poisson(p, reward, mu, out)
    return out


def win_rate_optimal(p, reward, strength):
    """Return the policy proportional to p exp(strength quantile) (V,)."""
    out = np.empty(p.size)
    cpu.win_rate_optimal(p, reward, strength, out)
    return out


def pessimism(p, reward, beta):
    """Return threshold and weights (M,) of inference-time pessimism."""
    out = np.empty(p.size)
    return cpu.pessimism(p, reward, beta, out), out


def soft_best_of_n(p, reward, n, temperature):
    """Return the law of soft best-of-n for an integer n (V,)."""
    out = np.empty(p.size)
    cpu.soft_best_of_n(p, reward, n, temperature, out)
    return out


def soft_outcomes(p, reward, temperature, n):
    """Return masses and (reward - best) / temperature, both (V,); gaps too wide to matter for `n` are narrowed."""
    mass, scaled = np.empty(p.size), np.empty(p.size)
    cpu.soft_outcomes(p, reward, temperature, n, mass, scaled)
    return mass, scaled


def soft_trapezes(mass, scaled, n, shift):
    """Return the integrals over log s (V,) by the trapezoidal rule, its nodes moved up by `shift` of their spacing."""
    out = np.empty(mass.size)
    cpu.soft_trapezes(mass, scaled, n, shift, out)
    return out


def soft_sums(log_s, weight, mass, scaled, n):
    """Return the weighted sums of the integrand over the nodes (P, K) of every panel: (P, V)."""
    out = np.zeros((len(log_s), mass.size))
    cpu.soft_sums(log_s, weight, mass, scaled, n, out)
    return out
