"""Every picture can be published: no text on other text, none cut off, no legend on the data, names that differ."""

import itertools
import math

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.text import Text

from alignment_fast import best_of_n, plot
from alignment_fast.reproduce import sampling as sampling_paper
from alignment_fast.reproduce.asymptotics import (
    TERNARY,
    columns_of,
    convergence,
    cumulant_curves,
    exact_convergence,
    random_ensembles,
    rate_curves,
    rate_functions,
    scaled_cumulants,
    simplex_curves,
    simplex_points,
)
from alignment_fast.reproduce.asymptotics import figures as asymptotics
from alignment_fast.reproduce.sampling import figures as sampling

pytestmark = pytest.mark.same_everywhere


def drawn_texts(figure):
    """Return every text that is drawn, and its extent in pixels."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = {text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()}
    for axes in figure.axes:
        for axis, view in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(view)
            span = 1e-6 * (high - low)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                outside = not low - span <= tick.get_loc() <= high + span
                if outside or not axes.axison or not axis.get_visible():
                    texts -= {tick.label1, tick.label2}
                texts -= {label for label in (tick.label1, tick.label2) if not label.get_visible()}
            if not axes.axison:
                texts -= {axis.label, axis.get_offset_text()}
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts]


def check(figure):
    """Assert that texts are apart and inside of the figure, and that legends cover no data; return the texts."""
    width, height = figure.canvas.get_width_height()
    texts = drawn_texts(figure)
    assert len(texts) > 3
    for text, box in texts:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, f"{text!r} is cut off"
    corners = np.array([(box.x0, box.y0, box.x1, box.y1) for _, box in texts])
    low, high = corners[:, None, :2], corners[:, None, 2:]
    overlap = np.minimum(high, high.swapaxes(0, 1)) - np.maximum(low, low.swapaxes(0, 1))
    for one, other in np.argwhere(np.triu((overlap > 1).all(axis=2), 1)):
        raise AssertionError(f"{texts[one][0]!r} and {texts[other][0]!r} overlap")
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()] + figure.legends
    for legend, axes in itertools.product(legends, figure.axes):
        box = legend.get_window_extent()
        for line in axes.get_lines():
            assert not box.count_contains(line.get_transform().transform(line.get_xydata())), "a legend covers data"
        assert not (axes.axison and box.overlaps(axes.get_window_extent())), "a legend covers data"
    shown = [axes for axes in figure.axes if axes.axison]
    bottom = [axes for axes in shown if axes.get_subplotspec() is None or axes.get_subplotspec().is_last_row()]
    assert all(axes.get_xlabel() or axes.get_ylabel() for axes in bottom), "axes without a label"
    return [text for text, _ in texts]


def test_the_checks_find_what_they_are_for():
    figure = plot.new_figure((4, 3), "title")
    axes = figure.subplots()
    axes.set(xlabel="x", ylabel="y")
    check(figure)
    axes.text(0.5, 0.5, "one text")
    axes.text(0.5, 0.52, "another text")
    with pytest.raises(AssertionError, match="overlap"):
        check(figure)
    figure = plot.new_figure((4, 3), "a title that is much too long for its figure " * 3)
    figure.subplots().set(xlabel="x")
    with pytest.raises(AssertionError, match="cut off"):
        check(figure)
    figure = plot.new_figure((4, 3), "title")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], label="line")
    axes.legend()
    with pytest.raises(AssertionError, match="legend"):
        check(figure)


# ---- rankings ----


def ranking(count, name="model-{}"):
    rng = np.random.default_rng(count)
    score = np.sort(rng.normal(size=count))[::-1]
    error = 0.05 + 0.2 * rng.random(count)
    return {
        "item": np.array([name.format(number) for number in range(count)], dtype=object),
        "score": score,
        "low": score - error,
        "high": score + error,
        "win_probability": 1 / (1 + np.exp(score - score[:, None])),
    }


@pytest.mark.parametrize("count", [1, 2, 5, 15, 16, 30, 60, 61, 100, 300])
def test_a_ranking_stays_readable(count):
    columns, scale = ranking(count), "elo" if count % 2 else "logits"
    figure = plot.rank_figure(columns, "votes.csv", scale=scale, level=0.9, left_out=7)
    texts = check(figure)
    for place, item in enumerate(columns["item"], start=1):
        assert f"{item}  {place}" in texts
    assert "points: scores; bars: 90 % intervals; 7 more are not drawn" in texts
    width, height = figure.get_size_inches()
    assert width <= 32
    assert height <= 16
    smallest = min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text())
    assert smallest >= 7


@pytest.mark.parametrize("count", [5, 30])
def test_cells_hold_numbers_where_they_fit_and_colours_span_the_data(count):
    columns = ranking(count)
    figure = plot.rank_figure(columns, "votes.csv")
    in_cells = [text.get_text() for text in figure.axes[1].texts]
    off_diagonal = columns["win_probability"][~np.eye(count, dtype=bool)]
    assert in_cells == [f"{100 * value:.0f}" for value in off_diagonal]
    (image,) = figure.axes[1].get_images()
    assert image.get_clim()[1] == pytest.approx(off_diagonal.max())


@pytest.mark.parametrize("count", [1, 2, 5, 60, 61, 100, 300])
def test_a_board_stays_readable(count):
    columns = ranking(count) | {"tier": 1 + np.arange(count) // 3}
    figure = plot.board_figure(columns, "votes.csv", axis="Elo", level=0.9, left_out=7)
    texts = check(figure)
    assert "points: scores; bars: 90 % intervals; 7 more are not drawn" in texts
    for place, item in enumerate(columns["item"], start=1):
        assert f"{item}  {place}" in texts
        assert f"tier {columns['tier'][place - 1]}" in texts
    smallest = min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text())
    assert smallest >= 7


NAMES = [
    "vendor/a-model-with-a-very-long-name-{}-instruct-20260101",
    "{}" + "x" * 300,
    "x" * 150 + "{}" + "x" * 150,
    "[red]model[/red] {} $x_1$ :smile:",
    "two\nlines {}\x1b[31m",
    "نموذج {}",
    "模型模型模型模型模型模型模型模型模型 {}",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Glyph .* missing from")
def test_names_of_any_kind_stay_apart(name):
    figure = plot.rank_figure(ranking(12, name), "votes.csv")
    check(figure)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len({label.rpartition("  ")[0] for label in labels}) == 12
    assert all("\n" not in label and "\x1b" not in label for label in labels)


# ---- best-of-n ----


@pytest.mark.parametrize("n", [[1], [3], [1, 2], [1, 1.2], [2, 3, 4], [10, 30], [1, 10, 100, 1e4], [1, 1e300]])
def test_best_of_n_for_few_and_many_n(n):
    law = best_of_n.BestOfN([0.2, 0.3, 0.5], [2.0, 0.0, 1.0])

    def columns(log_n):
        return {
            "log_n": log_n,
            "expected_reward": law.expected_reward(log_n=log_n),
            "reward_sd": np.sqrt(law.reward_variance(log_n=log_n)),
            "kl": law.kl(log_n=log_n),
            "kl_bound": best_of_n.kl_upper_bound(log_n=log_n),
            "win_rate": law.win_rate(log_n=log_n),
            "win_rate_continuous": best_of_n.win_rate_continuous(log_n=log_n),
        }

    log_n = np.log(n)
    points = columns(log_n)
    points |= {f"{name}_estimate": points[name] for name in ("expected_reward", "win_rate")}
    points |= {f"{name}_se": np.full(len(n), 0.01) for name in ("expected_reward", "win_rate")}
    figure = plot.best_of_n_figure(points, "law", curves=columns(np.linspace(log_n[0], log_n[-1], 200)))
    check(figure)
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert all(tick.isdecimal() or "." not in tick or tick.startswith("1.") for tick in ticks)
    (exact,) = [line for line in figure.axes[0].get_lines() if line.get_label() == "exact"]
    assert len(exact.get_xdata()) == 200


@pytest.mark.parametrize("n", [[1], [1, 2, 5], [1, 2, 5, 10, 20, 50, 100]])
@pytest.mark.parametrize("gold", [False, True])
def test_curves(n, gold):
    n = np.array(n)
    columns = {"n": n, "kl_bound": np.log(n) - (n - 1) / n, "score": np.log(n) + 1, "score_se": 0.1 / n}
    if gold:
        value = np.sqrt(columns["kl_bound"])
        columns |= {"value": value, "value_se": 0.1 / n, "value_fit": value + 0.125}
    figure = plot.curve_figure(columns, "samples.csv")
    check(figure)
    assert {f"{value}" for value in n} <= {label.get_text() for label in figure.axes[0].get_xticklabels()}
    if gold:
        assert any("off by at most 0.12" in text for text, _ in drawn_texts(figure))


def test_a_fit_through_all_points_says_so():
    columns = {"n": np.array([1, 4]), "kl_bound": np.array([0.0, 0.6])}
    columns |= {name: np.array([0.0, 1.0]) for name in ("score", "score_se", "value", "value_se", "value_fit")}
    assert any("through all points" in text for text, _ in drawn_texts(plot.curve_figure(columns, "samples.csv")))


def test_a_band_ends_where_no_pass_rate_can_be_and_is_a_bound_where_there_is_no_error():
    columns = {"n": np.array([1, 2, 5]), "kl_bound": np.zeros(3), "pass": np.array([0.5, 0.9, 1.0])}
    columns |= {"pass_se": np.array([0.1, 0.2, np.nan]), "pass_error_bound": np.array([np.nan, np.nan, 0.25])}
    figure = plot.curve_figure(columns, "samples.csv")
    check(figure)
    (band,) = figure.axes[0].collections
    heights = {round(height, 9) for height in band.get_paths()[0].vertices[:, 1]}
    assert heights == {0.3, 0.7, 0.5, 1.0, 0.75}


# ---- the papers ----


def test_figures_of_asymptotics():
    lengths = columns_of(list(convergence(TERNARY, 100, 0, lengths=(10, 20, 50))))
    check(asymptotics.simplex_figure(list(simplex_curves()), list(simplex_points(100, 0))))
    check(asymptotics.convergence_figure(lengths, "title"))
    check(asymptotics.rates_figure(columns_of(list(rate_functions(TERNARY, 100, 0))), TERNARY.typical, "title"))
    check(asymptotics.cumulants_figure(columns_of(list(scaled_cumulants(TERNARY, 100, 0))), 0.7, "title"))
    check(asymptotics.ensembles_figure(columns_of(list(random_ensembles(0)))))


def points_of(axes, *labels):
    """Return how many points the lines with these labels have."""
    return {len(line.get_xdata()) for line in axes.get_lines() if line.get_label() in labels}


def test_exact_curves_of_asymptotics_are_drawn_on_a_dense_grid():
    dense = columns_of(list(exact_convergence(TERNARY, lengths=range(10, 51))))
    figure = asymptotics.convergence_figure(
        columns_of(list(convergence(TERNARY, 100, 0, lengths=(10, 50)))), "title", curves=dense
    )
    check(figure)
    for axes in figure.axes:
        assert points_of(axes, "exact", "second order") == {41}
    levels = columns_of(list(rate_functions(TERNARY, 100, 0, taus=(0.5, 1.0, 1.5))))
    figure = asymptotics.rates_figure(levels, TERNARY.typical, "title", curves=rate_curves(TERNARY))
    check(figure)
    assert points_of(figure.axes[0], "reference", "aligned policy") == {401}
    orders = columns_of(list(scaled_cumulants(TERNARY, 100, 0, rhos=(0.5, 2.0))))
    figure = asymptotics.cumulants_figure(orders, 0.7, "title", curves=cumulant_curves(TERNARY))
    check(figure)
    assert points_of(figure.axes[0], "reference", "aligned policy", "best-of-n, limit") == {301}


def test_curves_on_a_dense_grid_go_through_the_exact_values():
    (row,) = convergence(TERNARY, 100, 0, lengths=(20,))
    (exact,) = exact_convergence(TERNARY, lengths=(20,))
    assert exact._asdict().items() <= row._asdict().items()
    for curves, rows, x in (
        (rate_curves(TERNARY), rate_functions(TERNARY, 100, 0, taus=(0.8,)), "tau"),
        (cumulant_curves(TERNARY), scaled_cumulants(TERNARY, 100, 0, rhos=(1.7,)), "rho"),
    ):
        (row,) = rows
        for name in ("reference", "aligned", "best_of_n"):
            assert np.interp(getattr(row, x), curves[x], curves[name]) == pytest.approx(getattr(row, name), abs=1e-4)


def test_a_share_on_which_all_pairs_agree_has_a_bound():
    for row in random_ensembles(0):
        if row.within in (0, 1):
            assert math.isnan(row.within_se)
            assert row.within_error_bound == pytest.approx(1 - 0.05 ** (1 / row.pairs))
        else:
            assert math.isnan(row.within_error_bound)
            assert row.within_se > 0


def test_points_of_figure_1_that_fall_together_look_different():
    figure = asymptotics.simplex_figure(list(simplex_curves()), list(simplex_points(100, 0)))
    points = [line for line in figure.axes[0].get_lines() if line.get_label().startswith("best of")]
    assert len({(line.get_markeredgecolor(), line.get_markersize()) for line in points}) == len(points) == 2


@pytest.mark.parametrize("name", ["paths", "phase_diagram", "exponents", "collapse"])
def test_figures_of_sampling(name):
    rows = {
        "paths": {"paths": sampling_paper.paths},
        "phase_diagram": {"phase_diagram": sampling_paper.phase_diagram},
        "exponents": {"exponents": sampling_paper.exponents, "visits": sampling_paper.visits},
        "collapse": {"collapse": sampling_paper.collapses, "collapse_paths": sampling_paper.collapse_paths},
    }
    check(sampling.FIGURES[name]({part: list(compute()) for part, compute in rows[name].items()}))


def test_a_figure_of_a_sweep_has_one_scale_for_all_its_panels(tmp_path):
    matrices = sampling_paper.drawn(0)
    rows = []
    for method in ("ipo", "dpo"):
        alpha, beta = sampling_paper.grid(method, 4)
        sweep = sampling_paper.StoredSweep(matrices.P[:40], method, alpha, beta, 30)
        rows += sampling_paper.summary(matrices.source, sweep, sweep.run(tmp_path / method))
    figure = sampling.FIGURES["sweep"]({"sweep": rows})
    check(figure)
    meshes = [axes.collections[0].get_clim() for axes in figure.axes if axes.get_title()]
    assert len(set(meshes)) == 2
    assert all(math.isfinite(limit) for limits in meshes for limit in limits)


def test_figures_of_pass_at_k():
    k = np.array([1, 2, 5, 10, 100, 1000])
    known = np.where(k <= 10, 1.0, np.nan)
    fit = 1 - 0.8 * k**-0.3
    columns = {"k": k, "pass": fit * known, "pass_se": 0.02 * known, "pass_all": 0.2**k * known, "fit": fit}
    columns |= {"pass_all_se": 0.01 * known, "fit_low": fit - 0.05, "fit_high": np.minimum(fit + 0.05, 1.0)}
    check(plot.pass_at_k_figure(columns, "samples.csv"))


@pytest.mark.parametrize("gold", [False, True])
def test_figures_of_gains(gold):
    kl = np.array([0.05, 0.1, 0.5, 1.0, 2.0])
    gain = np.sqrt(2 * kl)
    columns = {"kl": kl, "gain": gain, "gain_low": gain - 0.05, "gain_high": gain + 0.05, "best_of_n": 0.9 * gain}
    columns["gain_high"][-1] = np.inf
    if gold:
        columns |= {"gold_gain": 0.5 * gain, "gold_achievable": gain}
    check(plot.gain_figure(columns, "samples.csv"))
