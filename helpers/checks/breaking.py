"""The checks of notebook 10: who may read whom if tokens are not to talk, and where suppression
errs.
"""

import torch

from helpers.checks import as_numbers, attempt, to_use
from helpers.evaluation import SAME_OBJECT_IOU, suppress_duplicates
from helpers.scenes import IMAGE_SIZE
from helpers.training.muting import may_read

SEQUENCES = ((4, 2), (77, 12), (5, 1), (3, 3))  # length, tokens at its end


def check_who_reads(who_reads):
    """Notebook 10: `who_reads(length, num_tokens) -> (S, S)`, rows read columns, tokens come last.

    Gives back the function that is used further down.
    """
    return to_use(_judge_who_reads(who_reads), who_reads, may_read, "may_read")


def _judge_who_reads(answer):
    for length, tokens in SEQUENCES:
        case = f", for {length} places of which {tokens} are tokens"
        value, fault = attempt(answer, length, tokens, case=case)
        if fault:
            return fault
        given = as_numbers(value)
        if given is None or given.shape != (length, length):
            found = "this is no matrix" if given is None else f"the shape is {tuple(given.shape)}"
            return f"not yet{case}: {found}. Hint: a row for each reader, a column for who is read."
        if not ((given == 0) | (given == 1)).all():
            return f"not yet{case}: other values than True and False. Hint: a mask says yes or no."
        if said := _mask_fault(given.bool(), tokens):
            return f"not yet{case}: {said}"
    return (
        "correct: patches read patches, a token reads patches and itself, and nobody else reads a "
        "token."
    )


def _mask_fault(given, tokens):
    right = may_read(len(given), tokens)
    first = len(given) - tokens  # the place of the first token
    among, hears, told = given[first:, first:], given[first:, :first], given[:first, first:]
    if (given == right).all():
        return None
    if (given == ~right).all():
        return "this is the other way round. Hint: True where one may read."
    if (given == right.flip(0, 1)).all() and (given != right).any():
        return "the first places are mute. Hint: the tokens are the last."
    if not given[:first, :first].all():
        return "a patch does not read a patch. Hint: only tokens are mute."
    if not among.diagonal().all():
        return "a token does not read itself. Hint: the diagonal stays True."
    if told.any() and not hears.all():
        return "patches read tokens, not tokens patches. Hint: rows read columns."
    if told.any():
        return (
            "a patch reads a token, and could pass on what it says. Hint: cut these columns, too."
        )
    if not hears.all():
        return "a token does not read a patch. Hint: it has to see the picture."
    return "a token reads another. Hint: among tokens, only the diagonal is True."


def check_crowd(crowd):
    """Notebook 10: `crowd() -> boxes (2, 4)`, two objects of one class of which suppression loses
    one; drawn.
    """
    answer, fault = attempt(crowd)
    print(fault or judge_crowd(answer))
    boxes = as_numbers(answer)
    if boxes is not None and boxes.shape == (2, 4) and boxes.isfinite().all():
        _draw_crowd(boxes.float())


def judge_crowd(answer):
    """The verdict on two corner boxes in pixels."""
    boxes = as_numbers(answer)
    if boxes is None or boxes.shape != (2, 4):
        found = "these are no boxes" if boxes is None else f"the shape is {tuple(boxes.shape)}"
        return f"not yet: {found}. Hint: two boxes, each (left, top, right, bottom)."
    if not boxes.isfinite().all():
        return f"not yet: a number is NaN or infinite. Hint: pixels, from 0 to {IMAGE_SIZE}."
    boxes = boxes.float()
    if not ((boxes >= 0) & (boxes <= IMAGE_SIZE)).all():
        return (
            "not yet: a box leaves the picture. Hint: all four numbers lie between 0 and "
            f"{IMAGE_SIZE}."
        )
    sides = boxes[:, 2:] - boxes[:, :2]
    if not (sides > 0).all():
        return (
            "not yet: a box is turned inside out. Hint: (left, top, right, bottom), not (x, y, "
            "width, height)."
        )
    if boxes.max() <= 1:
        return (
            f"not yet: these are fractions of the picture. Hint: pixels; multiply by {IMAGE_SIZE}."
        )
    if (boxes[0] == boxes[1]).all():
        return (
            "not yet: the two objects are one. Hint: they may overlap much, but each has a box of "
            "its own."
        )
    kept = len(suppress_duplicates(_found(boxes))["boxes"])
    if kept == 2:
        return (
            f"not yet: suppression keeps both. Hint: their IoU has to pass {SAME_OBJECT_IOU}; move "
            "them closer."
        )
    return (
        "correct: two objects, two perfect boxes, and suppression strikes one out. It cannot tell "
        "a neighbour from a "
        "duplicate; the match can, since it counts objects."
    )


def _found(boxes):
    return {"boxes": boxes, "scores": torch.tensor([0.9, 0.8]), "labels": torch.tensor([3, 3])}


def _draw_crowd(boxes):
    from helpers import figures

    figure, panels = figures.new_figure(7, 3.6, columns=2)
    kept = suppress_duplicates(_found(boxes))["boxes"]
    for axes, title, shown in zip(panels, ("two objects", "after suppression"), (boxes, kept)):
        axes.set(
            xlim=(0, IMAGE_SIZE),
            ylim=(IMAGE_SIZE, 0),
            xticks=[],
            yticks=[],
            aspect="equal",
            title=title,
        )
        colour, style = (
            (figures.TARGET, "-") if axes is panels[0] else (figures.PREDICTION, figures.DASHES)
        )
        for box in shown:
            figures.draw_box(axes, box, colour, style)
        axes.spines[:].set(visible=True, color="#bbbbbb")
    figures.show(
        figure,
        "Your two objects in orange, and in blue what suppression leaves of two perfect "
        "detections.",
    )
