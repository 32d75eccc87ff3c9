"""SavedAgain: state, the page's numbers beside Python's, every order once; and the stored piece in a browser."""

import math
from itertools import permutations

import pytest
from page_code import FITTING, call_page, scene_state
from pieces_in_lab import keep_picture, on_projector, run_all, show, store
from playwright.sync_api import expect
from traitlets import TraitError

from helpers.widgets.playground_presets import preset_state
from helpers.widgets.saved import SavedAgain


@pytest.mark.parametrize("preset", FITTING)
def test_the_page_has_the_losses_of_helpers(preset):
    piece = SavedAgain(preset=preset)
    orders = list(permutations(range(len(piece.labels))))[::7]
    pages = call_page(
        SavedAgain, "savedNumbers", [[{**scene_state(piece), "eosCoef": piece.eos_coef}, order] for order in orders]
    )
    for order, page in zip(orders, pages):
        piece.order = list(order)
        assert [page["position"], page["set"]] == pytest.approx(piece.recompute(), abs=1e-5)


def test_a_set_has_no_order():
    losses = [SavedAgain(order=list(order)).recompute() for order in permutations(range(5))]
    by_position, as_a_set = zip(*losses)
    assert max(as_a_set) - min(as_a_set) < 1e-9
    assert min(by_position) > 5 > 0.6 > max(as_a_set)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_order_comes_up_before_one_comes_again(count):
    order, seen = list(range(count)), set()
    for _ in range(math.factorial(count)):
        seen.add(tuple(order))
        (order,) = call_page(SavedAgain, "saveAgain", [[order]])
    assert len(seen) == math.factorial(count)
    assert order == list(range(count))


@pytest.mark.parametrize(
    "order", [[0, 1, 2, 3], [0, 1, 2, 3, 3], [1, 2, 3, 4, 5], [0, 1, 2, 3, "4"], [[0], 1, 2, 3, 4]]
)
def test_what_is_no_order_is_refused(order):
    with pytest.raises(TraitError, match="each once"):
        SavedAgain(order=order)
    piece = SavedAgain()
    with pytest.raises(TraitError, match="each once"):
        piece.order = order
    assert piece.order == [0, 1, 2, 3, 4]


def test_a_scene_with_labels_left_over_is_refused():
    with pytest.raises(ValueError, match="without a guess"):
        SavedAgain(preset="more objects than predictions")


def test_the_sentence_and_the_figure():
    piece = SavedAgain(order=[4, 0, 3, 1, 2])
    assert repr(piece).startswith('SavedAgain: the file lists "5" "3" "1" "1" "4". Compared by position')
    assert len(piece.figure().axes) == 2
    piece.boxes = [[0.5, 0.5, 0.2, 0.2], *piece.boxes[1:]]
    piece.reset()
    assert piece.boxes == SavedAgain().boxes
    assert preset_state("running example")[2][0]["class_labels"].tolist() == piece.labels


CELLS = ["from helpers.widgets import SavedAgain\npiece = SavedAgain()\npiece", "print(piece.order, piece.text)"]


@pytest.fixture(scope="module")
def stored(lab):
    store(lab, "pieces_saved", CELLS)
    return "pieces_saved"


@pytest.mark.quick
def test_saving_again_moves_one_loss_alone(page, lab, stored):
    piece = show(on_projector(page, lab, stored), "saved", 0)
    by_position, as_a_set = piece.locator(".number").all()
    expect(by_position).to_have_text("11.31")
    expect(as_a_set).to_have_text("0.52")
    piece.get_by_role("button", name="Save the file again").click()
    expect(by_position).not_to_have_text("11.31")
    expect(piece.locator(".before").first).to_have_text("was 11.31")
    expect(as_a_set).to_have_text("0.52")
    keep_picture(page, "saved")
    for _ in range(8):
        piece.get_by_role("button", name="Prediction B").press("ArrowRight")
    expect(piece.locator(".pairs").nth(1)).to_contain_text("H “3”")  # it takes over from B
    expect(as_a_set).not_to_have_text("0.52")
    piece.get_by_role("button", name="Reset").click()
    expect(by_position).to_have_text("11.31")
    expect(as_a_set).to_have_text("0.52")
    assert page.errors == []


def test_with_a_kernel_page_and_python_agree(page, lab, stored):
    piece = show(on_projector(page, lab, stored), "saved", 0)
    run_all(page, 2)
    piece = show(page, "saved", 0)
    piece.locator(".badge.agree:not(.waiting)").wait_for()
    piece.get_by_role("button", name="Save the file again").click()
    piece.locator(".badge.agree:not(.waiting)").wait_for()
    assert page.errors == []
