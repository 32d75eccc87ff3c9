"""Boxes: two formats and two measures of overlap.

Every function broadcasts over the leading dimensions, so that one function serves pairs, (M, 4) with (M, 4), and
matrices, (N, 1, 4) with (T, 4). Nothing is added to a denominator: areas below `SMALLEST_AREA` are raised to it, so
that boxes without area give finite values and gradients while all others keep theirs to the last digit.
"""

import torch

SMALLEST_AREA = 1e-9  # of a normalised image: one pixel of a picture 31,000 pixels wide


def at_least_float32(tensor):
    """Half precision (and integers) as float32; float32 and float64 as they are."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def center_to_corners(boxes):
    """Turn (center x, center y, width, height) into (left, top, right, bottom): (..., 4) -> (..., 4), any unit.

    >>> center_to_corners(torch.tensor([0.5, 0.5, 0.2, 0.4]))
    tensor([0.4000, 0.3000, 0.6000, 0.7000])
    """
    center_x, center_y, width, height = boxes.unbind(-1)
    half_width, half_height = 0.5 * width, 0.5 * height
    corners = (center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height)
    return torch.stack(corners, dim=-1)


def corners_to_center(boxes):
    """Turn (left, top, right, bottom) into (center x, center y, width, height): (..., 4) -> (..., 4), any unit.

    >>> corners_to_center(torch.tensor([0.4, 0.3, 0.6, 0.7]))
    tensor([0.5000, 0.5000, 0.2000, 0.4000])
    """
    left, top, right, bottom = boxes.unbind(-1)
    return torch.stack(((left + right) / 2, (top + bottom) / 2, right - left, bottom - top), dim=-1)


def box_area(boxes):
    """Area of corner boxes: (..., 4) -> (...), in squared units of the boxes. A side turned inside out counts as 0.

    >>> box_area(torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 0.2, 1.0]]))
    tensor([0.2500, 0.0000])
    """
    left, top, right, bottom = at_least_float32(boxes).unbind(-1)
    return (right - left).clamp(min=0) * (bottom - top).clamp(min=0)


def box_iou(boxes1, boxes2):
    """Intersection over union of corner boxes, in [0, 1]: (..., 4), (..., 4) -> (...), broadcasting.

    Source: `box_iou` of transformers and DETR, which compute the full (N, M) matrix only.

    >>> box_iou(torch.tensor([0.0, 0.0, 0.2, 0.2]), torch.tensor([0.1, 0.0, 0.3, 0.2]))
    tensor(0.3333)
    """
    intersection, union = _intersection_and_union(boxes1, boxes2)
    return intersection / union.clamp(min=SMALLEST_AREA)


def generalized_box_iou(boxes1, boxes2):
    """Generalised IoU of corner boxes, in (-1, 1]: (..., 4), (..., 4) -> (...), broadcasting.

    IoU minus the share of the hull (the smallest box around both) that neither box covers.
    Source: Rezatofighi et al. 2019, equation 1 and algorithm 1; `generalized_box_iou` of transformers, which raises
    on NaN and returns NaN for two boxes without area. Here the first gives NaN and the second 0.

    >>> generalized_box_iou(torch.tensor([0.0, 0.0, 0.1, 0.1]), torch.tensor([0.3, 0.0, 0.4, 0.1]))
    tensor(-0.5000)
    """
    intersection, union = _intersection_and_union(boxes1, boxes2)
    left1, top1, right1, bottom1 = at_least_float32(boxes1).unbind(-1)
    left2, top2, right2, bottom2 = at_least_float32(boxes2).unbind(-1)
    hull_width = torch.maximum(right1, right2) - torch.minimum(left1, left2)
    hull_height = torch.maximum(bottom1, bottom2) - torch.minimum(top1, top2)
    hull = hull_width.clamp(min=0) * hull_height.clamp(min=0)
    return intersection / union.clamp(min=SMALLEST_AREA) - (hull - union) / hull.clamp(min=SMALLEST_AREA)


def _intersection_and_union(boxes1, boxes2):
    # Coordinates are unbound, so that every intermediate has the shape of the result and no trailing (..., 2).
    left1, top1, right1, bottom1 = at_least_float32(boxes1).unbind(-1)
    left2, top2, right2, bottom2 = at_least_float32(boxes2).unbind(-1)
    width = (torch.minimum(right1, right2) - torch.maximum(left1, left2)).clamp(min=0)
    height = (torch.minimum(bottom1, bottom2) - torch.maximum(top1, top2)).clamp(min=0)
    intersection = width * height
    return intersection, box_area(boxes1) + box_area(boxes2) - intersection
