"""Measure, print a table, keep the numbers and draw them: `make bench` (some minutes, on an idle machine)."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: waiting threads sleep instead of spinning

import argparse
import json
import math
import platform
import sys
from pathlib import Path

import torch

from benchmarks.contenders import floor, losses, matchers, random_batch, six_layers
from benchmarks.timing import BUSY, host_copies, medians, others_percent, peak_megabytes
from helpers.figures.speed import RESULTS

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIZES = ((100, 7), (100, 20), (300, 7))  # N predictions, about T targets an image
MOST_PAIRS = 1.5e8  # pairs of the whole batch that transformers can hold: its matrices take some 20 bytes a pair
PAGE = Path(__file__).with_name("README.md")
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "benchmark.png"


def measure(batches=BATCHES, sizes=SIZES, device="cpu"):
    """All cases, one dict each."""
    rows = []
    for predictions, targets in sizes:
        for images in batches:
            batch = random_batch(images, predictions, targets, device=device)
            fits = images * predictions * sum(len(target["boxes"]) for target in batch[1]) < MOST_PAIRS
            row = {"B": images, "N": predictions, "T": targets}
            row["matcher"] = medians(able({**matchers(), "floor": floor(*batch)}, fits), *batch)
            if targets == sizes[0][1] and predictions == sizes[0][0]:
                row["loss"] = medians(able(losses(), fits), *batch)
                layers = [random_batch(images, predictions, targets, s, device)[0] for s in range(6)]
                row["six layers"] = medians(six_layers(), layers, batch[1])
                if device != "cpu":
                    row["host copies"] = {name: host_copies(run, *batch) for name, run in matchers().items()}
                names = able(matchers(), fits) if images >= 16 and device == "cpu" and sys.platform == "linux" else ()
                row["megabytes"] = {name: peak_megabytes(name, images, predictions, targets) for name in names}
            rows.append(row)
            print(readable(row), flush=True)
    return rows


def able(contenders, fits):
    return {name: run for name, run in contenders.items() if fits or name != "transformers"}


def ratio(row, kind="matcher", slow="transformers", fast="helpers"):
    """How many times faster, or None where the slow one was left out."""
    times = row.get(kind, {})
    return times[slow] / times[fast] if slow in times else None


def growth(rows, name="helpers", kind="matcher"):
    """Seconds by batch size, with N = 100 and T = 7."""
    return {row["B"]: row[kind][name] for row in rows if (row["N"], row["T"]) == SIZES[0] and name in row[kind]}


def slope(rows, name="helpers", kind="matcher"):
    """Growth from B = 16 to 256 with N = 100, T = 7: 1 means that twice the images take twice the time."""
    seconds = growth(rows, name, kind)
    low, high = min(b for b in seconds if b >= 16), max(seconds)
    return math.log(seconds[high] / seconds[low]) / math.log(high / low)


def readable(row):
    """One line of the table, as Markdown."""

    def times(value):
        return "-" if value is None else f"{value:.1f}x"

    def milliseconds(name):
        return f"{1000 * row['matcher'][name]:.2f}" if name in row["matcher"] else "-"

    cells = [row["B"], row["N"], row["T"], *(milliseconds(name) for name in ("helpers", "transformers", "floor"))]
    cells += [times(ratio(row)), times(ratio(row, "matcher", "helpers", "floor")), times(ratio(row, "loss"))]
    cells += [times(ratio(row, "six layers", "one by one", "together"))]
    cells += [f"{row.get('megabytes', {}).get(name, math.nan):.0f}" for name in ("helpers", "transformers")]
    return "| " + " | ".join(str(cell).replace("nan", "-") for cell in cells) + " |"


COLUMNS = (
    *("B", "N", "T", "helpers, ms", "transformers, ms", "floor, ms", "faster", "of the floor"),
    *("loss + gradient", "6 layers at once", "MB", "MB, transformers"),
)


def page(rows, about):
    """The results as a page of Markdown."""
    table = "\n".join(["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS), *map(readable, rows)])
    slopes = ", ".join(f"{name} {value:.2f}" for name, value in about["slope"].items())
    return f"""# One match, measured

`make bench` wrote this page, with {about["threads"]} threads of torch {about["torch"]} on {about["machine"]}, idle.
All contenders take turns in one run; these are medians. K is 91; T is the mean number of objects, and an image has half
to one and a half as many.

- *floor*: one log-sum-exp over the logits, and scipy on cost matrices that are ready; no matcher can do less.
- *faster*: transformers' time over that of helpers. *of the floor*: that of helpers over the floor.
- *loss + gradient*: how many times faster `SetCriterion` with its gradient is than `ImageLoss` with its own.
- *6 layers at once*: six matches one by one over six at once. *MB*: by how much one match raises the memory.

{table}

Slope of log time over log B from B = 16 on (1: twice the images, twice the time): {slopes}.
A dash: not measured, or transformers' matrices would not fit.

![Milliseconds for one match against the batch size](../docs/images/benchmark.png)
"""


def draw(rows):
    """Seconds against batch size, on two logarithmic scales."""
    from helpers import figures

    figure, axes = figures.new_figure(7.5, 4.2)
    styles = {
        "transformers": (figures.GIOU, "o-"),
        "helpers": (figures.PREDICTION, "s-"),
        "floor": (figures.QUIET, ":"),
    }
    for name, (colour, style) in styles.items():
        points = [(images, 1000 * seconds) for images, seconds in growth(rows, name).items()]
        axes.loglog(*zip(*points), style, color=colour, lw=2, label=name)
        axes.annotate(name, points[-1], (8, 0), textcoords="offset points", color=colour, va="center")
    axes.set(xlabel="images in the batch", ylabel="milliseconds for one match", title="Only the pairs that exist")
    axes.set_xticks(BATCHES, BATCHES, minor=False)
    axes.minorticks_off()
    axes.margins(x=0.16)
    return figures.small_png(figure)


def main():
    """Read the command line; refuse a busy machine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="torch's threads (default 2)")
    parser.add_argument("--device", default="cpu", help='"cuda" measures on the GPU, and counts copies to the host')
    parser.add_argument("--quick", action="store_true", help="a few small cases; nothing is kept")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    busy = others_percent()
    if busy > BUSY and not options.quick:
        sys.exit(
            f"Other programs use {busy:.0f} % of the processors: such timings mean nothing. Come back when it is idle."
        )
    print("| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS), sep="\n")
    cases = ((1, 16), SIZES[:1]) if options.quick else (BATCHES, SIZES)
    rows = measure(*cases, options.device)
    if options.quick:
        return
    about = {
        "threads": options.threads,
        "torch": torch.__version__,
        "machine": platform.processor() or platform.machine(),
    }
    about |= {"slope": {name: slope(rows, name) for name in ("helpers", "transformers")}}
    print(f"slope from B = 16 on: {about['slope']}")
    if options.device != "cpu":
        print({row["B"]: row["host copies"] for row in rows if "host copies" in row})
        return  # what README and notebook 11 show was measured on a CPU
    RESULTS.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(rows, about), encoding="utf-8")
    PICTURE.write_bytes(draw(rows))


if __name__ == "__main__":
    main()
