"""The losses and log-probabilities of `alignment_fast` as differentiable operators of PyTorch.

Registered with ``torch.library`` as ``torch.ops.alignment_fast.*`` and called through the functions here, which take a
shorter route where nothing compiles, transforms or intercepts. They run on the CPU and on CUDA devices; tensors
elsewhere are an error. Names and arguments are those of `alignment_fast.pairwise`,
`alignment_fast.information` and `alignment_fast.ranking`, on tensors.
"""

from alignment_fast.errors import BackendUnavailableError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise BackendUnavailableError("alignment_fast.interop.torch needs torch; install alignment-fast[torch]") from error

from alignment_fast.interop.torch._dispatch import calls
from alignment_fast.interop.torch.linear import linear_logprobs
from alignment_fast.interop.torch.margins import margin_loss
from alignment_fast.interop.torch.measures import log_mgf, renyi_cross_entropy, renyi_divergence, renyi_entropy
from alignment_fast.interop.torch.preference import preference_loss
from alignment_fast.interop.torch.rankings import bradley_terry_nll, plackett_luce_nll
from alignment_fast.interop.torch.sequence import sequence_logprobs
from alignment_fast.interop.torch.unpaired import unpaired_loss

__all__ = [
    "bradley_terry_nll",
    "calls",
    "linear_logprobs",
    "log_mgf",
    "margin_loss",
    "plackett_luce_nll",
    "preference_loss",
    "renyi_cross_entropy",
    "renyi_divergence",
    "renyi_entropy",
    "sequence_logprobs",
    "unpaired_loss",
]
