"""The table of a study: a row for each column of each cell; and the files it is written to."""

from __future__ import annotations

import csv
import importlib
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from alignment_fast._border.words import as_path
from alignment_fast._files import replacing, require_folder
from alignment_fast.errors import BackendUnavailableError
from alignment_fast.studies.fields import FIGURES, LAST, QUANTILE
from alignment_fast.studies.folds import Fold
from alignment_fast.studies.spec import Spec
from alignment_fast.studies.store import Origin, SetAside
from alignment_fast.studies.work import estimator_of
from alignment_fast.tables._arrow import arrow_module

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FEWEST", "Results", "error_of_level", "interval_of_mean", "interval_of_share", "results_of"]

NO_SUMMARY = "the summary failed: "
# Intervals are given from this many replicates on: below, that of a mean of skewed values may miss its level.
FEWEST = 1000
# And only where the skewness that was found lets an interval miss its level by at most this.
TOLERATED = 0.001


def interval_of_mean(mean: float, standard_error: float, count: int, level: float) -> tuple[float, float]:
    """Return Student's interval of a mean."""
    half = float(special.stdtrit(count - 1, 0.5 + 0.5 * level)) * standard_error
    return mean - half, mean + half


def error_of_level(skewness: float, excess_kurtosis: float, count: int, level: float) -> float:
    """Return by how much Student's interval misses its level, to the order 1/count of its Edgeworth expansion.

    P. Hall, "The bootstrap and Edgeworth expansion", Springer (1992), section 2.6: with z the normal quantile,
    2 z φ(z) (κ (z² − 3) / 12 − γ² (z⁴ + 2 z² − 3) / 18) / count for skewness γ and excess kurtosis κ.
    """
    z = float(special.ndtri(0.5 + 0.5 * level))
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    term = excess_kurtosis * (z * z - 3.0) / 12.0 - skewness**2 * (z**4 + 2.0 * z * z - 3.0) / 18.0
    return 2.0 * z * density * term / count


def interval_of_share(share: float, count: int, level: float) -> tuple[float, float]:
    """Return Wilson's interval of a probability, which is right near 0 and 1 as well."""
    z = float(special.ndtri(0.5 + 0.5 * level))
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Results:
    """What a study found.

    Attributes
    ----------
    name, hash : str
        Of the study.
    axes : tuple of str
        Names of the parameters that vary, in the order of the spec.
    rows : tuple of dict
        One for each column of each cell.
    set_aside : tuple
        Blocks that could not be computed, each with its cell, number and traceback.
    origins : tuple
        What computed the blocks: version, arithmetic, how many, and on how many machines.
    spec : Spec, optional
        The study.

    """

    name: str
    hash: str
    axes: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    set_aside: tuple[SetAside, ...]
    origins: tuple[Origin, ...] = ()
    spec: Spec | None = field(default=None, repr=False, compare=False)

    @property
    def failed_summaries(self) -> tuple[str, ...]:
        """What users' summaries raised, cell by cell."""
        return tuple(row["note"] for row in self.rows if row["note"].startswith(NO_SUMMARY))

    @property
    def is_complete(self) -> bool:
        """Whether every cell has all its blocks."""
        return not self.set_aside and all(row["complete"] for row in self.rows)

    @property
    def fields(self) -> list[str]:
        """Names of the columns of the table."""
        quantiles = dict.fromkeys(key for row in self.rows for key in row if key.startswith(QUANTILE))
        return ["cell", "estimand", "source", *self.axes, "column", *FIGURES, *quantiles, *LAST]

    def table(self) -> dict[str, list[Any]]:
        """Return the table as a dictionary of columns, which pandas.DataFrame and others take; None where there is
        no value.
        """  # noqa: D205
        return {name: [row.get(name) for row in self.rows] for name in self.fields}

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the table as CSV; numbers read back to the same bits."""
        with replacing(path) as file:
            file.write(self.to_csv_bytes())

    def to_csv_bytes(self) -> bytes:
        """Return the table as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.fields)
        for row in self.rows:
            writer.writerow(["" if row.get(name) is None else row[name] for name in self.fields])
        return text.getvalue().encode()

    def to_parquet(self, path: str | PathLike[str]) -> None:
        """Write the table as Parquet; needs pyarrow."""
        arrow, parquet = arrow_module(), arrow_module("parquet").parquet
        columns = {name: _of_one_type(values) for name, values in self.table().items()}
        content = io.BytesIO()
        parquet.write_table(arrow.table(columns), content)
        with replacing(path) as file:
            file.write(content.getvalue())

    def to_xarray(self) -> Any:
        """Return an `xarray.Dataset` with the dimension row, whose coordinates are the parameters; needs xarray."""
        try:
            xarray = importlib.import_module("xarray")
        except ImportError as error:
            raise BackendUnavailableError("this needs xarray: pip install xarray") from error
        coordinates = ["cell", "estimand", "source", *self.axes, "column"]
        variables = {name: ("row", _array(values)) for name, values in self.table().items()}
        return xarray.Dataset(
            {name: value for name, value in variables.items() if name not in coordinates},
            coords={name: variables[name] for name in coordinates},
            attrs={"study": self.name, "hash": self.hash},
        )

    def figures(self) -> dict[str, Figure]:
        """Return pictures by their titles: reward against divergence, curves with bands, phase diagrams, coverage.

        Raises
        ------
        BackendUnavailableError
            If matplotlib is not installed.

        """
        from alignment_fast.studies.figures import figures_of  # loads matplotlib

        return {} if self.spec is None else figures_of(self.spec, self.rows)

    def plot(self, path: str | PathLike[str]) -> None:
        """Write the pictures of `figures` as PNG files into a folder, which is made if need be; needs matplotlib."""
        folder = as_path(path)
        require_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in self.figures().items():
            content = io.BytesIO()
            figure.savefig(content, format="png", dpi=200)
            with replacing(folder / f"{name.replace(' ', '_').replace('/', '_')}.png") as file:
                file.write(content.getvalue())

    def __repr__(self) -> str:
        aside = f", {len(self.set_aside)} blocks set aside" if self.set_aside else ""
        return f"Results({self.name!r}, {len(self.rows)} rows{aside})"


def _array(values: list[Any]) -> NDArray[Any]:
    """Return a column as an array: of numbers, NaN where there is none, or of text, "" where there is none."""
    column = _of_one_type(values)
    if all(value is None or isinstance(value, int | float) for value in column):
        whole = all(isinstance(value, int) for value in column)  # truth values too: netCDF has none
        return np.array([math.nan if value is None else value for value in column], dtype=np.int64 if whole else float)
    return np.array(["" if value is None else value for value in column], dtype=np.str_)


def _of_one_type(values: list[Any]) -> list[Any]:
    """Return a column that holds numbers or text, not both: parameters of different cells may be either."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1:
        return values
    if kinds <= {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]


def results_of(spec: Spec, folds: Sequence[Fold], set_aside: Iterable[SetAside], origins: Sequence[Origin]) -> Results:
    """Return the table of the cells of a study."""
    axes = tuple(dict.fromkeys(name for cell in spec.cells for name in cell.axes))
    lost = tuple(one for one in set_aside if one.number in folds[one.cell].lost)
    rows = [row for fold in folds for row in _rows(spec, fold)]
    return Results(spec.name, spec.hash, axes, tuple(rows), lost, tuple(origins), spec)


def _rows(spec: Spec, fold: Fold) -> list[dict[str, Any]]:
    cell, total = fold.cell, fold.total
    head = {"cell": cell.number, "estimand": cell.estimand, "source": cell.source, **cell.axes}
    head |= dict.fromkeys(FIGURES)
    tail = {"blocks": fold.prefix - len(fold.lost), "blocks_set_aside": len(fold.lost), "complete": fold.complete}
    if total is None:
        note = "no replicate of this cell could be computed" if fold.complete else "not begun"
        return [{**head, "column": None, "replicates": 0, **tail, "note": note}]
    estimator = estimator_of(spec.hash, spec.seed, spec.folder, cell)
    exact, moments = estimator.exact(), total.moments
    rows, summary = [], {}
    for place, name in enumerate(total.names):
        figures = {
            "replicates": moments.count,
            "dropped": total.dropped,
            "mean": float(moments.mean[place]),
            "standard_error": float(moments.standard_error[place]),
            "variance": float(moments.variance[place]),
            "minimum": float(moments.min[place]),
            "maximum": float(moments.max[place]),
            "exact": exact.get(name),
        }
        if total.sketches:
            values = total.sketches[place].quantile(cell.quantiles)
            figures |= {f"{QUANTILE}{q:g}": float(value) for q, value in zip(cell.quantiles, values, strict=True)}
        shape = float(moments.skewness[place]), float(moments.excess_kurtosis[place])
        note = _add_interval(figures, name in total.shares, spec.level, *shape)
        rows.append({**head, "column": name, **{k: _known(v) for k, v in figures.items()}, **tail, "note": note})
        summary[name] = {key: value for key, value in figures.items() if value is not None}
    try:
        more = estimator.summarise(summary)
    except (Exception, SystemExit) as error:  # a user's function: what was computed is not lost by it
        text = f"{NO_SUMMARY}{type(error).__name__}: {error}"
        return [*rows, {**head, "column": None, **tail, "note": text}]
    return [
        *rows,
        *({**head, "column": name, "mean": value, **tail, "note": "summary"} for name, value in more.items()),
    ]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _add_interval(figures: dict[str, Any], share: bool, level: float, skewness: float, excess_kurtosis: float) -> str:
    """Add the interval of a mean, or leave it out where it would say too much; return why."""
    count, error = figures["replicates"], figures["standard_error"]
    if count < FEWEST:
        return f"fewer than {FEWEST} replicates: no interval"
    if share:
        figures["low"], figures["high"] = interval_of_share(figures["mean"], count, level)
        return ""
    if error == 0:  # nothing is known of the error but this
        figures["standard_error"] = math.nan
        rarest = -math.expm1(math.log1p(-level) / count)
        return f"all agree: another value has a probability below {rarest:.2g}, at confidence {level:g}"
    if not math.isfinite(error):
        return "infinite values: no interval"
    missing = error_of_level(skewness, excess_kurtosis, count, level)
    if not abs(missing) <= TOLERATED:
        return f"too few replicates for values so skewed: an interval would miss its level by about {missing:.2g}"
    figures["low"], figures["high"] = interval_of_mean(figures["mean"], error, count, level)
    return ""
