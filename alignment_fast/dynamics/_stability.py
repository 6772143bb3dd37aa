"""Linear stability of fixed points of the dynamics, and the constants of sufficient conditions.

At a policy π the map has the Jacobian J = α + βλ G in log space: G = M Σ(π) for IPO, M = P − 1/2, Σ(π) = diag π − ππᵀ;
G = A⁺ R Σ(π) for DPO (optimum.py). M is skew and Σ positive semidefinite, so IPO's G has eigenvalues ±iω_k: stability
is lost by rotation only (Neimark-Sacker). Reference: arXiv:2602.12180.
"""

import numpy as np

# DPO's slope at equal rewards is σ'(0) = 1/4 of the scores' for IPO.
DPO_GAIN = 4.0


def covariance(pi):
    """Return Σ(π) = diag π − ππᵀ."""
    return pi[..., :, None] * (np.eye(pi.shape[-1]) - pi[..., None, :])


def skew_form(M, pi):
    """Return Q D^½ M D^½ Q with D = diag π, Q = 1 − uuᵀ, u = √π: skew, with the eigenvalues of M Σ(π)."""
    root = np.sqrt(pi)
    form = root[..., :, None] * M * root[..., None, :]
    onto = np.matmul(form, root[..., None])  # skew: uᵀ form u = 0
    return form - onto * root[..., None, :] + root[..., :, None] * np.swapaxes(onto, -1, -2)


def largest_frequency(skew):
    """Return the spectral norm of skew matrices, the largest |eigenvalue|."""
    return np.abs(np.linalg.eigvalsh(1j * skew)).max(axis=-1)


def ipo_frequency(M, pi):
    """Return ω, the largest |eigenvalue| of M Σ(π)."""
    return largest_frequency(skew_form(M, pi))


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


def constants(M):
    """Return ‖M‖₂, ‖ΠMΠ‖₂, the span D and max |M| of matrices (..., K, K).

    Π takes out the mean; D = max_ij (max_k − min_k)(M_ik − M_jk).
    """
    centred = M - M.mean(axis=-1, keepdims=True)
    centred = centred - centred.mean(axis=-2, keepdims=True)
    span = np.zeros(M.shape[:-2])
    for i in range(M.shape[-1]):
        span = np.maximum(span, np.ptp(M[..., i, None, :] - M, axis=-1).max(axis=-1))
    return largest_frequency(M), largest_frequency(centred), span, np.abs(M).max(axis=(-2, -1))
