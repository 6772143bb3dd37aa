"""The scalar steps of the simulation as plain Python: one body for CUDA and for the twin that tests compare with C.

The names ``where``, ``step``, ``product``, ``log`` and ``normal_ppf`` are bound by the target, see
`alignment_fast.kernels.common.scalar`. Formulae and error bounds stand in ``simulation.inc``.
"""

# ruff: noqa: F821 - names that `bind` supplies

import numpy as np

BELOW_ONE = 1.0 - 2.0**-53
# 1/11!, 1/10!, ..., 1/2!: as quotients, which C rounds alike.
COEFFICIENTS = tuple(1.0 / factorial for factorial in (39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2))


def word_tail(word):
    """Return (w + 1/2) 2^-64, below 1."""
    tail = (np.float64(word) + 0.5) * 2.0**-64
    return where(tail < 1.0, tail, BELOW_ONE)


def exponent_of(uniform, size):
    """Return -log(uniform) / size."""
    return -log(uniform) / size


def exponent_tail(exponent):
    """Return -expm1(-exponent), below 1."""
    y = exponent * 2.0**-8
    total = COEFFICIENTS[0]
    for i in range(1, 10):
        total = step(-y, total, COEFFICIENTS[i])
    tail = step(-product(y, y), total, y)
    for _ in range(8):
        tail = product(tail, 2.0 - tail)
    return where(tail < 1.0, tail, BELOW_ONE)


def gaussian_reward(tail, mean, std):
    """Return mean + std isf(tail)."""
    return step(-std, normal_ppf(tail), mean)


def uniform_reward(tail):
    """Return 1 - tail, below 1."""
    reward = 1.0 - tail
    return where(reward < 1.0, reward, BELOW_ONE)


FUNCTIONS = (word_tail, exponent_of, exponent_tail, gaussian_reward, uniform_reward)
NAMES = {"np": np, "BELOW_ONE": BELOW_ONE, "COEFFICIENTS": COEFFICIENTS}


def functions(bind, compiler, primitives, elementary):
    """Return name -> compiled function; `elementary` has ``log`` and ``normal_ppf`` of the same target."""
    names = NAMES | primitives | {name: elementary[name] for name in ("log", "normal_ppf")}
    return {function.__name__: bind(function, compiler, names) for function in FUNCTIONS}
