"""Guarded results of `af.policy`."""

import csv
import itertools
import tempfile
from pathlib import Path

import numpy as np
from guard.table import FLOATS, add, chosen, masses, preferences, reals, tied, whole

import alignment_fast as af

POLICY = af.policy

SHAPES = {"few": (6,), "batch": (3, 9), "long": (5000,), "vocabulary": (50257,)}
MATRICES = {"two": ((), 2), "three": ((), 3), "batch": ((6,), 4), "axes": ((2, 3), 5), "wide": ((), 40)}
CYCLE = np.array([[0.5, 0.75, 0.25], [0.25, 0.5, 0.75], [0.75, 0.25, 0.5]])
CHAIN = np.array([[0.5, 0.6, 0.8], [0.4, 0.5, 0.7], [0.2, 0.3, 0.5]])


def _uses(names):
    return " ".join(f"policy.{name}" for name in names.split())


def tilting():
    # Weak tilts take NumPy's log1p, logits its exp.
    strong, weak = np.array([-2.0, 1.5, 30.0]), np.array([-0.1, 0.0, 1e-9, 0.2])
    budgets = np.array([0.0, 1e-9, 0.1, 0.5, 50.0])
    for (label, shape), (precision, dtype), log in itertools.product(SHAPES.items(), FLOATS.items(), (False, True)):
        p = reals(1, shape, -9.0, 2.0, dtype) if log else masses(1, shape, dtype, zeros=True)
        reward = reals(2, shape, -1.0, 2.0, dtype)
        name, options = f"{label}-{precision}{'-log' * log}", {"log": log}
        uses = _uses("tilt TiltedPolicy")
        alphas = strong if label != "vocabulary" else 1.5
        add(f"policy.tilt/{name}", uses, POLICY.tilt, p, reward, alphas, own=not log, **options)
        add(f"policy.tilt/{name}-weak", uses, POLICY.tilt, p, reward, weak[:2], own=False, **options)
        budget = budgets if label != "vocabulary" else 0.3
        options["own"] = False
        add(
            f"policy.tilt/kl_constrained-{name}",
            _uses("kl_constrained"),
            POLICY.kl_constrained,
            p,
            reward,
            budget,
            **options,
        )
        if label in ("few", "batch"):
            uses = _uses("tilt_gradient TiltGradient PolicyGradient")
            add(f"policy.gradients/tilt-{name}", uses, POLICY.tilt_gradient, p, reward, [*strong, *weak], **options)
            uses = _uses("kl_constrained_gradient ConstrainedGradient")
            arguments = (p, reward, budgets[2:4] / 2)
            add(f"policy.gradients/kl_constrained-{name}", uses, POLICY.kl_constrained_gradient, *arguments, **options)
            psi = reals(3, shape, -5.0, 1.0, dtype) if log else masses(3, shape, dtype)
            if not log:
                psi = np.where(p > 0, psi, 0).astype(dtype)
            add(
                f"policy.tilt/optimality_gap-{name}",
                _uses("optimality_gap"),
                POLICY.optimality_gap,
                psi,
                p,
                reward,
                0.2,
                **options,
            )
    reward = tied(4, 12)
    add("policy.tilt/uniform-ties", _uses("tilt"), POLICY.tilt, None, reward, [-3.0, 1.0])
    add("policy.tilt/infinite", _uses("tilt"), POLICY.tilt, None, reward, [-np.inf, np.inf], own=False)
    add("policy.tilt/pi", _uses("TiltedPolicy.pi"), lambda: POLICY.tilt(None, reward, 1.0).pi, own=False)


def optima():
    objectives = {"ipo": POLICY.ipo, "dpo": POLICY.dpo}
    for (label, (shape, size)), (precision, dtype) in itertools.product(MATRICES.items(), FLOATS.items()):
        P, mu, ref = preferences(1, shape, size, dtype), masses(2, size, dtype), masses(3, size, dtype)
        direction = reals(4, size, -1.0, 1.0, dtype)
        name = f"{label}-{precision}"
        for objective, function in objectives.items():
            uses = _uses(f"{objective} PreferenceOptimum")
            add(f"policy.optimum/{objective}-{name}", uses, function, P, mu, ref, [0.1, 1.0, 20.0], own=False)
            add(f"policy.optimum/{objective}-{name}-plain", uses, function, P, mu, None, 0.5, own=False)
        uses = _uses("ipo_pairs ipo_loss dpo_loss LossGradient")
        add(f"policy.optimum/losses-{name}", uses, _losses, P, mu, direction, own=False)
        uses = _uses("ipo_covariance dpo_covariance dpo_sensitivity")
        add(f"policy.optimum/covariances-{name}", uses, _covariances, P, mu, direction, own=False)
    add(
        "policy.optimum/pi",
        _uses("PreferenceOptimum.pi"),
        lambda: POLICY.ipo(CHAIN, [1, 1, 1], None, 1.0).pi,
        own=False,
    )


def _losses(P, mu, direction):
    rho = mu[:, None] * mu
    ref = np.ones_like(mu)
    return POLICY.ipo_pairs(P, rho, ref, 1.0), POLICY.ipo_loss(direction, P, mu, 2.0), POLICY.dpo_loss(direction, P, mu)


def _covariances(P, mu, direction):
    direction = direction - direction.mean()
    return (
        POLICY.ipo_covariance(P, mu, 1.5),
        POLICY.dpo_covariance(P, mu),
        POLICY.dpo_sensitivity(P, mu, direction),
    )


def axioms():
    matrices = {label: preferences(5, shape, size) for label, (shape, size) in MATRICES.items()}
    matrices |= {"cycle": CYCLE, "chain": CHAIN, "ties": preferences(6, (40,), 5, low=499, high=502)}
    matrices |= {
        "f32": preferences(5, (6,), 4, np.float32),
        "batch-of-chains": np.stack([CHAIN, CHAIN[::-1, ::-1], CYCLE]),
    }
    names = "condorcet_winner smith_set is_row_dominant is_strongly_transitive count_cycles classify PreferenceClasses "
    names += "is_condorcet_top is_smith_top is_order_preserving"
    for label, P in matrices.items():
        add(f"policy.axioms/{label}", _uses(names), _axioms, P)
        add(f"policy.samplers/smith-{label}", _uses("smith_sampler SmithSampler"), POLICY.smith_sampler, P, own=False)
    for label, P in {"chain": CHAIN, "two": np.stack([CHAIN, CHAIN])}.items():
        uses = _uses("order_sampler OrderSampler OrderSampler.exists")
        add(f"policy.samplers/order-{label}", uses, _order, P, own=False)


def _axioms(P):
    scores = reals(7, P.shape[:-1], -1.0, 1.0)
    plain = [getattr(POLICY, name)(P) for name in ("condorcet_winner", "smith_set", "count_cycles", "classify")]
    strict = [
        getattr(POLICY, name)(P, strict=strict)
        for name in ("is_row_dominant", "is_strongly_transitive")
        for strict in (False, True)
    ]
    tops = [getattr(POLICY, name)(P, scores) for name in ("is_condorcet_top", "is_smith_top", "is_order_preserving")]
    return plain, strict, tops


def _order(P):
    found = POLICY.order_sampler(P)
    return found, found.exists


def matrices():
    winner = whole(8, 400, 0, 9)
    loser = (winner + whole(9, 400, 1, 9)) % 9
    ties, weight = whole(10, 400, 0, 4) == 0, reals(11, 400, 0.0, 3.0)
    for label, options in {
        "plain": {},
        "tied": {"tied": ties},
        "weights": {"weight": weight, "tied": ties, "prior": 0.5},
    }.items():
        add(
            f"policy.matrices/comparisons-{label}",
            _uses("preference_matrix"),
            POLICY.preference_matrix,
            winner,
            loser,
            10,
            **options,
        )
    scores = whole(12, (5, 4, 3), 0, 5).astype(float)
    make, uses = POLICY.preference_matrix_from_scores, _uses("preference_matrix_from_scores")
    for label, options in {
        "random": {"rng": 3},
        "first": {"attribute": 0},
        "scaled": {"scale": 0.25, "rng": 4},
    }.items():
        add(f"policy.matrices/scores-{label}", uses, make, scores, own=False, **options)
    add("policy.matrices/read-file", _uses("read_scores PromptScores"), _read_scores)


def _read_scores():
    rows = whole(13, (11, 2), 0, 5).tolist()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["prompt", "helpfulness", "coherence"])
            writer.writerows([f"prompt {index // 3}", *row] for index, row in enumerate(rows))
        found = POLICY.read_scores(path, responses=3, attributes=("helpfulness", "coherence"))
    return chosen(found, "prompts scores attributes left_out")


def estimators():
    policy, reference = reals(14, (3, 8), 0.1, 1.0), reals(15, (3, 8), 0.1, 1.0)
    names = "kl_estimator_moments KLEstimatorMoments"
    add("policy.estimators/moments", _uses(names), POLICY.kl_estimator_moments, policy, reference, own=False)
    log_p, log_q = reals(16, 100, -9.0, -1.0), reals(17, 100, -9.0, -1.0)
    add("policy.estimators/samples", _uses("kl_estimators KLEstimators"), POLICY.kl_estimators, log_p, log_q, own=False)


for part in (tilting, optima, axioms, matrices, estimators):
    part()
