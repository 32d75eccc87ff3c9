"""The interactive pieces in a real JupyterLab: a notebook with their state stored, opened, searched and pictured."""

import itertools
import os
import subprocess
import sys
import time

import nbformat
from conftest import open_notebook
from fake_recording import write_fake_recording
from hand_and_eye import PATIENCE, rested
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.notebooks import live_kernel, run_cells
from tools.served import own_folders

SIZES = [(1280, 720), (700, 720), (640, 360)]  # a projector, a narrow window, and the projector at 200 %


# Each piece, with what a hand clicks in it and a control that arrow keys move.
PIECES = {
    "playground": ("MatchingPlayground()", ".chip.prediction:last-child", "input[type=range]"),
    "boxlab": ("BoxLab()", ".box.prediction .tab", "select"),
    "stepper": ("AssignmentStepper()", "input.cell", "input[type=range]"),
    "replay": ("TrainingReplay('recording.npz', scenes=2)", ".scrub", "select"),
    "dial": ("NoObjectDial()", "input[type=range]", "input[type=range]"),
    "setplay": ("SetPlay()", ".chip.target:last-child", "select"),
    "reports": ("ReportCards()", ".chip.prediction:last-child", ".card:nth-child(4) select"),
}


def store_all(lab, name):
    """A trusted notebook with the pieces, and an empty cell before them so that a run renumbers them."""
    write_fake_recording(lab.root / "notebooks" / "recording.npz")
    cells = [f"from helpers.widgets import {code.split('(')[0]}\n{code}" for code, *_ in PIECES.values()]
    store(lab, name, ["None", *cells])


def store(lab, name, code):
    """A trusted notebook of these cells, run once, so that the state of its widgets is stored in it."""
    folder = lab.root / "notebooks"
    cells = [new_markdown_cell("# Pieces"), *map(new_code_cell, code)]
    for place, cell in enumerate(cells):
        cell["id"] = f"piece-{place}"
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    environment = own_folders(lab.root.parent)
    with live_kernel(notebook, folder, env=environment) as client:
        run_cells(client, notebook)
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    subprocess.run([sys.executable, "-m", "jupyter", "trust", str(path)], env=environment, check=True)


def opened(page, lab, name):
    """The page with a stored notebook, opened and not run."""
    open_notebook(page, lab, name)
    return page


def on_projector(page, lab, name):
    """The same on a page of 1280 by 720."""
    page.set_viewport_size({"width": 1280, "height": 720})
    return opened(page, lab, name)


def show(page, piece, cell=None):
    """Scroll to a piece and return it: the only one of its kind, or that in code cell number `cell`.

    JupyterLab keeps only cells near the view, so look down the notebook for it.
    """
    found = page.locator(f".{piece}") if cell is None else page.locator(".jp-CodeCell").nth(cell).locator(f".{piece}")
    places, end = itertools.cycle(range(0, 4000, 250)), time.monotonic() + PATIENCE / 1000
    while not (found.count() and found.is_visible()):
        assert time.monotonic() < end, f"no {piece} to be seen"
        page.evaluate(f"document.querySelector('.jp-WindowedPanel-outer').scrollTop = {next(places)}")
        rested(page, 200)
    found.evaluate("e => e.scrollIntoView()")
    found.wait_for()
    keep_picture(page, piece)
    return found


def run_all(page, cells):
    """Run the notebook and wait for the last of so many cells."""
    page.evaluate("document.querySelectorAll('.jp-InputPrompt').forEach((prompt) => (prompt.textContent = ''))")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = f"document.querySelectorAll('.jp-InputPrompt')[{cells}]?.innerText.includes('{cells}')"
    page.wait_for_function(last)


def save(page):
    """Save with the keys, from wherever the focus is, and wait until the server has the file."""
    with page.expect_response(lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url):
        page.keyboard.press("Control+s")


def choose_theme(page, theme):
    page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
    page.locator(".lm-Menu-itemLabel", has_text="Theme").first.hover()
    page.locator(".lm-Menu-itemLabel", has_text=f"JupyterLab {theme}").first.click()
    page.wait_for_selector(f"body[data-jp-theme-light='{str(theme == 'Light').lower()}']", state="attached")


def keep_picture(page, name):
    """Where SCREENSHOTS names a folder, leave pictures there for a person to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        rested(page, 300)
        page.screenshot(path=f"{folder}/{name}.png")
