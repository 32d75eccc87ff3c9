"""What a notebook is made from: its source cells, the `helpers` code it reaches, and the shipped data.

A notebook is rebuilt when these differ from what it was built from. File times play no part: a clone has new
ones. Comments and docstrings in `helpers` do not count, so mending a sentence there rebuilds nothing.
"""

import ast
import functools
import hashlib
import json
import re

from IPython.core.inputtransformer2 import TransformerManager

from tools.canonical import VOLATILE_CELL_METADATA


def cell_inputs(notebook):
    """The part of each cell that a person writes: its kind, its text and its metadata (tags, folding)."""
    return [
        (
            cell.cell_type,
            cell.source,
            {key: value for key, value in cell.metadata.items() if key not in VOLATILE_CELL_METADATA},
        )
        for cell in notebook.cells
    ]


def fingerprint(notebook, package):
    """A short hash of everything that the outputs depend on. `package` is the folder of `helpers`."""
    code = "\n".join(plain_python(cell.source) for cell in notebook.cells if cell.cell_type == "code")
    digest = hashlib.sha256(json.dumps(cell_inputs(notebook), sort_keys=True).encode())
    for path in reached_modules(code, package):
        digest.update(_code_without_prose(path.read_text(encoding="utf-8")).encode())
    for path in _data_files(package):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def reached_modules(code, package):
    """The files of `package` that `code` imports, directly or through other files of `package`, sorted."""
    reached, waiting = set(), list(imported_files(code, package, package.parent))
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting.extend(imported_files(path.read_text(encoding="utf-8"), package, path.parent))
    return sorted(reached)


def imported_files(code, package, folder):
    """Files of `package` named by the import statements of `code`, which lives in `folder`."""
    for node in _imports(code):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _resolve(alias.name.split("."), [], package)
        else:
            module = node.module.split(".") if node.module else []
            if node.level:
                start = folder if node.level == 1 else folder.parents[node.level - 2]
                module = [package.name, *start.relative_to(package).parts, *module]
            yield from _resolve(module, [alias.name for alias in node.names], package)


@functools.cache
def _imports(code):
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]


def _resolve(module, names, package):
    """Files behind `from module import names`; for a name that nothing explains, the whole package."""
    if module[0] != package.name:
        return
    folder = package.joinpath(*module[1:])
    yield from _existing(package / "__init__.py", folder.with_suffix(".py"), folder / "__init__.py")
    if not folder.is_dir():
        return
    offered = "".join(path.read_text(encoding="utf-8") for path in _existing(folder / "__init__.py"))
    if "def __getattr__" in offered and "TYPE_CHECKING" not in offered:
        # Names are loaded when asked for, and no import says from where: any file of the folder may be behind one.
        yield from folder.glob("*.py")
    for name in names:
        files = list(_existing(folder / f"{name}.py", folder / name / "__init__.py"))
        yield from files or (() if name in offered else package.rglob("*.py"))


def _existing(*paths):
    return (path for path in paths if path.is_file())


def _data_files(package):
    """Weights, recordings, widget code: everything that is shipped and is not Python."""
    return sorted(
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md")
        if not any(part.startswith((".", "__pycache__")) for part in path.relative_to(package).parts)  # caches
    )


@functools.cache
def _code_without_prose(code):
    """The code of a file with comments and docstrings taken out."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, False):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def plain_python(cell):
    """A cell as Python reads it: `!ls`, `%time f()` and `%%bash` become calls, as IPython itself makes them.

    >>> plain_python("%matplotlib inline")
    "get_ipython().run_line_magic('matplotlib', 'inline')\\n"

    Below a `%%time` stands Python, too, which may import; below `%%bash` does not.
    """
    code = TransformerManager().transform_cell(cell)
    if not re.match(r"get_ipython\(\)\.run_cell_magic\(", code):
        return code
    below = plain_python(cell.lstrip().partition("\n")[2])
    try:
        ast.parse(below)
    except SyntaxError:
        return code
    return code + below
