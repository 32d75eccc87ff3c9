"""What the course costs a reader: Run All of each notebook on one core, `make lab` from nothing, a drag in each piece.

python -m benchmarks --notebooks    some ten minutes
python -m benchmarks --install      some minutes, and the network
python -m benchmarks --pieces       half a minute, and a Chromium
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks import passes, pieces
from benchmarks.page import table
from benchmarks.timing import others_percent
from tools.memory import MemoryWatch
from tools.notebooks import ROOT, live_kernel, read_source, sources

RESULTS, PAGE = (Path(__file__).with_name(f"course.{kind}") for kind in ("json", "md"))
NOTEBOOKS = ("notebook", "minutes", "of them the processor's", "MB", "seconds to the first figure", "others, %")
INSTALL = ("minutes", "MB on disk", "others, %")


def measure_notebooks(paths):
    """One dict for each source: its name, the seconds of Run All and to the first figure, the memory in megabytes."""
    rows = []
    for path in paths:
        busy = {"others": others_percent()}
        rows.append({"name": path.stem} | run_all(read_source(path), path.parents[1]) | busy)
        print(notebook_line(rows[-1]), flush=True)
    return rows


def run_all(notebook, folder):
    """Run a notebook in a new kernel on one core; the clock starts before the kernel does."""
    start, figure_at = time.perf_counter(), None
    with one_core(), live_kernel(notebook, folder) as client, MemoryWatch(client.km.provisioner.pid) as watch:
        for place, cell in enumerate(notebook.cells):
            client.execute_cell(cell, place)
            if figure_at is None and any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
                figure_at = time.perf_counter() - start
        seconds, worked = time.perf_counter() - start, watch.process.cpu_times()
    worked = worked.user + worked.system + worked.children_user + worked.children_system
    return {"seconds": seconds, "processor": worked, "first figure": figure_at, "megabytes": watch.peak / 1e6}


@contextmanager
def one_core():
    """Everything that this process starts meanwhile stays on one core. Only Linux and Windows can do that."""
    process = psutil.Process()
    cores = process.cpu_affinity() if hasattr(process, "cpu_affinity") else []
    if cores:
        process.cpu_affinity(cores[:1])
    try:
        yield
    finally:
        if cores:
            process.cpu_affinity(cores)


def measure_install():
    """`make lab` in a clone of what is committed, up to the moment when JupyterLab would start, nothing cached."""
    busy = others_percent()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), folder], check=True)
        start = time.perf_counter()
        environment = {**os.environ, "PIP_NO_CACHE_DIR": "1"}
        command = ["make", "-C", folder, ".venv/ready", f"PYTHON={sys.executable}"]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        seconds = time.perf_counter() - start
        files = [path for path in Path(folder, ".venv").rglob("*") if path.is_file() and not path.is_symlink()]
        megabytes = sum(path.stat().st_size for path in files) / 1e6
        return {"seconds": seconds, "megabytes": megabytes, "others": busy}


def notebook_line(row):
    figure_at = f"{row['first figure']:.0f}" if row["first figure"] is not None else "-"
    minutes = f"{row['seconds'] / 60:.1f} | {row['processor'] / 60:.1f}"
    return f"| {row['name']} | {minutes} | {row['megabytes']:.0f} | {figure_at} | {row['others']:.0f} |"


def page(results):
    """The results as a page of Markdown."""
    parts = ["# What the course costs, measured\n"]
    if rows := results.get("notebooks"):
        total, own = (sum(row[name] for row in rows) / 60 for name in ("seconds", "processor"))
        most = max(row["megabytes"] for row in rows)
        parts.append(f"""## Run All

`make bench ARGS=--notebooks` wrote this table, on one core of {results["machine"]}. Each notebook gets a new kernel,
whose start counts; memory is the most that the kernel and what it starts held. The last column is how much of the
processors other programs used when it began: beyond a few per cent, only what the processor worked says much. All:
{total:.0f} minutes, of them {own:.0f} the processor's, and at most {most:.0f} MB.

{table(NOTEBOOKS, map(notebook_line, rows))}
""")
    if found := results.get("install"):
        line = f"| {found['seconds'] / 60:.1f} | {found['megabytes']:.0f} | {found['others']:.0f} |"
        parts.append(f"""## `make lab` from nothing

`make bench ARGS=--install` wrote this table: a clone, a new environment, nothing in pip's cache. The network and the
torch that the index offers have their part in it.

{table(INSTALL, [line])}
""")
    if rows := results.get("pieces"):
        parts.append(f"""## A drag in each piece

`make bench ARGS=--pieces` wrote this table, in a headless Chromium of 1280 by 720. First paint: from the piece's script
to the end of the frame that shows it for the first time. Then a drag: from a move of the mouse to the end of the frame
that shows it. What `helpers` says of the same state is not waited for.

{table(pieces.COLUMNS, map(pieces.piece_line, rows))}
""")
    if found := results.get("passes"):
        parts.append(f"""In SceneLab a drag is a pass of the detector for each frame:

{table(passes.COLUMNS, map(passes.pass_line, found.items()))}
""")
    return "\n".join(parts)


def keep(**found):
    """Write what was found beside what an earlier call found, as numbers and as a page."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results |= {"machine": platform.processor() or platform.machine(), **found}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


def main(notebooks, install, drags):
    """Measure what is asked for, print and keep the numbers."""
    if drags:
        print(table(pieces.COLUMNS, ()))
        keep(pieces=pieces.measure())
        print(table(passes.COLUMNS, ()))
        keep(passes=passes.measure())
    if notebooks:
        print(table(NOTEBOOKS, ()))
        keep(notebooks=measure_notebooks(sources()))
    if install:
        keep(install=measure_install())
        print(page(json.loads(RESULTS.read_text(encoding="utf-8"))))
