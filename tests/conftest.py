"""What all tests share: which of them are slow, and a real JupyterLab in a real browser.

`lab` is a running server on a copy of the notebooks, so that no test can change the repository; `page` is a fresh
browser page. Where there is no browser both are skipped, and the last line of the run says so.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: notebooks, servers and browsers work at the same time

import importlib.util

import pytest
from hand_and_eye import PATIENCE
from missing import not_tested, skip_without

from tools.served import QUIET, browser_path, served

SCREEN = {"width": 1366, "height": 768}  # an ordinary classroom projector
IDLE = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'
LOCAL = ("http://127.0.0.1", "ws://127.0.0.1", "file:", "data:", "blob:", "about:")
SLOWER = int(os.environ.get("SLOWER", "1"))  # how many times slower than this machine a page's scripts run


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One process more than there are cores, as browsers and kernels are waited for; four at most, for memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, cores + 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """What goes to one process: a file, whose tests share what they made, or one run of a notebook."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return nodeid if "test_notebooks.py::test_runs_in" in nodeid else nodeid.partition("::")[0]

    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A test in a browser is slow unless it is marked `quick`."""
    for item in items:
        if "browser" in item.fixturenames and not item.get_closest_marker("quick"):
            item.add_marker("slow")


def pytest_unconfigure(config):
    """Below the closing line: what this machine could not test."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    line = not_tested(str(report.longrepr) for report in reporter.getreports("skipped")) if reporter else None
    if line:
        reporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """JupyterLab as `make lab` starts it, without a token, on a copy of the notebooks."""
    with served(tmp_path_factory.mktemp("lab"), "tools.lab") as lab:
        yield lab


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that is installed on this machine."""
    if not importlib.util.find_spec("playwright"):
        skip_without("playwright")
    path = browser_path()
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
