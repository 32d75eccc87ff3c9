"""The playground in a real JupyterLab: alive before anything runs, and in step with Python."""

import json
import re
import statistics

import pytest
from conftest import IDLE
from hand_and_eye import drag, drawn, expect, expect_to_fit, middle
from pieces_in_lab import SIZES, choose_theme, keep_picture, on_projector, run_all, show, store

NAME = "pieces_playground"
CELLS = [
    "from helpers.widgets import MatchingPlayground\n"
    "playground = MatchingPlayground(preset='running example')\n"
    "playground",
    "print([[round(value, 4) for value in box] for box in playground.boxes], f\"{playground.numbers['loss']:.2f}\")",
    "import torch\n"
    "torch.manual_seed(0)\n"
    'outputs = {"logits": 3 * torch.randn(1, 100, 21), "pred_boxes": torch.rand(1, 100, 4) * 0.5 + 0.2}\n'
    'targets = [{"class_labels": torch.arange(20), "boxes": torch.rand(20, 4) * 0.5 + 0.2}]\n'
    "crowd = MatchingPlayground(outputs=outputs, targets=targets)\n"
    "crowd",
]
# Drag a prediction along a line in `count` moves; returns how long each took to compute and draw, in milliseconds.
DRAG = """async ([scene, index, count, wait]) => {
  const box = scene.querySelector('.box.prediction[data-index="' + index + '"] .body');
  const view = box.getBoundingClientRect();
  const [x, y] = [view.left + view.width / 2, view.top + view.height / 2];
  const send = (name, by) => box.dispatchEvent(new PointerEvent(name, {
    bubbles: true, clientX: x + by, clientY: y + by / 2, pointerId: 1, button: 0, buttons: 1 }));
  scene.querySelector('.chip.prediction[data-index="' + index + '"]').dispatchEvent(new PointerEvent('pointerdown', {
    bubbles: true, clientX: x, clientY: y, pointerId: 1, button: 0, buttons: 1 }));
  const times = [];
  for (let i = 1; i <= count; i++) {
    const start = performance.now();
    send('pointermove', i === count ? 40 : 60 * Math.sin(i / 7));
    scene.closest('.playground').getBoundingClientRect();
    times.push(performance.now() - start);
    if (wait && i % 5 === 0) await new Promise(requestAnimationFrame);
  }
  send('pointerup', 40);
  return times;
}"""
# Press a key and wait for the kernel's answer to exactly this change; returns milliseconds.
ANSWER = """async (root) => {
  const box = root.querySelector('.box.prediction');
  const start = performance.now();
  box.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, key: 'ArrowLeft' }));
  while (root.dataset.answered !== root.dataset.version && performance.now() - start < 120000)
    await new Promise((resolve) => setTimeout(resolve, 1));
  return performance.now() - start;
}"""


@pytest.fixture(scope="module")
def stored(lab):
    """A trusted notebook with two playgrounds."""
    store(lab, NAME, CELLS)


@pytest.fixture
def shown(page, lab, stored):
    """The notebook on a projector's page, opened and not run."""
    return on_projector(page, lab, NAME)


def loss_of(playground):
    return playground.locator(".loss-total")


def box(playground, name):
    return playground.get_by_role("button", name=name)


@pytest.mark.quick
def test_the_playground_is_alive_before_anything_runs(shown):
    playground = show(shown, "playground", 0)
    loss = loss_of(playground)
    first = loss.inner_text()
    place = int(playground.locator('.cell.matched[data-t="1"]').get_attribute("data-n"))
    cell, letter = playground.locator(f'.cell[data-n="{place}"][data-t="1"]'), "ABCDEFGHIJKL"[place]
    before = cell.inner_text()
    cell.click()
    drag(shown, middle(box(playground, f"Prediction {letter}")), (60, 45))
    expect(cell).not_to_have_text(before)
    expect(loss).not_to_have_text(first)
    expect(playground.locator(".badge")).to_have_text("computed in this page")
    keep_picture(shown, "playground-dragged")
    playground.get_by_role("button", name="Reset").click()
    expect(loss).to_have_text(first)
    expect(cell).to_have_text(before)

    target = box(playground, "Target “3”")
    target.focus()
    said = target.get_attribute("aria-label")
    target.press("ArrowRight")
    target.press("Shift+ArrowDown")
    expect(target).not_to_have_attribute("aria-label", said)
    playground.get_by_label("Weight of the class cost").press("Home")
    cell.hover()
    expect(playground.locator(".pair")).to_contain_text("0 × ")
    playground.get_by_role("button", name="argmin").click()
    playground.get_by_role("button", name="class", exact=True).click()
    expect(cell).to_have_text(re.compile("^−[01]"))
    expect(playground.locator(".cell.matched")).to_have_count(5)
    playground.get_by_role("button", name="Hide the match").click()
    expect(playground.locator(".cell.matched")).to_have_count(0)
    expect(playground.locator(".link:not(.gone)")).to_have_count(0)
    expect(playground.locator(".loss")).to_be_hidden()
    playground.get_by_role("button", name="Reset").click()
    expect(loss).to_have_text(first)

    playground.get_by_role("button", name="Sort rows by match").click()
    drawn(shown)
    tops = [cell.bounding_box()["y"] for cell in playground.locator(".cell.matched").all()]
    lefts = [cell.bounding_box()["x"] for cell in playground.locator(".cell.matched").all()]
    assert sorted(tops) == [top for _, top in sorted(zip(lefts, tops))]
    playground.locator('.cell[data-n="0"][data-t="4"]').hover()
    expect(playground.locator(".pair h4")).to_have_text("A and “5”")
    expect(playground.locator(".box:not(.faded)")).to_have_count(2)
    cell.click()
    chance = playground.get_by_label(f"Probability that {letter} gives to “1”")
    chance.press("Home")
    expect(chance).to_have_value(re.compile(r"^0(\.00\d*)?$"))  # below 0.01
    playground.locator(".grid").press("ArrowDown")
    assert shown.errors == []
    assert shown.outside == []
    drag_long(shown)


def drag_long(shown):
    """A long drag in a small and in a large scene; how long a move takes is printed, with `pytest -s`."""
    for place, size in ((0, "12 x 5"), (2, "100 x 20")):
        playground = show(shown, "playground", place)
        times = sorted(shown.evaluate(DRAG, [playground.locator(".scene").element_handle(), 3, 200, True]))
        middle, late = statistics.median(times), times[int(0.95 * len(times))]
        print(f"\nredraw of {size}: median {middle:.1f} ms, p95 {late:.1f} ms")


def test_presets_and_labels_are_chosen_before_anything_runs(shown):
    playground = show(shown, "playground", 0)
    first = loss_of(playground).inner_text()
    preset = playground.get_by_label("preset")
    preset.select_option("more objects than predictions")
    expect(playground.locator(".box.prediction")).to_have_count(3)
    expect(playground.locator(".summary")).to_contain_text("go without")
    playground.locator(".box.target").first.focus()
    playground.get_by_label("Label of target “2”").select_option("9")
    expect(playground.locator(".grid .column").first).to_have_text("“9”")
    playground.locator(".box.target").first.press("7")
    expect(playground.locator(".grid .column").first).to_have_text("“7”")
    playground.get_by_role("button", name="Reset").click()
    expect(preset).to_have_value("running example")
    expect(playground.locator(".box.prediction")).to_have_count(12)
    expect(loss_of(playground)).to_have_text(first)
    assert shown.errors == []


def test_with_a_kernel_page_and_python_agree(shown):
    run_all(shown, 3)
    playground = show(shown, "playground", 0)
    badge = playground.locator(".badge.agree:not(.waiting)")
    badge.wait_for()
    shown.wait_for_selector(IDLE)

    shown.evaluate(DRAG, [playground.locator(".scene").element_handle(), 3, 1000, False])
    shown.wait_for_function("root => root.dataset.answered === root.dataset.version", arg=playground.element_handle())
    badge.wait_for()
    keep_picture(shown, "playground-kernel")
    print(f"\n1,000 moves: {badge.inner_text()}")
    handle = playground.element_handle()
    times = [shown.evaluate(ANSWER, handle) for _ in range(20)]
    print(f"the kernel answers after {statistics.median(times):.0f} ms (median), {max(times):.0f} ms at most")
    badge.wait_for()

    label = box(playground, "Prediction D").get_attribute("aria-label")
    loss = loss_of(playground).inner_text()
    last = shown.locator(".jp-CodeCell").nth(1)
    last.locator(".cm-content").click()
    shown.keyboard.press("Control+Enter")
    shown.wait_for_function(f"document.querySelectorAll('.jp-CodeCell')[1].innerText.includes('{loss}')")
    printed = last.locator(".jp-OutputArea-output").inner_text()
    x, y = json.loads(printed[: printed.index("]]") + 2])[3][:2]
    assert f"center {x:.2f} {y:.2f}" in label
    assert shown.errors == []


def test_nothing_is_cut_off(shown):
    for theme in ("Light", "Dark"):
        choose_theme(shown, theme)
        for width, height in SIZES:
            shown.set_viewport_size({"width": width, "height": height})
            found = show(shown, "playground", 0)
            keep_picture(shown, f"playground-{width}-{theme}")
            expect_to_fit(found)
        shown.set_viewport_size({"width": 1280, "height": 720})


@pytest.mark.parametrize("size", SIZES)
def test_loss_and_match_stay_in_view(shown, size):
    shown.keyboard.press("Control+b")  # the list of files leaves no room beside it
    shown.set_viewport_size(dict(zip(("width", "height"), size)))
    playground = show(shown, "playground", 0)
    matrix, fold = playground.locator(".grid").first, playground.get_by_role("button", name="Matrix of costs")
    playground.get_by_role("button", name="Reset").evaluate("e => e.scrollIntoView({ block: 'end' })")
    expect(playground.locator(".summary")).to_be_in_viewport(ratio=0.9)
    if size[0] < 1000:
        expect(matrix).to_be_hidden()
        fold.click()
    expect(matrix).to_be_visible()
    expect(fold).to_be_visible(visible=size[0] < 1000)
    said = loss_of(playground).inner_text()
    box(playground, "Prediction A").press("ArrowRight")
    expect(playground.locator(".was")).to_have_text(f"was {said}")
    expect(playground.locator(".summary")).to_contain_text(f"(was {said})")
