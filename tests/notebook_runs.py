"""Run each shipped notebook once, two at a time and ahead of the tests that ask, and watch its memory.

All tests read the same result: the fixture `ran` waits for it. Tests that take it come last, and conftest.py starts
their notebooks at the beginning, so that the kernels work while other tests do.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.memory import MemoryWatch
from tools.notebooks import AT_ONCE, FAILURES, NOTEBOOKS, live_kernel, read_built, run_cells

SHIPPED = sorted(NOTEBOOKS.glob("*.ipynb"))
NOWHERE = "http://127.0.0.1:9"  # nothing listens there, so whatever wants the network fails at once
LONG = ("10", "09", "11")  # started first, so that no single one is waited for in the end


@dataclass
class Run:
    """What one run gave: the notebook with fresh outputs, the error if any, its memory."""

    notebook: object
    error: str | None
    peak_bytes: int


class Runs:
    """The runs of a session: each notebook is started once, by whoever asks first."""

    def __init__(self):
        self.pool, self.stopped = ThreadPoolExecutor(AT_ONCE), False
        self.found, self.kernels = {}, set()

    def start(self, paths):
        """Queue the notebooks that nobody has asked for yet, the longest first."""
        for path in sorted(set(paths) - self.found.keys(), key=_place):
            self.found[path] = self.pool.submit(run, path, self)

    def of(self, path: Path):
        """What the notebook gave; waits for it."""
        self.start([path])
        return self.found[path].result()

    def stop(self):
        """End what still runs: a session that ends early, as with `-x`, waits for no notebook."""
        self.stopped = True
        self.pool.shutdown(wait=False, cancel_futures=True)
        for kernel in tuple(self.kernels):
            kernel.kill()

    @contextmanager
    def watched(self, kernel):
        """Know the process of a kernel while it works; one that starts too late is ended at once."""
        self.kernels.add(kernel)
        if self.stopped:
            kernel.kill()
        yield
        self.kernels.discard(kernel)


def _place(path):
    number = path.name[:2]
    return LONG.index(number) if number in LONG else len(LONG), path


RUNS = Runs()


def kernel_environment():
    """The environment of a kernel that cannot reach the network."""
    blocked = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
    local = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
    return {**os.environ, **blocked, **local}


def run(path, runs):
    """Execute a notebook from a clean kernel in its own process; `runs` may end it."""
    notebook, error = read_built(path), None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with (
        live_kernel(notebook, path.parent, env=kernel_environment()) as client,
        MemoryWatch(client.km.provisioner.pid) as watch,
        runs.watched(watch.process),
    ):
        try:
            run_cells(client, notebook)
        except FAILURES as failure:
            error = str(failure) or type(failure).__name__
    return Run(notebook, error, watch.peak)
