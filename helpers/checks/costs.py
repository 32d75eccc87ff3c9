"""The checks of notebook 04: a right guess that is expensive, the generalised IoU, two guesses alike to L1."""

import torch

from helpers.boxes import box_iou, center_to_corners, corners_to_center, generalized_box_iou
from helpers.checks import as_numbers, attempt
from helpers.scenes import NUM_CLASSES

RIGHT_CLASS, TIMID_COST = 4, -0.1
TARGET_BOX = (0.5, 0.5, 0.2, 0.2)
WANTED_L1, WANTED_IOU, TOLERANCE = 0.2, (0.0, 0.5), 2e-3


def check_timid_guess(timid_guess):
    """Notebook 04: K + 1 logits of a guess that is right about a "4" and costs nearly as much as a wrong one."""
    answer, fault = attempt(timid_guess)
    print(fault or judge_timid_guess(answer))
    if _as_logits(answer) is not None:
        _draw_probabilities(_as_logits(answer).softmax(-1))


def judge_timid_guess(answer):
    """The verdict on eleven logits: "4" has to come first, with a probability below 0.1."""
    logits = _as_logits(answer)
    if logits is None:
        return "not yet. Hint: return eleven finite numbers, ten digits and no object."
    best = logits.argsort(descending=True)[0].item()
    share = float(logits.softmax(-1)[RIGHT_CLASS])
    if logits[RIGHT_CLASS] < logits[best]:
        says = "no object" if best == NUM_CLASSES else f'"{best}"'
        return f'not yet: this guess says {says}. Hint: the logit of "4" stands at place 4; make it the largest.'
    if int((logits == logits[RIGHT_CLASS]).sum()) > 1:
        return 'not yet: "4" shares the first place. Hint: put it a little above the others.'
    if share >= -TIMID_COST:
        return (
            f'not yet: "4" has the probability {share:.3f}, so the pair costs −{share:.3f}.\n'
            "Hint: bring the logits closer together; the others then get a larger share."
        )
    return (
        f'correct: "4" is the largest of eleven probabilities, yet the pair costs −{share:.3f}.\n'
        "The largest of eleven is never below 1/11, so no guess that is right costs more than −1/11."
    )


def _as_logits(answer):
    """K + 1 logits, float64, or None if the answer is not that."""
    logits = as_numbers(answer)
    fits = logits is not None and logits.shape == (NUM_CLASSES + 1,) and bool(logits.isfinite().all())
    return logits if fits else None


def check_giou(giou):
    """Notebook 04: generalised IoU of corner boxes, (..., 4) and (..., 4) -> (...)."""
    verdict, pair = judge_giou(giou)
    print(verdict)
    if pair is not None:
        _draw_pair(pair)


GIOU_CASES = {
    "two boxes that overlap": ([0.1, 0.1, 0.5, 0.5], [0.3, 0.2, 0.7, 0.6]),
    "two boxes side by side": ([0.1, 0.4, 0.3, 0.6], [0.6, 0.4, 0.8, 0.6]),
    "two boxes far apart, across": ([0.1, 0.1, 0.3, 0.3], [0.6, 0.5, 0.9, 0.9]),
    "one box inside the other": ([0.2, 0.2, 0.8, 0.8], [0.3, 0.4, 0.5, 0.6]),
}


def judge_giou(giou):
    """The verdict, and the pair of corner boxes that shows the fault (None if there is no such pair)."""
    for name, pair in GIOU_CASES.items():
        first, second = (torch.tensor(box) for box in pair)
        answer, fault = attempt(giou, first, second, hint="a box is a tensor (4,) here.", case=f", on {name}")
        if fault:
            return fault, None
        numbers = as_numbers(answer)
        if numbers is None:
            return f"not yet, on {name}: it returns a {type(answer).__name__}. Hint: two boxes give one number.", None
        fault = _giou_fault(numbers, first, second)
        if fault:
            return f"not yet, on {name}: {fault}", pair
    first, second = _random_corners(12, seed=1)[:, None], _random_corners(5, seed=2)
    case, hint = ", on (12, 1, 4) with (5, 4)", "unbind(-1) and torch.maximum work on any shape."
    matrix, fault = attempt(giou, first, second, hint=hint, case=case)
    wanted = generalized_box_iou(first, second)
    if not fault and (not isinstance(matrix, torch.Tensor) or not _same(matrix, wanted)):
        found = f"shape {tuple(matrix.shape)}" if isinstance(matrix, torch.Tensor) else type(matrix).__name__
        fault = f"not yet{case}: {found}. Hint: {hint}"
    if fault:
        return fault, None
    return "correct: apart, overlapping, nested, and as a matrix of 12 × 5.", None


def _giou_fault(answer, first, second):
    wanted = generalized_box_iou(first, second)
    if answer.shape != wanted.shape:
        return f"the shape is {tuple(answer.shape)}. Hint: two boxes give one number; index coordinates with [..., 0]."
    area = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (first, second)]
    sides = torch.minimum(first[2:], second[2:]) - torch.maximum(first[:2], second[:2])
    hull = float((torch.maximum(first[2:], second[2:]) - torch.minimum(first[:2], second[:2])).prod())
    inner = float(sides.clamp(min=0).prod())
    union = sum(area) - inner
    iou, bare = inner / union, float(sides.prod())  # `bare`: sides below zero were not clamped
    bare_union = sum(area) - bare
    named = {
        "this is the IoU: the hull's empty part is missing. Hint: subtract (hull − union) / hull": iou,
        "sides below zero were multiplied. Hint: clamp the sides of the intersection at 0": (
            bare / bare_union - (hull - bare_union) / hull
        ),
        "the empty part is divided by the union. Hint: divide it by the hull": iou - (hull - union) / union,
        "this is 1 − GIoU, the loss. Hint: return the GIoU itself": 1 - float(wanted),
        "this is −GIoU, the cost. Hint: return the GIoU itself": -float(wanted),
        "the empty part is added. Hint: emptiness makes a pair worse": iou + (hull - union) / hull,
        "the hull has lost the intersection, not the union. Hint: empty is what neither box covers": (
            iou - (hull - inner) / hull
        ),
        "the union counts the intersection twice. Hint: union = both areas − intersection": (
            inner / sum(area) - (hull - sum(area)) / hull
        ),
        "these boxes were taken for center boxes. Hint: they are corners: left, top, right, bottom": float(
            generalized_box_iou(center_to_corners(first), center_to_corners(second))
        ),
    }
    return _recognise(answer, wanted, {sentence: torch.tensor(value) for sentence, value in named.items()})


def check_two_guesses(two_guesses):
    """Notebook 04: two guesses with the same L1 to one target, the first with IoU 0, the second with IoU 0.5."""
    answer, fault = attempt(two_guesses)
    print(fault or judge_two_guesses(answer))
    if _as_boxes(answer) is not None:
        _draw_guesses(_as_boxes(answer))


def judge_two_guesses(answer):
    """The verdict on two centre boxes."""
    boxes = _as_boxes(answer)
    if boxes is None:
        return "not yet. Hint: return two boxes of four positive sizes each: (center x, center y, width, height)."
    target = torch.tensor(TARGET_BOX, dtype=torch.float64)
    l1 = (boxes - target).abs().sum(-1)
    iou = box_iou(center_to_corners(boxes), center_to_corners(target))
    found = f"L1 {l1[0]:.3f} and {l1[1]:.3f}, IoU {iou[0]:.3f} and {iou[1]:.3f}"
    if (l1 - WANTED_L1).abs().max() > TOLERANCE:
        return f"not yet: {found}. Hint: both L1 distances must be 0.2; four differences share them."
    if (iou - torch.tensor(WANTED_IOU)).abs().max() <= TOLERANCE:
        return f"correct: {found}. To L1 the two are the same."
    if (iou.flip(0) - torch.tensor(WANTED_IOU)).abs().max() <= TOLERANCE:
        return f"not yet: {found}. Hint: so close; the one without overlap comes first."
    if iou[0] > TOLERANCE:
        return f"not yet: {found}. Hint: spend all 0.2 of the first on moving it, in one direction."
    return f"not yet: {found}. Hint: the second may change its size instead of its place."


def _as_boxes(answer):
    """Two centre boxes (2, 4) float64, or None if the answer is not that."""
    boxes = as_numbers(answer)
    fits = boxes is not None and boxes.shape == (2, 4) and bool((boxes[:, 2:] > 0).all())
    return boxes if fits else None


def _recognise(answer, wanted, named):
    """None if the answer is right; else what it is, with a hint."""
    if _same(answer, wanted):
        return None
    for sentence, values in named.items():
        if _same(answer, values):
            return f"{sentence}."
    place = int((answer.double() - wanted.double()).abs().flatten().argmax())
    found, right = (float(values.flatten()[place]) for values in (answer, wanted))
    return f"{found:.3f} should be {right:.3f}. Hint: work this one out on paper and compare step by step."


def _same(values, wanted):
    return values.shape == wanted.shape and torch.allclose(values.double(), wanted.double(), atol=1e-5)


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


def _draw_guesses(boxes):
    from helpers import figures
    from helpers.figures.geometry import draw_pair, measures

    figure, panels = figures.new_figure(8, 4.3, columns=2)
    for axes, box, title in zip(panels, boxes, ("Your first guess", "Your second guess")):
        numbers = [(name, value, True) for name, value in measures(box, TARGET_BOX).items()]
        draw_pair(axes, box, TARGET_BOX, title, numbers)
    figures.show(figure, "Your two guesses, dashed, and the target; below, what the three measures see.")


def _draw_probabilities(probabilities):
    from helpers import figures

    figure, axes = figures.new_figure(8, 3)
    names = [*map(figures.label_name, range(NUM_CLASSES)), "none"]
    colours = [figures.NO_OBJECT] * len(names)
    colours[RIGHT_CLASS] = figures.CLASS
    axes.bar(names, probabilities, 0.7, color=colours)
    axes.axhline(-TIMID_COST, color=figures.INK, ls=":", lw=1.5)
    axes.set(ylim=(0, max(0.16, 1.1 * float(probabilities.max()))), ylabel="probability", title="What your guess says")
    figures.show(figure, 'Your guess: "4" has to be the tallest bar, and yet stay below the dotted line, 0.1.')
