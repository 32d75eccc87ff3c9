"""What a training shows of itself, in words: each symptom is a function of numbers, and says a
sentence or nothing.
"""

import torch

from helpers.boxes import box_iou, center_to_corners, corners_to_center

QUIET_STEPS = 500  # after which a detector should have claimed something
FIRST_STEPS = (
    20  # in which boxes may be one: transformers starts all detection tokens of a YOLOS at zero
)
SAME_PLACE = 0.01  # of the image: boxes closer together than this are one
ENOUGH_LABELS = 500  # before it is odd that a class was never seen
# a trained checkpoint: so much of its matched guesses says the right class, or overlaps by so much
SKILLED = 0.5
MANY_TIMES = 4  # how much dearer a loss must be than in another format


def silence(step, claimed, share):
    """Nothing is claimed after many steps. `share`: no-object's share of the class weight.

    >>> silence(500, 0, 0.93)
    'no-object has 93 % of the class weight and nothing is claimed after 500 steps: lower eos_coef, or wait.'
    """  # noqa: E501
    if step < QUIET_STEPS or claimed:
        return None
    weight = f"no-object has {100 * share:.0f} % of the class weight"
    return f"{weight} and nothing is claimed after {step} steps: lower eos_coef, or wait."


def one_box(step, boxes):
    """All boxes of all images (B, N, 4) are one box."""
    if (
        step < FIRST_STEPS
        or boxes.shape[1] < 2
        or float(boxes.flatten(0, 1).std(0).max()) > SAME_PLACE
    ):
        return None
    said = [round(value, 2) for value in boxes.flatten(0, 1).mean(0).tolist()]
    return (
        f"all boxes are one box, {said}, after {step} steps: the tokens must start apart, each "
        "with values of its own; "
        "the learning rate may be too high."
    )


def labels_seen(counts, num_labels):
    """What the labels seen so far, counted by value from 0 (more than K long), say of how they are
    numbered.

    >>> labels_seen(torch.tensor([0, 300, 300, 2]), num_labels=3)
    'targets look 1-based: label 3, which is no-object, appears 2 times. Subtract 1 from every label.'
    >>> labels_seen(torch.tensor([0, 300, 300, 0]), num_labels=3)
    'targets look 1-based: class 0 never appears in 600 objects, all others do. Look at the ids of the categories.'
    """  # noqa: E501
    total, unseen = int(counts.sum()), (counts[:num_labels] == 0).nonzero()[:, 0].tolist()
    beyond = int(counts[num_labels:].sum())
    if beyond:
        return (
            f"targets look 1-based: label {num_labels}, which is no-object, appears {beyond} "
            "times. "
            "Subtract 1 from every label."
        )
    if total < ENOUGH_LABELS or num_labels < 3 or unseen not in ([0], [num_labels - 1]):
        return None
    which = "0" if unseen == [0] else f"K - 1 = {num_labels - 1}"
    base = "1-based" if unseen == [0] else "1-based and shifted, or num_labels is one too many"
    return (
        f"targets look {base}: class {which} never appears in {total} objects, all others do. "
        "Look at the ids of the categories."
    )


READINGS = {
    "corners (left, top, right, bottom)": lambda boxes: corners_to_center(boxes),
    "left, top, width, height": lambda boxes: torch.cat(
        [boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]], 1
    ),
    "percent": lambda boxes: boxes / 100,
}


def other_format(outputs, targets, criterion, size):
    """A trained checkpoint tells whether targets are in its format: its loss is far smaller in
    another one.

    Args: outputs and targets of some images; a `SetCriterion`; size: (height, width) of the canvas
    in pixels."""
    readings = {
        **READINGS,
        "pixels": lambda boxes: boxes / boxes.new_tensor([size[1], size[0]] * 2),
    }
    losses, skill = {}, {}
    for name, read in {"": lambda boxes: boxes, **readings}.items():
        told = [{**target, "boxes": read(target["boxes"])} for target in targets]
        losses[name] = float(criterion.total(criterion(outputs, told)))
        skill[name] = overlap_and_accuracy(outputs, told, criterion)
    best = min(losses, key=losses.get)
    times = losses[""] / max(losses[best], 1e-6)
    if best and min(skill[best]) > SKILLED and times > MANY_TIMES:
        return (
            f"with boxes read as {best}, the loss of this trained checkpoint is {times:.0f} times "
            "smaller: convert them to centre and size, as fractions of the image."
        )
    down = [
        {**target, "class_labels": (target["class_labels"] - 1).clamp(min=0)} for target in targets
    ]
    shifted = overlap_and_accuracy(outputs, down, criterion)
    if skill[""][1] < 0.2 and min(shifted) > SKILLED:
        return (
            "this trained checkpoint calls the objects by their labels minus 1: targets look "
            "1-based."
        )
    return None


def overlap_and_accuracy(outputs, targets, criterion):
    """Mean IoU of the matched guesses, and the share of them that says the right class."""
    overlap, right = [], []
    num_classes = criterion.num_classes
    for image, (prediction, target) in enumerate(criterion.matcher(outputs, targets)):
        guess, truth = outputs["pred_boxes"][image, prediction], targets[image]["boxes"][target]
        overlap.append(box_iou(center_to_corners(guess), center_to_corners(truth)))
        said = outputs["logits"][image, prediction, :num_classes].argmax(-1)
        right.append((said == targets[image]["class_labels"][target]).float())
    overlap, right = torch.cat(overlap), torch.cat(right)
    return (float(overlap.mean()), float(right.mean())) if len(overlap) else (0.0, 0.0)


def not_finite(step, culprit, norm_before):
    """A step whose loss or gradient is not finite.

    `culprit`: the first of what it was made from that is not.
    """
    causes = {
        "pixel_values": "the pictures hold NaN or infinity",
        "boxes": "the targets' boxes hold NaN or infinity",
        "logits": (
            f"the model says NaN; its gradient norm was {norm_before:.3g} before: lower the rate, "
            "warm up, clip"
        ),
        "pred_boxes": (
            f"the model says NaN boxes; its gradient norm was {norm_before:.3g} before: lower the "
            "rate, clip"
        ),
        "loss": (
            "outputs and targets are finite, but the loss is not: boxes without area, or half "
            "precision"
        ),
        "gradient": (
            "the loss is finite, but its gradient is not: half precision, or a division by zero"
        ),
    }
    return f"step {step} is not finite: {causes[culprit]}."


def burst(step, norm, usual):
    """A gradient far above its usual length."""
    if not (norm > 100 * usual > 0):
        return None
    times = f"{norm / usual:.0f} times as long as usual"
    return f"the gradient of step {step} is {times}: clip gradients, or lower the rate."
