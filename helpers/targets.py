"""Targets: `validate_targets` looks at all of a data set's, geometry included; `coco_target` makes
one.

What every step of a training checks besides is in `helpers.contract`.
"""

from collections.abc import Mapping
from numbers import Real

import numpy as np
import torch

from helpers.boxes import at_least_float32, corners_to_center
from helpers.contract import (
    check_masks,
    check_num_classes,
    check_number,
    flatten_targets,
    locate,
    shown,
)

EDGE_TOLERANCE = 1e-3  # of the image: how far rounding may push a box over its border
LARGEST_SIDE = 1e9  # of a picture, in pixels


def validate_targets(targets, num_classes):
    """Check targets fully, geometry included. Returns None.

    Args:
        targets: one dict per image with `class_labels` (T,) int64 in 0..num_classes-1 and `boxes`
            (T, 4) normalised (cx, cy, w, h); optional `masks` (T, H, W) bool.
        num_classes: K, without the no-object class.

    Raises TypeError or ValueError with a sentence that names the image, the field and the cure.
    Corner boxes that
    happen to stay inside the image cannot be told from centre boxes: draw your targets once.

    >>> validate_targets([{"class_labels": torch.tensor([3]), "boxes": torch.tensor([[0.5, 0.5, 1.0,
    ...     1.0]])}], 10)
    >>> validate_targets([{"class_labels": torch.tensor([3]), "boxes": torch.tensor([[64.0, 64.0,
    ...     20.0, 20.0]])}], 10)
    Traceback (most recent call last):
    ...
    ValueError: targets[0]["boxes"][0] is [64.0, 64.0, 20.0, 20.0]: these look like pixels or percent; divide pixels \
by the image's width (x and width) and height (y and height), percent by 100.
    """  # noqa: E501
    check_num_classes(num_classes)
    _, boxes, sizes = flatten_targets(targets, num_classes)
    _check_geometry(boxes, sizes)
    for image, target in enumerate(targets):
        if "masks" in target:
            check_masks(image, target)
            if target["masks"].dtype != torch.bool:
                raise TypeError(
                    f'targets[{image}]["masks"] is {target["masks"].dtype}; make it torch.bool.'
                )


def coco_target(annotation, width, height):
    """An annotation in COCO's format as a target, as an image processor of transformers makes it.

    Args: annotation: a dict whose `annotations` hold `category_id` and `bbox` (left, top, width,
    height in pixels);
    width, height: of the image, in pixels.

    Returns a dict of `class_labels` (T,) int64 and `boxes` (T, 4) float32, normalised (cx, cy, w,
    h). Crowds are left out, boxes are cut off at the border, and those of which nothing remains are
    left out, too. ValueError where a field
    is missing, or is no number. Source: `prepare_coco_detection_annotation` in transformers'
    models/yolos.

    >>> coco_target({"annotations": [{"category_id": 7, "bbox": [120, 30, 60, 20]}]}, 200, 100)
    {'class_labels': tensor([7]), 'boxes': tensor([[0.7500, 0.4000, 0.3000, 0.2000]])}
    """
    things = things_of(annotation, "annotation")
    for place, thing in enumerate(things):
        check_annotation(thing, f"annotations[{place}]")
    things = [thing for thing in things if not is_crowd(thing)]
    sides = check_number("width", width, least=1), check_number("height", height, least=1)
    size = torch.tensor(sides, dtype=torch.float32)
    labels = torch.tensor([int(thing["category_id"]) for thing in things], dtype=torch.int64)
    lower, upper = (
        corner.clamp(min=0).minimum(size) for corner in corner_boxes(things).split(2, dim=1)
    )
    kept = (upper > lower).all(1)
    boxes = corners_to_center(torch.cat([lower, upper], dim=1)) / size.repeat(2)
    return {"class_labels": labels[kept], "boxes": boxes[kept]}


def is_crowd(annotation):
    """Whether a COCO annotation is a region of many objects that nobody counted; without `iscrowd`
    it is one object.

    >>> is_crowd({"bbox": [0, 0, 9, 9], "iscrowd": 1}), is_crowd({"bbox": [0, 0, 9, 9]})
    (True, False)
    """
    return annotation.get("iscrowd", 0) != 0


def corner_boxes(annotations):
    """The `bbox` of COCO annotations as corner boxes (T, 4) in pixels.

    >>> corner_boxes([{"bbox": [20, 10, 40, 60]}])
    tensor([[20., 10., 60., 70.]])
    """
    boxes = [[float(side) for side in annotation["bbox"]] for annotation in annotations]
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)


def as_scene(scene, called):
    """A scene, (image, annotation); TypeError unless it is such a pair."""
    if not isinstance(scene, (tuple, list)) or len(scene) != 2:
        raise TypeError(
            f"{called} is {shown(scene)}; make it a pair, a PIL image and its COCO annotation."
        )
    return scene


def things_of(annotation, called):
    """The list of an image's annotations in COCO's format; ValueError if there is none."""
    things = annotation.get("annotations") if isinstance(annotation, Mapping) else None
    if not isinstance(things, (list, tuple)):
        raise ValueError(
            f'{called} is {shown(annotation)}; make it a dict whose "annotations" are a list of '
            "dicts."
        )
    return things


def check_annotation(annotation, called):
    """Raise ValueError unless a COCO annotation has what a box and a label are made from."""
    fields = annotation if isinstance(annotation, Mapping) else {}
    if "category_id" not in fields or not _is_box(fields.get("bbox")):
        needed = "a category_id, and a bbox of left, top, width and height in pixels"
        raise ValueError(f"{called} is {shown(annotation)}; it needs {needed}.")
    if not _is_label(fields["category_id"]):
        raise ValueError(
            f"{called} has the category_id {shown(fields['category_id'])}; make it a whole number."
        )
    if not isinstance(fields.get("iscrowd"), (Real, np.bool_, type(None))):
        raise ValueError(f"{called} has the iscrowd {shown(fields['iscrowd'])}; make it 0 or 1.")


def _is_label(value):
    return isinstance(value, Real) and abs(value) < 2**63 and value % 1 == 0


def _is_box(bbox):
    sides = bbox.tolist() if isinstance(bbox, (np.ndarray, torch.Tensor)) else bbox
    real = (
        isinstance(sides, (list, tuple))
        and len(sides) == 4
        and all(isinstance(side, Real) for side in sides)
    )
    return real and not any(abs(side) > LARGEST_SIDE for side in sides)  # it may be NaN


def _check_geometry(boxes, sizes):
    boxes = at_least_float32(boxes)  # and no wider than it is: not every device has float64
    center, sides = boxes.chunk(2, dim=1)
    lower, upper = center - sides / 2, center + sides / 2
    outside = (lower < -EDGE_TOLERANCE) | (upper > 1 + EDGE_TOLERANCE)
    for wrong, complaint in (
        (~boxes.isfinite(), ", which is not finite: mend or drop the annotation it comes from"),
        (boxes.abs() > 2, None),
        (
            sides <= 0,
            ", which has a side of no length: drop the annotation, or give (center x, center y, "
            "width, height)",
        ),
        (
            outside,
            ", which reaches beyond the image: clip it, or use corners_to_center if these are "
            "corners",
        ),
    ):
        if wrong.any():
            row = int(wrong.any(1).nonzero()[0])
            image, place = locate(row, sizes)
            values = [round(value, 4) for value in boxes[row].tolist()]
            raise ValueError(
                f'targets[{image}]["boxes"][{place}] is {values}{complaint or _unit(upper)}.'
            )


def _unit(upper):
    """What boxes that are no fractions may be counted in, and the cure, judged by the right and
    lower edges of all.
    """
    largest = max(upper.flatten().tolist(), default=0)
    cure = "by the image's width (x and width) and height (y and height)"
    for whole, name in ((100, "percent"), (1000, "thousandths")):
        if largest <= whole * (1 + EDGE_TOLERANCE):
            return f": these look like pixels or {name}; divide pixels {cure}, {name} by {whole}"
    return f": these look like pixels; divide them {cure}"
