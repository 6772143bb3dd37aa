"""Guarded results of `af.dynamics`."""

import itertools

import numpy as np
from guard.table import FLOATS, add, masses, preferences

import alignment_fast as af

DYNAMICS = af.dynamics

CYCLE = 0.5 + 0.4 * np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
POINT = {"alpha": 0.8, "beta": 2.0, "lam": 0.7}
GRID = {"alpha": np.array([0.0, 0.5, 0.95]), "beta": np.array([0.1, 2.0, 9.0]), "lam": np.array([1.0, 0.5, 0.9])}
OUTER = {"alpha": np.array([0.5, 0.95])[:, None], "beta": np.array([0.5, 3.0, 12.0]), "lam": 0.9}
SIZES = {"two": 2, "three": 3, "eight": 8, "seventeen": 17}


def _uses(names):
    return " ".join(f"dynamics.{name}" for name in names.split())


def _start(size, dtype=np.float64):
    """Return weights of a first policy: for sizes that are powers of two, powers of two that add up to one.

    Their logarithms, which NumPy takes, are the same everywhere: multiples of log 2.
    """
    if not _is_exact(size):
        return masses(3, size, dtype)
    return np.array([*(0.5 ** np.arange(1, size)), 0.5 ** (size - 1)], dtype=dtype)


def _is_exact(size):
    return size & (size - 1) == 0


def _noises():
    return {
        "exact": None,
        "fresh": DYNAMICS.FreshPairs(40, prior=0.5),
        "frozen": DYNAMICS.FrozenEstimate(25, prior=1.0),
    }


def trajectories():
    for (label, size), method, (precision, dtype) in itertools.product(SIZES.items(), ("ipo", "dpo"), FLOATS.items()):
        if size == 17 and method == "dpo":
            continue
        P, init, ref = preferences(1, (), size, dtype), _start(size, dtype), masses(4, size, dtype)
        options = {"init": init, "steps": 40, "burn_in": 10, "method": method, "own": _is_exact(size)}
        name = f"{label}-{method}-{precision}"
        uses = _uses("simulate Trajectory")
        add(f"dynamics.simulate/{name}", uses, DYNAMICS.simulate, P, record=10, **POINT, **options)
        options |= {"sampler": masses(5, size, dtype)}
        add(f"dynamics.simulate/{name}-sampler", uses, DYNAMICS.simulate, P, record=20, **GRID, **options)
        options |= {"ref": ref, "own": False}
        add(f"dynamics.simulate/{name}-grid", uses, DYNAMICS.simulate, P, record=[0, 1, 40], **GRID, **options)
    for method, (noise, value) in itertools.product(("ipo", "dpo"), _noises().items()):
        own = noise != "frozen"  # its counts are drawn by a function of SciPy
        options = {"init": _start(4), "steps": 30, "method": method, "noise": value, "seed": 7, "own": own}
        uses = _uses("simulate FreshPairs FrozenEstimate")
        add(
            f"dynamics.simulate/noise-{noise}-{method}",
            uses,
            DYNAMICS.simulate,
            preferences(2, (3,), 4),
            **POINT,
            **options,
        )
        uses = _uses("sweep FreshPairs FrozenEstimate")
        add(f"dynamics.sweep/noise-{noise}-{method}", uses, DYNAMICS.sweep, preferences(2, (3,), 4), **OUTER, **options)
    schedule = DYNAMICS.Schedule(np.arange(1, 31) / 10.0)
    add(
        "dynamics.simulate/schedule",
        _uses("simulate Schedule"),
        DYNAMICS.simulate,
        preferences(2, (), 4),
        alpha=0.5,
        beta=schedule,
        lam=1.0,
        init=_start(4),
        steps=30,
        record=5,
    )
    uses = _uses("Trajectory.pi Trajectory.rotation_number Trajectory.cycle_strength")
    add("dynamics.simulate/properties", uses, _properties, own=False)


def _properties():
    found = DYNAMICS.simulate(CYCLE, alpha=0.95, beta=4.0, lam=1.0, init=[5, 3, 2], steps=300, burn_in=100)
    return found.pi, found.rotation_number, found.cycle_strength


def sweeps():
    for (label, size), method in itertools.product(SIZES.items(), ("ipo", "dpo")):
        if size == 17 and method == "dpo":
            continue
        P = preferences(6, (5,), size)
        options = {"init": _start(size), "steps": 60, "burn_in": 20, "method": method, "own": _is_exact(size)}
        add(f"dynamics.sweep/{label}-{method}", _uses("sweep Trajectory"), DYNAMICS.sweep, P, **OUTER, **options)
        uses = _uses("sweep_blocks SweepBlock")
        add(f"dynamics.sweep/blocks-{label}-{method}", uses, _blocks, P, **OUTER, **options)
    for threads in (1, 2):
        options = {"init": _start(4), "steps": 200, "num_threads": threads}
        add(
            f"dynamics.sweep/threads-{threads}",
            _uses("sweep"),
            DYNAMICS.sweep,
            preferences(6, (300,), 4),
            **OUTER,
            **options,
        )
    options = {"init": np.arange(1, 193), "steps": 10, "own": False}
    add("dynamics.sweep/by-blas", _uses("sweep"), DYNAMICS.sweep, preferences(6, (2,), 192), **OUTER, **options)


def _blocks(P, **options):
    return list(DYNAMICS.sweep_blocks(P, block=2, **options))


def analysis():
    for (label, size), method in itertools.product(SIZES.items(), ("ipo", "dpo")):
        P, common = preferences(7, (2,), size), {"method": method, "own": False}
        name = f"{label}-{method}"
        add(f"dynamics.fixed_point/{name}", _uses("fixed_point FixedPoint"), DYNAMICS.fixed_point, P, **POINT, **common)
        add(f"dynamics.fixed_point/spectral_radius-{name}", _uses("spectral_radius"), _radius, P, **POINT, **common)
        options = {"init": _start(size), "steps": 60, "burn_in": 10} | common | {"own": _is_exact(size)}
        uses = _uses("lyapunov_exponent")
        add(f"dynamics.analysis/lyapunov_exponent-{name}", uses, DYNAMICS.lyapunov_exponent, P, **POINT, **options)
        add(
            f"dynamics.analysis/collapse_rates-{name}",
            _uses("collapse_rates"),
            DYNAMICS.collapse_rates,
            P,
            beta=[1.0, 3.0],
            **common,
        )
    for method in ("ipo", "dpo"):
        options = {"alpha": 0.5, "lam": 1.0, "method": method, "tol": 1e-6, "own": False}
        add(
            f"dynamics.analysis/critical_beta-{method}",
            _uses("critical_beta"),
            DYNAMICS.critical_beta,
            CYCLE,
            **options,
        )
        options = {"method": method, "own": False} | GRID
        add(f"dynamics.fixed_point/grid-{method}", _uses("fixed_point"), DYNAMICS.fixed_point, CYCLE, **options)
    uses = _uses("stability_bounds StabilityBounds StabilityBounds.stable")
    for precision, dtype in FLOATS.items():
        add(f"dynamics.analysis/stability_bounds-{precision}", uses, _bounds, preferences(8, (4,), 5, dtype), own=False)
    strengths = np.array([0.1, 0.3, 0.5])
    uses = _uses("three_cycle_onset Onset")
    add(
        "dynamics.analysis/three_cycle_onset-grid",
        uses,
        DYNAMICS.three_cycle_onset,
        strengths,
        alpha=0.9,
        beta=8.0,
        lam=1.0,
        own=False,
    )


def _radius(P, **options):
    point = DYNAMICS.fixed_point(P, **options)
    return DYNAMICS.spectral_radius(P, point.log_pi, **options)


def _bounds(P):
    found = DYNAMICS.stability_bounds(P, **GRID)
    return found, found.stable


for part in (trajectories, sweeps, analysis):
    part()
