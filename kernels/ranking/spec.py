"""Rows of the ranking kernels."""

from alignment_fast.kernels.common.spec import Kernel

KERNELS: tuple[Kernel, ...] = ()
