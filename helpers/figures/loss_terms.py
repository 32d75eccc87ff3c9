"""Figures of notebook 07: who is graded on what, what is claimed, and who gets a gradient."""

import numpy as np
from matplotlib import patches

from helpers.figures import (
    CLASS,
    DASHES,
    GIOU,
    INK,
    L1,
    LETTERS,
    MATCH,
    NO_OBJECT,
    PREDICTION,
    QUIET,
    draw_box,
    draw_image,
    label_name,
    new_figure,
    pixel_corners,
)

REPORT_COLUMNS = ("must say", "probability of it", "class: −log p", "L1", "1 − GIoU")


def draw_report_card(axes, owners, probabilities, class_losses, box_losses, giou_losses):
    """One row a guess: what it must say, and its losses; guesses without a target have no
    box losses.

    `owners` (N,): the name of the guess's target or None; `probabilities`, `class_losses` (N,);
    `box_losses`,
    `giou_losses`: dicts from the place of a matched guess to its value.
    """
    shades = {2: CLASS, 3: L1, 4: GIOU}
    class_losses = dict(enumerate(class_losses))
    columns = {2: class_losses, 3: box_losses, 4: giou_losses}
    most = {column: max(values.values()) for column, values in columns.items()}
    for row, owner in enumerate(owners):
        colour = NO_OBJECT if owner is None else MATCH
        axes.text(
            -0.62,
            row,
            LETTERS[row],
            ha="center",
            va="center",
            fontsize=13,
            fontweight="bold",
            color=PREDICTION,
        )
        _write(
            axes, 0, row, owner or "no object", colour if owner else QUIET, bold=owner is not None
        )
        _write(axes, 1, row, f"{probabilities[row]:.3f}")
        for column, values in columns.items():
            if row not in values:
                _write(axes, column, row, "–", NO_OBJECT)
                continue
            strength = 0.08 + 0.72 * (values[row] / most[column]) ** 0.5
            cell = patches.Rectangle(
                (column - 0.47, row - 0.43), 0.94, 0.86, color=shades[column], alpha=strength, lw=0
            )
            axes.add_patch(cell)
            _write(axes, column, row, f"{values[row]:.3f}")
        if owner is not None:
            axes.add_patch(patches.Rectangle((-0.98, row - 0.43), 0.07, 0.86, color=MATCH, lw=0))
    for column, name in enumerate(REPORT_COLUMNS):
        axes.text(column, -0.85, name, ha="center", va="center", fontsize=12, fontweight="bold")
    axes.set_title("The report card")
    axes.set(xlim=(-1.05, 4.55), ylim=(len(owners) - 0.4, -1.35), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _write(axes, column, row, text, colour=INK, bold=False):
    weight = "bold" if bold else "normal"
    axes.text(
        column, row, text, ha="center", va="center", fontsize=12, color=colour, fontweight=weight
    )


def claims_figure(answers):
    """What is claimed, one panel for each name: `answers` maps it to a picture and its outputs.

    A guess claims if its largest logit is a digit's, as in the cardinality error; no other is
    drawn.
    """
    figure, panels = new_figure(3.7 * len(answers), 3.65, columns=len(answers))
    for axes, (name, (picture, outputs)) in zip(np.atleast_1d(panels), answers.items()):
        probabilities = outputs["logits"][0].softmax(-1)
        largest = probabilities.argmax(-1).tolist()
        claims = [place for place, k in enumerate(largest) if k < probabilities.shape[-1] - 1]
        draw_image(axes, picture, f"{name}: {len(claims)} claims")
        corners = pixel_corners(outputs["pred_boxes"][0], picture)
        for place in claims:
            says = f"{LETTERS[place]} {label_name(largest[place])}"
            draw_box(axes, corners[place], PREDICTION, DASHES, says, at="bottom")
    return figure


def gradient_figure(untrained, trained, eos_coefs):
    """Class and box gradients of an untrained detector, class gradients of a trained one; see
    `draw_gradients`.

    `untrained`, `trained`: (lengths at the logits, lengths at the boxes, names of the targets), N
        each;
    `eos_coefs`: the two values of eos_coef, for the titles.
    """
    figure, panels = new_figure(10.4, 5.4, columns=3)
    first, last = (f"eos_coef {eos_coef:g}" for eos_coef in eos_coefs)
    draw_gradients(panels[0], untrained[0], untrained[2], f"Class, untrained,\n{first}")
    draw_gradients(panels[1], untrained[1], untrained[2], "Boxes,\nuntrained")
    draw_gradients(panels[2], trained[0], trained[2], f"Class, trained,\n{last} (log)", log=True)
    return figure


def draw_gradients(axes, lengths, owners, title, log=False):
    """The length of each guess's gradient: green and named if it has a target, grey if it has none.

    A bar; with `log` a dot, since the axis has no zero from which a bar could begin.
    """
    rows = np.arange(len(lengths))
    floor = 10 ** np.floor(np.log10(min(value for value in lengths if value > 0))) / 2 if log else 0
    for row, (length, owner) in enumerate(zip(lengths, owners)):
        if length <= 0:
            axes.text(
                floor or 0.01 * max(lengths), row, " none", va="center", fontsize=11, color=QUIET
            )
            continue
        matched = owner is not None
        colour, room = MATCH if matched else NO_OBJECT, "   " if log else " "
        if log:
            axes.axhline(row, color="#ececec", lw=1, zorder=0)
            axes.plot(length, row, "o", ms=11, color=colour)
        else:
            axes.barh(row, length, 0.66, color=colour)
        axes.text(
            length,
            row,
            f"{room}{owner}" if matched else "",
            va="center",
            fontsize=11,
            color=MATCH,
            fontweight="bold",
        )
    axes.set_yticks(rows, LETTERS[: len(rows)], color=PREDICTION, fontweight="bold")
    axes.set(title=title, ylim=(len(rows) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("length of the gradient")
    if log:
        axes.set(xscale="log", xlim=(floor, max(lengths) * 6))
        axes.xaxis.set_major_formatter(lambda x, _: np.format_float_positional(x, trim="-"))
    else:
        axes.set_xlim(0, max(lengths) * 1.18)
        axes.locator_params(axis="x", nbins=4)
