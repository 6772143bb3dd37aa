"""Compiled entry points of the information family; arrays are C-contiguous and of one real type.

Common arguments
----------------
weights : array of shape (B, V) or (1, V)
    What `weight_kind` says: nothing (``WEIGHT_UNIFORM``; any array of that type), probabilities up to scale
    (``WEIGHT_PROBABILITY``), or logarithms up to a constant (``WEIGHT_LOG``).
rewards : array of shape (B, V) or (1, V)
    What `reward_kind` says: rewards (``REWARD_GIVEN``), probabilities q whose logarithm is the reward
    (``REWARD_LOG_OF``), logits of such a q (``REWARD_LOGITS``), q of the reward log p - log q, given like the weights
    (``REWARD_LOG_RATIO``), or nothing: the reward is log p (``REWARD_OWN_LOG``; any array of that type).
normalize : bool
    Whether q is divided by its sum. The weights always are.
orders : float64 array of shape (1, T) or (B, T)
first_row, last_row : int
    The rows to work on, of max(len(weights), len(rewards), len(orders)) = len(out); other rows of `out` stay.

A pair of int that is returned holds the status words (`alignment_fast.kernels.common.status`) of weights and rewards,
with positions ``row * V + letter``; results of the rows that they name are not meaningful.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)
_Double = NDArray[np.float64]

WEIGHT_UNIFORM: int
WEIGHT_PROBABILITY: int
WEIGHT_LOG: int
REWARD_GIVEN: int
REWARD_LOG_OF: int
REWARD_LOGITS: int
REWARD_LOG_RATIO: int
REWARD_OWN_LOG: int
OF_CONSTRAINED: int
OF_CROSS_ENTROPY: int
OF_DIVERGENCE: int
OF_ENTROPY: int
OF_LOG_MGF: int
OF_TILT: int
# Derivatives by the parameter and vectors of derivatives by letters, by quantity.
GRADIENT_SIZES: list[tuple[int, int]]

def exponential_mean(
    weights: NDArray[_Real],
    weight_kind: int,
    rewards: NDArray[_Real],
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    out: _Double,
    first_row: int,
    last_row: int,
) -> tuple[int, int]: ...
def log_mgf(
    weights: NDArray[_Real],
    weight_kind: int,
    rewards: NDArray[_Real],
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    out: _Double,
    first_row: int,
    last_row: int,
) -> tuple[int, int]: ...
def tilted_moments(
    weights: NDArray[_Real],
    weight_kind: int,
    rewards: NDArray[_Real],
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    means: _Double,
    normalizers: _Double,
    out: _Double,
    first_row: int,
    last_row: int,
) -> tuple[int, int]: ...
def log_tilted(
    weights: NDArray[_Real],
    weight_kind: int,
    rewards: NDArray[_Real],
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    means: _Double,
    normalizers: _Double,
    out: NDArray[_Real],
    first_row: int,
    last_row: int,
) -> tuple[int, int]: ...

BLOCK: int
PLAIN_ENTROPY: int
PLAIN_CROSS_ENTROPY: int
PLAIN_DIVERGENCE: int

ORDER_SIZES: tuple[int, int]

def near_mean(
    weights: _Double,
    weight_kind: int,
    rewards: _Double,
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    times_order: bool,
) -> float: ...
def order_found(
    weights: _Double,
    weight_kind: int,
    rewards: _Double,
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    found: _Double,
    first: int,
    last: int,
) -> None: ...
def order_begin(
    weights: _Double,
    weight_kind: int,
    rewards: _Double,
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    times_order: bool,
    found: _Double,
) -> bytes | None: ...
def order_parts(
    weights: _Double,
    weight_kind: int,
    rewards: _Double,
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    frame: bytes,
    sums: _Double,
    first: int,
    last: int,
) -> None: ...
def order_end(
    weights: _Double,
    weight_kind: int,
    rewards: _Double,
    reward_kind: int,
    normalize: bool,
    orders: _Double,
    frame: bytes,
    times_order: bool,
    sums: _Double,
) -> tuple[float, bytes | None]: ...
def plain_parts(kind: int, p: _Double, q: _Double, parts: _Double, first: int, last: int) -> None: ...
def plain_from_parts(kind: int, p: _Double, q: _Double, normalize: bool, parts: _Double) -> float: ...
def plain_entropy(p: _Double) -> float: ...
def plain_cross_entropy(p: _Double, q: _Double, normalize: bool) -> float: ...
def plain_divergence(p: _Double, q: _Double, normalize: bool) -> float: ...
def tilts(
    weights: NDArray[_Real],
    weight_kind: int,
    rewards: NDArray[_Real],
    alphas: _Double,
    log_pi: NDArray[_Real] | None,
    out: _Double,
    first_row: int,
    last_row: int,
) -> bool: ...
def tilts_of_divergence(
    weights: NDArray[_Real],
    weight_kind: int,
    rewards: NDArray[_Real],
    divergences: _Double,
    log_deficit: _Double | None,
    start: _Double | None,
    alpha: _Double,
    reached: _Double,
    first_row: int,
    last_row: int,
) -> bool: ...
def rates(
    weights: NDArray[_Real],
    weight_kind: int,
    rewards: NDArray[_Real],
    levels: _Double,
    value: _Double,
    t: _Double,
    first_row: int,
    last_row: int,
) -> bool: ...
def gradients(
    weights: NDArray[_Real],
    weight_kind: int,
    rewards: NDArray[_Real],
    quantity: int,
    points: _Double,
    scalars: _Double,
    vectors: _Double,
    first_row: int,
    last_row: int,
) -> bool: ...
def estimates(rho: _Double, k3: _Double, slope: _Double, first: int, last: int) -> None: ...
def estimator_moments(
    p: NDArray[_Real],
    weight_kind: int,
    reference: NDArray[_Real],
    scalars: _Double,
    vectors: _Double,
    first_row: int,
    last_row: int,
) -> bool: ...

# The short path: what the public function of that name returns, or None where its general path must decide.

def short_entropy(p: object, log: bool) -> Any: ...
def short_cross_entropy(p: object, q: object, log: bool, normalize_q: bool) -> Any: ...
def short_kl_divergence(p: object, q: object, log: bool, normalize_q: bool) -> Any: ...
def short_renyi_entropy(p: object, order: object, log: bool) -> Any: ...
def short_renyi_divergence(p: object, q: object, order: object, log: bool, normalize_q: bool) -> Any: ...
def short_renyi_cross_entropy(
    p: object, q: object, order: object, natural: bool, log: bool, normalize_q: bool
) -> Any: ...
def short_log_mgf(reward: object, t: object, p: object, log: bool) -> Any: ...
def short_tilted_moments(
    reward: object, t: object, p: object, order: object, log: bool
) -> tuple[Any, Any, Any] | None: ...
def short_matched(log_p: object, reward: object, kl: object, log_deficit: object) -> tuple[Any, ...] | None: ...
def short_kl_constrained(p: object, reward: object, kl: object, log: bool) -> tuple[Any, ...] | None: ...
def short_kl_constrained_gradient(
    p: object, reward: object, kl: object, log: bool
) -> tuple[list[Any], list[Any]] | None: ...
def short_log_mgf_gradient(reward: object, t: object, p: object, log: bool) -> tuple[Any, ...] | None: ...
def short_optimality_gap(psi: object, p: object, reward: object, kl: object, log: bool) -> Any: ...
def short_rate_function(reward: object, x: object, p: object, log: bool) -> tuple[Any, ...] | None: ...
def short_rate_function_gradient(reward: object, x: object, p: object, log: bool) -> tuple[Any, ...] | None: ...
def short_renyi_cross_entropy_gradient(p: object, q: object, order: object, log: bool) -> tuple[Any, ...] | None: ...
def short_renyi_divergence_gradient(p: object, q: object, order: object, log: bool) -> tuple[Any, ...] | None: ...
def short_renyi_entropy_gradient(p: object, order: object, log: bool) -> tuple[Any, ...] | None: ...
def communicating_classes(support: NDArray[np.uint8], label: NDArray[np.int64]) -> int: ...
def cycle_mean(weights: NDArray[np.float64]) -> float: ...
def best_walks(closure: NDArray[np.float64]) -> None: ...
def perron(matrix: NDArray[np.float64], answer: NDArray[np.float64]) -> float: ...
def stationary(A: NDArray[np.float64], law: NDArray[np.float64]) -> None: ...
def short_tilt(p: object, reward: object, alpha: object, log: bool) -> tuple[Any, ...] | None: ...
def short_tilt_gradient(p: object, reward: object, alpha: object, log: bool) -> tuple[list[Any], list[Any]] | None: ...
def short_kl_estimators(log_policy: object, log_reference: object) -> tuple[Any, ...] | None: ...
def short_kl_estimator_moments(p: object, reference: object, log: bool) -> tuple[Any, ...] | None: ...
def markov_rate(P: NDArray[np.float64], Q: NDArray[np.float64], order: float) -> float: ...
def markov_aligned(
    P: NDArray[np.float64],
    reward: NDArray[np.float64],
    alpha: float,
    chain: NDArray[np.float64],
    out: NDArray[np.float64],
) -> bool: ...
def short_markov_rate(P: object, Q: object, order: object, normalize: bool) -> np.float64 | np.float32 | None: ...
def short_markov_aligned(P: object, reward: object, alpha: object) -> tuple[Any, ...] | None: ...
