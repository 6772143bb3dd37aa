"""All ways agree with the mathematics, and another ABI is an ImportError."""

import math
import subprocess
import sys
from array import array

import use
import use_api
import use_api_cython

for x in (-700.0, -1.5, 0.0, 1e-300, 2.0, 700.0):
    for exp in (use.by_cimport, use.by_include):
        assert math.isclose(exp(x), math.exp(x), rel_tol=1e-15), (exp, x)
print("cimport and #include: ok")

out = array("d", [0.0, 0.0])
use_api.softmax(array("d", [0.0, math.log(3.0)]), out)
assert all(math.isclose(share, value, rel_tol=1e-14) for share, value in zip(out, [0.25, 0.75], strict=True)), out
assert math.isclose(use_api_cython.entropy(array("d", [1.0, 1.0])), math.log(2.0), rel_tol=1e-15)
assert math.isclose(use_api_cython.log_sum_exp(array("d", [0.0, 0.0])), math.log(2.0), rel_tol=1e-15)
assert use_api.has_entropy()
print(f"the capsule, from C and from Cython: ok, {use_api.isa()}")

OF_ANOTHER_ABI = """
from alignment_fast.kernels.special import cpu
del cpu.C_API_1
try:
    import {module}
except ImportError as error:
    print(error)
"""
for module in ("use_api", "use_api_cython"):
    said = subprocess.run([sys.executable, "-c", OF_ANOTHER_ABI.format(module=module)], capture_output=True, text=True)
    assert "another ABI than C_API_1" in said.stdout, said
print("another ABI: ImportError")
