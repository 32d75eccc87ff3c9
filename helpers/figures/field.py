"""Notebook 12: two complaints, class costs, spoiled targets, shared guesses, a chooser."""

import html

import torch
from matplotlib import colormaps
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import FancyBboxPatch

from helpers.figures import (
    CLASS,
    DASHES,
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
    draw_targets,
    label_name,
    new_figure,
    pixel_corners,
    thumbnails,
)
from helpers.figures.learning import calm, running_mean
from helpers.figures.names import ink_on
from helpers.figures.pages import page_chooser, picture_html
from helpers.training.recording import flip_share

# Objects of an image (COCO: about seven) beside its guesses.
POSITIVES = (("ours", 3, 12), ("DETR", 7, 100), ("Deformable DETR", 7, 300))
SAME_CORNER = 14  # pixels of the image within which guesses share a name tab


def complaints_figure(recording):
    """Two complaints about the loss of DETR: few guesses are taught an object, and the match moves.

    Args: recording: of a training, as `helpers.training.recording.load_recording` gives it.
    """
    figure, (left, right) = new_figure(12, 3.6, columns=2)
    for row, (_, taught, of) in enumerate(POSITIVES):
        left.barh(row, 100, 0.6, color="#e4e4e4")
        left.barh(row, 100 * taught / of, 0.6, color=MATCH)
        left.text(100 * taught / of + 2, row, f"about {taught} of {of}", va="center", fontsize=12)
    left.set_yticks(range(len(POSITIVES)), [name for name, *_ in POSITIVES], color=INK, fontsize=12)
    left.set(title="Few are taught an object", xlabel="guesses of an image, %", xlim=(0, 100))
    left.invert_yaxis()
    left.tick_params(axis="y", length=0)
    share = 100 * running_mean(flip_share(recording), 7)
    right.plot(recording["step"], share, color=PREDICTION, lw=2.4)
    right.set(title="The match moves", xlabel="training step", ylabel="change hands, %", ylim=0)
    right.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
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
    axes.set_title("An empty cell must say nothing", pad=14)
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
    lines = [f"<tr><td></td>{head}</tr>"]
    for row, values in enumerate(cost.tolist()):
        cells = []
        for column, value in enumerate(values):
            red, green, blue, _ = colormaps["cividis"](float(share[row, column]), bytes=True)
            ink = ink_on((red / 255, green / 255, blue / 255), "black")
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
