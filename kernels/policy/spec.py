"""Rows of the kernels of iterated preference optimisation."""

KERNELS = ()
