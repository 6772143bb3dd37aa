"""Best-of-N of continuous rewards by simulation, with standard errors, beside what theory says.

The expected maximum of n standard normal variables is 1.53875 for n = 10 (tabulated since the 1920s); that of n
exponential variables is the harmonic number 1 + 1/2 + ... + 1/n.
"""

import numpy as np

import alignment_fast as af

simulate, Gaussian, Quantile = af.best_of_n.simulate, af.best_of_n.Gaussian, af.best_of_n.Quantile

normal = simulate(Gaussian(), 10, 200_000, seed=1)
print(f"Gaussian,    n = 10:   {normal.mean:.4f} ± {normal.standard_error:.4f}   (theory 1.5388)")

exponential = simulate(Quantile(isf=lambda tail: -np.log(tail)), 100, 200_000, seed=1)
harmonic = sum(1 / k for k in range(1, 101))
print(f"exponential, n = 100:  {exponential.mean:.4f} ± {exponential.standard_error:.4f}   (theory {harmonic:.4f})")

huge = simulate(Gaussian(), 1e12, 200_000, seed=1, method="order")
print(f"Gaussian,    n = 1e12: {huge.mean:.4f} ± {huge.standard_error:.4f}   (one uniform per replicate)")
