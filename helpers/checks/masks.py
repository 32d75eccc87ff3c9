"""The checks of notebook 08."""

import math

import torch

from helpers.checks import as_numbers, attempt, is_close, teaches, to_use

CONFIDENCE = 8.0  # the logit of predicted ink in `check_same_focal`; minus that elsewhere
TOLERANCE = 1e-4


def check_dice_loss(dice_loss):
    """Notebook 08: `dice_loss(mask_logits (M, P), ink (M, P)) -> (M,)`.

    Gives back the one to use further down.
    """
    return to_use(_judge_dice(dice_loss), dice_loss, dice_term, "masks.dice_loss")


def dice_term(mask_logits, ink):
    """The dice loss of `helpers`, called as the exercise asks: (M, P), (M, P) -> (M,)."""
    from helpers import masks

    return masks.dice_loss(mask_logits, ink, torch.ones_like(ink))


def check_same_focal(same_focal, ink):
    """Notebook 08: two guesses (H, W) at one ink mask with equal focal loss and unequal dice loss;
    draws both.
    """
    answer, fault = attempt(
        same_focal, ink.contiguous(), hint="index with a bool mask of shape (H, W)."
    )
    masks = _as_masks(answer, ink)
    print(fault or _judge_same_focal(masks, ink))
    if masks is not None:
        _draw_pair(masks, ink)


def focal_and_dice(predicted, ink):
    """Both losses of a predicted mask (H, W) of bools, taken as logits of +8 and -8, against an ink
    mask (H, W).
    """
    from helpers.masks import dice_loss, focal_loss

    logits = torch.where(predicted, CONFIDENCE, -CONFIDENCE).double().flatten()[None]
    ink = ink.double().flatten()[None]
    everywhere = torch.ones_like(ink)
    return float(focal_loss(logits, ink, everywhere)), float(dice_loss(logits, ink, everywhere))


def _judge_dice(answer):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(3, 50, generator=generator)
    ink = (torch.rand(3, 50, generator=generator) < 0.3).float()
    ink[2] = 0  # an object without ink: its box was cut off
    logits[2] -= 30
    logits.requires_grad_()
    value, fault = attempt(answer, logits, ink, hint="sums run over the pixels, dimension 1.")
    if fault:
        return fault
    if not isinstance(value, torch.Tensor) or value.shape != (3,):
        shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        return (
            f"not yet: it returns {shape} for three pairs. Hint: one value per pair, so sum over "
            "dimension 1 only."
        )
    expected = _dice(logits.sigmoid(), ink)
    if not is_close(value, expected, TOLERANCE):
        for mistake, sentence in _dice_mistakes(logits.detach(), ink):
            if torch.allclose(
                value.detach().double(), mistake.double(), atol=TOLERANCE, equal_nan=True
            ):
                return f"not yet: {sentence}"
        return (
            f"not yet: {_row(value)}, but it is {_row(expected)}. Hint: 1 − (2 · overlap + 1) / "
            "(guess + ink + 1)."
        )
    if not teaches(value, [logits], expected):
        return (
            "not yet: the numbers are right, their gradient is not. Hint: no threshold, no "
            "detach()."
        )
    return (
        f"correct: {_row(expected)}. The last mask has no ink, and no guess of ink: the two ones "
        "make that 0."
    )


def _dice(probability, ink, smooth=1.0):
    overlap = (probability * ink).sum(1)
    return 1 - (2 * overlap + smooth) / (probability.sum(1) + ink.sum(1) + smooth)


def _dice_mistakes(logits, ink):
    """What typical mistakes give, each with the sentence that names it."""
    probability = logits.sigmoid()
    overlap = (probability * ink).sum(1)
    both = probability.sum(1) + ink.sum(1)
    return [
        (
            _dice((logits > 0).float(), ink),
            "the guess is cut at one half. Hint: a threshold has no gradient; use p.",
        ),
        (_dice(logits, ink), "logits are not probabilities. Hint: apply sigmoid() first."),
        (_dice(logits.softmax(1), ink), "the pixels do not compete. Hint: sigmoid(), not softmax."),
        (
            1 - _dice(probability, ink),
            "this is the overlap, which should grow. Hint: the loss is one minus it.",
        ),
        (
            _dice(probability, ink, smooth=0.0),
            "the smoothing is missing. Hint: add 1 above and below the line.",
        ),
        (
            _dice(probability.flatten()[None], ink.flatten()[None]).expand(3),
            "one overlap serves all pairs. Hint: sum over the pixels, dimension 1, only.",
        ),
        (
            1 - 2 * (overlap + 1) / (both + 1),
            "the one of the smoothing is doubled, too. Hint: 2 · overlap + 1, then divide.",
        ),
        (
            1 - (overlap + 1) / (both + 1),
            "the overlap counts once. Hint: it counts twice, for guess and for ink.",
        ),
        (
            1 - (overlap + 1) / (both - overlap + 1),
            "this is the IoU of two masks: the denominator is their union. Hint: dice divides by "
            "the sum of the two.",
        ),
    ]


def _row(values):
    return ", ".join(f"{value:.3f}" for value in values.tolist())


def _as_masks(answer, ink):
    """Two masks in any form, of bools or of 0 and 1, as two bool tensors like `ink`; None if they
    are not that.
    """
    numbers = as_numbers(answer)
    if (
        numbers is None
        or numbers.shape != (2, *ink.shape)
        or not ((numbers == 0) | (numbers == 1)).all()
    ):
        return None
    return tuple(numbers.bool())


def _judge_same_focal(answer, ink):
    if answer is None:
        return (
            f"not yet: return two bool masks of shape {tuple(ink.shape)}. Hint: start from "
            "ink.clone()."
        )
    (focal_a, dice_a), (focal_b, dice_b) = (focal_and_dice(mask, ink) for mask in answer)
    if torch.equal(*answer):
        return (
            "not yet: your two masks are equal. Hint: let one miss ink, and the other invent some."
        )
    said = f"focal {focal_a:.5f} and {focal_b:.5f}, dice {dice_a:.3f} and {dice_b:.3f}"
    missed, invented = (
        [int(part.sum()) for part in parts]
        for parts in zip(*((ink & ~m, m & ~ink) for m in answer))
    )
    if not math.isclose(focal_a, focal_b, rel_tol=1e-3):
        same_count = missed[0] + invented[0] == missed[1] + invented[1]
        if same_count:
            return (
                f"not yet: {said}. Both are wrong in equally many pixels, but alpha weighs them. "
                "Hint: missed ink counts 0.25, invented ink 0.75."
            )
        return (
            f"not yet: {said}. Hint: how many pixels of missed ink does one pixel of invented ink "
            "cost?"
        )
    if abs(dice_a - dice_b) < 0.01:
        return f"not yet: {said}; dice hardly differs. Hint: the same trick with more pixels."
    return (
        f"correct: {said}. Three missed pixels cost focal as much as one invented; "
        "dice asks how much of the object is left."
    )


def _draw_pair(answer, ink):
    from helpers import figures
    from helpers.figures.masks import crop_to, draw_mask_errors

    window = crop_to(ink | answer[0] | answer[1])
    figure, panels = figures.new_figure(8.5, 4.4, columns=2)
    for axes, mask, name in zip(panels, answer, ("first", "second")):
        focal, dice = focal_and_dice(mask, ink)
        draw_mask_errors(
            axes, mask[window], ink[window], f"{name}: focal {focal:.5f}, dice {dice:.3f}"
        )
    figures.show(figure, "Your two masks: hit ink dark, missed ink orange, invented ink blue.")
