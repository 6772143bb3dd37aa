"""Small calls of the information measures."""

import numpy as np

from short import Call

P = np.array([0.2, 0.3, 0.5])
Q = np.array([6.0, 1.0, 2.0])
LOG_P, LOG_Q = np.log(P), np.log(Q)
REWARD = np.array([0.3, -1.0, 2.0])
RANDOM = np.random.default_rng(0)
LONG_P, LONG_Q = RANDOM.dirichlet(np.ones(200), 2)
ORDERS = np.array([0.5, 1.0, 2.0, 1e-3, np.inf])
FINITE_ORDERS = np.array([0.5, 1.0, 2.0])
LEVELS = np.array([0.7, -1.0, 3.0, -0.5])
TILTS = np.array([0.7, -2.0, 0.0])
BAD = ((0, 1, np.nan), (0, 0, -1.0))
BAD_PAIR = (*BAD, (1, 2, np.nan), (1, 1, np.inf))
BAD_REWARD = ((0, 1, np.nan), ("p", 1, -1.0))

CHAIN = np.array([[0.7, 0.3, 0.0], [0.4, 0.5, 0.1], [2.0, 1.0, 1.0]])
OTHER = np.array([[0.5, 0.4, 0.1], [3.0, 1.0, 1.0], [0.2, 0.2, 0.6]])
NINE = RANDOM.dirichlet(np.ones(9), (2, 9))
GAINS = np.array([[0.3, -1.0, 2.0], [0.0, 0.5, 1.5], [-0.7, 0.1, 0.2]])
BAD_CHAINS = ((0, 1, np.nan), (0, 0, -1.0), (1, 2, np.nan))

CALLS = [
    Call("information.entropy", (P,), bad=BAD),
    Call("information.entropy", (LOG_P,), {"log": True}),
    Call("information.cross_entropy", (P, Q), bad=BAD_PAIR),
    Call("information.cross_entropy", (LOG_P, LOG_Q), {"log": True, "normalize_q": False}),
    Call("information.kl_divergence", (P, Q), bad=BAD_PAIR),
    Call("information.kl_divergence", (LOG_P, LOG_Q), {"log": True}),
    Call("information.kl_divergence", (LONG_P, LONG_Q)),
    Call("information.renyi_entropy", (P, 2), bad=BAD),
    Call("information.renyi_entropy", (LOG_P, 0.5), {"log": True}),
    Call("information.renyi_entropy", (LONG_P, ORDERS)),
    Call("information.renyi_divergence", (P, Q, 2.0), bad=BAD_PAIR),
    Call("information.renyi_divergence", (P, Q, 1e-3)),
    Call("information.renyi_divergence", (P, Q, np.float64(3.3)), {"normalize_q": False}),
    Call("information.renyi_divergence", (P, Q, ORDERS)),
    Call("information.renyi_divergence", (LOG_P, LOG_Q, ORDERS), {"log": True}),
    Call("information.renyi_divergence", (LONG_P, LONG_Q, 0.3)),
    Call("information.renyi_cross_entropy", (P, Q, 2.0), bad=BAD_PAIR),
    Call("information.renyi_cross_entropy", (P, Q, ORDERS), {"variant": "natural"}),
    Call("information.renyi_cross_entropy", (LOG_P, LOG_Q, 0.5), {"log": True}),
    Call("information.log_mgf", (REWARD, 0.7), bad=((0, 1, np.nan),)),
    Call("information.log_mgf", (REWARD, 0.7), {"p": P}, bad=BAD_REWARD),
    Call("information.log_mgf", (REWARD, TILTS), {"p": LOG_P, "log": True}),
    Call("information.tilted_moments", (REWARD, 0.7), {"p": P}, bad=BAD_REWARD),
    Call("information.tilted_moments", (REWARD, TILTS), {"order": 8}),
    Call("information.cumulants", (REWARD, 3), {"p": P}, bad=BAD_REWARD),
    Call("information.cumulants", (LONG_P,), {"t": TILTS, "p": LONG_Q}),
    Call("information.log_mgf_gradient", (REWARD, 0.7), {"p": P}, bad=BAD_REWARD),
    Call("information.log_mgf_gradient", (REWARD, TILTS)),
    Call("information.rate_function", (REWARD, 0.7), {"p": P}, bad=BAD_REWARD),
    Call("information.rate_function", (REWARD, LEVELS), {"p": LOG_P, "log": True}),
    Call("information.rate_function_gradient", (REWARD, 0.7), {"p": P}, bad=BAD_REWARD),
    Call("information.renyi_entropy_gradient", (P, 2), bad=BAD),
    Call("information.renyi_entropy_gradient", (LOG_P, FINITE_ORDERS), {"log": True}),
    Call("information.renyi_divergence_gradient", (P, Q, 2.0), bad=(*BAD_PAIR, (1, 1, 0.0))),
    Call("information.renyi_divergence_gradient", (LOG_P, LOG_Q, FINITE_ORDERS), {"log": True}),
    Call("information.renyi_cross_entropy_gradient", (P, Q, 0.5), bad=BAD_PAIR),
    Call("information.renyi_cross_entropy_gradient", (P, Q, 0.5), {"variant": "natural"}, python_calls=8),
    *(
        Call("information.markov_renyi_cross_entropy_rate", (CHAIN, OTHER, order), bad=BAD_CHAINS)
        for order in (0, 0.5, 1.001, 2.0, np.float64(30.0))
    ),
    Call("information.markov_renyi_cross_entropy_rate", (CHAIN, OTHER, 3.0), {"normalize_q": False}),
    Call("information.markov_renyi_cross_entropy_rate", (OTHER, CHAIN, 2.0)),  # q lacks a transition
    *(Call("information.markov_renyi_cross_entropy_rate", (*NINE, order)) for order in (-2, 0.9, 2.0)),
    *(
        Call("information.markov_aligned", (CHAIN, GAINS, alpha), bad=(*BAD_CHAINS[:2], (1, 0, np.inf)))
        for alpha in (0.0, 1e-6, 0.5, -3)
    ),
    Call("information.markov_aligned", (NINE[0], np.log(NINE[1]), 0.5)),
]
