"""The checks of notebook 10: where suppression errs, and a solver that gives each target two
guesses.
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from helpers.assignment import brute_force, total_cost
from helpers.checks import MALFORMED, as_numbers, attempt, whole
from helpers.evaluation import SAME_OBJECT_IOU, suppress_duplicates
from helpers.scenes import IMAGE_SIZE


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


def check_two_each(two_each):
    """Notebook 10: `two_each(cost (N, T)) -> (prediction_index, target_index)`, two guesses each,
    the least total.
    """
    print(judge_two_each(two_each))


def judge_two_each(two_each):
    """The verdict on several matrices."""
    rng = np.random.default_rng(10)
    cases = [rng.random(shape) for shape in ((7, 3), (4, 2), (5, 2))]
    cases.append(np.array([[0.0, 1.0], [1.0, 9.0], [2.0, 2.0], [9.0, 3.0]]))
    for cost in cases:
        answer, fault = attempt(two_each, cost.copy(), case=f", for a matrix {cost.shape}")
        if fault:
            return fault
        try:
            guesses, targets = (
                np.array([whole(place) for place in part], dtype=int) for part in answer
            )
        except MALFORMED:
            return (
                f"not yet: it returns a {type(answer).__name__}. Hint: return two arrays, guesses "
                "and targets."
            )
        if fault := _two_each_fault(guesses, targets, cost):
            if not _two_each_fault(targets, guesses, cost):
                fault = "these are targets and guesses. Hint: guesses first, then targets."
            return f"not yet, for a matrix {cost.shape}: {fault}"
    return (
        "correct: each target has two guesses, no guess serves twice, and no other choice is "
        "cheaper."
    )


def _two_each_fault(guesses, targets, cost):
    wanted = np.repeat(cost, 2, axis=1)
    least = total_cost(wanted, brute_force(wanted))
    if guesses.shape != targets.shape or guesses.shape != (2 * cost.shape[1],):
        return (
            f"guesses {guesses.shape}, targets {targets.shape} for {cost.shape[1]} targets. Hint: "
            "two for each."
        )
    if min(guesses.min(), targets.min()) < 0 or guesses.max() >= len(cost):
        return (
            f"there are {len(cost)} guesses, from 0 on. Hint: return row numbers, then column "
            "numbers."
        )
    if fault := _copies_fault(guesses, targets, cost):
        return fault
    if targets.max() >= cost.shape[1]:
        return (
            f"there is no target {targets.max()}. Hint: columns 2k and 2k + 1 are copies of one "
            "target; divide by 2."
        )
    if (np.bincount(targets, minlength=cost.shape[1]) != 2).any():
        return f"the targets have {np.bincount(targets).tolist()} guesses. Hint: two for each."
    if len(set(guesses.tolist())) < len(guesses):
        return (
            "a guess serves two targets. Hint: choose jointly; a column for each wish, "
            "np.repeat(cost, 2, axis=1)."
        )
    total = cost[guesses, targets].sum()
    if total > least + 1e-9:
        return (
            f"your total is {total:.2f}, the least is {least:.2f}. Hint: two rounds of one-to-one "
            "are short-sighted; "
            "ask for all wishes at once."
        )
    return None


def _copies_fault(guesses, targets, cost):
    """What is wrong if the match of copied columns is right, and its way back to the targets is
    not; or None.
    """
    count, found = cost.shape[1], set(zip(guesses.tolist(), targets.tolist()))
    side_by_side, behind = np.repeat(cost, 2, axis=1), np.tile(cost, 2)
    for copies, back, hint in (
        (
            side_by_side,
            lambda wish: wish // 2,
            "columns 2k and 2k + 1 are copies of target k: // 2 leads back",
        ),
        (
            behind,
            lambda wish: wish % count,
            "columns k and k + T are copies of target k: % T leads back",
        ),
    ):
        rows, wishes = linear_sum_assignment(copies)
        right = set(zip(rows.tolist(), back(wishes).tolist()))
        for way in (wishes, wishes // 2, wishes % count):
            if found == set(zip(rows.tolist(), way.tolist())) != right:
                return f"the right guesses, but not for the right targets. Hint: {hint}."
    return None
