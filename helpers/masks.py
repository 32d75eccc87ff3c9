"""The mask terms of the loss: focal and dice loss of matched pairs, on the targets' canvas."""

import torch
from torch.nn import functional as F

from helpers import contract
from helpers.boxes import at_least_float32


def mask_losses(matched, criterion=None):
    """ "loss_mask" and "loss_dice" of the last layer's matched pairs, summed and divided by
    `num_boxes`.

    Args: matched: a `helpers.loss.Matched`, whose outputs hold "pred_masks" (B, N, h, w), logits of
    any size, and whose targets hold "masks" (T, H, W) bool, each in its own image's size: images
    stand in the upper left corner of a canvas as large as the largest, and what is predicted beside
    an image is left out. Earlier layers get nothing.

    Source: `ImageLoss.loss_masks` of transformers, which counts the padding of smaller images as
    background."""
    return {} if matched.depth else every_layers_mask_losses(matched)


def every_layers_mask_losses(matched):
    """`mask_losses` of any layer, also an earlier one."""
    selected, ink, valid = _on_canvas(matched)
    return {
        "loss_mask": focal_loss(selected, ink, valid).sum() / matched.num_boxes,
        "loss_dice": dice_loss(selected, ink, valid).sum() / matched.num_boxes,
    }


def focal(logits, goals, alpha=0.25, gamma=2.0):
    """The focal loss of yes-or-no questions: logits (...), goals (...) from 0 to 1 -> (...).

    Source: RetinaNet, equation 5; `sigmoid_focal_loss` of transformers, before its mean.

    >>> focal(torch.zeros(2), torch.tensor([1.0, 0.0]))  # p = 1/2: ln 2 / 16, and three times that
    tensor([0.0433, 0.1300])
    """
    logits = at_least_float32(logits)
    yes, no = (
        logits.sigmoid(),
        (-logits).sigmoid(),
    )  # 1 - yes has no digits left where yes is nearly 1
    wrong = no * goals + yes * (
        1 - goals
    )  # 1 - p_t: how far from right, which turns down what is easy
    balance = alpha * goals + (1 - alpha) * (1 - goals)
    return (
        balance * wrong**gamma * F.binary_cross_entropy_with_logits(logits, goals, reduction="none")
    )


def focal_loss(logits, ink, valid):
    """Mean over the valid pixels of the focal loss: (M, P) logits, ink from 0 to 1, {0, 1} valid ->
    (M,).

    >>> focal_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.ones(1, 2))
    tensor([0.0866])
    """
    return (focal(logits, ink) * valid).sum(1) / valid.sum(1).clamp(min=1)


def dice_loss(logits, ink, valid):
    """One minus the dice overlap of the valid pixels, smoothed by one pixel: (M, P) -> (M,).

    Source: V-Net (Milletari et al. 2016); `dice_loss` of transformers.

    >>> dice_loss(torch.tensor([[99.0, -99.0]]), torch.tensor([[1.0, 0.0]]), torch.ones(1, 2))
    tensor([0.])
    """
    probability = logits.sigmoid() * valid
    overlap = 2 * (probability * ink).sum(1)
    return 1 - (overlap + 1) / (probability.sum(1) + ink.sum(1) + 1)


def _on_canvas(matched):
    """Logits, ink and valid pixels of each matched pair, each (M, H * W)."""
    pred_masks = checked_masks(matched.outputs, matched.logits.shape[:2])
    height, width = contract.canvas_of(matched.targets)
    selected = matched.of_pairs(pred_masks)[:, None]  # (M, 1, h, w)
    selected = F.interpolate(selected, size=(height, width), mode="bilinear", align_corners=False)[
        :, 0
    ]

    # Each image's masks where they lie on the canvas: (M of the image, H, W).
    ink, valid = [], []
    for image, (target, index) in enumerate(zip(matched.targets, matched.targets_per_image())):
        masks = target["masks"][index.to(target["masks"].device)]
        margins = (0, width - masks.shape[-1], 0, height - masks.shape[-2])
        ink.append(F.pad(ink_of(masks, image, selected), margins))
        inside = F.pad(selected.new_ones(masks.shape[-2:]), margins)
        valid.append(inside.expand(len(index), -1, -1))
    return selected.flatten(1), torch.cat(ink).flatten(1), torch.cat(valid).flatten(1)


def ink_of(masks, image, like):
    """An image's target masks in the precision, and on the device, of the predicted ones;
    ValueError beyond 0 to 1.
    """
    if masks.dtype != torch.bool and not bool(((masks >= 0) & (masks <= 1)).all()):
        raise ValueError(
            f'targets[{image}]["masks"] holds other numbers than 0 and 1; make it torch.bool.'
        )
    return masks.to(like.dtype).to(
        like.device
    )  # cast before it moves: not every device has float64


def checked_masks(outputs, batch):
    """The "pred_masks" of outputs, float32 at least; a sentence unless they are (B, N, h, w),
    `batch` of (B, N).
    """
    if "pred_masks" not in outputs:
        raise ValueError(
            'outputs has no "pred_masks"; drop "masks" from losses or give (B, N, h, w) mask '
            "logits."
        )
    pred_masks = outputs["pred_masks"]
    if not contract.is_floating(pred_masks):
        kind = (
            contract.kind(pred_masks)
            if isinstance(pred_masks, torch.Tensor)
            else type(pred_masks).__name__
        )
        raise TypeError(
            f'outputs["pred_masks"] is {kind}; make it a tensor (B, N, h, w) of floating point '
            "logits."
        )
    if pred_masks.ndim != 4 or pred_masks.shape[:2] != batch or 0 in pred_masks.shape:
        shape, (num_images, num_predictions) = tuple(pred_masks.shape), batch
        raise ValueError(
            f'outputs["pred_masks"] has shape {shape}; make it ({num_images}, {num_predictions}, '
            "h, w)."
        )
    return at_least_float32(pred_masks)
