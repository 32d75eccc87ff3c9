"""What `make bench` makes of its rows: ratios, a page of tables with what was promised, and a picture."""

import math

from helpers import figures
from helpers.figures import speed

USUAL = (100, 7)  # N predictions and about T targets, of the bars and of the picture


def ratio(row, kind="matcher", slow="transformers", fast="helpers"):
    """How many times faster, or None where the slow one was left out."""
    times = row.get(kind, {})
    return times[slow] / times[fast] if slow in times else None


def growth(rows, name="helpers", kind="matcher"):
    """Seconds by batch size, with N = 100 and T = 7."""
    return {row["B"]: row[kind][name] for row in rows if (row["N"], row["T"]) == USUAL and name in row[kind]}


def slope(rows, name="helpers", kind="matcher"):
    """Growth from B = 16 to 256 with N = 100, T = 7: 1 means that twice the images take twice the time."""
    seconds = growth(rows, name, kind)
    low, high = min(b for b in seconds if b >= 16), max(seconds)
    return math.log(seconds[high] / seconds[low]) / math.log(high / low)


SIX_LAYERS = ("six layers", "one by one", "together")
FASTER = ((1, 1), (2, 1), (4, 1), (16, 10), (64, 40), (128, 120))  # batch size, and how many times the matcher's speed
# What the project promises of two threads: name, bar, batch size, and what the row of that size says about it.
BARS = (
    *((f"matcher, B = {images}: times faster, at least", bar, images, ratio) for images, bar in FASTER),
    ("matcher, B = 64: times the floor, at most", 2.2, 64, lambda row: ratio(row, "matcher", "helpers", "floor")),
    ("loss with gradient, B = 64: times faster, at least", 20, 64, lambda row: ratio(row, "loss")),
    ("six layers at once, B = 2: times faster, at least", 1.5, 2, lambda row: ratio(row, *SIX_LAYERS)),
)
STEEPEST = 1.15  # of the matcher, from 16 images on


def promises(rows):
    """For each bar: its name, the bar, the measured number, and whether it is met."""
    first = {row["B"]: row for row in rows if (row["N"], row["T"]) == USUAL}
    found = [(name, bar, measured(first[b])) for name, bar, b, measured in BARS if b in first]
    found.append(("matcher: slope of log time over log B from B = 16 on, at most", STEEPEST, slope(rows)))
    return [
        (name, bar, value, value <= bar if name.endswith("most") else value >= bar)
        for name, bar, value in found
        if value is not None
    ]


def readable(row):
    """One line of the table, as Markdown."""

    def times(value):
        return "-" if value is None else f"{value:.1f}x"

    def milliseconds(name):
        return f"{1000 * row['matcher'][name]:.2f}" if name in row["matcher"] else "-"

    cells = [row["B"], row["N"], row["T"], *(milliseconds(name) for name in ("helpers", "transformers", "floor"))]
    cells += [times(ratio(row)), times(ratio(row, "matcher", "helpers", "floor"))]
    cells += [times(ratio(row, "forward")), times(ratio(row, "loss")), times(ratio(row, *SIX_LAYERS))]
    cells += [f"{row.get('megabytes', {}).get(name, math.nan):.0f}" for name in ("helpers", "transformers")]
    if "host copies" in row:
        cells += [row["host copies"][name] for name in ("helpers", "transformers")]
    return "| " + " | ".join(str(cell).replace("nan", "-") for cell in cells) + " |"


COLUMNS = (
    *("B", "N", "T", "helpers, ms", "transformers, ms", "floor, ms", "faster", "of the floor"),
    *("loss", "loss + gradient", "6 layers at once", "MB", "MB, transformers"),
)
ON_GPU = (*COLUMNS, "host copies", "host copies, transformers")


def table(columns, lines):
    """A table in Markdown."""
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *lines])


def page(rows, about, on_gpu=()):
    """The results as a page of Markdown; `on_gpu`: the rows of a second table."""
    slopes = ", ".join(f"{name} {value:.2f}" for name, value in about["slope"].items())
    bars = [
        f"| {name} | {bar:g} | {value:.3g} | {'yes' if met else 'no'} |" for name, bar, value, met in promises(rows)
    ]
    gpu = f"\n## On a GPU\n\n{about.get('gpu')}.\n\n{table(ON_GPU, map(readable, on_gpu))}\n" if on_gpu else ""
    return f"""# One match, measured

`make bench` wrote this page, with {about["threads"]} threads of torch {about["torch"]} on {about["machine"]}, idle.
All contenders take turns in one run; these are medians. K is 91; T is the mean number of objects, and an image has half
to one and a half as many.

- *floor*: one log-sum-exp over the logits, and scipy on cost matrices that are ready; no matcher can do less.
- *faster*: transformers' time over that of helpers. *of the floor*: that of helpers over the floor.
- *loss*, *loss + gradient*: how many times faster `SetCriterion` is than `ImageLoss`, without and with the gradient.
- *6 layers at once*: six matches one by one over six at once. *MB*: by how much one match raises the memory.

{table(COLUMNS, map(readable, rows))}

Slope of log time over log B from B = 16 on (1: twice the images, twice the time): {slopes}.
A dash: not measured, or transformers' matrices would not fit.

![Milliseconds for one match against the batch size](../docs/images/benchmark.png)

## What we set out to reach

With N = 100 and T about 7:

{table(("promise", "bar", "measured", "met"), bars)}
{gpu}"""


def draw(rows):
    """Milliseconds against batch size, as in notebook 11."""
    figure, axes = figures.new_figure(7.5, 4.2)
    speed.draw_growth(
        axes,
        [row for row in rows if (row["N"], row["T"]) == USUAL],
        "Time of one match, and its factor for twice the batch",
    )
    return figures.small_png(figure)
