"""Boxes: two formats and two measures of overlap.

Every function broadcasts over the leading dimensions, so that one function serves pairs, (M, 4)
with (M, 4), and matrices, (N, 1, 4) with (T, 4). Nothing is added to a denominator. Where an area
divides, a side below `SMALLEST_SIDE`
counts as that long: boxes without area give finite values and gradients of at most 2 /
SMALLEST_SIDE, while all others keep theirs to the last digit."""

import torch

SMALLEST_SIDE = 1e-5  # of a normalised image: a hundredth of a pixel in a picture 1,000 pixels wide


def at_least_float32(tensor):
    """Half precision (and integers) as float32; float32 and float64 as they are."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def center_to_corners(boxes):
    """Turn (center x, center y, width, height) into (left, top, right, bottom): (..., 4) -> (...,
    4), any unit.

    >>> center_to_corners(torch.tensor([0.5, 0.5, 0.2, 0.4]))
    tensor([0.4000, 0.3000, 0.6000, 0.7000])
    """
    center, sides = _halves(boxes)
    half_sides = 0.5 * sides
    return torch.cat([center - half_sides, center + half_sides], dim=-1)


def corners_to_center(boxes):
    """Turn (left, top, right, bottom) into (center x, center y, width, height): (..., 4) -> (...,
    4), any unit.

    >>> corners_to_center(torch.tensor([0.4, 0.3, 0.6, 0.7]))
    tensor([0.5000, 0.5000, 0.2000, 0.4000])
    """
    lower, upper = _halves(boxes)
    return torch.cat([(lower + upper) / 2, upper - lower], dim=-1)


def box_area(boxes):
    """Area of corner boxes: (..., 4) -> (...), in squared units of the boxes.

    A side turned inside out counts as 0.

    >>> box_area(torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 0.2, 1.0]]))
    tensor([0.2500, 0.0000])
    """
    # Clamped side by side: two sides inside out would make a positive area.
    return _area(*_halves(at_least_float32(boxes)))


def box_iou(boxes1, boxes2):
    """Intersection over union of corner boxes, in [0, 1]: (..., 4), (..., 4) -> (...),
    broadcasting.

    Source: `box_iou` of transformers and DETR, which compute the full (N, M) matrix only.

    >>> box_iou(torch.tensor([0.0, 0.0, 0.2, 0.2]), torch.tensor([0.1, 0.0, 0.3, 0.2]))
    tensor(0.3333)
    """
    intersection, union, _ = _overlap(boxes1, boxes2)
    return intersection / union


def generalized_box_iou(boxes1, boxes2):
    """Generalised IoU of corner boxes, in (-1, 1]: (..., 4), (..., 4) -> (...), broadcasting.

    IoU minus the share of the hull (the smallest box around both) that neither box covers.
    Source: Rezatofighi et al. 2019, equation 1 and algorithm 1; `generalized_box_iou` of
    transformers, which raises on NaN and returns NaN for two boxes without area. Here the first
    gives NaN and the second a number.

    >>> generalized_box_iou(torch.tensor([0.0, 0.0, 0.1, 0.1]), torch.tensor([0.3, 0.0, 0.4, 0.1]))
    tensor(-0.5000)
    """
    intersection, union, hull = _overlap(boxes1, boxes2)
    return intersection / union - (hull - union) / hull


def _halves(boxes):
    if boxes.shape[-1:] != (4,):
        raise ValueError(f"boxes has shape {tuple(boxes.shape)}; make it (..., 4).")
    return boxes.chunk(2, dim=-1)


def _overlap(boxes1, boxes2):
    """Areas of the intersection, the union and the hull, the last two fit to divide by."""
    lower1, upper1 = _halves(at_least_float32(boxes1))  # (..., 2): (left, top) and (right, bottom)
    lower2, upper2 = _halves(at_least_float32(boxes2))
    intersection = _area(torch.maximum(lower1, lower2), torch.minimum(upper1, upper2))
    hull = _area(torch.minimum(lower1, lower2), torch.maximum(upper1, upper2), SMALLEST_SIDE)
    areas = _area(lower1, upper1, SMALLEST_SIDE) + _area(lower2, upper2, SMALLEST_SIDE)
    return intersection, areas - intersection, hull


def _area(lower, upper, least=0.0):
    width, height = (upper - lower).clamp(min=least).unbind(-1)
    return width * height
