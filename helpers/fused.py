"""The weighted sum of the three standard costs once more, fused: the fast way on a CPU.

This is `costs.py` again, on purpose and for one reason: speed. There each cost is a formula to be
read; here the same sum is made of a block of pairs at a time, small enough to stay in the
processor's cache, and every operation writes over what is no longer needed (`out=`). In NumPy,
where a call costs a third of what it costs in torch, and where no second thread is woken, which
would take longer than a block. Tests hold the two equal."""

import numpy as np
import torch

from helpers.boxes import SMALLEST_SIDE, at_least_float32
from helpers.costs import STANDARD_COSTS

PAIRS = 16384  # of a block: its twelve buffers of 4 bytes a pair make three quarters of a megabyte


def can_fuse(costs, layers):
    """Whether these are the three standard costs of single precision on a CPU, which is all that
    `fused_rows` knows.

    Not where a mode watches what torch does, such as `helpers.meters.HostReads`: it would see
    nothing of NumPy's work."""
    if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
        return False
    single = all(
        layer[name].device.type == "cpu" and at_least_float32(layer[name]).dtype == torch.float32
        for layer in layers
        for name in ("logits", "pred_boxes")
    )
    return single and costs == STANDARD_COSTS


@np.errstate(all="ignore")  # what is not finite is for the matcher to tell of
def fused_rows(costs, weights, layers, flat, sizes):
    """`helpers.costs.cost_rows`, for what `can_fuse`: (layers * sum of T, N) float64, a row for
    each target.

    >>> boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.2, 0.5, 0.2, 0.2]]])
    >>> layer = {"logits": torch.zeros(1, 2, 2), "pred_boxes": boxes}
    >>> flat = {"class_labels": torch.tensor([0]), "boxes": boxes[0, :1]}
    >>> weights = {"class_cost": 1, "bbox_cost": 5, "giou_cost": 2}
    >>> fused_rows(STANDARD_COSTS, weights, [layer], flat, [1]).round(2)
    array([[-2.5,  1.4]])
    """
    weights = [np.float32(weights[name]) for name in STANDARD_COSTS]
    logits = [at_least_float32(layer["logits"]).detach() for layer in layers]
    pred_boxes = [at_least_float32(layer["pred_boxes"]).detach().numpy() for layer in layers]
    labels, boxes, image_index = (
        flat["class_labels"].numpy(),
        flat["boxes"].numpy(),
        np.repeat(range(len(sizes)), sizes),
    )
    count, num_predictions = len(labels), logits[0].shape[1]
    rows = np.empty((count * len(layers), num_predictions))
    if len(layers) > 1 and rows.size <= PAIRS:  # all layers in one block, as more images
        image_index = (image_index + len(sizes) * np.arange(len(layers))[:, None]).ravel()
        labels, boxes = (np.concatenate([part] * len(layers)) for part in (labels, boxes))
        _fill(
            rows,
            torch.cat(logits),
            np.concatenate(pred_boxes),
            labels,
            boxes,
            image_index,
            *weights,
        )
        return rows
    for layer in range(len(layers)):
        here = rows[layer * count : (layer + 1) * count]
        _fill(here, logits[layer], pred_boxes[layer], labels, boxes, image_index, *weights)
    return rows


def _fill(
    rows, logits, pred_boxes, labels, boxes, image_index, class_weight, bbox_weight, giou_weight
):
    """Write the costs of one layer, or of several small ones side by side, a block of targets at a
    time.
    """
    probability = logits.softmax(-1).numpy()  # (B, N, K + 1): once a prediction, not once a pair
    # Predictions and targets in one list, so that each step is one call for both: (4, B * N + sum
    # of T).
    centers = np.concatenate([pred_boxes.reshape(-1, 4), boxes]).T.copy()
    corners = _corners(centers)
    areas = _area(corners[:2] + corners[2:], np.float32(-SMALLEST_SIDE))
    pred_centers, target_centers = _apart(
        centers, pred_boxes.shape
    )  # (4, B, N) and (4, sum of T, 1)
    pred_corners, target_corners = _apart(corners, pred_boxes.shape)
    pred_areas, target_areas = _apart(areas, pred_boxes.shape)  # (B, N) and (sum of T, 1)

    most = min(max(PAIRS // rows.shape[1], 1), len(rows))  # targets of a block
    a, b, limits = np.empty((3, 4, most, rows.shape[1]), np.float32)
    none, least = limits[
        :2
    ]  # full arrays: NumPy's `minimum` is three times as slow beside a number
    none[...], least[...] = 0, -SMALLEST_SIDE
    for start in range(0, len(rows), most or 1):
        here = slice(start, start + most)
        image = image_index[here]
        if len(image) < most:  # the last block
            a, b, none, least = (part[..., : len(image), :] for part in (a, b, none, least))

        pred_corners.take(
            image, axis=1, out=a, mode="clip"
        )  # (4, targets, N); "clip" fills a without a copy
        np.maximum(a, target_corners[:, here], out=b)  # corners of the intersections ...
        np.minimum(a, target_corners[:, here], out=a)  # ... and of the hulls
        intersection = _area(np.add(b[:2], b[2:], out=b[:2]), none)
        hull = _area(np.add(a[:2], a[2:], out=a[:2]), least)
        union = pred_areas.take(image, axis=0, out=a[1], mode="clip")
        np.add(union, target_areas[here], out=union)
        np.subtract(union, intersection, out=union)
        iou = np.divide(intersection, union, out=intersection)
        uncovered = np.divide(np.subtract(hull, union, out=union), hull, out=union)
        giou = np.subtract(iou, uncovered, out=iou)  # lies in b[0]; a is free again

        pred_centers.take(image, axis=1, out=a, mode="clip")
        np.abs(np.subtract(a, target_centers[:, here], out=a), out=a)
        np.add(a[:2], a[2:], out=a[:2])
        total = np.add(a[0], a[1], out=a[0])  # L1: (targets, N)
        np.multiply(total, bbox_weight, out=total)
        np.subtract(total, np.multiply(giou, giou_weight, out=giou), out=total)
        of_class = probability[image, :, labels[here]]
        np.subtract(total, np.multiply(of_class, class_weight, out=of_class), out=total)
        rows[here] = total


def _corners(centers):
    """(cx, cy, w, h) as (left, top, -right, -bottom), (4, M): one `maximum` intersects, one
    `minimum` makes hulls.
    """
    half_sides = np.float32(0.5) * centers[2:]
    return np.concatenate([centers[:2] - half_sides, -(centers[:2] + half_sides)])


def _area(sides, least):
    """The area of minus the sides, (2, ...) -> (...), neither shorter than -least; `sides` is
    overwritten.
    """
    np.minimum(sides, least, out=sides)
    return np.multiply(sides[0], sides[1], out=sides[0])


def _apart(table, shape):
    """Predictions (..., B, N) and targets (..., sum of T, 1), out of one list."""
    num_images, num_predictions, _ = shape
    split = num_images * num_predictions
    return table[..., :split].reshape(*table.shape[:-1], num_images, num_predictions), table[
        ..., split:, None
    ]
