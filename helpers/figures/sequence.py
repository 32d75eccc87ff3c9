"""Figures of notebook 01: the sequence of tokens, and how the three kinds of token change from
layer to layer.
"""

import numpy as np
from matplotlib import patches

from helpers.figures import INK, LETTERS, NO_OBJECT, PREDICTION, QUIET

GAP = 3  # pixels of white between two patches
KINDS = {"[CLS]": (NO_OBJECT, ":"), "patches": (INK, "-"), "detection tokens": (PREDICTION, "--")}


def draw_sequence(top, bottom, image, num_detection_tokens, patch_size=16):
    """The image cut into patches (upper axes), and the sequence made of them (lower axes), with its
    places.
    """
    pixels = np.asarray(image)
    rows, columns = image.height // patch_size, image.width // patch_size
    crops = (
        pixels.reshape(rows, patch_size, columns, patch_size, 3)
        .swapaxes(1, 2)
        .reshape(-1, patch_size, patch_size, 3)
    )
    _draw_cut_image(top, crops, rows, columns, patch_size)
    _draw_strip(bottom, crops, num_detection_tokens)


def _draw_cut_image(axes, crops, rows, columns, side):
    step = side + GAP
    for place, crop in enumerate(crops):
        row, column = divmod(place, columns)
        axes.imshow(
            crop, extent=(column * step, column * step + side, row * step + side, row * step)
        )
        if column in (0, columns - 1):
            where = (-5, "right") if column == 0 else (columns * step + 2, "left")
            axes.text(
                where[0],
                row * step + side / 2,
                place + 1,
                ha=where[1],
                va="center",
                fontsize=11,
                color=QUIET,
            )
    axes.set(
        xlim=(-22, columns * step + 20),
        ylim=(rows * step, -3),
        xticks=[],
        yticks=[],
        aspect="equal",
    )
    axes.spines[:].set_visible(False)


def _draw_strip(axes, crops, num_detection_tokens):
    last_patch, length = len(crops), 1 + len(crops) + num_detection_tokens
    _draw_token(axes, 0, NO_OBJECT)
    for place, crop in enumerate(crops, start=1):
        axes.imshow(crop, extent=(place + 0.06, place + 0.94, 1, 0), aspect="auto")
    for number in range(num_detection_tokens):
        place = last_patch + 1 + number
        _draw_token(axes, place, PREDICTION)
        axes.text(
            place + 0.5,
            0.5,
            LETTERS[number],
            color="white",
            fontsize=11,
            fontweight="bold",
            ha="center",
            va="center",
        )
    _draw_range(axes, 0, 1, "[CLS]", "0", QUIET)
    _draw_range(
        axes, 1, last_patch + 1, f"{last_patch} patches, row by row", f"1 … {last_patch}", INK
    )
    _draw_range(
        axes,
        last_patch + 1,
        length,
        f"{num_detection_tokens} detection tokens",
        f"{last_patch + 1} … {length - 1}",
        PREDICTION,
    )
    axes.set(xlim=(-0.6, length + 0.4), ylim=(2.5, -1.0), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_token(axes, place, colour):
    axes.add_patch(
        patches.Rectangle((place + 0.06, 0), 0.88, 1, facecolor=colour, edgecolor="none")
    )


def _draw_range(axes, start, end, name, places, colour):
    """A bracket below the places from `start` to `end`, with their numbers and a name."""
    axes.plot(
        [start + 0.1, start + 0.1, end - 0.1, end - 0.1],
        [1.2, 1.35, 1.35, 1.2],
        color=colour,
        lw=1.5,
    )
    middle = (start + end) / 2
    axes.text(
        middle, 1.55, places, ha="center", va="top", fontsize=12, color=colour, fontweight="bold"
    )
    axes.text(middle, -0.25, name, ha="center", va="bottom", fontsize=12, color=colour)


def draw_layers(axes, values, places, title, ylabel, legend="upper left"):
    """One line per kind of token: `values` (layers, S); `places` maps "[CLS]", "patches", ... to
    its slice of S.
    """
    for name, where in places.items():
        colour, style = KINDS[name]
        curve = values[:, where].mean(1).tolist()
        axes.plot(
            range(len(curve)), curve, style, color=colour, lw=2.8, marker="o", ms=6, label=name
        )
    axes.set(title=title, xlabel="after layer (0: the embeddings)", ylabel=ylabel, ylim=(0, None))
    axes.set_xticks(range(len(values)))
    axes.legend(loc=legend)
