"""The figures of notebook 06: a batch, what changes a match, matches in a scene."""

import numpy as np

from helpers.figures import (
    INK,
    LETTERS,
    draw_image,
    draw_match_lines,
    draw_predictions,
    draw_targets,
    new_figure,
)


def batch_figure(images, targets):
    """The scenes of a batch side by side with their targets."""
    figure, panels = new_figure(9.2, 2.8, columns=len(images))
    for axes, image, target in zip(panels, images, targets):
        draw_image(axes, image, f"T = {len(target['class_labels'])}")
        draw_targets(axes, image, target)
    return figure


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


def matches_figure(image, outputs, targets, matches, width=7.6, height=3.9, sure=False):
    """One scene under several matches, each a title and (prediction_index, target_index).

    `sure` writes beside each guess what it gives to the class of its target.
    """
    figure, panels = new_figure(width, height, columns=len(matches))
    for axes, (title, match) in zip(np.atleast_1d(panels), matches.items()):
        names = [LETTERS[guess] for guess in match[0].tolist()]
        if sure:
            said = outputs["logits"][0].softmax(-1)[match[0], targets["class_labels"][match[1]]]
            names = [f"{name} {value:.0%}" for name, value in zip(names, said.tolist())]
        draw_match(axes, image, outputs["pred_boxes"][0], targets, match, names)
        axes.set_title(title, fontsize=13)
    return figure


def draw_match(axes, image, pred_boxes, targets, match, names):
    """A scene with its targets and the guesses that were matched, each linked to its target in
    green. `names`: one for each of these guesses.
    """
    draw_image(axes, image)
    draw_targets(axes, image, targets, names=False)
    draw_predictions(axes, image, pred_boxes[match[0]], names)
    draw_match_lines(axes, image, pred_boxes, targets["boxes"], match)
