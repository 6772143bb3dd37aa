"""How often intervals of achievable gains hold the truth; run by hand.

    python -P tests/coverage_gains.py [STUDIES]       2000 by default: the table of docs/guides/gain_frontier.md

Printed for each law, number of samples and budget: the share of intervals that hold the truth, and of those whose upper
end is open.
"""

import sys

import numpy as np

from alignment_fast.policy import achievable_gain

# Draws and KL coefficient of each.
LAWS = {
    "normal": (lambda rng, size: rng.normal(size=size), 2.0),
    "uniform": (lambda rng, size: rng.random(size), 0.5),
    "exponential, below": (lambda rng, size: -rng.exponential(size=size), 2.0),
    "two modes": (lambda rng, size: rng.normal(size=size) + 4 * (rng.random(size) < 0.2), 4.0),
    "30 % right": (lambda rng, size: (rng.random(size) < 0.3) * 1.0, 1.0),
    "Gumbel": (lambda rng, size: rng.gumbel(size=size), 10.0 / 3),
}
DIVERGENCES, SIZES = (0.02, 0.1, 0.5), (300, 1000, 3000)


def main(studies=2000):
    for name, (draw, beta) in LAWS.items():
        many = draw(np.random.default_rng(99), 8_000_000)
        truth = np.append(achievable_gain(many, kl=DIVERGENCES).gain, achievable_gain(many, beta=beta).gain)
        for size in SIZES:
            rng = np.random.default_rng(5)
            held, opened = np.zeros(4), np.zeros(4)
            for _ in range(studies):
                rewards = draw(rng, size)
                found = [achievable_gain(rewards, kl=DIVERGENCES), achievable_gain(rewards, beta=beta)]
                lower, upper = (np.append(*pair) for pair in zip(*(one.interval() for one in found), strict=True))
                held += (lower <= truth) & (truth <= upper)
                opened += np.isinf(upper)
            shares = zip(100 * held / studies, 100 * opened / studies, strict=True)
            cells = " | ".join(f"{share:.1f} ({of_open:.0f})" for share, of_open in shares)
            print(f"| {name} | {size} | {cells} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
