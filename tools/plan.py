"""The list of the lecture, `notebooks/lecture.toml`: its slides, minutes and votes, and the cells that it names.

It names a cell by a phrase that stands in one cell of its notebook alone, and holds what no notebook does: minutes and
what to say. `tools.talk` makes the deck of it, `tools.handout` the sheet to print.
"""

import re
import tomllib
from dataclasses import dataclass, field

from tools.notebooks import NOTEBOOKS
from tools.student import options_of

PLAN = NOTEBOOKS / "lecture.toml"
PART = re.compile(r"(code|results|picture|piece|words): ")


@dataclass
class Slide:
    """A slide of the list. `drop`: when late, the place in the order of what to leave out."""

    of: str
    cells: list
    minutes: float
    say: str
    vote: str = ""
    options: list = field(default_factory=list)
    answer: str = ""
    listen: str = ""
    drop: int = 0


@dataclass
class Plan:
    """The list: its slides, the minutes of the lecture, those of them that are for questions, and what is printed."""

    title: str
    minutes: float
    questions: float
    pictures: list
    terms: list
    slides: list

    def left(self):
        """Minutes that are left after each slide, the questions at the end included."""
        spent, result = 0, []
        for slide in self.slides:
            spent += slide.minutes
            result.append(self.minutes - spent)
        return result

    def parts(self):
        """The notebooks in the order of the lecture, and their minutes: [("00", 12), ...]."""
        parts = []
        for slide in self.slides:
            if parts and parts[-1][0] == slide.of:
                parts[-1] = (slide.of, parts[-1][1] + slide.minutes)
            else:
                parts.append((slide.of, slide.minutes))
        return parts

    def dropped(self):
        """What to leave out when late, in order."""
        return sorted((slide for slide in self.slides if slide.drop), key=lambda slide: slide.drop)


def read_plan(path=PLAN):
    """The list, as it stands in its file."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    return Plan(slides=[Slide(**slide) for slide in listed.pop("slide")], **listed)


def find(cells, phrase):
    """The one cell that holds a phrase; LookupError, in words, if none does or several do.

    >>> from nbformat.v4 import new_markdown_cell
    >>> find([new_markdown_cell("one"), new_markdown_cell("two")], "one").source
    'one'
    """
    found = [cell for cell in cells if phrase in cell.source]
    if len(found) != 1:
        raise LookupError(f"{len(found) or 'no'} cells hold {phrase!r}")
    return found[0]


def named(plan, notebooks):
    """For each slide, pairs of a cell and the part of it that is asked for: "code", "results" or "" for all."""
    result = []
    for slide in plan.slides:
        pairs = []
        for name in slide.cells:
            part = PART.match(name)
            phrase = name[part.end() :] if part else name
            pairs.append((find(notebooks[slide.of].cells, phrase), part[1] if part else ""))
        result.append(pairs)
    return result


def lost(plan, notebooks):
    """What the list names and the notebooks no longer hold, in words."""
    said = []
    for slide in plan.slides:
        for name in slide.cells:
            try:
                find(notebooks[slide.of].cells, PART.sub("", name, count=1))
            except LookupError as error:
                said.append(f"{slide.of}: {error}")
    return said


def options(slide, cell):
    """The options of a slide's vote: the folds of its cell, or those of the list where a cell has one fold for all."""
    return options_of(cell.source) or slide.options


def vote_cell(slide, pairs):
    """The cell of a slide's vote, or None."""
    return next((cell for cell, _ in pairs if "**Predict first" in cell.source), None)


def clock(minutes):
    """Minutes as on a clock.

    >>> clock(2.5)
    '2:30'
    """
    return f"{int(minutes)}:{round(minutes % 1 * 60):02d}"
