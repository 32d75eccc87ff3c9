"""How long a piece takes to be there, and to follow a hand: to the end of the frame that shows it.

python -m benchmarks --pieces     half a minute; needs Playwright and a Chromium
"""

import base64
import json
import shutil
import statistics
import tempfile
from contextlib import contextmanager
from pathlib import Path

from helpers import widgets
from helpers.detector import weights_folder

MOVES = 200
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COLUMNS = ("piece", "first paint, ms", "moves", "mean, ms", "95th percentile, ms")
# What a hand drags in each piece, a CSS selector.
DRAGGED = {
    "MatchingPlayground": ".box.prediction",
    "BoxLab": ".box.prediction .tab",
    "AssignmentStepper": "input[type=range]",
    "TrainingReplay": ".scrub",
    "NoObjectDial": "input[type=range]",
    "SavedAgain": ".box.prediction",
    "SceneLab": ".box",
    "SetPlay": ".box.prediction",
}
# A page with one piece; what it asks `helpers` is answered by the piece in this process, and not waited for.
PAGE = """<!doctype html><meta charset="utf-8"><style>{style}</style><div id="piece"></div>
<script type="module">
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
const state = JSON.parse({state}, (key, value) => (value?.bytes === undefined ? value : bytes(value.bytes)));
const heard = new Map();
const model = {{
  get: (name) => state[name],
  set(name, value) {{ window.changes += 1; state[name] = value; tell(`change:${{name}}`); }},
  on: (names, react) => names.split(" ").forEach((name) => heard.set(name, [...(heard.get(name) ?? []), react])),
  off() {{}}, save_changes() {{}},
  async send(question) {{
    for (const [said, buffers] of await ask(question)) tell("msg:custom", said, buffers.map(bytes));
  }},
}};
function tell(name, ...said) {{ for (const react of heard.get(name) ?? []) react(...said); }}
Object.assign(window, {{ times: [], changes: 0, begun: performance.now() }});
addEventListener("pointermove", () => {{
  const begun = performance.now();
  requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - begun)));
}}, true);
const {{ default: piece }} = await import("data:text/javascript;base64,{code}");
await piece.render({{ model, el: document.querySelector("#piece") }});
const seen = () => Object.assign(window, {{ first: performance.now() - begun, ready: true }});
requestAnimationFrame(() => setTimeout(seen));
</script>"""


def measure():
    """One dict for each piece: its name, milliseconds to its first paint; how many moves were seen, their mean and the
    95th percentile in milliseconds."""
    rows = []
    with browser() as chromium, tempfile.TemporaryDirectory() as folder:
        for name, dragged in DRAGGED.items():
            first, times = drag(chromium, made(name), dragged, Path(folder) / f"{name}.html")
            late = sorted(times)[int(0.95 * len(times))]
            found = {"first": first, "moves": len(times), "mean": statistics.mean(times), "late": late}
            rows.append({"name": name, **found})
            print(piece_line(rows[-1]), flush=True)
    return rows


def made(name):
    piece = getattr(widgets, name)
    return piece(weights_folder() / "recording.npz") if name == "TrainingReplay" else piece()


def page_with(piece):
    state = json.dumps({key: plain(value) for key, value in piece.get_state().items()})
    code = base64.b64encode(piece._esm.encode()).decode()
    return PAGE.format(style=piece._css, code=code, state=json.dumps(state).replace("</", "<\\/"))


def plain(value):
    """What JSON can hold: bytes as {"bytes": base64}."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


@contextmanager
def browser():
    """A headless Chromium, that of the system if there is one."""
    from playwright.sync_api import sync_playwright  # `make test` installs it

    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


def answers_of(piece):
    """What a page may ask: a function from a question to the piece's answers, each with its buffers in base64."""
    said = []

    def keep(content, buffers=None):
        said.append([plain(content), [base64.b64encode(one).decode() for one in buffers or ()]])

    def ask(question):
        said.clear()
        piece.hear(question)
        return said

    piece.send = keep
    return ask


def drag(chromium, piece, dragged, path):
    """Milliseconds to the first paint, and of each move while what is dragged goes to and fro.

    RuntimeError where nothing follows.
    """
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    page.expose_function("ask", answers_of(piece))
    path.write_text(page_with(piece), encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_function("window.ready")
    page.wait_for_timeout(1000)  # a detector may have to arrive
    held = page.locator(dragged).first
    held.scroll_into_view_if_needed()
    area = held.bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("times.length = 0")
    for move in range(MOVES):
        page.mouse.move(x + 20 - abs(move % 80 - 40), y)
    page.mouse.up()
    page.wait_for_function(f"times.length >= {MOVES}")
    first, times, changes = page.evaluate(f"[first, times.slice(0, {MOVES}), changes]")
    page.close()
    if not changes:
        raise RuntimeError(f"{type(piece).__name__}: nothing follows when {dragged} is dragged.")
    return first, times


def piece_line(row):
    return f"| {row['name']} | {row['first']:.0f} | {row['moves']} | {row['mean']:.1f} | {row['late']:.1f} |"
