"""BoxLab without a browser: what it accepts, what helpers makes of it, and the page's numbers beside Python's."""

import math

import numpy as np
import pytest
import torch
import traitlets
from page_code import call_page

from helpers import box_iou, center_to_corners, generalized_box_iou
from helpers.widgets import BoxLab
from helpers.widgets.boxlab import LOSSES, PRESETS, WORDS, follow_gradient
from helpers.widgets.parts import SHORTEST_SIDE, clean_box

A_BOX = [0.5, 0.5, 0.2, 0.2]
HOSTILE = [
    [0.5] * 3,
    [0.5] * 5,
    [],
    [math.nan, 0.5, 0.2, 0.2],
    [0.5, math.inf, 0.2, 0.2],
    ["a", 1, 1, 1],
    [None] * 4,
    [[1, 2]] * 4,
]


def random_pairs(count=200, seed=0):
    """Pairs of boxes as the page may hold them; a third on a grid, so that edges meet and sides are equal."""
    values = np.random.default_rng(seed).uniform(0, 1, (count, 2, 4))
    values[::3] = values[::3].round(1)
    return [[clean_box(box) for box in pair] for pair in values.tolist()]


ALL_PAIRS = [*random_pairs(), *([list(box) for box in pair] for pair in PRESETS.values())]


def test_measures_are_those_of_helpers():
    lab = BoxLab([0.4, 0.4, 0.3, 0.2], [0.5, 0.45, 0.3, 0.3])
    corners = [center_to_corners(torch.tensor(box, dtype=torch.float64)) for box in (lab.prediction, lab.target)]
    assert lab.measures["iou"] == float(box_iou(*corners))
    assert lab.measures["giou"] == float(generalized_box_iou(*corners))
    assert lab.measures["l1"] == pytest.approx(0.25)
    assert lab.outputs["pred_boxes"].shape == (1, 1, 4)
    assert lab.targets[0]["boxes"].shape == (1, 4)


def test_the_page_has_the_numbers_of_helpers():
    page = call_page(BoxLab, "labNumbers", ALL_PAIRS)
    python = [BoxLab(*pair).checked["values"] for pair in ALL_PAIRS]
    np.testing.assert_allclose(page, python, rtol=0, atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_page_goes_the_way_of_helpers(loss):
    pairs = [[list(box) for box in pair] for pair in PRESETS.values()]
    page = call_page(BoxLab, "wayDown", [[loss, *pair] for pair in pairs])
    for pair, way in zip(pairs, page):
        expected = follow_gradient(loss, *(torch.tensor(box, dtype=torch.float64) for box in pair))
        np.testing.assert_allclose(way, expected, rtol=0, atol=1e-7)


def test_each_preset_shows_its_blind_spot():
    far, nested = BoxLab(preset="far apart"), BoxLab(preset="nested")
    assert far.gradients["iou"].abs().max() == 0 < far.gradients["giou"].abs().max()
    assert nested.measures["giou"] == nested.measures["iou"]
    assert nested.gradients["giou"][:2].abs().max() == 0
    assert nested.gradients["l1"][:2].abs().min() == 1
    equal = [BoxLab(preset=f"same L1, IoU {iou}") for iou in ("0", "0.5")]
    assert [round(lab.measures["l1"], 9) for lab in equal] == [0.28, 0.28]
    assert [round(lab.measures["iou"], 9) for lab in equal] == [0, 0.5]
    assert PRESETS.keys() == WORDS.keys()


def test_iou_stands_still_and_giou_inflates_from_afar():
    still, way = (BoxLab(preset="far apart", loss=loss).way for loss in ("iou", "giou"))
    assert (still == still[0]).all()
    assert way[:, 2].max() > 2.5 * way[0, 2] > way[-1, 2]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (A_BOX, A_BOX),
        ([0, 0, 0, 0], [0, 0, SHORTEST_SIDE, SHORTEST_SIDE]),
        ([1, 1, 1, 1], [1, 1, 1, 1]),
        ([-3, 7, -0.5, 1e9], [0, 1, SHORTEST_SIDE, 1]),
    ],
)
def test_boxes_are_moved_into_the_image(box, expected):
    lab = BoxLab(A_BOX, A_BOX)
    lab.set_state({"prediction": box})  # as the page would
    assert lab.prediction == expected
    assert all(map(math.isfinite, lab.checked["values"]))


@pytest.mark.parametrize("box", HOSTILE)
def test_what_is_no_box_is_refused(box):
    lab = BoxLab(A_BOX, A_BOX)
    for name in ("prediction", "target"):
        with pytest.raises(traitlets.TraitError):
            setattr(lab, name, box)
    assert lab.prediction == lab.target == A_BOX


def test_an_unknown_loss_or_preset_is_refused():
    with pytest.raises(traitlets.TraitError):
        BoxLab(loss="l2")
    with pytest.raises(ValueError, match="use one of"):
        BoxLab(preset="far away")
    with pytest.raises(ValueError, match="belong together"):
        BoxLab(prediction=A_BOX)
    with pytest.raises(ValueError, match="some of scene, loss, follow"):
        BoxLab(controls=["weights"])


def test_reset_leads_back():
    lab = BoxLab(preset="nested", loss="l1")
    lab.prediction, lab.loss = [0.1, 0.1, 0.1, 0.1], "sum"
    lab.reset()
    assert (tuple(lab.prediction), lab.loss) == (PRESETS["nested"][0], "l1")


def test_the_fallback_is_a_sentence():
    data = BoxLab(preset="far apart", loss="iou")._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    sentence = "BoxLab: two boxes, L1 0.65, IoU 0.00, GIoU -0.53. The loss 1 − IoU has no gradient here."
    assert data["text/plain"] == sentence
    assert "application/vnd.jupyter.widget-view+json" in data


@pytest.mark.parametrize("preset", PRESETS)
def test_the_static_figure_shows_the_same_state(preset):
    lab = BoxLab(preset=preset)
    figure = lab.figure()
    shown = [[bar.get_height() for bar in axes.patches] for axes in figure.axes[1:]]
    for heights, loss in zip(shown, ("l1", "iou", "giou")):
        np.testing.assert_allclose(heights, -lab.gradients[loss].numpy())


@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        ([0, 0, 0, 0], ""),
        ([-1, 0, 0, 0], "moves right"),
        ([1, 1, 0, 1], "moves left and up, gets flatter"),
        ([0, 0, -2, -1e-12], "gets wider"),
    ],
)
def test_the_pull_in_words(gradient, words):
    assert call_page(BoxLab, "describePull", [[gradient]]) == [words]


def test_a_dragged_box_stays_in_the_image_and_keeps_a_side():
    corners = [[A_BOX, corner, x, y] for corner in range(4) for x, y in ((-2, 3), (0.5, 0.5), (0.9, 0.1))]
    for left, top, width, height in call_page(BoxLab, "withCorner", corners):
        assert min(width, height) >= 0.02 - 1e-12
        assert min(left - width / 2, top - height / 2) >= -1e-12
        assert max(left + width / 2, top + height / 2) <= 1 + 1e-12
