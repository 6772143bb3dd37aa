"""How a reward depends on the tail probability of its draw: the data that every backend understands."""

from typing import Any, NamedTuple


class Transform(NamedTuple):
    """A decreasing function of the tail probability.

    Parameters
    ----------
    kind : str
        "gaussian" (mean, std), "uniform" (), "table" (ladder, values) or "function" (vectorised callable, its name).
    parameters : tuple
        What the kind needs.

    """

    kind: str
    parameters: tuple[Any, ...]
