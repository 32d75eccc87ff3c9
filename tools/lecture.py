"""Open the lecture as slides with a running kernel: `python -m tools.lecture`, JupyterLab's own flags behind it.

`tools.talk` makes it from the cells that `notebooks/lecture.toml` lists; `python -m tools.lecture 05` opens a notebook
instead, cut by the rule of `tools.slides`. The slides are a copy in `build/lecture`, made anew each time, so that a
lecture leaves the notebooks as they are. Here a cell stays whole, so that it can be run. jupyterlab-rise shows it, from
the extra `lecture` of pyproject.toml, in the style of `deck/rise.css`.

- In the lecture, the first slide of each notebook ends with a folded cell that makes what the next cells need: run it.

- Code that the decks fold is folded; a click on its dots opens it. Shift and Enter run the chosen cell.
- A figure covers the slide while the mouse is held down on it.
- A check stands below its exercise; its solution is elsewhere.
"""

import copy
import importlib.util
import shutil
import sys

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from tools.lab import install_extension, install_settings, launch, trust_notebooks
from tools.notebooks import NOTEBOOKS, ROOT, read_built
from tools.plan import read_plan
from tools.slides import (
    DESIGN,
    FOLD,
    Block,
    blocks_of,
    code_height,
    cut,
    is_shown,
    is_widget,
    large_pieces,
    result_height,
)
from tools.talk import built_notebooks, needed, talk, without_links

TARGET = ROOT / "build" / "lecture"
SETTINGS = {  # of jupyterlab-rise; reveal.js scales a slide to the screen
    "width": 1280,
    "height": 720,
    "margin": 0,
    "minScale": 0.2,
    "center": False,
    "theme": "white",  # asks for no letters from the web
    "transition": "none",
    "slideNumber": "c/t",
    "start_slideshow_at": "beginning",
}
NO_RISE = 'A lecture needs one package more: python -m pip install -c constraints.txt -e ".[lecture]"'
END = '<p class="end"></p>'  # of a slide
USAGE = "Name a notebook by how it begins, or none for the lecture: make lecture NB=05"


def lecture(notebook):
    """A copy of a built notebook, cut into slides, its cells whole."""
    metadata = large_pieces(notebook.metadata)
    metadata.rise = SETTINGS
    return new_notebook(cells=with_ends(cut(notebook.cells, whole_blocks)), metadata=metadata)


def with_ends(cells):
    """The cells with an invisible one at the end of each slide: Shift and Enter go on to it, not to the next slide.

    Speaker notes come behind it.
    """
    result, ended = [], True
    for cell in [*cells, None]:
        kind = cell.metadata.slideshow.slide_type if cell else "slide"
        if not ended and kind in ("slide", "subslide", "notes"):
            result.append(new_markdown_cell(END, metadata={"slideshow": {"slide_type": "-"}}))
        ended = kind == "notes"
        result.append(cell)
    return result[:-1]


def whole_lecture(plan, notebooks):
    """The lecture, its cells whole, each shown once."""
    shown = []

    def once(cell, part):
        if cell.source not in shown:
            shown.append(cell.source)
            yield from whole_blocks(cell)

    slides = talk(plan, notebooks, once, needed)
    slides.metadata.rise = SETTINGS
    slides.cells = with_ends(slides.cells)
    return slides


def whole_blocks(cell):
    """What a cell gives to a lecture: texts as in a deck, but for links; code with all its results."""
    cell = copy.deepcopy(without_links(cell))
    if cell.cell_type == "markdown":
        yield from blocks_of(cell)
        return
    if "colab" in cell.metadata.get("tags", []):
        return
    folded, moves = not is_shown(cell), any(map(is_widget, cell.outputs))
    cell.metadata.jupyter = {"source_hidden": folded}
    height = (FOLD if folded else code_height(cell)) + result_height(cell.outputs)
    yield Block(cell, height, begins=moves, ends=moves, result=bool(cell.outputs), quiet=folded and not cell.outputs)


def prepare(slides, name, target=TARGET):
    """Write slides, with their style, into `target`. Returns their path."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(DESIGN / "rise.css", target)
    nbformat.write(slides, target / name)
    return target / name


def main(arguments):
    """Prepare the lecture, or one notebook, and hand over to JupyterLab."""
    names = arguments[:1] if arguments and not arguments[0].startswith("-") else []
    flags = arguments[len(names) :]
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if names and path.stem.startswith(names[0])]
    if names and len(paths) != 1:
        sys.exit(USAGE)
    if not importlib.util.find_spec("jupyterlab_rise"):
        sys.exit(NO_RISE)
    if names:
        slides = prepare(lecture(read_built(paths[0])), paths[0].name)
    else:
        plan = read_plan()
        slides = prepare(whole_lecture(plan, built_notebooks(plan)), "lecture.ipynb")
    trust_notebooks(TARGET)
    install_settings()
    install_extension()
    launch(TARGET, f"/rise/{slides.name}", [f"--LabServerApp.extra_labextensions_path={DESIGN / 'rise'}", *flags])


if __name__ == "__main__":
    main(sys.argv[1:])
