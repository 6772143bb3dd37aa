"""What every family stands on: scalars, threads, status words, CUDA launch. Knows no family."""
