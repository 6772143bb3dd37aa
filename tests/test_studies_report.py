"""Pictures of studies, and the page that holds all of one."""

import base64
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from alignment_fast import policy
from alignment_fast.cli import main
from alignment_fast.studies import Study

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.same_everywhere

P, REWARD = [0.5, 0.3, 0.2], [0.0, 1.0, 3.0]
OUTCOMES = {"kind": "outcomes", "p": P, "reward": REWARD}
SPEC = {
    "name": "pictured",
    "replicates": 2000,
    "source": [OUTCOMES, {"kind": "gaussian"}, {"kind": "random_preferences", "responses": 3}],
    "estimand": [
        {"kind": "best_of_n", "grid": {"n": [1, 4, 1000]}, "quantiles": [0.5]},
        {"kind": "soft_best_of_n", "n": 4, "grid": {"temperature": [0.5, 2.0]}},
        {"kind": "coverage_of_mean", "source": "gaussian", "grid": {"samples": [8, 32]}},
        {
            "kind": "dynamics",
            "lam": 0.5,
            "steps": 20,
            "grid": {"alpha": [0.0, 0.3, 0.6, 0.9], "beta": [1.0, 2.0, 4.0, 8.0, 16.0]},
        },
    ],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictured") / "study.db"
    study = Study.from_dict(SPEC)
    return study, path, study.run(store=path, progress=False)


class Page(HTMLParser):
    """Text, tables and addresses of a page."""

    def __init__(self, content):
        super().__init__()
        self.addresses, self.text, self.values, self.open = [], [], [], []
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.addresses += [attributes[name] for name in ("src", "href") if name in attributes]
        if "data-value" in attributes:
            self.values.append(float(attributes["data-value"]))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


# ---- pictures ----


def test_every_kind_of_picture_is_drawn(found):
    _, _, results = found
    figures = results.figures()
    assert [*figures] == [
        "reward against divergence",
        "best_of_n by n",
        "soft_best_of_n by temperature",
        "coverage_of_mean by samples",
        "dynamics by alpha and beta",
    ]
    titles = [[axes.get_title() or axes.get_ylabel() for axes in figure.axes] for figure in figures.values()]
    assert titles[0] == ["outcomes", "gaussian"]
    labels = [{*axes.get_legend_handles_labels()[1]} for axes in figures["reward against divergence"].axes]
    both = {"tilted optimum", "best_of_n ± 2 s.e."}
    assert labels == [both | {"soft_best_of_n ± 2 s.e."}, both]  # soft best-of-n is of finite alphabets
    assert titles[1] == ["reward", "kl", "win_rate"]
    assert titles[3] == ["covered", "width"]
    assert titles[4][:4] == ["entropy", "cycle_strength", "converged", "oscillates"]


def test_no_policy_is_above_the_tilted_optimum(found):
    _, _, results = found
    axes = results.figures()["reward against divergence"].axes[0]
    (line,) = (line for line in axes.lines if line.get_label() == "tilted optimum")
    kl, reward = line.get_data()
    assert kl[0] == 0
    assert reward[0] == pytest.approx(np.dot(P, REWARD))
    for target in (0.1, 0.4):
        best = policy.kl_constrained(P, REWARD, target)
        assert np.interp(target, kl, reward) == pytest.approx(float(best.expected_reward), rel=1e-3)
    rows = {(row["cell"], row["column"]): row for row in results.rows if row["source"] == "outcomes"}
    for (cell, column), row in rows.items():
        if column == "reward" and (cell, "kl") in rows:
            assert row["mean"] <= np.interp(rows[cell, "kl"]["mean"], kl, reward) + 6 * (row["standard_error"] or 0)


def test_bands_are_the_intervals_of_the_table(found):
    _, _, results = found
    axes = results.figures()["best_of_n by n"].axes[2]
    rows = [row for row in results.rows if (row["source"], row["column"]) == ("outcomes", "win_rate") and "n" in row]
    rows = [row for row in rows if row["estimand"] == "best_of_n"]
    line = next(line for line in axes.lines if line.get_label() == "outcomes")
    assert line.get_xdata().tolist() == [1, 4, 1000]
    assert line.get_ydata().tolist() == [row["mean"] for row in rows]
    corners = axes.collections[0].get_paths()[0].vertices[:, 1]
    low = rows[0]["low"] if rows[0]["low"] is not None else rows[0]["mean"] - 2 * rows[0]["standard_error"]
    assert corners.min() == pytest.approx(low)
    assert axes.get_xscale() == "log"


def test_pictures_are_written_into_a_folder(found, tmp_path):
    found[2].plot(tmp_path / "pictures")
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names[0] == "best_of_n_by_n.png"
    assert len(names) == 5


def test_a_study_without_parameters_that_vary_has_no_pictures(tmp_path):
    content = {**SPEC, "source": OUTCOMES, "estimand": {"kind": "best_of_n", "n": 2}}
    assert Study.from_dict(content).run(store=tmp_path / "study.db", progress=False).figures() == {}


# ---- the page ----


@pytest.fixture(scope="module")
def content(found, tmp_path_factory):
    study, path, _ = found
    folder = tmp_path_factory.mktemp("page")
    study.report(folder / "one.html", path, text='name = "<b>"', command="run it & wait")
    study.report(folder / "two.html", path, text='name = "<b>"', command="run it & wait")
    text = (folder / "one.html").read_text("utf-8")
    assert text == (folder / "two.html").read_text("utf-8")  # the same bytes every time
    return text


def test_the_page_needs_nothing_else(content):
    page = Page(content)
    assert page.open == []
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert len(page.addresses) == 5
    for address in page.addresses:
        assert ElementTree.fromstring(base64.b64decode(address.partition(",")[2])).tag.endswith("svg")
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", content)


def test_the_page_says_what_the_study_is(found, content):
    study, _, results = found
    text = "".join(Page(content).text)
    number = len(study.spec.cells)
    for part in ("pictured", study.spec.hash, 'name = "<b>"', "run it & wait", f"{number} of {number} cells complete"):
        assert part in text
    assert results.origins[0].arithmetic in text


def test_the_tables_of_the_page_hold_every_figure_to_its_last_bit(found, content):
    values = {*Page(content).values}
    for row in found[2].rows:
        for name in ("mean", "standard_error", "low", "high", "exact", "q_0.5"):
            assert row.get(name) is None or row[name] in values


def test_blocks_set_aside_are_on_the_page(tmp_path):
    (tmp_path / "page_task.py").write_text(
        "def generate(parameters, rng):\n    return rng.uniform()\n\n"
        "def analyse(parameters, data):\n    if data > 0.99:\n        raise ValueError('<no case>')\n    return data\n"
    )
    estimand = {"kind": "user", "generate": "page_task:generate", "analyse": "page_task:analyse", "block": 50}
    study = Study.from_dict({"name": "x", "replicates": 1000, "estimand": estimand}, tmp_path)
    study.run(store=tmp_path / "study.db", progress=False)
    study.report(tmp_path / "page.html", tmp_path / "study.db")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "ValueError: &lt;no case&gt;" in text
    assert "The study is not complete." in text
    assert '"kind": "user"' in "".join(Page(text).text)  # the canonical spec where none was given


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(
        '# mine\nname = "x"\nreplicates = 2000\n[source]\nkind = "uniform"\n'
        '[estimand]\nkind = "best_of_n"\ngrid.n = [1, 2]\n'
    )
    assert main(["study", "run", "study.toml"]) == 0
    assert main(["study", "report", "study.toml", "--out", "page.html"]) == 0
    assert capsys.readouterr().out.endswith("written: page.html\n")
    text = "".join(Page((tmp_path / "page.html").read_text("utf-8")).text)
    assert "# mine" in text
    assert "alignment-fast study run study.toml --store study.db" in text


WATCH = """<script>const problems = [];
addEventListener('error', event => problems.push(String(event.message || event.target.src)), true);
addEventListener('securitypolicyviolation', event => problems.push(event.blockedURI));</script>"""
LOOK = """<script>document.querySelector('table.sorts th:last-child button').click();
addEventListener('load', () => { document.body.dataset.seen = JSON.stringify({problems,
  fetched: performance.getEntriesByType('resource').map(one => one.name).filter(name => !name.startsWith('data:')),
  pictures: [...document.images].map(one => one.complete && one.naturalWidth > 0),
  text: document.body.innerText.includes('pictured')}); });</script></body>"""


def test_the_page_in_a_browser(content, tmp_path):
    """Chromium without a screen: no error, pictures and text are there, nothing is fetched, and a click sorts."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no Chromium here")
    watched = content.replace("<head>", f"<head>{WATCH}", 1).replace("</body>", LOOK)
    assert (WATCH in watched, LOOK in watched) == (True, True)
    (tmp_path / "page.html").write_text(watched, "utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{tmp_path}/page.html"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert 'aria-sort="ascending"' in shown.stdout
    seen = json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', shown.stdout).group(1)))
    assert seen == {"problems": [], "fetched": [], "pictures": [True] * 5, "text": True}
