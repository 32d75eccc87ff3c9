"""What can be wrong with boxes: their format, their sides, their place, and boxes that no match can
tell apart.
"""

import numpy as np

from helpers.clinic.findings import of_annotations
from helpers.clinic.formats import (
    CERTAIN,
    FRACTION_EDGE,
    SCALES,
    box_format,
    slack,
    target_format,
    target_scale,
)

MOST_NEIGHBOURS = 200  # boxes of one image and class that a box is compared with
SAME_IOU = 0.9  # of two boxes of one class that no match can tell apart
LEAST_FRACTIONS = (
    0.001  # of all boxes: fewer boxes of at most one pixel at the corner are an accident
)


def check_boxes(table):
    """Findings about boxes, the format of the whole data set first."""
    finite = np.isfinite(table.boxes).all(1)
    negative = finite & (table.boxes[:, 2:] < 0).any(1)
    empty = finite & ~negative & (table.boxes[:, 2:] == 0).any(1)
    solid = finite & ~negative & ~empty
    placed = solid & (table.image >= 0) & (table.extent > 0).all(1)
    misplaced, found = (
        _no_fractions(table, placed) if table.normalized else _fractions(table, placed)
    )
    placed &= ~misplaced
    whole = _whole_format(table, placed)
    same, close = _pairs(table, solid & ~table.crowd)
    return [
        *found,
        *whole,
        *of_annotations(table, "boxes-not-finite", ~finite),
        *of_annotations(table, "negative-sides", negative),
        *of_annotations(table, "empty-sides", empty),
        *([] if whole else _outside(table, placed)),
        *of_annotations(table, "duplicates", same),
        *of_annotations(table, "near-identical-boxes", close, iou=SAME_IOU),
    ]


def _whole_format(table, placed):
    """The finding about all boxes at once, if they are in another format."""
    boxes, extent = table.boxes[placed], table.extent[placed]
    if table.normalized:
        kind = target_format(boxes)
    else:
        kind = box_format(boxes, extent, slack(extent))
        inside = (boxes[:, :2] + boxes[:, 2:] <= extent + slack(extent)).all()
        if kind in SCALES and inside and len(boxes) < CERTAIN:
            kind = f"maybe-{kind}"
    then = ", then multiply by the image's width and height"
    if kind in SCALES and not (extent > 2 * SCALES[kind]).all():
        then += "; where the images are little larger than that, these may be pixels, and right"
    return of_annotations(table, kind, placed, then=then) if kind else []


def _no_fractions(table, placed):
    """Target boxes that are no fractions: their mask, and the finding."""
    large = placed & (table.boxes > 2).any(1)
    # Nobody said how large the images are.
    then = ", if the images are larger than that; if not, these are pixels: divide x and width by "
    then += "the image's width, y and height by its height"
    kind = target_scale(table.boxes[large])
    return large, of_annotations(table, kind, large, then=then) if large.any() else []


def _fractions(table, placed):
    """Fractions in a file of pixels; some files hold nothing else, some are of two origins.

    Mask and finding.
    """
    small = (
        placed
        & (table.boxes >= -0.01).all(1)
        & (table.boxes <= 1.01).all(1)
        & (table.extent > 4).all(1)
    )
    if small.sum() <= 0.5 * placed.sum():
        small &= (table.boxes != table.boxes.round()).any(1)  # a pixel in the corner is no fraction
    if small.sum() < max(LEAST_FRACTIONS * len(small), 1):
        return small & False, []
    boxes = table.boxes[small]
    as_left_top = (boxes[:, :2] + boxes[:, 2:] <= 1.01).all(1).mean()
    as_centers = (np.abs(boxes[:, :2] - 0.5) + boxes[:, 2:] / 2 <= 0.51).all(1).mean()
    turn = (
        "Turn centres, as they seem to be, into left and top, and "
        if as_centers > as_left_top
        else ""
    )
    return small, of_annotations(
        table, "boxes-as-fractions", small, turn=turn or "Left and top are right; "
    )


def _outside(table, placed):
    """Boxes that lie outside of their image, or reach beyond its edge further than rounding
    explains.
    """
    low, high = np.split(table.corners, 2, axis=1)
    extent = table.extent
    edge, pixel = (FRACTION_EDGE, FRACTION_EDGE) if table.normalized else (slack(extent), 1)
    with np.errstate(invalid="ignore"):
        outside = placed & ((low >= extent) | (high <= 0)).any(1)
        beyond = placed & ~outside & ((low < -edge) | (high > extent + edge)).any(1)
        thin = placed & ~outside & (table.boxes[:, 2:] < pixel).any(1)
    return [
        *of_annotations(table, "boxes-outside", outside),
        *of_annotations(table, "boxes-beyond-the-edge", beyond),
        *of_annotations(table, "thin-boxes", thin),
    ]


def _pairs(table, usable):
    """Rows that repeat another box of their class and image exactly, and rows that nearly do.

    Candidates are neighbours in a sort by image, class and a slanted coordinate: the cells of a
    grid share their x or their y, but hardly two of them share x + 1.618 y."""
    rows = np.flatnonzero(usable & (table.image >= 0))
    label = np.unique(table.labels[rows], return_inverse=True)[1].reshape(-1)
    group = np.full(len(table.labels), -1)
    group[rows] = table.image[rows] * (label.max(initial=0) + 1) + label
    slanted = table.boxes @ (1, 1.618, 0, 0)
    rows = rows[_order(group[rows], slanted[rows])]
    same = np.zeros(len(table.labels), bool)
    same[rows[1:][_alike(table, rows[1:], rows[:-1])]] = True
    rows = rows[~same[rows]]
    group, slanted = group[rows], slanted[rows]
    reach = 0.2 * (
        table.boxes[rows, 2] + table.boxes[rows, 3]
    )  # further apart, IoU is under SAME_IOU
    close, first = same & False, np.arange(len(rows))
    for step in range(1, min(len(rows), MOST_NEIGHBOURS)):
        first = first[first + step < len(rows)]
        second = first + step
        first = first[
            (group[first] == group[second]) & (slanted[second] - slanted[first] <= reach[first])
        ]
        if not len(first):
            break
        pair = rows[first], rows[first + step]
        equal = _alike(table, *pair)
        later = np.maximum(*pair)
        same[later[equal]] = True
        close[later[~equal & (_iou(table, *pair) > SAME_IOU)]] = True
    return same, close & ~same


def _order(group, slanted):
    """Rows sorted by a whole number, then by a coordinate, in one sort of whole numbers."""
    bits = 62 - int(group.max(initial=1)).bit_length()
    low, high = (slanted.min(), slanted.max()) if len(slanted) else (0.0, 1.0)
    fine = (slanted - low) / max(high - low, 1e-12) * (2.0 ** min(bits, 40) - 1)
    return np.argsort((group << min(bits, 40)) + fine.astype(np.int64))


def _alike(table, a, b):
    """Whether the boxes of rows a and b are the same, pair by pair, in image, class and numbers."""
    equal = (table.boxes[a] == table.boxes[b]).all(1)
    return equal & (table.image[a] == table.image[b]) & (table.labels[a] == table.labels[b])


def _iou(table, a, b):
    """IoU of the boxes of rows a and b, pair by pair: (P,)."""
    a, b = table.corners_of(a), table.corners_of(b)
    sides = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None)
    overlap = sides.prod(1)
    return overlap / ((a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - overlap)
