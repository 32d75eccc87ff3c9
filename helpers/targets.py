"""The contract of the targets: what a dict of `class_labels` and `boxes` must hold, and sentences for what it must not.

`validate_targets` looks at everything and is called once by a data set. `flatten_targets` is what matcher and loss
call at every step: it checks shapes, dtypes and labels, in as few tensor operations as possible.
"""

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
    labels, boxes, sizes = flatten_targets(targets, num_classes)
    if not len(boxes):
        return
    center, side = boxes[:, :2].double(), boxes[:, 2:].double()
    finite = boxes.isfinite().all(1)
    pixels = (boxes > 2).any(1)
    negative = (side <= 0).any(1)
    outside = ((center - side / 2 < -EDGE_TOLERANCE) | (center + side / 2 > 1 + EDGE_TOLERANCE)).any(1)
    for wrong, sentence in (
        (~finite, "is not finite: mend or drop the annotation it comes from"),
        (pixels, "these look like pixels; divide x and width by the image's width, y and height by its height"),
        (negative, "has a side of no length: drop the annotation, or give (center x, center y, width, height)"),
        (outside, "reaches beyond the image: clip it, or turn corner boxes into centre boxes with corners_to_center"),
    ):
        if wrong.any():
            row = int(wrong.nonzero()[0])
            image, place = locate(row, sizes)
            values = [round(value, 4) for value in boxes[row].tolist()]
            colon = ": " if sentence.startswith("these") else " "
            raise ValueError(f'targets[{image}]["boxes"][{place}] is {values}{colon if colon == ": " else ", which "}{sentence}.')


def locate(row, sizes):
    """The image, and the place in it, of a row of the flattened targets."""
    for image, size in enumerate(sizes):
        if row < size:
            return image, row
        row -= size
    raise IndexError(row)


def flatten_targets(targets, num_classes):
    """Put the targets of all images one after another: labels (sum T,), boxes (sum T, 4) and the list of T.

    Raises TypeError or ValueError on a wrong field, shape, dtype or label; box values are not looked at.
    """
    if isinstance(targets, dict) or not isinstance(targets, (list, tuple)):
        raise TypeError("targets must be a list with one dict per image; wrap a single image's dict in a list.")
    if not targets:
        raise ValueError("targets is empty; give one dict per image, also for images without objects.")
    for image, target in enumerate(targets):
        _check_fields(image, target)
    labels = torch.cat([target["class_labels"] for target in targets])
    boxes = torch.cat([target["boxes"] for target in targets])
    sizes = [len(target["class_labels"]) for target in targets]
    if len(labels):
        low, high = (int(value) for value in labels.aminmax())
        if low < 0 or high >= num_classes:
            _raise_on_label(labels, sizes, num_classes)
    return labels, boxes, sizes


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
    if boxes.shape != (len(labels), 4):
        raise ValueError(
            f'targets[{image}]["boxes"] has shape {tuple(boxes.shape)} beside {len(labels)} labels; make it '
            f"({len(labels)}, 4)" + ("." if len(labels) else ", for example torch.zeros(0, 4).")
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
