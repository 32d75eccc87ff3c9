"""Figures of notebook 08: ink masks and their errors, and the match of every layer."""

import html

import numpy as np
from matplotlib import patches

from helpers.figures import (
    INK,
    LETTERS,
    MATCH,
    NO_OBJECT,
    PREDICTION,
    QUIET,
    TARGET,
    draw_column_thumbnails,
    draw_image,
    draw_predictions,
    draw_targets,
    label_name,
    new_figure,
    pixel_corners,
    thumbnails,
)
from helpers.figures.pages import page_chooser, picture_html

MISSED, FALSE, PAPER, RIGHT = TARGET, PREDICTION, "#F4F2EC", "#3b3b3b"


def _rgb(colour):
    return tuple(int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))


def draw_ink(axes, ink, title=None, colour=INK):
    """A mask (H, W) of bools or of probabilities, from paper to full ink."""
    strength = np.asarray(ink, dtype=float)[..., None]
    axes.imshow((1 - strength) * np.array(_rgb(PAPER)) + strength * np.array(_rgb(colour)))
    _bare(axes, title)


def ink_figure(image, targets):
    """The scene with its target boxes, and beside it each target's mask."""
    masks = targets["masks"]
    figure, (left, *panels) = new_figure(
        12, 2.9, columns=1 + len(masks), width_ratios=[1.6] + [1] * len(masks)
    )
    draw_image(left, image, "Five objects")
    draw_targets(left, image, targets)
    for axes, mask, label in zip(panels, masks, targets["class_labels"]):
        draw_ink(
            axes, mask, f"masks: {label_name(label)}" if axes is panels[0] else label_name(label)
        )
    return figure


def pairs_figure(probabilities, targets, order, tokens):
    """Target masks above, the predicted ink (M, h, w) of their tokens below, in the order of the
    targets.
    """
    figure, panels = new_figure(13, 5.6, columns=len(order), rows=2)
    figure.get_layout_engine().set(hspace=0.08)
    for (top, bottom), pair in zip(panels.T, order.argsort()):
        place = order[pair]
        draw_ink(
            top, targets["masks"][place], f"target {label_name(targets['class_labels'][place])}"
        )
        draw_ink(bottom, probabilities[pair], f"token {LETTERS[tokens[pair]]}", colour=PREDICTION)
    return figure


def layer_figure(image, targets, layers, pairs, layer):
    """The guesses of layer `layer`, 1 to 5, beside those of the last: `layers` and their `pairs`,
    first to last.
    """
    figure, panels = new_figure(7.6, 4.1, columns=2)
    for axes, number in zip(panels, (layer, len(layers))):
        draw_layer(
            axes,
            image,
            targets,
            layers[number - 1],
            pairs[number - 1],
            f"Layer {number} of {len(layers)}",
        )
    return figure


def draw_layer(axes, image, targets, outputs, pairs, title):
    """One layer's twelve guesses at one scene: the matched ones named, each with a line to its
    target's center.
    """
    boxes, (tokens, order) = outputs["pred_boxes"][0], pairs
    strengths, names = np.full(len(boxes), 0.3), [None] * len(boxes)
    for token in tokens.tolist():
        strengths[token], names[token] = 1, LETTERS[token]
    draw_image(axes, image, title)
    draw_predictions(axes, image, boxes, names, strengths=strengths)
    ways = [
        pixel_corners(part, image).unflatten(1, (2, 2)).mean(1)
        for part in (boxes[tokens], targets["boxes"][order])
    ]
    for start, end in zip(*(way.tolist() for way in ways)):
        axes.plot(*zip(start, end), color=MATCH, lw=3, solid_capstyle="round")
        axes.plot(*end, "o", color=MATCH, ms=7, mec="white", mew=1.2)


def layer_slider(image, targets, layers, pairs, layer):
    """A slider over all layers that shows the picture of `draw_layer` for each; it works in a
    stored page, too.

    Args as for `layer_figure`. The pictures are made here; slider and picture are linked in the
    page, without Python."""
    pages = {
        number: layer_page(image, targets, layers, pairs, number)
        for number in range(1, len(layers) + 1)
    }
    return page_chooser(pages, "layer", layer, slider=True)


def layer_page(image, targets, layers, pairs, layer):
    """What the slider shows for one layer, as HTML: the picture, and how many digits keep their
    guess to the end.
    """
    figure, axes = new_figure(4.4, 4.6)
    draw_layer(
        axes, image, targets, layers[layer - 1], pairs[layer - 1], f"Layer {layer} of {len(layers)}"
    )
    here, last = (tokens[order.argsort()] for tokens, order in (pairs[layer - 1], pairs[-1]))
    same = int((here == last).sum())
    sentence = (
        f"Layer {layer}: {same} of {len(last)} digits have the guess that the last layer gives "
        "them."
    )
    return f"{picture_html(figure, sentence)}<p>{html.escape(sentence)}</p>"


def layers_figure(image, targets, owners, shares):
    """The match of every layer in one scene; its agreement with the last layer's over many."""
    figure, (left, right) = new_figure(12, 5, columns=2, width_ratios=[1.2, 1])
    draw_layer_owners(left, owners, thumbnails(image, targets), "One scene: who gets whom")
    draw_agreement(right, shares, "All scenes: same as the last layer")
    return figure


def draw_mask_errors(axes, predicted, ink, title=None):
    """Two masks (H, W) in one picture: hit ink dark, missed ink orange, false ink blue."""
    predicted, ink = np.asarray(predicted, dtype=bool), np.asarray(ink, dtype=bool)
    picture = np.empty((*ink.shape, 3))
    picture[:] = _rgb(PAPER)
    for where, colour in (
        (predicted & ink, RIGHT),
        (ink & ~predicted, MISSED),
        (predicted & ~ink, FALSE),
    ):
        picture[where] = _rgb(colour)
    axes.imshow(picture)
    _bare(axes, title)


def _bare(axes, title):
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=NO_OBJECT)
    if title:
        axes.set_title(title, fontsize=13)


def crop_to(mask, margin=6):
    """The slices of an (H, W) mask that hold its ink, with a margin."""
    rows, columns = (np.flatnonzero(np.asarray(mask).any(axis)) for axis in (1, 0))
    (top, bottom), (left, right) = ((place[0], place[-1]) for place in (rows, columns))
    return slice(max(top - margin, 0), bottom + margin + 1), slice(
        max(left - margin, 0), right + margin + 1
    )


def draw_layer_owners(axes, owners, crops, title):
    """Which guess each layer's match gives each target: `owners` (layers, T), the last layer at the
    bottom.
    """
    owners = np.asarray(owners)
    for (layer, target), token in np.ndenumerate(owners):
        same = token == owners[-1, target]
        fill, edge, width = (MATCH + "33", MATCH, 2.5) if same else ("white", NO_OBJECT, 1.5)
        cell = patches.FancyBboxPatch(
            (target - 0.4, layer - 0.36),
            0.8,
            0.72,
            boxstyle="round,pad=0,rounding_size=0.14",
            facecolor=fill,
            edgecolor=edge,
            lw=width,
        )
        axes.add_patch(cell)
        axes.text(
            target,
            layer,
            LETTERS[token],
            ha="center",
            va="center",
            fontsize=15,
            fontweight="bold",
            color=PREDICTION if same else QUIET,
        )
    layers = len(owners)
    axes.set(xlim=(-0.6, owners.shape[1] - 0.4), ylim=(layers - 0.4, -0.6))
    axes.set_yticks(
        range(layers), [f"layer {layer + 1}" for layer in range(layers)], fontsize=12, color=INK
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    draw_column_thumbnails(axes, crops, zoom=0.5)


def draw_agreement(axes, shares, title):
    """Of all targets, the part that each layer gives to the same guess as the last layer does."""
    layers = np.arange(1, len(shares) + 1)
    axes.bar(
        layers, 100 * np.asarray(shares), 0.62, color=[NO_OBJECT] * (len(shares) - 1) + [MATCH]
    )
    for layer, share in zip(layers, shares):
        axes.text(layer, 100 * share + 2, f"{100 * share:.0f} %", ha="center", fontsize=12)
    axes.set(
        xticks=layers,
        xlabel="layer",
        ylim=(0, 112),
        yticks=[0, 50, 100],
        ylabel="same guess, %",
        title=title,
    )
