"""Names of boxes cover one another nowhere where there is room: in Node, and in the pieces as they are shown."""

import itertools

import pytest
from page_code import call_page
from pieces_alone import alone

from benchmarks.pieces import made
from helpers.widgets import SavedAgain, SceneLab

BOX, HEIGHT, SIZE = [64, 64, 40, 40], 8, [128, 128]
PLATES = """root => [...root.querySelectorAll(".chip rect")].filter((plate) => plate.checkVisibility())
  .map((plate) => plate.getBoundingClientRect()).map(({ left, top, right, bottom }) => [left, top, right, bottom])"""


def overlap(a, b):
    """By how many pixels two rectangles (left, top, right, bottom) overlap, both ways."""
    across, down = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    return max(0, min(across, down))


def named(*kinds, box=BOX, width=12):
    return [{"box": box, "width": width, "isTarget": kind == "target"} for kind in kinds]


def test_a_name_lies_at_its_box_and_the_next_one_beside_it():
    (first,) = call_page(SavedAgain, "placeNames", [[named("target", "guess"), HEIGHT, SIZE]])
    assert first == [[44, 36], [72, 84]]
    (twelve,) = call_page(SavedAgain, "placeNames", [[named(*["guess"] * 12), HEIGHT, SIZE]])
    tabs = [(x, y, x + 12, y + HEIGHT) for x, y in twelve]
    assert all(overlap(a, b) == 0 for a, b in itertools.combinations(tabs, 2))


def test_a_name_stays_in_the_picture():
    corner = [2, 126, 30, 30]
    (places,) = call_page(SavedAgain, "placeNames", [[named(*["guess", "target"] * 3, box=corner), HEIGHT, SIZE]])
    assert all(0 <= x <= 128 - 12 and 0 <= y <= 128 - HEIGHT for x, y in places)


@pytest.mark.parametrize("name", ["SavedAgain", "MatchingPlayground", "SetPlay", "TrainingReplay", "SceneLab"])
def test_no_name_covers_another(new_page, tmp_path, name):
    page = new_page()
    piece = SceneLab("childhood") if name == "SceneLab" else made(name)
    root = alone(page, piece, tmp_path, answered=True)
    root.locator(".chip").last.wait_for(state="attached")
    if name == "SceneLab":
        page.wait_for_function("document.querySelectorAll('.scene .chip.prediction:not(.gone)').length === 12")
    tabs = root.evaluate(PLATES)
    assert len(tabs) >= 12
    assert [pair for pair in itertools.combinations(tabs, 2) if overlap(*pair) > 1] == []
