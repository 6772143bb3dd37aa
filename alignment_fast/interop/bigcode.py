"""Front end with the signature of ``bigcode_eval.tasks.custom_metrics.code_eval``: the estimator of `human_eval`."""

from alignment_fast.interop.human_eval import estimate_pass_at_k

__all__ = ["estimate_pass_at_k"]
