"""Cases of rating models: likelihoods, slopes, maxima with ties and priors, and data that have no maximum."""

import itertools

import mpmath

from oracles import paired_models
from vectors.common import Family, exactly

MODELS = ("bradley-terry", "thurstone", "stern", "rao-kupper", "davidson")
TIED = ("rao-kupper", "davidson")
DIGITS = 60
STEP = mpmath.mpf(10) ** -20

# Games (winner, loser, tied).
DATA = {
    "two items": [(0, 1, 0)] * 3 + [(1, 0, 0)] * 2 + [(0, 1, 1)] * 2,
    "a cycle": [(0, 1, 0), (1, 2, 0), (2, 0, 0), (0, 2, 1), (1, 0, 1)],
    "uneven": [(0, 1, 0)] * 9 + [(1, 0, 0)] + [(1, 2, 0)] * 4 + [(2, 0, 0)] * 2 + [(0, 2, 1)] * 3 + [(1, 2, 1)],
    "a chain": [(0, 1, 0)] * 2
    + [(1, 0, 0), (1, 2, 0), (1, 2, 0), (2, 1, 0), (2, 3, 0), (3, 2, 0), (3, 2, 0), (0, 1, 1)],
    "one upset in many": [(0, 1, 0)] * 60 + [(1, 0, 0), (0, 1, 1)],
    "many ties": [(0, 1, 1)] * 8 + [(1, 2, 1)] * 5 + [(0, 1, 0), (1, 2, 0), (2, 0, 0)],
    "two items, no tie": [(0, 1, 0)] * 3 + [(1, 0, 0)],
    "a cycle, no tie": [(0, 1, 0), (1, 2, 0), (2, 0, 0)],
    "uneven, no tie": [(0, 1, 0)] * 9 + [(1, 0, 0), (1, 2, 0), (1, 2, 0), (2, 1, 0), (2, 0, 0), (0, 2, 0)],
    "six in a ring, no tie": [(i, (i + 1) % 6, 0) for i in range(6)] + [(i, (i + 2) % 6, 0) for i in range(0, 6, 2)],
    "five items": [(i, j, (i + j) % 3 == 0) for i, j in itertools.permutations(range(5), 2)]
    + [(0, 4, 0), (1, 3, 0)] * 3,
}
WITHOUT_MAXIMUM = {
    "components": ([(0, 1, 0), (1, 0, 0), (2, 3, 0), (3, 2, 0)], 4),
    "never compared": ([(0, 1, 0), (1, 0, 0)], 3),
    "won everything": ([(0, 1, 0), (0, 2, 0), (1, 2, 0), (2, 1, 0)], 3),
    "lost everything": ([(0, 1, 0), (1, 0, 0), (0, 2, 0), (1, 2, 0)], 3),
    "a group over the rest": ([(0, 1, 0), (1, 0, 0), (2, 3, 0), (3, 2, 0), (0, 2, 0), (1, 3, 0)], 4),
}


def cells_of(games, ties=True):
    """Return (first, second, wins of the first, of the second, ties, at home) of the pairs that met."""
    cells = {}
    for winner, loser, tied in games:
        pair = (min(winner, loser), max(winner, loser))
        cell = cells.setdefault(pair, [0, 0, 0])
        cell[2 if tied else int(winner != pair[0])] += 1
    return [(*pair, *cell, 0) for pair, cell in sorted(cells.items())]


def likelihood(model, scores, tie, cells):
    return mpmath.fsum(paired_models.cell(model, scores[i] - scores[j], tie, a, b, t) for i, j, a, b, t, _ in cells)


def slopes(model, scores, tie, cells):
    """Return the derivatives by the scores, by differences of many digits, and the sums of their magnitudes."""
    found = [[mpmath.mpf(0), mpmath.mpf(0)] for _ in scores]
    for i, j, a, b, t, _ in cells:
        d = scores[i] - scores[j]
        high, low = (paired_models.cell(model, d + sign * STEP, tie, a, b, t) for sign in (1, -1))
        slope = (high - low) / (2 * STEP)
        for item, sign in ((i, 1), (j, -1)):
            found[item][0] += sign * slope
            found[item][1] += a + b + t
    return found


def jeffreys(scores, cells):
    """Return half of the log-determinant of the information of Bradley and Terry's model: what Firth adds."""
    items = len(scores)
    information = mpmath.matrix(items, items)
    for i, j, a, b, t, _ in cells:
        p, q, _ = paired_models.probabilities("bradley-terry", scores[i] - scores[j], 0)
        weight = (a + b + t) * p * q
        for row, column, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            information[row, column] += sign * weight
    return mpmath.log(mpmath.det(information[: items - 1, : items - 1])) / 2


def maximum(model, items, cells, l2=0.0, gamma_shape=1.0, bias_reduction=False):
    """Return scores of mean zero and the tie parameter's logarithm (or None) at the maximum, by Newton's method."""
    tied = model in TIED

    def objective(x):
        scores = [*x[: items - 1], -mpmath.fsum(x[: items - 1])]
        tie = x[-1] if tied else 0
        prior = exactly(l2) / 2 * mpmath.fsum(one**2 for one in scores)
        # (s - 1) Σ (θ - e^θ) at the best common shift of all scores.
        prior += (exactly(gamma_shape) - 1) * items * mpmath.log(mpmath.fsum(mpmath.exp(one) for one in scores))
        prior -= jeffreys(scores, cells) if bias_reduction else 0
        return likelihood(model, scores, tie, cells) - prior

    def derivatives(x):
        """Return value, gradient and matrix of second derivatives by central differences."""
        size, value = len(x), objective(x)
        moved = {}

        def at(*steps):
            if steps not in moved:
                y = list(x)
                for place, sign in steps:
                    y[place] += sign * STEP
                moved[steps] = objective(y)
            return moved[steps]

        gradient = [(at((k, 1)) - at((k, -1))) / (2 * STEP) for k in range(size)]
        matrix = mpmath.matrix(size, size)
        for k, m in itertools.combinations_with_replacement(range(size), 2):
            both = [(sign, other, at((k, sign), (m, other))) for sign in (1, -1) for other in (1, -1)]
            matrix[k, m] = matrix[m, k] = mpmath.fsum(s * o * f for s, o, f in both) / (4 * STEP**2)
        return value, gradient, matrix

    x = [mpmath.mpf(0)] * (items - 1) + ([mpmath.mpf("0.5")] if tied else [])
    for _ in range(40):
        value, gradient, matrix = derivatives(x)
        step = mpmath.lu_solve(matrix, mpmath.matrix([-one for one in gradient]))
        factor = mpmath.mpf(1)
        while True:
            moved = [one + factor * step[k] for k, one in enumerate(x)]
            if not (model == "rao-kupper" and moved[-1] <= 0) and objective(moved) >= value - STEP:
                break
            factor /= 2
        x = moved
        if max(abs(one) for one in step) < mpmath.mpf(10) ** -22:
            break
    else:
        raise AssertionError(f"no maximum of {model}")
    return [*x[: items - 1], -mpmath.fsum(x[: items - 1])], x[-1] if tied else None


def arguments_of(games, model, items):
    columns = zip(*games, strict=True)
    return {"model": model, "n_items": items, **dict(zip(("winner", "loser", "tied"), map(list, columns), strict=True))}


def likelihoods():
    """Return the cases of likelihoods and their gradients at given scores."""
    family = Family("rating_likelihoods")
    rng = family.random
    for model, (label, games) in itertools.product(MODELS, DATA.items()):
        items, cells = 1 + max(max(game[:2]) for game in games), cells_of(games)
        for spread in (0.0, 0.5, 3.0, 20.0):
            scores = [round(rng.gauss(0.0, 1.0) * spread * 1024) / 1024 for _ in range(items)]
            parameter = {"rao-kupper": 1.5, "davidson": 0.75}.get(model)
            with mpmath.workdps(DIGITS + 400):
                tie = mpmath.log(exactly(parameter)) if parameter else 0
                exact = [exactly(one) for one in scores]
                value, found = likelihood(model, exact, tie, cells), slopes(model, exact, tie, cells)
            call = {**arguments_of([(w, x, int(t)) for w, x, t in games], model, items), "scores": scores}
            call |= {"tie_parameter": parameter} if parameter else {}
            size = 1 + max(map(abs, scores)) ** (2 if model == "thurstone" else 1)
            gradient = [(slope, 2e-14 * size * magnitude) for slope, magnitude in found]
            family.add("log_likelihood", call, {"value": (value, 4e-15 * abs(value))}, label=f"{model}/{label}")
            family.add("gradient", call, {"gradient": gradient}, label=f"{model}/{label}")
    return family


def fits():
    """Return the cases of maxima."""
    family = Family("rating_fits")
    for model, (label, games), l2 in itertools.product(MODELS, DATA.items(), (0.0, 0.1, 2.0)):
        items, cells = 1 + max(max(game[:2]) for game in games), cells_of(games)
        if model in TIED and label.endswith("no tie"):
            continue
        with mpmath.workdps(DIGITS):
            scores, tie = maximum(model, items, cells, l2)
            value = likelihood(model, scores, tie or 0, cells)
        call = {**arguments_of([(w, x, int(t)) for w, x, t in games], model, items), "l2": l2}
        expected = {"scores": [(one, 1e-9) for one in scores], "log_likelihood": (value, 1e-11 * abs(value))}
        if tie is not None:
            expected["tie_parameter"] = (mpmath.exp(tie), 1e-9 * max(1, mpmath.exp(tie)))
        family.add("fit", call, expected, label=f"{model}/{label}")
    for (label, games), options in itertools.product(
        DATA.items(), ({"gamma_shape": 1.5}, {"gamma_shape": 4.0}, {"bias_reduction": True})
    ):
        for model in ("bradley-terry",) if "bias_reduction" in options else ("bradley-terry", "thurstone", "stern"):
            _add_fit(family, model, label, games, 1 + max(max(game[:2]) for game in games), options)
    for model, (label, (games, items)) in itertools.product(MODELS[:3], WITHOUT_MAXIMUM.items()):
        call = {**arguments_of(games, model, items), "l2": 0.0}
        family.refuse("fit", call, f"no finite maximum: {label}", label=f"{model}/{label}")
        connected = "components" not in label and "never" not in label
        if connected:
            _add_fit(family, model, label, games, items, {"l2": 0.5})
            if model == "bradley-terry":
                _add_fit(family, model, label, games, items, {"bias_reduction": True})
    return family


def _add_fit(family, model, label, games, items, options):
    """Add the scores of a maximum with a prior."""
    with mpmath.workdps(DIGITS):
        scores, _ = maximum(model, items, cells_of(games), **options)
    call = {**arguments_of([(w, x, int(t)) for w, x, t in games], model, items), "l2": 0.0, **options}
    family.add("fit", call, {"scores": [(one, 1e-9) for one in scores]}, label=f"{model}/{label}")


def rankings():
    """Return the cases of Plackett and Luce's model."""
    family = Family("plackett_luce")
    rng = family.random
    for items, number, l2 in itertools.product((2, 3, 4), (3, 6, 12), (0.0, 0.1, 1.0)):
        for _ in range(2):
            listed = [rng.sample(range(items), rng.randint(2, items)) for _ in range(number)]
            listed += [list(range(items)), list(range(items))[::-1]]  # nobody wins everything
            with mpmath.workdps(DIGITS):
                scores, value = _maximum_of_rankings(listed, items, l2)
            expected = {"scores": [(one, 1e-9) for one in scores], "log_likelihood": (value, 1e-11 * abs(value))}
            family.add("fit_plackett_luce", {"rankings": listed, "n_items": items, "l2": l2}, expected)
    for items in (2, 3, 4):
        for number in (1, 3):
            listed = [list(range(items))] * number
            reason = "no finite maximum: the first won everything"
            family.refuse("fit_plackett_luce", {"rankings": listed, "n_items": items, "l2": 0.0}, reason)
    return family


def _maximum_of_rankings(listed, items, l2):
    """Return scores of mean zero and the log-likelihood: Newton's method with the derivatives of the definition."""
    theta, l2 = [mpmath.mpf(0)] * items, exactly(l2)
    for _ in range(60):
        gradient = [-l2 * one for one in theta]
        matrix = mpmath.matrix(items, items)
        value = mpmath.mpf(0)
        for ranking in listed:
            for place in range(len(ranking) - 1):
                left = ranking[place:]
                weights = [mpmath.exp(theta[one]) for one in left]
                total = mpmath.fsum(weights)
                value += theta[left[0]] - mpmath.log(total)
                gradient[left[0]] += 1
                shares = [one / total for one in weights]
                for one, share in zip(left, shares, strict=True):
                    gradient[one] -= share
                    matrix[one, one] += share
                    for other, more in zip(left, shares, strict=True):
                        matrix[one, other] -= share * more
        for k in range(items):
            matrix[k, k] += l2
            for m in range(items):
                matrix[k, m] += mpmath.mpf(1) / items  # the mean, which the likelihood does not know
        step = mpmath.lu_solve(matrix, mpmath.matrix(gradient))
        largest = max(abs(one) for one in step)
        scale = min(mpmath.mpf(1), 2 / largest) if largest else 1
        theta = [one + scale * step[k] for k, one in enumerate(theta)]
        if largest < mpmath.mpf(10) ** -40:
            mean = mpmath.fsum(theta) / items
            return [one - mean for one in theta], value
    raise AssertionError("no maximum")


def sequential():
    """Return the cases of Elo ratings."""
    family = Family("elo")
    rng = family.random
    for items, number, k, (scale, base) in itertools.product(
        (2, 4), (1, 8, 40), (4.0, 32.0), ((400.0, 10.0), (173.7, 2.718281828459045))
    ):
        for tied in (False, True):
            games = [(*rng.sample(range(items), 2), int(tied and rng.random() < 0.4)) for _ in range(number)]
            with mpmath.workdps(DIGITS):
                rating, farthest = [mpmath.mpf(1000)] * items, mpmath.mpf(0)
                for winner, loser, tie in games:
                    lead = (rating[winner] - rating[loser]) / exactly(scale)
                    change = exactly(k) * ((mpmath.mpf(1) / 2 if tie else 1) - 1 / (1 + exactly(base) ** -lead))
                    rating[winner] += change
                    rating[loser] -= change
                    farthest = max(farthest, *(abs(one - 1000) for one in rating))
            columns = dict(zip(("winner", "loser", "tied"), map(list, zip(*games, strict=True)), strict=True))
            call = {**columns, "n_items": items, "k": k, "scale": scale, "base": base, "initial": 1000.0}
            allowed = number * 4 * 2.0**-53 * (k + 2 * float(farthest)) + 4 * 2.0**-53 * 1000
            family.add("elo", call, {"ratings": [(one, allowed) for one in rating]})
    return family


FAMILIES = (likelihoods, fits, rankings, sequential)
