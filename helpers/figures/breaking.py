"""Figures of notebook 10: a detector before and after its match was changed."""

import numpy as np

from helpers import figures
from helpers.detector import detections
from helpers.evaluation import OBJECT_SCORE, summarize, suppress_duplicates
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

BARS = (
    ("AP", "AP", PREDICTION),
    ("suppressed", "AP after NMS", MATCH),
    ("count_right", "scenes counted right", QUIET),
)


def state(model, pixel_values, annotations):
    """How good a detector is on these scenes: `helpers.evaluation.summarize`, and "suppressed", its
    AP after NMS.
    """
    side = pixel_values.shape[-1]
    found = detections(model, pixel_values, [(side, side)] * len(annotations))
    suppressed = summarize([suppress_duplicates(one) for one in found], annotations)
    return {**summarize(found, annotations), "suppressed": suppressed["AP"], "found": found}


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
        1.3 + 3.05 * len(states), 5.1, columns=len(states), rows=2, height_ratios=[3, 1.3]
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
    """Three bars from 0 to 1, below them the duplicates as a number; `names` of the rows, too."""
    on_line = {"va": "center_baseline", "fontsize": 12}  # with the names
    for row, (key, _, colour) in enumerate(BARS):
        axes.barh(row, measured[key], 0.66, color=colour)
        axes.text(measured[key] + 0.02, row, f"{measured[key]:.2f}", **on_line)
    axes.text(0.02, len(BARS), f"{measured['duplicates']:.0f}", fontweight="bold", **on_line)
    axes.set(xlim=(0, 1.15), ylim=(len(BARS) + 0.5, -0.6), xticks=[], yticks=[])
    if names:
        rows = [*(name for _, name, _ in BARS), "duplicates per 100"]
        axes.set_yticks(range(len(rows)), rows, color=INK, fontsize=12)
        axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
