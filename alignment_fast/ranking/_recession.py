"""Directions in which a likelihood of comparisons rises for ever: whether its maximum is finite, decided exactly.

Unknowns are u = (θ, β, τ): scores, coefficients of covariates (home advantage among them), and, where something was
tied and the model has one, the logarithm of the tie parameter. A comparison sees d = θ_first - θ_second + x'β. Let
v = (δ, b, κ) be a direction, D its part of d; κ is its part of τ, for Davidson twice that. As s grows,
log P(outcome | u + s v) / s tends to

    Bradley-Terry, Thurstone   first wins   min(D, 0)          (Thurstone: -∞ where D < 0)
    Stern                      first wins   min(2 D, 0)
    Rao-Kupper, κ >= 0         first wins   min(D - κ, 0)      tie   min(κ - |D|, 0)
    Davidson                   first wins   min(D, (D - κ)/2, 0)     tie   min(κ - |D|, 0)/2

and κ < 0 leaves the domain of Rao-Kupper (τ > 0). An outcome stays likely along v if and only if its limit is 0:

    without a tie parameter    first wins   D >= 0;  second wins   -D >= 0;  a tie is half of each: D = 0
    with one                   first wins   D >= κ;  second wins   -D >= κ;  a tie: κ >= D and κ >= -D

the same rows for both models with ties, since a tie leaves κ >= 0. A Gaussian or Gamma prior on the scores tends to -∞
along every δ ≠ 0: it sets δ = 0, and says nothing about β and κ. Let C v >= 0 hold the rows of all outcomes seen. The
log-likelihood is concave and analytic, and no term has a positive limit, so (Rockafellar, Convex Analysis, 1970,
theorem 27.1)

    a finite maximum exists  if and only if  C v >= 0 implies C v = 0,

for a v with C v >= 0 and C v ≠ 0 raises some term for ever: a concave analytic function that does not rise on a ray is
constant on the whole line, and then -v is such a direction, too. Directions with C v = 0 change no probability: equal
changes of all scores, and unknowns that the comparisons cannot tell apart, which ``_identify`` refuses before.

Deciding, cheapest first:

1. b = κ = 0: there is no such direction if and only if the graph of wins is strongly connected (``_graph``; Ford 1957).
2. Pairs in which both won (`surely_finite`): their two rows add up to (g + g') h >= 2 κ, where h is the part of the
   home advantage, and g, g' in {-1, 0, 1} say whether the winner was at home. A pair with g + g' < 0 and one with
   g + g' > 0 leave h = κ = 0, so case 1 decides; without home advantage, any such pair leaves κ = 0.
3. The maximum itself (`proven_by_step`). Let z = H⁻¹g be the Newton step at any point. Along a v as above g'v > 0; and
   terms are logarithms of sums of exponentials, whose curvature z'Hv is at most max |c z| times their slope along v, c
   being their rows. From g'v = z'Hv <= max |c z| g'v: a step that moves no row by 1 proves that there is no such v.
   (Thurstone: curvatures are up to 1 + |d| slopes, Stern: up to 2; Rao-Kupper: log(1 - e^-2τ) up to 2 / (1 - e^-2τ).)
   The errors of g and H are bounded, and added to the step.
4. The linear programme max Σ C v, C v >= 0, |v| <= 1 (`find_direction`), by HiGHS, over those rows that earlier
   solutions broke. Its solution is rounded and checked in integers or fractions. Where nothing is found, multipliers
   λ >= 1 with C'λ = 0, up to an error that the smallest singular value of C makes good, prove it (Stiemke's lemma).
   What neither proves stays undecided.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from alignment_fast.ranking._design import design
from alignment_fast.ranking._models import MODELS

EPSILON = 2.0**-52
# Rows in the first linear programme, and that join it after each solution.
FIRST_ROWS, MORE_ROWS = 4000, 2000
# Pairs among so many items are asked first.
FEW_ITEMS = 32
# What a linear programme may leave of a row, numbers being of size 1: HiGHS allows itself 1e-7.
LEFT = 1e-6
# Denominators that a direction is tried with; bits of the fractions of a general one; rows count as positive from here.
DENOMINATORS, BITS, POSITIVE = (1, 2, 3, 4, 6, 12, 60), 24, 2.0**-10
# Most unknowns for which equations are solved in fractions, and for which eigenvalues are computed.
MOST_EXACT, MOST_DENSE = 60, 1536


@dataclass(frozen=True)
class Direction:
    """A direction along which the likelihood rises for ever, checked exactly; in whole numbers where they are small.

    `tie` is its part of the logarithm of the tie parameter, 0 in models without one.
    """

    scores: np.ndarray
    coefficients: np.ndarray
    tie: float


@dataclass(frozen=True)
class Verdict:
    """The `direction` that has no maximum, or None where one exists; not `proven` where rounding decides.

    `vector` is a direction that is proven, in fractions over the columns of the rows, for other rows to be asked.
    """

    direction: Direction | None
    proven: bool
    vector: tuple[Fraction, ...] | None = None


# ---- rows ----


@dataclass(frozen=True)
class OutcomeRows:
    """The rows C of all outcomes seen, a SciPy sparse matrix over (scores, coefficients, κ), as far as there are any.

    Scores are those of all items but the last, whose part is 0; with a prior, none.
    """

    matrix: object
    items: int
    scores: int
    coefficients: int
    has_tie: bool

    def direction(self, v):
        """Return the `Direction` of a vector over the columns, with κ in place of the tie parameter."""
        scores = np.zeros(self.items)
        scores[: self.scores] = v[: self.scores]
        coefficients = v[self.scores : self.scores + self.coefficients]
        return Direction(scores, coefficients, float(v[-1]) if self.has_tie else 0.0)

    def allow(self, v):
        """Return whether C v >= 0 and C v ≠ 0 for a vector of fractions, exactly."""
        return _holds(self.matrix, v)


def outcome_rows(cells, covariates, *, has_tie, prior):
    """Return the `OutcomeRows` of cells; `has_tie`: ties are outcomes of their own; `prior`: scores have one."""
    from scipy.sparse import csr_array, hstack, vstack

    difference = design(cells, covariates)
    ties = cells.ties if cells.ties.size else np.zeros(len(cells.first))
    halves = np.zeros_like(ties) if has_tie else ties
    scores = 0 if prior else cells.n_items - 1
    kept = np.concatenate([np.arange(scores), np.arange(cells.n_items, difference.shape[1])])
    difference = csr_array(difference[:, kept])
    parts = []
    for seen, sign, tie in (
        (cells.wins_first + halves, 1.0, -1.0),
        (cells.wins_second + halves, -1.0, -1.0),
        *(((ties, 1.0, 1.0), (ties, -1.0, 1.0)) if has_tie else ()),
    ):
        part = sign * difference[np.flatnonzero(seen > 0)]
        parts.append(hstack([part, np.full((part.shape[0], 1), tie)]) if has_tie else part)
    return OutcomeRows(csr_array(vstack(parts)), cells.n_items, scores, covariates.width, has_tie)


# ---- 2: pairs in which both won ----


def surely_finite(cells, *, home, has_tie, prior):
    """Return whether pairs in which both won show a finite maximum, given that the graph of wins is strongly connected.

    `home`: home advantage is the one coefficient; `prior`: scores have a prior, and the graph does not matter.
    """
    both_won = bool(((cells.wins_first > 0) & (cells.wins_second > 0)).any())
    if not home:
        return not has_tie or prior or both_won
    halves = 0.0 if has_tie or not cells.ties.size else cells.ties
    at_home = cells.home.astype(np.int8) if cells.home.size else np.zeros(len(cells.first), np.int8)
    won, lost = cells.wins_first + halves > 0, cells.wins_second + halves > 0
    if prior:
        gains = np.concatenate([at_home[won], -at_home[lost]])
        return bool((both_won or not has_tie) and (gains > 0).any() and (gains < 0).any())
    winner = np.concatenate([cells.first[won], cells.second[lost]])
    loser = np.concatenate([cells.second[won], cells.first[lost]])
    gain = np.concatenate([at_home[won], -at_home[lost]])
    few = (winner < FEW_ITEMS) & (loser < FEW_ITEMS)
    if not few.all() and _gains_of_either_sign(winner[few], loser[few], gain[few]):
        return True
    return _gains_of_either_sign(winner, loser, gain)


def _gains_of_either_sign(winner, loser, gain):
    """Return whether there are pairs in which both won with a sum of gains below 0, and others with one above."""
    low, high = np.minimum(winner, loser), np.maximum(winner, loser)
    key, pair = np.unique(low.astype(np.int64) << 32 | high, return_inverse=True)
    side = (winner != low).astype(np.int8)
    least, most = np.full((2, len(key)), 4), np.full((2, len(key)), -4)
    np.minimum.at(least, (side, pair), gain)
    np.maximum.at(most, (side, pair), gain)
    both = (least < 4).all(axis=0)
    return bool((least.sum(axis=0)[both] < 0).any() and (most.sum(axis=0)[both] > 0).any())


# ---- 3: the maximum itself ----


def proven_by_step(objective, u):
    """Return whether the Newton step at `u` proves that a finite maximum exists."""
    from scipy.linalg import eigvalsh

    n = objective.unknowns
    if n > MOST_DENSE or not np.isfinite(u).all():
        return False
    at = objective.evaluate(u)
    hessian, right = objective.matrix(u, at), at.gradient
    if objective.free:  # equal changes of all scores do not matter: the last one stays
        last = objective.items - 1
        hessian, right = np.delete(np.delete(hessian, last, 0), last, 1), np.delete(right, last)
    if not (np.isfinite(hessian).all() and np.isfinite(right).all()):
        return False
    row = longest_row(objective.covariates)
    farthest = row * np.abs(u).max()
    error = 64 * EPSILON * objective.weight * row * (1.0 + farthest) * np.sqrt(n)
    least = eigvalsh(hessian, subset_by_index=[0, 0], check_finite=False)[0] - row * error
    if not least > 0:
        return False
    model = MODELS[objective.model]
    steepness = model.steepness + (farthest if model.steepens else 0.0)
    if objective.keeps_last_positive:
        steepness = 2.0 / -np.expm1(-2.0 * u[-1])
    return bool(steepness * row * (np.linalg.norm(right) + error) < 0.5 * least)


def longest_row(covariates):
    """Return a bound of the sum of magnitudes of a row, that of the tie parameter included."""
    largest = max(covariates.value.max(initial=0.0), -covariates.value.min(initial=0.0))
    return 3.0 + largest * covariates.width


def constant_steepness(objective):
    """Return how steep terms are for their curvature; infinity where that depends on the unknowns."""
    model = MODELS[objective.model]
    return np.inf if model.steepens or objective.keeps_last_positive else model.steepness


# ---- 4: the linear programme ----


def find_direction(rows):
    """Return the `Verdict` of the linear programme; its direction has κ in place of the tie parameter."""
    if not rows.matrix.nnz:
        return Verdict(None, True)
    largest = np.abs(rows.matrix).max(axis=0).toarray().reshape(-1)
    scale = 2.0 ** -np.floor(np.log2(np.where(largest > 0, largest, 1.0)))
    matrix = (rows.matrix * scale[None]).tocsr()
    chosen = _first_rows(matrix)
    while True:
        v, multipliers = _programme(matrix[chosen])
        left = matrix @ v
        broken = np.flatnonzero(left < -LEFT)
        broken = broken[~chosen[broken]]
        if left[chosen].max() <= LEFT:
            return Verdict(None, _proves(matrix[chosen], multipliers))
        if not broken.size:
            break
        worst = np.argsort(left[broken], kind="stable")[:MORE_ROWS]
        chosen[broken[worst]] = True
    for candidate in _roundings(matrix, v, chosen):
        exact = [value * Fraction(factor) for value, factor in zip(candidate, scale.tolist(), strict=True)]
        if rows.allow(exact):
            return Verdict(rows.direction(_whole(exact)), True, tuple(exact))
    return Verdict(rows.direction(v * scale), False)


def _first_rows(matrix):
    chosen = np.zeros(matrix.shape[0], dtype=bool)
    step = max(1, matrix.shape[0] // (FIRST_ROWS + 2 * matrix.shape[1]))
    chosen[::step] = True
    return chosen


def _programme(matrix):
    """Return v, and multipliers λ of the rows: the optimum of max Σ C v, C v >= 0, |v| <= 1."""
    from scipy.optimize import linprog

    gain = np.asarray(matrix.sum(axis=0)).reshape(-1)
    found = linprog(-gain, A_ub=-matrix, b_ub=np.zeros(matrix.shape[0]), bounds=(-1.0, 1.0), method="highs")
    if found.x is None:
        return np.zeros(matrix.shape[1]), np.zeros(matrix.shape[0])
    return found.x, 1.0 - np.minimum(found.ineqlin.marginals, 0.0)


def _proves(matrix, multipliers):
    """Return whether λ >= 1 can be changed by less than 1 so that C'λ = 0: then C v >= 0 implies C v = 0."""
    n = matrix.shape[1]
    if n > MOST_DENSE or not (multipliers >= 1.0).all():
        return False
    size = float(np.abs(matrix).T.dot(multipliers).max())
    error = 4 * EPSILON * (n + np.log2(matrix.shape[0] + 2.0)) * size
    rest = np.linalg.norm(matrix.T @ multipliers) + np.sqrt(n) * error
    gram = (matrix.T @ matrix).toarray()
    least = np.linalg.eigvalsh(gram)[0] - 16 * n * EPSILON * np.trace(gram)
    longest = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).max())
    return bool(least > 0 and rest * longest < 0.5 * least)


def _roundings(matrix, v, chosen):
    """Yield fractions near a direction that may be one exactly: small denominators first."""
    for denominator in DENOMINATORS:
        whole = np.round(v * denominator)
        if np.abs(v * denominator - whole).max() < 1e-4:
            yield [Fraction(int(value), denominator) for value in whole.tolist()]
    spread = _spread(matrix[chosen])
    if spread is None:
        return
    along, flat = matrix @ spread, np.zeros(0, dtype=int)
    for least in (0.5 * POSITIVE, LEFT):  # covariates that are nearly the same leave rows only just above 0
        before, flat = flat, np.flatnonzero(along < least)
        if least > LEFT or len(flat) < len(before):
            yield from _on_equations(matrix[flat], spread)


def _spread(matrix):
    """Return a direction with as many rows as possible well above 0."""
    from scipy.optimize import linprog
    from scipy.sparse import hstack, identity

    count, n = matrix.shape
    gain = np.concatenate([np.zeros(n), -np.ones(count)])
    bounds = [(-1.0, 1.0)] * n + [(0.0, POSITIVE)] * count
    found = linprog(gain, A_ub=hstack([-matrix, identity(count)]), b_ub=np.zeros(count), bounds=bounds, method="highs")
    return None if found.x is None else found.x[:n]


def _on_equations(matrix, v):
    """Yield the fractions near v that fulfil the equations ``matrix v = 0``, if they are few."""
    n = len(v)
    rounded = [Fraction(round(value * 2**BITS), 2**BITS) for value in v.tolist()]
    if not matrix.shape[0]:
        yield rounded
        return
    if n > MOST_EXACT:
        return
    equations = np.unique(matrix.toarray(), axis=0)
    if len(equations) > 4 * MOST_EXACT:
        return
    reduced = [[Fraction(value) for value in row] for row in equations.tolist()]
    pivots = []
    for column in range(n):
        at = next((r for r in range(len(pivots), len(reduced)) if reduced[r][column]), None)
        if at is None:
            continue
        top = len(pivots)
        reduced[top], reduced[at] = reduced[at], reduced[top]
        reduced[top] = [value / reduced[top][column] for value in reduced[top]]
        for r in range(len(reduced)):
            if r != top and reduced[r][column]:
                factor = reduced[r][column]
                reduced[r] = [a - factor * b for a, b in zip(reduced[r], reduced[top], strict=True)]
        pivots.append(column)
    for row, pivot in zip(reduced, pivots, strict=False):
        rounded[pivot] = -sum((row[c] * rounded[c] for c in range(n) if c not in pivots and row[c]), Fraction(0))
    yield rounded


def _holds(matrix, v):
    """Return whether C v >= 0 and C v ≠ 0, exactly: in floating point where that leaves no doubt, else in fractions."""
    near = _whole(v)
    size = np.abs(matrix) @ np.abs(near)
    value = matrix @ near
    if (near == np.round(near)).all() and (matrix.data == np.round(matrix.data)).all() and size.max() < 2.0**53:
        return bool((value >= 0).all() and (value > 0).any())  # sums of integers
    near = np.array([float(entry) for entry in v])
    value = matrix @ near
    rounding = 8 * EPSILON * (len(v) + 4) * (np.abs(matrix) @ np.abs(near))
    if (value < -rounding).any():
        return False
    positive = bool((value > rounding).any())
    unsure = matrix[np.flatnonzero(np.abs(value) <= rounding)].tocsr()
    for start, end in zip(unsure.indptr[:-1].tolist(), unsure.indptr[1:].tolist(), strict=True):
        entries = zip(unsure.indices[start:end].tolist(), unsure.data[start:end].tolist(), strict=True)
        exact = sum((v[column] * Fraction(entry) for column, entry in entries), Fraction(0))
        if exact < 0:
            return False
        positive |= exact > 0
    return positive


def _whole(v):
    """Return the smallest multiple of fractions in whole numbers, where doubles hold it; else fractions, rounded."""
    common = 1
    for value in v:
        common = math.lcm(common, value.denominator)
    whole = [int(value * common) for value in v]
    divisor = math.gcd(*whole) or 1
    if max(abs(value) for value in whole) // divisor >= 2**53:
        return np.array([float(value) for value in v])
    return np.array([float(value // divisor) for value in whole])
