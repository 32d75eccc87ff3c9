"""Open stored notebooks again and again, and count the widgets that stay dead: `python -m tools.openings`.

    python -m tools.openings --times 20 00 09    twenty openings of the notebooks whose names start so
    python -m tools.openings --plain             without our extension of JupyterLab

Every other round finds the kernel of the round before still running; the others begin with a cold one. Each opening is
a fresh browser's. The copy of the notebooks that is opened lies in a temporary folder.
"""

import argparse
import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tools.notebooks import NOTEBOOKS, read_built
from tools.served import QUIET, browser_path, own_folders, served

TIMES = 100
PATIENCE = 90  # seconds until a widget that does not show counts as dead
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


def draw_every_cell(folder):
    """JupyterLab draws only what is near the screen; here every widget is wanted."""
    settings = Path(own_folders(folder)["JUPYTERLAB_SETTINGS_DIR"])
    tracker = settings / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text(json.dumps({"windowingMode": "none"}), encoding="utf-8")


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
    path = browser_path()
    if path is None:
        sys.exit("No Chromium on this machine: install the system's package, for example `chromium`.")
    from playwright.sync_api import sync_playwright  # a test tool: the rest of `tools` does without

    # Without a token a server asks even for the end of a kernel to come from a page of its own.
    flags = ["--ServerApp.disable_check_xsrf=True"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        draw_every_cell(Path(folder))
        with served(Path(folder), "tools.lab", flags=flags) as lab:
            browser = driver.chromium.launch(executable_path=path, args=QUIET)
            dead = count_dead(browser, lab.url, notebooks, chosen)
            browser.close()
    print(f"{chosen.times} openings, {dead} dead")
    sys.exit(dead > 0)


def count_dead(browser, url, notebooks, chosen):
    """Open one notebook after the other and say what was found; how many openings had something dead."""
    dead = 0
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
    return dead


if __name__ == "__main__":
    main(sys.argv[1:])
