"""The checks of notebook 13: four treatments that mend nine tickets, each judged patient by patient."""

import warnings

import numpy as np
import torch

from helpers.boxes import center_to_corners
from helpers.checks import NOT_ATTEMPTED, attempt, is_close
from helpers.detector import detection_outputs
from helpers.loss import TOTAL_WEIGHTS, SetCriterion, base_name
from helpers.matcher import HungarianMatcher
from helpers.scenes import NUM_CLASSES, HandwrittenScenes
from helpers.targets import coco_target
from helpers.training.recipe import Recipe, build_model

EOS_COEF = 0.4
WEIGHTS = {name: TOTAL_WEIGHTS[name] for name in ("loss_ce", "loss_bbox", "loss_giou")}


def check_mended(mend_data_set):
    """Notebook 13, tickets 1 to 3: `mend_data_set(targets, num_classes) -> targets`."""
    print(_judge(mend_data_set, _data_set_patients(), "healthy data sets are left alone, sick ones are mended whole."))


def check_guarded_total(guarded_total):
    """Notebook 13, tickets 4 to 6: `guarded_total(losses, weights) -> scalar`, or a ValueError."""
    print(_judge(guarded_total, _loss_patients(), "what has a weight is summed, and an impossible term stops the run."))


def check_deep_loss(deep_loss):
    """Notebook 13, tickets 8 and 9: `deep_loss(model, pixel_values, targets) -> scalar`, or a ValueError."""
    print(_judge(deep_loss, _model_patients(), "all layers are graded, and no target is dropped in silence."))


def check_padded(pad_batch):
    """Notebook 13, ticket 12: `pad_batch(images, targets) -> pixel_values, targets`; draws what it returns."""
    verdict = _judge(pad_batch, _padding_patients(), "boxes follow the canvas, and what was given stays as it was.")
    print(verdict)
    images, targets = _unequal_scenes()
    if verdict == NOT_ATTEMPTED or any(attempt(lambda: _padding_fault(pad_batch, images, targets, True) or "")):
        return
    from helpers.figures import show
    from helpers.figures.clinic import padded_figure

    pixel_values, boxes = _padded(images, targets)
    found = [target["boxes"] for target in pad_batch(images, targets)[1]]
    show(padded_figure(pixel_values, boxes, found), "Your boxes, dashed, on the targets of a padded batch.")


def _judge(treatment, patients, praise):
    """The verdict: `patients` are (name, function of the treatment that returns a fault or None), mildest first."""
    mended = []
    for name, fault_of in patients:
        hint = "run this case alone."
        fault, verdict = attempt(lambda fault_of=fault_of: fault_of(treatment) or "", hint=hint, case=f", on {name}")
        if fault == NOT_ATTEMPTED:
            return NOT_ATTEMPTED
        if fault or verdict:
            done = f" (mended so far: {', '.join(mended)})" if mended else ""
            return (verdict or f"not yet, on {name}: {fault}") + done
        mended.append(name)
    return f"correct: {praise} Mended: {', '.join(sorted(name for name in mended if 'ticket' in name))}."


def _scenes(sizes, first_label=0):
    """Targets with these numbers of objects; together they have every label from `first_label` to 9, in this order."""
    labels = torch.arange(sum(sizes)) % (NUM_CLASSES - first_label) + first_label
    generator = torch.Generator().manual_seed(0)
    sides = 0.2 + 0.2 * torch.rand(sum(sizes), 2, generator=generator)
    center = sides / 2 + (1 - sides) * torch.rand(sum(sizes), 2, generator=generator)
    boxes = torch.cat([center, sides], dim=1)
    boxes[0] = torch.tensor([0.575, 0.575, 0.25, 0.25])  # its corners fit into the image as a centre box, too
    return [
        {"class_labels": part, "boxes": box}
        for part, box in zip(labels.split(list(sizes)), boxes.split(list(sizes)), strict=True)
    ]


def _data_set_patients():
    healthy, without_zero, one_empty = _scenes([1, 4, 6]), _scenes([2, 3, 3], first_label=1), _scenes([3, 0, 8])
    nothing = torch.tensor([])
    from_one = _changed(healthy, "class_labels", lambda labels: labels + 1)
    malformed = [target if len(target["boxes"]) else dict.fromkeys(target, nothing) for target in one_empty]
    complications = _changed(malformed, "boxes", lambda boxes: center_to_corners(boxes) if len(boxes) else boxes)
    complications = _changed(complications, "class_labels", lambda labels: labels + 1)
    cases = {
        "a healthy data set": (healthy, healthy),
        "a healthy one in which no label is 0": (without_zero, without_zero),
        "ticket 1": (from_one, healthy),
        "ticket 2": (_changed(healthy, "boxes", center_to_corners), healthy),
        "ticket 3": (malformed, one_empty),
        "all three at once": (complications, one_empty),
    }
    for name, (given, wanted) in cases.items():
        yield name, lambda mend, given=given, wanted=wanted: _data_set_fault(mend(_copy(given), NUM_CLASSES), wanted)


def _data_set_fault(answer, wanted):
    if answer is None:
        return NOT_ATTEMPTED
    if not isinstance(answer, list) or len(answer) != len(wanted):
        return "Hint: return a list with one target for every image, empty images included."
    for image, (found, right) in enumerate(zip(answer, wanted)):
        if not isinstance(found, dict) or set(found) != set(right):
            return "Hint: every target is a dict of class_labels and boxes."
        labels, boxes = found["class_labels"], found["boxes"]
        if labels.dtype != torch.int64 or labels.shape != right["class_labels"].shape:
            return (
                f"image {image} has labels {tuple(labels.shape)} of {labels.dtype}. Hint: (T,) int64, also for T = 0."
            )
        if not torch.equal(labels, right["class_labels"]):
            return (
                f"the labels of image {image} are {labels.tolist()}, not {right['class_labels'].tolist()}. Hint: K "
                "anywhere in the data set gives all its labels away; without it, leave them alone."
            )
        if boxes.shape != right["boxes"].shape:
            return f"image {image} has boxes of shape {tuple(boxes.shape)}. Hint: .reshape(-1, 4), also for none."
        if not torch.allclose(boxes, right["boxes"], atol=1e-5):
            return (
                f"the boxes of image {image} are wrong. Hint: if one box of the data set leaves the image as a centre "
                "box, all boxes are corners; otherwise leave them alone."
            )
    return None


def _loss_patients():
    terms = {"loss_ce": 1.5, "loss_bbox": 0.25, "loss_giou": 0.625, "cardinality_error": 7.0, "class_error": 87.5}
    layers = {**terms, **{f"{name}_{layer}": value + 0.125 for name, value in terms.items() for layer in (0, 11)}}
    perfect = {"loss_ce": 0.5, "loss_bbox": 0.0, "loss_giou": 0.0, "cardinality_error": 0.0}
    nan, negative = {**terms, "loss_bbox": float("nan")}, {**layers, "loss_giou_11": -800.0}
    yield "one layer", lambda total: _total_fault(total, terms)
    yield "a batch without objects", lambda total: _total_fault(total, perfect)
    yield "ticket 6", lambda total: _total_fault(total, layers)
    yield "ticket 4", lambda total: _alarm_fault(total, nan, "a term is NaN")
    yield "ticket 5", lambda total: _alarm_fault(total, negative, "loss_giou_11 is -800")


def _total_fault(total, terms):
    losses = {name: torch.tensor(value, requires_grad="error" not in name) for name, value in terms.items()}
    value = total(losses, dict(WEIGHTS))
    if value is None:
        return NOT_ATTEMPTED
    weighted = {name: (WEIGHTS.get(base_name(name), 0.0), number) for name, number in terms.items()}
    expected = sum(weight * number for weight, number in weighted.values())
    found = float(torch.as_tensor(value).detach())
    for wrong, sentence in (
        (sum(terms.values()), "you sum everything. Hint: a term without a weight is only to look at."),
        (sum(v for w, v in weighted.values() if w), "the terms are not weighted. Hint: 1, 5 and 2."),
        (
            sum(w * v for name, (w, v) in weighted.items() if name in WEIGHTS),
            'only the last layer counts. Hint: "loss_ce_11" weighs what "loss_ce" weighs; cut the number off.',
        ),
    ):
        if not is_close(found, expected) and is_close(found, wrong):
            return sentence
    if not is_close(found, expected):
        return f"you give {found:.3f}, but it is {expected:.3f}. Hint: weight times value, over all layers."
    if not isinstance(value, torch.Tensor) or value.grad_fn is None:
        return "the number is right, but carries no gradient. Hint: stay with tensors; no item(), no float()."
    return None


def _alarm_fault(total, terms, what):
    try:
        value = total({name: torch.tensor(number) for name, number in terms.items()}, dict(WEIGHTS))
    except ValueError:
        return None
    except Exception as error:
        return f"{what}, and you raise {type(error).__name__}. Hint: raise a ValueError that names the term."
    return f"{what}, and you return {float(value):.2f}. Hint: raise a ValueError; training on would hide the cause."


def _model_patients():
    model = build_model(Recipe(hidden_size=32, layers=3)).eval()
    torch.nn.init.normal_(model.class_labels_classifier.layers[-1].bias)  # opinions, so that weights matter
    model.config.eos_coefficient = EOS_COEF
    pixel_values = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    yield "ticket 9", lambda loss: _deep_fault(loss, model, pixel_values, _scenes([3, 2]))
    yield "an empty image", lambda loss: _deep_fault(loss, model, pixel_values, _scenes([12, 0]))
    yield "ticket 8", lambda loss: _crowd_fault(loss, model, pixel_values, _scenes([1, 13]))


def _deep_fault(loss, model, pixel_values, targets):
    model.zero_grad()
    value = loss(model, pixel_values, targets)
    if value is None:
        return NOT_ATTEMPTED
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        return f"it returns a {type(value).__name__}. Hint: one number, SetCriterion.total of the dict."
    outputs = detection_outputs(model, pixel_values)
    last = {name: outputs[name] for name in ("logits", "pred_boxes")}
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, EOS_COEF)
    losses = criterion(outputs, targets)
    expected = criterion.total(losses)
    plain = SetCriterion(HungarianMatcher(), NUM_CLASSES)
    for wrong, sentence in (
        (criterion.total(criterion(last, targets)), "only the last layer is graded. Hint: detection_outputs has all."),
        (plain.total(plain(outputs, targets)), "eos_coef is 0.1. Hint: take model.config.eos_coefficient."),
        (sum(losses.values()), "you sum the dict. Hint: SetCriterion.total knows the weights."),
    ):
        if not is_close(value, expected) and is_close(value, wrong):
            return sentence
    if not is_close(value, expected):
        return f"you give {float(value.detach()):.3f}, but it is {float(expected.detach()):.3f}. Hint: see the ward."
    if value.grad_fn is None:
        return "the number is right, but carries no gradient. Hint: no torch.no_grad(), no detach()."
    return None


def _crowd_fault(loss, model, pixel_values, targets):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loss(model, pixel_values, targets)
    except ValueError as error:
        return None if str(error) else "the ValueError says nothing. Hint: name the image and both numbers."
    return "13 objects, 12 tokens, and it goes on. Hint: raise a ValueError if an image has more objects than tokens."


def _padding_patients():
    images, targets = _unequal_scenes()
    alike, empty = (
        [images[0], images[0]],
        [targets[0], {"class_labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)}],
    )
    yield "images of one size", lambda pad: _padding_fault(pad, alike, [targets[0], targets[0]])
    yield "ticket 12", lambda pad: _padding_fault(pad, images, targets)
    yield "an image without objects", lambda pad: _padding_fault(pad, images, empty)
    yield "the next epoch", lambda pad: _epoch_fault(pad, images, targets)


def _unequal_scenes():
    """Two scenes, the second stretched to be wider and lower, and their targets in fractions of their own image."""
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
    scales = [torch.tensor([image.shape[2] / width, image.shape[1] / height] * 2) for image in images]
    return pixel_values, [target["boxes"] * scale for target, scale in zip(targets, scales)]


def _padding_fault(pad_batch, images, targets, shapes_alone=False):
    answer = pad_batch([image.clone() for image in images], _copy(targets))
    if answer is None:
        return NOT_ATTEMPTED
    form = "Hint: return two things, a tensor (B, 3, H, W) and a list of B dicts."
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[0], torch.Tensor):
        return f"it returns a {type(answer).__name__}. {form}"
    pixel_values, found = answer
    canvas, boxes = _padded(images, targets)
    if pixel_values.shape != canvas.shape:
        return (
            f"the tensor is {tuple(pixel_values.shape)}, not {tuple(canvas.shape)}. Hint: the largest h, the largest w."
        )
    if len(found) != len(targets) or any(set(target) != {"class_labels", "boxes"} for target in found):
        return f"the targets have another form. {form} Each has class_labels and boxes."
    for image, (target, right) in enumerate(zip(found, boxes)):
        if target["boxes"].shape != right.shape:
            return f"image {image} has boxes {tuple(target['boxes'].shape)}. Hint: {tuple(right.shape)}, as given."
    if shapes_alone:
        return None
    if not torch.equal(pixel_values, canvas):
        return "the pixels are elsewhere. Hint: an image lies in the upper left corner; the rest is 0."
    for image, (target, given, right) in enumerate(zip(found, targets, boxes)):
        if not torch.equal(target["class_labels"], given["class_labels"]):
            return f"the labels of image {image} have changed. Hint: padding changes boxes alone."
        if not torch.allclose(target["boxes"], right, atol=1e-5):
            return _box_fault(image, target["boxes"], given["boxes"], right)
    return None


def _box_fault(image, found, given, right):
    """What is wrong with the boxes of an image that was padded."""
    if torch.allclose(found, given):
        return f"the boxes of image {image} are still fractions of the image. Hint: of the canvas they are smaller."
    if torch.allclose(found[:, :2], right[:, :2], atol=1e-5):
        return f"in image {image} only the centers moved. Hint: width and height are fractions of the canvas, too."
    return f"the boxes of image {image} are wrong. Hint: x and width times w / W, y and height times h / H."


def _epoch_fault(pad_batch, images, targets):
    images, kept = [image.clone() for image in images], _copy(targets)
    pad_batch(images, kept)
    if all(torch.equal(one[name], other[name]) for one, other in zip(kept, targets) for name in one):
        return None
    return "the given targets have changed, so the next epoch scales them again. Hint: new dicts, and no *= on boxes."


def _changed(targets, field, change):
    return [{**target, field: change(target[field])} for target in targets]


def _copy(targets):
    return [{name: value.clone() for name, value in target.items()} for target in targets]
