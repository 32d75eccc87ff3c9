"""The checks of notebook 05: write the greedy match, and build a scene in which it loses."""

import numpy as np
import torch

from helpers.assignment import argmin, brute_force, greedy, total_cost
from helpers.checks import MALFORMED, as_numbers, attempt, whole
from helpers.matcher import HungarianMatcher

LEAST_LOSS = 3.0


def check_greedy_match(greedy_match):
    """Notebook 05: pairs in the order in which the greedy match takes them, compared on several
    matrices.
    """
    print(judge_greedy_match(greedy_match))


def judge_greedy_match(greedy_match):
    """The verdict: tall, wide, empty and negative matrices, and one on which greedy is not the
    best.
    """
    rng = np.random.default_rng(5)
    trap = np.array([[7.8, 2.6, 9.0], [2.7, 2.5, 8.0], [6.0, 5.0, 4.1]])
    cases = {
        "a 3 × 3 matrix on which greedy is not the best": trap,
        "12 guesses and 5 targets": (rng.normal(size=(12, 5)) + 2 * rng.normal(size=(12, 1))).round(
            3
        ),  # favourites
        "3 guesses and 6 targets": rng.normal(size=(3, 6)).round(3),
        "costs that are all negative": -rng.random((6, 4)).round(3) - 1,
        "an image without targets": np.zeros((4, 0)),
    }
    for name, cost in cases.items():
        given = cost.copy()
        hint, case = (
            "run it on this case alone.",
            f", for {name}",
        )  # it gets `given` itself, and no copy
        answer, fault = attempt(lambda given=given: greedy_match(given), hint=hint, case=case)
        if fault:
            return fault
        try:
            answer = [(whole(row), whole(column)) for row, column in answer]
        except MALFORMED:
            return (
                f"not yet, for {name}: it returns a {type(answer).__name__}. Hint: a list of (row, "
                "column) pairs."
            )
        fault = _greedy_fault(answer, cost)
        if fault:
            return f"not yet, for {name}: {fault}"
        if not np.array_equal(given, cost):
            return (
                "not yet: your pairs are right, but the caller's matrix has changed. Hint: cross "
                "out cells in a copy, "
                "cost.copy()."
            )
    return (
        "correct: tall, wide, negative and empty matrices all give the greedy pairs, cheapest "
        "first."
    )


def _greedy_fault(answer, cost):
    """What is wrong with a list of pairs, with a hint; None if these are the greedy ones, cheapest
    first.
    """
    wanted = _pairs(greedy(cost))
    wanted.sort(key=lambda pair: cost[pair])
    if answer == wanted:
        return None
    if len(answer) != len(wanted):
        return (
            f"{len(answer)} pairs instead of {len(wanted)}. Hint: one pair for each row or each "
            "column, the fewer."
        )
    rows, columns = zip(*answer)
    if [pair[::-1] for pair in answer] == wanted:
        return "these are (column, row). Hint: the row comes first, then the column."
    if any(
        not 0 <= row < cost.shape[0] or not 0 <= column < cost.shape[1] for row, column in answer
    ):
        return f"{answer} leaves the matrix. Hint: the row comes first, then the column."
    twice = len(set(rows)) < len(rows) or len(set(columns)) < len(columns)
    if twice and sorted(answer) == sorted(_pairs(argmin(cost))):
        return (
            "this is argmin: one guess serves two targets. Hint: cross out the row of the pair you "
            "took, too."
        )
    if twice:
        return (
            f"{answer} uses a row or a column twice. Hint: cross out both with np.inf; with 0 a "
            "crossed cell may look "
            "cheap."
        )
    if cost.shape[0] >= cost.shape[1] and answer == _in_column_order(cost):
        return (
            "you serve the targets in their order. Hint: look for the cheapest cell of the whole "
            "matrix each time."
        )
    if sorted(answer) == sorted(wanted):
        return (
            "these are the right pairs in another order. Hint: list each pair when you take it, "
            "cheapest first."
        )
    if sorted(answer) == sorted(_pairs(brute_force(cost))):
        return (
            f"this is the best match, {total_cost(cost, (rows, columns)):.2f} in all; greedy does "
            "not find it. "
            "Hint: take the cheapest cell, and never go back on it."
        )
    return (
        f"{answer}, but the cheapest cell is {wanted[0]}, and so on: {wanted}. Hint: argmin, then "
        "unravel_index."
    )


def _pairs(assignment):
    return [(int(row), int(column)) for row, column in zip(*assignment)]


def _in_column_order(cost):
    """Each target in turn takes the cheapest guess that is left."""
    free, pairs = list(range(len(cost))), []
    for column in range(cost.shape[1]):
        pairs.append((min(free, key=lambda row: cost[row, column]), column))
        free.remove(pairs[-1][0])
    return pairs


def check_trap_for_greedy(trap_for_greedy):
    """Notebook 05: two guesses and two targets for which the greedy match costs at least 3 more
    than the best one.
    """
    answer, fault = attempt(trap_for_greedy)
    verdict = fault or judge_trap(answer)
    print(verdict)
    if not fault and "costs" in verdict:
        _draw_trap(answer)


def judge_trap(answer):
    """The verdict on (pred_boxes, boxes), two center boxes each."""
    try:
        pred_boxes, boxes = (as_numbers(part).float() for part in answer)
    except (*MALFORMED, AttributeError):
        return (
            "not yet: these are no boxes. Hint: return two lists, each with two boxes [cx, cy, w, "
            "h]."
        )
    if not (pred_boxes.isfinite().all() and boxes.isfinite().all()):
        return "not yet: a number is NaN or infinite. Hint: fractions of the image, from 0 to 1."
    if pred_boxes.shape != (2, 4) or boxes.shape != (2, 4):
        shapes = f"{tuple(pred_boxes.shape)} and {tuple(boxes.shape)}"
        return (
            f"not yet: the shapes are {shapes}. Hint: two guesses and two targets, four numbers "
            "each."
        )
    both = torch.cat([pred_boxes, boxes])
    low, high = both[:, :2] - both[:, 2:] / 2, both[:, :2] + both[:, 2:] / 2
    if (both[:, 2:] < 0.05 - 1e-6).any():
        return (
            "not yet: a side is shorter than 0.05 of the image. Hint: the last two numbers are "
            "width and height."
        )
    if (low < -1e-6).any() or (high > 1 + 1e-6).any():
        return (
            "not yet: a box reaches beyond the image. Hint: centers must stay half a side away "
            "from 0 and 1."
        )
    cost = box_costs(pred_boxes, boxes)
    taken, best = greedy(cost), brute_force(cost)
    loss = total_cost(cost, taken) - total_cost(cost, best)
    said = (
        f"greedy costs {total_cost(cost, taken):.2f}, the best match costs "
        f"{total_cost(cost, best):.2f}"
    )
    if loss < 1e-6:
        return (
            f"not yet: {said}, so greedy is right here. Hint: give both targets the same favourite "
            "guess, and let "
            "greedy hand it to the wrong one of them."
        )
    if loss < LEAST_LOSS:
        return (
            f"not yet: {said}: it loses by {loss:.3f}. Hint: the guess that is left over must be "
            "as far as possible "
            "from the target that is left over; use the whole width, or both directions."
        )
    return (
        f"correct: {said}, {loss:.2f} more. A short first step, and a long way for whoever comes "
        "last."
    )


def box_costs(pred_boxes, boxes):
    """The real cost of every pair, all classes being equally sure: (2, 4), (2, 4) -> (2, 2)
    float64.
    """
    outputs = {"logits": torch.zeros(1, len(pred_boxes), 2), "pred_boxes": pred_boxes[None]}
    targets = [{"class_labels": torch.zeros(len(boxes), dtype=torch.int64), "boxes": boxes}]
    return HungarianMatcher().cost_matrices(outputs, targets)[0]["total"].double().numpy()


def _draw_trap(answer):
    from helpers.figures import new_figure, show
    from helpers.figures.assignment import WRONG, draw_pairs

    pred_boxes, boxes = (as_numbers(part).float() for part in answer)
    cost = box_costs(pred_boxes, boxes)
    figure, (left, right) = new_figure(9, 5.2, columns=2)
    draw_pairs(left, pred_boxes, boxes, greedy(cost), cost, "Greedy", WRONG)
    draw_pairs(right, pred_boxes, boxes, brute_force(cost), cost, "Jointly")
    show(figure, "Your two guesses and two targets, paired greedily and jointly; below, the costs.")
