"""The documentation site: built without a warning, every public name on a page of its own and found by a search."""

import importlib.util
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

pytestmark = [pytest.mark.site, pytest.mark.same_everywhere]

NEEDS = ("sphinx", "myst_parser", "numpydoc", "pydata_sphinx_theme", "torch", "jax", "pandas")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site of a copy: Sphinx writes the pages of names among the sources."""
    for package in NEEDS:
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("site")
    for name in ("docs", "examples", "README.md", "CHANGELOG.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    shutil.rmtree(folder / "docs" / "reference" / "names", ignore_errors=True)
    command = [sys.executable, "-P", "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", "site"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def public_names():
    """Return all names that the reference is to have, with the module that offers each."""
    spec = importlib.util.spec_from_file_location("public_names", ROOT / "docs" / "public_names.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [f"{name}.{one}" for name, names in module.public_modules().items() for one in names]


def test_every_public_name_has_an_entry(site):
    data = (site / "objects.inv").read_bytes()
    entries = zlib.decompress(data[data.index(b"zlib.\n") + len(b"zlib.\n") :]).decode().splitlines()
    found = {line.split()[0] for line in entries}
    assert len(found) > 300
    assert [name for name in public_names() if name not in found] == []


def test_every_public_name_is_in_the_index_of_the_search(site):
    index = (site / "searchindex.js").read_text("utf-8")
    titles = set(re.findall(r"names/of/([\w.]+)", index))
    assert [name for name in public_names() if name not in titles] == []


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("index.html", "Compiled kernels for preference alignment"),
        ("reference/names/of/alignment_fast.best_of_n.curve.html", "Parameters"),
        ("reference/figures.html", "of the floor"),
        ("search.html?q=renyi_divergence", "alignment_fast.information.renyi_divergence"),
    ],
)
def test_pages_in_a_browser(site, page, shown):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no Chromium here")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += ["--virtual-time-budget=8000", "--dump-dom", f"file://{site}/{page}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
