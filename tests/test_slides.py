import re

import pytest

from tools.notebooks import NOTEBOOKS, read_built
from tools.slides import ROOM, contents, deck, pack, page, sections, total, without_pages
from tools.vendor import file_names

BUILT = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_what_is_on_a_slide_fits(path):
    for heading, blocks in sections(read_built(path).cells):
        for slide in pack(blocks):
            assert len(slide) == 1 or total(slide) <= ROOM, heading


def test_a_deck_leaves_out_checks_and_folds_solutions():
    cells = deck(read_built(NOTEBOOKS / "04_three_costs.ipynb")).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert not any(cell.source.startswith("check_") for cell in code)
    assert "A solution" in {cell.metadata.get("fold") for cell in code}
    kinds = [cell.metadata.slideshow["slide_type"] for cell in cells]
    assert kinds[0] == "slide"
    assert {"slide", "subslide", "fragment", "-"} == set(kinds)


def test_a_page_asks_for_nothing_outside_its_folder():
    html = page(read_built(NOTEBOOKS / "00_start_here.ipynb"))
    asked = re.findall(r"<(?:script|link)[^>]+(?:src|href)=\"([^\"]+)\"", html)
    assert asked
    assert all(address.startswith("assets/") for address in asked)
    assert {address.removeprefix("assets/") for address in asked} <= {*file_names(), "deck.css", "deck.js"}


def test_links_lead_to_decks():
    text = without_pages("a [token](glossary.md#token), see [07](07_loss.ipynb)")
    assert text == "a token, see [07](07_loss.html)"
    assert '<a href="07_loss.html">07</a> Who &amp; what' in contents({"07_loss": "Who & what"})
