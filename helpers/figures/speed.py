"""Figures of notebook 11: how time and memory grow with the batch, and what a huge number costs."""

import html
import json
from pathlib import Path

import numpy as np

from helpers.figures import (
    GIOU,
    INK,
    LETTERS,
    MATCH,
    NO_OBJECT,
    PREDICTION,
    QUIET,
    draw_matrix,
    new_figure,
)
from helpers.figures.pages import page_chooser, picture_html

RESULTS = Path(__file__).parents[1] / "recordings" / "benchmark.json"
CONTENDERS = {"transformers": (GIOU, "o-"), "helpers": (PREDICTION, "s-"), "floor": (QUIET, "^:")}


def measured(predictions=100, targets=7, path=RESULTS):
    """What `make bench` measured for N and T: the rows of `helpers/recordings/benchmark.json`, by
    rising batch size.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is not there; run `make bench`, which writes it.")
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return sorted(
        (row for row in rows if (row["N"], row["T"]) == (predictions, targets)),
        key=lambda row: row["B"],
    )


def growth_figure(rows):
    """Milliseconds and megabytes of one match against the number of images in the batch."""
    figure, (left, right) = new_figure(13.5, 4.8, columns=2)
    figure.get_layout_engine().set(wspace=0.06)
    draw_growth(left, rows, "Time, and its factor for twice the batch")
    sizes = {
        name: {row["B"]: row["megabytes"][name] for row in rows if name in row.get("megabytes", ())}
        for name in CONTENDERS
    }
    _draw_curves(
        right, {name: points for name, points in sizes.items() if points}, "Memory, and its factor"
    )
    right.set_ylabel("megabytes")
    return figure


def draw_growth(axes, rows, title, batch=None):
    """Milliseconds against B, both logarithmic; a line and large dots at `batch`, if given."""
    times = {name: {row["B"]: 1000 * row["matcher"][name] for row in rows} for name in CONTENDERS}
    _draw_curves(axes, times, title)
    axes.set_ylabel("milliseconds")
    if batch is not None:
        axes.axvline(batch, color=NO_OBJECT, lw=1.5, zorder=0)
        for name, points in times.items():
            axes.plot(
                batch,
                points[batch],
                "o",
                ms=13,
                color=CONTENDERS[name][0],
                mec="white",
                mew=2,
                zorder=4,
            )


def _draw_curves(axes, curves, title):
    batches = sorted({batch for points in curves.values() for batch in points})
    for name, points in curves.items():
        colour, style = CONTENDERS[name]
        axes.loglog(
            list(points), list(points.values()), style, color=colour, lw=2.5, ms=7, mec="white"
        )
        place, said = (
            (max(points), points[max(points)]),
            f"{name}  ×{factor_per_doubling(points):.1f}",
        )
        axes.annotate(
            said,
            place,
            (9, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontweight="bold",
        )
    axes.set(title=title, xlabel="images in the batch", xlim=(batches[0] * 0.85, batches[-1] * 1.2))
    axes.set_xticks(batches, batches)
    axes.minorticks_off()
    axes.margins(y=0.12)
    axes.yaxis.set_major_formatter(_plain_number)


def factor_per_doubling(points, start=16):
    """By what a quantity grows whenever B doubles, from `start` on: `points` maps B to it.

    >>> factor_per_doubling({16: 1.0, 64: 16.0})
    4.0
    """
    last = max(points)
    return (points[last] / points[start]) ** (1 / np.log2(last / start).item())


def _plain_number(value, _):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def batch_slider(rows, batches=(1, 4, 16, 64, 256), batch=16):
    """A slider over batch sizes: the huge matrix in blocks beside the curves.

    It works in a stored page, too.

    Args: rows: from `measured`; batches: the sizes to offer; batch: where it stands at first. The
    pictures are made here; slider and picture are linked in the page, without Python."""
    return page_chooser(
        {size: batch_page(rows, size) for size in batches}, "images", batch, slider=True
    )


def batch_page(rows, batch):
    """What the slider shows for one batch size, as HTML: the picture, and the numbers of pairs in a
    sentence.
    """
    predictions, targets = rows[0]["N"], rows[0]["T"]
    own = batch * predictions * targets
    figure, (left, right) = new_figure(10, 4.2, columns=2, width_ratios=[1, 1.5])
    draw_blocks(
        left,
        batch,
        f"{batch:,} of {batch**2:,} blocks are used" if batch > 1 else "The only block is used",
    )
    draw_growth(right, rows, "Time of one match", batch)
    sentence = (
        f"{batch} image{'s' * (batch > 1)}: {own:,} pairs can be matched; the huge matrix has "
        f"{own * batch:,}."
    )
    return f"{picture_html(figure, sentence)}<p>{html.escape(sentence)}</p>"


def draw_blocks(axes, batch, title):
    """The huge matrix, one block for the guesses of an image and the targets of an image: own pairs
    in green.
    """
    paper, green = (
        np.array([0.91, 0.91, 0.91]),
        np.array([int(MATCH[i : i + 2], 16) / 255 for i in (1, 3, 5)]),
    )
    own = np.eye(batch)[..., None]
    axes.imshow(own * green + (1 - own) * paper, interpolation="nearest")
    if batch <= 32:
        axes.set_xticks(np.arange(1, batch) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, batch) - 0.5, minor=True)
        axes.grid(which="minor", color="white", lw=2 if batch <= 8 else 1)
    axes.set(
        xticks=[],
        yticks=[],
        title=title,
        xlabel="targets, image by image",
        ylabel="guesses, image by image",
    )
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def sentinel_figure(sentinels, shares, theirs, scale):
    """Share of matrices with a needlessly dear match, against the number that stands in for NaN.

    `sentinels` (M,) and `shares`, {whose cost it stands for: (M,)}: the curves; `theirs`: the
    reference's sentinel;
    `scale`: the largest valid cost.
    """
    figure, axes = new_figure(10, 4.4)
    for (whose, values), style in zip(shares.items(), ("s--", "o-"), strict=True):
        values = 100 * np.asarray(values)
        axes.semilogx(sentinels, values, style, color=GIOU, lw=2.5, ms=6, mec="white")
        axes.annotate(
            f"for {whose}",
            (sentinels[-12], values[-12]),
            (0, 9),
            textcoords="offset points",
            color=GIOU,
            ha="center",
            fontweight="bold",
        )
    axes.axvspan(1, scale * 100, color=MATCH, alpha=0.18, lw=0)
    bold = {"va": "center", "fontweight": "bold"}
    axes.text(scale * 200, 40, "helpers:\nin scale with\nthe costs", color=MATCH, **bold)
    axes.axvline(theirs, color=INK, lw=1.5, ls="--")
    axes.text(
        theirs / 3,
        40,
        "the reference:\nthe largest\nfloat32",
        color=INK,
        ha="right",
        va="center",
        fontweight="bold",
    )
    axes.axvline(2.0**53, color=QUIET, lw=1.5, ls=":")
    axes.text(
        2.0**53 * 3, 60, "2⁵³: beyond it, float64\nskips whole numbers", color=QUIET, va="center"
    )
    axes.set(
        title="Too large a number spoils the match",
        xlabel="the sentinel",
        ylabel="matches dearer than needed, %",
    )
    axes.set(ylim=(-4, 104), xlim=(1, theirs * 30))
    return figure


def trap_figure(cost, got, best):
    """A cost matrix with NaN twice: ringed as SciPy pairs it with the sentinel, and as it should be
    paired.
    """
    columns = [str(target + 1) for target in range(cost.shape[1])]
    figure, panels = new_figure(3 + 1.8 * cost.shape[1], 1.6 + 0.6 * len(cost), columns=2)
    filled = np.where(np.isnan(cost), np.nanmax(cost), cost)
    titles = ("With your sentinel", "The best")
    for axes, title, pairs, colour in zip(panels, titles, (got, best), (GIOU, MATCH)):
        draw_matrix(axes, filled, title, columns, LETTERS, rings=pairs, ring_colour=colour)
        for text, invalid in zip(axes.texts, np.isnan(cost).ravel()):
            if invalid:
                text.set_text("NaN")
    return figure
