"""Run by the leg `readonly`: nothing can be written, HOME is unset, every public path works all the same."""

import os

import alignment_fast as af

assert "HOME" not in os.environ
assert not os.access(os.path.dirname(af.__file__), os.W_OK), "the installation can be written to"


def product(first, second):
    """A reward of two uniforms, compiled by `Sampler`."""
    return first * second


law = af.best_of_n.BestOfN([0.2, 0.3, 0.5], [1.0, 2.0, 3.0])
gaussian = af.best_of_n.simulate(af.best_of_n.Gaussian(), 16, 1000, seed=1)
sampled = af.best_of_n.simulate(af.best_of_n.Sampler(product, uniforms=2), 16, 1000, seed=1)
print(f"KL {law.kl(4):.6f}   Gaussian {gaussian.mean:.6f}   product of two uniforms {sampled.mean:.6f}")
