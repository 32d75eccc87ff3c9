"""JupyterLab on a copy of the notebooks, and the browser that looks at it, for the tests and for `make openings`."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.training.processes import free_port
from tools.notebooks import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


@dataclass
class Lab:
    """A running JupyterLab: its address and the folder that it serves."""

    url: str
    root: Path


@contextmanager
def served(folder, *command, flags=()):
    """A server that a module of `tools` starts, without a token, in a copy of the repository in `folder`."""
    root = folder / "root"
    for name in ("notebooks", "tools"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    shutil.copy(ROOT / "jupytext.toml", root)
    port = free_port()
    flags = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", *flags]
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, *flags], cwd=root, env=own_folders(folder), stdout=output, stderr=output
        )
    try:
        url = f"http://127.0.0.1:{port}"
        if not answers(f"{url}/api", server):
            raise RuntimeError(f"JupyterLab does not answer:\n{log.read_text()[-3000:]}")
        yield Lab(url, root)
    finally:
        server.terminate()
        server.wait(60)


def own_folders(folder):
    """An environment in which Jupyter finds nothing of the user's and leaves nothing behind."""
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    jupyter = {f"JUPYTER_{name}": str(folder / name.lower()) for name in names}
    lab = {f"JUPYTERLAB_{name}": str(folder / name.lower()) for name in ("SETTINGS_DIR", "WORKSPACES_DIR")}
    return {**os.environ, **jupyter, **lab, "IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": str(ROOT)}


def answers(url, server, seconds=90):
    """Wait until the server answers; False if it ends before, or does not within so many seconds."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            direct.open(url, timeout=5).close()
            return True
        except OSError:
            time.sleep(0.2)
    return False


def browser_path():
    """Where a Chromium lies on this machine; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
