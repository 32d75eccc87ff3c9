"""Exercises: find them in a notebook, put answers in place of their stubs, and read what the checks say.

An exercise is two code cells of a notebook in this order (CONTRIBUTING.md tells more): the stub, tagged `exercise`,
defines one function; the next cell that names it calls its check. Its solution stands in the notebook of solutions,
whose first cells make what the checks need. So nothing but these few cells runs here, in this process.
"""

import contextlib
import io
import re
import warnings
from collections import namedtuple
from pathlib import Path

from notebook_rules import code_cells, tagged

from helpers import figures
from helpers.checks.marking import exercises as marking
from tools.notebooks import NOTEBOOKS, number_of, read_source, sources

HERE = Path(__file__).parent
WRONG_ANSWERS, UNUSUAL_ANSWERS = HERE / "wrong_answers", HERE / "unusual_answers"
Said = namedtuple("Said", "text used function")  # what a check printed, what it gave back, the function it was given


def with_exercises(folder=NOTEBOOKS):
    """The sources of the notebooks that have exercises."""
    return [path for path in sources(folder) if any(tagged(cell, "exercise") for cell in read_source(path).cells)]


def solutions_of(source):
    """`source/NN_name.py -> source/solutions/NN.py`."""
    return source.parent / "solutions" / f"{number_of(source.stem)}.py"


def exercises(notebook, solutions):
    """The exercises of a notebook, in order, with their solutions from another."""
    code = [(cell.source, tagged(cell, "exercise")) for cell in code_cells(notebook)]
    return marking.exercises(code, [cell.source for cell in code_cells(solutions)])


def answers(name, folder):
    """Files `NN_name/function.py` or `NN_name/function__why.py`: one answer a file."""
    return sorted((folder / name).glob("*.py"))


def exercise_name(file):
    """`gather_states__first_tokens.py -> gather_states`."""
    return file.stem.partition("__")[0]


class Classroom:
    """The exercises of one notebook, and the names that their checks need: those of its notebook of solutions."""

    def __init__(self, source):
        notebook, solutions = read_source(source), read_source(solutions_of(source))
        self.exercises = {exercise.name: exercise for exercise in exercises(notebook, solutions)}
        self.names = {"__name__": "__main__"}
        self.solved = {}  # what the checks of the solutions print, from top to bottom
        solving = {exercise.solution: exercise.name for exercise in self.exercises.values()}
        for cell in solutions.cells:
            if cell.cell_type == "code":
                text = run(cell.source, self.names)
                if cell.source in solving:
                    self.solved[solving[cell.source]] = text

    def try_answer(self, name, answer, **more):
        """What the check of an exercise says of an answer, given as the source of its function; `more`: its names."""
        exercise, names = self.exercises[name], self.names | more
        run(answer, names)
        given = names[name]
        text = run(exercise.check, names)
        assert names[name] is given, f"the check of {name} has bound its name again"
        used = re.match(r"(\w+) = check_", exercise.check)
        return Said(text, names[used[1]] if used else None, given)


def run(code, names):
    """Run a cell in a namespace; returns what it printed. Figures are drawn, and put away."""
    printed, show = io.StringIO(), figures.show
    figures.show = lambda figure, caption: figures.plt.close(figure)
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(code, "<cell>", "exec"), names)
    finally:
        figures.show = show
    return printed.getvalue()


def says_correct(text):
    return re.search(r"^correct\b", text, re.MULTILINE) is not None


def says_not_attempted(text):
    return re.search(r"^not attempted yet\b", text, re.MULTILINE) is not None


def says_wrong_with_a_hint(text):
    return re.search(r"^not yet\b.*\bhint\b", text, re.MULTILINE | re.DOTALL | re.IGNORECASE) is not None
