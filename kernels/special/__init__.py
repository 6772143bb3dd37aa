"""Functions of the names and the limits of SciPy: sums of exponentials, terms of entropies, the normal distribution."""
