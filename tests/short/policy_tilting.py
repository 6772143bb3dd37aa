"""Small calls of tilted policies."""

import numpy as np

from short import Call

P = np.array([0.2, 0.3, 0.5])
LOG_P = np.log(P)
REWARD = np.array([0.3, -1.0, 2.0])
PSI = np.array([0.1, 0.2, 0.7])
RANDOM = np.random.default_rng(0)
LONG_P, LONG_REWARD = RANDOM.dirichlet(np.ones(200)), RANDOM.normal(size=200)
ALPHAS = np.array([0.7, -30.0, 0.0, np.inf, 1e-9])
BUDGETS = np.array([0.1, 0.0, 1e-9, 5.0])
BAD = ((0, 1, np.nan), (0, 0, -1.0), (1, 2, np.nan), (1, 0, np.inf))

CALLS = [
    Call("policy.tilt", (P, REWARD, 0.7), bad=BAD),
    Call("policy.tilt", (None, REWARD, -3)),
    Call("policy.tilt", (LOG_P, REWARD, ALPHAS), {"log": True}),
    Call("policy.tilt", (LONG_P, LONG_REWARD, ALPHAS)),
    Call("policy.tilt_gradient", (P, REWARD, 0.7), bad=BAD, python_calls=20),
    Call("policy.tilt_gradient", (LONG_P, LONG_REWARD, -5.0), python_calls=20),
    Call("policy.kl_constrained", (P, REWARD, 0.11), bad=BAD),
    Call("policy.kl_constrained", (LOG_P, REWARD, BUDGETS), {"log": True}),
    Call("policy.kl_constrained", (LONG_P, LONG_REWARD, 3.0)),
    Call("policy.kl_constrained_gradient", (P, REWARD, 0.11), bad=BAD, python_calls=20),
    Call("policy.optimality_gap", (PSI, P, REWARD, 0.11), bad=((0, 1, np.nan), (1, 1, -1.0), (2, 0, np.nan))),
    Call("policy.kl_estimators", (LOG_P, np.log(PSI))),
    Call("policy.kl_estimators", (np.append(LOG_P, [np.nan, -1.0]), np.append(LOG_P, [-1.0, -np.inf]))),
    Call("policy.kl_estimator_moments", (P, PSI), bad=((0, 1, np.nan), (1, 0, -1.0), (1, 1, 0.0))),
    Call("policy.kl_estimator_moments", (LOG_P, np.log(PSI)), {"log": True}),
    Call("policy.optimality_gap", (np.log(PSI), LOG_P, REWARD, 0.3), {"log": True}),
]
