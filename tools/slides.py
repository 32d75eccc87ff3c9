"""Make a deck of slides from each notebook: `python -m tools.slides`, or `python -m tools.slides 04` for some.

The decks are reveal.js pages in `build/slides`. They show the stored outputs; the pieces to move are alive, and
nothing needs a network or a kernel. Nobody tags cells: `deck` cuts a notebook into slides by one rule.

- A heading starts a new column of slides; what follows goes below it, as much as fits on 1280 x 720.
- A prediction stands alone: its answer comes on the next slide. So do pieces to move. The goals end a slide.
- Below a text, a result appears at the next click.
- Code that draws and code of more than six lines is folded; checks and links to solutions are left out.
"""

import base64
import copy
import re
import shutil
import struct
import sys
from dataclasses import dataclass
from html import escape
from math import ceil
from pathlib import Path

from nbconvert.exporters import SlidesExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.widgets.scenelab import data_script
from tools.canonical import WIDGET_STATE, WIDGET_VIEW
from tools.notebooks import ROOT, asked_for, number_of, read_built
from tools.vendor import scripts

TARGET = ROOT / "build" / "slides"
DESIGN = Path(__file__).with_name("deck")  # the template, its style and its script
SHORT = 6  # lines of code that are shown
# Estimates in pixels; the page itself shrinks what still does not fit (deck.js).
WIDTH, ROOM = 1180, 600
HEADING, LINE, CODE_LINE, RESULT_LINE, FOLD = 80, 36, 27, 30, 44
LETTERS_IN_A_LINE = 92
TALLEST = 470  # of a picture


@dataclass
class Block:
    """A cell of the deck: its height, whether it begins or ends a slide, and whether it is what a cell printed.

    A quiet one shows nothing of its own and goes with what is above it.
    """

    cell: dict
    height: int
    begins: bool = False
    ends: bool = False
    result: bool = False
    quiet: bool = False


def deck(notebook):
    """A copy of a built notebook, cut into slides of what fits, by their `slideshow` metadata."""
    metadata = large_pieces(notebook.metadata)
    metadata.title = title_of(notebook)
    return new_notebook(cells=cut(notebook.cells, blocks_of), metadata=metadata)


def cut(cells, blocks_of):
    """The cells of all slides. `blocks_of` says what a cell gives to them."""
    result = []
    for heading, blocks in sections(cells, blocks_of):
        for number, slide in enumerate(pack(blocks)):
            result += slide_cells(slide, "slide" if number == 0 else "subslide", heading)
    return result


def large_pieces(metadata):
    """A copy of a notebook's metadata in which the stored pieces to move have large letters."""
    metadata = copy.deepcopy(metadata)
    for model in metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {}).values():
        if "large" in model["state"]:
            model["state"]["large"] = True
    return metadata


def title_of(notebook):
    """The question of a notebook, its first heading."""
    return plain(re.search(r"^# (.+)", notebook.cells[0].source, re.MULTILINE)[1])


def sections(cells, blocks_of):
    """Pairs of a heading and the blocks under it, the heading's own first."""
    heading, blocks = "", []
    for block in (block for cell in cells for block in blocks_of(cell)):
        found = re.match(r"#{1,2} (.+)", block.cell.source) if block.cell.cell_type == "markdown" else None
        if found and blocks:
            yield heading, blocks
            blocks = []
        heading = found[1] if found else heading
        blocks.append(block)
    yield heading, blocks


def blocks_of(cell):
    """What a cell gives to the deck: texts parted before headings; code, and its results one by one."""
    if cell.cell_type == "markdown":
        for text in re.split(r"\n(?=#{1,2} )", without_pages(cell.source)):
            begins = text.startswith("**Predict first")
            ends = "**Predict first" in text or text.startswith("**You will be able to")
            yield Block(new_markdown_cell(text), text_height(text), begins, ends)
        return
    tags = cell.metadata.get("tags", [])
    if is_check(cell) or "colab" in tags:
        return
    pieces = results(cell.outputs)
    if is_shown(cell):
        yield Block(code_cell(cell.source), code_height(cell))
    elif pieces:
        yield Block(code_cell(cell.source, fold="The code"), FOLD)
    for piece in pieces:
        alone = is_widget(piece[0])
        yield Block(code_cell("", piece), result_height(piece), begins=alone, ends=alone, result=True)


def is_check(cell):
    """Whether a cell calls the check of an exercise."""
    return re.match(r"(\w+ = )?check_", cell.source) is not None


def is_shown(cell):
    """Whether the code of a cell is for all to see: an exercise, or a few lines that draw nothing."""
    draws = any("image/png" in output.get("data", {}) or is_widget(output) for output in cell.outputs)
    return "exercise" in cell.metadata.get("tags", []) or (len(cell.source.splitlines()) <= SHORT and not draws)


def results(outputs):
    """The outputs of a cell in groups that belong together: a picture and its caption. A table stands alone."""
    groups = []
    for output in copy.deepcopy(outputs):
        words = output.get("data", {}).get("text/markdown", "")
        if words:
            output.data["text/markdown"] = without_pages(words)
        if groups and words and not words.startswith("|"):
            groups[-1].append(output)
        else:
            groups.append([output])
    return groups


def pack(blocks):
    """Lists of blocks, one for each slide. A text goes with the result below it where both fit on a slide."""
    slides = [[]]
    for block in blocks:
        last = slides[-1]
        if last and goes_below(last, block):
            last.append(block)
            continue
        introduction = []
        while not block.begins and leads_to(last, block) and total([last[-1], *introduction, block]) <= ROOM:
            introduction.insert(0, last.pop())
        slides.append([*introduction, block])
    return [slide for slide in slides if slide]


def goes_below(slide, block):
    """Whether there is room for a block on a slide that has something already."""
    ended = block.begins or any(other.ends for other in slide)
    return block.quiet or (not ended and total([*slide, block]) <= ROOM)


def leads_to(slide, block):
    """Whether the last block of a slide leads to this result: it is a text or code, and not all there is."""
    return block.result and len(slide) > 1 and not (slide[-1].result or slide[-1].ends)


def total(blocks):
    """The height of blocks below one another."""
    return sum(block.height for block in blocks)


def slide_cells(slide, kind, heading):
    """The cells of one slide; what does not begin with a heading gets it above, small."""
    cells = [block.cell for block in slide]
    if not re.match(r"#{1,2} ", cells[0].source):
        cells.insert(0, new_markdown_cell(f'<p class="running-head">{escape(plain(heading))}</p>'))
    for cell in cells:
        cell.metadata.slideshow = {"slide_type": "-"}
    for block in slide[1:]:
        if block.result:
            block.cell.metadata.slideshow = {"slide_type": "fragment"}
    cells[0].metadata.slideshow = {"slide_type": kind}
    return cells


def code_cell(source, outputs=(), fold=None):
    """Code, results, or both; `fold` names the line that opens it."""
    cell = new_code_cell(source, outputs=list(outputs))
    if fold:
        cell.metadata.fold = fold
    if not source:
        cell.metadata.transient = {"remove_source": True}
    return cell


def is_widget(output):
    """Whether an output is a piece to move."""
    return WIDGET_VIEW in output.get("data", {})


def without_pages(text):
    """Links to the glossary as plain words, links to notebooks as links to their decks, and none to solutions."""
    text = re.sub(r"\s*\[[^\]]+\]\(solutions/[^)]*\)", "", text)
    return to_pages(re.sub(r"\[([^\]]+)\]\((?:glossary|teaching)\.md[^)]*\)", r"\1", text))


def to_pages(text):
    """Links to notebooks as links to pages of the same name."""
    return re.sub(r"\]\((\d\d[a-z]?_\w+)\.ipynb", r"](\1.html", text)


def plain(heading):
    """A heading without marks, for a title."""
    return re.sub(r"[*_`$]|<[^>]+>", "", heading)


def text_height(text):
    """The height of a text, with closed folds."""
    folds = len(re.findall("<details>", text))
    open_text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    formulas = re.findall(r"\$\$.*?\$\$", open_text, flags=re.DOTALL)
    open_text = re.sub(r"\$\$.*?\$\$", "", open_text, flags=re.DOTALL)
    paragraphs = [part for part in re.split(r"\n\s*\n|\n(?=- |\d\. |\|)", open_text) if part.strip()]
    lines = sum(ceil(len(part) / LETTERS_IN_A_LINE) for part in paragraphs if not part.startswith("#"))
    heading = HEADING if open_text.startswith("#") else 0
    return heading + lines * LINE + len(paragraphs) * 12 + folds * FOLD + len(formulas) * 2 * LINE


def code_height(cell):
    """The height of the code of a cell."""
    return len(cell.source.splitlines()) * CODE_LINE + 20


def result_height(outputs):
    """The height of a group of results."""
    height = 0
    for output in outputs:
        data = output.get("data", {})
        if "image/png" in data and not is_widget(output):
            width, tall = struct.unpack(">II", base64.b64decode(data["image/png"][:64])[16:24])
            height += min(TALLEST, int(tall * WIDTH / width))
        elif "text/markdown" in data:
            height += LINE * sum(ceil(len(line) / 115) for line in data["text/markdown"].splitlines())
        else:
            text = output.get("text", data.get("text/plain", ""))
            height += RESULT_LINE * len(text.splitlines()) + 16
    return height


def page(slides):
    """The HTML of a deck, a notebook cut into slides. It asks for its scripts in the folder `assets` beside it."""
    exporter = SlidesExporter(
        template_name=DESIGN.name,
        extra_template_basedirs=[str(DESIGN.parent)],
        reveal_url_prefix="assets",
        widget_renderer_url="assets/embed-amd.js",
    )
    text, _ = exporter.from_notebook_node(slides, {"metadata": {"name": "slides"}})
    return text


def contents(titles):
    """The page that lists the decks. `titles` maps a deck's name to its question."""
    rows = "\n".join(
        f'<li><a href="{name}.html">{number_of(name)}</a> {escape(title)}</li>' for name, title in titles.items()
    )
    return (DESIGN / "contents.html").read_text(encoding="utf-8").replace("<!-- decks -->", rows)


def build(paths, target=TARGET):
    """Write a deck for each built notebook, the list of all, and what they need."""
    assets = target / "assets"
    shutil.copytree(scripts(), assets, dirs_exist_ok=True)
    for name in ("deck.css", "deck.js"):
        shutil.copy(DESIGN / name, assets)
    (assets / "detector.js").write_text(data_script(), encoding="utf-8")
    titles = {}
    for path in paths:
        notebook = read_built(path)
        titles[path.stem] = title_of(notebook)
        (target / f"{path.stem}.html").write_text(page(deck(notebook)), encoding="utf-8", newline="\n")
    (target / "index.html").write_text(contents(titles), encoding="utf-8", newline="\n")
    return list(titles)


def main(arguments=None):
    """The command line; returns the exit status."""
    paths = asked_for(arguments, "tools.slides", "Make slides of the notebooks.")
    if not paths:
        return 1
    made = build(paths)
    print(f"{len(made)} decks: open {TARGET.relative_to(ROOT) / 'index.html'} in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
