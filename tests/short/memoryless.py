"""Small calls of the memoryless model: its making and its closed forms, which are the tilts of few letters."""

import numpy as np

from short import Call

P = np.array([0.2, 0.3, 0.0, 0.1, 0.4])
Q = np.array([0.3, 0.2, 0.1, 0.35, 0.05])
REWARD = np.array([3.0, 1.0, 7.0, 1.0, -2.0])
LEVELS = np.array([-1.2, 0.0, 0.5])
MODEL = "memoryless.MemorylessModel"


def made():
    bad = ((0, 1, np.nan), (0, 0, -1.0))
    yield Call(MODEL, (P, Q), bad=(*bad, (1, 0, np.nan), (1, 4, -0.5), (1, 0, 0.0)), python_calls=80, float32=False)
    for reward in (REWARD, np.sin(np.arange(5.0)), np.log(np.arange(1.0, 6.0)), np.ones(5)):
        yield Call(MODEL, (P,), {"reward": reward}, bad=(*bad, ("reward", 0, np.inf)), python_calls=80, float32=False)


def methods():
    for delta in (0.11, np.array([0.01, 0.2])):
        yield Call(f"{MODEL}.aligned", (P, Q, delta), constructed=2, float32=False)
    for alpha in (0.5, np.array([-1.0, 0.0, 2.0])):
        yield Call(f"{MODEL}.tilt", (P, Q, alpha), constructed=2, float32=False)
    for which in ("reference", "aligned", "best_of_n"):
        for at in (0.7, LEVELS):
            options = {"delta": 0.11, "which": which}
            yield Call(f"{MODEL}.rate", (P, Q, at), options, constructed=2, python_calls=24, float32=False)
            yield Call(f"{MODEL}.scaled_cumulant", (P, Q, at), options, constructed=2, python_calls=40, float32=False)
    yield Call(f"{MODEL}.second_order", (P, Q, 1000, 0.11), constructed=2, python_calls=12, float32=False)


CALLS = [*made(), *methods()]

LAWS = "the law of a sum: thousands of terms, between which Python decides on the method"
WITHOUT = {
    f"{MODEL}.reward_law": LAWS,
    f"{MODEL}.best_of_n": LAWS,
    f"{MODEL}.sample_sequences": LAWS,
    f"{MODEL}.tail_probability": "draws through NumPy's generator, a hundred microseconds at least",
}
