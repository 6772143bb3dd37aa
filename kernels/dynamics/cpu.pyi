from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

LANES: Final[int]
IPO: Final[int]
DPO: Final[int]
CONVERGENCE: Final[float]
RUNNING: Final[int]
FOUND: Final[int]
UNCONVERGED: Final[int]
SMALL_MATRIX: Final[int]
FEW_TRAJECTORIES: Final[int]
HALVED_MATRIX: Final[int]

_Reals = NDArray[np.float64]
_Flags = NDArray[np.uint8]

def state_size(size: int, lanes: int) -> int: ...
def equilibria(
    method: int,
    skew: _Reals,
    ref: _Reals,
    sampler: _Reals,
    alpha: _Reals,
    beta: _Reals,
    lam: _Reals,
    log_pi: _Reals,
    report: _Reals,
    found: _Flags,
    first: int,
    last: int,
) -> None: ...
def radii(
    method: int,
    skew: _Reals,
    pi: _Reals,
    sampler: _Reals,
    alpha: _Reals,
    beta: _Reals,
    lam: _Reals,
    out: _Reals,
    first: int,
    last: int,
) -> None: ...
def frequencies(skew: _Reals, pi: _Reals, out: _Reals, first: int, last: int) -> None: ...
def constants(skew: _Reals, out: _Reals, first: int, last: int) -> None: ...
def conditions(
    constants: _Reals, alpha: _Reals, beta: _Reals, lam: _Reals, out: _Flags, first: int, last: int
) -> None: ...
def onsets(strength: _Reals, alpha: _Reals, beta: _Reals, lam: _Reals, out: _Reals, first: int, last: int) -> None: ...
def collapse(
    method: int,
    P: _Reals,
    sampler: _Reals,
    top: int,
    beta: _Reals,
    lam: _Reals,
    out: _Reals,
    first: int,
    last: int,
) -> None: ...
def multiplayer(
    transposed: _Reals, sampler: _Reals, log_ref: _Reals, alpha: float, beta: float, lam: float, path: _Reals
) -> None: ...
def softmax(x: _Reals) -> None: ...
def short_onset(strength: object, alpha: object, beta: object, lam: object) -> tuple[Any, ...] | None: ...
def short_fixed_point(
    P: object, alpha: object, beta: object, lam: object, sampler: object, ref: object, method: object
) -> tuple[Any, ...] | None: ...
def short_critical_beta(
    P: object, alpha: object, lam: object, sampler: object, ref: object, method: object, largest: object, tol: object
) -> float | None: ...
def short_simulate(
    P: object,
    alpha: object,
    beta: object,
    lam: object,
    init: object,
    sampler: object,
    ref: object,
    steps: object,
    burn_in: object,
    record: object,
    method: object,
) -> tuple[Any, ...] | None: ...
def short_lyapunov_exponent(
    P: object,
    alpha: object,
    beta: object,
    lam: object,
    init: object,
    sampler: object,
    ref: object,
    steps: object,
    burn_in: object,
    method: object,
) -> Any: ...
def short_spectral_radius(
    P: object, log_pi: object, alpha: object, beta: object, lam: object, sampler: object, method: object
) -> Any: ...
def short_stability_bounds(P: object, alpha: object, beta: object, lam: object) -> tuple[Any, ...] | None: ...
def short_collapse_rates(P: object, beta: object, lam: object, sampler: object, top: object, method: object) -> Any: ...

@disjoint_base
class CriticalSearch:
    def __init__(
        self,
        method: int,
        skew: _Reals,
        ref: _Reals,
        sampler: _Reals,
        alpha: float,
        lam: float,
        largest: float,
        tol: float,
        log_pi: _Reals,
    ) -> None: ...
    def advance(self, count: int) -> int: ...
    @property
    def beta(self) -> float: ...
    @property
    def residual(self) -> float: ...

@disjoint_base
class Trajectories:
    def __init__(
        self,
        method: int,
        lanes: int,
        rows: int,
        shared: bool,
        skew: _Reals,
        log_ref: _Reals,
        sampler: _Reals,
        log_init: _Reals,
        alpha: _Reals,
        beta: _Reals,
        lam: _Reals,
        schedule: _Reals | None,
        burn_in: int,
        times: NDArray[np.int64],
        path: _Reals,
        state: _Reals,
        pairs: int = 0,
        prior: float = 0.0,
        key: int = 0,
        replicate: int = 0,
    ) -> None: ...
    @property
    def scratch_size(self) -> int: ...
    def start(self, first: int, last: int) -> None: ...
    def run(self, begin: int, end: int, first: int, last: int) -> None: ...
    def prepare(self, first: int, last: int, scratch: _Reals) -> None: ...
    def advance(self, round: int, first: int, last: int, scores: _Reals, policies: _Reals, scratch: _Reals) -> None: ...
    def finish(
        self,
        round: int,
        tolerance: float,
        first: int,
        last: int,
        log_policy: _Reals,
        mean: _Reals,
        variance: _Reals,
        entropy: _Reals,
        entropy_min: _Reals,
        entropy_max: _Reals,
        period: _Reals,
        converged: NDArray[np.uint8],
    ) -> None: ...
    def lyapunov_start(self, first: int, last: int, tangent: _Reals) -> None: ...
    def lyapunov_run(self, begin: int, end: int, first: int, last: int, tangent: _Reals) -> None: ...
    def lyapunov_finish(self, count: float, first: int, last: int, tangent: _Reals, exponent: _Reals) -> None: ...
