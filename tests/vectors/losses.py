"""Cases of preference losses, with gradients and conventions."""

import itertools

import mpmath

from oracles import pairwise
from vectors.common import EPSILON, Family, exactly

NAMES = [*pairwise.PAIRED, "aot", "aot_unpaired"]
SMOOTHED = {
    "sigmoid": (0.1, 0.5, 1.0), "robust": (0.1, 0.4), "exo_pair": (0.001, 0.3), "cpo": (0.2,), "tpo_l": (0.2,),
    "aot": (0.25,), "aot_unpaired": (0.25,),
}  # fmt: skip
NEEDED = {"exo_pair": {"label_smoothing": 0.01}}
SCORED = ("sigmoid", "robust", "hinge", "ipo", "exo_pair", "discopop", "sigmoid_norm")
SCORES = ("forward_kl", "js_divergence", "alpha_divergence")
LENGTHS = ("ipo", "sigmoid", "simpo", "cpo", "orpo", "slic", "alphapo", "tpo_l", "simper", "sigmoid_norm")
DEFAULTS = {
    "bco_pair": {"delta": 0.0}, "discopop": {"tau": 0.05}, "simpo": {"gamma": 0.5}, "cpo": {"lam": 1.0},
    "orpo": {"lam": 0.1}, "slic": {"delta": 1.0, "lam": 1.0}, "dpop": {"lam": 50.0},
    "alphapo": {"gamma": 0.5, "alpha": 0.25}, "tpo_l": {"gamma": 0.5, "lam": 1.0},
    "bradley_terry": {"gamma": 0.0, "lam": 0.0},
}  # fmt: skip
VARIANTS = {
    "bco_pair": [{"delta": 0.75}], "discopop": [{"tau": 0.5}, {"tau": 1.0}], "simpo": [{"gamma": 0.0}, {"gamma": 1.5}],
    "cpo": [{"lam": 0.0}, {"lam": 0.3}], "orpo": [{"lam": 1.0}], "slic": [{"delta": 0.25, "lam": 0.1}],
    "dpop": [{"lam": 5.0}], "alphapo": [{"alpha": 1.0, "gamma": 0.0}, {"alpha": -0.5}],
    "tpo_l": [{"gamma": 0.0, "lam": 0.5}], "bradley_terry": [{"gamma": 1.0}, {"lam": 0.01}],
}  # fmt: skip
WITHOUT_REFERENCE = ("sft", "simpo", "cpo", "orpo", "slic", "alphapo", "tpo_l", "bradley_terry", "simper")
# Arguments are multiples of a step, so that differences of log-probabilities are exact in their dtype.
STEPS = {"float64": 2.0**-12, "float32": 2.0**-7, "float16": 2.0**-2}
REGIMES = {"near": (-40.0, 2.0), "far": (-600.0, 200.0), "tiny": (-3.0, 0.5), "equal": (-25.0, 0.0)}
# Beyond these, exponentials saturate or overflow.
LARGEST = {"float64": mpmath.mpf(2) ** 500, "float32": mpmath.mpf(2) ** 60, "float16": mpmath.mpf(2) ** 60}
SLACK = 8
SMALL = mpmath.mpf(10) ** -25


def log_probabilities(rng, dtype, regime, number):
    """Return `number` times four log-probabilities (a, c, b, d): what is common, and ratios of the regime's size."""
    centre, spread = REGIMES[regime]
    step = STEPS[dtype]
    if dtype == "float16":
        centre, spread = max(centre, -150.0), min(spread, 40.0)
    rows = []
    for _ in range(number):
        references = [centre + rng.uniform(-0.3, 0.3) * abs(centre) for _ in range(2)]
        row = [*(one + rng.gauss(0.0, 1.0) * spread for one in references), *references]
        rows.append([min(round(x / step) * step, -step) for x in row])
    if regime == "equal":
        rows = [[row[0]] * 4 for row in rows]
    return rows


def results_of(name, row, parameters, eps):
    """Return (value, tolerance) of loss and gradients of one pair: rounding of terms, of parameters, of lengths."""
    found = []
    for which in (None, 0, 1):
        value, magnitude = pairwise.loss(name, row, which, **parameters)
        for key in ("beta", "gamma", "lam", "delta", "tau", "alpha", "epsilon", "lengths0", "lengths1"):
            moved = pairwise.Parameters(**parameters)
            if key.startswith("lengths"):
                moved.lengths[int(key[-1])] *= 1 + SMALL
            elif hasattr(moved, key):
                setattr(moved, key, getattr(moved, key) * (1 + SMALL))
            else:
                continue
            shifted, _ = pairwise._summed(
                lambda *x, p=moved: pairwise.PAIRED[name](*x, p), row, which or 0, int(which is not None)
            )
            magnitude += abs(shifted - value) / SMALL
        found.append((value, SLACK * eps * magnitude))
    return found


def pair_arguments(name, rows, options, dtype):
    arguments = {"policy_chosen": [row[0] for row in rows], "policy_rejected": [row[1] for row in rows]}
    if name not in WITHOUT_REFERENCE:
        arguments |= {"ref_chosen": [row[2] for row in rows], "ref_rejected": [row[3] for row in rows]}
    return {"loss_type": name, **arguments, **options}


def oracle_parameters(name, options, place):
    """Return the oracle's parameters for the pair at `place`."""
    values = {**DEFAULTS.get(name, {}), **options}
    lengths = [options.get(key, [1.0] * (place + 1))[place] for key in ("chosen_length", "rejected_length")]
    kept = {key: values[key] for key in ("beta", "gamma", "lam", "delta", "tau", "alpha", "score") if key in values}
    return {**kept, "epsilon": values.get("label_smoothing", 0.0), "lengths": lengths}


def pairs(family, name, dtype, regime, options, reduction="none", weight=None):
    """Add a case of three pairs."""
    rows = log_probabilities(family.random, dtype, regime, 3)
    options = {"beta": 0.1, **NEEDED.get(name, {}), **options}
    if name == "sigmoid_norm" or "chosen_length" in options:
        rng = family.random
        options |= {key: [float(rng.randint(1, 60)) for _ in rows] for key in ("chosen_length", "rejected_length")}
    if name in ("simper", "orpo", "alphapo") and "chosen_length" not in options:  # means of tokens
        step = STEPS[dtype]
        rows = [[min(round(x / 32 / step) * step, -step) for x in row] for row in rows]
    eps = EPSILON[dtype]
    if name.startswith("aot"):
        found = matched(name, rows, options, eps)
    else:
        found = [results_of(name, row, oracle_parameters(name, options, i), eps) for i, row in enumerate(rows)]
    if any(abs(value) > LARGEST[dtype] or tolerance > LARGEST[dtype] for row in found for value, tolerance in row):
        return
    expected = reduced(found, reduction, weight, eps)
    arguments = {**pair_arguments(name, rows, options, dtype), "reduction": reduction}
    if weight is not None:
        arguments["weight"] = weight
    if reduction == "none" and name not in WITHOUT_REFERENCE and "chosen_length" not in options:
        beta = exactly(options["beta"])
        for side, key in enumerate(("chosen_rewards", "rejected_rewards")):
            rewards = [beta * (exactly(row[side]) - exactly(row[side + 2])) for row in rows]
            expected[key] = [(reward, 2 * eps * abs(reward)) for reward in rewards]
    family.add("preference_loss", arguments, expected, label=name, dtype=dtype)


def reduced(found, reduction, weight, eps):
    """Return what a reduction makes of losses and gradients of pairs."""
    weights = [exactly(one) for one in weight or [1.0] * len(found)]
    over = len(found) if reduction == "mean" else 1
    scaled = [
        [(w * value / over, w * tolerance / over + 2 * eps * abs(w * value) / over) for value, tolerance in row]
        for w, row in zip(weights, found, strict=True)
    ]
    losses, chosen, rejected = zip(*scaled, strict=True)
    if reduction != "none":
        total, tolerance = (mpmath.fsum(column) for column in zip(*losses, strict=True))
        losses = (total, tolerance + 4 * eps * mpmath.fsum(abs(value) for value, _ in losses))
    return {
        "loss": losses if reduction != "none" else list(losses),
        "grad_policy_chosen": list(chosen),
        "grad_policy_rejected": list(rejected),
    }


def matched(name, rows, options, eps):
    """Return losses and gradients of AOT, whose margins are differences of sorted ones."""
    beta, epsilon = exactly(options["beta"]), exactly(options.get("label_smoothing", 0.0))
    exact = [[exactly(x) for x in row] for row in rows]
    first, second = (
        ([a - c for a, c, _, _ in exact], [b - d for _, _, b, d in exact])
        if name == "aot"
        else ([a - b for a, _, b, _ in exact], [c - d for _, c, _, d in exact])
    )
    orders = [sorted(range(len(rows)), key=side.__getitem__) for side in (first, second)]
    found = [[None, None, None] for _ in rows]
    for place, (i, j) in enumerate(zip(*orders, strict=True)):
        x = beta * (first[i] - second[j])
        terms = pairwise.smoothed(pairwise.Jet(x, 1), epsilon)
        value, slope = mpmath.fsum(term.value for term in terms), mpmath.fsum(term.first for term in terms)
        size, steepness = (mpmath.fsum(abs(getattr(term, one)) for term in terms) for one in ("value", "first"))
        curved = mpmath.fsum(abs(term.second) for term in terms)
        sized = SLACK * eps * (size + abs(slope * x)), SLACK * eps * beta * (steepness + curved * abs(x))
        found[place][0] = (value, sized[0])
        found[i][1] = (beta * slope, sized[1])
        found[i if name == "aot" else j][2] = (-beta * slope, sized[1])
    return found


def special(family):
    """Add infinite log-probabilities, whose losses and slopes are limits."""
    for name, chosen, loss, slope in (
        ("sigmoid", -mpmath.inf, mpmath.inf, -0.5), ("sigmoid", mpmath.inf, 0, 0), ("hinge", mpmath.inf, 0, 0),
        ("apo_zero", -mpmath.inf, 1, 0),
    ):  # fmt: skip
        arguments = {"policy_chosen": [float(chosen)], "policy_rejected": [-2.0], "ref_chosen": [-2.0]}
        arguments |= {"ref_rejected": [-2.0], "beta": 0.5, "loss_type": name, "reduction": "none"}
        value = loss + (0.5 if name == "apo_zero" else 0)
        expected = {"loss": [(value, 0 if mpmath.isinf(value) else 1e-15)], "grad_policy_chosen": [(slope, 1e-15)]}
        family.add("preference_loss", arguments, expected, label=f"{name}/infinite")
    nothing = {"policy_chosen": [float("nan"), -1.0], "policy_rejected": [-2.0, -1.0], "ref_chosen": [-2.0, -1.0]}
    nothing |= {"ref_rejected": [-2.0, -1.0], "beta": 0.5, "loss_type": "sigmoid", "reduction": "none"}
    expected = {"loss": [(mpmath.nan, 0), (mpmath.log(2), 1e-15)]}
    family.add("preference_loss", nothing, expected, label="sigmoid/nan")


def preference():
    """Return the cases of pairs."""
    family = Family("preference_loss")
    for name in NAMES:
        for dtype, regime in itertools.product(STEPS, REGIMES):
            if (name[:3], regime) not in (("aot", "equal"), ("alp", "far")):
                pairs(family, name, dtype, regime, {})
        for dtype, regime in itertools.product(("float64", "float32"), ("near", "far", "tiny")):
            changes = [{"beta": 1.0}, {"beta": 0.01}, *VARIANTS.get(name, [])]
            changes += [{"label_smoothing": one} for one in SMOOTHED.get(name, ())]
            changes += [{"score": one} for one in SCORES if name in SCORED]
            changes += [{"chosen_length": None}] if name in LENGTHS else []
            for options in changes:
                if regime != "far" or not ("score" in options or name == "alphapo"):  # exponentials saturate there
                    pairs(family, name, dtype, regime, options)
        for reduction, weight in itertools.product(("mean", "sum", "none"), (None, [0.5, 2.0, 0.0])):
            if not name.startswith("aot") and (reduction, weight) != ("none", None):
                pairs(family, name, "float64", "tiny", {}, reduction, weight)
    special(family)
    return family


def single(policy, ref, desirable, *, beta, kl, weights):
    """Return the loss of one answer and its slope; 1 - σ(x) as σ(-x), which keeps its digits where it is small."""
    with mpmath.workdps(60):
        sign, beta = 1 if desirable else -1, exactly(beta)
        reward = pairwise.Jet(beta * (exactly(policy) - exactly(ref)), beta)
        found = exactly(weights[0 if desirable else 1]) * pairwise.sigmoid(-sign * (reward - max(exactly(kl), 0)))
        return found.value, found.first


def unpaired():
    """Return the cases of single answers."""
    family = Family("unpaired_loss")
    for dtype, regime, kl, beta in itertools.product(STEPS, ("near", "far", "tiny"), (0.0, 0.5, -1.0), (0.1, 1.0)):
        for name, weights in (("kto", (1.0, 1.0)), ("kto", (1.5, 0.25)), ("apo_zero_unpaired", (1.0, 1.0))):
            rows = log_probabilities(family.random, dtype, regime, 4)
            labels, eps = [True, False, True, False], EPSILON[dtype]
            point = 0.0 if name.startswith("apo") else kl
            expected = {"loss": [], "grad_policy": []}
            for row, label in zip(rows, labels, strict=True):
                options = {"beta": beta, "kl": point, "weights": weights}
                value, slope = single(row[0], row[2], label, **options)
                x = abs(exactly(beta) * (exactly(row[0]) - exactly(row[2]))) + max(point, 0.0)
                expected["loss"].append((value, SLACK * eps * (abs(value) + abs(slope) * x / exactly(beta))))
                expected["grad_policy"].append((slope, SLACK * eps * abs(slope) * (1 + x)))
            arguments = {"policy": [row[0] for row in rows], "ref": [row[2] for row in rows], "desirable": labels}
            arguments |= {"kl": kl, "loss_type": name, "beta": beta, "reduction": "none"}
            arguments |= {"desirable_weight": weights[0], "undesirable_weight": weights[1]}
            family.add("unpaired_loss", arguments, expected, label=name, dtype=dtype)
    return family


MARGINS = {
    "near": [-3.5, -0.75, 0.0, 0.125, 2.25], "far": [-600.0, -87.5, 30.0, 700.0], "tiny": [2.0**-30, -(2.0**-40), 1e-9],
}  # fmt: skip


def margins():
    """Return the cases of margins, with second derivatives."""
    family = Family("margin_loss")
    for name, dtype, (regime, values) in itertools.product(pairwise.OF_MARGIN, ("float64", "float32"), MARGINS.items()):
        for options in ({}, {"beta": 0.25}, *({"label_smoothing": one} for one in SMOOTHED.get(name, ())[:2])):
            options = {"beta": 1.0, **NEEDED.get(name, {}), **options}
            parameters = {**DEFAULTS.get(name, {}), **options}
            epsilon = parameters.pop("label_smoothing", 0.0)
            taken = [x if dtype == "float64" else round(x * 2**40) / 2**40 for x in values]
            taken = [float(mpmath.mpf(x)) for x in taken if dtype == "float64" or x in (0.0,) or abs(x) >= 2.0**-40]
            taken = [x for x in taken if dtype == "float64" or x != 1e-9]
            parameters = {key: one for key, one in parameters.items() if key != "lam"}
            expected = {"loss": [], "grad": [], "hess": []}
            with mpmath.workdps(60):
                for x in taken:
                    orders = [pairwise.margin(name, x, order, epsilon=epsilon, **parameters) for order in range(3)]
                    for key, (value, size), (_, more) in zip(expected, orders, [*orders[1:], orders[2]], strict=True):
                        change = abs(exactly(x)) * more + abs(value)
                        expected[key].append((value, 4 * SLACK * EPSILON[dtype] * (size + change)))
            flat = [one for pairs_ in expected.values() for one in pairs_]
            if any(abs(value) > LARGEST[dtype] or tolerance > LARGEST[dtype] for value, tolerance in flat):
                continue
            arguments = {"margin": taken, "loss_type": name, "reduction": "none", **options}
            family.add("margin_loss", arguments, expected, label=f"{name}/{regime}", dtype=dtype)
    return family


FAMILIES = (preference, unpaired, margins)
