"""Open JupyterLab on the first notebook: `python -m tools.lab`, with any of JupyterLab's own flags behind it.

A reader shall meet the notebook and nothing else. So the shipped notebooks are trusted first (stored widgets
are then alive on opening), a small extension sees to it that they are, and JupyterLab's question about news is
answered with "no" before it is asked.
The server's root is the repository: only there does JupyterLab find jupytext.toml and keep sources in step.
"""

import json
import os
import shutil
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path

from tools.notebooks import NOTEBOOKS, read_source, solutions, source_of, sources, stale_reason, target_of

ROOT = Path(__file__).resolve().parents[1]
FIRST = "/lab/tree/notebooks/00_start_here.ipynb"
SHARED = Path(sys.prefix, "share", "jupyter")
SETTINGS = SHARED / "lab" / "settings" / "overrides.json"
EXTENSION = Path(__file__).with_name("labextension")


def trust_notebooks(folder=ROOT / "notebooks"):
    """Sign the notebooks of a folder, the shipped ones by default, as `jupyter trust` does."""
    notebooks = sorted(str(path) for path in folder.glob("*.ipynb"))
    if notebooks:
        command = [sys.executable, "-m", "jupyter", "trust", *notebooks]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def install_settings():
    """Put our few settings into this environment's JupyterLab, beside any that are there already."""
    settings = json.loads(SETTINGS.read_text(encoding="utf-8")) if SETTINGS.exists() else {}
    settings.update(json.loads(Path(__file__).with_name("overrides.json").read_text(encoding="utf-8")))
    SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    SETTINGS.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def install_extension():
    """Put our extension into this environment's JupyterLab, which pip leaves out of an editable installation."""
    name = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))["name"]
    shutil.copytree(EXTENSION, SHARED / "labextensions" / name, dirs_exist_ok=True)


def tidy_before_saving(model, path="", contents_manager=None, **_):
    """Drop what JupyterLab adds by itself, so that a notebook that was only read and run leaves its source as it was.

    Without this, opening a notebook would change its file: JupyterLab notes the version of Python and saves. Running a
    cell would open its folded output, and a click on folded code would unfold it for all: a cell stays folded as it
    stands in the text source, where a person who writes changes it.
    """
    if model["type"] == "notebook" and model.get("content"):
        metadata, cells = (model["content"][name] for name in ("metadata", "cells"))
        metadata.get("language_info", {}).pop("version", None)
        metadata.pop("jupytext", None)
        for cell in cells:
            cell["metadata"].pop("collapsed", None)  # beside outputs_hidden, which says the same
        source = source_of(Path(contents_manager.root_dir, path)) if contents_manager else None
        if source and source.is_file():
            fold_as(read_source(source).cells, cells)


def fold_as(before, cells):
    """Fold `cells` as their counterparts `before` are: cells of equal text, and cells that were rewritten in place."""
    texts = [[cell["source"] for cell in some] for some in (before, cells)]
    for _, first, last, to_first, to_last in SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        if last - first == to_last - to_first:
            for old, new in zip(before[first:last], cells[to_first:to_last]):
                new["metadata"].pop("jupyter", None)
                new["metadata"] |= {"jupyter": dict(folded)} if (folded := old["metadata"].get("jupyter")) else {}


def stale_line():
    """One line that names the notebooks whose stored outputs are of older code, or None."""
    pairs = [(source, target_of(source)) for source in sources() + solutions()]
    stale = [target for source, target in pairs if stale_reason(source, target)]
    names = [target.relative_to(NOTEBOOKS).with_name(target.stem.partition("_")[0]).as_posix() for target in stale]
    return f"Outputs of older code until `make notebooks` has run: {', '.join(names)}" if names else None


def main(arguments):
    """Prepare, then hand over to JupyterLab. With `--prepare` alone, only prepare."""
    trust_notebooks()
    install_settings()
    install_extension()
    if arguments != ["--prepare"]:
        if line := stale_line():
            print(line, flush=True)
        launch(ROOT, FIRST, ["--ContentsManager.pre_save_hook=tools.lab.tidy_before_saving", *arguments])


def launch(folder, address, arguments):
    """Start JupyterLab on a folder and open a page of it; `arguments` are JupyterLab's own flags."""
    from jupyterlab.labapp import LabApp  # slow to import, and of no use to --prepare

    flags = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url={address}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--allow-root")  # in a container one usually is, and JupyterLab would refuse to start
    LabApp.launch_instance([*flags, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
