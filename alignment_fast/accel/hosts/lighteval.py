"""lighteval: G-Pass@k of sampling metrics, and the estimator of LiveCodeBench.

``PassAtK.pass_at_k`` stays the host's: it takes 4 µs.
"""

from typing import Any

from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.accel.hosts.human_eval import estimate_pass_at_k
from alignment_fast.interop import lighteval

_SCORES = {int, float, bool}
# Beyond so many samples the binomial coefficients have thousands of digits.
_MOST = 4096


def g_pass_at_k(self: Any, all_scores: Any) -> dict[str, float]:
    """Return what ``GPassAtK.g_pass_at_k`` returns."""
    n, ks, thresholds = self.n, self.k, self.thresholds
    if type(all_scores) is not list or not set(map(type, all_scores)) <= _SCORES:
        raise UnsupportedError("scores are no list of numbers")
    if type(ks) is not list or type(thresholds) not in (list, tuple) or not set(map(type, thresholds)) <= _SCORES:
        raise UnsupportedError("k or the thresholds are no list of numbers")
    if type(n) is not int or not 0 < n <= _MOST or not all(type(k) is int and 0 < k <= _MOST for k in ks):
        raise UnsupportedError("n or k is no int, or large")
    found = lighteval.g_pass_at_k(all_scores, ks, n, thresholds)
    return {name.replace("g-pass@", self.name, 1): value for name, value in found.items()}


FUNCTIONS = {
    "lighteval.metrics.metrics_sample": {"GPassAtK.g_pass_at_k": g_pass_at_k},
    "lighteval.tasks.tasks.lcb.codegen_metrics": {"estimate_pass_at_k": estimate_pass_at_k},
}
