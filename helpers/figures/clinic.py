"""Figures of notebook 13: symptoms and causes as a path of five questions, as a table and a list; a
padded batch.
"""

import html
from collections import namedtuple

from matplotlib import patches
from PIL import Image

from helpers.figures import (
    DASHES,
    GIOU,
    INK,
    MATCH,
    PREDICTION,
    QUIET,
    TARGET,
    draw_box,
    draw_image,
    new_figure,
    pixel_corners,
)
from helpers.figures.pages import page_chooser

Ticket = namedtuple("Ticket", "cause cure notebooks")
WARDS = {  # of three tickets each, the last of two
    "targets": TARGET,
    "numbers": GIOU,
    "model": PREDICTION,
    "scale": QUIET,
    "ports": MATCH,
}
PER_WARD = 3

TICKETS = {
    1: Ticket(
        "labels count from 1, or the ids have holes",
        "map the ids to 0 … K − 1, or make K the largest id + 1",
        "03",
    ),
    2: Ticket(
        "boxes are corners, or in pixels",
        "make them normalised centre boxes, then draw them",
        "02 03",
    ),
    3: Ticket(
        "an empty image, or an augmentation, made labels float",
        "labels int64, of an empty image (0,)",
        "03",
    ),
    4: Ticket(
        "NaN in the predictions: training diverged",
        "lower the learning rate, warm up, clip gradients",
        "11",
    ),
    5: Ticket(
        "boxes inside out, or −GIoU in place of 1 − GIoU",
        "check both sides of a box, sum 1 − GIoU",
        "04 07",
    ),
    6: Ticket(
        "a metric is taken for a loss", "sum by weight; read class_error beside all guesses", "07"
    ),
    7: Ticket(
        "tokens begin alike, or have had too few steps",
        "start them apart, then overfit eight scenes",
        "02 09",
    ),
    8: Ticket(
        "too few tokens, or an eos_coef for another N",
        "more tokens than objects, eos_coef to fit",
        "07 10 11",
    ),
    9: Ticket(
        "`auxiliary_loss=True` of YOLOS never runs", "`detection_outputs` and `SetCriterion`", "08"
    ),
    10: Ticket(
        "every part divides by its own objects", "one `num_boxes` for the whole batch", "11"
    ),
    11: Ticket("half precision reaches the matcher", "match and grade in float32", "11"),
    12: Ticket(
        "fractions are of the padded canvas",
        "decode with the sizes of the targets; padding out of the loss",
        "03 08",
    ),
    13: Ticket(
        "the logarithm of a rounded probability", "take class losses from the logits", "07 12"
    ),
    14: Ticket(
        "a softmax over the wrong dimension, or for a head of sigmoids",
        "read scores as they were trained",
        "06 12",
    ),
}

QUESTIONS = (
    (
        "Does it stop\nwith an error?",
        (
            ("index out of bounds", (1,)),
            ("indices must be long", (3,)),
            ("NoneType, tuple", (9,)),
            ("boxes1 … corner format", (4,)),
            ("boxes2 … corner format", (5,)),
            ("cdist … Half", (11,)),
        ),
    ),
    (
        "Is a number\nstrange?",
        (
            ("loss near 1,000", (2,)),
            ("loss below zero", (5,)),
            ("loss is NaN", (4, 11)),
            ("loss is infinite", (13,)),
            ("class_error at 100", (6, 8)),
            ("my own sum differs", (6, 9)),
        ),
    ),
    (
        "Do drawn targets\nmiss the objects?",
        (
            ("names off by one", (1,)),
            ("boxes elsewhere", (2,)),
            ("only beside wider images", (12,)),
        ),
    ),
    (
        "Does it fail to learn\neight scenes?",
        (
            ("all boxes alike", (7,)),
            ("crowds lose objects", (8,)),
            ("too many or none pass", (8, 1)),
        ),
    ),
    (
        "Other results in\nanother set-up?",
        (
            ("more GPUs", (10,)),
            ("smaller batches", (10, 12, 14)),
            ("half precision", (11, 13)),
            ("masks, too", (14,)),
        ),
    ),
)
FILES = {
    "02": "02_detection_tokens",
    "03": "03_targets",
    "04": "04_three_costs",
    "06": "06_matcher",
    "07": "07_loss",
    "08": "08_masks_and_auxiliary",
    "09": "09_watch_it_learn",
    "10": "10_break_it",
    "11": "11_fast_and_safe",
    "12": "12_where_the_field_went",
}
ROW, GAP, COLUMN, CHIP, LEFT = (
    0.6,
    0.42,
    3.12,
    2.98,
    3.3,
)  # inches: the grid of symptoms beside the questions


def triage_figure():
    """Five questions in order; each "yes" leads to symptoms with the numbers of their tickets."""
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
        for place, (symptom, tickets) in enumerate(symptoms):
            _draw_symptom(
                axes, LEFT + COLUMN * (place % 3), top + ROW * (place // 3 + 0.5), symptom, tickets
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
        "It needs time: see 09",
        ha="center",
        va="center",
        fontsize=12,
        color=QUIET,
    )
    _draw_wards(axes, top + ROW / 2)
    return figure


def symptom_table():
    """Every ticket with its symptoms, its cause, what to do first, and where the course explains
    it: Markdown.
    """
    lines = [
        "| you see | likely cause | do this first | ticket | notebook |",
        "|:--|:--|:--|:-:|:-:|",
    ]
    for number, ticket in TICKETS.items():
        seen = "; ".join(symptom for symptom, other, _ in _entries() if other == number)
        links = " ".join(f"[{name}]({FILES[name]}.ipynb)" for name in ticket.notebooks.split())
        lines.append(f"| {seen} | {ticket.cause} | {ticket.cure} | {number} | {links} |")
    return "\n".join(lines)


def show_symptom_table():
    """Put the table into the notebook, with working links."""
    from IPython.display import display

    table = symptom_table()
    display({"text/markdown": table, "text/plain": table}, raw=True)


def symptom_list():
    """A list to choose a symptom from, with its causes below; it works in a stored page, too."""
    pages = {}
    for symptom, number, ticket in _entries():
        cause, cure = (html.escape(text.replace("`", "")) for text in (ticket.cause, ticket.cure))
        place = f"Notebook {', '.join(ticket.notebooks.split())}"
        pages.setdefault(symptom, []).append(
            f"<p><b>Ticket {number}.</b> {cause}.<br>First: {cure}.<br>{place}.</p>"
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
    """Every symptom with each of its tickets: (symptom, number, Ticket)."""
    for _, symptoms in QUESTIONS:
        for symptom, numbers in symptoms:
            for number in numbers:
                yield symptom, number, TICKETS[number]


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


def _draw_symptom(axes, x, y, text, tickets):
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
    for place, number in enumerate(reversed(tickets)):
        _draw_number(axes, x + CHIP - 0.24 - 0.4 * place, y, number)


def _draw_number(axes, x, y, number):
    axes.add_patch(
        patches.Circle(
            (x, y), 0.18, facecolor=[*WARDS.values()][(number - 1) // PER_WARD], edgecolor="none"
        )
    )
    axes.text(
        x, y + 0.01, number, ha="center", va="center", fontsize=12, fontweight="bold", color="white"
    )


def _draw_wards(axes, y):
    for ward, name in enumerate(WARDS):
        x = LEFT - 0.85 + 2.04 * ward
        _draw_number(axes, x + 0.18, y, PER_WARD * ward + 1)
        axes.text(
            x + 0.44,
            y,
            f"to {min(PER_WARD * (ward + 1), len(TICKETS))}: {name}",
            ha="left",
            va="center",
            fontsize=12,
            color=QUIET,
        )


def _draw_arrow(axes, start, end, text, where):
    axes.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": QUIET, "lw": 1.8, "shrinkA": 0, "shrinkB": 0},
    )
    axes.text(*where, text, ha="center", va="center", fontsize=11, color=QUIET)
