"""Targets: `validate_targets` looks at all of a data set's, geometry included; `coco_target` makes one.

What every step of a training checks besides is in `helpers.contract`.
"""

import torch

from helpers.contract import check_masks, check_num_classes, flatten_targets, locate

EDGE_TOLERANCE = 1e-3  # of the image: how far rounding may push a box over its border


def validate_targets(targets, num_classes):
    """Check targets fully, geometry included. Returns None.

    Args:
        targets: one dict per image with `class_labels` (T,) int64 in 0..num_classes-1 and `boxes` (T, 4) normalised
            (cx, cy, w, h); optional `masks` (T, H, W) bool.
        num_classes: K, without the no-object class.

    Raises TypeError or ValueError with a sentence that names the image, the field and the cure. Corner boxes that
    happen to stay inside the image cannot be told from centre boxes: draw your targets once.

    >>> validate_targets([{"class_labels": torch.tensor([3]), "boxes": torch.tensor([[0.5, 0.5, 1.0, 1.0]])}], 10)
    >>> validate_targets([{"class_labels": torch.tensor([3]), "boxes": torch.tensor([[64.0, 64.0, 20.0, 20.0]])}], 10)
    Traceback (most recent call last):
    ...
    ValueError: targets[0]["boxes"][0] is [64.0, 64.0, 20.0, 20.0]: these look like pixels; divide x and width by \
the image's width, y and height by its height.
    """
    check_num_classes(num_classes)
    _, boxes, sizes = flatten_targets(targets, num_classes)
    _check_geometry(boxes, sizes)
    for image, target in enumerate(targets):
        if "masks" in target:
            check_masks(image, target)
            if target["masks"].dtype != torch.bool:
                raise TypeError(f'targets[{image}]["masks"] is {target["masks"].dtype}; make it torch.bool.')


def coco_target(annotation, width, height):
    """An annotation in COCO's format as a target, as an image processor of transformers would make it.

    Args: annotation: a dict whose `annotations` hold `category_id` and `bbox` (left, top, width, height in pixels);
    width, height: of the image, in pixels.

    Returns a dict of `class_labels` (T,) int64 and `boxes` (T, 4) float32, normalised (cx, cy, w, h).

    >>> coco_target({"annotations": [{"category_id": 7, "bbox": [120, 30, 60, 20]}]}, 200, 100)
    {'class_labels': tensor([7]), 'boxes': tensor([[0.7500, 0.4000, 0.3000, 0.2000]])}
    """
    things = annotation["annotations"]
    boxes = torch.tensor([thing["bbox"] for thing in things], dtype=torch.float32).reshape(-1, 4)
    boxes[:, :2] += boxes[:, 2:] / 2
    return {
        "class_labels": torch.tensor([thing["category_id"] for thing in things], dtype=torch.int64),
        "boxes": boxes / torch.tensor([width, height] * 2),
    }


def _check_geometry(boxes, sizes):
    center, sides = boxes.double().chunk(2, dim=1)
    lower, upper = center - sides / 2, center + sides / 2
    outside = (lower < -EDGE_TOLERANCE) | (upper > 1 + EDGE_TOLERANCE)
    for wrong, complaint in (
        (~boxes.isfinite(), ", which is not finite: mend or drop the annotation it comes from"),
        (boxes > 2, ": these look like pixels; divide x and width by the image's width, y and height by its height"),
        (
            sides <= 0,
            ", which has a side of no length: drop the annotation, or give (center x, center y, width, height)",
        ),
        (outside, ", which reaches beyond the image: clip it, or use corners_to_center if these are corners"),
    ):
        if wrong.any():
            row = int(wrong.any(1).nonzero()[0])
            image, place = locate(row, sizes)
            values = [round(value, 4) for value in boxes[row].tolist()]
            raise ValueError(f'targets[{image}]["boxes"][{place}] is {values}{complaint}.')
