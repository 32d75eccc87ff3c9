"""The contract: what matcher and loss refuse, each with a sentence that names the argument, the
image and the cure.

Everything here runs at every step, so it looks at shapes, dtypes and labels in as few tensor
operations as possible. Box values are looked at once, by `helpers.targets.validate_targets`."""

import math
import sys
import warnings
from collections.abc import Mapping, Sequence, Set
from numbers import Integral, Real

import numpy as np
import torch

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
LARGEST = 1e30  # of a weight: times a cost it still fits float32


def check_num_classes(num_classes):
    """Raise ValueError unless K is a whole number from 1 on."""
    if (
        isinstance(num_classes, bool)
        or not isinstance(num_classes, Integral)
        or not 1 <= num_classes < 2**31
    ):
        raise ValueError(
            f"num_classes is {shown(num_classes)}; give the number of classes without no-object, "
            "at least 1."
        )


def check_num_predictions(num_predictions):
    """Raise ValueError unless N is a whole number from 1 on."""
    whole = isinstance(num_predictions, Integral) and not isinstance(num_predictions, bool)
    if not whole or not 1 <= num_predictions < 2**31:
        raise ValueError(
            f"num_predictions is {shown(num_predictions)}; give N, the predictions of one image."
        )


def check_number(name, value, least=-LARGEST):
    """The number as a float; TypeError or ValueError unless it is one, finite and from `least` on.

    >>> check_number("eos_coef", 1, least=0)
    1.0
    """
    if isinstance(value, torch.Tensor) and value.numel() == 1 and value.dtype in FLOATS + INTEGERS:
        value = None if value.device.type == "meta" else value.item()
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {shown(value)}; give a number.")
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond float64
        number = math.inf
    if not least <= number <= LARGEST:
        bound = f" of at least {least}" if least > -LARGEST else ""
        raise ValueError(
            f"{name} is {shown(value)}; give a finite number{bound}, and not beyond {LARGEST:g}."
        )
    return number


def check_divisor(name, value):
    """The number as a float, or None where none is given; TypeError or ValueError unless one can
    divide by it.
    """
    if value is None:
        return None
    number = check_number(name, value)
    if number < 1 / LARGEST:
        raise ValueError(
            f"{name} is {shown(value)}; give that of all batches together, as `normalizers` does."
        )
    return number


def check_switch(name, value):
    """Whether a switch is on; TypeError unless it is True or False: "no" would count as true.

    >>> check_switch("suppress", False)
    False
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {shown(value)}; give True or False.")
    return bool(value)


def check_matcher(matcher):
    """Raise TypeError unless it can be called, as a matcher is."""
    if callable(matcher) and not isinstance(matcher, type):
        return
    if isinstance(matcher, Integral) and not isinstance(matcher, bool):
        raise TypeError(
            f"matcher is {shown(matcher)}, a number, as in DETR's SetCriterion(num_classes, "
            "matcher, weight_dict, ...); here matcher stands first, and num_classes second, then "
            "eos_coef, losses, weights: name them."
        )
    raise TypeError(f"matcher is {shown(matcher)}; give a callable such as HungarianMatcher().")


def check_names(argument, names, known):
    """A tuple of names, all of them known."""
    if isinstance(names, (str, bytes)) or not isinstance(names, (Sequence, Set)):
        raise TypeError(
            f'{argument} is {shown(names)}; make it a tuple of names such as ("labels", "boxes").'
        )
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise ValueError(f"{argument} names {shown(name)}; use some of {sorted(known)}.")
    return tuple(names)


def check_weights(weights, known):
    """Weights by name as floats, those of `known` where none is given.

    `known` of None takes any name.
    """
    if not isinstance(weights, Mapping):
        raise TypeError(f'weights is {shown(weights)}; make it a dict such as {{"loss_ce": 1.0}}.')
    for name in weights:
        if known is not None and name not in known:
            raise ValueError(f"weights names {name!r}; use some of {sorted(known)}.")
    return {name: check_number(f"weights[{name!r}]", weight) for name, weight in weights.items()}


def check_functions(name, functions, example):
    """Functions by name as a dict of their own; None is no function at all."""
    functions = {} if functions is None else functions
    if not isinstance(functions, Mapping) or not all(
        callable(function) for function in functions.values()
    ):
        raise TypeError(f"{name} must be a dict of functions by name, such as {example}.")
    return dict(functions)


def check_term(name, found):
    """Raise TypeError unless a term of the loss returned a dict."""
    if not isinstance(found, Mapping):
        raise TypeError(
            f'terms["{name}"] returned {type(found).__name__}; make it a dict of scalars by key.'
        )
    return found


def count_classes(part, logits):
    """K in logits (..., K + 1), or (..., K) where the cost or the class loss says so: it has
    `count_classes`.

    >>> count_classes(None, torch.zeros(2, 4))
    3
    """
    columns = logits.shape[-1]
    count = getattr(part, "count_classes", None)
    num_classes = columns - 1 if count is None else count(columns)
    if num_classes < 1:
        least = (
            "two columns: one class, and no-object last"
            if count is None
            else "one column for each class"
        )
        raise ValueError(f'outputs["logits"] has {columns} columns and needs at least {least}.')
    return num_classes


def count_images(targets):
    """B, the number of dicts in a list of targets.

    TypeError or ValueError if it is no list, or an empty one.
    """
    if not isinstance(targets, Sequence) or isinstance(targets, str):
        raise TypeError(
            "targets must be a list with one dict per image; wrap a single image's dict in a list."
        )
    if not targets:
        raise ValueError(
            "targets is empty; give one dict per image, also for images without objects."
        )
    return len(targets)


def flatten_targets(targets, num_classes):
    """Put the targets of all images one after another: labels (sum T,), boxes (sum T, 4) and the
    list of T.

    Raises TypeError or ValueError on a wrong field, shape, dtype or label; box values are not
    looked at."""
    count_images(targets)
    devices = [_check_fields(image, target) for image, target in enumerate(targets)]
    for image, device in enumerate(devices):
        if device != devices[0]:
            raise ValueError(
                f'targets[{image}]["boxes"] is on {device} and targets[0]["boxes"] on '
                f"{devices[0]}; put all on one device."
            )
    if targets[0]["boxes"].is_meta:
        raise ValueError(
            'targets[0]["boxes"] is on the device "meta", which holds no numbers; give real '
            "tensors."
        )
    labels = joined([target["class_labels"] for target in targets])
    boxes = joined([target["boxes"] for target in targets])
    sizes = [target["class_labels"].numel() for target in targets]  # at a third of the price of len
    if labels.numel() and not _in_range(labels, num_classes):
        _raise_on_label(labels, sizes, num_classes)
    return labels, boxes, sizes


def joined(tensors):
    """Tensors one after another; a copy only where there are several."""
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)


def watched():
    """Whether a mode, such as `helpers.meters.HostReads`, looks at what torch does: it would see
    nothing of NumPy's work.
    """
    return torch._C._len_torch_function_stack() > 0 or torch._C._len_torch_dispatch_stack() > 0


def check_masks(image, target):
    """Raise unless the target of this image has `masks` (T, H, W), one for each of its labels."""
    masks, count = target.get("masks"), len(target["class_labels"])
    if not isinstance(masks, torch.Tensor):
        raise TypeError(
            f'targets[{image}]["masks"] is {type(masks).__name__}; make it a tensor ({count}, H, '
            "W)."
        )
    if masks.ndim != 3 or len(masks) != count or 0 in masks.shape[1:]:
        shape = tuple(masks.shape)
        raise ValueError(
            f'targets[{image}]["masks"] has shape {shape} beside {count} labels; make it ({count}, '
            "H, W)."
        )
    if (
        masks.layout != torch.strided
        or masks.dtype not in (torch.bool, *INTEGERS, *FLOATS)
        or masks.is_meta
    ):
        where = " on the device meta" if masks.is_meta else ""
        raise TypeError(f'targets[{image}]["masks"] is {kind(masks)}{where}; make it torch.bool.')


def canvas_of(targets):
    """(H, W), the size of the largest mask: that of the batch, where each image's masks have its
    own size.
    """
    shapes = [
        target["masks"].shape
        for image, target in enumerate(targets)
        if check_masks(image, target) is None
    ]
    return max(shape[-2] for shape in shapes), max(shape[-1] for shape in shapes)


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


def layers_of(outputs):
    """The last layer's outputs, then the auxiliary ones.

    What looks like layers under another name is refused.
    """
    if not isinstance(outputs, Mapping):
        return [outputs]  # check_layers has the sentence
    for name, value in outputs.items():
        first = value[0] if isinstance(value, (list, tuple)) and value else value
        if (
            name != "auxiliary_outputs"
            and isinstance(first, Mapping)
            and not _BOXES.isdisjoint(first)
        ):
            raise ValueError(
                f'outputs["{name}"] looks like the outputs of other layers; call them '
                '"auxiliary_outputs" to have them '
                'judged, or leave them out. Outputs with "aux_outputs" are those of '
                "helpers.detr_engine.DetrCriterion."
            )
    auxiliary = outputs.get("auxiliary_outputs")
    if not isinstance(auxiliary, (list, tuple, type(None))):
        raise TypeError(
            f'outputs["auxiliary_outputs"] is {type(auxiliary).__name__}; make it a list of dicts.'
        )
    return [outputs, *(auxiliary or ())]


def check_layers(layers, targets):
    """Raise ValueError or TypeError unless each layer holds "logits" (B, N, columns) and
    "pred_boxes" (B, N, 4).
    """
    num_images = count_images(targets)
    if not layers:
        raise ValueError("layers is empty; give the outputs of one layer at least.")
    for depth, layer in enumerate(layers):
        # The last layer stands first, before the auxiliary ones.
        called = f'outputs["auxiliary_outputs"][{depth - 1}]' if depth else "outputs"
        _check_layer(layer, called, num_images)
        logits, last = layer["logits"], layers[0]["logits"]
        if logits.shape != last.shape:
            shapes = f"{tuple(logits.shape)}; make it {tuple(last.shape)}"
            raise ValueError(f'{called}["logits"] has shape {shapes}, as in the last layer.')
        if logits.device != last.device:
            devices = f"{logits.device} and the last layer's on {last.device}"
            raise ValueError(f'{called}["logits"] is on {devices}; put all on one device.')


def join_pairs(pairs, num_predictions, sizes, called="matcher"):
    """A match as three CPU indices (M,): image, prediction, target.

    A sentence for one that does not fit the batch.

    >>> join_pairs([([1], [0]), ([0, 2], [1, 0])], num_predictions=3, sizes=[1, 2])
    (tensor([0, 1, 1]), tensor([1, 0, 2]), tensor([0, 1, 0]))
    """
    if not isinstance(pairs, (list, tuple)) or len(pairs) != len(sizes):
        given = (
            f"{len(pairs)} entries"
            if isinstance(pairs, (list, tuple))
            else f"a {type(pairs).__name__}"
        )
        raise ValueError(
            f"{called} returned {given}; make it a list with one pair of indices for {len(sizes)} "
            "images."
        )
    pairs = [as_pair(pair, image, called) for image, pair in enumerate(pairs)]
    prediction, target = (joined(parts) for parts in zip(*pairs))
    image = np.arange(len(sizes)).repeat([index.numel() for index, _ in pairs])
    counts = {"prediction": num_predictions, "target": np.array(sizes, np.uint64)[image]}
    for (name, count), index in zip(counts.items(), (prediction.numpy(), target.numpy())):
        wrong = index.view(np.uint64) >= count  # as unsigned, -1 is the largest
        if wrong.any():
            row = wrong.argmax()
            raise ValueError(
                f"{called} gave image {image[row]} the {name} {index[row]}, but it has only "
                f"{np.broadcast_to(count, wrong.shape)[row]}; is this the match of another batch?"
            )
    return torch.from_numpy(image), prediction, target


def as_pair(pair, image, called="matcher"):
    """One image's (prediction_index, target_index) as two int64 CPU tensors (M,); a sentence for
    anything else.
    """
    prediction, target = (
        pair if isinstance(pair, (list, tuple)) and len(pair) == 2 else (None, None)
    )
    if (
        _is_index(prediction) and _is_index(target) and prediction.shape == target.shape
    ):  # a matcher's own, most often
        return pair
    try:
        prediction, target = (torch.as_tensor(index).cpu() for index in pair)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise TypeError(
            f"{called} returned no pair of index tensors for image {image}; see HungarianMatcher."
        ) from None
    for index in (prediction, target):
        if index.layout != torch.strided or (index.numel() and index.dtype not in INTEGERS):
            raise TypeError(
                f"{called} returned {kind(index)} indices for image {image}; make them torch.int64."
            )
    if prediction.ndim != 1 or prediction.shape != target.shape:
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(
            f"{called} returned indices of shapes {shapes} for image {image}; make both (M,)."
        )
    return prediction.long(), target.long()


def warn(sentence):
    """A warning that points at the first line outside of torch and of this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in (
        "torch",
        __package__,
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, stacklevel=level)


_BOXES = frozenset(("logits", "pred_logits", "pred_boxes"))


def _is_index(index):
    return (
        isinstance(index, torch.Tensor)
        and index.dtype == torch.int64
        and index.ndim == 1
        and index.is_cpu
    )


def is_floating(tensor):
    """Whether this is an ordinary dense tensor of one of `FLOATS`."""
    return (
        isinstance(tensor, torch.Tensor)
        and tensor.dtype in FLOATS
        and tensor.layout is torch.strided
    )


def kind(tensor):
    """What a tensor is that it should not be: its dtype, or its layout where that is none of the
    usual.
    """
    return tensor.dtype if tensor.layout == torch.strided else tensor.layout


def shown(value):
    """A value for a sentence: not more than a line of it."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        text = f"a {type(value).__name__} too long to write"
    return text if len(text) <= 80 else f"{text[:60]} ..."


def _check_fields(image, target):
    # Attributes only: no tensor operation per image, which would cost more than the matching.
    # `dict` stands first because `Mapping` takes twice as long to ask.
    mapping = isinstance(target, (dict, Mapping))
    if not mapping or "class_labels" not in target or "boxes" not in target:
        raise ValueError(f'targets[{image}] must be a dict with "class_labels" and "boxes".')
    labels, boxes = target["class_labels"], target["boxes"]
    if not isinstance(labels, torch.Tensor) or not isinstance(boxes, torch.Tensor):
        raise TypeError(
            f"targets[{image}] must hold tensors; convert class_labels and boxes with torch.tensor."
        )
    if labels.dtype is not torch.int64 or labels.layout is not torch.strided:
        raise TypeError(
            f'targets[{image}]["class_labels"] is {kind(labels)}; make it torch.int64 '
            "(an image without objects needs torch.zeros(0, dtype=torch.int64))."
        )
    if not is_floating(boxes):
        raise TypeError(
            f'targets[{image}]["boxes"] is {kind(boxes)}; make it floating point, torch.float32, '
            "normalised to [0, 1]."
        )
    if labels.ndim != 1:
        raise ValueError(
            f'targets[{image}]["class_labels"] has shape {tuple(labels.shape)}; make it (T,).'
        )
    if boxes.shape != (labels.numel(), 4):
        raise ValueError(
            f'targets[{image}]["boxes"] has shape {tuple(boxes.shape)} beside {len(labels)} '
            "labels; make it "
            f"({len(labels)}, 4)" + ("." if len(labels) else ", for example torch.zeros(0, 4).")
        )
    device = boxes.device
    if device != labels.device:
        raise ValueError(
            f'targets[{image}]["boxes"] is on {device} and its labels on {labels.device}; '
            "put all on one device."
        )
    return device


def _in_range(labels, num_classes):
    if labels.is_cpu and not watched():
        values = labels.tolist()  # Python: in a small batch in a third of the time
        return min(values) >= 0 and max(values) < num_classes
    low, high = (int(value) for value in labels.aminmax())
    return low >= 0 and high < num_classes


def _raise_on_label(labels, sizes, num_classes):
    row = int(((labels < 0) | (labels >= num_classes)).nonzero()[0])
    image, place = locate(row, sizes)
    label = int(labels[row])
    if label < 0:
        cure = f"use 0 to {num_classes - 1}, and drop what is to be ignored."
    elif int(labels.max()) == num_classes:
        cure = (
            f'{num_classes} means "no object" and is never a target, as the classes are 0 to '
            f"{num_classes - 1}; are your labels counted from 1?"
        )
    else:
        cure = (
            f"number the classes 0 to {num_classes - 1}, without gaps; COCO's own category ids, "
            "which reach 90 for 80 "
            "classes, must be renumbered."
        )
    raise ValueError(f'targets[{image}]["class_labels"][{place}] is {label}: {cure}')


def _check_layer(outputs, called, num_images):
    if not isinstance(outputs, Mapping):
        raise TypeError(
            f'{called} must be a dict with "logits" and "pred_boxes", not {type(outputs).__name__}.'
        )
    for name in ("logits", "pred_boxes"):
        if name not in outputs:
            wanted = (
                'give the model\'s logits and pred_boxes ("pred_logits" is read by '
                "helpers.detr_engine)."
            )
            raise ValueError(f'{called} has no "{name}"; {wanted}')
        if not is_floating(outputs[name]):
            raise TypeError(
                f'{called}["{name}"] must be a floating point tensor; convert it with .float().'
            )
        if outputs[name].ndim != 3:
            shape = tuple(outputs[name].shape)
            raise ValueError(
                f'{called}["{name}"] has shape {shape}; add the image as first dimension: (B, N, '
                "...)."
            )
    logits, pred_boxes = outputs["logits"], outputs["pred_boxes"]
    if pred_boxes.shape != (*logits.shape[:2], 4):
        raise ValueError(
            f'{called}["pred_boxes"] has shape {tuple(pred_boxes.shape)} beside logits '
            f"{tuple(logits.shape)}; "
            f"make it {(*logits.shape[:2], 4)}."
        )
    if logits.shape[1] < 1:
        raise ValueError(
            f"{called} holds no predictions, logits {tuple(logits.shape)}; a detector has at least "
            "one."
        )
    if logits.device != pred_boxes.device:
        raise ValueError(
            f'{called}["pred_boxes"] is on {pred_boxes.device} and logits on {logits.device}; put '
            "both on one device."
        )
    if logits.is_meta:
        raise ValueError(
            f'{called}["logits"] is on the device "meta", which holds no numbers; give real '
            "tensors."
        )
    if len(logits) != num_images:
        raise ValueError(
            f"{called} holds {len(logits)} images and targets {num_images}; give one target dict "
            "per image."
        )
