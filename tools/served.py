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
        wait_for(f"{url}/api", server, log)
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
    raise RuntimeError(f"JupyterLab does not answer:\n{log.read_text()[-3000:]}")


def browser_path():
    """Where a Chromium lies on this machine; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
