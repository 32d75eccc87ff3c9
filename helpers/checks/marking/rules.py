"""What code is not run: more than mathematics needs. A list of names keeps honest people and
common tricks out; it is no cage (see the package)."""

import ast

# fmt: off
MODULES = {
    "__future__", "abc", "bisect", "cmath", "collections", "contextlib", "copy", "dataclasses",
    "decimal", "enum", "fractions", "functools", "heapq", "helpers", "itertools", "math", "numbers",
    "numpy", "operator", "random", "re", "scipy", "statistics", "string", "time", "torch",
    "torchvision", "transformers", "typing", "warnings"
}
CLOSED = ("helpers.checks", "helpers.training", "numpy.ctypeslib", "torch.hub", "torch.utils")
NAMES = {
    "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "exit", "getattr",
    "globals", "help", "input", "locals", "memoryview", "open", "quit", "setattr", "vars"
}
ATTRIBUTES = {
    "checks", "cpp_extension", "ctypeslib", "dump", "dumps", "from_file", "from_pretrained",
    "fromfile", "genfromtxt", "hub", "load", "load_library", "load_state_dict_from_url",
    "loads", "loadtxt", "memmap", "modules", "multiprocessing", "os", "push_to_hub", "save",
    "save_pretrained", "savetxt", "savez", "savez_compressed", "subprocess", "sys",
    "system", "tofile"
}  # of libraries: they read files, write them, or reach beyond the process
# fmt: on


def objection(code):
    """Why this code is not run, in words; "" for code that is.

    >>> objection("import torch"), objection("import os")
    ('', 'it imports `os`')
    >>> objection("def f(x): return x.__class__")
    'it looks behind the scenes with `__class__`'
    """
    nodes = list(ast.walk(ast.parse(code)))
    imported = {name for node in nodes for name in _bound_modules(node)}
    return next((said for node in nodes if (said := _objection(node, imported))), "")


def _objection(node, imported):
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        strange = next(filter(_is_strange, _modules(node)), None)
        return strange and f"it imports `{strange}`"
    if isinstance(node, ast.Name) and (node.id in NAMES or _is_inner(node.id)):
        return f"it names `{node.id}`"
    if isinstance(node, ast.Attribute):
        if node.attr in ATTRIBUTES:
            return f"it names `{node.attr}`"
        if _is_inner(node.attr):
            return f"it looks behind the scenes with `{node.attr}`"
        if not isinstance(node.ctx, ast.Load) and _root(node) in imported:
            return f"it changes `{_root(node)}`"
    return ""


def _modules(node):
    """The dotted names that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    module = "." * node.level + (node.module or "")
    return [module, *(f"{module}.{alias.name}" for alias in node.names)]


def _is_strange(name):
    closed = any(name == module or name.startswith(f"{module}.") for module in CLOSED)
    last = name.rpartition(".")[2]
    inner = last.startswith("_") and name != "__future__"
    return name.partition(".")[0] not in MODULES or closed or last in ATTRIBUTES or inner


def _bound_modules(node):
    """The names under which a statement makes parts of libraries known."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return []


def _is_inner(name):
    return name.startswith("__") and name.endswith("__") and name not in ("__init__", "__name__")


def _root(node):
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return getattr(node, "id", None)
