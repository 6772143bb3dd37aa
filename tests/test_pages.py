"""The code of the pages in docs/ runs, and their commands print what stands there.

Blocks marked `data` need real data, and are left out where it is absent.
"""

import os
import re
import shlex
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere

DOCS = Path(__file__).parents[1] / "docs" / "guides"
PAGES = (
    "best_of_n_against_optimal.md",
    "information_measures.md",
    "best_of_n_from_data.md",
    "pass_at_k_from_few_samples.md",
    "gain_frontier.md",
    "sampling_and_optima.md",
    "dynamics.md",
    "errors.md",
    "preference_losses.md",
    "from_votes_to_a_leaderboard.md",
    "leaderboards.md",
    "training.md",
    "training_dpo.md",
    "training_losses.md",
    "studies.md",
    "past_one_machine.md",
    "scipy.md",
    "numba.md",
    "c_and_cython.md",
    "unchanged_programs.md",
    "arena_rank.md",
    "choix.md",
    "evalica.md",
    "fastchat.md",
    "pass_at_k.md",
    "verl.md",
)
# What a page imports that need not be installed.
NEEDS = dict.fromkeys(("training.md", "training_dpo.md", "training_losses.md"), "torch")
NEEDS |= dict.fromkeys(("arena_rank.md", "evalica.md", "fastchat.md"), "pandas")
DATA = os.environ.get("ALIGNMENT_FAST_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="ALIGNMENT_FAST_DATA is not set")


def blocks(page, language):
    """Return the blocks of a page: whether each needs data, and its text."""
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}( data)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(page, codes):
    if page in NEEDS:
        pytest.importorskip(NEEDS[page])
    namespace = {}
    for code in codes:
        exec(compile(code, page, "exec"), namespace)


@pytest.mark.parametrize("page", PAGES)
def test_blocks_without_data(page):
    plain = [code for data, code in blocks(page, "python") if not data]
    assert len(plain) >= 2
    run(page, plain)


@needs_data
@pytest.mark.parametrize("page", PAGES)
def test_blocks_on_real_data(page):
    run(page, [code for _, code in blocks(page, "python")])


@needs_data
@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_the_page_says(page, capsys):
    pytest.importorskip("typer")
    from alignment_fast.cli import main

    for _, text in blocks(page, "console"):
        for command, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            name, *arguments = shlex.split(command.replace("$ALIGNMENT_FAST_DATA", shlex.quote(DATA)))
            assert name == "alignment-fast"
            assert main(arguments) == 0
            out = capsys.readouterr().out.replace(DATA, "$ALIGNMENT_FAST_DATA")
            assert [line.rstrip() for line in out.splitlines()] == [line.rstrip() for line in printed.splitlines()]
