"""The checks of notebook 03: turn an annotation into a target, and slip a wrong box past the
validator.
"""

import torch

from helpers.boxes import box_iou, center_to_corners, corners_to_center
from helpers.checks import as_numbers, attempt, is_close, to_use
from helpers.targets import EDGE_TOLERANCE, coco_target, validate_targets

SHORTEST_SIDE = 0.2
WIDE = {
    "annotations": [
        {"category_id": 0, "bbox": [20, 10, 40, 60]},
        {"category_id": 7, "bbox": [120, 30, 60, 20]},
    ]
}  # in an image 200 pixels wide and 100 high


def check_to_targets(to_targets):
    """Notebook 03: an annotation in COCO's format becomes a dict of `class_labels` (T,) and `boxes`
    (T, 4).

    Gives back the function that is used further down.
    """
    from helpers.scenes import running_example

    image, annotation = running_example()
    verdict = judge_to_targets(to_targets, annotation, image.size)
    used = to_use(verdict, to_targets, coco_target, "coco_target")
    if verdict.startswith("not yet, on the running example"):
        _draw_reading(attempt(to_targets, annotation, *image.size)[0], image, annotation)
    return used


def judge_to_targets(to_targets, annotation, size):
    """The verdict: three images, one square, one wide, one without objects."""
    for name, case, (width, height) in (
        ("the running example", annotation, size),
        ("a picture of 200 × 100 pixels", WIDE, (200, 100)),
        ("an image without objects", {"annotations": []}, size),
    ):
        hint = "run it on this case alone and print the shapes."
        answer, fault = attempt(to_targets, case, width, height, hint=hint, case=f", on {name}")
        if fault:
            return fault
        fault = _fault(answer, case, width, height)
        if fault:
            return f"not yet, on {name}: {fault}"
    return (
        "correct: square, wide and empty images all give what the loss wants, in shape, type and "
        "value."
    )


def _fault(answer, annotation, width, height):
    """What is wrong with one answer, with a hint; None if it is right."""
    if not isinstance(answer, dict) or set(answer) != {"class_labels", "boxes"}:
        return "Hint: return a dict with exactly two keys, class_labels and boxes."
    if not all(isinstance(value, torch.Tensor) for value in answer.values()):
        return "Hint: both values must be tensors."
    wanted = coco_target(annotation, width, height)
    return _label_fault(answer["class_labels"], wanted["class_labels"]) or _box_fault(
        answer["boxes"], wanted["boxes"], torch.tensor([width, height] * 2)
    )


def _label_fault(labels, wanted):
    if labels.dtype != torch.int64:
        return (
            f"class_labels are {labels.dtype}. Hint: labels are places in a row of logits; give "
            "dtype=torch.int64."
        )
    if labels.shape != wanted.shape:
        return (
            f"class_labels have shape {tuple(labels.shape)}, not {tuple(wanted.shape)}. Hint: one "
            "label per object."
        )
    if torch.equal(labels, wanted):
        return None
    if torch.equal(labels, wanted + 1):
        return "these labels count from 1. Hint: category_id is the class already, from 0."
    return (
        f"class_labels are {labels.tolist()}, not {wanted.tolist()}. Hint: take category_id, in "
        "the same order."
    )


def _box_fault(boxes, wanted, scale):
    if boxes.shape != wanted.shape:
        return (
            f"boxes have shape {tuple(boxes.shape)}, not {tuple(wanted.shape)}. Hint: .reshape(-1, "
            "4), also for none."
        )
    if not boxes.dtype.is_floating_point:
        return f"boxes are {boxes.dtype}. Hint: fractions of the image need a floating point type."
    if is_close(boxes, wanted):
        return None
    corners = center_to_corners(wanted)
    named = {
        (
            "these are corner boxes: left, top, right, bottom. Hint: the loss wants center and size"
        ): corners,
        (
            "the first two numbers are left and top. Hint: the center lies half a width and half a "
            "height further"
        ): (torch.cat((corners[:, :2], wanted[:, 2:]), dim=1)),
        "these boxes are in pixels. Hint: divide by the size of the image": wanted * scale,
        "width and height of the image are swapped. Hint: x and width go with the image's width": (
            wanted * scale / scale[[1, 0, 1, 0]]
        ),
        "everything is divided by the width. Hint: y and height go with the image's height": wanted
        * scale
        / scale[0],
        "everything is divided by the height. Hint: x and width go with the image's width": wanted
        * scale
        / scale[1],
        "the center is a whole width and height away. Hint: it lies in the middle of the box": (
            torch.cat((corners[:, 2:], wanted[:, 2:]), dim=1)
        ),
    }
    for sentence, values in named.items():
        if is_close(boxes, values):
            return f"{sentence}."
    if not boxes.isfinite().all():
        return (
            "some boxes are NaN or infinite. Hint: divide by the size of the image, and by nothing "
            "else."
        )
    if len(boxes) and not boxes.any():
        return "all boxes are 0. Hint: a // b drops the fraction; divide with /."
    found, right = (
        values[0].tolist()
        for values in (boxes.double().round(decimals=3), wanted.double().round(decimals=3))
    )
    return (
        f"the first box is {found}, not {right}. Hint: center x, center y, width, height, as "
        "fractions of the image."
    )


def _draw_reading(answer, image, annotation):
    """Where it can be drawn: what the loss would read, beside what it should."""
    from helpers import figures
    from helpers.figures.targets import draw_reading

    if not isinstance(answer, dict) or set(answer) != {"class_labels", "boxes"}:
        return
    labels, boxes = (as_numbers(answer[name]) for name in ("class_labels", "boxes"))
    if labels is None or boxes is None or not boxes.isfinite().all():
        return
    if labels.shape == (5,) and boxes.shape == (5, 4):
        answer = {"class_labels": labels.long(), "boxes": boxes.float()}
        figure, (left, right) = figures.new_figure(8.4, 4.5, columns=2)
        draw_reading(left, image, answer, "Your targets, as the loss reads them")
        draw_reading(right, image, coco_target(annotation, *image.size), "As they should be")
        figures.show(figure, "Your targets for the running example, and the right ones.")


def check_unnoticed_box(unnoticed_box):
    """Notebook 03: corners that `validate_targets` takes for a centre box."""
    answer, fault = attempt(unnoticed_box)
    verdict = fault or judge_unnoticed_box(answer)
    print(verdict)
    if verdict.startswith("correct"):
        _draw_misreading(as_numbers(answer).float().reshape(1, 4))


def judge_unnoticed_box(answer):
    """The verdict: a real box in corner format first, then a centre box to the validator."""
    numbers = as_numbers(answer)
    if numbers is None or numbers.numel() != 4 or not numbers.isfinite().all():
        return (
            "not yet: these are no four numbers. Hint: return a box, for example (0.1, 0.1, 0.4, "
            "0.4)."
        )
    left, top, right, bottom = numbers.flatten().tolist()
    if right <= left or bottom <= top:
        return (
            "not yet: right must exceed left, and bottom top. Hint: this may be a center box; give "
            "corners."
        )
    if min(left, top) < 0 or max(right, bottom) > 1:
        return (
            "not yet: as corners, this box leaves the image. Hint: fractions of the image, from 0 "
            "to 1."
        )
    if min(right - left, bottom - top) < SHORTEST_SIDE - 1e-6:
        return (
            f"not yet: the box is {right - left:.3f} wide and {bottom - top:.3f} high. Hint: 0.2 "
            "each, at least."
        )
    corners = torch.tensor([[left, top, right, bottom]], dtype=torch.float64)
    try:
        validate_targets([{"class_labels": torch.tensor([0]), "boxes": corners}], num_classes=1)
    except ValueError:
        return f"not yet: it is caught. {_which_side(left, top, right, bottom)}"
    overlap = float(box_iou(corners, center_to_corners(corners)))
    return (
        "correct: a proper box, and a proper center box, but not the same one.\n"
        f"The box meant and the box read have an IoU of {overlap:.2f}."
    )


def _which_side(left, top, right, bottom):
    for name, center, size, where in (
        ("left", left, right, "further right"),
        ("top", top, bottom, "further down"),
    ):
        if center - size / 2 < -EDGE_TOLERANCE:
            edge = center - size / 2
            return (
                f"Read as a center box it begins at {name} {edge:.2f}, outside. Hint: move the box "
                f"{where}."
            )
    return (
        "Read as a center box it ends beyond the image. Hint: move the box back, or make right and "
        "bottom smaller."
    )


def _draw_misreading(corners):
    from helpers import figures
    from helpers.figures.targets import draw_misreading
    from helpers.scenes import running_example

    image, _ = running_example()
    figure, axes = figures.new_figure(4.6, 4.8)
    draw_misreading(axes, image, corners_to_center(corners), corners, "Meant, and read")
    figures.show(figure, "Your box as it was meant, and the box that the loss would train for.")
