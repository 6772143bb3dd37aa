"""What the operations of this family take and return: pure data."""

from typing import Any, NamedTuple


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
    these. Log-probabilities have the storage of the call, all other arrays its dtype.
    """

    chosen: Any
    rejected: Any = None
    ref_chosen: Any = None
    ref_rejected: Any = None
    chosen_length: Any = None
    rejected_length: Any = None
    weight: Any = None
    target: Any = None


class Outputs(NamedTuple):
    """C-contiguous arrays to write, None where not wanted: losses, gradients, the second derivative, rewards."""

    loss: Any = None
    grad_chosen: Any = None
    grad_rejected: Any = None
    second: Any = None
    chosen_rewards: Any = None
    rejected_rewards: Any = None


class Sums(NamedTuple):
    """Sums over the pairs; all but `loss` are 0 where no metrics were asked for."""

    loss: float
    chosen_rewards: float = 0.0
    rejected_rewards: float = 0.0
    wins: float = 0.0
