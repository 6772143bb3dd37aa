"""The cycle under an ever stronger signal: rotation, locking and chaos, by the policies visited and by exponents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alignment_fast import dynamics
from alignment_fast.reproduce.sampling.cycle import CYCLE, SIGNAL

__all__ = ["ALPHA", "BETAS", "INIT", "VISITS", "Exponent", "Visit", "exponents", "visits"]

ALPHA = 0.48
BETAS = np.linspace(0.5, 45.0, 446)
INIT = np.array([0.4, 0.35, 0.25])
VISITS = 64
_ROUNDS = 3_000


class Exponent(NamedTuple):
    """The largest Lyapunov exponent at one β, in nats per round, beside the spectral radius at the uniform policy."""

    method: str
    beta: float
    spectral_radius: float
    lyapunov: float
    cycle_strength: float
    period: float


class Visit(NamedTuple):
    """A probability of response 0 in one of the last rounds at one β."""

    method: str
    beta: float
    pi_0: float


def exponents(steps: int = 20_000) -> Iterator[Exponent]:
    """Yield the exponent at each of `BETAS`, a quarter of them for DPO; λ = 1."""
    uniform = np.full(3, -np.log(3.0))
    for method, signal in SIGNAL.items():
        beta = BETAS * signal
        exponent = dynamics.lyapunov_exponent(
            CYCLE, alpha=ALPHA, beta=beta, lam=1.0, init=INIT, steps=steps, method=method
        )
        run = dynamics.sweep(
            CYCLE, alpha=ALPHA, beta=beta, lam=1.0, init=INIT, steps=_ROUNDS, burn_in=2 * _ROUNDS // 3, method=method
        )
        radius = dynamics.spectral_radius(CYCLE, uniform, alpha=ALPHA, beta=beta, lam=1.0, method=method)
        columns = np.stack([beta, radius, exponent, run.cycle_strength, run.period], axis=-1)
        yield from (Exponent(method, *values) for values in columns.tolist())


def visits() -> Iterator[Visit]:
    """Yield the probability of response 0 in the last `VISITS` rounds at each β of `exponents`."""
    last = np.arange(_ROUNDS - VISITS + 1, _ROUNDS + 1)
    for method, signal in SIGNAL.items():
        run = dynamics.simulate(
            CYCLE, alpha=ALPHA, beta=BETAS * signal, lam=1.0, init=INIT, steps=_ROUNDS, record=last, method=method
        )
        for beta, path in zip((BETAS * signal).tolist(), np.exp(run.path[..., 0]).tolist(), strict=True):
            yield from (Visit(method, beta, pi) for pi in path)
