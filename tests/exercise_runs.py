"""Exercises: find them in a notebook, put answers in place of their stubs, and read what the checks say.

An exercise is three code cells in this order (CONTRIBUTING.md tells more):
the stub, tagged `exercise`, defines one function; a cell calls its check; the solution, tagged `solution` and
folded, defines the same function properly and calls the check again.
"""

import ast
import re
from collections import namedtuple
from pathlib import Path

import nbformat
from notebook_rules import tagged, texts

WRONG_ANSWERS = Path(__file__).parent / "wrong_answers"
Exercise = namedtuple("Exercise", "name stub check solution")  # a function's name, three places in the notebook
Answers = namedtuple("Answers", "solved wrong")  # what the checks said, by exercise and by file


def exercises(notebook):
    """The exercises of a notebook, in order."""
    return [_exercise(notebook.cells, stub) for stub, cell in enumerate(notebook.cells) if tagged(cell, "exercise")]


def _exercise(cells, stub):
    names = [node.name for node in ast.parse(cells[stub].source).body if isinstance(node, ast.FunctionDef)]
    assert len(names) == 1, f"an exercise stub defines one function, this one defines {names}"
    call = re.compile(rf"\bcheck_\w+\([^#]*?\b{names[0]}\b", re.DOTALL)
    later = range(stub + 1, len(cells))
    code = [place for place in later if cells[place].cell_type == "code"]
    check = next((place for place in code if call.search(cells[place].source)), None)
    assert check is not None, f"no cell below the stub of {names[0]} checks it"
    assert not tagged(cells[check], "solution"), f"the solution of {names[0]} comes before its check"
    solution = next((place for place in code if place > check and tagged(cells[place], "solution")), None)
    assert solution is not None, f"{names[0]} has no cell tagged `solution` below its check"
    assert f"def {names[0]}(" in cells[solution].source, f"the solution must define {names[0]}"
    return Exercise(names[0], stub, check, solution)


def definitions(source):
    """The code of a solution cell without its calls of checks."""
    lines = source.splitlines()
    body = [node for node in ast.parse(source).body if not _is_check(node)]
    return "\n\n".join("\n".join(lines[_first_line(node) - 1 : node.end_lineno]) for node in body)


def _first_line(node):
    """Where a definition begins: with its first decorator."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])


def _is_check(node):
    called = getattr(getattr(node, "value", None), "func", None)
    return isinstance(node, ast.Expr) and isinstance(called, ast.Name) and called.id.startswith("check_")


def wrong_answers(notebook_name, folder=WRONG_ANSWERS):
    """Files `NN_name/function.py` or `NN_name/function__why.py`: typical mistakes, one a file."""
    return sorted((folder / notebook_name).glob("*.py"))


def exercise_name(file):
    """`gather_states__first_tokens.py -> gather_states`."""
    return file.stem.partition("__")[0]


def answer_all(client, notebook, name, folder=WRONG_ANSWERS):
    """In the kernel of a notebook that has run: give the solutions, from the first on, then every wrong answer."""
    found = {exercise.name: exercise for exercise in exercises(notebook)}
    solved = {name: _solve(client, notebook, exercise) for name, exercise in found.items()}
    wrong = {file: _try(client, notebook, file, found[exercise_name(file)]) for file in wrong_answers(name, folder)}
    return Answers(solved, wrong)


def _solve(client, notebook, exercise):
    """What the check says once the solution stands in the stub; all cells up to the solution run again."""
    _say(client, notebook, _add(notebook, _answer(notebook, exercise)))
    said = {place: _say(client, notebook, place) for place in range(exercise.stub + 1, exercise.solution)}
    return said[exercise.check]


def _try(client, notebook, file, exercise):
    """What the check says of a wrong answer. The solution is put back afterwards."""
    check = notebook.cells[exercise.check].source
    sources = (file.read_text(encoding="utf-8"), check, _answer(notebook, exercise))
    return [_say(client, notebook, _add(notebook, source)) for source in sources][1]


def _answer(notebook, exercise):
    return definitions(notebook.cells[exercise.solution].source)


def _add(notebook, source):
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    return len(notebook.cells) - 1


def _say(client, notebook, place):
    """Execute one cell; return its text outputs."""
    cell = client.execute_cell(notebook.cells[place], place)
    return "\n".join(text for _, text in texts(cell)) if cell.cell_type == "code" else ""


def says_correct(text):
    return re.search(r"^correct\b", text, re.MULTILINE) is not None


def says_not_attempted(text):
    return re.search(r"^not attempted yet\b", text, re.MULTILINE) is not None


def says_wrong_with_a_hint(text):
    return re.search(r"^not yet\b.*\bhint\b", text, re.MULTILINE | re.DOTALL | re.IGNORECASE) is not None
