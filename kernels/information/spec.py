"""Rows of the information kernels.

Bounds of means and log-partition functions (these by order) are relative to max |r| on the support plus
1/max(|order|, 1/range); those of moments to the sums of absolute central powers; that of `log_tilted` is absolute, per
unit of 1 + |log π| + |order| max |r|.
"""

from types import MappingProxyType

from alignment_fast.kernels.common.spec import Kernel

_ROWS = ("weights", "weight_kind", "rewards", "reward_kind", "normalize", "orders")
_BOUNDS = MappingProxyType({"float32": 5e-7, "float64": 2e-15})
_REFERENCE = "kernels/information/exponential_mean.inc, tilted.inc: forms and bounds at their heads"

KERNELS = (
    Kernel(
        name="exponential_mean",
        formula="log(Σ p e^{ρ r})/ρ, Σ p r at 0, extremes of r at ±inf",
        arguments=(*_ROWS, "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_BOUNDS,
        unit="relative",
        oracle="information:exponential_mean",
        backends=("cpu",),
        reference=_REFERENCE,
    ),
    Kernel(
        name="log_mgf",
        formula="log Σ p e^{ρ r}",
        arguments=(*_ROWS, "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_BOUNDS,
        unit="relative",
        oracle="information:log_mgf",
        backends=("cpu",),
        reference=_REFERENCE,
    ),
    Kernel(
        name="tilted_moments",
        formula="log Σ p e^{ρ r} and cumulants 1..8 of r under p e^{ρ r}",
        arguments=(*_ROWS, "means", "facts", "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=MappingProxyType({"float32": 2e-6, "float64": 5e-14}),
        unit="relative",
        oracle="information:cumulants",
        backends=("cpu",),
        reference=_REFERENCE,
    ),
    Kernel(
        name="log_tilted",
        formula="log p + ρ r - log Σ p e^{ρ r}",
        arguments=(*_ROWS, "means", "facts", "out", "first_row", "last_row"),
        dtypes=("float32", "float64"),
        domain=(),
        bounds=_BOUNDS,
        unit="relative",
        oracle="information:tilted",
        backends=("cpu",),
        reference=_REFERENCE,
    ),
    Kernel(
        name="plain_entropy",
        formula="-Σ p log p",
        arguments=("p",),
        dtypes=("float64",),
        domain=((0.0, 1e300),),
        bounds=MappingProxyType({"float64": 2e-15}),
        unit="relative",
        oracle="information:renyi_entropy",
        backends=("cpu",),
        reference="kernels/information/plain.inc",
    ),
    Kernel(
        name="plain_cross_entropy",
        formula="-Σ p log q",
        arguments=("p", "q", "normalize"),
        dtypes=("float64",),
        domain=((0.0, 1e300), (0.0, 1e300)),
        bounds=MappingProxyType({"float64": 2e-15}),
        unit="relative",
        oracle="information:renyi_cross_entropy",
        backends=("cpu",),
        reference="kernels/information/plain.inc",
    ),
    Kernel(
        name="plain_divergence",
        formula="Σ p log(p/q)",
        arguments=("p", "q", "normalize"),
        dtypes=("float64",),
        domain=((0.0, 1e300), (0.0, 1e300)),
        bounds=MappingProxyType({"float64": 2e-15}),
        unit="relative",
        oracle="information:renyi_divergence",
        backends=("cpu",),
        reference="kernels/information/plain.inc",
    ),
    Kernel(
        name="entropy_sums",
        formula="Σ p h(ρ r − K), h(x) = x e^x − expm1(x)",
        arguments=("p", "rewards", "orders", "log_mgf", "out", "first_row", "last_row"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 6e-15}),
        unit="relative",
        oracle="information:tilted_divergence",
        backends=("cpu",),
        reference="kernels/information/weak.inc",
    ),
    Kernel(
        name="exponential_rests",
        formula="Σ p g(ρ r), g(x) = e^x − 1 − x",
        arguments=("p", "rewards", "orders", "out", "first_row", "last_row"),
        dtypes=("float64",),
        domain=(),
        bounds=MappingProxyType({"float64": 6e-15}),
        unit="relative",
        oracle="information:log_mgf",
        backends=("cpu",),
        reference="kernels/information/weak.inc",
    ),
)
