"""Compiled entry points of the pairwise family; arrays are C-contiguous and of one length."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alignment_fast.kernels.pairwise.structures import Inputs, Loss, Outputs

_Real = TypeVar("_Real", np.float32, np.float64)
_Result = TypeVar("_Result")
_Logit = TypeVar("_Logit", np.float32, np.float64, np.uint16)
_Output = NDArray[np.float32] | NDArray[np.float64]
_Input = _Output | NDArray[np.uint16]

# ---- losses ----

TILE: int
STORAGE: Mapping[str, int]
SCORES: Mapping[str, int]
FORMULAS_BY_NAME: Mapping[str, int]
MARGIN_FORMULAS: tuple[str, ...]
FFI_PAIRS: int
FFI_LAYOUT: tuple[int, ...]

class Pairs:
    """One call of a loss over n pairs.

    Parameters
    ----------
    loss : Loss
        Formula and parameters; names are keys of `FORMULAS_BY_NAME` and `SCORES`.
    storage : str
        Of log-probabilities, a key of `STORAGE`.
    lengths_first : bool
        Whether lengths divide log-probabilities before the score map, and rewards too.
    wide : bool
        Whether the arrays are float64; else float32.
    n : int
        Number of pairs.
    inputs : Inputs
        Arrays to read.
    outputs : Outputs
        Arrays to write.
    factor : float
        Factor of the gradients.
    metrics : bool
        Whether rewards and wins are summed.

    """

    def __new__(
        cls,
        loss: Loss,
        storage: str,
        lengths_first: bool,
        wide: bool,
        n: int,
        inputs: Inputs,
        outputs: Outputs,
        factor: float,
        metrics: bool,
    ) -> Pairs: ...
    def tiles(self) -> int: ...
    def evaluate(self, first: int, last: int) -> None: ...
    def sums(self) -> tuple[float, float, float, float]: ...

# ---- matching ----

def sort_differences(
    x: NDArray[_Real], y: NDArray[_Real], values: NDArray[_Real], order: NDArray[np.int32]
) -> None: ...
def scatter(values: NDArray[_Real], order: NDArray[np.int32], out: NDArray[_Real], sign: float = 1.0) -> None: ...
def matched_rewards(policy: NDArray[_Real], reference: NDArray[_Real], beta: float, out: NDArray[_Real]) -> None: ...

# ---- sequences ----

def token_logprobs(
    logits: NDArray[_Logit],
    storage: int,
    token_ids: NDArray[np.int64],
    log_partition: NDArray[np.float64],
    out: NDArray[np.float64],
    first_row: int,
    last_row: int,
) -> None: ...
def logit_gradients(
    logits: NDArray[_Logit],
    storage: int,
    token_ids: NDArray[np.int64],
    log_partition: NDArray[np.float64] | None,
    factor: NDArray[np.float64],
    out: NDArray[_Logit],
    first_row: int,
    last_row: int,
) -> None: ...

# ---- vocabularies in tiles ----

def vocabulary_sums(
    logits: NDArray[_Logit],
    storage: int,
    token_ids: NDArray[np.int64],
    first_letter: int,
    moments: bool,
    sums: NDArray[np.float64],
    first_row: int,
    last_row: int,
) -> None: ...
def vocabulary_gradients(
    logits: NDArray[_Logit],
    storage: int,
    token_ids: NDArray[np.int64],
    first_letter: int,
    log_partition: NDArray[np.float64],
    factor: NDArray[np.float64],
    entropy_factor: NDArray[np.float64] | None,
    entropy: NDArray[np.float64] | None,
    out: NDArray[_Logit],
    first_row: int,
    last_row: int,
) -> None: ...
def row_sums(x: NDArray[np.float64], out: NDArray[np.float64]) -> None: ...
def sum_of_differences(x: NDArray[_Real], y: NDArray[_Real]) -> float: ...

# The short path: what the public function of that name returns, or None where its general path must decide. `result`
# and `of_metrics` are the named tuples to make; `plan` is a `Plan` of alignment_fast.pairwise.loss_types.

def short_preference_loss(
    result: type[_Result],
    of_metrics: type[object],
    plan: tuple[object, ...],
    policy_chosen: object,
    policy_rejected: object,
    ref_chosen: object,
    ref_rejected: object,
    chosen_length: object,
    rejected_length: object,
    weight: object,
    reduction: object,
    grad: object,
    metrics: object,
) -> _Result | None: ...
def short_margin_loss(
    result: type[_Result],
    plan: tuple[object, ...],
    margin: object,
    target: object,
    weight: object,
    reduction: object,
    grad: object,
    hess: object,
) -> _Result | None: ...
def short_unpaired_loss(
    result: type[_Result],
    formula: str,
    policy: object,
    ref: object,
    desirable: object,
    beta: object,
    shift: object,
    desirable_weight: object,
    undesirable_weight: object,
    reduction: object,
    grad: object,
) -> _Result | None: ...
def short_batch_kl(policy: object, ref: object, beta: object) -> float | None: ...
def short_sequence_logprobs(
    logits: object, token_ids: object, mask: object, average: object, return_log_partition: object
) -> object: ...
def short_sequence_logprobs_grad(
    logits: object, token_ids: object, mask: object, upstream: object, average: object, log_partition: object
) -> object: ...
def short_sequence_logprobs_hidden_grad(
    hidden: object, weight: object, token_ids: object, upstream: object, average: object
) -> tuple[object, object] | None: ...
def short_sequence_logprobs_hidden(hidden: object, weight: object, token_ids: object, average: object) -> object: ...
