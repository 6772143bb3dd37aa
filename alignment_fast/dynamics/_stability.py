"""Linear stability of fixed points of the dynamics, and the constants of sufficient conditions.

At a policy π the map has the Jacobian J = α + βλ G in log space: G = M Σ(π) for IPO, M = P − 1/2, Σ(π) = diag π − ππᵀ;
G = A⁺ R Σ(π) for DPO (kernels/policy/rewards.inc). M is skew and Σ positive semidefinite, so IPO's G has eigenvalues
±iω_k: stability is lost by rotation only (Neimark-Sacker). Reference: arXiv:2602.12180.
"""

import numpy as np

# DPO's slope at equal rewards is σ'(0) = 1/4 of the scores' for IPO.
DPO_GAIN = 4.0


def covariance(pi):
    """Return Σ(π) = diag π − ππᵀ."""
    return pi[..., :, None] * (np.eye(pi.shape[-1]) - pi[..., None, :])


def leading(gain, alpha, feedback):
    """Return |e|, |Im γ| and |arg e| of the eigenvalue e = α + βλ γ of largest modulus, γ one of `gain`.

    `feedback` is βλ. The direction of ones is no direction of policies, but its eigenvalue α is the least of them when
    all γ are imaginary.
    """
    gamma = np.linalg.eigvals(gain)
    value = alpha[..., None] + feedback[..., None] * gamma
    most = np.abs(value).argmax(axis=-1)[..., None]
    gamma = np.broadcast_to(gamma, value.shape)
    gamma, value = (np.take_along_axis(array, most, axis=-1)[..., 0] for array in (gamma, value))
    return np.abs(value), np.abs(gamma.imag), np.abs(np.angle(value))
