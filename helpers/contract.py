"""The contract: what matcher and loss refuse, each with a sentence that names the argument, the image and the cure.

Everything here runs at every step, so it looks at shapes, dtypes and labels in as few tensor operations as possible.
Box values are looked at once, by `helpers.targets.validate_targets`.
"""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import numpy as np
import torch


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


def check_layers(layers, targets):
    """Raise ValueError or TypeError unless each layer holds "logits" (B, N, K + 1) and "pred_boxes" (B, N, 4)."""
    num_images = count_images(targets)
    for depth, layer in enumerate(layers):
        # The last layer stands first, before the auxiliary ones.
        _check_layer(layer, f'outputs["auxiliary_outputs"][{depth - 1}]' if depth else "outputs", num_images)
        if layer["logits"].shape != layers[0]["logits"].shape:
            raise ValueError(
                f'outputs["auxiliary_outputs"][{depth - 1}]["logits"] has shape {tuple(layer["logits"].shape)}; '
                f"make it {tuple(layers[0]['logits'].shape)}, as in the last layer."
            )


def _check_layer(outputs, called, num_images):
    if not isinstance(outputs, Mapping):
        raise TypeError(f'{called} must be a dict with "logits" and "pred_boxes", not {type(outputs).__name__}.')
    for name in ("logits", "pred_boxes"):
        if name not in outputs:
            raise ValueError(f'{called} has no "{name}"; give the model\'s logits and pred_boxes.')
        if not isinstance(outputs[name], torch.Tensor) or not outputs[name].dtype.is_floating_point:
            raise TypeError(f'{called}["{name}"] must be a floating point tensor; convert it with .float().')
        if outputs[name].ndim != 3:
            shape = tuple(outputs[name].shape)
            raise ValueError(f'{called}["{name}"] has shape {shape}; add the image as first dimension: (B, N, ...).')
    logits, pred_boxes = outputs["logits"], outputs["pred_boxes"]
    if pred_boxes.shape != (*logits.shape[:2], 4):
        raise ValueError(
            f'{called}["pred_boxes"] has shape {tuple(pred_boxes.shape)} beside logits {tuple(logits.shape)}; '
            f"make it {(*logits.shape[:2], 4)}."
        )
    if logits.shape[1] < 1:
        raise ValueError(f"{called} holds no predictions, logits {tuple(logits.shape)}; a detector has at least one.")
    if logits.device != pred_boxes.device:
        raise ValueError(
            f'{called}["pred_boxes"] is on {pred_boxes.device} and logits on {logits.device}; put both on one device.'
        )
    if logits.shape[-1] < 2:
        raise ValueError(f'{called}["logits"] needs at least two columns: one class, and no-object last.')
    if len(logits) != num_images:
        raise ValueError(
            f"{called} holds {len(logits)} images and targets {num_images}; give one target dict per image."
        )


def join_pairs(pairs, num_predictions, sizes):
    """A match as three CPU indices (M,): image, prediction, target. A sentence for one that does not fit the batch.

    >>> join_pairs([([1], [0]), ([0, 2], [1, 0])], num_predictions=3, sizes=[1, 2])
    (tensor([0, 1, 1]), tensor([1, 0, 2]), tensor([0, 1, 0]))
    """
    if not isinstance(pairs, (list, tuple)) or len(pairs) != len(sizes):
        given = f"{len(pairs)} entries" if isinstance(pairs, (list, tuple)) else f"a {type(pairs).__name__}"
        raise ValueError(f"matcher returned {given}; make it a list with one pair of indices for {len(sizes)} images.")
    pairs = [_as_pair(image, pair) for image, pair in enumerate(pairs)]
    prediction, target = (torch.cat(parts) for parts in zip(*pairs))
    image = torch.from_numpy(np.repeat(np.arange(len(sizes)), [index.numel() for index, _ in pairs]))
    for name, index, count in (
        ("prediction", prediction, torch.tensor(num_predictions)),
        ("target", target, torch.tensor(sizes)[image]),
    ):
        wrong = (index < 0) | (index >= count)
        if wrong.any():
            row = int(wrong.nonzero()[0])
            raise ValueError(
                f"matcher gave image {int(image[row])} the {name} {int(index[row])}, but it has only "
                f"{int(count.expand_as(index)[row])}; is this the match of another batch?"
            )
    return image, prediction, target


def _as_pair(image, pair):
    prediction, target = pair if isinstance(pair, tuple) and len(pair) == 2 else (None, None)
    if _is_index(prediction) and _is_index(target) and prediction.shape == target.shape:  # a matcher's own, most often
        return pair
    try:
        prediction, target = (torch.as_tensor(index).cpu() for index in pair)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"matcher returned no pair of index tensors for image {image}; see HungarianMatcher.") from None
    for index in (prediction, target):
        if index.numel() and (index.is_floating_point() or index.dtype == torch.bool):
            raise TypeError(f"matcher returned {index.dtype} indices for image {image}; make them torch.int64.")
    if prediction.ndim != 1 or prediction.shape != target.shape:
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(f"matcher returned indices of shapes {shapes} for image {image}; make both (M,).")
    return prediction.long(), target.long()


def _is_index(index):
    return isinstance(index, torch.Tensor) and index.dtype == torch.int64 and index.ndim == 1 and index.is_cpu
