"""The lecture: whole cells, cut as the decks are, alive in a browser."""

import importlib.util
import re
from itertools import pairwise

import pytest
from hand_and_eye import drag, expect, middle, rested
from missing import skip_without
from pieces_in_lab import keep_picture

from tools import lecture
from tools.canonical import WIDGET_STATE
from tools.notebooks import NOTEBOOKS, read_built
from tools.served import served
from tools.slides import cut

BUILT = sorted(NOTEBOOKS.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
NAME = "04_three_costs"


def kind(cell):
    return cell.metadata.slideshow.slide_type


@each_notebook
def test_every_code_cell_is_there_once_and_whole(path):
    shipped = [cell for cell in read_built(path).cells if cell.cell_type == "code"]
    shipped = [cell for cell in shipped if "colab" not in cell.metadata.get("tags", [])]
    shown = [cell for cell in lecture.lecture(read_built(path)).cells if cell.cell_type == "code"]
    assert [(cell.source, cell.outputs) for cell in shown] == [(cell.source, cell.outputs) for cell in shipped]


@each_notebook
def test_a_link_does_not_leave_the_lecture(path):
    texts = [cell.source for cell in lecture.lecture(read_built(path)).cells if cell.cell_type == "markdown"]
    targets = re.findall(r"\]\(([^)]+)\)", "\n".join(texts))
    assert [target for target in targets if not target.startswith("https://")] == []


@each_notebook
def test_after_the_last_cell_of_a_slide_the_slide_stays(path):
    cells = lecture.lecture(read_built(path)).cells
    ends = [cell for cell, after in pairwise(cells) if kind(after) in ("slide", "subslide")] + cells[-1:]
    assert {cell.source for cell in ends} == {lecture.END}


def test_it_has_the_columns_of_the_deck_and_large_pieces():
    built = read_built(NOTEBOOKS / f"{NAME}.ipynb")
    prepared = lecture.lecture(built)
    columns, decks = (
        [cell.source for cell in cells if kind(cell) == "slide"]
        for cells in (prepared.cells, cut(built.cells, lecture.blocks_of))
    )
    assert [text.splitlines()[0] for text in columns] == [text.splitlines()[0] for text in decks]
    states = [model["state"] for model in prepared.metadata.widgets[WIDGET_STATE]["state"].values()]
    assert all(state.get("large", True) for state in states)


def test_code_that_draws_is_folded_and_no_link_leads_away():
    cells = lecture.lecture(read_built(NOTEBOOKS / f"{NAME}.ipynb")).cells
    code = {cell.source: cell.metadata.jupyter for cell in cells if cell.cell_type == "code"}
    assert not any("](solutions/" in cell.source for cell in cells)
    assert any(not folded.source_hidden for source, folded in code.items() if source.startswith("def "))
    assert all(folded.source_hidden for source, folded in code.items() if "figures.show" in source)


def test_what_it_prepares_stands_beside_its_style(tmp_path):
    made = lecture.lecture(read_built(NOTEBOOKS / f"{NAME}.ipynb"))
    slides = lecture.prepare(made, f"{NAME}.ipynb", tmp_path / "lecture")
    assert {path.name for path in slides.parent.iterdir()} == {"rise.css", f"{NAME}.ipynb"}
    assert read_built(slides).metadata.rise["width"] == 1280


@pytest.mark.parametrize("arguments", [[""], ["0"], ["none"]])
def test_without_one_notebook_it_says_one_sentence(arguments):
    with pytest.raises(SystemExit, match="Name a notebook"):
        lecture.main(arguments)


@pytest.mark.parametrize("arguments", [["04"], [], ["--no-browser"]])
def test_without_its_extra_it_says_one_sentence(arguments, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="one package more"):
        lecture.main(arguments)


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    """A lecture on one notebook. Skipped where jupyterlab-rise is not installed."""
    if not importlib.util.find_spec("jupyterlab_rise"):
        skip_without("jupyterlab_rise")
    with served(tmp_path_factory.mktemp("lecture"), "tools.lecture", NAME) as lab:
        yield lab


@pytest.fixture
def slides(page, server):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{server.url}/rise/{NAME}.ipynb")
    page.wait_for_selector("section.present > section.present h1")
    page.wait_for_selector(".boxlab", state="attached")
    page.wait_for_selector("#rise-custom-css", state="attached")
    rested(page, 1000)  # jupyterlab-rise goes to the first slide a moment later
    yield page
    assert page.outside == []


def go_to(page, piece):
    """Press Space until the slide with this piece, or cell, is there."""
    found = page.locator(f"section.present > section.present {piece}")
    for _ in range(60):
        if found.count() and found.first.is_visible():
            return found.first
        page.keyboard.press("Space")
        rested(page)  # jupyterlab-rise chooses a cell of the new slide after 450 ms
    raise AssertionError(f"no slide shows {piece}")


def test_letters_can_be_read_from_the_last_row(slides):
    sizes = slides.locator("section.present > section.present p").evaluate_all(
        "texts => texts.map(text => parseFloat(getComputedStyle(text).fontSize))"
    )
    assert sizes
    assert min(sizes) >= 27


def test_a_figure_without_words_beside_it_has_the_slide_but_for_its_cell(slides):
    image = go_to(slides, ".jp-RenderedImage img")
    section = slides.locator("section.present > section.present")
    expect(section.locator(".running-head")).to_be_hidden()
    width, height = image.evaluate("({ width, height }) => [width, height]")
    assert width > 1230 or height > 590
    assert section.evaluate("slide => slide.scrollHeight") <= 720


def test_a_figure_below_lines_covers_the_slide_while_it_is_held(slides):
    image = go_to(slides, ".jp-OutputArea:has(.jp-RenderedText) .jp-RenderedImage img")
    image.scroll_into_view_if_needed()
    before = image.bounding_box()
    assert before["height"] < 460
    slides.mouse.move(*middle(image))
    slides.mouse.down()
    area = image.bounding_box()
    keep_picture(slides, "lecture-figure-held")
    assert [area[side] for side in ("x", "y", "width", "height")] == [0, 0, 1280, 720]
    slides.mouse.up()
    assert image.bounding_box() == before


def test_a_piece_can_be_dragged_and_keeps_its_keys(slides):
    piece = go_to(slides, ".boxlab")
    piece.evaluate("piece => piece.scrollIntoView()")
    measures, edge = piece.locator(".card output"), piece.locator(".box.prediction .frame")
    board = piece.locator(".board svg").first.bounding_box()
    before, address = measures.all_inner_texts(), address_of(slides)
    x, y = board["x"] + board["width"] * 0.3, board["y"] + board["height"] * 0.35  # the middle of the prediction
    drag(slides, (x, y), (board["width"] * 0.3, board["height"] * 0.2))
    expect(measures).not_to_have_text(before)
    left = float(edge.get_attribute("x"))
    slides.keyboard.press("ArrowRight")
    expect(edge).not_to_have_attribute("x", f"{left:.2f}")
    assert float(edge.get_attribute("x")) > left
    rested(slides)
    assert address_of(slides) == address
    slides.keyboard.press("PageDown")
    slides.wait_for_function("address => location.href != address", arg=address)


def test_a_cell_can_be_changed_and_run(slides):
    cell = go_to(slides, ".jp-CodeCell:has(.cm-content)")
    cell.locator(".cm-content").click()
    address = address_of(slides)
    slides.keyboard.press("Control+a")
    slides.keyboard.type("print(6 * 7)")
    slides.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-OutputArea-output", has_text="42")).to_be_visible()
    rested(slides)
    assert address_of(slides) == address


def address_of(page):
    """Where the page is now; `page.url` hears of it a moment later."""
    return page.evaluate("location.href")
