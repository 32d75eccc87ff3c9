"""Notebook 12: a timeline, class costs, spoiled targets, points, transport plans, shared guesses, a
chooser.
"""

import html

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import FancyBboxPatch
from scipy.optimize import linear_sum_assignment

from helpers.boxes import center_to_corners
from helpers.figures import (
    CLASS,
    DASHES,
    GIOU,
    INK,
    LETTERS,
    MATCH,
    NO_OBJECT,
    PREDICTION,
    QUIET,
    TARGET,
    draw_box,
    draw_image,
    draw_match_lines,
    draw_matrix,
    draw_targets,
    label_name,
    new_figure,
    pixel_corners,
    thumbnails,
)
from helpers.figures.learning import calm
from helpers.figures.masks import draw_ink
from helpers.figures.pages import page_chooser, picture_html
from helpers.later.costs import at_points

LANES = (("what a pair costs", CLASS), ("who gets whom", MATCH), ("what is learned", GIOU))
# Year and month of the first version on arXiv, lane, height in the lane, name, what is new.
PAPERS = (
    (2020, 5, 0, 1, "DETR", "−p, L1, GIoU, one to one"),
    (2020, 10, 0, -1, "Deformable DETR", "focal cost, sigmoids"),
    (2021, 7, 0, 1, "MaskFormer", "masks"),
    (2021, 12, 0, -1, "Mask2Former", "at some points"),
    (2023, 3, 0, -1, "Grounding DINO", "words in place of classes"),
    (2021, 3, 1, 1, "OTA", "optimal transport"),
    (2022, 3, 1, -1, "DN-DETR, DINO", "spoiled targets, no match"),
    (2022, 7, 1, 1, "H-DETR, Group DETR", "several guesses for a target"),
    (2020, 8, 2, -1, "VarifocalNet", "say your IoU"),
    (2023, 4, 2, 1, "RT-DETR", "IoU as goal"),
    (2023, 4, 2, -1, "Align-DETR", "probability and IoU"),
    (2024, 6, 2, -1, "LW-DETR", "Align-DETR's goal"),
    (2024, 10, 2, 1, "D-FINE", "edges as distributions"),
)
MARGIN = 8  # pixels around an enlarged mask
SAME_CORNER = 14  # pixels of the image within which guesses share a name tab
FACTS = {  # name in `matches`: cost, match, what a guess without target learns, suppression
    "DETR": ("−p + 5 L1 − 2 GIoU", "one to one", "no object, by cross-entropy", "no"),
    "Deformable DETR": ("focal + 5 L1 − 2 GIoU", "one to one", "0, by the focal loss", "no"),
    "RT-DETR": (
        "2 focal + 5 L1 − 2 GIoU",
        "one to one, and spoiled targets",
        "0, by the varifocal loss",
        "no",
    ),
    "Mask2Former": ("−2 p + 5 mask + 5 dice", "one to one", "no object, by cross-entropy", "no"),
    "Group DETR": (
        "2 focal + 5 L1 − 2 GIoU",
        "one to one in each group",
        "0, by LW-DETR's class loss",
        "no",
    ),
    "H-DETR": (
        "2 focal + 5 L1 − 2 GIoU",
        "targets repeated, in a second branch",
        "0, by the focal loss",
        "no",
    ),
    "OTA": (
        "focal and IoU loss; here as RT-DETR",
        "optimal transport",
        "0, by the focal loss",
        "yes",
    ),
}


def timeline_figure():
    """The papers on three lanes: those that changed the cost, the match, or the loss."""
    figure, axes = new_figure(12.5, 5.6)
    for lane, (name, colour) in enumerate(LANES):
        y = -2.1 * lane
        axes.plot([2020.1, 2025.5], [y, y], color=colour, lw=7, alpha=0.22, solid_capstyle="round")
        axes.text(
            2019.98,
            y,
            name.replace(" ", "\n", 1),
            color=INK,
            fontsize=13,
            fontweight="bold",
            ha="right",
            va="center",
        )
    for year, month, lane, side, name, news in PAPERS:
        x, y, colour = year + (month - 1) / 12, -2.1 * lane, LANES[lane][1]
        axes.plot(x, y, "o", ms=11, color=colour, mec="white", mew=1.5, zorder=3)
        shift = 0.2 * side
        axes.text(
            x,
            y + shift + 0.24 * (side > 0),
            name,
            fontsize=12.5,
            fontweight="bold",
            va="bottom" if side > 0 else "top",
            color=INK,
        )
        axes.text(
            x,
            y + shift - 0.26 * (side < 0),
            news,
            fontsize=11,
            va="bottom" if side > 0 else "top",
            color=QUIET,
        )
    axes.set(xlim=(2020.0, 2026.1), ylim=(-5.2, 1.0), yticks=[], xticks=range(2020, 2026))
    axes.set_title("The frame stayed; its three parts were exchanged one by one")
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    return figure


def focal_figure(right, given=None):
    """Class costs over the sigmoid's p: −p, the focal cost, and the reader's where `given`; all
    functions of logits.
    """
    p = torch.linspace(0.005, 0.995, 199)
    figure, axes = new_figure(9, 4)
    axes.axhline(0, color=NO_OBJECT, lw=1)
    axes.plot(p, -p, color=NO_OBJECT, lw=3, ls=":", label="−p, as in DETR")
    axes.plot(p, right(p.logit()), color=CLASS, lw=3.5, label="focal cost")
    if given is not None:
        axes.plot(p, given(p.logit()), color=PREDICTION, lw=2.5, ls=DASHES, label="yours")
    axes.set(
        xlabel="p, the sigmoid of the class", ylabel="class cost", xlim=(0, 1), ylim=(-4.2, 2.2)
    )
    axes.set_title("The focal cost has no floor where the class is sure")
    axes.legend(loc="lower left")
    return figure


def disagreement_figure(costs):
    """What two guesses cost under two class costs; `costs` maps a name to two floats; the cheaper
    one is green.
    """
    figure, panels = new_figure(9.5, 2.5, columns=2)
    for axes, (name, pair) in zip(panels, costs.items()):
        for place, value in enumerate(pair):
            cheaper = value == min(pair)
            axes.barh(place, value, 0.62, color=MATCH if cheaper else "#cfcfcf")
            said = f" {value:.2f}" + ("  matched" if cheaper else "")
            axes.text(
                max(value, 0),
                place,
                said,
                va="center",
                fontsize=13,
                fontweight="bold" if cheaper else "normal",
            )
        low, high = min(*pair, 0), max(*pair, 0)
        axes.set(
            xlim=(low - 0.02, high + 0.7 * (high - low)), ylim=(1.6, -0.6), xticks=[], title=name
        )
        axes.set_yticks([0, 1], ["A", "B"], color=PREDICTION, fontweight="bold", fontsize=14)
        axes.axvline(0, color=QUIET, lw=1)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def spoiled_figure(image, targets, boxes, classes):
    """Denoising queries: T lightly spoiled boxes and T heavily spoiled ones, (2 T, 4), with the
    classes they claim.
    """
    figure, panels = new_figure(7.2, 3.8, columns=2)
    size = len(targets["boxes"])
    titles = ("Lightly spoiled: mend it", "Heavily spoiled: say nothing")
    for axes, title, start, colour in zip(panels, titles, (0, size), (PREDICTION, QUIET)):
        draw_image(axes, calm(image))
        axes.set_title(title, fontsize=13)
        draw_targets(axes, image, targets, names=False)
        corners = pixel_corners(boxes[start : start + size], image)
        for box, label in zip(corners, classes[start : start + size]):
            draw_box(axes, box, colour, DASHES, label_name(label), at="bottom")
    return figure


def points_figure(ink, points, masks, names):
    """A target mask (H, W) with points (P, 2) on it, green where they hit ink; beside it guesses'
    masks (M, H, W).

    The latter are enlarged, with the outline of the target.
    """
    figure, (left, *panels) = new_figure(9.6, 3.4, columns=1 + len(masks))
    draw_ink(left, ink, f"Target, {len(points)} points")
    x, y = (points * torch.tensor([ink.shape[1], ink.shape[0]]) - 0.5).T
    on = at_points(ink[None].float(), points)[0] > 0.5
    left.scatter(x[~on], y[~on], s=11, color=NO_OBJECT)
    left.scatter(x[on], y[on], s=34, color=MATCH, edgecolors="white", linewidths=0.8)
    rows, columns = torch.nonzero(ink).T
    frame = {
        "xlim": (int(columns.min()) - MARGIN, int(columns.max()) + MARGIN),
        "ylim": (int(rows.max()) + MARGIN, int(rows.min()) - MARGIN),
    }
    for axes, mask, name in zip(panels, masks, names):
        draw_ink(axes, mask, f"Claimed by {name}", colour=PREDICTION)
        axes.contour(ink, levels=[0.5], colors=TARGET, linewidths=2.2)
        axes.set(**frame, aspect="equal")
    return figure


def plans_figure(plans, columns, pairs=None):
    """Transport plans (N, T + 1) side by side, zeros left empty; `pairs`, the Hungarian match, are
    ringed if given.
    """
    figure, panels = new_figure(4.1 * len(plans), 5.2, columns=len(plans))
    for axes, (title, plan) in zip(np.atleast_1d(panels), plans.items()):
        draw_matrix(axes, plan, title, [*columns, "none"], rings=pairs)
        for text in axes.texts:
            text.set_visible(text.get_text() != "0.00")
    return figure


def supervision_figure(image, targets, matches):
    """Which target grades which guess: rows are guesses, columns methods, a cell holds the target's
    picture.

    `matches` maps the name of a method to (prediction_index, target_index), where targets may
    repeat."""
    crops = thumbnails(calm(image), targets)
    rows = 12
    figure, axes = new_figure(1.9 + 1.35 * len(matches), 6.6)
    for column, (prediction_index, target_index) in enumerate(matches.values()):
        owner = dict(zip(prediction_index.tolist(), target_index.tolist()))
        for row in range(rows):
            colour = MATCH if row in owner else "#dddddd"
            box = (column - 0.42, row - 0.42), 0.84, 0.84
            axes.add_patch(
                FancyBboxPatch(
                    *box, boxstyle="round,pad=0,rounding_size=0.12", fc="white", ec=colour, lw=1.8
                )
            )
            if row in owner:
                picture = OffsetImage(crops[owner[row]], zoom=0.43)
                axes.add_artist(AnnotationBbox(picture, (column, row), frameon=False, pad=0))
    axes.set_xticks(
        range(len(matches)), [name.replace(" ", "\n") for name in matches], fontsize=12, color=INK
    )
    axes.set_yticks(range(rows), LETTERS[:rows], color=PREDICTION, fontweight="bold", fontsize=13)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.set(xlim=(-0.6, len(matches) - 0.4), ylim=(rows - 0.5, -0.5))
    axes.set_title("Twelve guesses, seven teachers: an empty cell must say nothing", pad=14)
    axes.spines[:].set_visible(False)
    return figure


def positives(match, num_targets):
    """How many guesses each target grades under a match: a list of T counts."""
    return torch.as_tensor(match[1]).bincount(minlength=num_targets).tolist()


def by_target(match, labels):
    """Who grades whom in words, target after target: '"3" B   "1" C G', for labels (T,)."""
    guesses = [[] for _ in labels]
    for guess, target in sorted(zip(*(torch.as_tensor(index).tolist() for index in match))):
        guesses[target].append(LETTERS[guess])
    return "   ".join(
        f"{label_name(label)} {' '.join(names) or '-'}" for label, names in zip(labels, guesses)
    )


def lead(cost, match):
    """By how much the best match is cheaper than the second best; (nearly) 0 is a toss-up, which a
    last digit decides.

    Args: cost (N, T); match, the best one, as (prediction_index, target_index).

    >>> lead(torch.tensor([[1.0, 2.0], [1.5, 4.0]]), ([0, 1], [1, 0]))  # 3.5 against 5
    1.5
    """
    cost = np.asarray(cost, dtype=np.float64)  # (N, T)
    others = []
    for pair in zip(*match):
        without = cost.copy()
        without[tuple(map(int, pair))] = (
            cost.max() + np.ptp(cost) * len(cost) + 1
        )  # dearer than any way around it
        others.append(without[linear_sum_assignment(without)].sum())
    return float(min(others) - cost[tuple(np.asarray(match))].sum())


def ink_inside(pixel_values, pred_boxes):
    """Stand-in masks for a detector without mask head: each guess claims the ink inside its box.

    Args: pixel_values (3, H, W), one image; pred_boxes (N, 4). Returns logits (N, H, W) from -6 to
    6. Ink is what lies far from the median colour, the paper."""
    (height, width), corners = (
        pixel_values.shape[-2:],
        center_to_corners(pred_boxes)[..., None],
    )  # (N, 4, 1)
    ink = (
        (pixel_values - pixel_values.flatten(1).median(1).values[:, None, None]).abs().amax(0)
    )  # (H, W)
    x, y = (torch.arange(width) + 0.5) / width, (torch.arange(height) + 0.5) / height
    across, down = (
        (x > corners[:, 0]) & (x < corners[:, 2]),
        (y > corners[:, 1]) & (y < corners[:, 3]),
    )
    return torch.where(down[:, :, None] & across[:, None], 6 * (ink - 1), -6.0).clamp(-6, 6)


def take_home(matches, num_targets):
    """The table of notebook 12 as Markdown; each target's positives are counted in `matches`."""
    lines = [
        "| method | cost | match | positives here | the rest learn | NMS |",
        "|---|---|---|---|---|---|",
    ]
    for name, match in matches.items():
        cost, kind, rest, suppression = FACTS[name]
        counts = ", ".join(map(str, positives(match, num_targets)))
        lines.append(f"| {name} | {cost} | {kind} | {counts} | {rest} | {suppression} |")
    return "\n".join(lines)


def scenes_figure(image, outputs, targets, matches):
    """The scene under several matches, side by side; `matches` maps a title to (prediction_index,
    target_index).
    """
    figure, panels = new_figure(3.8 * len(matches), 4, columns=len(matches))
    for axes, (title, match) in zip(np.atleast_1d(panels), matches.items()):
        draw_shared_match(axes, image, outputs["pred_boxes"][0], targets, match)
        axes.set_title(title, fontsize=13)
    return figure


def draw_shared_match(axes, image, pred_boxes, targets, match):
    """Targets and matched guesses, each guess linked to its target; guesses that stand together
    share a name tab.
    """
    draw_image(axes, calm(image))
    draw_targets(axes, image, targets, names=False)
    draw_match_lines(axes, image, pred_boxes, targets["boxes"], match)
    corners = pixel_corners(pred_boxes, image)
    tabs = []  # lists of guesses
    for guess in sorted(torch.as_tensor(match[0]).tolist()):
        draw_box(axes, corners[guess], PREDICTION, DASHES)
        near = [
            tab for tab in tabs if (corners[tab[0]] - corners[guess])[2:].abs().max() < SAME_CORNER
        ]
        near[0].append(guess) if near else tabs.append([guess])
    for tab in tabs:
        draw_box(
            axes,
            corners[tab[0]],
            PREDICTION,
            DASHES,
            " ".join(LETTERS[guess] for guess in tab),
            at="bottom",
        )


def method_chooser(image, outputs, targets, matches, costs, chosen):
    """A menu of methods; each shows its match on the scene and its cost matrix.

    It works in a stored page, too.

    Args: one image's outputs and targets; `matches` and `costs` map a method to its match and to
    its (N, T) costs. The pages are made here; menu and pages are linked in the page, without
    Python."""
    pages = {
        name: method_page(image, outputs, targets, name, match, costs[name])
        for name, match in matches.items()
    }
    return page_chooser(pages, "method", chosen)


def method_page(image, outputs, targets, name, match, cost):
    """One method as HTML: its match drawn on the scene, its costs as a table with ringed cells, and
    a sentence.
    """
    figure, axes = new_figure(4.2, 4.2)
    draw_shared_match(axes, image, outputs["pred_boxes"][0], targets, match)
    labels = [label_name(label) for label in targets["class_labels"]]
    counts = ", ".join(
        f"{label} {count}" for label, count in zip(labels, positives(match, len(labels)))
    )
    sentence = f"{name}. Guesses that each target grades: {counts}."
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:24px;align-items:center">'
        f"{picture_html(figure, sentence, 'max-width: 400px')}"
        f"{_cost_table(cost, labels, match)}</div>"
        f"<p>{html.escape(sentence)}</p>"
    )


def _cost_table(cost, labels, match):
    """A cost matrix as an HTML table: predictions as rows, matched cells ringed."""
    cost = torch.as_tensor(cost).double()
    ringed = set(zip(*(torch.as_tensor(index).tolist() for index in match)))
    share = (cost - cost.min()) / (cost.max() - cost.min()).clamp(min=1e-12)
    head = "".join(
        f'<th style="padding:2px 8px;border-bottom:3px solid {TARGET}">{label}</th>'
        for label in labels
    )
    lines = [f"<tr><th></th>{head}</tr>"]
    for row, values in enumerate(cost.tolist()):
        cells = []
        for column, value in enumerate(values):
            red, green, blue, _ = colormaps["cividis"](float(share[row, column]), bytes=True)
            ink = "#fff" if share[row, column] < 0.5 else "#000"
            ring = (
                f";outline:3px solid {MATCH};outline-offset:-3px;font-weight:bold"
                if (row, column) in ringed
                else ""
            )
            style = (
                f"background:rgb({red},{green},{blue});color:{ink};padding:2px "
                f"8px;text-align:right{ring}"
            )
            cells.append(f'<td style="{style}">{value:.2f}</td>')
        lines.append(
            f'<tr><th style="color:{PREDICTION};padding:2px '
            f'8px">{LETTERS[row]}</th>{"".join(cells)}</tr>'
        )
    return f'<table style="border-collapse:collapse;font-size:14px">{"".join(lines)}</table>'
