"""Build the notebooks: text source in, executed .ipynb out.

    python -m tools.notebooks              builds what changed
    python -m tools.notebooks --all        builds everything
    python -m tools.notebooks --check      says what would be built, and fails if there is anything
    python -m tools.notebooks 00 04        only the notebooks whose names start so

People edit `notebooks/source/NN_name.py`. The `.ipynb` beside it holds the same cells with their outputs, so
that readers see results before they run anything. `notebooks/solutions/NN.ipynb` is made in the same way from
`notebooks/source/solutions/NN.py`.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError

from tools.canonical import OWN_METADATA, canonical, to_text
from tools.inputs import cell_inputs, fingerprint
from tools.pictures import take_pictures

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
PACKAGE = ROOT / "helpers"
CELL_TIMEOUT = 1200  # seconds: a guard against a cell that hangs, on whatever machine
AT_ONCE = 2  # kernels side by side; each computes in one thread and takes up to a gibibyte
FAILURES = (CellControlSignal, DeadKernelError)  # an error in a cell, a cell that takes too long, a dead kernel


def sources(folder=NOTEBOOKS):
    """The text sources of all notebooks in `folder`, in course order."""
    return sorted((folder / "source").glob("*.py"))


def solutions(folder=NOTEBOOKS):
    """The text sources of the notebooks that hold the exercises' solutions, in course order."""
    return sorted((folder / "source" / "solutions").glob("*.py"))


def number_of(name):
    """The number that a notebook's name begins with.

    >>> number_of("04_three_costs"), number_of("07b_honest_scores.ipynb")
    ('04', '07b')
    """
    return name.partition("_")[0]


def target_of(source):
    """`notebooks/source/NN_name.py -> notebooks/NN_name.ipynb`, and what lies in a folder below likewise."""
    text = next(folder for folder in source.parents if folder.name == "source")
    return (text.parent / source.relative_to(text)).with_suffix(".ipynb")


def source_of(target):
    """The text source of a notebook; None for a notebook that has none because it lies elsewhere."""
    folder = next((folder for folder in target.parents if folder.name == "notebooks"), None)
    return folder and (folder / "source" / target.relative_to(folder)).with_suffix(".py")


def read_source(source):
    """The cells of a text source, as a notebook without outputs."""
    return jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")


def read_built(target):
    """A stored notebook."""
    return nbformat.read(target, as_version=4)


def stale_reason(source, target, package=PACKAGE):
    """Why `target` must be built again, in a few words, or None when it is up to date."""
    if not target.exists():
        return "not built yet"
    wanted, built = read_source(source), read_built(target)
    if cell_inputs(wanted) != cell_inputs(built):
        return "its source changed"
    try:
        inputs = fingerprint(wanted, package)
    except SyntaxError as error:
        return f"{error.msg} in helpers"
    if built.metadata.get(OWN_METADATA, {}).get("inputs") != inputs:
        return "helpers or a cell changed"
    if not counts_in_order(built) or to_text(canonical(built)) != target.read_text(encoding="utf-8"):
        return "it was saved by hand"
    return None


def counts_in_order(notebook):
    """Whether the code cells were run once each, from top to bottom, in a fresh kernel."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    return [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@contextmanager
def live_kernel(notebook, folder, timeout=CELL_TIMEOUT, env=None):
    """Start a clean kernel for `notebook` in `folder`; yields the client, shuts the kernel down after.

    `env` is the kernel's environment, by default this process's. Each kernel computes in one thread.
    """
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=timeout,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=40"],  # errors only: no remarks on how we talk to the kernel
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        with client.setup_kernel(env={**(env or os.environ), "OMP_NUM_THREADS": "1"}):
            yield client
    finally:
        loop = ensure_event_loop()  # the one on which jupyter_client talks; it leaves it open, in each thread another
        if not loop.is_running():
            loop.close()


def execute(notebook, folder):
    """Run all cells of `notebook` in place, in a clean kernel whose working directory is `folder`."""
    with live_kernel(notebook, folder) as client:
        run_cells(client, notebook)
    return notebook


def run_cells(client, notebook):
    """Run all cells in the client's kernel and keep the state of the widgets they made."""
    for index, cell in enumerate(notebook.cells):
        client.execute_cell(cell, index)
    client.set_widgets_metadata()


def build(source, target, package=PACKAGE):
    """Execute `source` and write `target`. On an error nothing is written."""
    notebook = read_source(source)
    inputs = fingerprint(notebook, package)
    target.parent.mkdir(exist_ok=True)
    execute(notebook, target.parent)
    notebook.metadata[OWN_METADATA] = {"inputs": inputs}
    target.write_text(to_text(canonical(notebook)), encoding="utf-8", newline="\n")


def build_all(pairs, everything=False, package=PACKAGE):
    """Build the stale ones of `pairs` (all of them if `everything`), two at a time; one that fails stops no other.

    Returns what went wrong, by the name of the notebook.
    """
    reasons = {target: "asked for" if everything else stale_reason(source, target, package) for source, target in pairs}
    waiting = [(source, target) for source, target in pairs if reasons[target]]
    print(f"{len(pairs) - len(waiting)} up to date, {len(waiting)} to build", flush=True)

    def tried(pair):
        source, target = pair
        start = time.perf_counter()
        try:
            build(source, target, package)
        except Exception as error:  # whatever it is, the others shall be built
            print(f"{target.name}: failed", flush=True)
            return f"{type(error).__name__}: {error}"
        print(f"{target.name}: {time.perf_counter() - start:.0f} s ({reasons[target]})", flush=True)
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        errors = dict(zip([target.name for _, target in waiting], pool.map(tried, waiting)))
    return {name: error for name, error in errors.items() if error}


def asked_for(arguments, module, description):
    """The built notebooks whose names begin as the command line of a module says; a line, and none, if no name does."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("names", nargs="*", help="beginnings of notebook names, such as 04; default: all")
    wanted = tuple(parser.parse_args(arguments).names) or ("",)
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path.stem.startswith(wanted)]
    if not paths:
        print("no notebook has such a name", file=sys.stderr)
    return paths


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description="Build the notebooks.")
    parser.add_argument("names", nargs="*", help="beginnings of notebook names, such as 00; default: all")
    parser.add_argument("--all", action="store_true", help="build also what is up to date")
    parser.add_argument("--check", action="store_true", help="build nothing; fail if anything is stale")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="the folder with the .ipynb files")
    options = parser.parse_args(arguments)
    wanted = tuple(options.names) or ("",)
    found = [*sources(options.folder), *solutions(options.folder)]
    pairs = [(path, target_of(path)) for path in found if path.stem.startswith(wanted)]
    if not pairs:
        print(f"no notebook source in {options.folder / 'source'} has such a name", file=sys.stderr)
        return 1
    if options.check:
        reasons = {target.name: stale_reason(source, target) for source, target in pairs}
        for name, reason in reasons.items():
            print(f"{name}: {reason or 'up to date'}")
        return int(any(reasons.values()))
    failed = build_all(pairs, options.all)
    for name, error in failed.items():
        print(f"\n{name} was not built. {error}", file=sys.stderr)
    if options.folder == NOTEBOOKS:
        take_pictures(NOTEBOOKS)  # so that the README shows what the notebooks do
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
