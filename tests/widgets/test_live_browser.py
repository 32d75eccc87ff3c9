"""A training in a real JupyterLab: its stop button is heard while the cell runs, and what was learned stays."""

import pytest
from axe import violations
from hand_and_eye import expect
from pieces_in_lab import on_projector, store

NAME = "pieces_live"
TRAINING = """
from helpers import figures
from helpers.widgets import live
from helpers.training.recipe import IMAGE_MEAN, IMAGE_STD
from helpers.training.arrays import SceneArrays
from helpers.scenes import HandwrittenScenes

steps = 1
arrays = SceneArrays(HandwrittenScenes("train", 1, seed=3, objects=(1, 3)))
training = live.overfit(arrays.pixel_values(range(1), IMAGE_MEAN, IMAGE_STD), arrays.targets(range(1)))
training.run(steps, lambda _: figures.new_figure(2, 2)[0], "Nothing to see.")
"""


@pytest.mark.quick
def test_the_stop_button_ends_a_running_cell(page, lab):
    store(lab, NAME, [TRAINING])
    path = lab.root / "notebooks" / f"{NAME}.ipynb"
    path.write_text(path.read_text().replace("steps = 1\\n", "steps = 100000\\n"))  # stored after one step
    on_projector(page, lab, NAME)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    stop = page.locator("button.jupyter-button", has_text="Stop")
    stop.wait_for()
    page.wait_for_function("parseFloat(document.querySelector('.progress-bar')?.style.width) > 0")  # some steps
    output, figure = ".jp-CodeCell .jp-OutputArea", ".jp-RenderedImage img"  # its `alt` is stored; JupyterLab leaves it
    assert violations(page, output, but=[figure]) == []
    stop.click()
    page.locator(".jp-OutputArea", has_text="stopped after").wait_for()
    expect(stop).to_have_count(0)
    assert violations(page, output, but=[figure]) == []
    assert not page.errors
