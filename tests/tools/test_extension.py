"""The extension of JupyterLab: installed whole, with the package and by `make lab`; and what `make openings` opens."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tools import lab, openings

ROOT = Path(__file__).resolve().parents[2]


def test_the_package_installs_the_whole_extension():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    about = json.loads((lab.EXTENSION / "package.json").read_text(encoding="utf-8"))
    target = f"share/jupyter/labextensions/{about['name']}"
    placed = {
        f"{folder}/{Path(file).name}": ROOT / file
        for folder, files in project["tool"]["setuptools"]["data-files"].items()
        for file in files
    }
    whole = {path for path in lab.EXTENSION.rglob("*") if path.is_file()}
    assert placed == {f"{target}/{path.relative_to(lab.EXTENSION).as_posix()}": path for path in whole}
    assert f"{target}/{about['jupyterlab']['_build']['load']}" in placed
    assert about["version"] == project["project"]["version"]


def test_lab_installs_the_extension(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "SHARED", tmp_path)
    lab.install_extension()
    assert (tmp_path / "labextensions" / "set-prediction-loss" / "static" / "remoteEntry.js").is_file()


def test_openings_find_the_notebooks_with_widgets():
    found = openings.with_widgets(["00", "01", "04"])
    assert found == {"00_start_here": 1, "04_three_costs": 1}


# JupyterLab's widget manager as far as the extension sees it: `get_model` looks for two seconds, as the real one does;
# the kernel never answers. Time runs twenty times as fast.
MANAGER = """
const [real, begun] = [Date.now, Date.now()];
Date.now = () => begun + 20 * (real() - begun);
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms / 20));
globalThis.window = globalThis;
globalThis.heard = [];
globalThis.document = { body: { addEventListener: (name, hear) => heard.push(hear) } };
const KIND = "application/vnd.jupyter.widget-state+json";
class WidgetManager {
  models = {};
  restoredStatus = false;
  kernel = { connectionStatus: "connected", status: "idle" };
  context = { model: { getMetadata: () => ({ [KIND]: { state: { stored: "of the file" } } }) } };
  has_model(id) { return id in this.models; }
  filterExistingModelState({ state }) {
    return { state: Object.fromEntries(Object.entries(state).filter(([id]) => !this.has_model(id))) };
  }
  _get_comm_info() { return new Promise(() => {}); }
  set_state({ state }) { return this._get_comm_info().then(() => Object.assign(this.models, state)); }
  async get_model(id) {
    for (const since = Date.now(); Date.now() - since < 2000; await later(100))
      if (this.has_model(id)) return this.models[id];
    throw new Error("widget model not found");
  }
}
globalThis._JUPYTERLAB = { "@jupyter-widgets/jupyterlab-manager": { get: async () => () => ({ WidgetManager }) } };
"""
OPENINGS = """
const { default: extension } = (await _JUPYTERLAB["set-prediction-loss"].get("./extension"))();
await extension.activate();
const seen = {};
async function open(name, happens, id = "stored") {
  const manager = new WidgetManager();
  happens(manager);
  seen[name] = await manager.get_model(id).catch((error) => error.message);
}
await open("at once", (manager) => (manager.models.stored = "of the kernel"));
await open("late", (manager) => later(3000).then(() => (manager.models.stored = "of the kernel")));
await open("restored without the file", (manager) => (manager.restoredStatus = true));
await open("never restored", () => {});
await open("busy, then restored", (manager) => {
  manager.kernel.status = "busy";
  later(40000).then(() => (manager.models.stored = "of the kernel"));
});
await open("not stored", (manager) => (manager.restoredStatus = true), "other");
const widget = (own) => ({ closest: (selector) => (selector === ".spl" ? own : { closest: () => cell }) });
const cell = { focus: () => (seen.left = true) };
const press = (key, more = {}, own = null) => {
  let stays = false;
  heard[0]({ key, target: widget(own), stopPropagation: () => (stays = true), ...more });
  return stays;
};
seen.stay = [press("d"), press("ArrowDown"), press("Enter")];
seen.pass = [press("Enter", { shiftKey: true }), press("s", { ctrlKey: true }), press("d", {}, true), press("Escape")];
console.log(JSON.stringify(seen));
"""


def test_a_stored_model_is_found_whoever_is_late():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on this machine: the extension cannot be run")
    program = MANAGER + (lab.EXTENSION / "static" / "remoteEntry.js").read_text(encoding="utf-8") + OPENINGS
    done = subprocess.run([node, "--input-type=module"], input=program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {
        "at once": "of the kernel",
        "late": "of the kernel",
        "restored without the file": "of the file",
        "never restored": "of the file",
        "busy, then restored": "of the kernel",
        "not stored": "widget model not found",
        "left": True,
        "stay": [True, True, True],
        "pass": [False, False, False, False],
    }
