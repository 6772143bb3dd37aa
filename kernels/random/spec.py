"""Rows of the random kernels.

Words and uniforms are exact; a normal is within its bound of the quantile of its uniform, and its bits are the same on
every machine too.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

_ARGUMENTS = ("key", "replicate", "draw", "out", "first", "last")
_COUNTERS = ((0, 2**64 - 1), (0, 2**64 - 1), (0, 2**64 - 1))
_PAPER = "Salmon, Moraes, Dror, Shaw, SC11 (2011), section 3.3; rules of docs/reference/random_streams.md"

KERNELS = (
    Kernel(
        name="uint32",
        formula="word d mod 4 of Philox4x32-10 block d // 4",
        arguments=_ARGUMENTS,
        dtypes=("uint32",),
        domain=_COUNTERS,
        bounds=MappingProxyType({"uint32": 0.0}),
        unit="bits",
        oracle="philox:word32",
        reference=_PAPER,
    ),
    Kernel(
        name="uint64",
        formula="words 2(d mod 2), 2(d mod 2) + 1 of block d // 2, the first one high",
        arguments=_ARGUMENTS,
        dtypes=("uint64",),
        domain=_COUNTERS,
        bounds=MappingProxyType({"uint64": 0.0}),
        unit="bits",
        oracle="philox:word64",
        reference=_PAPER,
    ),
    Kernel(
        name="uniform",
        formula="float32 ((u >> 9) + 1/2) 2^-23, float64 ((w >> 12) + 1/2) 2^-52",
        arguments=_ARGUMENTS,
        dtypes=("float32", "float64"),
        domain=_COUNTERS,
        bounds=MappingProxyType({"float32": 0.0, "float64": 0.0}),
        unit="bits",
        oracle="philox:uniform",
        reference=_PAPER,
    ),
    Kernel(
        name="normal",
        formula="float64 Φ⁻¹(uniform), float32 Φ⁻¹((u + 1/2) 2^-32) in float32; the same bits on every backend",
        arguments=_ARGUMENTS,
        dtypes=("float32", "float64"),
        domain=_COUNTERS,
        bounds=MappingProxyType({"float32": 4.0, "float64": 4.0}),
        unit="ulp",
        oracle="philox:normal",
        reference=f"{_PAPER}; Φ⁻¹ of af_math.h without fma",
    ),
)

# Entry points without a numerical result of their own.
HELPERS = {"block", "tile_count"}

TABLE = ("void fill(int kind, const af_request *request, void *out, ptrdiff_t first, ptrdiff_t last)",)
