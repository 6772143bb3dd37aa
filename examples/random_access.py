"""Random numbers by position: replicate r, draw d of a stream is a function of (seed, r, d) and of nothing else."""

import numpy as np

import alignment_fast as af

stream = af.random.Stream(2024)

block = stream.normal((4, 1000))
print("mean and standard deviation:", round(block.mean(), 4), round(block.std(), 4))

third = stream.normal(10, replicate=2, draw=500)
print("a slice on its own is the same slice:", np.array_equal(third, block[2, 500:510]))

with af.num_threads(1):
    alone = stream.normal((4, 1000))
print("one thread or many:", np.array_equal(alone, block))

print("draws far beyond 2^32:", stream.uniform(2, draw=2**40))
