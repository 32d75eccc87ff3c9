"""The weighted sum of the three standard costs once more, fused: the fast way on a CPU.

This is `costs.py` again, on purpose and for one reason: speed. There each cost is a formula to be
read; here the same sum is made of a block of pairs at a time, small enough to stay in the
processor's cache, and every operation writes over what is no longer needed (`out=`). In NumPy,
where a call costs a third of what it costs in torch, and where no second thread is woken, which
would take longer than a block. Tests hold the two equal."""

import numpy as np
import torch

from helpers.boxes import SMALLEST_SIDE, at_least_float32
from helpers.contract import joined, watched
from helpers.costs import STANDARD_COSTS

PAIRS = 16384  # of a block: its fifteen planes of 4 bytes a pair make just under a megabyte


def can_fuse(costs, layers, labels):
    """Whether these are the three standard costs of single precision on a CPU, which is all that
    `fused_rows` knows, and nothing watches.
    """
    for layer in layers:
        for tensor in (layer["logits"], layer["pred_boxes"], labels):
            if not tensor.is_cpu or tensor.dtype is torch.float64:
                return False
    return costs == STANDARD_COSTS and not watched()


@np.errstate(all="ignore")  # what is not finite is for the matcher to tell of
def fused_rows(weights, layers, labels, boxes, sizes):
    """`helpers.costs.cost_rows`, for what `can_fuse`: (layers * sum of T, N) float64, a row for
    each target.

    >>> boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.2, 0.5, 0.2, 0.2]]])
    >>> layer = {"logits": torch.zeros(1, 2, 2), "pred_boxes": boxes}
    >>> weights = {"class_cost": 1, "bbox_cost": 5, "giou_cost": 2}
    >>> fused_rows(weights, [layer], torch.tensor([0]), boxes[0, :1], [1]).round(2)
    array([[-2.5,  1.4]])
    """
    labels, boxes = labels.numpy(), at_least_float32(boxes).detach().numpy()
    rows = np.empty((len(layers) * len(labels), layers[0]["logits"].shape[1]))
    together = len(layers) if rows.size <= PAIRS else 1  # small layers are more images of one batch
    if together > 1:
        labels, boxes = (np.concatenate([part] * together) for part in (labels, boxes))
    for start in range(0, len(layers), together):
        logits, pred_boxes = (
            joined([at_least_float32(layer[name]) for layer in layers[start : start + together]])
            for name in ("logits", "pred_boxes")
        )
        _fill(
            rows[start * len(labels) :][: len(labels)],
            logits.detach().softmax(-1).numpy(),  # once a prediction, not once a pair
            pred_boxes.detach().numpy(),
            labels,
            boxes,
            sizes * together,
            **weights,
        )
    return rows


def _fill(rows, probability, pred_boxes, labels, boxes, sizes, class_cost, bbox_cost, giou_cost):
    """Write the costs of some images' pairs, a block of targets at a time."""
    num_images, num_predictions, _ = pred_boxes.shape
    split = num_images * num_predictions
    measures = _measures(pred_boxes.reshape(split, 4), boxes)
    predicted = measures[:, :split].reshape(-1, num_images, num_predictions)
    wanted = measures[:, split:, None]  # (9, sum of T, 1)
    image_index = np.arange(num_images).repeat(sizes) if num_images > 1 else None

    most = min(max(PAIRS // num_predictions, 1), len(rows))  # targets of a block
    store = np.empty(13 * most * num_predictions, np.float32)
    # Full planes: NumPy's `minimum` is three times as slow beside a number.
    limits = np.empty((2, 1, most, num_predictions), np.float32)
    limits[0], limits[1] = -SMALLEST_SIDE, 0  # of hulls and of intersections
    for start in range(0, len(rows), most or 1):
        here = slice(start, start + most)
        target, total = wanted[:, here], rows[here]
        block = store[: 13 * total.size].reshape(13, *total.shape)
        if num_images == 1:
            image, own = 0, predicted  # (9, 1, N)
        else:
            image = image_index[here]  # (9, targets, N); "clip" fills the block without a copy
            own = predicted.take(image, axis=1, out=block[:9], mode="clip")

        np.maximum(own[5:], target[5:], out=block[9:])  # corners of the intersections ...
        np.minimum(own[5:], target[5:], out=block[5:9])  # ... and of the hulls, side by side
        corners = block[5:].reshape(2, 4, *total.shape)
        sides = np.add(corners[:, :2], corners[:, 2:], out=corners[:, :2])
        np.minimum(sides, limits[:, :, : len(total)], out=sides)
        hull, intersection = np.multiply(sides[:, 0], sides[:, 1], out=sides[:, 0])
        union = np.add(own[4], target[4], out=block[4])
        np.subtract(union, intersection, out=union)
        giou = np.divide(intersection, union, out=intersection)
        uncovered = np.subtract(hull, union, out=union)
        np.subtract(giou, np.divide(uncovered, hull, out=hull), out=giou)

        apart = np.subtract(own[:4], target[:4], out=block[:4])
        np.abs(apart, out=apart)
        np.add(apart[:2], apart[2:], out=apart[:2])
        distance = np.add(apart[0], apart[1], out=apart[0])  # L1: (targets, N)
        np.multiply(distance, bbox_cost, out=distance)
        boxes_alone = np.subtract(distance, np.multiply(giou, giou_cost, out=giou), out=giou)
        of_class = probability[image, :, labels[here]]
        np.subtract(boxes_alone, np.multiply(of_class, class_cost, out=of_class), out=total)


def _measures(predicted, wanted):
    """What is made once a box, of (M, 4) and (L, 4) -> (9, M + L): cx, cy, w, h, area, and left,
    top, -right, -bottom: with these signs one `maximum` intersects and one `minimum` makes hulls.
    """
    measures = np.empty((9, len(predicted) + len(wanted)), np.float32)
    measures[:4, : len(predicted)], measures[:4, len(predicted) :] = predicted.T, wanted.T
    half_sides = np.multiply(measures[2:4], -0.5)
    np.add(measures[:2], half_sides, out=measures[5:7])
    np.subtract(half_sides, measures[:2], out=measures[7:])
    sides = np.add(measures[5:7], measures[7:], out=half_sides)  # minus the sides
    np.minimum(sides, -SMALLEST_SIDE, out=sides)
    np.multiply(sides[0], sides[1], out=measures[4])
    return measures
