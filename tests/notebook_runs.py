"""Run a shipped notebook from a clean kernel, without a network, and watch its memory."""

import os
from dataclasses import dataclass

from tools.memory import MemoryWatch
from tools.notebooks import FAILURES, live_kernel, read_built, run_cells

NOWHERE = "http://127.0.0.1:9"  # nothing listens there, so whatever wants the network fails at once


@dataclass
class Run:
    """What one run gave: the notebook with fresh outputs, the error if any, its memory."""

    notebook: object
    error: str | None
    peak_bytes: int


def run(path):
    """Execute a notebook from a clean kernel in its own process."""
    notebook, error = read_built(path), None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with (
        live_kernel(notebook, path.parent, env=kernel_environment()) as client,
        MemoryWatch(client.km.provisioner.pid) as watch,
    ):
        try:
            run_cells(client, notebook)
        except FAILURES as failure:
            error = str(failure) or type(failure).__name__
    return Run(notebook, error, watch.peak)


def kernel_environment():
    """The environment of a kernel that cannot reach the network."""
    blocked = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
    local = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
    return {**os.environ, **blocked, **local}
