"""The figures of notebook 05: taxis on a street, pairs of boxes, prices beside a matrix,
bidding.
"""

import numpy as np
import torch
from matplotlib import patches

from helpers.boxes import center_to_corners
from helpers.figures import (
    DASHES,
    GIOU,
    INK,
    LETTERS,
    MATCH,
    NO_OBJECT,
    PREDICTION,
    QUIET,
    TARGET,
    draw_box,
    draw_column_thumbnails,
    draw_matrix,
    new_figure,
    thumbnails,
)

LARGE = 13  # letters of a matrix that fills a slide, in points
WRONG = GIOU  # a pairing that is not the best one


def draw_street(axes, taxis, passengers, pairs, title, colour=MATCH):
    """Taxis and passengers at their places along a street; an arc and its length for each pair, the
    sum below.
    """
    lengths = [abs(taxis[taxi] - passengers[passenger]) for taxi, passenger in zip(*pairs)]
    low, high = min(*taxis, *passengers), max(*taxis, *passengers)
    axes.plot(
        [low - 0.6, high + 0.6], [0, 0], color="#d8d8d8", lw=9, solid_capstyle="round", zorder=0
    )
    for taxi, passenger, length in zip(*pairs, lengths):
        start, end = sorted((taxis[taxi], passengers[passenger]))
        width, height = end - start, 0.35 + 0.12 * length
        arc = patches.Arc(
            (start + width / 2, 0.28), width, 2 * height, theta1=0, theta2=180, color=colour, lw=3.5
        )
        axes.add_patch(arc)
        axes.text(
            start + width / 2,
            0.28 + height,
            f"{length:.1f}",
            color=colour,
            fontsize=13,
            fontweight="bold",
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
        )
    for places, colours, shape, name, ink in (
        (taxis, PREDICTION, "s", "taxi", PREDICTION),
        (passengers, TARGET, "o", "passenger", "#8a5f00"),
    ):
        axes.plot(places, [0] * len(places), shape, ms=17, color=colours, mec="white", mew=2)
        for place, x in enumerate(places):
            text = f"{name} {LETTERS[place]}" if name == "taxi" else f"{name} {place + 1}"
            axes.text(
                x, -0.3, text, ha="center", va="top", fontsize=12, fontweight="bold", color=ink
            )
    total = "  +  ".join(f"{length:.1f}" for length in lengths)
    axes.text(
        (low + high) / 2,
        -0.85,
        f"{total}  =  {sum(lengths):.1f}",
        ha="center",
        va="top",
        fontsize=16,
        fontweight="bold",
        color=colour,
    )
    axes.set(xticks=[], yticks=[], xlim=(low - 1.1, high + 1.1), ylim=(-1.3, 1.75), title=title)
    axes.spines[:].set_visible(False)


def draw_pairs(axes, pred_boxes, boxes, pairs, cost, title, colour=MATCH):
    """Guesses A, B, ... and targets 1, 2, ... in a bare frame, each pair linked, the costs summed
    below.

    `pred_boxes` (N, 4) and `boxes` (T, 4) normalised center boxes; `cost` (N, T); `pairs`:
    (prediction_index, target_index)."""
    pred_boxes, boxes = (torch.as_tensor(part, dtype=torch.float32) for part in (pred_boxes, boxes))
    axes.set(
        xlim=(-0.02, 1.02), ylim=(1.02, -0.02), xticks=[], yticks=[], title=title, aspect="equal"
    )
    axes.spines[:].set(visible=True, color="#d8d8d8")
    for place, box in enumerate(center_to_corners(boxes)):
        draw_box(axes, box, TARGET, "-")
        _tab(axes, box, "top", str(place + 1), TARGET)
    for place, box in enumerate(center_to_corners(pred_boxes)):
        draw_box(axes, box, PREDICTION, DASHES)
        _tab(axes, box, "bottom", LETTERS[place], PREDICTION)
    for prediction, target in zip(*pairs):
        start, end = pred_boxes[prediction, :2].tolist(), boxes[target, :2].tolist()
        bend = {"arrowstyle": "-", "color": colour, "lw": 3.5, "connectionstyle": "arc3,rad=0.3"}
        axes.annotate("", end, start, arrowprops=bend | {"shrinkA": 0, "shrinkB": 0})
        axes.plot(*zip(start, end), "o", color=colour, ms=8)
    costs = [float(cost[pair]) for pair in zip(*pairs)]
    terms = " + ".join(f"{value:.2f}" if value >= 0 else f"({value:.2f})" for value in costs)
    axes.set_xlabel(
        f"{terms} = {sum(costs):.2f}", color=colour, fontsize=15, fontweight="bold", labelpad=10
    )


def _tab(axes, corners, side, name, colour):
    left, top, right, bottom = corners.tolist()
    axes.text(
        left if side == "top" else right,
        top if side == "top" else bottom,
        name,
        color="white",
        fontsize=12,
        fontweight="bold",
        ha="left" if side == "top" else "right",
        va="bottom" if side == "top" else "top",
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 2.5},
    )


def draw_prices(axes, prices, matched, title):
    """One bar per guess, to stand beside a matrix whose rows are the guesses; a matched guess has
    its price in blue.
    """
    matched = {int(place) for place in matched}
    room = max(float(np.max(prices)), 0.1)
    for row, price in enumerate(prices):
        taken = row in matched
        axes.barh(row, price, 0.62, color=PREDICTION if taken else NO_OBJECT)
        axes.text(
            price + room * 0.04,
            row,
            f"{price:.2f}",
            va="center",
            fontsize=LARGE,
            fontweight="bold" if taken else "normal",
            color=INK if taken else QUIET,
        )
    axes.set(title=title, xlim=(0, room * 1.35), ylim=(len(prices) - 0.5, -0.5), xticks=[])
    letters = {"color": PREDICTION, "fontweight": "bold", "fontsize": LARGE}
    axes.set_yticks(range(len(prices)), LETTERS[: len(prices)], **letters)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.axvline(0, color=QUIET, lw=1)


def draw_slack(axes, slack, title, columns, rings, tight=1e-6):
    """The slack matrix: pale where there is some, green where there is none, red below zero; pairs
    ringed.
    """
    slack = np.asarray(slack)
    plain = np.zeros_like(slack)
    draw_matrix(axes, plain, title, columns, rings=rings, colour_map="Greys", size=LARGE)
    for text in list(axes.texts):
        text.remove()
    for (row, column), value in np.ndenumerate(slack):
        free = abs(value) <= tight
        colour = "#a9dfca" if free else "#f3b199" if value < 0 else "#f0f0f0"
        cell = patches.Rectangle(
            (column - 0.5, row - 0.5), 1, 1, facecolor=colour, edgecolor="white", lw=2, zorder=0.5
        )
        axes.add_patch(cell)
        axes.text(
            column,
            row,
            "0" if free else f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=LARGE,
            fontweight="bold" if free else "normal",
            color=INK if free or value < 0 else QUIET,
        )


def draw_shares(axes, shares, title):
    """Grouped bars: `shares` maps a situation to {rule: share in [0, 1]}; each bar carries its
    number.
    """
    rules = list(next(iter(shares.values())))
    colours = (PREDICTION, "#9fc7e3", NO_OBJECT)
    width = 0.8 / len(rules)
    for place, rule in enumerate(rules):
        heights = [values[rule] for values in shares.values()]
        x = np.arange(len(shares)) + (place - (len(rules) - 1) / 2) * width
        axes.bar(x, heights, width * 0.94, color=colours[place], label=rule)
        for at, height in zip(x, heights):
            axes.text(at, height + 0.01, _percent(height), ha="center", va="bottom", fontsize=12)
    axes.set_xticks(range(len(shares)), list(shares), color=INK, fontsize=12)
    axes.set(
        title=title,
        yticks=[],
        ylim=(0, max(max(values.values()) for values in shares.values()) * 1.15 + 0.05),
    )
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.legend(loc="upper left", fontsize=12)


def _percent(share):
    """0.5 % is not 0 %: one decimal below ten percent."""
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def matrix_figure(cost, title, names, image, targets, rings=None):
    """One cost matrix with the targets' thumbnails on top."""
    figure, axes = new_figure(6.4, 6.2)
    draw_matrix(axes, cost, title, names, rings=rings, size=LARGE)
    draw_column_thumbnails(axes, thumbnails(image, targets))
    return figure


def prices_figure(cost, prices, match, names, image, targets):
    """The matched matrix, and beside each row the price of its guess."""
    figure, (left, right) = new_figure(11.5, 6.2, columns=2, width_ratios=[1.25, 1])
    draw_matrix(left, cost, "The match", names, rings=match, size=LARGE)
    draw_column_thumbnails(left, thumbnails(image, targets))
    draw_prices(right, prices, match[0], "How much the total rises without this guess")
    return figure


def slack_figure(slack, title, match, names, image, targets):
    """The slack of every cell with the targets' thumbnails on top."""
    figure, axes = new_figure(6.4, 6.2)
    draw_slack(axes, slack, title, names, match)
    draw_column_thumbnails(axes, thumbnails(image, targets))
    return figure


def street_figure(taxis, passengers, greedy_pairs, best_pairs):
    """The same street twice: paired greedily, and jointly."""
    figure, (left, right) = new_figure(10.6, 3.3, columns=2, gridspec_kw={"wspace": 0.12})
    draw_street(left, taxis, passengers, greedy_pairs, "Greedy: the shortest ride first", WRONG)
    draw_street(right, taxis, passengers, best_pairs, "Jointly: the shortest sum")
    return figure


def shares_figure(shares):
    """The bars of notebook 05 in a figure of their own."""
    figure, axes = new_figure(11, 3.8)
    draw_shares(axes, shares, "Where targets want the same guess, greedy pays more")
    return figure


def bidding_figure(steppers):
    """Steps of the bidding side by side: `AssignmentStepper`s of one matrix, each at its step."""
    figure, panels = new_figure(13, 4.2, columns=len(steppers))
    for axes, stepper in zip(panels, steppers):
        stepper.draw(axes)
    return figure
