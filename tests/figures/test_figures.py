import io

import numpy as np
from PIL import Image

from helpers import figures
from helpers.scenes import running_example


def drawn():
    image, _ = running_example()
    figure, panels = figures.new_figure(8, 4, columns=2)
    for axes in panels:
        figures.draw_image(axes, image, "the same scene twice")
        figures.draw_box(axes, (20, 20, 60, 60), figures.TARGET, "-", '"3"')
    return figure


def test_a_small_picture_keeps_every_colour():
    whole = io.BytesIO()
    figure = drawn()
    figure.savefig(whole, format="png", dpi=figures.DPI, bbox_inches="tight", pad_inches=0.15)
    small = figures.small_png(figure)
    before, after = (np.asarray(Image.open(file).convert("RGB"), int) for file in (whole, io.BytesIO(small)))
    assert before.shape == after.shape
    assert (np.abs(before - after).max(-1) > 40).mean() < 1e-4
    assert len(small) < len(whole.getvalue()) / 3


def test_cells_of_zero_may_stay_empty():
    for blank, shown in ((True, ["-0.97", "0.02"]), (False, ["0.00", "-0.97", "0.00", "0.02"])):
        figure, axes = figures.new_figure(3, 3)
        figures.draw_matrix(axes, np.array([[0.001, -0.97], [-0.004, 0.02]]), "costs", "ab", blank_zeros=blank)
        assert [text.get_text() for text in axes.texts] == shown
        figures.plt.close(figure)
