"""Stepper, replay, dial and lab of boxes in a real JupyterLab: alive before anything runs, and in step with Python."""

import re

import pytest
from conftest import IDLE
from fake_recording import shipped_total, write_fake_recording
from hand_and_eye import drag, drawn, expect, expect_to_fit, rested
from pieces_in_lab import SIZES, choose_theme, keep_picture, on_projector, run_all, show, store

from helpers.widgets import BoxLab

NAME = "pieces_more"
CELLS = [
    "from helpers.widgets.stepper import AssignmentStepper\nstepper = AssignmentStepper()\nstepper",
    "from helpers.widgets.replay import TrainingReplay\nreplay = TrainingReplay('recording.npz', scenes=2)\nreplay",
    "from helpers.widgets.dial import NoObjectDial\ndial = NoObjectDial()\ndial",
    "(stepper.step, stepper.current.total, replay.step, dial.N, round(dial.numbers['objects'], 4))",
]


@pytest.fixture(scope="module")
def stored(lab):
    """A trusted notebook with the three pieces."""
    write_fake_recording(lab.root / "notebooks" / "recording.npz")
    store(lab, NAME, CELLS)


@pytest.fixture
def shown(page, lab, stored):
    """The notebook on a projector's page, opened and not run."""
    return on_projector(page, lab, NAME)


@pytest.mark.quick
def test_the_stepper_is_alive_before_anything_runs(shown):
    stepper = show(shown, "stepper")
    title = stepper.locator("h3")
    expect(title).to_have_text("Step 1 of 18")
    stepper.get_by_label("One step on").click()
    stepper.get_by_label("One step on").press("Enter")
    expect(title).to_have_text("Step 3 of 18")
    stepper.get_by_label("Step", exact=True).press("End")
    expect(stepper.locator(".narration")).to_contain_text("would rise without that one")
    cell = stepper.get_by_label("cost of A and t1")
    cell.fill("50")
    cell.press("Enter")
    expect(cell).to_have_value("50")
    stepper.get_by_label("Step", exact=True).press("End")
    expect(stepper.locator(".bar output").last).to_have_text("9")
    cell.fill("nonsense")
    cell.press("Enter")
    expect(cell).to_have_value("50")
    stepper.get_by_role("button", name="Reset").click()
    expect(title).to_have_text("Step 1 of 18")
    expect(cell).to_have_value("1")
    assert shown.errors == []
    assert shown.outside == []


@pytest.mark.quick
def test_the_replay_is_alive_before_anything_runs(shown):
    replay = show(shown, "replay")
    total = f"{shipped_total():,}"
    title = replay.locator("h3")
    expect(title).to_have_text(f"Step 0 of {total}")
    scrub = replay.get_by_label("Recorded step", exact=True)
    scrub.press("End")
    expect(title).to_have_text(f"Step {total} of {total}")
    expect(replay.locator(".picture .owner")).to_have_count(5)
    expect(replay.locator(".picture line.match")).to_have_count(5)
    replay.locator(".charts").click(position={"x": 200, "y": 100})
    expect(title).not_to_have_text(f"Step {total} of {total}")
    drawn(shown)
    between = title.inner_text()
    assert between != f"Step 0 of {total}"
    replay.get_by_label("Play or pause").click()
    expect(title).not_to_have_text(between)
    replay.get_by_label("Play or pause").click()
    replay.get_by_label("Follow token C", exact=True).click()
    expect(replay.locator(".trail")).to_have_count(1)
    keep_picture(shown, "replay-late")
    replay.get_by_label("Scene", exact=True).select_option("1")
    expect(replay.locator(".picture rect.target")).to_have_count(2)
    assert shown.errors == []


@pytest.mark.quick
def test_the_dial_is_alive_before_anything_runs(shown):
    dial = show(shown, "dial")
    summary = dial.locator(".summary")
    expect(summary).to_contain_text("88\u00a0% of the weight")
    dial.get_by_role("button", name="DETR", exact=True).click()
    expect(summary).to_contain_text("43\u00a0% of the weight")
    dial.get_by_label("T, objects").press("Home")
    expect(summary).to_contain_text("cancels")
    dial.get_by_role("button", name="Reset").click()
    expect(summary).to_contain_text("88\u00a0% of the weight")
    assert shown.errors == []


# A piece is hidden or narrowed, something changes in it, and before the frame is painted it is as it was: as JupyterLab
# does it when it puts on another theme.
FOR_A_FRAME = """(piece, [style, value, change]) => new Promise((shown) => {
  piece.style[style] = value;
  eval(change);
  requestAnimationFrame(() => {
    piece.style[style] = "";
    requestAnimationFrame(() => requestAnimationFrame(shown));
  });
})"""
MOMENTS = {"display": "none", "width": "400px"}


def assert_stays_as_wide(piece, chart, change):
    """A chart is as wide as its place, also after a change that came while the piece was hidden, or narrow."""
    sizes = f"e => [e.querySelector('{chart} svg').clientWidth, e.querySelector('{chart}').clientWidth]"
    before = piece.evaluate(sizes)
    assert 0 <= before[1] - before[0] <= 1 < before[0]
    for moment in MOMENTS.items():
        piece.evaluate(FOR_A_FRAME, [*moment, change])
        assert piece.evaluate(sizes) == before, moment


def test_a_piece_that_is_hidden_or_narrow_for_a_moment_keeps_its_width(shown):
    scene = "const s = piece.querySelector('select'); s.value = 1; s.dispatchEvent(new Event('change'))"
    assert_stays_as_wide(show(shown, "replay"), ".charts", scene)
    assert_stays_as_wide(show(shown, "dial"), ".plot", "piece.querySelectorAll('button')[1].click()")


def test_with_a_kernel_python_has_what_the_page_shows(shown):
    run_all(shown, 4)
    shown.wait_for_selector(IDLE)
    dial = show(shown, "dial")
    dial.get_by_role("button", name="DETR", exact=True).click()
    show(shown, "replay").get_by_label("Recorded step", exact=True).press("End")
    show(shown, "stepper").get_by_label("Step", exact=True).press("End")
    for piece in ("dial", "replay", "stepper"):
        show(shown, piece).locator(".badge.agree:not(.waiting)").wait_for()
    last = shown.locator(".jp-CodeCell").nth(3)
    last.locator(".cm-content").click()
    shown.keyboard.press("Control+Enter")
    shown.wait_for_function(
        f"document.querySelectorAll('.jp-CodeCell')[3].innerText.includes('(17, 9.0, {shipped_total()}, 100, 0.4294)')"
    )
    assert shown.errors == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_is_cut_off(shown, width, height):
    shown.set_viewport_size({"width": width, "height": height})
    for theme in ("Light", "Dark"):
        choose_theme(shown, theme)
        for piece in ("stepper", "replay", "dial"):
            found = show(shown, piece)
            keep_picture(shown, f"{piece}-{width}-{theme}")
            expect_to_fit(found)


BOXLAB = ["from helpers.widgets import BoxLab\nlab = BoxLab()\nlab", "(lab.prediction, lab.target)", "lab.reset()"]


@pytest.fixture(scope="module")
def boxlab_notebook(lab):
    store(lab, "pieces_boxlab", BOXLAB)


@pytest.fixture
def boxlab(page, lab, boxlab_notebook):
    """The lab of boxes in its trusted notebook on a projector's page, opened and not run."""
    return show(on_projector(page, lab, "pieces_boxlab"), "boxlab")


def drag_inside(page, boxlab, start, end, steps):
    """Drag between two points of the picture, given as shares of its width and height."""
    area = boxlab.locator("svg.paper").bounding_box()
    (x, y), (right, bottom) = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (start, end)]
    drag(page, (x, y), (right - x, bottom - y), steps)


def page_state(boxlab):
    return boxlab.evaluate("e => e.numbers")


def assert_same_as_helpers(state):
    expected = BoxLab(state["prediction"], state["target"]).checked["values"]
    assert state["values"] == pytest.approx(expected, abs=1e-7)


def middle_and_late(values):
    values = sorted(values)
    return values[len(values) // 2], values[int(0.95 * (len(values) - 1))]


@pytest.mark.quick
def test_the_lab_is_alive_before_anything_runs(page, boxlab):
    expect(boxlab.locator(".card output")).to_have_text(["0.38", "0.18", "0.00", "3.90"])
    expect(boxlab.locator(".badge")).to_have_text("computed in this page")
    before = page_state(boxlab)
    drag_inside(page, boxlab, (0.3, 0.3), (0.5, 0.5), steps=20)
    after = page_state(boxlab)
    moved = [b - a for a, b in zip(before["prediction"], after["prediction"])]
    assert moved == pytest.approx([0.2, 0.2, 0, 0], abs=0.01)
    assert_same_as_helpers(after)
    x, y, width, height = after["prediction"]
    drag_inside(page, boxlab, (x - width / 2, y - height / 2), (0.1, 0.05), steps=10)  # its upper left corner
    right, bottom = x + width / 2, y + height / 2  # stay where they are
    expected = [(0.1 + right) / 2, (0.05 + bottom) / 2, right - 0.1, bottom - 0.05]
    assert page_state(boxlab)["prediction"] == pytest.approx(expected, abs=0.01)
    boxlab.get_by_role("button", name="Reset").click()
    drawn(page)
    assert page_state(boxlab) == before
    assert page.errors == []
    assert page.outside == []


def test_the_lab_follows_a_gradient_before_anything_runs(page, boxlab):
    boxlab.get_by_label("Scene").select_option("1")
    boxlab.locator(".card.iou", has_text="no gradient").wait_for()  # drawn with the next frame
    boxlab.locator(".card.iou").click()
    boxlab.get_by_label("Follow the gradient of the chosen loss").click()
    boxlab.get_by_text("the box stands still").wait_for()
    boxlab.locator(".card.giou").click()
    boxlab.get_by_label("Follow the gradient of the chosen loss").click()
    boxlab.get_by_text("the box was up to 0.55 wide on the way").wait_for()
    boxlab.get_by_text("Step 450").wait_for()
    keep_picture(page, "boxlab-followed")
    state = page_state(boxlab)
    expected = BoxLab(preset="far apart").way[-1].tolist()
    assert state["prediction"] == pytest.approx(expected, abs=1e-6)
    boxlab.get_by_label("One step of gradient descent").click()
    drawn(page)
    assert page.errors == []


def test_the_lab_obeys_the_keyboard(page, boxlab):
    boxlab.locator(".box.prediction").focus()
    before = page_state(boxlab)["prediction"]
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Tab")  # the first corner of the box that has the focus
    expect(page.locator(":focus")).to_have_attribute("aria-label", re.compile("prediction: top left corner"))
    page.keyboard.press("ArrowLeft")
    drawn(page)
    after = page_state(boxlab)["prediction"]
    assert [b - a for a, b in zip(before, after)] == pytest.approx([0.005, 0.01, 0.02, 0.01], abs=1e-9)
    boxlab.locator(".card.giou").focus()
    page.keyboard.press("ArrowDown")
    expect(boxlab.locator(".card.sum")).to_have_attribute("aria-checked", "true")
    expect(boxlab.locator("[aria-live]")).to_have_text(re.compile("^L1 "))


def test_with_a_kernel_no_drag_of_the_lab_is_lost(page, boxlab):
    run_all(page, 3)
    page.wait_for_selector(IDLE)
    boxlab = show(page, "boxlab")
    x, y, *_ = page_state(boxlab)["prediction"]
    drag_inside(page, boxlab, (x - 0.1, y - 0.1), (0.7, 0.72), steps=1000)
    agree = "e => e.querySelector('.badge').classList.contains('agree')"
    boxlab.evaluate("e => (e.latencies.length = 0)")
    for place in range(30):
        boxlab.locator(".box.target").press("ArrowLeft" if place % 2 else "ArrowUp")
        drawn(page)
    page.wait_for_function(f"({agree})(document.querySelector('.boxlab'))")
    rested(page, 1000)
    state = page_state(boxlab)
    assert_same_as_helpers(state)
    redraw, answer = (middle_and_late(boxlab.evaluate(f"e => e.{name}")) for name in ("timings", "latencies"))
    print(f"BoxLab: redraw median {redraw[0]:.1f} ms, p95 {redraw[1]:.1f} ms; helpers answer {answer[0]:.0f} ms")
    cell = page.locator(".jp-CodeCell").nth(1)
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    cell.get_by_text(str(state["prediction"][0])).wait_for()
    assert f"({state['prediction']}, {state['target']})" in cell.inner_text().replace("\n", "")
    page.locator(".jp-CodeCell").nth(2).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function("document.querySelector('.boxlab').numbers.values[1].toFixed(3) === '0.184'")
    assert page.errors == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_of_the_lab_is_cut_off(page, boxlab, width, height):
    page.set_viewport_size({"width": width, "height": height})
    for theme in ("Light", "Dark"):
        choose_theme(page, theme)
        keep_picture(page, f"boxlab-{width}-{theme}")
        expect_to_fit(boxlab)


def test_a_lab_that_is_hidden_or_narrow_for_a_moment_keeps_its_width(boxlab):
    key = "new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true })"
    assert_stays_as_wide(boxlab, ".chart", f"piece.querySelector('.box.target').dispatchEvent({key})")
