"""The checks of notebooks 07 and 07b."""

import math

import torch
from torch.nn import functional as F

from helpers.boxes import center_to_corners, generalized_box_iou
from helpers.checks import NOT_ATTEMPTED, as_numbers, attempt, is_close, is_number, teaches, to_use
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher

NUM_CLASSES, EOS_COEF = 4, 0.25


def check_classification_loss(classification_loss):
    """Notebook 07: the class term, `classification_loss(logits, targets, pairs, eos_coef) ->
    scalar`.

    Gives back the function that is used further down.
    """
    return to_use(
        _judge_classification(classification_loss), classification_loss, class_term, "SetCriterion"
    )


def class_term(logits, targets, pairs, eos_coef):
    """The class term of `SetCriterion` for these pairs, called as the exercise asks: a scalar."""
    criterion = SetCriterion(lambda *_: pairs, logits.shape[-1] - 1, eos_coef, losses=("labels",))
    return criterion(
        {"logits": logits, "pred_boxes": logits.new_zeros(*logits.shape[:2], 4)}, targets
    )["loss_ce"]


def whole_loss(outputs, targets, eos_coef=1.0):
    """The total of `SetCriterion` with the match of `HungarianMatcher`, called as the exercise
    asks: a scalar.
    """
    criterion = SetCriterion(HungarianMatcher(), outputs["logits"].shape[-1] - 1, eos_coef)
    return criterion.total(criterion(outputs, targets))


def check_fair_eos_coef(fair_eos_coef):
    """Notebook 07b: the eos_coef at which no-object weighs as much as the objects,
    `fair_eos_coef(N, T) -> float`.
    """
    verdict = _judge_fair_eos_coef(fair_eos_coef)
    print(verdict)
    if verdict != NOT_ATTEMPTED:
        _draw_shares(fair_eos_coef)


def check_set_loss(set_loss):
    """Notebook 07: the whole loss, `set_loss(outputs, targets, eos_coef) -> scalar`.

    Gives back the function that is used further down.
    """
    return to_use(_judge_set_loss(set_loss), set_loss, whole_loss, "SetCriterion")


def _batch(sizes, seed=0):
    """Random outputs and targets of images with these numbers of objects; N is 6 and K is 4."""
    generator = torch.Generator().manual_seed(seed)
    images = len(sizes)
    outputs = {
        "logits": 2 * torch.randn(images, 6, NUM_CLASSES + 1, generator=generator),
        "pred_boxes": 0.2 + 0.4 * torch.rand(images, 6, 4, generator=generator),
    }
    targets = [
        {
            "class_labels": torch.randint(NUM_CLASSES, (size,), generator=generator),
            "boxes": 0.2 + 0.4 * torch.rand(size, 4, generator=generator),
        }
        for size in sizes
    ]
    return outputs, targets


def _judge_classification(answer):
    outputs, targets = _batch([3, 0, 4], seed=3)
    logits, pairs = outputs["logits"].requires_grad_(), HungarianMatcher()(outputs, targets)
    value, fault = attempt(
        answer, logits, targets, pairs, EOS_COEF, hint="fill a (B, N) tensor with K first."
    )
    if fault:
        return fault
    fault = _not_a_scalar(value)
    if fault:
        return fault
    expected = SetCriterion(lambda *_: pairs, NUM_CLASSES, EOS_COEF, losses=("labels",))(
        outputs, targets
    )["loss_ce"]
    if not is_close(value, expected):
        for mistake, sentence in _classification_mistakes(logits.detach(), targets, pairs):
            if is_close(value, mistake):
                return f"not yet: {sentence}"
        return (
            f"not yet: {float(value.detach()):.4f}, but it is {float(expected.detach()):.4f}. "
            "Hint: sum of w times "
            "−log p over all B × N guesses, divided by the sum of w."
        )
    if not teaches(value, [logits], expected):
        return (
            "not yet: the number is right, its gradient is not. Hint: stay with tensors; no "
            "item(), no detach()."
        )
    outputs, targets = _batch([0, 0], seed=4)
    pairs, values = HungarianMatcher()(outputs, targets), []
    for eos_coef in (1.0, 0.1):
        case = ", for two images without objects"
        value, fault = attempt(
            answer, outputs["logits"], targets, pairs, eos_coef, hint="T may be 0.", case=case
        )
        if fault:
            return fault
        values.append(value)
    if any(
        _not_a_scalar(v) or not is_close(v, -outputs["logits"].log_softmax(-1)[..., -1].mean())
        for v in values
    ):
        return (
            "not yet: wrong for two images without objects. Hint: then all classes are K, and "
            "nothing else changes."
        )
    return (
        f"correct: {float(expected.detach()):.4f} on three images. On two empty images eos_coef 1 "
        "and 0.1 give the "
        "same number: all weights are equal there, and cancel."
    )


def _classification_mistakes(logits, targets, pairs):
    """What typical mistakes give, each with the sentence that names it."""
    classes = _classes(targets, pairs, logits.shape[:2])
    unordered = _classes(
        targets, [(tokens, torch.arange(len(tokens))) for tokens, _ in pairs], logits.shape[:2]
    )
    loss = F.cross_entropy(logits.flatten(0, 1), classes.flatten(), reduction="none").reshape(
        classes.shape
    )
    matched = classes != NUM_CLASSES
    weight = torch.where(matched, 1.0, EOS_COEF)
    per_image = (weight * loss).sum(1) / weight.sum(1)
    weights = torch.ones(NUM_CLASSES + 1)
    weights[-1] = EOS_COEF
    twice = F.cross_entropy(logits.softmax(-1).flatten(0, 1), classes.flatten(), weights)
    first = torch.where(matched, classes, 0)
    wrong_class = F.cross_entropy(logits.flatten(0, 1), first.flatten(), weights)
    turned = torch.where(matched, EOS_COEF, 1.0)
    return [
        (
            loss[matched].mean(),
            "only the matched guesses are in it. Hint: an idle guess must learn to say no-object.",
        ),
        (
            (weight * loss).mean(),
            "it divides by B × N. Hint: a weighted mean divides by the sum of the weights.",
        ),
        (
            (weight * loss).sum() / matched.sum(),
            "it divides by the number of objects, as the boxes do. Hint: the class term divides by "
            "the sum of the "
            "weights.",
        ),
        ((weight * loss).sum(), "this is the sum. Hint: divide by the sum of the weights."),
        (
            loss.mean(),
            "all guesses weigh the same. Hint: a guess whose class is no-object weighs eos_coef.",
        ),
        (
            F.cross_entropy(logits.flatten(0, 1), unordered.flatten(), weights),
            "labels and guesses are paired by position. Hint: guess `tokens[k]` has label "
            "`labels[order[k]]`.",
        ),
        (
            per_image.mean(),
            "this is the mean of the images' losses. Hint: one weighted mean over the whole batch.",
        ),
        (twice, "softmax is applied twice. Hint: cross_entropy takes logits."),
        (
            (turned * loss).sum() / turned.sum(),
            "the matched weigh eos_coef, the idle 1. Hint: it is the weight of no-object.",
        ),
        (
            wrong_class,
            "idle guesses are given class 0. Hint: no-object is the last class, index K.",
        ),
    ]


def _classes(targets, pairs, shape):
    classes = torch.full(shape, NUM_CLASSES)
    for image, (tokens, order) in enumerate(pairs):
        classes[image, tokens] = targets[image]["class_labels"][order]
    return classes


def _judge_fair_eos_coef(answer):
    cases = [(12, 5), (100, 7), (300, 20), (12, 0)]
    for num_predictions, num_targets in cases:
        case = f", for N = {num_predictions}, T = {num_targets}"
        value, fault = attempt(answer, num_predictions, num_targets, hint="N > T.", case=case)
        if fault:
            return fault
        expected = num_targets / (num_predictions - num_targets)
        value = float(as_numbers(value)) if is_number(value) else value
        if not isinstance(value, float) or not math.isclose(
            value, expected, rel_tol=1e-3, abs_tol=1e-6
        ):
            return f"not yet{case}: {_describe_eos(value, num_predictions, num_targets)}"
    return (
        "correct: 0.71 for 12 tokens and 5 objects, 0.075 for 100 tokens and 7. "
        "DETR's 0.1 is nearly fair for 100 tokens; for twelve it nearly mutes no-object."
    )


def _draw_shares(fair_eos_coef):
    """Where the answer stands on the two curves; nothing if it gives no numbers."""
    from helpers.figures import new_figure, show
    from helpers.figures.honest import SHARE_LINES, draw_no_object_share

    chosen = [as_numbers(attempt(fair_eos_coef, *line[:2])[0]) for line in SHARE_LINES]
    if any(value is None or value.ndim or not value.isfinite() for value in chosen):
        return
    chosen = [float(value) for value in chosen]
    figure, axes = new_figure(10, 4.4)
    title = "At 0.1, no-object weighs half with 100 tokens, little with twelve"
    draw_no_object_share(axes, title, chosen=chosen)
    show(
        figure,
        "Share of the class term's weight that no-object carries: dots at 0.1 and 1, stars at your "
        "values.",
    )


def _describe_eos(value, num_predictions, num_targets):
    if not is_number(value):
        numbers = as_numbers(value)
        what = "no number" if numbers is None or numbers.ndim else f"{float(numbers)}"
        return f"it returns {what}. Hint: a float; N > T, so there is always somebody left."
    if num_targets and math.isclose(value, num_targets / num_predictions, rel_tol=1e-3):
        return (
            f"you return {value:.3f}, the share of objects. Hint: how many guesses are left "
            "without a target?"
        )
    if math.isclose(value, 1 - num_targets / num_predictions, rel_tol=1e-3):
        return (
            f"you return {value:.3f}, the share of idle guesses. Hint: what must each of them "
            "weigh?"
        )
    expected = num_targets / (num_predictions - num_targets)
    if math.isclose(value, expected, rel_tol=0.05):
        return f"you return {value:.3f}, which is near. Hint: do not round."
    if num_targets and math.isclose(value, 1 / expected, rel_tol=1e-3):
        return (
            f"you return {value:.3f}, which is upside down. Hint: the more idle guesses, the less "
            "each may weigh."
        )
    unmatched = value * (num_predictions - num_targets)
    return (
        f"objects weigh {num_targets}, no-object {unmatched:.2f}. Hint: make the two equal, solve "
        "for eos_coef."
    )


def _judge_set_loss(answer):
    outputs, targets = _batch([3, 0, 4], seed=5)
    outputs = {name: value.requires_grad_() for name, value in outputs.items()}
    value, fault = attempt(
        answer, outputs, targets, EOS_COEF, hint="match first, then go image by image."
    )
    if fault:
        return fault
    fault = _not_a_scalar(value)
    if fault:
        return fault
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, EOS_COEF)
    terms = criterion(outputs, targets)
    expected = criterion.total(terms)
    if not is_close(value, expected):
        for mistake, sentence in _set_mistakes(outputs, targets, terms):
            if is_close(value, mistake):
                return f"not yet: {sentence}"
        values = (float(number.detach()) for number in (value, expected, *list(terms.values())[:3]))
        return (
            "not yet: {:.4f}, but it is {:.4f}. "
            "Hint: the parts are class {:.4f}, L1 {:.4f}, GIoU {:.4f}."
        ).format(*values)
    if not teaches(value, list(outputs.values()), expected):
        return (
            "not yet: the number is right, but the right gradient does not reach both heads. Hint: "
            "no detach()."
        )
    hint, case = "keep eos_coef=1.0 in its first line.", ", without eos_coef"
    value, fault = attempt(answer, outputs, targets, hint=hint, case=case)
    if fault:
        return fault
    if _not_a_scalar(value) or not is_close(value, whole_loss(outputs, targets)):
        return (
            "not yet: right, but not without eos_coef. Hint: keep eos_coef=1.0 in the first line, "
            "and use it."
        )
    outputs, targets = _batch([0, 0], seed=6)
    case = ", for two images without objects"
    empty, fault = attempt(
        answer, outputs, targets, EOS_COEF, hint="num_boxes is 0 there, so take 1.", case=case
    )
    if fault:
        return fault
    if _not_a_scalar(empty) or not is_close(empty, criterion.total(criterion(outputs, targets))):
        return (
            "not yet: right, but not for two images without objects. Hint: num_boxes is at least 1."
        )
    return (
        f"correct: {float(expected.detach()):.4f}, as SetCriterion has it, with a gradient, and "
        "finite on empty images."
    )


def _set_mistakes(outputs, targets, terms):
    """What typical mistakes give, each with the sentence that names it."""
    ce, l1, giou = (terms[name].detach() for name in ("loss_ce", "loss_bbox", "loss_giou"))
    objects, images = sum(len(target["class_labels"]) for target in targets), len(targets)
    by_position = SetCriterion(
        lambda _, targets: [(torch.arange(len(t["class_labels"])),) * 2 for t in targets],
        NUM_CLASSES,
        EOS_COEF,
    )
    by_position_total = by_position.total(by_position(outputs, targets)).detach()
    alone = SetCriterion(HungarianMatcher(), NUM_CLASSES, EOS_COEF)
    singles = [
        alone.total(
            alone({k: v[i : i + 1].detach() for k, v in outputs.items()}, targets[i : i + 1])
        )
        for i in range(images)
    ]
    pairs = HungarianMatcher()(outputs, targets)
    predicted = torch.cat(
        [boxes[tokens] for boxes, (tokens, _) in zip(outputs["pred_boxes"].detach(), pairs)]
    )
    unordered = torch.cat([target["boxes"] for target in targets])
    crossed_l1 = (predicted - unordered).abs().sum() / objects
    crossed_giou = (
        1 - generalized_box_iou(center_to_corners(predicted), center_to_corners(unordered))
    ).sum() / objects
    ordered = torch.cat([target["boxes"][order] for target, (_, order) in zip(targets, pairs)])
    raw_giou = (1 - generalized_box_iou(predicted, ordered)).sum() / objects
    always = whole_loss({name: value.detach() for name, value in outputs.items()}, targets, 0.1)
    return [
        (ce, "the boxes are missing. Hint: 5 · L1 + 2 · (1 − GIoU), over num_boxes."),
        (5 * l1 + 2 * giou, "the class term is missing. Hint: its weight is 1."),
        (
            sum(terms.values()).detach(),
            "you sum the dict. Hint: the weights are 1, 5, 2; a counting error has none.",
        ),
        (ce + 2 * l1 + 5 * giou, "two weights are exchanged. Hint: 5 for L1, 2 for the GIoU."),
        (always, "eos_coef is 0.1 here. Hint: use the one that is given."),
        (ce + l1 + giou, "the terms are not weighted. Hint: 1 for class, 5 for L1, 2 for GIoU."),
        (ce + 5 * l1 / 4 + 2 * giou, "L1 is the mean of the four coordinates. Hint: their sum."),
        (
            ce + 5 * l1 + 2 * (giou - 1),
            "−GIoU is the cost; the loss is 1 − GIoU. Hint: a perfect box costs nothing.",
        ),
        (
            ce + (5 * l1 + 2 * giou) * objects / images,
            "the boxes are divided by the number of images. Hint: every object of the batch counts "
            "the same, so "
            "divide by num_boxes.",
        ),
        (
            ce + (5 * l1 + 2 * giou) * objects,
            "the box terms are sums. Hint: divide them by num_boxes.",
        ),
        (by_position_total, "guess k is paired with target k. Hint: use the match."),
        (
            ce + 5 * crossed_l1 + 2 * crossed_giou,
            "the boxes are paired without the target's index. Hint: `boxes[order]` beside "
            "`pred_boxes[tokens]`.",
        ),
        (
            ce + 5 * l1 + 2 * raw_giou,
            "GIoU is taken of centre boxes. Hint: center_to_corners first, for both.",
        ),
        (
            sum(singles) / images,
            "this is the mean of the images' losses. Hint: normalise once, for the whole batch.",
        ),
    ]


def _not_a_scalar(value):
    if not isinstance(value, torch.Tensor) or value.ndim or not value.is_floating_point():
        shape = f" of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else ""
        return (
            f"not yet: it returns a {type(value).__name__}{shape}. Hint: a floating point tensor "
            "of no dimension."
        )
    if not value.isfinite():
        return (
            f"not yet: it is {float(value.detach())}. Hint: what do you divide by, and what is the "
            "logarithm of?"
        )
    return None
