"""Keys pressed in a piece are the piece's: in a real JupyterLab no cell is deleted, cut, changed or left by them."""

import json
import re

import pytest
from hand_and_eye import drawn, expect, rested
from pieces_in_lab import PIECES, on_projector, save, show, store_all

NAME = "pieces_keys"
# To JupyterLab these delete a cell, make it text, cut, insert, restart the kernel, and move the selection.
KEYS = [*"ddmxab00", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Space", "Enter", *"zvcjk"]
INSIDE = "root => root.contains(document.activeElement)"
STOPS = "root => [...root.querySelectorAll('*')].filter(e => e.tabIndex === 0 && e.checkVisibility() && !e.disabled)"


@pytest.fixture(scope="module")
def stored(lab):
    store_all(lab, NAME)


@pytest.fixture
def shown(page, lab, stored):
    """The notebook on a projector's page, opened and not run."""
    return on_projector(page, lab, NAME)


def saved_cells(page, lab):
    """What the notebook holds once it is saved: the kind and the source of its cells."""
    save(page)  # heard from inside a piece, too
    cells = json.loads((lab.root / "notebooks" / f"{NAME}.ipynb").read_text())["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def tab_into(page, piece):
    """Reach a piece from its cell with the Tab key."""
    piece.evaluate("root => root.closest('.jp-Cell').focus()")
    for _ in range(8):
        page.keyboard.press("Tab")
        drawn(page)
        if piece.evaluate(INSIDE):
            return
    pytest.fail("Tab does not reach the piece")


@pytest.mark.parametrize("name", PIECES)
def test_no_key_reaches_the_notebook(shown, lab, name):
    _, handle, control = PIECES[name]
    piece = show(shown, name)
    before = saved_cells(shown, lab)
    assert len(before) == len(PIECES) + 2

    tab_into(shown, piece)
    press_all(shown, piece)
    piece.locator(handle).first.click()
    press_all(shown, piece)

    moving = piece.locator(control).first
    moving.focus()
    rested(shown)
    places = "e => [e.value, e.selectedIndex]"
    first = moving.evaluate(places)
    shown.keyboard.press("ArrowRight" if moving.evaluate("e => +e.value < +e.max || e.selectedIndex === 0") else "Home")
    shown.wait_for_function(
        f"([e, first]) => String(({places})(e)) !== String(first)", arg=[moving.element_handle(), first]
    )
    assert piece.evaluate(INSIDE)
    assert saved_cells(shown, lab) == before
    assert shown.errors == []


def press_all(page, piece):
    """All the keys, half a second after the focus has come, as JupyterLab takes its time to know of it."""
    assert piece.evaluate(INSIDE)
    rested(page)
    for key in KEYS:
        page.keyboard.press(key)
        drawn(page)
    assert piece.evaluate(INSIDE)


@pytest.mark.parametrize("name", PIECES)
def test_escape_and_tab_leave_and_shift_enter_runs(shown, name):
    piece = show(shown, name)
    last = piece.evaluate_handle(f"root => ({STOPS})(root).at(-1)").as_element()
    last.focus()
    shown.keyboard.press("Tab")
    shown.wait_for_function(f"root => !({INSIDE})(root)", arg=piece.element_handle())

    tab_into(shown, piece)
    rested(shown)
    shown.keyboard.press("Escape")  # the cell's keys are heard again
    shown.wait_for_function("root => root.closest('.jp-Cell') === document.activeElement", arg=piece.element_handle())

    tab_into(shown, piece)
    rested(shown)
    prompt = shown.locator(".jp-CodeCell").nth(list(PIECES).index(name) + 1).locator(".jp-InputPrompt")
    stored = prompt.inner_text()
    shown.keyboard.press("Shift+Enter")  # runs it among fewer cells than when it was stored: its number is a lower one
    shown.wait_for_function(
        "([prompt, stored]) => /\\d/.test(prompt.innerText) && prompt.innerText !== stored",
        arg=[prompt.element_handle(), stored],
    )
    assert shown.errors == []


def test_the_focus_stays_where_it_is_when_a_piece_redraws(shown):
    playground = show(shown, "playground")
    tabs = playground.locator(".table-head .tabs button")
    tabs.first.focus()
    for key in ("Enter", "ArrowRight", "Space"):
        shown.keyboard.press(key)
    expect(shown.locator(":focus")).to_have_text("L1")
    expect(tabs.nth(1)).to_have_attribute("aria-pressed", "true")

    stepper = show(shown, "stepper")
    bottom = stepper.get_by_label("cost of F and t1")
    bottom.fill("3")
    shown.keyboard.press("Enter")
    drawn(shown)
    expect(shown.locator(":focus")).to_have_attribute("aria-label", "cost of F and t1")
    expect(bottom).to_have_value("3")
    bottom.fill("4")
    shown.keyboard.press("Tab")
    expect(bottom).not_to_be_focused()
    drawn(shown)
    expect(stepper.locator(":focus")).to_have_count(1)
    assert shown.errors == []


def test_twelve_boxes_are_one_stop(shown):
    playground = show(shown, "playground")
    boxes = playground.locator(".scene [tabindex='0']")
    expect(boxes).to_have_count(1)
    boxes.focus()
    shown.keyboard.press("c")
    focused = shown.locator(":focus")
    expect(focused).to_have_attribute("aria-label", re.compile("^Prediction C"))
    said = focused.get_attribute("aria-label")
    shown.keyboard.press("ArrowRight")
    expect(focused).not_to_have_attribute("aria-label", said)
    shown.keyboard.press("PageDown")
    expect(focused).to_have_attribute("aria-label", re.compile("^Prediction D"))
    shown.keyboard.press("a")
    shown.keyboard.press("PageUp")
    expect(focused).to_have_attribute("aria-label", re.compile("^Target"))
    expect(boxes).to_have_count(1)
    shown.keyboard.press("Tab")
    expect(playground.locator(".scene :focus")).to_have_count(0)
    replay = show(shown, "replay")
    tokens = replay.locator(".tokens button")
    expect(replay.locator(".tokens [tabindex='0']")).to_have_count(1)
    tokens.first.focus()
    for key in ("ArrowRight", "End", "ArrowRight", "ArrowRight"):
        shown.keyboard.press(key)
    expect(focused).to_have_text("B")
    assert shown.errors == []
