"""The contract of the targets: what a dict of `class_labels` and `boxes` must hold, and sentences for what it must not.

`validate_targets` looks at everything and is called once by a data set. `flatten_targets` is what matcher and loss
call at every step: it checks shapes, dtypes and labels, in as few tensor operations as possible. `coco_target` makes
one from an annotation.
"""

import math
from collections.abc import Sequence
from numbers import Integral, Real

import torch

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


def flatten_targets(targets, num_classes):
    """Put the targets of all images one after another: labels (sum T,), boxes (sum T, 4) and the list of T.

    Raises TypeError or ValueError on a wrong field, shape, dtype or label; box values are not looked at.
    """
    count_images(targets)
    for image, target in enumerate(targets):
        _check_fields(image, target)
        if target["boxes"].device != targets[0]["boxes"].device:
            raise ValueError(
                f'targets[{image}]["boxes"] is on {target["boxes"].device} and targets[0]["boxes"] on '
                f"{targets[0]['boxes'].device}; put all on one device."
            )
    labels = torch.cat([target["class_labels"] for target in targets])
    boxes = torch.cat([target["boxes"] for target in targets])
    sizes = [target["class_labels"].numel() for target in targets]  # at a third of the price of len
    if len(labels):
        low, high = (int(value) for value in labels.aminmax())
        if low < 0 or high >= num_classes:
            _raise_on_label(labels, sizes, num_classes)
    return labels, boxes, sizes


def check_num_classes(num_classes):
    """Raise ValueError unless K is a whole number from 1 on."""
    if isinstance(num_classes, bool) or not isinstance(num_classes, Integral) or num_classes < 1:
        raise ValueError(f"num_classes is {num_classes!r}; give the number of classes without no-object, at least 1.")


def check_number(name, value, least=-math.inf):
    """Raise TypeError or ValueError unless this is a finite number from `least` on."""
    if isinstance(value, (bool, str)) or not isinstance(value, (Real, torch.Tensor)):
        raise TypeError(f"{name} is {value!r}; give a number.")
    if not math.isfinite(value) or value < least:
        bound = "" if least == -math.inf else f" of at least {least}"
        raise ValueError(f"{name} is {value}; give a finite number{bound}.")


def count_images(targets):
    """B, the number of dicts in a list of targets. TypeError or ValueError if it is no list, or an empty one."""
    if not isinstance(targets, Sequence) or isinstance(targets, str):
        raise TypeError("targets must be a list with one dict per image; wrap a single image's dict in a list.")
    if not targets:
        raise ValueError("targets is empty; give one dict per image, also for images without objects.")
    return len(targets)


def check_masks(image, target):
    """Raise unless the target of this image has `masks` (T, H, W), one for each of its labels."""
    masks, count = target.get("masks"), len(target["class_labels"])
    if not isinstance(masks, torch.Tensor):
        raise TypeError(f'targets[{image}]["masks"] is {type(masks).__name__}; make it a tensor ({count}, H, W).')
    if masks.ndim != 3 or len(masks) != count or 0 in masks.shape[1:]:
        shape = tuple(masks.shape)
        raise ValueError(f'targets[{image}]["masks"] has shape {shape} beside {count} labels; make it ({count}, H, W).')


def locate(row, sizes):
    """The image, and the place in it, of a row of the flattened targets.

    >>> locate(3, [2, 0, 4])
    (2, 1)
    """
    for image, size in enumerate(sizes):
        if row < size:
            return image, row
        row -= size
    raise IndexError(row)


def _check_fields(image, target):
    # Attributes only: no tensor operation per image, which would cost more than the matching.
    try:
        labels, boxes = target["class_labels"], target["boxes"]
    except (KeyError, TypeError, IndexError):
        raise ValueError(f'targets[{image}] must be a dict with "class_labels" and "boxes".') from None
    if not isinstance(labels, torch.Tensor) or not isinstance(boxes, torch.Tensor):
        raise TypeError(f"targets[{image}] must hold tensors; convert class_labels and boxes with torch.tensor.")
    if labels.dtype != torch.int64:
        raise TypeError(
            f'targets[{image}]["class_labels"] is {labels.dtype}; make it torch.int64 '
            "(an image without objects needs torch.zeros(0, dtype=torch.int64))."
        )
    if not boxes.dtype.is_floating_point:
        raise TypeError(f'targets[{image}]["boxes"] is {boxes.dtype}; make it floating point, normalised to [0, 1].')
    if labels.ndim != 1:
        raise ValueError(f'targets[{image}]["class_labels"] has shape {tuple(labels.shape)}; make it (T,).')
    if boxes.shape != (labels.numel(), 4):
        raise ValueError(
            f'targets[{image}]["boxes"] has shape {tuple(boxes.shape)} beside {len(labels)} labels; make it '
            f"({len(labels)}, 4)" + ("." if len(labels) else ", for example torch.zeros(0, 4).")
        )
    if boxes.device != labels.device:
        raise ValueError(
            f'targets[{image}]["boxes"] is on {boxes.device} and its labels on {labels.device}; put all on one device.'
        )


def _raise_on_label(labels, sizes, num_classes):
    row = int(((labels < 0) | (labels >= num_classes)).nonzero()[0])
    image, place = locate(row, sizes)
    label = int(labels[row])
    if label == num_classes:
        cure = f"{num_classes} is the no-object class and never a target; are your labels counted from 1?"
    else:
        cure = f"use 0 to {num_classes - 1}, and drop what is to be ignored."
    raise ValueError(f'targets[{image}]["class_labels"][{place}] is {label}: {cure}')


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
