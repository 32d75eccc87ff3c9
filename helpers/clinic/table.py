"""The columns of a data set: what every check of the clinic reads.

One row an annotation, no object a box.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Table:
    """A data set as arrays: I images, T annotations.

    `boxes` (T, 4) are as given: left, top, width, height in pixels for annotations as in COCO, or,
    if `normalized`, (cx, cy, w, h) as fractions of the image, as the loss takes them. `image` (T,)
    is a row of the images, -1 for an annotation whose image is not listed; `named_image` (T,) the
    id it gives. `sizes` (I, 2) are width and height in pixels, NaN where nobody said; 1 if
    `normalized`. `categories` are pairs (id, name), None where there is no list."""

    image_ids: np.ndarray
    sizes: np.ndarray
    annotation_ids: np.ndarray
    named_image: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    crowd: np.ndarray
    has_area: np.ndarray
    normalized: bool = False
    file_names: list = field(default_factory=list)
    categories: list | None = None
    image: np.ndarray = None
    image_modes: dict = field(
        default_factory=dict
    )  # by row: what Pillow calls the pixels, where images came along
    odd_labels: list = field(default_factory=list)  # rows of images whose labels are no int64

    def __post_init__(self):
        self.image = rows_of(self.named_image, self.image_ids)

    @property
    def corners(self):
        """Left, top, right, bottom (T, 4) of the boxes, if they are what they should be."""
        return self.corners_of(slice(None))

    def corners_of(self, rows):
        """The same of some rows."""
        boxes = self.boxes[rows]
        low = boxes[:, :2] - boxes[:, 2:] / 2 if self.normalized else boxes[:, :2]
        return np.concatenate([low, low + boxes[:, 2:]], axis=1)

    @property
    def extent(self):
        """Width and height of each annotation's image (T, 2); NaN where it is not known."""
        padded = np.concatenate([self.sizes, np.full((1, 2), np.nan)])
        return padded[self.image]  # -1 is the last row

    def objects_per_image(self, kept=None):
        """How many annotations each image has (I,), of those in the mask `kept`."""
        known = self.image >= 0 if kept is None else (self.image >= 0) & kept
        return np.bincount(self.image[known], minlength=len(self.image_ids))


def rows_of(ids, known):
    """For each id its place among the known ones, -1 where it is not among them.

    >>> rows_of(np.array([7, 5, 6]), np.array([5, 7]))
    array([ 1,  0, -1])
    """
    if not len(known) or not len(ids):
        return np.full(len(ids), -1)
    low, high = int(known.min()), int(known.max())
    if high - low < 10 * len(known):  # numbered nearly without gaps: look up
        place = np.full(high - low + 2, -1)
        place[known[::-1] - low] = np.arange(len(known))[::-1]  # the first of equal ones
        return place[np.where((ids >= low) & (ids <= high), ids - low, -1)]
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known, ids, sorter=order), len(known) - 1)
    rows = order[place]
    return np.where(known[rows] == ids, rows, -1)
