"""Figures of notebook 02: what each detection token answers, and where its answers stand over many scenes."""

import numpy as np
from matplotlib import patches

from helpers.figures import (
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

DASHES = (0, (4, 2))


def draw_answers(axes, image, outputs, title, names=LETTERS, strong=None, threshold=0.5):
    """The boxes of the first image's guesses that claim an object; those named in `strong` stand out, always."""
    draw_image(axes, image)
    axes.set_title(title, fontsize=13)
    claims = 1 - outputs["logits"][0].softmax(-1)[:, -1]
    for place, corners in enumerate(pixel_corners(outputs["pred_boxes"][0], image)):
        chosen = strong is not None and names[place] in strong
        if claims[place] > threshold or chosen:
            alpha = 1.0 if strong is None or chosen else 0.3
            draw_box(axes, corners, PREDICTION, DASHES, names[place] if names else None, alpha, at="bottom")
    if not (claims > threshold).any():
        axes.text(
            0.5, 0.5, "no object", transform=axes.transAxes, ha="center", va="center", fontsize=13, color=INK,
            bbox={"facecolor": "white", "edgecolor": NO_OBJECT, "pad": 5},
        )  # fmt: skip


def draw_slots(axes, probabilities, title):
    """One bar per guess: blue for its best class, pale for the other classes, grey for no-object: (N, K + 1)."""
    probabilities = np.asarray(probabilities.detach(), dtype=float)
    best = probabilities[:, :-1].argmax(-1)
    for row, values in enumerate(probabilities):
        parts = (values[best[row]], values[:-1].sum() - values[best[row]], values[-1])
        start = 0.0
        for width, colour in zip(parts, (PREDICTION, "#b9d7ea", "#dddddd")):
            axes.barh(row, width, 0.72, left=start, color=colour, edgecolor="white", lw=1)
            start += width
        axes.text(1.03, row, f"{label_name(best[row])}  {parts[0]:.2f}", va="center", fontsize=12)
    axes.set(title=title, xlim=(0, 1.22), ylim=(len(probabilities) - 0.4, -0.6), xlabel="probability")
    axes.set_yticks(range(len(probabilities)), LETTERS[: len(probabilities)], color=PREDICTION, fontweight="bold")
    axes.set_xticks([0, 0.5, 1])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    handles = [
        patches.Patch(color=colour, label=name)
        for name, colour in (("best class", PREDICTION), ("other classes", "#b9d7ea"), ("no object", "#dddddd"))
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.42, -0.13), ncols=3)


def draw_beats(panels, boxes, claims, threshold=0.5):
    """One small map per token: a dot where it found an object in some scene, large for a large box.

    Args: one axes per token; boxes (M, N, 4) normalised centre boxes of M scenes; claims (M, N) object probability.
    """
    for token, axes in enumerate(panels):
        found = boxes[:, token][claims[:, token] > threshold].detach()
        axes.scatter(
            found[:, 0], found[:, 1], s=900 * found[:, 2] * found[:, 3], color=PREDICTION, alpha=0.35, linewidths=0
        )
        axes.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[], aspect="equal")
        axes.set_title(f"{LETTERS[token]}   {len(found)}", fontsize=13, color=PREDICTION if len(found) else QUIET)
        for spine in axes.spines.values():
            spine.set(visible=True, color="#bbbbbb")
