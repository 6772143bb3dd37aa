"""``alignment-fast curve``: what best-of-n achieves, estimated from pools of scored samples."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import typer

from alignment_fast._error_bounds import error_bound
from alignment_fast.commands.inputs.pools import PoolColumns, PoolTable, Samples, read_pools
from alignment_fast.commands.options import RowMib, UnpackedMib, Version
from alignment_fast.commands.printing.curve import print_columns, save
from alignment_fast.commands.printing.terminal import (
    numbers,
    print_after,
    working,
)
from alignment_fast.tables import display_name

__all__ = ["curve"]

# Points of the fitted curve in the picture.
CURVE_POINTS = 200


class Variance(StrEnum):
    """Where standard errors come from."""

    CLUSTERED = "clustered"
    UNBIASED = "unbiased"
    JACKKNIFE = "jackknife"


def curve(
    file: Annotated[Path, typer.Argument(help="Table of samples: .csv .tsv .jsonl .parquet .npz, plain or .gz.")],
    score: Annotated[str | None, typer.Option("--score", help="Column of scores: the best is selected.")] = None,
    value: Annotated[str | None, typer.Option("--value", help="Column of gold values that judge the selected.")] = None,
    correct: Annotated[str | None, typer.Option("--correct", help="Column of 0 and 1 instead: pass@k.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="Column that names the prompt of a sample.")] = None,
    samples: Annotated[
        str | None,
        typer.Option("--samples", help="Column of counts: samples of the prompt, of which --correct were correct."),
    ] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="One row per prompt, one column per sample; columns by pattern: 's*'.")
    ] = False,
    at_least: Annotated[int, typer.Option(min=1, help="Leave out prompts with fewer samples.")] = 1,
    n: Annotated[str | None, typer.Option("--n", help="Values of n, by commas. Default: 1,2,5,10,20,...")] = None,
    variance: Annotated[
        Variance | None,
        typer.Option(help="Standard errors. Default: clustered for several prompts, jackknife for one."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write curve.csv and curve.png here.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to use. Default: all.")] = None,
    row_mib: RowMib = None,
    unpacked_mib: UnpackedMib = None,
    version: Version = False,
) -> None:
    """Unbiased best-of-n curves from pools of scored samples, with standard errors; pass@k; over-optimisation.

    FILE holds one sample per row: a score, perhaps the prompt it belongs to, perhaps a gold value; or one prompt per
    row, with lists of these, or with how many of how many samples were correct. Columns that are not named are
    guessed; without a prompt all rows of samples are one pool. Curves are averaged over prompts. With gold values
    the law d (alpha - beta d), d = sqrt(KL), is fitted to their gain.

    Exit codes: 0 success; 2 bad options or bad input, after one line on standard error; 130 interrupted.
    """
    requested = sorted(set(numbers(n, "--n", 1.0)))
    for number in requested:
        if not number.is_integer():
            raise ValueError(f"--n: {number:g} is not a whole number")
    with working(out=out, row_mib=row_mib, unpacked_mib=unpacked_mib, threads=threads) as progress:
        task = progress.add_task("reading", total=None)
        pools = read_pools(
            file,
            PoolColumns(score, value, correct, prompt, samples),
            wide=wide,
            progress=lambda done, size: progress.update(task, completed=done, total=size),
        ).with_at_least(at_least)
        progress.update(task, description="curves", completed=0, total=None)
        draws = _draws(requested, pools)
        if variance is None:
            variance = Variance.CLUSTERED if len(pools.scores) > 1 else Variance.JACKKNIFE
        columns = _columns(pools, draws, variance)
        fit = _fit(pools, draws) if pools.values is not None else Fit()
    if fit.values is not None:
        columns["value_fit"] = fit.values
    sentence = fit.sentence + (_miss(columns) if fit.values is not None else "")
    with print_after(lambda: print_columns(file, pools, columns, variance.value, sentence)):
        if out is not None:
            save(out, columns, fit.curve, Path(display_name(file)).name)


def _draws(requested: list[float], pools: PoolTable) -> np.ndarray:
    """Return the values of n, ascending."""
    size, prompt = pools.smallest
    if not requested:
        decades = 10 ** np.arange(len(str(size)))
        steps = np.multiply.outer(decades, [1, 2, 5]).ravel()
        return steps[steps <= size]
    if requested[-1] > size:
        raise ValueError(
            f"--n: {requested[-1]:.0f} is more than the samples of {prompt}: {size}; --at-least leaves out prompts "
            "with fewer samples"
        )
    return np.array(requested, dtype=np.int64)


def _columns(pools: PoolTable, draws: np.ndarray, variance: Variance) -> dict[str, np.ndarray]:
    """Return the columns of the result by name: estimates and, as ``..._se``, their standard errors.

    Where prompts, or all samples, agree there is no standard error: it is NaN, and ``pass_error_bound`` holds what is
    known instead. Nothing is known of scores, which have no largest value.
    """
    from alignment_fast.best_of_n import kl_upper_bound

    name = "pass" if pools.correct else "score"
    columns = {"n": draws, "kl_bound": np.atleast_1d(kl_upper_bound(draws))}
    columns[name], error = _estimate(pools.scores, None, draws, variance)
    columns[f"{name}_se"] = np.where(error == 0, np.nan, error)
    if pools.correct:
        columns["pass_error_bound"] = np.where(error == 0, _bounds(pools, draws, columns[name], variance), np.nan)
    if pools.values is not None:
        columns["value"], error = _estimate(pools.scores, pools.values, draws, variance)
        columns["value_se"] = np.where(error == 0, np.nan, error)
    return columns


def _bounds(pools: PoolTable, draws: np.ndarray, rates: np.ndarray, variance: Variance) -> np.ndarray:
    """Return bounds, with 95 % confidence, on the errors of pass `rates` without standard errors; NaN: not known.

    Pass rates are concave in the probability p of a correct sample, so that bounds on its mean over prompts hold for
    them: 1 - (1 - p)^n where all samples are wrong, and at most the probability of a wrong one where all are right.
    """
    if variance is Variance.CLUSTERED:
        return np.array([error_bound(rate, 0.0, 1.0, len(pools.scores)) for rate in rates])
    total = sum(map(len, pools.scores))
    right = sum(float(np.sum(pool)) for pool in pools.scores)
    if 0 < right < total:
        return np.full(len(draws), np.nan)
    rarest = error_bound(0.0, 0.0, 1.0, total)
    return np.full(len(draws), rarest) if right else -np.expm1(draws * np.log1p(-rarest))


def _estimate(
    scores: Samples, values: Samples | None, draws: np.ndarray, variance: Variance
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean curve over prompts, and its standard errors."""
    from alignment_fast import best_of_n as library

    if variance is not Variance.CLUSTERED:
        method: Literal["unbiased", "jackknife"] = "unbiased" if variance is Variance.UNBIASED else "jackknife"
        curves = library.curve(scores, draws, values=values, variance=method)
        with np.errstate(invalid="ignore", over="ignore"):  # an unbiased variance may be negative: NaN
            return curves.mean.mean(axis=0), np.sqrt(curves.variance.sum(axis=0)) / len(scores)
    if len(scores) == 1:
        raise ValueError("--variance clustered needs several prompts")
    with np.errstate(over="ignore"):  # the square of an enormous deviation is infinite
        over_prompts = library.mean_over_prompts(library.curve(scores, draws, values=values))
    return over_prompts.mean, over_prompts.standard_error


class Fit(NamedTuple):
    """The over-optimisation law fitted to gold values, if there is one.

    Parameters
    ----------
    sentence : str
        What was fitted, or why nothing was.
    values : ndarray, optional
        The law at every n.
    curve : tuple of ndarray, optional
        √KL and the law, for a picture.

    """

    sentence: str = ""
    values: np.ndarray | None = None
    curve: tuple[np.ndarray, np.ndarray] | None = None


def _fit(pools: PoolTable, draws: np.ndarray) -> Fit:
    from alignment_fast.best_of_n import kl_upper_bound, proxy_versus_gold

    size, _ = pools.smallest
    one = len(pools.scores) == 1
    # The last samples of a single pool decide all of its largest n together: no error bar there, and no fit.
    used = draws[2 * draws <= size] if one else draws
    try:
        result = proxy_versus_gold(pools.scores, pools.values, used)
        fit = result.fit()
    except ValueError as error:
        return Fit(f"No fit: {error}")
    alpha, beta = fit.standard_errors
    peak = f"largest at KL = {fit.peak_kl:.4g}" if math.isfinite(fit.peak_kl) else "without a maximum"
    kl = np.atleast_1d(kl_upper_bound(draws))
    d = np.linspace(math.sqrt(kl[0]), math.sqrt(kl[-1]), CURVE_POINTS)
    return Fit(
        f"Fit: gain in value = d (alpha - beta d), d = sqrt(KL bound): alpha = {fit.alpha:.6g} (s.e. {alpha:.2g}), "
        f"beta = {fit.beta:.6g} (s.e. {beta:.2g}); {peak}.",
        result.gold[0] + fit.gain(kl),
        (d, result.gold[0] + fit.gain(d * d)),
    )


def _miss(columns: dict[str, np.ndarray]) -> str:
    """Say where the fitted law misses the estimates the most."""
    from alignment_fast.plot import NOTHING

    misses = np.abs(columns["value"] - columns["value_fit"])
    worst = int(np.argmax(misses))
    if misses[worst] < NOTHING:
        return " It goes through all estimates."
    error = columns["value_se"][worst]
    errors = f" ({misses[worst] / error:.2g} s.e.)" if error > 0 else ""
    return f" It misses the estimates by at most {misses[worst]:.2g}{errors}, at n = {columns['n'][worst]}."
