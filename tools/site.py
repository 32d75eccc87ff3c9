"""Make a static site of the collection: `python -m tools.site`. It needs the extra `site` of pyproject.toml.

The pages in `build/site` show the stored outputs, with navigation, search, the glossary and the teaching guide. The
pieces to move are alive, and nothing needs a network or a kernel. Sphinx with MyST-NB and the theme Furo do the work.
"""

import copy
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook, new_output

from helpers.widgets.scenelab import data_script
from tools.course_map import PICTURE, SENTENCE, course_map
from tools.notebooks import NOTEBOOKS, ROOT, number_of, read_built
from tools.plan import find
from tools.site_figures import as_figures, moves
from tools.site_finish import finish
from tools.slides import is_widget, title_of, to_pages
from tools.talk import pieces_of, with_own_pieces
from tools.vendor import scripts

TARGET = ROOT / "build" / "site"
STAGE = ROOT / "build" / "site-source"
SETTINGS = Path(__file__).with_name("pages")
OTHERS = ("glossary", "teaching", "ablations", "reference", "from_coco_to_ap")
# What the first page has in its middle: of which notebook the piece in a cell with this phrase, and what to do with it.
PIECES = (
    (
        "02",
        "lab = SceneLab(",
        "**Try it here.** The detector runs in this page. Drag the digit along the sheet: who answers?",
    ),
    (
        "10",
        "play = SetPlay(",
        "**And the loss without a network.** Press Play, then choose another rule and press Restart.",
    ),
)
NO_SPHINX = 'The site needs more packages: python -m pip install -c constraints.txt -e ".[site]"'


def home(readme, titles):
    """The first page: the README, its links leading to the pages, and the list that makes the navigation.

    `titles` maps a notebook's name to its question.
    """
    text = readme.replace(f"![{SENTENCE}](docs/images/{PICTURE.name})", site_map())
    text = re.sub(r"\]\(notebooks/", "](", text)
    text = re.sub(r"\[([^\]]+)\]\((?!https:|#|docs/images/|\w+\.(?:ipynb|md)\))[^)]+\)", r"\1", text)  # no page here
    rows = [f"{number_of(name)} · {title} <{name}>" for name, title in titles.items()]
    return text + contents("The course", rows) + contents("Beside the course", OTHERS)


def site_map():
    """The map of the course, its stages leading to the pages, in two forms: the style shows one."""
    return "\n".join(course_map("{}.html".format, tall) for tall in (False, True))


def with_pieces(text, notebooks):
    """The first page as a notebook: the text, and before its second heading the pieces of these notebooks."""
    top, heading, rest = text.partition("\n## ")
    cells, shown = [new_markdown_cell(top)], {}
    for number, phrase, sentence in PIECES:
        if number in notebooks:
            shown[number] = with_own_pieces(notebooks[number], number)
            cell = find(shown[number].cells, phrase)
            outputs = [output for output in cell.outputs if moves(output)]
            alone = {**cell, "outputs": outputs, "metadata": {"tags": ["remove-input"]}}
            cells += [new_markdown_cell(sentence), nbformat.from_dict(alone)]
    cells.append(new_markdown_cell(heading.strip() + " " + rest))
    return new_notebook(cells=cells, metadata=pieces_of(shown, kept=copy.deepcopy))


def contents(caption, rows):
    """A part of the navigation, in MyST."""
    return "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *rows, "```", ""])


def as_page(notebook, fold=True):
    """The notebook as a page: what is for Colab left out, outputs lead to pages; `fold`: the code that draws."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "draw_course_map(" in cell.source:
            cell.outputs = [new_output("display_data", {"text/html": site_map()})]
        if "colab" in tags:
            cell.metadata.tags = [*tags, "remove-cell"]
        elif fold and is_folded(cell):
            cell.metadata.tags = [*tags, "hide-input"]
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                output.data["text/markdown"] = to_pages(output.data["text/markdown"])
    return notebook


def is_folded(cell):
    """Whether the code of a cell is read on demand: it draws, or is folded in the notebook. An exercise never is."""
    draws = any("image/png" in output.get("data", {}) or is_widget(output) for output in cell.get("outputs", []))
    folded = draws or cell.metadata.get("jupyter", {}).get("source_hidden", False)
    return folded and "exercise" not in cell.metadata.get("tags", [])


def stage(folder, notebooks):
    """Lay out what Sphinx reads: the pages, the pictures of the README, the settings and the scripts."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scripts(), folder / "_static")
    for name in ("site.css", "theme.js", "reading.js", "anywidget-path.js"):
        shutil.copy(SETTINGS / name, folder / "_static")
    (folder / "_static" / "detector.js").write_text(data_script(), encoding="utf-8")
    shutil.copy(SETTINGS / "conf.py", folder)
    shutil.copytree(ROOT / "docs" / "images", folder / "docs" / "images")
    titles, numbered = {}, {}
    for path in notebooks:
        number = number_of(path.name)
        notebook = numbered[number] = as_figures(as_page(read_built(path)), number, folder)
        titles[path.stem] = title_of(notebook)
        nbformat.write(notebook, folder / path.name)
        stage_solutions(folder, path.parent / "solutions" / f"{number}.ipynb")
    for name in OTHERS:
        shutil.copy(NOTEBOOKS / f"{name}.md", folder)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    nbformat.write(with_pieces(home(readme, titles), numbered), folder / "index.ipynb")


def stage_solutions(folder, path):
    """Lay out a notebook of solutions, if there is one: a page that only its exercises lead to."""
    if path.exists():
        (folder / "solutions").mkdir(exist_ok=True)
        notebook = as_figures(as_page(read_built(path), fold=False), f"solution-{path.stem}", folder, up="../")
        notebook.metadata["orphan"] = True
        nbformat.write(notebook, folder / "solutions" / path.name)


def build(notebooks, target=TARGET, source=STAGE):
    """Write the site into `target`; a warning of Sphinx is an error."""
    stage(source, notebooks)
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html"]
    subprocess.run([*command, "-d", str(source / ".doctrees"), str(source), str(target)], check=True)
    for page in target.rglob("*.html"):
        finish(page)


def main():
    """Build all pages; returns the exit status."""
    if not all(importlib.util.find_spec(name) for name in ("sphinx", "myst_nb", "furo")):
        sys.exit(NO_SPHINX)
    build(sorted(NOTEBOOKS.glob("*.ipynb")))
    print(f"open {TARGET.relative_to(ROOT) / 'index.html'} in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
