"""What all tests share: which of them are slow, notebooks that run ahead, and a real JupyterLab in a real browser.

`ran` is what a notebook gave when it was executed. `lab` is a running server on a copy of the notebooks, so that no
test can change the repository; `page` is a fresh browser page. Where there is no browser both are skipped, and the last
line of the run says so.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: notebooks, servers and browsers work at the same time

import importlib.util
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hand_and_eye import PATIENCE
from missing import not_tested, skip_without
from notebook_runs import RUNS

from helpers.training.processes import free_port

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SCREEN = {"width": 1366, "height": 768}  # an ordinary classroom projector
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
IDLE = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'
LOCAL = ("http://127.0.0.1", "ws://127.0.0.1", "file:", "data:", "blob:", "about:")
SLOWER = int(os.environ.get("SLOWER", "1"))  # how many times slower than this machine a page's scripts run


@dataclass
class Lab:
    """A running JupyterLab: its address and the folder that it serves."""

    url: str
    root: Path


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A test in a browser is slow unless it is marked `quick`; tests that wait for a notebook come last."""
    for item in items:
        if "browser" in item.fixturenames and not item.get_closest_marker("quick"):
            item.add_marker("slow")
    items.sort(key=lambda item: "ran" in item.fixturenames)


def pytest_collection_finish(session):
    """Start the notebooks that the chosen tests will ask for."""
    if not session.config.option.collectonly:
        RUNS.start(item.callspec.params["path"] for item in session.items if "ran" in item.fixturenames)


def pytest_sessionfinish():
    RUNS.stop()


def pytest_unconfigure(config):
    """Below the closing line: what this machine could not test."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    line = not_tested(str(report.longrepr) for report in reporter.getreports("skipped")) if reporter else None
    if line:
        reporter.write_line(line, yellow=True)


@pytest.fixture
def ran(path):
    """What the notebook at `path`, a parameter of the test, gave when it was executed, once for all tests."""
    return RUNS.of(path)


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """JupyterLab as `make lab` starts it, without a token, on a copy of the notebooks."""
    with started(tmp_path_factory.mktemp("lab"), "tools.lab") as lab:
        yield lab


@contextmanager
def started(folder, *command):
    """A server that a module of `tools` starts, in a copy of the repository in `folder`."""
    root = folder / "root"
    for name in ("notebooks", "tools"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    shutil.copy(ROOT / "jupytext.toml", root)
    port = free_port()
    flags = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, *flags], cwd=root, env=own_folders(folder), stdout=output, stderr=output
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/api", server, log)
        yield Lab(url, root)
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that is installed on this machine."""
    if not importlib.util.find_spec("playwright"):
        skip_without("playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        skip_without("Chromium")
    from playwright.sync_api import sync_playwright  # the tests without a browser do without it

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser):
    """Makes fresh pages, as a newcomer's, each in a context with these options.

    `page.outside` lists requests that left this machine, `page.errors` what its scripts complained of: none should be.
    """
    contexts = []

    def make(**options):
        contexts.append(browser.new_context(**{"viewport": SCREEN, **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.outside, page.errors = [], []
        page.on("request", lambda request: request.url.startswith(LOCAL) or page.outside.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        if SLOWER > 1:
            contexts[-1].new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page):
    """A fresh page on an ordinary screen."""
    return new_page()


def open_notebook(page, lab, name="00_start_here"):
    """Open a notebook in the page, alone, and wait until its kernel is ready."""
    page.goto(f"{lab.url}/lab/workspaces/{name}/tree/notebooks/{name}.ipynb?reset")
    page.wait_for_selector(".jp-Notebook h1")
    page.wait_for_selector(IDLE)


def own_folders(folder):
    """An environment in which Jupyter finds nothing of the user's and leaves nothing behind."""
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    jupyter = {f"JUPYTER_{name}": str(folder / name.lower()) for name in names}
    lab = {f"JUPYTERLAB_{name}": str(folder / name.lower()) for name in ("SETTINGS_DIR", "WORKSPACES_DIR")}
    return {**os.environ, **jupyter, **lab, "IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": str(ROOT)}


def wait_for(url, server, log, seconds=90):
    """Wait until the server answers; show its log if it does not."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(seconds * 5):
        try:
            return direct.open(url, timeout=5)
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.2)
    pytest.fail(f"JupyterLab does not answer:\n{log.read_text()[-3000:]}")
