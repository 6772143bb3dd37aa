"""Marks that tests of several files share."""

import pytest

from alignment_fast.kernels.common import cpu

fused = pytest.mark.skipif(
    cpu.ISA == "baseline",
    reason="CUDA has the bits of builds with fused products, which AVX2 and AVX-512 are",
)
