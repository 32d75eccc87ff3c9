"""A finger instead of a mouse: in a real JupyterLab it drags a box and does not scroll the page."""

import pytest
from hand_and_eye import middle, swipe
from pieces_in_lab import keep_picture, opened, show, store

NAME = "pieces_touch"
CELLS = [
    "from helpers.widgets import BoxLab\nBoxLab()",
    "from helpers.widgets import MatchingPlayground\nMatchingPlayground(preset='two fight over one')",
]


@pytest.fixture
def touched(new_page, lab):
    """A trusted notebook with two pieces on a screen that is touched, opened and not run."""
    store(lab, NAME, CELLS)
    return opened(new_page(has_touch=True), lab, NAME)


def test_a_finger_drags_a_box(touched):
    lab = show(touched, "boxlab")
    side = lab.locator("svg.paper").bounding_box()["width"]
    before, top = lab.evaluate("e => e.numbers.prediction"), lab.bounding_box()["y"]
    swipe(touched, middle(lab.locator(".box.prediction .tab")), (40, 50))
    after = lab.evaluate("e => e.numbers.prediction")
    assert [b - a for a, b in zip(before, after)] == pytest.approx([40 / side, 50 / side, 0, 0], abs=0.02)
    assert lab.bounding_box()["y"] == top  # the page stood still

    playground = show(touched, "playground")
    box = playground.get_by_role("button", name="Prediction A")
    (x, y), top = middle(box), playground.bounding_box()["y"]
    swipe(touched, middle(playground.locator('.chip.prediction[data-index="0"]')), (40, 50))
    assert middle(box) == pytest.approx((x + 40, y + 50), abs=4)
    assert playground.bounding_box()["y"] == top
    keep_picture(touched, "touched")
    assert touched.errors == []
