"""Figures of notebook 10: a detector before and after its match was changed."""

import numpy as np

from helpers import figures
from helpers.boxes import box_iou
from helpers.detector import detections
from helpers.evaluation import (
    OBJECT_SCORE,
    SAME_OBJECT_IOU,
    average_precision,
    summarize,
    suppress_duplicates,
)
from helpers.figures import (
    DASHES,
    INK,
    LETTERS,
    MATCH,
    PREDICTION,
    QUIET,
    draw_box,
    draw_image,
    label_name,
)
from helpers.figures.learning import calm
from helpers.targets import corner_boxes

BARS = (
    ("AP", "AP", PREDICTION),
    ("suppressed", "AP after NMS", MATCH),
    ("count_right", "scenes counted right", QUIET),
)
NUMBERS = (("duplicates", "duplicates per 100"), ("missed", "missed per 100"))


def state(model, pixel_values, annotations):
    """How good a detector is on these scenes: `helpers.evaluation.summarize`, "suppressed", its AP
    after NMS, and "missed", objects without a box per 100 objects.
    """
    side = pixel_values.shape[-1]
    found = detections(model, pixel_values, [(side, side)] * len(annotations))
    suppressed = average_precision([suppress_duplicates(one) for one in found], annotations)
    missed = sum(count_missed(one, things) for one, things in zip(found, annotations))
    return {
        **summarize(found, annotations),
        "suppressed": suppressed["AP"],
        "missed": 100 * missed / sum(map(len, annotations)),
        "found": found,
    }


def count_missed(found, things):
    """How many objects have no box over the score 0.5 on them, whatever its class.

    >>> import torch
    >>> found = {"boxes": torch.tensor([[0.0, 0.0, 9.0, 9.0]]), "scores": torch.tensor([0.9])}
    >>> count_missed(found, [{"bbox": [0, 0, 9, 9]}, {"bbox": [20, 20, 9, 9]}])
    1
    """
    overlap = box_iou(found["boxes"][found["scores"] > OBJECT_SCORE][:, None], corner_boxes(things))
    return int((overlap <= SAME_OBJECT_IOU).all(0).sum())


def best_of_piles(found, things):
    """What NMS keeps, each with the box of its pile that fits best: an oracle, which needs the
    objects. A pile are the boxes of a name that NMS strikes out for one, if their score is over
    0.5.

    >>> import torch
    >>> boxes = torch.tensor([[0.0, 0.0, 8.0, 9.0], [0.0, 0.0, 9.0, 9.0]])
    >>> found = {"boxes": boxes, "scores": torch.tensor([0.9, 0.8]), "labels": torch.tensor([3, 3])}
    >>> best_of_piles(found, [{"bbox": [0, 0, 9, 9]}])["boxes"]
    tensor([[0., 0., 9., 9.]])
    """
    kept = suppress_duplicates(found)
    if not things or not len(kept["boxes"]):
        return kept
    said = found["scores"] > OBJECT_SCORE
    boxes, labels, objects = found["boxes"][said], found["labels"][said], corner_boxes(things)
    own = box_iou(kept["boxes"][:, None], objects).argmax(1)
    near = box_iou(kept["boxes"][:, None], boxes) > SAME_OBJECT_IOU
    pile = near & (kept["labels"][:, None] == labels) & (kept["scores"] > OBJECT_SCORE)[:, None]
    best = kept["boxes"].clone()
    for place in pile.any(1).nonzero()[:, 0].tolist():
        candidates = boxes[pile[place]]
        best[place] = candidates[box_iou(candidates, objects[own[place]]).argmax()]
    return {**kept, "boxes": best}


def best_kept(found, annotations):
    """AP if NMS kept the box of each pile that fits best."""
    kept = [best_of_piles(one, things) for one, things in zip(found, annotations)]
    return average_precision(kept, annotations)["AP"]


def rules_figure(target, rules, start, steps=300):
    """Where free guesses end under each rule: `rules` maps a title to options of `FreeGuesses`.

    The panels name how many guesses claim an object.
    """
    from helpers.training.free import FreeGuesses, start_of
    from helpers.widgets.setplay import draw_frame

    figure, panels = figures.new_figure(3.3 * len(rules), 4, columns=len(rules))
    for axes, (name, way) in zip(panels, rules.items()):
        guesses = FreeGuesses(start_of(start), **way)
        for _ in range(steps):
            guesses.move(target)
        frame = guesses.look(target)
        draw_frame(axes, guesses, frame, target)
        axes.set_title(f"{name}\n{frame.claims} claims", fontsize=13)
    return figure


def states_figure(images, states, scene=0):
    """One column for each named state: what the detector finds in one scene, and what it scores on
    all.
    """
    figure, panels = figures.new_figure(
        1.3 + 3.05 * len(states), 5.4, columns=len(states), rows=2, height_ratios=[3, 1.6]
    )
    panels = np.asarray(panels).reshape(2, -1)
    for column, (name, measured) in enumerate(states.items()):
        above, below = panels[:, column]
        kept = measured["found"][scene]["scores"] > OBJECT_SCORE
        draw_image(above, calm(images[scene]))
        above.set_title(f"{name}\n{int(kept.sum())} boxes here", fontsize=13)
        draw_found(above, measured["found"][scene])
        draw_measures(below, measured, names=column == 0)
    return figure


def draw_found(axes, found, most_names=6):
    """The detections over the score, in blue; with their letters and digits if there are few."""
    kept = [place for place, score in enumerate(found["scores"]) if score > OBJECT_SCORE]
    for place in kept:
        name = (
            f"{LETTERS[place]} {label_name(found['labels'][place])}"
            if len(kept) <= most_names
            else None
        )
        draw_box(axes, found["boxes"][place], PREDICTION, DASHES, name, at="bottom")


def draw_measures(axes, measured, names=True):
    """Three bars from 0 to 1, below them two numbers; `names` of the rows, too."""
    on_line = {"va": "center_baseline", "fontsize": 12}  # with the names
    for row, (key, _, colour) in enumerate(BARS):
        axes.barh(row, measured[key], 0.66, color=colour)
        axes.text(measured[key] + 0.02, row, f"{measured[key]:.2f}", **on_line)
    for row, (key, _) in enumerate(NUMBERS, start=len(BARS)):
        axes.text(0.02, row, f"{measured[key]:.0f}", fontweight="bold", **on_line)
    axes.set(xlim=(0, 1.15), ylim=(len(BARS) + len(NUMBERS) - 0.5, -0.6), xticks=[], yticks=[])
    if names:
        rows = [*(name for _, name, _ in BARS), *(name for _, name in NUMBERS)]
        axes.set_yticks(range(len(rows)), rows, color=INK, fontsize=12)
        axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
