"""The checks of notebook 11: a sentinel that spoils the match, and small batches that add up to a
large one.
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from helpers.checks import MALFORMED, as_numbers, attempt, is_close, teaches
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher

MARGIN, LARGEST = 0.5, 100.0
NUM_CLASSES, NUM_PREDICTIONS, EOS_COEF = 4, 6, 0.1


def check_trap_for_the_solver(trap_for_the_solver):
    """Notebook 11: a cost matrix with NaN, and a sentinel with which SciPy pairs the valid cells
    badly.
    """
    answer, fault = attempt(trap_for_the_solver, hint="return a matrix and a number.")
    verdict = fault or judge_trap(answer)
    print(verdict)
    if not fault and "SciPy pays" in verdict:
        _draw_trap(answer)


def judge_trap(answer):
    """The verdict on (cost, sentinel)."""
    try:
        cost, sentinel = as_numbers(answer[0]).numpy(), float(answer[1])
    except (*MALFORMED, AttributeError):
        return (
            'not yet: this is no matrix and number. Hint: [[1.0, float("nan")], [2.0, 3.0]], 1e6 '
            "has the right form."
        )
    if cost.ndim != 2 or not 2 <= min(cost.shape) <= max(cost.shape) <= 6:
        return f"not yet: the shape is {cost.shape}. Hint: two to six rows and columns."
    valid = cost[np.isfinite(cost)]
    if np.isinf(cost).any() or valid.size == cost.size or not valid.size:
        return (
            "not yet: some cells must be NaN, and some must be numbers. Hint: mark a cell with "
            "float('nan')."
        )
    if np.abs(valid).max() > LARGEST:
        return (
            f"not yet: stay within {LARGEST:.0f}, as real costs do. Hint: only the sentinel may be "
            "huge."
        )
    if not np.isfinite(sentinel):
        return (
            "not yet: SciPy refuses NaN, and a row of infinities. Hint: the sentinel is a finite "
            "number."
        )
    if sentinel <= valid.max():
        return (
            f"not yet: with {sentinel:g} an invalid pair looks as good as a valid one. Hint: the "
            "idea of a sentinel is "
            "a number above all costs; the trap is one that is too far above."
        )
    got, best = trap_pairs(cost, sentinel)
    paid, least = (np.nansum(cost[pairs]) for pairs in (got, best))
    said = f"SciPy pays {paid:.2f} for its valid pairs, {least:.2f} would do"
    if np.isnan(cost[got]).sum() == np.isnan(cost[best]).sum() and paid >= least + MARGIN:
        return (
            f"correct: {said}. Beside {sentinel:.0e}, a float64 has no digits left for the other "
            "costs."
        )
    if not np.isnan(cost[best]).any():
        hint = (
            "here a match can avoid the NaN; make that impossible: a whole column, and as many "
            "columns as rows"
        )
    elif sentinel < 1e15:
        hint = "a float64 has 16 digits, and this sentinel leaves some of them to the costs"
    else:
        hint = (
            "the sentinel is large enough; let the best match not be the first that comes: "
            "exchange two rows"
        )
    return f"not yet: {said}. Hint: {hint}."


def trap_pairs(cost, sentinel):
    """How SciPy pairs a matrix with NaN, given a sentinel in its place, and how it should: two
    (rows, columns).
    """
    valid = np.isfinite(cost)
    in_scale = np.abs(cost[valid]).max() * 2 * (min(cost.shape) + 1) + 1
    return tuple(
        linear_sum_assignment(np.where(valid, cost, number)) for number in (sentinel, in_scale)
    )


def _draw_trap(answer):
    from helpers.figures import show
    from helpers.figures.speed import trap_figure

    cost = as_numbers(answer[0]).numpy()
    figure = trap_figure(cost, *trap_pairs(cost, float(answer[1])))
    show(
        figure,
        "Your matrix, ringed as SciPy pairs it with your sentinel, and as it is best paired.",
    )


def check_accumulated_loss(accumulated_loss):
    """Notebook 11: the loss of a large batch from small ones, `accumulated_loss(criterion, parts)
    -> scalar`.
    """
    print(judge_accumulated(accumulated_loss))


def cut(outputs, targets, size):
    """Outputs and targets of a batch as small batches of `size` images: a list of (outputs,
    targets).
    """
    starts = range(0, len(targets), size)
    return [
        (
            {name: value[start : start + size] for name, value in outputs.items()},
            targets[start : start + size],
        )
        for start in starts
    ]


def random_parts(sizes, size, seed=0):
    """A batch of images with so many objects, and the same batch cut up."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(sizes), NUM_PREDICTIONS)
    outputs = {
        "logits": (2 * torch.randn(*shape, NUM_CLASSES + 1, generator=generator)).requires_grad_(),
        "pred_boxes": (0.2 + 0.4 * torch.rand(*shape, 4, generator=generator)).requires_grad_(),
    }
    targets = [
        {
            "class_labels": torch.randint(NUM_CLASSES, (count,), generator=generator),
            "boxes": 0.2 + 0.4 * torch.rand(count, 4, generator=generator),
        }
        for count in sizes
    ]
    return outputs, targets, cut(outputs, targets, size)


def judge_accumulated(answer):
    """The verdict: batches with uneven parts, with an empty part, and without any object."""
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, EOS_COEF)
    cases = {
        "four images": ([1, 1, 5, 6], 3),
        "an empty part": ([0, 0, 3, 2], 2),
        "no object at all": ([0, 0], 1),
    }
    for case, (sizes, size) in cases.items():
        outputs, targets, parts = random_parts(sizes, size, seed=len(case))
        lent = SetCriterion(HungarianMatcher(), NUM_CLASSES, EOS_COEF)
        value, fault = attempt(
            answer, lent, parts, hint="num_boxes is at least 1.", case=f", for {case}"
        )
        if fault:
            return fault
        if (
            not isinstance(value, torch.Tensor)
            or value.numel() != 1
            or not value.is_floating_point()
        ):
            return (
                f"not yet: it returns a {type(value).__name__}. Hint: add up tensors; no item(), "
                "no float()."
            )
        terms = criterion(outputs, targets)
        whole = criterion.total(terms)
        if not is_close(value, whole, relative=1e-4):
            for mistake, hint in _accumulation_mistakes(criterion, parts, terms):
                if is_close(value, mistake, relative=1e-4):
                    return f"not yet, for {case}: {hint}"
            return (
                f"not yet, for {case}: {value.item():.4f}, but the whole batch has "
                f"{whole.item():.4f}. Hint: divide "
                "every part by the objects, and the weights, of all parts together."
            )
        if not teaches(value, list(outputs.values()), whole):
            return (
                "not yet: the number is right, its gradient is not. Hint: no detach(), no item()."
            )
    return (
        "correct: parts of any kind add up to the whole batch, as a number and with its gradient."
    )


def _accumulation_mistakes(criterion, parts, whole):
    """What typical mistakes give, each with the sentence that names it."""
    single = [criterion(*part) for part in parts]
    totals = torch.stack([criterion.total(terms) for terms in single])
    images = torch.tensor([float(len(targets)) for _, targets in parts])
    counts = torch.tensor(
        [float(sum(len(target["boxes"]) for target in targets)) for _, targets in parts]
    )
    class_term = whole["loss_ce"]
    boxes = criterion.total(whole) - class_term
    classes = torch.stack([terms["loss_ce"] for terms in single])
    predictions = images.sum() * NUM_PREDICTIONS
    weight_sum = counts.sum() + EOS_COEF * (predictions - counts.sum())
    return [
        (
            totals.mean(),
            "this is the mean of the parts. Hint: a part with many objects must count more.",
        ),
        (
            totals.sum(),
            "this is the sum of the parts, each divided by its own. Hint: give each part num_boxes "
            "of all.",
        ),
        (
            (totals * images).sum() / images.sum(),
            "the parts are weighted by their images. Hint: the box terms go by objects, the class "
            "term by weights.",
        ),
        (
            (totals * counts).sum() / counts.sum().clamp(min=1),
            "all terms are weighted by objects. Hint: the class term is divided by the sum of the "
            "class weights.",
        ),
        (
            boxes + classes.sum(),
            "the boxes are right; each class term is divided by its own weights. Hint: "
            "class_weight_sum of all parts.",
        ),
        (
            boxes + class_term * weight_sum / predictions,
            "the class weights are all taken as 1. Hint: a guess without a target weighs eos_coef.",
        ),
        (
            boxes + class_term * weight_sum / counts.sum().clamp(min=1),
            "the class term is divided by the objects. Hint: a guess without a target weighs "
            "eos_coef, and counts.",
        ),
    ]
