"""Axioms of social choice, asked of preference matrices and of the rankings that policies make of responses.

Response i beats j if P[i, j] > 1/2 and ties it at 1/2; probabilities that agree to 1e-12 count as equal. All functions
are vectorised over leading axes, and take arrays on a CUDA device. Reference: arXiv:2602.12180.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alignment_fast._border.call import rows_of
from alignment_fast._border.scalars import as_flag
from alignment_fast._operations import operations
from alignment_fast.policy._arguments import PreferenceArguments


class PreferenceClasses(NamedTuple):
    """What `classify` says of each preference matrix.

    Parameters
    ----------
    cyclic : array of bool (...)
        Some cycle, of any length, of responses that each beat the next.
    strongly_transitive : array of bool (...)
        `is_strongly_transitive`, not strict.
    row_dominant : array of bool (...)
        `is_row_dominant`, not strict.
    condorcet_winner : array of int64 (...)
        −1 where there is none.
    smith_size : array of int64 (...)
        Size of the Smith set.
    cycles : array of int64 (...)
        Number of cyclic triples.

    """

    cyclic: Any
    strongly_transitive: Any
    row_dominant: Any
    condorcet_winner: Any
    smith_size: Any
    cycles: Any


def condorcet_winner(P: ArrayLike) -> Any:
    """Return the response that beats every other one, −1 where there is none.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.

    Returns
    -------
    array of int64 (...)

    Raises
    ------
    ValueError
        For a P that is not square or not complementary, or leaves [0, 1].

    Notes
    -----
    Exact up to ties, which are probabilities within 1e-12 of 1/2. Cost: K². Matrices on a CUDA device are checked on
    the host, and each is a thread's there: for many of few responses. Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> int(af.policy.condorcet_winner([[0.5, 0.45, 0.0], [0.55, 0.5, 0.55], [1.0, 0.45, 0.5]]))
    1

    """
    ops = operations("policy")
    found = ops.short_axiom(P, ops.WINNER)
    if found is not None:
        return found
    task = PreferenceArguments(P, on_devices=True)
    return task.give(_axioms(task, ops.WINNER).winner, task.leading, dtype=np.int64)


def smith_set(P: ArrayLike) -> Any:
    """Return a mask of the Smith set: the smallest set whose members beat every response outside of it.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.

    Returns
    -------
    array of bool (..., K)

    Raises
    ------
    ValueError
        As `condorcet_winner`.

    Notes
    -----
    Exact up to ties. A single member is the Condorcet winner. Cost: K². Reference: Smith, Econometrica 41 (1973) 1027.

    Examples
    --------
    >>> import alignment_fast as af
    >>> af.policy.smith_set([[0.5, 0.6, 0.4, 0.9], [0.4, 0.5, 0.6, 0.9], [0.6, 0.4, 0.5, 0.9], [0.1, 0.1, 0.1, 0.5]])
    array([ True,  True,  True, False])

    """
    ops = operations("policy")
    found = ops.short_smith_set(P)
    if found is not None:
        return found
    task = PreferenceArguments(P, on_devices=True)
    members = _axioms(task, ops.SMITH_SIZE).smith_set
    return task.give(members.reshape(*task.leading, members.shape[-1]), dtype=np.bool_)


def is_row_dominant(P: ArrayLike, *, strict: bool = False) -> Any:
    """Return whether the responses can be ordered so that P[i, k] ≥ P[j, k] for all k and all i before j.

    Then the scores P μ keep that order under every sampling distribution μ.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    strict : bool
        Whether to ask for > in place of ≥.

    Returns
    -------
    array of bool (...)

    Raises
    ------
    ValueError
        As `condorcet_winner`.

    Notes
    -----
    Exact up to equality within 1e-12. Cost: K² log K. Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> bool(af.policy.is_row_dominant([[0.5, 0.6, 0.8], [0.4, 0.5, 0.7], [0.2, 0.3, 0.5]], strict=True))
    True

    """
    ops, strict = operations("policy"), as_flag(strict, "strict")
    found = ops.short_axiom(P, ops.STRICT if strict else ops.DOMINANT)
    if found is not None:
        return found
    task = PreferenceArguments(P, on_devices=True)
    axioms = _axioms(task, ops.DOMINANT)
    return task.give(axioms.strictly_dominant if strict else axioms.dominant, task.leading, dtype=np.bool_)


def is_strongly_transitive(P: ArrayLike, *, strict: bool = False) -> Any:
    """Return whether P[i, j] ≥ 1/2 and P[j, k] ≥ 1/2 imply P[i, k] ≥ max(P[i, j], P[j, k]), for distinct i, j, k.

    Strict: no two responses tie, and the implied inequality is >. Without ties this is row dominance; with ties it asks
    in addition that responses that tie have equal rows.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    strict : bool
        As above.

    Returns
    -------
    array of bool (...)

    Raises
    ------
    ValueError
        As `condorcet_winner`.

    Notes
    -----
    Exact up to equality within 1e-12. Cost: K² log K, by way of row dominance. Reference: Fishburn, J. Math. Psychol.
    10 (1973) 327.

    Examples
    --------
    >>> import alignment_fast as af
    >>> bool(af.policy.is_strongly_transitive([[0.5, 0.6, 0.55], [0.4, 0.5, 0.7], [0.45, 0.3, 0.5]]))
    False

    """
    ops, strict = operations("policy"), as_flag(strict, "strict")
    found = ops.short_axiom(P, ops.STRICT if strict else ops.TRANSITIVE)
    if found is not None:
        return found
    task = PreferenceArguments(P, on_devices=True)
    axioms = _axioms(task, ops.DOMINANT)
    return task.give(axioms.strictly_dominant if strict else axioms.transitive, task.leading, dtype=np.bool_)


def count_cycles(P: ArrayLike) -> Any:
    """Return the number of cyclic triples: sets of three responses in which each beats the next.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.

    Returns
    -------
    array of int64 (...)

    Raises
    ------
    ValueError
        As `condorcet_winner`.

    Notes
    -----
    Exact up to ties, for K up to 2^17. Cost: K² without ties, 2 K³ with. Without ties there is a cycle of some length
    only where there is a cyclic triple; with ties `classify` finds the others. Reference: Kendall & Babington Smith,
    Biometrika 31 (1940) 324.

    Examples
    --------
    >>> import alignment_fast as af
    >>> int(af.policy.count_cycles([[0.5, 0.75, 0.25], [0.25, 0.5, 0.75], [0.75, 0.25, 0.5]]))
    1

    """
    ops = operations("policy")
    found = ops.short_axiom(P, ops.CYCLES)
    if found is not None:
        return found
    task = PreferenceArguments(P, on_devices=True)
    return task.give(_axioms(task, ops.CYCLES).cycles, task.leading, dtype=np.int64)


def classify(P: ArrayLike) -> PreferenceClasses:
    """Return what kind of preferences each matrix holds, in one go: cycles, transitivity, winners.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.

    Returns
    -------
    PreferenceClasses
        `cyclic` and `strongly_transitive` exclude each other; most matrices are neither.

    Raises
    ------
    ValueError
        As `condorcet_winner`.

    Notes
    -----
    Exact up to ties. Cost: one to five µs per matrix of 4 responses. Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af, numpy as np
    >>> P = np.array([[[0.5, 0.75, 0.25], [0.25, 0.5, 0.75], [0.75, 0.25, 0.5]],
    ...               [[0.5, 0.6, 0.8], [0.4, 0.5, 0.7], [0.2, 0.3, 0.5]]])
    >>> classes = af.policy.classify(P)
    >>> classes.cyclic, classes.strongly_transitive, classes.condorcet_winner
    (array([ True, False]), array([False,  True]), array([-1,  0]))

    """
    ops = operations("policy")
    found = ops.short_classes(P)
    if found is not None:
        return tuple.__new__(PreferenceClasses, found)
    task = PreferenceArguments(P, on_devices=True)
    axioms = _axioms(task, ops.CYCLIC, ops.DOMINANT, ops.WINNER, ops.SMITH_SIZE, ops.CYCLES)
    return PreferenceClasses(
        task.give(axioms.cyclic, task.leading, dtype=np.bool_),
        task.give(axioms.transitive, task.leading, dtype=np.bool_),
        task.give(axioms.dominant, task.leading, dtype=np.bool_),
        task.give(axioms.winner, task.leading, dtype=np.int64),
        task.give(axioms.smith_size, task.leading, dtype=np.int64),
        task.give(axioms.cycles, task.leading, dtype=np.int64),
    )


def is_condorcet_top(P: ArrayLike, scores: ArrayLike) -> Any:
    """Return whether `scores` put the Condorcet winner above every other response; True where there is none.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    scores : array_like (..., K)
        Anything that ranks responses: scores, probabilities or finite log-probabilities of a policy.

    Returns
    -------
    array of bool (...)
        Equal scores do not count as above.

    Raises
    ------
    ValueError
        As `condorcet_winner`, and for scores that are not finite.

    Notes
    -----
    Exact up to ties of P. Cost: K². Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.45, 0.0], [0.55, 0.5, 0.55], [1.0, 0.45, 0.5]]
    >>> bool(af.policy.is_condorcet_top(P, af.policy.ipo(P, [0.5, 0.3, 0.2], None, 1.0).log_pi))
    False

    """
    ops = operations("policy")
    found = ops.short_top(P, scores, True)
    if found is not None:
        return found
    task = PreferenceArguments(P, vectors={"scores": scores}, on_devices=True)
    winner = _axioms(task, ops.WINNER).winner
    return _is_top(task, task.operations("policy").masks_of(winner, task["P"].shape[-1]))


def is_smith_top(P: ArrayLike, scores: ArrayLike) -> Any:
    """Return whether `scores` put every member of the Smith set above every other response.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    scores : array_like (..., K)
        As in `is_condorcet_top`.

    Returns
    -------
    array of bool (...)
        True where all responses are in the Smith set.

    Raises
    ------
    ValueError
        As `is_condorcet_top`.

    Notes
    -----
    Exact up to ties of P. Cost: K². Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> bool(af.policy.is_smith_top([[0.5, 0.6], [0.4, 0.5]], [1.0, 0.0]))
    True

    """
    ops = operations("policy")
    found = ops.short_top(P, scores, False)
    if found is not None:
        return found
    task = PreferenceArguments(P, vectors={"scores": scores}, on_devices=True)
    return _is_top(task, _axioms(task, ops.SMITH_SIZE).smith_set)


def is_order_preserving(P: ArrayLike, scores: ArrayLike) -> Any:
    """Return whether `scores` put i above j wherever i beats j; never so for cyclic preferences.

    Parameters
    ----------
    P : array_like (..., K, K)
        P[i, j] is the chance that response i beats j; P + Pᵀ = 1.
    scores : array_like (..., K)
        As in `is_condorcet_top`.

    Returns
    -------
    array of bool (...)

    Raises
    ------
    ValueError
        As `is_condorcet_top`.

    Notes
    -----
    Exact up to ties of P. Cost: K². Reference: arXiv:2602.12180.

    Examples
    --------
    >>> import alignment_fast as af
    >>> P = [[0.5, 0.6, 0.8], [0.4, 0.5, 0.7], [0.2, 0.3, 0.5]]
    >>> bool(af.policy.is_order_preserving(P, af.policy.ipo(P, [0.1, 0.1, 0.8], None, 1.0).log_pi))
    True

    """
    ops = operations("policy")
    found = ops.short_keeps_order(P, scores)
    if found is not None:
        return found
    task = PreferenceArguments(P, vectors={"scores": scores}, on_devices=True)
    keeps = task.operations("policy").keep_order(task.placed("P", task.leading), task.placed("scores", task.leading))
    return task.give(keeps, task.leading, dtype=np.bool_)


def _axioms(task: PreferenceArguments, *wanted: int) -> Any:
    """Return what the axioms say of the matrices of `task`, one row each, as far as `wanted`."""
    return task.operations("policy").axioms(task.placed("P", _own_leading(task)), *wanted)


def _own_leading(task: PreferenceArguments) -> tuple[int, ...]:
    """Return the leading axes of P, or, on a device, where masks are not repeated, those of all arguments."""
    own = task["P"].shape[:-2]
    return own if task.place is None or math.prod(own) == 1 else task.leading


def _is_top(task: PreferenceArguments, members: Any) -> Any:
    """Return whether scores put `members`, one row for each matrix, above every other response; True of nobody."""
    own = members.reshape(*_own_leading(task), members.shape[-1])
    top = task.operations("policy").is_top(rows_of(own, 1, task.leading), task.placed("scores", task.leading))
    return task.give(top, task.leading, dtype=np.bool_)
