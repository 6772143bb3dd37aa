from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

# ---- exact laws (law_build.inc, law.inc, law_atoms.inc, closed_forms.inc) ----

BLOCK: Final[int]
FIELDS: Final[int]
INTEGERS: Final[int]
KL: Final[int]
REVERSE_KL: Final[int]
CHI2: Final[int]
TV: Final[int]
HELLINGER2: Final[int]
WIN_RATE: Final[int]
EXPECTED_REWARD: Final[int]
REWARD_VARIANCE: Final[int]
RENYI: Final[int]
POINT_BYTES: Final[int]
PARTIAL_BYTES: Final[int]

_Reals = NDArray[np.float64]
_Bytes = NDArray[np.uint8]
_Rows = NDArray[np.int64]

@disjoint_base
class Laws:
    arrays: tuple[_Reals, NDArray[np.int32], _Rows]

    def __init__(self, fields: _Reals, integers: NDArray[np.int32], counts: _Rows) -> None: ...
    def __reduce__(self) -> tuple[type[Self], tuple[_Reals, NDArray[np.int32], _Rows]]: ...
    def build(
        self, p: _Reals, reward: _Reals, log: bool, first: int, last: int, status: NDArray[np.uint64]
    ) -> None: ...
    def value(self, kind: int, n: float, is_log: bool = False, order: float = 0.0) -> float: ...
    def values(
        self, kind: int, order: float, row_of: _Rows, points: _Bytes, chunk: int, first: int, last: int, out: _Reals
    ) -> None: ...
    def partials(
        self, kind: int, order: float, row_of: _Rows, points: _Bytes, chunk: int, first: int, last: int, out: _Bytes
    ) -> None: ...
    def fold(self, kind: int, order: float, row_of: _Rows, points: _Bytes, partials: _Bytes, out: _Reals) -> None: ...
    def pmf(self, log: bool, row_of: _Rows, points: _Bytes, first: int, last: int, out: _Reals) -> None: ...
    def kl_estimate(self, row_of: _Rows, points: _Bytes, first: int, last: int, out: _Reals) -> None: ...
    def sampler(self, which: int, reals: _Reals, start: NDArray[np.int32]) -> None: ...
    def draw(
        self, which: int, reals: _Reals, start: NDArray[np.int32], log_n: float, uniforms: _Reals, out: _Rows
    ) -> None: ...

def points(n: _Reals, is_log: bool, out: _Bytes) -> None: ...
def continuous_value(kind: int, value: float, is_log: bool = False, order: float = 0.0) -> float: ...
def continuous_values(kind: int, value: _Reals, is_log: bool, order: float, out: _Reals) -> None: ...
def kl_estimators(log_p: _Reals, log_n: _Reals, out: _Reals) -> None: ...

# ---- simulation (simulation.inc) ----

def fold_winners(draws: int, ties: int, start: int, stop: int, replicate: int, winner: NDArray[np.uint64]) -> None: ...
def word_tails(winner: NDArray[np.uint64], tail: NDArray[np.float64]) -> None: ...
def fold_exponents(key: int, replicate: int, draw: int, size: float, exponent: NDArray[np.float64]) -> None: ...
def exponent_tails(exponent: NDArray[np.float64], tail: NDArray[np.float64]) -> None: ...
def gaussian_rewards(tail: NDArray[np.float64], mean: float, std: float, reward: NDArray[np.float64]) -> None: ...
def uniform_rewards(tail: NDArray[np.float64], reward: NDArray[np.float64]) -> None: ...
def table_rewards(
    tail: NDArray[np.float64], ladder: NDArray[np.float64], value: NDArray[np.float64], reward: NDArray[np.float64]
) -> None: ...

# ---- pools of scored samples (pool.inc) ----

LANES: Final[int]
SMALL: Final[int]
NODES: Final[int]
U: Final[int]
V: Final[int]
UNBIASED: Final[int]
JACKKNIFE: Final[int]

def pool_steps(kind: int, step: _Reals) -> None: ...
def pool_arrange(
    score: _Reals, judged: _Reals, first: int, last: int, value: _Reals, spread: _Reals, tied: NDArray[np.int32]
) -> bool: ...
def pool_mean(kind: int, value: _Reals, step: _Reals, n: _Reals, first: int, last: int, out: _Reals) -> None: ...
def pool_weights(kind: int, step: _Reals, n: _Reals, weight: _Reals) -> None: ...
def pool_dots(value: _Reals, weight: _Reals, out: _Reals) -> None: ...
def pool_variance(
    kind: int,
    method: int,
    value: _Reals,
    step: _Reals,
    spread: _Reals | None,
    tied: NDArray[np.int32] | None,
    n: _Reals,
    mean: _Reals,
    first: int,
    last: int,
    out: _Reals,
) -> None: ...
def pool_interpolate(sums: _Reals, transform: _Reals, ends: _Reals, first: int, last: int, out: _Reals) -> None: ...
def pass_at_k(total: _Rows, correct: _Rows, k: int, found: _Reals, out: _Reals) -> None: ...
