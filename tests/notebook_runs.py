"""Run each shipped notebook once, watch its memory, and let all tests read the same result."""

import functools
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.notebooks import FAILURES, NOTEBOOKS, live_kernel, read_built, run_cells

SHIPPED = sorted(NOTEBOOKS.glob("*.ipynb"))
NOWHERE = "http://127.0.0.1:9"  # nothing listens there, so whatever wants the network fails at once


@dataclass
class Run:
    """What one run gave: the notebook with fresh outputs, the error if any, the cost."""

    notebook: object
    error: str | None
    seconds: float
    peak_bytes: int


def offline_environment():
    """The environment of a kernel that cannot reach the network."""
    blocked = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
    return {**os.environ, **blocked, "no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}


def limit_seconds(path: Path):
    """How long a notebook may take: 60 s, and 180 s for notebooks 09 and 10, which train."""
    return 180 if path.name.startswith(("09", "10")) else 60


@functools.cache
def run(path: Path):
    """Execute a notebook from a clean kernel in its own process. The result is shared by all tests."""
    notebook, error = read_built(path), None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    start = time.perf_counter()
    with live_kernel(notebook, path.parent, 3 * limit_seconds(path), env=offline_environment()) as client:
        with MemoryWatch(client.km.provisioner.pid) as watch:
            try:
                run_cells(client, notebook)
            except FAILURES as failure:
                error = str(failure) or type(failure).__name__
        seconds = time.perf_counter() - start
    return Run(notebook, error, seconds, watch.peak)


class MemoryWatch:
    """Sample the proportional set size (PSS) of a process and its children; `peak` is the largest sum seen.

    PSS splits shared pages among their users, so that nothing is counted twice.
    """

    def __init__(self, pid, interval=0.2):
        self.process, self.interval, self.peak = psutil.Process(pid), interval, 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def _watch(self):
        while True:
            self.peak = max(self.peak, self._now())
            if self.stopped.wait(self.interval):
                return

    def _now(self):
        total = 0
        try:
            for process in [self.process, *self.process.children(recursive=True)]:
                total += getattr(process.memory_full_info(), "pss", 0)
        except psutil.Error:  # a process that ended between listing and reading
            return total
        return total
