"""The argument n | log_n that every best-of-n function takes."""

import math

import numpy as np

from alignment_fast._border.arrays import Grid, as_parameter, parameter_grid
from alignment_fast._border.status import refuse
from alignment_fast._border.words import shown


def number_of_draws(n, log_n) -> tuple[object, bool]:
    """Return the one of `n`, `log_n` that was given, and whether it is the logarithm."""
    if (n is None) == (log_n is None):
        raise ValueError("give exactly one of n and log_n" + (", not both" if n is not None else ""))
    return (log_n, True) if n is None else (n, False)


def renyi_order(order) -> float:
    """Return the order of a Rényi divergence: any real number, ±inf included."""
    try:
        refused = type(order) is not float and isinstance(order, str | bytes | np.ma.MaskedArray)
        number = None if refused else float(order)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None:
        raise TypeError(f"order must be a real number, not {shown(order)}")
    if math.isnan(number):
        raise ValueError("order is NaN")
    return number


def draws_grid(n, log_n, leading) -> tuple[Grid, bool]:
    """Lay out the number of draws over `leading` axes; returns the grid and whether it holds logarithms.

    Raises
    ------
    ValueError
        If not exactly one is given, or a value is NaN, infinite, or below 1 (below 0 for `log_n`).

    """
    value, is_log = number_of_draws(n, log_n)
    name, least = ("log_n", 0.0) if is_log else ("n", 1.0)
    grid = parameter_grid(value, leading, name)
    values = grid.values
    good = (values >= least) & (values < math.inf)
    if not good.all():
        given = as_parameter(value, name)  # at its own position, not in the grid
        refuse(~((given >= least) & (given < math.inf)), given, name, f"is not a finite number >= {least:g}")
    return grid, is_log
