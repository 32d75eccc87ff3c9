"""The three costs of pairing a prediction with a target: class, L1 and generalised IoU.

None is weighted here.

For one image, predictions (N, ...) and targets (T, ...) give a matrix (N, T). For a batch, the
predictions carry the image as first dimension, (B, N, ...), the targets of all images stand one
after another, (T, ...), and `image_index` (T,) says whose they are: column t then holds the costs
of target t and the N predictions *of its own image*. Only pairs that can be matched are ever
computed. In memory each target is a row; the (N, T) matrix is its transpose.

`cost_rows` sums the weighted costs of a whole batch, of several layers at once, for
`helpers.matcher`."""

import numpy as np
import torch

from helpers.boxes import at_least_float32, center_to_corners, generalized_box_iou


def class_cost(logits, class_labels, image_index=None):
    """Cost of the class: minus the softmax probability of the target's class, in [-1, 0].

    Args:
        logits: (N, K + 1), no-object last; (B, N, K + 1) with `image_index`.
        class_labels: (T,) int64 in 0..K-1.
        image_index: (T,) int64, the image of each target; None for one image.

    Returns (N, T). Source: DETR, section 3.1: the probability, not its logarithm, so that this cost
    is in scale with the box costs; the constant 1 of `1 - p` is left out because it changes no
    match.

    >>> class_cost(torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 5.0]]),
    ...     torch.tensor([0])).round(decimals=2)
    tensor([[-0.7900],
            [-0.0100]])
    """
    probability = at_least_float32(logits).softmax(-1)  # once per prediction, not once per pair
    if image_index is None:
        return -probability[:, class_labels]
    return -probability[image_index, :, class_labels].T  # (T, N) gathered with one index


def bbox_cost(pred_boxes, boxes, image_index=None):
    """Cost of the coordinates: the sum of the four absolute differences, in [0, 4] for normalised
    boxes.

    Args:
        pred_boxes: (N, 4) normalised (cx, cy, w, h); (B, N, 4) with `image_index`.
        boxes: (T, 4) in the same format.
        image_index: (T,) int64, the image of each target; None for one image.

    Returns (N, T). Source: DETR, section 3.1 and `torch.cdist(..., p=1)` in the reference.

    >>> bbox_cost(torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.tensor([[0.4, 0.5, 0.2, 0.4]]))
    tensor([[0.3000]])
    """
    predictions, targets = pair_up(
        at_least_float32(pred_boxes), at_least_float32(boxes), image_index
    )
    # One coordinate after the other: every difference is (T, N), and (T, N, 4) is never made.
    return sum(
        (one - other).abs() for one, other in zip(predictions.unbind(-1), targets.unbind(-1))
    ).T


def giou_cost(pred_boxes, boxes, image_index=None):
    """Cost of the overlap: minus the generalised IoU, in [-1, 1).

    Args and result as in `bbox_cost`; the boxes are centre boxes. Source: DETR, section 3.1.

    >>> giou_cost(torch.tensor([[0.05, 0.05, 0.1, 0.1]]), torch.tensor([[0.35, 0.05, 0.1, 0.1]]))
    tensor([[0.5000]])
    """
    # Corners once per box, not once per pair.
    predictions, targets = (
        center_to_corners(at_least_float32(pred_boxes)),
        center_to_corners(at_least_float32(boxes)),
    )
    return -generalized_box_iou(*pair_up(predictions, targets, image_index)).T


def pair_up(predictions, targets, image_index):
    """Two tensors that broadcast to (T, N, 4).

    In a batch each coordinate is contiguous in memory, which is fast.
    """
    if image_index is None:
        return predictions, targets[:, None]  # (N, 4), (T, 1, 4)
    coordinates = predictions.movedim(-1, 0).index_select(1, image_index)  # (4, B, N) -> (4, T, N)
    return coordinates.movedim(0, -1), targets[:, None]


def _class_of_batch(outputs, flat, image_index):
    return class_cost(outputs["logits"], flat["class_labels"], image_index)


def _bbox_of_batch(outputs, flat, image_index):
    return bbox_cost(outputs["pred_boxes"], flat["boxes"], image_index)


def _giou_of_batch(outputs, flat, image_index):
    return giou_cost(outputs["pred_boxes"], flat["boxes"], image_index)


STANDARD_COSTS = {
    "class_cost": _class_of_batch,
    "bbox_cost": _bbox_of_batch,
    "giou_cost": _giou_of_batch,
}


def cost_rows(costs, weights, layers, flat, sizes):
    """The weighted sum of all costs: (layers * sum of T, N) float64, a numpy row for each target of
    each layer.

    Args: costs and weights by name; layers: dicts of tensors (B, N, ...); flat: the targets of one
    layer as `HungarianMatcher` describes them, on the layers' device; sizes: the T of each image.
    """
    # More layers are more images: one pass, and one copy to the host.
    names = set.intersection(*(set(layer) for layer in layers))
    outputs = (
        {name: torch.cat([layer[name] for layer in layers]) for name in names}
        if layers[1:]
        else layers[0]
    )
    flat = {name: _repeat(value, len(layers)) for name, value in flat.items()}
    image_index = image_of_each(sizes * len(layers), outputs["logits"].device)
    total = weighted_sum(
        cost_matrices(costs, outputs, flat, image_index), weights
    )  # (N, layers * sum of T)
    return total.T.cpu().numpy().astype(np.float64)  # NumPy: torch has no float64 everywhere


def cost_matrices(costs, outputs, flat, image_index):
    """Each cost of a flat batch by name, (N, sum of T).

    A sentence for a function that returns anything else.
    """
    logits = outputs["logits"]
    shape = (logits.shape[1], len(image_index))
    return {
        name: _checked(name, cost(outputs, flat, image_index), shape, logits)
        for name, cost in costs.items()
    }


def weighted_sum(matrices, weights):
    """One matrix of several: each times its weight."""
    first, *others = matrices
    # In one expression each: a weighted matrix of its own would be one more to fill.
    total = weights[first] * matrices[first]
    for name in others:
        total = total.add(matrices[name], alpha=weights[name])
    return total


def image_of_each(sizes, device):
    """The image of each target: (sum of T,).

    >>> image_of_each([2, 0, 1], "cpu")
    tensor([0, 0, 2])
    """
    return torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes)).to(device)


def _checked(name, matrix, shape, logits):
    if not isinstance(matrix, torch.Tensor):
        raise TypeError(
            f'costs["{name}"] returned {type(matrix).__name__}; make it a tensor (N, T), here '
            f"{shape}."
        )
    if matrix.shape != shape:
        raise ValueError(
            f'costs["{name}"] returned shape {tuple(matrix.shape)}; make it (N, T), here {shape}.'
        )
    if matrix.is_complex() or matrix.layout != torch.strided:
        kind = f"{matrix.dtype} and {matrix.layout}"
        raise TypeError(f'costs["{name}"] returned {kind}; make it a dense tensor of real numbers.')
    if matrix.is_meta:
        raise ValueError(
            f'costs["{name}"] returned a tensor on the device "meta", which holds no numbers.'
        )
    if matrix.device != logits.device:  # cast before it moves: not every device has float64
        matrix = matrix.to(at_least_float32(logits).dtype).to(logits.device)
    return at_least_float32(matrix)


def _repeat(value, times):
    """A field of the targets once more for each layer: rows (sum of T, ...), a list by image, or
    one for all.
    """
    if isinstance(value, torch.Tensor):
        return torch.cat([value] * times)
    return value * times if isinstance(value, list) else value
