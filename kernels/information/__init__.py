"""Log-partition functions, exponential means, tilted moments and tilted log-probabilities of weighted rewards."""
