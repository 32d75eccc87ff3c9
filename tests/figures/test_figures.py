import io

import numpy as np
from PIL import Image

from helpers import figures
from helpers.scenes import running_example
from helpers.widgets import SavedAgain, SceneLab, SetPlay


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


def test_no_name_covers_another():
    for piece in (SavedAgain(), SceneLab("childhood"), SetPlay()):
        figure = piece.figure(steps=(0,)) if isinstance(piece, SetPlay) else piece.figure()
        figure.draw_without_rendering()
        axes = figure.axes[0]
        tabs = [text.get_bbox_patch().get_window_extent() for text in axes.texts]
        assert len(tabs) == 17, "twelve predictions and five targets"
        for place, tab in enumerate(tabs):
            assert not any(tab.padded(-1).overlaps(other.padded(-1)) for other in tabs[:place]), axes.texts[place]
            assert axes.bbox.padded(2).containsx(tab.x0)
            assert axes.bbox.padded(2).containsy(tab.y1)
        figures.plt.close(figure)
