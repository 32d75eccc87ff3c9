"""Open stored notebooks again and again, and count the widgets that stay dead: `python -m tools.openings`.

    python -m tools.openings --times 20 00 09    twenty openings of the notebooks whose names start so
    python -m tools.openings --plain             without our extension of JupyterLab

Every other round finds the kernel of the round before still running; the others begin with a cold one. Each opening is
a fresh browser's. The copy of the notebooks that is opened lies in a temporary folder.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tools.notebooks import NOTEBOOKS, ROOT, read_built

TIMES = 100
PATIENCE = 90  # seconds until a widget that does not show counts as dead
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VIEW = "application/vnd.jupyter.widget-view+json"
# [widgets that show, widgets that do not], each by the words that stand in its place
STATES = """() => {
    const outputs = [...document.querySelectorAll('.jp-OutputArea-output')];
    const words = outputs.map((output) => output.innerText.trim());
    const dead = words.filter((text) => /^(Loading widget|Error displaying widget)/.test(text));
    return [outputs.filter((output) => output.querySelector(':scope.lm-Panel > .lm-Widget > *')).length, dead];
}"""


def with_widgets(starts=()):
    """The stored notebooks that show widgets, of those whose names start so, and how many each shows."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        outputs = [output for cell in read_built(path).cells for output in cell.get("outputs", [])]
        views = sum(VIEW in output.get("data", {}) for output in outputs)
        if views and (not starts or path.name.startswith(tuple(starts))):
            found[path.stem] = views
    return found


@contextmanager
def running_lab(folder):
    """JupyterLab as `make lab` starts it, on a copy of the repository's notebooks in `folder`; yields its address."""
    for name in ("notebooks", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Without a token a server asks even for the end of a kernel to come from a page of its own.
    flags = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    flags += ["--ServerApp.disable_check_xsrf=True"]
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
    # JupyterLab draws only what is near the screen; here every widget is wanted.
    tracker = folder / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text(json.dumps({"windowingMode": "none"}), encoding="utf-8")
    environment = {**os.environ, **own, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tools.lab", *flags]
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(f"{url}/api"):
            if server.poll() is not None:
                sys.exit("JupyterLab does not start; try `make lab`.")
            time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def answers(url):
    """Whether a server answers there."""
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


def end_kernels(url):
    """Shut all sessions down, so that the next opening finds a cold kernel."""
    for session in json.load(urllib.request.urlopen(f"{url}/api/sessions")):
        request = urllib.request.Request(f"{url}/api/sessions/{session['id']}", method="DELETE")
        urllib.request.urlopen(request)


def open_once(browser, url, name, views, plain):
    """Open a stored notebook in a fresh page: what stands where a widget should, and the seconds it took."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    if plain:
        page.route("**/extensions/set-prediction-loss/**", lambda route: route.abort())
    begun = time.perf_counter()
    page.goto(f"{url}/lab/workspaces/openings/tree/notebooks/{name}.ipynb?reset")
    dead, shown = ["nothing"], 0
    while time.perf_counter() - begun < PATIENCE:
        page.wait_for_timeout(250)
        shown, dead = page.evaluate(STATES)
        if (shown >= views and not dead) or any(text.startswith("Error") for text in dead):
            break
    seconds = time.perf_counter() - begun
    context.close()
    return dead if dead or shown >= views else [f"{shown} of {views} widgets"], seconds


def main(arguments):
    """Count, say what was dead, and fail if anything was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="only notebooks whose names start so")
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--plain", action="store_true", help="without our extension")
    chosen = parser.parse_args(arguments)
    notebooks = with_widgets(chosen.names)
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        sys.exit("No Chromium on this machine: install the system's package, for example `chromium`.")
    from playwright.sync_api import sync_playwright  # a test tool: the rest of `tools` does without

    dead = 0
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as url, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for place in range(chosen.times):
            round_number, turn = divmod(place, len(notebooks))
            name = list(notebooks)[turn]
            cold = round_number % 2 == 0
            if cold:
                end_kernels(url)
            found, seconds = open_once(browser, url, name, notebooks[name], chosen.plain)
            dead += bool(found)
            kernel = "cold" if cold else "running"
            print(f"{place + 1:3} {name}, {kernel} kernel, {seconds:.0f} s: {'; '.join(found) or 'alive'}", flush=True)
        browser.close()
    print(f"{chosen.times} openings, {dead} dead")
    sys.exit(dead > 0)


if __name__ == "__main__":
    main(sys.argv[1:])
