"""A model of one's own, a YOLOS and a DETR, in the playground of a real JupyterLab: by hand and by keys."""

import pytest
from hand_and_eye import drag, expect, middle
from pieces_in_lab import keep_picture, on_projector, run_all, show, store
from PIL import Image
from random_detectors import save_random_detectors

NAME = "pieces_own_model"
KINDS = ("yolos", "detr")
CELL = (
    "from helpers.widgets.own_model import try_model\n"
    "try_model('my-{}', 'own.png', [('cat', (20, 30, 100, 80)), (3, (200, 100, 90, 110))])"
)


@pytest.fixture(scope="module")
def stored(lab):
    folder = lab.root / "notebooks"
    save_random_detectors(folder)
    for kind in KINDS:
        (folder / kind).rename(folder / f"my-{kind}")
    Image.linear_gradient("L").resize((320, 240)).convert("RGB").save(folder / "own.png")
    store(lab, NAME, [CELL.format(kind) for kind in KINDS])


def test_both_are_dragged_moved_by_keys_and_shown_whole(lab, page, stored):
    on_projector(page, lab, NAME)
    run_all(page, len(KINDS))
    for place, kind in enumerate(KINDS):
        piece = show(page, "playground", cell=place)
        cell = page.locator(".jp-CodeCell").nth(place)
        chips, loss = piece.locator(".chip.prediction"), piece.locator(".loss-total")
        expect(chips).to_have_count(12)
        expect(piece.locator(".box.target")).to_have_count(2)
        expect(cell).to_contain_text("Shown are 12 of 100 guesses")

        before = loss.inner_text()
        drag(page, middle(piece.locator(".box.target .body").first), (30, 20))
        expect(loss).not_to_have_text(before)

        before = loss.inner_text()
        piece.locator(".box.target").last.focus()
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        expect(loss).not_to_have_text(before)
        keep_picture(page, f"own-{kind}")

        cell.locator(".noUi-handle").first.focus()
        page.keyboard.press("End")  # all guesses
        expect(cell).to_contain_text("Shown are 100 of 100 guesses")
        expect(cell.locator(".playground .chip.prediction")).to_have_count(100)
        keep_picture(page, f"own-{kind}-whole")
