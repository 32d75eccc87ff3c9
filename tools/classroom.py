"""Rehearse a lecture the day before: `make classroom` installs what it needs, then runs `python -m tools.classroom`.

The checks run with every proxy leading nowhere and the hub switched off, so that what asks for a network fails here,
not in the room. Each prints a line; the last one runs all cells of the lecture and says how long the longest take on
this machine, which is how long to talk.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from nbclient.exceptions import CellExecutionError

from helpers.training.processes import free_port
from tools import handout, lecture, slides, talk
from tools.lab import stale_line
from tools.notebooks import NOTEBOOKS, ROOT, live_kernel
from tools.plan import read_plan
from tools.served import answers, browser_path
from tools.vendor import scripts

NOWHERE = "http://127.0.0.1:9"  # nothing answers there
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
OFFLINE = dict.fromkeys(PROXIES, NOWHERE) | {"HF_HUB_OFFLINE": "1", "no_proxy": "127.0.0.1,localhost"}
PATIENCE = 120  # seconds for JupyterLab to answer


class NotReady(Exception):
    """What is missing for a lecture, and how to get it."""


def outputs_are_stored():
    """No notebook shows outputs of older code."""
    if line := stale_line():
        raise NotReady(f"{line}: run `make notebooks`")
    return "all notebooks show what their code gives"


def slides_are_written():
    """The decks, and the lecture as one file."""
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    slides.build(paths)
    talk.main()
    return f"{len(paths)} decks in {slides.TARGET.relative_to(ROOT)}, and lecture.html, to copy onto a stick"


def sheet_is_printed():
    """The votes as a PDF."""
    if not browser_path():
        raise NotReady(handout.NO_BROWSER)
    handout.main()
    return "print it on both sides of a page"


def jupyterlab_answers():
    """JupyterLab with its slides starts on the lecture, without a network."""
    if not importlib.util.find_spec("jupyterlab_rise"):
        raise NotReady(lecture.NO_RISE)
    port, flags = free_port(), ["--no-browser", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command = [sys.executable, "-m", "tools.lecture", *flags, f"--port={port}"]
    began = time.perf_counter()
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/api", server)
    finally:
        server.terminate()
        server.wait(30)
    return f"after {time.perf_counter() - began:.0f} s"


def wait_for(address, server):
    """Wait until a server answers."""
    if not answers(address, server, PATIENCE):
        raise NotReady("JupyterLab does not answer: run `make lecture` and read what it says")


def lecture_runs():
    """All cells of the lecture, in order, as a lecturer would run them."""
    plan = read_plan()
    notebook = lecture.whole_lecture(plan, talk.built_notebooks(plan))
    seconds = {}
    with tempfile.TemporaryDirectory() as folder, live_kernel(notebook, Path(folder)) as client:
        for index, cell in enumerate(notebook.cells):
            began = time.perf_counter()
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                raise NotReady(f"a cell fails: {error.evalue}") from error
            if cell.cell_type == "code":
                seconds[cell.source] = time.perf_counter() - began
    longest = sorted(seconds.items(), key=lambda pair: -pair[1])[:4]
    return "".join(f"\n      {took:3.0f} s  {name_of(source)}" for source, took in longest)


def name_of(source):
    """What to call a cell: its first line, or that it prepares."""
    lines = source.splitlines()
    return f"prepares: {lines[1][:60]}" if lines[0].startswith("%%capture") else lines[0][:70]


CHECKS = {
    "outputs": outputs_are_stored,
    "slides": slides_are_written,
    "sheet of votes": sheet_is_printed,
    "JupyterLab": jupyterlab_answers,
    "every cell of the lecture": lecture_runs,
}


def main(checks=CHECKS):
    """Run all checks; returns the exit status. What slides need from npm is fetched first, with a network."""
    with suppress(SystemExit, subprocess.CalledProcessError):  # the check of the slides will say so
        scripts()
    os.environ.update(OFFLINE)
    missing = 0
    for name, check in checks.items():
        try:
            print(f"ok    {name}: {check()}", flush=True)
        except (NotReady, SystemExit) as error:
            missing += 1
            print(f"NOT   {name}: {error}", flush=True)
    print("Ready, without a network." if not missing else f"Not ready: {missing} of {len(checks)}.")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
