"""ReportCards: state, the page's counts beside Python's; and the stored piece in a browser, by keys alone."""

import random

import pytest
from page_code import FITTING, call_page, scene_state
from pieces_in_lab import keep_picture, on_projector, run_all, show, store
from playwright.sync_api import expect
from traitlets import TraitError

from helpers.widgets.reports import ReportCards


@pytest.mark.parametrize("preset", FITTING)
def test_the_page_knows_the_right_cards(preset):
    piece = ReportCards(preset=preset)
    (page,) = call_page(ReportCards, "rightCards", [[scene_state(piece)]])
    assert (page["says"], page["graded"]) == piece.right


def test_the_page_counts_as_python_does():
    piece, rng = ReportCards(), random.Random(0)
    right, cases = piece.right, []
    for _ in range(20):
        says = [rng.choice([-1, 3, 10, answer, answer]) for answer in right[0]]
        cases.append((says, [rng.choice([-1, 0, answer, answer]) for answer in right[1]]))
    pages = call_page(ReportCards, "cardNumbers", [[scene_state(piece), *case] for case in cases])
    for (says, graded), page in zip(cases, pages):
        piece.put({"says": says, "graded": graded})
        assert page == piece.recompute()
    assert len({tuple(page) for page in pages}) > 5


@pytest.mark.parametrize("says", [[10] * 11, [11] * 12, [-2] * 12, [True] * 12, ["3"] * 12, [None] * 12])
def test_what_is_no_answer_is_refused(says):
    with pytest.raises(TraitError, match="12 whole numbers from -1 to 10"):
        ReportCards(says=says)
    piece = ReportCards()
    with pytest.raises(TraitError, match="graded is"):
        piece.graded = [2] * 12
    assert piece.graded == [-1] * 12


def test_the_sentence_and_the_figure():
    piece = ReportCards()
    assert repr(piece).endswith("0 are right, 0 are not yet; 0 boxes are graded.")
    piece.says, piece.graded = piece.right
    assert repr(piece).endswith("12 are right, 0 are not yet; 5 boxes are graded.")
    assert len(piece.figure().axes) == 2
    piece.reset()
    assert piece.recompute() == [0, 0, 0]


CELLS = ["from helpers.widgets import ReportCards\ncards = ReportCards()\ncards", "print(cards.says, cards.text)"]


@pytest.fixture(scope="module")
def stored(lab):
    store(lab, "pieces_reports", CELLS)
    return "pieces_reports"


@pytest.mark.quick
def test_cards_are_filled_in_by_keys(page, lab, stored):
    piece = show(on_projector(page, lab, stored), "reports", 0)
    says, graded = (piece.get_by_label(f"H: {what}") for what in ("what must it say?", "is its box graded?"))
    verdict, card = piece.locator(".verdict"), piece.locator(".card").nth(8)
    expect(verdict).to_have_text("0 of 12 right.")
    says.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(says).to_have_value("3")  # H lies on the "3", which B owns
    page.keyboard.press("Tab")
    page.keyboard.type("yes")
    expect(card).to_contain_text("has it a green line?")
    expect(verdict).to_have_text("0 of 12 right, 1 to look at again.")
    says.focus()
    page.keyboard.type("no")
    expect(card).to_contain_text("compared with which target?")
    graded.focus()
    page.keyboard.type("no")
    expect(card).to_have_class("card good")
    expect(verdict).to_have_text("1 of 12 right.")
    piece.get_by_role("button", name="Fill in the rest").click()
    expect(verdict).to_have_text("All right: 12 are graded on their class, 5 on their box.")
    keep_picture(page, "reports")
    piece.locator(".chip.prediction").last.click()
    assert piece.locator("select:focus").count() == 1
    piece.get_by_role("button", name="Reset").click()
    expect(verdict).to_have_text("0 of 12 right.")
    assert page.errors == []


def test_with_a_kernel_page_and_python_agree(page, lab, stored):
    piece = show(on_projector(page, lab, stored), "reports", 0)
    run_all(page, 2)
    piece = show(page, "reports", 0)
    piece.locator(".badge.agree:not(.waiting)").wait_for()
    piece.get_by_label("B: what must it say?").select_option("3")
    piece.get_by_label("B: is its box graded?").select_option("1")
    piece.locator(".badge.agree:not(.waiting)").wait_for()
    expect(piece.locator(".card").nth(2)).to_contain_text("class, L1, GIoU")
    assert page.errors == []
