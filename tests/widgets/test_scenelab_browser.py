"""SceneLab in a real JupyterLab: stored it shows its scene; run, it lives by mouse, keys and finger and stays small."""

import json
import shutil

import pytest
import torch
from conftest import SCREEN
from hand_and_eye import drag, expect, expect_to_fit, middle, swipe
from pieces_alone import PHONE, alone
from pieces_in_lab import choose_theme, keep_picture, on_projector, opened, run_all, show, store

from helpers import HungarianMatcher
from helpers.widgets import SceneLab

NAME = "pieces_scenelab"
CELLS = [
    "from helpers.widgets import SceneLab\nlab = SceneLab('a digit to slide')\nlab",
    "print(lab.digits[0][:3], lab.text)",
]


@pytest.fixture(scope="module")
def stored(lab):
    store(lab, NAME, CELLS)


@pytest.fixture
def own(lab, stored, request):
    """A copy of the notebook for this test: a kernel of its own, which counts from 1."""
    name = f"{NAME}_{request.node.name}"
    shutil.copy(lab.root / "notebooks" / f"{NAME}.ipynb", lab.root / "notebooks" / f"{name}.ipynb")
    return name


def run(page):
    """The piece, its cells run."""
    run_all(page, len(CELLS))
    piece = show(page, "scenelab")
    expect(piece).to_have_class("spl scenelab live")
    return piece


def digit(piece, name="Digit “3”"):
    return piece.locator(f"svg [aria-label^='{name}']").first


@pytest.mark.quick
def test_a_stored_scene_says_what_to_do_and_a_running_one_moves(page, lab, own):
    on_projector(page, lab, own)
    piece = show(page, "scenelab")
    expect(piece.locator(".notice")).to_contain_text("Run the cell")
    expect(piece.locator(".summary")).to_contain_text("B claims a digit")
    expect(piece.locator("select").first).to_be_disabled()
    piece = run(page)
    expect(piece.locator(".notice")).to_have_text("")
    drag(page, middle(digit(piece)), (150, 0))
    expect(piece.locator(".trail")).to_contain_text("→")
    expect(piece.locator(".badge.agree")).to_be_visible()  # PyTorch comes to the same
    assert page.errors == []
    assert page.outside == []


def test_keys_marks_the_switch_and_earlier_weights(page, lab, own):
    on_projector(page, lab, own)
    piece = run(page)
    move_exchange_add_and_remove(page, piece)
    change_truth_and_weights(page, piece)
    assert page.locator(".jp-CodeCell").count() == len(CELLS)  # the notebook heard none of these keys
    for theme in ("Light", "Dark"):
        choose_theme(page, theme)
        for width, height in ((1366, 768), (700, 720)):
            page.set_viewport_size({"width": width, "height": height})
            piece = show(page, "scenelab")
            keep_picture(page, f"scenelab-{width}-{theme}")
            expect_to_fit(piece)
        page.set_viewport_size(SCREEN)
    page.keyboard.press("Control+s")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    saved = json.loads((lab.root / "notebooks" / f"{own}.ipynb").read_text())
    assert len(json.dumps(saved["metadata"].get("widgets", {}))) < 300_000  # scripts and a small picture; no weights
    assert page.errors == []


def move_exchange_add_and_remove(page, piece):
    digit(piece).focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(digit(piece)).to_have_attribute("aria-label", "Digit “3”, left 45, top 37, matched with C")
    page.keyboard.press("8")
    expect(piece.locator(".answers")).to_contain_text("“8”")
    piece.get_by_role("button", name="Add one").click()
    expect(piece.locator(".answers .orange")).to_have_count(2)
    digit(piece, "Digit “8”").focus()
    page.keyboard.press("Delete")
    expect(piece.locator(".answers .orange")).to_have_count(1)
    assert piece.evaluate("root => root.contains(document.activeElement)")


def change_truth_and_weights(page, piece):
    piece.get_by_label("What to try").select_option(label="a covered digit")
    digit(piece, "Digit “4”").focus()
    piece.get_by_label("in the picture").uncheck()
    expect(piece.locator(".summary")).to_contain_text("F is sent to “4” and says nothing")
    piece.get_by_label("tokens may not be read").check()
    expect(piece.locator(".summary")).to_contain_text("F is sent to “4” and says nothing")
    expect(piece.locator(".badge.agree")).to_be_visible()
    piece.get_by_label("Weights of which step").select_option(label="step 1,000")
    expect(piece.locator(".summary")).to_contain_text("12 of 12 tokens")
    expect(piece.locator(".badge.agree")).to_be_visible()


def test_a_finger_drags_a_digit_on_a_narrow_screen(new_page, lab, own):
    page = opened(new_page(has_touch=True), lab, own)
    run(page)
    page.keyboard.press("Control+b")  # the list of files leaves no room beside it
    page.set_viewport_size(PHONE)
    piece = show(page, "scenelab")
    keep_picture(page, "scenelab-390")
    expect_to_fit(piece)
    top = piece.bounding_box()["y"]
    swipe(page, middle(digit(piece)), (90, 40))
    expect(piece.locator(".trail")).to_contain_text("→")
    assert piece.bounding_box()["y"] == top  # the page stood still
    assert page.errors == []


def from_a_folder(page, folder):
    """The piece in a page without a kernel, the detector's data beside it."""
    piece = alone(page, SceneLab(), folder)
    expect(piece).to_have_class("spl scenelab live")
    return piece


@pytest.mark.quick
@pytest.mark.parametrize("simd", [True, False])
def test_a_page_from_a_folder_needs_no_kernel_and_no_simd(new_page, tmp_path, simd):
    page = new_page(offline=True)
    if not simd:
        page.add_init_script("delete window.WebAssembly")
    piece = from_a_folder(page, tmp_path)
    expect(piece).to_have_attribute("data-simd", str(simd).lower())
    at_first = digit(piece).get_attribute("aria-label")
    drag(page, middle(digit(piece)), (60, 0))
    expect(digit(piece)).not_to_have_attribute("aria-label", at_first)
    piece.get_by_role("button", name="Reset").click()
    expect(digit(piece)).to_have_attribute("aria-label", at_first)
    assert page.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_matrix_of_costs_follows_the_picture(new_page, tmp_path, theme):
    page = new_page()
    python = SceneLab()
    piece = alone(page, SceneLab(), tmp_path, theme)
    cells, matched = piece.locator(".costs .cell"), piece.locator(".costs .matched")
    expect(cells).to_have_count(0)
    piece.get_by_label("matrix of costs").check()
    expect(piece.locator(".answers")).to_be_hidden()
    costs = HungarianMatcher().cost_matrices(python.outputs, python.targets)[0]["total"]  # (12, 5)
    shown = [float(text.replace("−", "-")) for text in cells.all_inner_texts()]
    assert shown == pytest.approx(costs.flatten().tolist(), abs=0.006)  # two decimals, half precision
    pairs = matched.evaluate_all("cells => cells.map((cell) => [+cell.dataset.n, +cell.dataset.t])")
    assert sorted(pairs) == torch.stack(python.match, 1).tolist()
    keep_picture(page, f"scenelab-costs-{theme}")
    page.set_viewport_size(PHONE)
    expect_to_fit(piece)
    keep_picture(page, f"scenelab-costs-390-{theme}")
    page.set_viewport_size(SCREEN)
    before = cells.all_inner_texts()
    drag(page, middle(digit(piece)), (60, 0))
    expect(cells.first).not_to_have_text(before[0])
    piece.get_by_label("a target").uncheck()
    expect(cells).to_have_count(12 * 4)
    for _ in range(5):
        piece.get_by_role("button", name="Remove this digit and its label").click()
    expect(piece.locator(".costs")).to_have_text("No targets, no costs.")
    assert page.errors == []


def test_twenty_digits_are_the_most_and_none_is_possible(new_page, tmp_path):
    page = new_page()
    piece = from_a_folder(page, tmp_path)
    more = piece.get_by_role("button", name="Add one")
    less = piece.get_by_role("button", name="Remove this digit and its label")
    for _ in range(15):
        more.click()
    expect(more).to_be_disabled()
    expect(piece.locator(".answers")).to_contain_text("goes without")
    for _ in range(20):
        less.click()
    expect(piece.locator(".summary")).to_contain_text("Nobody claims a digit: 0 of 12 tokens for 0 targets.")
    expect(less).to_be_disabled()
    more.click()
    expect(piece.locator(".answers .orange")).to_have_count(1)
    assert page.errors == []
