"""The lecture: one deck for 90 minutes, made from the notebooks' own cells by a list, `notebooks/lecture.toml`.

`make lecture` opens it with a kernel (`tools.lecture`), `make handout` prints its votes
(`tools.handout`). `python -m tools.talk`, part of `make slides`, writes it as one file, `build/slides/lecture.html`,
that needs nothing else: S opens the speaker's window.
"""

import ast
import base64
import json
import re
import symtable
from html import escape

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.canonical import WIDGET_STATE
from tools.notebooks import NOTEBOOKS, ROOT, read_built
from tools.plan import clock, named, read_plan
from tools.slides import (
    DESIGN,
    TARGET,
    Block,
    blocks_of,
    code_cell,
    code_height,
    is_widget,
    large_pieces,
    page,
    slide_cells,
)
from tools.student import options_of
from tools.vendor import scripts

SILENT = "%%capture run_this_first"  # in a folded cell one reads the first line alone
BEFORE = "*On the slide before: scroll down in it.*"  # where a whole cell was shown already


def built_notebooks(plan, folder=NOTEBOOKS):
    """The built notebooks that a plan takes cells from, by number, each with names of its own for its pieces."""
    numbers = sorted({slide.of for slide in plan.slides})
    return {number: with_own_pieces(read_built(next(folder.glob(f"{number}_*.ipynb"))), number) for number in numbers}


def with_own_pieces(notebook, number):
    """A copy of a notebook in which the names of its widgets begin with its number; built ones begin with zeros."""
    text = re.sub(r'(?<=["_])00(0{20,}[0-9a-f]{1,10})(?=")', lambda name: number + name[1], json.dumps(notebook))
    return nbformat.from_dict(json.loads(text))


def with_options(cell, options):
    """A vote that names no options, with those of the list above its fold; any other cell as it is."""
    if "**Predict first" not in cell.source or options_of(cell.source):
        return cell
    items = "".join(f"<li>{option}</li>" for option in options)
    before, fold, after = cell.source.partition("<details>")
    return nbformat.from_dict({**cell, "source": f'{before}<ol type="A" class="ballot">{items}</ol>\n\n{fold}{after}'})


def notes(slide, left, position, count):
    """The speaker notes of a slide, in HTML, which every program that shows slides takes as it is."""
    parts = [f"<b>{clock(left)} left after this slide</b> ({clock(slide.minutes)} for it, {position} of {count})"]
    if slide.drop:
        parts.append(f"<i>Ten minutes late? Leave this out, number {slide.drop} in order.</i>")
    parts.append(escape(slide.say.strip(), quote=False))
    for name in ("vote", "answer", "listen"):
        if text := getattr(slide, name).strip():
            parts.append(
                f"<b>{'Listen for' if name == 'listen' else name.capitalize()}:</b> {escape(text, quote=False)}"
            )
    return "\n".join(f"<p>{' '.join(part.split())}</p>" for part in parts)


def part_of(cell, part):
    """What a cell gives to a deck: all of it as in other decks, its code, or some of its results."""
    if part == "code":
        yield Block(code_cell(cell.source), code_height(cell))
        return
    for block in blocks_of(without_links(cell)):
        if not part or (block.result and (part == "results" or kind_of(block.cell.outputs) == part)):
            yield block


def without_links(cell):
    """A cell whose links to pages of the course are plain words: a click in a lecture must not leave it."""
    if cell.cell_type != "markdown":
        return cell
    source = re.sub(r"\[([^\]]+)\]\(\w+\.(?:md|ipynb)[^)]*\)", r"\1", cell.source)
    return nbformat.from_dict({**cell, "source": source})


def kind_of(outputs):
    """Whether results that belong together are a piece to move, a picture, or words."""
    if any(map(is_widget, outputs)):
        return "piece"
    return "picture" if any("image/png" in output.get("data", {}) for output in outputs) else "words"


def talk(plan, notebooks, part_of=part_of, prepare=None):
    """The lecture as a notebook of slides with speaker notes.

    Args: `part_of(cell, part)` yields what a cell gives to a slide;
    `prepare(cells, shown)`: the source of a cell that makes what a part's cells need, for a lecture with a kernel.
    """
    cells, before, pairs, left = [], None, named(plan, notebooks), plan.left()
    for number, (slide, chosen) in enumerate(zip(plan.slides, pairs)):
        shown_here = [(with_options(cell, slide.options), part) for cell, part in chosen]
        blocks = [block for cell, part in shown_here for block in part_of(cell, part)] or [
            Block(new_markdown_cell(BEFORE), 0)
        ]
        new = slide.of != before
        made = slide_cells(
            blocks, "slide" if new else "subslide", heading_above(notebooks[slide.of].cells, chosen[0][0])
        )
        if new and prepare:
            shown = [cell for other, listed in zip(plan.slides, pairs) if other.of == slide.of for cell, _ in listed]
            made.insert(1, folded_cell(prepare(notebooks[slide.of].cells, shown)))  # below the heading
        text = notes(slide, left[number], number + 1, len(pairs))
        kinds = [cell.metadata.slideshow.slide_type for cell in made]
        # On a page before what appears later: notes inside it would wait for it. Beside a kernel last, out of the way.
        place = len(made) if prepare or "fragment" not in kinds else kinds.index("fragment")
        made.insert(place, new_markdown_cell(text, metadata={"slideshow": {"slide_type": "notes"}}))
        cells += made
        before = slide.of
    return new_notebook(cells=cells, metadata=pieces_of(notebooks) | {"title": plan.title})


def folded_cell(source):
    """A code cell that is run and not read."""
    return new_code_cell(source, metadata={"slideshow": {"slide_type": "-"}, "jupyter": {"source_hidden": True}})


def heading_above(cells, cell):
    """The last heading at or above a cell, as a running head."""
    text = "\n".join(other.source for other in cells[: cells.index(cell) + 1] if other.cell_type == "markdown")
    return re.findall(r"^#{1,2} (.+)$", text, re.MULTILINE)[-1]


def pieces_of(notebooks, kept=large_pieces):
    """Metadata with the stored pieces to move of all notebooks; `kept` copies the metadata of one of them."""
    metadata = {}
    for notebook in notebooks.values():
        found = kept(notebook.metadata)
        metadata = metadata or {name: value for name, value in found.items() if name != "widgets"}
        state = found.get("widgets", {}).get(WIDGET_STATE)
        if state:
            whole = metadata.setdefault("widgets", {}).setdefault(WIDGET_STATE, {**state, "state": {}})
            whole["state"] |= state["state"]
    return metadata


def needed(cells, shown):
    """The source of a cell that makes what the shown cells need and do not make themselves, from a notebook's others.

    A name comes from the last cell above that binds it. A shown cell is among them where another of them needs it.
    """
    code = [cell for cell in cells if cell.cell_type == "code"]
    last = max((place for place, cell in enumerate(code) if cell in shown), default=-1)
    later, now, sources = set(), set(), []  # the names that shown cells still need, and those that this cell's do
    for cell in reversed(code[: last + 1]):
        binds, reads = names_in(cell.source)
        if binds & now or (binds & later and cell not in shown):
            sources.insert(0, cell.source)
            now = (now - binds) | reads
        later -= binds
        if cell in shown:
            later |= reads
    return f"{SILENT}\n" + "\n\n".join(sources) if sources else ""


def names_in(source):
    """The names that a cell binds, and those that it reads from elsewhere.

    >>> names_in("def f(x): return x + y\\nz = f(1)") == ({"f", "z"}, {"y"})
    True
    """
    table = symtable.symtable(source, "<cell>", "exec")
    binds = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    waiting, reads = [table], set()
    while waiting:
        scope = waiting.pop()
        waiting += scope.get_children()
        reads |= {s.get_name() for s in scope.get_symbols() if s.is_referenced() and (scope is table or s.is_global())}
    before_bound = {node.target.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.AugAssign)
                    and isinstance(node.target, ast.Name)}  # fmt: skip
    return binds, (reads - binds) | before_bound


SCRIPT = re.compile(r'<script src="assets/([^"]+)"></script>')
STYLE = re.compile(r'<link href="assets/([^"]+)" rel="stylesheet"/>')


def in_one_file(html, assets):
    """A page with its scripts and styles inside, so that it can be sent, kept and opened anywhere."""

    def text(name):
        return (assets / name).read_text(encoding="utf-8")

    def script(found):
        return "<script>" + re.sub(r"</(?=script)", r"<\\/", text(found[1])) + "</script>"

    def address(name):
        return "data:text/javascript;base64," + base64.b64encode((assets / name).read_bytes()).decode()

    html = html.replace("assets/anywidget", address("anywidget.js"))
    html = html.replace("'assets/embed-amd.js'", "window.renderer")
    html = html.replace("</head>", f'<script>window.renderer = "{address("embed-amd.js")}"</script></head>', 1)
    html = STYLE.sub(lambda found: f"<style>{text(found[1])}</style>", html)
    return SCRIPT.sub(script, html)


def main():
    """Write the lecture as one file."""
    plan = read_plan()
    assets = TARGET / "assets"
    for source in (*scripts().iterdir(), DESIGN / "deck.css", DESIGN / "deck.js"):
        assets.mkdir(parents=True, exist_ok=True)
        (assets / source.name).write_bytes(source.read_bytes())
    html = in_one_file(page(talk(plan, built_notebooks(plan))), assets)
    (TARGET / "lecture.html").write_text(html, encoding="utf-8", newline="\n")
    print(f"{len(plan.slides)} slides in one file: {(TARGET / 'lecture.html').relative_to(ROOT)}")


if __name__ == "__main__":
    main()
