"""Figures of notebook 09: what a recorded training shows, learned, and gets wrong."""

import numpy as np
import torch
from PIL import ImageFilter

from helpers import figures
from helpers.boxes import box_iou, center_to_corners
from helpers.evaluation import OBJECT_SCORE, SAME_OBJECT_IOU, corner_boxes
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
    TERM_COLOURS,
    TERM_NAMES,
    draw_box,
    draw_image,
    label_name,
)
from helpers.loss import TOTAL_WEIGHTS
from helpers.training.recording import flip_share, recorded_scenes, scene_targets

CLASS_INK = "#a8558c"  # the class colour, dark enough for words
NEARBY_IOU = 0.1  # below it, a box has nothing to do with an object


def spreads(recording):
    """How far centres spread between the twelve tokens, and, for one token, over the recorded
    scenes: (R,) both.

    Root mean squares of distances in fractions of the image, from `boxes` (R, scenes, N, 4).
    """
    centres = recording["boxes"][..., :2].astype(float)  # (R, scenes, N, 2)
    place = centres.mean(1)  # (R, N, 2), where a token stands on average
    between = ((place - place.mean(1, keepdims=True)) ** 2).sum(-1).mean(1) ** 0.5
    over_scenes = ((centres - place[:, None]) ** 2).sum(-1).mean((1, 2)) ** 0.5
    return between, over_scenes


def matched_overlap(recording):
    """Mean IoU of the matched boxes with their targets, and with the image swapped for another:
    (R,) both.

    Swapped means: the same token's boxes in the other recorded scenes, against the same target.
    """
    own, swapped = [], []
    boxes = center_to_corners(torch.from_numpy(recording["boxes"]).float())  # (R, scenes, N, 4)
    scenes = boxes.shape[1]
    for scene in range(scenes):
        targets = center_to_corners(scene_targets(recording, scene)["boxes"])  # (T, 4)
        owners = torch.from_numpy(recording["owners"][:, scene]).long()  # (R, N)
        for target in range(len(targets)):
            token = (owners == target).int().argmax(-1)  # (R,)
            overlap = box_iou(
                boxes[torch.arange(len(boxes)), :, token], targets[target]
            )  # (R, scenes)
            own.append(overlap[:, scene])
            swapped.append((overlap.sum(1) - overlap[:, scene]) / (scenes - 1))
    return torch.stack(own).mean(0).numpy(), torch.stack(swapped).mean(0).numpy()


def names_and_boxes(outputs, targets, pairs):
    """How good matched guesses are: the share whose likeliest digit is that of the target, and
    their mean IoU, two floats.

    Args: outputs and targets of a batch (see `helpers.matcher`); pairs: a match of the two, one
    (prediction_index, target_index) for each image.

    >>> outputs = {"logits": torch.eye(3)[None], "pred_boxes": torch.full((1, 3, 4), 0.5)}
    >>> target = {"class_labels": torch.tensor([1, 1]), "boxes": torch.full((2, 4), 0.5)}
    >>> names_and_boxes(outputs, [target], [(torch.tensor([0, 1]), torch.tensor([1, 0]))])
    (0.5, 1.0)
    """
    right, overlaps = [], []
    said, corners = outputs["logits"][..., :-1].argmax(-1), center_to_corners(outputs["pred_boxes"])
    for image, (target, (guesses, order)) in enumerate(zip(targets, pairs)):
        right.append(said[image, guesses] == target["class_labels"][order])
        boxes = center_to_corners(target["boxes"][order])
        overlaps.append(box_iou(corners[image, guesses], boxes))
    return float(torch.cat(right).float().mean()), float(torch.cat(overlaps).mean())


def running_mean(values, width):
    """Means over `width` neighbours, fewer at the ends; as long as `values`, and there is at least
    one.
    """
    ones = np.ones(min(width, len(values)))
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")


def curves_figure(recording, stops=None):
    """The three terms of the training loss, and average precision on unseen scenes, over the
    training step.

    Args: stops: by name, the recorded moments to mark in the upper curves.
    """
    figure, (top, bottom) = figures.new_figure(
        9.4, 5.2, rows=2, sharex=True, height_ratios=[1.25, 1]
    )
    step = recording["curve_step"]
    for name, colour in TERM_COLOURS.items():
        weight = TOTAL_WEIGHTS[name]
        times = "" if weight == 1 else f", times {weight:g}"
        top.plot(
            step,
            weight * recording[f"curve_{name}"],
            color=colour,
            lw=2.4,
            label=TERM_NAMES[name] + times,
        )
    top.set(title="The loss falls, waits, and falls again", ylabel="weighted loss", ylim=(0, None))
    top.legend(loc="upper right", ncols=3)
    measured = recording["evaluation_step"]
    bottom.plot(measured, recording["evaluation_AP50"], color=QUIET, lw=2, ls=DASHES, label="AP50")
    bottom.plot(measured, recording["evaluation_AP"], color=INK, lw=2.6, label="AP")
    bottom.set(
        title="Until the second fall, it detects nothing", xlabel="training step", ylim=(0, 1)
    )
    bottom.set_ylabel("on unseen scenes")
    bottom.legend(loc="lower right")
    _mark_switch(top, recording, words=False)
    _mark_switch(bottom, recording)
    for place, (name, index) in enumerate((stops or {}).items()):
        at, height = recording["step"][index], 0.72 - 0.1 * (place % 2)
        top.axvline(at, 0, height, color=INK, lw=1, ls=":")
        last = place == len(stops) - 1
        words = {"transform": top.get_xaxis_transform(), "fontsize": 11, "va": "bottom"}
        top.text(at, height, name, ha="right" if last else "left", **words)
    bottom.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return figure


def film_figure(recording, stops, scenes=(0,)):
    """One row per recorded scene, one picture per stop: targets, the boxes that own them, and the
    match.
    """
    figure, rows = figures.new_figure(
        11, 2.3 * len(scenes) + 0.5, rows=len(scenes), columns=len(stops)
    )
    pictures = recorded_scenes(max(scenes) + 1, recording)
    for axes_row, scene in zip(np.atleast_2d(rows), scenes):
        for axes, (name, index) in zip(axes_row, stops.items()):
            draw_stop(axes, pictures[scene][0], recording, scene, index)
            if scene == scenes[0]:
                axes.set_title(f"{name}\nstep {recording['step'][index]:,}", fontsize=13)
    return figure


def calm(image):
    """The PIL image in eight colours, without the grain of its paper: it then takes little room in
    a notebook.
    """
    return figures.with_few_colours(image.filter(ImageFilter.MedianFilter(5)), 8).convert("RGB")


def draw_stop(axes, image, recording, scene, index):
    """A recorded scene at one step: targets, their owners with letters, and a line from each owner
    to its target.
    """
    draw_image(axes, calm(image))
    targets = scene_targets(recording, scene)
    owners = torch.from_numpy(recording["owners"][index, scene]).long()  # (N,)
    tokens = (owners >= 0).nonzero()[:, 0]
    boxes = torch.from_numpy(recording["boxes"][index, scene]).float()
    for corners in figures.pixel_corners(targets["boxes"], image):
        draw_box(axes, corners, TARGET, "-")
    figures.draw_predictions(axes, image, boxes[tokens], names=None)
    size = torch.tensor([image.width, image.height])
    for token in tokens:
        start, end = boxes[token, :2] * size, targets["boxes"][owners[token], :2] * size
        line = np.stack([start, end])
        for colour, width in (("white", 5.5), (MATCH, 3)):
            axes.plot(*line.T, color=colour, lw=width, solid_capstyle="round")
        axes.text(
            *start,
            LETTERS[token],
            color="white",
            fontsize=11,
            fontweight="bold",
            ha="center",
            va="center",
            bbox={
                "facecolor": PREDICTION,
                "edgecolor": "white",
                "boxstyle": "circle,pad=0.18",
                "lw": 1,
            },
        )


def standing_figure(recording, stops):
    """Left: where the tokens stand and whether the image moves them.

    Right: the overlap, own image and swapped.
    """
    figure, (left, right) = figures.new_figure(11, 4.3, columns=2)
    between, over_scenes = spreads(recording)
    own, swapped = matched_overlap(recording)
    step = np.maximum(recording["step"], 8)
    left.plot(step, between, color=PREDICTION, lw=3, label="how far apart the tokens stand")
    left.plot(
        step,
        over_scenes,
        color=MATCH,
        lw=3,
        ls=DASHES,
        label="how far a token moves between images",
    )
    left.set(
        title="First a place to stand, then eyes", ylabel="spread of box centers", ylim=(0, None)
    )
    right.fill_between(step, swapped, own, where=own >= swapped, color=MATCH, alpha=0.18, lw=0)
    right.plot(step, own, color=MATCH, lw=3, label="own image")
    right.plot(step, swapped, color=NO_OBJECT, lw=3, ls=DASHES, label="its box in another image")
    right.set(
        title="Swap the image: when does it matter?",
        ylabel="IoU with the matched target",
        ylim=(0, 1),
    )
    for axes in (left, right):
        axes.set(xscale="log", xlabel="training step", xlim=(8, step[-1]))
        axes.set_ylim(top=axes.get_ylim()[1] * 1.16)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.legend(loc="upper left")
        right.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        for index in list(stops.values())[1:-1]:
            axes.axvline(step[index], color=NO_OBJECT, lw=1, ls=":", zorder=0)
    return figure


def waiting_figure(recording, start, end):
    """The class term and 1 − GIoU from step `start` to `end`, each against its value at the
    start.
    """
    figure, axes = figures.new_figure(9.5, 3.7)
    step = recording["curve_step"]
    chosen = (step >= start) & (step <= end)
    ends = []
    for name, colour, words in (
        ("loss_giou", GIOU, GIOU),
        ("loss_ce", TERM_COLOURS["loss_ce"], CLASS_INK),
    ):
        values = recording[f"curve_{name}"][chosen]
        values = 100 * values / values[:5].mean()
        axes.plot(step[chosen], values, color=colour, lw=1, alpha=0.45)
        smooth = running_mean(values, 9)
        axes.plot(step[chosen], smooth, color=colour, lw=3)
        ends.append((smooth[-1], TERM_NAMES[name], words))
    beyond = end + (end - start) * 0.012
    for (height, name, words), va in zip(sorted(ends), ("top", "bottom")):
        axes.text(beyond, height, name, color=words, fontweight="bold", va=va)
    axes.axhline(100, color=NO_OBJECT, lw=1, ls=":")
    axes.set(
        title="While it waits: a tenth in six thousand steps",
        ylabel="% of the start",
        xlabel="training step",
    )
    axes.set_xlim(start, end + (end - start) * 0.12)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return figure


def flips_figure(recording):
    """The share of matched targets that have another owner one step later, over the training."""
    figure, axes = figures.new_figure(10.5, 3.9)
    step, flips = np.maximum(recording["step"], 8), 100 * flip_share(recording)
    smooth = running_mean(flips, 7)
    axes.fill_between(step[:-1], smooth[:-1], color=MATCH, alpha=0.15, lw=0)
    axes.plot(step[:-1], smooth[:-1], color=MATCH, lw=3)
    axes.plot(step[:-1], flips[:-1], "o", ms=5, color=MATCH, alpha=0.5, mew=0)
    axes.set(
        xscale="log",
        title="Targets change hands for most of the training",
        xlabel="training step",
        xlim=(8, step[-1]),
    )
    axes.set(ylabel="flips in one step", ylim=(0, None))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_locator(figures.plt.MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    return figure


def switch_figure(recording):
    """Average precision above; duplicates and right counts below; eos_coef's switch in both."""
    figure, (left, middle, right) = figures.new_figure(11.5, 3.7, columns=3)
    step = recording["evaluation_step"]
    left.plot(step, recording["evaluation_AP"], color=INK, lw=2.8)
    left.set(title="AP", ylim=(0, 1))
    middle.plot(step, recording["evaluation_duplicates"], color=GIOU, lw=2.8)
    middle.set(title="Duplicates per 100 objects", ylim=(0, None))
    right.plot(step, 100 * recording["evaluation_count_right"], color=PREDICTION, lw=2.8)
    right.set(title="Scenes with the right count", ylim=(0, 100))
    right.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    for axes in (left, middle, right):
        axes.set(xlabel="training step")
        axes.xaxis.set_major_locator(figures.plt.MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        _mark_switch(axes, recording)
    return figure


def switch_step(recording):
    """The first training step of a curve point with the final eos_coef."""
    weights = recording["curve_eos_coef"]
    return (
        float(recording["curve_step"][np.flatnonzero(weights != weights[0])[0]])
        if len(set(weights)) > 1
        else None
    )


def around_switch(recording):
    """The last recorded moment before the switch of eos_coef, and the first a tenth later: two
    indices.
    """
    switch, steps = switch_step(recording), recording["step"]
    return int(np.flatnonzero(steps < switch)[-1]), int(np.argmax(steps > 1.1 * switch))


def _mark_switch(axes, recording, words=True):
    """A line where eos_coef changes, and its two values on either side."""
    at = switch_step(recording)
    if at is None:
        return
    axes.axvline(at, color=NO_OBJECT, lw=1.6, ls="--", zorder=0)
    first, last = recording["curve_eos_coef"][[0, -1]]
    if words:
        place = {
            "transform": axes.get_xaxis_transform(),
            "color": QUIET,
            "fontsize": 11,
            "va": "top",
        }
        axes.text(at, 0.98, f"eos {first:g} ", ha="right", **place)
        axes.text(at, 0.98, f" eos {last:g}", ha="left", **place)


def precision_recall_figure(precision):
    """Precision over recall, mean of the classes, a curve per IoU, 0.50 to 0.95: (10, 101)."""
    figure, axes = figures.new_figure(8.8, 4.4)
    recall = np.linspace(0, 1, precision.shape[1])
    colours = figures.plt.get_cmap("cividis")(np.linspace(0.85, 0.0, len(precision)))
    for place, (curve, colour) in enumerate(zip(precision, colours)):
        axes.plot(recall, curve, color=colour, lw=2.4, label=f"IoU {0.5 + 0.05 * place:.2f}")
    axes.set(
        title="AP: the mean area under ten curves",
        xlabel="recall: share of the objects found",
        ylabel="precision",
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def find_failures(found, annotations):
    """The failures in one scene, at score 0.5: a list of (kind, corner box in pixels, what to write
    beside it).

    Kinds: "missed" (no box with IoU 0.5), "misread" (only another class says so), "twice" (a second
    box on an object), "ghost" (a box on nothing). Args: what `decode` gives for a scene, and its
    COCO annotations."""
    kept = found["scores"] > OBJECT_SCORE
    boxes, labels = found["boxes"][kept], found["labels"][kept]
    objects = corner_boxes(annotations)
    overlap = box_iou(boxes[:, None], objects)  # (detections, objects)
    failures, near = [], overlap > SAME_OBJECT_IOU
    for place, thing in enumerate(annotations):
        on_it = near[:, place].nonzero()[:, 0]
        name = label_name(thing["category_id"])
        if not len(on_it):
            failures.append(("missed", objects[place], f"missed {name}"))
        elif (labels[on_it] != thing["category_id"]).all():
            failures.append(
                ("misread", boxes[on_it[0]], f"{name} read as {label_name(labels[on_it[0]])}")
            )
        elif len(on_it) > 1:
            failures += [("twice", boxes[extra], f"{name} twice") for extra in on_it[1:]]
    for box, label, over in zip(boxes, labels, overlap):
        if not len(objects) or over.max() < NEARBY_IOU:
            failures.append(("ghost", box, f"{label_name(label)} from nothing"))
    return failures


def failures_figure(examples):
    """Scenes with one failure each: [(PIL image, annotations, found, (kind, box, words))]."""
    figure, panels = figures.new_figure(
        2.2 * len(examples), 2.7, columns=len(examples), squeeze=False
    )
    for axes, (image, annotations, found, (kind, box, words)) in zip(panels.flat, examples):
        draw_image(axes, calm(image))
        axes.set_title(words, fontsize=13)
        for corners in corner_boxes(annotations):
            draw_box(axes, corners, TARGET, "-")
        for corners in found["boxes"][found["scores"] > OBJECT_SCORE]:
            draw_box(axes, corners, PREDICTION, DASHES, alpha=0.45)
        draw_box(
            axes,
            box,
            TARGET if kind == "missed" else PREDICTION,
            "-" if kind == "missed" else DASHES,
        )
        _draw_spotlight(axes, box, image)
    return figure


def _draw_spotlight(axes, box, image):
    """Darken everything but the place of the failure."""
    left, top, right, bottom = (float(value) for value in box)
    shade = np.zeros((image.height, image.width, 4))
    shade[..., 3] = 0.34
    rows, columns = np.ogrid[: image.height, : image.width]
    inside = (rows > top - 7) & (rows < bottom + 7) & (columns > left - 7) & (columns < right + 7)
    shade[inside, 3] = 0
    axes.imshow(shade, zorder=1.5)


def overfit_figure(training, images):
    """Left: the loss and the flips so far.

    Right: the scenes with what the learner says of them now.
    """
    figures.plt.rcParams.update(figures.STYLE)
    figure = figures.plt.figure(figsize=(8.8, 3.8), layout="constrained")
    curves, scenes = figure.subfigures(1, 2, width_ratios=[1, 1.75])
    top, bottom = curves.subplots(2, 1, sharex=True, height_ratios=[1.3, 1])
    step = [row["step"] for row in training.history]
    top.plot(step, [row["loss"] for row in training.history], color=INK, lw=2.4)
    top.set(title="Loss", ylim=(0, None), xlim=(0, max(training.goal, 1)))
    flips = running_mean([100 * row["flips"] for row in training.history], 15) if step else []
    bottom.fill_between(step, flips, color=MATCH, alpha=0.2, lw=0)
    bottom.plot(step, flips, color=MATCH, lw=2.4)
    bottom.set(title="Flips in one step", xlabel="training step", ylim=(0, None))
    bottom.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    outputs = training.outputs
    for place, axes in enumerate(scenes.subplots(2, len(images) // 2).flat):
        draw_image(axes, calm(images[place]))
        if outputs is None:
            continue
        said = outputs["logits"][place].softmax(-1)
        chosen = said[:, -1] < 0.5
        names = [label_name(label) for label in said[chosen, :-1].argmax(-1)]
        figures.draw_predictions(axes, images[place], outputs["pred_boxes"][place, chosen], names)
    return figure


def recipe_figure(training, recording):
    """The recorded curves in grey, and what your machine adds to them."""
    figure, (left, right) = figures.new_figure(12, 4.2, columns=2)
    start, goal = training.first_step, training.first_step + training.goal
    low, high = start - 1500, max(goal, start + 1500)
    rows, kept = training.history, recording["curve_step"] <= high
    left.plot(
        recording["curve_step"][kept],
        recording["curve_loss"][kept],
        color=NO_OBJECT,
        lw=2.4,
        label="recorded",
    )
    loss = running_mean([row["loss"] for row in rows], 50) if rows else []
    left.plot([row["step"] for row in rows], loss, color=PREDICTION, lw=3, label="yours")
    left.set(title="Loss", ylim=(0, None))
    kept = recording["evaluation_step"] <= high
    measured = recording["evaluation_step"][kept], recording["evaluation_AP"][kept]
    right.plot(*measured, "-o", ms=4, color=NO_OBJECT, lw=2.4, label="recorded")
    points = [(row["step"], row["AP"]) for row in training.measures]
    right.plot(
        *zip(*points) if points else ([], []), "o-", ms=8, color=PREDICTION, lw=3, label="yours"
    )
    right.set(title="AP on unseen scenes", ylim=(0, 1))
    for axes in (left, right):
        axes.set(xlabel="training step", xlim=(low, high))
        axes.xaxis.set_major_locator(figures.plt.MaxNLocator(5))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.legend(loc="best")
    return figure
