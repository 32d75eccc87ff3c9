"""Figures of notebook 03: targets as the loss reads them, on a table with room around the image for
what leaves it.
"""

from matplotlib import patches
from matplotlib.ticker import ScalarFormatter

from helpers.figures import (
    DASHES,
    INK,
    PREDICTION,
    QUIET,
    TARGET,
    draw_box,
    draw_image,
    draw_name,
    label_name,
    pixel_corners,
)

MARGIN = 30  # pixels of table around the sheet
TABLE = "#f1f1f1"


def draw_reading(axes, image, target, title, num_classes=10):
    """The targets as the loss reads them: `boxes` (T, 4) taken for normalised centre boxes,
    whatever they are.
    """
    draw_sheet(axes, image, title)
    boxes, labels = target["boxes"], target["class_labels"]
    if boxes.ndim != 2:
        _note(
            axes,
            image,
            f"boxes of shape {tuple(boxes.shape)},\nlabels of {labels.dtype}".replace("torch.", ""),
        )
    elif len(boxes) and (beyond := _beyond(boxes)) > 1:
        away = beyond * image.width
        _note(axes, image, f"all boxes lie\n{away:,.0f} pixels or more\noff this sheet")
        end = image.width + MARGIN - 4
        arrow = {"arrowstyle": "-|>", "color": TARGET, "lw": 3}
        axes.annotate("", (end, end), (image.width * 0.74, image.width * 0.74), arrowprops=arrow)
    else:
        names = ["none" if int(label) == num_classes else label_name(label) for label in labels]
        _draw_boxes(axes, pixel_corners(boxes, image).tolist(), names, TARGET, "-")


def draw_learned(axes, image, detections, title):
    """What a detector answers: `boxes` (M, 4) corner boxes in pixels and `labels` (M,), as `decode`
    gives them.
    """
    draw_sheet(axes, image, title)
    names = [label_name(label) for label in detections["labels"]]
    _draw_boxes(axes, detections["boxes"].tolist(), names, PREDICTION, DASHES)
    if not names:
        where = (image.width / 2, image.height + MARGIN / 2)
        axes.text(*where, "no box at all", ha="center", va="center", fontsize=13, color=PREDICTION)


def draw_misreading(axes, image, meant, read, title):
    """One box as it was meant (solid) and as the loss reads it (hatched): both centre boxes (1, 4),
    normalised.
    """
    draw_sheet(axes, image, title)
    left, top, right, bottom = pixel_corners(read, image)[0].tolist()
    shape = {"facecolor": TARGET + "22", "edgecolor": TARGET, "hatch": "//", "lw": 2.2}
    axes.add_patch(patches.Rectangle((left, top), right - left, bottom - top, **shape))
    corners = pixel_corners(meant, image)[0].tolist()
    draw_box(axes, corners, TARGET, "-")
    draw_name(axes, corners, "meant", TARGET)
    draw_name(axes, (left, top, right, bottom), "read", TARGET)


def draw_curves(axes, curves, title):
    """Loss curves on a logarithmic axis; the first one, of the healthy targets, is orange and
    thick.
    """
    for place, (name, curve) in enumerate(curves.items()):
        style = (
            {"color": TARGET, "lw": 3.2}
            if place == 0
            else {"color": QUIET, "lw": 2, "ls": ("--", "-.", ":")[place - 1]}
        )
        axes.plot(curve, label=name, **style)
    axes.set(
        yscale="log", xlabel="training step", ylabel="loss", title=title, yticks=[10, 3, 1, 0.3]
    )
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.minorticks_off()
    axes.legend(loc="lower left")


def draw_sheet(axes, image, title):
    """The image on a table that is a little larger."""
    draw_image(axes, image, title)
    axes.set(
        xlim=(-MARGIN, image.width + MARGIN), ylim=(image.height + MARGIN, -MARGIN), facecolor=TABLE
    )
    axes.add_patch(
        patches.Rectangle(
            (-0.5, -0.5), image.width, image.height, fill=False, edgecolor="#cccccc", lw=1
        )
    )


def _beyond(boxes):
    """How far the nearest of these boxes lies to the right of the image or below it, in images."""
    left_or_top = (boxes[:, :2] - boxes[:, 2:] / 2).amax(1)
    return float(left_or_top.min()) - 1


def _draw_boxes(axes, boxes, names, colour, linestyle):
    for box, name in zip(boxes, names):
        draw_box(axes, box, colour, linestyle, name)


def _note(axes, image, text):
    frame = {"facecolor": "white", "edgecolor": TARGET, "pad": 6}
    axes.text(
        image.width / 2,
        image.height / 2,
        text,
        ha="center",
        va="center",
        fontsize=12,
        color=INK,
        bbox=frame,
    )
