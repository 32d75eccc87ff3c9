"""The decks: one idea a slide, nothing cut off, and alive without a network."""

import re
from subprocess import CalledProcessError

import pytest
from hand_and_eye import drag, drawn, expect
from missing import skip_without
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.notebooks import NOTEBOOKS, read_built
from tools.slides import (
    ROOM,
    blocks_of,
    build,
    contents,
    deck,
    pack,
    page,
    results,
    sections,
    total,
    without_pages,
)
from tools.vendor import file_names, scripts

BUILT = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_what_is_on_a_slide_fits(path):
    for heading, blocks in sections(read_built(path).cells, blocks_of):
        for slide in pack(blocks):
            assert len(slide) == 1 or total(slide) <= ROOM, heading


def test_a_deck_leaves_out_checks_and_links_to_solutions():
    cells = deck(read_built(NOTEBOOKS / "04_three_costs.ipynb")).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert not any("check_giou(" in cell.source for cell in code)
    assert not any("](solutions/" in cell.source for cell in cells)
    kinds = [cell.metadata.slideshow["slide_type"] for cell in cells]
    assert kinds[0] == "slide"
    assert {"slide", "subslide", "fragment", "-"} == set(kinds)


def test_a_caption_stays_with_its_picture_and_a_table_stands_alone():
    outputs = [new_output("display_data", {"text/markdown": text}) for text in ("*A caption.*", "| a | table |")]
    picture = new_output("display_data", {"image/png": ""})
    assert results([picture, *outputs]) == [[picture, outputs[0]], [outputs[1]]]


def test_a_page_asks_for_nothing_outside_its_folder():
    html = page(deck(read_built(NOTEBOOKS / "00_start_here.ipynb")))
    asked = re.findall(r"<(?:script|link)[^>]+(?:src|href)=\"([^\"]+)\"", html)
    assert asked
    assert all(address.startswith("assets/") for address in asked)
    assert {address.removeprefix("assets/") for address in asked} <= {*file_names(), "deck.css", "deck.js"}


def test_a_picture_keeps_its_words_with_their_quotes():
    output = new_output("display_data", {"image/png": "AAAB" * 16}, metadata={"image/png": {"alt": 'One "3" and <A>.'}})
    title = new_markdown_cell("# A question")
    html = page(deck(new_notebook(cells=[title, new_code_cell("draw()", outputs=[output])])))
    assert "alt='One \"3\" and &lt;A&gt;.'" in html or 'alt="One &quot;3&quot; and &lt;A&gt;."' in html


def test_links_lead_to_decks():
    text = without_pages("a [token](glossary.md#token), see [07](07_loss.ipynb)")
    assert text == "a token, see [07](07_loss.html)"
    assert '<a href="07_loss.html">07</a> Who &amp; what' in contents({"07_loss": "Who & what"})


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with two decks. Skipped where their scripts are not here and cannot be fetched."""
    try:
        scripts()
    except (SystemExit, CalledProcessError):
        skip_without("the scripts from npm")
    folder = tmp_path_factory.mktemp("slides")
    build([NOTEBOOKS / "04_three_costs.ipynb", NOTEBOOKS / "07_loss.ipynb"], folder)
    return folder


@pytest.fixture
def show(new_page, built):
    """Open a deck at 1280 x 720 with the network off."""

    def open_deck(name):
        page = new_page(viewport={"width": 1280, "height": 720}, offline=True)
        page.goto((built / f"{name}.html").as_uri())
        page.wait_for_function("window.Reveal?.isReady() && document.querySelector('.spl')")
        page.wait_for_function("document.querySelector('mjx-container')")
        return page

    return open_deck


CUT_OFF = """() => {
  const slide = Reveal.getCurrentSlide(), { bottom, right } = slide.firstElementChild.getBoundingClientRect();
  return bottom > 720 || right > 1280 || slide.scrollWidth > 1280 || slide.classList.contains("scrolls");
}"""


@pytest.mark.parametrize("name", ["04_three_costs", "07_loss"])
def test_a_deck_needs_no_network_and_nothing_is_cut_off(show, name):
    page = show(name)
    seen, cut = 0, []
    while not (seen and page.evaluate("Reveal.isLastSlide() && !Reveal.availableFragments().next")):
        page.evaluate("Reveal.next()")
        drawn(page)
        seen += 1
        if page.evaluate(CUT_OFF):
            cut.append(page.url)
    assert cut == []
    assert seen > 20
    assert page.evaluate("Reveal.getSlidePastCount() + 1 == Reveal.getTotalSlides()")
    assert page.locator("mjx-merror").count() == 0
    assert page.outside == []


def test_a_piece_can_be_dragged_and_keeps_its_keys(show):
    page = show("04_three_costs")
    place = page.evaluate("Reveal.getIndices(document.querySelector('.boxlab').closest('.page').parentNode)")
    page.evaluate("({ h, v }) => Reveal.slide(h, v)", place)
    drawn(page)
    frame = page.locator(".boxlab:visible .board svg").first.bounding_box()
    measures, edge = (page.locator(f".boxlab:visible {part}") for part in (".card output", ".box.prediction .frame"))
    before = measures.all_inner_texts()
    x, y = frame["x"] + frame["width"] * 0.3, frame["y"] + frame["height"] * 0.35  # the middle of the prediction
    drag(page, (x, y), (frame["width"] * 0.3, frame["height"] * 0.2))
    expect(measures).not_to_have_text(before)
    dragged = edge.get_attribute("x")
    page.keyboard.press("ArrowRight")
    expect(edge).not_to_have_attribute("x", dragged)
    assert page.evaluate("Reveal.getIndices().h") == place["h"]
    page.keyboard.press("PageDown")
    page.wait_for_function(
        "([h, v]) => { const now = Reveal.getIndices(); return now.h !== h || now.v !== v; }",
        arg=[place["h"], place["v"]],
    )
