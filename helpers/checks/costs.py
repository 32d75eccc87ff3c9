"""The checks of notebook 04: the class cost and the generalised IoU."""

import torch

from helpers import costs
from helpers.boxes import center_to_corners, corners_to_center, generalized_box_iou
from helpers.checks import attempt, is_close, teaches, to_use
from helpers.scenes import NUM_CLASSES


def check_class_cost(class_cost):
    """Notebook 04: minus the probability of each target's class: logits (N, K + 1), class_labels
    (T,) -> (N, T).

    Gives back the function that is used further down.
    """
    return to_use(judge_class_cost(class_cost), class_cost, costs.class_cost, "class_cost")


def judge_class_cost(class_cost):
    """The verdict, on five targets of which two have one class, on one target, and on none."""
    for labels in ([3, 1, 4, 1, 5], [0], []):
        logits = 3 * torch.randn(
            12, NUM_CLASSES + 1, generator=torch.Generator().manual_seed(len(labels))
        )
        labels = torch.tensor(labels, dtype=torch.int64)
        case = f", on {len(labels)} targets"
        hint = "logits is a tensor (N, K + 1), class_labels one of whole numbers (T,)."
        answer, fault = attempt(class_cost, logits, labels, hint=hint, case=case)
        if fault:
            return fault
        if not isinstance(answer, torch.Tensor):
            return (
                f"not yet{case}: it returns a {type(answer).__name__}. Hint: a tensor of numbers "
                "(N, T)."
            )
        fault = _class_cost_fault(answer.detach(), logits, labels)
        if fault:
            return f"not yet{case}: {fault}"
    return (
        "correct: on five targets, on one, and as a matrix of 12 × 0 on an image without objects."
    )


def _class_cost_fault(answer, logits, labels):
    p = logits.softmax(-1)[:, labels]
    if answer.shape == p.T.shape != p.shape:
        return "this is (T, N). Hint: guesses are the rows."
    if answer.shape != p.shape:
        return (
            f"the shape is {tuple(answer.shape)}, not {tuple(p.shape)}. Hint: [:, class_labels] "
            "takes columns."
        )
    named = {
        "these are the raw logits. Hint: a softmax over the classes first": -logits[:, labels],
        "this is −log p, the loss. Hint: the cost takes the probability as it is": -p.log(),
        "the minus is missing. Hint: a cost is low where the probability is high": p,
        "this is 1 − p. Hint: it would give the same match, but the cost is −p": 1 - p,
        (
            "the softmax runs over the guesses. Hint: each guess shares 1 among the classes, "
            "dimension -1"
        ): (-logits.softmax(0)[:, labels]),
        "no-object is left out of the softmax. Hint: all K + 1 logits share the 1": (
            -logits[:, :-1].softmax(-1)[:, labels]
        ),
        "these are sigmoids. Hint: here the classes share 1, by a softmax": -logits.sigmoid()[
            :, labels
        ],
        "the classes are taken in the order of their numbers. Hint: column t belongs to target t": (
            -logits.softmax(-1)[:, labels.sort().values]
        ),
        (
            "this is the first T columns of the classes. Hint: [:, class_labels] takes the columns "
            "that are wanted"
        ): (-logits.softmax(-1)[:, : len(labels)]),
    }
    return _recognise(answer, -p, named)


def check_giou(giou):
    """Notebook 04: generalised IoU of corner boxes, (..., 4) and (..., 4) -> (...).

    Gives back the function that is used further down.
    """
    verdict, pair = judge_giou(giou)
    used = to_use(verdict, giou, generalized_box_iou, "generalized_box_iou")
    if pair is not None:
        _draw_pair(pair)
    return used


GIOU_CASES = {
    "two boxes that overlap": ([0.1, 0.1, 0.5, 0.5], [0.3, 0.2, 0.7, 0.6]),
    "two boxes side by side": ([0.1, 0.4, 0.3, 0.6], [0.6, 0.4, 0.8, 0.6]),
    "two boxes far apart, across": ([0.1, 0.1, 0.3, 0.3], [0.6, 0.5, 0.9, 0.9]),
    "one box inside the other": ([0.2, 0.2, 0.8, 0.8], [0.3, 0.4, 0.5, 0.6]),
}


def judge_giou(giou):
    """The verdict, and the pair of corner boxes that shows the fault (None if there is no such
    pair).
    """
    for name, pair in GIOU_CASES.items():
        first, second = (torch.tensor(box) for box in pair)
        answer, fault = attempt(
            giou, first, second, hint="a box is a tensor (4,) here.", case=f", on {name}"
        )
        if fault:
            return fault, None
        if not isinstance(answer, torch.Tensor):
            said = f"not yet, on {name}: it returns a {type(answer).__name__}"
            return f"{said}. Hint: stay with tensors; two boxes give a tensor of one number.", None
        fault = _giou_fault(answer.detach(), first, second)
        if fault:
            return f"not yet, on {name}: {fault}", pair
    first, second = _random_corners(12, seed=1)[:, None], _random_corners(5, seed=2)
    case, hint = ", on (12, 1, 4) with (5, 4)", "unbind(-1) and torch.maximum work on any shape."
    matrix, fault = attempt(giou, first, second, hint=hint, case=case)
    wanted = generalized_box_iou(first, second)
    if not fault and (not isinstance(matrix, torch.Tensor) or not is_close(matrix, wanted)):
        found = (
            f"shape {tuple(matrix.shape)}"
            if isinstance(matrix, torch.Tensor)
            else type(matrix).__name__
        )
        fault = f"not yet{case}: {found}. Hint: {hint}"
    fault = fault or _giou_gradient_fault(giou)
    if fault:
        return fault, None
    return (
        "correct: apart, overlapping, nested, and as a matrix of 12 × 5; and a box can follow its "
        "gradient.",
        None,
    )


def _giou_gradient_fault(giou):
    """What is wrong with the gradient at one box, in float64; None if it is the right one."""
    first, second = (
        torch.tensor(box, dtype=torch.float64) for box in GIOU_CASES["two boxes that overlap"]
    )
    first.requires_grad_()
    answer, fault = attempt(
        giou,
        first,
        second,
        hint="it must take float64, too.",
        case=", on boxes that want a gradient",
    )
    if fault or teaches(answer, [first], generalized_box_iou(first, second)):
        return fault
    return (
        "not yet: the numbers are right, but carry no gradient. Hint: stay with tensors; no "
        "item(), no float()."
    )


def _giou_fault(answer, first, second):
    wanted = generalized_box_iou(first, second)
    if answer.shape != wanted.shape:
        return (
            f"the shape is {tuple(answer.shape)}. Hint: two boxes give one number; index "
            "coordinates with [..., 0]."
        )
    area = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (first, second)]
    sides = torch.minimum(first[2:], second[2:]) - torch.maximum(first[:2], second[:2])
    hull = float(
        (torch.maximum(first[2:], second[2:]) - torch.minimum(first[:2], second[:2])).prod()
    )
    inner = float(sides.clamp(min=0).prod())
    union = sum(area) - inner
    iou, bare = inner / union, float(sides.prod())  # `bare`: sides below zero were not clamped
    bare_union = sum(area) - bare
    named = {
        (
            "this is the IoU: the hull's empty part is missing. Hint: subtract (hull − union) / "
            "hull"
        ): iou,
        "sides below zero were multiplied. Hint: clamp the sides of the intersection at 0": (
            bare / bare_union - (hull - bare_union) / hull
        ),
        "the empty part is divided by the union. Hint: divide it by the hull": iou
        - (hull - union) / union,
        "this is 1 − GIoU, the loss. Hint: return the GIoU itself": 1 - float(wanted),
        "this is −GIoU, the cost. Hint: return the GIoU itself": -float(wanted),
        "the empty part is added. Hint: emptiness makes a pair worse": iou + (hull - union) / hull,
        (
            "the hull has lost the intersection, not the union. Hint: empty is what neither box "
            "covers"
        ): (iou - (hull - inner) / hull),
        "the union counts the intersection twice. Hint: union = both areas − intersection": (
            inner / sum(area) - (hull - sum(area)) / hull
        ),
        (
            "these boxes were taken for center boxes. Hint: they are corners: left, top, right, "
            "bottom"
        ): float(generalized_box_iou(center_to_corners(first), center_to_corners(second))),
    }
    return _recognise(
        answer, wanted, {sentence: torch.tensor(value) for sentence, value in named.items()}
    )


def _recognise(answer, wanted, named):
    """None if the answer is right; else what it is, with a hint."""
    if is_close(answer, wanted):
        return None
    for sentence, values in named.items():
        if is_close(answer, values):
            return f"{sentence}."
    if not answer.isfinite().all():
        return (
            "some of it is NaN or infinite. Hint: what do you divide by, and what do you take the "
            "logarithm of?"
        )
    place = int((answer.double() - wanted.double()).abs().flatten().argmax())
    found, right = (float(values.flatten()[place]) for values in (answer, wanted))
    return (
        f"{found:.3f} should be {right:.3f}. Hint: work this one out on paper and compare step by "
        "step."
    )


def _random_corners(count, seed):
    boxes = torch.rand(count, 4, generator=torch.Generator().manual_seed(seed))
    return center_to_corners(torch.cat((boxes[:, :2], 0.1 + 0.4 * boxes[:, 2:]), dim=1))


def _draw_pair(pair):
    from helpers import figures
    from helpers.figures.geometry import draw_pair, measures

    first, second = (corners_to_center(torch.tensor(box, dtype=torch.float64)) for box in pair)
    figure, axes = figures.new_figure(4.2, 4.2)
    numbers = [(name, value, name == "GIoU") for name, value in measures(first, second).items()]
    draw_pair(axes, first, second, "The pair in question", numbers[1:])
    figures.show(figure, "The pair on which your function differs, with the right values.")
