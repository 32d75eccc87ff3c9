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
LARGE = (300, 20)
FASTER = ((1, 2.5), (2, 2.5), (4, 2.5), (8, 6), (16, 14), (64, 60), (128, 160))  # batch size, times transformers' speed
OVER_THE_FLOOR = (
    (USUAL, 16, 256, 1.7),
    (LARGE, 16, 256, 2.0),
    (USUAL, 1, 8, 3),
    (LARGE, 1, 8, 3),
)  # sizes, first to last B
LOSS = ((1, 1.25), (2, 1.25), (64, 30))
EARLIER = ((1, 4, 2.5), (8, 256, 1.5))  # beside the build before, from B to B: in every row


def bars(rows):
    """What the project promises of two threads: name, bar, what was measured; the worst of several rows counts."""
    of = {(row["B"], row["N"], row["T"]): row for row in rows}

    def worst(measured, choose, first, last, sizes):
        found = [measured(row) for (b, *size), row in of.items() if first <= b <= last and tuple(size) in sizes]
        return choose((value for value in found if value is not None), default=None)

    def one(measured, b, size=USUAL):
        return measured(of[(b, *size)]) if (b, *size) in of else None

    for b, bar in FASTER:
        yield f"matcher, B = {b}: times faster, at least", bar, one(ratio, b)
    for size, first, last, bar in OVER_THE_FLOOR:
        measured = worst(lambda row: ratio(row, "matcher", "helpers", "floor"), max, first, last, [size])
        yield f"matcher, B = {first} to {last}, N = {size[0]}, T = {size[1]}: times the floor, at most", bar, measured
    sizes = {tuple(size) for _, *size in of}
    for first, last, bar in EARLIER:
        measured = worst(lambda row: ratio(row, "matcher", "before"), min, first, last, sizes)
        yield f"matcher, B = {first} to {last}, every size: times the build before, at least", bar, measured
    for b, bar in LOSS:
        yield f"loss with gradient, B = {b}: times faster, at least", bar, one(lambda row: ratio(row, "loss"), b)
    yield "six layers at once, B = 2: times faster, at least", 3.3, one(lambda row: ratio(row, *SIX_LAYERS), 2)
    memory = one(lambda row: ratio(row, "megabytes", "helpers", "before"), 64, LARGE)
    yield "memory, B = 64, N = 300, T = 20: share of the build before, at most", 0.5, memory
    yield "matcher: slope of log time over log B from B = 16 on, at most", 1.15, slope(rows)


def promises(rows):
    """For each bar that was measured: its name, the bar, the number, and whether it is met."""
    return [
        (name, bar, value, value <= bar if name.endswith("most") else value >= bar)
        for name, bar, value in bars(rows)
        if value is not None
    ]


def readable(row):
    """One line of the table, as Markdown."""

    def times(value):
        return "-" if value is None else f"{value:.1f}x"

    def milliseconds(name):
        return f"{1000 * row['matcher'][name]:.2f}" if name in row["matcher"] else "-"

    cells = [row["B"], row["N"], row["T"], *(milliseconds(name) for name in ("helpers", "transformers", "floor"))]
    cells += [times(ratio(row)), times(ratio(row, "matcher", "helpers", "floor")), times(ratio(row, slow="before"))]
    cells += [times(ratio(row, "forward")), times(ratio(row, "loss")), times(ratio(row, *SIX_LAYERS))]
    cells += [f"{row.get('megabytes', {}).get(name, math.nan):.0f}" for name in ("helpers", "transformers", "before")]
    if "host copies" in row:
        cells += [row["host copies"][name] for name in ("helpers", "transformers")]
    return "| " + " | ".join(str(cell).replace("nan", "-") for cell in cells) + " |"


COLUMNS = (
    *("B", "N", "T", "helpers, ms", "transformers, ms", "floor, ms", "faster", "of the floor", "than before"),
    *("loss", "loss + gradient", "6 layers at once", "MB", "MB, transformers", "MB, before"),
)
ON_GPU = (*COLUMNS, "host copies", "host copies, transformers")


def table(columns, lines):
    """A table in Markdown."""
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *lines])


def page(rows, about, on_gpu=()):
    """The results as a page of Markdown; `on_gpu`: the rows of a second table."""
    slopes = ", ".join(f"{name} {value:.2f}" for name, value in about["slope"].items())
    kept = [
        f"| {name} | {bar:g} | {value:.3g} | {'yes' if met else 'no'} |" for name, bar, value, met in promises(rows)
    ]
    gpu = f"\n## On a GPU\n\n{about.get('gpu')}.\n\n{table(ON_GPU, map(readable, on_gpu))}\n" if on_gpu else ""
    return f"""# One match, measured

`make bench` wrote this page, with {about["threads"]} threads of torch {about["torch"]} on {about["machine"]}, idle.
All contenders take turns in one run, in an order drawn anew each round; these are medians. K is 91; T is the mean
number of objects, and an image has half to one and a half as many.

- *floor*: one log-sum-exp over the logits, and scipy on cost matrices that are ready; no matcher can do less.
- *faster*: transformers' time over that of helpers. *of the floor*: that of helpers over the floor. *than before*: how
  many times faster than {about.get("before", "an earlier build, which this run did not measure")}.
- *loss*, *loss + gradient*: how many times faster `SetCriterion` is than `ImageLoss`, without and with the gradient.
- *6 layers at once*: six matches one by one over six at once. *MB*: by how much one match raises the memory.

{table(COLUMNS, map(readable, rows))}

Slope of log time over log B from B = 16 on (1: twice the images, twice the time): {slopes}.
A dash: not measured, or transformers' matrices would not fit.

![Milliseconds for one match against the batch size](../docs/images/benchmark.png)

## What we set out to reach

N = 100 and T about 7, where nothing else is said:

{table(("promise", "bar", "measured", "met"), kept)}
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
