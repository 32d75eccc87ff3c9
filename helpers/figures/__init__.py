"""The static figures, in one visual language: predictions blue and dashed, targets orange and
solid, a match green.

A `draw_...` function draws into axes it is given; `show` puts a finished figure into the notebook
with its caption, which is also the image's text alternative."""

import io
from string import ascii_uppercase as LETTERS

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import patches
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from helpers.boxes import center_to_corners
from helpers.figures.names import draw_name

PREDICTION, TARGET, MATCH, NO_OBJECT = "#0072B2", "#E69F00", "#009E73", "#999999"
CLASS, L1, GIOU = "#CC79A7", "#56B4E9", "#D55E00"
TERM_COLOURS = {"loss_ce": CLASS, "loss_bbox": L1, "loss_giou": GIOU}
TERM_NAMES = {"loss_ce": "class", "loss_bbox": "L1", "loss_giou": "1 − GIoU"}
INK, QUIET = "#222222", "#6b6b6b"
# The way from one image to one number: what, its size, the notebooks that explain it, and a colour.
COURSE = [
    ("image", "128 × 128", "01", NO_OBJECT),
    ("hidden\nstates", "1 × 77 × 96", "01", NO_OBJECT),
    ("detection\nstates", "the last 12", "02", PREDICTION),
    ("12 guesses", "class and box", "02", PREDICTION),
    ("three costs", "12 × 5 each", "04", CLASS),
    ("the match", "5 pairs", "05  06", MATCH),
    ("the loss", "one number", "07  08", GIOU),
]
COURSE_TARGETS = ("5 targets", "class and box", "03", TARGET)  # they join at the costs
DASHES = (0, (4, 2))  # of a prediction
DPI = 110

STYLE = {
    "figure.facecolor": "white",
    "font.size": 12,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 12,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "text.color": INK,
}


def new_figure(width=10, height=4, columns=1, rows=1, **options):
    """A figure and its axes in the course's style; sizes in inches."""
    plt.rcParams.update(STYLE)
    return plt.subplots(rows, columns, figsize=(width, height), layout="constrained", **options)


def show(figure, caption):
    """Put a figure into the notebook: a PNG with the caption as text alternative, and the caption
    below it.
    """
    from IPython.display import display

    data = {"image/png": small_png(figure), "text/plain": caption}
    display(data, raw=True, metadata={"image/png": {"alt": caption}})
    display({"text/markdown": f"*{caption}*", "text/plain": caption}, raw=True)


def small_png(figure, dpi=DPI, colours=256):
    """The figure as PNG bytes with few colours: a tenth of the size, and hardly a difference to
    see.
    """
    from PIL import Image

    raw, buffer = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.15)
    plt.close(figure)
    with_few_colours(Image.open(raw).convert("RGB"), colours).save(
        buffer, format="png", optimize=True
    )
    return buffer.getvalue()


def with_few_colours(image, count):
    """The PIL image in `count` colours that cover its range; the most frequent ones are all shades
    of the paper.
    """
    from PIL import Image

    return image.quantize(
        count, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
    )


def label_name(label):
    """A class label as it stands in figures: 3 -> "3" in quotes, since bare numerals would be
    mistaken for places.
    """
    return f'"{int(label)}"'


def draw_image(axes, image, title=None):
    """A PIL image without ticks; its pixels are the axes' units."""
    axes.imshow(image, interpolation="bicubic")
    axes.set(xticks=[], yticks=[], xlim=(-0.5, image.width - 0.5), ylim=(image.height - 0.5, -0.5))
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title)


def draw_targets(axes, image, targets, names=True):
    """Targets as solid orange boxes; `targets` holds normalised `boxes` (T, 4) and `class_labels`
    (T,).
    """
    for box, label in zip(pixel_corners(targets["boxes"], image), targets["class_labels"]):
        draw_box(axes, box, TARGET, "-", label_name(label) if names else None)


def draw_predictions(axes, image, boxes, names=LETTERS, colours=None, strengths=None):
    """Predictions as dashed blue boxes, named A, B, ...: `boxes` (N, 4) normalised; `strengths`
    (N,) fade them.
    """
    for place, box in enumerate(pixel_corners(boxes, image)):
        colour = PREDICTION if colours is None else colours[place]
        alpha = 1 if strengths is None else float(strengths[place])
        name = names[place] if names and names[place] else None
        draw_box(axes, box, colour, DASHES, name, alpha, at="bottom")


def draw_match_lines(axes, image, pred_boxes, boxes, match):
    """The match in green: a line from the center of each guess to that of its target.

    Args: `pred_boxes` (N, 4) and `boxes` (T, 4) normalised center boxes; `match`:
    (prediction_index, target_index)."""
    size = torch.tensor([image.width, image.height])
    for guess, target in zip(*(torch.as_tensor(index).tolist() for index in match)):
        ends = torch.stack([pred_boxes[guess, :2], boxes[target, :2]]).detach() * size
        axes.plot(*ends.T, "-o", color=MATCH, lw=2.5, ms=5)


def draw_box(axes, corners, colour, linestyle, name=None, alpha=1.0, at="top"):
    """One box (left, top, right, bottom) in pixels, its name on a tab: see `names.draw_name`."""
    left, top, right, bottom = corners = [float(value) for value in corners]
    frame = patches.Rectangle(
        (left, top),
        right - left,
        bottom - top,
        fill=False,
        edgecolor=colour,
        lw=2.2,
        ls=linestyle,
        alpha=alpha,
    )
    axes.add_patch(frame)
    if name is not None:
        draw_name(axes, corners, name, colour, at, alpha)


def pixel_corners(boxes, image):
    """Normalised centre boxes (M, 4) as corner boxes in the pixels of a PIL image."""
    scale = torch.tensor([image.width, image.height] * 2)
    return center_to_corners(boxes.detach().float().cpu()) * scale


def draw_matrix(
    axes,
    matrix,
    title,
    columns,
    rows=LETTERS,
    rings=None,
    ring_colour=MATCH,
    decimals=2,
    colour_map="cividis",
    blank_zeros=False,
    size=11,
):
    """A cost matrix (N, T): predictions as rows, targets as columns, its numbers in the cells,
    matched cells ringed.

    `columns`: the names of the targets; `rings`: (prediction_index, target_index); `blank_zeros`:
    whether cells that would show nothing but zeros stay empty; `size`: of letters, in points.
    """
    values = np.asarray(
        matrix.detach() if isinstance(matrix, torch.Tensor) else matrix, dtype=float
    )
    axes.imshow(values, cmap=colour_map, aspect="auto")
    axes.set_title(title)
    axes.set_xticks(range(values.shape[1]), columns, color=INK)
    axes.set_yticks(
        range(values.shape[0]),
        list(rows[: values.shape[0]]),
        color=PREDICTION,
        fontweight="bold",
        fontsize=size,
    )
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    middle = (values.min() + values.max()) / 2
    for (row, column), value in np.ndenumerate(values):
        rounded = round(value, decimals) + 0.0  # no minus on a zero
        if blank_zeros and rounded == 0:
            continue
        colour = "white" if value < middle else "black"
        axes.text(
            column,
            row,
            f"{rounded:.{decimals}f}",
            ha="center",
            va="center",
            fontsize=size,
            color=colour,
        )
    for row, column in zip(*rings) if rings is not None else ():
        draw_ring(axes, int(row), int(column), ring_colour)


def draw_ring(axes, row, column, colour=MATCH):
    """A ring around one cell of a matrix: white below, coloured above, so that it shows on dark and
    light cells.
    """
    for edge, width in (("white", 5), (colour, 3)):
        box = patches.FancyBboxPatch(
            (column - 0.44, row - 0.4),
            0.88,
            0.8,
            boxstyle="round,pad=0,rounding_size=0.2",
            fill=False,
            edgecolor=edge,
            lw=width,
            clip_on=False,
        )
        axes.add_patch(box)


def thumbnails(image, targets, margin=0.06):
    """The part of the image in each target's box, as square arrays: how targets appear beside
    matrices.
    """
    crops = []
    for left, top, right, bottom in pixel_corners(targets["boxes"], image).tolist():
        half = max(right - left, bottom - top) * (0.5 + margin)
        x, y = (left + right) / 2, (top + bottom) / 2
        box = (round(x - half), round(y - half), round(x + half), round(y + half))
        ground = image.getpixel((0, 0))
        crops.append(np.asarray(_crop(image, box, ground).resize((64, 64))))
    return crops


def _crop(image, box, ground):
    """A crop that may reach over the border, filled there with the ground's colour."""
    from PIL import Image

    canvas = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), ground)
    canvas.paste(image, (-box[0], -box[1]))
    return canvas


def draw_column_thumbnails(axes, crops, zoom=0.42):
    """Put a thumbnail of each target on top of its column, in place of the tick label."""
    axes.set_xticks([])
    axes.set_title(axes.get_title(loc="left"), pad=40)
    for column, crop in enumerate(crops):
        picture = AnnotationBbox(
            OffsetImage(crop, zoom=zoom),
            (column, -0.5),
            xybox=(0, 17),
            boxcoords="offset points",
            pad=0.1,
            bboxprops={"edgecolor": TARGET, "lw": 2},
            annotation_clip=False,
        )
        axes.add_artist(picture)


def draw_loss_bar(axes, losses, weights, title, at=0, height=0.55):
    """The weighted terms of the loss, stacked into one horizontal bar, each with its arithmetic."""
    start = 0.0
    for name, colour in TERM_COLOURS.items():
        value = float(losses[name]) * weights[name]
        arithmetic = (
            f"{TERM_NAMES[name]}:  {weights[name]:g} × {float(losses[name]):.4f} = {value:.3f}"
        )
        axes.barh(
            at, value, height, left=start, color=colour, edgecolor="white", lw=2, label=arithmetic
        )
        start += value
    axes.text(start, at, f"  = {start:.3f}", va="center", fontsize=15, fontweight="bold")
    axes.set(yticks=[], xlim=(0, start * 1.18), title=title)
    axes.spines["left"].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.43, -0.22), ncols=3, fontsize=12)
    return start


def draw_course_map(axes):
    """The way from one image to one number, with the notebook that explains each stage."""
    step, width, height = 1.42, 1.23, 0.94
    for place, (name, size, number, colour) in enumerate(COURSE):
        x = place * step
        _draw_stage(axes, x, 0, width, height, name, size, colour)
        axes.text(
            x + width / 2,
            -0.72,
            number,
            ha="center",
            va="center",
            fontsize=13,
            fontweight="bold",
            color=QUIET,
        )
        if place:
            _draw_arrow(axes, (x - step + width + 0.03, 0), (x - 0.03, 0))
    x = 4 * step
    name, size, number, colour = COURSE_TARGETS
    _draw_stage(axes, x, 1.55, width, height, name, size, colour)
    axes.text(
        x - 0.12, 1.55, number, ha="right", va="center", fontsize=13, fontweight="bold", color=QUIET
    )
    _draw_arrow(axes, (x + width / 2, 1.55 - height / 2 - 0.03), (x + width / 2, height / 2 + 0.03))
    axes.set(
        xlim=(-0.1, 6 * step + width + 0.1), ylim=(-1.0, 2.15), xticks=[], yticks=[], aspect="equal"
    )
    axes.spines[:].set_visible(False)


def _draw_stage(axes, x, y, width, height, name, size, colour):
    box = patches.FancyBboxPatch(
        (x, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor=colour + "22",
        edgecolor=colour,
        lw=2,
    )
    axes.add_patch(box)
    axes.text(
        x + width / 2, y + 0.12, name, ha="center", va="center", fontsize=12, fontweight="bold"
    )
    axes.text(x + width / 2, y - 0.26, size, ha="center", va="center", fontsize=12, color=QUIET)


def _draw_arrow(axes, start, end):
    axes.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": QUIET, "lw": 1.8, "shrinkA": 0, "shrinkB": 0},
    )
