"""axe-core finds nothing in a piece, light and dark, on a projector and on a telephone, as it is and after a hand."""

import pytest
from axe import violations
from conftest import SCREEN
from hand_and_eye import expect, rested
from pieces_alone import GROUNDS, PHONE, alone

from benchmarks.pieces import made
from helpers.widgets import PIECES

# What a hand does in each piece, so that parts are seen that are not there at first: what is pressed, or chosen.
DONE = {
    "AssignmentStepper": ["[aria-label='One step on']"],
    "BoxLab": ["[aria-label='One step of gradient descent']"],
    "MatchingPlayground": [".chip.target", ".fold", ".table-head .tabs button >> nth=4"],
    "NoObjectDial": [".knobs button >> nth=1"],
    "ReportCards": [".knobs button >> nth=0"],
    "SavedAgain": [".knobs button >> nth=0"],
    "SceneLab": [".chosen button >> nth=1"],
    "SetPlay": ["[aria-label='One step on']", ".tabs button >> nth=4", ".chip.target"],
    "TrainingReplay": ["[aria-label='One recorded step on']", ".tokens button"],
}


@pytest.mark.parametrize("theme", GROUNDS)
@pytest.mark.parametrize("name", PIECES)
def test_axe_finds_nothing(new_page, tmp_path, name, theme):
    page = new_page()
    piece = alone(page, made(name), tmp_path, theme, answered=True)
    expect(piece.locator(".badge")).to_contain_text("helpers agrees")
    for width in (SCREEN, PHONE):
        page.set_viewport_size(width)
        rested(page)
        assert violations(page, ".spl") == [], width
    for pressed in DONE[name]:
        piece.locator(pressed).first.click()
    rested(page)
    assert violations(page, ".spl") == []
    assert page.errors == []


def test_axe_finds_what_is_wrong(new_page):
    page = new_page()
    page.set_content("<div><button style='width:9px;height:9px;padding:0'></button><button>x</button><svg role=img>")
    rules = {found.partition(":")[0] for found in violations(page, "div")}
    assert rules == {"button-name", "svg-img-alt", "target-size"}
