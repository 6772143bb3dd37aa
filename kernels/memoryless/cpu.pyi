import numpy as np
from numpy.typing import NDArray

MOST_LETTERS: int

def types(
    constant: float,
    terms: NDArray[np.float64],
    exponents: NDArray[np.float64],
    generators: NDArray[np.float64],
    start: NDArray[np.int64],
    first: int,
    last: int,
    reward: NDArray[np.float64],
    log_pmf: NDArray[np.float64],
) -> None: ...
def types_means(
    letters: int,
    m: int,
    start: NDArray[np.int64],
    weight: NDArray[np.float64],
    first: int,
    last: int,
    sums: NDArray[np.float64],
) -> None: ...
def recognise(
    reward: NDArray[np.float64],
) -> tuple[
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.float64] | None,
    tuple[NDArray[np.int64], NDArray[np.int64]] | None,
]: ...
def sort(
    reward: NDArray[np.float64],
    scratch: NDArray[np.uint64],
    order: NDArray[np.int32],
    sorted: NDArray[np.float64],
) -> None: ...
def power(m: int, negligible: float, z: NDArray[np.float64], first: int, last: int) -> None: ...
def merge(
    theta: float,
    shift: float,
    noise: float,
    smooth: float,
    least: float,
    first: int,
    size: int,
    mass: NDArray[np.float64],
    log_pmf: NDArray[np.float64],
    error: NDArray[np.float64],
) -> None: ...
