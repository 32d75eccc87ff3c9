"""Figures of notebook 07: who is graded on what, who gets a gradient, and how far "object" can be
believed.
"""

import numpy as np
from matplotlib import patches

from helpers.figures import (
    CLASS,
    GIOU,
    INK,
    L1,
    LETTERS,
    MATCH,
    NO_OBJECT,
    PREDICTION,
    QUIET,
    new_figure,
)

REPORT_COLUMNS = ("should say", "probability of it", "class: −log p", "L1", "1 − GIoU")
FEWEST_CASES = 25  # a bin with fewer says nothing


def draw_report_card(axes, owners, probabilities, class_losses, box_losses, giou_losses):
    """One row a guess: what it should have said, and its losses; guesses without a target have no
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


def gradient_figure(untrained, trained, eos_coefs):
    """Class and box gradients of an untrained detector, class gradients of a trained one; see
    `draw_gradients`.

    `untrained`, `trained`: (lengths at the logits, lengths at the boxes, names of the targets), N
        each;
    `eos_coefs`: the two values of eos_coef, for the titles.
    """
    figure, panels = new_figure(13, 5.4, columns=3)
    first, last = (f"eos_coef {eos_coef:g}" for eos_coef in eos_coefs)
    draw_gradients(panels[0], untrained[0], untrained[2], f"Class, untrained, {first}")
    draw_gradients(panels[1], untrained[1], untrained[2], "Boxes, untrained")
    draw_gradients(panels[2], trained[0], trained[2], f"Class, trained, {last} (log)", log=True)
    return figure


def draw_gradients(axes, lengths, owners, title, log=False):
    """The length of each guess's gradient as a bar: green and named if it has a target, grey if it
    has none.
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
        axes.barh(row, length - floor, 0.66, left=floor, color=MATCH if matched else NO_OBJECT)
        axes.text(
            length,
            row,
            f" {owner}" if matched else "",
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
    else:
        axes.set_xlim(0, max(lengths) * 1.18)
        axes.locator_params(axis="x", nbins=4)


def no_object_share(eos_coef, num_predictions, num_targets):
    """The part of the weight in the class term that guesses without a target carry."""
    unmatched = eos_coef * (num_predictions - num_targets)
    return unmatched / (num_targets + unmatched)


SHARE_LINES = ((100, 7, CLASS), (12, 5, PREDICTION))


def draw_no_object_share(axes, title, lines=SHARE_LINES, marked=(0.1, 1.0), chosen=None):
    """The share against eos_coef, one line for each (N, T, colour).

    `marked`: values of eos_coef at which each line shows its share; `chosen`: a value for each
    line, starred."""
    eos_coef = np.geomspace(0.01, 2, 200)
    for style, (num_predictions, num_targets, colour) in zip(("-", "--", ":"), lines):
        name = f"N = {num_predictions}, T = {num_targets}"
        axes.plot(
            eos_coef,
            100 * no_object_share(eos_coef, num_predictions, num_targets),
            style,
            color=colour,
            lw=3,
        )
        end = 100 * no_object_share(eos_coef[-1], num_predictions, num_targets)
        axes.text(2.15, end, name, color=colour, va="center", fontsize=12, fontweight="bold")
        for place in marked:
            share = 100 * no_object_share(place, num_predictions, num_targets)
            axes.plot(place, share, "o", ms=9, color=colour, mec="white", mew=1.5, zorder=3)
            axes.text(place * 1.1, share - 2, f"{share:.0f} %", va="top", fontsize=12, color=colour)
    for value, (num_predictions, num_targets, colour) in zip(chosen or (), lines):
        if not eos_coef[0] <= value <= eos_coef[-1]:
            continue
        share = 100 * no_object_share(value, num_predictions, num_targets)
        axes.plot(value, share, "*", ms=19, color=colour, mec="white", mew=1.2, zorder=4)
        said = f"yours {value:.2g}: {share:.0f} %"
        axes.text(
            value / 1.12, share + 3, said, ha="right", fontsize=12, fontweight="bold", color=colour
        )
    axes.axhline(50, color=NO_OBJECT, lw=1, ls="--", zorder=0)
    axes.set(
        xscale="log",
        xlim=(0.01, 2),
        ylim=(0, 104),
        xlabel="eos_coef",
        ylabel="weight of no-object, %",
    )
    axes.set_title(title)
    axes.set_xticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])


def reliability(claimed, true, bins=10):
    """Mean claim, share that was true, and number of cases in each bin with enough of them."""
    claimed, true = np.ravel(claimed), np.ravel(true)
    place = np.minimum((claimed * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    full = counts >= FEWEST_CASES
    means = [
        np.bincount(place, weights=values, minlength=bins)[full] / counts[full]
        for values in (claimed, true)
    ]
    return *means, counts[full]


def reliability_figure(early, mended, final):
    """Claims before and after the correction, and those of the final detector; each is (claimed,
    true).
    """
    figure, (left, right) = new_figure(11, 5.6, columns=2)
    curves = [(*early, "as it says", GIOU, "o"), (*mended, "odds divided by ten", PREDICTION, "s")]
    draw_reliability(left, curves, "Step 9,000: trained at eos_coef 0.1")
    draw_reliability(right, [(*final, "as it says", MATCH, "o")], "Final: trained on at eos_coef 1")
    return figure


def draw_reliability(axes, curves, title):
    """How often a guess that says "object" has a target; `curves`: (claimed, true, name, colour,
    marker).
    """
    axes.plot([0, 100], [0, 100], color=NO_OBJECT, lw=1.5, ls="--")
    axes.text(34, 28, "honest", color=QUIET, rotation=45, rotation_mode="anchor", fontsize=11)
    for claimed, true, name, colour, marker in curves:
        x, y, _ = reliability(claimed, true)
        axes.plot(
            100 * x, 100 * y, marker=marker, ms=9, lw=2.5, color=colour, mec="white", label=name
        )
    axes.set(
        xlim=(0, 101),
        ylim=(0, 101),
        title=title,
        xlabel='it says "object", %',
        ylabel="it is matched, %",
    )
    axes.set_aspect("equal")
    axes.legend(loc="upper left")
