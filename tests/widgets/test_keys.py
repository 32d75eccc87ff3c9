"""Keys pressed in a piece are the piece's: in a real JupyterLab no cell is deleted, cut, changed or left by them."""

import json

import pytest
from pieces_in_lab import PIECES, on_projector, show, store, store_all

NAME, CHOOSERS = "pieces_keys", "choosers_keys"
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


def saved_cells(page, lab, name=NAME):
    """What the notebook holds once it is saved: the kind and the source of its cells."""
    page.keyboard.press("Control+s")  # heard from inside a piece, too
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    cells = json.loads((lab.root / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def tab_into(page, piece):
    """Reach a piece from its cell with the Tab key."""
    piece.evaluate("root => root.closest('.jp-Cell').focus()")
    for _ in range(8):
        page.keyboard.press("Tab")
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
    shown.wait_for_timeout(500)
    places = "e => [e.value, e.selectedIndex]"
    first = moving.evaluate(places)
    shown.keyboard.press("ArrowRight" if moving.evaluate("e => +e.value < +e.max || e.selectedIndex === 0") else "Home")
    assert moving.evaluate(places) != first
    assert piece.evaluate(INSIDE)
    assert saved_cells(shown, lab) == before
    assert shown.errors == []


def press_all(page, piece):
    """All the keys, half a second after the focus has come, as JupyterLab takes its time to know of it."""
    assert piece.evaluate(INSIDE)
    page.wait_for_timeout(500)
    for key in KEYS:
        page.keyboard.press(key)
        page.wait_for_timeout(30)
    assert piece.evaluate(INSIDE)


@pytest.mark.parametrize("name", PIECES)
def test_escape_and_tab_leave_and_shift_enter_runs(shown, name):
    piece = show(shown, name)
    last = piece.evaluate_handle(f"root => ({STOPS})(root).at(-1)").as_element()
    last.focus()
    shown.keyboard.press("Tab")
    assert not piece.evaluate(INSIDE)

    tab_into(shown, piece)
    shown.wait_for_timeout(500)
    shown.keyboard.press("Escape")
    assert not piece.evaluate(INSIDE)
    assert piece.evaluate("root => root.closest('.jp-Cell') === document.activeElement")  # its keys are heard again

    tab_into(shown, piece)
    shown.wait_for_timeout(500)
    prompt = shown.locator(".jp-CodeCell").nth(list(PIECES).index(name) + 1).locator(".jp-InputPrompt")
    stored = prompt.inner_text()
    shown.keyboard.press("Shift+Enter")  # runs it among fewer cells than when it was stored: its number is a lower one
    shown.wait_for_function(
        "([prompt, stored]) => /\\d/.test(prompt.innerText) && prompt.innerText !== stored",
        arg=[prompt.element_handle(), stored],
    )
    assert shown.errors == []


def test_a_chooser_keeps_its_keys(page, lab):
    pages = '{"first": "1", "second": "2", "third": "3"}'
    code = "from helpers.figures.pages import page_chooser\n"
    store(lab, CHOOSERS, [f"{code}page_chooser({pages}, 'page')", f"{code}page_chooser({pages}, 'at', slider=True)"])
    on_projector(page, lab, CHOOSERS)
    menu, slider = page.locator(".spl-pages select"), page.locator(".spl-pages [role=slider]")
    before = saved_cells(page, lab, CHOOSERS)
    for control in (menu, slider):
        control.focus()
        page.wait_for_timeout(500)
        for key in "ddmxab":
            page.keyboard.press(key)
    menu.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert menu.evaluate("e => e.selectedIndex") == 1
    assert saved_cells(page, lab, CHOOSERS) == before
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('.jp-Cell')")


def test_the_focus_stays_where_it_is_when_a_piece_redraws(shown):
    playground = show(shown, "playground")
    tabs = playground.locator(".table-head .tabs button")
    tabs.first.focus()
    for key in ("Enter", "ArrowRight", "Space"):
        shown.keyboard.press(key)
    assert shown.evaluate("document.activeElement.innerText") == "L1"
    assert tabs.nth(1).get_attribute("aria-pressed") == "true"

    stepper = show(shown, "stepper")
    bottom = stepper.get_by_label("cost of F and t1")
    bottom.fill("3")
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.getAttribute('aria-label')") == "cost of F and t1"
    assert bottom.input_value() == "3"
    bottom.fill("4")
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.closest('.stepper') !== null")
    assert shown.errors == []


def test_twelve_boxes_are_one_stop(shown):
    playground = show(shown, "playground")
    boxes = playground.locator(".scene [tabindex='0']")
    assert boxes.count() == 1
    boxes.focus()
    shown.keyboard.press("c")
    label = "document.activeElement.getAttribute('aria-label')"
    assert shown.evaluate(label).startswith("Prediction C")
    said = shown.evaluate(label)
    shown.keyboard.press("ArrowRight")
    assert shown.evaluate(label) != said
    shown.keyboard.press("PageDown")
    assert shown.evaluate(label).startswith("Prediction D")
    shown.keyboard.press("a")
    shown.keyboard.press("PageUp")
    assert shown.evaluate(label).startswith("Target")
    assert boxes.count() == 1
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.closest('.scene') === null")
    replay = show(shown, "replay")
    tokens = replay.locator(".tokens button")
    assert replay.locator(".tokens [tabindex='0']").count() == 1
    tokens.first.focus()
    for key in ("ArrowRight", "End", "ArrowRight", "ArrowRight"):
        shown.keyboard.press(key)
    assert shown.evaluate("document.activeElement.innerText") == "B"
    assert shown.errors == []
