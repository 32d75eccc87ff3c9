"""In which format the boxes of a whole data set are: pixels or fractions, corners, centres or left
and top.

One box tells little: most quadruples of numbers are a box in several formats. A data set tells
much: read in the wrong format many of its boxes leave the image, and read in the right one none
does."""

import numpy as np

MOST_MISFITS = 0.01  # of all boxes: a format fits if so few disagree
# of all boxes, and two of them: how many must leave the image before another format is thought of
LEAST_BEYOND = 0.01
FEWEST, FEWEST_OF_SCALE = 6, 4  # boxes from which a format is told
CERTAIN = 8  # boxes from which a scale is told that leaves no box outside
FRACTION_EDGE = 1e-3  # of the image: what `validate_targets` allows a target
SCALES = {"boxes-in-percent": 100.0, "boxes-in-per-mille": 1000.0}


def slack(extent):
    """How far a box may reach beyond its image (T, 2): what rounding does, a pixel and a half or
    0.2 %.
    """
    return np.maximum(1.5, 0.002 * extent)


def box_format(boxes, extent, edge):
    """What the boxes of a data set are, if not what they should be.

    Args: boxes (T, 4), finite and with sides over 0; extent (T, 2): width and height of their
    images; edge (T, 2): how far they may reach beyond it. The boxes should be left, top, width,
    height in the unit of `extent`.

    Returns None, or the finding's name: "boxes-as-corners", "boxes-as-centers", "boxes-in-percent"
    or "boxes-in-per-mille".

    >>> corners = np.array([[x, y, x + 40, y + 30] for x in (5, 300, 590) for y in (5, 200, 440)],
    ...     float)
    >>> extent = np.full((9, 2), (640.0, 480.0))
    >>> box_format(corners, extent, slack(extent))
    'boxes-as-corners'
    """
    if len(boxes) < 2:
        return None
    low, size = boxes[:, :2], boxes[:, 2:]
    beyond = (low < -edge).any(1) | (low + size > extent + edge).any(1)
    strange = beyond.sum() >= 2 and beyond.mean() >= LEAST_BEYOND
    ordered = _nearly_all((size > low).all(1)) and _nearly_all(
        (low > -edge).all(1) & (size < extent + edge).all(1)
    )
    if ordered and ((strange and beyond.mean() > 0.05) or _move_together(low, size)):
        return "boxes-as-corners"
    for name, scale in SCALES.items():
        if _of_scale(boxes, extent, scale, strange and beyond.mean() > 0.05):
            return name
    right = (low + size > extent + edge).any(1)
    inside = ((low - size / 2 > -edge) & (low + size / 2 < extent + edge)).all(1)
    if strange and len(boxes) >= FEWEST and _nearly_all(inside) and (right == beyond).all():
        return "boxes-as-centers"
    return None


def _move_together(low, high):
    """Whether the last two numbers of a box follow the first two, as corners do: small boxes all
    over the image.
    """
    if len(low) < 30 or np.median(low / np.maximum(high, 1e-9)) < 0.6:
        return False
    return all(
        np.std(low[:, k]) > 0 and np.corrcoef(low[:, k], high[:, k])[0, 1] > 0.7 for k in (0, 1)
    )


def _of_scale(boxes, extent, scale, strange):
    """Whether boxes fill a square of `scale` and not their images."""
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    inside = (low >= -0.005 * scale).all(1) & (high <= 1.005 * scale).all(1)
    if not _nearly_all(inside) or len(boxes) < FEWEST_OF_SCALE:
        return False
    reach = high[inside].max(0).min() / scale
    if strange:  # read as pixels many leave the image
        return reach > 0.8
    spare = np.percentile(extent, 5, axis=0) / scale  # how much larger the images are, in x and y
    middle = (low + high).mean(0) / 2
    off = np.abs(middle / scale - 0.5).max()
    if spare.min() >= 2:  # only one corner of them would be used
        return reach > 0.8 and off < 0.25
    if spare.max() >= 1.8:  # only one half
        return len(boxes) >= 12 and reach > 0.9 and off < 0.15
    centered = off < 0.15 and (middle / np.median(extent, axis=0) < 0.45).all()
    return spare.min() >= 1.15 and len(boxes) >= 40 and reach > 0.95 and centered


def target_scale(boxes):
    """The unit of target boxes (T, 4) that are no fractions, some number of each being over 2.

    >>> target_scale(np.array([[64.0, 64.0, 20.0, 20.0]] * 3)), target_scale(np.array([[320.0,
    ...     100.0, 20.0, 20.0]]))
    ('boxes-in-percent', 'boxes-in-pixels')
    """
    if (boxes <= 100.5).all():
        return "boxes-in-percent"
    per_mille = len(boxes) >= FEWEST and (boxes <= 1005).all() and boxes[:, :2].max(0).min() > 700
    return "boxes-in-per-mille" if per_mille else "boxes-in-pixels"


def target_format(boxes):
    """What the boxes of targets are, if not (cx, cy, w, h).

    Args: boxes (T, 4), fractions of the image, finite and with sides over 0. Returns None, or the
    finding's name: "boxes-as-corners" or "boxes-as-left-top".

    >>> target_format(np.array([[0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.9, 0.9], [0.7, 0.1, 0.95, 0.4],
    ...     [0.2, 0.7, 0.4, 1]]))
    'boxes-as-corners'
    """
    if len(boxes) < 2:
        return None
    edge = FRACTION_EDGE
    center, size = boxes[:, :2], boxes[:, 2:]
    beyond = (center - size / 2 < -edge).any(1) | (center + size / 2 > 1 + edge).any(1)
    strange = beyond.sum() >= 2 and beyond.mean() >= LEAST_BEYOND
    ordered = _nearly_all((size > center).all(1) & (size <= 1 + edge).all(1))
    if ordered and ((strange and beyond.mean() > 0.05) or _move_together(center, size)):
        return "boxes-as-corners"
    left = (center - size / 2 < -edge).any(1)
    inside = ((center > -edge) & (center + size < 1 + edge)).all(1)
    if strange and len(boxes) >= FEWEST and _nearly_all(inside) and (left == beyond).all():
        return "boxes-as-left-top"
    return None


def _nearly_all(chosen):
    return chosen.mean() >= 1 - MOST_MISFITS
