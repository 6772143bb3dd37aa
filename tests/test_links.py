"""Links between the repository's pages lead somewhere, and every page is found from README.md."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere

ROOT = Path(__file__).parents[1]
FILES = (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"))
PAGES = sorted(file.relative_to(ROOT).as_posix() for file in FILES)


def prose(page):
    """Return the text of a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(page):
    """Return where the relative links of a page lead, as paths from the root and places within."""
    text = re.sub(r"`[^`]*`", "", prose(page))  # brackets of code are no links
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"https?://|mailto:", target)]
    parts = [target.partition("#") for target in targets]
    return [((ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page, place) for path, _, place in parts]


def headings(file):
    """Return the places of a page that can be linked to: its headings, as GitHub names them."""
    titles = re.findall(r"^#+ (.*)$", prose(file), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for file, place in links(page):
        assert file.exists(), file
        assert not place or place in headings(file), (file, place)


def test_every_page_is_found_from_the_readme():
    found, ahead = set(), ["README.md"]
    while ahead:
        page = ahead.pop()
        found.add(page)
        to = {file.relative_to(ROOT).as_posix() for file, _ in links(page)}
        ahead += sorted((to & set(PAGES)) - found)
    assert set(PAGES) - found == set()
