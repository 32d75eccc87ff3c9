"""Figures of notebook 13: symptoms and causes as a path of five questions, as a table and a list; a
padded batch.
"""

import html
from collections import namedtuple

from matplotlib import patches
from PIL import Image

from helpers.figures import (
    DASHES,
    INK,
    PREDICTION,
    QUIET,
    TARGET,
    draw_box,
    draw_image,
    new_figure,
    pixel_corners,
)
from helpers.figures.pages import page_chooser

Cause = namedtuple("Cause", "cause cure notebooks")

TICKETS = {  # shown in notebook 13, by their numbers there
    1: Cause(
        "labels count from 1, or the ids have holes",
        "map the ids to 0 … K − 1, or make K the largest id + 1",
        "03",
    ),
    2: Cause(
        "NaN in the predictions: training diverged",
        "lower the learning rate, warm up, clip gradients",
        "11",
    ),
    3: Cause(
        "boxes inside out, or −GIoU in place of 1 − GIoU",
        "check both sides of a box, sum 1 − GIoU",
        "04 07",
    ),
    4: Cause(
        "a metric is taken for a loss; `class_error` stands in DETR's own log",
        "sum by weight; count all right guesses, too",
        "07",
    ),
    5: Cause("the logarithm of a rounded probability", "take class losses from the logits", "11"),
    6: Cause(
        "boxes are corners, or in pixels",
        "make them normalised center boxes, then draw them",
        "02 03",
    ),
    7: Cause(
        "fractions are of the padded canvas",
        "decode with the sizes of the targets; padding out of the loss",
        "03 08",
    ),
    8: Cause(
        "too few steps, or tokens that begin alike (YOLOS); dropout hides it in `train()`",
        "start them apart, then overfit eight scenes and look in `eval()`",
        "02 09",
    ),
    9: Cause(
        "too few tokens, or no-object weighs too much or too little",
        "more tokens than objects, then look at no-object's share",
        "07 10",
    ),
}
ELSEWHERE = {  # shown by the first of the notebooks that they name, or by the page "AP"
    "empty": Cause(
        "an empty image, or an augmentation, made labels float",
        "labels int64, of an empty image (0,)",
        "03 11",
    ),
    "layers": Cause(
        "`auxiliary_loss=True` of YOLOS never runs", "`detection_outputs` and `SetCriterion`", "08"
    ),
    "divisor": Cause(
        "every part divides by its own objects", "one `num_boxes` for the whole batch", "11"
    ),
    "half": Cause("half precision reaches the matcher", "match and grade in float32", "11"),
    "softmax": Cause(
        "scores are read otherwise than they were trained",
        "one softmax or sigmoid for match, loss and scores",
        "06",
    ),
    "tokens": Cause(
        "not the number of classes, or of tokens, that the checkpoint has",
        "`ignore_mismatched_sizes=True` for classes, `renew_detection_tokens` for tokens",
        "AP",
    ),
    "switches": Cause(
        "defaults of `Trainer` that do not suit detection",
        "`remove_unused_columns=False`, `eval_do_concat_batches=False`",
        "AP",
    ),
    "unseen": Cause(
        "a new class head, too high a rate for the backbone, or augmentations that lose boxes",
        "draw augmented targets; fine-tune a detector, its backbone at a tenth of the rate",
        "AP",
    ),
    "evaluation": Cause(
        "(w, h) for (h, w), labels for category ids, wrong image ids, or corners for sizes",
        "look at these four, one by one, before you look at the training",
        "AP 09",
    ),
}
CAUSES = TICKETS | ELSEWHERE

QUESTIONS = (
    (
        "Does it stop\nwith an error?",
        (
            ("index out of bounds", (1,)),
            ("device-side assert (GPU)", (1,)),
            ("boxes1 … corner format", (2,)),
            ("boxes2 … corner format", (3,)),
            ("indices must be long", ("empty",)),
            ("NoneType, tuple", ("layers",)),
            ("cdist … Half", ("half",)),
            ("size mismatch at loading", ("tokens",)),
            ("KeyError 'image' (Trainer)", ("switches",)),
        ),
    ),
    (
        "Is a number\nstrange?",
        (
            ("loss below zero", (3,)),
            ("class_error at 100", (4, 9)),
            ("loss is infinite", (5,)),
            ("loss near 1,000", (6,)),
            ("loss is NaN", (2, "half")),
            ("my own sum differs", (4, "layers")),
        ),
    ),
    (
        "Do drawn targets\nmiss the objects?",
        (
            ("boxes elsewhere", (6,)),
            ("only beside wider images", (7,)),
            ("names off by one", (1,)),
        ),
    ),
    (
        "Does it fail to learn\neight scenes?",
        (
            ("all boxes alike", (8,)),
            ("crowds lose objects", (9,)),
            ("many boxes, or none", (9, 1)),
        ),
    ),
    (
        "Other results in\nanother set-up?",
        (
            ("more GPUs", ("divisor",)),
            ("smaller batches", ("divisor", 7)),
            ("half precision", ("half", 5)),
            ("a port matches otherwise", ("softmax",)),
            ("boxes alike in eval() only", (8,)),
            ("fits eight scenes only", ("unseen",)),
            ("boxes fit, AP is 0", ("evaluation",)),
            ("Trainer: labels missing", ("switches",)),
        ),
    ),
)
FILES = {
    "02": "02_detection_tokens.ipynb",
    "03": "03_targets.ipynb",
    "04": "04_three_costs.ipynb",
    "06": "06_matcher.ipynb",
    "07": "07_loss.ipynb",
    "08": "08_masks_and_auxiliary.ipynb",
    "09": "09_watch_it_learn.ipynb",
    "10": "10_break_it.ipynb",
    "11": "11_fast_and_safe.ipynb",
    "AP": "from_coco_to_ap.md",
}
ROW, GAP, COLUMN, CHIP, LEFT = (
    0.6,
    0.42,
    3.12,
    2.98,
    3.3,
)  # inches: the grid of symptoms beside the questions


NOTHING = "…"  # the list's first option


def triage_figure():
    """Five questions in order; each "yes" leads to symptoms, with tickets or notebooks."""
    rows = [(len(symptoms) + 2) // 3 for _, symptoms in QUESTIONS]
    height, width = ROW * (sum(rows) + 1) + GAP * len(rows), LEFT + 3 * COLUMN
    figure, axes = new_figure(width, height)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.axis("off")
    top = 0.0
    for (question, symptoms), count in zip(QUESTIONS, rows):
        middle = top + ROW * count / 2
        _draw_question(axes, middle, question)
        _draw_arrow(axes, (2.36, middle), (LEFT - 0.1, middle), "yes", (2.76, middle - 0.14))
        for place, (symptom, keys) in enumerate(symptoms):
            _draw_symptom(
                axes, LEFT + COLUMN * (place % 3), top + ROW * (place // 3 + 0.5), symptom, keys
            )
        top += ROW * count + GAP
        following = top + ROW * (rows[QUESTIONS.index((question, symptoms)) + 1 :] or [1])[0] / 2
        _draw_arrow(
            axes,
            (1.18, middle + 0.32),
            (1.18, following - 0.32),
            "no",
            (1.36, (middle + following) / 2 + 0.06),
        )
    axes.text(
        1.18,
        top + ROW / 2,
        "Check the evaluation: AP\nThen it needs time: 09",
        ha="center",
        va="center",
        fontsize=12,
        color=QUIET,
    )
    _draw_legend(axes, top + ROW / 2)
    return figure


def symptom_table():
    """Every cause with its symptoms, what to do first, and where the course shows it: Markdown."""
    lines = ["| you see | likely cause | do this first | where |", "|:--|:--|:--|:--|"]
    for key, cause in CAUSES.items():
        seen = "; ".join(symptom for symptom, other in _entries() if other == key)
        links = [f"[{name}]({FILES[name]})" for name in cause.notebooks.split()]
        where = [f"ticket {key}"] * (key in TICKETS) + links
        lines.append(f"| {seen} | {cause.cause} | {cause.cure} | {', '.join(where)} |")
    return "\n".join(lines)


def show_symptom_table():
    """Put the table into the notebook, folded, with working links."""
    from IPython.display import display

    table = symptom_table()
    folded = f"<details><summary>All causes as a table</summary>\n\n{table}\n\n</details>"
    display({"text/markdown": folded, "text/plain": table}, raw=True)


def symptom_list():
    """A list to choose a symptom from, with its causes below; it works in a stored page, too. At
    first nothing is chosen: a cause is the answer to a question of the notebook.
    """
    pages = {NOTHING: ["<p>Below a symptom stands its cause, so bet first.</p>"]}
    for symptom, key in _entries():
        cause, cure = (html.escape(text.replace("`", "")) for text in CAUSES[key][:2])
        title = f"Ticket {key}" if key in TICKETS else f"Notebook {_first_notebook(key)}"
        title = title.replace("Notebook AP", "From a COCO file to AP")
        pages.setdefault(symptom, []).append(
            f"<p><b>{title}.</b> Likely cause: {cause}.<br>First: {cure}.</p>"
        )
    return page_chooser({symptom: "".join(page) for symptom, page in pages.items()}, "You see:")


def padded_figure(pixel_values, targets, boxes):
    """Images of a padded batch (B, 3, H, W) from 0 to 1, with their targets' boxes and those that a
    reader returned.

    `targets` and `boxes`: for each image (T, 4), in fractions of the canvas.
    """
    figure, panels = new_figure(10, 3.4, columns=len(pixel_values))
    for axes, pixels, right, found, name in zip(
        panels, pixel_values, targets, boxes, ("First", "Second")
    ):
        image = Image.fromarray((255 * pixels).round().byte().permute(1, 2, 0).numpy())
        draw_image(axes, image, f"{name} image on the canvas")
        for places, colour, style in ((right, TARGET, "-"), (found, PREDICTION, DASHES)):
            for corners in pixel_corners(places, image):
                draw_box(axes, corners, colour, style)
    return figure


def _entries():
    """Every symptom with each of its causes: (symptom, key in CAUSES)."""
    for _, symptoms in QUESTIONS:
        for symptom, keys in symptoms:
            for key in keys:
                yield symptom, key


def _first_notebook(key):
    return CAUSES[key].notebooks.split()[0]


def _draw_question(axes, y, text):
    shape = patches.FancyBboxPatch(
        (0.06, y - 0.32),
        2.24,
        0.64,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor="white",
        edgecolor=INK,
        lw=2,
    )
    axes.add_patch(shape)
    axes.text(1.18, y, text, ha="center", va="center", fontsize=12, fontweight="bold")


def _draw_symptom(axes, x, y, text, keys):
    shape = patches.FancyBboxPatch(
        (x, y - 0.22),
        CHIP,
        0.44,
        boxstyle="round,pad=0,rounding_size=0.1",
        facecolor="#f3f3f3",
        edgecolor="none",
    )
    axes.add_patch(shape)
    axes.text(x + 0.12, y, text, ha="left", va="center", fontsize=12)
    for place, key in enumerate(reversed(keys)):
        _draw_mark(axes, x + CHIP - 0.26 - 0.44 * place, y, key)


def _draw_mark(axes, x, y, key):
    """A ticket as a blue disc with its number; a notebook, or the page "AP", as a grey plate."""
    said = {"ha": "center", "va": "center", "fontsize": 12, "fontweight": "bold", "color": "white"}
    if key in TICKETS:
        axes.add_patch(patches.Circle((x, y), 0.18, facecolor=PREDICTION, edgecolor="none"))
        axes.text(x, y + 0.01, key, **said)
    else:
        plate = patches.Rectangle((x - 0.2, y - 0.16), 0.4, 0.32, facecolor=QUIET, edgecolor="none")
        axes.add_patch(plate)
        axes.text(x, y + 0.01, _first_notebook(key), **said)


def _draw_legend(axes, y):
    kinds = (1, "a ticket below"), ("half", "a notebook"), ("evaluation", "From a COCO file to AP")
    for x, (key, meaning) in zip((LEFT + 0.2, LEFT + 2.6, LEFT + 4.6), kinds):
        _draw_mark(axes, x, y, key)
        axes.text(x + 0.34, y, meaning, ha="left", va="center", fontsize=12, color=QUIET)


def _draw_arrow(axes, start, end, text, where):
    axes.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": QUIET, "lw": 1.8, "shrinkA": 0, "shrinkB": 0},
    )
    axes.text(*where, text, ha="center", va="center", fontsize=11, color=QUIET)
