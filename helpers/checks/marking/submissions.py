"""What was handed in: the files of each student, and what of a file belongs to one answer."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

from helpers.checks.marking.exercises import stored_code, text_code

LARGEST = 5_000_000  # bytes of a file that is read


class Answer(NamedTuple):
    """The code of one answer, or why there is none. `runs`: names that only a run would make."""

    code: str | None
    fault: str = ""
    runs: frozenset = frozenset()


def submissions(folder):
    """The files of each student: those in a folder of the student's name, or one named so.

    >>> submissions("no such folder")
    {}
    """
    folder, files = Path(folder), {}
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
        if path.suffix in (".ipynb", ".py") and not hidden and path.is_file():
            inside = path.relative_to(folder).parts
            files.setdefault(inside[0] if len(inside) > 1 else path.stem, []).append(path)
    return files


def cells_of(path):
    """The sources of the code cells of a notebook, or of a .py file between its lines `# %%`.

    Raises ValueError, in words, for what cannot be read.
    """
    if path.is_symlink():
        raise ValueError("it is a link to another file")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it has more than {LARGEST // 1_000_000} MB")
    if path.suffix == ".ipynb":
        return [source for source, _ in stored_code(path)]
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("it is no text") from error
    return [source for source, _ in text_code(text)]


def answer(name, cells, of_its_notebook=True):
    """What a student's cells hold of the function `name`.

    Kept are the last definition of each name that the function needs, itself or by others:
    functions, classes, imports, and assignments without a call. Nothing is run.

    Args: `of_its_notebook`: whether the cells belong to the notebook of this exercise; if not, an
    import of the name is no answer to it.

    >>> answer("f", ["import os, math", "x = 2", "def f(): return math.sqrt(x)"]).code
    'import math\\nx = 2\\n\\ndef f():\\n    return math.sqrt(x)'
    """
    nodes, broken = _statements(cells)
    bound, runs = _bindings(nodes)
    defined = [node for node in bound.get(name, ()) if of_its_notebook or not _imports(node)]
    if not defined:
        wanted = re.compile(rf"\b(def\s+{name}\b|{name}\s*=)")
        fault = next((said for cell, said in broken if wanted.search(cell)), "")
        return Answer(None, fault)
    needed = _reached(name, bound)
    kept = ast.Module([node for node in nodes if node in needed or _takes_all(node)], [])
    try:
        return Answer(ast.unparse(kept), runs=frozenset(runs))
    except (RecursionError, MemoryError):
        return Answer(None, "it is nested too deeply")


def _statements(cells):
    """The statements of all cells, one imported name each; and cells that do not parse, and why."""
    nodes, broken = [], []
    for cell in cells:
        try:
            nodes += _parsed(cell).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f" in line {error.lineno}" if getattr(error, "lineno", None) else ""
            broken.append((cell, f"the cell is no Python{line}"))
    return [part for node in nodes for part in _one_by_one(node)], broken


def _parsed(cell):
    try:
        return ast.parse(cell)
    except SyntaxError:  # perhaps a line for the notebook alone, as %matplotlib or !pip
        return ast.parse(re.sub(r"^([ \t]*)[%!].*$", r"\1pass", cell, flags=re.MULTILINE))


def _one_by_one(node):
    if isinstance(node, ast.Import):
        return [ast.Import([alias]) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return [node]


def _bindings(nodes):
    """The statements that bind each name, the last alone but for parts of one package; and the
    names that only a run would bind."""
    bound, runs = {}, set()
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound[node.name] = [node]
        elif isinstance(node, ast.Import):
            alias = node.names[0]
            root = alias.asname or alias.name.partition(".")[0]
            kept = [other for other in bound.get(root, ()) if isinstance(other, ast.Import)]
            bound[root] = [*kept, node]
        elif isinstance(node, ast.ImportFrom):
            bound[node.names[0].asname or node.names[0].name] = [node]
        else:
            constant = isinstance(node, (ast.Assign, ast.AnnAssign)) and not _calls(node)
            for name in _stored(node):
                if constant:
                    bound[name] = [node]
                else:
                    runs.add(name)
    return bound, runs - bound.keys()


def _calls(node):
    """Whether a statement calls anything when it is run; what stands in a lambda waits."""
    if isinstance(node, ast.Lambda):
        return False
    return isinstance(node, ast.Call) or any(map(_calls, ast.iter_child_nodes(node)))


def _stored(node):
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    return {part.id for part in names if isinstance(part.ctx, ast.Store)}


def _reached(name, bound):
    """The statements that bind a name and all that it needs."""
    waiting, seen, reached = [name], set(), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in bound.get(name, ()):
            reached.add(node)
            waiting += [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return reached


def _imports(node):
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _takes_all(node):
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
