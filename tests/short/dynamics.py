"""Small calls of the dynamics: what there is to say of one matrix at one parameter point."""

import numpy as np

from short import Call

P = np.array([[0.5, 0.9, 0.25], [0.1, 0.5, 0.8], [0.75, 0.2, 0.5]])
FOUR = np.array([[0.5, 0.7, 0.35, 0.9], [0.3, 0.5, 0.8, 0.6], [0.65, 0.2, 0.5, 0.55], [0.1, 0.4, 0.45, 0.5]])
GAPS = np.random.default_rng(7).normal(size=9)
NINE = 1 / (1 + np.exp(GAPS - GAPS[:, None])) + 0.1 * np.subtract.outer(np.cos(GAPS), np.cos(GAPS))
NINE = np.clip(NINE, 0, 1)
NINE = np.triu(NINE, 1) + np.tril(1 - NINE.T, -1) + 0.5 * np.eye(9)
REF = np.array([0.5, 0.3, 0.2])
POINT = {"alpha": 0.5, "beta": 4.0, "lam": 1.0}
BETAS = np.array([0.0, 0.5, 1.0, 4.0, 9.0, 30.0])
GRID = {"alpha": 0.5, "beta": BETAS, "lam": 0.5}
MIXED = {"alpha": 0.25, "beta": 2, "lam": 0.5}
BAD = ((0, 1, np.nan), (0, 1, 1.5), (0, 3, 0.5))

CALLS = [
    *(
        Call("dynamics.fixed_point", (matrix,), at, bad=BAD if matrix is P else ())
        for matrix in (P, FOUR, NINE)
        for at in (POINT, MIXED, {"alpha": 0.9, "beta": 400.0, "lam": 1.0})
    ),
    Call(
        "dynamics.fixed_point",
        (P,),
        {**MIXED, "sampler": REF, "ref": REF},
        bad=(("ref", 0, 0.0), ("sampler", 0, -1.0), ("ref", 1, np.nan)),
    ),
    *(
        Call("dynamics.spectral_radius", (matrix, np.log(np.arange(1.0, 1 + len(matrix)))), at, bad=bad)
        for matrix, bad in ((P, (*BAD, (1, 1, np.nan), (1, 0, np.inf))), (FOUR, ()), (NINE, ()))
        for at in (POINT, MIXED)
    ),
    *(
        Call("dynamics.stability_bounds", (matrix,), POINT, bad=BAD if matrix is P else ())
        for matrix in (P, FOUR, NINE)
    ),
    *(Call("dynamics.collapse_rates", (P,), {"beta": 0.5, "lam": 0.5, "sampler": REF, "top": top}) for top in (0, -1)),
    Call("dynamics.collapse_rates", (P,), {"beta": 2, "method": "dpo"}, bad=BAD),
    *(
        Call(
            "dynamics.simulate", (matrix,), {**at, "init": start, "steps": 40, "burn_in": 7, "method": method}, bad=bad
        )
        for matrix, start, bad in (
            (P, REF, (*BAD, ("init", 0, np.nan), ("init", 1, -1.0))),
            (FOUR, np.array([0.1, 0.2, 0.3, 0.4]), ()),
            (NINE, np.arange(1.0, 10.0), ()),
        )
        for at in (POINT, MIXED)
        for method in ("ipo", "dpo")
    ),
    Call("dynamics.simulate", (P,), {**MIXED, "init": REF, "steps": 0, "sampler": REF[::-1].copy(), "ref": REF}),
    Call("dynamics.three_cycle_onset", (0.4,), {"alpha": 0.54, "beta": 3.6, "lam": 1.0}, float32=False),
    Call("dynamics.three_cycle_onset", (0.25,), {"alpha": 0.0, "beta": 0, "lam": 1}, float32=False),
    *(
        Call(f"dynamics.{name}", (matrix, *more), {**at, "method": "dpo"}, bad=BAD if matrix is P else ())
        for matrix in (P, FOUR, NINE)
        for at in (MIXED, POINT)
        for name, more in (("fixed_point", ()), ("spectral_radius", (np.log(np.arange(1.0, 1 + len(matrix))),)))
    ),
    *(
        Call("dynamics.critical_beta", (matrix,), {"alpha": alpha, "lam": lam, "method": method}, bad=bad)
        for matrix, bad in ((P, BAD), (FOUR, ()), (NINE, ()))
        for alpha, lam, method in ((0.5, 1.0, "ipo"), (0.9, 0.5, "ipo"), (0, 1, "ipo"))
    ),
    Call("dynamics.critical_beta", (P,), {"alpha": 0.5, "lam": 1.0, "method": "dpo", "largest": 100, "tol": 1e-6}),
    Call("dynamics.critical_beta", (P,), {"alpha": 0.5, "lam": 1.0, "ref": REF}, bad=(("ref", 0, 0.0),)),
    *(
        Call(
            "dynamics.lyapunov_exponent",
            (matrix,),
            {**at, "init": np.arange(1.0, 1 + len(matrix)), "steps": 40, "burn_in": 7, "method": method},
            bad=(("init", 0, np.nan),),
        )
        for matrix in (P, FOUR, NINE)
        for at in (POINT, MIXED, {"alpha": 0.5, "beta": BETAS, "lam": 0.5})
        for method in ("ipo", "dpo")
    ),
    *(
        Call("dynamics.simulate", (matrix,), {**GRID, "init": np.arange(1.0, 1 + len(matrix)), "steps": 12, **more})
        for matrix in (P, FOUR, NINE)
        for more in ({"record": 5}, {"record": 1, "method": "dpo"}, {"burn_in": 3})
    ),
    Call("dynamics.simulate", (P,), {**POINT, "init": REF, "steps": 12, "record": 1}, bad=BAD),
    *(
        Call(f"dynamics.{name}", (matrix, *more), {**GRID, "method": method})
        for matrix in (P, NINE)
        for method in ("ipo", "dpo")
        for name, more in (
            ("fixed_point", ()),
            ("spectral_radius", (np.log(np.arange(1.0, 1 + len(matrix))),)),
            ("spectral_radius", (np.log(np.arange(1.0, 1 + 6 * len(matrix)).reshape(6, -1)),)),
        )
    ),
    Call("dynamics.stability_bounds", (P,), GRID),
    *(Call("dynamics.sweep", (P,), {**at, "init": REF, "steps": 12}, bad=BAD) for at in (POINT, GRID)),
    Call("dynamics.collapse_rates", (P,), {"beta": BETAS, "lam": 0.5, "sampler": REF}),
    Call("dynamics.three_cycle_onset", (0.4,), GRID, float32=False),
]

WITHOUT = {"dynamics.sweep": "a grid of trajectories, longer than the border by design"}
