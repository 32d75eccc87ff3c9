"""Figures of notebook 01: what detection tokens attend to, laid over the image."""

import numpy as np
import torch
from matplotlib import patches

from helpers.boxes import center_to_corners
from helpers.figures import DASHES, INK, PREDICTION, QUIET, draw_box, draw_image, pixel_corners


def patch_coverage(boxes, rows=8, columns=8):
    """The share of each patch that a box covers: normalised centre boxes (M, 4) -> (M, rows,
    columns), in [0, 1].

    >>> patch_coverage(torch.tensor([[0.25, 0.5, 0.5, 0.5]]), rows=2, columns=2)
    tensor([[[0.5000, 0.0000],
             [0.5000, 0.0000]]])
    """
    left, top, right, bottom = center_to_corners(boxes)[..., None].unbind(-2)
    across = _covered(left, right, columns)
    down = _covered(top, bottom, rows)
    return down[..., :, None] * across[..., None, :]


def _covered(start, end, cells):
    edges = torch.arange(cells) / cells
    return (torch.minimum(end, edges + 1 / cells) - torch.maximum(start, edges)).clamp(
        min=0
    ) * cells


def draw_share_by_layer(axes, shares, area, title):
    """The share of attention inside the token's own box, layer by layer, above the share of the
    image in that box.
    """
    layers = range(1, len(shares) + 1)
    axes.plot(layers, shares, "--o", color=PREDICTION, lw=2.8, ms=7)
    axes.axhline(area, color=QUIET, lw=2, ls=":")
    axes.text(
        len(shares), area + 2, "area of the box", ha="right", va="bottom", color=QUIET, fontsize=12
    )
    for layer, share in zip(layers, shares):
        axes.annotate(
            f"{share:.0f} %",
            (layer, share),
            (4, 10),
            textcoords="offset points",
            ha="right",
            fontsize=12,
        )
    axes.set(title=title, xlabel="layer", ylabel="% of the attention to patches", ylim=(0, 105))
    axes.set_xlim(0.6, len(shares) + 0.4)
    axes.set_xticks(list(layers))


def draw_receivers(axes, rows, own_place, num_detection_tokens, title):
    """Where all the attention goes, layer by layer: `rows` (M, layers, S) of tokens at the places
    `own_place` (M,).
    """
    own = own_place[:, None, None].expand(-1, rows.shape[1], 1)
    shares = {
        "patches": rows[..., 1:-num_detection_tokens].sum(-1),
        "[CLS]": rows[..., 0],
        "itself": rows.gather(-1, own)[..., 0],
    }
    shares["other detection tokens"] = 1 - sum(shares.values())
    colours = ("#5f5f5f", "#c9c9c9", PREDICTION, "#8fc1e3")
    layers = np.arange(1, rows.shape[1] + 1)
    start = np.zeros(len(layers))
    for (name, values), colour in zip(shares.items(), colours):
        height = 100 * values.mean(0).numpy()
        axes.bar(
            layers, height, 0.72, bottom=start, color=colour, edgecolor="white", lw=1, label=name
        )
        start += height
    axes.set(title=title, xlabel="layer", ylabel="% of all attention", ylim=(0, 100))
    axes.set_xticks(layers)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def draw_spotlight(axes, image, attention, box, name, outlined=3):
    """The image where a token looks, washed out elsewhere: `attention` (rows, columns), `box` (4,)
    its answer.

    The brightest patch is shown in full. The `outlined` brightest have a thin frame: on paper,
    light alone is not seen."""
    light = np.asarray(attention, dtype=float)
    light = (light / light.max()) ** 0.7
    rows, columns = light.shape
    height, width = image.height // rows, image.width // columns
    brightest = [divmod(place, columns) for place in np.argsort(-light, axis=None)[:outlined]]
    light = np.kron(light, np.ones((height, width)))[..., None]
    pixels = np.asarray(image) / 255
    draw_image(axes, image)
    # Washed out, not hidden: a trace of the image stays.
    axes.imshow(
        np.clip(0.12 + 0.88 * light, 0, 1) * pixels + (1 - np.clip(0.12 + 0.88 * light, 0, 1))
    )
    axes.spines[:].set(visible=True, color="#cccccc")
    for row, column in brightest:
        corner = (column * width - 0.5, row * height - 0.5)
        axes.add_patch(patches.Rectangle(corner, width, height, fill=False, edgecolor=INK, lw=0.9))
    draw_box(axes, pixel_corners(box[None], image)[0], PREDICTION, DASHES, name, at="bottom")
