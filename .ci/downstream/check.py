"""What was cimported and what was #included both give the values of the formulas."""

import math

import use

for x in (-700.0, -1.5, 0.0, 1e-300, 2.0, 700.0):
    for exp in (use.by_cimport, use.by_include):
        assert math.isclose(exp(x), math.exp(x), rel_tol=1e-15), (exp, x)
print("cimport and #include: ok")
