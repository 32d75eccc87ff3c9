"""The extension of JupyterLab: installed whole, with the package and by `make lab`; and what `make openings` opens."""

import json
import tomllib
from pathlib import Path

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
    assert found == {"00_start_here": 1, "04_three_costs": 2}
