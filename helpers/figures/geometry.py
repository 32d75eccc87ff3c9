"""Figures of notebook 04: pairs of boxes, their overlap in pieces, cost matrices, and boxes that
follow a gradient.

Boxes are normalised centre boxes (4,) unless said otherwise; plain axes are a unit square with y
downwards."""

import torch
from matplotlib import patches

from helpers.boxes import box_iou, center_to_corners, generalized_box_iou
from helpers.figures import (
    CLASS,
    DASHES,
    GIOU,
    INK,
    L1,
    LETTERS,
    PREDICTION,
    QUIET,
    TARGET,
    draw_box,
    draw_column_thumbnails,
    draw_image,
    draw_matrix,
    label_name,
    new_figure,
    pixel_corners,
    thumbnails,
)

PAPER = "#f6f6f6"
PIECES = {
    "intersection": {"facecolor": "#9c8ade", "edgecolor": "none"},
    "union": {"facecolor": "#dcd6f5", "edgecolor": "none"},
    "empty part of the hull": {"facecolor": "#ffffff", "edgecolor": "#8a8a8a", "hatch": "..."},
}


def class_figure(image, target, pred_boxes, matrix, cell, title):
    """The matrix of one cost beside the scene; the pair of one cell is drawn there, and the cell is
    ringed.

    Cells that round to zero stay empty, as most do in the class cost of a trained detector.

    Args: the PIL image; its target dict; pred_boxes (N, 4); matrix (N, T); cell: (prediction,
    target)."""
    figure, (left, right) = new_figure(10.4, 5.3, columns=2, width_ratios=[1, 1])
    guess, place = cell
    label = label_name(target["class_labels"][place])
    draw_image(left, image, f"One pair: {LETTERS[guess]} and {label}")
    for boxes, colour, line, name, at in (
        (target["boxes"][place], TARGET, "-", label, "top"),
        (pred_boxes[guess], PREDICTION, DASHES, LETTERS[guess], "bottom"),
    ):
        draw_box(left, pixel_corners(boxes[None], image)[0], colour, line, name, at=at)
    _draw_costs(right, image, target, matrix, [cell], title, blank_zeros=True)
    return figure


def l1_figure(image, target, pred_boxes, matrix, cell, title):
    """The L1 matrix beside the four differences that one of its cells adds up.

    Args as in `class_figure`.
    """
    figure, ((pair, right), (bars, below)) = new_figure(
        10.4, 5.4, rows=2, columns=2, width_ratios=[1, 1.45], height_ratios=[1.25, 1]
    )
    right = _one_column(figure, right, below)
    guess, place = cell
    boxes = pred_boxes[guess], target["boxes"][place]
    draw_pair(
        pair, *boxes, title=f"{LETTERS[guess]} and {label_name(target['class_labels'][place])}"
    )
    for box, colour in zip(boxes, (PREDICTION, TARGET)):
        pair.plot(*box[:2].tolist(), "o", color=colour, ms=8)
    values = (boxes[0] - boxes[1]).abs().tolist()
    bars.barh(["center x", "center y", "width", "height"], values, 0.65, color=L1)
    bars.bar_label(bars.containers[0], fmt="%.3f", padding=4, fontsize=11)
    bars.set(
        xlim=(0, max(*values, 0.04) * 1.35), xticks=[], title=f"Four differences: {sum(values):.2f}"
    )
    bars.invert_yaxis()
    bars.spines["bottom"].set_visible(False)
    bars.tick_params(length=0, labelcolor=INK)
    _draw_costs(right, image, target, matrix, [cell], title)
    return figure


def giou_figure(image, target, pred_boxes, matrix, cells, title):
    """The GIoU matrix beside two of its pairs in pieces: intersection, union and hull.

    Args as in `class_figure`.
    """
    figure, ((upper, right), (lower, below)) = new_figure(
        10.4, 5.4, rows=2, columns=2, width_ratios=[1, 1.45]
    )
    right = _one_column(figure, right, below)
    for axes, (guess, place) in zip((upper, lower), cells):
        boxes = pred_boxes[guess], target["boxes"][place]
        giou = measures(*boxes)["GIoU"]
        name = (
            f"{LETTERS[guess]} and {label_name(target['class_labels'][place])}: GIoU "
            f"{_number(giou)}"
        )
        _paper(axes, name)
        draw_pieces(axes, *(center_to_corners(box).tolist() for box in boxes))
        _outline(axes, boxes[1], TARGET, "-")
        _outline(axes, boxes[0], PREDICTION, DASHES)
        axes.set_ylim(1.01, 0)  # no numbers below
    handles = [patches.Patch(**style, label=piece) for piece, style in PIECES.items()]
    lower.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        ncols=3,
        columnspacing=1,
        handlelength=1.2,
    )
    _draw_costs(right, image, target, matrix, cells, title)
    return figure


def price_figure(image, target, parts, cells, title):
    """The weighted sum beside its three parts for some of its cells.

    Args: parts: {name: weighted matrix (N, T)}, in the order class, L1, GIoU; their sum is drawn.
    """
    figure, (left, right) = new_figure(10.4, 5.2, columns=2, width_ratios=[1, 1.35])
    total = sum(parts.values())
    ticks = []
    for block, (guess, place) in enumerate(cells):
        for row, ((name, part), colour) in enumerate(zip(parts.items(), (CLASS, L1, GIOU))):
            y, value = block * 4.6 + row, float(part[guess, place])
            left.barh(y, value, 0.8, color=colour)
            left.annotate(
                _number(value),
                (value, y),
                (5 if value >= 0 else -5, 0),
                textcoords="offset points",
                ha="left" if value >= 0 else "right",
                va="center",
                fontsize=11,
            )
            ticks.append((y, name))
        pair = f"{LETTERS[guess]} and {label_name(target['class_labels'][place])}"
        price = _number(float(total[guess, place]))
        left.text(
            0, block * 4.6 - 0.85, f"{pair}: {price}", ha="center", fontsize=13, fontweight="bold"
        )
        left.plot([0, 0], [block * 4.6 - 0.5, block * 4.6 + 2.5], color=QUIET, lw=1.2)
    left.set_yticks(*zip(*ticks))
    reach = max(abs(float(part[cell])) for part in parts.values() for cell in cells) * 1.45
    left.set(xlim=(-reach, reach), ylim=(block * 4.6 + 2.6, -1.4), xticks=[])
    left.spines[["left", "bottom"]].set_visible(False)
    left.tick_params(length=0, labelcolor=INK)
    _draw_costs(right, image, target, total, cells, title)
    return figure


def _draw_costs(axes, image, target, matrix, cells, title, blank_zeros=False):
    names = [label_name(label) for label in target["class_labels"]]
    rings = tuple(zip(*cells))
    draw_matrix(axes, matrix, title, names, rings=rings, ring_colour=INK, blank_zeros=blank_zeros)
    draw_column_thumbnails(axes, thumbnails(image, target))


def _one_column(figure, upper, lower):
    """Turn two axes, one above the other, into one."""
    grid = upper.get_gridspec()
    upper.remove()
    lower.remove()
    return figure.add_subplot(grid[:, 1])


def draw_pieces(axes, first, second):
    """Hull, union and intersection of two corner boxes, shaded."""
    hull = (*map(min, first[:2], second[:2]), *map(max, first[2:], second[2:]))
    inner = (*map(max, first[:2], second[:2]), *map(min, first[2:], second[2:]))
    _shade(axes, hull, **PIECES["empty part of the hull"])
    for box in (first, second):
        _shade(axes, box, **PIECES["union"])
    if inner[0] < inner[2] and inner[1] < inner[3]:
        _shade(axes, inner, **PIECES["intersection"])


def _number(value):
    """Two decimals and a true minus sign; no minus on a zero."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def draw_pair(axes, guess, target, title=None, numbers=(), spread=1.1):
    """Two boxes on plain paper; below them `numbers`: triples (name, value, whether it matters),
    over `spread` times the paper's width.
    """
    _paper(axes, title)
    _outline(axes, target, TARGET, "-")
    _outline(axes, guess, PREDICTION, DASHES)
    for place, (name, value, bold) in enumerate(numbers):
        style = {"color": INK, "fontweight": "bold"} if bold else {"color": QUIET}
        x = 0.5 + spread * ((place + 0.5) / len(numbers) - 0.5)
        text = f"{name} {_number(value)}"
        axes.text(x, 1.04, text, ha="center", va="top", fontsize=12, **style)


def blind_spots_figure(pairs):
    """Three columns, one for each measure that is blind: two pairs of boxes that it cannot tell
    apart.

    Args: pairs: {title: (measure, [(guess, target), (guess, target)])}, measure being "L1", "IoU"
    or "GIoU"."""
    figure, panels = new_figure(9.6, 5.9, rows=2, columns=3)
    for column, (title, (measure, examples)) in enumerate(pairs.items()):
        for axes, (guess, target) in zip(panels[:, column], examples):
            values = measures(guess, target)
            numbers = [(name, value, name == measure) for name, value in values.items()]
            draw_pair(axes, guess, target, numbers=numbers, spread=1.3)
        panels[0, column].set_title(title)
    return figure


def measures(guess, target):
    """L1, IoU and GIoU of two centre boxes, as floats."""
    guess, target = (torch.as_tensor(box, dtype=torch.float64) for box in (guess, target))
    corners = center_to_corners(guess), center_to_corners(target)
    l1, iou, giou = (guess - target).abs().sum(), box_iou(*corners), generalized_box_iou(*corners)
    return {name: float(value) + 0.0 for name, value in (("L1", l1), ("IoU", iou), ("GIoU", giou))}


def chase_figure(ways, target, titles):
    """Boxes that follow the gradient of a loss along a row: what they cover from left to right,
    step by step.

    Args: ways: one (steps + 1, 4) centre boxes per loss; target: centre box (4,); a title for each.
    """
    figure, panels = new_figure(
        10.4,
        5.2,
        rows=2,
        columns=len(ways),
        height_ratios=[0.28, 1],
        sharex=True,
        gridspec_kw={"hspace": 0.02},
    )
    left, _, right, _ = center_to_corners(target).tolist()
    for (start, axes), way, title in zip(panels.T, ways, titles):
        start.set_title(title, fontsize=13)
        start.set(
            xlim=(0, 1), ylim=(0.64, 0.36), xticks=[], yticks=[], aspect="equal", facecolor=PAPER
        )
        start.spines[:].set_visible(False)
        _outline(start, target, TARGET, "-")
        _outline(start, way[0], PREDICTION, DASHES)
        corners, steps = center_to_corners(way), range(len(way))
        axes.axvspan(left, right, color=TARGET, alpha=0.18, lw=0)
        axes.vlines([left, right], 0, len(way) - 1, color=TARGET, lw=2.4)
        axes.fill_betweenx(steps, corners[:, 0], corners[:, 2], color=PREDICTION, alpha=0.22, lw=0)
        for edge in (corners[:, 0], corners[:, 2]):
            axes.plot(edge, steps, color=PREDICTION, ls=DASHES, lw=2)
        widest = int(way[:, 2].argmax())
        if way[widest, 2] > 1.2 * way[0, 2]:
            axes.plot(corners[widest, ::2], [widest, widest], color=GIOU, lw=2.5)
            axes.text(
                float(way[widest, 0]),
                widest + 14,
                f"{float(way[widest, 2]):.2f} wide",
                color=GIOU,
                ha="center",
                va="top",
                fontsize=13,
                fontweight="bold",
            )
        axes.set(ylim=(len(way) - 1, 0), xticks=[], yticks=[0, 100, 200, 300, 400])
        axes.spines["bottom"].set_visible(False)
        if axes is not panels[1, 0]:
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
    panels[1, 0].set_ylabel("step")
    return figure


def _paper(axes, title):
    axes.set(xlim=(0, 1), ylim=(1.12, 0), xticks=[], yticks=[], aspect="equal")
    paper = {"facecolor": PAPER, "edgecolor": "#dddddd", "clip_on": False}
    axes.add_patch(patches.Rectangle((0, 0), 1, 1, **paper))
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title)


def _outline(axes, box, colour, linestyle, alpha=1.0):
    corners = center_to_corners(torch.as_tensor(box, dtype=torch.float64)).tolist()
    left, top, right, bottom = corners
    axes.add_patch(
        patches.Rectangle(
            (left, top),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=colour,
            ls=linestyle,
            lw=2.4,
            alpha=alpha,
        )
    )


def _shade(axes, corners, **style):
    left, top, right, bottom = corners
    axes.add_patch(patches.Rectangle((left, top), right - left, bottom - top, lw=0, **style))
