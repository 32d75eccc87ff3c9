"""The stepper, the replay and the dial in a real JupyterLab: alive before anything runs, and in step with Python."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from conftest import IDLE, open_notebook, own_folders
from fake_recording import write_fake_recording
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.notebooks import live_kernel, run_cells

NAME = "pieces_more"
CELLS = [
    "from helpers.widgets.stepper import AssignmentStepper\nstepper = AssignmentStepper()\nstepper",
    "from helpers.widgets.replay import TrainingReplay\nreplay = TrainingReplay('recording.npz', scenes=2)\nreplay",
    "from helpers.widgets.dial import NoObjectDial\ndial = NoObjectDial()\ndial",
    "(stepper.step, stepper.current.total, replay.step, dial.N, round(dial.numbers['objects'], 4))",
]


@pytest.fixture(scope="module")
def stored(lab):
    """A trusted notebook with the three pieces, run once, so that their state is stored in it."""
    folder = lab.root / "notebooks"
    write_fake_recording(folder / "recording.npz")
    cells = [new_markdown_cell("# Pieces"), *map(new_code_cell, CELLS)]
    for place, cell in enumerate(cells):
        cell["id"] = f"piece-{place}"
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    environment = own_folders(lab.root.parent)
    with live_kernel(notebook, folder, env=environment) as client:
        run_cells(client, notebook)
    path = folder / f"{NAME}.ipynb"
    nbformat.write(notebook, path)
    subprocess.run([sys.executable, "-m", "jupyter", "trust", str(path)], env=environment, check=True)
    return path


@pytest.fixture
def shown(page, lab, stored):
    """The notebook on a projector's page, opened and not run."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    open_notebook(page, lab, NAME)
    return page


def show(page, piece):
    """Scroll to a piece and return it. JupyterLab keeps only cells near the view, so look down the notebook for it."""
    found = page.locator(f".{piece}")
    for place in [None, *range(0, 4000, 250)] * 3:
        if place is not None:
            page.evaluate(f"document.querySelector('.jp-WindowedPanel-outer').scrollTop = {place}")
            page.wait_for_timeout(300)
        if found.count() and found.is_visible():
            break
    found.evaluate("e => e.closest('.jp-Cell').scrollIntoView()")
    found.wait_for()
    keep_picture(page, piece)
    return found


def keep_picture(page, name):
    """Where SCREENSHOTS names a folder, leave pictures there for a person to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.wait_for_timeout(300)
        page.screenshot(path=f"{folder}/{name}.png")


def test_the_stepper_is_alive_before_anything_runs(shown):
    stepper = show(shown, "stepper")
    assert stepper.locator("h3").inner_text() == "Step 1 of 18"
    stepper.get_by_label("One step on").click()
    stepper.get_by_label("One step on").press("Enter")
    assert stepper.locator("h3").inner_text() == "Step 3 of 18"
    stepper.get_by_label("Step", exact=True).press("End")
    assert "would rise without that one" in stepper.locator(".narration").inner_text()
    cell = stepper.get_by_label("cost of A and t1")
    cell.fill("50")
    cell.press("Enter")
    assert cell.input_value() == "50"
    stepper.get_by_label("Step", exact=True).press("End")
    assert stepper.locator(".bar output").last.inner_text() == "9"
    cell.fill("nonsense")
    cell.press("Enter")
    assert cell.input_value() == "50"
    stepper.get_by_label("Back to the first matrix").click()
    assert stepper.locator("h3").inner_text() == "Step 1 of 18"
    assert cell.input_value() == "1"
    assert shown.errors == []
    assert shown.outside == []


def test_the_replay_is_alive_before_anything_runs(shown):
    replay = show(shown, "replay")
    assert replay.locator("h3").inner_text() == "Step 0 of 16,000"
    scrub = replay.get_by_label("Recorded step", exact=True)
    scrub.press("End")
    assert replay.locator("h3").inner_text() == "Step 16,000 of 16,000"
    assert replay.locator(".picture .owner").count() == 5
    assert replay.locator(".picture line.match").count() == 5
    replay.locator(".charts").click(position={"x": 200, "y": 100})
    middle = replay.locator("h3").inner_text()
    assert middle not in ("Step 0 of 16,000", "Step 16,000 of 16,000")
    replay.get_by_label("Play or pause").click()
    shown.wait_for_function(f"document.querySelector('.replay h3').innerText !== {json.dumps(middle)}")
    replay.get_by_label("Play or pause").click()
    replay.get_by_label("Follow token C", exact=True).click()
    assert replay.locator(".trail").count() == 1
    keep_picture(shown, "replay-late")
    replay.get_by_label("Scene", exact=True).select_option("1")
    assert replay.locator(".picture rect.target").count() == 2
    assert shown.errors == []


def test_the_dial_is_alive_before_anything_runs(shown):
    dial = show(shown, "dial")
    assert "88 % of the weight" in dial.locator(".summary").inner_text()
    dial.get_by_label("N 100, T 7, eos_coef 0.1", exact=True).click()
    assert "43 % of the weight" in dial.locator(".summary").inner_text()
    dial.get_by_label("T, objects").press("Home")
    assert "cancels" in dial.locator(".summary").inner_text()
    dial.get_by_label("Back to the first setting").click()
    assert "88 % of the weight" in dial.locator(".summary").inner_text()
    assert shown.errors == []


def test_with_a_kernel_python_has_what_the_page_shows(shown):
    shown.get_by_role("menuitem", name="Run", exact=True).click()
    shown.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    shown.wait_for_function("document.querySelectorAll('.jp-InputPrompt')[4]?.innerText.includes('4')")
    shown.wait_for_selector(IDLE)
    dial = show(shown, "dial")
    dial.get_by_label("N 100, T 7, eos_coef 0.1", exact=True).click()
    show(shown, "replay").get_by_label("Recorded step", exact=True).press("End")
    show(shown, "stepper").get_by_label("Step", exact=True).press("End")
    last = shown.locator(".jp-CodeCell").nth(3)
    last.locator(".cm-content").click()
    shown.keyboard.press("Control+Enter")
    shown.wait_for_function(
        "document.querySelectorAll('.jp-CodeCell')[3].innerText.includes('(17, 9.0, 16000, 100, 0.4294)')"
    )
    assert shown.errors == []


def choose_theme(page, theme):
    page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
    page.locator(".lm-Menu-itemLabel", has_text="Theme").first.hover()
    page.locator(".lm-Menu-itemLabel", has_text=f"JupyterLab {theme}").first.click()
    page.wait_for_selector(f"body[data-jp-theme-light='{str(theme == 'Light').lower()}']", state="attached")


@pytest.mark.parametrize("width", [1280, 700])
def test_nothing_is_cut_off(shown, width):
    shown.set_viewport_size({"width": width, "height": 720})
    for theme in ("Light", "Dark"):
        choose_theme(shown, theme)
        for piece in ("stepper", "replay", "dial"):
            found = show(shown, piece)
            keep_picture(shown, f"{piece}-{width}-{theme}")
            assert found.evaluate("e => e.scrollWidth - e.clientWidth") <= 1, (piece, width)
