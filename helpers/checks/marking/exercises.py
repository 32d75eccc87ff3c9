"""The exercises of the course, as its notebooks hold them: stub, check, solution, and what a check
needs to be there."""

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


class Exercise(NamedTuple):
    """The name of the function that is asked for, and the sources of three cells."""

    name: str
    stub: str
    check: str
    solution: str


def exercises(code, solved):
    """The exercises of a notebook, in order.

    Args: `code`: pairs of the source of a code cell and whether it is a stub; `solved`: the
    sources of the code cells of its notebook of solutions. Raises ValueError where a stub, a check
    and a solution do not go together.

    >>> solution = "def one(): return 1\\ncheck_one(one)"
    >>> exercises([("def one(): pass", True), ("check_one(one)", False)], [solution])[0].check
    'check_one(one)'
    """
    return [
        _exercise(stub, [later for later, _ in code[place + 1 :]], solved)
        for place, (stub, asks) in enumerate(code)
        if asks
    ]


def _exercise(stub, later, solved):
    names = functions(stub)
    if len(names) != 1:
        raise ValueError(f"an exercise stub defines one function, this one defines {names}")
    (name,) = names
    check = next((source for source in later if calls_check(source, name)), None)
    if check is None:
        raise ValueError(f"no cell below the stub of {name} checks it")
    solution = [source for source in solved if name in functions(source)]
    if len(solution) != 1:
        raise ValueError(f"{name} has {len(solution)} solutions")
    if not calls_check(solution[0], name):
        raise ValueError(f"the solution of {name} does not call its check")
    return Exercise(name, stub, check, solution[0])


def functions(source):
    """The names of the functions that a cell defines.

    >>> functions("x = 1\\ndef f(): pass")
    ['f']
    """
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]


def calls_check(source, name):
    """Whether a cell calls a check with a function of this name.

    >>> calls_check("used = check_giou(giou)", "giou"), calls_check("print(giou)", "giou")
    (True, False)
    """
    return re.search(rf"\bcheck_\w+\([^#]*?\b{name}\b", source, re.DOTALL) is not None


class Sheet(NamedTuple):
    """The exercises of a notebook by name, and the code that its checks need."""

    exercises: dict
    needs: list


def course(folder=NOTEBOOKS):
    """The sheets of all notebooks with exercises, by their numbers: "04" -> Sheet.

    Reads the text sources of the notebooks and those of their solutions.

    >>> list(course()["04"].exercises)
    ['class_cost', 'giou']
    """
    sheets = {}
    for path in sorted(Path(folder, "source").glob("[0-9][0-9]*_*.py")):
        number, code = path.stem.partition("_")[0], text_code(path.read_text(encoding="utf-8"))
        if any(asks for _, asks in code):
            solutions = path.parent / "solutions" / f"{number}.py"
            solved = [source for source, _ in text_code(solutions.read_text(encoding="utf-8"))]
            found = exercises(code, solved)
            theirs = {exercise.solution for exercise in found}
            needs = [source for source in solved if source not in theirs]
            sheets[number] = Sheet({exercise.name: exercise for exercise in found}, needs)
    return sheets


def text_code(text):
    """The code cells of a text source: pairs of a source and whether it is an exercise's stub.

    >>> text_code('# %% [markdown]\\n# Hello\\n\\n# %% tags=["exercise"]\\nx = 1\\n')
    [('x = 1', True)]
    """
    _, *parts = re.split(
        r"^# %%(.*)$", text if text.startswith("# %%") else f"# %%\n{text}", flags=re.MULTILINE
    )
    cells = zip(parts[::2], parts[1::2])
    return [
        (source.strip(), '"exercise"' in mark) for mark, source in cells if "[markdown]" not in mark
    ]


def stored_code(path):
    """The code cells of an .ipynb file: pairs of a source and whether it is an exercise's stub.

    Raises ValueError for a file that is no notebook.
    """
    try:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
        return [
            ("".join(cell["source"]), "exercise" in cell.get("metadata", {}).get("tags", []))
            for cell in cells
            if cell["cell_type"] == "code"
        ]
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError("it is no notebook") from error
