"""The figures of notebook 06: a batch and its huge matrix, what changes a match, class costs,
matches in a scene.
"""

import numpy as np
import torch
from matplotlib.patches import Rectangle

from helpers.boxes import center_to_corners
from helpers.figures import (
    CLASS,
    DASHES,
    GIOU,
    INK,
    LETTERS,
    MATCH,
    PREDICTION,
    QUIET,
    TARGET,
    draw_box,
    draw_image,
    draw_match_lines,
    draw_predictions,
    draw_targets,
    new_figure,
)

TARGET_INK = "#8a5f00"  # the targets' orange, dark enough for text
ROW_GAP = 0.4  # between the blocks of the huge matrix, in rows
THROWN_AWAY = {"facecolor": "#fafafa", "edgecolor": "#d2d2d2", "hatch": "//", "lw": 0}


def batch_figure(images, targets):
    """The scenes of a batch side by side with their targets."""
    figure, panels = new_figure(9.2, 2.8, columns=len(images))
    for axes, image, target in zip(panels, images, targets):
        draw_image(axes, image, f"T = {len(target['class_labels'])}")
        draw_targets(axes, image, target)
    return figure


def huge_matrix_figure(matrix, sizes, num_predictions, title):
    """Every guess of the batch (rows) against every target of the batch (columns); blocks across
    images are hatched.

    A scene without targets has no column: its name stands in a gap between its neighbours.
    """
    values = np.asarray(matrix, dtype=float)  # (B * N, sum of T)
    height = num_predictions + ROW_GAP
    edges = np.cumsum([0, *sizes])
    gaps = np.cumsum([0, *(0.15 if size else 0.75 for size in sizes)])
    own = [
        values[place * num_predictions :][:num_predictions, edges[place] : edges[place + 1]]
        for place in range(len(sizes))
    ]
    low, high = (
        choose([choose(block) for block in own if block.size]) for choose in (np.min, np.max)
    )
    figure, axes = new_figure(9.5, 7.4)
    for column, size in enumerate(sizes):
        left = edges[column] + gaps[column]
        name = f"scene {ORDER[column]}"
        if not size:
            axes.text(
                left + 0.3,
                height * len(sizes) / 2,
                f"{name} has no column",
                rotation=90,
                ha="center",
                va="center",
                fontsize=12,
                color=TARGET_INK,
            )
            continue
        axes.text(
            left + size / 2,
            -0.6,
            f"{name}\n{size} targets",
            ha="center",
            va="bottom",
            fontsize=12,
            color=TARGET_INK,
        )
        for row in range(len(sizes)):
            top = row * height
            if row != column:
                axes.add_patch(Rectangle((left, top), size, num_predictions, **THROWN_AWAY))
                continue
            extent = (left, left + size, top + num_predictions, top)
            picture = axes.imshow(
                own[row], cmap="cividis", vmin=low, vmax=high, extent=extent, aspect="auto"
            )
    for row in range(len(sizes)):
        said = f"scene {ORDER[row]}\n{num_predictions} guesses"
        middle = row * height + num_predictions / 2
        axes.text(-0.25, middle, said, ha="right", va="center", fontsize=12, color=PREDICTION)
    bar = figure.colorbar(picture, ax=axes, shrink=0.5, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.set_title("cost", fontsize=12, pad=8)
    x = edges[-2] + gaps[-2] + sizes[-1] / 2
    axes.text(
        x,
        num_predictions / 2,
        "computed,\nthen thrown away",
        ha="center",
        va="center",
        fontsize=14,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 6},
    )
    axes.set(
        xlim=(-0.05, edges[-1] + gaps[-2] + 0.05),
        ylim=(height * len(sizes), -0.2),
        xticks=[],
        yticks=[],
    )
    axes.spines[:].set_visible(False)
    axes.set_title(title, pad=48)
    return figure


ORDER = ("one", "two", "three", "four", "five", "six")


def changes_figure(rows, stages, title):
    """A table of shares: one row per change of the cost, one column per stage of the training;
    darker means more.
    """
    values = np.array([[shares[stage] for stage in stages] for shares in rows.values()])
    figure, axes = new_figure(9.5, 1.3 + 0.52 * len(rows))
    axes.imshow(np.sqrt(values), cmap="OrRd", vmin=0, vmax=1.05, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=14,
            color="white" if value > 0.45 else INK,
        )
    axes.set_xticks(range(len(stages)), stages, fontsize=12, color=INK)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=12, color=INK)
    axes.set_xticks(np.arange(len(stages) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=4)
    axes.tick_params(
        which="both", length=0, top=True, labeltop=True, bottom=False, labelbottom=False
    )
    axes.spines[:].set_visible(False)
    axes.set_title(title, pad=14)
    return figure


def class_costs_figure():
    """Minus p and minus log p over p on a logarithmic axis: one has a ceiling, one has none."""
    p = np.logspace(-4, 0, 200)
    figure, axes = new_figure(9.5, 4.2)
    axes.axhspan(-1, 0, color=MATCH, alpha=0.12, lw=0)
    axes.plot(p, -np.log(p), color=GIOU, lw=3)
    axes.plot(p, -p, color=CLASS, lw=3)
    axes.text(2.6e-3, 6.3, "−log p: no ceiling", color=GIOU, fontsize=14, fontweight="bold")
    axes.text(
        1.2e-4, -1.7, "−p: never leaves this band", color=CLASS, fontsize=14, fontweight="bold"
    )
    axes.annotate(
        "", (1e-4, 9.1), (1e-2, 9.1), arrowprops={"arrowstyle": "<->", "color": QUIET, "lw": 1.5}
    )
    axes.text(1e-3, 9.4, "two hopeless guesses", ha="center", color=QUIET, fontsize=13)
    axes.set(
        xscale="log",
        xlabel="p, the probability of the target's class",
        ylabel="class cost",
        ylim=(-2.3, 10.4),
        title="Minus p sees no difference where both guesses are hopeless",
    )
    axes.set_xticks([1e-4, 1e-3, 1e-2, 1e-1, 1], ["0.0001", "0.001", "0.01", "0.1", "1"])
    return figure


def matches_figure(image, outputs, targets, matches, width=7.6, height=3.9):
    """One scene under several matches, each a title and (prediction_index, target_index)."""
    figure, panels = new_figure(width, height, columns=len(matches))
    for axes, (title, match) in zip(np.atleast_1d(panels), matches.items()):
        draw_match(axes, image, outputs["pred_boxes"][0], targets, match)
        axes.set_title(title, fontsize=13)
    return figure


def draw_match(axes, image, pred_boxes, targets, match):
    """A scene with its targets and the guesses that were matched, each linked to its target in
    green.
    """
    draw_image(axes, image)
    draw_targets(axes, image, targets, names=False)
    guesses = match[0].tolist()
    draw_predictions(axes, image, pred_boxes[guesses], [LETTERS[guess] for guess in guesses])
    draw_match_lines(axes, image, pred_boxes, targets["boxes"], match)


def two_guesses_figure(target, pred_boxes, probabilities, costs):
    """One target and two guesses; beside them, what each guess costs with minus p and with minus
    log p.

    `costs` maps the name of a cost to the two totals.
    """
    figure, (left, right) = new_figure(10.5, 4.4, columns=2, width_ratios=[1, 1.35])
    left.set(
        xlim=(-0.02, 1.02),
        ylim=(1.02, -0.02),
        xticks=[],
        yticks=[],
        aspect="equal",
        title="Your scene",
    )
    left.spines[:].set(visible=True, color="#d8d8d8")
    left.add_patch(
        Rectangle(target[:2] - target[2:] / 2, *target[2:].tolist(), color=TARGET, alpha=0.18, lw=0)
    )
    draw_box(left, center_to_corners(target), TARGET, "-")
    for place, (box, p) in enumerate(
        zip(center_to_corners(torch.as_tensor(pred_boxes)), probabilities)
    ):
        x, y, right_edge, bottom = box.tolist()
        draw_box(left, box, PREDICTION, DASHES)
        said = f"{LETTERS[place]}  p = {p:.3g}"
        left.text(
            x if place == 0 else right_edge,
            y if place == 0 else bottom,
            said,
            color="white",
            fontsize=12,
            fontweight="bold",
            ha="left" if place == 0 else "right",
            va="bottom" if place == 0 else "top",
            bbox={"facecolor": PREDICTION, "edgecolor": "none", "pad": 2.5},
        )
    for row, (name, pair) in enumerate(costs.items()):
        for place, value in enumerate(pair):
            wins = value == min(pair)
            y = row * 2.6 + place
            right.barh(y, value, 0.8, color=MATCH if wins else "#cfcfcf")
            said = f" {LETTERS[place]}: {value:.2f}" + ("  matched" if wins else "")
            right.text(
                max(value, 0),
                y,
                said,
                va="center",
                fontsize=13,
                fontweight="bold" if wins else "normal",
            )
        right.text(
            -0.02,
            row * 2.6 + 0.5,
            name,
            ha="right",
            va="center",
            fontsize=13,
            transform=right.get_yaxis_transform(),
        )
    low, high = min(map(min, costs.values())), max(map(max, costs.values()))
    span = max(high, 0) - min(low, 0)
    right.set(
        yticks=[],
        xticks=[],
        ylim=(4.3, -0.8),
        xlim=(min(low, 0) - 0.02 * span, max(high, 0) + 0.45 * span),
        title="Which guess is cheaper?",
    )
    right.axvline(0, color=QUIET, lw=1)
    right.spines[:].set_visible(False)
    return figure
