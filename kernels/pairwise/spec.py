"""Rows of the pairwise kernels."""

KERNELS = ()
