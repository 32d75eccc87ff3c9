"""Measure, print a table, keep the numbers and draw them: `make bench` (some minutes, on an idle machine)."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: waiting threads sleep instead of spinning

import argparse
import json
import platform
import sys
from pathlib import Path

import torch

from benchmarks import course
from benchmarks.before import build
from benchmarks.contenders import floor, losses, matchers, random_batch, six_layers, with_gradient
from benchmarks.page import COLUMNS, USUAL, draw, page, promises, readable, slope, table
from benchmarks.timing import host_copies, medians, peak_megabytes, wait_until_idle
from helpers.figures.speed import RESULTS

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIZES = (USUAL, (100, 20), (300, 7), (300, 20))  # N predictions, about T targets an image
MOST_PAIRS = 1.5e8  # pairs of the whole batch that transformers can hold: its matrices take some 20 bytes a pair
PAGE = Path(__file__).with_name("README.md")
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "benchmark.png"


def measure(batches=BATCHES, sizes=SIZES, device="cpu", before_each=wait_until_idle, before=None):
    """All cases, one dict each; `before_each` is called before each of them, `before` is an earlier build's commit."""
    rows, earlier = [], build(before) if before else None
    for predictions, targets in sizes:
        for images in batches:
            before_each()
            batch = random_batch(images, predictions, targets, device=device)
            fits = images * predictions * sum(len(target["boxes"]) for target in batch[1]) < MOST_PAIRS
            row = {"B": images, "N": predictions, "T": targets}
            row["matcher"] = medians(able({**matchers(earlier), "floor": floor(*batch)}, fits), *batch)
            if (predictions, targets) == sizes[0]:
                row["forward"] = medians(able(losses(earlier), fits), *batch)
                both = {name: with_gradient(total) for name, total in losses(earlier).items()}
                row["loss"] = medians(able(both, fits), *batch)
                layers = [random_batch(images, predictions, targets, s, device)[0] for s in range(6)]
                row["six layers"] = medians(six_layers(), layers, batch[1])
                if device != "cpu":
                    row["host copies"] = {name: host_copies(run, *batch) for name, run in matchers().items()}
            if images >= 16 and device == "cpu" and sys.platform == "linux":
                case = (images, predictions, targets)
                names = able(matchers(), fits) if (predictions, targets) == sizes[0] else ("helpers",)
                row["megabytes"] = {name: peak_megabytes(name, *case) for name in names}
                if before:
                    row["megabytes"]["before"] = peak_megabytes("before", *case, before)
            rows.append(row)
            print(readable(row), flush=True)
    return rows


def able(contenders, fits):
    return {name: run for name, run in contenders.items() if fits or name != "transformers"}


def main():
    """Read the command line; refuse a busy machine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="torch's threads (default 2)")
    parser.add_argument("--quick", action="store_true", help="two small cases, even on a busy machine; nothing is kept")
    parser.add_argument("--before", metavar="COMMIT", help="measure an earlier build beside, too")
    parser.add_argument("--notebooks", action="store_true", help="instead: minutes and memory of each notebook")
    parser.add_argument("--install", action="store_true", help="instead: what `make lab` takes from nothing")
    parser.add_argument("--pieces", action="store_true", help="instead: how long each piece takes to follow a drag")
    options = parser.parse_args()
    if options.notebooks or options.install or options.pieces:
        course.main(options.notebooks, options.install, options.pieces)
        return
    torch.set_num_threads(options.threads)
    print(table(COLUMNS, ()))
    if options.quick:
        measure((1, 16), SIZES[:1], before_each=lambda: None, before=options.before)
        return
    rows = measure(before=options.before)
    machine = platform.processor() or platform.machine()
    about = {"threads": options.threads, "torch": torch.__version__, "machine": machine}
    about |= {"slope": {name: slope(rows, name) for name in ("helpers", "transformers")}}
    if options.before:
        about["before"] = f"the build of commit {options.before}"
    on_gpu = []
    if torch.cuda.is_available():
        about["gpu"] = torch.cuda.get_device_name()
        on_gpu = measure(device="cuda")
    for name, bar, value, met in promises(rows):
        print(f"{'met    ' if met else 'NOT MET'}  {name} {bar:g}: {value:.3g}")
    results = {"about": about, "rows": rows} | ({"on_gpu": on_gpu} if on_gpu else {})
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(rows, about, on_gpu), encoding="utf-8")
    PICTURE.write_bytes(draw(rows))


if __name__ == "__main__":
    main()
