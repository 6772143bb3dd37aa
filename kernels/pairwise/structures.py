"""What the operations of this family take and return: pure data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Real = NDArray[np.float32] | NDArray[np.float64]
    _Stored = _Real | NDArray[np.uint16]


class Loss(NamedTuple):
    """A loss of pairs or margins with its parameters, as the compiled pass takes them.

    Parameters
    ----------
    formula, score : str
        The compiled formula, and the map that scores go through.
    beta, epsilon, gamma, lam, tau, delta : float
        Parameters of the formula; those it does not have are not read.
    exponent : float
        Of the score map "exponential".

    """

    formula: str
    score: str = "identity"
    beta: float = 1.0
    epsilon: float = 0.0
    gamma: float = 0.0
    lam: float = 0.0
    tau: float = 1.0
    delta: float = 0.0
    exponent: float = 0.0


class Inputs(NamedTuple):
    """C-contiguous arrays of one shape, None where absent.

    `chosen` and `rejected` are log-probabilities under the policy, or rewards; of a loss of margins `chosen` holds
    these. Log-probabilities have the storage of the call, all other arrays its dtype. An integer is the address of such
    an array, which the caller keeps alive.
    """

    chosen: _Stored | int
    rejected: _Stored | int | None = None
    ref_chosen: _Stored | int | None = None
    ref_rejected: _Stored | int | None = None
    chosen_length: _Real | int | None = None
    rejected_length: _Real | int | None = None
    weight: _Real | int | None = None
    target: _Real | int | None = None


class Outputs(NamedTuple):
    """C-contiguous arrays to write, None where not wanted: losses, gradients, the second derivative, rewards.

    An integer is the address of such an array, which the caller keeps alive.
    """

    loss: _Real | int | None = None
    grad_chosen: _Real | int | None = None
    grad_rejected: _Real | int | None = None
    second: _Real | int | None = None
    chosen_rewards: _Real | int | None = None
    rejected_rewards: _Real | int | None = None


class LetterSums(NamedTuple):
    """Columns of what is summed over the letters of a vocabulary, one row per token's place.

    Parameters
    ----------
    frame : float
        Logit that exponentials are relative to.
    sum, first, square : float
        Σ e^{z − frame}, Σ e^{z − frame} (z − frame), Σ e^{2 (z − frame)}.
    total : float
        Σ z.
    token : float
        Logit of the token itself; NaN before its tile.
    top, top_id : float
        Largest logit, and the first letter that has it.

    """

    frame: float
    sum: float
    first: float
    square: float
    total: float
    token: float
    top: float
    top_id: float


class Sums(NamedTuple):
    """Sums over the pairs; all but `loss` are 0 where no metrics were asked for."""

    loss: float
    chosen_rewards: float = 0.0
    rejected_rewards: float = 0.0
    wins: float = 0.0
