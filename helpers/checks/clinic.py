"""The checks of notebook 13: two treatments, each judged patient by patient."""

from collections import namedtuple

import numpy as np
import torch

from helpers.boxes import center_to_corners
from helpers.checks import NOT_ATTEMPTED, as_numbers, attempt, is_close
from helpers.scenes import NUM_CLASSES, HandwrittenScenes
from helpers.targets import coco_target

# A case for a treatment: its name, what the treatment is given, and `fault_of(answer)`, what is
# wrong with an answer. `by(treatment)` is called in its place where an answer is more than what is
# returned.
Patient = namedtuple(
    "Patient", "name arguments fault_of by", defaults=[lambda treatment: treatment]
)


def check_mended(mend_data_set):
    """Notebook 13, tickets 1 and 6: `mend_data_set(targets, num_classes) -> targets`."""
    print(
        _judge(
            mend_data_set,
            _data_set_patients(),
            "healthy data sets are left alone, sick ones are mended whole.",
        )
    )


def check_padded(pad_batch):
    """Notebook 13, ticket 7: `pad_batch(images, targets) -> pixel_values, targets`; draws what it
    returns.
    """
    print(
        _judge(
            pad_batch,
            _padding_patients(),
            "boxes follow the canvas, and what was given stays as it was.",
        )
    )
    images, targets = _unequal_scenes()
    answer, fault = attempt(pad_batch, images, targets)
    if fault or _form_fault(answer, images, targets):
        return
    from helpers.figures import show
    from helpers.figures.clinic import padded_figure

    pixel_values, boxes = _padded(images, targets)
    found = [as_numbers(target["boxes"]).float() for target in answer[1]]
    if all(box.isfinite().all() for box in found):
        show(
            padded_figure(pixel_values, boxes, found),
            "Your boxes, dashed, on the targets of a padded batch.",
        )


def _judge(treatment, patients, praise):
    """The verdict over all patients, mildest first."""
    mended = []
    for patient in patients:
        case = f", on {patient.name}"
        answer, verdict = attempt(
            patient.by(treatment), *patient.arguments, hint="run this case alone.", case=case
        )
        if verdict == NOT_ATTEMPTED:
            return NOT_ATTEMPTED
        fault = None if verdict else patient.fault_of(answer)
        if fault or verdict:
            done = f" (mended so far: {', '.join(mended)})" if mended else ""
            return (verdict or f"not yet{case}: {fault}") + done
        mended.append(patient.name)
    return f"correct: {praise} Mended: {', '.join(n for n in mended if 'healthy' not in n)}."


def _scenes(sizes, first_label=0, num_classes=NUM_CLASSES):
    """Targets with these numbers of objects; together they have every label from `first_label` on,
    in this order.
    """
    labels = torch.arange(sum(sizes)) % (num_classes - first_label) + first_label
    generator = torch.Generator().manual_seed(0)
    sides = 0.2 + 0.2 * torch.rand(sum(sizes), 2, generator=generator)
    center = sides / 2 + (1 - sides) * torch.rand(sum(sizes), 2, generator=generator)
    boxes = torch.cat([center, sides], dim=1)
    boxes[0] = torch.tensor(
        [0.575, 0.575, 0.25, 0.25]
    )  # its corners fit into the image as a centre box, too
    return [
        {"class_labels": part, "boxes": box}
        for part, box in zip(labels.split(list(sizes)), boxes.split(list(sizes)), strict=True)
    ]


def _data_set_patients():
    healthy, without_zero, one_empty = (
        _scenes([1, 4, 6]),
        _scenes([2, 3, 3], first_label=1),
        _scenes([3, 0, 8]),
    )
    nothing = torch.tensor([])
    from_one = _changed(healthy, "class_labels", lambda labels: labels + 1)
    malformed = [
        target if len(target["boxes"]) else dict.fromkeys(target, nothing) for target in one_empty
    ]
    complications = _changed(
        malformed, "boxes", lambda boxes: center_to_corners(boxes) if len(boxes) else boxes
    )
    complications = _changed(complications, "class_labels", lambda labels: labels + 1)
    cases = {
        "a healthy data set": (healthy, healthy),
        "a healthy one in which no label is 0": (without_zero, without_zero),
        "labels from 1": (from_one, healthy),
        "corner boxes": (_changed(healthy, "boxes", center_to_corners), healthy),
        "empty images": (malformed, one_empty),
        "all three at once": (complications, one_empty),
    }
    for name, (given, wanted) in cases.items():
        yield Patient(
            name,
            (given, NUM_CLASSES),
            lambda answer, wanted=wanted: _data_set_fault(answer, wanted),
        )


def _data_set_fault(answer, wanted):
    if not isinstance(answer, (list, tuple)) or len(answer) != len(wanted):
        return "Hint: return a list with one target for every image, empty images included."
    for image, (found, right) in enumerate(zip(answer, wanted)):
        if not isinstance(found, dict) or set(found) != set(right):
            return "Hint: every target is a dict of class_labels and boxes."
        labels, boxes = found["class_labels"], found["boxes"]
        if not isinstance(labels, torch.Tensor) or not isinstance(boxes, torch.Tensor):
            return (
                f"image {image} holds no tensors. Hint: class_labels and boxes are tensors, as "
                "they came."
            )
        if labels.dtype != torch.int64 or labels.shape != right["class_labels"].shape:
            return (
                f"image {image} has labels {tuple(labels.shape)} of {labels.dtype}. Hint: (T,) "
                "int64, also for T = 0."
            )
        if not torch.equal(labels, right["class_labels"]):
            return (
                f"the labels of image {image} are {labels.tolist()}, not "
                f"{right['class_labels'].tolist()}. Hint: K "
                "anywhere in the data set gives all its labels away; without it, leave them alone."
            )
        if boxes.shape != right["boxes"].shape:
            return (
                f"image {image} has boxes of shape {tuple(boxes.shape)}. Hint: .reshape(-1, 4), "
                "also for none."
            )
        if not boxes.is_floating_point():
            return (
                f"the boxes of image {image} are {boxes.dtype}. Hint: fractions need a floating "
                "point type."
            )
        if not is_close(boxes, right["boxes"]):
            return (
                f"the boxes of image {image} are wrong. Hint: if one box of the data set leaves "
                "the image as a centre "
                "box, all boxes are corners; otherwise leave them alone."
            )
    return None


def _padding_patients():
    images, targets = _unequal_scenes()
    nothing = {"class_labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)}
    for name, given, wanted in (
        ("images of one size", [images[0], images[0]], [targets[0], targets[0]]),
        ("two unequal images", images, targets),
        ("an image without objects", images, [targets[0], nothing]),
    ):
        yield Patient(
            name,
            (given, wanted),
            lambda answer, given=given, wanted=wanted: _padding_fault(answer, given, wanted),
        )
    yield Patient(
        "the next epoch", (images, targets), lambda kept: _epoch_fault(kept, targets), _keeps
    )


def _keeps(pad_batch):
    """What is left of the targets when a batch has been made of them."""

    def call(images, targets):
        pad_batch(images, targets)
        return targets

    return call


def _unequal_scenes():
    """Two scenes, the second stretched to be wider and lower, and their targets in fractions of
    their own image.
    """
    images, targets = [], []
    for scene, size in zip(HandwrittenScenes("test", 2, seed=1), ((128, 128), (208, 96))):
        image, annotation = scene
        pixels = torch.from_numpy(np.array(image.resize(size), dtype=np.float32) / 255)
        images.append(pixels.permute(2, 0, 1).contiguous())  # (3, h, w)
        targets.append(coco_target(annotation, *image.size))
    return images, targets


def _padded(images, targets):
    """The right answer: the tensor, and the boxes of each image."""
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    pixel_values = torch.zeros(len(images), 3, height, width)
    for canvas, image in zip(pixel_values, images):
        canvas[:, : image.shape[1], : image.shape[2]] = image
    scales = [
        torch.tensor([image.shape[2] / width, image.shape[1] / height] * 2) for image in images
    ]
    return pixel_values, [target["boxes"] * scale for target, scale in zip(targets, scales)]


def _form_fault(answer, images, targets):
    """What is wrong with the form of a padded batch: its types and shapes."""
    form = "Hint: return two things, a tensor (B, 3, H, W) and a list of B dicts."
    if (
        not isinstance(answer, (tuple, list))
        or len(answer) != 2
        or not isinstance(answer[0], torch.Tensor)
    ):
        return f"it returns a {type(answer).__name__}. {form}"
    pixel_values, found = answer
    canvas, boxes = _padded(images, targets)
    if pixel_values.shape != canvas.shape:
        return (
            f"the tensor is {tuple(pixel_values.shape)}, not {tuple(canvas.shape)}. Hint: the "
            "largest h, the largest w."
        )
    if not isinstance(found, (tuple, list)) or len(found) != len(targets):
        return f"the targets have another form. {form}"
    for image, (target, right) in enumerate(zip(found, boxes)):
        if not isinstance(target, dict) or set(target) != {"class_labels", "boxes"}:
            return f"the targets have another form. {form} Each has class_labels and boxes."
        if not all(isinstance(value, torch.Tensor) for value in target.values()):
            return (
                f"the target of image {image} holds no tensors. Hint: class_labels and boxes, as "
                "they came."
            )
        if target["boxes"].shape != right.shape:
            return (
                f"image {image} has boxes {tuple(target['boxes'].shape)}. Hint: "
                f"{tuple(right.shape)}, as given."
            )
    return None


def _padding_fault(answer, images, targets):
    fault = _form_fault(answer, images, targets)
    if fault:
        return fault
    pixel_values, found = answer
    canvas, boxes = _padded(images, targets)
    if not is_close(pixel_values, canvas):
        return (
            "the pixels are elsewhere. Hint: an image lies in the upper left corner; the rest is 0."
        )
    for image, (target, given, right) in enumerate(zip(found, targets, boxes)):
        if not torch.equal(target["class_labels"], given["class_labels"]):
            return f"the labels of image {image} have changed. Hint: padding changes boxes alone."
        if not is_close(target["boxes"], right):
            return _box_fault(
                image, target["boxes"].double(), given["boxes"].double(), right.double()
            )
    return None


def _box_fault(image, found, given, right):
    """What is wrong with the boxes of an image that was padded."""
    if torch.allclose(found, given):
        return (
            f"the boxes of image {image} are still fractions of the image. Hint: of the canvas "
            "they are smaller."
        )
    if torch.allclose(found[:, :2], right[:, :2], atol=1e-5):
        return (
            f"in image {image} only the centers moved. Hint: width and height are fractions of the "
            "canvas, too."
        )
    return (
        f"the boxes of image {image} are wrong. Hint: x and width times w / W, y and height times "
        "h / H."
    )


def _epoch_fault(kept, targets):
    alike = len(kept) == len(targets) and all(
        set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in other)
        for one, other in zip(kept, targets)
    )
    if alike:
        return None
    return (
        "the given targets have changed, so the next epoch scales them again. Hint: new dicts, and "
        "no *= on boxes."
    )


def _changed(targets, field, change):
    return [{**target, field: change(target[field])} for target in targets]
