"""Figures of notebook 02: what each detection token answers, and where its answers stand over many
scenes.
"""

import numpy as np
from matplotlib import patches

from helpers.figures import (
    DASHES,
    INK,
    LETTERS,
    NO_OBJECT,
    PREDICTION,
    QUIET,
    draw_box,
    draw_image,
    label_name,
    pixel_corners,
)


def draw_guesses(axes, corners, probabilities, named=None, hide=False, threshold=0.5):
    """Guesses on an image that is drawn already: in full, with letter and digit, if they claim an
    object; else faint.

    Args: corners (N, 4) in pixels; probabilities (N, K + 1); named: letters of the guesses that
    stand out instead;
    hide: leave out guesses below the threshold of the object probability, unless they are named.
    """
    claims = 1 - probabilities[:, -1]
    strong = [
        letter in named if named is not None else bool(claim > threshold)
        for letter, claim in zip(LETTERS, claims)
    ]
    for place in sorted(range(len(claims)), key=lambda place: strong[place]):
        box, claim = corners[place], claims[place] > threshold
        if strong[place]:
            says = label_name(probabilities[place, :-1].argmax()) if claim else "no object"
            name = f"{LETTERS[place]} {says}"
            draw_box(axes, box, PREDICTION, DASHES, name, at="bottom")
        elif claim or not hide:
            draw_box(axes, box, PREDICTION, DASHES, alpha=0.3)


def draw_answers(axes, image, outputs, title, named=(), threshold=0.5):
    """The first image's guesses that claim an object; with `named`, these stand out whatever they
    say.
    """
    draw_image(axes, image)
    axes.set_title(title, fontsize=13)
    probabilities = outputs["logits"][0].softmax(-1)
    corners = pixel_corners(outputs["pred_boxes"][0], image)
    claims = 1 - probabilities[:, -1]
    if named:
        draw_guesses(axes, corners, probabilities, named, hide=True, threshold=threshold)
    else:
        for box in corners[claims > threshold]:
            draw_box(axes, box, PREDICTION, DASHES)
    if not (claims > threshold).any():
        axes.text(
            0.5,
            0.5,
            "no object",
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=13,
            color=INK,
            bbox={"facecolor": "white", "edgecolor": NO_OBJECT, "pad": 5},
        )


def draw_slots(axes, probabilities, title):
    """One bar per guess: blue for its score, pale for the other digits, grey for no-object: (N, K +
    1).
    """
    probabilities = np.asarray(probabilities.detach(), dtype=float)
    best = probabilities[:, :-1].argmax(-1)
    for row, values in enumerate(probabilities):
        parts = (values[best[row]], values[:-1].sum() - values[best[row]], values[-1])
        start = 0.0
        for width, colour in zip(parts, (PREDICTION, "#b9d7ea", "#dddddd")):
            axes.barh(row, width, 0.72, left=start, color=colour, edgecolor="white", lw=1)
            start += width
        axes.text(1.03, row, f"{label_name(best[row])}  {parts[0]:.2f}", va="center", fontsize=12)
    axes.set(
        title=title, xlim=(0, 1.22), ylim=(len(probabilities) - 0.4, -0.6), xlabel="probability"
    )
    axes.set_yticks(
        range(len(probabilities)),
        LETTERS[: len(probabilities)],
        color=PREDICTION,
        fontweight="bold",
    )
    axes.set_xticks([0, 0.5, 1])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    handles = [
        patches.Patch(color=colour, label=name)
        for name, colour in (
            ("best digit: the score", PREDICTION),
            ("other digits", "#b9d7ea"),
            ("no object", "#dddddd"),
        )
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.42, -0.13), ncols=3)


def draw_stands(panels, boxes, claims, highlight=None, threshold=0.5):
    """One small map per token: a dot at the center of each box it claims in some scene; `highlight`
    names one token.

    Args: one axes per token; boxes (M, N, 4) normalised centre boxes of M scenes; claims (M, N)
    object probability."""
    for token, axes in enumerate(panels):
        claimed = boxes[:, token][claims[:, token] > threshold].detach()
        axes.scatter(claimed[:, 0], claimed[:, 1], s=42, color=PREDICTION, alpha=0.35, linewidths=0)
        axes.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[], aspect="equal")
        axes.set_title(
            f"{LETTERS[token]}   {len(claimed)} claimed",
            fontsize=13,
            color=PREDICTION if len(claimed) else QUIET,
        )
        chosen = LETTERS[token] == highlight
        axes.spines[:].set(
            visible=True, color=PREDICTION if chosen else "#bbbbbb", lw=2.5 if chosen else 0.8
        )
