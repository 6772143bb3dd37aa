"""Sphinx makes the documentation site: ``sphinx-build -W docs build/site``.

Pages are the Markdown files of this folder; the reference is made of the docstrings of all public names
(public_names.py).
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import public_names  # noqa: E402

import alignment_fast  # noqa: E402

project = "alignment_fast"
author = "the alignment_fast developers"
copyright = "the alignment_fast developers"
version = release = alignment_fast.__version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax"]
myst_heading_anchors = 3
autodoc_typehints = "none"  # numpydoc's sections say shapes and dtypes, which annotations cannot
numpydoc_show_class_members = False
html_theme = "pydata_sphinx_theme"
html_title = f"alignment_fast {version}"
html_show_sourcelink = False

public_names.write(HERE / "reference" / "names")  # before Sphinx looks what pages there are


def escape_bars(app, what, name, obj, options, lines):
    """Bars in docstrings are absolute values, but reStructuredText would have them be names of substitutions."""
    in_math = False
    for at, line in enumerate(lines):
        in_math = line.startswith(".. math::") or (in_math and (not line.strip() or line.startswith(" ")))
        if not in_math and not line.lstrip().startswith((">>>", "...")):
            lines[at] = "".join(
                part if part.startswith("`") else part.replace("|", r"\|") for part in re.split(r"(`[^`]*`)", line)
            )


def setup(app):
    """Escape bars; Sphinx calls this."""
    app.connect("autodoc-process-docstring", escape_bars, priority=900)  # after numpydoc
