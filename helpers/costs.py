"""The three costs of pairing a prediction with a target: class, L1 and generalised IoU. None is weighted here.

For one image, predictions (N, ...) and targets (T, ...) give a matrix (N, T). For a batch, the predictions carry the
image as first dimension, (B, N, ...), the targets of all images stand one after another, (T, ...), and `image_index`
(T,) says whose they are: column t then holds the costs of target t and the N predictions *of its own image*. Only
pairs that can be matched are ever computed. In memory each target is a row; the (N, T) matrix is its transpose.
"""

from helpers.boxes import at_least_float32, center_to_corners, generalized_box_iou


def class_cost(logits, class_labels, image_index=None):
    """Cost of the class: minus the softmax probability of the target's class, in [-1, 0].

    Args:
        logits: (N, K + 1), no-object last; (B, N, K + 1) with `image_index`.
        class_labels: (T,) int64 in 0..K-1.
        image_index: (T,) int64, the image of each target; None for one image.

    Returns (N, T). Source: DETR, section 3.1: the probability, not its logarithm, so that this cost is in scale with
    the box costs; the constant 1 of `1 - p` is left out because it changes no match.

    >>> import torch
    >>> class_cost(torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 5.0]]), torch.tensor([0])).round(decimals=2)
    tensor([[-0.7900],
            [-0.0100]])
    """
    probability = at_least_float32(logits).softmax(-1)  # once per prediction, not once per pair
    if image_index is None:
        return -probability[:, class_labels]
    return -probability[image_index, :, class_labels].T  # (T, N) gathered with one index


def bbox_cost(pred_boxes, boxes, image_index=None):
    """Cost of the coordinates: the sum of the four absolute differences, in [0, 4] for normalised boxes.

    Args:
        pred_boxes: (N, 4) normalised (cx, cy, w, h); (B, N, 4) with `image_index`.
        boxes: (T, 4) in the same format.
        image_index: (T,) int64, the image of each target; None for one image.

    Returns (N, T). Source: DETR, section 3.1 and `torch.cdist(..., p=1)` in the reference.

    >>> import torch
    >>> bbox_cost(torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.tensor([[0.4, 0.5, 0.2, 0.4]]))
    tensor([[0.3000]])
    """
    predictions, targets = pair_up(at_least_float32(pred_boxes), at_least_float32(boxes), image_index)
    return sum((one - other).abs() for one, other in zip(predictions.unbind(-1), targets.unbind(-1))).T


def giou_cost(pred_boxes, boxes, image_index=None):
    """Cost of the overlap: minus the generalised IoU, in [-1, 1).

    Args and result as in `bbox_cost`; the boxes are centre boxes. Source: DETR, section 3.1.

    >>> import torch
    >>> giou_cost(torch.tensor([[0.05, 0.05, 0.1, 0.1]]), torch.tensor([[0.35, 0.05, 0.1, 0.1]]))
    tensor([[0.5000]])
    """
    predictions, targets = center_to_corners(at_least_float32(pred_boxes)), center_to_corners(at_least_float32(boxes))
    return -generalized_box_iou(*pair_up(predictions, targets, image_index)).T


def pair_up(predictions, targets, image_index):
    """Two tensors that broadcast to (T, N, 4). In a batch each coordinate is contiguous in memory, which is fast."""
    if image_index is None:
        return predictions, targets[:, None]  # (N, 4), (T, 1, 4)
    coordinates = predictions.movedim(-1, 0).index_select(1, image_index)  # (4, B, N) -> (4, T, N)
    return coordinates.movedim(0, -1), targets[:, None]
