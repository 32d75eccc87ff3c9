"""A large piece is read from the last row: on a slide of 1280 by 720 no letter is smaller than 18 pixels."""

import pytest
from hand_and_eye import expect_to_fit, rested
from pieces_alone import alone

from benchmarks.pieces import made
from helpers.widgets import PIECES

SLIDE = {"width": 1280 - 2 * 48, "height": 720 - 2 * 10}  # without its margins
LEAST = 18
# Of each element that shows words: what they are and how large, an SVG's scale included.
LETTERS = """root => [...root.querySelectorAll("*")]
  .filter((e) => e.checkVisibility() && [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .map((e) => [e.textContent, parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM?.().a ?? 1)])"""


def enlarged(page, folder, name):
    piece = made(name)
    piece.large = True
    root = alone(page, piece, folder)
    rested(page)
    return root


@pytest.mark.parametrize("name", PIECES)
def test_large_letters_are_large(new_page, tmp_path, name):
    letters = enlarged(new_page(viewport=SLIDE), tmp_path, name).evaluate(LETTERS)
    assert len(letters) > 10
    assert [(words, size) for words, size in letters if size < LEAST] == []


def test_the_loss_to_play_fits_on_a_slide(new_page, tmp_path):
    play = enlarged(new_page(viewport=SLIDE), tmp_path, "SetPlay")
    play.get_by_label("Play or pause").click()
    play.get_by_role("button", name="Play or pause", exact=True).filter(has_text="Play").wait_for()
    assert play.evaluate("e => e.scrollHeight") <= SLIDE["height"]
    expect_to_fit(play)
