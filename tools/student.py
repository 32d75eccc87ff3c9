"""Write the notebooks to hand out, without solutions and answers: `python -m tools.student`, or with names, such as 04.

They go to `build/student` with the pages beside them. Left out are the links to solutions, the outputs (a result must
not stand below the question that asks for it), and the folded answers of votes and self-tests; a vote keeps its
options, as boxes to tick. Hints and code stay as they are, so that the notebooks run.
"""

import copy
import re
import shutil
import sys

import nbformat

from tools.canonical import OWN_METADATA
from tools.notebooks import NOTEBOOKS, ROOT, asked_for, read_built

TARGET = ROOT / "build" / "student"
FOLDS = re.compile(r"(?:<details>.*?</details>\s*)+", re.DOTALL)
OPTION = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)
SOLUTION = re.compile(r"\s*\[[^\]]+\]\((?:\.\./)?solutions/[^)]*\)")
ASKS = ("**Predict first", "**Test yourself")
CURE = re.compile(  # of a ticket: an answer wherever it stands
    r"<details><summary>(What cures .*?)</summary>.*?</details>", re.DOTALL
)
YOURS = "*Your answer, and why:*"


def student(notebook):
    """A copy of a built notebook without solutions, answers and outputs."""
    notebook = copy.deepcopy(notebook)
    for name in ("widgets", OWN_METADATA):
        notebook.metadata.pop(name, None)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = without_answers(cell.source)
        else:
            cell.outputs, cell.execution_count = [], None
    return notebook


def without_answers(text):
    """A text without the link to a solution, and without what answers a question that it asks.

    >>> fold = "<details><summary>{}</summary>Yes.</details>"
    >>> print(without_answers("**Predict first.** Up?\\n\\n" + fold.format("Up") + "\\n" + fold.format("Down")))
    **Predict first.** Up?
    <BLANKLINE>
    - ☐ Up
    - ☐ Down
    <BLANKLINE>
    *Your answer, and why:*
    """
    text = CURE.sub(rf"**\1**\n\n{YOURS}", SOLUTION.sub("", text))
    return FOLDS.sub(_to_fill_in, text).rstrip() if any(mark in text for mark in ASKS) else text


def _to_fill_in(folds):
    options = options_of(folds[0])
    return "".join(f"- ☐ {option}\n" for option in options) + "\n" * bool(options) + YOURS + "\n\n"


def options_of(text):
    """The options of a vote: what its folds are called. A single fold is no choice, and has none."""
    options = OPTION.findall(text)
    return options if len(options) > 1 else []


def build(paths, target=TARGET):
    """Write the notebooks and the pages that they lead to. Returns the paths."""
    target.mkdir(parents=True, exist_ok=True)
    for page in NOTEBOOKS.glob("*.md"):
        if page.stem not in ("teaching", "exam"):
            shutil.copy(page, target)
    for path in paths:
        nbformat.write(student(read_built(path)), target / path.name)
    return [target / path.name for path in paths]


def main(arguments=None):
    """The command line; returns the exit status."""
    paths = asked_for(arguments, "tools.student", "Write the notebooks to hand out.")
    if not paths:
        return 1
    print(f"{len(build(paths))} notebooks to hand out: {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
