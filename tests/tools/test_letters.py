"""Letters inside the lecture's figures are read from the last row: on a slide of 1280 by 720 none is under 18 pixels.

A figure is drawn as its notebook draws it, and matplotlib tells the size of all that it writes. The room that a slide
has for it stands in `slide_pictures`; `test_talk` compares that with the lecture's one file in a browser.
"""

import io
import re
from contextlib import redirect_stdout

import pytest
from matplotlib.text import Text
from PIL import Image
from slide_pictures import pictures

from helpers import figures
from helpers.figures import DPI, breaking
from helpers.widgets import live
from tools import plan, talk
from tools.notebooks import number_of, read_source, sources

LEAST = 18  # pixels
SHOWN = pictures(PLAN := plan.read_plan(), talk.built_notebooks(PLAN))
WRITTEN = {number_of(path.stem): read_source(path).cells for path in sources()}


@pytest.fixture
def letters(monkeypatch):
    """What matplotlib writes while a test runs: pairs of a size in points and a text."""
    written, write = [], Text.draw

    def draw(text, renderer):
        if text.get_visible() and text.get_text().strip():
            raised = re.search(r"\$.*[\^_].*\$", text.get_text())  # such letters are smaller
            written.append((text.get_size() * (0.7 if raised else 1), text.get_text()))
        write(text, renderer)

    monkeypatch.setattr(Text, "draw", draw)
    return written


@pytest.fixture
def untrained(monkeypatch):
    """Nothing is trained, and all networks are measured as one: the letters are the same."""
    measure, measured = breaking.state, []

    def state(*given):
        if not measured:
            measured.append(measure(*given))
        return measured[0]

    monkeypatch.setattr(live, "train_on", lambda *_, **__: None)
    monkeypatch.setattr(breaking, "state", state)


@pytest.mark.parametrize("number", dict.fromkeys(shown.of for shown in SHOWN))
def test_no_letter_of_a_figure_is_small_on_its_slide(number, letters, untrained, monkeypatch):
    here = [shown for shown in SHOWN if shown.of == number]
    cells = [plan.find(WRITTEN[number], plan.PART.sub("", shown.phrase)) for shown in here]
    small, drawn = [], []

    def show(figure, caption):
        letters.clear()
        size = Image.open(io.BytesIO(figures.small_png(figure))).size
        pixels = DPI / 72 * slide.scale(*size) if slide else float("inf")
        small.extend((caption, text, round(s * pixels, 1)) for s, text in letters if s * pixels < LEAST)
        drawn.append(slide)

    monkeypatch.setattr(figures, "show", show)
    names, slide = {}, None
    with redirect_stdout(io.StringIO()):
        exec(talk.needed(WRITTEN[number], cells).removeprefix(talk.SILENT), names)
        for shown, cell in sorted(zip(here, cells), key=lambda pair: WRITTEN[number].index(pair[1])):
            slide = shown
            exec(cell.source, names)
    assert [shown for shown in here if shown not in drawn] == []
    assert small == []
