"""Small calls of axioms and optima of preferences."""

import numpy as np

from short import Call

P = np.array([[0.5, 0.7, 0.375], [0.3, 0.5, 0.8], [0.625, 0.2, 0.5]])
TIED = np.array([[0.5, 0.5, 0.8, 0.9], [0.5, 0.5, 0.5, 0.6], [0.2, 0.5, 0.5, 0.5], [0.1, 0.4, 0.5, 0.5]])
# Nine responses: sums of eight and more are taken in another order.
RANDOM = np.random.default_rng(9)
GAPS = RANDOM.normal(size=9)
NINE = 1 / (1 + np.exp(GAPS - GAPS[:, None]))
MU = np.array([0.5, 0.3, 0.2])
REF = np.array([2.0, 0.0, 3.0])
NINTHS = RANDOM.random(9)
H = np.array([0.25, -1.0, 0.5])
RHO = np.array([[0.1, 0.2, 0.1], [0.2, 0.1, 0.1], [0.1, 0.05, 0.05]])
SPLIT = np.array([[0.2, 0.4, 0.0], [0.3, 0.0, 0.0], [0.0, 0.0, 0.1]])
BETAS = np.array([0.0, 0.5, 40.0])
WINNER, LOSER = np.array([0, 0, 2, 1, 0]), np.array([1, 1, 0, 3, 2])
BAD = ((0, 1, np.nan), (0, 1, 1.5), (0, 3, 0.9))

CHAIN = np.array([[0.5, 0.51, 0.6, 0.51], [0.49, 0.5, 0.9, 0.6], [0.4, 0.1, 0.5, 0.51], [0.49, 0.4, 0.49, 0.5]])
LINE = 1 / (1 + np.exp(np.arange(9.0) - np.arange(9.0)[:, None]))

CALLS = [
    *(Call("policy.order_sampler", (matrix,), bad=BAD) for matrix in (CHAIN, 1 - LINE)),
    Call("policy.order_sampler", (CHAIN,), bad=((0, 1, 0.4),)),
    *(Call("policy.smith_sampler", (matrix,), bad=BAD[:2]) for matrix in (P, TIED, NINE, CHAIN)),
    Call("policy.smith_sampler", (CHAIN, np.array([0.1, 0.4, 0.0, 0.5])), bad=((1, 1, -1.0),)),
    *(
        Call(f"policy.{name}", (matrix,), bad=BAD if matrix is P else ())
        for name in (
            *("classify", "condorcet_winner", "count_cycles", "smith_set"),
            *("is_row_dominant", "is_strongly_transitive"),
        )
        for matrix in (P, TIED, NINE)
    ),
    *(Call(f"policy.{name}", (NINE,), {"strict": True}) for name in ("is_row_dominant", "is_strongly_transitive")),
    *(
        Call(f"policy.{name}", (P, H), bad=(*BAD, (1, 1, np.nan), (1, 0, np.inf)))
        for name in ("is_condorcet_top", "is_smith_top", "is_order_preserving")
    ),
    *(
        Call(f"policy.{name}", (P, MU, REF, beta), bad=(*BAD, (1, 0, -1.0), (2, 2, np.inf)))
        for name in ("ipo", "dpo")
        for beta in (0.0, 1, 2.5, np.float64(0.5), 1e-9, 1e300, BETAS)
    ),
    *(Call(f"policy.{name}", (NINE, NINTHS, None, 1.5)) for name in ("ipo", "dpo")),
    *(Call(f"policy.{name}", (TIED, None, None, 3.0)) for name in ("ipo", "dpo")),
    *(Call("policy.ipo_pairs", (P, rho, MU, 2.0), bad=(*BAD, (1, 1, -0.5))) for rho in (RHO, SPLIT)),
    Call("policy.ipo_loss", (H, P, MU, 1.5), bad=((0, 1, np.nan), (1, 1, 2.0))),
    Call("policy.dpo_loss", (H, P, MU), bad=((0, 1, np.inf), (1, 1, 2.0))),
    Call("policy.dpo_sensitivity", (P, MU, H), bad=(*BAD, (2, 0, np.nan))),
    Call("policy.ipo_covariance", (P, MU, 2.0), bad=(*BAD, (1, 0, 0.0))),
    Call("policy.dpo_covariance", (P, MU), bad=(*BAD, (1, 0, 0.0))),
    *(
        Call("policy.preference_matrix", (WINNER, LOSER, 4), {"prior": prior}, bad=((1, 2, 2),))
        for prior in (0.0, 1, 0.5)
    ),
]

WITHOUT = {"policy.preference_matrix_from_scores": "one elementwise function of a matrix of differences, by NumPy"}
