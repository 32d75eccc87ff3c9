"""The detector: take its detection tokens apart, and read its answers.

Always transformers' own YOLOS.
"""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from math import inf

import torch
from torch import nn

from helpers.boxes import at_least_float32, center_to_corners
from helpers.contract import check_number, is_floating, shown
from helpers.loading import load_detector, weights_folder
from helpers.pictures import upright_rgb

__all__ = [
    "decode",
    "detection_outputs",
    "detection_states",
    "detections",
    "load_detector",
    "look_at",
    "predict",
    "weights_folder",
]

AT_ONCE = 50  # images that a model sees together


def detection_states(last_hidden_state, num_detection_tokens):
    """The states of the detection tokens, which stand last: (B, S, H) -> (B, N, H).

    The sequence is [CLS], the patches, the detection tokens. Raises ValueError if it is too short
    for them.

    >>> detection_states(torch.zeros(1, 77, 96), 12).shape
    torch.Size([1, 12, 96])
    """
    if last_hidden_state.ndim != 3 or last_hidden_state.shape[1] <= num_detection_tokens:
        shape = tuple(last_hidden_state.shape)
        raise ValueError(
            f"last_hidden_state has shape {shape}; it needs (B, S, H) with S over "
            f"{num_detection_tokens}."
        )
    return last_hidden_state[:, -num_detection_tokens:]


def detection_outputs(model, pixel_values):
    """What the set-prediction loss takes, auxiliary layers included.

    Args: a `YolosForObjectDetection`; pixel_values (B, 3, H, W).

    Returns "logits" (B, N, K + 1), "pred_boxes" (B, N, 4) and "auxiliary_outputs": the same for
    every earlier layer, first to last but one, each passed through the final LayerNorm and the same
    heads. transformers' own `auxiliary_loss=True` breaks for YOLOS before its loss is called: it
    hands the whole tuple of states to the heads."""
    vit = model.vit(pixel_values, output_hidden_states=True)
    earlier = [
        model.vit.layernorm(states) for states in vit.hidden_states[1:-1]
    ]  # [0] is the embeddings
    layers = [_heads(model, states) for states in (*earlier, vit.last_hidden_state)]
    return {**layers[-1], "auxiliary_outputs": layers[:-1]}


def decode(outputs, sizes, threshold=0.0):
    """Guesses as detections: per image a dict of `boxes` (M, 4) corner boxes in pixels, `scores`
    and `labels` (M,).

    Args: outputs with `logits` and `pred_boxes`; sizes: (width, height) in pixels of what the boxes
    are fractions of, one for each image; threshold: keep guesses whose score is above it. The score
    is the softmax probability of the best class other than no-object. Boxes are cut off at the
    border, as an object ends there; half precision is counted in float32; a box that is not finite
    is no guess. ValueError unless there are as many sizes as images.

    >>> outputs = {"logits": torch.tensor([[[0.0, 9.0, 0.0]]]), "pred_boxes": torch.tensor([[[0.5,
    ...     0.5, 0.5, 0.5]]])}
    >>> decode(outputs, [(128, 64)])
    [{'boxes': tensor([[32., 16., 96., 48.]]), 'scores': tensor([0.9998]), 'labels': tensor([1])}]
    """
    logits, pred_boxes = _checked(outputs)
    threshold = check_number("threshold", threshold)
    limits = pred_boxes.new_tensor(
        [(width, height) * 2 for width, height in _checked_sizes(sizes, len(logits))]
    )
    limits = limits.reshape(-1, 1, 4)
    scores, labels = logits.softmax(-1)[..., :-1].max(-1)
    boxes = (center_to_corners(pred_boxes) * limits).clamp(min=0).minimum(limits)
    kept = (scores > threshold) & pred_boxes.isfinite().all(-1)
    found = zip(boxes.cpu(), scores.cpu(), labels.cpu(), kept.cpu())
    return [{"boxes": b[k], "scores": s[k], "labels": n[k]} for b, s, n, k in found]


@torch.no_grad()
def detections(model, pixel_values, sizes, threshold=0.0):
    """What the detector finds in each image of a batch that no image is padded in: see `decode`.

    Args: pixel_values (B, 3, H, W); sizes: (width, height) of each image in pixels. The model sees
    50 at a time: all at once would take much memory.
    """
    parts = [sizes[start : start + AT_ONCE] for start in range(0, max(len(sizes), 1), AT_ONCE)]
    found = []
    with _at_rest(model):
        for images, some in zip(pixel_values.split(AT_ONCE), parts, strict=True):
            found += decode(model(_as_weights(images, model)), some, threshold)
    return found


@torch.no_grad()
def look_at(model, image_processor, images):
    """What the detector says of PIL images of any size and kind: `logits` (B, N, K + 1) and
    `pred_boxes` (B, N, 4).

    The boxes are fractions of each image as it is seen upright (see `helpers.pictures`), whatever
    the processor pads.
    An image is never padded to the size of its neighbours: what boxes on such a canvas are
    fractions of differs between models (DETR's authors: of the image; transformers' image
    processors: of the canvas). Where a processor pads even one image alone, it is the canvas.
    Raises ValueError where the processor refuses an image, or the model has no no-object column (a
    sigmoid head): its scores are not those of `decode`."""
    if not isinstance(model, nn.Module) or not callable(image_processor):
        given = f"{type(model).__name__} and {type(image_processor).__name__}"
        raise TypeError(f"model and image_processor are {given}; give what load_detector returns.")
    if not isinstance(images, Sequence) or not images:
        raise ValueError(f"images is {shown(images)}; give a list of PIL images.")
    images = [upright_rgb(image) for image in images]
    inputs = _encoded(image_processor, images)
    if inputs is not None:
        with _at_rest(model):
            return _fractions_of_images(model, inputs)
    answers = [look_at(model, image_processor, [image]) for image in images]
    return {name: torch.cat([answer[name] for answer in answers]) for name in answers[0]}


def predict(model, image_processor, image, threshold=0.5):
    """What the detector finds in one PIL image, in its pixels: see `decode`.

    No suppression: the set is the answer.

    The image may be grey, transparent or of 16 bits; if its Exif data turn it, the pixels are those
    of the upright one.

    >>> from helpers.scenes import running_example
    >>> found = predict(*load_detector(), running_example()[0])
    >>> sorted(found["labels"].tolist())
    [1, 1, 3, 4, 5]
    """
    image = upright_rgb(image)
    return decode(look_at(model, image_processor, [image]), [image.size], threshold)[0]


def _encoded(image_processor, images):
    """What the image processor makes of a batch, or None where some image is padded, or refused,
    beside the others.
    """
    try:
        inputs = image_processor(images=images, return_tensors="pt")
    except Exception as error:
        if len(images) > 1:
            return None
        said = (
            f"The image processor takes no image of {images[0].width} x {images[0].height} pixels "
            f"({error})"
        )
        raise ValueError(f"{said}; crop or resize it first.") from None
    mask = inputs.get("pixel_mask")
    differ = len({image.size for image in images}) > 1
    padded = differ if mask is None else not mask.all()
    return None if padded and len(images) > 1 else inputs


def _fractions_of_images(model, inputs):
    """The model's answers to a batch, its boxes turned from fractions of the canvas into fractions
    of the images.
    """
    pixel_values, mask = _as_weights(inputs["pixel_values"], model), inputs.get("pixel_mask")
    if mask is None:
        outputs = model(pixel_values)
    elif "pixel_mask" in signature(getattr(model, "forward", model)).parameters:
        outputs = model(pixel_values, pixel_mask=_as_weights(mask, model))
    else:  # YOLOS sees no mask
        outputs = model(pixel_values)
    if outputs["logits"].shape[-1] == getattr(getattr(model, "config", None), "num_labels", None):
        said = (
            f"{type(model).__name__} has a column of logits for each class, and none for no-object"
        )
        raise ValueError(
            f"{said}; let its image processor post-process, then call helpers.evaluation.summarize."
        )
    boxes = at_least_float32(outputs["pred_boxes"])
    if mask is not None:
        shown = (
            mask.any(1).sum(1),
            mask.any(2).sum(1),
        )  # width and height of each image on the canvas
        x, y = (side / part for side, part in zip((mask.shape[2], mask.shape[1]), shown))
        boxes = boxes * torch.stack([x, y, x, y], dim=-1)[:, None].to(boxes)
    return {"logits": at_least_float32(outputs["logits"]), "pred_boxes": boxes}


@contextmanager
def _at_rest(model):
    """Without dropout and the like, which only training wants; afterwards all is as it was."""
    awake = [part for part in model.modules() if part.training]
    model.eval()
    try:
        yield
    finally:
        for part in awake:
            part.training = True


def _checked(outputs):
    """Logits and boxes of a detector's outputs, float32 at least; a sentence for what is none."""
    parts = (
        [outputs.get(name) for name in ("logits", "pred_boxes")]
        if isinstance(outputs, Mapping)
        else [None]
    )
    if not all(is_floating(part) for part in parts):
        raise TypeError(
            f'outputs is {shown(outputs)}; make it a dict of floating point "logits" and '
            '"pred_boxes".'
        )
    logits, pred_boxes = (at_least_float32(part) for part in parts)
    if logits.ndim != 3 or logits.shape[-1] < 2 or pred_boxes.shape != (*logits.shape[:2], 4):
        shapes = f"{tuple(logits.shape)} and {tuple(pred_boxes.shape)}"
        raise ValueError(
            f"outputs hold logits and boxes of shapes {shapes}; make them (B, N, K + 1) and (B, N, "
            "4)."
        )
    return logits, pred_boxes


def _checked_sizes(sizes, num_images):
    pairs = (
        [tuple(size) for size in sizes] if all(hasattr(size, "__len__") for size in sizes) else []
    )
    if any(len(pair) != 2 or not all(0 < side < inf for side in pair) for pair in pairs) or len(
        pairs
    ) < len(sizes):
        raise ValueError(f"sizes is {shown(sizes)}; give (width, height) in pixels of each image.")
    if len(pairs) != num_images:
        raise ValueError(
            f"There are {len(pairs)} sizes for {num_images} images; give (width, height) of each."
        )
    return pairs


def _as_weights(tensor, model):
    """On the model's device; and where both are floating point, in the precision of its weights."""
    weights = next(model.parameters(), tensor)
    both = weights.is_floating_point() and tensor.is_floating_point()
    return tensor.to(weights.device, weights.dtype if both else tensor.dtype)


def _heads(model, last_hidden_state):
    states = detection_states(last_hidden_state, model.config.num_detection_tokens)
    return {
        "logits": model.class_labels_classifier(states),
        "pred_boxes": model.bbox_predictor(states).sigmoid(),
    }
